//! Pieces that cover each other too much become pieces that follow one another.
//!
//! Owns the measure and the sort. What covers little is left as it is: sorting copies every row.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use fuma_schemas::Kind;

use super::{Piece, Place, known_at};
use crate::replay::SpoolError;

/// Rows of a piece that was sorted: so many of each run are in memory when runs are merged.
const ROWS: usize = 16_384;

/// The pieces; those of a kind of which more than `depth_max` cover one instant are sorted.
pub(super) fn shallow(pieces: Vec<Piece>, depth_max: usize) -> Result<Vec<Piece>, SpoolError> {
    let mut kinds: Vec<Kind> = pieces.iter().map(|piece| piece.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let (mut all, mut rest) = (Vec::with_capacity(pieces.len()), pieces);
    for kind in kinds {
        let (of_kind, others): (Vec<Piece>, Vec<Piece>) = rest.into_iter().partition(|piece| piece.kind == kind);
        rest = others;
        match depth(&of_kind) > depth_max {
            true => sort(kind, of_kind, &mut all)?,
            false => all.extend(of_kind),
        }
    }
    Ok(all)
}

/// How many pieces cover one instant, at most.
fn depth(pieces: &[Piece]) -> usize {
    // An end sorts after a beginning at the same instant: both pieces are open then.
    let ends = pieces.iter().flat_map(|piece| [(piece.first, false), (piece.last, true)]);
    let mut ends: Vec<_> = ends.collect();
    ends.sort_unstable();
    let (mut depth, mut deepest) = (0_usize, 0);
    for (_, is_end) in ends {
        depth = if is_end { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

fn sort(kind: Kind, pieces: Vec<Piece>, sorted: &mut Vec<Piece>) -> Result<(), SpoolError> {
    let batches: Vec<RecordBatch> = pieces.into_iter().map(Piece::read).collect::<Result<_, _>>()?;
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return Ok(()) };
    let whole = concat_batches(&schema, &batches)?;
    drop(batches);
    let known = known_at(&whole);
    let mut order: Vec<u32> = (0..known.len() as u32).collect();
    order.sort_by_key(|row| known[*row as usize]);
    for rows in order.chunks(ROWS) {
        let batch = take_record_batch(&whole, &UInt32Array::from(rows.to_vec()))?;
        sorted.extend(Piece::new(kind, batch).filter(|piece| matches!(piece.place, Place::Memory(_))));
    }
    Ok(())
}
