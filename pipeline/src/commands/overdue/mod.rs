//! `fuma overdue`: reasons past their due that still hold, with the owner of the evidence, the longest first.
//!
//! Owns the listing. Shows tokens, rules and names of records; never an identity.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};
use fuma_schemas::Instant;

use super::CommandError;
use super::explain::{any_tick, failed};
use super::input::{self, FeedArguments};
use crate::explain::{self, Known, Overdue};
use crate::policy::Pack;
use crate::replay::{self, Silent, Tick};

/// The arguments of `fuma overdue`.
#[derive(Args, Clone, Debug)]
pub struct OverdueArguments {
    #[command(flatten)]
    feeds: FeedArguments,
    /// As known at this instant (RFC 3339); without it at the last record
    #[arg(long, value_name = "INSTANT", value_parser = input::instant)]
    at: Option<Instant>,
    /// Also reasons without a due that have held for longer: a number and ms, s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = input::tick)]
    open_longer_than: Option<Tick>,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

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
pub fn run(arguments: &OverdueArguments) -> Result<(), CommandError> {
    let (sources, options) = arguments.feeds.checked(arguments.at, any_tick()?)?;
    let (finished, at) = replay::known(&sources, &options, &Silent)?;
    let at = at.unwrap_or_default();
    let open_longer_than_ms = arguments.open_longer_than.map(Tick::millis);
    let overdue = explain::overdue(&Known::of(&finished, &options.pack, at), open_longer_than_ms).map_err(failed)?;
    let mut out = BufWriter::new(io::stdout().lock());
    // Whoever closed the pipe has seen enough.
    drop(match arguments.format {
        Format::Table => write_table(&overdue, &options.pack, &mut out),
        Format::Ndjson => write_ndjson(&overdue, &options.pack, &mut out),
    });
    drop(out.flush());
    drop(io::stderr().lock().write_all(counts(&overdue, &options.pack, at).as_bytes()));
    Ok(())
}

fn rule_id(pack: &Pack, rule: u16) -> &str {
    pack.rules.get(usize::from(rule)).map_or("?", |rule| &rule.head.id)
}

fn write_table(overdue: &[Overdue<'_>], pack: &Pack, out: &mut impl Write) -> io::Result<()> {
    if overdue.is_empty() {
        return Ok(());
    }
    let row = |out: &mut dyn Write, cells: [&str; 7]| {
        let [person, colour, rule, since, due, over, evidence] = cells;
        writeln!(out, "{person:<34}{colour:<8}{rule:<8}{since:<27}{due:<27}{over:>12}  {evidence}")
    };
    row(out, ["person", "colour", "rule", "since", "due", "over (days)", "evidence"])?;
    for one in overdue {
        let due = one.due.map_or_else(|| "none".to_string(), |due| due.to_string());
        let names: Vec<String> = one.evidence.iter().map(ToString::to_string).collect();
        let (person, since, over) = (one.person.to_string(), one.since.to_string(), days(one.over_ms));
        let names = names.join(", ");
        row(out, [&person, one.colour.name(), rule_id(pack, one.rule), &since, &due, &over, &names])?;
    }
    Ok(())
}

fn write_ndjson(overdue: &[Overdue<'_>], pack: &Pack, out: &mut impl Write) -> io::Result<()> {
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

/// Days with one digit behind the point, cut: 1.9 is not yet 2.
fn days(millis: i64) -> String {
    let tenths = millis / (fuma_schemas::instant::DAY_MS / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// How many there are, by rule and by owner of the evidence.
fn counts(overdue: &[Overdue<'_>], pack: &Pack, at: Instant) -> String {
    let mut by: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for one in overdue {
        let mut owners: Vec<&str> = one.evidence.iter().map(|name| name.owner).collect();
        owners.dedup();
        for owner in owners {
            *by.entry((rule_id(pack, one.rule), owner)).or_default() += 1;
        }
    }
    let by: String = by.iter().map(|((rule, owner), count)| format!("; {rule} of {owner}: {count}")).collect();
    format!("{} to look at as known at {at}{by}\n", overdue.len())
}

#[cfg(test)]
mod tests;
