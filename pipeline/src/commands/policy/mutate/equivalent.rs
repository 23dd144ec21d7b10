//! Mutants that somebody looked at and found to say what the pack says: listed in its case files, each with a reason.
//!
//! ```text
//! # equivalent views/x.sql:8:5 > -> >=: an interval without length is no reason
//!              file:line:column change  why
//! ```
//!
//! Owns the form. A line that fits no mutant that lives is named: the pack has moved on, or a case catches it now.

use std::collections::BTreeMap;

use crate::policy::PackSource;

const WORD: &str = "# equivalent ";

/// What a pack lists.
#[derive(Default)]
pub(super) struct Listed {
    /// The reason, by place and change.
    reasons: BTreeMap<(String, String), String>,
    /// Lines that are no list, with file and number.
    pub(super) unreadable: Vec<String>,
}

impl Listed {
    /// What the case files of a pack list.
    pub(super) fn of(source: &PackSource) -> Listed {
        let mut listed = Listed::default();
        for (path, text) in source.in_folder("cases") {
            for (number, line) in (1..).zip(text.lines()) {
                let Some(rest) = line.strip_prefix(WORD) else { continue };
                let parts = rest.split_once(' ').and_then(|(place, rest)| Some((place, rest.split_once(": ")?)));
                match parts {
                    Some((place, (change, why))) if !why.trim().is_empty() => {
                        let key = (place.to_owned(), change.trim().to_owned());
                        listed.reasons.insert(key, why.trim().to_owned());
                    }
                    _ => listed.unreadable.push(format!("{path}:{number}")),
                }
            }
        }
        listed
    }

    /// Why a mutant is said to be equal, taken off the list; none where it is not listed.
    pub(super) fn take(&mut self, place: &str, change: &str) -> Option<String> {
        self.reasons.remove(&(place.to_owned(), change.to_owned()))
    }

    /// Those that fitted no mutant that lives.
    pub(super) fn left(&self) -> impl Iterator<Item = String> {
        self.reasons.keys().map(|(place, change)| format!("{place} {change}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_mutant_has_a_place_a_change_and_a_reason() {
        let text = "# equivalent views/a.sql:8:5 > -> >=: no length: no reason\n\
                    # equivalent policy.toml:20:12 close_rows 3 -> 4: no rule reads degrees\n\
                    # equivalent views/a.sql:9:1 < -> <=\n# equivalent\n";
        let source = PackSource { name: "a".to_owned(), files: [("cases/a.case".to_owned(), text.to_owned())].into() };
        let mut listed = Listed::of(&source);
        assert_eq!(listed.unreadable, ["cases/a.case:3"]);
        assert_eq!(listed.take("views/a.sql:8:5", "> -> >="), Some("no length: no reason".to_owned()));
        assert_eq!(listed.take("views/a.sql:8:5", "> -> >="), None);
        assert_eq!(listed.left().collect::<Vec<_>>(), ["policy.toml:20:12 close_rows 3 -> 4"]);
    }
}
