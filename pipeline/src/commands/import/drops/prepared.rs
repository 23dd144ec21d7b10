//! What an import needs: its maps, timetable and region codes, read once at the start.
//!
//! Owns what is refused before anything begins.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::table::{Inputs, Timetables, owned_map, read_places};
use crate::commands::CommandError;
use crate::config::ImportConfig;
use crate::intake::Key;
use crate::tables::{Journeys, Map};

/// An import that is ready.
pub(crate) struct Prepared {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) settle: Duration,
    pub(super) maps: Vec<(Map, Option<Arc<Journeys>>)>,
    pub(super) inputs: Inputs,
    /// Where its own files are.
    pub(super) state: PathBuf,
}

impl Prepared {
    /// Reads what is named.
    ///
    /// # Errors
    /// When something is not there, or cannot be used.
    pub(crate) fn read(name: &str, import: &ImportConfig, key: &Key, state: PathBuf) -> Result<Prepared, CommandError> {
        let folder = PathBuf::from(&import.folder);
        if !folder.is_dir() {
            let why = if folder.exists() { "is not a folder" } else { "does not exist" };
            return Err(CommandError::Input(format!("{} {why}", folder.display())));
        }
        let mut timetables = Timetables::default();
        let mut maps = Vec::with_capacity(import.maps.len());
        for path in import.maps.iter().map(Path::new) {
            let map = owned_map(path, import.owner.as_deref())?;
            let journeys = timetables.of(&map, path, import.timetable.as_deref())?;
            if map.needs_places() && import.codes.is_none() {
                return Err(CommandError::Input(format!(
                    "the map {} has regions by name: give the table of codes with codes = \"...\" (CSV: code, name)",
                    map.name
                )));
            }
            maps.push((map, journeys));
        }
        let places = import.codes.as_deref().map(|codes| read_places(codes, None)).transpose()?;
        let inputs = Inputs { key: key.clone(), places };
        Ok(Prepared { name: name.to_owned(), folder, settle: import.settle, maps, inputs, state })
    }
}
