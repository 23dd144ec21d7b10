//! The layout of a record of the evidence log and of the link log: several sections of Arrow IPC in one message.
//!
//! ```text
//! message   magic u8 | LOG_SCHEMA_VERSION u8 | sections u16 | crc32 of all else u32 | sections
//! section   tag u8, 3 bytes 0 | metadata length u32 | body length u32 | rows u32 | IPC metadata | IPC body
//! ```
//!
//! Whole numbers are little-endian; metadata and body are filled up to 8 bytes, so that an aligned message is read
//! without a copy. The tag is the code of a kind, 10 for regions, 11 for verdicts. The schema does not travel: it is
//! `log_schema(kind)` and the two live columns at its end, of the version in the header.
//!
//! Owns the layout. Must never judge a row. A damaged message is an error (the checksum is compared before anything
//! else is believed), never a panic.

mod error;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod verdicts;
mod write;

pub use error::RecordError;
pub use read::{Causes, Section, read};
pub use schema::{live_schema, verdict_schema, with_causes};
pub use verdicts::{VerdictRow, VerdictRows, Verdicts};
pub use write::RecordWriter;

/// What every message begins with.
const MAGIC: u8 = 0xfa;
/// Bytes before the first section.
const HEAD_BYTES: usize = 8;
/// Where the checksum is.
const CHECKSUM_AT: usize = 4;
/// Bytes before a section's metadata.
const SECTION_HEAD_BYTES: usize = 16;
/// Metadata and bodies are multiples of it.
const ALIGNMENT: usize = 8;
/// The tag of verdicts; kinds have their codes.
const VERDICTS: u8 = 11;

/// The checksum of a message: of all but the checksum itself.
fn checksum(message: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(message.get(..CHECKSUM_AT).unwrap_or_default());
    hasher.update(message.get(HEAD_BYTES..).unwrap_or_default());
    hasher.finalize()
}
