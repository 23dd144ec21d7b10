//! Trace against a reference that works everything out from nothing: whatever the order, the repetition and the
//! batches.
//!
//! Owns the reference. It must share nothing with the graph but the order of equal versions.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use fuma_schemas::vocabulary::{Classification, ClosedList};
use fuma_schemas::{Feed, Kind, Person};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::tests::{Row, batch};
use super::{FactKey, Trace};
use crate::evidence::{LinksRank, link_key};

type Standing = BTreeMap<(Person, FactKey), bool>;

/// Few people, names and revisions, so that cycles, shared names, conflicts and returns are the rule.
pub(super) fn row() -> impl Strategy<Value = Row> {
    let name = |prefix: &'static str, count: u8| (0..count).prop_map(move |n| format!("{prefix}{n}"));
    let case = (0..3_u8, name("n", 3), prop::bool::weighted(0.5)).prop_map(|(person, id, is_excluded)| {
        let code = if is_excluded { Classification::Excluded } else { Classification::Confirmed }.code();
        (Kind::Cases, person, id, code, [None, None])
    });
    // The last of each name is never seen as a record.
    let links = (weighted(0.4, name("s/n", 4)), weighted(0.7, name("s/p", 7)));
    let contact = (0..3_u8, name("p", 6), 0..2_u8, links)
        .prop_map(|(person, id, degree, (case, contact))| (Kind::Contacts, person, id, degree, [case, contact]));
    let record = prop_oneof![1 => case, 2 => contact];
    (record, 1..5_u32, prop::bool::weighted(0.2), 0..3_i64).prop_map(|(record, revision, retracted, known_at)| {
        let (kind, person, id, code, links) = record;
        let (code, links) = if retracted { (0, [None, None]) } else { (code, links) };
        Row { kind, person, id, revision, retracted, known_at, code, links }
    })
}

/// The greater wins: version, then contents.
fn rank(row: &Row) -> impl Ord + use<> {
    let link = |slot: usize, feed| row.links[slot].as_ref().and_then(|name| link_key(feed, name));
    let content = (!row.retracted).then_some(row.code);
    let links = LinksRank::of([link(0, Feed::Cases), link(1, Feed::Contacts)]);
    (row.revision, row.retracted, row.known_at, content, links)
}

/// Which contacts count, from nothing: the winners, then round after round until nobody falls.
fn reference(rows: &[Row]) -> Standing {
    let mut winners: BTreeMap<(bool, u8, &str), &Row> = BTreeMap::new();
    for row in rows {
        let winner = winners.entry((row.kind == Kind::Cases, row.person, &row.id)).or_insert(row);
        if rank(row) > rank(winner) {
            *winner = row;
        }
    }
    let winners: Vec<&Row> = winners.into_values().collect();
    let is_excluded = |row: &Row| row.kind == Kind::Cases && row.code == Classification::Excluded.code();
    let mut fallen: BTreeSet<usize> =
        (0..winners.len()).filter(|&n| winners[n].retracted || is_excluded(winners[n])).collect();
    loop {
        let has_fallen = |kind: Kind, name: &Option<String>| {
            let bearers: Vec<usize> = (0..winners.len())
                .filter(|&n| winners[n].kind == kind && name.as_ref() == Some(&format!("s/{}", winners[n].id)))
                .collect();
            !bearers.is_empty() && bearers.iter().all(|n| fallen.contains(n))
        };
        let falls = |row: &Row| has_fallen(Kind::Cases, &row.links[0]) || has_fallen(Kind::Contacts, &row.links[1]);
        let next: Vec<usize> = (0..winners.len()).filter(|n| !fallen.contains(n) && falls(winners[*n])).collect();
        if next.is_empty() {
            break;
        }
        fallen.extend(next);
    }
    let contacts = (0..winners.len()).filter(|&n| winners[n].kind == Kind::Contacts && !winners[n].retracted);
    contacts.map(|n| (winners[n].fact(), !fallen.contains(&n))).collect()
}

/// What a follower of the verdicts believes, compared with the reference after each settle.
fn follow(rows: &[Row], sizes: &[usize]) -> Standing {
    let (mut trace, mut said) = (Trace::new(), Standing::new());
    let (mut from, mut sizes) = (0, sizes.iter().cycle());
    while from < rows.len() {
        let to = rows.len().min(from + sizes.next().unwrap());
        for kind in [Kind::Contacts, Kind::Cases] {
            let places: Vec<u32> = (from..to).filter(|&n| rows[n].kind == kind).map(|n| n as u32).collect();
            trace.apply(kind, &batch(kind, rows), &places).unwrap();
        }
        for verdict in trace.settle() {
            let before = said.insert((verdict.person, verdict.fact), verdict.counts).unwrap_or(true);
            assert_ne!(before, verdict.counts, "a verdict that says nothing new");
        }
        let expected = reference(&rows[..to]);
        for (fact, counts) in &expected {
            assert_eq!(said.get(fact).copied().unwrap_or(true), *counts, "after {to} rows, {fact:?}");
        }
        from = to;
    }
    let standing = reference(rows);
    standing.into_keys().map(|fact| (fact, said.get(&fact).copied().unwrap_or(true))).collect()
}

/// Rows; the same in another order and some of them twice.
fn two_orders() -> impl Strategy<Value = (Vec<Row>, Vec<Row>)> {
    vec(row(), 1..70).prop_flat_map(|rows| {
        let repeated: Vec<Row> = rows.iter().chain(rows.iter().step_by(3)).cloned().collect();
        (Just(rows), Just(repeated).prop_shuffle())
    })
}

/// Cases that go back and forth above contacts that never change: nothing but withdrawals and restores, in cycles.
fn restores() -> impl Strategy<Value = Vec<Row>> {
    let is_contact = |row: &Row| row.kind == Kind::Contacts && !row.retracted;
    let contacts = vec(row().prop_filter("a contact", is_contact), 3..25);
    let turns = vec((0..3_u8, 0..3_u8, 0..3_u8), 5..40);
    (contacts, turns).prop_map(|(mut rows, turns)| {
        for (revision, (person, id, turn)) in turns.into_iter().enumerate() {
            let code = if turn == 1 { Classification::Excluded } else { Classification::Suspected }.code();
            let (revision, retracted, links) = (revision as u32 + 1, turn == 2, [None, None]);
            rows.push(Row {
                kind: Kind::Cases,
                person,
                id: format!("n{id}"),
                revision,
                retracted,
                known_at: 0,
                code,
                links,
            });
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_the_reference_in_any_order(
        (rows, shuffled) in two_orders(),
        sizes in vec(1..9_usize, 1..6),
    ) {
        prop_assert_eq!(follow(&rows, &sizes), follow(&shuffled, &[1]));
        follow(&shuffled, &[shuffled.len()]);
    }

    #[test]
    fn restores_reach_everyone_also_through_cycles(rows in restores(), sizes in vec(1..4_usize, 1..4)) {
        follow(&rows, &sizes);
    }
}
