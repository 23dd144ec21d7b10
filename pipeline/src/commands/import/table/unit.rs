//! One file by one map: its rows to records and rejects, all or nothing, and on from where a kill has stopped it.
//!
//! Owns the order of what is written: lines, then the journal that says so. Must never let a table that ends early, or
//! that lacks a column, leave a line.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fuma_connectors::regions::Places;
use fuma_connectors::tables::{self, About, Next, Options, Row, Sink, TableError};
use serde::Serialize;

use super::bar::{Bar, now};
use super::fingerprint;
use super::journal::{Begun, Imported, Journal, RefusedTable, key_of};
use super::output::{Folder, Lengths};
use super::summary::Summary;
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::intake::{Decoder, Key, Settings};
use crate::tables::{Counts, Importer, Journeys, Maker, Map, Out, Regions, Rejected};

/// The journal is written this often.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// The clock, and whether somebody wants it to stop, are looked at after so many rows.
const LOOK_EVERY: u64 = 1024;
/// The same of rows that are passed over.
const PASS_EVERY: u64 = 1 << 16;
/// The list of region names for people.
const REVIEW: &str = "review-regions.ndjson";

/// What records depend on besides the map and the file.
pub(crate) struct Inputs {
    pub(crate) key: Key,
    pub(crate) places: Option<Arc<Places>>,
}

/// A file and a map.
pub(super) struct Unit<'u> {
    pub(super) path: &'u Path,
    pub(super) map: &'u Map,
    pub(super) inputs: &'u Inputs,
    pub(super) options: Options,
    pub(super) journeys: Option<Arc<Journeys>>,
    pub(super) stop: &'u AtomicBool,
}

/// Imports it.
pub(super) fn run(
    unit: &Unit<'_>,
    folder: &mut Folder,
    journal: &mut Journal,
    summary: &mut Summary,
    screen: &Screen,
) -> Result<(), CommandError> {
    let name = unit.path.display().to_string();
    let owner = unit.map.owner.as_deref().unwrap_or_default();
    let known_at = unit.map.known_at().unwrap_or_default();
    let (sheet, entry) = (unit.options.sheet.as_deref(), unit.options.entry.as_deref());
    let fingerprint = fingerprint(&unit.inputs.key);
    let mut besides = vec![
        unit.map.text.as_str(),
        owner,
        &known_at,
        &fingerprint,
        sheet.unwrap_or_default(),
        entry.unwrap_or_default(),
    ];
    besides.extend(unit.journeys.as_ref().map(|journeys| journeys.digest()));
    let cannot = |source| CommandError::Read { path: unit.path.to_owned(), source };
    let key = key_of(unit.path, &besides).map_err(cannot)?;
    if let Some(imported) = journal.imported(&key) {
        summary.repeated(&name, &unit.map.name, imported);
        return Ok(());
    }
    let length = std::fs::metadata(unit.path).map_err(cannot)?.len();
    let begun = journal.begin(&key, folder)?;
    let settings = Arc::new(Settings::new(unit.inputs.key.clone()));
    let regions = Regions::new(unit.inputs.places.clone());
    let maker = Maker::new(unit.inputs.key.clone(), Decoder::new(settings), owner, regions)
        .with_journeys(unit.journeys.clone());
    let file = unit.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut reading = Reading {
        unit,
        maker,
        importer: None,
        table_began: Lengths::new(),
        total: begun.total.clone(),
        refused: begun.refused.clone(),
        begun,
        table: 0,
        row: 0,
        rows: 0,
        passed: 0,
        about: Vec::new(),
        place: Place { file, entry: None, sheet: None },
        folder,
        journal,
        bar: Bar::new(screen, &name),
        length,
        noted: now(),
        is_stopped: false,
        failed: None,
    };
    let outcome = tables::read(unit.path, &unit.options, &mut reading);
    reading.finish(&name, &key, outcome, summary)
}

/// Where a row is.
struct Place {
    file: String,
    entry: Option<String>,
    sheet: Option<String>,
}

/// A file under way.
struct Reading<'r, 'u> {
    unit: &'r Unit<'u>,
    maker: Maker,
    importer: Option<Importer<'u>>,
    /// The lengths of the parts when the table at hand began.
    table_began: Lengths,
    total: Counts,
    refused: Vec<RefusedTable>,
    /// From where it goes on.
    begun: Begun,
    /// The number of the table at hand.
    table: u64,
    /// The last row of it.
    row: u64,
    /// Rows since this start: those that are made, and those that were made before.
    rows: u64,
    passed: u64,
    /// What was read, in words.
    about: Vec<String>,
    place: Place,
    folder: &'r mut Folder,
    journal: &'r mut Journal,
    bar: Bar,
    length: u64,
    noted: Instant,
    is_stopped: bool,
    failed: Option<CommandError>,
}

impl Sink for Reading<'_, '_> {
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError> {
        if self.is_stopped {
            return Ok(false);
        }
        self.table += 1;
        if self.table <= self.begun.tables {
            return Ok(false);
        }
        self.place.entry = about.entry.map(str::to_owned);
        self.place.sheet = about.sheet.map(str::to_owned);
        self.about.push(super::summary::about(about));
        let goes_on = self.table == self.begun.tables + 1 && self.begun.row > 0;
        self.table_began = if goes_on { self.begun.table_began.clone() } else { self.folder.lengths() };
        self.row = 0;
        self.importer = None;
        let mut importer = Importer::begin(self.unit.map, about)?;
        if goes_on {
            importer.go_on(self.begun.row, self.begun.counts.clone());
        }
        self.importer = Some(importer);
        Ok(true)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        let Some(importer) = &mut self.importer else { return Ok(Next::Stop) };
        let map = self.unit.map;
        let mut lines = Lines { map, place: &self.place, folder: self.folder, failed: &mut self.failed };
        let next = importer.row(row, &mut self.maker, &mut lines)?;
        self.row = row.number;
        let is_made_before = self.table == self.begun.tables + 1 && row.number <= self.begun.row;
        if is_made_before {
            // The journal knows a later row than this: it is left as it is.
            self.passed += 1;
            let is_stopped = self.passed.is_multiple_of(PASS_EVERY) && self.unit.stop.load(Ordering::Relaxed);
            self.is_stopped |= is_stopped;
            return Ok(if is_stopped { Next::Stop } else { next });
        }
        self.rows += 1;
        if self.failed.is_some() {
            return Err(TableError::Sink("the output cannot be written".into()));
        }
        if self.rows.is_multiple_of(LOOK_EVERY) {
            return self.look(next);
        }
        Ok(next)
    }

    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError> {
        if self.is_stopped {
            return Ok(());
        }
        let importer = self.importer.take();
        let outcome = outcome.and_then(|()| importer.as_ref().map_or(Ok(()), Importer::finish));
        let written = match (outcome, importer) {
            (Err(error @ TableError::Sink(_)), _) => return Err(error),
            (Err(error), _) => {
                let (entry, code) = (self.place.entry.clone(), error.code().to_owned());
                self.refused.push(RefusedTable { entry, code, message: error.to_string() });
                self.maker.regions.take_review();
                self.folder.cut_parts(&self.table_began.clone())
            }
            (Ok(()), importer) => {
                self.total.add(&importer.map(|importer| importer.counts).unwrap_or_default());
                self.write_review()
            }
        };
        self.keep(written)
    }

    fn progress(&mut self, done: u64, of: Option<u64>) {
        self.bar.show(done, of.unwrap_or(self.length), self.rows);
    }

    fn passed_over(&mut self, entry: &str) {
        self.about.push(format!("{entry}: not asked for"));
    }
}

impl Reading<'_, '_> {
    /// Writes the journal where it is time, and stops where somebody wants it.
    fn look(&mut self, next: Next) -> Result<Next, TableError> {
        let is_stopped = self.unit.stop.load(Ordering::Relaxed);
        if !is_stopped && self.noted.elapsed() < NOTE_EVERY {
            return Ok(next);
        }
        let noted = self.note();
        self.keep(noted)?;
        self.noted = now();
        self.is_stopped = is_stopped;
        Ok(if is_stopped { Next::Stop } else { next })
    }

    fn note(&mut self) -> Result<(), CommandError> {
        // A kill between these two writes costs the work since the last journal.
        self.write_review()?;
        let lengths = self.folder.sync()?;
        self.journal.note(Begun {
            key: self.begun.key.clone(),
            tables: self.table - 1,
            row: self.row,
            lengths,
            table_began: self.table_began.clone(),
            total: self.total.clone(),
            counts: self.importer.as_ref().map(|importer| importer.counts.clone()).unwrap_or_default(),
            refused: self.refused.clone(),
        })
    }

    fn write_review(&mut self) -> Result<(), CommandError> {
        for name in self.maker.regions.take_review() {
            let line = ReviewLine {
                file: &self.place.file,
                entry: self.place.entry.as_deref(),
                province: &name.province,
                name: &name.name,
                reason: name.reason,
                first_row: name.first_row,
                rows: name.rows,
            };
            self.folder.append(REVIEW, &json_line(&line))?;
        }
        Ok(())
    }

    /// An output that cannot be written ends the reading.
    fn keep(&mut self, written: Result<(), CommandError>) -> Result<(), TableError> {
        written.map_err(|error| {
            self.failed = Some(error);
            TableError::Sink("the output cannot be written".into())
        })
    }

    fn finish(
        mut self,
        name: &str,
        key: &str,
        outcome: Result<(), TableError>,
        summary: &mut Summary,
    ) -> Result<(), CommandError> {
        let took = self.bar.finish();
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Err(error) = outcome {
            let code = error.code().to_owned();
            self.refused = vec![RefusedTable { entry: None, code, message: error.to_string() }];
            summary.refuse(name, &self.unit.map.name, &self.refused);
            return self.journal.refuse(self.folder);
        }
        if self.is_stopped {
            summary.stopped(name, &self.unit.map.name, &self.total);
            return Ok(());
        }
        summary.refuse(name, &self.unit.map.name, &self.refused);
        if self.table > 0 && self.refused.len() as u64 == self.table {
            return self.journal.refuse(self.folder);
        }
        summary.imported(name, &self.unit.map.name, &self.about, &self.total, (self.rows, took));
        let (records, rejects) = (self.total.records, self.total.rejected());
        let (refused, counts) = (self.refused, self.total);
        let imported = Imported { file: name.to_owned(), records, rejects, refused, counts };
        self.journal.finish(key, imported, self.folder)
    }
}

/// Where lines go.
struct Lines<'l> {
    map: &'l Map,
    place: &'l Place,
    folder: &'l mut Folder,
    failed: &'l mut Option<CommandError>,
}

impl Lines<'_> {
    fn append(&mut self, name: &str, line: &[u8]) {
        if let Err(error) = self.folder.append(name, line) {
            self.failed.get_or_insert(error);
        }
    }
}

impl Out for Lines<'_> {
    fn record(&mut self, line: &[u8]) {
        self.append(&self.map.records_file.clone(), line);
    }

    fn reject(&mut self, reject: &Rejected<'_>) {
        let line = RejectLine {
            feed: self.map.feed.name(),
            map: &self.map.name,
            file: &self.place.file,
            entry: self.place.entry.as_deref(),
            sheet: self.place.sheet.as_deref(),
            row: reject.row,
            column: reject.column,
            code: reject.code.name(),
            message: reject.message,
        };
        self.append(&format!("rejects-{}.ndjson", self.map.feed.name()), &json_line(&line));
    }
}

/// A reject, as it is written: never the cell.
#[derive(Serialize)]
struct RejectLine<'a> {
    feed: &'a str,
    map: &'a str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sheet: Option<&'a str>,
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    code: &'a str,
    message: &'a str,
}

/// A name that is no region.
#[derive(Serialize)]
struct ReviewLine<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
    province: &'a str,
    name: &'a str,
    reason: &'a str,
    first_row: u64,
    rows: u64,
}

fn json_line(line: &impl Serialize) -> Vec<u8> {
    // Texts and numbers: nothing that JSON could not say.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
