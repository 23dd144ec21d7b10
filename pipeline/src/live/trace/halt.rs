//! Why the graph of contacts goes no further, and an operator's word that lets it go on.
//!
//! ```text
//! link-not-judged   one record cannot be judged: with the word that record is passed over, whenever it is read
//! links-missing     records between the newest graph and the log are gone, or do not come: with the word the graph
//!                   goes on without
//! ```
//!
//! Owns what is shown of the stage's one partition. Must never go on without the word: contacts would count that do
//! not.

use std::ops::Range;
use std::time::{Duration, Instant};

use fuma_connectors::log::LogError;

use crate::live::monotonic;
use crate::live::partitions::{LINKS, ParkReason, Parked, Partitions, TRACE, Words, digest_of};
use crate::live::worker::clock::{SystemWall, Wall as _};

/// How often the same trouble is said again.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What an operator may agree to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) reason: ParkReason,
    pub(super) digest: String,
    pub(super) what: String,
    /// The first record that comes after what is passed over with the word.
    pub(super) goes_on: u64,
}

impl Wanted {
    /// A record cannot be judged. The digest is of its place and its bytes, so it is that record's alone.
    pub(super) fn record(offset: u64, value: &[u8], why: &str) -> Wanted {
        Wanted {
            reason: ParkReason::LinkNotJudged,
            digest: digest_of([&offset.to_le_bytes()[..], value]),
            what: format!("record {offset} of the link log cannot be judged: {why}"),
            goes_on: offset + 1,
        }
    }

    /// Nothing came of these offsets, though they were read again.
    pub(super) fn hole(hole: &Range<u64>) -> Wanted {
        let (first, last) = (hole.start, hole.end - 1);
        Wanted {
            reason: ParkReason::LinksMissing,
            digest: digest_of([hole.start.to_le_bytes(), hole.end.to_le_bytes()]),
            what: format!(
                "the link log has no records {first} to {last}, in two readings: lost, or an aborted transaction of \
                 another program that writes to it"
            ),
            goes_on: hole.end,
        }
    }

    /// Whether records do not come that may come yet.
    pub(super) fn is_hole(&self) -> bool {
        self.reason == ParkReason::LinksMissing
    }

    /// The log begins after the newest graph ends.
    pub(super) fn gap(graph_end: u64, log_begin: u64) -> Wanted {
        Wanted {
            reason: ParkReason::LinksMissing,
            digest: digest_of([graph_end.to_le_bytes(), log_begin.to_le_bytes()]),
            what: format!(
                "the link log begins at {log_begin}, and the newest graph of contacts ends at {graph_end}: what lies \
                 between is gone, so contacts would count that do not"
            ),
            goes_on: log_begin,
        }
    }
}

/// Why it goes no further.
#[derive(Debug)]
pub(super) enum Halt {
    /// The log, or what is stored beside it.
    Log(LogError),
    /// Something that an operator may agree to.
    Wanted(Wanted),
    /// Offsets were left out that may hold records: the log is read again from the first of them.
    ReadAgain,
}

impl From<LogError> for Halt {
    fn from(error: LogError) -> Halt {
        Halt::Log(error)
    }
}

/// The stage's one partition, as others see it, and the words of operators.
#[derive(Debug, Default)]
pub(super) struct Shown {
    partitions: Partitions,
    words: Words,
    said: Option<(Wanted, Instant)>,
    tries: u32,
}

impl Shown {
    pub(super) fn new(partitions: Partitions, words: Words) -> Shown {
        Shown { partitions, words, said: None, tries: 0 }
    }

    /// The words of operators.
    pub(super) fn words(&self) -> &Words {
        &self.words
    }

    /// The graph is being taken back; what is parked stays so while it is tried again.
    pub(super) fn restoring(&self) {
        let is_parked = self.partitions.of(TRACE, LINKS).is_some_and(|holding| holding.parked.is_some());
        if !is_parked {
            self.partitions.restoring(TRACE, LINKS, SystemWall::default().now());
        }
    }

    /// The stage judges.
    pub(super) fn owned(&mut self) {
        if let Some((wanted, _)) = self.said.take() {
            tracing::info!(reason = wanted.reason.code(), "trace goes on");
        }
        self.tries = 0;
        self.partitions.owned(TRACE, LINKS, SystemWall::default().now());
    }

    /// The link log is another process's, or this one's no more.
    pub(super) fn gone(&mut self) {
        self.said = None;
        self.partitions.gone(TRACE, LINKS);
    }

    /// The stage waits for a word, or for a repair that is looked for again after a pause.
    pub(super) fn parked(&mut self, wanted: &Wanted, again: Option<Duration>) {
        let now = SystemWall::default().now();
        self.tries = self.tries.saturating_add(1);
        let next_try = again.map(|again| {
            fuma_schemas::Instant(now.0.saturating_add(i64::try_from(again.as_millis()).unwrap_or(i64::MAX)))
        });
        let (reason, tries) = (wanted.reason, self.tries);
        let parked = Parked { reason, what: wanted.what.clone(), next_try, tries, digest: Some(wanted.digest.clone()) };
        let is_said = |(said, at): &(Wanted, Instant)| said == wanted && at.elapsed() < SAY_EVERY;
        if !self.said.as_ref().is_some_and(is_said) {
            self.said = Some((wanted.clone(), monotonic::now()));
            let (reason, advice) = (reason.code(), parked.advice(LINKS));
            tracing::error!(stage = TRACE, reason, advice, "parked: {}", wanted.what);
        }
        self.partitions.parked(TRACE, LINKS, now, parked);
    }

    /// Whether an operator agreed, for who looks.
    pub(super) fn has_word(&self, wanted: &Wanted) -> bool {
        self.words.has(wanted.reason, LINKS, &wanted.digest)
    }

    /// Whether an operator agreed; the word is used up then.
    pub(super) fn agreed(&self, wanted: &Wanted) -> bool {
        agreed(&self.words, wanted)
    }
}

/// A stage that panics judges nothing any more; who ends it otherwise says what becomes of it.
impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.partitions.gone(TRACE, LINKS);
        }
    }
}

/// Whether an operator agreed; the word is used up then.
pub(super) fn agreed(words: &Words, wanted: &Wanted) -> bool {
    let is_agreed = words.act_on(wanted.reason, LINKS, &wanted.digest);
    if is_agreed {
        tracing::warn!(reason = wanted.reason.code(), digest = wanted.digest, "an operator agreed: {}", wanted.what);
    }
    is_agreed
}
