//! Operators' words reach the partitions that wait for one, and what was used is used up.
//!
//! Owns the way from the log of decisions to the workers. The log is asked while a partition waits for a word, and
//! otherwise not at all.

use std::time::Duration;

use fuma_connectors::log::{Code, Log, LogError};

use super::Service;
use super::supervise::Ended;
use crate::live::decisions::{DecisionError, DecisionLog};
use crate::live::partitions::{ParkReason, take_words};
use crate::live::worker::clock::{SystemWall, Wall as _};

/// How often it is looked whether somebody waits.
const LOOK: Duration = Duration::from_millis(500);

/// Follows until the process stops.
pub(super) fn follow(log: &dyn Log, service: &Service) -> Result<(), Ended> {
    let mut decisions = service.decisions.clone();
    while !service.stop.is_set() {
        let used = service.words.take_used();
        let waits = service.partitions.all().iter().any(|(_, holding)| {
            let digest = holding.parked.as_ref().and_then(|parked| parked.digest.as_ref());
            digest.is_some()
        });
        if waits || !used.is_empty() {
            let decisions = match &decisions {
                Some(decisions) => decisions,
                None => decisions.insert(DecisionLog::open(log).map_err(ended)?),
            };
            hear(decisions, service)?;
            for (reason, partition, digest) in used {
                use_up(decisions, service, (reason, partition, &digest))?;
            }
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn hear(decisions: &DecisionLog, service: &Service) -> Result<(), Ended> {
    let mut failed = None;
    if !service.config.is_on_kafka() {
        take_words(&service.config.state, &mut |word| {
            failed = decisions.accept(word).err().or(failed.take());
            failed.is_none()
        });
    }
    failed.map_or(Ok(()), |error| Err(ended(error)))?;
    decisions.refresh().map_err(ended)?;
    let fold = decisions.fold();
    // A record that was passed over is passed over again when the graph of contacts is made again from the log.
    let spent = fold.spent().iter().filter(|word| word.reason == ParkReason::LinkNotJudged.code()).cloned();
    for accepted in fold.words().map(|word| word.accepted).chain(spent) {
        if let Some(reason) = ParkReason::parse(&accepted.reason).filter(|reason| reason.is_acceptable()) {
            service.words.accept(reason, accepted.partition, accepted.digest);
        }
    }
    Ok(())
}

fn use_up(
    decisions: &DecisionLog,
    service: &Service,
    (reason, partition, digest): (ParkReason, u32, &str),
) -> Result<(), Ended> {
    let Some(word) = decisions.accepted(reason.code(), partition, digest) else { return Ok(()) };
    let owner = format!("{}-{}", service.config.group, std::process::id());
    let is_own = decisions.use_up(&word, &owner, SystemWall::default().now().0).map_err(ended)?;
    tracing::info!(partition, reason = reason.code(), digest, is_own, "an operator's word is used up");
    Ok(())
}

fn ended(error: DecisionError) -> Ended {
    match error {
        DecisionError::Log(error) => error.into(),
        DecisionError::NotUnderstood { .. } => LogError::new(Code::Repair, error.to_string()).into(),
    }
}
