//! What operators agreed to, each word for one state of one partition (`fuma accept REASON PARTITION DIGEST`).
//!
//! A digest names what was looked at, place in the log included: as soon as the partition has gone on, the same word fits
//! nothing any more. So it is used once, and a successor that finds the same state unchanged may use it, too.
//!
//! Owns the words that were read. Must never make one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ParkReason;

type Word = (ParkReason, u32, String);

/// The words; clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Words(Arc<Mutex<BTreeSet<Word>>>);

impl Words {
    /// Notes a word.
    pub fn accept(&self, reason: ParkReason, partition: u32, digest: impl Into<String>) {
        self.words().insert((reason, partition, digest.into()));
    }

    /// Whether an operator agreed to this.
    pub fn has(&self, reason: ParkReason, partition: u32, digest: &str) -> bool {
        self.words().contains(&(reason, partition, digest.to_owned()))
    }

    fn words(&self) -> MutexGuard<'_, BTreeSet<Word>> {
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
    fn a_word_is_for_one_state_of_one_partition() {
        let words = Words::default();
        let digest = digest_of(["3", "a list"]);
        words.accept(ParkReason::Differences, 3, digest.clone());
        assert!(words.clone().has(ParkReason::Differences, 3, &digest));
        assert!(!words.has(ParkReason::Differences, 4, &digest));
        assert!(!words.has(ParkReason::ClockAhead, 3, &digest));
        assert!(!words.has(ParkReason::Differences, 3, &digest_of(["3a", " list"])), "parts are told apart");
        assert_eq!(digest.len(), 16);
    }
}
