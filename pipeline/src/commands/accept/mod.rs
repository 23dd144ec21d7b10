//! `fuma accept`: an operator's word that lets one parked partition go on.
//!
//! ```text
//! Kafka    a record of the log of decisions
//! folder   a file in <state>/words, which the process with the folder takes up: nobody else may write to its log
//! ```
//!
//! Owns what may be said. Must never touch a partition: its owner does, and uses the word up.

use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandError;
use super::kafka::KafkaArguments;
use super::screen::Screen;
use crate::live::decisions::Accepted;
use crate::live::partitions::{LINKS, ParkReason, write_word};

/// The arguments of `fuma accept`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct AcceptArguments {
    /// Why the partition is parked: differences, clock-ahead, link-not-judged or links-missing
    #[arg(value_parser = reason)]
    reason: ParkReason,
    /// The partition; of the link log 0
    partition: u32,
    /// What was looked at, as the log of `fuma run` names it: another state has another digest
    #[arg(value_parser = digest)]
    digest: String,
    /// Without Kafka: the state folder of `fuma run`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bootstrap", "prefix"])]
    state: Option<PathBuf>,
    #[command(flatten)]
    kafka: KafkaArguments,
}

const EXAMPLES: &str = "\
The line of the log that says `parked` has the whole command. The word is for one state of one partition: its owner uses
it up, within some seconds. Other reasons need no word: what helps is in the same line.

Examples:
  fuma accept differences 3 0f3a55b19c20d7e1 --bootstrap localhost:9092
  fuma accept clock-ahead 0 51d2c04477ab93ef --state fuma-state";

fn reason(text: &str) -> Result<ParkReason, String> {
    let acceptable = || ParkReason::ALL.iter().filter(|reason| reason.is_acceptable());
    let named = || acceptable().map(|reason| reason.code()).collect::<Vec<_>>().join(" or ");
    match ParkReason::parse(text) {
        Some(reason) if reason.is_acceptable() => Ok(reason),
        Some(reason) => Err(format!("a word does not help here: {}", reason.advice())),
        None => Err(format!("give {}", named())),
    }
}

fn digest(text: &str) -> Result<String, String> {
    let is_right = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_right { Ok(text.to_owned()) } else { Err("give the 16 digits of the line that says `parked`".to_owned()) }
}

/// Writes the word.
///
/// # Errors
/// When it cannot be written.
pub fn run(arguments: &AcceptArguments, screen: &Screen) -> Result<(), CommandError> {
    if arguments.reason.is_of_links() && arguments.partition != LINKS {
        let reason = arguments.reason;
        return Err(CommandError::Input(format!("{reason} is of the link log, which has one partition: give {LINKS}")));
    }
    let accepted = Accepted {
        reason: arguments.reason.code().to_owned(),
        partition: arguments.partition,
        digest: arguments.digest.clone(),
        at: now_ms(),
    };
    match &arguments.state {
        Some(state) => in_folder(state, &accepted)?,
        None => on_kafka(arguments, accepted)?,
    }
    let (reason, partition) = (arguments.reason, arguments.partition);
    screen.print(&format!(
        "accepted {reason} of partition {partition}: its owner goes on within some seconds, if that is what is there\n"
    ))?;
    Ok(())
}

fn in_folder(state: &Path, accepted: &Accepted) -> Result<(), CommandError> {
    if !state.join("log").is_dir() {
        let path = state.display();
        return Err(CommandError::Input(format!("{path}: no log here: give the --state folder of `fuma run`")));
    }
    let written = write_word(state, accepted);
    written.map_err(|source| CommandError::Write { path: state.join("words"), source })
}

#[cfg(feature = "kafka")]
fn on_kafka(arguments: &AcceptArguments, accepted: Accepted) -> Result<(), CommandError> {
    use fuma_connectors::kafka::{KafkaLog, KafkaSettings};
    use fuma_connectors::log::Log as _;

    use crate::live::decisions::DecisionLog;

    let config = arguments.kafka.configuration()?;
    // Asks for a broker first, so that a refused connection is told at once.
    arguments.kafka.connection_of(&config.kafka)?;
    let bootstrap = config.kafka.bootstrap.as_deref().unwrap_or_default();
    let mut settings = KafkaSettings::new(bootstrap, config.group.as_str());
    settings.prefix.clone_from(&config.kafka.prefix);
    let given = arguments.kafka.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
    settings.client =
        config.kafka.client.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(given).collect();
    let log = KafkaLog::connect(settings)?;
    let partitions = log.partitions();
    if accepted.partition >= partitions {
        let partition = accepted.partition;
        return Err(CommandError::Input(format!("there is no partition {partition}: there are {partitions}, from 0")));
    }
    let failed = |error: crate::live::decisions::DecisionError| CommandError::Other(error.to_string());
    let decisions = DecisionLog::open(&log).map_err(failed)?;
    if decisions.installation().is_none() {
        let prefix = &config.kafka.prefix;
        return Err(CommandError::Input(format!("no installation is there under the prefix {prefix}: see --prefix")));
    }
    decisions.accept(accepted).map_err(failed)
}

#[cfg(not(feature = "kafka"))]
fn on_kafka(_: &AcceptArguments, _: Accepted) -> Result<(), CommandError> {
    Err(super::kafka::missing())
}

#[expect(clippy::disallowed_methods, reason = "when an operator said so, for people")]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;

    use super::*;
    use crate::live::partitions::take_words;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: AcceptArguments,
    }

    fn parsed(line: &str) -> Result<AcceptArguments, String> {
        let words = std::iter::once("accept").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_word_does_not_help_is_refused_with_what_does() {
        let refused = parsed("no-leader 3 0f3a55b19c20d7e1 --state x").unwrap_err();
        assert!(refused.contains(ParkReason::NoLeader.advice()), "{refused}");
        let refused = parsed("nonsense 3 0f3a55b19c20d7e1 --state x").unwrap_err();
        assert!(refused.contains("clock-ahead or differences"), "{refused}");
        let refused = parsed("differences 3 0f3a --state x").unwrap_err();
        assert!(refused.contains("16 digits"), "{refused}");
        assert!(parsed("differences 3 0f3a55b19c20d7e1 --state x --bootstrap y").is_err());
    }

    /// The command as the log names it, in a folder: the owner of the folder takes the word up, once.
    #[test]
    fn in_a_folder_the_word_waits_for_the_owner_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = parsed(&format!("differences 3 0f3a55b19c20d7e1 --state {}", folder.path().display())).unwrap();
        let accepted = Accepted { reason: "differences".into(), partition: 3, digest: arguments.digest, at: 7 };
        assert!(in_folder(folder.path(), &accepted).unwrap_err().to_string().contains("--state"));
        std::fs::create_dir(folder.path().join("log")).unwrap();
        in_folder(folder.path(), &accepted).unwrap();
        std::fs::write(folder.path().join("words").join("half"), b"{").unwrap();
        let mut taken = Vec::new();
        take_words(folder.path(), &mut |word| {
            taken.push(word);
            true
        });
        assert_eq!(taken, [accepted]);
        take_words(folder.path(), &mut |_| panic!("twice"));
    }
}
