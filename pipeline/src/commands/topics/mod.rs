//! `fuma topics`: makes the topics that are missing, and tells what differs from what fuma relies on; records the
//! installation of logs that an older build wrote.
//!
//! Owns what is printed. Must never change or delete a topic, nor make one again that colours hang on.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::CommandError;
use super::kafka::KafkaArguments;
use super::screen::Screen;

/// The arguments of `fuma topics`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  fuma topics create --bootstrap localhost:9092 --partitions 8\n  fuma topics check"
)]
pub struct TopicsArguments {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum TopicsCommand {
    /// Create the topics that are missing; existing ones stay as they are
    Create(CreateArguments),
    /// Show what is missing or differs, in settings and from the record of the installation; exit code 1 if anything
    /// does
    Check(CheckArguments),
    /// Record the installation of logs that an older build wrote, after comparing them; exit code 4 if they contradict
    /// each other
    Adopt(AdoptArguments),
}

#[derive(Args, Clone, Debug)]
struct CreateArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// Partitions of evidence and changes, which cannot be changed later; a feed and its dead letters get a quarter of
    /// them. Without it as configured, else 8
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: Option<u32>,
    /// Copies of each partition; without it as configured, else 3, or as many as there are brokers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    replication_factor: Option<u32>,
    /// Create these topics again although the installation has them, and they were deleted: only those that no colour
    /// hangs on (feeds, dead letters, clock, status), by their whole names, with commas
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    again: Vec<String>,
}

#[derive(Args, Clone, Debug)]
struct AdoptArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// The file with the key of the person tokens, 64 hex digits; wins over FUMA_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// The consumer group of the processes (FUMA_GROUP)
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Without Kafka: the folder with the log (FUMA_STATE)
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
}

#[derive(Args, Clone, Debug)]
struct CheckArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// How many partitions evidence and changes should have; without it any number, the same in both
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
}

/// Makes or checks the topics.
///
/// # Errors
/// When Kafka does not answer or refuses.
#[cfg(feature = "kafka")]
pub fn run(arguments: &TopicsArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    live::run(&arguments.command, screen)
}

/// Says that this build cannot.
///
/// # Errors
/// Always.
#[cfg(not(feature = "kafka"))]
pub fn run(_: &TopicsArguments, _: &Screen) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}

#[cfg(feature = "kafka")]
mod live;
