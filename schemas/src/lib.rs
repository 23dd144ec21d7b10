//! What things are: instants, people, feeds, closed lists, evidence tables, colours, reasons and code changes.
//!
//! The order of the modules is the order of the data:
//!
//! ```text
//! instant, person      the two values that everything carries
//! vocabulary           the closed lists of the feeds (classification, degree, stage ...)
//! feed                 the feeds, their fields and the codes of a reject
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
pub mod vocabulary;

pub use change::{CodeChange, Reason};
pub use colour::Colour;
pub use evidence::Kind;
pub use feed::{Feed, RejectCode};
pub use instant::Instant;
pub use person::Person;
