//! A file through a map, in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fuma_connectors::regions::Places;
use fuma_connectors::tables::{self, About, Next, Row, Sink, TableError};
use fuma_pipeline::intake::{Decoder, Key, Settings};
use fuma_pipeline::tables::{Counts, Importer, Journeys, Maker, Map, Out, Regions, Rejected};
use serde_json::Value;

/// What came of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfRow {
    pub(crate) records: Vec<Value>,
    /// Code, column, message.
    pub(crate) rejects: Vec<(String, String, String)>,
}

/// What came of a file: rows by entry and number; and why an entry is refused.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) rows: BTreeMap<(String, u64), OfRow>,
    /// Entry, code, message.
    pub(crate) refused: Vec<(String, &'static str, String)>,
    pub(crate) counts: Counts,
}

pub(crate) fn key() -> Key {
    Key::from_hex(&"5a".repeat(32)).unwrap()
}

/// Reads a file by a map.
pub(crate) fn run(path: &Path, map: &Map, places: Option<Arc<Places>>) -> Result<Outcome, TableError> {
    run_with(path, map, places, None)
}

/// The same, with a timetable.
pub(crate) fn run_with(
    path: &Path,
    map: &Map,
    places: Option<Arc<Places>>,
    journeys: Option<Arc<Journeys>>,
) -> Result<Outcome, TableError> {
    let decoder = Decoder::new(Arc::new(Settings::new(key())));
    let maker = Maker::new(key(), decoder, map.owner.as_deref().unwrap(), Regions::new(places)).with_journeys(journeys);
    let mut sink = Memory { map, maker, importer: None, entry: String::new(), outcome: Outcome::default() };
    tables::read(path, &map.options(), &mut sink)?;
    Ok(sink.outcome)
}

struct Memory<'m> {
    map: &'m Map,
    maker: Maker,
    importer: Option<Importer<'m>>,
    entry: String,
    outcome: Outcome,
}

struct Rows<'o> {
    row: u64,
    entry: &'o str,
    rows: &'o mut BTreeMap<(String, u64), OfRow>,
}

impl Out for Rows<'_> {
    fn record(&mut self, line: &[u8]) {
        let of_row = self.rows.entry((self.entry.to_owned(), self.row)).or_default();
        let lines = line.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        of_row.records.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
    }

    fn reject(&mut self, reject: &Rejected<'_>) {
        let of_row = self.rows.entry((self.entry.to_owned(), reject.row)).or_default();
        let column = reject.column.unwrap_or_default().to_owned();
        of_row.rejects.push((reject.code.name().to_owned(), column, reject.message.to_owned()));
    }
}

impl Sink for Memory<'_> {
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError> {
        self.entry = about.entry.unwrap_or_default().to_owned();
        self.importer = None;
        self.importer = Some(Importer::begin(self.map, about)?);
        Ok(true)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        let mut rows = Rows { row: row.number, entry: &self.entry, rows: &mut self.outcome.rows };
        self.importer.as_mut().unwrap().row(row, &mut self.maker, &mut rows)
    }

    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError> {
        let importer = self.importer.take();
        let outcome = outcome.and_then(|()| importer.as_ref().map_or(Ok(()), Importer::finish));
        match outcome {
            Ok(()) => self.outcome.counts.add(&importer.unwrap().counts),
            Err(error) => {
                self.outcome.rows.retain(|(entry, _), _| *entry != self.entry);
                self.outcome.refused.push((self.entry.clone(), error.code(), error.to_string()));
            }
        }
        Ok(())
    }
}
