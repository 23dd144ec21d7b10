//! `fuma topics`: makes the topics that are missing, and tells what differs from what fuma relies on.
//!
//! Owns what is printed. Must never change or delete a topic.

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
    /// Show what is missing or differs; exit code 1 if anything does
    Check(CheckArguments),
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
mod live {
    use std::process::ExitCode;

    use fuma_connectors::kafka::admin::{Admin, Difference, Layout};

    use super::{CheckArguments, CreateArguments, TopicsCommand};
    use crate::commands::CommandError;
    use crate::commands::screen::Screen;

    pub(super) fn run(command: &TopicsCommand, screen: &Screen) -> Result<ExitCode, CommandError> {
        let (text, code) = match command {
            TopicsCommand::Create(arguments) => create(arguments)?,
            TopicsCommand::Check(arguments) => check(arguments)?,
        };
        screen.print(&text)?;
        Ok(code)
    }

    fn create(arguments: &CreateArguments) -> Result<(String, ExitCode), CommandError> {
        let configured = arguments.kafka.configuration()?.kafka;
        let admin = Admin::new(&arguments.kafka.connection_of(&configured)?)?;
        let partitions = arguments.partitions.unwrap_or(configured.partitions_new());
        let replication_factor = arguments.replication_factor.or(configured.replication_factor_new());
        let layout = Layout { partitions, replication_factor };
        let creation = admin.create(layout)?;
        let mut text: String = creation.created.iter().map(|name| format!("created {name}\n")).collect();
        let (created, existed) = (creation.created.len(), creation.existed.len());
        text.push_str(&format!("created {created} topics; {existed} existed already\n"));
        let differences = if existed > 0 { admin.check(Some(partitions))? } else { Vec::new() };
        if !differences.is_empty() {
            text.push_str("existing topics were not changed, but these settings differ:\n");
            text.push_str(&table(&differences));
        }
        Ok((text, ExitCode::SUCCESS))
    }

    fn check(arguments: &CheckArguments) -> Result<(String, ExitCode), CommandError> {
        let differences = Admin::new(&arguments.kafka.connection()?)?.check(arguments.partitions)?;
        if differences.is_empty() {
            return Ok(("all topics exist and have the required settings\n".to_owned(), ExitCode::SUCCESS));
        }
        let mut text = table(&differences);
        if differences.iter().any(|difference| difference.setting == "topic") {
            text.push_str("\nTo create what is missing: fuma topics create\n");
        }
        Ok((text, ExitCode::from(crate::commands::FAILED)))
    }

    fn table(differences: &[Difference]) -> String {
        let heading = ["topic", "setting", "expected", "found"].map(str::to_owned);
        let of =
            |line: &Difference| [line.topic.clone(), line.setting.clone(), line.expected.clone(), line.found.clone()];
        let lines: Vec<[String; 4]> = std::iter::once(heading).chain(differences.iter().map(of)).collect();
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let (topic, setting, expected) = (width(0), width(1), width(2));
        let text = |[a, b, c, d]: &[String; 4]| format!("{a:topic$}  {b:setting$}  {c:expected$}  {d}\n");
        lines.iter().map(text).collect()
    }
}
