//! Which changes a client wants, and from where: the parameters of the address.
//!
//! ```text
//! from    a position
//! colour  changes from or to one of these colours
//! rule    changes with a reason by one of these rules, or of which one ended
//! person  changes of these people, by the client's own tokens
//! ```
//!
//! Owns the names. What is not understood is refused, never passed over: a filter that is not applied shows more than
//! was asked for.

use std::collections::HashSet;

use fuma_schemas::{Colour, Person};

use super::super::clients::IssuerKey;
use super::super::problem::Code;
use crate::live::subscriptions::Change;

/// The most values of a parameter.
const VALUES_MAX: usize = 200;
/// The longest id of a rule.
const RULE_BYTES_MAX: usize = 64;
const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) from: Option<String>,
    colours: Option<Vec<Colour>>,
    rules: Option<HashSet<String>>,
    people: Option<HashSet<Person>>,
}

/// Reads the parameters; people are named by the client's own tokens.
pub(super) fn read(text: &str, key: Option<&IssuerKey>) -> Result<Query, Code> {
    let mut query = Query::default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let values: Vec<&str> = value.split(',').collect();
        if values.len() > VALUES_MAX {
            return Err(Code::BadQuery);
        }
        let is_again = match name.as_ref() {
            "from" => query.from.replace(value.clone().into_owned()).is_some(),
            "colour" => query.colours.replace(all(&values, colour)?).is_some(),
            "rule" => query.rules.replace(all(&values, rule)?.into_iter().collect()).is_some(),
            "person" => {
                let people = all(&values, Person::parse)?;
                let found = |person| key.map_or(person, |key| key.found(person));
                query.people.replace(people.into_iter().map(found).collect()).is_some()
            }
            _ => true,
        };
        if is_again {
            return Err(Code::BadQuery);
        }
    }
    Ok(query)
}

fn all<T>(values: &[&str], read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Code> {
    values.iter().map(|value| read(value)).collect::<Option<Vec<T>>>().ok_or(Code::BadQuery)
}

fn colour(name: &str) -> Option<Colour> {
    COLOURS.into_iter().find(|colour| colour.name() == name)
}

fn rule(id: &str) -> Option<String> {
    (!id.is_empty() && id.len() <= RULE_BYTES_MAX).then(|| id.to_owned())
}

impl Query {
    /// Whether it tells changes apart by their rules.
    pub(super) fn names_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether a change is wanted. That somebody was erased everybody has to know who may know the person.
    pub(super) fn wants(&self, change: &Change) -> bool {
        if self.people.as_ref().is_some_and(|people| !people.contains(&change.person)) {
            return false;
        }
        let Some(said) = &change.said else { return true };
        let is_of = |colours: &Vec<Colour>| colours.contains(&said.from) || colours.contains(&said.to);
        let names = |rules: &HashSet<String>| {
            said.reasons.iter().any(|reason| rules.contains(&reason.rule))
                || said.ended.iter().any(|rule| rules.contains(rule))
        };
        self.colours.as_ref().is_none_or(is_of) && self.rules.as_ref().is_none_or(names)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parameters_are_read_as_browsers_write_them_and_what_is_unknown_is_refused() {
        let token = "9f".repeat(16);
        let query = read(&format!("colour=red%2Cyellow&rule=ZJ-R1,A%20b&person={token}&from=a%3A1%3A2"), None).unwrap();
        assert_eq!((query.from.as_deref(), query.colours.as_ref().unwrap().len()), (Some("a:1:2"), 2));
        assert!(query.rules.as_ref().unwrap().contains("A b") && query.names_rules());
        assert_eq!(query.people.unwrap().into_iter().collect::<Vec<_>>(), [Person([0x9f; 16])]);
        let many = format!("rule={}", "a,".repeat(VALUES_MAX));
        for wrong in [
            "colour=blue",
            "colour=",
            "colour=red&colour=red",
            "colours=red",
            "person=x",
            "rule=",
            "=",
            "x",
            "rule=a%00b&rule=a",
            many.as_str(),
        ] {
            assert_eq!(read(wrong, None).unwrap_err(), Code::BadQuery, "{wrong}");
        }
        assert!(read("", None).unwrap().from.is_none());
    }
}
