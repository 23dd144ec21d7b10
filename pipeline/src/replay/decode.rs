//! Sources -> evidence batches by partition, and rejects.
//!
//! One thread reads, the others decode blocks as they come; with one worker the reader decodes itself. Which block is
//! decoded where changes the order of rows, and order means nothing.
//!
//! Owns positions: the file and line of every reject. Must never put a record into a message.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use fuma_connectors::files::{self, Block, Refusal, Refused};
use fuma_schemas::evidence::log_schema;
use fuma_schemas::{Feed, Instant, Kind, Person};

use super::run::rows_of;
use super::sink::{RejectSink, Tally};
use super::store::{self, Store};
use super::{Progress, Rejected, ReplayError, Source, SpoolError};
use crate::intake::{Decoder, EvidenceBuilders, Settings};

/// The size of a block of lines: large enough to cost nothing a line, small enough for the cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Rows of a partition after which its builders become batches.
const BATCH_ROWS_MAX: usize = 32_768;

/// What is decoded, and where it goes.
pub(super) struct Decoding<'a> {
    pub(super) sources: &'a [Source],
    pub(super) settings: &'a Arc<Settings>,
    /// Of rows that concern one person alone, only this one's are kept; none: everybody's.
    pub(super) whom: Option<Person>,
    /// Whether everybody's rows of a kind concern each person.
    pub(super) is_everybodys: &'a (dyn Fn(Kind) -> bool + Sync),
    pub(super) store: &'a Store,
    pub(super) progress: &'a dyn Progress,
}

/// What decoding came to.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) records: u64,
    pub(super) unknown_fields: u64,
    pub(super) tally: Tally,
    /// The first and the last known_at of all accepted records, kept or not.
    pub(super) span: Option<(Instant, Instant)>,
}

/// The sources in the order of the contract: by feed, then name; of one name as given.
fn ordered(sources: &[Source]) -> Vec<&Source> {
    let mut ordered: Vec<&Source> = sources.iter().collect();
    ordered.sort_by_key(|source| (source.feed().name(), source.name().as_bytes().to_vec()));
    ordered
}

impl Decoding<'_> {
    /// Reads and decodes all sources, one decoder for each sink.
    ///
    /// # Errors
    /// When a source cannot be read to its end, or something decoded cannot be kept.
    pub(super) fn run<R: RejectSink>(&self, sinks: &mut [R]) -> Result<Decoded, ReplayError> {
        let ordered = ordered(self.sources);
        let mut decoded = Decoded::default();
        let parts = match sinks {
            [sink] => {
                let mut worker = Worker::new(self, &ordered, sink, 1);
                read_all(&ordered, &mut |at, block| worker.block(at, &block))?;
                vec![worker.finish()?]
            }
            sinks => self.in_threads(&ordered, sinks)?,
        };
        for part in parts {
            decoded.records += part.records;
            decoded.unknown_fields += part.unknown_fields;
            decoded.tally.add(&part.tally);
            decoded.span = joined(decoded.span, part.span);
        }
        Ok(decoded)
    }

    fn in_threads<R: RejectSink>(&self, ordered: &[&Source], sinks: &mut [R]) -> Result<Vec<Decoded>, ReplayError> {
        let workers = sinks.len();
        let (sender, receiver) = sync_channel::<(usize, Block)>(2 * workers);
        let receiver = Mutex::new(receiver);
        std::thread::scope(|scope| {
            let receiver = &receiver;
            let threads = sinks.iter_mut().map(|sink| {
                scope.spawn(move || {
                    let mut worker = Worker::new(self, ordered, sink, workers);
                    while let Some((at, block)) = next(receiver) {
                        worker.block(at, &block);
                    }
                    worker.finish()
                })
            });
            let threads: Vec<_> = threads.collect();
            let read = read_all(ordered, &mut |at, block| {
                // A send fails only when every worker is gone, which joining them reports.
                let _ = sender.send((at, block));
            });
            drop(sender);
            let parts: Result<Vec<Decoded>, ReplayError> =
                threads.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Worker)?).collect();
            read.map_err(ReplayError::from).and(parts)
        })
    }
}

fn next(receiver: &Mutex<Receiver<(usize, Block)>>) -> Option<(usize, Block)> {
    receiver.lock().ok()?.recv().ok()
}

fn read_all(ordered: &[&Source], each: &mut dyn FnMut(usize, Block)) -> Result<(), files::FileError> {
    for (at, source) in ordered.iter().enumerate() {
        match source {
            Source::File(file) => files::read(file, BLOCK_BYTES, &mut |block| each(at, block))?,
            Source::Bytes { name, bytes, .. } => {
                files::read_bytes(name, bytes, BLOCK_BYTES, &mut |block| each(at, block))?
            }
        }
    }
    Ok(())
}

impl Source {
    /// The feed.
    pub fn feed(&self) -> Feed {
        match self {
            Source::File(file) => file.feed,
            Source::Bytes { feed, .. } => *feed,
        }
    }

    /// The base name.
    pub fn name(&self) -> &str {
        match self {
            Source::File(file) => &file.name,
            Source::Bytes { name, .. } => name,
        }
    }
}

/// One decoder.
struct Worker<'a, R> {
    decoding: &'a Decoding<'a>,
    ordered: &'a [&'a Source],
    decoder: Decoder,
    builders: Vec<EvidenceBuilders>,
    sink: &'a mut R,
    decoded: Decoded,
    /// The first failure; what comes after it is passed over.
    failed: Option<SpoolError>,
}

impl<'a, R: RejectSink> Worker<'a, R> {
    fn new(decoding: &'a Decoding<'a>, ordered: &'a [&'a Source], sink: &'a mut R, partitions: usize) -> Worker<'a, R> {
        Worker {
            decoding,
            ordered,
            decoder: Decoder::new(Arc::clone(decoding.settings)),
            builders: (0..partitions).map(|_| EvidenceBuilders::new()).collect(),
            sink,
            decoded: Decoded::default(),
            failed: None,
        }
    }

    fn block(&mut self, at: usize, block: &Block) {
        if self.failed.is_some() {
            return;
        }
        let before = self.decoded.records;
        self.failed = self.decode(at, block).and_then(|()| self.flush(BATCH_ROWS_MAX)).err();
        self.decoding.progress.decoded(self.decoded.records - before);
    }

    fn decode(&mut self, at: usize, block: &Block) -> Result<(), SpoolError> {
        let Some(source) = self.ordered.get(at) else { return Ok(()) };
        let rejected = |line, code, message, raw: &[u8]| {
            let file = Arc::from(source.name());
            Rejected { feed: source.feed(), file, line, code, message, raw: raw.to_vec(), oversize: None }
        };
        let refused = |row: &Refused| {
            let oversize = if let Refusal::TooLarge(oversize) = &row.why { Some(*oversize) } else { None };
            Rejected { oversize, ..rejected(row.line, row.why.code(), row.why.message(), &row.raw) }
        };
        let mut rows = block.refused.iter().peekable();
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', &block.bytes).chain(std::iter::once(block.bytes.len()));
        for (line, end) in (block.first_line..).zip(ends) {
            let raw = &block.bytes[start..end];
            start = end + 1;
            while let Some(row) = rows.next_if(|row| row.line <= line) {
                self.reject(at, refused(row))?;
            }
            if raw.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                continue;
            }
            match self.decoder.decode(source.feed(), raw, None, &mut self.builders) {
                Err(reject) => self.reject(at, rejected(line, reject.code, reject.message, raw))?,
                Ok(_) => self.decoded.records += 1,
            }
        }
        rows.try_for_each(|row| self.reject(at, refused(row)))
    }

    fn reject(&mut self, at: usize, rejected: Rejected) -> Result<(), SpoolError> {
        self.decoded.records += 1;
        self.decoded.tally.reject(rejected.code);
        self.sink.reject(at, rejected)
    }

    /// Hands over what builders with so many rows hold.
    fn flush(&mut self, rows_min: usize) -> Result<(), SpoolError> {
        for (partition, builders) in self.builders.iter_mut().enumerate() {
            if builders.rows() >= rows_min.max(1) || builders.is_full() {
                let phones = of_phones(builders.finish_phones())?;
                let mut batches = builders.finish();
                for (_, batch) in batches.iter().chain(&phones) {
                    self.decoded.span = joined(self.decoded.span, store::span_of(batch));
                }
                if let Some(whom) = self.decoding.whom {
                    batches = concerning(whom, self.decoding.is_everybodys, batches)?;
                }
                self.decoding.store.add(partition, batches)?;
                self.decoding.store.add_phones(phones)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Decoded, ReplayError> {
        if let Some(failed) = self.failed {
            return Err(failed.into());
        }
        self.flush(0)?;
        self.decoded.unknown_fields = Feed::ALL.into_iter().map(|feed| self.decoder.unknown_fields(feed)).sum();
        Ok(self.decoded)
    }
}

fn joined(one: Option<(Instant, Instant)>, other: Option<(Instant, Instant)>) -> Option<(Instant, Instant)> {
    match (one, other) {
        (Some((first, last)), Some((earlier, later))) => Some((first.min(earlier), last.max(later))),
        (one, other) => one.or(other),
    }
}

/// Batches of phones as the tables of evidence read them: the phone in the place of the person.
fn of_phones(batches: Vec<(Kind, RecordBatch)>) -> Result<Vec<(Kind, RecordBatch)>, SpoolError> {
    let of_phone = |(kind, batch): (Kind, RecordBatch)| {
        let (_, columns, _) = batch.into_parts();
        Ok((kind, RecordBatch::try_new(log_schema(kind), columns)?))
    };
    batches.into_iter().map(of_phone).collect()
}

/// What concerns one person: what is everybody's, and the person's own rows.
fn concerning(
    whom: Person,
    is_everybodys: &dyn Fn(Kind) -> bool,
    batches: Vec<(Kind, RecordBatch)>,
) -> Result<Vec<(Kind, RecordBatch)>, SpoolError> {
    let kept = batches.into_iter().map(|(kind, batch)| {
        if is_everybodys(kind) {
            return Ok((kind, batch));
        }
        Ok((kind, rows_of(&batch, &|person| person == whom)?))
    });
    kept.collect()
}
