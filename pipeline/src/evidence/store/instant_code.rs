//! An instant in four bytes.
//!
//! ```text
//! 1 + 31 bits   whole seconds since 2000-01-01T00:00Z: until 2068, which is what most feeds send
//! 0 + 31 bits   milliseconds since the base of the row's chunk: 24.8 days, which holds what a log stamps as it comes
//! ALL ONES      null
//! ALL ONES - 1  elsewhere: anything else, kept in full beside the table
//! ```
//!
//! Owns the encoding. Nothing is ever rounded.

/// The code of null: a row of ones is a row of nulls.
pub(in crate::evidence) const NULL: u32 = u32::MAX;
/// The code of an instant that is kept in full elsewhere.
pub(in crate::evidence) const ELSEWHERE: u32 = u32::MAX - 1;

const SECONDS: u32 = 1 << 31;
const SECONDS_MAX: i64 = (ELSEWHERE - SECONDS) as i64 - 1;
const EPOCH_SECONDS: i64 = 946_684_800;
// All ones and the one below are codes of their own.
const _: () = assert!(SECONDS as i64 + SECONDS_MAX < ELSEWHERE as i64 && ELSEWHERE < NULL);
/// How long before the first instant of a chunk its base lies: half of what 31 bits hold.
const BEFORE_FIRST_MS: i64 = 1 << 30;

/// What a code says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::evidence) enum Decoded {
    Null,
    /// Milliseconds UTC.
    At(i64),
    /// Milliseconds since the base of the chunk.
    AfterBase(i64),
    Elsewhere,
}

/// The code of whole seconds; none if the instant is none or out of range.
pub(in crate::evidence) fn encode_seconds(instant_ms: i64) -> Option<u32> {
    let seconds = instant_ms.div_euclid(1000) - EPOCH_SECONDS;
    let fits = instant_ms.rem_euclid(1000) == 0 && (0..=SECONDS_MAX).contains(&seconds);
    fits.then_some(SECONDS | seconds as u32)
}

/// The code of milliseconds since a base; none if they do not fit.
pub(in crate::evidence) fn encode_after(base_ms: i64, instant_ms: i64) -> Option<u32> {
    let after = instant_ms.checked_sub(base_ms)?;
    (0..i64::from(SECONDS)).contains(&after).then_some(after as u32)
}

/// The base of a chunk whose first instant with a fraction this is.
pub(in crate::evidence) fn base_for(instant_ms: i64) -> i64 {
    instant_ms.saturating_sub(BEFORE_FIRST_MS)
}

pub(in crate::evidence) fn decode(code: u32) -> Decoded {
    match code {
        NULL => Decoded::Null,
        ELSEWHERE => Decoded::Elsewhere,
        code if code & SECONDS != 0 => Decoded::At((i64::from(code & !SECONDS) + EPOCH_SECONDS) * 1000),
        code => Decoded::AfterBase(i64::from(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds() {
        for instant in [EPOCH_SECONDS * 1000, 1_636_333_980_000, (EPOCH_SECONDS + SECONDS_MAX) * 1000] {
            assert_eq!(encode_seconds(instant).map(decode), Some(Decoded::At(instant)));
        }
        for instant in [
            0,
            -1000,
            1_636_333_980_001,
            EPOCH_SECONDS * 1000 - 1000,
            (EPOCH_SECONDS + SECONDS_MAX + 1) * 1000,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(encode_seconds(instant), None);
        }
    }

    #[test]
    fn after_a_base() {
        let base = base_for(1_636_333_980_001);
        for after in [0, 1, BEFORE_FIRST_MS, i64::from(SECONDS) - 1] {
            assert_eq!(encode_after(base, base + after).map(decode), Some(Decoded::AfterBase(after)));
        }
        for instant in [base - 1, base + i64::from(SECONDS), i64::MAX, i64::MIN] {
            assert_eq!(encode_after(base, instant), None);
        }
        assert_eq!(base_for(i64::MIN), i64::MIN);
    }
}
