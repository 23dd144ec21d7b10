//! `fuma tail`: the changes as they are announced, one line each.
//!
//! Owns when it ends; the lines are `line`'s, the delays `lag`'s. Reads only what was committed, and leaves nothing
//! behind.

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

/// The arguments of `fuma tail`.
#[derive(Args, Clone, Debug)]
pub struct TailArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// Without Kafka: the --state folder of `fuma run`, or of one that has ended
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    state: Option<std::path::PathBuf>,
    /// The change as JSON, as in a line of changes.ndjson
    #[arg(long)]
    json: bool,
    /// From the first change that is kept, not from now on
    #[arg(long)]
    from_beginning: bool,
    /// End after so many changes
    #[arg(long, value_name = "N")]
    max: Option<u64>,
    /// End when for so many seconds no change came
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    until_idle: Option<std::time::Duration>,
    /// Tell at the end how long after the records behind them the changes came here, by this machine's clock
    #[arg(long, conflicts_with = "from_beginning")]
    lag: bool,
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give a number of seconds".to_owned())
}

/// Shows changes until it is to end, or nobody reads any more.
///
/// # Errors
/// When Kafka does not answer, or there is no such topic.
#[cfg(feature = "kafka")]
pub fn run(arguments: &TailArguments) -> Result<ExitCode, CommandError> {
    use std::io::{self, BufWriter, Write as _};

    let mut source = match &arguments.state {
        Some(dir) => source::Changes::of_folder(dir, arguments.from_beginning)?,
        None => source::Changes::of_kafka(&arguments.kafka.connection()?, arguments.from_beginning)?,
    };
    let mut lags = lag::Lags::default();
    // Whoever closed the pipe has seen enough.
    drop(show(arguments, &mut source, &mut lags, &mut BufWriter::with_capacity(1 << 16, io::stdout().lock()))?);
    if arguments.lag {
        drop(io::stderr().lock().write_all(lags.summary().as_bytes()));
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
pub fn run(_: &TailArguments) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}
