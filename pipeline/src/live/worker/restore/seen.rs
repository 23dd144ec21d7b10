//! A partition as it was committed, seen from outside: for a preview.
//!
//! The snapshot, the evidence and the regions up to one position; what came behind it is told apart. Owns what is seen.
//! Fences nobody, joins nothing, and must never write.

use std::collections::BTreeSet;

use fuma_connectors::log::RestoreLog;
use fuma_schemas::Person;

use super::base::read_snapshot;
use super::evidence::{replay, sections, taken};
use super::{RestoreError, Restoring, accept, is_newer};
use crate::assess::Partition;
use crate::live::record;
use crate::live::worker::apply::each_person;
use crate::live::worker::labels::Labelled;
use crate::live::worker::position::Standing;
use crate::live::worker::told::ToTell;

/// A partition at its position.
pub struct Seen {
    /// The state: the evidence, and what was announced as the snapshot knew it.
    pub partition: Partition,
    /// Where it stands.
    pub standing: Standing,
    /// The offset of its evidence.
    pub offset: u64,
    /// The evidence offset of the snapshot, if there was one.
    pub snapshot: Option<u64>,
    /// Records of the log that were read behind it.
    pub records: u64,
    /// Whom evidence behind the position touches.
    pub touched: BTreeSet<Person>,
    /// Records of regions behind the position: they may touch anybody.
    pub regions_behind: u64,
}

/// How often a look begins again when the log was trimmed meanwhile.
const LOOKS: usize = 3;

/// Sees a partition at the newest position.
///
/// # Errors
/// When the position is not understood, or the log or the store does not give what is before it.
pub fn see(log: &mut dyn RestoreLog, id: u32, context: &Restoring) -> Result<Seen, RestoreError> {
    let mut looks = 1;
    loop {
        match look(log, id, context) {
            Err(RestoreError::Log(error)) if looks < LOOKS => {
                tracing::debug!(partition = id, %error, "looked at once more");
                looks += 1;
            }
            answer => return answer,
        }
    }
}

fn look(log: &mut dyn RestoreLog, id: u32, context: &Restoring) -> Result<Seen, RestoreError> {
    let position = log.stable_position(id)?;
    let parsed = Standing::parse(&position.metadata);
    let standing = parsed.map_err(|error| RestoreError::Position { partition: id, error })?;
    if let Some(standing) = &standing {
        accept(id, context.identity.origin, standing.origin)?;
        if is_newer(&standing.engine, &context.identity.engine) {
            let (found, own) = (standing.engine.clone(), context.identity.engine.clone());
            return Err(RestoreError::OlderEngine { partition: id, found, own });
        }
    }
    let expected = standing.as_ref().and_then(|standing| standing.snapshot);
    let (mut partition, base) = read_snapshot(log, id, (&position, expected), context)?;
    partition.set_limits(context.facts);
    let standing = standing.or_else(|| base.standing.clone()).unwrap_or_default();
    let offset = position.offset.unwrap_or(base.evidence);
    let in_force = context.in_force(id, position.offset.map(|_| &standing))?;
    let (mut to_tell, mut labels) = (ToTell::default(), Labelled::of(in_force.label));
    let mut beside = (&mut to_tell, &mut labels);
    let records = replay(log, id, base.evidence..offset, context, (&mut partition, &mut beside, false))?;
    labels.settle(&mut partition)?;
    for region in context.references.regions(0, standing.regions) {
        let place = ("the log of regions", region.next.saturating_sub(1), fuma_schemas::Instant::default());
        for section in sections(id, place, region.sections(context.identity.origin))? {
            taken(id, place, (&mut partition, &mut labels), &section)?;
        }
    }
    // The pack that is asked about may trace in another way than the position's.
    labels.begin(&mut partition, context.first().label.max(in_force.label))?;
    partition.take_waiting();
    let touched = touched(log, id, offset, context)?;
    let regions_behind = context.references.regions_end().saturating_sub(standing.regions);
    Ok(Seen { partition, standing, offset, snapshot: base.snapshot, records, touched, regions_behind })
}

/// Whom the evidence behind a position is about.
fn touched(
    log: &mut dyn RestoreLog,
    id: u32,
    offset: u64,
    context: &Restoring,
) -> Result<BTreeSet<Person>, RestoreError> {
    let (mut people, mut failed) = (BTreeSet::new(), None);
    let end = log.evidence_bounds(id)?.end;
    log.read_evidence(id, offset..end.max(offset), &mut |record| {
        let place = ("the evidence log", record.offset, record.timestamp);
        match sections(id, place, record::read_as(&record.value, context.identity.origin)) {
            Ok(sections) => sections.iter().for_each(|section| {
                each_person(section, |_, person| {
                    people.insert(person);
                });
            }),
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(people), Err)
}
