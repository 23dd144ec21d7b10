//! `fuma contacts`: who hangs on a case, reported and by conveyance, by generation and degree.
//!
//! Owns the listing, for a disease control centre: tokens and names of records; never an identity.

mod rows;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Args;
use fuma_schemas::{Feed, Instant, Kind};

use super::explain::any_tick;
use super::input::{self, FeedArguments};
use super::policy::Language as Shown;
use super::screen::Screen;
use super::{CommandError, chinese, progress};
use crate::admission::Drafts;
use crate::explain::{self, Inputs, Known, Language, Name};
use crate::replay::{self, Options, Source};

/// The arguments of `fuma contacts`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ContactsArguments {
    /// The record of the case: its owner and its id there
    #[arg(value_name = "OWNER/ID")]
    case: String,
    #[command(flatten)]
    feeds: FeedArguments,
    /// As known at this instant, or at the first midnight of a date; without it at the last record
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Option<Instant>,
    /// The language of the list and of errors
    #[arg(long, value_enum, default_value_t = Shown::En)]
    lang: Shown,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// CSV, with a line of headings
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma contacts --policy zhejiang-2022 --feeds feeds --key-file key hc-330100/c-17
  fuma contacts --policy zhejiang-2022 --feeds feeds --key-file key --at 2022-07-10 --csv hc-330100/c-17

Generation 1 hangs on the case itself, 2 on a contact of generation 1. Contacts by conveyance are there where the
pack traces.
Without a list, nobody hangs on the case: the exit code is 0. A case that no record names is exit code 3.";

/// Lists who hangs on a case.
///
/// # Errors
/// When an input is unusable, or no record of the case is known.
pub fn run(arguments: &ContactsArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    listed(arguments, screen).map_err(|error| match arguments.lang {
        Shown::Zh => chinese::error(error),
        Shown::En | Shown::Both => error,
    })
}

fn listed(arguments: &ContactsArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let case = case(&arguments.case)?;
    let (sources, options) = arguments.feeds.checked(arguments.at, any_tick()?, Drafts::Taken, screen)?;
    let shape = match (arguments.json, arguments.csv) {
        (true, _) => rows::Shape::Json,
        (_, true) => rows::Shape::Csv,
        _ => rows::Shape::Table,
    };
    let language = if arguments.lang == Shown::Zh { Language::Chinese } else { Language::English };
    let (text, counts) = list(&sources, &options, case, (shape, language), screen)?;
    screen.print(&text)?;
    screen.remark(&counts)?;
    Ok(ExitCode::SUCCESS)
}

/// The list, and its counts in a line.
fn list(
    sources: &[Source],
    options: &Options,
    case: Name<'_>,
    (shape, language): (rows::Shape, Language),
    screen: &Screen,
) -> Result<(String, String), CommandError> {
    let bar = progress::Bar::new(screen);
    let (finished, at) = replay::known(sources, options, None, &bar)?;
    bar.finish();
    let at = at.unwrap_or_default();
    let links = finished.of_kinds(&[Kind::Cases, Kind::Contacts])?;
    let inputs = Inputs::new(&links, at).with_linked(finished.linked.as_ref(), &[]);
    let known = Known::new(&finished.partitions, &inputs, options.pack_at(at), at);
    let hanging = explain::hanging(&known, &inputs, case).ok_or_else(|| {
        CommandError::Unknown(format!("no case {}/{} is known by then: check owner and id", case.owner, case.id))
    })?;
    Ok((rows::text(&hanging, shape, language), rows::counts(&hanging, at, language)))
}

fn case(text: &str) -> Result<Name<'_>, CommandError> {
    let parts = text.split_once('/').filter(|(owner, id)| !owner.is_empty() && !id.is_empty());
    let (owner, id) = parts.ok_or_else(|| {
        let reason =
            "OWNER/ID is not the name of a record: give owner and id with a slash between them, as index_case has";
        CommandError::Input(reason.to_owned())
    })?;
    Ok(Name { feed: Feed::Cases, owner, id })
}
