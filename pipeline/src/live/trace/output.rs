//! Contacts and verdicts by partition, until a message of a partition is full or the batch ends.
//!
//! Owns the cuts, and one promise: a contact and the verdict on it at its own record are in one message, the contact
//! first, so that nobody ever sees it without. Where else messages are cut means nothing.

use arrow::array::{AsArray, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use fuma_connectors::log::{Outgoing, Topic};
use fuma_schemas::evidence::log;
use fuma_schemas::{Instant, Kind, Person};

use crate::evidence::Version;
use crate::live::outbox::{Outbox, Shorter};
use crate::live::record::{ForgottenRow, Origin, RecordError, RecordWriter, VerdictRow, VerdictRows, forgotten_batch};
use crate::trace::{Dropped, Judged};

/// Bytes of a row's columns of a fixed width, and of the offsets of the others, or a little more.
const ROW_BYTES: usize = 128;

/// The broker's timestamp and the trace context of the feed record behind a row.
pub(super) type Cause<'a> = (Option<Instant>, Option<&'a str>);

/// Contacts of the link log, of which some rows wait to be written.
struct Contacts {
    batch: RecordBatch,
    person: FixedSizeBinaryArray,
    texts: Vec<StringArray>,
}

/// What waits to be written to a partition.
#[derive(Default)]
struct Waiting {
    /// Number of the batch, row in it; ascending.
    contacts: Vec<(usize, usize)>,
    verdicts: VerdictRows,
    /// What trace has dropped: comes last in a message, and what comes later is in the next one.
    dropped: Vec<ForgottenRow>,
    bytes: usize,
}

/// Contacts and verdicts on their way.
pub(super) struct Output {
    partitions: Vec<Waiting>,
    batches: Vec<Contacts>,
    writer: RecordWriter,
    message_bytes_max: usize,
}

impl Output {
    pub(super) fn new(partitions: u32, message_bytes_max: usize, origin: Origin) -> Output {
        Output {
            partitions: (0..partitions.max(1)).map(|_| Waiting::default()).collect(),
            batches: Vec::new(),
            writer: RecordWriter::of(origin),
            message_bytes_max,
        }
    }

    /// Keeps a batch of contacts until the next [`Output::end`]; gives its number.
    pub(super) fn add_batch(&mut self, batch: &RecordBatch) -> Result<usize, RecordError> {
        let person = batch.columns().get(log::PERSON).and_then(|column| column.as_fixed_size_binary_opt());
        let texts = batch.columns().iter().filter_map(|column| column.as_string_opt().cloned()).collect();
        let person = person.ok_or(RecordError::Rows)?.clone();
        self.batches.push(Contacts { batch: batch.clone(), person, texts });
        Ok(self.batches.len() - 1)
    }

    /// Adds a contact with the verdict on it at its own record, if there is one.
    pub(super) fn contact(
        &mut self,
        number: usize,
        row: u32,
        own: Option<(&Judged, Cause<'_>)>,
        outbox: &mut Outbox,
    ) -> Result<(), RecordError> {
        let contacts = self.batches.get(number).ok_or(RecordError::Rows)?;
        let row = row as usize;
        let token = contacts.person.value(row).try_into().map_err(|_| RecordError::Rows)?;
        let texts: usize = contacts.texts.iter().map(|text| text.value_length(row) as usize).sum();
        let partition = Person(token).partition(self.partitions.len());
        self.separate(partition, outbox)?;
        let waiting = self.partitions.get_mut(partition).ok_or(RecordError::Rows)?;
        waiting.contacts.push((number, row));
        waiting.bytes += ROW_BYTES + texts;
        match own {
            Some((judged, cause)) => self.verdict(judged, cause, outbox),
            None => self.cut(partition, outbox),
        }
    }

    /// Adds a verdict.
    pub(super) fn verdict(
        &mut self,
        judged: &Judged,
        cause: Cause<'_>,
        outbox: &mut Outbox,
    ) -> Result<(), RecordError> {
        let verdict = judged.verdict;
        let partition = verdict.person.partition(self.partitions.len());
        self.separate(partition, outbox)?;
        let waiting = self.partitions.get_mut(partition).ok_or(RecordError::Rows)?;
        let row =
            VerdictRow { person: verdict.person, fact: verdict.fact, counts: verdict.counts, version: judged.version };
        waiting.verdicts.push(row, cause.0, cause.1);
        waiting.bytes += ROW_BYTES;
        self.cut(partition, outbox)
    }

    /// Adds what trace has dropped, for people to forget what they kept for its sake.
    pub(super) fn dropped(&mut self, dropped: &Dropped, outbox: &mut Outbox) -> Result<(), RecordError> {
        let partition = dropped.person.partition(self.partitions.len());
        let waiting = self.partitions.get_mut(partition).ok_or(RecordError::Rows)?;
        let Dropped { person, fact } = *dropped;
        waiting.dropped.push(ForgottenRow { person, fact, version: Version::default() });
        waiting.bytes += ROW_BYTES;
        self.cut(partition, outbox)
    }

    /// What comes after something was dropped is in another message: within one, what was dropped comes last.
    fn separate(&mut self, partition: usize, outbox: &mut Outbox) -> Result<(), RecordError> {
        let has_dropped = self.partitions.get(partition).is_some_and(|waiting| !waiting.dropped.is_empty());
        if has_dropped { self.write(partition, outbox) } else { Ok(()) }
    }

    /// Ends all messages under way.
    pub(super) fn end(&mut self, outbox: &mut Outbox) -> Result<(), RecordError> {
        for partition in 0..self.partitions.len() {
            self.write(partition, outbox)?;
        }
        self.batches.clear();
        Ok(())
    }

    fn cut(&mut self, partition: usize, outbox: &mut Outbox) -> Result<(), RecordError> {
        let is_full = self.partitions.get(partition).is_some_and(|waiting| waiting.bytes >= self.message_bytes_max);
        if is_full { self.write(partition, outbox) } else { Ok(()) }
    }

    fn write(&mut self, partition: usize, outbox: &mut Outbox) -> Result<(), RecordError> {
        let Some(waiting) = self.partitions.get_mut(partition).filter(|waiting| waiting.bytes > 0) else {
            return Ok(());
        };
        if !waiting.contacts.is_empty() {
            self.writer.add(Kind::Contacts, &gathered(&self.batches, &waiting.contacts)?)?;
        }
        if !waiting.verdicts.is_empty() {
            self.writer.add_verdicts(&waiting.verdicts.finish()?)?;
        }
        if !waiting.dropped.is_empty() {
            self.writer.add_forgotten(&forgotten_batch(&waiting.dropped)?)?;
        }
        waiting.contacts.clear();
        waiting.dropped.clear();
        waiting.bytes = 0;
        let value = self.writer.finish();
        let message = Outgoing { partition: partition as u32, value, ..Outgoing::default() };
        outbox.push(Topic::Evidence, message, Shorter::AsItStands);
        Ok(())
    }
}

/// Rows of several batches as one batch; only the batches that have a row are looked at.
fn gathered(batches: &[Contacts], rows: &[(usize, usize)]) -> Result<RecordBatch, RecordError> {
    let mut used: Vec<&RecordBatch> = Vec::new();
    let mut places = Vec::with_capacity(rows.len());
    let mut last = None;
    for &(number, row) in rows {
        if last != Some(number) {
            used.push(&batches.get(number).ok_or(RecordError::Rows)?.batch);
            last = Some(number);
        }
        places.push((used.len() - 1, row));
    }
    interleave_record_batch(&used, &places).map_err(|_| RecordError::Rows)
}
