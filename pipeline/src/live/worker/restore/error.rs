//! Why a partition was not taken over.
//!
//! Owns the words: what is wrong, where, and what to do. Whatever stands here, nothing was announced.

use fuma_connectors::log::LogError;

use crate::assess::AssessError;
use crate::live::decisions::NotOurs;
use crate::live::partitions::ParkReason;
use crate::live::record::RecordError;
use crate::live::snapshot::SnapshotError;
use crate::live::worker::announcement::AnnouncementError;
use crate::live::worker::position::PositionError;

/// Why a partition was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The evidence cannot be applied, or the rules cannot be executed.
    #[error(transparent)]
    Assess(#[from] AssessError),
    /// The partition moved on meanwhile.
    #[error("given up: the partition was taken away")]
    Cancelled,
    /// The topics are not what is recorded of the installation.
    #[error("partition {partition} is not taken over: {error}")]
    NotOurs {
        /// The partition.
        partition: u32,
        /// What differs.
        error: Box<NotOurs>,
    },
    /// The facts between the snapshots and the log are gone.
    #[error(
        "partition {partition}: its evidence log begins at offset {begins}, and what lies before it is only in \
         snapshots, of which none in {place} is of use ({passed_over}). Put a whole copy of one of them back, from a \
         backup: the partition then goes on by itself. If there is no copy, these facts are lost to this installation: \
         begin another one (its own kafka.prefix and group) and send it all feeds again"
    )]
    Gap {
        /// The partition.
        partition: u32,
        /// Where the log begins.
        begins: u64,
        /// Where snapshots are looked for.
        place: String,
        /// Which snapshots are there, and why each is of no use.
        passed_over: String,
    },
    /// The place of snapshots is another than that of the last owner.
    #[error(
        "partition {partition}: its evidence log begins at offset {begins}, and its last owner wrote a snapshot at \
         {snapshot}, but in {place} there is none: this is another folder, bucket or machine than the last owner's. \
         Start it with the same snapshots.url, or bring the folder back; the partition then goes on by itself"
    )]
    SnapshotsGone {
        /// The partition.
        partition: u32,
        /// Where the log begins.
        begins: u64,
        /// The newest snapshot that the last owner knew of.
        snapshot: u64,
        /// Where snapshots are looked for.
        place: String,
    },
    /// The store of snapshots does not say what there is.
    #[error(
        "partition {partition}: snapshots in {place} cannot be read: {error}. Nothing is lost by that: it is tried \
         again by itself; see that the store is there, answers, and may be read"
    )]
    Store {
        /// The partition.
        partition: u32,
        /// Where snapshots are.
        place: String,
        /// Why.
        error: SnapshotError,
    },
    /// The evidence log does not reach the position.
    #[error(
        "partition {partition}: its evidence log ends at offset {ends}, though it was judged up to {committed}: the \
         leader of the partition is behind, or lost records (an unclean election). It is tried again by itself; if \
         it stays so, evidence was lost: do not create the topic again, bring its data back"
    )]
    Behind {
        /// The partition.
        partition: u32,
        /// Where the log ends.
        ends: u64,
        /// The offset of the position.
        committed: u64,
    },
    /// Evidence between snapshot and position is not handed out.
    #[error(
        "partition {partition}: evidence at offsets {first} to {last} was not there in two readings of the log up to \
         {of}. It is tried again by itself; if it stays so, these records were lost: look at the partition's replicas"
    )]
    Missing {
        /// The partition.
        partition: u32,
        /// The first offset that lacks.
        first: u64,
        /// The last.
        last: u64,
        /// One past the last that is wanted.
        of: u64,
    },
    /// The output ends before what was read of it already.
    #[error(
        "partition {partition}: the topic of changes ends at offset {ends}, though a snapshot has read it up to \
         {read_up_to}: it was emptied or created again, and its readers have been told nothing. Bring its data back; \
         if there is none, remove the snapshots of this partition while its evidence log is whole: then everybody is \
         announced again"
    )]
    OutputShorter {
        /// The partition.
        partition: u32,
        /// Where the output ends.
        ends: u64,
        /// Up to where it was read.
        read_up_to: u64,
    },
    /// A record of the output is not understood.
    #[error("partition {partition}: record {offset} of the topic of changes is not read: {why}")]
    Announcement {
        /// The partition.
        partition: u32,
        /// Where.
        offset: u64,
        /// Why.
        why: AnnouncementError,
    },
    /// People were announced yellow or red of whom the log holds nothing.
    #[error(
        "partition {partition}: {people} people were announced yellow or red, of whom the evidence log holds nothing, \
         and no position says how far it was judged: the log was emptied or created again. To go on would turn them \
         green. Bring the evidence back, or send all feeds again before this partition is released"
    )]
    NoEvidence {
        /// The partition.
        partition: u32,
        /// How many people.
        people: usize,
    },
    /// A snapshot of an installation with another number of partitions.
    #[error(
        "partition {partition}: its snapshot is of an installation with {found} partitions, and this one has {own}: \
         start with {found} partitions, or give each installation its own place of snapshots"
    )]
    OtherNumber {
        /// The partition.
        partition: u32,
        /// In the snapshot.
        found: u32,
        /// This installation's.
        own: u32,
    },
    /// The position is not understood: a newer build's, or not fuma's.
    #[error("partition {partition}: {error}")]
    Position {
        /// The partition.
        partition: u32,
        /// Why.
        error: PositionError,
    },
    /// A record of a log that the partition is made of is not understood: to pass over it would lose what it says.
    #[error("partition {partition}: record {offset} of {log} is not read: {error}")]
    Record {
        /// The partition.
        partition: u32,
        /// Which log.
        log: &'static str,
        /// Where.
        offset: u64,
        /// Why.
        error: RecordError,
    },
    /// Snapshots or the position are another installation's, or were written under another key.
    #[error("partition {partition}: what was committed is not this process's: {error}")]
    Origin {
        /// The partition.
        partition: u32,
        /// Why.
        error: RecordError,
    },
    /// A snapshot is there that this build does not understand.
    #[error("partition {partition}: {error}")]
    Snapshot {
        /// The partition.
        partition: u32,
        /// Which, and why.
        error: SnapshotError,
    },
    /// A newer engine judged it.
    #[error(
        "partition {partition} was judged by engine {found}, and this build has {own}: start a build that is at least \
         as new, else people would be judged there and back"
    )]
    OlderEngine {
        /// The partition.
        partition: u32,
        /// The version in the position.
        found: String,
        /// This build's.
        own: String,
    },
    /// A newer pack is in force.
    #[error(
        "partition {partition} is judged by policy pack number {in_force}, and this process has number {own}: start \
         it again without --policy: the pack in force is read from the log"
    )]
    Superseded {
        /// The partition.
        partition: u32,
        /// The number in force.
        in_force: u64,
        /// This process's.
        own: u64,
    },
    /// The pack by which it is judged is known, and not here.
    #[error("partition {partition} is judged by policy pack number {number}, which is not here: {why}")]
    PackMissing {
        /// The partition.
        partition: u32,
        /// The number of the pack.
        number: u64,
        /// Why it is not here.
        why: String,
    },
    /// Another owner took it over meanwhile, and announced what this one does not know of.
    #[error("partition {partition} was taken over by another while it was restored here")]
    Overtaken {
        /// The partition.
        partition: u32,
    },
    /// What was announced is not what holds, and nothing explains it.
    #[error(
        "partition {partition}: of {differing} people (of {people}) another state was announced than the evidence \
         gives under the same pack and engine. Nothing of it is announced until somebody has looked: the people are \
         listed in {listed}"
    )]
    Differences {
        /// The partition.
        partition: u32,
        /// How many people differ.
        differing: usize,
        /// Of how many.
        people: u32,
        /// The file that lists them.
        listed: String,
        /// What an operator agrees to who lets what the evidence gives be announced.
        digest: String,
    },
    /// The regions did not come.
    #[error(
        "partition {partition} was judged with {wanted} region records, and only {known} can be read: wait, or repair \
         the topic"
    )]
    Reference {
        /// The partition.
        partition: u32,
        /// One past the last that the position has seen.
        wanted: u64,
        /// One past the last that was read.
        known: u64,
    },
}

impl RestoreError {
    /// Why the partition is parked for it; none for a failure of the log, whose code says it.
    pub fn reason(&self) -> Option<ParkReason> {
        Some(match self {
            RestoreError::Log(_) => return None,
            RestoreError::Assess(_) => ParkReason::Engine,
            RestoreError::NotOurs { .. } => ParkReason::Foreign,
            RestoreError::Cancelled | RestoreError::Overtaken { .. } => ParkReason::Overtaken,
            RestoreError::Gap { .. } => ParkReason::Gap,
            RestoreError::SnapshotsGone { .. } => ParkReason::SnapshotsGone,
            RestoreError::Store { .. } => ParkReason::Store,
            RestoreError::Behind { .. } => ParkReason::Behind,
            RestoreError::Missing { .. } => ParkReason::ShortRead,
            RestoreError::OutputShorter { .. } => ParkReason::OutputShorter,
            RestoreError::Announcement { .. } => ParkReason::Announcement,
            RestoreError::NoEvidence { .. } => ParkReason::NoEvidence,
            RestoreError::OtherNumber { .. } => ParkReason::Foreign,
            RestoreError::Position { error: PositionError::Newer(_), .. } => ParkReason::Newer,
            RestoreError::Position { .. } => ParkReason::Foreign,
            RestoreError::Record { error, .. } | RestoreError::Origin { error, .. } => match error {
                RecordError::Newer(..) => ParkReason::Newer,
                RecordError::OtherKey { .. } | RecordError::OtherInstallation { .. } => ParkReason::Foreign,
                _ => ParkReason::Record,
            },
            RestoreError::Snapshot { error: SnapshotError::Alien { .. }, .. } => ParkReason::Foreign,
            RestoreError::Snapshot { .. } => ParkReason::Newer,
            RestoreError::OlderEngine { .. } => ParkReason::OlderEngine,
            RestoreError::Superseded { .. } => ParkReason::Superseded,
            RestoreError::PackMissing { .. } => ParkReason::PackMissing,
            RestoreError::Differences { .. } => ParkReason::Differences,
            RestoreError::Reference { .. } => ParkReason::Reference,
        })
    }
}
