//! What operators agreed to, each word for one state of one partition (`fuma accept REASON PARTITION DIGEST`).
//!
//! A digest names what was looked at, place in the log included: as soon as the partition has gone on, the same word
//! fits nothing any more. So it is used once, and a successor that finds the same state unchanged may use it, too.
//!
//! Beside them stands whether everything is held (`fuma hold --all`): then nobody announces anything, and of each
//! partition it stands here what its release would announce.
//!
//! Owns the words that were read. Must never make one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ParkReason, Withheld};

type Word = (ParkReason, u32, String);

/// The words; clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Words(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    words: BTreeSet<Word>,
    /// Those that were acted on.
    acted_on: BTreeSet<Word>,
    /// Of these, the ones that nobody has noted yet.
    used: Vec<Word>,
    /// Nothing is announced.
    is_held: bool,
    withheld: BTreeMap<u32, Withheld>,
}

impl Words {
    /// Notes a word.
    pub fn accept(&self, reason: ParkReason, partition: u32, digest: impl Into<String>) {
        self.heard().words.insert((reason, partition, digest.into()));
    }

    /// Whether an operator agreed to this.
    pub fn has(&self, reason: ParkReason, partition: u32, digest: &str) -> bool {
        self.heard().words.contains(&(reason, partition, digest.to_owned()))
    }

    /// Whether an operator agreed to this, for whoever acts on it: the word is used up then.
    pub fn act_on(&self, reason: ParkReason, partition: u32, digest: &str) -> bool {
        let word = (reason, partition, digest.to_owned());
        let mut heard = self.heard();
        let is_heard = heard.words.contains(&word);
        if is_heard && heard.acted_on.insert(word.clone()) {
            heard.used.push(word);
        }
        is_heard
    }

    /// Notes whether everything is held; whether that is new.
    pub fn hold(&self, is_held: bool) -> bool {
        std::mem::replace(&mut self.heard().is_held, is_held) != is_held
    }

    /// Whether everything is held: nothing is announced.
    pub fn is_held(&self) -> bool {
        self.heard().is_held
    }

    /// Notes what a release would announce in a partition; none: nothing is held there.
    pub fn note_withheld(&self, partition: u32, withheld: Option<Withheld>) {
        let mut heard = self.heard();
        match withheld {
            Some(withheld) => drop(heard.withheld.insert(partition, withheld)),
            None => drop(heard.withheld.remove(&partition)),
        }
    }

    /// What a release would announce in a partition, as far as this process judges it.
    pub fn withheld(&self, partition: u32) -> Option<Withheld> {
        self.heard().withheld.get(&partition).cloned()
    }

    /// The words that were acted on since the last call.
    pub fn take_used(&self) -> Vec<(ParkReason, u32, String)> {
        std::mem::take(&mut self.heard().used)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest of what an operator looks at: 16 hexadecimal digits, few enough to copy.
pub fn digest_of(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    use sha2::Digest as _;

    let mut hash = sha2::Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::redundant_clone, reason = "copies share what was said")]
    fn a_word_is_for_one_state_of_one_partition() {
        let words = Words::default();
        let digest = digest_of(["3", "a list"]);
        words.accept(ParkReason::Differences, 3, digest.clone());
        assert!(words.clone().has(ParkReason::Differences, 3, &digest));
        assert!(!words.has(ParkReason::Differences, 4, &digest));
        assert!(!words.has(ParkReason::ClockAhead, 3, &digest));
        assert!(!words.has(ParkReason::Differences, 3, &digest_of(["3a", " list"])), "parts are told apart");
        assert_eq!(digest.len(), 16);
        assert!(words.take_used().is_empty(), "to look is not to act");
        assert!(words.act_on(ParkReason::Differences, 3, &digest) && words.act_on(ParkReason::Differences, 3, &digest));
        assert!(!words.act_on(ParkReason::Differences, 4, &digest));
        assert_eq!(words.take_used(), [(ParkReason::Differences, 3, digest)]);
        assert!(words.take_used().is_empty());
    }
}
