//! The header of a table: which column of the map lies where.
//!
//! Of two header rows a name is the lower one, or both with / between them. Owns that look-up. Must never show a name
//! of the table: where the header is not where the map says, its cells may be somebody's.

use fuma_connectors::tables::{Cell, TableError};
use icu_normalizer::ComposingNormalizerBorrowed;

use super::map::{Column, Map};

/// Where the columns lie.
pub(super) struct Layout {
    /// Of each field of the map, in the order of its columns.
    pub(super) fields: Vec<Vec<usize>>,
    pub(super) skip: Vec<usize>,
    pub(super) end: Vec<usize>,
    /// How many cells a row has.
    pub(super) width: usize,
}

/// The names of the columns: the lower, and both.
struct Names {
    lower: Vec<String>,
    both: Vec<String>,
    /// Where the header is, in words.
    place: String,
}

impl Layout {
    /// Finds the columns of a map in rows of names.
    pub(super) fn of_rows(map: &Map, rows: &[Vec<String>], place: String) -> Result<Layout, TableError> {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let name = |row: usize, at: usize| rows.get(row).and_then(|row| row.get(at)).map_or("", String::as_str);
        let (mut lower, mut both) = (Vec::new(), Vec::new());
        for at in 0..width {
            let (above, below) = (name(0, at), name(rows.len() - 1, at));
            let own = if below.is_empty() { above } else { below };
            lower.push(own.to_owned());
            both.push(if rows.len() == 2 && above != own { format!("{above}/{own}") } else { own.to_owned() });
        }
        let names = Names { lower, both, place };
        Layout::of(map, width, &|column| names.find(column))
    }

    /// Finds the columns by their numbers alone, in rows of so many cells.
    pub(super) fn of_numbers(map: &Map, width: usize) -> Result<Layout, TableError> {
        Layout::of(map, width, &|column| match column {
            Column::Number(number) if *number <= width => Ok(number - 1),
            Column::Number(number) => {
                Err(TableError::MissingColumn(format!("no column {number}: the first row has {width} cells")))
            }
            Column::Name(name) => Err(TableError::MissingColumn(format!("no column {name}: the map has no header"))),
        })
    }

    fn of(map: &Map, width: usize, find: &dyn Fn(&Column) -> Result<usize, TableError>) -> Result<Layout, TableError> {
        let fields = map.fields.iter().map(|field| field.columns().into_iter().map(find).collect());
        let fields = fields.collect::<Result<Vec<Vec<usize>>, TableError>>()?;
        let rules = |rules: &[super::map::Rule]| rules.iter().map(|rule| find(&rule.column)).collect();
        let (skip, end): (Result<Vec<_>, _>, Result<Vec<_>, _>) = (rules(&map.skip), rules(&map.end));
        Ok(Layout { fields, skip: skip?, end: end?, width })
    }
}

impl Names {
    fn find(&self, column: &Column) -> Result<usize, TableError> {
        let name = match column {
            Column::Number(number) if *number <= self.lower.len() => return Ok(number - 1),
            Column::Number(number) => {
                let (width, place) = (self.lower.len(), &self.place);
                return Err(TableError::MissingColumn(format!("no column {number}: {place} has {width} cells")));
            }
            Column::Name(name) => name,
        };
        let places = |names: &[String]| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, other)| *other == name).map(|(at, _)| at).collect()
        };
        let found = match places(&self.both) {
            found if found.is_empty() => places(&self.lower),
            found => found,
        };
        match found.as_slice() {
            [place] => Ok(*place),
            [] => Err(TableError::MissingColumn(self.missing(name))),
            several => {
                let numbers: Vec<String> = several.iter().map(|at| (at + 1).to_string()).collect();
                let numbers = numbers.join(" and ");
                Err(TableError::DuplicateColumn(format!(
                    "column {name} is there {} times, as columns {numbers} of {}: name one of them by its number \
                     in the map, or take the other away",
                    several.len(),
                    self.place
                )))
            }
        }
    }

    fn missing(&self, name: &str) -> String {
        let (place, width) = (&self.place, self.lower.len());
        let near = self.lower.iter().position(|other| plain(other) == plain(name));
        let hint = match near {
            Some(at) => format!("; column {} has nearly this name: blanks, width or case differ", at + 1),
            None => String::new(),
        };
        format!(
            "no column {name} in {place} ({width} cells){hint}. Is the header in another row, or is it another table? \
             `fuma import look FILE` shows it"
        )
    }
}

/// A name without blanks, width and case.
fn plain(name: &str) -> String {
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(name);
    normal.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The names in a row.
pub(super) fn names(cells: &[Cell<'_>]) -> Vec<String> {
    let name = |cell: &Cell<'_>| match cell {
        Cell::Text(text) => text.trim().to_owned(),
        Cell::Integer(value) => value.to_string(),
        Cell::Number(value) => value.to_string(),
        _ => String::new(),
    };
    cells.iter().map(name).collect()
}
