//! Reads the changes from the log while anybody follows them.
//!
//! Owns the one reader. What the log does not answer comes later: who follows hears nothing meanwhile but that. Must
//! never keep a client while nobody follows.

use std::time::Duration;

use fuma_connectors::log::{Log, LogError, RestoreLog, Topic};
use fuma_schemas::Instant;

use super::change::Change;
use super::position::Position;
use super::recent::PAGE;
use super::{Behind, Gone, Page, Subscriptions};
use crate::live::record::Fingerprint;
use crate::live::stop::Stop;
use crate::live::worker::clock::{SystemWall, Wall as _};
use crate::live::{metric, monotonic};

/// How often the log is looked at, and how soon one who begins is seen.
const LOOK: Duration = Duration::from_millis(50);
/// How long the reader stays when nobody follows any more.
const LINGER: Duration = Duration::from_secs(30);
/// After an error of the log.
const PAUSE: Duration = Duration::from_secs(1);
const PIECE: Duration = Duration::from_millis(50);
/// The most changes that are read of a partition before the next has its turn.
const TURN: usize = 2_000;
/// The most bytes of a page of one who is behind.
const PAGE_BYTES: usize = 1 << 20;
/// How much earlier than the log may a position be taken for too old: clocks differ.
const MARGIN_MS: i64 = 60 * 60 * 1000;

/// Reads for all who follow, until the process stops.
pub fn follow(log: &dyn Log, installation: Fingerprint, stop: &Stop, subscriptions: &Subscriptions) {
    subscriptions.0.recent().installation = Some(installation);
    let mut reader: Option<Reader<'_>> = None;
    let mut used = monotonic::now();
    while !stop.is_set() {
        if subscriptions.count() > 0 {
            used = monotonic::now();
        } else if used.elapsed() > LINGER {
            reader = None;
            subscriptions.0.recent().end();
        }
        if subscriptions.count() == 0 && reader.is_none() {
            stop.rest(LOOK, PIECE);
            continue;
        }
        let turned = match &mut reader {
            Some(reader) => reader.turn(),
            None => Reader::new(log, subscriptions).map(|made| {
                reader = Some(made);
                true
            }),
        };
        match turned {
            Ok(true) => {}
            Ok(false) => stop.rest(LOOK, PIECE),
            Err(error) => {
                tracing::warn!(%error, "the changes cannot be read for those who follow them");
                // A client that failed is of no more use. Where all stand is known: it goes on from there.
                reader = None;
                subscriptions.0.behind().clear();
                stop.rest(PAUSE, PIECE);
            }
        }
    }
}

struct Reader<'a> {
    log: &'a dyn Log,
    reader: Box<dyn RestoreLog>,
    subscriptions: &'a Subscriptions,
    kept_ms: i64,
    wall: SystemWall,
}

impl<'a> Reader<'a> {
    fn new(log: &'a dyn Log, subscriptions: &'a Subscriptions) -> Result<Reader<'a>, LogError> {
        let mut reader = log.observer()?;
        let kept_ms = reader.changes_kept_ms()?;
        let wall = SystemWall::default();
        if !subscriptions.0.recent().is_begun {
            let at = wall.now();
            let ends = (0..log.partitions()).map(|partition| Ok(log.bounds(Topic::Changes, partition)?.end));
            let ends = ends.collect::<Result<Vec<u64>, LogError>>()?;
            subscriptions.0.recent().begin(ends, at);
            subscriptions.0.tell();
        }
        Ok(Reader { log, reader, subscriptions, kept_ms, wall })
    }

    /// What is new, and a page for each who is behind; whether there was anything.
    fn turn(&mut self) -> Result<bool, LogError> {
        let at = self.wall.now();
        let ends = self.subscriptions.0.recent().ends().to_vec();
        let (mut is_whole, mut has_more) = (true, false);
        for (partition, from) in (0..).zip(ends) {
            let (changes, end, reached) = self.read(partition, from, (TURN, usize::MAX))?;
            has_more |= !changes.is_empty();
            is_whole &= reached;
            self.subscriptions.0.recent().add(partition, changes, end);
        }
        if is_whole {
            self.subscriptions.0.recent().read(at);
        }
        self.subscriptions.0.tell();
        let behind = std::mem::take(&mut *self.subscriptions.0.behind());
        has_more |= !behind.is_empty();
        for Behind { position, from_first, reply } in behind {
            // Who has gone wants no page.
            if !reply.is_canceled() {
                let page = self.page(position, from_first)?;
                let _ = reply.send(page);
            }
        }
        Ok(has_more)
    }

    /// Changes of a partition from an offset on; up to where, and whether that is the end.
    fn read(
        &mut self,
        partition: u32,
        from: u64,
        (count_max, bytes_max): (usize, usize),
    ) -> Result<(Vec<Change>, u64, bool), LogError> {
        let (mut changes, mut next, mut bytes, mut strange) = (Vec::new(), from, 0, 0);
        let mut is_full = false;
        let end = self.reader.read_output(partition, from, &mut |record| {
            next = record.offset + 1;
            match Change::read(partition, &record) {
                Some(change) => {
                    bytes += change.bytes;
                    changes.push(change);
                }
                None => strange += 1,
            }
            is_full = changes.len() >= count_max || bytes >= bytes_max;
            !is_full
        })?;
        if strange > 0 {
            metrics::counter!(metric::ANNOUNCEMENTS_STRANGE).increment(strange);
        }
        let reached = if is_full { next } else { end.max(next) };
        Ok((changes, reached, !is_full))
    }

    /// What comes after a position, if the log still holds all of it, or as much as is wanted.
    fn page(&mut self, mut position: Position, from_first: bool) -> Result<Result<Page, Gone>, LogError> {
        let at = self.wall.now();
        let whole_since = at.0.saturating_sub(self.kept_ms).saturating_add(MARGIN_MS);
        if !from_first && self.kept_ms < i64::MAX && position.read_at.0 < whole_since {
            return Ok(Err(Gone));
        }
        let (mut page, mut bytes, mut is_whole) = (Vec::new(), 0, true);
        for (partition, from) in (0..).zip(position.offsets.clone()) {
            let held = self.log.bounds(Topic::Changes, partition)?;
            if from_first {
                position.reach(partition, held.start);
            } else if from < held.start || from > held.end {
                return Ok(Err(Gone));
            }
            if page.len() >= PAGE || bytes >= PAGE_BYTES {
                is_whole = false;
                break;
            }
            let room = (PAGE - page.len(), PAGE_BYTES - bytes);
            let (changes, next, reached) = self.read(partition, from.max(held.start), room)?;
            bytes += changes.iter().map(|change| change.bytes).sum::<usize>();
            page.extend(changes.into_iter().map(std::sync::Arc::new));
            position.reach(partition, next);
            is_whole &= reached;
        }
        if is_whole {
            position.read_at = position.read_at.max(Instant(at.0));
        }
        Ok(Ok(Page { changes: page, position }))
    }
}
