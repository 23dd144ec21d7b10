//! The feed files of a replay: NDJSON as it stands, packed with gzip or zstd, CSV and Parquet, all as blocks of lines
//! (FEEDS.md section 3).
//!
//! ```text
//! find      folders and files -> the feed files, in the order of the contract
//! unpack    gzip and zstd, every member, to the last checksum
//! lines     NDJSON: large reads, cut at the last line end
//! table     rows -> one JSON object a line, rows that are none beside them
//! csv       RFC 4180 -> cells            parquet, columns   Arrow columns -> cells
//! ```
//!
//! Owns where a file's bytes are cut and how a cell becomes JSON. Must never look into a record: what is missing,
//! ill-typed or wrong in it is intake's to say. Must never put a cell into an error, for it may hold an identity.

mod columns;
mod csv;
mod find;
mod lines;
mod parquet;
mod table;
mod unpack;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fuma_schemas::Feed;

pub use find::{feed_of, find};

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
    /// The rows that are none (`bad-row`), by line; each has left an empty line in `bytes`.
    pub bad_rows: Vec<BadRow>,
}

/// A row of a table that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRow {
    /// The number of the row.
    pub line: u64,
    /// Its bytes, without the line end. They may hold an identity.
    pub raw: Vec<u8>,
    /// What is wrong with it.
    pub message: String,
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
    /// The file ends early, is damaged, or is not what its name says.
    #[error("{path}: cannot be read to its end: {message}; mend the file or take it away")]
    Damaged {
        /// As given.
        path: String,
        /// What is wrong, without a cell of the file.
        message: String,
    },
    /// Bytes in memory under a name that is no feed's.
    #[error("{name}: is no feed; name it <feed>.ndjson (or .ndjson.gz, .ndjson.zst, .csv, .parquet)")]
    NoFeed {
        /// The name.
        name: String,
    },
}

/// Why reading stopped, before the file's name is put to it.
#[derive(Debug)]
enum Fault {
    Io(io::Error),
    Damaged(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

impl Fault {
    fn of_file(self, path: &str) -> FileError {
        let message = match self {
            Fault::Io(error) => error.to_string(),
            Fault::Damaged(message) => message,
        };
        FileError::Damaged { path: path.to_owned(), message }
    }
}

/// Reads a file to its end and hands over blocks of about `block_bytes`.
///
/// Blocks handed over before an error are of a damaged file: the contract wants nothing written then.
pub fn read(file: &FeedFile, block_bytes: usize, each: &mut dyn FnMut(Block)) -> Result<(), FileError> {
    let path = file.path.display().to_string();
    let source = open(&file.path)?;
    let outcome = match file.format {
        Format::Parquet => parquet::read(source, block_bytes, each),
        format => read_stream(format, source, block_bytes, each),
    };
    outcome.map_err(|fault| fault.of_file(&path))
}

/// The same over bytes in memory; the name says the format.
pub fn read_bytes(name: &str, bytes: &[u8], block_bytes: usize, each: &mut dyn FnMut(Block)) -> Result<(), FileError> {
    let Some((_, format)) = feed_of(name) else {
        return Err(FileError::NoFeed { name: name.to_owned() });
    };
    let outcome = match format {
        Format::Parquet => parquet::read(bytes::Bytes::copy_from_slice(bytes), block_bytes, each),
        format => read_stream(format, bytes, block_bytes, each),
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
    each: &mut dyn FnMut(Block),
) -> Result<(), Fault> {
    let block_bytes = block_bytes.max(1);
    match format {
        Format::GzipLines => lines::read(unpack::Gzip::new(source), block_bytes, each),
        Format::ZstdLines => lines::read(unpack::zstd(source)?, block_bytes, each),
        Format::Csv => csv::read(source, block_bytes, each),
        Format::Lines | Format::Parquet => lines::read(source, block_bytes, each),
    }
}
