//! Decisions as they come: each is said in the log of the process, and loudly where it is not applied.
//!
//! Owns the reading on. A record of a newer build stops nobody who runs, and is said until a newer build runs.

use std::time::Duration;

use fuma_connectors::log::{Log, Scope};
use fuma_schemas::Instant;

use super::super::Service;
use super::super::guard::Keeper;
use super::super::supervise::Ended;
use super::super::switches::Follower;
use super::inbox;
use crate::live::decisions::basis::{Basis, Event, Then};
use crate::live::decisions::{DecisionError, DecisionLog};
use crate::live::metric;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::worker::reference::References;

/// How often the log is read on, by this thread alone.
const EVERY: Duration = Duration::from_millis(500);
/// How often the wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is said that the log cannot be read on.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Follows until the process stops: for all who judge, and for who reads the log of the process.
pub(in crate::live::service) fn follow(log: &dyn Log, service: &Service, references: &References) -> Result<(), Ended> {
    let wall = SystemWall::default();
    let (mut switches, mut keeper, mut decisions) = (Follower::default(), Keeper::default(), service.decisions.clone());
    let mut said = decisions.as_ref().map_or(0, |decisions| decisions.fold().basis().events().len());
    let mut told = None::<Duration>;
    while !service.stop.is_set() {
        let looked = wall.elapsed();
        match (read_on(log, service, &mut decisions), &decisions) {
            (Ok(()), Some(decisions)) => {
                let fold = decisions.fold();
                hold(service, fold.basis());
                let events = fold.basis().events();
                events.get(said..).unwrap_or_default().iter().for_each(say);
                said = events.len();
                if service.config.roles.assess {
                    switches.turn((service, references), (decisions, &fold), looked)?;
                    keeper.turn((log, service, references), (decisions, &fold), looked)?;
                }
            }
            (Ok(()), None) => {}
            (Err(DecisionError::Log(error)), _) if error.scope() >= Scope::Stage => return Err(error.into()),
            (Err(error), _) => {
                if told.is_none_or(|at| looked.saturating_sub(at) >= SAY_EVERY) {
                    told = Some(looked);
                    tracing::error!(%error, "the decisions are not read: partitions stand still four minutes after");
                }
            }
        }
        service.stop.rest(EVERY, LOOK);
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

fn read_on(log: &dyn Log, service: &Service, decisions: &mut Option<DecisionLog>) -> Result<(), DecisionError> {
    let Some(decisions) = decisions else {
        *decisions = Some(DecisionLog::open(log)?);
        return Ok(());
    };
    if !service.config.is_on_kafka() {
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
            Then::HeldBack { publication, size } => {
                let (people, green) = (size.changes, size.green);
                tracing::warn!(publication, people, green, "HELD: a publication of tiers is beyond the limits");
            }
            Then::Admitted { publication, size, signed } => {
                let (people, signed) = (size.changes, signed.join(", "));
                tracing::info!(publication, people, signed, "a publication of tiers takes effect");
            }
            Then::Released { hold } => tracing::warn!(hold, "a hold is released"),
        }
    }
}
