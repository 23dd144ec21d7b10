//! The past of the partitions and the reference logs of a state folder that another process may have: for a preview.
//!
//! Owns what a look from outside may believe: whole frames, in order, without a hole. Takes no lock, cuts nothing and
//! must never write.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fuma_schemas::Instant;

use super::journal::{self, PLACE_BITS};
use super::segments::firsts;
use super::watching::{FolderWatching, walk};
use crate::log::{
    AnnouncedRecord, Code, LogError, LogRecord, Position, Reference, RestoreLog, Topic, Watching as _,
    read_back_headers,
};

/// The reference logs, by their folders.
const REFERENCES: [(Topic, &str); 2] = [(Topic::Regions, "regions"), (Topic::Policies, "policies")];

/// A look into a state folder from outside.
pub struct FolderOutside {
    watching: FolderWatching,
    dir: PathBuf,
    /// How far the reference logs were read.
    read: [u64; 2],
}

impl FolderOutside {
    /// Looks into a state folder.
    ///
    /// # Errors
    /// When there is no log.
    pub fn open(dir: &Path) -> Result<FolderOutside, LogError> {
        Ok(FolderOutside { watching: FolderWatching::open(dir)?, dir: dir.to_owned(), read: [0; 2] })
    }

    fn reference(&self, name: &str) -> PathBuf {
        self.dir.join("log").join(name)
    }
}

/// One past the last whole frame of a log; 0 where there is none.
fn end_of(folder: &Path) -> Result<u64, LogError> {
    if !folder.is_dir() {
        return Ok(0);
    }
    walk(folder, firsts(folder)?.last().copied().unwrap_or(0), &mut |_, _| true)
}

impl RestoreLog for FolderOutside {
    fn position(&mut self, partition: u32) -> Result<Position, LogError> {
        Ok(self.watching.positions()?.into_iter().nth(partition as usize).unwrap_or_default())
    }

    fn fence(&mut self, _owner: &str) -> Result<(), LogError> {
        Err(LogError::fatal("nobody is fenced from outside"))
    }

    fn stable_position(&mut self, partition: u32) -> Result<Position, LogError> {
        self.position(partition)
    }

    fn evidence_bounds(&mut self, partition: u32) -> Result<Range<u64>, LogError> {
        let folder = self.watching.evidence(partition);
        let start = firsts(&folder)?.first().copied().unwrap_or(0);
        Ok(start..end_of(&folder)?.max(start))
    }

    fn read_evidence(
        &mut self,
        partition: u32,
        offsets: Range<u64>,
        each: &mut dyn FnMut(LogRecord) -> bool,
    ) -> Result<(), LogError> {
        let (mut next, mut goes_on) = (offsets.start, true);
        if offsets.is_empty() {
            return Ok(());
        }
        walk(&self.watching.evidence(partition), offsets.start, &mut |header, value| {
            if header.offset != next || next >= offsets.end {
                return false;
            }
            let timestamp = Instant(header.timestamp_ms);
            goes_on = each(LogRecord { partition, offset: next, timestamp, value });
            next += 1;
            goes_on && next < offsets.end
        })?;
        match goes_on && next < offsets.end {
            true => {
                let message = format!("evidence {partition} was read up to {next}, and {offsets:?} is wanted");
                Err(LogError::new(Code::OutOfRange, message))
            }
            false => Ok(()),
        }
    }

    fn read_output(
        &mut self,
        partition: u32,
        from: u64,
        each: &mut dyn FnMut(AnnouncedRecord) -> bool,
    ) -> Result<u64, LogError> {
        let folder = self.dir.join("log/journal");
        let end = end_of(&folder)?;
        let mut unreadable = None;
        walk(&folder, from >> PLACE_BITS, &mut |header, value| {
            let Some(changes) = journal::changes(value) else {
                unreadable = Some(header.offset);
                return false;
            };
            let own = (0_u64..).zip(changes).filter(|(_, change)| change.partition == partition);
            let mut own = own.map(|(place, change)| (header.offset << PLACE_BITS | place, change));
            header.offset < end
                && own.all(|(offset, change)| {
                    let headers = change.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
                    let headers = read_back_headers(headers);
                    let record = AnnouncedRecord { offset, key: change.key, value: Some(change.value), headers };
                    offset < from || each(record)
                })
        })?;
        match unreadable {
            Some(number) => Err(journal::unreadable(&folder, number)),
            None => Ok(end << PLACE_BITS),
        }
    }

    /// The journal keeps everything.
    fn tombstones_kept_ms(&mut self) -> Result<i64, LogError> {
        Ok(i64::MAX)
    }
}

impl Reference for FolderOutside {
    fn poll(&mut self, _wait: Duration, each: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError> {
        let mut records = 0;
        for (place, (topic, name)) in REFERENCES.into_iter().enumerate() {
            let folder = self.reference(name);
            if !fs::exists(&folder).unwrap_or(false) {
                continue;
            }
            let mut next = self.read[place];
            walk(&folder, next, &mut |header, value| {
                (next, records) = (header.offset + 1, records + 1);
                let timestamp = Instant(header.timestamp_ms);
                each(topic, LogRecord { partition: 0, offset: header.offset, timestamp, value });
                true
            })?;
            self.read[place] = next;
        }
        Ok(records)
    }

    fn next(&self, topic: Topic) -> u64 {
        REFERENCES.iter().position(|(known, _)| *known == topic).map_or(0, |place| self.read[place])
    }

    fn end(&mut self, topic: Topic) -> Result<u64, LogError> {
        let known = REFERENCES.iter().find(|(known, _)| *known == topic);
        known.map_or(Ok(0), |(_, name)| end_of(&self.reference(name)))
    }
}
