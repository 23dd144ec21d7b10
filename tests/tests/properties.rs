//! Properties of the whole engine over random feeds, under both packs.
//!
//! Owns what must hold whatever comes in. FUMA_CASES sets how many feeds each property sees.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fuma_pipeline::assess::Timeline;
use fuma_pipeline::policy::{Executor, Pack};
use fuma_pipeline::replay::{Finished, Tick};
use fuma_schemas::{CodeChange, Colour, Feed, Instant, Person};
use fuma_tests::drive::Drive;
use fuma_tests::feeds::{self, Draft, Line, World};
use fuma_tests::{judge, lines, packs, replay};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

const WORLD: World = World::BUSY;

/// Where the seeds of failures are kept: what failed once is tried first from then on.
fn seeds() -> Option<Box<dyn FailurePersistence>> {
    Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/properties.txt")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FUMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96);
    ProptestConfig { cases, failure_persistence: seeds(), max_shrink_iters: 2000, ..ProptestConfig::default() }
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    vec(any::<Draft>(), 1..90)
}

fn tick(text: &str) -> Tick {
    Tick::parse(text).unwrap()
}

fn replayed(pack: &Arc<Pack>, lines: &[Line], tick: Tick) -> Finished {
    replay(pack, &feeds::files(lines), tick, WORLD.end(), 1)
}

fn by_person(changes: &[CodeChange]) -> BTreeMap<Person, Vec<&CodeChange>> {
    let mut by_person: BTreeMap<Person, Vec<&CodeChange>> = BTreeMap::new();
    for change in changes {
        by_person.entry(change.person).or_default().push(change);
    }
    by_person
}

/// Colour and rules: what a person's state is (docs/feeds.md section 4).
fn state(change: &CodeChange) -> (Colour, Vec<String>) {
    (change.to, change.reasons.iter().map(|reason| reason.rule.id.clone()).collect())
}

fn state_of(timeline: Option<&Timeline>, pack: &Pack, at: Instant) -> (Colour, BTreeSet<String>) {
    let holding = timeline.into_iter().flat_map(Timeline::intervals).filter(|interval| interval.holds_at(at));
    let heads: Vec<_> = holding.map(|interval| &pack.rules[usize::from(interval.rule)].head).collect();
    let colour = heads.iter().map(|head| head.colour).max().unwrap_or(Colour::Green);
    (colour, heads.iter().map(|head| head.id.clone()).collect())
}

/// The state last announced by an instant; green without rules before anything was.
fn announced_by(changes: &[&CodeChange], at: Instant) -> (Colour, Vec<String>) {
    let last = changes.iter().rev().find(|change| change.decided_at <= at);
    last.map_or((Colour::Green, Vec::new()), |change| state(change))
}

/// An order of records, and which of them come again, from random numbers.
fn shuffled(lines: &[Line], numbers: &[u32]) -> Vec<Line> {
    let number = |place: usize| numbers[place % numbers.len()].wrapping_mul(place as u32 * 2 + 1);
    let mut keyed: Vec<(u32, Line)> =
        lines.iter().enumerate().map(|(place, line)| (number(place), line.clone())).collect();
    let again: Vec<_> = keyed.iter().filter(|(number, _)| number % 3 == 0).cloned().collect();
    keyed.extend(again.into_iter().map(|(number, line)| (number.rotate_left(11), line)));
    keyed.sort_by_key(|(number, _)| *number);
    keyed.into_iter().map(|(_, line)| line).collect()
}

proptest! {
    #![proptest_config(config())]

    /// I-2. known_at decides, and neither the place of a record nor its repetition.
    #[test]
    fn order_and_repetition_are_irrelevant(drafts in drafts(), numbers in vec(any::<u32>(), 7)) {
        let records = WORLD.lines(&drafts);
        let other = shuffled(&records, &numbers);
        for pack in packs() {
            let expected = lines(&replayed(pack, &records, tick("1h")).outcome.changes);
            let files = feeds::files_dealt(&other, |place| numbers[place % 7] as usize % 3);
            let got = replay(pack, &files, tick("1h"), WORLD.end(), 1);
            prop_assert_eq!(lines(&got.outcome.changes), expected);
            prop_assert_eq!(got.outcome.counts.facts, replayed(pack, &records, tick("1h")).outcome.counts.facts);
        }
    }

    /// Partitions are independent; and the same replay twice gives the same bytes.
    #[test]
    fn workers_change_nothing(drafts in drafts()) {
        let records = WORLD.lines(&drafts);
        let files = feeds::files(&records);
        for pack in packs() {
            let expected = lines(&replay(pack, &files, tick("1m"), WORLD.end(), 1).outcome.changes);
            for workers in 1..=3 {
                let got = replay(pack, &files, tick("1m"), WORLD.end(), workers);
                prop_assert_eq!(&lines(&got.outcome.changes), &expected, "{} workers", workers);
            }
        }
    }

    /// Replay judges many ticks in one step; live there is a step a tick, and batches are cut anywhere.
    #[test]
    fn steps_and_batches_change_nothing(drafts in drafts(), batch_rows in 1_usize..20) {
        let records = WORLD.lines(&drafts);
        for pack in packs() {
            let expected = lines(&replayed(pack, &records, tick("1h")).outcome.changes);
            let drive = Drive { tick: tick("1h"), until: WORLD.end(), batch_rows, forget: false };
            prop_assert_eq!(lines(&drive.run(pack, &records).changes), expected);
        }
    }

    /// I-4 and I-5: each change follows from the one before, and says why.
    #[test]
    fn changes_are_a_chain_of_reasoned_states(drafts in drafts()) {
        let records = WORLD.lines(&drafts);
        for pack in packs() {
            let changes = replayed(pack, &records, tick("1m")).outcome.changes;
            prop_assert!(changes.is_sorted_by_key(|change| (change.decided_at, change.person)));
            for of_person in by_person(&changes).into_values() {
                let mut before = (Colour::Green, Vec::new());
                let mut decided_at = Instant::MIN;
                for change in of_person {
                    prop_assert_eq!(change.from, before.0);
                    prop_assert_ne!(state(change), before);
                    prop_assert!(change.decided_at > decided_at);
                    check_reasons(change, pack)?;
                    (before, decided_at) = (state(change), change.decided_at);
                }
            }
        }
    }

    /// I-6. What a person's colour is hangs on their own records, on regions, and on the links that trace follows.
    #[test]
    fn others_change_nothing(drafts in drafts()) {
        let records = WORLD.lines(&drafts);
        let people: BTreeSet<Person> = records.iter().filter_map(|line| line.person).collect();
        for pack in packs() {
            let whole = replayed(pack, &records, tick("1h")).outcome.changes;
            for person in &people {
                let is_needed = |line: &&Line| {
                    matches!(line.feed, Feed::Cases | Feed::Contacts | Feed::Regions) || line.person == Some(*person)
                };
                let alone: Vec<Line> = records.iter().filter(is_needed).cloned().collect();
                let of_person = |changes: &[CodeChange]| -> Vec<String> {
                    lines(changes)
                    .into_iter()
                    .zip(changes)
                    .filter(|(_, change)| change.person == *person)
                    .map(|(line, _)| line)
                    .collect()
                };
                let got = replayed(pack, &alone, tick("1h")).outcome.changes;
                prop_assert_eq!(of_person(&got), of_person(&whole));
            }
        }
    }

    /// Tick after tick comes to the same as one look at everything in the end: rules, and their since, until and due.
    #[test]
    fn incremental_is_from_scratch(drafts in drafts(), days in 1_i64..100) {
        let records = WORLD.lines(&drafts);
        let until = Instant(WORLD.begin().0 + days * 86_400_000);
        for pack in packs() {
            let executor = Executor::new(Arc::clone(pack)).unwrap();
            let files = feeds::files(&records);
            // The only multiple of this tick after the epoch, up to the end, is the end.
            let (steps, once) = (
                replay(pack, &files, tick("1h"), until, 1),
                replay(pack, &files, Tick::new(until.0).unwrap(), until, 1),
            );
            let (Some(stepped), Some(scratch)) = (steps.partitions.first(), once.partitions.first()) else {
                prop_assert!(steps.outcome.changes.is_empty() && once.outcome.changes.is_empty());
                continue;
            };
            let timelines = judge::timelines(scratch, &executor);
            prop_assert_eq!(&judge::timelines(stepped, &executor), &timelines);
            prop_assert!(once.outcome.changes.iter().all(|change| change.decided_at == until));
            for changes in [&steps.outcome.changes, &once.outcome.changes] {
                let by_person = by_person(changes);
                for person in records.iter().filter_map(|line| line.person) {
                    let own = by_person.get(&person).map(Vec::as_slice).unwrap_or_default();
                let (colour, rules) = announced_by(own, until);
                    let expected = state_of(timelines.get(&person), pack, until);
                    let rules: BTreeSet<String> = rules.into_iter().collect();
                    prop_assert_eq!((colour, rules), expected);
                }
            }
        }
    }

    /// What ends by itself is settled at the next tick, however long a tick is.
    #[test]
    fn ticks_agree_where_they_meet(drafts in drafts()) {
        let records = WORLD.lines(&drafts);
        for pack in packs() {
            let fine = replayed(pack, &records, tick("1m")).outcome.changes;
            let coarse = replayed(pack, &records, tick("1h")).outcome.changes;
            let (fine_by, coarse_by) = (by_person(&fine), by_person(&coarse));
            let hours: BTreeSet<Instant> =
                fine.iter().chain(&coarse).map(|change| tick("1h").ceiling(change.decided_at)).collect();
            for person in fine_by.keys().chain(coarse_by.keys()) {
                let of = |by: &BTreeMap<Person, Vec<&CodeChange>>, at: Instant| {
                    announced_by(by.get(person).map(Vec::as_slice).unwrap_or_default(), at)
                };
                for &hour in hours.iter().filter(|hour| **hour <= WORLD.end()) {
                    prop_assert_eq!(of(&fine_by, hour), of(&coarse_by, hour));
                }
            }
        }
    }
}

fn check_reasons(change: &CodeChange, pack: &Pack) -> Result<(), TestCaseError> {
    prop_assert_eq!(change.to == Colour::Green, change.reasons.is_empty());
    prop_assert_eq!(change.reasons.iter().map(|r| r.rule.colour).max().unwrap_or(Colour::Green), change.to);
    for reason in &change.reasons {
        let clause = reason.rule.clause.strip_prefix(&*pack.manifest.document);
        prop_assert!(clause.is_some_and(|clause| !clause.trim().is_empty()), "{}", reason.rule.clause);
        prop_assert!(reason.since <= change.decided_at);
        prop_assert!(reason.until.is_none_or(|until| change.decided_at < until));
    }
    let order = |reason: &fuma_schemas::Reason| (std::cmp::Reverse(reason.rule.colour), reason.rule.id.clone());
    prop_assert!(change.reasons.is_sorted_by_key(order));
    prop_assert!(change.ended.is_sorted_by_key(|head| head.id.clone()));
    prop_assert!(change.colour_since <= change.effective_at && change.effective_at <= change.decided_at);
    prop_assert!(change.next_change_at.is_none_or(|next| next > change.decided_at));
    Ok(())
}

/// The generator is worth something only if much happens in what it makes.
#[test]
fn random_feeds_are_eventful() {
    let drafts = feeds::random(7, 16_000);
    for pack in packs() {
        let mut rules: BTreeSet<String> = BTreeSet::new();
        let mut steps: BTreeSet<(Colour, Colour)> = BTreeSet::new();
        for drafts in drafts.chunks(50) {
            let finished = replayed(pack, &WORLD.lines(drafts), tick("1h"));
            let rejects = finished.outcome.rejects;
            assert!(rejects.is_empty(), "every random record is good: {rejects:?}");
            for change in &finished.outcome.changes {
                rules.extend(change.reasons.iter().map(|reason| reason.rule.id.clone()));
                steps.insert((change.from, change.to));
            }
        }
        assert_eq!(steps.len(), 8, "every step but green to green");
        assert_eq!(rules.len(), pack.rules.len(), "{rules:?}");
    }
}
