//! Identities where none may be: in ids and in free texts (docs/feeds.md section 2, `identity-in-id`).
//!
//! Owns the search. What it looks for is the record's own number, and any resident ID.

use super::resident_id;

/// ASCII letters and digits that a number must have to be looked for: shorter ones stand in ids by chance.
const CHARACTERS_MIN: usize = 8;

/// Whether a text contains a spelt number of 8 ASCII letters and digits or more; ASCII case does not matter.
pub(super) fn contains_number(text: &str, spelt: &[u8]) -> bool {
    let is_long = spelt.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() >= CHARACTERS_MIN;
    is_long && text.as_bytes().windows(spelt.len()).any(|part| part.eq_ignore_ascii_case(spelt))
}

/// Whether a text contains a valid resident ID that no ASCII digit follows or precedes.
pub(super) fn contains_resident_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while let Some(run) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let start = at + run;
        let length = bytes.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
        // 18 digits in a row, or 17 and an X: nothing else can be one that stands alone.
        let end = if length == resident_id::LENGTH - 1 { start + resident_id::LENGTH } else { start + length };
        if end - start == resident_id::LENGTH && !is_digit(Some(end)) {
            let mut spelt = [0; resident_id::LENGTH];
            if let Some(part) = bytes.get(start..end) {
                spelt.copy_from_slice(part);
                spelt.make_ascii_uppercase();
                if resident_id::is_valid(&spelt) {
                    return true;
                }
            }
        }
        at = start + length;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_ids_that_stand_alone() {
        for text in [
            "990001198506150025",
            "co-990001198506150025",
            "(99000119850615005x)",
            "0/990001198506150025",
            "99000119850615005Xa",
            "号990001198506150025号",
        ] {
            assert!(contains_resident_id(text), "{text}");
        }
        for text in [
            "",
            "9900011985061500250",
            "1990001198506150025",
            "99000119850615005X1",
            "99000119850615002",
            "990001198506150026",
            "990001198513150025",
            "9900 01198506150025",
        ] {
            assert!(!contains_resident_id(text), "{text}");
        }
    }

    #[test]
    fn numbers_of_eight_letters_and_digits() {
        assert!(
            contains_number("cdc-33/e1234567", b"E1234567") && contains_number("É12345678", "É12345678".as_bytes())
        );
        assert!(!contains_number("E1234 567-1", b"E1234567") && !contains_number("n1-e1234", b"E1234"));
        assert!(!contains_number("", b"") && !contains_number("a", b""));
    }
}
