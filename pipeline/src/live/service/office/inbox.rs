//! What commands leave in a state folder: its log is written by one process alone, so a command that finds it taken
//! leaves a file, and that process writes it.
//!
//! ```text
//! DIR/inbox/<name>.pack    a record of the log of packs
//! DIR/inbox/<name>.json    a record of the log of decisions
//! ```
//!
//! They are taken in the order of their names. What is no such record is put aside as `<name>.refused`, and said:
//! nobody is to think that it was heard. Owns the files. Must never write what it does not know: no start would go on
//! after it.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fuma_connectors::log::{Log, Outgoing, Topic};

use crate::live::decisions::{DecisionError, DecisionLog, RECORD_BYTES_MAX, Record};
use crate::live::packs;

const FOLDER: &str = "inbox";
/// The most that is taken at a time.
const FILES_MAX: usize = 100;
/// The longest record of the log of packs.
const PACK_BYTES_MAX: u64 = 4 << 20;

/// What is left.
#[derive(Clone, Debug)]
pub enum Left {
    /// A record of the log of packs.
    Pack(Bytes),
    /// A record of the log of decisions.
    Decision(Bytes),
}

/// Leaves a record; `order` is greater for what is to be taken later.
///
/// # Errors
/// When it cannot be written.
pub fn leave(state: &Path, order: u128, left: &Left) -> io::Result<()> {
    let folder = state.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let (ending, bytes) = match left {
        Left::Pack(bytes) => ("pack", bytes),
        Left::Decision(bytes) => ("json", bytes),
    };
    let name = format!("{order:030}-{}.{ending}", std::process::id());
    let unfinished = folder.join(format!(".{name}"));
    std::fs::write(&unfinished, bytes)?;
    std::fs::rename(unfinished, folder.join(name))
}

/// Takes what is there into the logs.
///
/// # Errors
/// When a log does not take it; it stays, and is tried again.
pub(super) fn take(state: &Path, log: &dyn Log, decisions: &DecisionLog) -> Result<(), DecisionError> {
    let Ok(entries) = std::fs::read_dir(state.join(FOLDER)) else { return Ok(()) };
    let is_left = |path: &PathBuf| {
        let ending = path.extension().is_some_and(|ending| ending == "pack" || ending == "json");
        ending && path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'))
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_left).collect();
    paths.sort();
    for path in paths.into_iter().take(FILES_MAX) {
        match read(&path) {
            Some(Left::Pack(value)) => {
                let mut appender = log.appender("office")?;
                appender.append(Topic::Policies, Outgoing { value, ..Outgoing::default() })?;
                appender.flush()?;
            }
            Some(Left::Decision(value)) => match Record::read(&value) {
                Ok(record) => decisions.write(&record)?,
                Err(_) => continue,
            },
            None => {
                let aside = path.with_extension("refused");
                tracing::warn!(path = %aside.display(), "what was left here is no record that this build writes");
                if let Err(error) = std::fs::rename(&path, &aside) {
                    tracing::warn!(path = %path.display(), %error, "cannot be put aside");
                }
                continue;
            }
        }
        // A record that is written twice says nothing the second time.
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "what was taken cannot be removed");
        }
    }
    Ok(())
}

/// A record that this build knows, of those that commands leave.
fn read(path: &Path) -> Option<Left> {
    let is_pack = path.extension().is_some_and(|ending| ending == "pack");
    let bytes_max = if is_pack { PACK_BYTES_MAX } else { RECORD_BYTES_MAX as u64 };
    if path.metadata().ok()?.len() > bytes_max {
        return None;
    }
    let bytes = Bytes::from(std::fs::read(path).ok()?);
    if is_pack {
        let digest = packs::digest_of(&bytes)?;
        packs::source([&bytes], &digest).ok()?;
        return Some(Left::Pack(bytes));
    }
    match Record::read(&bytes).ok()? {
        Record::Proposed(_) | Record::Approved(_) | Record::Withdrawn(_) | Record::Held(_) => {
            Some(Left::Decision(bytes))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use fuma_connectors::folder::{FolderLog, FolderOptions};

    use super::*;
    use crate::live::decisions::basis::{Bootstrap, Held, PackName};
    use crate::policy::PackSource;

    #[test]
    fn what_is_left_is_taken_once_in_order_and_what_is_no_record_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let log = FolderLog::open(&FolderOptions::new(state, 1, 1)).unwrap();
        let decisions = DecisionLog::open(&log).unwrap();
        let source = PackSource::built_in("national-2020").unwrap();
        let held = |reason: &str| Record::Held(Held::new("", reason, 5)).to_bytes().unwrap();
        leave(state, 2, &Left::Decision(held("second"))).unwrap();
        leave(state, 1, &Left::Decision(held("first"))).unwrap();
        leave(state, 0, &Left::Pack(packs::record(&source).unwrap())).unwrap();
        // Another type of record is not a command's to leave, and garbage would stop every later start.
        let own = Bootstrap { number: 1, pack: PackName::default(), at: 0 };
        leave(state, 3, &Left::Decision(Record::Bootstrap(own).to_bytes().unwrap())).unwrap();
        leave(state, 4, &Left::Decision(Bytes::from_static(b"{}"))).unwrap();
        leave(state, 5, &Left::Pack(Bytes::from_static(b"{}"))).unwrap();
        take(state, &log, &decisions).unwrap();
        take(state, &log, &decisions).unwrap();
        let reasons: Vec<String> = decisions.fold().basis().holds().map(|hold| hold.held.reason.clone()).collect();
        assert_eq!(reasons, ["first", "second"]);
        assert_eq!(log.bounds(Topic::Policies, 0).unwrap(), 0..1);
        assert_eq!(log.bounds(Topic::Decisions, 0).unwrap(), 0..2);
        let names = std::fs::read_dir(state.join(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
        let aside: Vec<PathBuf> = names.collect();
        assert_eq!(aside.len(), 3, "{aside:?}");
        assert!(aside.iter().all(|path| path.extension().is_some_and(|ending| ending == "refused")));
    }
}
