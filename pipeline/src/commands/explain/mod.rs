//! `fuma explain`: why a person has a colour, what would end it, and what does not count.
//!
//! Owns the way to a person: by token, or by a certificate number that is hashed at once. Must never store, echo or
//! log a number.

mod certificate;

use std::io::{self, Write as _};

use clap::Args;
use fuma_schemas::{Instant, Person};

use super::CommandError;
use super::input::{self, FeedArguments};
use super::policy::Language as Shown;
use crate::assess::AssessError;
use crate::explain::{self, Known, Language};
use crate::replay::{self, Options, ReplayError, Silent, Source, Tick};

/// The arguments of `fuma explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// The person's token, 32 hex digits
    #[arg(value_name = "PERSON", value_parser = person, required_unless_present = "cert_type")]
    person: Option<Person>,
    /// The type of a certificate whose number is asked for, or read from standard input: 10 resident ID, 14, 15, 20,
    /// 34, 99
    #[arg(long, value_name = "TYPE", conflicts_with = "person", value_parser = certificate::cert_type)]
    cert_type: Option<String>,
    #[command(flatten)]
    feeds: FeedArguments,
    /// As known at this instant (RFC 3339); without it at the last record
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Option<Instant>,
    /// The language of the account
    #[arg(long, value_enum, default_value_t = Shown::En)]
    lang: Shown,
}

/// Explains a person.
///
/// # Errors
/// When an input is unusable.
pub fn run(arguments: &ExplainArguments) -> Result<(), CommandError> {
    let (sources, options) = arguments.feeds.checked(arguments.at, any_tick()?)?;
    let person = match (&arguments.cert_type, arguments.person) {
        (Some(cert_type), _) => certificate::ask(&input::key(arguments.feeds.key_file.as_deref())?, cert_type)
            .map_err(CommandError::Other)?,
        (None, Some(person)) => person,
        (None, None) => return Err(CommandError::Other("give a person's token, or --cert-type".to_string())),
    };
    let text = account(&sources, &options, person, arguments.lang)?;
    // Whoever closed the pipe has seen enough.
    drop(io::stdout().lock().write_all(text.as_bytes()));
    Ok(())
}

fn account(sources: &[Source], options: &Options, person: Person, shown: Shown) -> Result<String, CommandError> {
    let (finished, at) = replay::known(sources, options, &Silent)?;
    let Some(at) = at else {
        return Err(CommandError::Other("the feeds hold no accepted record: nothing is known of anybody".to_string()));
    };
    let account = explain::account(&Known::of(&finished, &options.pack, at), person).map_err(failed)?;
    let languages: &[Language] = match shown {
        Shown::Zh => &[Language::Chinese],
        Shown::En => &[Language::English],
        Shown::Both => &[Language::Chinese, Language::English],
    };
    let texts: Vec<String> = languages.iter().map(|language| explain::render(&account, *language)).collect();
    Ok(texts.join("\n"))
}

/// That rules could not be executed, as the error of a command.
pub(super) fn failed(error: AssessError) -> CommandError {
    CommandError::Replay(ReplayError::Assess(error))
}

/// A tick where none is looked at.
pub(super) fn any_tick() -> Result<Tick, CommandError> {
    Tick::new(1).ok_or_else(|| CommandError::Other("a millisecond is no tick; please report this".to_string()))
}

fn person(text: &str) -> Result<Person, String> {
    Person::parse(text).ok_or_else(|| "give 32 hex digits; for a certificate use --cert-type".to_string())
}
