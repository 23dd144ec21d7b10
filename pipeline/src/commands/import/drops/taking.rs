//! One file of a folder: imported, delivered, noted, moved away with its report.
//!
//! ```text
//! import into a folder of its own -> deliver -> report written -> noted as taken -> report and file moved
//! ```
//!
//! After a kill the same steps are gone through again, and each finds what the one before it has left. Owns that order,
//! and the list of what was taken (`taken`, a line each). Must never note a file that is not delivered.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fuma_schemas::Instant;

use super::super::table::{One, fingerprint_of, import_one};
use super::delivery::Delivery;
use super::prepared::Prepared;
use super::report::{self, Report};
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::tables::Counts;

/// The list of what was taken.
const TAKEN: &str = "taken";
/// When a file became known, where its maps do not say so: when it was written.
const KNOWN_AT: &str = "known-at";
/// A reading that failed on our side.
const OURS: [&str; 2] = ["unreadable", "failed"];

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Imported.
    Done,
    /// Nothing of it can be used.
    Refused,
    /// Its like was imported before.
    Repeated,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Repeated => "repeated",
        }
    }

    /// The folder to which the file goes.
    pub(super) fn folder(self) -> &'static str {
        if self == Outcome::Refused { "refused" } else { "done" }
    }
}

/// A file that was taken.
pub(super) struct Taken {
    pub(super) outcome: Outcome,
    pub(super) counts: Counts,
    /// Why it is refused.
    pub(super) why: String,
}

/// Takes a file.
pub(super) fn take(prepared: &Prepared, path: &Path, delivery: &Delivery) -> Result<Taken, CommandError> {
    let key = fingerprint_of(path, &prepared.maps, &prepared.inputs)?;
    let work = prepared.state.join("work").join(key.get(..32).unwrap_or(&key));
    if is_taken(&prepared.state, &key)? {
        // Killed after it was noted: what it came to is still there.
        let known = report::read(&work)?.filter(|report| report.outcome == Outcome::Done.name());
        let outcome = if known.is_some() { Outcome::Done } else { Outcome::Repeated };
        let report = known.unwrap_or_else(|| Report::new(prepared, path, &key, outcome, None));
        let counts = if outcome == Outcome::Done { report.counts.clone() } else { Counts::default() };
        report::publish(&report, &work, path, &prepared.folder.join(outcome.folder()))?;
        forget(&work)?;
        return Ok(Taken { outcome, counts, why: String::new() });
    }
    let one = import(prepared, path, &work)?;
    if let Some((.., message)) = one.refused.iter().find(|(.., code, _)| OURS.contains(&code.as_str())) {
        return Err(CommandError::Other(format!("{}: {message}", path.display())));
    }
    let outcome = if one.refused.is_empty() || one.counts.rows > 0 { Outcome::Done } else { Outcome::Refused };
    let why = one.refused.first().map(|(.., code, message)| format!("{code}: {message}")).unwrap_or_default();
    let report = Report::new(prepared, path, &key, outcome, Some(&one));
    if outcome == Outcome::Done {
        delivery.deliver(prepared, &one.feeds, &work, &key)?;
        report::keep(&report, &work)?;
        note(&prepared.state, &key)?;
    }
    report::publish(&report, &work, path, &prepared.folder.join(outcome.folder()))?;
    forget(&work)?;
    Ok(Taken { outcome, counts: one.counts, why })
}

/// Imports it into a folder of its own, which holds identities.
pub(super) fn import(prepared: &Prepared, path: &Path, work: &Path) -> Result<One, CommandError> {
    make(work)?;
    let known_at = known_at(path, work)?;
    let mut maps = prepared.maps.clone();
    for (map, _) in &mut maps {
        if !map.has_known_at() {
            map.set_known_at(known_at);
        }
    }
    import_one(path, &maps, &prepared.inputs, work, &Screen::silent())
}

/// When the file was written, or now where that is to come; the same after a kill.
fn known_at(path: &Path, work: &Path) -> Result<Instant, CommandError> {
    let file = work.join(KNOWN_AT);
    if let Some(known) = fs::read_to_string(&file).ok().and_then(|text| Instant::parse(&text)) {
        return Ok(known);
    }
    let cannot = |source| CommandError::Read { path: path.to_owned(), source };
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(cannot)?;
    let millis = modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let written = Instant(i64::try_from(millis).unwrap_or(i64::MAX));
    let known = written.min(SystemWall::default().now());
    replace(&file, known.to_string().as_bytes())?;
    Ok(known)
}

/// A folder for its owner alone.
pub(super) fn make(folder: &Path) -> Result<(), CommandError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| CommandError::Write { path: folder.to_owned(), source })
}

/// Writes a file whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let cannot = |source| CommandError::Write { path: path.to_owned(), source };
    let mut unfinished = path.to_owned().into_os_string();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let mut file = fs::File::create(&unfinished).map_err(cannot)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(cannot)?;
    fs::rename(&unfinished, path).map_err(cannot)
}

fn is_taken(state: &Path, key: &str) -> Result<bool, CommandError> {
    let path = state.join(TAKEN);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().collect::<BTreeSet<&str>>().contains(key)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(CommandError::Read { path, source }),
    }
}

/// Notes that a file is taken. Half a line, left by a kill, is nobody's key.
pub(super) fn note(state: &Path, key: &str) -> Result<(), CommandError> {
    make(state)?;
    let path = state.join(TAKEN);
    let cannot = |source| CommandError::Write { path: path.clone(), source };
    let mut file = fs::File::options().create(true).append(true).open(&path).map_err(cannot)?;
    file.write_all(format!("\n{key}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)
}

/// The folder of a file that is done.
fn forget(work: &Path) -> Result<(), CommandError> {
    match fs::remove_dir_all(work) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CommandError::Write { path: work.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
