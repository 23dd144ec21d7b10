//! `fuma policy compare`: where two packs differ, without any data.
//!
//! Owns the forms: lines, JSON, case files. What differs is `crate::compare`'s to find.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as WallClock};

use clap::Args;
use serde_json::{Value, json};

use crate::admission::Drafts;
use crate::commands::CommandError;
use crate::commands::input::{load_pack, workers};
use crate::commands::screen::Screen;
use crate::compare::{self, Bounds, Compared, Comparison, Found, Texts};
use crate::policy::Pack;

/// The arguments of `fuma policy compare`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArguments {
    /// A pack: an id, or a folder
    #[arg(value_name = "OLD")]
    old: String,
    /// Another pack
    #[arg(value_name = "NEW")]
    new: String,
    /// The most facts that a person of a small world has
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    facts: u8,
    /// How long to look, in seconds; what was not reached is said
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    budget: u64,
    /// A folder for case files, one for each difference
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads; 0 = one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: usize,
    /// The differences as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma policy compare zhejiang-2020-109 zhejiang-2022
  fuma policy compare zhejiang-2020-109 ./mine --json
  fuma policy compare zhejiang-2020-109 ./mine --facts 1 --out differences

Every person of up to K facts is judged by both packs. A rule is compared with the rule of the same id; packs without
a common id are compared by colour alone. \"equal\" means equal up to the number of facts that is said beside it.";

/// Compares, and says what differs.
///
/// # Errors
/// When a pack cannot be loaded, the engine cannot run, or an output cannot be written.
pub(super) fn run(arguments: &CompareArguments, screen: &Screen) -> Result<(), CommandError> {
    let (old, new) = (load_pack(&arguments.old, Drafts::Taken)?, load_pack(&arguments.new, Drafts::Taken)?);
    let texts = compare::texts(&old, &new);
    let goes_on = within(Duration::from_secs(arguments.budget));
    let bounds =
        Bounds { facts_max: usize::from(arguments.facts), workers: workers(arguments.workers), goes_on: &goes_on };
    let comparison = compare::compare([&old, &new], &bounds)?;
    if let Some(folder) = &arguments.out {
        write_cases(&comparison, folder)?;
    }
    let packs = (&*old, &*new);
    let text = if arguments.json { as_json(packs, &texts, &comparison) } else { lines(packs, &texts, &comparison) };
    screen.print(&text)
}

/// Whether a time that begins now is not over.
pub(super) fn within(time: Duration) -> impl Fn() -> bool {
    #[expect(clippy::disallowed_methods, reason = "how far the enumeration goes is bounded by time")]
    let begun = WallClock::now();
    move || begun.elapsed() < time
}

fn write_cases(comparison: &Comparison, folder: &Path) -> Result<(), CommandError> {
    let written = |path: &Path| {
        let path = path.to_owned();
        move |source| CommandError::Write { path, source }
    };
    std::fs::create_dir_all(folder).map_err(written(folder))?;
    for found in &comparison.differences {
        let subject = subject(found);
        let path = folder.join(format!("{subject}-{}.case", found.verdict.name()));
        std::fs::write(&path, case(found)).map_err(written(&path))?;
    }
    Ok(())
}

/// The difference as a case that can be kept.
fn case(found: &Found) -> String {
    let verdict = found.verdict.name();
    found.witness.case(&subject(found), (&format!("比较：{verdict}"), &format!("compared: {verdict}")))
}

fn subject(found: &Found) -> String {
    found.rule.clone().unwrap_or_else(|| found.colour.to_string())
}

fn as_json((old, new): (&Pack, &Pack), texts: &Texts, comparison: &Comparison) -> String {
    let pairs = |pairs: &[compare::Pair]| -> Value {
        pairs.iter().map(|(name, old, new)| json!({ "name": name, "old": old, "new": new })).collect()
    };
    let compared = |(name, compared): (&str, &Compared), key: &str| {
        let (verdict, reach) = (compared.verdict.name(), compared.whole_up_to);
        json!({ key: name, "verdict": verdict, "whole_up_to": reach })
    };
    let difference = |found: &Found| {
        json!({
            "kind": found.verdict.name(),
            "rule": found.rule,
            "colour": found.colour.name(),
            "facts": found.witness.facts,
            "feeds": found.witness.feeds,
            "case": case(found),
        })
    };
    let rules = comparison.rules.iter().map(|(rule, one)| compared((rule, one), "rule"));
    let colours = comparison.colours.iter().map(|(colour, one)| compared((colour, one), "colour"));
    let object = json!({
        "old": named(old),
        "new": named(new),
        "parameters": pairs(&texts.parameters),
        "texts": pairs(&texts.texts),
        "sql": pairs(&texts.sql),
        "tracing_differs": texts.tracing,
        "worlds": comparison.worlds,
        "rules": rules.collect::<Vec<_>>(),
        "colours": colours.collect::<Vec<_>>(),
        "differences": comparison.differences.iter().map(difference).collect::<Vec<_>>(),
    });
    format!("{object}\n")
}

fn named(pack: &Pack) -> Value {
    json!({ "policy": &*pack.id, "policy_version": &*pack.version, "digest": &*pack.digest })
}

fn lines((old, new): (&Pack, &Pack), texts: &Texts, comparison: &Comparison) -> String {
    let mut lines = vec![format!("{} {} -> {} {}", old.id, old.version, new.id, new.version)];
    let short = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    for (what, pairs) in [("parameter", &texts.parameters), ("text", &texts.texts)] {
        lines.extend(pairs.iter().map(|(name, old, new)| format!("{what}  {name}: {} -> {}", short(old), short(new))));
    }
    for (name, old, new) in &texts.sql {
        lines.push(match (old, new) {
            (None, _) => format!("SQL  {name}: new"),
            (_, None) => format!("SQL  {name}: gone"),
            _ => format!("SQL  {name}: differs"),
        });
        let [old, new] = [old, new].map(|text| text.as_deref().unwrap_or_default().lines().collect::<Vec<_>>());
        lines.extend(old.iter().filter(|line| !new.contains(line)).map(|line| format!("    - {line}")));
        lines.extend(new.iter().filter(|line| !old.contains(line)).map(|line| format!("    + {line}")));
    }
    if texts.tracing {
        lines.push(
            "the packs trace differently: small worlds have no conveyances, no verdict below is of that".to_owned(),
        );
    }
    lines.push(format!("{} small worlds were judged by both packs", comparison.worlds));
    let compared = |name: &str, one: &Compared| {
        format!("{name:<10}{:<10}looked at whole up to {} facts", one.verdict.name(), one.whole_up_to)
    };
    lines.extend(comparison.rules.iter().map(|(rule, one)| compared(rule, one)));
    lines.extend(comparison.colours.iter().map(|(colour, one)| compared(colour, one)));
    for found in &comparison.differences {
        lines.push(String::new());
        lines.extend(case(found).trim_end().lines().map(str::to_owned));
    }
    lines.join("\n") + "\n"
}
