//! A preview of an installation: its logs and snapshots are opened from outside.
//!
//! Owns what is opened, and that nothing is made: no folder, no lock, no group. What the configuration says of
//! snapshots and limits holds here as in the service.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuma_connectors::folder::FolderOutside;
use fuma_connectors::log::{LogError, Reference, RestoreLog, Topic};
use fuma_schemas::{Feed, Instant};

use super::batch;
use crate::assess::StepLimits;
use crate::commands::office::{Office, PlaceArguments};
use crate::commands::screen::Screen;
use crate::commands::{CommandError, input};
use crate::config::Config;
use crate::intake::{Key, Settings};
use crate::live::decisions::{Fold, Installation};
use crate::live::packs;
use crate::live::record::{Fingerprint, Origin};
use crate::live::service::policies::ENGINE;
use crate::live::snapshot::SnapshotStore;
use crate::live::worker::owned::Identity;
use crate::live::worker::reference::References;
use crate::live::worker::restore::Restoring;
use crate::live::worker::snapshots::Snapshots;
use crate::live::worker::switch::{InForce, Schedule, Switch};
use crate::policy::Pack;
use crate::preview::{Asked, Batch, Preview, live};
use crate::replay::{Progress, Source};

/// For how long a reference log may say nothing.
const STILL_MAX: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(200);

/// What is previewed.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Another pack.
    Pack(&'a Arc<Pack>),
    /// Records that may be sent.
    Batch {
        /// The files.
        sources: &'a [Source],
        /// The file with the key of the person tokens.
        key_file: Option<&'a Path>,
        /// Where it is said what is rejected.
        screen: &'a Screen,
    },
}

impl<'a> Wanted<'a> {
    /// The other pack, if it is one.
    fn pack(self) -> Option<&'a Arc<Pack>> {
        match self {
            Wanted::Pack(pack) => Some(pack),
            Wanted::Batch { .. } => None,
        }
    }

    /// The records, if it is records: those that link people are seen over feeds alone.
    fn batch(self, installation: &Installation, at: Instant) -> Result<Option<Batch>, CommandError> {
        let Wanted::Batch { sources, key_file, screen } = self else { return Ok(None) };
        let is_of_nobody = sources.iter().all(|source| source.feed() == Feed::Regions);
        let key = match input::key(key_file) {
            // Tiers name nobody: no token is made of them.
            Err(CommandError::NoKey) if is_of_nobody => {
                Key::from_hex(&"0".repeat(64)).map_err(|error| CommandError::Key(error.to_string()))?
            }
            key => key?,
        };
        if !is_of_nobody && Fingerprint(key.fingerprint()) != installation.key {
            return Err(CommandError::Key("it is not the key of this installation: nobody would be found".to_owned()));
        }
        let settings = Arc::new(Settings::new(key));
        let batch = batch::read((sources, &settings, installation.partitions as usize), at, screen)?;
        if batch.links {
            return Err(CommandError::Input(
                "cases, contacts, bindings and records of phones say something about other people: what they do is \
                 seen over feeds (--feeds, --policy, --at)"
                    .to_owned(),
            ));
        }
        Ok(Some(batch))
    }
}

/// Previews a candidate over an installation; gives the pack in force before.
///
/// # Errors
/// When there is no installation, its decisions or packs are not understood, or the engine cannot run.
pub(super) fn preview(
    place: &PlaceArguments,
    (wanted, at, workers): (Wanted<'_>, Option<Instant>, usize),
    progress: &dyn Progress,
) -> Result<(Arc<Pack>, Instant, Preview), CommandError> {
    let (office, config) = (place.office()?, place.configuration()?);
    let seen = office.installation()?;
    let at = at.unwrap_or(Instant(seen.now_ms.max(seen.fold.basis().clock_ms())));
    let Some(installation) = seen.fold.installation() else {
        return Err(CommandError::Input("no installation is recorded here: start `fuma run` once".to_owned()));
    };
    let batch = wanted.batch(installation, at)?;
    let schedule = schedule(&seen.fold, &seen.packs);
    let current = in_force(&schedule, if batch.is_some() { at } else { Instant(at.0 - 1) })?;
    let (number, since, current) = (current.number, current.since, current.pack);
    let origin = Origin { installation: installation.id, key: installation.key };
    let snapshots = snapshots(&config, origin, installation.adopted)?;
    let identity = Identity {
        owner: String::new(),
        pack: current.short_digest().to_owned(),
        pack_order: number,
        engine: ENGINE.to_owned(),
        origin,
        partitions: installation.partitions,
        source: String::new(),
    };
    let context = Restoring {
        pack: Arc::clone(&current),
        identity,
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
        let (candidate, batch) = (Arc::clone(wanted.pack().unwrap_or(&current)), batch.as_ref());
        let (partitions, step) = (installation.partitions, StepLimits::default());
        let (current, context) = ((Arc::clone(&current), since), &context);
        live(&Asked { current, candidate, batch, at, partitions, workers, step, observer, context }, progress)
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
