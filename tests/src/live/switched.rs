//! A run from a seed with a switch of packs in the middle, while everything goes wrong that can.
//!
//! ```text
//! evidence comes in -> it is quiet -> a switch is decided, and read by each process in its time
//!   -> the instant comes, processes die, stand still, swap partitions -> it is quiet again
//! ```
//!
//! Then: nobody was judged by the old pack from the instant on, nor by the new one before; what the switch announced is
//! what a replay with the schedule says, by its digest; and the end is what one look at all the evidence says.
//!
//! Owns the comparison. What happens is drawn from the seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_pipeline::assess::Differences;
use fuma_pipeline::assess::difference::{digest, each_line};
use fuma_pipeline::live::worker::switch::{Outcome, Schedule, Switch};
use fuma_pipeline::policy::Pack;
use fuma_pipeline::replay::{self, Bounds, Options, Silent, Tick};
use fuma_schemas::{Feed, Instant, Person};

use super::announced::{self, Announced};
use super::chaos::{Chaos, PARTITIONS, RATES};
use super::{Member, Setup, scratch};
use crate::feeds::{self, Line};
use crate::simulated::{LeftOut, MarkerDelivery};

/// How long after the decision a switch takes force (R-27), and a little.
const AFTER_MS: i64 = 5 * 60_000 + 30_000;
/// A switch of many is read late by one process: so late.
const LATE_MS: i64 = 20 * 60_000;

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// How many people the switch changed.
    pub changes: usize,
    /// Whether an owner went on where another had begun, in some partition.
    pub is_resumed: bool,
}

/// A pack as the number so and so.
pub fn switch_to(number: u64, pack: &Arc<Pack>, at: Instant) -> Switch {
    Switch { number, hash: pack.id.to_string(), at, pack: Ok(Arc::clone(pack)) }
}

/// Runs a seed; `left_out`: on a cluster that leaves a rule out.
pub fn run(seed: u64, left_out: Option<LeftOut>) -> Ran {
    let mut chaos = Chaos::new(seed, left_out, seed.is_multiple_of(2));
    let (old, new) = (Arc::clone(&chaos.pack), Arc::clone(&crate::packs()[(seed as usize + 1) % 2]));
    let first = switch_to(1, &old, Instant::MIN);
    for member in &chaos.members {
        // Each process knows what it has read itself.
        let schedule = Schedule::default();
        schedule.set(vec![first.clone()]);
        let page = [Some(1), Some(2), None][seed as usize % 3];
        member.set_up(Setup { schedule, page, snapshots: chaos.snapshots(), ..Setup::of(&old) });
    }
    // Trace is not here: nothing hangs on another person.
    let lines = chaos.lines().into_iter().filter(|(_, line)| line.feed != Feed::Contacts);
    let lines: Vec<(Instant, Line)> = lines.collect();
    for some in lines.chunks(3) {
        chaos.pass_until(some.last().map_or(Instant::MIN, |(known_at, _)| *known_at));
        chaos.feed.write(&some.iter().map(|(_, line)| line.clone()).collect::<Vec<Line>>());
        chaos.work(6);
    }
    settle(&mut chaos);
    while !scratch::is_calm(&chaos.cluster, &old, PARTITIONS, 2 * AFTER_MS) {
        chaos.cluster.advance(AFTER_MS as u64);
        settle(&mut chaos);
    }
    scratch::check(&chaos.cluster, &old, PARTITIONS);
    let at = Instant(chaos.cluster.now().0 + AFTER_MS);
    let switches = [first, switch_to(2, &new, at)];
    take_force(&mut chaos, &switches);
    chaos.pack = Arc::clone(&new);
    settle(&mut chaos);
    scratch::check(&chaos.cluster, &new, PARTITIONS);
    let changes = announced::all(&chaos.cluster, PARTITIONS);
    check_packs(&changes, (&old, &new), at);
    let outcomes = outcomes(&chaos);
    let by_switch = check_headers(&changes, &outcomes);
    let parts: Vec<_> = outcomes.values().map(|outcome| outcome.differences.clone()).collect();
    let all: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    let (expected, replayed) = replayed(&all, (&old, &new), at);
    let told = lines_of(&parts);
    assert_eq!(
        told.iter().map(|line| &line[..32]).collect::<Vec<_>>(),
        replayed,
        "whom it changed, and whom in replay"
    );
    assert_eq!(digest(&parts), expected, "what the switch announced, and what replay says: {told:?}");
    Ran { changes: by_switch, is_resumed: outcomes.values().any(|outcome| outcome.is_resumed) }
}

/// It gets quiet, and every partition has an owner: one may have died as the last thing, and is missed after a session.
fn settle(chaos: &mut Chaos) {
    let is_owned = |chaos: &Chaos, partition| chaos.members.iter().any(|member| member.owned().contains(&partition));
    for _ in 0..10 {
        chaos.quiet();
        if (0..PARTITIONS).all(|partition| is_owned(chaos, partition)) {
            return;
        }
        chaos.cluster.advance(11_000);
    }
    panic!("somebody owns nothing still");
}

/// The decision is read, the instant passes, and all that goes wrong goes wrong.
fn take_force(chaos: &mut Chaos, switches: &[Switch]) {
    let (decided, members) = (chaos.cluster.now(), chaos.members.clone());
    // Who has no position, and was told nothing, is new: what is read of the log again is fresh evidence to it.
    chaos.positions_expire = false;
    chaos.cluster.set_fault_rates(RATES);
    chaos.cluster.set_markers(MarkerDelivery::Late { ms_max: 80 });
    let late = chaos.draw(3) == 0;
    let reads: Vec<i64> = (0..members.len())
        .map(|place| if late && place == 0 { LATE_MS } else { chaos.draw(4 * 60_000) as i64 })
        .collect();
    while chaos.cluster.now().0 < decided.0 + LATE_MS + 60_000 {
        let is_near = (chaos.cluster.now().0 - decided.0 - AFTER_MS).abs() < 2_000;
        chaos.cluster.advance(if is_near { 20 + chaos.draw(40) } else { 1_000 + chaos.draw(20_000) });
        let passed = chaos.cluster.now().0 - decided.0;
        for (member, reads) in members.iter().zip(&reads) {
            match passed >= *reads {
                true => member.follow_decisions(switches),
                false if passed < 1_000 => member.read_decisions(&switches[..1]),
                false => {}
            }
        }
        chaos.work(if is_near { 12 } else { 3 });
    }
    members.iter().for_each(|member| member.follow_decisions(switches));
    chaos.tell("everybody has read the decisions".to_owned());
}

/// From the instant on the new pack decides, before it the old one.
fn check_packs(changes: &[Announced], (old, new): (&Pack, &Pack), at: Instant) {
    for change in changes {
        let pack = if change.decided_at >= at { new } else { old };
        assert_eq!(change.headers["ce_policydigest"], *pack.digest, "decided by another pack, at {}: {change:?}", at.0);
    }
}

/// What the partitions say of the switch; the newest owner's word.
fn outcomes(chaos: &Chaos) -> BTreeMap<u32, Outcome> {
    let said = chaos.members.iter().flat_map(|member| member.schedule().to_write());
    let outcomes: BTreeMap<u32, Outcome> = said.map(|outcome| (outcome.partition, outcome)).collect();
    let owned: Vec<Vec<u32>> = chaos.members.iter().map(Member::owned).collect();
    assert_eq!(outcomes.len(), PARTITIONS as usize, "every partition has finished: {owned:?}");
    outcomes
}

/// Every change of the switch says so, and the state before; the outcome says the same. Gives how many there are.
fn check_headers(changes: &[Announced], outcomes: &BTreeMap<u32, Outcome>) -> usize {
    let mut states: BTreeMap<Person, String> = BTreeMap::new();
    let mut by_switch: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for change in changes {
        let mut rules = change.rules.clone();
        rules.sort();
        let after = if change.to == "green" { change.to.clone() } else { format!("{}:{}", change.to, rules.join(",")) };
        let before = states.insert(change.person, after.clone()).unwrap_or_else(|| "green".to_owned());
        if let Some(number) = change.headers.get("ce_switch") {
            assert_eq!((number.as_str(), &change.headers["ce_before"]), ("2", &before), "{change:?}");
            by_switch.entry(change.partition).or_default().push(format!("{} {before} {after}", change.person));
        }
    }
    for (partition, outcome) in outcomes {
        let said = lines_of(std::slice::from_ref(&outcome.differences));
        let mut announced = by_switch.get(partition).cloned().unwrap_or_default();
        announced.sort();
        assert_eq!(said, announced, "partition {partition}");
    }
    by_switch.values().map(Vec::len).sum()
}

fn lines_of(parts: &[Differences]) -> Vec<String> {
    let mut lines = Vec::new();
    let each = each_line(parts, |person, before, after| {
        lines.push(format!("{person} {before} {after}"));
        Ok::<(), ()>(())
    });
    assert!(each.is_ok());
    lines
}

/// The digest of the switch in a replay with the schedule, and whom it changes.
fn replayed(lines: &[Line], (old, new): (&Arc<Pack>, &Arc<Pack>), at: Instant) -> (String, Vec<String>) {
    let options = Options {
        pack: Arc::clone(old),
        later: vec![replay::Switch { at, pack: Arc::clone(new) }],
        tick: Tick::new(1).unwrap(),
        until: Some(at),
        workers: 1,
        intake: crate::settings(),
        bounds: Bounds::default(),
    };
    let outcome = replay::run(&feeds::files(lines), &options, &Silent).unwrap();
    let changed = outcome.changes.iter().filter(|change| change.decided_at == at);
    (outcome.counts.switched[0].digest.clone(), changed.map(|change| change.person.to_string()).collect())
}
