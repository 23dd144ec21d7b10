//! A file that is replaced as a whole: what stood there stays until all of the new one is on the disk.
//!
//! Owns the unfinished file beside it. Must never leave half of an output under its name.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::commands::CommandError;

/// A file that is written and not yet in its place.
pub(super) struct Unfinished<'a> {
    path: &'a Path,
    /// Where it lies; none where the place is no regular file (a pipe, a device) and was written at once.
    beside: Option<PathBuf>,
}

/// Writes the bytes beside the place where they belong.
pub(super) fn write<'a>(path: &'a Path, bytes: &[u8]) -> Result<Unfinished<'a>, CommandError> {
    let cannot = |source| CommandError::Write { path: path.to_owned(), source };
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if is_special {
        File::options().write(true).open(path).and_then(|mut file| file.write_all(bytes)).map_err(cannot)?;
        return Ok(Unfinished { path, beside: None });
    }
    // Beside the file that a link leads to, so that the link stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = target.into_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let unfinished = Unfinished { path, beside: Some(PathBuf::from(name)) };
    unfinished.fill(bytes).map_err(cannot)?;
    Ok(unfinished)
}

impl Unfinished<'_> {
    fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(beside) = &self.beside else { return Ok(()) };
        let mut file = File::create(beside)?;
        file.write_all(bytes)?;
        if let Ok(before) = fs::metadata(self.path) {
            file.set_permissions(before.permissions())?;
        }
        file.sync_all()
    }

    /// Puts it in its place.
    pub(super) fn finish(mut self) -> Result<(), CommandError> {
        let Some(beside) = self.beside.take() else { return Ok(()) };
        let target = fs::canonicalize(self.path).unwrap_or_else(|_| self.path.to_owned());
        fs::rename(&beside, &target).map_err(|source| {
            drop(fs::remove_file(&beside));
            CommandError::Write { path: self.path.to_owned(), source }
        })
    }
}

impl Drop for Unfinished<'_> {
    /// What does not come to its place is taken away.
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            drop(fs::remove_file(beside));
        }
    }
}
