//! Which of two records of a fact wins: version first, then the greater contents (docs/feeds.md section 1).
//!
//! Owns the one order that trace, evidence and explain choose by. It must never hang on arrival, or on a number that
//! was given on arrival (I-2): instants, dates and integers go by number, closed lists by the place in the list, texts
//! by their bytes, and what is absent is lowest. What a contact hangs on comes last.

use std::cmp::Ordering;

use fuma_schemas::Kind;

use super::fact_key::LinksRank;
use super::version::Version;

/// A value of a column, as it is compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ranked<'a> {
    /// Nothing.
    Absent,
    /// An instant, a date, an integer, or the place in a closed list.
    Number(i64),
    /// A text.
    Text(&'a str),
}

/// What a record says. A column of which its holder keeps nothing is absent for both sides.
pub trait Contents {
    /// The kind of the record.
    fn kind(&self) -> Kind;
    /// The value of a column of the kind.
    fn ranked(&self, column: usize) -> Ranked<'_>;
    /// The rank of what a contact hangs on.
    fn links(&self) -> LinksRank;
}

/// A record as far as it decides who wins.
#[derive(Clone, Copy)]
pub struct Contender<'a, C: Contents> {
    /// The version.
    pub version: Version,
    /// What it says.
    pub contents: &'a C,
}

impl<C: Contents> Contender<'_, C> {
    /// The order of two records of one fact: the greater wins, and equal ones are one record that came twice. Of two
    /// retractions nothing but the kind is looked at: it says how long they are kept.
    pub fn against<D: Contents>(&self, other: &Contender<'_, D>) -> Ordering {
        let by_version = self.version.cmp(&other.version);
        if by_version != Ordering::Equal || self.version.retracted {
            return by_version.then_with(|| by_kind(self.contents.kind(), other.contents.kind()));
        }
        greater_contents(self.contents, other.contents)
    }

    /// Whether two records are in conflict: one revision, two assertions, and they say different things.
    pub fn conflicts_with<D: Contents>(&self, other: &Contender<'_, D>) -> bool {
        let are_assertions = !self.version.retracted && !other.version.retracted;
        self.version.revision == other.version.revision
            && are_assertions
            && greater_contents(self.contents, other.contents) != Ordering::Equal
    }
}

/// The order of contents: by kind, then column by column, then by what a contact hangs on.
fn greater_contents(one: &impl Contents, other: &impl Contents) -> Ordering {
    let kind = one.kind();
    let kinds = by_kind(kind, other.kind());
    if kinds != Ordering::Equal {
        return kinds;
    }
    let columns = 0..kind.columns().len();
    columns
        .map(|column| one.ranked(column).cmp(&other.ranked(column)))
        .find(|order| *order != Ordering::Equal)
        .unwrap_or_else(|| one.links().order(other.links()))
}

/// The order of the kinds of one feed: only travel has several, and there a stay comes before a trip before an entry.
fn by_kind(one: Kind, other: Kind) -> Ordering {
    one.rank().cmp(&other.rank())
}

#[cfg(test)]
mod tests {
    use fuma_schemas::Instant;

    use super::*;

    struct Case {
        kind: Kind,
        values: Vec<Ranked<'static>>,
        links: LinksRank,
    }

    impl Contents for Case {
        fn kind(&self) -> Kind {
            self.kind
        }

        fn ranked(&self, column: usize) -> Ranked<'_> {
            self.values.get(column).copied().unwrap_or(Ranked::Absent)
        }

        fn links(&self) -> LinksRank {
            self.links
        }
    }

    fn order(one: &Case, other: &Case) -> Ordering {
        let version = Version { revision: 1, retracted: false, known_at: Instant(1) };
        Contender { version, contents: one }.against(&Contender { version, contents: other })
    }

    #[test]
    fn absent_then_numbers_then_texts_by_bytes() {
        assert!(Ranked::Absent < Ranked::Number(i64::MIN));
        assert!(Ranked::Number(-1) < Ranked::Number(3));
        assert!(Ranked::Text("Z") < Ranked::Text("a"));
        assert!(Ranked::Text("a") < Ranked::Text("号"));
    }

    #[test]
    fn kinds_then_the_first_column_that_differs_then_links() {
        let case = |kind, values: &[Ranked<'static>], links| Case { kind, values: values.to_vec(), links };
        let none = LinksRank::NONE;
        let [stay, trip, entry] = [Kind::Stays, Kind::Trips, Kind::Entries].map(|kind| case(kind, &[], none));
        assert_eq!((order(&stay, &trip), order(&trip, &entry)), (Ordering::Less, Ordering::Less));
        let early = case(Kind::Cases, &[Ranked::Number(1), Ranked::Number(5)], none);
        let late = case(Kind::Cases, &[Ranked::Number(1), Ranked::Number(6)], none);
        let excluded = case(Kind::Cases, &[Ranked::Number(4), Ranked::Absent], none);
        assert_eq!((order(&early, &late), order(&late, &excluded)), (Ordering::Less, Ordering::Less));
        let [free, bound] = [none, LinksRank(9)].map(|links| case(Kind::Contacts, &[Ranked::Number(0)], links));
        assert_eq!(order(&free, &bound), Ordering::Less);
        let unknown = case(Kind::Contacts, &[Ranked::Number(0)], LinksRank::UNKNOWN);
        assert_eq!((order(&unknown, &bound), order(&free, &unknown)), (Ordering::Equal, Ordering::Equal));
    }
}
