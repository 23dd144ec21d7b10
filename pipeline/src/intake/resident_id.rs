//! Resident IDs: 18 characters, a date of birth in the 7th to the 14th, and the check digit of ISO 7064 MOD 11-2, for
//! intake and for whoever invents certificates.
//!
//! Owns what makes one valid. Never keeps a number.

use fuma_schemas::instant::date_of_digits;

/// Characters of a resident ID.
pub(super) const LENGTH: usize = 18;
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_DIGITS: [u8; 11] = *b"10X98765432";
/// The years of birth that are believed.
const YEARS: [&[u8]; 3] = [b"18", b"19", b"20"];

/// The check digit that belongs to the first 17 digits of a resident ID; none for what is not 17 digits or more.
///
/// What follows the 17 digits is not looked at, so a whole ID may be given too.
pub fn check_digit(digits: &str) -> Option<char> {
    expected(digits.as_bytes()).map(char::from)
}

/// Whether this is a resident ID of 18 characters with a date of 1800 to 2099 and the right check digit; `x` must be a
/// capital already.
pub(super) fn is_valid(spelt: &[u8]) -> bool {
    spelt.len() == LENGTH
        && expected(spelt).is_some_and(|digit| spelt.last() == Some(&digit))
        && spelt.get(6..14).is_some_and(is_date)
}

/// Whether eight digits are a calendar date.
fn is_date(digits: &[u8]) -> bool {
    let Ok(digits) = <[u8; 8]>::try_from(digits) else { return false };
    YEARS.contains(&&digits[..2]) && date_of_digits(digits).is_some()
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
