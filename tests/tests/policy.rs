//! Plans executed again and again: a reset plan is as good as a fresh one, a rule looks at one person only (I-6), and
//! what is not gathered is not missed.
//!
//! Owns these comparisons; that the packs say the right thing is their cases' and the conformance vectors' to show.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::{ExecutionPlan, collect};
use fuma_pipeline::evidence::StepTable;
use fuma_pipeline::policy::leaf::StepInput;
use fuma_pipeline::policy::planner::session_config;
use fuma_pipeline::policy::{Executor, Pack, PackSource, load};
use fuma_pipeline::replay::Tick;
use fuma_tests::drive::{Drive, Driven};
use fuma_tests::feeds::{Draft, World, random};
use fuma_tests::judge::{self, Gather, one_by_one, said, tables, together};
use fuma_tests::packs;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

fn state(pack: &Arc<Pack>, world: World, drafts: &[Draft]) -> Driven {
    let drive = Drive { tick: Tick::parse("1d").unwrap(), until: world.end(), batch_rows: 1000, forget: false };
    drive.run(pack, &world.lines(drafts))
}

/// Where the seeds of failures are kept: what failed once is tried first from then on.
fn seeds() -> Option<Box<dyn FailurePersistence>> {
    Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/policy.txt")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FUMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96);
    ProptestConfig { cases, failure_persistence: seeds(), ..ProptestConfig::default() }
}

fn fresh(pack: &str) -> Arc<Pack> {
    load(&PackSource::built_in(pack).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// I-6: a rule over everybody says of each what it says of them alone; and nothing is lost by not gathering
    /// what no rule can need.
    #[test]
    fn a_rule_looks_at_one_person(drafts in vec(any::<Draft>(), 1..120)) {
        for pack in packs() {
            let executor = Executor::new(Arc::clone(pack)).unwrap();
            let driven = state(pack, World { people: 12, ..World::BUSY }, &drafts);
            let expected = together(&driven.partition, &executor, Gather::Everything);
            prop_assert_eq!(&together(&driven.partition, &executor, Gather::Needed), &expected);
            prop_assert_eq!(&one_by_one(&driven.partition, &executor, Gather::Everything), &expected);
            prop_assert_eq!(&one_by_one(&driven.partition, &executor, Gather::Needed), &expected);
        }
    }
}

/// A reset plan = a fresh plan: an executor that has seen other people says what one says that has seen nobody.
#[test]
fn a_reset_plan_is_a_fresh_plan() {
    for pack in packs() {
        let fresh = Executor::new(fresh(&pack.id)).unwrap();
        let executor = Executor::new(Arc::clone(pack)).unwrap();
        let world = World { people: 40, ..World::BUSY };
        let (one, other) = (state(pack, world, &random(1, 600)), state(pack, world, &random(2, 600)));
        let first = together(&one.partition, &executor, Gather::Needed);
        let second = together(&other.partition, &executor, Gather::Needed);
        assert!(first.len() > 10 && second.len() > 10 && first != second);
        assert_eq!(second, together(&other.partition, &fresh, Gather::Needed));
        assert_eq!(first, together(&one.partition, &executor, Gather::Needed), "and back again");
        assert!(together(&state(pack, world, &[]).partition, &executor, Gather::Needed).is_empty());
    }
}

/// Why plans are reset: without, a join answers from the build side of the step before. Should this test fail one
/// day, DataFusion has changed, and the reset may go.
#[test]
fn without_a_reset_the_second_step_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bad-packs/good");
    let pack = load(&PackSource::folder(&folder).unwrap()).unwrap();
    let world = World { people: 40, ..World::BUSY };
    let steps = [1, 2].map(|seed| {
        let driven = state(&pack, world, &random(seed, 900));
        let people: Vec<u32> = (0..driven.partition.evidence().people()).collect();
        tables(&driven.partition, &pack, &people, Gather::Everything)
    });
    let plan = &pack.rules[pack.rule("T-R1").unwrap()].planned.plan;
    let right = rows(&reset_plan_states(Arc::clone(plan)).unwrap(), &steps[1]).unwrap();
    assert!(right.len() > 10);

    let kept = reset_plan_states(Arc::clone(plan)).unwrap();
    rows(&kept, &steps[0]).unwrap();
    let wrong = rows(&kept, &steps[1]);
    assert_ne!(wrong.ok(), Some(right.clone()), "a plan that is not reset remembers the step before");

    let reset = reset_plan_states(kept).unwrap();
    assert_eq!(rows(&reset, &steps[1]).unwrap(), right);
}

/// The rows of a plan as text, sorted.
fn rows(plan: &Arc<dyn ExecutionPlan>, step: &[StepTable]) -> datafusion::common::Result<Vec<String>> {
    let config = session_config().with_extension(Arc::new(StepInput { tables: step.to_vec() }));
    let context = TaskContext::new(
        None,
        String::new(),
        config,
        Default::default(),
        Default::default(),
        Default::default(),
        Default::default(),
        Arc::new(RuntimeEnv::default()),
    );
    let batches = tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(collect(Arc::clone(plan), Arc::new(context)))?;
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend((0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1).columns())));
    }
    rows.sort_unstable();
    Ok(rows)
}

/// Somebody who has nothing but tests costs no plan: no table of theirs is gathered, and everything gathered says
/// nothing.
#[test]
fn nothing_is_gathered_of_who_cannot_have_a_reason() {
    for pack in packs() {
        let executor = Executor::new(Arc::clone(pack)).unwrap();
        let mut tests = random(3, 200);
        tests.iter_mut().for_each(|draft| draft[0] = 9);
        let driven = state(pack, World::BUSY, &tests);
        let people: Vec<u32> = (0..driven.partition.evidence().people()).collect();
        assert!(!people.is_empty());
        let gathered = tables(&driven.partition, pack, &people, Gather::Needed);
        assert!(gathered.iter().all(|table| table.rows == 0));
        let everything = tables(&driven.partition, pack, &people, Gather::Everything);
        assert!(everything.iter().any(|table| table.rows > 0));
        assert!(said(&executor.execute(everything).unwrap()).is_empty());
        assert!(judge::timelines(&driven.partition, &executor).is_empty());
    }
}
