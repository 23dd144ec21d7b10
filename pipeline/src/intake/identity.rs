//! Identities where none may be: in ids and in free texts (docs/feeds.md section 2, `identity-in-id`).
//!
//! Owns the search. What it looks for is the record's own number, and any resident ID. [`is_clean`] is I-8 as a
//! predicate: asked where rows leave intake, and where they leave the process.

use arrow::array::{AsArray, RecordBatch};
use fuma_schemas::Kind;

use super::resident_id;

/// ASCII letters and digits that a number must have to be looked for: shorter ones stand in ids by chance.
const CHARACTERS_MIN: usize = 8;
/// The column of the id in the log, of whatever kind.
const ID: &str = "id";

/// Whether a text contains a spelt number of 8 ASCII letters and digits or more; ASCII case does not matter.
pub(super) fn contains_number(text: &str, spelt: &[u8]) -> bool {
    if text.len() < spelt.len() {
        return false;
    }
    let is_long = spelt.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() >= CHARACTERS_MIN;
    is_long && text.as_bytes().windows(spelt.len()).any(|part| part.eq_ignore_ascii_case(spelt))
}

/// Whether a text contains a valid resident ID that no ASCII digit follows or precedes.
pub(super) fn contains_resident_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < resident_id::LENGTH {
        return false;
    }
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

/// Whether rows behind intake are without a resident ID in their ids and free texts (I-8). Owners and approvers are of
/// a list; other texts have a pattern that no resident ID fits.
pub(crate) fn is_clean(kind: Kind, batch: &RecordBatch) -> bool {
    let columns = kind.columns().iter().chain(kind.links());
    let texts = columns.filter(|column| column.is_free_text).map(|column| column.name);
    std::iter::once(ID).chain(texts).all(|name| {
        let texts = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        texts.is_none_or(|texts| texts.iter().flatten().all(|text| !contains_resident_id(text)))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

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

    /// Each column that intake looks at, in rows that never went through intake.
    #[test]
    fn rows_with_a_resident_id_are_not_clean() {
        use arrow::array::{ArrayRef, StringArray};
        use arrow::datatypes::DataType;
        use fuma_schemas::evidence::log_schema;
        let mut looked = 0;
        for kind in Kind::PERSONAL.into_iter().chain([Kind::Regions]) {
            let schema = log_schema(kind);
            let free =
                |name: &str| kind.columns().iter().chain(kind.links()).any(|it| it.name == name && it.is_free_text);
            let rows = |dirty: Option<&str>| {
                let columns = schema.fields().iter().map(|field| -> (String, ArrayRef) {
                    let text = if dirty == Some(field.name()) { "n-990001198506150025" } else { "n-1" };
                    (field.name().clone(), Arc::new(StringArray::from(vec![None, Some(text)])))
                });
                RecordBatch::try_from_iter(columns).unwrap()
            };
            assert!(is_clean(kind, &rows(None)), "{kind:?}");
            for field in schema.fields().iter().filter(|field| field.data_type() == &DataType::Utf8) {
                let is_looked_at = field.name() == ID || free(field.name());
                assert_eq!(is_clean(kind, &rows(Some(field.name()))), !is_looked_at, "{kind:?} {}", field.name());
                looked += usize::from(is_looked_at);
            }
        }
        assert!(looked > 12 + 5, "ids of {} kinds and their free texts: {looked}", Kind::PERSONAL.len() + 1);
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
