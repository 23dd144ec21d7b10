//! Two rows of one key that are in force at once.
//!
//! Owns the comparison of periods: from `valid_from`, blank = ever since, to before `valid_to`, blank = open.

/// A row's period, with the line that it stands on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Period {
    /// The cells by which the row is found.
    pub(super) key: Vec<String>,
    /// From when, in milliseconds; least = ever since.
    pub(super) from: i64,
    /// To before when; greatest = open.
    pub(super) to: i64,
    /// The line.
    pub(super) line: usize,
}

/// The lines of the first two rows that apply at once, the earlier line first.
pub(super) fn overlap(mut periods: Vec<Period>) -> Option<(usize, usize)> {
    periods.retain(|period| period.from < period.to);
    periods.sort();
    // Of one key in the order of beginnings: the one that lasts longest so far.
    let mut longest: Option<&Period> = None;
    for period in &periods {
        match longest {
            Some(earlier) if earlier.key == period.key && period.from < earlier.to => {
                return Some((earlier.line.min(period.line), earlier.line.max(period.line)));
            }
            _ => longest = Some(period),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(key: &str, from: i64, to: i64, line: usize) -> Period {
        Period { key: vec![key.to_string()], from, to, line }
    }

    #[test]
    fn periods_that_touch_do_not_overlap() {
        let touching = vec![period("US", 5, 9, 3), period("US", i64::MIN, 5, 2), period("FR", 0, i64::MAX, 4)];
        assert_eq!(overlap(touching.clone()), None);
        let over = [touching, vec![period("US", 8, i64::MAX, 5)]].concat();
        assert_eq!(overlap(over), Some((3, 5)));
        assert_eq!(overlap(vec![period("US", 5, 5, 2), period("US", 0, 9, 3)]), None, "one that is never in force");
    }
}
