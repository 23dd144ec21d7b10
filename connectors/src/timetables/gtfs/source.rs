//! The files of GTFS, in a folder or in a zip, whatever folder of the zip they are in: rows of named columns.
//!
//! Owns the columns that must be there, and the bounds. Must never write what it unpacks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::timetables::TimetableError;

/// The most bytes of a file.
const FILE_BYTES_MAX: u64 = 16 << 30;
/// The most files in a zip.
const ENTRIES_MAX: usize = 10_000;

/// Where the files are.
pub(in crate::timetables) enum Source {
    Folder(PathBuf),
    /// The archive, and its entries by the last part of their names.
    Zip(Box<ZipArchive<File>>, BTreeMap<String, Vec<usize>>),
}

/// A row: the cells of the columns that were asked for, in their order.
pub(super) struct Cells<'r> {
    record: &'r csv::StringRecord,
    places: &'r [Option<usize>],
    /// The line, from 1.
    pub(super) row: u64,
}

impl<'r> Cells<'r> {
    /// A cell; empty where there is no such column.
    pub(super) fn get(&self, column: usize) -> &'r str {
        let place = self.places.get(column).copied().flatten();
        place.and_then(|place| self.record.get(place)).map(str::trim).unwrap_or_default()
    }
}

/// Who takes rows.
pub(super) type Take<'t> = dyn FnMut(&Cells<'_>) -> Result<(), TimetableError> + 't;

impl Source {
    /// Files in a folder.
    pub(in crate::timetables) fn folder(path: &Path) -> Source {
        Source::Folder(path.to_owned())
    }

    /// Files in a zip.
    ///
    /// # Errors
    /// When it is damaged.
    pub(in crate::timetables) fn zip(path: &Path) -> Result<Source, TimetableError> {
        let file = File::open(path).map_err(TimetableError::Read)?;
        let archive = ZipArchive::new(file).map_err(damaged)?;
        if archive.len() > ENTRIES_MAX {
            return Err(TimetableError::Beyond(format!("more than {ENTRIES_MAX} files in a zip")));
        }
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for at in 0..archive.len() {
            let name = archive.name_for_index(at).unwrap_or_default();
            if let Some(last) = name.rsplit('/').next().filter(|last| last.ends_with(".txt"))
                && !name.starts_with("__MACOSX/")
            {
                names.entry(last.to_owned()).or_default().push(at);
            }
        }
        Ok(Source::Zip(Box::new(archive), names))
    }

    /// Hands over the rows of a file; false where there is no such file.
    ///
    /// # Errors
    /// When a needed column is not there, the file is damaged, or the taker wants no more.
    pub(super) fn rows(
        &mut self,
        name: &str,
        columns: &[&str],
        needed: usize,
        take: &mut Take<'_>,
    ) -> Result<bool, TimetableError> {
        match self {
            Source::Folder(folder) => {
                let path = folder.join(name);
                if !path.is_file() {
                    return Ok(false);
                }
                rows_of(File::open(path).map_err(TimetableError::Read)?, name, columns, needed, take)?;
            }
            Source::Zip(archive, names) => {
                let Some(places) = names.get(name) else { return Ok(false) };
                let [place] = places.as_slice() else {
                    let count = places.len();
                    let why = format!("{name} is there {count} times: give each timetable by itself");
                    return Err(TimetableError::NotATimetable(why));
                };
                rows_of(archive.by_index(*place).map_err(damaged)?, name, columns, needed, take)?;
            }
        }
        Ok(true)
    }

    /// The same of a file that must be there.
    ///
    /// # Errors
    /// As `rows`, and when it is not there.
    pub(super) fn needed_rows(
        &mut self,
        name: &str,
        columns: &[&str],
        needed: usize,
        take: &mut Take<'_>,
    ) -> Result<(), TimetableError> {
        match self.rows(name, columns, needed, take)? {
            true => Ok(()),
            false => Err(TimetableError::MissingFile(format!(
                "there is no {name}. GTFS has agency.txt, routes.txt, trips.txt, stops.txt, stop_times.txt, and \
                 calendar.txt or calendar_dates.txt"
            ))),
        }
    }
}

fn damaged(error: zip::result::ZipError) -> TimetableError {
    TimetableError::Damaged(error.to_string())
}

/// The first `needed` columns must be there.
fn rows_of(
    file: impl Read,
    name: &str,
    columns: &[&str],
    needed: usize,
    take: &mut Take<'_>,
) -> Result<(), TimetableError> {
    let damaged = |error: csv::Error| {
        let line = error.position().map(|position| format!(", line {}", position.line())).unwrap_or_default();
        let what = match error.kind() {
            csv::ErrorKind::Utf8 { .. } => "it is not UTF-8, which GTFS is".to_owned(),
            csv::ErrorKind::Io(error) => error.to_string(),
            _ => "its rows cannot be divided into cells".to_owned(),
        };
        TimetableError::Damaged(format!("{name}{line}: {what}"))
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.take(FILE_BYTES_MAX));
    let headers = reader.headers().map_err(damaged)?.clone();
    let heading = |at: usize| headers.get(at).unwrap_or_default().trim_start_matches('\u{feff}').trim();
    let place = |column: &&str| (0..headers.len()).find(|at| heading(*at) == *column);
    let places: Vec<Option<usize>> = columns.iter().map(place).collect();
    if let Some((column, _)) = columns.iter().zip(&places).take(needed).find(|(_, place)| place.is_none()) {
        return Err(TimetableError::MissingColumn(format!("{name} has no column {column}")));
    }
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(damaged)? {
        let row = record.position().map_or(0, csv::Position::line);
        take(&Cells { record: &record, places: &places, row })?;
    }
    Ok(())
}
