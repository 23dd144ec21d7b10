//! The log of decisions and its fold, shared by the threads of a process.
//!
//! Owns the reader. What is asked for is answered from what was read; who needs the newest reads on first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuma_connectors::log::{Decisions, Log, LogError};

use super::basis::Switch;
use super::fold::{Fold, Word};
use super::installation::Installation;
use super::record::{Accepted, Record, RecordFault, Used};

/// Why decisions cannot be gone by.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record is not understood: it may forbid what is about to be done.
    #[error(
        "record {offset} of the log of decisions {fault}. Start a build that is at least as new; nothing is lost until \
         then"
    )]
    NotUnderstood {
        /// Where.
        offset: u64,
        /// Why.
        fault: RecordFault,
    },
}

/// The decisions as the process knows them. Copies are handles of the same.
#[derive(Clone)]
pub struct DecisionLog(Arc<Mutex<Inner>>);

struct Inner {
    port: Box<dyn Decisions>,
    fold: Fold,
}

impl std::fmt::Debug for DecisionLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("DecisionLog").field(&self.inner().fold).finish()
    }
}

impl DecisionLog {
    /// The decisions of a log, read to its end.
    ///
    /// # Errors
    /// When they cannot be read, or not be understood.
    pub fn open(log: &dyn Log) -> Result<DecisionLog, DecisionError> {
        let decisions = DecisionLog(Arc::new(Mutex::new(Inner { port: log.decisions()?, fold: Fold::default() })));
        decisions.refresh()?;
        Ok(decisions)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads on to the end that the log has now.
    ///
    /// # Errors
    /// When it cannot be read, or holds what this build does not understand.
    pub fn refresh(&self) -> Result<(), DecisionError> {
        let mut inner = self.inner();
        let Inner { port, fold } = &mut *inner;
        port.read(&mut |record| fold.take(record.offset, record.timestamp, &record.value))?;
        match fold.not_understood() {
            None => Ok(()),
            Some((offset, fault)) => Err(DecisionError::NotUnderstood { offset: *offset, fault: fault.clone() }),
        }
    }

    /// What was read, as it stands.
    pub fn fold(&self) -> Fold {
        self.inner().fold.clone()
    }

    /// The switches in order, of what was read so far.
    pub fn schedule(&self) -> Vec<Switch> {
        self.inner().fold.schedule().to_vec()
    }

    /// The installation; none before it is made.
    pub fn installation(&self) -> Option<Installation> {
        self.inner().fold.installation().cloned()
    }

    /// Writes a record, and reads on to behind it.
    ///
    /// # Errors
    /// When it cannot be written, or what was written before it is not understood.
    pub fn write(&self, record: &Record) -> Result<(), DecisionError> {
        let value = record.to_bytes().map_err(|error| LogError::fatal(error.to_string()))?;
        self.inner().port.append(value)?;
        self.refresh()
    }

    /// An operator's word is written.
    ///
    /// # Errors
    /// See [`DecisionLog::write`].
    pub fn accept(&self, accepted: Accepted) -> Result<(), DecisionError> {
        self.write(&Record::Accepted(accepted))
    }

    /// The oldest word that accepts exactly this and was not used up, of what was read so far.
    pub fn accepted(&self, reason: &str, partition: u32, digest: &str) -> Option<Word> {
        self.inner().fold.accepted(reason, partition, digest)
    }

    /// Uses a word up. Whether it was this owner's to use: another may have been first.
    ///
    /// # Errors
    /// When that cannot be written or known; the word is not to be acted on then.
    pub fn use_up(&self, word: &Word, owner: &str, at: i64) -> Result<bool, DecisionError> {
        self.write(&Record::Used(Used { word: word.offset, owner: owner.to_owned(), at }))?;
        Ok(self.inner().fold.used_by(word.offset) == Some(owner))
    }
}
