//! Everything stored knows what it belongs to: the installation is recorded once, and compared with what is there.
//!
//! ```text
//! port     the log of decisions: what was appended is read, by everybody, in one order
//! takeover what changed while processes ran
//! start    the first start, and starts where something is other than it was
//! ```
//!
//! Owns no broker: a cluster in memory and a folder. The same on Apache Kafka: `kafka_log`, `kill_matrix`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod port;
mod start;
mod takeover;
