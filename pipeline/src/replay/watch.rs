//! What officials watch besides colours: contacts known too late, and greens that hardly lasted (docs/packs.md).
//!
//! Owns the counting. Must never change what is announced.

use std::collections::HashMap;

use fuma_schemas::instant::DAY_MS;
use fuma_schemas::{Colour, Instant, Kind, Person};
use rustc_hash::FxBuildHasher;

use crate::assess::Partition;
use crate::evidence::{FactView, RuleTable, Value};
use crate::policy::Pack;

/// How many standing contacts became known when their window was over (`late`): they give no colour. None where the
/// pack does not declare for how many days a contact is watched.
pub(super) fn missed_windows(partition: &Partition) -> Option<u64> {
    let (pack, evidence) = (partition.pack(), partition.evidence());
    pack.contact_days()?;
    let has_contacts = |person: &u32| evidence.kinds(*person).contains(RuleTable::Kind(Kind::Contacts));
    let facts = (0..evidence.people()).filter(has_contacts).flat_map(|person| evidence.handles(person));
    let late = facts.filter_map(|fact| evidence.describe(fact)).filter(|fact| is_late(fact, pack));
    Some(late.count() as u64)
}

fn is_late(fact: &FactView<'_>, pack: &Pack) -> bool {
    let instant = |name: &str| {
        fact.values.iter().find(|(column, _)| *column == name).and_then(|(_, value)| match value {
            Value::Instant(instant) => Some(*instant),
            _ => None,
        })
    };
    let times = instant("last_exposure_at").zip(instant("determined_at"));
    let late = times.and_then(|(exposed_at, determined_at)| pack.late(exposed_at, determined_at, fact.first_known_at));
    fact.kind == Kind::Contacts && fact.standing && fact.counts && late.is_some()
}

/// How often somebody was announced green for less than 24 h.
#[derive(Debug, Default)]
pub(super) struct ShortGreens {
    /// Who turned green within the last day, as far as was looked.
    since: HashMap<Person, Instant, FxBuildHasher>,
    /// At how many those who are green for longer are dropped.
    look_at: usize,
    count: u64,
}

/// How many greens are kept before it is looked who can be dropped.
const LOOK_AT_MIN: usize = 4096;

impl ShortGreens {
    /// Sees a change; in the order of decided_at.
    pub(super) fn see(&mut self, person: Person, to: Colour, decided_at: Instant) {
        self.see_green(person, to == Colour::Green, decided_at);
    }

    /// The same, of which is known whether it is to green.
    pub(super) fn see_green(&mut self, person: Person, is_green: bool, decided_at: Instant) {
        if !is_green {
            let since = self.since.remove(&person);
            self.count += u64::from(since.is_some_and(|since| decided_at.0 - since.0 < DAY_MS));
            return;
        }
        if self.since.len() >= self.look_at {
            self.since.retain(|_, since| decided_at.0 - since.0 < DAY_MS);
            self.look_at = LOOK_AT_MIN.max(2 * self.since.len());
        }
        self.since.insert(person, decided_at);
    }

    /// How often so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use fuma_schemas::CodeChange;

    use super::*;

    fn change(person: u8, at_hours: i64, from: Colour, to: Colour) -> CodeChange {
        let decided_at = Instant(at_hours * 3_600_000);
        CodeChange {
            person: Person([person; 16]),
            from,
            to,
            effective_at: decided_at,
            colour_since: decided_at,
            decided_at,
            reasons: Vec::new(),
            ended: Vec::new(),
            next_change_at: None,
            policy: "p".into(),
            policy_version: "1".into(),
        }
    }

    #[test]
    fn a_green_of_less_than_a_day_is_short_and_one_of_a_day_is_not() {
        use Colour::{Green, Red, Yellow};
        let changes = [
            change(1, 0, Green, Red),
            change(1, 10, Red, Green),
            change(2, 11, Yellow, Green),
            change(1, 33, Green, Yellow),
            change(2, 35, Green, Red),
            change(1, 40, Yellow, Green),
        ];
        let mut short = ShortGreens::default();
        changes.iter().for_each(|change| short.see(change.person, change.to, change.decided_at));
        assert_eq!(short.count(), 1, "23 hours are short, 24 are not, and one that lasts is neither");
    }
}
