//! Taking a partition over (RECOVERY.md R-3 to R-8, R-12, R-13): one path for a crash, an upgrade and a new pack.
//!
//! ```text
//! position    as it is; fence the owner it names; wait until it is stable
//! snapshot    the newest usable one, or nothing and a log that begins at 0
//! evidence    from the snapshot up to the position, silently
//! output      from the snapshot up to its end: what was announced
//! audit       same pack and engine, no sweep under way: is that what holds? Else everybody is swept
//! ```
//!
//! Owns the order. Runs on a thread of its own, so that the worker goes on polling (R-6). Announces nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuma_connectors::log::{LogError, Position, RestoreLog};
use fuma_schemas::Instant;

use super::announcement;
use super::owned::{Identity, Owned, apply};
use super::position::{Standing, SweepStanding};
use super::reference::References;
use super::snapshots::Snapshots;
use crate::assess::{AssessError, Partition};
use crate::live::{fault, monotonic, record};
use crate::policy::Pack;

/// For how long the reference readers may lag behind a position (R-12).
const REFERENCE_WAIT: Duration = Duration::from_secs(60);

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
    /// The facts between the snapshots and the log are gone (R-7).
    #[error(
        "partition {partition}: its evidence log begins at {begins}, and no usable snapshot reaches that far: facts are \
         missing. Bring a snapshot back to {place}, or send the feeds again into new topics"
    )]
    Gap {
        /// The partition.
        partition: u32,
        /// Where the log begins.
        begins: u64,
        /// Where snapshots are looked for.
        place: String,
    },
    /// A newer pack is in force (R-12).
    #[error(
        "partition {partition} is judged by pack number {in_force}, and this process brings number {own}: start it with \
         the pack that is in force, or put this one in force again with --reinstate-policy"
    )]
    Superseded {
        /// The partition.
        partition: u32,
        /// The number in force.
        in_force: u64,
        /// This process's.
        own: u64,
    },
    /// Another owner took it over meanwhile, and announced what this one does not know of.
    #[error("partition {partition} was taken over by another while it was restored here")]
    Overtaken {
        /// The partition.
        partition: u32,
    },
    /// What was announced is not what holds, and nothing explains it (R-13).
    #[error(
        "partition {partition}: of {differing} people (of {people}) another state was announced than the evidence gives \
         under the same pack and engine. Nothing is announced until somebody has looked: the people are listed in \
         {listed}; start with --accept-differences to announce what the evidence gives"
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
    },
    /// The regions did not come (R-12).
    #[error(
        "partition {partition} was judged with {wanted} region records, and only {known} can be read: wait, or mend the topic"
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
    /// How many people may differ from what was announced without anybody's consent; none: any number.
    pub differences_max: Option<usize>,
    /// Where differing people are listed.
    pub state: std::path::PathBuf,
    /// Wall time, for the age of snapshots.
    pub now: Instant,
    /// Set when the partition is taken away meanwhile.
    pub cancelled: Arc<AtomicBool>,
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
    let (position, standing) = take_over(log, id, context)?;
    let (mut partition, base) = read_snapshot(log, id, &position, context)?;
    context.go_on()?;
    fault::place("in-restore");
    let standing = standing.or_else(|| base.standing.clone()).unwrap_or_default();
    let announced = read_output(log, id, base.output, context, &mut partition)?;
    let next = match position.offset {
        Some(offset) => offset,
        None if base.standing.is_some() => base.evidence,
        // Nothing says how far the evidence was judged, yet something was announced: all there is goes in, silently,
        // and then everybody is swept.
        None if announced.records > 0 => log.evidence_bounds(id)?.end,
        None => base.evidence,
    };
    let records = replay(log, id, base.evidence..next, context, &mut partition)?;
    let newest = announced.newest.max(standing.clock);
    wait_for_regions(id, &standing, context)?;
    let mut owned = Owned::new(id, partition, next, Standing { clock: newest, ..standing.clone() });
    basis(&mut owned, context, standing.regions)?;
    let is_new = position.offset.is_none() && base.standing.is_none() && announced.records == 0;
    let is_lost = position.offset.is_none() && !is_new;
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

/// R-3 a to c, and R-12's refusal.
fn take_over(
    log: &mut dyn RestoreLog,
    id: u32,
    context: &Restoring,
) -> Result<(Position, Option<Standing>), RestoreError> {
    let unstable = Standing::parse(&log.position(id)?.metadata);
    if let Some(owner) = unstable.filter(|standing| !standing.released && !standing.owner.is_empty())
        && owner.owner != context.identity.owner
    {
        log.fence(&owner.owner)?;
    }
    let position = log.stable_position(id)?;
    let standing = Standing::parse(&position.metadata);
    if let Some(standing) = &standing
        && standing.pack_order > context.identity.pack_order
    {
        return Err(RestoreError::Superseded {
            partition: id,
            in_force: standing.pack_order,
            own: context.identity.pack_order,
        });
    }
    context.go_on()?;
    Ok((position, standing))
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
        Some(snapshots) => snapshots.load(id, &is_usable, &context.pack),
        None => None,
    };
    let place = context.snapshots.as_ref().map_or_else(|| "nowhere".to_owned(), |snapshots| snapshots.place.clone());
    let Some((mut partition, loaded)) = found else {
        return match bounds.start {
            0 => Ok((Partition::new(Arc::clone(&context.pack))?, Base::default())),
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
        for section in record::read(&log_record.value).unwrap_or_default() {
            if let Err(error) = apply(partition, &section) {
                failed = Some(error);
            }
        }
        failed.is_none() && !context.cancelled.load(Ordering::Acquire)
    })?;
    // Nobody is judged for it: it was judged by whoever committed the position.
    partition.take_waiting();
    context.go_on()?;
    failed.map_or(Ok(records), |error| Err(error.into()))
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
        for section in record::read(&region.value).unwrap_or_default() {
            apply(&mut owned.partition, &section)?;
        }
    }
    owned.regions = regions;
    owned.partition.take_waiting();
    Ok(())
}

/// R-13 where it is sound; everybody is swept where it is not (R-10).
fn check(
    log: &mut dyn RestoreLog,
    owned: &mut Owned,
    (position, standing, is_new): (&Position, &Standing, bool),
    context: &Restoring,
) -> Result<(), RestoreError> {
    let identity = &context.identity;
    let is_same = standing.pack == identity.pack && standing.engine == identity.engine;
    if standing.sweep == SweepStanding::None && (is_same || is_new) {
        let mut go_on = |_judged: u32| !context.cancelled.load(Ordering::Acquire);
        let differing = owned.partition.audit(standing.clock, standing.judged_until, &mut go_on)?;
        context.go_on()?;
        // Who stood still for longer than a session reads what a successor announced, against a position from before.
        if !differing.is_empty() && log.position(owned.id)? != *position {
            return Err(RestoreError::Overtaken { partition: owned.id });
        }
        refuse(owned, &differing, context)?;
        owned.sweep_people(differing.into_iter(), None);
        return Ok(());
    }
    let people = owned.partition.evidence().people();
    owned.sweep_people(0..people, None);
    if let (true, SweepStanding::After(cursor)) = (is_same, standing.sweep) {
        owned.sweep.go_on_after(Some(cursor));
    }
    Ok(())
}

fn refuse(owned: &Owned, differing: &[u32], context: &Restoring) -> Result<(), RestoreError> {
    if differing.is_empty() {
        return Ok(());
    }
    tracing::warn!(partition = owned.id, people = differing.len(), "what was announced is not what the evidence gives");
    if context.differences_max.is_none_or(|most| differing.len() <= most) {
        return Ok(());
    }
    let listed = context.state.join(format!("differences-p{:04}.txt", owned.id));
    let written = list_differing(owned, differing, &listed);
    if let Err(error) = written {
        tracing::warn!(%error, "the people who differ cannot be listed");
    }
    Err(RestoreError::Differences {
        partition: owned.id,
        differing: differing.len(),
        people: owned.partition.evidence().people(),
        listed: listed.display().to_string(),
    })
}

/// Tokens and announced colours, readable by the owner of the process alone.
fn list_differing(owned: &Owned, differing: &[u32], path: &std::path::Path) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    let mut file = std::io::BufWriter::new(file);
    for &person in differing {
        if let Some(token) = owned.partition.evidence().person(person) {
            writeln!(file, "{token} announced {}", owned.partition.recalled(person).0.name())?;
        }
    }
    file.flush()
}
