//! The nearest known word to one that is not known: "did you mean ...?".
//!
//! Owns the distance. Must never choose for the writer.

/// The known word that is most like this one, if it is like it at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = 1 + word.chars().count() / 4;
    let word = word.to_ascii_lowercase();
    let measured = known.into_iter().map(|one| (distance(&word, &one.to_ascii_lowercase()), one));
    measured.filter(|(distance, _)| *distance <= allowed).min().map(|(_, one)| one)
}

/// `; did you mean `x`?`, or nothing.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// How many letters must be changed, added or taken away (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (place, known) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *known);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_when_few_letters_differ() {
        let tables = ["cases", "contacts", "external_codes", "tests"];
        assert_eq!(nearest("external_code", tables), Some("external_codes"));
        assert_eq!(nearest("CASES", tables), Some("cases"));
        assert_eq!(nearest("test", tables), Some("tests"));
        assert_eq!(nearest("vaccinations", tables), None);
        assert_eq!(did_you_mean("contact", tables), "; did you mean `contacts`?");
    }
}
