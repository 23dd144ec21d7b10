//! Numbers from a seed and a place: SplitMix64.
//!
//! Owns nothing but the arithmetic. The same seed and place give the same numbers, for ever.

/// A source of numbers.
pub(super) struct Chance(u64);

impl Chance {
    /// The source of one place.
    pub(super) fn new(seed: u64, place: u64) -> Chance {
        let mut mixed = Chance(seed);
        let seed = mixed.next();
        Chance(seed ^ place.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, every one as likely.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound.max(1))) >> 64) as u64
    }

    /// One of some.
    pub(super) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}
