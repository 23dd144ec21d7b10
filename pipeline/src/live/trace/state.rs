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
use crate::live::marker::{self, is_marker};
use crate::live::outbox::Outbox;
use crate::live::partitions::{LINKS, Words};
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
    /// Where the last reading left something out.
    hole: Option<Range<u64>>,
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
        let mut state = TraceState { trace, next, written: 0, judged: Vec::new(), origin, hole: None };
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
                self.pass_hole(self.next..record.offset, words)?;
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

    /// The log goes on behind a hole. Evidence has the same rule: one offset is a marker when it is missing twice.
    fn pass_hole(&mut self, hole: Range<u64>, words: &Words) -> Result<(), Halt> {
        let before = self.hole.replace(hole.clone());
        if is_marker(before.as_ref(), &hole) {
            marker::tell("links", LINKS, hole.start);
        } else if before.as_ref() == Some(&hole) {
            let wanted = Wanted::hole(&hole);
            if !agreed(words, &wanted) {
                return Err(Halt::Wanted(wanted));
            }
        } else {
            let (first, last) = (hole.start, hole.end - 1);
            tracing::warn!(first, last, "links were left out: the link log is read again from there");
            return Err(Halt::ReadAgain);
        }
        self.next = hole.end;
        Ok(())
    }

    /// The log ends at an offset, and nothing comes before it, though the client was told again where to go on. One
    /// offset is taken for a marker as soon as something comes behind it.
    ///
    /// # Errors
    /// When it is more than a marker, and no operator agreed to pass over it.
    pub(super) fn stands_before(&mut self, end: u64, words: &Words) -> Result<(), Halt> {
        let hole = self.next..end;
        self.hole = Some(hole.clone());
        if self.ends_in_marker(end) {
            return Ok(());
        }
        let wanted = Wanted::hole(&hole);
        if !agreed(words, &wanted) {
            return Err(Halt::Wanted(wanted));
        }
        self.next = end;
        Ok(())
    }

    /// Whether all that is left of the log is what was found to be a marker.
    pub(super) fn ends_in_marker(&self, end: u64) -> bool {
        end > self.next && is_marker(self.hole.as_ref(), &(self.next..end))
    }

    /// What judging stopped at is passed over: what of a record could be judged stays judged, as it does when the
    /// graph is made again and the record is read once more.
    pub(super) fn pass_over(&mut self, wanted: &Wanted) {
        self.next = wanted.goes_on;
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

    use fuma_schemas::Instant;

    use super::*;

    fn record(offset: u64) -> LogRecord {
        let value = record::RecordWriter::new().finish();
        LogRecord { partition: 0, offset, timestamp: Instant::default(), value }
    }

    /// What judging these records comes to, and where it stands then.
    fn judge(state: &mut TraceState, offsets: &[u64], words: &Words) -> (Option<Halt>, u64) {
        let records: Vec<LogRecord> = offsets.iter().map(|offset| record(*offset)).collect();
        let (mut output, mut outbox) = (Output::new(1, 1 << 20, Origin::default()), Outbox::new("trace", ""));
        let halted = state.judge(&records, (&mut output, &mut outbox), words).err();
        (halted, state.next())
    }

    fn at(next: u64) -> TraceState {
        let (trace, origin) = (Trace::new(), Origin::default());
        TraceState { trace, next, written: next, judged: Vec::new(), origin, hole: None }
    }

    #[test]
    fn one_offset_that_is_missing_twice_is_a_marker_and_more_than_one_waits_for_a_word() {
        let (mut state, words) = (at(5), Words::default());
        assert!(matches!(judge(&mut state, &[4, 5], &words), (None, 6)), "what came before is passed over");
        assert!(matches!(judge(&mut state, &[7], &words), (Some(Halt::ReadAgain), 6)));
        assert!(matches!(judge(&mut state, &[6, 7, 9], &words), (Some(Halt::ReadAgain), 8)), "it had been the client");
        assert!(matches!(judge(&mut state, &[9, 10], &words), (None, 11)), "missing twice");
        assert!(matches!(judge(&mut state, &[13], &words), (Some(Halt::ReadAgain), 11)));
        let (Some(Halt::Wanted(wanted)), 11) = judge(&mut state, &[13], &words) else { panic!("not believed") };
        assert_eq!(wanted.goes_on, 13);
        words.accept(wanted.reason, LINKS, wanted.digest);
        assert!(matches!(judge(&mut state, &[13], &words), (None, 14)));
    }

    #[test]
    fn a_log_that_ends_in_a_marker_is_read_to_its_end() {
        let (mut state, words) = (at(5), Words::default());
        assert!(!state.ends_in_marker(6), "it was not told again yet");
        state.stands_before(6, &words).unwrap();
        assert!(state.ends_in_marker(6) && state.next() == 5, "nothing is noted before something comes behind it");
        assert!(matches!(judge(&mut state, &[6], &words), (None, 7)));
        assert!(matches!(state.stands_before(9, &words), Err(Halt::Wanted(wanted)) if wanted.goes_on == 9));
    }
}
