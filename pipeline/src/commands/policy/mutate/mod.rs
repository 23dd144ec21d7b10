//! `fuma policy mutate`: which small changes of a pack its own cases would let pass.
//!
//! ```text
//! mutants     where a change is made
//! equivalent  changes that somebody found to say the same, listed in the case files
//! ```
//!
//! Owns the report. A mutant that lives is compared with the pack on small worlds: when nothing differs there it is
//! said to be equal up to so many facts, else the smallest person that would tell the two apart is a case to add.

mod equivalent;
mod mutants;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::compare::within;
use crate::admission::engine;
use crate::commands::CommandError;
use crate::commands::input::workers;
use crate::commands::screen::Screen;
use crate::compare::{self, Bounds, Verdict};
use crate::policy::cases::{self, Case};
use crate::policy::pack::{Cases, load_with};
use crate::policy::{Pack, PackSource};
use equivalent::Listed;
use mutants::Mutant;

/// The arguments of `fuma policy mutate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MutateArguments {
    /// A pack: an id, or a folder
    #[arg(value_name = "PACK")]
    pack: String,
    /// How long a mutant that lives is compared with the pack, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    budget: u64,
    /// Exit code 1 when more of the mutants live and are not listed as equivalent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    live_max: Option<u8>,
    /// Threads; 0 = one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: usize,
    /// The outcome as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  fuma policy mutate zhejiang-2022
  fuma policy mutate ./mine --json
  fuma policy mutate ./mine --live-max 5

One comparison, constant or number of days is changed at a time, in rules, views and tracing. A mutant is caught when a
case fails under it. For one that lives, a person is shown that tells it from the pack: make a case of it. One that says
what the pack says is listed in a case file, with the reason:
  # equivalent views/x.sql:8:5 > -> >=: an interval without length is no reason";

/// A mutant that no case catches.
struct Live {
    mutant: Mutant,
    /// Why somebody found it equal.
    listed: Option<String>,
    /// Up to how many facts it says what the pack says; none when it does not.
    equal_up_to: Option<usize>,
    /// A case that would catch it, as the pack answers it.
    case: Option<String>,
}

/// What mutants came to.
struct Outcome {
    caught: usize,
    refused: usize,
    live: Vec<Live>,
    /// Cases that fail under the pack itself: they catch nothing.
    failing: usize,
    /// Lines of the list that fit no mutant that lives, or are no list.
    stale: Vec<String>,
}

impl Outcome {
    fn mutants(&self) -> usize {
        self.caught + self.live.len()
    }

    /// Those that live and are not listed.
    fn alive(&self) -> usize {
        self.live.iter().filter(|live| live.listed.is_none()).count()
    }
}

/// Tries all mutants of a pack.
///
/// # Errors
/// When the pack cannot be loaded, or the engine cannot run.
pub(super) fn run(arguments: &MutateArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let source = PackSource::find(&arguments.pack)?;
    let pack = load_with(&source, Cases::Read)?;
    let mut all: Vec<Case> = Vec::new();
    for (path, text) in &pack.cases {
        all.extend(cases::parse(path, text)?);
    }
    let cases = all.len();
    // A case that fails already would catch every mutant.
    all.retain(|case| cases::check(case, |scenario| engine::run(&pack, scenario)).is_ok_and(|found| found.is_empty()));
    let mutants = mutants::of(&source);
    let threads = workers(arguments.workers);
    let tried = tried(&source, &mutants, &all, threads);
    let mut listed = Listed::of(&source);
    let mut outcome =
        Outcome { caught: 0, refused: 0, live: Vec::new(), failing: cases - all.len(), stale: Vec::new() };
    for (mutant, tried) in mutants.into_iter().zip(tried) {
        match tried {
            Tried::Refused => outcome.refused += 1,
            Tried::Caught => outcome.caught += 1,
            Tried::Lives(other) => {
                let reason = listed.take(&mutant.place(), &mutant.what);
                let found = match reason.is_some() || traces(&source, &mutant) {
                    true => (None, None),
                    false => against(&pack, &other, (arguments.budget, threads))?,
                };
                outcome.live.push(Live { mutant, listed: reason, equal_up_to: found.0, case: found.1 });
            }
        }
    }
    outcome.stale.extend(listed.left().chain(listed.unreadable.iter().cloned()));
    let text = if arguments.json { as_json(&pack, &all, &outcome) } else { lines(&pack, &all, &outcome) };
    screen.print(&text)?;
    let most = arguments.live_max.map_or(usize::MAX, usize::from);
    let is_within = outcome.alive().saturating_mul(100) <= most.saturating_mul(outcome.mutants());
    Ok(if is_within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a mutant changes how a pack traces: small worlds have no conveyances, so nothing is compared.
fn traces(source: &PackSource, mutant: &Mutant) -> bool {
    let parameter = mutant.what.split(' ').next().filter(|_| mutant.file == crate::policy::manifest::FILE);
    let reads = |name: &str| source.in_folder("tracing").any(|(_, text)| text.contains(&format!("${name}")));
    mutant.file.starts_with("tracing/") || parameter.is_some_and(reads)
}

/// What became of a mutant.
enum Tried {
    /// The gate refuses it: it could never be used.
    Refused,
    Caught,
    Lives(Arc<Pack>),
}

fn tried(source: &PackSource, mutants: &[Mutant], all: &[Case], threads: usize) -> Vec<Tried> {
    let one = |mutant: &Mutant| {
        let Ok(pack) = load_with(&mutant.applied(source), Cases::Left) else { return Tried::Refused };
        // The cases of the rule itself first: they catch most.
        let (own, others): (Vec<&Case>, Vec<&Case>) = all.iter().partition(|case| mutant.file.contains(&case.subject));
        let fails = |case: &&Case| {
            cases::check(case, |scenario| engine::run(&pack, scenario)).map_or(true, |found| !found.is_empty())
        };
        match own.into_iter().chain(others).any(|case| fails(&case)) {
            true => Tried::Caught,
            false => Tried::Lives(pack),
        }
    };
    let share = mutants.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = mutants
            .chunks(share)
            .map(|part| (part.len(), scope.spawn(move || part.iter().map(one).collect::<Vec<_>>())))
            .collect();
        let joined = parts
            .into_iter()
            .flat_map(|(count, part)| part.join().unwrap_or_else(|_| (0..count).map(|_| Tried::Caught).collect()));
        joined.collect()
    })
}

/// Up to how many facts a mutant says what the pack says; or a case that tells them apart.
fn against(
    pack: &Arc<Pack>,
    mutant: &Arc<Pack>,
    (budget, threads): (u64, usize),
) -> Result<(Option<usize>, Option<String>), CommandError> {
    let goes_on = within(Duration::from_secs(budget));
    let bounds = Bounds { facts_max: 2, workers: threads, goes_on: &goes_on };
    // The pack is the new one: its answer is what a case has to expect.
    let comparison = compare::compare([mutant, pack], &bounds)?;
    let is_equal =
        comparison.rules.values().chain(comparison.colours.values()).all(|one| one.verdict == Verdict::Equal);
    if is_equal {
        let reach = comparison.rules.values().map(|one| one.whole_up_to).min();
        // Where there was no time to look nothing is said.
        return Ok((reach.filter(|facts| *facts > 0), None));
    }
    let case = comparison.differences.first().map(|found| {
        let subject = found.rule.clone().unwrap_or_else(|| found.colour.to_string());
        found.witness.case(&subject, ("比较：区别变异", "compared: tells a mutant apart"))
    });
    Ok((None, case))
}

/// Rules that no case shows as the only reason.
fn never_alone(pack: &Pack, all: &[Case]) -> Vec<String> {
    let reasons = all.iter().flat_map(|case| &case.expected).filter(|change| change.reasons.len() == 1);
    let alone: BTreeSet<&str> = reasons.flat_map(|change| &change.reasons).map(|reason| reason.rule.as_str()).collect();
    let ids = pack.rules.iter().map(|rule| rule.head.id.clone());
    ids.filter(|id| !alone.contains(id.as_str())).collect()
}

/// Parameters of which a mutant lives.
fn untouched(outcome: &Outcome) -> Vec<String> {
    let parameters = outcome.live.iter().filter(|live| live.mutant.file == crate::policy::manifest::FILE);
    let names: BTreeSet<String> = parameters.map(|live| live.mutant.what.clone()).collect();
    names.into_iter().collect()
}

fn as_json(pack: &Pack, all: &[Case], outcome: &Outcome) -> String {
    let live = outcome.live.iter().map(|live| {
        let Mutant { file, line, column, what, .. } = &live.mutant;
        json!({
            "file": file, "line": line, "column": column, "change": what, "listed": live.listed,
            "equal_up_to": live.equal_up_to, "case": live.case,
        })
    });
    let object = json!({
        "pack": &*pack.id,
        "policy_version": &*pack.version,
        "mutants": outcome.mutants(),
        "caught": outcome.caught,
        "alive": outcome.alive(),
        "cases_that_fail": outcome.failing,
        "list_does_not_fit": outcome.stale,
        "refused_by_the_gate": outcome.refused,
        "live": live.collect::<Vec<_>>(),
        "rules_never_alone": never_alone(pack, all),
        "parameters_not_touched": untouched(outcome),
    });
    format!("{object}\n")
}

fn lines(pack: &Pack, all: &[Case], outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    for live in &outcome.live {
        let (place, what) = (live.mutant.place(), &live.mutant.what);
        lines.push(match (&live.listed, live.equal_up_to) {
            (Some(why), _) => format!("LISTED {place} {what}: {why}"),
            (None, Some(facts)) => format!("EQUAL  {place} {what} (says the same of everybody of up to {facts} facts)"),
            (None, None) => format!("LIVES  {place} {what}"),
        });
        lines.extend(live.case.iter().flat_map(|case| case.trim_end().lines().map(|line| format!("    {line}"))));
    }
    lines.extend(never_alone(pack, all).iter().map(|rule| format!("{rule}: no case shows it as the only reason")));
    lines.extend(outcome.stale.iter().map(|place| format!("{place}: listed as equivalent, and no mutant that lives")));
    if outcome.failing > 0 {
        lines.push(format!("{} cases fail under the pack itself and catch nothing: make them hold", outcome.failing));
    }
    let (mutants, listed) = (outcome.mutants(), outcome.live.len() - outcome.alive());
    let equal = outcome.live.iter().filter(|live| live.equal_up_to.is_some()).count();
    lines.push(format!(
        "{} {}: {mutants} mutants, {} caught, {} live, {listed} more are listed as equivalent, {equal} are equal as \
         far as was looked",
        pack.id,
        pack.version,
        outcome.caught,
        outcome.alive()
    ));
    lines.push(format!("{} more the gate refuses", outcome.refused));
    lines.join("\n") + "\n"
}
