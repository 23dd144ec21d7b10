//! The manifest: what a snapshot is made of.
//!
//! ```text
//! {"crc32":"9f1c22aa","manifest":{ ... }}      the checksum is of the text of the inner object
//! ```
//!
//! Owns names, the format's version and the seal. A manifest that does not parse or whose seal is broken is damage,
//! never a guess.

use std::collections::BTreeMap;

use fuma_schemas::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::SnapshotError;
use crate::live::record::{Fingerprint, Origin, newest_of};

/// The manifest's file.
pub(super) const FILE: &str = "manifest.json";
/// The version of the layout of snapshots that is written; every one up to it is read.
const FORMAT: u32 = 2;
/// The table of names (fact, owner, id). Only accounts read it; a restore passes over it.
pub const NAMES: &str = "names";

/// What the caller says of a snapshot.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Meta {
    /// The offset from which its log is read on: the first that the snapshot may lack. Names are sorted by it.
    pub offset: u64,
    /// The commit clock, milliseconds UTC.
    pub clock_ms: i64,
    /// Who writes it: a transactional id. Only its hash is in the name.
    pub owner: String,
    /// The offset from which the own output is read on, if there is an output.
    pub output_offset: Option<u64>,
    /// When it was begun by the wall clock, milliseconds UTC (R-8).
    pub written_at_ms: i64,
    /// The ids of the rules behind the bits of `people.announced`, the lowest first.
    pub rules: Vec<String>,
    /// The position, as the caller keeps it.
    pub position: Value,
    /// What is written from format 2 on.
    #[serde(flatten)]
    pub since_2: Since2,
}

/// `people.announced` is the number of a state, not a mask of rules.
pub(super) const STATES_BY_NUMBER: &str = "announced-states";

/// There is a table that says where derived facts stand: without it they would be taken for records.
pub(super) const DERIVED_FACTS: &str = "derived-facts";

/// What a manifest says from format 2 on; all of it is absent in one of format 1.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Since2 {
    /// The fingerprint of the installation, if it is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub installation: String,
    /// The fingerprint of the key of the person tokens, if it is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// How many partitions the installation has; 0: not said.
    pub partitions: u32,
    /// Of each log, which offsets are in it: the first that was, and one past the last.
    pub logs: BTreeMap<String, (u64, u64)>,
    /// Of each kind, by which list of columns its codes are read (`live::record`).
    pub columns: BTreeMap<String, u16>,
    /// The announced states by number (a colour and its rules, with blanks between), where `people.announced` is a
    /// number; else it is a mask of `rules`.
    pub states: Vec<String>,
    /// What a reader must know to understand the tables: `announced-states`, `derived-facts`. Any other word is a newer
    /// build's.
    pub needs: Vec<String>,
}

impl Since2 {
    /// What this build writes, for an installation of so many partitions.
    pub fn of(origin: Origin, partitions: u32, logs: BTreeMap<String, (u64, u64)>) -> Since2 {
        let known =
            |fingerprint: Fingerprint| if fingerprint.is_known() { fingerprint.to_string() } else { String::new() };
        let columns = Kind::PERSONAL.into_iter().map(|kind| (kind.name().to_owned(), newest_of(kind)));
        Since2 {
            installation: known(origin.installation),
            key: known(origin.key),
            partitions,
            logs,
            columns: columns.collect(),
            ..Since2::default()
        }
    }
}

impl Meta {
    /// Whose it is.
    pub fn origin(&self) -> Origin {
        let fingerprint = |text: &str| Fingerprint::parse(text).unwrap_or_default();
        Origin { installation: fingerprint(&self.since_2.installation), key: fingerprint(&self.since_2.key) }
    }

    /// By which list of columns the codes of a kind are read.
    pub fn list_of(&self, kind: Kind) -> u16 {
        self.since_2.columns.get(kind.name()).copied().unwrap_or(1)
    }

    /// The name within the series: sorted by position, then by clock.
    pub(crate) fn name(&self) -> String {
        let owner = crc32fast::hash(self.owner.as_bytes());
        format!("{:020}-{:016}-{owner:08x}", self.offset, self.clock_ms.max(0))
    }
}

/// The series of the snapshots of a partition.
pub fn series_of_partition(partition: u32) -> String {
    format!("p{partition:04}")
}

/// The ids of the rules in a mask, by the list in [`Meta::rules`]: also those that the pack at hand does not know.
pub fn rules_in(mask: u64, rules: &[String]) -> impl Iterator<Item = &str> {
    rules.iter().take(64).enumerate().filter(move |(bit, _)| mask >> bit & 1 != 0).map(|(_, id)| id.as_str())
}

/// A file of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileEntry {
    /// The table that it is of.
    pub table: String,
    /// Its name in the snapshot's folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The CRC-32 of its bytes.
    pub crc32: u32,
    /// How many rows it holds.
    pub rows: u64,
}

/// What a snapshot is made of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The series: a partition, or links.
    pub series: String,
    /// What the writer was told.
    pub meta: Meta,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// The files, in the order in which they are to be read.
    pub files: Vec<FileEntry>,
}

#[derive(Deserialize)]
struct Sealed<'a> {
    crc32: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

/// What every version has.
#[derive(Deserialize)]
struct Versions {
    format: u32,
}

impl Manifest {
    pub(super) fn new(series: String, meta: Meta, files: Vec<FileEntry>) -> Manifest {
        let mut rows = BTreeMap::new();
        for file in &files {
            *rows.entry(file.table.clone()).or_insert(0) += file.rows;
        }
        Manifest { format: FORMAT, series, meta, rows, files }
    }

    /// Rows of all tables.
    pub fn rows_in_all(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn seal(&self) -> Result<Vec<u8>, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let crc32 = crc32fast::hash(text.as_bytes());
        Ok(format!("{{\"crc32\":\"{crc32:08x}\",\"manifest\":{text}}}\n").into_bytes())
    }

    /// Reads a sealed manifest; `file` is its name for an error.
    pub(super) fn unseal(file: &str, bytes: &[u8]) -> Result<Manifest, SnapshotError> {
        let damaged = |what: String| SnapshotError::Damaged { file: file.to_owned(), what };
        let sealed: Sealed<'_> = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        let text = sealed.manifest.get();
        if format!("{:08x}", crc32fast::hash(text.as_bytes())) != sealed.crc32 {
            return Err(damaged("its checksum is another".to_owned()));
        }
        let versions: Versions = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        let newer = |what: String| SnapshotError::Newer { file: file.to_owned(), what };
        if versions.format > FORMAT {
            return Err(newer(format!("format {}", versions.format)));
        }
        let manifest: Manifest = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        if let Some(need) =
            manifest.meta.since_2.needs.iter().find(|need| ![STATES_BY_NUMBER, DERIVED_FACTS].contains(&need.as_str()))
        {
            return Err(newer(format!("a table or column {need}")));
        }
        for fingerprint in [&manifest.meta.since_2.installation, &manifest.meta.since_2.key] {
            if !fingerprint.is_empty() && Fingerprint::parse(fingerprint).is_none() {
                return Err(damaged("a fingerprint is none".to_owned()));
            }
        }
        Ok(manifest)
    }
}
