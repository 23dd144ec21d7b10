//! The log of an installation, as commands use it: read from outside, without a lock; written by an append.
//!
//! ```text
//! Kafka    records of the two logs
//! folder   nobody runs: the folder is opened for as long as it takes
//!          somebody runs: files in <state>/inbox, which that process takes up within a second
//! ```
//!
//! Owns the order: a pack is in the log before anything names it. A record is there when it was read back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use fuma_connectors::folder::{FolderLog, FolderOptions, FolderWatching};
use fuma_connectors::log::{Log, LogError, Outgoing, Topic, Watching};

use crate::commands::CommandError;
use crate::commands::kafka::KafkaArguments;
use crate::config::Config;
use crate::live::decisions::basis::Event;
use crate::live::decisions::{DecisionLog, Fold, Record};
use crate::live::packs;
use crate::live::service::office::{Left, leave};
use crate::live::status::entry::Entry;
use crate::live::worker::clock::{SystemWall, Wall as _};

/// For how long a process that has the folder may take.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);

/// Which installation.
#[derive(Args, Clone, Debug, Default)]
pub struct PlaceArguments {
    #[command(flatten)]
    kafka: KafkaArguments,
    /// Without Kafka: the --state folder of `fuma run`, running or ended
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bootstrap", "prefix"])]
    state: Option<PathBuf>,
}

impl PlaceArguments {
    /// Whether an installation was named on the command line.
    pub fn is_named(&self) -> bool {
        self.state.is_some() || self.kafka.bootstrap.is_some() || self.kafka.config.is_some()
    }

    /// The configuration of its service, as far as this command line and its files say it.
    ///
    /// # Errors
    /// With everything that is wrong.
    #[cfg(feature = "kafka")]
    pub fn configuration(&self) -> Result<Config, CommandError> {
        let mut config = self.kafka.configuration()?;
        if let Some(dir) = &self.state {
            config.state.clone_from(dir);
        }
        Ok(config)
    }

    /// The installation.
    ///
    /// # Errors
    /// When there is none, or it does not answer.
    pub fn office(&self) -> Result<Office, CommandError> {
        self.find()?.ok_or_else(|| {
            CommandError::Input(
                "no installation: give --bootstrap HOST:PORT, or --state DIR, the folder of `fuma run`".to_owned(),
            )
        })
    }

    /// The installation, if there is one.
    ///
    /// # Errors
    /// When one is named and does not answer.
    pub fn find(&self) -> Result<Option<Office>, CommandError> {
        if let Some(dir) = &self.state {
            // Says what is wrong where no log is.
            FolderWatching::open(dir)?;
            return Ok(Some(Office::Folder(dir.clone())));
        }
        Office::found(self)
    }
}

/// The log of an installation.
#[derive(Debug)]
pub enum Office {
    /// In a folder.
    Folder(PathBuf),
    /// On Kafka.
    #[cfg(feature = "kafka")]
    Kafka(Box<fuma_connectors::kafka::KafkaSettings>),
}

/// What was read.
#[derive(Debug)]
pub struct Seen {
    /// The decisions.
    pub fold: Fold,
    /// The records of the log of packs.
    pub packs: Vec<Bytes>,
    /// When it was read, by this machine's clock.
    pub now_ms: i64,
}

impl Seen {
    /// What became of a record: the last event that says it.
    pub fn event(&self, record: &Record) -> Option<&Event> {
        self.fold.basis().events().iter().rev().find(|event| event.record == *record)
    }
}

impl Office {
    #[cfg(feature = "kafka")]
    fn found(arguments: &PlaceArguments) -> Result<Option<Office>, CommandError> {
        let config = arguments.kafka.configuration()?;
        if !config.is_on_kafka() {
            return Ok(Office::folder(&config));
        }
        arguments.kafka.connection_of(&config.kafka)?;
        let bootstrap = config.kafka.bootstrap.as_deref().unwrap_or_default();
        let mut settings = crate::live::service::open::kafka_settings(&config, bootstrap);
        let given = arguments.kafka.settings.iter();
        settings.client.extend(given.map(|setting| (setting.name.clone(), setting.value.clone())));
        Ok(Some(Office::Kafka(Box::new(settings))))
    }

    #[cfg(not(feature = "kafka"))]
    fn found(_: &PlaceArguments) -> Result<Option<Office>, CommandError> {
        Ok(None)
    }

    fn folder(config: &Config) -> Option<Office> {
        config.state.join("log/meta.json").is_file().then(|| Office::Folder(config.state.clone()))
    }

    /// The log that a service with this configuration has; none where no folder is there yet.
    ///
    /// # Errors
    /// When the configuration names brokers that none can be reached of.
    pub fn of_config(config: &Config) -> Result<Option<Office>, CommandError> {
        match &config.kafka.bootstrap {
            None => Ok(Office::folder(config)),
            #[cfg(feature = "kafka")]
            Some(bootstrap) => {
                let settings = crate::live::service::open::kafka_settings(config, bootstrap);
                let client = settings.client.clone().into_iter().collect();
                fuma_connectors::kafka::Connection::new(bootstrap, &config.kafka.prefix, client)?.knock()?;
                Ok(Some(Office::Kafka(Box::new(settings))))
            }
            #[cfg(not(feature = "kafka"))]
            Some(_) => Err(crate::commands::kafka::missing()),
        }
    }

    /// How the same installation is named on another command line.
    pub fn named(&self) -> String {
        match self {
            Office::Folder(dir) => format!(" --state {}", dir.display()),
            #[cfg(feature = "kafka")]
            Office::Kafka(settings) => format!(" --bootstrap {}", settings.bootstrap),
        }
    }

    fn watching(&self) -> Result<Box<dyn Watching>, CommandError> {
        Ok(match self {
            Office::Folder(dir) => Box::new(FolderWatching::open(dir)?),
            #[cfg(feature = "kafka")]
            Office::Kafka(settings) => Box::new(fuma_connectors::kafka::KafkaWatching::new(settings.as_ref().clone())?),
        })
    }

    /// What the processes of the installation say of themselves, and when the log took it.
    ///
    /// # Errors
    /// When the log does not answer.
    pub fn statuses(&self) -> Result<Vec<(Entry, fuma_schemas::Instant)>, CommandError> {
        let records = self.watching()?.read(Topic::Status)?;
        Ok(records.iter().filter_map(|record| Some((Entry::parse(&record.value)?, record.at))).collect())
    }

    /// Reads both logs.
    ///
    /// # Errors
    /// When they do not answer, or hold what this build does not understand.
    pub fn look(&self) -> Result<Seen, CommandError> {
        let mut watching = self.watching()?;
        let mut fold = Fold::default();
        for (offset, entry) in (0_u64..).zip(watching.read(Topic::Decisions)?) {
            fold.take(offset, entry.at, &entry.value);
        }
        if let Some((offset, fault)) = fold.not_understood() {
            return Err(super::refused(format!(
                "record {offset} of the log of decisions {fault}. Use a build that is at least as new"
            )));
        }
        let packs = watching.read(Topic::Policies)?.into_iter().map(|entry| entry.value).collect();
        Ok(Seen { fold, packs, now_ms: SystemWall::default().now().0 })
    }

    /// Reads both logs of an installation that is recorded.
    ///
    /// # Errors
    /// As [`Office::look`], or when no installation is recorded.
    pub fn installation(&self) -> Result<Seen, CommandError> {
        let seen = self.look()?;
        if seen.fold.basis().installation().is_empty() {
            return Err(super::refused(
                "no installation is recorded here yet: start `fuma run --policy PACK` once (or see --prefix)",
            ));
        }
        Ok(seen)
    }

    /// Writes a pack (if it is not there) and a record; reads until the record is there.
    ///
    /// # Errors
    /// When a log does not take it, or the process that has the folder does not within some seconds.
    pub fn write(&self, seen: &Seen, pack: Option<(&str, Bytes)>, record: &Record) -> Result<Seen, CommandError> {
        let pack = pack.filter(|(digest, _)| !packs::holds(&seen.packs, digest)).map(|(_, record)| record);
        match self {
            Office::Folder(dir) => match open(dir) {
                Ok(log) => append(&log, pack, record)?,
                Err(error) => return self.leave(dir, pack, record, &error),
            },
            #[cfg(feature = "kafka")]
            Office::Kafka(settings) => {
                append(&fuma_connectors::kafka::KafkaLog::connect(settings.as_ref().clone())?, pack, record)?;
            }
        }
        self.look()
    }

    fn leave(&self, dir: &Path, pack: Option<Bytes>, record: &Record, taken: &LogError) -> Result<Seen, CommandError> {
        let failed = |source| CommandError::Write { path: dir.join("inbox"), source };
        let value = record.to_bytes().map_err(|error| CommandError::Other(error.to_string()))?;
        let order = nanos();
        let before = self.look()?.fold.basis().events().len();
        if let Some(pack) = pack {
            leave(dir, order, &Left::Pack(pack)).map_err(failed)?;
        }
        leave(dir, order + 1, &Left::Decision(value)).map_err(failed)?;
        let begun = SystemWall::default().now().0;
        loop {
            std::thread::sleep(LOOK);
            let seen = self.look()?;
            if seen.fold.basis().events().iter().skip(before).any(|event| event.record == *record) {
                return Ok(seen);
            }
            if seen.now_ms - begun >= TAKEN_WITHIN.as_millis() as i64 {
                let (inbox, seconds) = (dir.join("inbox"), TAKEN_WITHIN.as_secs());
                return Err(CommandError::Other(format!(
                    "the process that has the folder did not take it up within {seconds} s: it waits in {} ({taken})",
                    inbox.display()
                )));
            }
        }
    }
}

/// Opens a folder that nobody has.
fn open(dir: &Path) -> Result<FolderLog, LogError> {
    let partitions = FolderWatching::open(dir)?.partitions()?;
    FolderLog::open(&FolderOptions::new(dir, partitions, 1))
}

fn append(log: &dyn Log, pack: Option<Bytes>, record: &Record) -> Result<(), CommandError> {
    if let Some(value) = pack {
        let mut appender = log.appender("office")?;
        appender.append(Topic::Policies, Outgoing { value, ..Outgoing::default() })?;
        appender.flush()?;
    }
    let decisions = DecisionLog::open(log).map_err(|error| CommandError::Other(error.to_string()))?;
    decisions.write(record).map_err(|error| CommandError::Other(error.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "the order in which commands were given")]
fn nanos() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos()
}
