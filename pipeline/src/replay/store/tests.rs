//! Tests of the store: rows come out by tick however they went in, and few pieces are in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMillisecondArray, new_null_array};
use fuma_schemas::evidence::log_schema;
use proptest::prelude::*;

use super::*;
use crate::replay::{ReplayError, Tick};

/// A batch that says nothing but when its rows became known.
fn batch(known: &[i64]) -> RecordBatch {
    let schema = log_schema(Kind::Tests);
    let columns = schema.fields().iter().enumerate().map(|(at, field)| -> ArrayRef {
        match at {
            log::KNOWN_AT => Arc::new(TimestampMillisecondArray::from(known.to_vec())),
            _ => new_null_array(field.data_type(), known.len()),
        }
    });
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let schema = arrow::datatypes::Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.collect()).unwrap()
}

/// The rows of each tick, sorted; and how many pieces were open at most.
fn taken(store: Store, tick: Tick) -> (BTreeMap<i64, Vec<i64>>, usize) {
    let pieces = store.finish().0.into_iter().flatten().collect();
    let (mut cursor, mut by_tick, mut open) = (Cursor::new(pieces, tick), BTreeMap::new(), 0);
    while let Some(clock) = cursor.next_tick() {
        let mut known = Vec::new();
        let mut apply = |_: Kind, batch: &RecordBatch, rows: &[u32]| -> Result<(), ReplayError> {
            known.extend(rows.iter().map(|row| known_at(batch)[*row as usize]));
            Ok(())
        };
        cursor.take(clock, &mut apply).unwrap();
        open = open.max(cursor.open_pieces());
        known.sort_unstable();
        assert!(by_tick.insert(clock.0, known).is_none(), "a tick comes once");
    }
    (by_tick, open)
}

fn expected(all: &[i64], tick: Tick) -> BTreeMap<i64, Vec<i64>> {
    let mut by_tick: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for known in all {
        by_tick.entry(tick.ceiling(Instant(*known)).0).or_default().push(*known);
    }
    by_tick.values_mut().for_each(|known| known.sort_unstable());
    by_tick
}

proptest! {
    #[test]
    fn rows_come_by_tick(
        batches in proptest::collection::vec(proptest::collection::vec(0_i64..200, 1..40), 0..20),
        millis in 1_i64..30,
        in_memory in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(1, if in_memory { usize::MAX } else { 0 }, folder.path());
        for known in &batches {
            store.add(0, vec![(Kind::Tests, batch(known))]).unwrap();
        }
        let tick = Tick::new(millis).unwrap();
        prop_assert_eq!(taken(store, tick).0, expected(&batches.concat(), tick));
    }
}

/// I-10: rows in no order at all are sorted on their way to disk, so that few of them are in memory at once.
#[test]
fn few_pieces_are_open_whatever_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 20_000_i64;
    let shuffled = |at: i64| (at * 7_919) % rows;
    let mut all = Vec::new();
    let store = Store::new(1, 1 << 20, folder.path());
    for first in (0..rows).step_by(100) {
        let known: Vec<i64> = (first..first + 100).map(shuffled).collect();
        store.add(0, vec![(Kind::Tests, batch(&known))]).unwrap();
        all.extend(known);
    }
    let tick = Tick::new(10).unwrap();
    let (by_tick, open) = taken(store, tick);
    assert_eq!(by_tick, expected(&all, tick));
    assert!(open <= 60, "{open} of {} pieces were open", rows / 100);
}

/// What is set aside for phones is no part of what people may keep: most replays have none, and would write and read
/// their records once more.
#[test]
fn people_keep_all_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let known: Vec<i64> = (0..1000).collect();
    let piece = || vec![(Kind::Tests, batch(&known))];
    let bytes: usize =
        piece().into_iter().filter_map(|(kind, batch)| Piece::new(kind, batch)).map(|it| it.bytes()).sum();
    let on_disk = |pieces: &[Piece]| pieces.iter().any(|piece| matches!(piece.place, Place::Disk(_)));
    let filled = |partitions: usize, pieces: usize| {
        let store = Store::new(partitions, 8 * bytes, folder.path());
        (0..partitions * pieces).for_each(|at| store.add(at % partitions, piece()).unwrap());
        (0..pieces / 4).for_each(|_| store.add_phones(piece()).unwrap());
        let (people, phones) = store.finish();
        (people.iter().any(|pieces| on_disk(pieces)), on_disk(&phones))
    };
    let (stays, goes) = (false, true);
    assert_eq!((filled(1, 8), filled(2, 4), filled(4, 2)), ((stays, goes), (stays, stays), (stays, stays)));
    assert_eq!((filled(1, 9), filled(2, 5)), ((goes, goes), (goes, stays)));
}
