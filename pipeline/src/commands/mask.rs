//! Takes what looks like a certificate number out of a text.
//!
//! Owns what such a number looks like. A person who types one on the command line must not find it in an error, a log
//! or a screenshot.

/// What stands in its place.
const MASK: &str = "***";
/// An argument with so many digits in a row may be a number of a certificate.
const DIGITS_IN_A_ROW: usize = 6;

/// The text without words that look like a resident ID: 17 digits, and a digit or X.
pub(super) fn resident_ids(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_word) {
        let word = &rest[start..];
        let end = word.find(|letter| !is_of_word(letter)).unwrap_or(word.len());
        masked.push_str(&rest[..start]);
        masked.push_str(if is_resident_id(&word[..end]) { MASK } else { &word[..end] });
        rest = &word[end..];
    }
    masked + rest
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric()
}

fn is_resident_id(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let [digits @ .., last] = letters.as_slice() else { return false };
    digits.len() == 17 && digits.iter().all(|letter| letter.is_numeric()) && (last.is_numeric() || "xX".contains(*last))
}

/// The complaint about a command line, without the arguments that may be a number of a certificate.
pub(super) fn arguments(complaint: &str, given: impl IntoIterator<Item = String>) -> String {
    let mut masked = complaint.to_owned();
    for argument in given {
        // The value of `--name=value` is shown apart from its name.
        let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value);
        if has_digits_in_a_row(value) {
            masked = masked.replace(value, MASK);
        }
    }
    resident_ids(&masked)
}

fn has_digits_in_a_row(text: &str) -> bool {
    let plain = text.chars().filter(|letter| !letter.is_whitespace());
    let mut in_a_row = 0;
    plain.into_iter().any(|letter| {
        in_a_row = if letter.is_numeric() { in_a_row + 1 } else { 0 };
        in_a_row >= DIGITS_IN_A_ROW
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resident_id_is_taken_out_and_a_path_stays() {
        let number = ["990101", "19900307", "001X"].concat();
        let said = resident_ids(&format!("{number}: cannot be opened, nor 'feeds/{number}.csv'"));
        assert_eq!(said, "***: cannot be opened, nor 'feeds/***.csv'");
        assert_eq!(resident_ids("feeds/2021-11-08.ndjson: 号"), "feeds/2021-11-08.ndjson: 号");
    }

    #[test]
    fn an_argument_with_many_digits_is_taken_out() {
        for number in ["E12345678", "990101 19900307 0015", "９９０１０１１９９００３０７００１５", "99010119"]
        {
            let given = ["explain".to_owned(), number.to_owned()];
            assert_eq!(
                arguments(&format!("unexpected argument '{number}' found"), given),
                "unexpected argument '***' found"
            );
        }
        let given = ["--at=2021-13-01".to_owned()];
        assert_eq!(arguments("invalid value '2021-13-01'", given), "invalid value '2021-13-01'");
    }
}
