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
//! base        the snapshot, or why it goes without one
//! evidence    what is replayed, whole
//! output      what was announced
//! check       the audit, and what it refuses
//! seen        a partition seen from outside: nothing is taken over
//! ```
//!
//! Owns the order. Runs on a thread of its own, so that the worker goes on polling (R-6). Announces nothing.

mod base;
mod check;
mod error;
mod evidence;
mod output;
mod seen;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuma_connectors::log::{Position, RestoreLog};
use fuma_schemas::Instant;

use super::labels::Labelled;
use super::lease::Lease;
use super::owned::{Identity, Owned};
use super::position::Standing;
use super::reference::References;
use super::snapshots::Snapshots;
use super::switch::{InForce, Schedule, UnderWay};
use super::told::{Tells, ToTell};
use crate::evidence::Limits;
use crate::live::decisions::{Belonging, BelongingError};
use crate::live::guard::Counts;
use crate::live::partitions::Words;
use crate::live::record::Origin;
use crate::live::{fault, monotonic};
use crate::policy::Pack;

use self::base::read_snapshot;
use self::check::{check, sweep_all};
pub use self::error::RestoreError;
use self::evidence::{replay, sections, taken};
use self::output::{Recalled, read_output};
pub use self::seen::{Seen, see};

/// For how long the reference readers may lag behind a position (R-12).
const REFERENCE_WAIT: Duration = Duration::from_secs(60);

/// What a restore needs besides the log.
#[derive(Clone)]
pub struct Restoring {
    /// The pack of the start.
    pub pack: Arc<Pack>,
    /// Who takes over.
    pub identity: Identity,
    /// Which pack is in force when; empty: the pack of the start alone is known.
    pub schedule: Schedule,
    /// The reference topics.
    pub references: References,
    /// Which publications of tiers are to be counted.
    pub counts: Counts,
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
    /// Whether the worker still is who was given the partition: waited for before anybody is fenced. None: it is.
    pub lease: Option<Lease>,
    /// Who is told what people say; [`Worker::tell_phones`](super::Worker::tell_phones) and
    /// [`Worker::tell_conveyances`](super::Worker::tell_conveyances) set it.
    pub tells: Tells,
    /// Whether it is noted what is answered of people; [`Worker::answer_in`](super::Worker::answer_in) sets it.
    pub shows: bool,
    /// What the process belongs to: compared again before anything is taken over. None: not known.
    pub belongs: Option<Belonging>,
}

impl Restoring {
    fn go_on(&self) -> Result<(), RestoreError> {
        if self.cancelled.load(Ordering::Acquire) { Err(RestoreError::Cancelled) } else { Ok(()) }
    }

    /// The pack of the start.
    fn first(&self) -> InForce {
        let (number, hash) = (self.identity.pack_order, self.identity.pack.clone());
        let known = self.schedule.of(number, &hash).and_then(Result::ok);
        known.unwrap_or_else(|| InForce { number, hash, pack: Arc::clone(&self.pack), since: None, label: number })
    }

    /// The pack by which a partition is judged on from a position: the position's own, where it is known. A switch
    /// that is due since then is made by the worker. Without a position (nobody was judged yet, or it expired) the one
    /// that is in force by now.
    fn in_force(&self, partition: u32, standing: Option<&Standing>) -> Result<InForce, RestoreError> {
        let known = match standing {
            Some(standing) => self.schedule.of(standing.pack_order, &standing.pack),
            None => self.schedule.due(0, self.now),
        };
        match known {
            Some(Ok(in_force)) => Ok(in_force),
            Some(Err(missing)) => {
                Err(RestoreError::PackMissing { partition, number: missing.number, why: missing.why })
            }
            None => Ok(self.first()),
        }
    }

    /// The highest number of a pack that this process knows.
    fn newest(&self) -> u64 {
        let coming = self.schedule.switches().last().map_or(0, |switch| switch.number);
        coming.max(self.identity.pack_order)
    }
}

/// Takes a partition over.
///
/// # Errors
/// Whatever keeps it from being judged soundly; nothing was announced then.
pub fn restore(log: &mut dyn RestoreLog, id: u32, context: &Restoring) -> Result<Owned, RestoreError> {
    let begun = monotonic::now();
    belongs(id, context)?;
    let (position, standing) = take_over(log, id, context)?;
    let expected = standing.as_ref().and_then(|standing| standing.snapshot);
    let (mut partition, base) = read_snapshot(log, id, (&position, expected), context)?;
    partition.set_limits(context.facts);
    if context.shows {
        partition.begin_showing();
    }
    context.go_on()?;
    fault::place("in-restore");
    let standing = standing.or_else(|| base.standing.clone()).unwrap_or_default();
    go_on_from(id, &standing, context)?;
    let in_force = context.in_force(id, position.offset.map(|_| &standing))?;
    // Where the position is gone nobody knows whether a switch was under way: then it is told again.
    let switch = standing.switch.filter(|switch| switch.number == in_force.number);
    let is_maybe = position.offset.is_none() && in_force.number > 1;
    let switch = switch.or(is_maybe.then_some(UnderWay { number: in_force.number, output: base.output }));
    let output = switch.map_or(base.output, |switch| base.output.min(switch.output));
    let announced = read_output(log, id, (output, switch), context, &mut partition)?;
    let next = match position.offset {
        Some(offset) => offset,
        // Nothing says how far the evidence was judged, yet something was announced: all there is goes in, silently,
        // and then everybody is swept. Behind a snapshot, too: people may have been announced by what came after it.
        None if base.standing.is_some() || announced.records > 0 => log.evidence_bounds(id)?.end,
        None => base.evidence,
    };
    // Whoever was touched from `through` on was not judged by the last commit: they wait, and are not held against it.
    let through = standing.through.unwrap_or(next).min(next).max(base.evidence);
    let mut to_tell = ToTell::from(context.tells, &standing, base.evidence, &in_force)?;
    let mut labels = Labelled::of(in_force.label);
    let mut beside = (&mut to_tell, &mut labels);
    let mut records = replay(log, id, base.evidence..through, context, (&mut partition, &mut beside, false))?;
    beside.1.settle(&mut partition)?;
    partition.take_waiting();
    records += replay(log, id, through..next, context, (&mut partition, &mut beside, true))?;
    to_tell.replayed(partition.evidence());
    let waiting = partition.take_waiting();
    let newest = announced.newest.max(standing.clock);
    wait_for_regions(id, &standing, context)?;
    let mut owned = Owned::new(id, partition, next, Standing { clock: newest, ..standing.clone() }, in_force.clone());
    owned.put_in_force(in_force)?;
    basis(&mut owned, context, standing.regions)?;
    let is_new = position.offset.is_none() && base.standing.is_none() && announced.records == 0;
    let is_lost = position.offset.is_none() && !is_new;
    waiting.iter().for_each(|person| owned.partition.touch(*person));
    (owned.to_tell, owned.labels) = (to_tell, labels);
    owned.through = through;
    owned.snapshot = base.snapshot.or(expected);
    match is_lost || is_new && switch.is_some() {
        // Where the last commit stood is not known: what was announced cannot be held against it.
        true => sweep_all(&mut owned, context)?,
        false => check(log, &mut owned, (&position, &standing, is_new), context)?,
    }
    let announcements = announced.records;
    resume_switch(&mut owned, (&standing, switch), announced);
    if context.shows {
        owned.first_shown = owned.partition.first_shown();
    }
    tracing::info!(
        partition = id,
        people = owned.partition.evidence().people(),
        records,
        announcements,
        seconds = begun.elapsed().as_secs_f64(),
        "restored"
    );
    Ok(owned)
}

/// A switch that a predecessor began goes on; one that is made by another pack's start begins.
fn resume_switch(owned: &mut Owned, (standing, switch): (&Standing, Option<UnderWay>), announced: Recalled) {
    let number = owned.in_force.number;
    let is_other = standing.pack != owned.in_force.hash && standing.pack_order < number && !standing.pack.is_empty();
    if let Some(under_way) = switch {
        owned.resume_switch(standing, under_way, announced.lines);
    } else if is_other {
        owned.resume_switch(standing, UnderWay { number, output: announced.end }, Vec::new());
    }
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
        context.lease.as_ref().map_or(Ok(()), |lease| lease.wait(&context.cancelled))?;
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
        go_on_from(id, standing, context)?;
    }
    Ok(standing)
}

/// Refuses what was judged by a newer pack or engine, or for somebody else.
fn go_on_from(id: u32, standing: &Standing, context: &Restoring) -> Result<(), RestoreError> {
    let identity = &context.identity;
    if standing.pack_order > context.newest() {
        let (in_force, own) = (standing.pack_order, context.newest());
        return Err(RestoreError::Superseded { partition: id, in_force, own });
    }
    context.in_force(id, Some(standing))?;
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
        let place = ("the log of regions", region.next.saturating_sub(1), Instant::default());
        for section in sections(owned.id, place, region.sections(context.identity.origin))? {
            taken(owned.id, place, (&mut owned.partition, &mut owned.labels), &section)?;
        }
    }
    owned.regions = regions;
    owned.partition.take_waiting();
    Ok(())
}
