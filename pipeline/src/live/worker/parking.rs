//! The partitions of a worker that are parked: why, since when, and when they are tried again.
//!
//! A pause doubles with each try, up to the limit of the reason, and is shortened by chance, so that a fleet does not
//! try at the same instant. The state in memory is kept where it is still good: then nothing is read again.
//!
//! Owns the pauses, and what is said of them: once, and again at a bounded rate. Must never commit.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use fuma_schemas::Instant;
use rustc_hash::FxBuildHasher;

use super::owned::Owned;
use super::trouble::Trouble;
use crate::live::partitions::{ASSESS, ParkReason, Parked, Partitions, Words};

/// How often one partition's same trouble is said again.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Who is parked again so soon after it went on was not well: its pauses grow on.
const RELAPSE: Duration = Duration::from_secs(120);

/// One parked partition.
struct Entry {
    trouble: Arc<Trouble>,
    reason: ParkReason,
    tries: u32,
    next_try: Duration,
    said: Duration,
    /// It is being tried: a restore is under way.
    is_trying: bool,
    /// Its state, where that is good.
    owned: Option<Box<Owned>>,
}

/// What is to be done with a partition whose pause is over.
pub(super) enum Trial {
    /// It has to be restored.
    Restore,
    /// Its state is good: look whether the trouble is over.
    Look(Box<Owned>, Arc<Trouble>),
    /// Its state is good and stays here: the log is asked whether the trouble is over.
    Ask,
}

/// The parked partitions.
pub(super) struct Parking {
    entries: BTreeMap<u32, Entry>,
    /// Who went on: after how many tries, and when.
    recovered: BTreeMap<u32, (u32, Duration)>,
    chance: u64,
    pub(super) partitions: Partitions,
    words: Words,
}

impl Parking {
    /// Nothing is parked. Chance begins with the owner's name.
    pub(super) fn new(owner: &str, words: Words) -> Parking {
        let chance = FxBuildHasher.hash_one(owner);
        Parking {
            entries: BTreeMap::new(),
            recovered: BTreeMap::new(),
            chance,
            partitions: Partitions::default(),
            words,
        }
    }

    /// Parks a partition. With its state, if that is still good.
    pub(super) fn park(
        &mut self,
        id: u32,
        (trouble, owned): (Trouble, Option<Owned>),
        (now, elapsed): (Instant, Duration),
    ) {
        let reason = trouble.reason();
        let before = self.entries.remove(&id);
        let relapsed = self.recovered.remove(&id).filter(|(_, at)| elapsed.saturating_sub(*at) < RELAPSE);
        let tries = before.as_ref().map(|entry| entry.tries).or(relapsed.map(|(tries, _)| tries));
        let tries = tries.map_or(1, |tries| tries.saturating_add(1));
        let before = before.filter(|entry| entry.reason == reason);
        let pause = self.shortened(reason.pause(tries));
        let is_due = before.as_ref().is_none_or(|entry| elapsed.saturating_sub(entry.said) >= SAY_EVERY);
        let said = before.map_or(elapsed, |entry| if is_due { elapsed } else { entry.said });
        let parked = Parked {
            reason,
            what: trouble.to_string(),
            next_try: Some(Instant(now.0.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)))),
            tries,
            digest: trouble.digest().map(str::to_owned),
        };
        if is_due {
            say(id, &parked, pause);
        }
        self.partitions.parked(ASSESS, id, now, parked);
        let entry = Entry {
            trouble: Arc::new(trouble),
            reason,
            tries,
            next_try: elapsed + pause,
            said,
            is_trying: false,
            owned: owned.map(Box::new),
        };
        self.entries.insert(id, entry);
    }

    /// Three quarters to the whole of a pause.
    fn shortened(&mut self, pause: Duration) -> Duration {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = u32::try_from((mixed ^ (mixed >> 31)) % 256).unwrap_or(0);
        pause - pause / 4 * share / 256
    }

    /// A partition whose pause is over, or to whose trouble an operator agreed.
    pub(super) fn due(&mut self, elapsed: Duration) -> Option<(u32, Trial)> {
        let words = &self.words;
        let is_due = |id: u32, entry: &Entry| {
            let has_word = || entry.trouble.digest().is_some_and(|digest| words.has(entry.reason, id, digest));
            !entry.is_trying && (elapsed >= entry.next_try || has_word())
        };
        let (id, entry) = self.entries.iter_mut().find(|(id, entry)| is_due(**id, entry))?;
        entry.is_trying = true;
        if entry.owned.is_some() && entry.trouble.is_of_log() {
            return Some((*id, Trial::Ask));
        }
        let trial = match entry.owned.take() {
            Some(owned) => Trial::Look(owned, Arc::clone(&entry.trouble)),
            None => Trial::Restore,
        };
        Some((*id, trial))
    }

    /// The log has answered about a partition: its state, where it still waits for that.
    pub(super) fn looked(&mut self, id: u32) -> Option<Box<Owned>> {
        self.entries.get_mut(&id).filter(|entry| entry.is_trying)?.owned.take()
    }

    /// How long until a pause is over; none while nothing is parked.
    pub(super) fn remaining(&self, elapsed: Duration) -> Option<Duration> {
        let waiting = self.entries.values().filter(|entry| !entry.is_trying);
        waiting.map(|entry| entry.next_try.saturating_sub(elapsed)).min()
    }

    /// A partition goes on. Whoever waits for something of the same kind to pass need not wait for long any more.
    pub(super) fn goes_on(&mut self, id: u32, (now, elapsed): (Instant, Duration)) {
        self.partitions.owned(ASSESS, id, now);
        let Some(entry) = self.entries.remove(&id) else { return };
        self.recovered.insert(id, (entry.tries, elapsed));
        tracing::info!(partition = id, reason = entry.reason.code(), tries = entry.tries, "goes on");
        if entry.reason.passes() {
            let same = self.entries.values_mut().filter(|other| other.reason == entry.reason);
            same.for_each(|other| other.next_try = other.next_try.min(elapsed));
        }
    }

    /// A partition is this worker's no more. Gives its state, where it was kept.
    pub(super) fn leave(&mut self, id: u32) -> Option<Owned> {
        self.partitions.gone(ASSESS, id);
        self.recovered.remove(&id);
        self.entries.remove(&id).and_then(|entry| entry.owned).map(|owned| *owned)
    }

    /// The parked partitions whose state was kept.
    pub(super) fn with_state(&self) -> impl Iterator<Item = &Owned> {
        self.entries.values().filter_map(|entry| entry.owned.as_deref())
    }

    /// All parked partitions, each with its state where that was kept.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Option<&Owned>)> {
        self.entries.iter().map(|(id, entry)| (*id, entry.owned.as_deref()))
    }

    /// Why a partition is parked.
    pub(super) fn trouble(&self, id: u32) -> Option<Arc<Trouble>> {
        self.entries.get(&id).map(|entry| Arc::clone(&entry.trouble))
    }

    /// All parked partitions.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.entries.keys().copied().collect()
    }

    /// Whether an operator agreed to something; the word is used up then.
    pub(super) fn acts_on_word(&self, reason: ParkReason, id: u32, digest: &str) -> bool {
        self.words.act_on(reason, id, digest)
    }
}

/// A worker that ends without a word, or panics, holds nothing any more: status, probes and metrics say so at once.
impl Drop for Parking {
    fn drop(&mut self) {
        self.partitions.ended();
    }
}

/// What is wrong, and what to do: at ERROR where somebody has to do something.
fn say(partition: u32, parked: &Parked, pause: Duration) {
    let (reason, what) = (parked.reason.code(), parked.what.as_str());
    let (advice, again_in_s) = (parked.advice(partition), pause.as_secs_f32());
    if parked.reason.passes() {
        tracing::warn!(partition, reason, again_in_s, advice, "parked: {what}");
    } else {
        tracing::error!(partition, reason, again_in_s, advice, "parked: {what}");
    }
}
