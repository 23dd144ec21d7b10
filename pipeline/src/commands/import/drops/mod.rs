//! Folders in which others drop tables, beside a running service: each file is imported once, whole, and moved away
//! with a report beside it.
//!
//! ```text
//! prepared  maps, key, tables of an import, read at the start      waiting   which files are whole
//! taking    one file: import, deliver, report, move                delivery  to Kafka, or to where intake reads
//! report    what came of a file, for the one who dropped it
//! ```
//!
//! Owns the thread. A file that cannot be used is moved away as well, and stops nobody else; what fails on our side (a
//! full disk, Kafka away) is tried again. Must never take a file that is still being written.

mod delivery;
mod prepared;
mod report;
mod taking;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

pub(crate) use self::delivery::Delivery;
pub(crate) use self::prepared::Prepared;
use self::taking::Outcome;
use self::waiting::Waiting;
use crate::commands::CommandError;
use crate::live::metric;
use crate::live::stop::Stop;
use crate::live::worker::clock::{SystemWall, Wall as _};

/// How often folders are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long is rested after something failed on our side.
const REST: Duration = Duration::from_secs(5);
/// How soon a wish to stop is seen.
const STOP_LOOK: Duration = Duration::from_millis(50);
/// The file by which one process at a time takes from a folder.
const LOCK: &str = ".fuma-import.lock";

/// An import under way.
struct Import {
    prepared: Prepared,
    waiting: Waiting,
    /// Held while this process takes from the folder.
    lock: Option<File>,
    /// What was said last: it is not said twice.
    said: String,
}

/// Takes files on a thread of its own until the service stops. What a kill leaves half done is gone on with.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn begin(imports: Vec<Prepared>, delivery: Delivery, stop: Stop) -> Result<(), CommandError> {
    if imports.is_empty() {
        return Ok(());
    }
    let mut imports: Vec<Import> = imports
        .into_iter()
        .map(|prepared| Import { prepared, waiting: Waiting::default(), lock: None, said: String::new() })
        .collect();
    let run = move || {
        while !stop.is_set() {
            let mut rest = LOOK_EVERY;
            for import in &mut imports {
                if let Err(error) = import.turn(&delivery, &stop) {
                    import.say(&error.to_string());
                    rest = REST;
                }
            }
            stop.rest(rest, STOP_LOOK);
        }
    };
    let spawned = std::thread::Builder::new().name("imports".to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| CommandError::Other(format!("cannot start a thread: {error}")))
}

impl Import {
    /// Takes what is whole.
    fn turn(&mut self, delivery: &Delivery, stop: &Stop) -> Result<(), CommandError> {
        let name = self.prepared.name.clone();
        if !self.has_lock()? {
            return Ok(());
        }
        delivery.tidy(&self.prepared)?;
        let (whole, waiting) = self.waiting.look(&self.prepared.folder, self.prepared.settle)?;
        metrics::gauge!(metric::IMPORT_WAITING, "import" => name).set(waiting as f64);
        let mut failed = None;
        for path in whole {
            if stop.is_set() {
                break;
            }
            // One that fails waits; those behind it do not.
            match self.take(&path, delivery) {
                Ok(()) => self.said.clear(),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn take(&self, path: &Path, delivery: &Delivery) -> Result<(), CommandError> {
        let prepared = &self.prepared;
        let taken = taking::take(prepared, path, delivery)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let labels = |more: (&'static str, String)| [("import", prepared.name.clone()), more];
        metrics::counter!(metric::IMPORT_FILES, &labels(("outcome", taken.outcome.name().to_owned()))).increment(1);
        let now = SystemWall::default().now().0 as f64 / 1e3;
        metrics::gauge!(metric::IMPORT_LAST, "import" => prepared.name.clone()).set(now);
        let (import, counts) = (prepared.name.as_str(), &taken.counts);
        let (records, rejects) = (counts.records, counts.rejected());
        match taken.outcome {
            Outcome::Repeated => tracing::info!(import, file, "was imported before: nothing changes"),
            Outcome::Refused => tracing::warn!(import, file, why = taken.why, "refused"),
            Outcome::Done => {
                metrics::counter!(metric::IMPORT_RECORDS, "import" => prepared.name.clone()).increment(records);
                for (code, count) in &counts.rejects {
                    metrics::counter!(metric::IMPORT_REJECTS, &labels(("code", code.clone()))).increment(*count);
                }
                tracing::info!(import, file, rows = counts.rows, records, rejects, "imported");
            }
        }
        Ok(())
    }

    /// Whether this process takes from the folder: one of several that see it does.
    fn has_lock(&mut self) -> Result<bool, CommandError> {
        if self.lock.is_some() {
            return Ok(true);
        }
        let path = self.prepared.folder.join(LOCK);
        let cannot = |source| CommandError::Write { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(true)
            }
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(source)) => Err(cannot(source)),
        }
    }

    fn say(&mut self, error: &str) {
        if self.said != error {
            tracing::warn!(import = self.prepared.name, error, "cannot take files; tried again");
            error.clone_into(&mut self.said);
        }
    }
}

/// Reads what every import of a configuration needs.
///
/// # Errors
/// What is wrong with the first that cannot be used.
pub(crate) fn prepare(config: &crate::config::Config, key: &crate::intake::Key) -> Result<Vec<Prepared>, CommandError> {
    let mut prepared = BTreeMap::new();
    for (name, import) in &config.imports {
        let read = Prepared::read(name, import, key, config.import_state(name));
        let read = read.map_err(|error| CommandError::Input(format!("imports.{name}: {error}")))?;
        // Intake follows it from its start.
        taking::make(&read.state.join("feeds"))?;
        prepared.insert(name.clone(), read);
    }
    Ok(prepared.into_values().collect())
}
