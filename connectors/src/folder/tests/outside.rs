//! Looks from outside, at any instant: while the log is being made, and after it was made again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{FolderLog, FolderOptions, FolderOutside, FolderTail, FolderWatching};
use super::{SOON, begin, commit};
use crate::log::{Log, LogError, Reference as _, RestoreLog as _, Topic, Watching as _};

fn make(dir: &Path, value: &str) {
    let log = FolderLog::open(&FolderOptions::new(dir, 2, 1)).unwrap();
    let mut worker = log.worker(0).unwrap();
    begin(&mut *worker);
    commit(&mut *worker, &[0, 1], 1, value).unwrap();
}

/// Everybody who looks from outside, in turn.
fn look(dir: &Path) -> Result<(), LogError> {
    for all in [true, false] {
        FolderTail::open(dir, all)?.poll(Duration::ZERO)?;
    }
    let mut watching = FolderWatching::open(dir)?;
    watching.positions()?;
    for bounds in watching.bounds()?.into_iter().flatten() {
        assert!(bounds.start <= bounds.end, "{bounds:?}");
    }
    watching.appended_at(0, 0)?;
    for topic in [Topic::Status, Topic::Regions, Topic::Policies, Topic::Decisions] {
        watching.read(topic)?;
    }
    watching.read_since(Topic::Audit, fuma_schemas::Instant(0), &mut |_| true)?;
    let mut outside = FolderOutside::open(dir)?;
    outside.position(1)?;
    let bounds = outside.evidence_bounds(1)?;
    outside.read_evidence(1, bounds, &mut |_| true)?;
    outside.read_output(1, 0, &mut |_| true)?;
    outside.poll(Duration::ZERO, &mut |_, _| {})?;
    outside.end(Topic::Regions)?;
    Ok(())
}

/// What is in a folder, folders before what is in them.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let inside = |path: PathBuf| if path.is_dir() { [vec![path.clone()], all(&path)].concat() } else { vec![path] };
    entries.into_iter().flat_map(inside).collect()
}

/// A log is many files, and who looks may find any number of them: that is a log in which nothing stands yet, or no log
/// yet, and never a damaged one. Whatever the order in which they are made.
#[test]
fn a_log_that_is_being_made_is_not_damaged() {
    let whole = tempfile::tempdir().unwrap();
    make(whole.path(), "a");
    let (mut paths, mut looked) = (all(whole.path()), 0);
    for _ in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        for path in &paths {
            let to = dir.path().join(path.strip_prefix(whole.path()).unwrap());
            if path.is_dir() {
                fs::create_dir_all(&to).unwrap();
            } else {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                if to.extension().is_some_and(|extension| extension == "log") {
                    fs::write(&to, "").unwrap();
                    expect(look(dir.path()), &to);
                }
                fs::copy(path, &to).unwrap();
            }
            expect(look(dir.path()), &to);
            looked += 1;
        }
        paths.reverse();
    }
    assert!(looked > 40, "{looked}");
}

fn expect(looked: Result<(), LogError>, made: &Path) {
    if let Err(error) = looked {
        assert!(error.to_string().contains("no log here"), "after {}: {error}", made.display());
    }
}

/// Whoever follows a log that was removed and made again would wait for ever at the end of a file that has no name.
#[test]
fn who_follows_a_log_that_is_made_again_is_told() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), "a");
    let mut tail = FolderTail::open(dir.path(), false).unwrap();
    assert_eq!(tail.poll(Duration::ZERO).unwrap(), None);
    fs::rename(dir.path().join("log"), dir.path().join("old")).unwrap();
    make(dir.path(), "b");
    let told = tail.poll(SOON).unwrap_err().to_string();
    assert!(told.contains("start this command again"), "{told}");
    let mut again = FolderTail::open(dir.path(), true).unwrap();
    assert_eq!(again.poll(SOON).unwrap().map(|change| change.value), Some("b".into()));
}
