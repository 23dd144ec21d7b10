//! `fuma import look`: what a file is, where its header is, what its columns look like, a map to begin with, and ten
//! rows with it.
//!
//! Owns the words. Columns that hold five digits or more, or names of people, are shown by their shape unless `--show`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fuma_connectors::tables::{self, About, Next, Options, Row, Sink, TableError};

use super::super::CommandError;
use super::super::screen::Screen;
use crate::intake::{Decoder, Key, Settings};
use crate::tables::look::{self, Place, Sample, Sampled};
use crate::tables::{Importer, Maker, Map, Out, Regions, Rejected};

/// So many rows are shown.
const ROWS_SHOWN: usize = 10;
/// The key of the ids that are shown: it is nobody's.
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The arguments of `fuma import look`.
#[derive(Args, Clone, Debug)]
pub struct LookArguments {
    /// The table, or an archive of tables
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The sheet of a workbook; without it the first that has cells
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Which entries of an archive, with * for anything
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// Show what is in columns that hold five digits or more too, and names
    #[arg(long)]
    show: bool,
}

/// Looks at a file.
///
/// # Errors
/// When it is no table.
pub(super) fn run(arguments: &LookArguments, screen: &Screen) -> Result<(), CommandError> {
    let (sheet, entry) = (arguments.sheet.clone(), arguments.entry.clone());
    let options = Options { sheet, entry, any_sheet: true, wanted: json_names(&arguments.file), ..Options::default() };
    let mut sample = Sample::default();
    let name = arguments.file.display();
    tables::read(&arguments.file, &options, &mut sample)
        .map_err(|error| CommandError::Input(format!("{name}: {}: {error}", error.code())))?;
    let mut text = String::new();
    for table in &sample.tables {
        one(&mut text, arguments, table);
    }
    screen.print(&text)
}

/// The names in the first lines of JSON of a file, for which columns are made.
fn json_names(path: &Path) -> Vec<String> {
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    let mut head = Vec::new();
    if std::io::Read::read_to_end(&mut std::io::Read::take(file, 1 << 16), &mut head).is_err() {
        return Vec::new();
    }
    let mut names: Vec<String> = Vec::new();
    for line in head.split(|byte| *byte == b'\n').take(20) {
        let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(line) else { continue };
        names.extend(object.keys().cloned());
    }
    names.sort();
    names.dedup();
    names
}

fn one(text: &mut String, arguments: &LookArguments, table: &Sampled) {
    let place = look::place(table);
    let at = match (&table.entry, &table.sheet) {
        (Some(entry), Some(sheet)) => format!(", entry {entry}, sheet {sheet}"),
        (Some(entry), None) => format!(", entry {entry}"),
        (None, Some(sheet)) => format!(", sheet {sheet}"),
        (None, None) => String::new(),
    };
    let _ = writeln!(text, "{}{at}: {}", arguments.file.display(), table.about);
    if let Some(error) = &table.error {
        let _ = writeln!(text, "  {error}\n");
        return;
    }
    match table.delimiter {
        Some(b'\t') => text.push_str("  delimiter: tab\n"),
        Some(delimiter) => {
            let _ = writeln!(text, "  delimiter: {}", char::from(delimiter));
        }
        None => {}
    }
    if table.other_delimiters {
        text.push_str("  the lines disagree: some have other delimiters, and will be bad-row; divide the file\n");
    }
    if !table.other_sheets.is_empty() {
        let _ = writeln!(text, "  other sheets with cells: {}", table.other_sheets.join(", "));
    }
    let rows: Vec<String> = place.rows.iter().map(u64::to_string).collect();
    let first = place.first_row.map_or_else(|| "no rows of data".to_owned(), |row| format!("data from row {row}"));
    match rows.is_empty() {
        true if table.names.is_some() => {
            let _ = writeln!(text, "  {first}");
        }
        true => {
            let _ = writeln!(text, "  no header, {first}");
        }
        false => {
            let _ = writeln!(text, "  header in row {}, {first}", rows.join("-"));
        }
    }
    columns(text, arguments, table, &place);
    match look::guess(table, &place) {
        None => {
            text.push_str("no feed is recognised by its headings; `fuma import map` lists ready maps to begin with\n")
        }
        Some(map) => {
            let _ = writeln!(text, "\n--- a map to begin with ---\n{map}---");
            rows_with(text, arguments, table, &map);
        }
    }
    text.push('\n');
}

/// The columns: number, name, an example.
fn columns(text: &mut String, arguments: &LookArguments, table: &Sampled, place: &Place) {
    let first = place.first_row.unwrap_or(u64::MAX);
    for (at, name) in place.names.iter().enumerate() {
        let rows = table.rows.iter().filter(|(number, _)| *number >= first);
        let cells: Vec<&str> = rows.filter_map(|(_, cells)| cells.get(at)).map(String::as_str).collect();
        let example = cells.iter().find(|cell| !cell.is_empty()).copied().unwrap_or_default();
        let is_shown = arguments.show || look::may_be_shown(name, &cells);
        let example = if is_shown { example.to_owned() } else { look::shape_of(example) };
        let is_twice = !name.is_empty() && place.names.iter().filter(|other| *other == name).count() > 1;
        let twice = if is_twice { "  (the name is there more than once)" } else { "" };
        let _ = writeln!(text, "{:>4}  {name}  {example}{twice}", at + 1);
    }
}

/// Ten rows as the map makes them.
fn rows_with(text: &mut String, arguments: &LookArguments, table: &Sampled, map: &str) {
    let path = PathBuf::from("look.toml");
    let map = match Map::parse(&path, map) {
        Ok(map) => map,
        Err(error) => {
            let _ = writeln!(text, "the map has to be completed before it can be used: {error}");
            return;
        }
    };
    if map.needs_timetable() {
        text.push_str("its rows need a timetable: `fuma import table --timetable FILE` shows what comes of them\n");
        return;
    }
    let mut map = map;
    map.set_known_at(fuma_schemas::Instant::MAX);
    let Ok(key) = Key::from_hex(NO_KEY) else { return };
    let maker = Maker::new(key.clone(), Decoder::new(Arc::new(Settings::new(key))), "owner", Regions::default());
    let options = Options { any_sheet: true, entry: table.entry.clone(), ..map.options() };
    let options = Options { sheet: arguments.sheet.clone().or(options.sheet), ..options };
    let mut rows =
        TenRows { map: &map, maker, importer: None, shown: Shown { show: arguments.show, lines: Vec::new() } };
    let read = tables::read(&arguments.file, &options, &mut rows);
    let _ =
        writeln!(text, "the first rows with it{}:", if arguments.show { "" } else { " (shapes; --show shows them)" });
    for line in rows.shown.lines.iter().take(ROWS_SHOWN) {
        let _ = writeln!(text, "  {line}");
    }
    if let Err(error) = read {
        let _ = writeln!(text, "  {}: {error}", error.code());
    }
}

struct TenRows<'m> {
    map: &'m Map,
    maker: Maker,
    importer: Option<Importer<'m>>,
    shown: Shown,
}

struct Shown {
    show: bool,
    lines: Vec<String>,
}

impl Out for Shown {
    fn record(&mut self, line: &[u8]) {
        for line in line.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(serde_json::Value::Object(record)) = serde_json::from_slice(line) else { continue };
            let fields = record.iter().filter(|(name, _)| *name != "known_at" && *name != "owner");
            let shown: Vec<String> = fields.map(|(name, value)| format!("{name}={}", self.value(value))).collect();
            self.lines.push(shown.join(" "));
        }
    }

    fn reject(&mut self, reject: &Rejected<'_>) {
        let column = reject.column.map(|column| format!(", {column}")).unwrap_or_default();
        self.lines.push(format!("row {}{column}: {}: {}", reject.row, reject.code.name(), reject.message));
    }
}

impl Shown {
    fn value(&self, value: &serde_json::Value) -> String {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if self.show || look::may_be_shown("", &[text.as_str()]) { text } else { look::shape_of(&text) }
    }
}

impl Sink for TenRows<'_> {
    fn begin(&mut self, about: &About<'_>) -> Result<bool, TableError> {
        self.importer = None;
        self.importer = Some(Importer::begin(self.map, about)?);
        Ok(true)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<Next, TableError> {
        let Some(importer) = &mut self.importer else { return Ok(Next::Stop) };
        let next = importer.row(row, &mut self.maker, &mut self.shown)?;
        Ok(if self.shown.lines.len() < ROWS_SHOWN { next } else { Next::Stop })
    }

    fn end(&mut self, outcome: Result<(), TableError>) -> Result<(), TableError> {
        if let Err(error) = outcome {
            self.shown.lines.push(format!("{}: {error}", error.code()));
        }
        Ok(())
    }
}
