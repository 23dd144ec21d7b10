//! What the emergency stop holds back in a partition, and in all: what its release would announce.
//!
//! Owns the counts and their JSON form. Must never hold a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// For how many people a rule begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Moved {
    /// Begins.
    pub begun: u64,
    /// Ends.
    pub ended: u64,
}

/// What a release would announce.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Withheld {
    /// Of how many people something else would be announced.
    pub people: u64,
    /// How many of all people are announced green, yellow and red.
    pub before: [u64; 3],
    /// The same behind the release.
    pub after: [u64; 3],
    /// By rule.
    pub rules: BTreeMap<String, Moved>,
    /// How many people are not judged yet: the counts are not whole.
    pub to_judge: u64,
}

impl Withheld {
    /// The counts for people.
    pub fn lines(&self) -> Vec<String> {
        let Withheld { people, before, after, rules, to_judge } = self;
        let mut lines = vec![format!("its release changes what was announced of {people} people")];
        for (place, colour) in ["green", "yellow", "red"].into_iter().enumerate() {
            lines.push(format!("  {colour:<8}{:>12} -> {}", before[place], after[place]));
        }
        for (rule, Moved { begun, ended }) in rules {
            lines.push(format!("  {rule}: begins for {begun}, ends for {ended}"));
        }
        if *to_judge > 0 {
            lines.push(format!("  {to_judge} people are still to be judged: these counts are not whole"));
        }
        lines
    }

    /// Adds another partition's.
    pub fn add(&mut self, other: &Withheld) {
        self.people += other.people;
        self.to_judge += other.to_judge;
        for place in 0..3 {
            self.before[place] += other.before[place];
            self.after[place] += other.after[place];
        }
        for (rule, moved) in &other.rules {
            let all = self.rules.entry(rule.clone()).or_default();
            all.begun += moved.begun;
            all.ended += moved.ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_add_up_and_an_older_build_says_less() {
        let one = Withheld {
            people: 3,
            before: [9, 1, 0],
            after: [6, 1, 3],
            rules: BTreeMap::from([("ZJ-R7".to_owned(), Moved { begun: 3, ended: 0 })]),
            to_judge: 0,
        };
        let mut all = Withheld { to_judge: 5, ..Withheld::default() };
        all.add(&one);
        all.add(&one);
        assert_eq!((all.people, all.before, all.after, all.to_judge), (6, [18, 2, 0], [12, 2, 6], 5));
        assert_eq!(all.rules["ZJ-R7"], Moved { begun: 6, ended: 0 });
        assert_eq!(serde_json::from_str::<Withheld>(r#"{"people":3,"later":1}"#).ok().map(|it| it.people), Some(3));
    }
}
