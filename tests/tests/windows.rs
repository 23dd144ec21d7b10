//! Replay in bounded memory gives what replay in memory gives: on disk or not, in steps of any size, at any tick.
//!
//! Owns the comparison. FUMA_CASES sets how many feeds it sees.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use fuma_pipeline::assess::StepLimits;
use fuma_pipeline::replay::{self, Bounds, Options, Silent, Tick};
use fuma_tests::feeds::{self, Draft, World};
use fuma_tests::{lines, packs, replay as in_memory, settings};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};

const WORLD: World = World::BUSY;

/// Where the seeds of failures are kept: what failed once is tried first from then on.
fn seeds() -> Option<Box<dyn FailurePersistence>> {
    Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/windows.txt")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FUMA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, failure_persistence: seeds(), max_shrink_iters: 2000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bounds_change_nothing(
        drafts in vec(any::<Draft>(), 1..90),
        slots in 1_usize..5,
        (workers, tick) in (1_usize..4, prop_oneof![Just("1m"), Just("6h"), Just("40d")]),
    ) {
        let records = WORLD.lines(&drafts);
        let files = feeds::files(&records);
        let tick = Tick::parse(tick).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for pack in packs() {
            let expected = in_memory(pack, &files, tick, WORLD.end(), 1).outcome;
            let step = StepLimits { slots, pairs: 40, ..StepLimits::default() };
            let options = Options {
                pack: pack.clone(),
                later: Vec::new(),
                tick,
                until: Some(WORLD.end()),
                workers,
                intake: settings(),
                bounds: Bounds { folder: folder.path().to_owned(), evidence_bytes: 0, step, ..Bounds::default() },
            };
            let mut spooled = replay::spooled(&files, &options, &Silent).unwrap();
            let mut written = Vec::new();
            spooled.write_changes(&mut written).unwrap();
            let written = String::from_utf8(written).unwrap();
            prop_assert_eq!(written.lines().collect::<Vec<_>>(), lines(&expected.changes));
            let (counts, expected) = (&spooled.counts, &expected.counts);
            prop_assert_eq!(counts.short_greens, expected.short_greens);
            prop_assert_eq!((counts.facts, counts.colours, &counts.tally), (expected.facts, expected.colours, &expected.tally));
        }
    }
}
