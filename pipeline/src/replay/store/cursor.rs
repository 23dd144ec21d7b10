//! Rows of pieces in the order of ticks.
//!
//! A record is applied at the first tick at or after its known_at. A piece is read when the first of its ticks comes,
//! and dropped after its last row.
//!
//! Owns the order of a replay.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::RecordBatch;
use fuma_schemas::{Instant, Kind};

use super::{Piece, known_at};
use crate::replay::{ReplayError, Tick};

/// Goes through pieces, tick by tick.
pub(in crate::replay) struct Cursor {
    tick: Tick,
    /// Not read yet; the next comes last.
    waiting: Vec<Piece>,
    open: Vec<Option<Open>>,
    /// The open pieces by the tick of their next row.
    next: BinaryHeap<Reverse<(Instant, usize)>>,
    rows: Vec<u32>,
}

/// A piece in memory.
struct Open {
    kind: Kind,
    batch: RecordBatch,
    /// The rows by known_at; none when that is their order.
    order: Option<Vec<u32>>,
    /// How many were handed over.
    at: usize,
}

impl Open {
    fn new(kind: Kind, batch: RecordBatch) -> Open {
        let known = known_at(&batch);
        let order = (!known.is_sorted()).then(|| {
            let mut order: Vec<u32> = (0..known.len() as u32).collect();
            order.sort_by_key(|row| known[*row as usize]);
            order
        });
        Open { kind, batch, order, at: 0 }
    }

    fn row(&self, at: usize) -> u32 {
        self.order.as_ref().map_or(at as u32, |order| order[at])
    }

    fn next_tick(&self, tick: Tick) -> Option<Instant> {
        let known = known_at(&self.batch);
        (self.at < known.len()).then(|| tick.ceiling(Instant(known[self.row(self.at) as usize])))
    }
}

impl Cursor {
    /// A cursor before the first row.
    pub(in crate::replay) fn new(mut pieces: Vec<Piece>, tick: Tick) -> Cursor {
        pieces.sort_by_key(|piece| Reverse(piece.first));
        Cursor { tick, waiting: pieces, open: Vec::new(), next: BinaryHeap::new(), rows: Vec::new() }
    }

    /// How many pieces are in memory.
    #[cfg(test)]
    pub(super) fn open_pieces(&self) -> usize {
        self.open.iter().flatten().count()
    }

    /// The tick of the next row.
    pub(in crate::replay) fn next_tick(&self) -> Option<Instant> {
        let waiting = self.waiting.last().map(|piece| self.tick.ceiling(piece.first));
        let open = self.next.peek().map(|Reverse((tick, _))| *tick);
        waiting.into_iter().chain(open).min()
    }

    /// Hands over the rows up to a tick, piece by piece.
    ///
    /// # Errors
    /// When a piece cannot be read back, or what `apply` says.
    pub(in crate::replay) fn take<E>(
        &mut self,
        tick: Instant,
        mut apply: impl FnMut(Kind, &RecordBatch, &[u32]) -> Result<(), E>,
    ) -> Result<(), ReplayError>
    where
        ReplayError: From<E>,
    {
        while let Some(Reverse((_, at))) = self.next.peek().copied().filter(|Reverse((at, _))| *at <= tick) {
            self.next.pop();
            self.take_open(at, tick, &mut apply)?;
        }
        // One after the other: of many pieces within one tick one is in memory.
        while self.waiting.last().is_some_and(|piece| self.tick.ceiling(piece.first) <= tick) {
            let Some(piece) = self.waiting.pop() else { break };
            let opened = Open::new(piece.kind, piece.read()?);
            let at = self.open.iter().position(Option::is_none).unwrap_or(self.open.len());
            match self.open.get_mut(at) {
                Some(free) => *free = Some(opened),
                None => self.open.push(Some(opened)),
            }
            self.take_open(at, tick, &mut apply)?;
        }
        Ok(())
    }

    fn take_open<E>(
        &mut self,
        at: usize,
        tick: Instant,
        apply: &mut impl FnMut(Kind, &RecordBatch, &[u32]) -> Result<(), E>,
    ) -> Result<(), ReplayError>
    where
        ReplayError: From<E>,
    {
        let Some(open) = self.open.get_mut(at).and_then(Option::as_mut) else { return Ok(()) };
        let known = known_at(&open.batch);
        self.rows.clear();
        // A tick is a multiple of its length, so what is known by it has its tick there, or before.
        let rows = (open.at..known.len()).map(|at| open.row(at)).take_while(|row| known[*row as usize] <= tick.0);
        self.rows.extend(rows);
        open.at += self.rows.len();
        if let Some(next) = open.next_tick(self.tick) {
            self.next.push(Reverse((next, at)));
        }
        if !self.rows.is_empty() {
            apply(open.kind, &open.batch, &self.rows)?;
        }
        if open.at >= open.batch.num_rows() {
            self.open[at] = None;
        }
        Ok(())
    }
}
