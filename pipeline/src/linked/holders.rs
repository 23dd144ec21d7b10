//! Who holds a phone at an instant, as its verified bindings say (docs/feeds.md section 2a).
//!
//! Owns that sentence. Must never look at a record of the phone.

use fuma_schemas::{Instant, Person};

use super::counts::Waiting;

/// The most verified bindings of one phone; beyond them it names nobody. A phone of a family has three.
pub(super) const HOLDINGS_MAX: usize = 500;

/// A winning verified binding of a phone, as its person holds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Holding {
    /// Whose.
    pub person: Person,
    /// From when on, in milliseconds UTC.
    pub since: i64,
    /// Until before when. Open: the greatest number.
    pub until: i64,
    /// When the binding became known.
    pub first_known_at: i64,
}

impl Holding {
    pub(super) fn holds(&self, at: i64) -> bool {
        self.since <= at && self.until > at
    }
}

/// Who holds at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Holder {
    pub(super) person: Person,
    /// When the binding that was known first became known, of those of the person that hold then.
    pub(super) first_known_at: i64,
}

/// The bindings of one phone.
#[derive(Default, Debug)]
pub(super) struct Holders(Vec<Holding>);

impl Holders {
    /// Takes the whole set of one person's bindings of the phone; whether anything changed.
    pub(super) fn tell(&mut self, person: Person, mut told: Vec<Holding>) -> bool {
        told.sort_unstable();
        let start = self.0.partition_point(|holding| holding.person < person);
        let end = self.0.partition_point(|holding| holding.person <= person);
        if self.0[start..end] == told[..] {
            return false;
        }
        self.0.splice(start..end, told);
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All bindings, by person.
    pub(super) fn all(&self) -> &[Holding] {
        &self.0
    }

    /// Those of one person.
    pub(super) fn of(&self, person: Person) -> &[Holding] {
        let start = self.0.partition_point(|holding| holding.person < person);
        let end = self.0.partition_point(|holding| holding.person <= person);
        &self.0[start..end]
    }

    /// Keeps some.
    pub(super) fn retain(&mut self, keeps: impl FnMut(&Holding) -> bool) {
        self.0.retain(keeps);
    }

    /// Who holds the phone at an instant: of several people the one whose binding began last; of equal ones nobody.
    pub(super) fn at(&self, at: Instant) -> Result<Holder, Waiting> {
        if self.0.len() > HOLDINGS_MAX {
            return Err(Waiting::Crowded);
        }
        let mut holding = self.0.iter().filter(|holding| holding.holds(at.0));
        let Some(first) = holding.next() else {
            return Err(if self.0.is_empty() { Waiting::Unbound } else { Waiting::NotThen });
        };
        let (mut latest, mut is_shared) = (first, false);
        for other in holding {
            if other.since > latest.since {
                (latest, is_shared) = (other, false);
            } else if other.since == latest.since && other.person != latest.person {
                is_shared = true;
            }
        }
        if is_shared {
            return Err(Waiting::Several);
        }
        let own = self.0.iter().filter(|other| other.person == latest.person && other.holds(at.0));
        let first_known_at = own.map(|own| own.first_known_at).min().unwrap_or(latest.first_known_at);
        Ok(Holder { person: latest.person, first_known_at })
    }

    /// The first instant after `from` at which no binding of the phone to a person who holds it at `from` holds any
    /// more; none while there is no such instant.
    pub(super) fn until(&self, person: Person, from: Instant) -> Option<Instant> {
        let start = self.0.partition_point(|holding| holding.person < person);
        let own = self.0[start..].iter().take_while(|holding| holding.person == person);
        // Of one person they are by their beginning: what begins within what is covered goes on with it.
        let end = own.fold(from.0, |end, next| if next.since <= end && next.until > end { next.until } else { end });
        (end < i64::MAX).then_some(Instant(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Person = Person([1; 16]);
    const B: Person = Person([2; 16]);
    const OPEN: i64 = i64::MAX;

    fn holders(bindings: &[(Person, i64, i64, i64)]) -> Holders {
        let mut holders = Holders::default();
        for person in [B, A] {
            let own = bindings.iter().filter(|(other, ..)| *other == person);
            let own =
                own.map(|&(person, since, until, first_known_at)| Holding { person, since, until, first_known_at });
            holders.tell(person, own.collect());
        }
        holders
    }

    #[test]
    fn of_several_the_latest_and_of_equal_ones_nobody() {
        let three = holders(&[(A, 0, OPEN, 5), (B, 10, 20, 7), (A, 12, 13, 3)]);
        let person = |at| three.at(Instant(at)).map(|holder| holder.person);
        assert_eq!((person(9), person(10), person(12), person(13), person(20)), (Ok(A), Ok(B), Ok(A), Ok(B), Ok(A)));
        let equal = holders(&[(A, 0, OPEN, 5), (B, 0, OPEN, 7)]);
        assert_eq!(equal.at(Instant(4)), Err(Waiting::Several));
        // An older one of a third person does not help; a later one of one of the two does.
        let later = holders(&[(A, 0, OPEN, 5), (B, 0, OPEN, 7), (B, 1, 3, 9)]);
        assert_eq!(later.at(Instant(2)), Ok(Holder { person: B, first_known_at: 7 }));
        assert_eq!(holders(&[]).at(Instant(2)), Err(Waiting::Unbound));
        assert_eq!(later.at(Instant(-1)), Err(Waiting::NotThen));
    }

    #[test]
    fn a_binding_of_no_length_never_holds_and_the_end_is_not_in_it() {
        let none = holders(&[(A, 5, 5, 0), (B, 5, 6, 0)]);
        assert_eq!(none.at(Instant(5)).map(|holder| holder.person), Ok(B));
        assert_eq!(none.at(Instant(6)), Err(Waiting::NotThen));
    }

    #[test]
    fn bindings_that_touch_or_overlap_go_on() {
        let some = holders(&[(A, 0, 10, 0), (A, 10, 20, 0), (A, 21, 30, 0), (B, 0, OPEN, 0), (A, 5, 7, 0)]);
        let until = |person, from| some.until(person, Instant(from)).map(|until| until.0);
        assert_eq!((until(A, 3), until(A, 22), until(B, 3)), (Some(20), Some(30), None));
    }

    #[test]
    fn the_whole_set_of_one_person_is_replaced() {
        let mut some = holders(&[(A, 0, 10, 0), (B, 0, OPEN, 0)]);
        let again = Holding { person: A, since: 0, until: 10, first_known_at: 0 };
        assert!(!some.tell(A, vec![again]));
        assert!(some.tell(A, Vec::new()));
        assert_eq!(some.at(Instant(1)).map(|holder| holder.person), Ok(B));
    }
}
