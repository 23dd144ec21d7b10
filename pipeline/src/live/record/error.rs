//! Why a message of a log cannot be read.
//!
//! Owns the codes, and which of them a log may be read on from. Must never repeat what the message holds.

use super::fingerprint::Fingerprint;

/// A message that cannot be read, or rows that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Nothing that this program wrote.
    #[error("not a record of this log: something else writes to the topic; take away its right to do so")]
    Foreign,
    /// A newer build wrote it.
    #[error(
        "it has {0} {1}, which this build does not know: a newer fuma wrote it. Start a build that is at least as new; \
         nothing is lost until then"
    )]
    Newer(&'static str, u32),
    /// It was written under another key of the person tokens.
    #[error(
        "it was written with another key of the person tokens (fingerprint {found}; the one given here has {own}): \
         start with the key of this log"
    )]
    OtherKey {
        /// The fingerprint in the message.
        found: Fingerprint,
        /// That of this process.
        own: Fingerprint,
    },
    /// It belongs to another installation.
    #[error("it belongs to installation {found}, and this process to {own}: something mixed two logs")]
    OtherInstallation {
        /// The installation in the message.
        found: Fingerprint,
        /// That of this process.
        own: Fingerprint,
    },
    /// The checksum says that bytes were changed or are missing.
    #[error("the checksum does not fit: the log damaged the record")]
    Checksum,
    /// The checksum fits, but the sections do not.
    #[error("section {0} does not fit the layout: the build that wrote it had an error")]
    Layout(u32),
    /// The layout fits, but a value is none that its column can have.
    #[error("a value is not one of its column: the build that wrote it had an error")]
    Value,
    /// Rows that are not of the schema of their section.
    #[error("rows of another schema than that of their section: an error of this build")]
    Rows,
}

impl RecordError {
    /// A short name, for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            RecordError::Foreign => "record-foreign",
            RecordError::Newer(..) => "record-newer",
            RecordError::OtherKey { .. } => "record-other-key",
            RecordError::OtherInstallation { .. } => "record-other-installation",
            RecordError::Checksum => "record-checksum",
            RecordError::Layout(_) => "record-layout",
            RecordError::Value => "record-value",
            RecordError::Rows => "record-rows",
        }
    }

    /// Whether the message is damage from outside, which is counted and passed over (I-9). Everything else holds
    /// evidence that this build does not understand: to pass over it would lose it.
    pub fn is_damage(&self) -> bool {
        matches!(self, RecordError::Foreign | RecordError::Checksum)
    }
}
