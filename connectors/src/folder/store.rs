//! What all clients of a folder share: the lock, the partitions, the journal.
//!
//! ```text
//! DIR/log/lock                      held as long as the process lives
//! DIR/log/meta.json                 format, number of partitions, fingerprint of the key
//! DIR/log/evidence-0003/*.log       evidence;  phones, rides, links, regions, policies, decisions, audit likewise
//! DIR/log/journal/*.log             transactions: changes and positions
//! DIR/log/links.json                how far the link log is judged
//! DIR/feeds.json                    how far the feeds are read
//! DIR/status/<process>.json         what the process says of itself
//! DIR/rejects/<feed>.ndjson         dead letters, for the owner's eyes only
//! ```
//!
//! Owns these places. Must never let two processes in.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use fuma_schemas::Instant;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::segments::{Segments, replace};
use super::signal::Signal;
use super::{FolderOptions, failed, identity};
use crate::log::{LogError, Topic, TopicIdentity};

/// The format that is written; every one up to it is read. 2: messages of format 2, and the fingerprint.
const FORMAT: u32 = 2;

#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
struct Meta {
    format: u32,
    partitions: u32,
    /// The fingerprint of the key of the person tokens, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Whether it was made by a build that writes decisions: then its installation is the first of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    decisions: bool,
}

/// A folder, opened.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) dir: PathBuf,
    pub(super) partitions: u32,
    pub(super) options: FolderOptions,
    pub(super) evidence: Vec<Segments>,
    pub(super) links: Segments,
    pub(super) phones: Vec<Segments>,
    pub(super) rides: Vec<Segments>,
    pub(super) regions: Segments,
    pub(super) policies: Segments,
    pub(super) decisions: Segments,
    pub(super) audit: Segments,
    pub(super) journal: Journal,
    pub(super) is_of_older_build: bool,
    pub(super) signal: Signal,
    /// Of each worker slot, how often a worker was made for it.
    pub(super) epochs: Vec<AtomicU64>,
    /// Whether the link log has its reader.
    pub(super) links_taken: AtomicBool,
    /// The names of the files that the feeds come from, by number: for dead letters.
    pub(super) file_names: Mutex<Vec<String>>,
    /// Unlocked when the last client is gone.
    _lock: File,
}

impl Store {
    pub(super) fn open(options: &FolderOptions) -> Result<Store, LogError> {
        let dir = options.dir.clone();
        let log = dir.join("log");
        fs::create_dir_all(&log).map_err(|error| failed("make", &log, &error))?;
        let lock = lock(&dir, &log.join("lock"))?;
        let is_of_older_build = !check_meta(&log, options)?.decisions;
        let open = |name: &str, partition| Segments::open(&log.join(name), partition, options.segment_bytes);
        let evidence = (0..options.partitions).map(|partition| open(&format!("evidence-{partition:04}"), partition));
        let phones = (0..options.partitions).map(|partition| open(&format!("phones-{partition:04}"), partition));
        let rides = (0..options.partitions).map(|partition| open(&format!("rides-{partition:04}"), partition));
        Ok(Store {
            partitions: options.partitions,
            evidence: evidence.collect::<Result<_, _>>()?,
            phones: phones.collect::<Result<_, _>>()?,
            rides: rides.collect::<Result<_, _>>()?,
            links: open("links", 0)?,
            regions: open("regions", 0)?,
            policies: open("policies", 0)?,
            decisions: open("decisions", 0)?,
            audit: open("audit", 0)?,
            journal: Journal::open(&log.join("journal"), options.segment_bytes)?,
            is_of_older_build,
            signal: Signal::default(),
            epochs: (0..options.workers.max(1)).map(|_| AtomicU64::new(0)).collect(),
            links_taken: AtomicBool::new(false),
            file_names: Mutex::new(Vec::new()),
            options: options.clone(),
            dir,
            _lock: lock,
        })
    }

    pub(super) fn evidence(&self, partition: u32) -> Result<&Segments, LogError> {
        let found = self.evidence.get(partition as usize);
        found.ok_or_else(|| LogError::fatal(format!("there is no evidence partition {partition}")))
    }

    /// The log of a topic that is one.
    pub(super) fn log(&self, topic: Topic, partition: u32) -> Result<&Segments, LogError> {
        match topic {
            Topic::Evidence => self.evidence(partition),
            Topic::Links => Ok(&self.links),
            Topic::Phones => {
                let found = self.phones.get(partition as usize);
                found.ok_or_else(|| LogError::fatal(format!("there is no partition {partition} of phones")))
            }
            Topic::Rides => {
                let found = self.rides.get(partition as usize);
                found.ok_or_else(|| LogError::fatal(format!("there is no partition {partition} of rides")))
            }
            Topic::Regions => Ok(&self.regions),
            Topic::Policies => Ok(&self.policies),
            Topic::Decisions => Ok(&self.decisions),
            Topic::Audit => Ok(&self.audit),
            Topic::Feed(_) | Topic::DeadLetters(_) | Topic::Status | Topic::Clock | Topic::Changes => {
                Err(LogError::fatal(format!("the folder has no {topic:?} to append to")))
            }
        }
    }

    /// The logs, each with what tells it from one that is made at its place later.
    pub(super) fn topics(&self) -> Vec<TopicIdentity> {
        let parts = |topic: Topic, name: &str, logs: &[Segments]| TopicIdentity {
            topic,
            name: name.to_owned(),
            partitions: u32::try_from(logs.len()).unwrap_or(u32::MAX),
            id: Some(identity::of_all(logs.iter().map(Segments::id))),
        };
        let one = |topic, name: &str, id: &str| TopicIdentity {
            topic,
            name: name.to_owned(),
            partitions: 1,
            id: Some(id.to_owned()),
        };
        vec![
            parts(Topic::Evidence, "evidence", &self.evidence),
            one(Topic::Links, "links", self.links.id()),
            parts(Topic::Phones, "phones", &self.phones),
            parts(Topic::Rides, "rides", &self.rides),
            one(Topic::Regions, "regions", self.regions.id()),
            one(Topic::Policies, "policies", self.policies.id()),
            one(Topic::Decisions, "decisions", self.decisions.id()),
            TopicIdentity { partitions: self.partitions, ..one(Topic::Changes, "journal", self.journal.id()) },
        ]
    }

    pub(super) fn journal_folder(&self) -> PathBuf {
        self.dir.join("log/journal")
    }
}

fn lock(dir: &Path, path: &Path) -> Result<File, LogError> {
    let open = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(|error| failed("open", path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            drop(file.read_to_string(&mut process));
            let (dir, process) = (dir.display(), process.trim());
            return Err(LogError::operator(format!(
                "{dir}: is in use by process {process}; stop it, or give this one another --state"
            )));
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", path, &error)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| failed("write", path, &error))?;
    Ok(file)
}

/// The number of partitions and the key hold for ever: people are told apart by them.
fn check_meta(log: &Path, options: &FolderOptions) -> Result<Meta, LogError> {
    let path = log.join("meta.json");
    let wanted = Meta { format: FORMAT, partitions: options.partitions, key: options.key.clone(), decisions: true };
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_meta(&path, &wanted)?;
            return Ok(wanted);
        }
        Err(error) => return Err(failed("read", &path, &error)),
    };
    let Ok(found) = serde_json::from_slice::<Meta>(&text) else {
        let path = path.display();
        return Err(LogError::operator(format!("{path}: is damaged; put it back, or give another --state folder")));
    };
    refuse_meta(&path.display().to_string(), &found, &wanted)?;
    let kept = Meta { key: found.key.clone().or(wanted.key.clone()), decisions: found.decisions, ..wanted };
    if kept != found {
        write_meta(&path, &kept)?;
    }
    Ok(kept)
}

/// How many partitions the log of a state folder has.
pub(super) fn partitions_of(dir: &Path) -> Result<u32, LogError> {
    let path = dir.join("log/meta.json");
    let none = |_| {
        let dir = dir.display();
        LogError::operator(format!("{dir}: no log here: give the --state folder of `fuma run`"))
    };
    let text = fs::read(&path).map_err(none)?;
    let damaged = |error| LogError::operator(format!("{}: is damaged: {error}", path.display()));
    serde_json::from_slice::<Meta>(&text).map(|meta| meta.partitions).map_err(damaged)
}

fn write_meta(path: &Path, meta: &Meta) -> Result<(), LogError> {
    let text = serde_json::to_vec(meta).map_err(|error| LogError::fatal(error.to_string()))?;
    replace(path, &text).map_err(|error| failed("write", path, &error))
}

fn refuse_meta(path: &str, found: &Meta, wanted: &Meta) -> Result<(), LogError> {
    if found.format > FORMAT {
        let format = found.format;
        return Err(LogError::operator(format!(
            "{path}: has format {format}, and this fuma knows formats up to {FORMAT}: a newer fuma wrote it; use that \
             one"
        )));
    }
    if found.partitions != wanted.partitions {
        return Err(LogError::operator(format!(
            "{path}: the folder was made with {} partitions, and {} are wanted; set [kafka] partitions = {}, or begin \
             another folder",
            found.partitions, wanted.partitions, found.partitions
        )));
    }
    match (&found.key, &wanted.key) {
        (Some(found), Some(own)) if found != own => Err(LogError::operator(format!(
            "{path}: this log was written with another key of the person tokens (fingerprint {found}; the one given \
             here has {own}): start with the key of this log, or give another --state folder"
        ))),
        _ => Ok(()),
    }
}

/// The clock of the host: the log's own, as a broker has one.
#[expect(clippy::disallowed_methods, reason = "the log stamps its records, as a broker does")]
pub(super) fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Time that passes evenly, for waiting.
#[expect(clippy::disallowed_methods, reason = "how long somebody has waited")]
pub(super) fn passed() -> Duration {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
