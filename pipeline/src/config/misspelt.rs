//! Variables of the environment whose name is nearly one of ours: a slip of a key that would be passed over in silence.
//!
//! Owns the comparison. Must never show a value.

use super::error::{Origin, Problem};
use super::layers::VARIABLES;

/// The variables that are no setting.
const OTHERS: [&str; 2] = ["FUMA_CONFIG", "FUMA_KEY"];
/// Names that differ by at most so many letters are taken for one another.
const SLIPS_MAX: usize = 2;

/// The variables that look like a misspelt one of ours.
pub fn misspelt(environment: &[(String, String)]) -> Vec<Problem> {
    let known = || VARIABLES.iter().map(|(name, _)| *name).chain(OTHERS);
    let given = environment.iter().map(|(name, _)| name.as_str());
    let ours = given.filter(|name| name.starts_with("FUMA_") && !name.starts_with("FUMA__"));
    let unknown = ours.filter(|name| !known().any(|other| other == *name));
    let nearest = |name: &str| known().map(|other| (slips(name, other), other)).min();
    unknown
        .filter_map(|name| {
            let (_, meant) = nearest(name).filter(|(slips, _)| *slips <= SLIPS_MAX)?;
            let message = format!("fuma does not know this variable. Did you mean {meant}?");
            Some(Problem { origin: Origin::Environment(name.to_owned()), setting: String::new(), message })
        })
        .collect()
}

/// How many letters have to be added, dropped or exchanged.
fn slips(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut row = vec![place + 1];
        for (at, (same, pair)) in other.iter().map(|other| *other == letter).zip(before.windows(2)).enumerate() {
            let (diagonal, above) = (pair[0], pair[1]);
            row.push((diagonal + usize::from(!same)).min(above + 1).min(row[at] + 1));
        }
        before = row;
    }
    before.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_other_variables_are_not() {
        let names = |names: &[&str]| -> Vec<String> {
            let given: Vec<_> = names.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect();
            misspelt(&given).iter().map(ToString::to_string).collect()
        };
        let told = names(&["FUMA_POLICYY", "FUMA_POLICY", "FUMA_KEY", "FUMA__HTTP__LISTEN", "PATH"]);
        assert_eq!(told, ["FUMA_POLICYY: fuma does not know this variable. Did you mean FUMA_POLICY?"]);
        assert_eq!(
            names(&["FUMA_BOOTSTAP", "FUMA_KEYS", "FUMA_CONFORMANCE", "FUMA_NO_INSTALL", "FUMA_BLESS"]).len(),
            2
        );
    }

    #[test]
    fn letters_that_differ() {
        assert_eq!((slips("kitten", "sitting"), slips("", "ab"), slips("a", "a")), (3, 2, 0));
    }
}
