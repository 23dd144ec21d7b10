//! The one spelling of a phone number, and the token that the key makes of it (docs/feeds.md section 1, `phone`).
//!
//! Owns that spelling. Must never show a number: no text in errors.

use fuma_schemas::Phone;

use super::key::Key;

/// What the token is made of besides the digits.
const TOKEN_PREFIX: &str = "phone";
/// How many digits a number has.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=20;
/// The digits of a Chinese number without its country code.
const MOBILE_DIGITS: usize = 11;

/// Writes the digits of a phone number in their one spelling; false if it is no number.
///
/// White space, `-`, `(` and `)` go; then one prefix: `+86` or `0086`, else `86` before exactly 11 digits, else `+` or
/// `00`. What is left is 5 to 20 digits, not all the same.
pub(super) fn spell(number: &str, into: &mut Vec<u8>) -> bool {
    into.clear();
    let mut buffer = [0; 4];
    for letter in number.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '(' | ')')) {
        into.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
    }
    into.drain(..prefix(into));
    let is_one_digit = into.first().is_some_and(|first| into.iter().all(|digit| digit == first));
    DIGITS.contains(&into.len()) && into.iter().all(u8::is_ascii_digit) && !is_one_digit
}

/// How many bytes go at the beginning: one prefix, once.
fn prefix(spelt: &[u8]) -> usize {
    match spelt {
        [b'+', b'8', b'6', ..] => 3,
        [b'0', b'0', b'8', b'6', ..] => 4,
        [b'8', b'6', rest @ ..] if rest.len() == MOBILE_DIGITS && rest.iter().all(u8::is_ascii_digit) => 2,
        [b'+', ..] => 1,
        [b'0', b'0', ..] => 2,
        _ => 0,
    }
}

/// The token of a phone whose digits are already in their one spelling.
pub(super) fn token(key: &Key, spelt: &[u8]) -> Phone {
    Phone(key.token(TOKEN_PREFIX, spelt).0)
}

#[cfg(test)]
mod tests {
    use super::spell;

    fn spelt(number: &str) -> Option<String> {
        let mut digits = Vec::new();
        spell(number, &mut digits).then(|| String::from_utf8(digits).unwrap())
    }

    #[test]
    fn one_number_in_every_spelling() {
        let mobile = Some("13800000001".to_owned());
        for number in ["13800000001", "+86 138-0000-0001", "0086(138)00000001", "8613800000001", "138\u{3000}00000001"]
        {
            assert_eq!(spelt(number), mobile, "{number}");
        }
        assert_eq!(spelt("+85291234567"), Some("85291234567".to_owned()));
        assert_eq!(spelt("0085291234567"), Some("85291234567".to_owned()));
        assert_eq!(spelt("861380000000"), Some("861380000000".to_owned()), "86 goes before 11 digits alone");
        assert_eq!(spelt("+8686138000"), Some("86138000".to_owned()), "one prefix goes once");
        assert_eq!((spelt("12345"), spelt(&"12".repeat(10))), (Some("12345".into()), Some("12".repeat(10))));
    }

    #[test]
    fn what_is_no_number() {
        let long = "12".repeat(10) + "1";
        for number in
            ["", "1234", &long, "()", "+", "+86", "86", "++15550100200", "+0086", "00+8613800000001", "138x0000001"]
        {
            assert_eq!(spelt(number), None, "{number}");
        }
        for number in ["11111111111", "+86 222 2222 2222", "00 11111", "＋8613800000001", "１３８００００００００１"]
        {
            assert_eq!(spelt(number), None, "{number}");
        }
    }
}
