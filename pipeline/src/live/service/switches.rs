//! Which pack is in force when: the decisions say it (`office::follow` reads them on), the packs come from their log,
//! and what switches came to is written down.
//!
//! Owns what the workers are told of the decisions: up to when they were read is told only when they were read
//! to their end and understood. Without that the workers stand still after a while; they are never told to go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fuma_connectors::log::{LogError, Scope};
use fuma_schemas::Instant;

use super::Service;
use crate::live::decisions::{DecisionError, DecisionLog, Fold, Record, Switched};
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::worker::reference::References;
use crate::live::worker::switch::{Outcome, Switch};
use crate::live::{metric, packs};
use crate::policy::Pack;

/// The packs that were loaded, or why not; by digest, with the end of their log then.
type Loaded = BTreeMap<String, (Result<Arc<Pack>, String>, u64)>;

/// Before any worker begins: what is known by now.
pub(super) fn know(service: &Service, references: &References) {
    let Some(decisions) = &service.decisions else { return };
    service.schedule.set(switches(service, &decisions.fold(), references, &mut Loaded::new()));
}

/// The pack with which a worker begins: the one in force by the decisions, or the one of the start.
pub(super) fn in_force(service: &Service, order: u64, now: Instant) -> (Arc<Pack>, String, u64) {
    match service.schedule.due(0, now) {
        Some(Ok(in_force)) => (in_force.pack, in_force.hash, in_force.number),
        _ => (Arc::clone(&service.pack), service.pack_hash.clone(), order),
    }
}

/// What follows from the decisions for those who judge.
#[derive(Default)]
pub(super) struct Follower(Loaded);

impl Follower {
    /// The decisions were read to their end, by a look that began at this monotonic time: the packs are loaded, and
    /// what switches came to is written.
    ///
    /// # Errors
    /// When the log is of no more use.
    pub(super) fn turn(
        &mut self,
        (service, references): (&Service, &References),
        (decisions, fold): (&DecisionLog, &Fold),
        looked: Duration,
    ) -> Result<(), LogError> {
        service.schedule.set(switches(service, fold, references, &mut self.0));
        service.schedule.read_to_end(looked);
        write_down(service, decisions, fold)?;
        show(service, SystemWall::default().now());
        Ok(())
    }
}

fn switches(service: &Service, fold: &Fold, references: &References, loaded: &mut Loaded) -> Vec<Switch> {
    let end = references.policies_end();
    let all = fold.schedule().iter().map(|switch| {
        let digest = &switch.pack.digest;
        let known = loaded.get(digest).filter(|(pack, at)| pack.is_ok() || *at == end);
        let pack = match known {
            Some((pack, _)) => pack.clone(),
            None if *service.pack.digest == **digest => Ok(Arc::clone(&service.pack)),
            // Cases are run and plans made here, beside the workers and long before the instant.
            None => packs::load(&references.policies(), digest).map_err(|error| error.to_string()),
        };
        if known.is_none() {
            match &pack {
                Ok(pack) => tracing::info!(switch = switch.number, id = %pack.id, "the pack of a switch is loaded"),
                Err(why) => tracing::warn!(switch = switch.number, digest, why, "the pack of a switch is not here"),
            }
            loaded.insert(digest.clone(), (pack.clone(), end));
        }
        Switch::of(switch, pack)
    });
    all.collect()
}

/// What partitions have finished is written, once: of each switch and partition the first record counts.
fn write_down(service: &Service, decisions: &DecisionLog, fold: &Fold) -> Result<(), LogError> {
    for outcome in service.schedule.to_write() {
        let (number, partition) = (outcome.number, outcome.partition);
        if !fold.switched(number).any(|switched| switched.partition == partition) {
            let record = switched(&outcome);
            let (changes, digest) = (record.changes, record.digest.clone());
            match decisions.write(&Record::Switched(record)) {
                Ok(()) => {}
                Err(DecisionError::Log(error)) if error.scope() >= Scope::Stage => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "what a switch came to is not written yet; tried again");
                    continue;
                }
            }
            tracing::info!(switch = number, partition, changes, digest, "a partition has finished a switch");
        }
        service.schedule.written(number, partition);
    }
    Ok(())
}

fn switched(outcome: &Outcome) -> Switched {
    Switched {
        switch: outcome.number,
        partition: outcome.partition,
        people: outcome.people,
        changes: outcome.changes(),
        digest: outcome.digest(),
        due: outcome.causes.due,
        touched: outcome.causes.touched,
        crowded: outcome.causes.crowded,
        failed: outcome.causes.failed,
        resumed: outcome.is_resumed,
        output: Some(outcome.output),
        begun: outcome.clocks.0.0,
        done: outcome.clocks.1.0,
    }
}

/// The pack in force, and when the next takes over.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
fn show(service: &Service, now: Instant) {
    let all = service.schedule.switches();
    let next = all.iter().find(|switch| switch.at > now);
    metrics::gauge!(metric::NEXT_SWITCH).set(next.map_or(0.0, |switch| switch.at.0 as f64 / 1e3));
    let in_force = all.iter().rfind(|switch| switch.at <= now).map(|switch| switch.hash.as_str());
    for switch in &all {
        let Ok(pack) = &switch.pack else { continue };
        let labels =
            [("id", pack.id.to_string()), ("version", pack.version.to_string()), ("digest", switch.hash.clone())];
        metrics::gauge!(metric::POLICY, &labels).set(f64::from(u8::from(in_force == Some(switch.hash.as_str()))));
    }
}
