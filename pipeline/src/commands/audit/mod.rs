//! `fuma audit`: who looked whom up, what for, and when.
//!
//! Asks the log alone, also when no process runs. Owns the arguments and the lines; the records are those of
//! `http::api::audit`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use fuma_schemas::{Instant, Person};

use super::CommandError;
use super::input;
use super::kafka::KafkaArguments;
use super::screen::Screen;
use crate::http::api::audit::{AuditRecord, Line};

/// The arguments of `fuma audit`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct AuditArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// Without Kafka: the --state folder of `fuma run`, running or ended
    #[arg(long, value_name = "DIR", conflicts_with = "bootstrap")]
    state: Option<PathBuf>,
    /// Look-ups since this instant, or the midnight of a date; without it those of the last 24 hours
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    since: Option<Instant>,
    /// Look-ups of this person alone, by token
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    person: Option<Person>,
    /// Look-ups by this client alone
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma audit --state fuma-state
  fuma audit --bootstrap localhost:9092 --since 2022-11-30
  fuma audit --bootstrap localhost:9092 --person 9f0c4b2a9f0c4b2a9f0c4b2a9f0c4b2a --json

A look-up is written within a second or two, and stays for half a year (docs/api.md).";

fn token(text: &str) -> Result<Person, String> {
    Person::parse(text).ok_or_else(|| "give the token of a person, 32 lower-case hex digits".to_owned())
}

/// The look-ups that are asked for, of a record; a record that is none is passed over.
fn lines(arguments: &AuditArguments, value: &[u8]) -> Vec<Line> {
    let record: AuditRecord = match serde_json::from_slice(value) {
        Ok(record) => record,
        Err(_) => return Vec::new(),
    };
    let person = arguments.person.map(|person| person.to_string());
    let is_wanted = |line: &Line| {
        person.as_ref().is_none_or(|person| *person == line.person)
            && arguments.client.as_ref().is_none_or(|client| *client == line.client)
    };
    record.lookups.into_iter().filter(is_wanted).collect()
}

fn text(arguments: &AuditArguments, line: &Line) -> String {
    if arguments.json {
        return serde_json::to_string(line).unwrap_or_default() + "\n";
    }
    let purpose = line.purpose.as_deref().unwrap_or("-");
    format!("{}  {}  {}  {}  {}  {purpose}\n", line.at, line.client, line.role, line.act, line.person)
}

/// Prints the look-ups.
///
/// # Errors
/// When there is no log, or it does not answer.
#[cfg(feature = "kafka")]
pub fn run(arguments: &AuditArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    use fuma_connectors::log::Topic;

    use crate::live::worker::clock::{SystemWall, Wall as _};

    let since = arguments.since.unwrap_or(Instant(SystemWall::default().now().0 - fuma_schemas::instant::DAY_MS));
    let mut watching = super::status::watching(&arguments.kafka, arguments.state.as_deref())?;
    let mut printed = Ok(());
    watching.read_since(Topic::Audit, since, &mut |entry| {
        for line in lines(arguments, &entry.value) {
            if printed.is_ok() {
                printed = screen.print(&text(arguments, &line));
            }
        }
        printed.is_ok()
    })?;
    printed?;
    Ok(ExitCode::SUCCESS)
}

/// This build has no Kafka client.
///
/// # Errors
/// Always.
#[cfg(not(feature = "kafka"))]
pub fn run(_: &AuditArguments, _: &Screen) -> Result<ExitCode, CommandError> {
    Err(super::kafka::missing())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        audit: AuditArguments,
    }

    fn arguments(line: &str) -> AuditArguments {
        Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string()).unwrap().audit
    }

    fn look_up(client: &str, person: u8, purpose: Option<&str>) -> Line {
        Line {
            at: "2022-11-30T08:00:00+08:00".to_owned(),
            client: client.to_owned(),
            role: "official".to_owned(),
            act: "look".to_owned(),
            person: Person([person; 16]).to_string(),
            purpose: purpose.map(str::to_owned),
        }
    }

    #[test]
    fn those_who_are_asked_for_are_shown() {
        let record =
            AuditRecord { process: "p".into(), lookups: vec![look_up("a", 1, Some("call-1")), look_up("b", 2, None)] };
        let value = serde_json::to_vec(&record).unwrap();
        let shown = |line: &str| {
            let arguments = arguments(line);
            lines(&arguments, &value).iter().map(|line| text(&arguments, line)).collect::<String>()
        };
        let [one, two] = ["01", "02"].map(|byte| byte.repeat(16));
        let first = format!("2022-11-30T08:00:00+08:00  a  official  look  {one}  call-1\n");
        let second = format!("2022-11-30T08:00:00+08:00  b  official  look  {two}  -\n");
        assert_eq!(shown("fuma"), first.clone() + &second);
        assert_eq!((shown("fuma --client a"), shown(&format!("fuma --person {two}"))), (first, second));
        assert!(shown("fuma --json --client b").starts_with("{\"at\":"));
        assert_eq!(lines(&arguments("fuma"), b"no record"), []);
    }
}
