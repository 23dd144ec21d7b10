//! Where the snapshots of this process go, and what it means that their folder is not there.
//!
//! Owns the words at the start. A folder is created here alone: later, one that is gone is an error. Must never read a
//! snapshot.

use std::path::Path;
use std::time::Duration;

use fuma_connectors::log::STOP_PATIENCE;
use fuma_schemas::Instant;

use super::{Service, ServiceError};
use crate::config::Config;
use crate::live::decisions::Installation;
use crate::live::snapshot::SnapshotStore;
use crate::live::worker::snapshots::Snapshots;

/// How long a stop may wait for last snapshots, at most: before waits for a broker are given up.
const AT_STOP: Duration = Duration::from_secs(3);
const _: () = assert!(AT_STOP.as_millis() < STOP_PATIENCE.as_millis());

/// Why snapshots cannot go where they would, if so: on Kafka partitions move from process to process, and a folder does
/// not move with them. Who runs all processes on one machine, or mounts the folder everywhere, says so.
///
/// Asked by those that write snapshots, and by `fuma config check`: other commands do not care.
pub(crate) fn refusal(config: &Config) -> Option<String> {
    let url = config.snapshots_url();
    let writes = config.roles.trace || config.roles.assess;
    let is_local = SnapshotStore::folder_of(&url).is_some();
    (config.is_on_kafka() && writes && is_local && !config.snapshots.local).then(|| {
        format!(
            "snapshots would go to the folder {url}. On Kafka a partition moves from process to process: one on \
             another machine would not find its snapshots, and would refuse it once the log no longer reaches back. \
             Give a store that all processes reach (snapshots.url = \"s3://bucket/path\"). If all processes of the \
             group reach this folder, and it outlives them, say so: snapshots.local = true, or --local-snapshots"
        )
    })
}

/// The snapshots of a service that knows its installation. `begun`: when this process began to look for it.
pub(super) fn of(service: &Service, begun: Instant) -> Result<Snapshots, ServiceError> {
    let (config, place) = (&service.config, service.config.snapshots_url());
    let installation = service.belongs.as_ref().map(|belongs| belongs.installation());
    if let Some(folder) = SnapshotStore::folder_of(&place).filter(|folder| !folder.exists()) {
        match installation.and_then(|installation| loss(folder, installation, begun)) {
            Some(loss) => tracing::warn!("{loss}"),
            None => tracing::info!(folder = %folder.display(), "the folder of snapshots is new"),
        }
    }
    let adopted = installation.is_some_and(|installation| installation.adopted);
    let store = SnapshotStore::at(&place)?.within(service.origin().installation, adopted);
    Ok(Snapshots {
        store: store.keeping(config.snapshots.keep),
        place,
        every: config.snapshots.every,
        records: config.snapshots.records,
        at_stop: AT_STOP.min(config.shutdown.deadline / 4),
    })
}

/// What is lost with a folder that is not there; nothing where the installation is as new as this start.
fn loss(folder: &Path, installation: &Installation, begun: Instant) -> Option<String> {
    let made = Instant(installation.at);
    (installation.adopted || made < begun).then(|| {
        format!(
            "the folder of snapshots {} is not there, and the installation is older than this start (made {made}). It \
             is created, and is empty. The snapshots that it held are lost to this process: the state of a partition \
             is read from the beginning of its log, which takes long; where the log was trimmed facts are missing, and \
             the partition is parked until they are back. If the folder is elsewhere, or its disk was not mounted: \
             stop, bring it back, and start again",
            folder.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_said_of_an_installation_that_was_there_before() {
        let said = |at: i64, adopted: bool| {
            let installation = Installation { at, adopted, ..Installation::default() };
            loss(Path::new("/no/such"), &installation, Instant(5000))
        };
        assert_eq!(said(5000, false), None);
        for (at, adopted) in [(4999, false), (6000, true)] {
            let said = said(at, adopted).unwrap_or_default();
            assert!(
                ["/no/such", "are lost to this process", "bring it back"].iter().all(|part| said.contains(part)),
                "{said}"
            );
        }
    }
}
