//! What can go wrong with a snapshot, and what to do then.
//!
//! Owns the words. A snapshot that cannot be written is written later, one that is damaged is passed over for the
//! older; one that is whole and not understood is refused by name. A store that does not answer says nothing about what
//! is in it: it is asked again.

use parquet::errors::ParquetError;

use crate::evidence::TableError;

/// Why a snapshot could not be written, found or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A place that no store serves.
    #[error("snapshots cannot be kept at {location:?}: {why}; use a folder or s3://bucket/prefix")]
    Location {
        /// The place as it was given, without what follows the host.
        location: String,
        /// What is wrong.
        why: String,
    },
    /// The store did not do what it was asked.
    #[error("cannot {what} {file}: {source}")]
    Store {
        /// What was asked.
        what: &'static str,
        /// Of which file.
        file: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// The store did not answer.
    #[error("cannot {what} {file}: the store has not answered for {seconds} s")]
    Silent {
        /// What was asked.
        what: &'static str,
        /// Of which file.
        file: String,
        /// For how long it was waited for.
        seconds: u64,
    },
    /// The folder of all snapshots is not there (any more).
    #[error(
        "the folder of snapshots {folder} is not there: bring it back, or mount it, as the user that this process runs \
         as. It is not created again: that would look as if there had never been a snapshot"
    )]
    NoFolder {
        /// The folder.
        folder: String,
    },
    /// The folder did not do what it was asked.
    #[error("cannot {what} {file}: {source}")]
    Folder {
        /// What was asked.
        what: &'static str,
        /// Of which file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not as it was written.
    #[error("{file} of a snapshot is damaged: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A newer build wrote it.
    #[error(
        "snapshot {file} has {what}, which this build does not know: a newer fuma wrote it. Start a build that is at \
         least as new; nothing is lost until then"
    )]
    Newer {
        /// The manifest, or the snapshot.
        file: String,
        /// What is not known.
        what: String,
    },
    /// It was written for something else.
    #[error("snapshot {file} is {what}: something mixed two places of snapshots. Give each installation its own place")]
    Alien {
        /// The snapshot.
        file: String,
        /// What it is of, and what it should be of.
        what: String,
    },
    /// The tables cannot be built or taken back.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// A table cannot be encoded.
    #[error("a table of the snapshot cannot be encoded: {0}")]
    Encode(#[from] ParquetError),
    /// The system has no room for the thread or its runtime.
    #[error("no room to read or write snapshots: {0}")]
    System(#[source] std::io::Error),
    /// The thread that writes is gone, or the snapshot was given up.
    #[error("the snapshot was given up before it was finished")]
    GivenUp,
}

impl SnapshotError {
    /// Whether it is whole, and yet not understood: to pass over it would lose what it holds.
    pub fn is_not_understood(&self) -> bool {
        matches!(self, SnapshotError::Newer { .. } | SnapshotError::Alien { .. } | SnapshotError::Tables(_))
    }

    /// Whether the store did not say what there is: that is not the same as nothing, and may pass.
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            SnapshotError::Store { .. }
                | SnapshotError::Silent { .. }
                | SnapshotError::NoFolder { .. }
                | SnapshotError::Folder { .. }
                | SnapshotError::System(_)
        )
    }
}
