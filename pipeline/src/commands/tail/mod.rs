//! `fuma tail`: the changes as they are announced, one line each.
//!
//! Owns when it ends; the lines are [`line`]'s. Reads only what was committed, and leaves nothing behind.

#[cfg(feature = "kafka")]
mod line;

use std::process::ExitCode;

use clap::Args;

use super::CommandError;
use super::kafka::KafkaArguments;

/// The arguments of `fuma tail`.
#[derive(Args, Clone, Debug)]
pub struct TailArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
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
    use std::time::{Duration, Instant};

    use fuma_connectors::kafka::ChangeReader;

    const WAIT: Duration = Duration::from_millis(100);
    let reader = ChangeReader::new(&arguments.kafka.connection()?, arguments.from_beginning)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    #[expect(clippy::disallowed_methods, reason = "how long it has been idle")]
    let clock = Instant::now();
    let (mut shown, mut last) = (0, Duration::ZERO);
    let mut text = Vec::new();
    while arguments.max.is_none_or(|max| shown < max) {
        // What has been read is shown before waiting for more.
        let found = match reader.poll(Duration::ZERO)? {
            Some(change) => Some(change),
            None if out.flush().is_err() => return Ok(ExitCode::SUCCESS),
            None => reader.poll(WAIT)?,
        };
        if let Some(change) = found {
            text.clear();
            if arguments.json {
                line::json(&change, &mut text)
            } else {
                line::readable(&change, &mut text)
            }
            // Whoever closed the pipe has seen enough.
            if out.write_all(&text).is_err() {
                return Ok(ExitCode::SUCCESS);
            }
            (shown, last) = (shown + 1, clock.elapsed());
        } else if arguments.until_idle.is_some_and(|idle| clock.elapsed().saturating_sub(last) >= idle) {
            break;
        }
    }
    drop(out.flush());
    Ok(ExitCode::SUCCESS)
}

/// Says that this build cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "kafka"))]
pub fn run(_: &TailArguments) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}
