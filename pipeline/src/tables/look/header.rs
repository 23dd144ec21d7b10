//! Where the names of the columns are.
//!
//! A row of names has many different words and few digits. Two rows are a header where the upper one groups the lower
//! one. Owns that guess.

use std::collections::BTreeSet;

use super::sample::Sampled;

/// The header is looked for in so many rows.
const ROWS: usize = 12;

/// Where the header is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The rows of the header: none, one or two.
    pub rows: Vec<u64>,
    /// The first row of data.
    pub first_row: Option<u64>,
    /// The names of the columns.
    pub names: Vec<String>,
    /// What rows that are comments begin with.
    pub comment: Option<&'static str>,
}

/// Finds the header.
pub fn place(table: &Sampled) -> Place {
    if let Some(names) = &table.names {
        let first_row = table.rows.first().map(|(number, _)| *number);
        return Place { rows: Vec::new(), first_row, names: names.clone(), comment: None };
    }
    let best = table.rows.iter().take(ROWS).enumerate().max_by_key(|(at, (_, cells))| (words(cells), usize::MAX - at));
    let Some((at, (number, cells))) = best.filter(|(_, (_, cells))| words(cells) * 2 > filled(cells)) else {
        let width = table.rows.first().map_or(0, |(_, cells)| cells.len());
        let first_row = table.rows.first().map(|(number, _)| *number);
        return Place { rows: Vec::new(), first_row, names: vec![String::new(); width], comment: None };
    };
    let is_comment = |cells: &Vec<String>| cells.first().is_some_and(|cell| cell.starts_with("##"));
    let comment = table.rows.get(at + 1).filter(|(_, cells)| is_comment(cells)).map(|_| "##");
    let mut rows = vec![*number];
    let upper = at.checked_sub(1).and_then(|above| table.rows.get(above));
    let grouping =
        upper.filter(|(above, upper)| above + 1 == *number && groups(upper) && upper.len() <= cells.len() + 1);
    if let Some((above, _)) = grouping.filter(|_| comment.is_none()) {
        rows.insert(0, *above);
    }
    let first = table.rows.iter().skip(at + 1).find(|(_, cells)| !is_comment(cells) && filled(cells) > 0);
    Place { rows, first_row: first.map(|(number, _)| *number), names: cells.clone(), comment }
}

fn filled(cells: &[String]) -> usize {
    cells.iter().filter(|cell| !cell.is_empty()).count()
}

/// How many different cells of a row are words: no run of four digits.
fn words(cells: &[String]) -> usize {
    let is_word = |cell: &&String| {
        let digits = cell.chars().filter(|letter| letter.is_numeric()).count();
        !cell.is_empty() && digits < 4 && cell.chars().any(char::is_alphabetic)
    };
    let different: BTreeSet<&String> = cells.iter().filter(is_word).collect();
    different.len()
}

/// Whether a row groups the columns below it: several groups, some of several columns.
fn groups(cells: &[String]) -> bool {
    let different: BTreeSet<&String> = cells.iter().filter(|cell| !cell.is_empty()).collect();
    let has_group = cells.windows(2).any(|pair| pair[0] == pair[1] && !pair[0].is_empty());
    different.len() > 1 && has_group && filled(cells) > different.len()
}
