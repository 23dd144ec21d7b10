//! `fuma overdue`: reasons past their due that still hold, with the owner of the evidence, the longest first.
//!
//! Owns the listing. Shows tokens, rules and names of records; never an identity.

mod crowded;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fuma_schemas::Instant;

use super::explain::{any_tick, failed};
use super::input::{self, FeedArguments};
use super::policy::Language as Shown;
use super::screen::Screen;
use super::{CommandError, chinese, progress};
use crate::admission::Drafts;
use crate::explain::{self, Inputs, Known, Language, Overdue, minutes};
use crate::policy::Pack;
use crate::replay::{self, Tick};

/// The arguments of `fuma overdue`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct OverdueArguments {
    #[command(flatten)]
    feeds: FeedArguments,
    /// More feed files or folders, as for --feeds
    #[arg(value_name = "PATH")]
    more: Vec<PathBuf>,
    /// As known at this instant, or at the first midnight of a date; without it at the last record
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Option<Instant>,
    /// Also reasons without a due time that have held for longer: a number and ms, s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = input::tick)]
    open_longer_than: Option<Tick>,
    /// The language of the list and of errors
    #[arg(long, value_enum, default_value_t = Shown::En)]
    lang: Shown,
    /// Instead: people who are not judged, because they have too many records or a rule failed on them
    #[arg(long, conflicts_with = "open_longer_than")]
    crowded: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// The older way to say --json
    #[arg(long, value_enum, default_value_t = Format::Table, hide = true)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  fuma overdue --policy zhejiang-2020-109 --feeds feeds --key-file key
  fuma overdue --policy zhejiang-2020-109 --feeds feeds --key-file key --at 2021-12-01 --open-longer-than 60d --json
  fuma overdue --policy zhejiang-2020-109 --feeds feeds --key-file key --crowded

Without a list, nothing is overdue: the exit code is 0 either way.";

/// How the list is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// One JSON object a line.
    Ndjson,
}

/// Lists what is overdue on standard output, and counts by rule and owner on standard error.
///
/// # Errors
/// When an input is unusable.
pub fn run(arguments: &OverdueArguments, screen: &Screen) -> Result<(), CommandError> {
    listed(arguments, screen).map_err(|error| match arguments.lang {
        Shown::Zh => chinese::error(error),
        Shown::En | Shown::Both => error,
    })
}

fn listed(arguments: &OverdueArguments, screen: &Screen) -> Result<(), CommandError> {
    let mut feeds = arguments.feeds.clone();
    feeds.feeds.extend(arguments.more.iter().cloned());
    let (sources, options) = feeds.checked(arguments.at, any_tick()?, Drafts::Taken, screen)?;
    let bar = progress::Bar::new(screen);
    let (finished, at) = replay::known(&sources, &options, None, &bar)?;
    bar.finish();
    let at = at.unwrap_or_default();
    let pack = options.pack_at(at);
    let nobody = Inputs::new(&[], at);
    let known = Known::new(&finished.partitions, &nobody, pack, at);
    let language = if arguments.lang == Shown::Zh { Language::Chinese } else { Language::English };
    let is_json = arguments.json || arguments.format == Format::Ndjson;
    let not_judged = explain::not_judged(&known);
    if arguments.crowded {
        screen.write(|out| crowded::write(&not_judged, language, is_json, out))?;
        return screen.remark(&crowded::count(&not_judged, language));
    }
    let open_longer_than_ms = arguments.open_longer_than.map(Tick::millis);
    // Names are read of those who are listed alone: those of all need not fit into memory.
    let found = explain::found(&known, open_longer_than_ms).map_err(failed)?;
    let mut listed = found.people();
    if let Some(linked) = &finished.linked {
        // The case that somebody was aboard with is the evidence, and its name is among its person's rows.
        let met = linked.contacts().filter(|(person, ..)| listed.contains(person));
        let cases: Vec<_> = met.filter_map(|(.., met, _)| linked.people().person(met.index.person)).collect();
        listed.extend(cases);
    }
    let rows = finished.rows_of(&|person| listed.contains(&person))?;
    let phones = finished.phones()?;
    let inputs = Inputs::new(&rows, at).with_linked(finished.linked.as_ref(), &phones);
    let overdue = explain::with_names(found, &inputs);
    screen.write(|out| match is_json {
        true => write_ndjson(&overdue, pack, out),
        false => write_table(&overdue, pack, language, out),
    })?;
    screen.remark(&counts(&overdue, pack, at, language))?;
    // Somebody who is not judged may be overdue, and is not in the list.
    if not_judged.is_empty() { Ok(()) } else { screen.remark(&crowded::count(&not_judged, language)) }
}

fn rule_id(pack: &Pack, rule: u16) -> &str {
    pack.rules.get(usize::from(rule)).map_or("?", |rule| &rule.head.id)
}

fn write_table(overdue: &[Overdue<'_>], pack: &Pack, language: Language, out: &mut dyn Write) -> io::Result<()> {
    if overdue.is_empty() {
        return Ok(());
    }
    let headings = match language {
        Language::Chinese => ["人员", "颜色", "规则", "起", "应解除", "逾期（天）", "依据"],
        Language::English => ["person", "colour", "rule", "since", "due", "days over", "evidence"],
    };
    row(out, headings)?;
    for one in overdue {
        let due = one.due.map_or_else(|| language.of("无", "none").to_owned(), minutes);
        let names: Vec<String> = one.evidence.iter().map(ToString::to_string).collect();
        let (person, since, over) = (one.person.to_string(), minutes(one.since), days(one.over_ms));
        let colour = language.colour(one.colour);
        row(out, [&person, colour, rule_id(pack, one.rule), &since, &due, &over, &names.join(", ")])?;
    }
    Ok(())
}

/// The widths of the columns but the last.
const WIDTHS: [usize; 6] = [34, 8, 8, 18, 18, 11];

fn row(out: &mut dyn Write, cells: [&str; 7]) -> io::Result<()> {
    for (cell, width) in cells.iter().zip(WIDTHS) {
        // A Chinese character takes two columns.
        let columns = explain::columns(cell);
        write!(out, "{cell}{}", " ".repeat(width.saturating_sub(columns)))?;
    }
    writeln!(out, "{}", cells.last().copied().unwrap_or_default())
}

fn write_ndjson(overdue: &[Overdue<'_>], pack: &Pack, out: &mut dyn Write) -> io::Result<()> {
    for one in overdue {
        let evidence = one.evidence.iter();
        let evidence: Vec<_> = evidence
            .map(|name| serde_json::json!({ "feed": name.feed.name(), "owner": name.owner, "id": name.id }))
            .collect();
        let line = serde_json::json!({
            "person": one.person.to_string(),
            "colour": one.colour.name(),
            "rule": rule_id(pack, one.rule),
            "since": one.since.to_string(),
            "due": one.due.map(|due| due.to_string()),
            "over_ms": one.over_ms,
            "evidence": evidence,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Days with one decimal, cut: 1.9 is not yet 2.
fn days(millis: i64) -> String {
    let tenths = millis / (fuma_schemas::instant::DAY_MS / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// How many there are, by rule and by owner of the evidence.
fn counts(overdue: &[Overdue<'_>], pack: &Pack, at: Instant, language: Language) -> String {
    let mut by: BTreeMap<(u16, &str), u64> = BTreeMap::new();
    for one in overdue {
        // An owner counts once, however many records it has.
        let owners: BTreeSet<&str> = one.evidence.iter().map(|name| name.owner).collect();
        for owner in owners {
            *by.entry((one.rule, owner)).or_default() += 1;
        }
    }
    let (count, at) = (overdue.len(), minutes(at));
    let mut text = match language {
        Language::Chinese => format!("截至 {at}（北京时间）：逾期 {count} 条\n"),
        Language::English => format!("{count} overdue as known at {at} (local time, +08:00)\n"),
    };
    for ((rule, owner), count) in by {
        let title = pack.rules.get(usize::from(rule)).map_or("", |rule| language.text(&rule.title));
        text.push_str(&format!("{count:>8}  {:<8}{owner:<20}  {title}\n", rule_id(pack, rule)));
    }
    text
}

#[cfg(test)]
mod tests;
