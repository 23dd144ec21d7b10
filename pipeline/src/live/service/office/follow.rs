//! Decisions as they come: each is said in the log of the process, and loudly where it is not applied.
//!
//! Owns the reading on. A record of a newer build stops nobody who runs, and is said until a newer build runs.

use std::time::Duration;

use fuma_connectors::log::Log;
use fuma_schemas::Instant;

use super::super::Service;
use super::super::supervise::Ended;
use super::inbox;
use crate::live::decisions::basis::{Basis, Event, Then};
use crate::live::decisions::{DecisionError, DecisionLog};
use crate::live::{metric, monotonic};

/// How often the log is read on: in a folder that costs nothing.
const EVERY_FOLDER: Duration = Duration::from_millis(500);
const EVERY_KAFKA: Duration = Duration::from_secs(2);
/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is said that a record is not understood.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Follows until the process stops.
pub(in crate::live::service) fn follow(log: &dyn Log, service: &Service) -> Result<(), Ended> {
    let Some(decisions) = &service.decisions else { return Ok(()) };
    let is_folder = !service.config.is_on_kafka();
    let every = if is_folder { EVERY_FOLDER } else { EVERY_KAFKA };
    let mut said = decisions.fold().basis().events().len();
    let (mut looked, mut told) = (None::<std::time::Instant>, None::<std::time::Instant>);
    while !service.stop.is_set() {
        if looked.is_none_or(|at| at.elapsed() >= every) {
            looked = Some(monotonic::now());
            match read_on(log, service, decisions, is_folder) {
                Ok(()) => {}
                Err(DecisionError::Log(error)) => return Err(error.into()),
                Err(error) => {
                    if told.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
                        told = Some(monotonic::now());
                        tracing::error!(%error, "decisions are not followed any more");
                    }
                }
            }
            let fold = decisions.fold();
            hold(service, fold.basis());
            let events = fold.basis().events();
            events.get(said..).unwrap_or_default().iter().for_each(say);
            said = events.len();
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Has the workers announce nothing while a hold is not released.
pub(super) fn hold(service: &Service, basis: &Basis) {
    let held = basis.holds().next();
    metrics::gauge!(metric::HELD).set(f64::from(u8::from(held.is_some())));
    service.health.remark(held.map(|hold| {
        let (id, since, reason) = (&hold.held.id, Instant(hold.held.at), &hold.held.reason);
        format!("HELD: nothing is announced since {since} ({id}): {reason}")
    }));
    if !service.words.hold(held.is_some()) {
        return;
    }
    match held {
        Some(hold) => {
            let (id, reason) = (&hold.held.id, &hold.held.reason);
            tracing::warn!(%id, %reason, "HELD: people are judged, nothing is announced until the release is approved");
        }
        None => tracing::warn!("the hold is released: what was held back is announced now"),
    }
}

fn read_on(log: &dyn Log, service: &Service, decisions: &DecisionLog, is_folder: bool) -> Result<(), DecisionError> {
    if is_folder {
        inbox::take(&service.config.state, log, decisions)?;
    }
    decisions.refresh()
}

fn say(event: &Event) {
    let offset = event.offset;
    let record = event.record.kind();
    match &event.void {
        Some(void) => tracing::warn!(offset, record, code = void.code(), "a decision counts for nothing: {void}"),
        None => tracing::info!(offset, record, "a decision"),
    }
    for then in &event.then {
        match then {
            Then::Scheduled(switch) => {
                let (id, version, number) = (&switch.pack.id, &switch.pack.version, switch.number);
                let (from, at_once) = (Instant(switch.instant_ms), switch.at_once);
                tracing::info!(id, version, number, %from, at_once, "a pack is scheduled");
            }
            Then::Unscheduled { number, proposal } => {
                tracing::warn!(number, proposal, "a pack is not scheduled any more");
            }
            Then::Voided { proposal, void } => {
                tracing::warn!(proposal, code = void.code(), "a proposal is not applied: {void}");
            }
            Then::Officials { proposal } => tracing::warn!(proposal, "the officials are others from now on"),
            Then::Released { hold } => tracing::warn!(hold, "a hold is released"),
        }
    }
}
