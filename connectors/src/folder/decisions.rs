//! The log of decisions in a folder.
//!
//! Owns how far one reader is. Must never say that a record is safe before it is synced.

use std::sync::Arc;

use bytes::Bytes;

use super::segments::Cursor;
use super::store::{Store, now};
use crate::log::{Decisions, LogError, LogRecord};

/// Reads and writes decisions.
pub(super) struct FolderDecisions {
    store: Arc<Store>,
    cursor: Cursor,
}

impl FolderDecisions {
    pub(super) fn new(store: &Arc<Store>) -> FolderDecisions {
        FolderDecisions { store: Arc::clone(store), cursor: Cursor::new(0) }
    }
}

impl Decisions for FolderDecisions {
    fn append(&mut self, value: Bytes) -> Result<(), LogError> {
        self.store.decisions.write(now(), std::iter::once(value.as_ref()))?;
        self.store.decisions.sync()?;
        self.store.signal.raise();
        Ok(())
    }

    fn read(&mut self, each: &mut dyn FnMut(LogRecord)) -> Result<u64, LogError> {
        let log = &self.store.decisions;
        let bounds = log.bounds();
        if bounds.start > 0 {
            let begins = bounds.start;
            return Err(LogError::operator(format!(
                "the log of decisions begins at {begins}, not at 0: files of {} are missing. Put them back from a copy",
                self.store.dir.join("log/decisions").display()
            )));
        }
        log.read(&mut self.cursor, bounds.end, usize::MAX, &mut |record| {
            each(record);
            true
        })?;
        Ok(self.cursor.next)
    }
}
