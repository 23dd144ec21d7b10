//! Snapshots: a state as Parquet files in a folder or an S3-compatible store, written while its owner goes on.
//!
//! ```text
//! writer     pages of tables -> files, then the manifest       (a thread of its own)
//! manifest   what a snapshot is made of, and its checksums
//! format     tables of Arrow <-> Parquet
//! place      where snapshots are: a folder, a bucket, whose
//! store      which there are: listed, opened, pruned
//! calls      what is asked of a store, each within a deadline
//! reader     a snapshot -> tables, each file verified before it is read
//! ```
//!
//! ```text
//! <state>/snapshots/p0003/00000000000000123456-0001785412345678-9f1c22aa/people-0000.parquet
//!                   series          position     commit clock    owner  /manifest.json
//! ```
//!
//! Knows series, names, tables and a position that it hands through; what the tables mean, and whether a position is
//! of use (R-7, R-8), is the caller's. A snapshot without a manifest does not exist; the manifest is written last.
//! Every call blocks, for no longer than its deadline, and must be made neither on a thread that commits nor within an
//! async runtime. What a store does not answer is never taken for nothing.

mod calls;
mod error;
mod format;
mod manifest;
mod place;
mod reader;
mod store;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use error::SnapshotError;
pub use manifest::{FileEntry, Manifest, Meta, NAMES, Since2, rules_in, series_of_partition};
pub use reader::{Progress, Snapshot};
pub use store::{Found, Newest, SnapshotStore};
pub use writer::{SnapshotWriter, Written};
