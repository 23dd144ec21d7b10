//! What a demo leaves in a folder: the feeds, the changes, and beside the folder the key of the tokens.
//!
//! Owns the names of these files. The key is for invented people: everybody can read it in the source.

use std::fs;
use std::path::{Path, PathBuf};

use fuma_schemas::{CodeChange, Feed};

use super::engine::DEMO_KEY;
use super::printed::grouped;
use crate::commands::CommandError;

/// The key of a folder of feeds: beside it, because in it would be a file that is no feed.
fn key_file(folder: &Path) -> PathBuf {
    match folder.file_name() {
        Some(name) => folder.with_file_name(format!("{}.key", name.to_string_lossy())),
        None => folder.join("key"),
    }
}

pub(super) fn write_feeds(folder: &Path, feeds: &[(Feed, Vec<u8>)]) -> Result<(), CommandError> {
    fs::create_dir_all(folder).map_err(|source| CommandError::Write { path: folder.to_owned(), source })?;
    feeds.iter().try_for_each(|(feed, bytes)| write(&folder.join(format!("{}.ndjson", feed.name())), bytes))?;
    write(&key_file(folder), format!("{DEMO_KEY}\n").as_bytes())
}

/// Where the feeds and the key are.
pub(super) fn said(folder: &Path, events: u64) -> String {
    let key = key_file(folder);
    format!("feeds: {} ({} records); key: {}\n", folder.display(), grouped(events), key.display())
}

/// How to have the person of a change explained.
pub(super) fn explain_line(folder: &Path, policy: &str, change: &CodeChange) -> String {
    let (feeds, key) = (folder.display(), key_file(folder));
    let key = key.display();
    format!("\nits evidence: fuma explain --policy {policy} --feeds {feeds} --key-file {key} {}\n", change.person)
}

pub(super) fn write_changes(folder: &Path, changes: &[CodeChange]) -> Result<(), CommandError> {
    let mut lines = Vec::with_capacity(changes.len() * 500);
    for change in changes {
        change.write_json(&mut lines);
        lines.push(b'\n');
    }
    write(&folder.join("changes.ndjson"), &lines)
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    fs::write(path, bytes).map_err(|source| CommandError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_lies_beside_the_feeds() {
        assert_eq!(key_file(Path::new("out/feeds/")), Path::new("out/feeds.key"));
        assert_eq!(key_file(Path::new(".")), Path::new("./key"));
    }
}
