//! Timetables as railways publish them: GTFS, and the train table of the shared data, to one table of trains.
//!
//! ```text
//! gtfs     a folder or a zip of GTFS            trains   lines of JSON, a train a line
//! train    a train, its stops, its days         zone     clocks of a zone -> instants
//! report   what was passed over, and why        table    the one table: checked, in one order, with a digest
//! ```
//!
//! Owns when a train calls where. Must never guess: a train of which an instant cannot be said is passed over, with
//! its place and the reason, and stops nobody else.

mod gtfs;
mod report;
mod table;
mod train;
mod trains;
mod zone;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

pub use report::{Code, Passed, Remark, Report};
pub use table::Timetable;
pub use train::{Days, Stop, Train};
pub use zone::Zone;

use crate::tables::{Content, content_of};

/// So many trains are held.
const TRAINS_MAX: usize = 2_000_000;

/// What the reader is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The zone of a train table. GTFS says its own.
    pub zone: Zone,
    /// The days on which the trains of a train table run; none: any day. GTFS says its own.
    pub days: Option<(i32, i32)>,
    /// The kinds of routes of GTFS that are taken; none: those of railways.
    pub route_types: Vec<u32>,
    /// The column of GTFS that holds the number of the train; none: `trip_short_name`, where that is empty the
    /// `route_short_name`.
    pub number: Option<String>,
}

/// Why a file is no timetable.
#[derive(Debug, thiserror::Error)]
pub enum TimetableError {
    /// The system does not let it be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It is something else.
    #[error("not-a-timetable: {0}")]
    NotATimetable(String),
    /// A file of GTFS is not there.
    #[error("missing-file: {0}")]
    MissingFile(String),
    /// A column is not there.
    #[error("missing-column: {0}")]
    MissingColumn(String),
    /// It ends early, or is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// It is beyond what is read.
    #[error("too-large: {0}")]
    Beyond(String),
}

/// Reading errors that the system makes are no damage of the file.
impl From<io::Error> for TimetableError {
    fn from(error: io::Error) -> TimetableError {
        if error.raw_os_error().is_some() {
            return TimetableError::Read(error);
        }
        TimetableError::Damaged(error.to_string())
    }
}

/// Reads the trains of a file or a folder; what is passed over goes to the report.
///
/// # Errors
/// When it is no timetable, or cannot be read to its end: then nothing of it counts.
pub fn read(path: &Path, options: &Options, report: &mut Report) -> Result<Vec<Train>, TimetableError> {
    if path.is_dir() {
        return gtfs::read(gtfs::Source::folder(path), options, report);
    }
    let head = head_of(path)?;
    match content_of(&head) {
        Content::Zip => gtfs::read(gtfs::Source::zip(path)?, options, report),
        Content::Gzip | Content::Zstd | Content::JsonLines => trains::read(path, options, report),
        Content::Empty => Err(TimetableError::NotATimetable("it is empty".to_owned())),
        other => Err(TimetableError::NotATimetable(format!(
            "it is {}. Read are GTFS (a zip or a folder with stops.txt, trips.txt, stop_times.txt ...) and train \
             tables (lines of JSON: train, stops; plain, .gz or .zst)",
            other.name()
        ))),
    }
}

/// The first bytes of a file.
fn head_of(path: &Path) -> Result<Vec<u8>, TimetableError> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(1 << 16).read_to_end(&mut head))
        .map_err(TimetableError::Read)?;
    Ok(head)
}
