//! The state folder: made, and tried, before anything starts.
//!
//! Owns its mode: it holds tokens and colours. A folder that cannot be written ends the process here, not in a stage
//! that tries again and again.

use std::fs;
use std::io;
use std::path::Path;

use crate::commands::CommandError;

/// Makes the folder for its owner alone, and tries to write in it and in what it holds.
pub(super) fn make(path: &Path) -> Result<(), CommandError> {
    let failed = |path: &Path, source: io::Error| CommandError::Write { path: path.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| failed(path, source))?;
    let entries = fs::read_dir(path).map_err(|source| failed(path, source))?;
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|entry| entry.is_dir());
    for folder in std::iter::once(path.to_owned()).chain(folders) {
        probe(&folder).map_err(|source| failed(&folder, source))?;
    }
    Ok(())
}

/// Writes a file and takes it away again. Its name is of this process: another one may do the same.
fn probe(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".probe-{}", std::process::id()));
    fs::write(&file, b"")?;
    fs::remove_file(&file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_is_made_and_nothing_stays_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        make(&state).unwrap();
        fs::create_dir(state.join("log")).unwrap();
        make(&state).unwrap();
        let left: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["log"]);
    }

    /// Also for root, who may write wherever a file can be at all.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_at_once() {
        let error = make(Path::new("/proc/self")).unwrap_err().to_string();
        assert!(error.starts_with("/proc/self: cannot be written"), "{error}");
    }
}
