//! One pack after another: at each tick a schedule says what the pack in force alone would say, and nothing twice.
//!
//! Owns the comparison with replays of one pack each (docs/feeds.md section 3). FUMA_CASES sets how many it sees.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_connectors::files::sha256_hex;
use fuma_pipeline::assess::StepLimits;
use fuma_pipeline::policy::Pack;
use fuma_pipeline::replay::{self, Bounds, Options, Outcome, Rejected, Silent, Source, Switch, Tick};
use fuma_schemas::{CodeChange, Colour, Instant, Person};
use fuma_tests::feeds::{self, Draft, World};
use fuma_tests::{all_packs as packs, settings};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

const WORLD: World = World::BUSY;

fn seeds() -> Option<Box<dyn FailurePersistence>> {
    Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/schedules.txt")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FUMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, failure_persistence: seeds(), max_shrink_iters: 2000, ..ProptestConfig::default() }
}

fn replayed(
    files: &[Source],
    (pack, later): (&Arc<Pack>, &[Switch]),
    tick: Tick,
    (workers, slots): (usize, usize),
) -> Outcome {
    let options = Options {
        pack: Arc::clone(pack),
        later: later.to_vec(),
        tick,
        until: Some(WORLD.end()),
        workers,
        intake: settings(),
        bounds: Bounds { step: StepLimits { slots, ..StepLimits::default() }, ..Bounds::default() },
    };
    replay::run(files, &options, &Silent).unwrap()
}

type State = (Colour, Vec<String>);

fn state(change: &CodeChange) -> State {
    (change.to, change.reasons.iter().map(|reason| reason.rule.id.clone()).collect())
}

fn states_before(changes: &[CodeChange], at: Instant) -> BTreeMap<Person, State> {
    let before = changes.iter().filter(|change| change.decided_at < at);
    before.map(|change| (change.person, state(change))).collect()
}

fn words((colour, rules): &State) -> String {
    let mut rules = rules.clone();
    rules.sort();
    if *colour == Colour::Green { colour.to_string() } else { format!("{colour}:{}", rules.join(",")) }
}

/// What a schedule must say, from what each of its packs says alone.
fn expected(alone: &[Vec<CodeChange>], switches: &[(Instant, Instant)]) -> (Vec<CodeChange>, Vec<String>) {
    let green = || (Colour::Green, Vec::new());
    let (mut all, mut digests) = (Vec::<CodeChange>::new(), Vec::new());
    let first_switch = switches.first().map_or(Instant(i64::MAX), |(_, tick)| *tick);
    all.extend(alone[0].iter().filter(|change| change.decided_at < first_switch).cloned());
    for (number, (at, tick)) in switches.iter().enumerate() {
        let end = switches.get(number + 1).map_or(Instant(i64::MAX), |(_, tick)| *tick);
        let before = states_before(&alone[number], *tick);
        let own = &alone[number + 1];
        let after = states_before(own, Instant(tick.0 + 1));
        let mut lines = Vec::new();
        let people: std::collections::BTreeSet<Person> = before.keys().chain(after.keys()).copied().collect();
        for person in people {
            let (old, new) =
                (before.get(&person).cloned().unwrap_or_else(green), after.get(&person).cloned().unwrap_or_else(green));
            if old != new {
                lines.push(format!("{person} {} {}\n", words(&old), words(&new)));
            }
        }
        lines.sort();
        digests.push(sha256_hex(lines.concat().as_bytes()));
        let later = own.iter().filter(|change| (*tick < change.decided_at) && change.decided_at < end);
        all.extend(later.cloned().map(|mut change| {
            if change.effective_at < *at {
                change.ended.clear();
            }
            change.effective_at = change.effective_at.max(*at);
            change.colour_since = change.colour_since.max(*at);
            change
        }));
    }
    (all, digests)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_schedule_says_what_each_pack_says_in_its_time(
        drafts in vec(any::<Draft>(), 1..90),
        order in vec(0_usize..4, 2..5),
        (begin, gaps) in (-3_i64..40, vec((0_i64..10, prop_oneof![Just(0_i64), Just(-1), 0_i64..86_400_000]), 4)),
        tick in prop_oneof![Just("1m"), Just("6h"), Just("1d")],
        (workers, slots) in (1_usize..4, prop_oneof![1_usize..4, Just(16_384)]),
    ) {
        let files = feeds::files(&WORLD.lines(&drafts));
        let tick = Tick::parse(tick).unwrap();
        let alone: Vec<Outcome> =
            order.iter().map(|number| replayed(&files, (&packs()[*number], &[]), tick, (1, 16_384))).collect();
        let Some(last_tick) = alone[0].counts.last_tick else { return Ok(()) };
        let first_tick = first_tick(&files, &alone[0].rejects, tick);
        let mut at = Instant(WORLD.begin().0 + begin * 86_400_000);
        let mut later: Vec<Switch> = Vec::new();
        for (number, (days, millis)) in order[1..].iter().zip(&gaps) {
            let next = Instant((at.0 + days * 86_400_000 + millis).max(0));
            at = if later.is_empty() { next } else { Instant(next.0.max(at.0 + 1)) };
            later.push(Switch { at, pack: Arc::clone(&packs()[*number]) });
        }
        // Of two that begin between the same two ticks the later one alone is in force, and none after the end.
        let mut in_force: Vec<usize> = vec![0];
        let mut switches: Vec<(Instant, Instant)> = Vec::new();
        for (number, switch) in later.iter().enumerate() {
            let at_tick = tick.ceiling(switch.at).max(first_tick);
            if switches.last().is_some_and(|(_, other)| *other == at_tick) {
                switches.pop();
                in_force.pop();
            }
            if at_tick <= last_tick {
                switches.push((switch.at, at_tick));
                in_force.push(number + 1);
            }
        }
        let said = replayed(&files, (&packs()[order[0]], &later), tick, (workers, slots));
        let of_each: Vec<Vec<CodeChange>> = in_force.iter().map(|number| alone[*number].changes.clone()).collect();
        let (expected, digests) = expected(&of_each, &switches);
        let is_switch = |change: &&CodeChange| switches.iter().any(|(_, tick)| *tick == change.decided_at);
        let between: Vec<&CodeChange> = said.changes.iter().filter(|change| !is_switch(change)).collect();
        prop_assert_eq!(between, expected.iter().collect::<Vec<_>>());
        for change in said.changes.iter().filter(is_switch) {
            let (at, _) = switches.iter().find(|(_, tick)| *tick == change.decided_at).unwrap();
            prop_assert!(*at <= change.colour_since && change.colour_since <= change.effective_at);
        }
        let told: Vec<&String> = said.counts.switched.iter().map(|switched| &switched.digest).collect();
        prop_assert_eq!(told, digests.iter().collect::<Vec<_>>());
        prop_assert_eq!(said.changes, replayed(&files, (&packs()[order[0]], &later), tick, (1, 16_384)).changes);
    }
}

/// The first tick: that of the earliest record that is accepted.
fn first_tick(files: &[Source], rejects: &[Rejected], tick: Tick) -> Instant {
    let mut first = Instant(i64::MAX);
    for file in files {
        let Source::Bytes { name, bytes, .. } = file else { continue };
        for (number, line) in (1..).zip(String::from_utf8_lossy(bytes).lines()) {
            let is_rejected = rejects.iter().any(|reject| *reject.file == **name && reject.line == number);
            let record: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let known_at = record["known_at"].as_str().and_then(Instant::parse);
            first = first.min(known_at.filter(|_| !is_rejected).unwrap_or(first));
        }
    }
    tick.ceiling(first)
}
