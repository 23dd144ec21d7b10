//! A stable code of 12 digits for an area that has none of its own: 3 digits under its street, or 6 under its county.
//!
//! The digits behind the street or county come from a hash of the text and begin at 600 (600000): the statistical
//! codes use 001 to 599 for villages under a street and for streets under a county, so no code made here can be or
//! hold a real one. Two texts that meet are told apart by further hashes, those of the earlier list first: a list
//! that goes on never changes a code given.
//!
//! Owns these codes. Must never depend on the order of the rows within a list.

use rustc_hash::FxHashSet;

use super::codes::Codes;

/// How often a hash may meet another before the parent counts as full.
const ATTEMPTS_MAX: u64 = 10_000;

/// The codes given so far.
#[derive(Default)]
pub(super) struct AreaCodes {
    given: FxHashSet<String>,
}

impl AreaCodes {
    /// A code under a street or county; none if it is full. Each (parent, text) is to be asked for once.
    pub(super) fn give(&mut self, codes: &Codes, parent: &str, text: &str) -> Option<String> {
        let digits = 12 - parent.len();
        let size = 4 * 10_u64.pow(u32::try_from(digits).ok()?.checked_sub(1)?);
        for attempt in 0..ATTEMPTS_MAX {
            let number = 6 * (size / 4) + hash(parent, text, attempt) % size;
            let code = format!("{parent}{number:0digits$}");
            let real = codes.has(&code) || code.get(..9).is_some_and(|street| parent.len() == 6 && codes.has(street));
            if !real && self.given.insert(code.clone()) {
                return Some(code);
            }
        }
        None
    }
}

/// A hash that is the same everywhere and for ever.
pub(super) fn hash(parent: &str, text: &str, attempt: u64) -> u64 {
    let seed = attempt.to_le_bytes();
    let bytes = parent.bytes().chain([b'/']).chain(text.bytes()).chain([b'/']).chain(seed);
    // FNV-1a of 64 bits, then the finish of SplitMix64: FNV alone leaves the low digits of like texts alike.
    let mut mixed =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
