//! The ports on a real Apache Kafka.
//!
//! ```text
//! beginnings   the first records to a topic that is just being made
//! cluster      topics of a test's own, and what a reader of committed records sees
//! commits      what a transaction shows, hides and fences
//! takeovers    partitions that move, restores, transactions that hang
//! decisions    the log of decisions, and what topics are known again by
//! streams      feeds, appender, links, reference, clock
//! speed        measured when asked: cargo test ... -- --ignored
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod beginnings;
mod cluster;
mod commits;
mod decisions;
mod speed;
mod streams;
mod takeovers;
