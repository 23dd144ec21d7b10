//! Who looked whom up reaches the log: the look-ups of a second as one record.
//!
//! Owns the rhythm, and the way back after a log that was away: what could not be written waits on, and comes again.
//! A look-up is written at least once: after a failure it may stand there twice.

use std::time::Duration;

use fuma_connectors::log::{Log, LogError, Outgoing, Topic};

use super::Service;
use super::supervise::Ended;
use crate::http::api::Audit;
use crate::http::api::audit::AuditRecord;

/// How often look-ups are written.
const EVERY: Duration = Duration::from_secs(1);
/// How soon a stop is seen.
const PIECE: Duration = Duration::from_millis(50);

/// Writes until the process stops, and then what is left: no look-up is answered any more.
pub(super) fn follow(log: &dyn Log, service: &Service, audit: &Audit) -> Result<(), Ended> {
    let mut appender = log.appender("audit")?;
    let mut write = |records: &[AuditRecord]| -> Result<(), LogError> {
        for record in records {
            let value = serde_json::to_vec(record).unwrap_or_default();
            appender.append(Topic::Audit, Outgoing { value: value.into(), ..Outgoing::default() })?;
        }
        appender.flush()
    };
    while !service.stop.is_set() {
        service.stop.rest(EVERY, PIECE);
        write_waiting(service, audit, &mut write)?;
    }
    audit.close();
    // What a failure left over, and what came since.
    write_waiting(service, audit, &mut write)?;
    write_waiting(service, audit, &mut write)
}

fn write_waiting(
    service: &Service,
    audit: &Audit,
    write: &mut dyn FnMut(&[AuditRecord]) -> Result<(), LogError>,
) -> Result<(), Ended> {
    let records = audit.records(&service.process);
    if records.is_empty() {
        return Ok(());
    }
    write(&records)?;
    audit.written();
    Ok(())
}
