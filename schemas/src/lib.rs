//! What things are: instants, people, feeds, closed lists, evidence tables, colours, reasons and code changes.
//!
//! The order of the modules is the order of the data:
//!
//! ```text
//! instant, person      the two values that everything carries
//! region               region codes: their shape and their normal form
//! vocabulary           the closed lists of the feeds (classification, degree, stage ...)
//! feed                 the feeds, and the codes of a reject
//! registry             the fields of every feed, each described once
//! evidence             the evidence tables: what intake writes and what rules see
//! colour, change       the answer: colours, reasons, code changes
//! documents            what other systems build against: JSON Schemas and AsyncAPI, generated from these types
//! ```
//!
//! This crate never does I/O, and knows neither Kafka nor DataFusion.

pub mod change;
pub mod colour;
pub mod documents;
pub mod evidence;
pub mod feed;
pub mod instant;
pub mod person;
pub mod region;
pub mod registry;
pub mod vocabulary;

pub use change::{CodeChange, Reason};
pub use colour::Colour;
pub use evidence::Kind;
pub use feed::{Feed, RejectCode};
pub use instant::Instant;
pub use person::{Person, Phone};
