//! The feed files of a replay: NDJSON as it stands, packed with gzip or zstd, CSV and Parquet, all as blocks of lines
//! (docs/feeds.md section 3).
//!
//! ```text
//! name      which names are feed files        find      folders and files -> the feed files, and what is passed over
//! unpack    gzip and zstd, every member, to the last checksum
//! cutter    bytes as they come -> blocks of whole lines        oversize  what is kept of a record that is too large
//! lines     NDJSON: large reads, cut at the last line end
//! table     rows -> one JSON object a line, rows that are refused beside them
//! csv       RFC 4180 -> cells            parquet   Arrow columns -> cells
//! ```
//!
//! Owns where a file's bytes are cut and how a cell becomes JSON. Must never look into a record: what is missing,
//! ill-typed or wrong in it is intake's to say; it says itself `bad-row` and `too-large`. Must never put a cell into an
//! error, for it may hold an identity.

mod csv;
mod cutter;
mod find;
mod lines;
mod name;
mod oversize;
mod parquet;
mod table;
mod unpack;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cutter::Cutter;
use fuma_schemas::{Feed, RejectCode};

pub use cutter::LastLine;
pub use find::{Found, PassedOver, find};
pub use name::{NAMES, feed_meant, feed_names, feed_of, format_of, name_meant};
pub(crate) use oversize::Long;
pub use oversize::{Oversize, RAW_BYTES_MAX, RECORD_BYTES_MAX, sha256_hex};
pub(crate) use parquet::batches;

/// As much of a stream is read at once.
const STREAM_BYTES: usize = 1 << 16;

/// How the bytes of a feed file are laid out: what the end of its name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `<feed>.ndjson`
    Lines,
    /// `<feed>.ndjson.gz`
    GzipLines,
    /// `<feed>.ndjson.zst`
    ZstdLines,
    /// `<feed>.csv`
    Csv,
    /// `<feed>.parquet`
    Parquet,
}

/// A file of a feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedFile {
    /// The feed that the stem names.
    pub feed: Feed,
    /// The base name: `file` in a reject.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The format that the name ends in.
    pub format: Format,
}

/// A block of whole lines: NDJSON as it stands, or the rows of a table as one JSON object a line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Block {
    /// The number of the first line (in tables: of the row, 1 = the first after the header).
    pub first_line: u64,
    /// The lines. Only the last of a file may lack its line end. Line k of the block, from 0, is `first_line + k`;
    /// empty lines are in their places and are the consumer's to pass over.
    pub bytes: Vec<u8>,
    /// What is no record, by line; each has left an empty line in `bytes`.
    pub refused: Vec<Refused>,
}

/// A line or row that the reader of its file refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The number of the line or row.
    pub line: u64,
    /// Its bytes, without the line end; of one that is too large the first. They may hold an identity.
    pub raw: Vec<u8>,
    /// What is wrong with it.
    pub why: Refusal,
}

/// Why a line or row is no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A row of a table that cannot be split into its cells; says why.
    BadRow(String),
    /// It is longer than a record may be.
    TooLarge(Oversize),
}

impl Refusal {
    /// The code of the reject.
    pub fn code(&self) -> RejectCode {
        match self {
            Refusal::BadRow(_) => RejectCode::BadRow,
            Refusal::TooLarge(_) => RejectCode::TooLarge,
        }
    }

    /// What is wrong, in words.
    pub fn message(&self) -> String {
        match self {
            Refusal::BadRow(message) => message.clone(),
            Refusal::TooLarge(oversize) => oversize.message(),
        }
    }
}

/// Why the feed files cannot be read. Ends a replay with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A folder or file that was named, or that a folder holds, cannot be opened.
    #[error("{path}: cannot be opened: {source}; check the path and its permissions")]
    Open {
        /// As given.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read for now, whatever is in it.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// As given.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The file ends early, is damaged, or is not what its name says.
    #[error("{path}: the file is damaged or cut short: {message}. Repair or remove it")]
    Damaged {
        /// As given.
        path: String,
        /// What is wrong, without a cell of the file.
        message: String,
    },
    /// The file may be sound, and is beyond what is read.
    #[error("{path}: {message}")]
    Beyond {
        /// As given.
        path: String,
        /// What is too large, and how to write it otherwise.
        message: String,
    },
    /// A file that is given by name, and is no feed file.
    #[error("{path}: not a feed{meant} {names}. Feeds: {feeds}", names = NAMES, feeds = feed_names())]
    NoFeed {
        /// As given.
        path: String,
        /// What it may have meant, in words; else a full stop.
        meant: String,
    },
    /// Nothing to read.
    #[error("{paths}: no feed file there; {held} {names}")]
    Nothing {
        /// As given.
        paths: String,
        /// What was found.
        held: String,
        /// What feed files are called.
        names: String,
    },
}

/// Why reading stopped, before the file's name is put to it.
#[derive(Debug)]
enum Fault {
    Io(io::Error),
    Damaged(String),
    Beyond(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

impl Fault {
    fn of_file(self, path: &str) -> FileError {
        let path = path.to_owned();
        match self {
            // The system's own errors are not of the file's making; those of the unpackers are.
            Fault::Io(source) if source.raw_os_error().is_some() => FileError::Read { path, source },
            Fault::Io(error) if error.kind() == io::ErrorKind::Unsupported => {
                FileError::Beyond { path, message: error.to_string() }
            }
            Fault::Io(error) => FileError::Damaged { path, message: error.to_string() },
            Fault::Damaged(message) => FileError::Damaged { path, message },
            Fault::Beyond(message) => FileError::Beyond { path, message },
        }
    }
}

/// A gzip stream, unpacked to its last checksum.
pub(crate) fn gzip<'a>(source: impl Read + 'a) -> impl Read + 'a {
    unpack::Gzip::new(source)
}

/// A zstd stream, unpacked to its last checksum.
pub(crate) fn zstd<'a>(source: impl Read + 'a) -> io::Result<impl Read + 'a> {
    unpack::Zstd::new(source)
}

/// Reads a file to its end and hands over blocks of about `block_bytes`.
///
/// Blocks handed over before an error are of a damaged file: the contract wants nothing written then.
pub fn read(file: &FeedFile, block_bytes: usize, each: &mut dyn FnMut(Block)) -> Result<(), FileError> {
    read_part(file, u64::MAX, block_bytes, LastLine::Take, each).map(drop)
}

/// Reads the first `bytes` of a file that somebody may write to; says whether a last line without an end was left.
pub fn read_part(
    file: &FeedFile,
    bytes: u64,
    block_bytes: usize,
    last: LastLine,
    each: &mut dyn FnMut(Block),
) -> Result<bool, FileError> {
    let path = file.path.display().to_string();
    let source = open(&file.path)?;
    let outcome = match file.format {
        Format::Parquet => parquet::read(source, block_bytes, each).map(|()| false),
        format => read_stream(format, source.take(bytes), block_bytes, last, each),
    };
    outcome.map_err(|fault| fault.of_file(&path))
}

/// Hands over the lines of a stream as soon as they are there, until `each` says that it is enough.
pub fn read_lines(mut source: impl Read, each: &mut dyn FnMut(Block) -> bool) -> io::Result<()> {
    let mut cutter = Cutter::new();
    let mut chunk = vec![0; STREAM_BYTES];
    loop {
        let cut = cutter.next(STREAM_BYTES, |bytes| {
            let read = read_some(&mut source, &mut chunk)?;
            bytes.extend_from_slice(&chunk[..read]);
            Ok::<bool, io::Error>(read == 0)
        })?;
        let is_enough = cut.block.is_some_and(|block| !each(block));
        if is_enough || cut.at_end {
            return Ok(());
        }
    }
}

fn read_some(source: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// The same over bytes in memory; the name says the format.
pub fn read_bytes(name: &str, bytes: &[u8], block_bytes: usize, each: &mut dyn FnMut(Block)) -> Result<(), FileError> {
    let Some((_, format)) = feed_of(name) else {
        return Err(FileError::NoFeed { path: name.to_owned(), meant: ".".to_owned() });
    };
    let outcome = match format {
        Format::Parquet => parquet::read(bytes::Bytes::copy_from_slice(bytes), block_bytes, each),
        format => read_stream(format, bytes, block_bytes, LastLine::Take, each).map(drop),
    };
    outcome.map_err(|fault| fault.of_file(name))
}

fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(|source| FileError::Open { path: path.display().to_string(), source })
}

/// Everything but Parquet is read from front to back.
fn read_stream(
    format: Format,
    source: impl Read,
    block_bytes: usize,
    last: LastLine,
    each: &mut dyn FnMut(Block),
) -> Result<bool, Fault> {
    let block_bytes = block_bytes.max(1);
    match format {
        Format::GzipLines => lines::read(unpack::Gzip::new(source), block_bytes, last, each),
        Format::ZstdLines => lines::read(unpack::Zstd::new(source)?, block_bytes, last, each),
        Format::Csv => csv::read(source, block_bytes, last, each),
        Format::Lines | Format::Parquet => lines::read(source, block_bytes, last, each),
    }
}
