//! What goes wrong, by a script or by chance.
//!
//! Owns the faults and the numbers drawn. Must never draw from anything but the seed.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use fuma_connectors::log::Topic;

use super::SimulatedCluster;

/// A place in a commit; named as the fault places of the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitPlace {
    /// Nothing is written yet.
    BeforeBegin,
    /// The changes are in the output partitions, the transaction is open.
    AfterSend,
    /// The positions are pending as well, the transaction is open.
    AfterOffsets,
    /// The commit is prepared: it will become true whatever happens, but nobody was told.
    Unanswered,
}

/// What is to happen in a commit.
pub enum Fault {
    /// It is aborted for no reason that the worker could see.
    Abort,
    /// It is committed, but the answer is lost: the worker sees a fatal error.
    AnswerLost,
    /// The process dies there. Its open transaction stays open until it is fenced or times out.
    Crash(CommitPlace),
    /// Something else happens first: others go on while this one stands still (SIGSTOP).
    Meanwhile(CommitPlace, Box<dyn FnOnce(&SimulatedCluster) + Send>),
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Abort => out.write_str("Abort"),
            Fault::AnswerLost => out.write_str("AnswerLost"),
            Fault::Crash(place) => write!(out, "Crash({place:?})"),
            Fault::Meanwhile(place, _) => write!(out, "Meanwhile({place:?})"),
        }
    }
}

/// What a reading of a partition's past meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadFault {
    /// Whoever answers is behind: the partition is said to end there, and a moment later it does not.
    EndsAt(u64),
    /// The client leaves these offsets out, in this one reading.
    Skips(Range<u64>),
    /// Nobody leads the partition.
    Leaderless,
}

/// How often things go wrong by chance, in calls of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultRates {
    /// Commits that are aborted.
    pub abort: u64,
    /// Commits whose answer is lost.
    pub answer_lost: u64,
    /// Commits in which the process dies, at a place drawn.
    pub crash_in_commit: u64,
    /// Other calls in which the process dies.
    pub crash_in_call: u64,
    /// Readings of a past that are late, short, or of nobody.
    pub reading: u64,
}

/// Numbers drawn from a seed (SplitMix64): the same on every machine and with every version of every library.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// A number below a bound, which is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    fn happens(&mut self, of_thousand: u64) -> bool {
        of_thousand > 0 && self.below(1000) < of_thousand
    }
}

/// The faults to come.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) chance: Chance,
    pub(super) rates: FaultRates,
    /// By owner, in order: one a commit.
    script: BTreeMap<String, VecDeque<Fault>>,
    /// By topic and partition, in order: one a reading.
    readings: Vec<((Topic, u32), ReadFault)>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Faults {
        Faults {
            chance: Chance::new(seed),
            rates: FaultRates::default(),
            script: BTreeMap::new(),
            readings: Vec::new(),
        }
    }

    pub(super) fn plan(&mut self, owner: &str, fault: Fault) {
        self.script.entry(owner.to_owned()).or_default().push_back(fault);
    }

    /// The fault of a commit that begins now.
    pub(super) fn of_commit(&mut self, owner: &str) -> Option<Fault> {
        if let Some(fault) = self.script.get_mut(owner).and_then(VecDeque::pop_front) {
            return Some(fault);
        }
        let rates = self.rates;
        if self.chance.happens(rates.abort) {
            return Some(Fault::Abort);
        }
        if self.chance.happens(rates.answer_lost) {
            return Some(Fault::AnswerLost);
        }
        let dies = self.chance.happens(rates.crash_in_commit);
        dies.then(|| match self.chance.below(4) {
            0 => Fault::Crash(CommitPlace::BeforeBegin),
            1 => Fault::Crash(CommitPlace::AfterSend),
            2 => Fault::Crash(CommitPlace::AfterOffsets),
            _ => Fault::Crash(CommitPlace::Unanswered),
        })
    }

    pub(super) fn plan_reading(&mut self, topic: Topic, partition: u32, fault: ReadFault) {
        self.readings.push(((topic, partition), fault));
    }

    /// The fault of a reading of these offsets that begins now.
    pub(super) fn of_reading(&mut self, topic: Topic, partition: u32, offsets: &Range<u64>) -> Option<ReadFault> {
        if let Some(at) = self.readings.iter().position(|(of, _)| *of == (topic, partition)) {
            return Some(self.readings.remove(at).1);
        }
        if !self.chance.happens(self.rates.reading) {
            return None;
        }
        let within = offsets.start + self.chance.below(offsets.end.saturating_sub(offsets.start) + 1);
        // What a client leaves out of a compacted log cannot be seen by its offsets: the audit finds it.
        Some(match self.chance.below(if topic == Topic::Changes { 2 } else { 3 }) {
            0 => ReadFault::EndsAt(within),
            1 => ReadFault::Leaderless,
            _ => ReadFault::Skips(within..within + 1 + self.chance.below(3)),
        })
    }

    pub(super) fn dies_in_call(&mut self) -> bool {
        self.chance.happens(self.rates.crash_in_call)
    }
}
