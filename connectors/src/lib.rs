//! Where bytes come from and go.
//!
//! ```text
//! files     feed files: NDJSON, gzip, zstd, CSV, Parquet -> blocks of lines
//! kafka     the ports on Apache Kafka
//! log       the ports: what the engine sees of Kafka or of a folder
//! regions   the national risk-area list (names) -> region codes
//! ```
//!
//! Must never know a rule or a colour's meaning.

pub mod files;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod log;
pub mod regions;
