//! Tests of the spool: whatever comes, it comes back by key.

use proptest::prelude::*;

use super::*;

fn key(number: u8) -> Key {
    [number; 24]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn lines_come_back_in_the_order_of_keys(
        writers in proptest::collection::vec(proptest::collection::vec((any::<u8>(), 0_usize..200_000), 0..60), 1..4),
        kept_bytes in prop::sample::select(vec![0, 6 << 20, usize::MAX]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut spools = Vec::new();
        let mut all = Vec::new();
        for lines in writers {
            let mut spool = Spool::new(folder.path(), kept_bytes);
            for (number, length) in lines {
                spool.push(key(number), number ^ 1, |line| line.resize(line.len() + length, number)).unwrap();
                all.push((key(number), number ^ 1, length));
            }
            prop_assert!(spool.buffer.len() < kept_bytes.max(BUFFER_BYTES), "the buffer is bounded");
            spools.push(spool);
        }
        let mut merged = Vec::new();
        let mut each = |_: usize, key: &Key, note: u8, line: &[u8]| {
            assert!(line.iter().all(|byte| *byte == note ^ 1));
            merged.push((*key, note, line.len()));
            Ok(())
        };
        merge(&spools, &mut each).unwrap();
        prop_assert!(merged.is_sorted_by_key(|(key, _, _)| *key));
        merged.sort_unstable();
        all.sort_unstable();
        prop_assert_eq!(merged, all);
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no name");
    }
}

#[test]
fn what_rises_is_one_run() {
    let mut spool = Spool::new(Path::new("."), 0);
    for number in [1, 2, 2, 5, 3, 4] {
        spool.push(key(number), 0, |line| line.push(number)).unwrap();
    }
    assert_eq!(spool.runs.len(), 2);
}
