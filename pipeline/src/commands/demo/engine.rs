//! The one place of the demo that knows the engine.
//!
//! Owns the way from feeds in memory to changes, the texts of the pack's rules, and the account of one red code. When
//! the engine's interface moves, only this file follows.

use std::sync::{Arc, Mutex, PoisonError};

use fuma_schemas::{CodeChange, Colour, Feed, Instant, RejectCode};

use super::summary::RuleText;
use crate::admission::Drafts;
use crate::commands::CommandError;
use crate::commands::input::load_pack;
use crate::intake::{self, Key};
use crate::policy::Pack;
use crate::replay::{self, Bounds, Options, Source, Tick};

/// The key of the demo's person tokens. Everybody can read it, so it protects nobody: for invented people alone.
pub(super) const DEMO_KEY: &str = "64656d6f64656d6f64656d6f64656d6f64656d6f64656d6f64656d6f64656d6f";
/// How often the demo judges; replay's own default.
const TICK_MS: i64 = 60_000;

/// What the demo asks of the engine.
pub(super) struct Request<'a> {
    /// NDJSON, feed by feed.
    pub(super) feeds: Vec<(Feed, Vec<u8>)>,
    /// The pack: an id or a folder.
    pub(super) policy: &'a str,
    /// How many threads.
    pub(super) workers: usize,
    /// The first instant of the district, and the first after it.
    pub(super) start: Instant,
    pub(super) end: Instant,
}

/// What the demo needs of the engine's answer.
pub(super) struct Outcome {
    /// By decided_at, then person.
    pub(super) changes: Vec<CodeChange>,
    pub(super) rejects: Vec<(Feed, RejectCode)>,
    pub(super) people: u64,
    pub(super) facts: u64,
    /// Every rule of the pack.
    pub(super) rules: Vec<RuleText>,
}

/// How the engine tells how far it is.
pub(super) trait Progress: Sync {
    /// Records decoded so far.
    fn decoded(&self, records: u64);
    /// The virtual clock, how many people are of each colour (green, yellow, red), and the changes so far.
    fn judged(&self, clock: Instant, people: [u64; 3], changes: u64);
}

/// Runs the engine over the feeds with a tick of one minute.
pub(super) fn run(request: Request<'_>, progress: &dyn Progress) -> Result<Outcome, CommandError> {
    let pack = load_pack(request.policy, Drafts::Refused)?;
    let key = Key::from_hex(DEMO_KEY).map_err(|error| CommandError::Key(error.to_string()))?;
    let tick = Tick::new(TICK_MS).ok_or_else(|| CommandError::Other("the demo's tick is not positive".to_owned()))?;
    // One feed after the other, so that no more than one is held twice.
    let in_memory = |(feed, bytes): (Feed, Vec<u8>)| Source::Bytes {
        feed,
        name: format!("{}.ndjson", feed.name()),
        bytes: Arc::from(bytes),
    };
    let sources: Vec<Source> = request.feeds.into_iter().map(in_memory).collect();
    let workers = request.workers.max(1);
    let intake = Arc::new(intake::Settings::new(key));
    let options = Options {
        pack: Arc::clone(&pack),
        later: Vec::new(),
        tick,
        until: Some(request.end),
        workers,
        intake,
        bounds: Bounds::default(),
    };
    let sums = Sums::new(request.start, workers, progress);
    let outcome = replay::run(&sources, &options, &sums)?;
    Ok(Outcome {
        changes: outcome.changes,
        rejects: outcome.rejects.iter().map(|rejected| (rejected.feed, rejected.code)).collect(),
        people: outcome.counts.people,
        facts: outcome.counts.facts,
        rules: rule_texts(&pack),
    })
}

fn rule_texts(pack: &Pack) -> Vec<RuleText> {
    let text = |rule: &crate::policy::Rule| RuleText {
        id: rule.head.id.clone(),
        colour: rule.head.colour,
        clause: rule.head.clause.clone(),
        title_zh: rule.title.zh.clone(),
        title_en: rule.title.en.clone(),
    };
    pack.rules.iter().map(text).collect()
}

/// What the partitions tell, each for itself, as one account of the whole district.
struct Sums<'a> {
    account: Mutex<Account>,
    progress: &'a dyn Progress,
}

struct Account {
    decoded: u64,
    changes: u64,
    /// The clock and the people by colour of each partition.
    partitions: Vec<(Instant, [u64; 3])>,
}

impl Sums<'_> {
    fn new(start: Instant, partitions: usize, progress: &dyn Progress) -> Sums<'_> {
        let account = Account { decoded: 0, changes: 0, partitions: vec![(start, [0; 3]); partitions] };
        Sums { account: Mutex::new(account), progress }
    }
}

impl replay::Progress for Sums<'_> {
    fn decoded(&self, records: u64) {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.decoded += records;
        self.progress.decoded(account.decoded);
    }

    fn judged(&self, partition: usize, clock: Instant, colours: [u64; 3], changes: u64) {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.changes += changes;
        if let Some(own) = account.partitions.get_mut(partition) {
            *own = (clock, colours);
        }
        // The whole district is as far as its last partition.
        let reached = account.partitions.iter().map(|(clock, _)| *clock).min().unwrap_or(clock);
        let mut people = [0; 3];
        for (_, colours) in &account.partitions {
            people.iter_mut().zip(colours).for_each(|(all, own)| *all += own);
        }
        self.progress.judged(reached, people, account.changes);
    }
}

/// The account of one red code: its reasons, each with rule, clause, title, since and due.
pub(super) fn explain_red(change: &CodeChange, rules: &[RuleText]) -> String {
    let mut text = format!("\na red code explained: person {}\n", change.person);
    text.push_str(&format!(
        "  {} -> {} since {}, decided {}\n",
        change.from, change.to, change.colour_since, change.decided_at
    ));
    for reason in &change.reasons {
        let colour = if reason.rule.colour == Colour::Red { "red" } else { "yellow" };
        text.push_str(&format!("  {colour:<7}{}  {}\n", reason.rule.id, reason.rule.clause));
        if let Some(rule) = rules.iter().find(|rule| rule.id == reason.rule.id) {
            text.push_str(&format!("         {}  {}\n", rule.title_zh, rule.title_en));
        }
        let until = reason.until.map_or("open".to_owned(), |until| until.to_string());
        let due = reason.due.map_or("none".to_owned(), |due| due.to_string());
        text.push_str(&format!("         since {}  until {until}  due {due}\n", reason.since));
    }
    text
}
