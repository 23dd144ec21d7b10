//! A look at a table of which nothing is known: what it is, where its header is, what its columns look like, and a map
//! to begin with.
//!
//! ```text
//! sample   the first rows, and whether the lines agree        header   the rows of names
//! words    what columns are called                            guess    a map, as text
//! ```
//!
//! Owns these guesses: none of them is used before a person has read it. Must never show what is in a column that holds
//! five digits or more, or names of people, unless it is asked to.

mod guess;
mod header;
mod sample;
mod words;

pub use guess::guess;
pub use header::{Place, place};
pub use sample::{Sample, Sampled};

/// Digits in a cell from which on its column is shown by its shape.
const DIGITS_SHOWN_MAX: usize = 4;

/// A text by its shape: digits are 9, letters A and a, the rest of Unicode's letters 文.
pub fn shape_of(text: &str) -> String {
    let shape = |letter: char| match letter {
        letter if letter.is_numeric() => '9',
        letter if letter.is_ascii_uppercase() => 'A',
        letter if letter.is_ascii_lowercase() => 'a',
        letter if letter.is_alphabetic() => '文',
        letter => letter,
    };
    text.chars().map(shape).collect()
}

/// Whether a column may be shown as it is: few digits, and no names of people.
pub fn may_be_shown(heading: &str, cells: &[&str]) -> bool {
    let digits = |cell: &&str| cell.chars().filter(|letter| letter.is_numeric()).count();
    !words::is_of_a_person(heading) && cells.iter().all(|cell| digits(cell) <= DIGITS_SHOWN_MAX)
}
