//! Rows become messages that are not too long.
//!
//! Owns the cuts. Any cut is right: rows are a set. Rows are guessed at first, from the memory they take; what turns
//! out too long is cut in half.

use arrow::array::RecordBatch;
use fuma_connectors::log::{Outgoing, Topic};
use fuma_schemas::Kind;

use crate::live::record::{Origin, RecordError, RecordWriter};

/// Rows of a message: fewer than verdicts can tell apart (`trace::version_of`), over all its sections.
const ROWS_MAX: usize = 60_000;

/// Puts messages together.
pub(super) struct Messages {
    writer: RecordWriter,
    rows: usize,
    bytes_max: usize,
    /// Those that are ready.
    ready: Vec<(Topic, Outgoing)>,
}

impl Messages {
    pub(super) fn new(bytes_max: usize, origin: Origin) -> Messages {
        Messages { writer: RecordWriter::of(origin), rows: 0, bytes_max, ready: Vec::new() }
    }

    /// Adds rows to the message under way, which is ready when it is full.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        batch: &RecordBatch,
        topic: Topic,
        partition: u32,
    ) -> Result<(), RecordError> {
        let bytes = batch.get_array_memory_size().max(1);
        let rows = batch.num_rows();
        let rows_max = (rows.saturating_mul(self.bytes_max) / bytes).clamp(1, ROWS_MAX);
        for first in (0..rows).step_by(rows_max) {
            let part = batch.slice(first, rows_max.min(rows - first));
            self.add_part(kind, &part, topic, partition)?;
        }
        Ok(())
    }

    fn add_part(&mut self, kind: Kind, part: &RecordBatch, topic: Topic, partition: u32) -> Result<(), RecordError> {
        if self.rows + part.num_rows() > ROWS_MAX {
            self.end(topic, partition);
        }
        let mut is_added = self.writer.try_add(kind, part, self.bytes_max)?;
        if !is_added && !self.writer.is_empty() {
            self.end(topic, partition);
            is_added = self.writer.try_add(kind, part, self.bytes_max)?;
        }
        if is_added {
            self.rows += part.num_rows();
            return Ok(());
        }
        if part.num_rows() <= 1 {
            self.writer.add(kind, part)?;
            self.end(topic, partition);
            return Ok(());
        }
        let half = part.num_rows() / 2;
        self.add_part(kind, &part.slice(0, half), topic, partition)?;
        self.add_part(kind, &part.slice(half, part.num_rows() - half), topic, partition)
    }

    /// Ends the message under way, if there is one.
    pub(super) fn end(&mut self, topic: Topic, partition: u32) {
        if !self.writer.is_empty() {
            let value = self.writer.finish();
            self.ready.push((topic, Outgoing { partition, value, ..Outgoing::default() }));
        }
        self.rows = 0;
    }

    /// Takes the messages that are ready.
    pub(super) fn take(&mut self) -> Vec<(Topic, Outgoing)> {
        std::mem::take(&mut self.ready)
    }
}
