//! What a cell looks like, without what is in it: for messages.
//!
//! Owns these words. Must never show a character of a cell.

use fuma_connectors::tables::Cell;

/// The kind of a cell, and of its characters, in words.
pub(super) fn shape(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Empty => "an empty cell".to_owned(),
        Cell::Text(text) => of_text(text),
        Cell::Number(value) if value.abs() >= 1e15 => "a number cell of more than 15 digits".to_owned(),
        Cell::Number(_) | Cell::Integer(_) => "a number cell".to_owned(),
        Cell::Serial(_) | Cell::Wall(_) | Cell::Instant(_) | Cell::Date(_) => "a date cell".to_owned(),
        Cell::Boolean(_) => "a cell that is true or false".to_owned(),
        Cell::Unusable => "a cell without a value (the error of a formula, a list)".to_owned(),
    }
}

/// Whether a character is of a kind.
type IsOfKind = fn(char) -> bool;

/// The kinds of the characters of a text, in this order.
const KINDS: [(&str, IsOfKind); 6] = [
    ("digits", |letter| letter.is_ascii_digit()),
    ("letters", |letter| letter.is_ascii_alphabetic()),
    ("Chinese characters", |letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)),
    ("blanks", char::is_whitespace),
    ("marks", |letter| letter.is_ascii_punctuation()),
    ("other characters", |letter| {
        !letter.is_ascii_alphanumeric()
            && !('\u{4e00}'..='\u{9fff}').contains(&letter)
            && !letter.is_whitespace()
            && !letter.is_ascii_punctuation()
    }),
];

fn of_text(text: &str) -> String {
    let text = text.trim();
    let count = text.chars().count();
    let kinds: Vec<&str> = KINDS.iter().filter(|(_, is)| text.chars().any(is)).map(|(name, _)| *name).collect();
    format!("a text of {count} characters ({})", kinds.join(", "))
}
