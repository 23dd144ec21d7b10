//! Trace, window by window, ahead of the people: it never reads colours.
//!
//! Owns the windows. A window ends with a tick; what trace says in it goes to each partition before that partition
//! judges a later tick.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::array::RecordBatch;
use fuma_schemas::{Instant, Kind};

use super::store::{Cursor, Piece};
use super::{ReplayError, Tick};
use crate::trace::{Trace, Verdict};

/// Verdicts and rows of a window, at least: enough to cost nothing a row, little memory.
const WINDOW: usize = 65_536;
/// Windows that may wait for a partition.
const AHEAD: usize = 2;

/// What trace says up to a tick.
struct Window {
    end: Instant,
    /// In the order of ticks.
    verdicts: Vec<(Instant, Verdict)>,
}

/// The pieces that trace reads.
pub(super) fn of(pieces: &[Vec<Piece>]) -> Vec<Piece> {
    let is_link = |piece: &&Piece| matches!(piece.kind, Kind::Cases | Kind::Contacts);
    pieces.iter().flatten().filter(is_link).cloned().collect()
}

/// The windows on their way to one partition.
pub(super) struct Windows {
    receiver: Receiver<Window>,
    end: Option<Instant>,
    verdicts: std::collections::VecDeque<(Instant, Verdict)>,
    /// How many verdicts were taken: the version of the next.
    taken: u64,
}

impl Windows {
    /// The tick of the next verdict, once all up to `tick` are known; none if there is none up to then.
    pub(super) fn next_tick(&mut self, tick: Option<Instant>) -> Option<Instant> {
        loop {
            if let Some((at, _)) = self.verdicts.front() {
                return Some(*at);
            }
            if tick.is_some_and(|tick| self.end.is_some_and(|end| end >= tick)) {
                return None;
            }
            // The sender is gone when trace has said all.
            let window = self.receiver.recv().ok()?;
            self.end = Some(window.end);
            self.verdicts.extend(window.verdicts);
        }
    }

    /// Takes the next verdict up to a tick, with its version.
    pub(super) fn take(&mut self, tick: Instant) -> Option<(u64, Verdict)> {
        if self.next_tick(Some(tick))? > tick {
            return None;
        }
        let (_, verdict) = self.verdicts.pop_front()?;
        self.taken += 1;
        Some((self.taken, verdict))
    }
}

/// Judges all links up to the last tick, and tells the partitions.
pub(super) struct Links {
    cursor: Cursor,
    senders: Vec<SyncSender<Window>>,
    last: Instant,
}

impl Links {
    /// Trace over some pieces, and the windows of each partition.
    pub(super) fn new(pieces: Vec<Piece>, tick: Tick, last: Instant, partitions: usize) -> (Links, Vec<Windows>) {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..partitions).map(|_| sync_channel(AHEAD)).unzip();
        let windows = |receiver| Windows { receiver, end: None, verdicts: std::collections::VecDeque::new(), taken: 0 };
        (Links { cursor: Cursor::new(pieces, tick), senders, last }, receivers.into_iter().map(windows).collect())
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// When a piece cannot be read back, or on a bug.
    pub(super) fn run(mut self) -> Result<(), ReplayError> {
        let mut verdicts: Vec<Vec<(Instant, Verdict)>> = self.senders.iter().map(|_| Vec::new()).collect();
        let (mut trace, mut size) = (Trace::seeded(crate::seed::of_process()), 0);
        while let Some(clock) = self.cursor.next_tick().filter(|clock| *clock <= self.last) {
            self.cursor.take(clock, |kind, batch: &RecordBatch, rows: &[u32]| {
                size += rows.len();
                trace.apply(kind, batch, rows)
            })?;
            for verdict in trace.settle() {
                size += 1;
                let partition = verdict.person.partition(verdicts.len());
                if let Some(of_partition) = verdicts.get_mut(partition) {
                    of_partition.push((clock, verdict));
                }
            }
            if size >= WINDOW {
                size = 0;
                self.send(clock, &mut verdicts);
            }
        }
        self.send(self.last, &mut verdicts);
        Ok(())
    }

    fn send(&self, end: Instant, verdicts: &mut [Vec<(Instant, Verdict)>]) {
        for (sender, verdicts) in self.senders.iter().zip(verdicts) {
            // A partition that is gone says why itself.
            let _ = sender.send(Window { end, verdicts: std::mem::take(verdicts) });
        }
    }
}
