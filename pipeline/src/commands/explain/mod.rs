//! `fuma explain`: why a person has a colour, what would end it, and what does not count.
//!
//! Owns the way to a person: by token, or by a certificate number that is hashed at once. Must never store, echo or
//! log a number.

mod certificate;

use std::process::ExitCode;

use clap::Args;
use fuma_schemas::{Instant, Person};

use super::input::{self, FeedArguments};
use super::policy::Language as Shown;
use super::screen::Screen;
use super::{CommandError, UNKNOWN, chinese, progress};
use crate::admission::Drafts;
use crate::assess::AssessError;
use crate::explain::{self, Account, Inputs, Known, Language};
use crate::replay::{self, Options, ReplayError, Source, Tick};

/// The arguments of `fuma explain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArguments {
    /// The person's token, 32 hex digits
    #[arg(value_name = "PERSON", required_unless_present = "cert_type")]
    person: Option<String>,
    /// Instead of a token: the type of a certificate. Its number is asked for, or read from standard input; never give
    /// it on the command line. 10 resident ID, 14, 15, 20, 34, 99
    #[arg(long, value_name = "TYPE", value_parser = certificate::cert_type)]
    cert_type: Option<String>,
    #[command(flatten)]
    feeds: FeedArguments,
    /// As known at this instant, or at the first midnight of a date; without it at the last record
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Option<Instant>,
    /// The language of the account and of errors
    #[arg(long, value_enum, default_value_t = Shown::En)]
    lang: Shown,
    /// The account as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma explain --policy zhejiang-2020-109 --feeds feeds --key-file key 9f0c4b2a9f0c4b2a9f0c4b2a9f0c4b2a
  fuma explain --policy zhejiang-2020-109 --feeds feeds --key-file key --cert-type 10 --lang zh
  fuma explain --policy ./mine --feeds feeds --key-file key --at 2021-11-20 --json TOKEN

`fuma tail`, `fuma overdue` and changes.ndjson show tokens.";

/// Explains a person; [`UNKNOWN`] where nothing is known of the person.
///
/// # Errors
/// When an input is unusable.
pub fn run(arguments: &ExplainArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    explained(arguments, screen).map_err(|error| match arguments.lang {
        Shown::Zh => chinese::error(error),
        Shown::En | Shown::Both => error,
    })
}

fn explained(arguments: &ExplainArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    // Before the feeds are read: what is wrong with the person is said at once.
    let given = arguments.person.as_deref().map(|text| person(text, arguments.cert_type.is_some())).transpose()?;
    let (sources, options) = arguments.feeds.checked(arguments.at, any_tick()?, Drafts::Taken, screen)?;
    let person = match (&arguments.cert_type, given) {
        (Some(cert_type), _) => certificate::ask(&input::key(arguments.feeds.key_file.as_deref())?, cert_type)
            .map_err(CommandError::Input)?,
        (None, Some(person)) => person,
        (None, None) => return Err(CommandError::Input("give a person's token, or --cert-type".to_string())),
    };
    let (text, is_known) = account(&sources, &options, person, arguments, screen)?;
    screen.print(&text)?;
    Ok(if is_known { ExitCode::SUCCESS } else { ExitCode::from(UNKNOWN) })
}

/// The account as asked for, and whether anything is known of the person.
fn account(
    sources: &[Source],
    options: &Options,
    person: Person,
    arguments: &ExplainArguments,
    screen: &Screen,
) -> Result<(String, bool), CommandError> {
    let bar = progress::Bar::new(screen);
    let (finished, at) = replay::known(sources, options, Some(person), &bar)?;
    bar.finish();
    let rejected = finished.outcome.rejects.len();
    let Some(at) = at else { return Err(CommandError::Unknown(nobody_known(rejected))) };
    let phones = finished.phones()?;
    let inputs = Inputs::new(&finished.batches, at).with_linked(finished.linked.as_ref(), &phones);
    let known = Known::new(&finished.partitions, &inputs, options.pack_at(at), at);
    let account = explain::account(&known, person).map_err(failed)?;
    if arguments.json {
        return Ok((format!("{}\n", explain::json(&account)), account.seen));
    }
    let languages: &[Language] = match arguments.lang {
        Shown::Zh => &[Language::Chinese],
        Shown::En => &[Language::English],
        Shown::Both => &[Language::Chinese, Language::English],
    };
    let texts: Vec<String> = languages.iter().map(|language| text(&account, *language, rejected)).collect();
    Ok((texts.join("\n"), account.seen))
}

fn text(account: &Account<'_>, language: Language, rejected: usize) -> String {
    let mut text = explain::render(account, language);
    if !account.seen {
        text.push_str(&match language {
            Language::Chinese => format!(
                "\n请核对：该标识是否由同一密钥生成，--feeds 是否包含此人的数据。另有 {rejected} 条记录被拒收（见 fuma replay --rejects）。\n"
            ),
            Language::English => format!(
                "\nCheck that the token was made with this key, and that --feeds holds this person's records. \
                 {rejected} records were rejected (fuma replay --rejects FILE lists them).\n"
            ),
        });
    }
    text
}

fn nobody_known(rejected: usize) -> String {
    format!(
        "nothing is known of anybody: no record of these feeds was accepted by then ({rejected} were rejected; `fuma \
         replay --rejects FILE` lists them)"
    )
}

/// That rules could not be executed, as the error of a command.
pub(super) fn failed(error: AssessError) -> CommandError {
    CommandError::Replay(ReplayError::Assess(error))
}

/// A tick where none is looked at.
pub(super) fn any_tick() -> Result<Tick, CommandError> {
    Tick::new(1)
        .ok_or_else(|| CommandError::Other("internal error: 1 ms is not a tick. Please report this".to_string()))
}

/// Reads a token. Whatever was given is not repeated: it may be the number of a certificate.
fn person(text: &str, has_cert_type: bool) -> Result<Person, CommandError> {
    let message = match Person::parse(text) {
        _ if has_cert_type => {
            "with --cert-type no PERSON is given: the number is asked for, or read from standard input, so that it \
             stays out of the history of commands"
        }
        Some(person) => return Ok(person),
        None => {
            "PERSON is not a token: give the 32 hex digits that `fuma tail` or changes.ndjson shows. For a certificate \
             give --cert-type TYPE, and type the number when you are asked"
        }
    };
    Err(CommandError::Input(message.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        explain: ExplainArguments,
    }

    #[test]
    fn the_order_of_the_usage_line_works() {
        let token = "9f".repeat(16);
        let line = format!("fuma --policy p --feeds a --feeds b {token}");
        let explain = Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string()).unwrap().explain;
        assert_eq!((explain.person, explain.feeds.feeds.len()), (Some(token), 2));
    }

    #[test]
    fn what_is_given_in_place_of_a_token_is_not_repeated() {
        let number = "99000119900101003X";
        for has_cert_type in [false, true] {
            let error = person(number, has_cert_type).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("--cert-type") && !error.to_string().contains("9900"), "{error}");
        }
    }
}
