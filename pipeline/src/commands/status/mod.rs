//! `fuma status`: who holds which partition, in which state, and how far it is behind.
//!
//! ```text
//! source   what the log says: Kafka's, or a folder's
//! table    the answer for people
//! ```
//!
//! Asks the log alone: also when no process runs, or none answers. Owns the arguments and the exit code; the answer is
//! `live::status`'s.

#[cfg(feature = "kafka")]
mod source;
#[cfg(feature = "kafka")]
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

#[cfg(feature = "kafka")]
pub(super) use self::source::watching;
use super::CommandError;
use super::kafka::KafkaArguments;
use super::screen::Screen;

/// The arguments of `fuma status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct StatusArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// Consumer group of the service; without it as configured (FUMA_GROUP), else "fuma"
    #[arg(long, value_name = "NAME", conflicts_with = "state")]
    group: Option<String>,
    /// Without Kafka: the --state folder of `fuma run`, running or ended
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    state: Option<PathBuf>,
    /// One JSON object: installation, policy, switch, coming, publications, holds, withheld, processes, partitions,
    /// parked
    #[arg(long)]
    json: bool,
    /// Exit with 1 unless every partition is owned, and trace is not parked
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma status --state fuma-state
  fuma status --bootstrap localhost:9092
  fuma status --bootstrap localhost:9092 --json | jq '.parked'
  fuma status --check && echo every partition is owned

States: owned (judged and committed), restoring (being read), parked (not committed, with a reason), unowned (no process
has it, or none was heard of for 30 s). LAG: records that are not committed. WAITS: for how long the oldest of them.";

/// Asks the log, and prints what it says.
///
/// # Errors
/// When there is no log, or it does not answer.
#[cfg(feature = "kafka")]
pub fn run(arguments: &StatusArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    use crate::live::worker::clock::{SystemWall, Wall as _};

    let seen = source::seen(arguments)?;
    let answer = crate::live::status::answer::answer(&seen, SystemWall::default().now());
    let text = match arguments.json {
        true => serde_json::to_string(&answer).map_err(|error| CommandError::Other(error.to_string()))? + "\n",
        false => table::text(&answer),
    };
    screen.print(&text)?;
    let is_owned = answer.parked.is_empty() && answer.partitions.iter().all(|partition| partition.state == "owned");
    Ok(if arguments.check && !is_owned { ExitCode::from(super::FAILED) } else { ExitCode::SUCCESS })
}

/// This build has no Kafka client.
///
/// # Errors
/// Always.
#[cfg(not(feature = "kafka"))]
pub fn run(_: &StatusArguments, _: &Screen) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}
