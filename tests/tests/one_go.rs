//! A plan evaluated in one go says what DataFusion says when it streams the plan: for the built-in packs over whatever
//! evidence, and for every form that a rule may have.
//!
//! Owns this comparison. What is right is not its to say.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::Arc;

use fuma_pipeline::policy::{Executor, Pack, PackSource, RuleRow, load};
use fuma_pipeline::replay::Tick;
use fuma_tests::drive::{Drive, Driven};
use fuma_tests::feeds::{Draft, World, random};
use fuma_tests::judge::{Gather, tables};
use fuma_tests::packs;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

fn state(pack: &Arc<Pack>, world: World, drafts: &[Draft]) -> Driven {
    let drive = Drive { tick: Tick::parse("1d").unwrap(), until: world.end(), batch_rows: 1000, forget: false };
    drive.run(pack, &world.lines(drafts))
}

/// What rules say of everybody together, sorted; and how many plans were streamed.
fn said(driven: &Driven, executor: &Executor, gather: Gather) -> (Vec<RuleRow>, u64) {
    let people: Vec<u32> = (0..driven.partition.evidence().people()).collect();
    let before = executor.streamed();
    let mut rows = executor.execute(tables(&driven.partition, executor.pack(), &people, gather)).unwrap();
    rows.sort_unstable_by_key(|row| (row.slot, row.rule, row.since, row.until, row.due, row.cause));
    (rows, executor.streamed() - before)
}

/// One executor that evaluates in one go where it can, one that streams everything.
fn both(pack: &Arc<Pack>) -> (Executor, Executor) {
    let mut streaming = Executor::new(Arc::clone(pack)).unwrap();
    streaming.stream();
    (Executor::new(Arc::clone(pack)).unwrap(), streaming)
}

/// Where the seeds of failures are kept: what failed once is tried first from then on.
fn config() -> ProptestConfig {
    let seeds: Option<Box<dyn FailurePersistence>> =
        Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/one_go.txt")));
    ProptestConfig { failure_persistence: seeds, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_packs_say_the_same_in_one_go(drafts in vec(any::<Draft>(), 1..150)) {
        for pack in packs() {
            let (executor, streaming) = both(pack);
            let driven = state(pack, World { people: 12, ..World::BUSY }, &drafts);
            for gather in [Gather::Everything, Gather::Needed] {
                let (rows, streamed) = said(&driven, &executor, gather);
                prop_assert_eq!(streamed, 0, "a plan of {} could not be evaluated in one go", pack.id);
                prop_assert_eq!(rows, said(&driven, &streaming, gather).0);
            }
        }
    }
}

/// Many people, so that batches of pairs are full and groups are many.
#[test]
fn a_crowd_says_the_same_in_one_go() {
    for pack in packs() {
        let (executor, streaming) = both(pack);
        let driven = state(pack, World { people: 250, ..World::BUSY }, &random(7, 9_000));
        let (rows, streamed) = said(&driven, &executor, Gather::Everything);
        assert!(rows.len() > 500, "{} rows", rows.len());
        assert_eq!((rows, streamed), (said(&driven, &streaming, Gather::Everything).0, 0), "{}", pack.id);
    }
}

fn with_condition(condition: &str) -> PackSource {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bad-packs/good");
    let mut source = PackSource::folder(&folder).unwrap();
    let rule = source.files.get_mut("rules/T-R1.sql").unwrap();
    *rule = rule.replace(
        "WHERE c.classification = 'confirmed'\n",
        &format!("WHERE c.classification = 'confirmed' AND {condition}\n"),
    );
    assert!(rule.contains(condition));
    source
}

/// Joins that drop, keep and only look at rows, conditions of every kind, a table of the pack.
#[test]
fn every_form_says_the_same_in_one_go() {
    let forms =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bad-packs/good-forms.txt")).unwrap();
    let forms: Vec<&str> = forms.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let world = World { people: 40, ..World::BUSY };
    let driven = state(&packs()[0], world, &random(3, 900));
    let (mut in_one_go, mut speaking) = (0, 0);
    for form in &forms {
        let pack = load(&with_condition(form)).unwrap_or_else(|error| panic!("{form}: {error}"));
        let (executor, streaming) = both(&pack);
        let (rows, streamed) = said(&driven, &executor, Gather::Everything);
        assert_eq!(rows, said(&driven, &streaming, Gather::Everything).0, "{form}");
        in_one_go += usize::from(streamed == 0);
        speaking += usize::from(!rows.is_empty());
    }
    assert!(in_one_go * 10 >= forms.len() * 9, "{in_one_go} of {} are evaluated in one go", forms.len());
    assert!(speaking * 2 > forms.len(), "{speaking} of {} say something", forms.len());
}
