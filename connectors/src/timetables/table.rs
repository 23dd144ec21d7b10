//! The one table of trains: a line that says what it is, then a line of JSON a train, in one order whatever file they
//! came from, under a digest.
//!
//! Owns its form. Must never be read where a line was changed: instants of people's journeys hang on it.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::TimetableError;
use super::report::{Code, Report};
use super::train::Train;

const FORMAT: &str = "fuma-timetable";
const VERSION: u32 = 1;
/// The most bytes of a table.
const BYTES_MAX: u64 = 4 << 30;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
    trains: u64,
    digest: String,
}

/// A table that is read, or is to be written.
#[derive(Clone, Debug)]
pub struct Timetable {
    /// The trains, in the order of the table.
    pub trains: Vec<Train>,
    /// SHA-256 of their lines, as hex.
    pub digest: String,
}

impl Timetable {
    /// A table of trains; one that is there twice is there once.
    pub fn new(trains: Vec<Train>, report: &mut Report) -> Timetable {
        let mut kept: Vec<(Vec<u8>, Train)> = trains.into_iter().map(|train| (line_of(&train), train)).collect();
        kept.sort_by(|a, b| (&a.1.number, &a.0).cmp(&(&b.1.number, &b.0)));
        kept.dedup_by(|later, first| {
            let is_there = later.0 == first.0;
            if is_there {
                let why = (Code::Repeated, "the same train with the same stops and days is there already".to_owned());
                report.pass("", 0, &later.1.number, why);
            }
            is_there
        });
        let mut digest = Sha256::new();
        kept.iter().for_each(|(line, _)| digest.update(line));
        Timetable { trains: kept.into_iter().map(|(_, train)| train).collect(), digest: hex(digest) }
    }

    /// Writes the table.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let trains = self.trains.len() as u64;
        let head = Head { format: FORMAT.to_owned(), version: VERSION, trains, digest: self.digest.clone() };
        serde_json::to_writer(&mut *out, &head)?;
        out.write_all(b"\n")?;
        self.trains.iter().try_for_each(|train| out.write_all(&line_of(train)))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When it is none, is cut short, or is not what was written.
    pub fn read(source: impl Read) -> Result<Timetable, TimetableError> {
        let mut lines = BufReader::new(source.take(BYTES_MAX));
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line)?;
        let head: Option<Head> = serde_json::from_slice(&line).ok();
        let Some(head) = head.filter(|head| head.format == FORMAT) else {
            let how = "make one with `fuma import timetable FILE --out TABLE`";
            return Err(TimetableError::NotATimetable(format!("it is no table of fuma: {how}")));
        };
        if head.version != VERSION {
            let (has, reads) = (head.version, VERSION);
            let how = "import the timetable again with this fuma";
            return Err(TimetableError::NotATimetable(format!("it has version {has}, read is {reads}: {how}")));
        }
        let (mut trains, mut digest) = (Vec::new(), Sha256::new());
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            digest.update(&line);
            let number = trains.len() + 2;
            let train: Train = serde_json::from_slice(&line).map_err(|_| {
                TimetableError::Damaged(format!("line {number} is no train: import the timetable again"))
            })?;
            train.check().map_err(|(_, why)| TimetableError::Damaged(format!("line {number}: {why}")))?;
            trains.push(train);
        }
        let digest = hex(digest);
        if digest != head.digest || trains.len() as u64 != head.trains {
            return Err(TimetableError::Damaged(
                "it is not what `fuma import timetable` wrote: a line was changed, or the file is cut short. Import \
                 the timetable again"
                    .to_owned(),
            ));
        }
        Ok(Timetable { trains, digest })
    }
}

fn line_of(train: &Train) -> Vec<u8> {
    // Texts and numbers: nothing that JSON could not say.
    let mut line = serde_json::to_vec(train).unwrap_or_default();
    line.push(b'\n');
    line
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
