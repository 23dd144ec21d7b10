//! Where bytes come from and go.
//!
//! ```text
//! client_settings   which settings of librdkafka are the operator's
//! files             feed files: NDJSON, gzip, zstd, CSV, Parquet -> blocks of lines
//! kafka             Apache Kafka                                          (feature kafka)
//! folder            the ports on a folder: the log of one process, and feeds from watched folders
//! log               the ports: what the engine sees of Kafka or of a folder
//! tables            CSV, workbooks, Parquet and JSON as people send them -> rows of cells
//! timetables        GTFS and train tables -> when a train calls where
//! regions           the national risk-area list (names) -> region codes
//! ```
//!
//! Must never know a rule or a colour's meaning.

pub mod client_settings;
pub mod files;
pub mod folder;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod log;
pub mod regions;
pub mod tables;
pub mod timetables;
