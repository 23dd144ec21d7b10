//! Merged cells: the value of a merge's first cell holds in all of them.
//!
//! Owns the values of the merges at hand. Must never fill a cell that has a value of its own.

use super::workbook::{Corner, Value};
use super::{CELLS_MAX, TableError};

/// More merges than this are no table.
const MERGES_MAX: usize = 200_000;

/// The merges of a sheet.
pub(super) struct Merges {
    /// Those that begin further down, the next one last.
    ahead: Vec<Corner>,
    /// Those that the rows at hand lie in, with their values.
    here: Vec<(Corner, Value<'static>)>,
}

impl Merges {
    pub(super) fn new(mut merges: Vec<Corner>) -> Result<Merges, TableError> {
        if merges.len() > MERGES_MAX {
            return Err(TableError::Beyond(format!("the sheet has more than {MERGES_MAX} merged cells")));
        }
        merges.sort_by_key(|merge| std::cmp::Reverse((merge.start, merge.end)));
        Ok(Merges { ahead: merges, here: Vec::new() })
    }

    /// Fills the cells of a row that lie in merges.
    pub(super) fn fill(&mut self, row: u32, values: &mut Vec<Value<'_>>) {
        self.here.retain(|(merge, _)| merge.end.0 >= row);
        while let Some(merge) = self.ahead.pop_if(|merge| merge.start.0 <= row) {
            let first = values.get(merge.start.1 as usize).filter(|_| merge.start.0 == row);
            let value = first.cloned().unwrap_or(Value::Empty).into_owned();
            if merge.end.0 >= row && value != Value::Empty {
                self.here.push((merge, value));
            }
        }
        for (merge, value) in &self.here {
            let (from, to) = (merge.start.1 as usize, (merge.end.1 as usize).min(CELLS_MAX - 1));
            if values.len() <= to {
                values.resize(to + 1, Value::Empty);
            }
            for place in values.get_mut(from..=to).unwrap_or_default() {
                if *place == Value::Empty {
                    *place = value.clone();
                }
            }
        }
    }
}
