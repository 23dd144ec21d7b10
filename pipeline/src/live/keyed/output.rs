//! What is said of people, by their partition, until a message is full or the turn ends.
//!
//! Owns the cuts: what one record of the log changes for one person is in one message, unless it alone is longer than a
//! message may be. Where else messages are cut means nothing: rows are replaced by version.

use fuma_connectors::log::{Outgoing, Topic};
use fuma_schemas::Person;

use crate::live::outbox::{Outbox, Shorter};
use crate::live::record::{Derived, Origin, RecordError, RecordWriter, SaidRow, derived_batches};

/// What waits to be written to a partition.
#[derive(Default)]
struct Waiting {
    by: Derived,
    rows: Vec<SaidRow>,
    bytes: usize,
}

/// What is said, on its way.
pub(super) struct Output {
    partitions: Vec<Waiting>,
    writer: RecordWriter,
    message_bytes_max: usize,
}

impl Output {
    pub(super) fn new(partitions: u32, message_bytes_max: usize, origin: Origin) -> Output {
        let partitions = (0..partitions.max(1)).map(|_| Waiting::default()).collect();
        Output { partitions, writer: RecordWriter::of(origin), message_bytes_max }
    }

    /// Adds what one record of the log says, and ends the messages that are full.
    pub(super) fn say(&mut self, by: Derived, rows: Vec<SaidRow>, outbox: &mut Outbox) -> Result<(), RecordError> {
        let count = self.partitions.len();
        let of = |person: Person| person.partition(count);
        if self.partitions.iter().any(|waiting| waiting.by != by) {
            self.end(outbox)?;
            self.partitions.iter_mut().for_each(|waiting| waiting.by = by);
        }
        for row in rows {
            let Some(waiting) = self.partitions.get_mut(of(row.derived.person)) else { continue };
            waiting.bytes += row.bytes();
            waiting.rows.push(row);
        }
        let is_full = |waiting: &Waiting| waiting.bytes >= self.message_bytes_max;
        let full: Vec<usize> = (0..count).filter(|at| self.partitions.get(*at).is_some_and(is_full)).collect();
        full.into_iter().try_for_each(|at| self.write(at, outbox))
    }

    /// Ends all messages under way.
    pub(super) fn end(&mut self, outbox: &mut Outbox) -> Result<(), RecordError> {
        (0..self.partitions.len()).try_for_each(|at| self.write(at, outbox))
    }

    fn write(&mut self, at: usize, outbox: &mut Outbox) -> Result<(), RecordError> {
        let Some(waiting) = self.partitions.get_mut(at).filter(|waiting| !waiting.rows.is_empty()) else {
            return Ok(());
        };
        for (kind, batch) in derived_batches(&waiting.rows)? {
            self.writer.add_derived(waiting.by, kind, &batch)?;
        }
        waiting.rows.clear();
        waiting.bytes = 0;
        let value = self.writer.finish();
        outbox.push(Topic::Evidence, Outgoing { partition: at as u32, value, ..Outgoing::default() }, Shorter::Rows);
        Ok(())
    }
}
