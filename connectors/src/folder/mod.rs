//! The log in a folder: the ports for one process, without a broker, with the same promises.
//!
//! ```text
//! frame, scan, segments   records with checksums in files; what a kill leaves behind
//! identity                tells a log from one that is made at the same place later
//! journal                 a transaction is one frame: its sync is the commit
//! store                   the folder as a whole, its lock and its layout
//! worker, streams, keyed, decisions   the ports
//! rejects                 dead letters as files
//! feeds                   watched folders and standard input
//! tail                    changes as they are announced, for another process
//! watching                a look from outside: positions, bounds, what the process says of itself
//! outside                 the past of partitions, read from outside
//! ```
//!
//! Nothing is acknowledged before it is synced, and nobody reads what is not. Owns the layout on the disk. Must never
//! be opened by two processes.

mod decisions;
mod feeds;
mod frame;
mod identity;
mod journal;
mod keyed;
mod outside;
mod rejects;
mod scan;
mod segments;
mod signal;
mod store;
mod streams;
mod tail;
#[cfg(test)]
mod tests;
mod watching;
mod worker;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuma_schemas::Feed;

use crate::log::{
    Appender, Decisions, FeedSource, KeyedSource, LinkSource, Log, LogError, Reference, RestoreLog, Topic,
    TopicIdentity, Watching, WorkerLog,
};

pub use feeds::{BAD_ROW_HEADER, TOO_LARGE_HEADER};
pub use outside::FolderOutside;
pub use tail::{FolderTail, TailChange};
pub use watching::FolderWatching;

use store::Store;

/// For how long a watched file stands still before its last line is read without an end, unless said otherwise.
const SETTLE: Duration = Duration::from_secs(60);

/// How a folder is opened.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// The state folder (`--state`).
    pub dir: PathBuf,
    /// Partitions of evidence; fixed when the folder is made.
    pub partitions: u32,
    /// Worker slots, from 0: slot s has the partitions p with p mod workers = s.
    pub workers: usize,
    /// Folders of feed files that are followed.
    pub watched: Vec<PathBuf>,
    /// For how long a file of them stands still before a last line without an end is read.
    pub settle: Duration,
    /// The feed whose records standard input has, one a line.
    pub standard_input: Option<Feed>,
    /// The size of a segment.
    pub segment_bytes: u64,
    /// The fingerprint of the key of the person tokens, in hex: written into the folder, and compared ever after.
    /// None: not known here, and not compared.
    pub key: Option<String>,
}

impl FolderOptions {
    /// A folder without feeds, with the usual segments.
    pub fn new(dir: impl Into<PathBuf>, partitions: u32, workers: usize) -> FolderOptions {
        FolderOptions {
            dir: dir.into(),
            partitions: partitions.max(1),
            workers: workers.max(1),
            watched: Vec::new(),
            settle: SETTLE,
            standard_input: None,
            segment_bytes: segments::SEGMENT_BYTES,
            key: None,
        }
    }
}

/// The log in a folder; clones are handles of the same.
#[derive(Clone, Debug)]
pub struct FolderLog(Arc<Store>);

impl FolderLog {
    /// Opens a folder, makes it if it is not there, and keeps other processes out.
    ///
    /// # Errors
    /// When another process has it, when it was made for another number of partitions, or when it is damaged: the
    /// message names the file and says what to do.
    pub fn open(options: &FolderOptions) -> Result<FolderLog, LogError> {
        feeds::watched(&options.watched)?;
        Ok(FolderLog(Arc::new(Store::open(options)?)))
    }

    /// Takes evidence segments away that lie whole below an offset; says where the partition begins now. To be called
    /// when two snapshots hold what is below.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn trim(&self, partition: u32, below_offset: u64) -> Result<u64, LogError> {
        self.0.evidence(partition)?.trim(below_offset)
    }

    /// The same of the link log.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn trim_links(&self, below_offset: u64) -> Result<u64, LogError> {
        self.0.links.trim(below_offset)
    }
}

impl Log for FolderLog {
    fn partitions(&self) -> u32 {
        self.0.partitions
    }

    /// Opening has checked it.
    fn check(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// Slot 0 has all feeds; others have none.
    fn feeds(&self, slot: usize) -> Result<Box<dyn FeedSource>, LogError> {
        Ok(Box::new(feeds::FolderFeeds::new(&self.0, slot)?))
    }

    fn appender(&self, _name: &str) -> Result<Box<dyn Appender>, LogError> {
        Ok(Box::new(streams::FolderAppender::new(&self.0)))
    }

    fn links(&self) -> Result<Box<dyn LinkSource>, LogError> {
        Ok(Box::new(streams::FolderLinks::new(&self.0)))
    }

    fn keyed(&self, topic: Topic) -> Result<Box<dyn KeyedSource>, LogError> {
        Ok(Box::new(keyed::FolderKeyed::new(&self.0, topic)))
    }

    fn reference(&self) -> Result<Box<dyn Reference>, LogError> {
        Ok(Box::new(streams::FolderReference::new(&self.0)))
    }

    fn worker(&self, slot: usize) -> Result<Box<dyn WorkerLog>, LogError> {
        Ok(Box::new(worker::FolderWorker::new(&self.0, slot)?))
    }

    fn decisions(&self) -> Result<Box<dyn Decisions>, LogError> {
        Ok(Box::new(decisions::FolderDecisions::new(&self.0)))
    }

    fn topics(&self) -> Result<Vec<TopicIdentity>, LogError> {
        Ok(self.0.topics())
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Range<u64>, LogError> {
        match topic {
            Topic::Changes => Ok(0..self.0.journal.end()),
            topic => Ok(self.0.log(topic, partition)?.bounds()),
        }
    }

    fn observer(&self) -> Result<Box<dyn RestoreLog>, LogError> {
        Ok(worker::observer(&self.0))
    }

    fn is_of_older_build(&self) -> bool {
        self.0.is_of_older_build
    }

    fn watching(&self) -> Result<Box<dyn Watching>, LogError> {
        Ok(Box::new(FolderWatching::within(&self.0)))
    }
}

/// The disk did not do as asked: what was in memory is of no use, and beginning anew may help (room was made).
fn failed(what: &str, path: &Path, error: &io::Error) -> LogError {
    LogError::fatal(format!("{}: cannot {what}: {error}", path.display()))
}

fn damaged(path: &Path, place: u64, message: &str) -> LogError {
    let path = path.display();
    LogError::operator(format!(
        "{path}: place {place}: {message}; put the file back from a copy, or begin another folder"
    ))
}
