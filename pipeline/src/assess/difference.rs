//! Whose announced state a switch changes, and the digest of that (docs/feeds.md section 6).
//!
//! A line is a person, the state before and the state after. States are few, so a partition's lines hold their numbers.
//!
//! Owns the lines and their order. Must never decide what holds.

use fuma_schemas::Person;
use sha2::{Digest, Sha256};

use super::announced::{Announced, StateNumber};
use super::partition::Partition;

/// The people of one partition whose state is another than before.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// By person.
    lines: Vec<(Person, StateNumber, StateNumber)>,
    /// The states in words, by number.
    states: Vec<String>,
}

impl Differences {
    /// People with their states before and after, as numbers of what was announced.
    pub fn new(mut lines: Vec<(Person, StateNumber, StateNumber)>, announced: &Announced) -> Differences {
        lines.sort_unstable();
        Differences { lines, states: announced.states().iter().map(super::announced::State::text).collect() }
    }

    /// How many people.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nobody's state is another.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn line(&self, at: usize) -> Option<(Person, &str, &str)> {
        let (person, before, after) = self.lines.get(at)?;
        let text = |number: StateNumber| self.states.get(number as usize).map_or("", String::as_str);
        Some((*person, text(*before), text(*after)))
    }
}

/// Goes through the lines of all partitions, by person; a person has one line.
pub fn each_line<E>(parts: &[Differences], mut see: impl FnMut(Person, &str, &str) -> Result<(), E>) -> Result<(), E> {
    let mut places = vec![0; parts.len()];
    loop {
        let heads = parts.iter().zip(&places).enumerate();
        let heads = heads.filter_map(|(part, (lines, at))| Some((lines.line(*at)?, part)));
        let Some(((person, before, after), part)) = heads.min() else { return Ok(()) };
        see(person, before, after)?;
        if let Some(place) = places.get_mut(part) {
            *place += 1;
        }
    }
}

/// The digest of an outcome: SHA-256 over the lines of all partitions, sorted, as 64 hex digits.
pub fn digest(parts: &[Differences]) -> String {
    let mut hasher = Sha256::new();
    let hashed = each_line(parts, |person, before, after| {
        hasher.update(line(person, before, after).as_bytes());
        Ok::<(), std::convert::Infallible>(())
    });
    match hashed {
        Ok(()) => hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(never) => match never {},
    }
}

/// A line, with its end.
pub fn line(person: Person, before: &str, after: &str) -> String {
    format!("{person} {before} {after}\n")
}

impl Partition {
    /// Whose announced state is another than these numbers say, which were all announced numbers some time ago.
    pub fn differences(&self, before: &[StateNumber]) -> Differences {
        let changed = (0..self.evidence.people()).filter_map(|person| {
            let old = before.get(person as usize).copied().unwrap_or(super::announced::GREEN);
            let new = self.announced.number(person);
            (old != new).then_some((person, old, new))
        });
        let lines = changed.filter_map(|(person, old, new)| Some((self.evidence.person(person)?, old, new)));
        Differences::new(lines.collect(), &self.announced)
    }

    /// Everybody with evidence waits to be judged, and nobody is due but by what comes of that: for a switch.
    pub fn touch_everybody(&mut self) {
        self.due = super::due::DueIndex::default();
        (0..self.evidence.people()).for_each(|person| self.touched.touch(person));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(lines: &[(u8, u32, u32)]) -> Differences {
        let states = ["green", "yellow:ZJ-Y2,ZJ-Y3", "red:Z22-R3"].map(str::to_owned).to_vec();
        Differences {
            lines: lines.iter().map(|(person, old, new)| (Person([*person; 16]), *old, *new)).collect(),
            states,
        }
    }

    /// The bytes are those of docs/feeds.md section 6, in whatever number of partitions the people are.
    #[test]
    fn a_digest_is_of_the_sorted_lines() {
        let text = format!(
            "{} green yellow:ZJ-Y2,ZJ-Y3\n{} yellow:ZJ-Y2,ZJ-Y3 red:Z22-R3\n{} red:Z22-R3 green\n",
            "01".repeat(16),
            "0a".repeat(16),
            "ff".repeat(16)
        );
        let expected: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let one = [differences(&[(1, 0, 1), (10, 1, 2), (255, 2, 0)])];
        let three = [differences(&[(10, 1, 2)]), differences(&[]), differences(&[(1, 0, 1), (255, 2, 0)])];
        assert_eq!(digest(&one), expected);
        assert_eq!(digest(&three), expected);
        let nothing: String = Sha256::digest(b"").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest(&[]), nothing);
    }
}
