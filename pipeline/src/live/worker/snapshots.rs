//! Snapshots of a worker's partitions: read at a takeover, written page by page between commits.
//!
//! A snapshot begins at a committed position and takes in whatever was committed while it is written: evidence is a set
//! and announcements are absolute, so reading both logs on from where it began does no harm.
//!
//! Owns when one is written, and what stands in its position. Must never hold up a commit: a page is some thousand
//! people, there is none while the writer has no room, and whatever is asked of the store or of the log is asked on
//! threads of their own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use fuma_connectors::log::{EndsQuestion, LogError, WorkerLog};
use fuma_schemas::{Colour, Instant, Kind, Person};
use serde_json::Value;

use super::owned::{Identity, Owned};
use super::position::Standing;
use crate::assess::Partition;
use crate::assess::announced::State;
use crate::evidence::{Export, Import, TableError};
use crate::live::record::{Origin, codes_of_table};
use crate::live::snapshot::{
    Manifest, Meta, NAMES, Since2, Snapshot, SnapshotError, SnapshotStore, SnapshotWriter, Written, rules_in,
    series_of_partition,
};
use crate::live::{fault, metric};
use crate::policy::Pack;
use crate::seed;

/// People of a page: some milliseconds' work at nine facts each.
const PAGE_PEOPLE: u32 = 4096;

/// At a stop a snapshot is written after this part of the records after which one is due: fewer are read in no time.
pub(crate) const WORTH_AT_STOP: u64 = 100;

/// Where snapshots are, and how often they are written.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// The store.
    pub store: SnapshotStore,
    /// Where it is, for messages.
    pub place: String,
    /// Written when this has passed,
    pub every: Duration,
    /// or when so many evidence records have passed.
    pub records: u64,
    /// How long a worker that is asked to stop may go on for the sake of its last snapshots.
    pub at_stop: Duration,
}

/// What a snapshot says beside the state.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The evidence offset from which the log is replayed.
    pub evidence: u64,
    /// The output offset from which announcements are read.
    pub output: u64,
    /// The position.
    pub standing: Option<Standing>,
    /// Whose it is.
    pub origin: Origin,
    /// How many partitions its installation has; 0: not said.
    pub partitions: u32,
    /// When it was written.
    pub written_at: Instant,
}

/// What was found.
#[derive(Default)]
pub struct Search {
    /// The state of the newest that is of use, and what it says.
    pub loaded: Option<(Partition, Loaded)>,
    /// Those that were passed over, the newest first, and why.
    pub passed_over: Vec<(String, String)>,
}

impl Snapshots {
    /// The newest snapshot of a partition that is whole and usable; a damaged one is named and passed over.
    ///
    /// # Errors
    /// When the store does not say what there is, or there is one that this build does not understand: to pass over it
    /// would lose what it holds.
    pub fn load(
        &self,
        partition: u32,
        is_usable: &dyn Fn(u64) -> bool,
        pack: &Arc<Pack>,
    ) -> Result<Search, SnapshotError> {
        let series = series_of_partition(partition);
        let in_log = |manifest: &Manifest| match is_usable(manifest.meta.offset) {
            true => Ok(()),
            false => Err("not within the evidence log".to_owned()),
        };
        let newest = self.store.newest(&series, &in_log, &mut |snapshot| {
            let mut partition =
                Partition::seeded(Arc::clone(pack), seed::of_process()).map_err(|_| SnapshotError::GivenUp)?;
            take_back(snapshot, &mut partition)?;
            Ok(partition)
        });
        let newest = newest?;
        let passed_over = newest.passed_over;
        let Some((Manifest { meta, .. }, partition)) = newest.loaded else {
            return Ok(Search { loaded: None, passed_over });
        };
        let position = meta.position.as_str().unwrap_or_default();
        let standing = Standing::parse(position)
            .map_err(|error| SnapshotError::Newer { file: meta.name(), what: error.to_string() })?;
        let loaded = Loaded {
            evidence: meta.offset,
            output: meta.output_offset.unwrap_or(0),
            standing,
            origin: meta.origin(),
            partitions: meta.since_2.partitions,
            written_at: Instant(meta.written_at_ms),
        };
        Ok(Search { loaded: Some((partition, loaded)), passed_over })
    }
}

/// Takes the tables back; nobody is touched by it.
fn take_back(snapshot: &Snapshot, partition: &mut Partition) -> Result<(), SnapshotError> {
    let meta = &snapshot.manifest().meta;
    let mut import = Import::default();
    snapshot.load(&mut |table, batch, _| {
        if table == NAMES {
            return Ok(());
        }
        let translated = Kind::parse(table).map(|kind| codes_of_table(kind, meta.list_of(kind), batch));
        let translated = translated.transpose().map_err(|_| TableError::Table { table: table.to_owned() })?;
        let batch = translated.as_ref().unwrap_or(batch);
        let mut announced: Vec<(u32, u64)> = Vec::new();
        import.take(partition.evidence_mut(), table, batch, &mut |person, number| {
            if number != 0 {
                announced.push((person, number));
            }
        })?;
        for (person, number) in announced {
            if let Some(token) = partition.evidence().person(person) {
                recall(partition, token, number, meta)?;
            }
        }
        Ok(())
    })
}

/// Takes back what was announced of a person: the number of a state, or, in older snapshots, a mask of rules.
fn recall(partition: &mut Partition, token: Person, number: u64, meta: &Meta) -> Result<(), TableError> {
    if meta.since_2.states.is_empty() {
        let heads: Vec<(&str, &str)> = rules_in(number, &meta.rules).filter_map(|head| head.split_once(' ')).collect();
        let is_red = heads.iter().any(|(colour, _)| *colour == Colour::Red.name());
        let colour = if is_red { Colour::Red } else { Colour::Yellow };
        partition.recall(token, colour, heads.iter().map(|(_, id)| *id));
        return Ok(());
    }
    let state = usize::try_from(number).ok().and_then(|number| meta.since_2.states.get(number));
    let mut words = state.map_or("", String::as_str).split(' ');
    let Some(colour) = words.next().and_then(Colour::parse) else {
        return Err(TableError::State { number });
    };
    partition.recall(token, colour, words);
    Ok(())
}

/// The states that were announced, by number: a colour and the ids of its rules, of whatever pack they are.
fn states(partition: &Partition) -> Vec<String> {
    let text = |state: &State| {
        let rules = state.rules.iter().map(|rule| &**rule);
        std::iter::once(state.colour.name()).chain(rules).collect::<Vec<_>>().join(" ")
    };
    partition.all_announced().states().iter().map(text).collect()
}

/// Writes the snapshots of a worker's partitions, one at a time.
#[derive(Default)]
pub struct Keeper {
    /// A partition that is due, and how far its logs go, as soon as that is answered.
    asking: Option<(u32, Asking)>,
    /// Asked for, and not begun yet.
    asked: Option<Asked>,
    under_way: Option<UnderWay>,
    /// When, and up to which offset, a partition was last seen to.
    last: BTreeMap<u32, (Duration, u64)>,
    /// The worker is about to leave.
    is_last: bool,
    /// The log is asked on the worker's own thread, for a simulation.
    pub(super) is_inline: bool,
}

/// The ends of the logs of a partition: where a broker is silent, nobody but a thread of its own waits for it.
enum Asking {
    /// Not answered yet.
    Waiting(Receiver<Result<(u64, Range<u64>), LogError>>),
    /// Answered: the end of the output, and the offsets of the evidence.
    Answered(u64, Range<u64>),
}

/// What a snapshot will say. The end of the output in it counts only if a commit succeeds after it was asked for
/// who was put out of the group and does not know it reads its successor's end, and has none of the successor's
/// changes in memory.
struct Asked {
    partition: u32,
    /// The first offset that the evidence log holds.
    log_start: u64,
    meta: Meta,
    /// How many commits the partition had then.
    commits: u64,
}

struct UnderWay {
    partition: u32,
    /// The evidence offset that it begins at.
    offset: u64,
    /// The first offset that the evidence log held then.
    log_start: u64,
    writer: SnapshotWriter,
    next: u32,
    has_all: bool,
}

impl Keeper {
    /// Does some milliseconds' work towards the next snapshot. Call it when no transaction is under way.
    pub fn turn(
        &mut self,
        snapshots: &Snapshots,
        owned: &mut BTreeMap<u32, Owned>,
        log: &mut dyn WorkerLog,
        (now, elapsed): (Instant, Duration),
        identity: &Identity,
    ) {
        if let Some(under_way) = self.under_way.take() {
            self.go_on(owned, log, under_way);
        } else if let Some(asked) = self.asked.take() {
            self.begin(snapshots, owned, asked);
        } else if let Some((id, asking)) = self.asking.take() {
            self.note(owned, (id, asking), now, identity);
        } else if let Some(id) = self.due(snapshots, owned, elapsed) {
            self.last.insert(id, (elapsed, owned.get(&id).map_or(0, |owned| owned.committed)));
            self.ask(id, log.ends(id));
        }
    }

    /// The worker is about to leave: from now on a partition is due that has gone on by a part of what is due else.
    /// Whoever comes next then reads little of the log.
    pub fn hurry(&mut self) {
        self.is_last = true;
    }

    /// Whether a snapshot is under way, or due.
    pub fn has_work(&mut self, snapshots: &Snapshots, owned: &BTreeMap<u32, Owned>, elapsed: Duration) -> bool {
        self.asking.is_some()
            || self.asked.is_some()
            || self.under_way.is_some()
            || self.due(snapshots, owned, elapsed).is_some()
    }

    /// Whether a page is wanted.
    pub fn is_writing(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| !under_way.has_all)
    }

    /// The partition that is due, if there is one.
    fn due(&mut self, snapshots: &Snapshots, owned: &BTreeMap<u32, Owned>, elapsed: Duration) -> Option<u32> {
        self.last.retain(|partition, _| owned.contains_key(partition));
        for (id, owned) in owned {
            let already = snapshots.every.mul_f64(spread(*id) / 2.0);
            self.last.entry(*id).or_insert((elapsed.saturating_sub(already), owned.committed));
        }
        let is_due = |owned: &&Owned| {
            let (at, offset) = self.last.get(&owned.id).copied().unwrap_or((elapsed, owned.committed));
            let passed = owned.committed.saturating_sub(offset);
            let is_last = self.is_last && passed > 0 && passed >= snapshots.records / WORTH_AT_STOP;
            is_last || passed >= snapshots.records || passed > 0 && elapsed.saturating_sub(at) >= snapshots.every
        };
        owned.values().filter(|owned| is_ready(owned)).find(is_due).map(|owned| owned.id)
    }

    /// Asks how far the logs of a partition go, on a thread of its own.
    fn ask(&mut self, id: u32, question: EndsQuestion) {
        let (sender, answer) = sync_channel(1);
        let ask = move || {
            // Nobody listens when the worker has gone.
            let _ = sender.send(question());
        };
        if self.is_inline {
            ask();
        } else if let Err(error) = std::thread::Builder::new().name("snapshot-ends".to_owned()).spawn(ask) {
            return tracing::warn!(partition = id, %error, "no thread to ask the log: no snapshot now");
        }
        self.asking = Some((id, Asking::Waiting(answer)));
    }

    /// Notes what the snapshot will say, once the log has answered and the position says all there is to say.
    fn note(
        &mut self,
        owned: &mut BTreeMap<u32, Owned>,
        (id, asking): (u32, Asking),
        now: Instant,
        identity: &Identity,
    ) {
        // Taken away meanwhile.
        let Some(owned) = owned.get_mut(&id) else { return };
        let (output, bounds) = match asking {
            Asking::Answered(output, bounds) => (output, bounds),
            Asking::Waiting(answer) => match answer.try_recv() {
                Ok(Ok(answered)) => answered,
                Ok(Err(error)) => return tracing::warn!(partition = id, %error, "no snapshot now"),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    self.asking = Some((id, Asking::Waiting(answer)));
                    return;
                }
            },
        };
        if !is_ready(owned) {
            self.asking = Some((id, Asking::Answered(output, bounds)));
            return;
        }
        let logs = [
            ("evidence", (bounds.start, owned.committed)),
            ("code-changes", (0, output)),
            ("reference-regions", (0, owned.standing.regions)),
        ];
        let meta = Meta {
            offset: owned.committed,
            clock_ms: owned.standing.clock.0,
            owner: owned.standing.owner.clone(),
            output_offset: Some(output),
            written_at_ms: now.0,
            rules: Vec::new(),
            position: Value::String(owned.standing.to_text()),
            since_2: Since2::of(
                identity.origin,
                identity.partitions,
                logs.into_iter().map(|(log, offsets)| (log.to_owned(), offsets)).collect(),
            ),
        };
        owned.wants_proof = true;
        self.asked = Some(Asked { partition: id, log_start: bounds.start, meta, commits: owned.commits });
    }

    /// Begins to write once a commit has shown that the partition was this worker's when the end was asked for.
    fn begin(&mut self, snapshots: &Snapshots, owned: &BTreeMap<u32, Owned>, asked: Asked) {
        let Some(owned) = owned.get(&asked.partition) else { return };
        // Taken away and given back meanwhile: another memory than the one that asked.
        if owned.commits < asked.commits {
            return;
        }
        if owned.commits == asked.commits {
            self.asked = Some(asked);
            return;
        }
        let (partition, offset, log_start) = (asked.partition, asked.meta.offset, asked.log_start);
        match snapshots.store.begin(&series_of_partition(partition), asked.meta) {
            Ok(writer) => {
                self.under_way = Some(UnderWay { partition, offset, log_start, writer, next: 0, has_all: false });
            }
            Err(error) => failed(partition, &error),
        }
    }

    fn go_on(&mut self, owned: &mut BTreeMap<u32, Owned>, log: &mut dyn WorkerLog, mut under_way: UnderWay) {
        // Without its partition it is given up: dropping the writer removes what was written.
        let Some(owned) = owned.get_mut(&under_way.partition) else { return };
        if let Some(outcome) = under_way.writer.outcome() {
            return ended(owned, log, &under_way, outcome);
        }
        // What was taken and not committed yet must not get into it: the position of a successor may lie before it, and
        // the audit would find what nobody was told.
        let is_settled = owned.next == owned.committed;
        if !under_way.has_all && is_settled && under_way.writer.has_room() {
            fault::place("in-snapshot");
            // Without a page it is nothing: given up, and tried again when the next one is due.
            match page(owned, &mut under_way) {
                Ok(goes_on) => under_way.has_all = !goes_on,
                Err(error) => return failed(owned.id, &error),
            }
            // A simulation does not depend on how fast a thread is.
            if self.is_inline && under_way.has_all {
                let outcome = loop {
                    match under_way.writer.outcome() {
                        Some(outcome) => break outcome,
                        None => std::thread::yield_now(),
                    }
                };
                return ended(owned, log, &under_way, outcome);
            }
        }
        self.under_way = Some(under_way);
    }
}

/// The position in a snapshot must say all there is to say: nobody may wait who was touched before it. And nothing may
/// wait to be told: what was told is read from the position, and the log before it goes.
fn is_ready(owned: &Owned) -> bool {
    let is_told = owned.to_tell.is_said(owned.committed, &owned.standing);
    !owned.must_claim && owned.through == owned.committed && is_told && owned.labels.is_settled()
}

/// Hands a page over; false when it was the last.
fn page(owned: &Owned, under_way: &mut UnderWay) -> Result<bool, SnapshotError> {
    let mut export = Export::default();
    let end = under_way.next.saturating_add(PAGE_PEOPLE);
    let is_last = end >= owned.partition.evidence().people();
    crate::invariant::check(|| owned.partition.is_settled(), "I-3", "a snapshot holds what is committed");
    exported(&owned.partition, under_way.next..end, is_last, &mut export)?;
    under_way.next = end;
    if !under_way.writer.page(export) {
        return Ok(false);
    }
    if is_last {
        under_way.writer.finish_with(states(&owned.partition));
    }
    Ok(!is_last)
}

/// The tables of some people; those of nobody come with the last.
fn exported(partition: &Partition, people: Range<u32>, is_last: bool, out: &mut Export) -> Result<(), TableError> {
    let (evidence, announced) = (partition.evidence(), partition.all_announced());
    evidence.export(people, &|person| u64::from(announced.number(person)), out)?;
    if is_last { evidence.export_verdicts(out) } else { Ok(()) }
}

fn ended(owned: &mut Owned, log: &mut dyn WorkerLog, under_way: &UnderWay, outcome: Result<Written, SnapshotError>) {
    match outcome {
        Ok(written) => {
            owned.snapshot = owned.snapshot.max(Some(under_way.offset));
            finished(owned, log, under_way.log_start, &written);
        }
        Err(error) => failed(owned.id, &error),
    }
}

fn failed(partition: u32, error: &SnapshotError) {
    tracing::error!(partition, %error, "no snapshot was written; the worker goes on, and tries again later");
}

/// Where between 0 and 1 a partition's time lies: so that those that begin together do not write together for ever.
fn spread(partition: u32) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    (f64::from(partition) * GOLDEN).fract()
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
/// the log must reach back to the older of the snapshots that are kept.
fn finished(owned: &Owned, log: &mut dyn WorkerLog, log_start: u64, written: &Written) {
    let rows = written.manifest.rows_in_all();
    tracing::info!(partition = owned.id, snapshot = written.name, rows, "snapshot written");
    let Some(oldest) = written.kept.iter().copied().min() else { return };
    let margin = oldest as f64 - log_start as f64;
    metrics::gauge!(metric::SNAPSHOT_MARGIN, "partition" => owned.id.to_string()).set(margin);
    if log_start > oldest {
        tracing::error!(
            partition = owned.id,
            begins = log_start,
            oldest,
            "the evidence log begins after the older snapshot: should the newer be damaged, the state is lost. Keep \
             the log longer, or write snapshots more often"
        );
    } else if written.kept.len() > 1
        && let Err(error) = log.trim(owned.id, oldest)
    {
        tracing::warn!(partition = owned.id, %error, "the evidence log cannot be trimmed");
    }
}

#[cfg(test)]
mod tests;
