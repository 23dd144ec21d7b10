//! One file by some maps into a folder, for who takes files from folders.
//!
//! Owns what such a one needs to know of a file. Must never say that a file is done which was only begun.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::fingerprint;
use super::journal::{Journal, key_of};
use super::output::Folder;
use super::summary::Summary;
use super::unit::{self, Inputs, Unit};
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::tables::{Counts, Journeys, Map};

/// What came of a file.
pub(crate) struct One {
    /// What came of its rows.
    pub(crate) counts: Counts,
    /// Tables of it that are refused: map, entry, code, message.
    pub(crate) refused: Vec<(String, Option<String>, String, String)>,
    /// The files of feeds in the folder.
    pub(crate) feeds: Vec<PathBuf>,
}

/// Imports a file; after a kill the same call goes on from there.
pub(crate) fn import_one(
    file: &Path,
    maps: &[(Map, Option<Arc<Journeys>>)],
    inputs: &Inputs,
    target: &Path,
    screen: &Screen,
) -> Result<One, CommandError> {
    let mut folder = Folder::open(target)?;
    let mut journal = Journal::open(target, &mut folder)?;
    let (mut summary, stop) = (Summary::default(), AtomicBool::new(false));
    for (map, journeys) in maps {
        let unit = Unit { path: file, map, inputs, options: map.options(), journeys: journeys.clone(), stop: &stop };
        unit::run(&unit, &mut folder, &mut journal, &mut summary, screen)?;
    }
    Ok(One { counts: summary.total, refused: summary.refused_tables, feeds: folder.feeds()? })
}

/// What a file is known by: its bytes, the maps, the owner, the key and the timetables, but not when it became known.
pub(crate) fn fingerprint_of(
    file: &Path,
    maps: &[(Map, Option<Arc<Journeys>>)],
    inputs: &Inputs,
) -> Result<String, CommandError> {
    let key = fingerprint(&inputs.key);
    let mut besides = vec![key.as_str()];
    for (map, journeys) in maps {
        besides.extend([map.text.as_str(), map.owner.as_deref().unwrap_or_default()]);
        besides.extend(journeys.as_ref().map(|journeys| journeys.digest()));
    }
    key_of(file, &besides).map_err(|source| CommandError::Read { path: file.to_owned(), source })
}
