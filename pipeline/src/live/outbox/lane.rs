//! The records of one partition on their way, in their order.
//!
//! Owns what was begun, what was answered, and what is wrong with the partition. While something is, one record is
//! tried at a time, at growing pauses. Must never let a record overtake one before it that is not written.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fuma_connectors::log::{LogError, Outgoing, Topic};
use metrics::{counter, gauge};

use super::shorter::{self, Instead, Made, Shorter};
use crate::live::{metric, monotonic};

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// For how long something must be wrong before it is said, and how often it is said again.
const SAY_AFTER: Duration = Duration::from_secs(5);
const SAY_EVERY: Duration = Duration::from_secs(60);

const _: () = assert!(PAUSE_MIN.as_millis() < PAUSE_MAX.as_millis());

/// How far a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stand {
    Waits,
    Begun(u64),
    Written,
}

#[derive(Debug)]
struct Held {
    record: Outgoing,
    stand: Stand,
    shorter: Shorter,
}

/// What is wrong.
#[derive(Debug)]
struct Trouble {
    since: Instant,
    why: String,
    said: Option<Instant>,
    pause: Duration,
    retry_at: Instant,
}

/// What is worth a line.
pub(super) enum Noticed {
    Nothing,
    Trouble { why: String, seconds: u64, records: usize, bytes: usize },
    Over { seconds: u64 },
}

/// The records of a partition.
#[derive(Debug)]
pub(super) struct Lane {
    stage: &'static str,
    topic: Topic,
    place: String,
    partition: u32,
    records: VecDeque<Held>,
    bytes: usize,
    trouble: Option<Trouble>,
    /// How long the last trouble took, until that is said.
    over: Option<Duration>,
}

impl Lane {
    pub(super) fn new(stage: &'static str, topic: Topic, place: String, partition: u32) -> Lane {
        Lane { stage, topic, place, partition, records: VecDeque::new(), bytes: 0, trouble: None, over: None }
    }

    /// Topic and partition, for people.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, record: Outgoing, shorter: Shorter) {
        self.bytes += bytes_of(&record);
        self.records.push_back(Held { record, stand: Stand::Waits, shorter });
    }

    /// Begins what waits; in trouble only the first record, when it is time.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        each: &mut dyn FnMut(Topic, Outgoing) -> Result<u64, LogError>,
    ) -> Result<(), LogError> {
        let is_begun = |held: &Held| matches!(held.stand, Stand::Begun(_));
        let most = match &self.trouble {
            None => usize::MAX,
            Some(trouble) if now >= trouble.retry_at && !self.records.iter().any(is_begun) => 1,
            Some(_) => return Ok(()),
        };
        for held in self.records.iter_mut().filter(|held| held.stand == Stand::Waits).take(most) {
            held.stand = Stand::Begun(each(self.topic, held.record.clone())?);
        }
        Ok(())
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.records.iter().position(|held| held.stand == Stand::Begun(ticket))
    }

    pub(super) fn written(&mut self, ticket: u64) {
        let Some(at) = self.find(ticket) else { return };
        if let Some(held) = self.records.get_mut(at) {
            held.stand = Stand::Written;
        }
        while let Some(held) = self.records.pop_front_if(|held| held.stand == Stand::Written) {
            self.bytes -= bytes_of(&held.record);
            if let Topic::DeadLetters(feed) = self.topic {
                counter!(metric::DEAD_LETTERS, "feed" => feed.name()).increment(1);
            }
        }
        if let Some(trouble) = self.trouble.take().filter(|trouble| trouble.said.is_some()) {
            self.over = Some(trouble.since.elapsed());
        }
    }

    /// A record was not written: it and all after it are to be begun again, in their order.
    pub(super) fn not_yet(&mut self, ticket: u64, why: &str) {
        let Some(at) = self.find(ticket) else { return };
        self.records.iter_mut().skip(at).for_each(|held| held.stand = Stand::Waits);
        self.fails(why);
    }

    /// Nothing of what was begun may be taken for written.
    pub(super) fn all_again(&mut self, why: &str) {
        if !self.records.is_empty() {
            self.records.iter_mut().for_each(|held| held.stand = Stand::Waits);
            self.fails(why);
        }
    }

    /// Nobody waits any longer for what was not answered.
    pub(super) fn lose_patience(&mut self) {
        if !self.records.is_empty() && self.trouble.is_none() {
            self.fails("no answer: has the partition a leader, and enough replicas in sync?");
        }
    }

    fn fails(&mut self, why: &str) {
        let now = monotonic::now();
        match &mut self.trouble {
            Some(trouble) => {
                why.clone_into(&mut trouble.why);
                trouble.pause = (trouble.pause * 2).min(PAUSE_MAX);
                trouble.retry_at = now + trouble.pause;
            }
            none => {
                let (pause, why) = (PAUSE_MIN, why.to_owned());
                *none = Some(Trouble { since: now, why, said: None, pause, retry_at: now + pause });
            }
        }
    }

    /// A record is too long for its topic: shorter ones take its place, or what stands for it is given back. Where
    /// neither is possible the topic's own limit is too low, and the record waits until that is raised.
    pub(super) fn too_large(&mut self, ticket: u64, prefix: &str) -> Option<Instead> {
        let at = self.find(ticket)?;
        let held = self.records.remove(at)?;
        self.bytes -= bytes_of(&held.record);
        let (records, instead) = match shorter::made(held.shorter, &held.record) {
            Made::Records(records, shorter) => {
                (records.into_iter().map(|record| (record, shorter.clone())).collect(), None)
            }
            Made::Instead(instead) => {
                instead.tell(&self.place, prefix, bytes_of(&held.record));
                (Vec::new(), Some(instead))
            }
            Made::Nothing(shorter) => {
                let bytes = bytes_of(&held.record);
                self.fails(&format!(
                    "the topic takes no record of {bytes} bytes: raise its max.message.bytes (`fuma topics check` says \
                     to what)"
                ));
                (vec![(held.record, shorter)], None)
            }
        };
        for (place, (record, shorter)) in (at..).zip(records) {
            self.bytes += bytes_of(&record);
            self.records.insert(place, Held { record, stand: Stand::Waits, shorter });
        }
        instead
    }

    /// What is to be said of the partition now; its metric follows.
    pub(super) fn notice(&mut self, now: Instant) -> Noticed {
        if let Some(lasted) = self.over.take() {
            self.measure(0);
            return Noticed::Over { seconds: lasted.as_secs() };
        }
        let (records, bytes) = (self.records.len(), self.bytes);
        let Some(trouble) = &mut self.trouble else { return Noticed::Nothing };
        let lasts = now.saturating_duration_since(trouble.since);
        let is_due = trouble.said.map_or(lasts >= SAY_AFTER, |at| now.saturating_duration_since(at) >= SAY_EVERY);
        if !is_due {
            return Noticed::Nothing;
        }
        trouble.said = Some(now);
        let why = trouble.why.clone();
        self.measure(records);
        Noticed::Trouble { why, seconds: lasts.as_secs(), records, bytes }
    }

    fn measure(&self, records: usize) {
        let (topic, partition) = (self.topic.name(""), self.partition.to_string());
        gauge!(metric::UNWRITTEN_RECORDS, "stage" => self.stage, "topic" => topic, "partition" => partition)
            .set(records as f64);
    }
}

/// What a record takes of the room.
fn bytes_of(record: &Outgoing) -> usize {
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    record.value.len() + record.key.as_ref().map_or(0, bytes::Bytes::len) + headers
}
