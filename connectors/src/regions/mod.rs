//! The national list of risk areas, which has names, becomes events of the feed `regions`, which have codes.
//!
//! ```text
//! codes      the table of region codes        aliases    what the table does not know: development zones, spellings
//! resolve    province, city, county, area -> a code of its own, or the street or county that it lies in
//! places     names of provinces, cities and counties of other tables -> codes
//! area_code  a stable code of 12 digits for an area that has none
//! stream     add, change, remove -> records and their revisions       review    what could not be resolved, for people
//! ```
//!
//! What is said of an area is said when the list was saved (`known_at`) and for the hour of the list (`since`,
//! `until`):
//!
//! - An area that appears is a record. One that disappears gets an `until`; nothing is ever retracted, for the list
//!   did say so. A change of tier is an `until` and a new record (docs/feeds.md section 2).
//! - A publication that lost areas and was replaced is therefore an `until` and a new record of the same hour:
//!   without a gap in the end, and with one for whoever decided in between. That is what was known.
//! - `until` is never before `since`: a list that goes back in time ends a record as it began.
//! - The first list says what stood then. Its areas begin with it here, though they were named earlier.
//!
//! Owns this translation. Must never drop a row in silence: each becomes an event, or stands in the review list, or
//! is counted as a repetition. Does no I/O.

mod aliases;
mod area_code;
mod codes;
mod places;
mod resolve;
mod review;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use places::Places;
pub use review::{Place, Review};

/// The aliases that come with the program: `regions/aliases.csv`, made to be read and extended by people.
pub const ALIASES: &str = include_str!("aliases.csv");
/// The `owner` of the events unless another is given.
pub const OWNER: &str = "nhc-risk-areas";
/// The `authority` of the events unless another is given.
pub const AUTHORITY: &str = "国家卫生健康委员会";

/// What the import works on. Tables are CSV with a row of headings.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The differences between the lists, NDJSON: snapshot, published_at, saved_at, op, tier, previous_tier,
    /// province, city, county, area_name.
    pub snapshots: &'a [u8],
    /// The region codes: code (of 2, 4, 6 or 9 digits), name. Other columns are not looked at.
    pub codes: &'a [u8],
    /// The aliases: province, city, county, code, note.
    pub aliases: &'a [u8],
    /// The owner of the events.
    pub owner: &'a str,
    /// The authority of the events.
    pub authority: &'a str,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Import {
    /// `regions.ndjson`, in the order of saving.
    pub events: Vec<u8>,
    /// The rows that no event was made of, in the order of the rows.
    pub review: Vec<Review>,
    /// Which code each area got, by its names.
    pub places: Vec<Place>,
    /// What was counted, by name: rows, events, areas by the way they were resolved, repetitions, rows for review.
    pub counts: BTreeMap<&'static str, u64>,
    /// The last line, where it ends in the middle of a row: the list is cut short, and nobody knows what is missing.
    pub cut_short: Option<u64>,
}

/// Why an import cannot begin. Rows of the list are never the reason: they go to the review list.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A table is no CSV or lacks a column.
    #[error("{table}: {source}; it needs the columns {columns}")]
    Table {
        /// Which one.
        table: &'static str,
        /// The columns that it must have.
        columns: &'static str,
        /// What is wrong.
        source: csv::Error,
    },
    /// A code is none, or an alias names one that the table does not have.
    #[error("{table}, row {row}: {message}")]
    Row {
        /// Which table.
        table: &'static str,
        /// The row, 1 = the first after the headings.
        row: usize,
        /// What is wrong.
        message: String,
    },
    /// A packed input is damaged.
    #[error("the packed file is damaged or cut short: {0}. Repair it, or fetch it again")]
    Packed(std::io::Error),
    /// A packed input is larger than any list.
    #[error("it unpacks to more than {UNPACKED_BYTES_MAX} bytes, which no list of areas has")]
    TooLarge,
}

/// A packed list or table unpacks to this much at most.
pub const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// Turns the list into events. The same input gives the same bytes, whatever the order of the rows within a snapshot.
pub fn import(input: &Input<'_>) -> Result<Import, ImportError> {
    let codes = codes::Codes::read(input.codes)?;
    let aliases = aliases::Aliases::read(input.aliases, &codes)?;
    let resolver = resolve::Resolver { codes: &codes, aliases: &aliases };
    Ok(stream::import(input, &resolver))
}

/// The bytes themselves, or what they hold if they are gzip or zstd.
pub fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, ImportError> {
    let packed = bytes.as_slice();
    if bytes.starts_with(b"\x1f\x8b") {
        bounded(flate2::bufread::MultiGzDecoder::new(packed))
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        bounded(zstd::stream::read::Decoder::with_buffer(packed).map_err(ImportError::Packed)?)
    } else {
        Ok(bytes)
    }
}

fn bounded(packed: impl std::io::Read) -> Result<Vec<u8>, ImportError> {
    let mut plain = Vec::new();
    let mut packed = packed.take(UNPACKED_BYTES_MAX as u64 + 1);
    std::io::Read::read_to_end(&mut packed, &mut plain).map_err(ImportError::Packed)?;
    if plain.len() > UNPACKED_BYTES_MAX { Err(ImportError::TooLarge) } else { Ok(plain) }
}
