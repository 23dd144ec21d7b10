//! The one place of the demo that knows the engine.
//!
//! Owns the way from feeds in memory to changes, the texts of the pack's rules, and the account of one red code. When the
//! engine's interface moves, only this file follows.

use fuma_schemas::{CodeChange, Colour, Feed, Instant, RejectCode};

use super::DemoError;
use super::summary::RuleText;

/// What the demo asks of the engine.
pub(super) struct Request<'a> {
    /// NDJSON, feed by feed.
    pub(super) feeds: Vec<(Feed, Vec<u8>)>,
    /// The pack: an id or a folder.
    pub(super) policy: &'a str,
    /// How many threads.
    pub(super) workers: usize,
    /// The first instant of the district.
    pub(super) start: Instant,
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
pub(super) fn run(request: Request<'_>, progress: &dyn Progress) -> Result<Outcome, DemoError> {
    // Until the engine is wired in there is nothing to show, and nothing is made up.
    let events: usize = request.feeds.iter().map(|(_, bytes)| memchr::memchr_iter(b'\n', bytes).count()).sum();
    progress.decoded(events as u64);
    progress.judged(request.start, [0; 3], 0);
    Err(DemoError::Engine(format!("the engine is not wired in: {} with {} workers", request.policy, request.workers)))
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
