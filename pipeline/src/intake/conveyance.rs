//! The one spelling of a conveyance's number and carriage (docs/feeds.md section 1, "Conveyances").
//!
//! Owns that spelling, and what a number must look like. A text that is spelt already is borrowed, so that most records
//! cost no allocation.

use std::borrow::Cow;

use fuma_schemas::vocabulary::Mode;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// What may end a carriage; the longest that fits goes, once.
const CARRIAGE_ENDINGS: [&str; 3] = ["车厢", "车", "号"];
/// Characters of a number.
const NUMBER_CHARACTERS: std::ops::RangeInclusive<usize> = 2..=16;
/// Characters of a plate, at least.
const PLATE_CHARACTERS_MIN: usize = 5;

/// The number of a conveyance, spelt; none if it is no number of that mode.
pub(super) fn number(text: &str, mode: Option<Mode>) -> Option<Cow<'_, str>> {
    let spelt = spell(text);
    is_number(&spelt, mode).then_some(spelt)
}

/// A carriage, spelt; none where nothing is left.
pub(super) fn carriage(text: &str) -> Option<Cow<'_, str>> {
    let mut spelt = spell(text);
    if let Some(kept) = CARRIAGE_ENDINGS.iter().find_map(|ending| spelt.strip_suffix(ending)).map(str::len) {
        match &mut spelt {
            Cow::Borrowed(text) => *text = text.get(..kept).unwrap_or_default(),
            Cow::Owned(text) => text.truncate(kept),
        }
    }
    (!spelt.is_empty()).then_some(spelt)
}

/// NFKC; white space, `-` and `·` go; ASCII letters in capitals; no zeros at the beginning of a run of ASCII digits,
/// but one digit stays.
fn spell(text: &str) -> Cow<'_, str> {
    if is_spelt(text) {
        return Cow::Borrowed(text);
    }
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let mut letters =
        normal.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '·')).peekable();
    let mut spelt = String::with_capacity(normal.len());
    let mut is_in_digits = false;
    while let Some(letter) = letters.next() {
        let is_leading = letter == '0' && !is_in_digits;
        if is_leading && letters.peek().is_some_and(char::is_ascii_digit) {
            continue;
        }
        is_in_digits = letter.is_ascii_digit();
        spelt.push(letter.to_ascii_uppercase());
    }
    Cow::Owned(spelt)
}

/// Whether a text is plainly spelt already: capitals and digits of ASCII, without a zero at the beginning of a run.
fn is_spelt(text: &str) -> bool {
    let mut before = b'A';
    text.bytes().all(|byte| {
        let is_leading_zero = byte == b'0' && !before.is_ascii_digit();
        before = byte;
        (byte.is_ascii_uppercase() || byte.is_ascii_digit()) && !is_leading_zero
    })
}

fn is_number(spelt: &str, mode: Option<Mode>) -> bool {
    let count = spelt.chars().take(NUMBER_CHARACTERS.end() + 1).count();
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_letter = |letter: char| GeneralCategoryGroup::Letter.contains(categories.get(letter));
    let is_digit = |letter: char| categories.get(letter) == GeneralCategory::DecimalNumber;
    let first = spelt.chars().next();
    NUMBER_CHARACTERS.contains(&count)
        && spelt.chars().all(|letter| letter.is_ascii_alphanumeric() || is_letter(letter) || is_digit(letter))
        && spelt.bytes().any(|byte| byte.is_ascii_digit())
        && spelt.chars().any(|letter| Some(letter) != first)
        && (mode != Some(Mode::Coach) || (count >= PLATE_CHARACTERS_MIN && spelt.chars().any(is_letter)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (text, spelt) in [
            ("G7351", "G7351"),
            ("g 7351", "G7351"),
            ("Ｇ－７３５１", "G7351"),
            ("G07351", "G7351"),
            ("浙A·00123", "浙A123"),
            ("A00B00", "A0B0"),
            ("0", "0"),
            ("", ""),
        ] {
            assert_eq!(spell(text), spelt, "{text}");
            assert_eq!(spell(spelt), spelt, "a spelt text stays as it is");
        }
        assert!(matches!(spell("G7351"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_and_plates() {
        for good in ["G1", "CA1", "Z6", "7512", "浙A12345"] {
            assert!(number(good, Some(Mode::Rail)).is_some(), "{good}");
        }
        for bad in [
            "",
            "7",
            "07",
            "77",
            "G",
            "Shanghai",
            "普陀山",
            "G7/8",
            "G–7",
            "١٢",
            "G7〇",
            "7\u{301}G",
            "ABCDEFGHIJKLMNOP1",
        ] {
            assert_eq!(number(bad, Some(Mode::Air)), None, "{bad}");
        }
        assert!(number("浙A12345", Some(Mode::Coach)).is_some() && number("A1234", Some(Mode::Coach)).is_some());
        for bad in ["K777", "123456789", "浙A12"] {
            assert_eq!(number(bad, Some(Mode::Coach)), None, "{bad}");
        }
    }

    #[test]
    fn one_ending_of_a_carriage_goes() {
        for (text, spelt) in [
            ("05", Some("5")),
            ("5车厢", Some("5")),
            ("5号车厢", Some("5号")),
            ("车厢", None),
            ("", None),
            ("5 车", Some("5")),
        ] {
            assert_eq!(carriage(text).as_deref(), spelt, "{text}");
        }
    }
}
