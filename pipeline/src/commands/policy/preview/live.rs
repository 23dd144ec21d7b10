//! A preview of an installation: its logs and snapshots are opened from outside.
//!
//! Owns what is opened, and that nothing is made: no folder, no lock, no group. What the configuration says of snapshots
//! and limits holds here as in the service.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuma_connectors::folder::FolderOutside;
use fuma_connectors::log::{LogError, Reference, RestoreLog, Topic};
use fuma_schemas::Instant;

use crate::assess::StepLimits;
use crate::commands::CommandError;
use crate::commands::office::{Office, PlaceArguments};
use crate::config::Config;
use crate::live::decisions::Fold;
use crate::live::packs;
use crate::live::record::Origin;
use crate::live::service::policies::ENGINE;
use crate::live::snapshot::SnapshotStore;
use crate::live::worker::owned::Identity;
use crate::live::worker::reference::References;
use crate::live::worker::restore::Restoring;
use crate::live::worker::snapshots::Snapshots;
use crate::policy::Pack;
use crate::preview::{Asked, Preview, live};
use crate::replay::Progress;

/// For how long a reference log may say nothing.
const STILL_MAX: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(200);

/// Previews a candidate over an installation; gives the pack in force before.
///
/// # Errors
/// When there is no installation, its decisions or packs are not understood, or the engine cannot run.
pub(super) fn preview(
    place: &PlaceArguments,
    (candidate, at, workers): (&Arc<Pack>, Option<Instant>, usize),
    progress: &dyn Progress,
) -> Result<(Arc<Pack>, Instant, Preview), CommandError> {
    let (office, config) = (place.office()?, place.configuration()?);
    let seen = office.installation()?;
    let at = at.unwrap_or(Instant(seen.now_ms.max(seen.fold.basis().clock_ms())));
    let Some(installation) = seen.fold.installation() else {
        return Err(CommandError::Input("no installation is recorded here: start `fuma run` once".to_owned()));
    };
    let (current, since) = in_force(&seen.fold, &seen.packs, Instant(at.0 - 1))?;
    let origin = Origin { installation: installation.id, key: installation.key };
    let snapshots = snapshots(&config, origin, installation.adopted)?;
    let context = Restoring {
        pack: Arc::clone(&current),
        identity: Identity {
            owner: String::new(),
            pack: current.short_digest().to_owned(),
            pack_order: 0,
            engine: ENGINE.to_owned(),
            origin,
            partitions: installation.partitions,
            source: String::new(),
        },
        schedule: Default::default(),
        references: References::default(),
        snapshots,
        facts: config.evidence.facts_max,
        words: Default::default(),
        differences_max: None,
        state: config.state.clone(),
        now: Instant(seen.now_ms),
        cancelled: Arc::new(AtomicBool::new(false)),
        lease: None,
        tells: false,
        belongs: None,
    };
    let asked = |observer: &(dyn Fn() -> Result<Box<dyn RestoreLog>, LogError> + Sync)| {
        let candidate = Arc::clone(candidate);
        let (partitions, step) = (installation.partitions, StepLimits::default());
        let current = (Arc::clone(&current), since);
        let asked = Asked { current, candidate, at, partitions, workers, step, observer, context: &context };
        live(&asked, progress)
    };
    let preview = match &office {
        Office::Folder(dir) => {
            read_whole(&mut FolderOutside::open(dir)?, &context.references)?;
            asked(&|| Ok(Box::new(FolderOutside::open(dir)?)))?
        }
        #[cfg(feature = "kafka")]
        Office::Kafka(settings) => {
            use fuma_connectors::log::Log as _;

            let log = fuma_connectors::kafka::KafkaLog::connect(settings.as_ref().clone())?;
            read_whole(log.reference()?.as_mut(), &context.references)?;
            asked(&|| log.observer())?
        }
    };
    Ok((current, at, preview))
}

/// The pack in force at an instant, and since when; the first one holds for all time.
fn in_force(fold: &Fold, records: &[bytes::Bytes], at: Instant) -> Result<(Arc<Pack>, Option<Instant>), CommandError> {
    let switch = fold.schedule().iter().rfind(|switch| switch.instant_ms <= at.0).or_else(|| fold.schedule().first());
    let Some(switch) = switch else {
        return Err(CommandError::Input(
            "no pack was ever in force here: start `fuma run --policy PACK` once, or give --feeds".to_owned(),
        ));
    };
    let pack = packs::load(records, &switch.pack.digest).map_err(|error| CommandError::Other(error.to_string()))?;
    Ok((pack, (switch.number > 1).then_some(Instant(switch.instant_ms))))
}

/// Where snapshots are; none where there is no such folder: it is not made.
fn snapshots(config: &Config, origin: Origin, is_adopted: bool) -> Result<Option<Snapshots>, CommandError> {
    let place = config.snapshots_url();
    if SnapshotStore::folder_of(&place).is_some_and(|folder| !folder.is_dir()) {
        return Ok(None);
    }
    let store = SnapshotStore::at(&place).map_err(|error| CommandError::Other(error.to_string()))?;
    Ok(Some(Snapshots {
        store: store.within(origin.installation, is_adopted),
        place,
        every: config.snapshots.every,
        records: config.snapshots.records,
        at_stop: Duration::ZERO,
    }))
}

/// Reads the regions to the end that they have now.
fn read_whole(log: &mut dyn Reference, references: &References) -> Result<(), CommandError> {
    let end = log.end(Topic::Regions)?;
    let mut waited = Duration::ZERO;
    while log.next(Topic::Regions) < end {
        let before = log.next(Topic::Regions);
        references.advance(log, WAIT)?;
        waited = if log.next(Topic::Regions) > before { Duration::ZERO } else { waited + WAIT };
        if waited > STILL_MAX {
            return Err(CommandError::Other(format!(
                "the log of regions ends at {end}, and nothing comes from it behind {before}: has it a leader?"
            )));
        }
    }
    Ok(())
}
