//! `fuma policy export`: a pack of this binary as a folder, to begin one's own from.
//!
//! Owns the writing. Must never write over what is there.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::{UNUSABLE, refuse};
use crate::policy::near::did_you_mean;
use crate::policy::{PackError, PackSource};

/// Writes the files of a pack.
pub(super) fn export(out: &mut dyn Write, id: &str, folder: &Path) -> io::Result<ExitCode> {
    let Some(source) = PackSource::built_in(id) else {
        let ids = PackSource::built_in_ids();
        let hint = did_you_mean(id, ids.iter().map(String::as_str));
        let reason = format!("no pack of this binary; they are {}{hint}", ids.join(", "));
        return refuse(out, id, &PackError::of(id, reason));
    };
    if let Err(reason) = write(&source, folder) {
        writeln!(out, "{}: {reason}", folder.display())?;
        return Ok(ExitCode::from(UNUSABLE));
    }
    writeln!(
        out,
        "{}: {} files of {id}. Give the pack an id of its own in policy.toml, then: fuma policy check {}",
        folder.display(),
        source.files.len(),
        folder.display()
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn write(source: &PackSource, folder: &Path) -> Result<(), String> {
    let is_taken = folder.exists() && folder.read_dir().map_or(true, |mut entries| entries.next().is_some());
    if is_taken {
        return Err("is there already and is not empty: give a new folder".to_string());
    }
    for (path, contents) in &source.files {
        let file = folder.join(path);
        let parent = file.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&file, contents))
            .map_err(|error| format!("cannot write {path}: {error}"))?;
    }
    Ok(())
}
