//! A preview says what the switch does: the same people, the same digest.
//!
//! Owns the comparison with replays (docs/feeds.md sections 3 and 6). FUMA_CASES sets how many it sees.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fuma_connectors::files::sha256_hex;
use fuma_pipeline::policy::Pack;
use fuma_pipeline::preview::{Preview, preview, preview_batch};
use fuma_pipeline::replay::{self, Bounds, Options, Outcome, Silent, Source, Switch, Tick};
use fuma_schemas::{CodeChange, Colour, Instant, Person};
use fuma_tests::feeds::{self, Draft, World};
use fuma_tests::{all_packs as packs, settings};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

const WORLD: World = World::BUSY;

fn seeds() -> Option<Box<dyn FailurePersistence>> {
    Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/preview.txt")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FUMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, failure_persistence: seeds(), max_shrink_iters: 2000, ..ProptestConfig::default() }
}

fn options(pack: &Arc<Pack>, tick: Tick, until: Instant, workers: usize) -> Options {
    let (pack, intake) = (Arc::clone(pack), settings());
    Options { pack, later: Vec::new(), tick, until: Some(until), workers, intake, bounds: Bounds::default() }
}

fn replayed(files: &[Source], options: &Options) -> Outcome {
    replay::run(files, options, &Silent).unwrap()
}

/// The states announced up to a clock, in words.
fn states(changes: &[CodeChange], until: Instant) -> BTreeMap<Person, String> {
    let words = |change: &CodeChange| {
        let mut rules: Vec<&str> = change.reasons.iter().map(|reason| reason.rule.id.as_str()).collect();
        rules.sort_unstable();
        match change.to {
            Colour::Green => "green".to_owned(),
            colour => format!("{colour}:{}", rules.join(",")),
        }
    };
    let known = changes.iter().filter(|change| change.decided_at <= until);
    known.map(|change| (change.person, words(change))).collect()
}

fn lines(before: &BTreeMap<Person, String>, after: &BTreeMap<Person, String>) -> Vec<String> {
    let people: BTreeSet<&Person> = before.keys().chain(after.keys()).collect();
    let state =
        |states: &BTreeMap<Person, String>, person| states.get(person).map_or("green", String::as_str).to_owned();
    let pairs = people.into_iter().map(|person| (person, state(before, person), state(after, person)));
    pairs.filter(|(_, old, new)| old != new).map(|(person, old, new)| format!("{person} {old} {new}\n")).collect()
}

fn colours_of(lines: &[String], place: usize, colour: &str) -> u64 {
    lines
        .iter()
        .filter(|line| line.split([' ', ':', '\n']).filter(|word| is_colour(word)).nth(place) == Some(colour))
        .count() as u64
}

fn is_colour(word: &str) -> bool {
    ["green", "yellow", "red"].contains(&word)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_preview_is_the_outcome(
        drafts in vec(any::<Draft>(), 1..90),
        (one, other) in (0_usize..4, 0_usize..4),
        (days, millis) in (0_i64..44, prop_oneof![Just(0_i64), 0_i64..86_400_000]),
        tick in prop_oneof![Just("1m"), Just("6h")],
        workers in 1_usize..4,
    ) {
        let files = feeds::files(&WORLD.lines(&drafts));
        let tick = Tick::parse(tick).unwrap();
        let at = Instant(WORLD.begin().0 + days * 86_400_000 + millis);
        let clock = tick.ceiling(at);
        let (current, candidate) = (&packs()[one], &packs()[other]);
        let options_of = |pack: &Arc<Pack>| options(pack, tick, clock, workers);
        let told: Preview = preview(&files, &options_of(current), (candidate, at), &Silent).unwrap();
        let (old, new) = (replayed(&files, &options_of(current)), replayed(&files, &options_of(candidate)));
        let expected = lines(&states(&old.changes, clock), &states(&new.changes, clock));
        prop_assert_eq!(&told.digest, &sha256_hex(expected.concat().as_bytes()));
        prop_assert_eq!(told.changes, expected.len() as u64);
        prop_assert_eq!((told.before, told.people), (old.counts.colours, old.counts.people));
        prop_assert_eq!(told.after, new.counts.colours);
        for (place, colour) in ["green", "yellow", "red"].iter().enumerate() {
            let from: u64 = told.moves.iter().filter(|((before, _), _)| before == colour).map(|(_, count)| count).sum();
            prop_assert_eq!(from, colours_of(&expected, 0, colour), "{} {}", place, colour);
        }
        // A switch there announces these changes, when nothing else happens at the tick.
        if old.changes.iter().all(|change| change.decided_at != clock) {
            let later = vec![Switch { at, pack: Arc::clone(candidate) }];
            let switched = replayed(&files, &Options { later, ..options_of(current) });
            if let Some(switch) = switched.counts.switched.first() {
                prop_assert_eq!((&switch.digest, switch.changes), (&told.digest, told.changes));
            }
        }
        prop_assert!(told.samples.len() as u64 == told.changes.min(20), "{:?}", told.samples);
        for sample in &told.samples {
            let line = format!("{} {} {}\n", sample.person, sample.before.state, sample.after.state);
            prop_assert!(expected.contains(&line), "{}", line);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// What records would do that are not sent yet is what a replay says that has them, less what one says without.
    #[test]
    fn a_batch_is_previewed_as_it_will_be(
        (known, more) in (vec(any::<Draft>(), 1..60), vec(any::<Draft>(), 1..30)),
        pack in 0_usize..4,
        days in 0_i64..44,
        workers in 1_usize..4,
    ) {
        let (files, batch) = (feeds::files(&WORLD.lines(&known)), feeds::files(&WORLD.lines(&more)));
        let tick = Tick::parse("6h").unwrap();
        let at = Instant(WORLD.begin().0 + days * 86_400_000);
        let clock = tick.ceiling(at);
        let options = options(&packs()[pack], tick, clock, workers);
        let told = preview_batch((&files, &batch), &options, at, &Silent).unwrap();
        let all: Vec<Source> = files.iter().chain(&batch).cloned().collect();
        let (old, new) = (replayed(&files, &options), replayed(&all, &options));
        let expected = lines(&states(&old.changes, clock), &states(&new.changes, clock));
        prop_assert_eq!(&told.digest, &sha256_hex(expected.concat().as_bytes()));
        prop_assert_eq!((told.changes, told.people), (expected.len() as u64, new.counts.people));
        prop_assert_eq!(told.after, new.counts.colours);
    }
}
