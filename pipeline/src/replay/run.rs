//! A replay from its sources to its end: decode, trace, partitions, each on a thread of its own.
//!
//! Owns the order, and what is kept for whom: changes in memory, or in spools; the state, or only its counts.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use fuma_schemas::evidence::log;
use fuma_schemas::{CodeChange, Instant, Kind, Person};

use super::decode::Decoding;
use super::links::{Inputs, Links};
use super::schedule::{happening, switched};
use super::sink::{ChangeSink, Nowhere, RejectSink};
use super::store::{Piece, Store};
use super::task::{Done, Task};
use super::watch::{self, ShortGreens};
use super::{Counts, Options, Outcome, Progress, Rejected, ReplayError, Source, SpoolError, Tick};
use crate::assess::{Partition, Why, invariants};
use crate::invariant;
use crate::linked::{self, Linked};
use crate::policy::Pack;

/// The partitions at the end of a replay, for whoever wants to look into the state.
pub struct Finished {
    /// What came out.
    pub outcome: Outcome,
    /// The partitions, by number.
    pub partitions: Vec<Partition>,
    /// The evidence batches, by partition: they still have the owners and ids that the state drops. None of them in a
    /// replay of everybody's [`known`]: they may be more than there is memory.
    pub batches: Vec<Vec<(Kind, RecordBatch)>>,
    /// What links people; none where no record is of a phone and no pack traces.
    pub linked: Option<Linked>,
    pieces: Vec<Vec<Piece>>,
    phones: Vec<Piece>,
}

impl Finished {
    /// The records of phones, with the phone in the place of the person.
    ///
    /// # Errors
    /// When a piece cannot be read back.
    pub fn phones(&self) -> Result<Vec<(Kind, RecordBatch)>, ReplayError> {
        self.phones.iter().map(|piece| Ok((piece.kind, piece.clone().read()?))).collect()
    }

    /// The rows of some kinds, by partition.
    ///
    /// # Errors
    /// When a piece cannot be read back.
    pub fn of_kinds(&self, kinds: &[Kind]) -> Result<Vec<Vec<(Kind, RecordBatch)>>, ReplayError> {
        let of_partition = |pieces: &Vec<Piece>| {
            let pieces = pieces.iter().filter(|piece| kinds.contains(&piece.kind));
            pieces.map(|piece| Ok((piece.kind, piece.clone().read()?))).collect()
        };
        self.pieces.iter().map(of_partition).collect()
    }

    /// The rows of some people, by partition: what was decoded is gone through piece by piece.
    ///
    /// # Errors
    /// When a piece cannot be read back.
    pub fn rows_of(&self, is_wanted: &dyn Fn(Person) -> bool) -> Result<Vec<Vec<(Kind, RecordBatch)>>, ReplayError> {
        let rows = |piece: &Piece| {
            let batch = piece.clone().read()?;
            let of_people = rows_of(&batch, is_wanted)?;
            Ok((of_people.num_rows() > 0).then_some((piece.kind, of_people)))
        };
        let of_partition = |pieces: &Vec<Piece>| pieces.iter().map(rows).filter_map(Result::transpose).collect();
        self.pieces.iter().map(of_partition).collect()
    }
}

/// The rows of some people.
pub(super) fn rows_of(batch: &RecordBatch, is_wanted: &dyn Fn(Person) -> bool) -> Result<RecordBatch, SpoolError> {
    let people = batch.column(log::PERSON).as_fixed_size_binary();
    let person = |row: usize| people.value(row).try_into().map(Person);
    let wanted = (0..people.len()).map(|row| people.is_valid(row) && person(row).is_ok_and(is_wanted));
    Ok(filter_record_batch(batch, &BooleanArray::from(wanted.collect::<Vec<bool>>()))?)
}

/// Replays the sources; changes and rejects come in memory.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn run(sources: &[Source], options: &Options, progress: &dyn Progress) -> Result<Outcome, ReplayError> {
    let decoded = decoded::<Vec<(usize, Rejected)>>(sources, options, None, progress)?;
    Ok(decoded.in_memory(options, progress)?.0)
}

/// Replays the sources and keeps the state, and all batches.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn finish(sources: &[Source], options: &Options, progress: &dyn Progress) -> Result<Finished, ReplayError> {
    let decoded = decoded::<Vec<(usize, Rejected)>>(sources, options, None, progress)?;
    decoded.finished(options, true, progress)
}

/// What is known at `options.until`, or at the last record without it, applied at once and judged once, at that
/// instant: for explaining and listing. The tick of the options is not looked at. With a person only what concerns the
/// person is kept: regions, everybody's cases and contacts, and the person's own records.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn known(
    sources: &[Source],
    options: &Options,
    whom: Option<Person>,
    progress: &dyn Progress,
) -> Result<(Finished, Option<Instant>), ReplayError> {
    let decoded = decoded::<Vec<(usize, Rejected)>>(sources, options, whom, progress)?;
    let at = options.until.or(decoded.span.map(|(_, last)| last));
    // With the instant as the tick, the only clock after the epoch and up to the instant is the instant itself.
    let tick = at.and_then(|at| Tick::new(at.0));
    let options = Options { tick: tick.unwrap_or(options.tick), until: at, ..options.clone() };
    decoded.finished(&options, whom.is_some(), progress).map(|finished| (finished, at))
}

/// Replays the sources and keeps the state at the last tick, and what was counted: no change and no reject.
///
/// # Errors
/// When a source cannot be read to its end, or on a bug.
pub fn state(
    sources: &[Source],
    options: &Options,
    progress: &dyn Progress,
) -> Result<(Vec<Partition>, Counts), ReplayError> {
    let judged = decoded::<Nowhere>(sources, options, None, progress)?.judged::<Nowhere>(options, progress)?;
    Ok((judged.partitions, judged.counts))
}

/// What was decoded, and where rejects went.
pub(super) struct Decoded<R> {
    pub(super) pieces: Vec<Vec<Piece>>,
    pub(super) phones: Vec<Piece>,
    /// The first and the last known_at of all accepted records.
    pub(super) span: Option<(Instant, Instant)>,
    pub(super) rejects: Vec<R>,
    pub(super) counts: Counts,
}

/// Reads and decodes all sources.
pub(super) fn decoded<R: RejectSink + New>(
    sources: &[Source],
    options: &Options,
    whom: Option<Person>,
    progress: &dyn Progress,
) -> Result<Decoded<R>, ReplayError> {
    let workers = options.workers.max(1);
    let store = Store::new(workers, options.bounds.evidence_bytes, &options.bounds.folder);
    let mut rejects: Vec<R> = (0..workers).map(|_| R::new(options)).collect();
    // What links people is everybody's: cases, contacts, bindings, and what tracing reads.
    let is_everybodys =
        |kind| matches!(kind, Kind::Regions | Kind::Cases | Kind::Contacts) || linked::reads(&packs(options), kind);
    let settings = &options.intake;
    let decoding = Decoding { sources, settings, whom, is_everybodys: &is_everybodys, store: &store, progress };
    let decoded = decoding.run(&mut rejects)?;
    let counts = Counts {
        records: decoded.records,
        unknown_fields: decoded.unknown_fields,
        tally: decoded.tally,
        missed_windows: options.pack.contact_days().map(|_| 0),
        ..Counts::default()
    };
    let (pieces, phones) = store.finish();
    Ok(Decoded { pieces, phones, span: decoded.span, rejects, counts })
}

/// All packs that are ever in force.
fn packs(options: &Options) -> Vec<&Arc<Pack>> {
    std::iter::once(&options.pack).chain(options.later.iter().map(|switch| &switch.pack)).collect()
}

/// An empty sink.
pub(super) trait New {
    fn new(options: &Options) -> Self;
}

impl New for Nowhere {
    fn new(_: &Options) -> Nowhere {
        Nowhere
    }
}

impl<T> New for Vec<T> {
    fn new(_: &Options) -> Vec<T> {
        Vec::new()
    }
}

impl<R> Decoded<R> {
    /// Judges everybody; gives the counts, the partitions, and what their sinks hold.
    pub(super) fn judged<S: ChangeSink + New>(
        mut self,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Judged<R, S>, ReplayError> {
        let mut judged = Judged {
            rejects: self.rejects,
            partitions: Vec::new(),
            linked: None,
            changes: Vec::new(),
            counts: self.counts,
        };
        let span = ticks(self.span, options);
        judged.counts.last_tick = span.map(|(_, last)| last);
        if let Some(span) = span {
            let mut changed = Vec::new();
            let pieces = std::mem::take(&mut self.pieces);
            let (all, linked) = judge_all::<S>(pieces, std::mem::take(&mut self.phones), options, span, progress)?;
            judged.counts.linked = linked.as_ref().map(Linked::counts).unwrap_or_default();
            judged.linked = linked;
            for done in all {
                judged.counts.tally.add(&done.tally);
                count(&done.partition, &mut judged.counts);
                judged.partitions.push(done.partition);
                judged.changes.push(done.sink);
                changed.push(done.changed);
            }
            judged.counts.switched = switched(happening(&options.later, options.tick, span), changed);
        }
        Ok(judged)
    }
}

/// A replay at its end.
pub(super) struct Judged<R, S> {
    pub(super) rejects: Vec<R>,
    pub(super) partitions: Vec<Partition>,
    pub(super) linked: Option<Linked>,
    pub(super) changes: Vec<S>,
    pub(super) counts: Counts,
}

impl Decoded<Vec<(usize, Rejected)>> {
    fn in_memory(
        self,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<(Outcome, Vec<Partition>, Option<Linked>), ReplayError> {
        let Judged { rejects, partitions, linked, changes, mut counts } =
            self.judged::<Vec<CodeChange>>(options, progress)?;
        let mut rejects: Vec<(usize, Rejected)> = rejects.into_iter().flatten().collect();
        rejects.sort_by_key(|(at, rejected)| (*at, rejected.line));
        let changes = merged(changes);
        let mut short = ShortGreens::default();
        changes.iter().for_each(|change| short.see(change.person, change.to, change.decided_at));
        counts.short_greens = short.count();
        let rejects = rejects.into_iter().map(|(_, rejected)| rejected).collect();
        Ok((Outcome { changes, rejects, counts }, partitions, linked))
    }

    fn finished(self, options: &Options, keeps: bool, progress: &dyn Progress) -> Result<Finished, ReplayError> {
        let (pieces, phones) = (self.pieces.clone(), self.phones.clone());
        let (outcome, partitions, linked) = self.in_memory(options, progress)?;
        let read = |piece: &Piece| Ok((piece.kind, piece.clone().read()?));
        let kept = if keeps { &pieces[..] } else { &[] };
        let batches = kept.iter().map(|pieces| pieces.iter().map(read).collect());
        let batches = batches.collect::<Result<_, ReplayError>>()?;
        Ok(Finished { outcome, partitions, linked, batches, pieces, phones })
    }
}

/// The first and the last tick; none when there is no tick at or after the first record.
fn ticks(span: Option<(Instant, Instant)>, options: &Options) -> Option<(Instant, Instant)> {
    let (first, last) = span?;
    let last = match options.until {
        Some(until) => options.tick.floor(until),
        None => options.tick.ceiling(last),
    };
    let first = options.tick.ceiling(first);
    (first <= last).then_some((first, last))
}

fn judge_all<S: ChangeSink + New>(
    pieces: Vec<Vec<Piece>>,
    phones: Vec<Piece>,
    options: &Options,
    (first, last): (Instant, Instant),
    progress: &dyn Progress,
) -> Result<(Vec<Done<S>>, Option<Linked>), ReplayError> {
    // Regions are decoded into the first partition; every partition reads them whole.
    let regions: Vec<Piece> = pieces.iter().flatten().filter(|piece| piece.kind == Kind::Regions).cloned().collect();
    let (links, windows) = Links::new(Inputs { pieces: &pieces, phones }, options, (first, last))?;
    std::thread::scope(|scope| {
        let trace = scope.spawn(move || links.run());
        let threads: Vec<_> = pieces
            .into_iter()
            .zip(windows)
            .enumerate()
            .map(|(number, (pieces, windows))| {
                let regions = regions.clone();
                scope.spawn(move || {
                    let mut partition = Partition::seeded(Arc::clone(&options.pack), crate::seed::of_process())?;
                    partition.set_limits(options.bounds.facts);
                    let input = (pieces, regions, windows);
                    Task::new(number, partition, S::new(options), input, (options, (first, last))).run(progress)
                })
            })
            .collect();
        drop(regions);
        let done: Result<Vec<_>, ReplayError> =
            threads.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Worker)?).collect();
        let linked = trace.join().map_err(|_| ReplayError::Worker)??;
        Ok((done?, linked))
    })
}

fn count(partition: &Partition, counts: &mut Counts) {
    let memory = partition.evidence().memory();
    counts.people += u64::from(partition.evidence().people());
    counts.conflicts += partition.evidence().conflicts();
    counts.facts += memory.facts;
    if let Some(missed) = watch::missed_windows(partition) {
        *counts.missed_windows.get_or_insert(0) += missed;
    }
    counts.announced_bytes += partition.announced_bytes() as u64;
    let (crowded, failed) = partition.left_out().counts();
    counts.crowded += crowded;
    counts.failed += failed;
    counts.left_out.extend(left_out(partition));
    counts.left_out.sort();
    counts.left_out.truncate(LEFT_OUT_NAMED);
    for (all, own) in counts.colours.iter_mut().zip(partition.colours()) {
        *all += own;
    }
    counts.memory.push(memory);
}

/// How many of those who are left out are named.
const LEFT_OUT_NAMED: usize = 100;

/// Who is left out of judging, and why, in words.
fn left_out(partition: &Partition) -> Vec<(Person, String)> {
    let evidence = partition.evidence();
    let crowds = evidence.crowded_people();
    let why = |person: u32, why: &Why| match why {
        Why::Failed { rule } => format!("rule {rule} failed"),
        Why::Crowded => match crowds.iter().find(|crowd| crowd.person == person) {
            Some(crowd) => format!("{} facts of {}, at most {}", crowd.facts, crowd.kind.name(), crowd.facts_max),
            None => "too many facts for one step".to_owned(),
        },
    };
    let named = partition.left_out().people().take(LEFT_OUT_NAMED);
    named.filter_map(|(person, reason)| Some((evidence.person(person)?, why(person, reason)))).collect()
}

/// The changes of all partitions, by decided_at, then person.
fn merged(parts: Vec<Vec<CodeChange>>) -> Vec<CodeChange> {
    let mut changes: Vec<CodeChange> = parts.into_iter().flatten().collect();
    changes.sort_unstable_by_key(|change| (change.decided_at, change.person));
    invariant::check(|| invariants::are_chains(&changes), "I-4", "a change goes on from the last one of the person");
    changes
}
