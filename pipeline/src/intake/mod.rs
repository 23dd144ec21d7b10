//! Intake: the bytes of one raw record in, a row of evidence or a reject out (docs/feeds.md sections 1 and 2).
//!
//! ```text
//! read           bytes -> the known fields of the feed, each with its JSON type
//! scan           the same of plain records, fast
//! fields         what is known of each feed, and how each field is checked
//! who            whom a record is about: a key, a certificate or a phone
//! check, whole   the checks of one field; those over the whole record
//! key, phone, resident_id, identity, conveyance, owners, region_code, lines   what the checks ask
//! builders       rows -> Arrow batches, one per kind of evidence
//! decode         the order of it all
//! row            the same for records that are made field by field, by importers
//! ```
//!
//! Identities end here (I-8): a certificate number becomes a token, and neither a message nor a log repeats what a
//! record holds. Pure: no I/O, no clock, no randomness. Bad input is data (I-9): it yields a [`Reject`], never a
//! panic.

mod builders;
mod check;
mod conveyance;
mod decode;
mod fields;
mod identity;
mod key;
mod lines;
mod owners;
mod phone;
mod read;
mod region_code;
mod reject;
pub mod resident_id;
pub mod row;
mod scan;
#[cfg(test)]
mod tests;
mod who;
mod whole;

pub use builders::EvidenceBuilders;
pub use decode::{Accepted, Arrival, Decoder, Settings};
pub(crate) use identity::is_clean;
pub use key::{Key, KeyError, person_token};
pub use lines::LineError;
pub use owners::Owners;
pub(crate) use owners::is_owner;
pub use region_code::RegionTable;
pub use reject::Reject;
pub use who::person_of_certificate;
