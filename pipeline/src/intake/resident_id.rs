//! Resident IDs (GB 11643): 17 digits and a check digit by ISO 7064 MOD 11-2.
//!
//! Owns the arithmetic. Says nothing of the division and the date of birth inside, which the contract does not check.

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_DIGITS: [u8; 11] = *b"10X98765432";

/// The check digit that belongs to the first 17 digits of a resident ID; none for what is not 17 digits or more.
///
/// What follows the 17 digits is not looked at, so a whole ID may be given too.
pub fn check_digit(digits: &str) -> Option<char> {
    expected(digits.as_bytes()).map(char::from)
}

/// Whether this is a resident ID of 18 characters with the right check digit; `x` must be a capital already.
pub(super) fn is_valid(spelt: &[u8]) -> bool {
    spelt.len() == 18 && expected(spelt).is_some() && expected(spelt) == spelt.last().copied()
}

fn expected(digits: &[u8]) -> Option<u8> {
    let digits: &[u8; 17] = digits.first_chunk()?;
    let mut sum = 0;
    for (digit, weight) in digits.iter().zip(WEIGHTS) {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum += u32::from(digit - b'0') * weight;
    }
    CHECK_DIGITS.get(usize::try_from(sum % 11).ok()?).copied()
}
