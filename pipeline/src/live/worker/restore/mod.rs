//! Taking a partition over (docs/recovery.md R-3 to R-8, R-12, R-13): one path for a crash, an upgrade and a new pack.
//!
//! ```text
//! position    as it is; fence the owner it names; wait until it is stable
//! snapshot    the newest usable one, or nothing and a log that begins at 0
//! evidence    from the snapshot up to the position, silently
//! output      from the snapshot up to its end: what was announced
//! audit       same pack and engine, no sweep under way: is that what holds? Else everybody is swept
//! ```
//!
//! ```text
//! error       why a partition is not taken over
//! check       the audit, and what it refuses
//! ```
//!
//! Owns the order. Runs on a thread of its own, so that the worker goes on polling (R-6). Announces nothing.

mod check;
mod error;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuma_connectors::log::{Position, RestoreLog};
use fuma_schemas::Instant;

use super::announcement;
use super::owned::{ApplyError, Identity, Owned, apply};
use super::position::Standing;
use super::reference::References;
use super::snapshots::Snapshots;
use crate::assess::Partition;
use crate::evidence::Limits;
use crate::live::decisions::{Belonging, BelongingError};
use crate::live::partitions::Words;
use crate::live::record::{self, Origin, Section};
use crate::live::{fault, metric, monotonic};
use crate::policy::Pack;
use crate::seed;

use self::check::check;
pub use self::error::RestoreError;

/// For how long the reference readers may lag behind a position (R-12).
const REFERENCE_WAIT: Duration = Duration::from_secs(60);

/// What a restore needs besides the log.
#[derive(Clone)]
pub struct Restoring {
    /// The pack.
    pub pack: Arc<Pack>,
    /// Who takes over.
    pub identity: Identity,
    /// The reference topics.
    pub references: References,
    /// Where snapshots are.
    pub snapshots: Option<Snapshots>,
    /// How many facts of a kind one person may have.
    pub facts: Limits,
    /// What operators agreed to.
    pub words: Words,
    /// How many people may differ from what was announced without anybody's consent; none: any number.
    pub differences_max: Option<usize>,
    /// Where differing people are listed.
    pub state: std::path::PathBuf,
    /// Wall time, for the age of snapshots.
    pub now: Instant,
    /// Set when the partition is taken away meanwhile.
    pub cancelled: Arc<AtomicBool>,
    /// What the process belongs to: compared again before anything is taken over. None: not known.
    pub belongs: Option<Belonging>,
}

impl Restoring {
    fn go_on(&self) -> Result<(), RestoreError> {
        if self.cancelled.load(Ordering::Acquire) { Err(RestoreError::Cancelled) } else { Ok(()) }
    }
}

/// What a snapshot brought.
#[derive(Default)]
struct Base {
    /// The evidence offset from which the log is replayed.
    evidence: u64,
    /// The output offset from which announcements are read.
    output: u64,
    /// The position that the snapshot holds; counts where the log has none any more.
    standing: Option<Standing>,
}

/// Takes a partition over.
///
/// # Errors
/// Whatever keeps it from being judged soundly; nothing was announced then.
pub fn restore(log: &mut dyn RestoreLog, id: u32, context: &Restoring) -> Result<Owned, RestoreError> {
    let begun = monotonic::now();
    belongs(id, context)?;
    let (position, standing) = take_over(log, id, context)?;
    let (mut partition, base) = read_snapshot(log, id, &position, context)?;
    partition.set_limits(context.facts);
    context.go_on()?;
    fault::place("in-restore");
    let standing = standing.or_else(|| base.standing.clone()).unwrap_or_default();
    go_on_from(id, &standing, &context.identity)?;
    let announced = read_output(log, id, base.output, context, &mut partition)?;
    let next = match position.offset {
        Some(offset) => offset,
        None if base.standing.is_some() => base.evidence,
        // Nothing says how far the evidence was judged, yet something was announced: all there is goes in, silently,
        // and then everybody is swept.
        None if announced.records > 0 => log.evidence_bounds(id)?.end,
        None => base.evidence,
    };
    // Whoever was touched from `through` on was not judged by the last commit: they wait, and are not held against it.
    let through = standing.through.unwrap_or(next).min(next).max(base.evidence);
    let mut records = replay(log, id, base.evidence..through, context, &mut partition)?;
    partition.take_waiting();
    records += replay(log, id, through..next, context, &mut partition)?;
    let waiting = partition.take_waiting();
    let newest = announced.newest.max(standing.clock);
    wait_for_regions(id, &standing, context)?;
    let mut owned = Owned::new(id, partition, next, Standing { clock: newest, ..standing.clone() });
    basis(&mut owned, context, standing.regions)?;
    let is_new = position.offset.is_none() && base.standing.is_none() && announced.records == 0;
    let is_lost = position.offset.is_none() && !is_new;
    waiting.iter().for_each(|person| owned.partition.touch(*person));
    owned.through = through;
    match is_lost {
        // Where the last commit stood is not known: nothing can be held against it.
        true => owned.sweep_people(0..owned.partition.evidence().people(), None),
        false => check(log, &mut owned, (&position, &standing, is_new), context)?,
    }
    tracing::info!(
        partition = id,
        people = owned.partition.evidence().people(),
        records,
        announcements = announced.records,
        seconds = begun.elapsed().as_secs_f64(),
        "restored"
    );
    Ok(owned)
}

/// Topics may have been deleted and made again, or have grown, since the process started.
fn belongs(partition: u32, context: &Restoring) -> Result<(), RestoreError> {
    match context.belongs.as_ref().map_or(Ok(()), Belonging::check) {
        Ok(()) => Ok(()),
        Err(BelongingError::Log(error)) => Err(error.into()),
        Err(BelongingError::NotOurs(error)) => Err(RestoreError::NotOurs { partition, error: Box::new(error) }),
    }
}

/// R-3 a to c, and R-12's refusal.
fn take_over(
    log: &mut dyn RestoreLog,
    id: u32,
    context: &Restoring,
) -> Result<(Position, Option<Standing>), RestoreError> {
    // Who will refuse the partition must not take it from its rightful owner first.
    let unstable = understood(id, &log.position(id)?, context)?;
    context.go_on()?;
    if let Some(owner) = unstable.filter(|standing| !standing.released && !standing.owner.is_empty())
        && owner.owner != context.identity.owner
    {
        log.fence(&owner.owner)?;
    }
    let position = log.stable_position(id)?;
    let standing = understood(id, &position, context)?;
    context.go_on()?;
    Ok((position, standing))
}

/// What a position says, if this process may go on from it.
fn understood(id: u32, position: &Position, context: &Restoring) -> Result<Option<Standing>, RestoreError> {
    let parsed = Standing::parse(&position.metadata);
    let standing = parsed.map_err(|error| RestoreError::Position { partition: id, error })?;
    if let Some(standing) = &standing {
        go_on_from(id, standing, &context.identity)?;
    }
    Ok(standing)
}

/// Refuses what was judged by a newer pack or engine, or for somebody else.
fn go_on_from(id: u32, standing: &Standing, identity: &Identity) -> Result<(), RestoreError> {
    if standing.pack_order > identity.pack_order {
        let (in_force, own) = (standing.pack_order, identity.pack_order);
        return Err(RestoreError::Superseded { partition: id, in_force, own });
    }
    if is_newer(&standing.engine, &identity.engine) {
        let (found, own) = (standing.engine.clone(), identity.engine.clone());
        return Err(RestoreError::OlderEngine { partition: id, found, own });
    }
    accept(id, identity.origin, standing.origin)
}

fn accept(id: u32, own: Origin, found: Origin) -> Result<(), RestoreError> {
    own.accepts(found).map_err(|error| RestoreError::Origin { partition: id, error })
}

/// Whether one version of the engine is above another; what is no version is above nothing.
fn is_newer(one: &str, other: &str) -> bool {
    let parts = |text: &str| text.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<u32>>>();
    parts(one).zip(parts(other)).is_some_and(|(one, other)| one > other)
}

/// The newest usable snapshot into the partition (R-7, R-8).
fn read_snapshot(
    log: &mut dyn RestoreLog,
    id: u32,
    position: &Position,
    context: &Restoring,
) -> Result<(Partition, Base), RestoreError> {
    let bounds = log.evidence_bounds(id)?;
    let reach = position.offset.unwrap_or(bounds.end);
    let is_usable = |evidence: u64| evidence >= bounds.start && evidence <= bounds.end && evidence <= reach;
    let found = match &context.snapshots {
        Some(snapshots) => snapshots
            .load(id, &is_usable, &context.pack)
            .map_err(|error| RestoreError::Snapshot { partition: id, why: error.to_string() })?,
        None => None,
    };
    let place = context.snapshots.as_ref().map_or_else(|| "nowhere".to_owned(), |snapshots| snapshots.place.clone());
    if let Some((_, loaded)) = &found {
        accept(id, context.identity.origin, loaded.origin)?;
    }
    let Some((mut partition, loaded)) = found else {
        return match bounds.start {
            0 => Ok((Partition::seeded(Arc::clone(&context.pack), seed::of_process())?, Base::default())),
            begins => Err(RestoreError::Gap { partition: id, begins, place }),
        };
    };
    // A tombstone may be compacted away by now: then only the whole output says who is green again.
    let is_young = context.now.0.saturating_sub(loaded.written_at.0) < log.tombstones_kept_ms()?;
    let output = if is_young { loaded.output } else { 0 };
    if !is_young {
        partition.recall_nobody();
    }
    Ok((partition, Base { evidence: loaded.evidence, output, standing: loaded.standing }))
}

/// The sections of a record, or none of one that is damaged; what is not understood ends the restore.
fn sections(
    id: u32,
    (log, offset): (&'static str, u64),
    value: &bytes::Bytes,
    origin: Origin,
) -> Result<Vec<Section>, RestoreError> {
    match record::read_as(value, origin) {
        Ok(sections) => Ok(sections),
        Err(error) if error.is_damage() => {
            metrics::counter!(metric::EVIDENCE_DAMAGED).increment(1);
            tracing::error!(partition = id, log, offset, %error, "a record is damaged: passed over");
            Ok(Vec::new())
        }
        Err(error) => Err(RestoreError::Record { partition: id, log, offset, error }),
    }
}

/// Evidence up to the position, silently.
fn replay(
    log: &mut dyn RestoreLog,
    id: u32,
    offsets: std::ops::Range<u64>,
    context: &Restoring,
    partition: &mut Partition,
) -> Result<u64, RestoreError> {
    if offsets.is_empty() {
        return Ok(0);
    }
    let (mut records, mut failed) = (0, None);
    log.read_evidence(id, offsets, &mut |log_record| {
        records += 1;
        let place = ("the evidence log", log_record.offset);
        let applied = sections(id, place, &log_record.value, context.identity.origin)
            .and_then(|sections| sections.iter().try_for_each(|section| taken(id, place, partition, section)));
        failed = applied.err();
        failed.is_none() && !context.cancelled.load(Ordering::Acquire)
    })?;
    context.go_on()?;
    failed.map_or(Ok(records), Err)
}

fn taken(
    partition: u32,
    (log, offset): (&'static str, u64),
    state: &mut Partition,
    section: &Section,
) -> Result<(), RestoreError> {
    match apply(state, section) {
        Ok(_) => Ok(()),
        Err(ApplyError::Assess(error)) => Err(error.into()),
        Err(ApplyError::Record(error)) => Err(RestoreError::Record { partition, log, offset, error }),
    }
}

#[derive(Default)]
struct Recalled {
    records: u64,
    newest: Instant,
}

/// R-3 d and e.
fn read_output(
    log: &mut dyn RestoreLog,
    id: u32,
    from: u64,
    context: &Restoring,
    partition: &mut Partition,
) -> Result<Recalled, RestoreError> {
    let mut recalled = Recalled::default();
    log.read_output(id, from, &mut |announced| {
        if let Some(announced) = announcement::read_back(&announced) {
            recalled.records += 1;
            recalled.newest = recalled.newest.max(announced.decided_at.unwrap_or_default());
            partition.recall(announced.person, announced.colour, announced.rules.iter().map(String::as_str));
        }
        !context.cancelled.load(Ordering::Acquire)
    })?;
    context.go_on()?;
    Ok(recalled)
}

fn wait_for_regions(id: u32, standing: &Standing, context: &Restoring) -> Result<(), RestoreError> {
    let begun = monotonic::now();
    while context.references.regions_end() < standing.regions {
        context.go_on()?;
        if begun.elapsed() > REFERENCE_WAIT {
            let known = context.references.regions_end();
            return Err(RestoreError::Reference { partition: id, wanted: standing.regions, known });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The regions as the position has seen them; what came later is swept when the worker goes on.
fn basis(owned: &mut Owned, context: &Restoring, regions: u64) -> Result<(), RestoreError> {
    for region in context.references.regions(0, regions) {
        let place = ("the log of regions", region.next.saturating_sub(1));
        for section in sections(owned.id, place, &region.value, context.identity.origin)? {
            taken(owned.id, place, &mut owned.partition, &section)?;
        }
    }
    owned.regions = regions;
    owned.partition.take_waiting();
    Ok(())
}
