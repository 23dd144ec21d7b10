//! `fuma send`: feed files, standard input, or dead letters again, to the topics of the feeds.
//!
//! ```text
//! input      which files, of which feed
//! sender     one record after another: pace, progress, what is acknowledged
//! resume     what of each file is acknowledged, in a file
//! pace       records a second
//! letters    dead letters, again
//! ```
//!
//! Owns the arguments and the summary. A record goes as it stands: whether it is good, intake says.

#[cfg(feature = "kafka")]
mod input;
#[cfg(feature = "kafka")]
mod letters;
#[cfg(feature = "kafka")]
mod pace;
#[cfg(feature = "kafka")]
mod resume;
#[cfg(feature = "kafka")]
mod sender;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::CommandError;
use super::kafka::KafkaArguments;
use super::screen::Screen;

/// The arguments of `fuma send`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SendArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// `FEED FILE...`, `FEED -` for standard input, or folders and files that are named after their feed, like
    /// tests.ndjson or tests-2022-11-30.csv (.ndjson, .ndjson.gz, .ndjson.zst, .csv, .parquet). With --dead-letters:
    /// feeds; without one, all
    #[arg(value_name = "FEED|PATH")]
    what: Vec<String>,
    /// At most this many records a second
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Note in this file what has been acknowledged; a second start with the same file continues after it. A file that
    /// was changed or replaced meanwhile is sent again as a whole
    #[arg(long, value_name = "FILE", conflicts_with = "dead_letters")]
    resume: Option<PathBuf>,
    /// Send dead letters to their feeds again, each once, after the cause was fixed
    #[arg(long)]
    dead_letters: bool,
    /// Only dead letters with this code, like unknown-owner; may be repeated
    #[arg(long, value_name = "CODE", requires = "dead_letters")]
    code: Vec<String>,
    /// The group of the service (FUMA_GROUP): GROUP.dead-letters remembers which letters have been sent again
    #[arg(long, value_name = "GROUP", requires = "dead_letters")]
    group: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  fuma send --bootstrap localhost:9092 feeds
  fuma send tests results-2021-11-08.csv --rate 1000 --resume tests.sent
  zcat cases.gz | fuma send cases -
  fuma send --dead-letters cases --code unknown-owner";

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "give a number of records a second above 0".to_owned())
}

/// Sends what is asked for; 1 where a row could not be read as a record, 130 where somebody stopped it.
///
/// # Errors
/// When an input cannot be read, or Kafka does not take it.
#[cfg(feature = "kafka")]
pub fn run(arguments: &SendArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    if arguments.dead_letters { letters::run(arguments, screen) } else { sender::run(arguments, screen) }
}

/// Sends feed files, and notes in a file what is acknowledged of them.
///
/// # Errors
/// As [`run`].
#[cfg(feature = "kafka")]
pub(super) fn files(
    kafka: &KafkaArguments,
    files: &[PathBuf],
    resume: &std::path::Path,
    screen: &Screen,
) -> Result<ExitCode, CommandError> {
    let arguments = SendArguments {
        kafka: kafka.clone(),
        what: files.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        rate: None,
        resume: Some(resume.to_owned()),
        dead_letters: false,
        code: Vec::new(),
        group: None,
    };
    sender::run(&arguments, screen)
}

/// Says that this build cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "kafka"))]
pub fn run(_: &SendArguments, _: &Screen) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}
