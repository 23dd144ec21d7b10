//! The pack of an installation that has none, and the first officials; of any other installation the pack that is in
//! force by the log.
//!
//! ```text
//! no pack yet             the pack of --policy goes into the log whole, then it is named: the first to name one counts
//! an older build's        the same pack goes on under the number that it has; another one is refused
//! a pack is in force      --policy names it, or one that is scheduled; the pack that is judged by comes from the log
//! ```
//!
//! Owns these refusals. Must never put a pack in force where there is one.

use std::sync::Arc;

use bytes::Bytes;
use fuma_connectors::log::{Log, LogError, Outgoing, Topic};

use super::super::policies::{self, InForce, Place};
use super::super::{Named, Service, ServiceError, guard, references};
use crate::config::Config;
use crate::live::decisions::basis::{Bootstrap, FirstOfficials, Officials, PackName, Switch};
use crate::live::decisions::{DecisionError, DecisionLog, FoundError, Record};
use crate::live::packs;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::worker::reference::References;
use crate::policy::Pack;

/// Reads the reference logs to their present end; gives the pack in force, and its number.
///
/// # Errors
/// When the log cannot be read or written, or `--policy` names what is neither in force nor scheduled.
pub(in crate::live::service) fn settle(
    log: &dyn Log,
    service: &Service,
    references: &References,
) -> Result<(Arc<Pack>, u64), ServiceError> {
    let mut reference = log.reference()?;
    let mut read_on = || references::read_to_end(reference.as_mut(), references, &service.stop);
    read_on()?;
    policies::understood(&references.policies()).map_err(ServiceError::Operator)?;
    refuse_key(policies::key_of(&references.policies()).as_deref(), &service.origin().key.to_string())?;
    let decisions = service.decisions.as_ref().ok_or_else(|| LogError::fatal("the decisions were not read"))?;
    decisions.refresh().map_err(found)?;
    let now = SystemWall::default().now().0;
    first_officials(decisions, &service.config, now)?;
    if guard::begin(log, service, (decisions, references), now).map_err(found)? {
        read_on()?;
    }
    if decisions.schedule().is_empty() {
        let number = legacy_number(service, &references.policies())?;
        bring(log, service, &references.policies())?;
        read_on()?;
        decisions
            .write(&Record::Bootstrap(Bootstrap { number, pack: name_of(&service.pack), at: now }))
            .map_err(found)?;
    }
    let fold = decisions.fold();
    let basis = fold.basis();
    // Before a worker is there: a start during a hold announces nothing.
    super::follow::hold(service, basis);
    let first = || basis.schedule().first();
    let in_force = basis.in_force(now.max(basis.clock_ms())).or_else(first);
    let in_force = in_force.ok_or_else(|| LogError::fatal("the record of the pack was written, and is not there"))?;
    refuse_other(service, basis.schedule(), in_force)?;
    if in_force.pack.digest == *service.pack.digest {
        // It may have come in with a record of its name alone, whose writer died before.
        bring(log, service, &references.policies())?;
        return Ok((Arc::clone(&service.pack), in_force.number));
    }
    let pack = packs::load(&references.policies(), &in_force.pack.digest);
    let pack = pack.map_err(|error| ServiceError::Operator(error.to_string()))?;
    let (id, version, number) = (&pack.id, &pack.version, in_force.number);
    tracing::info!(%id, %version, number, digest = pack.short_digest(), "the pack in force is read from the log");
    Ok((pack, number))
}

fn found(error: DecisionError) -> ServiceError {
    FoundError::from(error).into()
}

fn name_of(pack: &Pack) -> PackName {
    PackName { digest: pack.digest.to_string(), id: pack.id.to_string(), version: pack.version.to_string() }
}

/// Writes the pack of `--policy` into the log, if it is not there.
fn bring(log: &dyn Log, service: &Service, records: &[Bytes]) -> Result<(), ServiceError> {
    let Named::Given { record, .. } = &service.named else { return Ok(()) };
    if packs::holds(records, &service.pack.digest) {
        return Ok(());
    }
    let mut appender = log.appender("policies")?;
    appender.append(Topic::Policies, Outgoing { value: record.clone(), ..Outgoing::default() })?;
    Ok(appender.flush()?)
}

/// The number of the first pack: 1, or what an older build counted for this very pack.
fn legacy_number(service: &Service, records: &[Bytes]) -> Result<u64, ServiceError> {
    let is_older = records.iter().any(|record| serde_json::from_slice::<InForce>(record).is_ok());
    match policies::place(&service.pack_hash, records) {
        Place::InForce(order) => Ok(order),
        Place::New if !is_older => Ok(1),
        Place::New | Place::Superseded => {
            let (newest, own) = (policies::newest(records), &service.pack.id);
            Err(ServiceError::Operator(format!(
                "an older fuma put {newest} in force here, and --policy names {own}: start once with {newest}, which \
                 goes into the log then; after that: fuma policy publish {own} --valid-from INSTANT"
            )))
        }
    }
}

/// A start names the pack in force, or one that is scheduled: it puts nothing in force.
fn refuse_other(service: &Service, schedule: &[Switch], in_force: &Switch) -> Result<(), ServiceError> {
    let Named::Given { is_built_in, .. } = &service.named else { return Ok(()) };
    let own = &service.pack;
    let may = schedule.iter().filter(|switch| switch.number >= in_force.number);
    if may.clone().any(|switch| switch.pack.digest == *own.digest) {
        return Ok(());
    }
    let is_named = |switch: &Switch| *own.id == *switch.pack.id && *own.version == *switch.pack.version;
    if *is_built_in && may.clone().any(is_named) {
        let (id, version) = (&own.id, &own.version);
        tracing::warn!(%id, %version, "this binary has other contents under that name: the log's pack is judged by");
        return Ok(());
    }
    let PackName { digest, id, version } = &in_force.pack;
    let digest: String = digest.chars().take(16).collect();
    Err(ServiceError::Operator(format!(
        "this installation has {id} {version} in force (digest {digest}), and --policy names {} {} (digest {}): a \
         start puts no other pack in force. To go on as it is, leave --policy away; to change it: fuma policy publish \
         {} --valid-from INSTANT",
        own.id,
        own.version,
        own.short_digest(),
        own.id
    )))
}

/// The list of the configuration is the first only.
fn first_officials(decisions: &DecisionLog, config: &Config, now: i64) -> Result<(), ServiceError> {
    if config.officials.is_empty() {
        return Ok(());
    }
    let list = Officials { officials: config.officials.clone(), quorum: config.approval };
    let recorded = decisions.fold().basis().officials().cloned();
    match recorded {
        None => decisions.write(&Record::Officials(FirstOfficials { list, at: now })).map_err(found),
        Some(recorded) if recorded != list => {
            tracing::warn!(
                "[[officials]] is not the list that holds: the configuration's is the first only. To change it: fuma \
                 policy officials FILE"
            );
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

/// The key holds always: people are told apart by it.
fn refuse_key(named: Option<&str>, own: &str) -> Result<(), ServiceError> {
    match named {
        Some(named) if named != own => Err(ServiceError::Operator(format!(
            "this log was written with another key of the person tokens (fingerprint {named}; the one given here has \
             {own}): start with the key of this log, or use other topics"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use fuma_connectors::log::LogError;

    use super::super::super::Failure as _;
    use super::*;

    /// A broker that is killed while a start reads the decisions: the torture had a start end with it.
    #[test]
    fn decisions_that_cannot_be_read_for_now_end_no_start() {
        assert!(found(DecisionError::Log(LogError::transient("the broker handle was destroyed"))).passes());
        assert!(!found(DecisionError::Log(LogError::operator("not authorised"))).passes());
    }
}
