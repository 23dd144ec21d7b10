//! Is what was announced what holds? And who is swept where that cannot be asked.
//!
//! Owns the refusal, and the list of those who differ. Must never announce.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use fuma_connectors::log::{Position, RestoreLog};

use super::{RestoreError, Restoring};
use crate::live::private_file;
use crate::live::worker::owned::Owned;
use crate::live::worker::position::{Standing, SweepStanding};

/// R-13 where it is sound; everybody is swept where it is not.
pub(super) fn check(
    log: &mut dyn RestoreLog,
    owned: &mut Owned,
    (position, standing, is_new): (&Position, &Standing, bool),
    context: &Restoring,
) -> Result<(), RestoreError> {
    let identity = &context.identity;
    let is_same = standing.pack == identity.pack && standing.engine == identity.engine;
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

    let mut file = private_file(path)?;
    for &person in differing {
        if let Some(token) = owned.partition.evidence().person(person) {
            writeln!(file, "{token} announced {}", owned.partition.announced(person).colour.name())?;
        }
    }
    file.flush()
}
