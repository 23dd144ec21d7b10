//! The engine over files, with a virtual clock (docs/feeds.md section 3).
//!
//! ```text
//! tick      the clock of a replay: multiples of the tick since the Unix epoch
//! decode    sources -> evidence batches by partition, and rejects
//! store     batches until they are judged, in memory or on disk; rows in the order of ticks
//! links     trace and the stages that link, window by window, ahead of the people
//! task      one partition, tick by tick
//! schedule  the packs that take over, each at its instant
//! run       all of it, in order; partitions each on a thread of its own
//! sink      where changes and rejects go
//! spool     changes and rejects on disk, merged at the end
//! spooled   a replay whose changes and rejects are spooled
//! watch     what is counted besides: missed windows, short greens
//! ```
//!
//! Memory follows the state and not the input: decoded batches beyond a limit, changes and rejects are on disk until
//! they are needed. Nothing is judged before the last source was read to its end.
//!
//! Evidence is a set, so within a tick order means nothing, and the answer depends on the records and the tick alone,
//! not on the number of workers. Replay forgets nothing. Never reads a wall clock.

mod decode;
mod links;
mod run;
mod schedule;
mod sink;
mod spool;
mod spooled;
mod store;
mod task;
mod tick;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use fuma_connectors::files::{FeedFile, FileError, Oversize};
use fuma_schemas::{CodeChange, Feed, Instant, Person, RejectCode};

use crate::assess::{AssessError, StepLimits};
use crate::evidence::{Limits, Memory};
use crate::intake;
use crate::linked::LinkedCounts;
use crate::policy::Pack;
use crate::trace::LinkBatchError;

pub use run::{Finished, finish, known, run, state};
pub use schedule::{Switch, Switched};
pub use sink::Tally;
pub use spooled::{Spooled, spooled};
pub use tick::Tick;

/// Where records come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of a feed.
    File(FeedFile),
    /// A file's bytes in memory; the end of the name says the format.
    Bytes {
        /// The feed.
        feed: Feed,
        /// The name of the file, for rejects.
        name: String,
        /// Its bytes.
        bytes: Arc<[u8]>,
    },
}

/// How to replay.
#[derive(Clone)]
pub struct Options {
    /// The pack, which holds for all time, or until another takes over.
    pub pack: Arc<Pack>,
    /// The packs that take over, in the order of their instants.
    pub later: Vec<Switch>,
    /// The tick.
    pub tick: Tick,
    /// The last instant; none: the first tick at or after the last record.
    pub until: Option<Instant>,
    /// How many threads and partitions; at least 1.
    pub workers: usize,
    /// What intake needs.
    pub intake: Arc<intake::Settings>,
    /// What is kept in memory and judged at once, and where the rest goes.
    pub bounds: Bounds,
}

/// What a replay keeps in memory and judges at once, and where the rest goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// A folder with room for the decoded evidence and the changes. The files in it have no name: the system removes
    /// them whatever happens.
    pub folder: PathBuf,
    /// The bytes of decoded evidence that are kept in memory, over all partitions.
    pub evidence_bytes: usize,
    /// How much one step judges.
    pub step: StepLimits,
    /// How many facts of a kind one person may have.
    pub facts: Limits,
}

impl Default for Bounds {
    /// The system's folder for such files.
    fn default() -> Bounds {
        Bounds {
            folder: std::env::temp_dir(),
            evidence_bytes: EVIDENCE_BYTES,
            step: StepLimits::default(),
            facts: Limits::default(),
        }
    }
}

/// What decoded evidence may take in memory: some five million records. What goes to disk is written and read once
/// more.
const EVIDENCE_BYTES: usize = 512 << 20;
/// What changes may take in memory, over all partitions, before they go to disk; and rejects the same.
const OUTPUT_BYTES: usize = 512 << 20;

/// A rejected record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The feed.
    pub feed: Feed,
    /// The base name of the file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// The code.
    pub code: RejectCode,
    /// Which field, and what is expected of it.
    pub message: String,
    /// The record as it came; its first bytes where it is too large. It may hold an identity.
    pub raw: Vec<u8>,
    /// Of a record that is too large, what `raw` does not say.
    pub oversize: Option<Oversize>,
}

impl Rejected {
    /// Appends the reject as one line, without the line end.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut line = serde_json::json!({
            "feed": self.feed.name(),
            "file": &*self.file,
            "line": self.line,
            "code": self.code.name(),
            "message": self.message,
            "raw": String::from_utf8_lossy(&self.raw),
        });
        if let Some(oversize) = &self.oversize {
            line["length"] = oversize.length.into();
            line["sha256"] = oversize.sha256_hex().into();
        }
        out.extend_from_slice(line.to_string().as_bytes());
    }
}

/// What a replay came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By decided_at, then person.
    pub changes: Vec<CodeChange>,
    /// By feed, file, line.
    pub rejects: Vec<Rejected>,
    /// What was counted.
    pub counts: Counts,
}

/// What a replay counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Records read, good and bad.
    pub records: u64,
    /// Fields that no feed knows, dropped.
    pub unknown_fields: u64,
    /// Records of phones, attached or waiting, and what tracing came to.
    pub linked: LinkedCounts,
    /// Records of one fact and revision with other contents.
    pub conflicts: u64,
    /// People with evidence.
    pub people: u64,
    /// Facts.
    pub facts: u64,
    /// Contacts that became known when their window was over: they give no colour. None where the pack does not declare
    /// for how many days a contact is watched.
    pub missed_windows: Option<u64>,
    /// Announced greens that lasted less than 24 h.
    pub short_greens: u64,
    /// Announced green, yellow and red at the end.
    pub colours: [u64; 3],
    /// The state's memory, by partition.
    pub memory: Vec<Memory>,
    /// Changes by colour and rule, rejects by code.
    pub tally: Tally,
    /// People with more facts than are judged: they keep the state that was announced.
    pub crowded: u64,
    /// People on whom a rule failed: they keep the state that was announced.
    pub failed: u64,
    /// Of them the first hundred by token, and why.
    pub left_out: Vec<(Person, String)>,
    /// What announced colours and dues take besides.
    pub announced_bytes: u64,
    /// The last tick; none when no record was accepted by then.
    pub last_tick: Option<Instant>,
    /// The switches that happened, in order.
    pub switched: Vec<Switched>,
}

/// Is told how far a replay is, from any thread.
pub trait Progress: Sync {
    /// Records decoded since the last call.
    fn decoded(&self, _records: u64) {}
    /// A partition has reached a clock: people by colour there (green, yellow, red), and changes since the last call.
    fn judged(&self, _partition: usize, _clock: Instant, _colours: [u64; 3], _changes: u64) {}
}

/// Nobody listens.
pub struct Silent;

impl Progress for Silent {}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A source cannot be read to its end.
    #[error("{0}")]
    Source(#[from] FileError),
    /// The state or the rules failed.
    #[error("{0}")]
    Assess(#[from] AssessError),
    /// Trace failed.
    #[error("contacts cannot be traced: {0}")]
    Trace(#[from] LinkBatchError),
    /// What did not fit into memory cannot be kept.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A thread ended without an answer: a bug.
    #[error("a worker ended without an answer; please report this")]
    Worker,
}

/// Why something cannot be kept on disk until it is needed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk does not take it.
    #[error(
        "{folder}: what does not fit into memory cannot be kept here: {source}; make room, or set TMPDIR to a folder \
         with room"
    )]
    Disk {
        /// The folder.
        folder: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It cannot be read back.
    #[error("what was kept on disk cannot be read back: {0}")]
    Lost(std::io::Error),
    /// A batch cannot be written or read: a bug.
    #[error("decoded evidence cannot be kept: {0}")]
    Batch(#[from] arrow::error::ArrowError),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use fuma_connectors::files::RECORD_BYTES_MAX;

    use super::*;

    /// Of a record that is too large the line has its first bytes, how long it is and the digest of all of it
    /// (docs/feeds.md section 3); of any other it has neither.
    #[test]
    fn a_reject_line_says_how_long_a_large_record_is() {
        let record = vec![b'a'; RECORD_BYTES_MAX + 1];
        let rejected = Rejected {
            feed: Feed::Tests,
            file: "tests.ndjson".into(),
            line: 7,
            code: RejectCode::TooLarge,
            message: "too large".to_owned(),
            raw: record.get(..5).unwrap().to_vec(),
            oversize: Oversize::of(&record),
        };
        let line = |rejected: &Rejected| -> serde_json::Value {
            let mut line = Vec::new();
            rejected.write_json(&mut line);
            serde_json::from_slice(&line).unwrap()
        };
        let large = line(&rejected);
        assert_eq!((&large["feed"], &large["line"], &large["code"]), (&"tests".into(), &7.into(), &"too-large".into()));
        assert_eq!(large["raw"], "aaaaa");
        assert_eq!(large["length"], RECORD_BYTES_MAX as u64 + 1);
        assert_eq!(large["sha256"], fuma_connectors::files::sha256_hex(&record));
        let small = line(&Rejected { code: RejectCode::BadJson, oversize: None, ..rejected });
        assert_eq!(small.get("length").or(small.get("sha256")), None);
        assert_eq!(small["code"], "bad-json");
    }
}
