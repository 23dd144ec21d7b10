//! Where those were last who change: by district, small numbers hidden.
//!
//! The district is the first six digits of the winning stay with the latest arrival. A number below ten would tell a
//! neighbour who it is, so it is not shown, nor can it be found by subtraction: a row with such a number shows nothing
//! but its sum, rows with a small sum are one, and each column of what is hidden is large, or nothing.
//!
//! Owns what is hidden.

use std::collections::BTreeMap;

use fuma_schemas::{Colour, Kind};

use crate::assess::Partition;
use crate::evidence::Value;

/// Numbers below this are hidden.
pub(super) const SMALL: u64 = 10;
/// Who has no stay.
const NOWHERE: &str = "none";

/// How many change in a district: by the colour afterwards, green, yellow and red.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counted([u64; 3]);

impl Counted {
    pub(super) fn see(&mut self, after: Colour) {
        self.0[after as usize] += 1;
    }

    fn changes(self) -> u64 {
        self.0.iter().sum()
    }

    fn is_open(self) -> bool {
        self.0.iter().all(|count| *count == 0 || *count >= SMALL)
    }

    fn plus(mut self, other: Counted) -> Counted {
        self.0.iter_mut().zip(other.0).for_each(|(all, own)| *all += own);
        self
    }
}

/// A district that is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct District {
    /// Its code, six digits where that is known.
    pub code: String,
    /// How many change.
    pub changes: u64,
    /// By the colour afterwards, green, yellow and red; none where one of them is small.
    pub after: Option<[u64; 3]>,
}

/// The districts of those who change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Districts {
    /// Those that are shown, the most changes first.
    pub shown: Vec<District>,
    /// How many others there are.
    pub hidden: usize,
    /// How many change in these; none where that is a small number.
    pub hidden_changes: Option<u64>,
}

/// Adds what another partition counted.
pub(super) fn add(all: &mut BTreeMap<String, Counted>, part: BTreeMap<String, Counted>) {
    for (code, counted) in part {
        let known = all.entry(code).or_default();
        *known = known.plus(counted);
    }
}

/// The district of a person's last stay.
pub(super) fn of(partition: &Partition, person: u32) -> String {
    let evidence = partition.evidence();
    let stays = evidence.handles(person).into_iter().filter_map(|handle| evidence.describe(handle));
    let stays = stays.filter(|fact| fact.kind == Kind::Stays && fact.standing);
    let last = stays.filter_map(|fact| {
        let value = |name: &str| fact.values.iter().find(|(column, _)| *column == name).map(|(_, value)| value);
        match (value("arrived_at")?, value("region")?) {
            (Value::Instant(arrived_at), Value::Text(region)) => Some((*arrived_at, (*region).to_owned())),
            _ => None,
        }
    });
    let region = last.max().map(|(_, region)| region);
    region.map_or_else(|| NOWHERE.to_owned(), |region| region.chars().take(6).collect())
}

impl Districts {
    /// What may be shown of these.
    pub(super) fn hiding_small(all: BTreeMap<String, Counted>) -> Districts {
        let (small, mut rows): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, counted)| counted.changes() < SMALL);
        // Fewest first, so that what has to go too is the least.
        rows.sort_by(|(code, counted), (other, more)| (counted.changes(), code).cmp(&(more.changes(), other)));
        let mut hidden = small.iter().fold(Counted::default(), |all, (_, counted)| all.plus(*counted));
        let mut hidden_rows = small.len();
        // What is left of the whole when all that is shown is subtracted must not be small either.
        while !rows.is_empty() && hidden_rows > 0 && hidden.changes() < SMALL {
            let (_, counted) = rows.remove(0);
            hidden = hidden.plus(counted);
            hidden_rows += 1;
        }
        let mut is_open: Vec<bool> = rows.iter().map(|(_, counted)| counted.is_open()).collect();
        loop {
            let closed = rows.iter().zip(&is_open).filter(|(_, open)| !**open);
            let rest = closed.fold(hidden, |all, ((_, counted), _)| all.plus(*counted));
            if rest.is_open() {
                break;
            }
            let Some(next) = is_open.iter().position(|open| *open) else { break };
            is_open[next] = false;
        }
        let shown = rows.into_iter().zip(is_open).rev().map(|((code, counted), open)| District {
            code,
            changes: counted.changes(),
            after: open.then_some(counted.0),
        });
        let hidden_changes = (hidden.changes() >= SMALL).then_some(hidden.changes());
        Districts { shown: shown.collect(), hidden: hidden_rows, hidden_changes }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn districts(rows: &[(&str, [u64; 3])]) -> Districts {
        Districts::hiding_small(rows.iter().map(|(code, counts)| ((*code).to_owned(), Counted(*counts))).collect())
    }

    #[test]
    fn a_small_district_takes_the_next_with_it() {
        let all = districts(&[("330106", [0, 100, 0]), ("330108", [0, 3, 0]), ("330110", [0, 40, 0])]);
        let codes: Vec<&str> = all.shown.iter().map(|district| district.code.as_str()).collect();
        assert_eq!((codes, all.hidden, all.hidden_changes), (vec!["330106"], 2, Some(43)));
        // Of three that are small together there is enough to hide among.
        let all =
            districts(&[("330106", [0, 100, 0]), ("330108", [0, 4, 0]), ("330110", [0, 4, 0]), ("33", [0, 4, 0])]);
        assert_eq!((all.shown.len(), all.hidden, all.hidden_changes), (1, 3, Some(12)));
    }

    #[test]
    fn a_small_cell_hides_its_row_and_as_many_others_as_it_takes() {
        let all = districts(&[("330106", [0, 50, 20]), ("330108", [0, 40, 5]), ("330110", [0, 30, 0])]);
        let shown: Vec<_> = all.shown.iter().map(|district| (district.code.as_str(), district.after)).collect();
        // The five are the rest of red: the next district with red is hidden as well, its sum is not.
        assert_eq!(shown, [("330106", None), ("330108", None), ("330110", None)]);
        assert_eq!(all.shown.iter().map(|district| district.changes).collect::<Vec<_>>(), [70, 45, 30]);
    }

    #[test]
    fn large_numbers_are_shown() {
        let all = districts(&[("330106", [10, 50, 20]), ("none", [0, 40, 15])]);
        assert!(all.shown.iter().all(|district| district.after.is_some()) && all.hidden == 0);
        assert_eq!(all.hidden_changes, None);
    }

    /// Whatever the numbers are: what is left when all that is shown is subtracted from the whole is large, or nothing
    /// is shown but sums.
    #[test]
    fn nothing_small_is_found_by_subtraction() {
        for seed in 0..500_u64 {
            let cell = |row: u64, place: u64| {
                let mixed = (seed * 31 + row * 17 + place * 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                if mixed.is_multiple_of(3) { 0 } else { mixed % 30 }
            };
            let rows: Vec<(String, [u64; 3])> =
                (0..6).map(|row| (format!("{row}"), [cell(row, 0), cell(row, 1), cell(row, 2)])).collect();
            let whole = rows.iter().fold([0; 3], |all, (_, own)| [all[0] + own[0], all[1] + own[1], all[2] + own[2]]);
            let named: Vec<(&str, [u64; 3])> = rows.iter().map(|(code, counts)| (code.as_str(), *counts)).collect();
            let all = districts(&named);
            let open: Vec<[u64; 3]> = all.shown.iter().filter_map(|district| district.after).collect();
            for place in 0..3 {
                let rest = whole[place] - open.iter().map(|after| after[place]).sum::<u64>();
                assert!(open.is_empty() || rest == 0 || rest >= SMALL, "{named:?}: {all:?}");
            }
            assert!(all.shown.iter().all(|district| district.changes >= SMALL));
            let sums: u64 = all.shown.iter().map(|district| district.changes).sum();
            let rest = whole.iter().sum::<u64>() - sums;
            assert!(all.shown.is_empty() || rest == 0 || rest >= SMALL, "{named:?}: {all:?}");
        }
    }
}
