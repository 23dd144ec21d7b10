//! The secret of this process that hash tables over producers' bytes are keyed with.
//!
//! Owns the one random number of the engine. The pure core is handed it; nothing that is announced, stored or sent
//! hangs
//! on it (I-7).

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use crate::evidence::Seed;

/// The secret, the same for as long as the process lives.
pub fn of_process() -> Seed {
    static SEED: LazyLock<Seed> = LazyLock::new(|| {
        // The keys of the standard library's tables are random, and each state has others.
        let halves = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(0_u64));
        let mut secret = [0; 16];
        for (place, half) in secret.chunks_exact_mut(8).zip(halves) {
            place.copy_from_slice(&half.to_le_bytes());
        }
        Seed::new(secret)
    });
    *SEED
}
