//! Words that wait in a state folder: its log is written by one process alone, so an operator leaves a file for it.
//!
//! Owns the files. One that is not a word stays, and is named: nobody is to think that it was heard.

use std::io;
use std::path::Path;

use crate::live::decisions::Accepted;

const FOLDER: &str = "words";
/// A word is short; what is longer is none.
const BYTES_MAX: u64 = 4_096;

/// Leaves a word for the process that has the folder.
///
/// # Errors
/// When it cannot be written.
pub fn write_word(state: &Path, word: &Accepted) -> io::Result<()> {
    let folder = state.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let name = format!("{}-{}-{}.json", word.reason, word.partition, word.digest);
    let unfinished = folder.join(format!(".{name}"));
    std::fs::write(&unfinished, serde_json::to_vec(word)?)?;
    std::fs::rename(unfinished, folder.join(name))
}

/// Hands the words out that wait; one that was heard goes.
pub fn take_words(state: &Path, heard: &mut dyn FnMut(Accepted) -> bool) {
    let Ok(entries) = std::fs::read_dir(state.join(FOLDER)) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_word = path.extension().is_some_and(|extension| extension == "json");
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_word || is_hidden || path.metadata().is_ok_and(|found| found.len() > BYTES_MAX) {
            continue;
        }
        let word = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Accepted>(&bytes).ok());
        let is_done = word.is_some_and(&mut *heard);
        if is_done && let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a word that was heard cannot be removed");
        }
    }
}
