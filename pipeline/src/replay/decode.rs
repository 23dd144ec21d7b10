//! Sources -> evidence batches by partition, and rejects.
//!
//! One thread reads, the others decode blocks as they come; with one worker the reader decodes itself. Which block is
//! decoded where changes the order of rows, and order means nothing.
//!
//! Owns positions: the file and line of every reject. Must never put a record into a message.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use fuma_connectors::files::{self, Block};
use fuma_schemas::{Feed, Kind, RejectCode};

use super::{Progress, Rejected, ReplayError, Source};
use crate::intake::{Decoder, EvidenceBuilders, Settings};

/// The size of a block of lines: large enough to cost nothing a line, small enough for the cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Rows of a partition after which its builders become batches.
const BATCH_ROWS_MAX: usize = 65_536;

/// What decoding came to.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// By partition.
    pub(super) batches: Vec<Vec<(Kind, RecordBatch)>>,
    /// In the order of the contract.
    pub(super) rejects: Vec<Rejected>,
    pub(super) records: u64,
    pub(super) unknown_fields: u64,
    pub(super) unattached: u64,
}

/// Reads and decodes all sources.
pub(super) fn decode(
    sources: &[Source],
    settings: &Arc<Settings>,
    partitions: usize,
    progress: &dyn Progress,
) -> Result<Decoded, ReplayError> {
    let mut ordered: Vec<&Source> = sources.iter().collect();
    ordered.sort_by_key(|source| (source.feed(), source.name().as_bytes().to_vec()));
    let parts = if partitions <= 1 {
        let mut worker = Worker::new(settings, partitions, progress);
        read_all(&ordered, &mut |at, block| worker.block(&ordered, at, &block))?;
        vec![worker.finish()]
    } else {
        decode_in_threads(&ordered, settings, partitions, progress)?
    };
    let mut decoded = Decoded { batches: (0..partitions.max(1)).map(|_| Vec::new()).collect(), ..Decoded::default() };
    let mut rejects = Vec::new();
    for part in parts {
        for (all, of_part) in decoded.batches.iter_mut().zip(part.batches) {
            all.extend(of_part);
        }
        rejects.extend(part.rejects);
        decoded.records += part.records;
        decoded.unknown_fields += part.unknown_fields;
        decoded.unattached += part.unattached;
    }
    rejects.sort_by_key(|(at, rejected)| (*at, rejected.line));
    decoded.rejects = rejects.into_iter().map(|(_, rejected)| rejected).collect();
    Ok(decoded)
}

fn decode_in_threads(
    ordered: &[&Source],
    settings: &Arc<Settings>,
    partitions: usize,
    progress: &dyn Progress,
) -> Result<Vec<Part>, ReplayError> {
    let (sender, receiver) = sync_channel::<(usize, Block)>(2 * partitions);
    let receiver = Mutex::new(receiver);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..partitions)
            .map(|_| {
                scope.spawn(|| {
                    let mut worker = Worker::new(settings, partitions, progress);
                    while let Some((at, block)) = next(&receiver) {
                        worker.block(ordered, at, &block);
                    }
                    worker.finish()
                })
            })
            .collect();
        let read = read_all(ordered, &mut |at, block| {
            // A send fails only when every worker is gone, which joining them reports.
            let _ = sender.send((at, block));
        });
        drop(sender);
        let parts: Result<Vec<Part>, _> =
            workers.into_iter().map(|worker| worker.join().map_err(|_| ReplayError::Worker)).collect();
        read.and(parts)
    })
}

fn next(receiver: &Mutex<Receiver<(usize, Block)>>) -> Option<(usize, Block)> {
    receiver.lock().ok()?.recv().ok()
}

fn read_all(ordered: &[&Source], each: &mut dyn FnMut(usize, Block)) -> Result<(), ReplayError> {
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

/// What one worker decoded.
#[derive(Default)]
struct Part {
    batches: Vec<Vec<(Kind, RecordBatch)>>,
    /// With the place of the source.
    rejects: Vec<(usize, Rejected)>,
    records: u64,
    unknown_fields: u64,
    /// Records of a phone.
    unattached: u64,
}

struct Worker<'a> {
    decoder: Decoder,
    builders: Vec<EvidenceBuilders>,
    part: Part,
    progress: &'a dyn Progress,
}

impl<'a> Worker<'a> {
    fn new(settings: &Arc<Settings>, partitions: usize, progress: &'a dyn Progress) -> Worker<'a> {
        let partitions = partitions.max(1);
        let part = Part { batches: (0..partitions).map(|_| Vec::new()).collect(), ..Part::default() };
        let builders = (0..partitions).map(|_| EvidenceBuilders::new()).collect();
        Worker { decoder: Decoder::new(Arc::clone(settings)), builders, part, progress }
    }

    fn block(&mut self, ordered: &[&Source], at: usize, block: &Block) {
        let Some(source) = ordered.get(at) else { return };
        let before = self.part.records;
        let rejected = |line, code, message, raw: &[u8]| {
            let file = Arc::from(source.name());
            Rejected { feed: source.feed(), file, line, code, message, raw: raw.to_vec() }
        };
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', &block.bytes).chain(std::iter::once(block.bytes.len()));
        for (line, end) in (block.first_line..).zip(ends) {
            let raw = &block.bytes[start..end];
            start = end + 1;
            if raw.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                continue;
            }
            self.part.records += 1;
            match self.decoder.decode(source.feed(), raw, None, &mut self.builders) {
                Err(reject) => self.part.rejects.push((at, rejected(line, reject.code, reject.message, raw))),
                Ok(accepted) => self.part.unattached += u64::from(accepted.phone.is_some()),
            }
        }
        for row in &block.bad_rows {
            self.part.records += 1;
            self.part.rejects.push((at, rejected(row.line, RejectCode::BadRow, row.message.clone(), &row.raw)));
        }
        for (builders, batches) in self.builders.iter_mut().zip(&mut self.part.batches) {
            // Nobody reads the facts of phones yet.
            drop(builders.finish_phones());
            if builders.rows() >= BATCH_ROWS_MAX || builders.is_full() {
                batches.extend(builders.finish());
            }
        }
        self.progress.decoded(self.part.records - before);
    }

    fn finish(mut self) -> Part {
        for (builders, batches) in self.builders.iter_mut().zip(&mut self.part.batches) {
            batches.extend(builders.finish());
        }
        self.part.unknown_fields = Feed::ALL.into_iter().map(|feed| self.decoder.unknown_fields(feed)).sum();
        self.part
    }
}
