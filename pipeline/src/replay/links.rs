//! Trace and the stages that link, window by window, ahead of the people: they never read colours.
//!
//! Owns the windows. A window ends with a tick; what is said in it goes to each partition before that partition
//! judges a later tick.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::array::RecordBatch;
use fuma_schemas::{Instant, Kind, Person};

use super::schedule::happening;
use super::store::{Cursor, Piece};
use super::{Options, ReplayError, Tick};
use crate::assess::AssessError;
use crate::evidence::Derived;
use crate::linked::{self, Linked};
use crate::policy::Pack;
use crate::trace::{Trace, Verdict};

/// What is said and rows of a window, at least: enough to cost nothing a row, little memory.
const WINDOW: usize = 65_536;
/// Windows that may wait for a partition.
const AHEAD: usize = 2;

/// What is said of one person.
#[derive(Debug)]
pub(super) enum Said {
    /// Whether a contact counts.
    Verdict(Verdict),
    /// What is attached, or who was aboard.
    Derived(Box<Derived>),
}

/// What is said up to a tick.
struct Window {
    end: Instant,
    /// In the order of ticks.
    said: Vec<(Instant, Said)>,
}

/// The windows on their way to one partition.
pub(super) struct Windows {
    receiver: Receiver<Window>,
    end: Option<Instant>,
    said: std::collections::VecDeque<(Instant, Said)>,
    /// How much was taken: the version of the next verdict.
    taken: u64,
}

impl Windows {
    /// The tick of what is said next, once all up to `tick` are known; none if there is none up to then.
    pub(super) fn next_tick(&mut self, tick: Option<Instant>) -> Option<Instant> {
        loop {
            if let Some((at, _)) = self.said.front() {
                return Some(*at);
            }
            if tick.is_some_and(|tick| self.end.is_some_and(|end| end >= tick)) {
                return None;
            }
            // The sender is gone when trace has said all.
            let window = self.receiver.recv().ok()?;
            self.end = Some(window.end);
            self.said.extend(window.said);
        }
    }

    /// Takes what is said next up to a tick, with its version.
    pub(super) fn take(&mut self, tick: Instant) -> Option<(u64, Said)> {
        if self.next_tick(Some(tick))? > tick {
            return None;
        }
        let (_, said) = self.said.pop_front()?;
        self.taken += 1;
        Some((self.taken, said))
    }
}

/// What the stages read: evidence by partition, and records of phones.
pub(super) struct Inputs<'a> {
    pub(super) pieces: &'a [Vec<Piece>],
    pub(super) phones: Vec<Piece>,
}

/// Judges all links up to the last tick, and tells the partitions.
pub(super) struct Links {
    cursor: Cursor,
    phones: Cursor,
    /// None where no record is of a phone and no pack traces.
    linked: Option<Linked>,
    /// The packs that take over, each with its first tick; the next one last.
    switches: Vec<(Instant, Arc<Pack>)>,
    senders: Vec<SyncSender<Window>>,
    last: Instant,
}

impl Links {
    /// Trace and stages over some pieces, and the windows of each partition.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub(super) fn new(
        Inputs { pieces, phones }: Inputs<'_>,
        options: &Options,
        span: (Instant, Instant),
    ) -> Result<(Links, Vec<Windows>), ReplayError> {
        let (tick, partitions): (Tick, usize) = (options.tick, pieces.len());
        let happening = happening(&options.later, options.tick, span).into_iter();
        let mut switches: Vec<(Instant, Arc<Pack>)> = happening.map(|(tick, switch)| (tick, switch.pack)).collect();
        let packs: Vec<&Arc<Pack>> =
            std::iter::once(&options.pack).chain(switches.iter().map(|(_, pack)| pack)).collect();
        let links = !phones.is_empty() || packs.iter().any(|pack| pack.tracing.is_some());
        let reads = |kind| matches!(kind, Kind::Cases | Kind::Contacts) || links && linked::reads(&packs, kind);
        let pieces = pieces.iter().flatten().filter(|piece| reads(piece.kind)).cloned().collect();
        let mut linked = None;
        if links {
            let mut stages = Linked::new(&packs, crate::seed::of_process(), options.bounds.facts);
            stages.trace_by(&options.pack, &mut Vec::new())?;
            linked = Some(stages);
        }
        switches.reverse();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..partitions).map(|_| sync_channel(AHEAD)).unzip();
        let windows = |receiver| Windows { receiver, end: None, said: std::collections::VecDeque::new(), taken: 0 };
        let (cursor, phones) = (Cursor::new(pieces, tick), Cursor::new(phones, tick));
        let links = Links { cursor, phones, linked, switches, senders, last: span.1 };
        Ok((links, receivers.into_iter().map(windows).collect()))
    }

    /// Runs to the end, and gives back the stages.
    ///
    /// # Errors
    /// When a piece cannot be read back, or on a bug.
    pub(super) fn run(mut self) -> Result<Option<Linked>, ReplayError> {
        let mut said: Vec<Vec<(Instant, Said)>> = self.senders.iter().map(|_| Vec::new()).collect();
        let (mut trace, mut size) = (Trace::seeded(crate::seed::of_process()), 0);
        let mut derived = Vec::new();
        while let Some(clock) = self.next_tick() {
            let linked = &mut self.linked;
            self.cursor.take(clock, |kind, batch: &RecordBatch, rows: &[u32]| {
                size += rows.len();
                if let Some(linked) = linked.as_mut() {
                    linked.apply(kind, batch, rows).map_err(AssessError::from)?;
                }
                trace.apply(kind, batch, rows).map_err(ReplayError::from)
            })?;
            for verdict in trace.settle() {
                size += 1;
                say(&mut said, clock, verdict.person, Said::Verdict(verdict));
            }
            self.link(clock, &mut derived)?;
            size += derived.len();
            for derived in derived.drain(..) {
                say(&mut said, clock, derived.person, Said::Derived(Box::new(derived)));
            }
            if size >= WINDOW {
                size = 0;
                self.send(clock, &mut said);
            }
        }
        self.send(self.last, &mut said);
        Ok(self.linked)
    }

    /// The next tick at which something comes in, or another pack traces, up to the last.
    fn next_tick(&self) -> Option<Instant> {
        let switch = self.switches.last().filter(|_| self.linked.is_some()).map(|(at, _)| *at);
        let next = [self.cursor.next_tick(), self.phones.next_tick(), switch].into_iter().flatten().min();
        next.filter(|clock| *clock <= self.last)
    }

    /// Brings the stages to a tick.
    fn link(&mut self, clock: Instant, derived: &mut Vec<Derived>) -> Result<(), ReplayError> {
        let Some(linked) = &mut self.linked else { return Ok(()) };
        self.phones.take(clock, |kind, batch: &RecordBatch, rows: &[u32]| {
            linked.apply_phones(kind, batch, rows).map_err(AssessError::from)
        })?;
        while let Some((_, pack)) = self.switches.pop_if(|(at, _)| *at <= clock) {
            linked.trace_by(&pack, derived)?;
        }
        Ok(linked.settle(derived).map_err(AssessError::from)?)
    }

    fn send(&self, end: Instant, said: &mut [Vec<(Instant, Said)>]) {
        for (sender, said) in self.senders.iter().zip(said) {
            // A partition that is gone says why itself.
            let _ = sender.send(Window { end, said: std::mem::take(said) });
        }
    }
}

fn say(said: &mut [Vec<(Instant, Said)>], clock: Instant, person: Person, what: Said) {
    let partition = person.partition(said.len());
    if let Some(of_partition) = said.get_mut(partition) {
        of_partition.push((clock, what));
    }
}
