//! The layout of a record of the engine's own logs: several sections of Arrow IPC in one message.
//!
//! ```text
//! message   magic u8 | FORMAT u8 | flags u16 | crc32 of all else u32
//!           installation 8 bytes | token key 8 bytes | sections u32 | 0 u32 | sections
//! section   tag u8 | marks u8 | list of columns u16 | metadata length u32 | body length u32 | rows u32
//!           [derived: stage u8, 7 bytes 0 | epoch u64] | IPC metadata | IPC body
//! control   the same head with tag 255, no metadata, no rows
//!           body: what u8 | stage u8, 6 bytes 0 | epoch u64 | mark u64
//! ```
//!
//! Whole numbers are little-endian; metadata and body are filled up to 8 bytes, so that an aligned message is read
//! without a copy. No schema travels: tag and list stand for the columns (`columns`), by name and for good. Marks: 1 =
//! the rows are a phone's, not a person's; 2 = the rows are derived by a stage, whose greatest (epoch, version) wins.
//! Flags, marks, tags and lists that are not known are a newer build's: refused by name, never passed over.
//!
//! Format 1 had `magic u8 | 1 | sections u16 | crc32 u32` in front and zeros behind each tag. It is read for ever.
//!
//! Owns the layout. Must never judge a row. A damaged message is an error (the checksum is compared before anything
//! else is believed), never a panic.

mod columns;
mod derived;
mod error;
mod fingerprint;
mod forgotten;
mod halves;
mod read;
mod rides;
mod schema;
mod section;
mod tag;
#[cfg(test)]
mod tests;
mod told;
mod verdicts;
mod write;

pub use columns::{codes_of_table, newest_of};
pub use derived::{SaidRow, derived_batches, derived_rows};
pub use error::RecordError;
pub use fingerprint::{Fingerprint, Origin};
pub use forgotten::{ForgottenRow, forgotten_batch, forgotten_rows};
pub use halves::halves;
pub use read::{read, read_as};
pub use rides::{RideRow, rides_batch, rides_rows};
pub use schema::{
    derived_live_schema, forgotten_schema, live_schema, phone_live_schema, rides_schema, told_schema, verdict_schema,
    with_causes, with_causes_of_phone,
};
pub use section::{Causes, Control, Derived, Section, Stage};
pub use told::{ToldRow, told_batch, told_rows};
pub use verdicts::{VerdictRow, VerdictRows, Verdicts};
pub use write::RecordWriter;

/// What every message begins with.
const MAGIC: u8 = 0xfa;
/// The format that is written; every one up to it is read.
const FORMAT: u8 = 2;
/// Bytes before the first section, by format.
const HEAD_BYTES_1: usize = 8;
const HEAD_BYTES: usize = 32;
/// Where the checksum is, in every format.
const CHECKSUM_AT: usize = 4;
const CHECKSUM_END: usize = 8;
const INSTALLATION_AT: usize = 8;
const KEY_AT: usize = 16;
const SECTIONS_AT: usize = 24;
/// Bytes before a section's metadata.
const SECTION_HEAD_BYTES: usize = 16;
/// Bytes that follow it where rows are derived.
const DERIVED_BYTES: usize = 16;
/// Metadata and bodies are multiples of it.
const ALIGNMENT: usize = 8;

/// The rows are a phone's.
const OF_PHONE: u8 = 1;
/// The rows are derived by a stage.
const IS_DERIVED: u8 = 2;

const _: () = assert!(HEAD_BYTES.is_multiple_of(ALIGNMENT) && HEAD_BYTES_1.is_multiple_of(ALIGNMENT));
const _: () = assert!(SECTION_HEAD_BYTES.is_multiple_of(ALIGNMENT) && DERIVED_BYTES.is_multiple_of(ALIGNMENT));
const _: () = assert!(SECTIONS_AT + 8 == HEAD_BYTES && KEY_AT + 8 == SECTIONS_AT && INSTALLATION_AT + 8 == KEY_AT);

/// The checksum of a message: of all but the checksum itself.
fn checksum(message: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(message.get(..CHECKSUM_AT).unwrap_or_default());
    hasher.update(message.get(CHECKSUM_END..).unwrap_or_default());
    hasher.finalize()
}
