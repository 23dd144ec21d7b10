//! `fuma tail`: the changes as they are announced, one line each.
//!
//! Owns when it ends; the lines are `line`'s, the delays `lag`'s. Reads only what was committed, and leaves no trace.

#[cfg(feature = "kafka")]
mod lag;
#[cfg(feature = "kafka")]
mod line;
#[cfg(feature = "kafka")]
mod source;

use std::process::ExitCode;

use clap::Args;

use super::CommandError;
use super::kafka::KafkaArguments;
use super::screen::Screen;

/// The arguments of `fuma tail`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TailArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// Without Kafka: the --state folder of `fuma run`, running or ended
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    state: Option<std::path::PathBuf>,
    /// Each change as JSON, like a line of changes.ndjson
    #[arg(long)]
    json: bool,
    /// Begin with the first change that is kept, not with the next one
    #[arg(long)]
    from_beginning: bool,
    /// Stop after so many changes
    #[arg(long, value_name = "N")]
    max: Option<u64>,
    /// Stop when no change has come for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    until_idle: Option<std::time::Duration>,
    /// At the end, show how long after its record each change came here, by this machine's clock
    #[arg(long, conflicts_with = "from_beginning")]
    lag: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma tail --state fuma-state
  fuma tail --bootstrap localhost:9092 --from-beginning --until-idle 5 --json

Columns: when it was decided, the person's token, colour before -> after, rules that hold, -rules that ended, and how
long after the record that caused it the change was written.";

#[cfg(feature = "kafka")]
const NOWHERE: &str = "no log is named: give --bootstrap host:port (or set FUMA_BOOTSTRAP) of a service on Kafka, or \
                       the --state DIR of one without";

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give a number of seconds, like 5 or 0.5".to_owned())
}

/// Shows changes until it is to end, or nobody reads any more.
///
/// # Errors
/// When Kafka does not answer, or there is no such topic.
#[cfg(feature = "kafka")]
pub fn run(arguments: &TailArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let mut source = match &arguments.state {
        Some(dir) => source::Changes::of_folder(dir, arguments.from_beginning)?,
        None => {
            let kafka = arguments.kafka.configuration()?.kafka;
            if kafka.bootstrap.is_none() {
                return Err(CommandError::Input(NOWHERE.to_owned()));
            }
            source::Changes::of_kafka(&arguments.kafka.connection_of(&kafka)?, arguments.from_beginning)?
        }
    };
    let mut lags = lag::Lags::default();
    let mut shown = Ok(());
    screen.write(|out| match show(arguments, &mut source, &mut lags, out) {
        Ok(written) => written,
        Err(error) => {
            shown = Err(error);
            Ok(())
        }
    })?;
    shown?;
    if arguments.lag {
        screen.remark(&lags.summary())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows changes; within, whether they could be written.
#[cfg(feature = "kafka")]
fn show(
    arguments: &TailArguments,
    source: &mut source::Changes,
    lags: &mut lag::Lags,
    out: &mut dyn std::io::Write,
) -> Result<std::io::Result<()>, CommandError> {
    use std::time::{Duration, Instant};

    const WAIT: Duration = Duration::from_millis(100);
    #[expect(clippy::disallowed_methods, reason = "how long it has been idle")]
    let clock = Instant::now();
    let (mut shown, mut last) = (0, Duration::ZERO);
    let mut text = Vec::new();
    while arguments.max.is_none_or(|max| shown < max) {
        // What has been read is shown before waiting for more.
        let mut found = source.poll(Duration::ZERO)?;
        if found.is_none() {
            if let Err(error) = out.flush() {
                return Ok(Err(error));
            }
            found = source.poll(WAIT)?;
        }
        if let Some(change) = found {
            lags.add(now(), change.header("ce_causetime"));
            text.clear();
            if arguments.json {
                line::json(&change, &mut text)
            } else {
                line::readable(&change, &mut text)
            }
            if let Err(error) = out.write_all(&text) {
                return Ok(Err(error));
            }
            (shown, last) = (shown + 1, clock.elapsed());
        } else if arguments.until_idle.is_some_and(|idle| clock.elapsed().saturating_sub(last) >= idle) {
            break;
        }
    }
    Ok(out.flush())
}

#[cfg(feature = "kafka")]
fn now() -> fuma_schemas::Instant {
    #[expect(clippy::disallowed_methods, reason = "when a change came")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    fuma_schemas::Instant(now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0)))
}

/// Says that this build cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "kafka"))]
pub fn run(_: &TailArguments, _: &Screen) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}
