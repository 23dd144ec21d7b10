//! What came of a file, for the one who dropped it: NAME.report.json, and the rejects row by row beside it.
//!
//! Owns its form, and names that are not taken yet. Must never hold a cell.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::table::One;
use super::prepared::Prepared;
use super::taking::{Outcome, replace};
use crate::commands::CommandError;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::tables::Counts;

/// The name of the report that is not published yet.
const KEPT: &str = "report.json";

/// A report.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    import: String,
    file: String,
    pub(super) outcome: String,
    /// By which it is known when it comes again.
    digest: String,
    taken_at: String,
    maps: Vec<String>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// Tables of which nothing is written.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    refused: Vec<RefusedTable>,
}

#[derive(Serialize, Deserialize)]
struct RefusedTable {
    map: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    entry: Option<String>,
    code: String,
    message: String,
}

impl Report {
    pub(super) fn new(prepared: &Prepared, path: &Path, key: &str, outcome: Outcome, one: Option<&One>) -> Report {
        let refused = one.map(|one| one.refused.as_slice()).unwrap_or_default().iter().cloned();
        Report {
            import: prepared.name.clone(),
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            outcome: outcome.name().to_owned(),
            digest: key.to_owned(),
            taken_at: SystemWall::default().now().to_string(),
            maps: prepared.maps.iter().map(|(map, _)| map.name.clone()).collect(),
            counts: one.map(|one| one.counts.clone()).unwrap_or_default(),
            refused: refused.map(|(map, entry, code, message)| RefusedTable { map, entry, code, message }).collect(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        // Texts and numbers: nothing that JSON could not say.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Keeps a report until it is published.
pub(super) fn keep(report: &Report, work: &Path) -> Result<(), CommandError> {
    replace(&work.join(KEPT), &report.bytes())
}

/// The report that was kept.
pub(super) fn read(work: &Path) -> Result<Option<Report>, CommandError> {
    let path = work.join(KEPT);
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CommandError::Read { path, source }),
    }
}

/// Writes the report and the rejects into a folder, and then moves the file there.
pub(super) fn publish(report: &Report, work: &Path, file: &Path, folder: &Path) -> Result<(), CommandError> {
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |source| CommandError::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(cannot(folder))?;
    let target = free(folder, file, &report.digest);
    let beside = |end: &str| {
        let mut name = target.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    let lists = fs::read_dir(work).map(|entries| entries.filter_map(Result::ok).collect()).unwrap_or_default();
    let lists: Vec<fs::DirEntry> = lists;
    for list in lists {
        let name = list.file_name().to_string_lossy().into_owned();
        if name.ends_with(".ndjson") && (name.starts_with("rejects-") || name.starts_with("review-")) {
            let bytes = fs::read(list.path()).map_err(cannot(&list.path()))?;
            replace(&beside(&format!(".{name}")), &bytes)?;
        }
    }
    replace(&beside(".report.json"), &report.bytes())?;
    fs::rename(file, &target).map_err(cannot(&target))
}

/// The name of the file there; with a part of its digest, and then a number, where another one has it.
fn free(folder: &Path, file: &Path, digest: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, end) =
        name.rsplit_once('.').map_or((name.as_str(), String::new()), |(stem, end)| (stem, format!(".{end}")));
    let part = digest.get(..8).unwrap_or(digest);
    let first = folder.join(&name);
    let others = (1..).map(|number| match number {
        1 => folder.join(format!("{stem}-{part}{end}")),
        number => folder.join(format!("{stem}-{part}-{number}{end}")),
    });
    std::iter::once(first).chain(others).find(|path| !path.exists()).unwrap_or_else(|| folder.join(part))
}
