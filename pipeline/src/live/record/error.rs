//! Why a message of the evidence log or the link log cannot be read.
//!
//! Owns the codes. Must never repeat what the message holds.

use fuma_schemas::evidence::LOG_SCHEMA_VERSION;

/// A message that cannot be read, or rows that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Nothing that this program wrote.
    #[error("no record of this log: something else writes to the topic, take its right to do so")]
    Foreign,
    /// Another build wrote it.
    #[error("log schema {0}, and this build reads {LOG_SCHEMA_VERSION}: run the build that wrote it until it is read")]
    SchemaVersion(u8),
    /// The checksum says that bytes were changed or are missing.
    #[error("the checksum does not fit: the log damaged the record")]
    Checksum,
    /// The checksum fits, but the sections do not.
    #[error("section {0} does not fit the layout: the build that wrote it had an error")]
    Layout(u16),
    /// Rows that are not of the schema of their section.
    #[error("rows of another schema than that of their section: an error of this build")]
    Rows,
}

impl RecordError {
    /// A short name, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            RecordError::Foreign => "record-foreign",
            RecordError::SchemaVersion(_) => "record-schema-version",
            RecordError::Checksum => "record-checksum",
            RecordError::Layout(_) => "record-layout",
            RecordError::Rows => "record-rows",
        }
    }
}
