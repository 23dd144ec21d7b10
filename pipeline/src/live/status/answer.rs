//! One answer from what the processes say, the positions and the ends of the log.
//!
//! Owns who holds a partition where entries contradict each other: the one that is furthest, and of these the newest.
//! Pure: time is an argument.

use std::ops::Range;

use fuma_connectors::log::Position;
use fuma_schemas::Instant;
use serde::Serialize;

use super::entry::{Entry, Holding, PolicyName};
use super::publications::{self, WaitingTiers};
use super::switches::{self, Coming, UnderWay};
use crate::live::decisions::Fold;
use crate::live::partitions::{ASSESS, LINKS, TRACE, Withheld};
use crate::live::worker::position::Standing;

/// What is known of the log.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The name of the evidence log.
    pub topic: String,
    /// The name of the link log.
    pub links: String,
    /// By partition.
    pub positions: Vec<Position>,
    /// By partition; none where it does not answer.
    pub bounds: Vec<Option<Range<u64>>>,
    /// Whether no record stands in what is not committed, by partition: only ends of transactions.
    pub hollow: Vec<bool>,
    /// When the log took the oldest record that is not committed, by partition.
    pub oldest: Vec<Option<Instant>>,
    /// What the processes say, and when the log took it.
    pub entries: Vec<(Entry, Instant)>,
    /// The installation, as its record names it.
    pub installation: Option<serde_json::Value>,
    /// The pack in force, as the log names it.
    pub policy: Option<PolicyName>,
    /// The holds that are not released.
    pub holds: Vec<HeldName>,
    /// What was decided.
    pub fold: Fold,
}

/// The answer, as `fuma status --json` prints it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Answer {
    /// The installation record; null where none stands.
    pub installation: Option<serde_json::Value>,
    /// The pack in force; null where none is.
    pub policy: Option<PolicyName>,
    /// The emergency stops that are not released: nothing is announced.
    pub holds: Vec<HeldName>,
    /// What the release of the emergency stop would announce, of all partitions that say it; null: nothing is held.
    pub withheld: Option<Withheld>,
    /// The switch under way; null: none is.
    pub switch: Option<UnderWay>,
    /// The packs that are to come, and what they still need.
    pub coming: Vec<Coming>,
    /// Publications of tiers that wait to be counted or approved.
    pub publications: Vec<WaitingTiers>,
    /// When this was asked.
    pub at: String,
    /// The processes that were heard of.
    pub processes: Vec<Process>,
    /// Every partition of the evidence, by number.
    pub partitions: Vec<Partition>,
    /// Those of them that are parked, and the link log where it is.
    pub parked: Vec<Parked>,
}

/// An emergency stop.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct HeldName {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
    /// Since when, by the clock of who wrote it.
    pub since: String,
}

/// A process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Process {
    /// Its name.
    pub process: String,
    /// Where its metrics are.
    pub http: Option<String>,
    /// Its version.
    pub version: String,
    /// What it does.
    pub roles: Vec<String>,
    /// By which pack it judges.
    pub policy: PolicyName,
    /// When it started.
    pub started: String,
    /// How long ago the log took its last word.
    pub heard_seconds: i64,
    /// Whether that is too long ago.
    pub stale: bool,
}

/// A partition of the evidence.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Partition {
    /// The topic, or the log in the folder.
    pub topic: String,
    /// Its number.
    pub partition: u32,
    /// restoring, owned, parked, unowned.
    pub state: &'static str,
    /// The process that has it.
    pub owner: Option<String>,
    /// Why it is parked.
    pub reason: Option<String>,
    /// Since when it is in this state.
    pub since: Option<String>,
    /// When it is tried again.
    pub next_try: Option<String>,
    /// The offset up to which it is committed; null: never.
    pub committed: Option<u64>,
    /// The clock of the last commit.
    pub committed_at: Option<String>,
    /// The first offset that is held, and one past the last; null where it does not answer.
    pub start: Option<u64>,
    /// One past the last.
    pub end: Option<u64>,
    /// Records that are not committed.
    pub lag_records: Option<u64>,
    /// How long the oldest of them waits.
    pub lag_seconds: Option<f64>,
    /// While everything is held: what its release would announce here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// A parked partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Parked {
    /// The stage: assess, or trace.
    pub stage: &'static str,
    /// The topic, or the log in the folder.
    pub topic: String,
    /// Its number.
    pub partition: u32,
    /// The process that has it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: String,
    /// When it is tried again; null: it waits for somebody.
    pub next_try: Option<String>,
}

const STATES: [&str; 3] = ["parked", "restoring", "owned"];

/// Puts together what is known.
pub fn answer(seen: &Seen, now: Instant) -> Answer {
    let partitions: Vec<Partition> = (0..seen.positions.len()).map(|number| partition(seen, number, now)).collect();
    let parked = partitions.iter().filter(|partition| partition.state == "parked").map(|partition| Parked {
        stage: ASSESS,
        topic: partition.topic.clone(),
        partition: partition.partition,
        owner: partition.owner.clone().unwrap_or_default(),
        reason: partition.reason.clone().unwrap_or_default(),
        since: partition.since.clone().unwrap_or_default(),
        next_try: partition.next_try.clone(),
    });
    let processes = seen.entries.iter().map(|(entry, written)| Process {
        process: entry.process.clone(),
        http: entry.http.clone(),
        version: entry.version.clone(),
        roles: entry.roles.clone(),
        policy: entry.policy.clone(),
        started: entry.started.clone(),
        heard_seconds: now.0.saturating_sub(written.0).max(0) / 1000,
        stale: Entry::is_stale(*written, now),
    });
    Answer {
        installation: seen.installation.clone(),
        policy: seen.policy.clone(),
        withheld: withheld(&partitions).filter(|_| !seen.holds.is_empty()),
        holds: seen.holds.clone(),
        switch: switches::under_way(&seen.fold, &standings(seen), now),
        coming: switches::coming(&seen.fold, now),
        publications: publications::waiting(&seen.fold),
        at: now.to_string(),
        processes: processes.collect(),
        parked: parked.chain(links(seen, now)).collect(),
        partitions,
    }
}

fn standings(seen: &Seen) -> Vec<Option<Standing>> {
    seen.positions.iter().map(|position| Standing::parse(&position.metadata).ok().flatten()).collect()
}

/// What a release would announce in all of these.
fn withheld(partitions: &[Partition]) -> Option<Withheld> {
    let mut all: Option<Withheld> = None;
    for withheld in partitions.iter().filter_map(|partition| partition.withheld.as_ref()) {
        all.get_or_insert_default().add(withheld);
    }
    all
}

/// What the release of an emergency stop would announce, by what the processes say; and of which partitions nobody says
/// it whole, with why.
pub fn of_release(entries: Vec<(Entry, Instant)>, partitions: u32, now: Instant) -> (Withheld, Vec<(u32, String)>) {
    let seen = Seen { entries, ..Seen::default() };
    let (mut all, mut missing) = (Withheld::default(), Vec::new());
    for number in 0..partitions {
        let found = holder(&seen, (ASSESS, number), now);
        let withheld = found.and_then(|(_, holding, _)| holding.withheld.as_ref());
        withheld.iter().for_each(|withheld| all.add(withheld));
        let why = match (found, withheld) {
            (None, _) => Some("no process has it".to_owned()),
            (Some((_, _, "owned")), None) => Some("its process has not counted yet".to_owned()),
            (Some((_, _, state)), None) => Some(format!("it is {state}")),
            (_, Some(withheld)) if withheld.to_judge > 0 => {
                Some(format!("{} people are still to be judged", withheld.to_judge))
            }
            _ => None,
        };
        missing.extend(why.map(|why| (number, why)));
    }
    (all, missing)
}

/// The link log, where it is parked: nobody traces contacts then.
fn links(seen: &Seen, now: Instant) -> Option<Parked> {
    let (entry, holding, _) = holder(seen, (TRACE, LINKS), now).filter(|(.., state)| *state == "parked")?;
    Some(Parked {
        stage: TRACE,
        topic: seen.links.clone(),
        partition: LINKS,
        owner: entry.process.clone(),
        reason: holding.reason.clone().unwrap_or_default(),
        since: holding.since.clone(),
        next_try: holding.next_try.clone(),
    })
}

fn partition(seen: &Seen, place: usize, now: Instant) -> Partition {
    let number = u32::try_from(place).unwrap_or(u32::MAX);
    let position = seen.positions.get(place).cloned().unwrap_or_default();
    let bounds = seen.bounds.get(place).cloned().flatten();
    let standing = Standing::parse(&position.metadata).ok().flatten();
    let is_hollow = seen.hollow.get(place).copied().unwrap_or_default();
    let lag_records = bounds.as_ref().map(|held| match is_hollow {
        true => 0,
        false => held.end.saturating_sub(position.offset.unwrap_or(0).max(held.start)),
    });
    let oldest = seen.oldest.get(place).copied().flatten();
    let lag_seconds = match lag_records {
        Some(0) => Some(0.0),
        Some(_) => oldest.map(|oldest| now.0.saturating_sub(oldest.0).max(0) as f64 / 1e3),
        None => None,
    };
    let holder = holder(seen, (ASSESS, number), now);
    Partition {
        topic: seen.topic.clone(),
        partition: number,
        state: holder.map_or("unowned", |(_, _, state)| state),
        owner: holder.map(|(entry, ..)| entry.process.clone()),
        reason: holder.and_then(|(_, holding, _)| holding.reason.clone()),
        since: holder.map(|(_, holding, _)| holding.since.clone()),
        next_try: holder.and_then(|(_, holding, _)| holding.next_try.clone()),
        committed: position.offset,
        committed_at: standing.filter(|_| position.offset.is_some()).map(|standing| standing.clock.to_string()),
        start: bounds.as_ref().map(|held| held.start),
        end: bounds.as_ref().map(|held| held.end),
        lag_records,
        lag_seconds,
        withheld: holder.and_then(|(_, holding, _)| holding.withheld.clone()),
    }
}

/// Who has a partition now: of the processes that were heard of lately the one that is furthest, then the newest word.
fn holder<'a>(
    seen: &'a Seen,
    (stage, number): (&str, u32),
    now: Instant,
) -> Option<(&'a Entry, &'a Holding, &'static str)> {
    let heard = seen.entries.iter().filter(|(_, written)| !Entry::is_stale(*written, now));
    let claims = heard.flat_map(|(entry, written)| {
        let of_number = entry.partitions.iter().filter(|holding| holding.stage == stage);
        let of_number = of_number.filter(|holding| holding.partition == number);
        of_number.filter_map(move |holding| {
            let (rank, state) = STATES.iter().enumerate().find(|(_, state)| **state == holding.state)?;
            Some(((rank, written.0), (entry, holding, *state)))
        })
    });
    claims.max_by_key(|(order, _)| *order).map(|(_, claim)| claim)
}
