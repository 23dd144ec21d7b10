//! `fuma import table`: tables of others to feed files, or to the log, by maps.
//!
//! ```text
//! unit      one file by one map: rows in, records and rejects out, how far it is
//! output    the files: parts that become whole        journal   what was imported, in a file
//! bar       progress with rate and remaining time     send      straight to the log, as `fuma send` does
//! timetables   what maps of manifests ask               one    one file, for who takes files from folders
//! summary   what came of it, in words
//! ```
//!
//! Owns the arguments and their order: each file by each map, all or nothing. Must never show a cell.

mod bar;
mod journal;
mod one;
mod output;
mod send;
mod summary;
#[cfg(test)]
mod tests;
mod timetables;
mod unit;

pub(super) use one::{One, fingerprint_of, import_one};
pub(super) use timetables::Timetables;
pub(super) use unit::Inputs;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use fuma_connectors::regions::Places;
use fuma_connectors::tables::Options;
use fuma_schemas::Instant;

use self::journal::Journal;
use self::output::Folder;
use self::summary::Summary;
use self::unit::Unit;
use crate::commands::input::key;
use crate::commands::kafka::KafkaArguments;
use crate::commands::screen::Screen;
use crate::commands::{CommandError, INTERRUPTED};
use crate::intake::{Key, is_owner};
use crate::tables::{Map, ready};

/// The arguments of `fuma import table`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TableArguments {
    /// The tables: CSV, TSV, .xlsx, .xls, Parquet, lines of JSON; plain, or in zip, gz, zst
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The map, a TOML file or the name of a ready one (`fuma import map` lists them); may be repeated: each file by
    /// each map
    #[arg(long, value_name = "MAP", required = true)]
    map: Vec<PathBuf>,
    /// The folder for FEED.ndjson, and for rejects-FEED.ndjson beside it. What was imported into it once is known there
    #[arg(long, value_name = "DIR", required_unless_present = "send")]
    out: Option<PathBuf>,
    /// Send the records to the topics of their feeds. Rejects stay in a folder, which is said
    #[arg(long, conflicts_with = "out")]
    send: bool,
    /// The owner of the records, in place of the map's
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// When the tables became known, in place of the map's, like 2022-03-20T08:00:00+08:00
    #[arg(long, value_name = "INSTANT")]
    known_at: Option<String>,
    /// The region codes, CSV: code, name. For maps with regions by name; codes that are not in it are rejected too
    #[arg(long, value_name = "FILE")]
    codes: Option<PathBuf>,
    /// Names that the codes do not have, CSV: province, city, county, code, note; in place of those of this binary
    #[arg(long, value_name = "FILE", requires = "codes")]
    aliases: Option<PathBuf>,
    /// The timetable that maps with [timetable] ask, made by `fuma import timetable`; in place of the map's
    #[arg(long, value_name = "FILE")]
    timetable: Option<PathBuf>,
    /// The sheet, in place of the map's
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Which entries of an archive are read, with * for anything, in place of the map's
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// The file with the key of the person tokens, 64 hex digits, of which made ids are made; without it FUMA_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    kafka: KafkaArguments,
}

const EXAMPLES: &str = "\
Examples:
  fuma import look results.csv                             what the file is, a map to begin with, ten rows
  fuma import map laboratory-results > results.toml        a ready map, to be fitted
  fuma import table --map results.toml results.csv --out feeds --key-file key
  fuma import table --map telecom.toml part-*.csv.gz --send --codes region_codes.csv --bootstrap localhost:9092";

/// Imports every file by every map.
///
/// # Errors
/// When an argument or a map is unusable, an output cannot be written, somebody stopped it, or a file was refused: that
/// one is not written, the others are.
pub(super) fn run(arguments: &TableArguments, screen: &Screen) -> Result<(), CommandError> {
    let maps = maps(arguments)?;
    let inputs = Inputs { key: key(arguments.key_file.as_deref())?, places: places(arguments, &maps)? };
    let mut timetables = Timetables::default();
    let given = arguments.timetable.as_deref();
    let maps = maps.into_iter().zip(&arguments.map).map(|(map, path)| {
        let journeys = timetables.of(&map, path, given)?;
        Ok((map, journeys))
    });
    let maps = maps.collect::<Result<Vec<_>, CommandError>>()?;
    let target = match &arguments.out {
        Some(out) => out.clone(),
        None => send::folder(arguments, maps.iter().map(|(map, _)| map))?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| CommandError::Other(format!("signals: {error}")))?;
    }
    let mut folder = Folder::open(&target)?;
    let mut journal = Journal::open(&target, &mut folder)?;
    let mut summary = Summary::default();
    for file in &arguments.files {
        for (map, journeys) in &maps {
            let (options, journeys) = (options(arguments, map), journeys.clone());
            let unit = Unit { path: file, map, inputs: &inputs, options, journeys, stop: &stop };
            unit::run(&unit, &mut folder, &mut journal, &mut summary, screen)?;
            if stop.load(Ordering::Relaxed) {
                let text = format!("{}stopped; the same command goes on from there", summary.text(&folder));
                return Err(CommandError::Said { text, exit_code: INTERRUPTED });
            }
        }
    }
    screen.remark(&summary.text(&folder))?;
    if arguments.send {
        send::run(&arguments.kafka, &mut folder, screen)?;
    }
    match summary.refused() {
        None => Ok(()),
        Some(text) => Err(CommandError::Input(text)),
    }
}

fn maps(arguments: &TableArguments) -> Result<Vec<Map>, CommandError> {
    let owner = arguments.owner.as_deref();
    if owner.is_some_and(|owner| !is_owner(owner)) {
        return Err(CommandError::Input("--owner: allowed: 1 to 64 of a-z, 0-9 and -".to_owned()));
    }
    let known_at = match &arguments.known_at {
        None => None,
        Some(text) => match Instant::parse(text) {
            Some(instant) => Some(instant),
            None => {
                let text = "--known-at: allowed: RFC 3339 with an offset, like 2022-03-20T08:00:00+08:00";
                return Err(CommandError::Input(text.to_owned()));
            }
        },
    };
    arguments.map.iter().map(|path| map(path, owner, known_at)).collect()
}

/// A map of which everything is known that a record needs.
fn map(path: &Path, owner: Option<&str>, known_at: Option<Instant>) -> Result<Map, CommandError> {
    let mut map = owned_map(path, owner)?;
    if let Some(known_at) = known_at {
        map.set_known_at(known_at);
    }
    if !map.has_known_at() {
        let what = "nothing says when the records became known: give --known-at, or known_at in the map";
        return Err(CommandError::Input(format!("{}: {what}", path.display())));
    }
    Ok(map)
}

/// A map, and whose records it makes.
pub(super) fn owned_map(path: &Path, owner: Option<&str>) -> Result<Map, CommandError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(source) => match path.to_str().and_then(ready::map) {
            Some(text) => text.to_owned(),
            None if source.kind() == std::io::ErrorKind::NotFound => {
                let names: Vec<&str> = ready::maps().map(|(name, _)| name).collect();
                return Err(CommandError::Input(format!(
                    "{}: there is no such file, and no ready map of this name. Ready maps: {}",
                    path.display(),
                    names.join(", ")
                )));
            }
            None => return Err(CommandError::Read { path: path.to_owned(), source }),
        },
    };
    let mut map = Map::parse(path, &text).map_err(|error| CommandError::Input(error.to_string()))?;
    map.owner = owner.map(str::to_owned).or(map.owner);
    if map.owner.is_none() {
        let what = "nobody owns the records: write owner = \"...\" into the map, or give --owner";
        return Err(CommandError::Input(format!("{}: {what}", path.display())));
    }
    Ok(map)
}

fn places(arguments: &TableArguments, maps: &[Map]) -> Result<Option<Arc<Places>>, CommandError> {
    let Some(codes) = &arguments.codes else {
        return match maps.iter().find(|map| map.needs_places()) {
            None => Ok(None),
            Some(map) => Err(CommandError::Input(format!(
                "the map {} has regions by name: give the table of codes with --codes FILE (CSV: code, name)",
                map.name
            ))),
        };
    };
    read_places(codes, arguments.aliases.as_deref()).map(Some)
}

/// The table of region codes.
pub(super) fn read_places(codes: &Path, aliases: Option<&Path>) -> Result<Arc<Places>, CommandError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| CommandError::Read { path: path.to_owned(), source });
    let aliases = aliases.map(read).transpose()?;
    let places = Places::read(read(codes)?, aliases);
    places.map(Arc::new).map_err(|error| CommandError::Input(format!("{}: {error}", codes.display())))
}

fn options(arguments: &TableArguments, map: &Map) -> Options {
    let options = map.options();
    Options {
        sheet: arguments.sheet.clone().or(options.sheet),
        entry: arguments.entry.clone().or(options.entry),
        ..options
    }
}

/// What a key is good for here, without the key.
fn fingerprint(key: &Key) -> String {
    key.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect()
}
