//! Apache Kafka.
//!
//! ```text
//! connection      how to reach a cluster
//! admin           topics: made, and compared with topic_settings
//! publisher       raw records to the topics of feeds
//! dead_letters    what could not be used, to be sent again
//! changes         announced changes, live
//! ```
//!
//! Owns everything that knows rdkafka. Must never know a rule or a colour's meaning.

pub mod admin;
mod changes;
mod connection;
mod dead_letters;
mod publisher;
mod reading;
mod topic_settings;

pub use changes::{AnnouncedChange, ChangeReader};
pub use connection::Connection;
pub use dead_letters::{ATTEMPT_HEADER, DeadLetter, DeadLetters, ERROR_HEADERS};
pub use publisher::{Publisher, RawRecord};
