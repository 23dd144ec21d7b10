//! A preview of an installation: its logs and snapshots are opened from outside.
//!
//! Owns what is opened, and that nothing is made: no folder, no lock, no group. What the configuration says of
//! snapshots and limits holds here as in the service.

use std::collections::BTreeMap;
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
use crate::live::worker::switch::{InForce, Schedule, Switch};
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
    let schedule = schedule(&seen.fold, &seen.packs);
    let current = in_force(&schedule, Instant(at.0 - 1))?;
    let (number, since, current) = (current.number, current.since, current.pack);
    let origin = Origin { installation: installation.id, key: installation.key };
    let snapshots = snapshots(&config, origin, installation.adopted)?;
    let context = Restoring {
        pack: Arc::clone(&current),
        identity: Identity {
            owner: String::new(),
            pack: current.short_digest().to_owned(),
            pack_order: number,
            engine: ENGINE.to_owned(),
            origin,
            partitions: installation.partitions,
            source: String::new(),
        },
        schedule,
        references: References::default(),
        counts: Default::default(),
        snapshots,
        facts: config.evidence.facts_max,
        words: Default::default(),
        differences_max: None,
        state: config.state,
        now: Instant(seen.now_ms),
        cancelled: Arc::new(AtomicBool::new(false)),
        lease: None,
        tells: Default::default(),
        shows: false,
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

/// The packs of an installation, as its decisions have them.
fn schedule(fold: &Fold, records: &[bytes::Bytes]) -> Schedule {
    let mut loaded = BTreeMap::new();
    let switches = fold.schedule().iter().map(|switch| {
        let load = || packs::load(records, &switch.pack.digest).map_err(|error| error.to_string());
        let pack = loaded.entry(switch.pack.digest.clone()).or_insert_with(load).clone();
        Switch::of(switch, pack)
    });
    let schedule = Schedule::default();
    schedule.set(switches.collect());
    schedule
}

/// The pack in force at an instant; before all others the first one, which holds for all time.
fn in_force(schedule: &Schedule, at: Instant) -> Result<InForce, CommandError> {
    let first = || schedule.switches().first().and_then(|switch| schedule.numbered(switch.number));
    match schedule.due(0, at).or_else(first) {
        Some(Ok(in_force)) => Ok(in_force),
        Some(Err(missing)) => {
            Err(CommandError::Other(format!("the pack of switch {} is not here: {}", missing.number, missing.why)))
        }
        None => Err(CommandError::Input(
            "no pack was ever in force here: start `fuma run --policy PACK` once, or give --feeds".to_owned(),
        )),
    }
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
