//! Is what was announced what holds? And who is swept where that cannot be asked.
//!
//! Owns the refusal, and the list of those who differ. Must never announce.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::Ordering;

use fuma_connectors::log::{Position, RestoreLog};
use fuma_schemas::Instant;

use super::{RestoreError, Restoring};
use crate::assess::Timeline;
use crate::evidence::RuleTables;
use crate::live::partitions::{ParkReason, digest_of};
use crate::live::private_file;
use crate::live::worker::owned::Owned;
use crate::live::worker::position::{Standing, SweepStanding};

/// People of a page of the list.
const PAGE_PEOPLE: usize = 4_096;

/// R-13 where it is sound; everybody is swept where it is not.
pub(super) fn check(
    log: &mut dyn RestoreLog,
    owned: &mut Owned,
    (position, standing, is_new): (&Position, &Standing, bool),
    context: &Restoring,
) -> Result<(), RestoreError> {
    let identity = &context.identity;
    let is_same = standing.pack == owned.in_force.hash && standing.engine == identity.engine;
    if standing.sweep == SweepStanding::None && (is_same || is_new) {
        let mut go_on = |_judged: u32| !context.cancelled.load(Ordering::Acquire);
        let waiting: BTreeSet<u32> = owned.partition.take_waiting().into_iter().collect();
        waiting.iter().for_each(|person| owned.partition.touch(*person));
        let mut differing = owned.partition.audit(standing.clock, standing.judged_until, &mut go_on);
        differing.retain(|person| !waiting.contains(person));
        context.go_on()?;
        // Who stood still for longer than a session reads what a successor announced, against a position from before.
        if !differing.is_empty() && log.position(owned.id)? != *position {
            return Err(RestoreError::Overtaken { partition: owned.id });
        }
        refuse(owned, &differing, (position, standing), context)?;
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

/// Where the last commit stood is not known, so everybody is swept. Who was announced yellow or red, and of whom there
/// is no evidence at all, is no change of evidence: it is a log that lost some, or was made anew (P-1).
pub(super) fn sweep_all(owned: &mut Owned, context: &Restoring) -> Result<(), RestoreError> {
    let evidence = owned.partition.evidence();
    let is_bare = |person: &u32| evidence.kinds(*person) == RuleTables::NONE && !owned.partition.is_green(*person);
    let bare = (0..evidence.people()).filter(is_bare).count();
    if bare > 0 && context.differences_max.is_some_and(|most| bare > most) {
        return Err(RestoreError::NoEvidence { partition: owned.id, people: bare });
    }
    owned.sweep_people(0..owned.partition.evidence().people(), None);
    Ok(())
}

fn refuse(
    owned: &Owned,
    differing: &[u32],
    (position, standing): (&Position, &Standing),
    context: &Restoring,
) -> Result<(), RestoreError> {
    if differing.is_empty() {
        return Ok(());
    }
    let id = owned.id;
    tracing::warn!(partition = id, people = differing.len(), "what was announced is not what the evidence gives");
    if context.differences_max.is_none_or(|most| differing.len() <= most) {
        return Ok(());
    }
    let list = differing_people(owned, differing, standing.clock);
    // The place in the log belongs to what was looked at: the word fits nothing that comes later.
    let place = format!("{id} {:?} {}", position.offset, standing.clock.0);
    let digest = digest_of([ParkReason::Differences.code(), place.as_str(), list.as_str()]);
    if context.words.act_on(ParkReason::Differences, id, &digest) {
        tracing::warn!(
            partition = id,
            people = differing.len(),
            digest,
            "an operator agreed: what differs is announced"
        );
        return Ok(());
    }
    let listed = context.state.join(format!("differences-p{id:04}.txt"));
    let written = private_file(&listed).and_then(|mut file| {
        file.write_all(list.as_bytes())?;
        file.flush()
    });
    if let Err(error) = written {
        tracing::warn!(%error, "the people who differ cannot be listed");
    }
    Err(RestoreError::Differences {
        partition: id,
        differing: differing.len(),
        people: owned.partition.evidence().people(),
        listed: listed.display().to_string(),
        digest,
    })
}

/// Tokens, in their order, with what was announced and what the evidence gives at the position's clock.
fn differing_people(owned: &Owned, differing: &[u32], clock: Instant) -> String {
    let partition = &owned.partition;
    let mut lines = Vec::with_capacity(differing.len());
    for page in differing.chunks(PAGE_PEOPLE) {
        let asked: Vec<(u32, Option<u64>)> = page.iter().map(|person| (*person, None)).collect();
        let mut rows = partition.rules_of(&asked);
        rows.sort_by_key(|row| row.slot);
        for (slot, person) in (0_u32..).zip(page) {
            let Some(token) = partition.evidence().person(*person) else { continue };
            let begin = rows.partition_point(|row| row.slot < slot);
            let end = rows.partition_point(|row| row.slot <= slot);
            let derived = Timeline::merge(&mut rows[begin..end]).rules_at(clock);
            let is_in = |(place, _): &(usize, _)| derived & (1 << place) != 0;
            let ids = partition.pack().rules.iter().enumerate().filter(is_in).map(|(_, rule)| &*rule.head.id);
            let mut ids: Vec<&str> = ids.collect();
            ids.sort_unstable();
            let announced = partition.announced(*person);
            let was: Vec<&str> = announced.rules.iter().map(|rule| &**rule).collect();
            let colour = partition.palette().colour(derived).name();
            let state = |colour: &str, rules: &[&str]| [&[colour], rules].concat().join(" ");
            let (was, is) = (state(announced.colour.name(), &was), state(colour, &ids));
            lines.push(format!("{token} announced {was}, the evidence gives {is}\n"));
        }
    }
    lines.sort_unstable();
    lines.concat()
}
