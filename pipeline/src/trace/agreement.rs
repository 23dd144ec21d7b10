//! Trace and evidence choose the same record of a fact, whatever comes in whatever order, ties included; and after
//! forgetting they still say the same.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use fuma_schemas::vocabulary::{Classification, ClosedList, Degree};
use fuma_schemas::{Instant, Kind, Person};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::Trace;
use super::tests::{Row, batch};
use crate::evidence::{Evidence, FactKey, ForgottenLink, Retention, Touched, Value};

const DAY: i64 = 86_400_000;

/// Records of one version mostly, of all codes, so that ties are the rule.
fn row() -> impl Strategy<Value = Row> {
    let name = |prefix: &'static str, count: u8| (0..count).prop_map(move |n| format!("{prefix}{n}"));
    let case = (0..2_u8, name("n", 2), 0..Classification::NAMES.len() as u8)
        .prop_map(|(person, id, code)| (Kind::Cases, person, id, code, [None, None]));
    let links = (weighted(0.5, name("s/n", 3)), weighted(0.5, name("s/p", 3)));
    let contact = (0..2_u8, name("p", 3), 0..Degree::NAMES.len() as u8, links)
        .prop_map(|(person, id, degree, (case, contact))| (Kind::Contacts, person, id, degree, [case, contact]));
    let record = prop_oneof![1 => case, 2 => contact];
    (record, 1..3_u32, prop::bool::weighted(0.1), 0..2_i64).prop_map(|(record, revision, retracted, known_at)| {
        let (kind, person, id, code, links) = record;
        let (code, links) = if retracted { (0, [None, None]) } else { (code, links) };
        Row { kind, person, id, revision, retracted, known_at, code, links }
    })
}

struct Both {
    trace: Trace,
    evidence: Evidence,
    version: u64,
}

impl Both {
    fn new() -> Both {
        Both { trace: Trace::new(), evidence: Evidence::default(), version: 0 }
    }

    /// Takes in a record as live does: evidence hears of a contact behind trace.
    fn take(&mut self, row: &Row) {
        let batch = batch(row.kind, std::slice::from_ref(row));
        self.trace.apply(row.kind, &batch, &[0]).unwrap();
        let verdicts = self.trace.settle();
        self.tell_dropped();
        self.evidence.apply(row.kind, &batch, &[0], &mut Touched::default()).unwrap();
        for verdict in verdicts {
            self.version += 1;
            let touched = &mut Touched::default();
            self.evidence.set_counts(verdict.person, verdict.fact, verdict.counts, self.version, touched);
        }
    }

    fn tell_dropped(&mut self) {
        for dropped in self.trace.take_dropped() {
            self.evidence.trace_dropped(dropped.person, dropped.fact);
        }
    }

    /// Forgets what is past, and hands on who forgot what.
    fn forget(&mut self, now: i64) -> Vec<ForgottenLink> {
        let retention = Retention([DAY; Kind::PERSONAL.len()]);
        let past = self.evidence.past(0..self.evidence.people(), Instant(now), &retention, &|_| true);
        let mut links = Vec::new();
        self.evidence.forget_past(&past, &mut links);
        for link in &links {
            assert_eq!(self.trace.forget(link), [], "forgetting turns no verdict");
            self.tell_dropped();
        }
        links
    }

    /// What evidence shows of each case and contact: whether it fell by itself, its degree or class, and whether it
    /// counts; of a retracted one whether it counts nobody sees.
    fn shown(&self) -> BTreeMap<(Person, FactKey), (bool, u8, bool)> {
        let mut shown = BTreeMap::new();
        for person in 0..self.evidence.people() {
            for handle in self.evidence.handles(person) {
                let key = self.evidence.describe(handle).unwrap().key;
                let Some((_, fact)) = self.evidence.describe_winner(person, key) else { continue };
                let names: &[&str] = if fact.kind == Kind::Cases { Classification::NAMES } else { Degree::NAMES };
                let code = match fact.values[0].1 {
                    Value::Text(name) => names.iter().position(|other| *other == name).unwrap() as u8 + 1,
                    _ => 0,
                };
                let is_ground =
                    fact.retracted || code == Classification::Excluded.code() + 1 && fact.kind == Kind::Cases;
                shown.insert(
                    (self.evidence.person(person).unwrap(), key),
                    (is_ground, code, fact.counts || fact.retracted),
                );
            }
        }
        shown
    }

    /// The same of trace.
    fn kept(&self) -> BTreeMap<(Person, FactKey), (bool, u8, bool)> {
        let facts = self.trace.graph.facts.iter().filter(|fact| !fact.is_free);
        let of = |fact: &super::graph::Fact| {
            let falls_alone = !fact.is_contact || fact.version.retracted;
            (fact.is_ground, fact.content.code, falls_alone || !fact.has_fallen)
        };
        facts.map(|fact| ((fact.person, fact.key), of(fact))).collect()
    }

    fn links(&self) -> BTreeMap<(Person, FactKey), u32> {
        let facts = self.trace.graph.facts.iter().filter(|fact| !fact.is_free && fact.is_contact);
        let said = |fact: &super::graph::Fact| {
            let links = fact.links.map(|link| self.trace.graph.key_of_name(link.name));
            crate::evidence::LinksRank::of(links).number()
        };
        facts.map(|fact| ((fact.person, fact.key), said(fact))).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn one_record_wins_in_trace_and_in_evidence(
        (rows, shuffled) in vec(row(), 1..40).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let (mut both, mut other) = (Both::new(), Both::new());
        rows.iter().for_each(|row| both.take(row));
        shuffled.iter().chain(&rows).for_each(|row| other.take(row));
        prop_assert_eq!(both.shown(), both.kept());
        prop_assert_eq!(other.shown(), other.kept());
        prop_assert_eq!(both.shown(), other.shown());
        prop_assert_eq!(both.links(), other.links());
    }

    #[test]
    fn after_forgetting_both_say_the_same(
        steps in vec((row(), prop::bool::weighted(0.2)), 1..60),
    ) {
        let mut both = Both::new();
        for (at, (row, forgets)) in steps.iter().enumerate() {
            // Records of long ago may come again: their instants are those of the row.
            let row = Row { known_at: row.known_at + (at as i64 / 10) * 2 * DAY, ..row.clone() };
            both.take(&row);
            if *forgets {
                both.forget((at as i64 / 10) * 2 * DAY + DAY / 2);
            }
            let (shown, kept) = (both.shown(), both.kept());
            for (fact, seen) in &shown {
                // What evidence has, trace has, and says the same of it.
                prop_assert_eq!(Some(seen), kept.get(fact), "{:?} after {} records", fact, at + 1);
            }
        }
        // All past and gone: trace keeps nothing for ever but what hangs on somebody's open evidence.
        both.forget(i64::MAX / 2);
        both.forget(i64::MAX / 2);
        let open: BTreeSet<_> = both.shown().into_keys().collect();
        if open.is_empty() {
            prop_assert_eq!(both.trace.graph.facts.iter().filter(|fact| !fact.is_free).count(), 0);
            prop_assert!(both.trace.graph.forgotten_bearers.is_empty());
        }
    }
}

#[test]
fn an_old_record_that_comes_after_all_was_forgotten_is_new_to_both() {
    let row = |revision, retracted| Row {
        kind: Kind::Cases,
        person: 1,
        id: "k1".into(),
        revision,
        retracted,
        known_at: i64::from(revision),
        code: 0,
        links: [None, None],
    };
    let contact = |id: &str| Row {
        kind: Kind::Contacts,
        person: 2,
        id: id.into(),
        revision: 1,
        retracted: false,
        known_at: 9 * DAY,
        code: 0,
        links: [Some("s/k1".into()), None],
    };
    let mut both = Both::new();
    both.take(&row(1, false));
    both.take(&row(2, true));
    assert_eq!(both.forget(5 * DAY).len(), 1);
    assert!(both.shown().is_empty() && both.kept().is_empty(), "nobody named it");
    both.take(&row(1, false));
    both.take(&contact("c1"));
    assert!(both.shown().values().all(|(is_ground, _, counts)| !is_ground && *counts));
    assert_eq!(both.shown(), both.kept());
}

#[test]
fn what_a_kept_record_names_is_kept() {
    let mut both = Both::new();
    let case = Row {
        kind: Kind::Cases,
        person: 1,
        id: "k1".into(),
        revision: 1,
        retracted: true,
        known_at: 1,
        code: 0,
        links: [None, None],
    };
    let contact = Row {
        kind: Kind::Contacts,
        person: 2,
        id: "c1".into(),
        revision: 1,
        retracted: false,
        known_at: 5 * DAY,
        code: 0,
        links: [Some("s/k1".into()), None],
    };
    both.take(&case);
    both.take(&contact);
    assert_eq!(both.forget(3 * DAY).len(), 1, "offered");
    assert_eq!(both.shown().len(), 2, "and kept on both sides");
    assert_eq!(both.shown(), both.kept());
    assert_eq!(both.forget(4 * DAY).len(), 0, "offered once");
    // The contact is retracted and past in its turn: then both go.
    both.take(&Row { revision: 2, retracted: true, known_at: 6 * DAY, links: [None, None], ..contact });
    assert_eq!(both.kept().len(), 1, "the case went with the last that named it");
    assert_eq!(both.forget(9 * DAY).len(), 1);
    assert!(both.shown().is_empty() && both.kept().is_empty());
}
