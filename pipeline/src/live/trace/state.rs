//! The state of the stage: the graph, and up to where of the link log it goes.
//!
//! Owns the order of records. The state is a function of the link log up to its offset, what was said before
//! included; so is what it says of the next record, and nobody needs to know what was written before a crash.

use std::ops::Range;

use arrow::array::RecordBatch;
use fuma_connectors::log::{LinkSource, LogError, LogRecord};
use fuma_schemas::Kind;

use super::halt::{Halt, Wanted, agreed};
use super::keep::Found;
use super::output::Output;
use crate::evidence::ForgottenLink;
use crate::live::outbox::Outbox;
use crate::live::partitions::Words;
use crate::live::record::{self, Causes, Control, ForgottenRow, Origin, RecordError, Section, forgotten_rows};
use crate::seed;
use crate::trace::{Judged, Trace, version_of};

/// The graph at a place of the link log.
pub(super) struct TraceState {
    trace: Trace,
    /// The first record that is not in the graph.
    next: u64,
    /// The first record whose outcome was not noted as written: nothing before it is written again.
    written: u64,
    judged: Vec<Judged>,
    origin: Origin,
}

impl TraceState {
    /// Begins where the newest usable graph ends, and has the log read on from there. What was noted as written is
    /// taken in without a word.
    ///
    /// # Errors
    /// When the log lacks what the graph needs, and no operator agreed to that.
    pub(super) fn begin(
        links: &mut dyn LinkSource,
        committed: Option<u64>,
        (found, origin): (Found, Origin),
        bounds: &Range<u64>,
        words: &Words,
    ) -> Result<TraceState, Halt> {
        let written = committed.unwrap_or(0);
        let (trace, next) = found.unwrap_or_else(|| (Trace::seeded(seed::of_process()), 0));
        let mut state = TraceState { trace, next, written: 0, judged: Vec::new(), origin };
        if bounds.start > state.next {
            let wanted = Wanted::gap(state.next, bounds.start);
            if !agreed(words, &wanted) {
                return Err(Halt::Wanted(wanted));
            }
            state.next = bounds.start;
        }
        if bounds.end < written {
            // No word helps: what is judged at an offset that was given twice would be older than what is known of it.
            return Err(LogError::operator(format!(
                "the link log ends at {}, though it was judged up to {written}: it was emptied, created again, or lost \
                 records; put it back as it was",
                bounds.end
            ))
            .into());
        }
        // A graph is stored only when all that it made known is safe.
        state.written = written.max(next);
        links.seek(state.next)?;
        tracing::info!(from = state.next, written, end = bounds.end, "the graph of contacts is being rebuilt");
        Ok(state)
    }

    /// The graph.
    pub(super) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The first record that is not in the graph.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The offset to be noted once all is safe; none if it has been.
    pub(super) fn uncommitted(&self) -> Option<u64> {
        (self.next > self.written).then_some(self.next)
    }

    /// Everything before the offset is noted as written.
    pub(super) fn committed(&mut self, offset: u64) {
        self.written = self.written.max(offset);
    }

    /// Takes in records, and puts what is to be written into the outbox.
    ///
    /// # Errors
    /// A record that cannot be read, and that no operator agreed to pass over. Those before it are judged.
    pub(super) fn judge(
        &mut self,
        records: &[LogRecord],
        (output, outbox): (&mut Output, &mut Outbox),
        words: &Words,
    ) -> Result<(), Halt> {
        let judged = self.judge_all(records, (output, outbox), words);
        output.end(outbox).map_err(|why| LogError::fatal(why.to_string()))?;
        judged
    }

    fn judge_all(
        &mut self,
        records: &[LogRecord],
        (output, outbox): (&mut Output, &mut Outbox),
        words: &Words,
    ) -> Result<(), Halt> {
        for record in records {
            if record.offset < self.next {
                continue;
            }
            if record.offset > self.next {
                let (found, next) = (record.offset, self.next);
                return Err(LogError::fatal(format!(
                    "the link log goes on at {found}, not at {next}: records were skipped"
                ))
                .into());
            }
            if let Err(why) = self.judge_record(record, output, outbox) {
                let wanted = Wanted::record(record.offset, &record.value, &why);
                if !agreed(words, &wanted) {
                    return Err(Halt::Wanted(wanted));
                }
            }
            self.next = record.offset + 1;
        }
        Ok(())
    }

    /// The record at which judging stopped is passed over: what of it could be judged stays judged, as it does when the
    /// graph is made again and the record is read once more.
    pub(super) fn pass_over(&mut self) {
        self.next += 1;
    }

    fn judge_record(&mut self, record: &LogRecord, output: &mut Output, outbox: &mut Outbox) -> Result<(), String> {
        let mut row = 0;
        for section in record::read_as(&record.value, self.origin).map_err(|why| why.to_string())? {
            let (kind, batch) = match section {
                Section::Rows { kind, batch } => (kind, batch),
                Section::Forgotten(batch) => {
                    self.forget(record.offset, &batch, output, outbox).map_err(|why| why.to_string())?;
                    row += batch.num_rows() as u64;
                    continue;
                }
                Section::Control(Control::Marker(_)) => continue,
                other => return Err(format!("a section that is none of links: {} rows", other.rows())),
            };
            self.judged.clear();
            let version = version_of(record.offset, row);
            self.trace.judge(kind, &batch, version, &mut self.judged).map_err(|why| why.to_string())?;
            row += batch.num_rows() as u64;
            if record.offset >= self.written {
                write(kind, &batch, &self.judged, output, outbox).map_err(|why| why.to_string())?;
            }
            self.tell_dropped(record.offset, output, outbox).map_err(|why| why.to_string())?;
        }
        Ok(())
    }

    /// People forgot these: what nobody names any more is dropped, and people are told.
    fn forget(
        &mut self,
        offset: u64,
        batch: &RecordBatch,
        output: &mut Output,
        outbox: &mut Outbox,
    ) -> Result<(), RecordError> {
        for ForgottenRow { person, fact, version } in forgotten_rows(batch)? {
            let due = self.trace.forget(&ForgottenLink { person, fact, version });
            crate::invariant::check(|| due.is_empty(), "R-15", "each record is judged at its own place");
        }
        self.tell_dropped(offset, output, outbox)
    }

    fn tell_dropped(&mut self, offset: u64, output: &mut Output, outbox: &mut Outbox) -> Result<(), RecordError> {
        let dropped = self.trace.take_dropped();
        if offset < self.written {
            return Ok(());
        }
        dropped.iter().try_for_each(|dropped| output.dropped(dropped, outbox))
    }
}

/// Writes, row by row, each contact with its own verdict, and then what follows for others.
fn write(
    kind: Kind,
    batch: &RecordBatch,
    judged: &[Judged],
    output: &mut Output,
    outbox: &mut Outbox,
) -> Result<(), RecordError> {
    let causes = Causes::of(batch);
    let cause = |row: u32| (causes.cause(row as usize), causes.traceparent(row as usize));
    let mut judged = judged.iter().peekable();
    if kind == Kind::Contacts {
        let number = output.add_batch(batch)?;
        for row in 0..batch.num_rows() as u32 {
            let own = judged.next_if(|next| next.row == row && next.is_own);
            output.contact(number, row, own.map(|own| (own, cause(row))), outbox)?;
            while let Some(other) = judged.next_if(|next| next.row == row) {
                output.verdict(other, cause(row), outbox)?;
            }
        }
    }
    judged.try_for_each(|other| output.verdict(other, cause(other.row), outbox))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use fuma_connectors::log::Severity;
    use fuma_schemas::Instant;

    use super::*;

    #[test]
    fn a_link_log_that_skips_records_is_not_believed() {
        let mut state =
            TraceState { trace: Trace::new(), next: 5, written: 5, judged: Vec::new(), origin: Origin::default() };
        let record = |offset| LogRecord {
            partition: 0,
            offset,
            timestamp: Instant::default(),
            value: record::RecordWriter::new().finish(),
        };
        let (mut output, mut outbox) = (Output::new(1, 1 << 20, Origin::default()), Outbox::new("trace", ""));
        let words = Words::default();
        state.judge(&[record(4), record(5)], (&mut output, &mut outbox), &words).unwrap();
        assert_eq!(state.next(), 6, "what came before is passed over");
        let halt = state.judge(&[record(7)], (&mut output, &mut outbox), &words).unwrap_err();
        let Halt::Log(error) = halt else { panic!("nobody may agree to that: {halt:?}") };
        assert_eq!((error.severity(), state.next()), (Severity::Fatal, 6));
    }
}
