//! The timetables that maps ask: from --timetable, or from where the map says, each read once.
//!
//! Owns where they are looked for. Must never let a map that needs one begin without it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuma_connectors::timetables::Timetable;

use crate::commands::CommandError;
use crate::tables::{Journeys, Map};

/// Timetables that were read.
#[derive(Default)]
pub(crate) struct Timetables {
    read: BTreeMap<PathBuf, Arc<Journeys>>,
}

impl Timetables {
    /// The timetable of a map; `given` goes before what the map names, which lies beside the map.
    ///
    /// # Errors
    /// When the map needs one and there is none, or it cannot be read.
    pub(crate) fn of(
        &mut self,
        map: &Map,
        map_path: &Path,
        given: Option<&Path>,
    ) -> Result<Option<Arc<Journeys>>, CommandError> {
        if !map.needs_timetable() {
            return Ok(None);
        }
        let beside = |file: &Path| map_path.parent().unwrap_or(Path::new("")).join(file);
        let Some(path) = given.map(Path::to_owned).or_else(|| map.timetable().map(beside)) else {
            return Err(CommandError::Input(format!(
                "{}: the map asks a timetable: give --timetable FILE, which `fuma import timetable` makes, or write \
                 file = \"...\" under [timetable] of the map",
                map_path.display()
            )));
        };
        if let Some(journeys) = self.read.get(&path) {
            return Ok(Some(Arc::clone(journeys)));
        }
        let file = File::open(&path).map_err(|source| CommandError::Read { path: path.clone(), source })?;
        let timetable = Timetable::read(file);
        let timetable = timetable.map_err(|error| CommandError::Input(format!("{}: {error}", path.display())))?;
        let journeys = Journeys::new(timetable);
        self.read.insert(path, Arc::clone(&journeys));
        Ok(Some(journeys))
    }
}
