//! The stages against a reference that works everything out from nothing, with nested loops: whatever the order, the
//! repetition and the steps, and whatever was said and taken back before.
//!
//! Owns the reference. It shares nothing with the stages: winners, holders, infectious intervals, meetings and degrees
//! are worked out here once more, from the records as they were made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use fuma_schemas::instant::{DAY_MS, HOUR_MS};
use fuma_schemas::{Feed, Instant, Kind, Person};
use proptest::collection::vec;
use proptest::prelude::*;

use super::Linked;
use crate::evidence::{Derived, FactKey, Limits, OwnedValue, Seed};
use crate::intake::{Decoder, EvidenceBuilders, Key, Settings};
use crate::policy::{Pack, PackSource, load};

static PACK: LazyLock<Arc<Pack>> = LazyLock::new(|| load(&PackSource::built_in("national-2020").unwrap()).unwrap());

/// Midnight of 2021-11-01, local.
const BASE: i64 = 1_635_696_000_000;

fn at(hours: i64) -> Instant {
    Instant(BASE + hours * HOUR_MS)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Whose {
    Person(u8),
    Phone(u8),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Says {
    Case { excluded: bool, determined: i64, discharged: Option<i64> },
    Binding { phone: u8, verified: bool, since: i64, until: Option<i64> },
    Trip { rail: bool, day: i64, boarded: i64, alighted: i64, seat: Option<u8>, crew: bool },
    Stay { arrived: i64, left: Option<i64>, checkin: bool },
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Record {
    whose: Whose,
    id: u8,
    revision: u8,
    retracted: bool,
    known: i64,
    says: Says,
}

impl Record {
    fn feed(&self) -> Feed {
        match self.says {
            Says::Case { .. } => Feed::Cases,
            Says::Binding { .. } => Feed::Bindings,
            _ => Feed::Travel,
        }
    }

    fn line(&self) -> String {
        let mut fields = vec![
            r#""owner":"o""#.to_string(),
            format!(r#""id":"i{}","revision":{},"known_at":"{}""#, self.id, self.revision, at(self.known)),
        ];
        match self.whose {
            Whose::Person(person) => fields.push(format!(r#""person":"{}""#, token(person))),
            Whose::Phone(phone) => fields.push(format!(r#""phone":"+999 100{phone}1""#)),
        }
        if self.retracted {
            fields.push(r#""retracted":true"#.to_string());
        }
        let instant = |name: &str, hours: i64| format!(r#""{name}":"{}""#, at(hours));
        match &self.says {
            Says::Case { excluded, determined, discharged } => {
                let classification = if *excluded { "excluded" } else { "confirmed" };
                fields.push(format!(r#""classification":"{classification}""#));
                fields.push(instant("determined_at", *determined));
                fields.extend(discharged.map(|discharged| instant("discharged_at", discharged)));
            }
            Says::Binding { phone, verified, since, until } => {
                let holder = if *verified { "verified" } else { "registered" };
                fields.push(format!(r#""phone":"00999100{phone}1","holder":"{holder}""#));
                fields.push(instant("since", *since));
                fields.extend(until.map(|until| instant("until", until)));
            }
            Says::Trip { rail, day, boarded, alighted, seat, crew } => {
                let mode = if *rail { r#""rail","number":"G-07""# } else { r#""air","number":"ca７""# };
                fields.push(format!(r#""kind":"trip","mode":{mode},"service_date":"2021-11-0{}""#, day + 1));
                fields.extend([instant("boarded_at", *boarded), instant("alighted_at", *alighted)]);
                fields.extend(seat.map(|seat| format!(r#""row":{},"carriage":"0{seat}车""#, 3 * seat)));
                fields.extend(crew.then(|| r#""role":"crew""#.to_string()));
            }
            Says::Stay { arrived, left, checkin } => {
                let source = if *checkin { "checkin" } else { "telecom" };
                fields.push(format!(r#""kind":"stay","region":"330106","source":"{source}""#));
                fields.push(instant("arrived_at", *arrived));
                fields.extend(left.map(|left| instant("left_at", left)));
            }
        }
        format!("{{{}}}", fields.join(","))
    }
}

fn token(person: u8) -> Person {
    Person([person + 1; 16])
}

/// Few people, phones, conveyances and revisions, so that ties, returns and zombies are the rule.
fn record() -> impl Strategy<Value = Record> {
    let whose = prop_oneof![3 => (0..4_u8).prop_map(Whose::Person), 2 => (0..2_u8).prop_map(Whose::Phone)];
    let case = (any::<bool>(), 40..60_i64, prop::option::of(0..30_i64)).prop_map(|(excluded, determined, days)| {
        Says::Case { excluded: excluded && determined % 3 == 0, determined, discharged: days.map(|d| determined + d) }
    });
    let binding = (0..2_u8, prop::bool::weighted(0.8), 0..40_i64, prop::option::of(0..40_i64)).prop_map(
        |(phone, verified, since, length)| Says::Binding { phone, verified, since, until: length.map(|l| since + l) },
    );
    let trip = (any::<bool>(), 0..2_i64, 0..5_i64, 0..6_i64, prop::option::of(1..4_u8), prop::bool::weighted(0.1));
    let trip = trip.prop_map(|(rail, day, offset, length, seat, crew)| {
        let boarded = 24 * day + 6 + offset;
        Says::Trip { rail, day, boarded, alighted: boarded + length, seat, crew }
    });
    let stay = (0..50_i64, prop::option::of(0..9_i64), any::<bool>()).prop_map(|(arrived, length, checkin)| {
        Says::Stay { arrived, left: length.map(|length| arrived + length), checkin }
    });
    let says = prop_oneof![2 => case, 3 => binding, 5 => trip, 2 => stay];
    (whose, 0..3_u8, 1..4_u8, prop::bool::weighted(0.15), says).prop_map(|(whose, id, revision, retracted, says)| {
        let whose = match (&says, whose) {
            (Says::Case { .. } | Says::Binding { .. }, Whose::Phone(phone)) => Whose::Person(phone),
            (_, whose) => whose,
        };
        Record { whose, id, revision, retracted, known: 0, says }
    })
}

/// The records, each known at another hour, so that equal revisions are ordered.
fn records() -> impl Strategy<Value = Vec<Record>> {
    vec(record(), 1..40).prop_map(|mut records| {
        (0..).zip(&mut records).for_each(|(at, record)| record.known = 100 + at);
        records
    })
}

/// What a derived fact says, as it is compared: whose, of what kind, the values, known_at and first_known_at.
type Fact = (Person, Kind, String, i64, i64);

/// The stages, and what a follower of what they say believes.
struct Followed {
    linked: Linked,
    decoder: Decoder,
    held: BTreeMap<(Person, FactKey), Fact>,
}

impl Followed {
    fn new() -> Followed {
        let key = Key::from_hex(&"4b".repeat(32)).unwrap();
        let mut linked = Linked::new(&[&*PACK], Seed::default(), Limits::default());
        linked.trace_by(&PACK, &mut Vec::new()).unwrap();
        Followed { linked, decoder: Decoder::new(Arc::new(Settings::new(key))), held: BTreeMap::new() }
    }

    fn step(&mut self, records: &[Record]) {
        let mut builders = [EvidenceBuilders::new()];
        for record in records {
            let line = record.line();
            let accepted = self.decoder.decode(record.feed(), line.as_bytes(), None, &mut builders);
            assert!(accepted.is_ok(), "{line}: {:?}", accepted.err());
        }
        let [mut builders] = builders;
        let rows = |rows: usize| (0..rows as u32).collect::<Vec<u32>>();
        for (kind, batch) in builders.finish_phones() {
            let (_, columns, count) = batch.into_parts();
            let batch = arrow::array::RecordBatch::try_new(fuma_schemas::evidence::log_schema(kind), columns).unwrap();
            self.linked.apply_phones(kind, &batch, &rows(count)).unwrap();
        }
        for (kind, batch) in builders.finish() {
            self.linked.apply(kind, &batch, &rows(batch.num_rows())).unwrap();
        }
        let mut changed = Vec::new();
        self.linked.settle(&mut changed).unwrap();
        self.follow(changed);
    }

    fn follow(&mut self, changed: Vec<Derived>) {
        for Derived { person, key, kind, row } in changed {
            match row {
                None => assert!(self.held.remove(&(person, key)).is_some(), "what was never said is taken back"),
                Some(row) => {
                    let shown = row.values.iter().map(shown).collect::<Vec<_>>().join(" ");
                    let fact = (person, kind, shown, row.known_at.0, row.first_known_at.0);
                    let before = self.held.insert((person, key), fact.clone());
                    assert_ne!(before, Some(fact), "what holds is not said again");
                }
            }
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.held.values().cloned().collect();
        facts.sort();
        facts
    }
}

fn shown(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Null => "-".to_string(),
        OwnedValue::Instant(instant) => ((instant.0 - BASE) / HOUR_MS).to_string(),
        OwnedValue::Text(text) => text.to_string(),
        OwnedValue::Number(number) => number.to_string(),
    }
}

/// A fact that stands, with the hours at which its record and its first record became known.
struct Standing<'a> {
    record: &'a Record,
    first_known: i64,
}

fn standing(records: &[Record]) -> Vec<Standing<'_>> {
    let key = |record: &Record| (record.feed(), record.whose, record.id);
    let mut winners: BTreeMap<_, &Record> = BTreeMap::new();
    for record in records {
        let winner = winners.entry(key(record)).or_insert(record);
        let rank = |record: &Record| (record.revision, record.retracted, record.known);
        if rank(record) > rank(winner) {
            *winner = record;
        }
    }
    let winners = winners.into_values().filter(|record| !record.retracted);
    let first_known = |winner: &Record| {
        let same = |other: &&Record| match (&winner.says, &other.says) {
            (Says::Binding { phone, verified, .. }, Says::Binding { phone: p, verified: v, .. }) => {
                !other.retracted && (phone, verified) == (p, v)
            }
            _ => true,
        };
        let of_fact = records.iter().filter(|other| key(other) == key(winner)).filter(same);
        of_fact.map(|other| other.known).min().unwrap()
    };
    winners.map(|record| Standing { record, first_known: first_known(record) }).collect()
}

/// A trip of a person, own or attached.
#[derive(Clone)]
struct Trip<'a> {
    person: u8,
    says: &'a Says,
    known: i64,
    first_known: i64,
}

/// Everything that is derived, worked out from nothing.
fn reference(records: &[Record]) -> Vec<Fact> {
    let standing = standing(records);
    let mut facts = Vec::new();
    let mut trips: Vec<Trip<'_>> = Vec::new();
    for fact in &standing {
        let person = match fact.record.whose {
            Whose::Person(person) => Some((person, fact.first_known)),
            Whose::Phone(phone) => holder(&standing, phone, own_instant(&fact.record.says)),
        };
        let Some((person, bound)) = person else { continue };
        let (known, first_known) = (fact.record.known, fact.first_known.max(bound));
        if let says @ Says::Trip { .. } = &fact.record.says {
            trips.push(Trip { person, says, known, first_known });
        }
        if let Whose::Phone(phone) = fact.record.whose {
            let (kind, shown) = attached(&standing, &fact.record.says, phone, person);
            facts.push((token(person), kind, shown, at(known).0, at(first_known).0));
        }
    }
    let cases = standing.iter().filter_map(|fact| match (&fact.record.says, fact.record.whose) {
        (Says::Case { excluded: false, determined, discharged }, Whose::Person(person)) => {
            Some((person, *determined, *discharged, fact))
        }
        _ => None,
    });
    for (person, determined, discharged, case) in cases {
        for i in trips.iter().filter(|i| i.person == person) {
            for j in trips.iter().filter(|j| j.person != person) {
                facts.extend(contact((determined, discharged, case), i, j));
            }
        }
    }
    facts.sort();
    facts
}

fn own_instant(says: &Says) -> i64 {
    match says {
        Says::Trip { boarded, .. } => *boarded,
        Says::Stay { arrived, .. } => *arrived,
        _ => unreachable!("of a phone there are trips and stays"),
    }
}

/// The verified bindings of a phone: person, since, until, first known.
fn bindings(standing: &[Standing<'_>], of: u8) -> Vec<(u8, i64, i64, i64)> {
    let binding = |fact: &Standing<'_>| match (&fact.record.says, fact.record.whose) {
        (Says::Binding { phone, verified: true, since, until }, Whose::Person(person)) if *phone == of => {
            Some((person, *since, until.unwrap_or(i64::MAX), fact.first_known))
        }
        _ => None,
    };
    standing.iter().filter_map(binding).collect()
}

/// Who holds a phone at an hour, and since when that was known.
fn holder(standing: &[Standing<'_>], phone: u8, hour: i64) -> Option<(u8, i64)> {
    let holding: Vec<_> =
        bindings(standing, phone).into_iter().filter(|(_, since, until, _)| *since <= hour && hour < *until).collect();
    let latest = holding.iter().map(|(_, since, ..)| *since).max()?;
    let people: BTreeSet<u8> =
        holding.iter().filter(|(_, since, ..)| *since == latest).map(|(person, ..)| *person).collect();
    let person = people.first().copied().filter(|_| people.len() == 1)?;
    Some((person, holding.iter().filter(|(p, ..)| *p == person).map(|(.., known)| *known).min()?))
}

/// What an attached record says: a stay ends with the binding.
fn attached(standing: &[Standing<'_>], says: &Says, phone: u8, person: u8) -> (Kind, String) {
    match says {
        Says::Stay { arrived, left, checkin } => {
            let own = bindings(standing, phone).into_iter().filter(|(p, ..)| *p == person).collect::<Vec<_>>();
            // Hour by hour: bindings begin and end at full hours.
            let end =
                (*arrived..500).find(|hour| !own.iter().any(|(_, since, until, _)| since <= hour && hour < until));
            let day_end = (arrived / 24 + 1) * 24;
            let gone = left.or(checkin.then_some(day_end));
            let cut = end.filter(|end| gone.is_none_or(|gone| *end < gone));
            let left = cut.or(*left).map_or("-".to_string(), |left| left.to_string());
            (Kind::Stays, format!("330106 {arrived} {left} {}", if *checkin { "checkin" } else { "telecom" }))
        }
        Says::Trip { rail, day, boarded, alighted, seat, crew } => {
            let (mode, number) = if *rail { ("rail", "G7") } else { ("air", "CA7") };
            let seats = seat.map_or("- -".to_string(), |seat| format!("{seat} {}", 3 * seat));
            let days = BASE.div_euclid(DAY_MS) + 1 + day;
            let role = if *crew { "crew" } else { "passenger" };
            (Kind::Trips, format!("{mode} {number} {days} {seats} - {boarded} {alighted} - - {role}"))
        }
        _ => unreachable!("of a phone there are trips and stays"),
    }
}

/// The contact that follows from two trips and a case, if any does.
fn contact(
    (determined, discharged, case): (i64, Option<i64>, &Standing<'_>),
    i: &Trip<'_>,
    j: &Trip<'_>,
) -> Option<Fact> {
    let (
        Says::Trip { rail, day, boarded, alighted, seat, crew },
        Says::Trip { rail: rail_j, day: day_j, boarded: boarded_j, alighted: alighted_j, seat: seat_j, crew: crew_j },
    ) = (i.says, j.says)
    else {
        return None;
    };
    let begins = (determined / 24 - 2) * 24;
    let ends = discharged.unwrap_or(i64::MAX).min(determined + 21 * 24);
    let (since, until) = (*boarded.max(boarded_j).max(&begins), *alighted.min(alighted_j).min(&ends));
    if (rail, day) != (rail_j, day_j) || since >= until {
        return None;
    }
    let degree = match (*rail, seat.zip(*seat_j)) {
        (false, _) if *crew || *crew_j => "close",
        (false, Some((one, other))) if one.abs_diff(other) * 3 <= 3 => "close",
        (false, _) | (true, None) => "general",
        (true, Some((one, other))) if one == other => "close",
        (true, Some(_)) => return None,
    };
    let known = case.record.known.max(i.known).max(j.known);
    let first_known = case.first_known.max(i.first_known).max(j.first_known);
    let shown = format!("{degree} {} {until}", determined.max(since));
    Some((token(j.person), Kind::Contacts, shown, at(known).0, at(first_known).0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_steps_come_to_what_nested_loops_come_to(
        (records, shuffled) in records().prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle())),
        steps in 1..7_usize,
    ) {
        let expected = reference(&records);
        let mut once = Followed::new();
        once.step(&records);
        prop_assert_eq!(&once.facts(), &expected);
        let mut stepped = Followed::new();
        for (at, step) in shuffled.chunks(steps).enumerate() {
            stepped.step(step);
            prop_assert_eq!(stepped.facts(), reference(&shuffled[..((at + 1) * steps).min(shuffled.len())]));
        }
        prop_assert_eq!(stepped.facts(), expected);
        // Again and again the same says nothing more.
        let before = stepped.held.clone();
        stepped.step(&records);
        prop_assert_eq!(&stepped.held, &before);
        let counts = stepped.linked.counts();
        let contacts = before.values().filter(|(_, kind, ..)| *kind == Kind::Contacts).count();
        prop_assert_eq!((counts.contacts, counts.attached), (contacts as u64, (before.len() - contacts) as u64));
    }
}

/// A pack that does not trace takes back every contact and leaves what is attached; the one that traced before says the
/// same again.
#[test]
fn contacts_go_with_the_pack_that_traces_and_come_back() {
    let trip = |person, seat| Record {
        whose: Whose::Person(person),
        id: person,
        revision: 1,
        retracted: false,
        known: 100,
        says: Says::Trip { rail: true, day: 0, boarded: 8, alighted: 10, seat, crew: false },
    };
    let case = Says::Case { excluded: false, determined: 40, discharged: None };
    let mut followed = Followed::new();
    followed.step(&[trip(0, Some(1)), trip(1, Some(1)), Record { says: case, ..trip(0, None) }]);
    let facts = followed.facts();
    assert_eq!(facts.len(), 1);
    let other = load(&PackSource::built_in("chongqing-2021-24").unwrap()).unwrap();
    for (pack, expected) in [(&other, Vec::new()), (&*PACK, facts)] {
        let mut changed = Vec::new();
        followed.linked.trace_by(pack, &mut changed).unwrap();
        followed.linked.settle(&mut changed).unwrap();
        followed.follow(changed);
        assert_eq!(followed.facts(), expected);
    }
}

/// One hot train: 1,200 passengers come one by one, then 40 cases among them, then one is excluded. Work follows what
/// changed: a passenger costs the cases aboard, a case the passengers, and never the square.
#[test]
fn a_hot_train_costs_what_changed() {
    let trip = |person: u16, known| {
        let person = format!("{person:032x}");
        let conveyance = r#""kind":"trip","mode":"rail","number":"G1","service_date":"2021-11-01""#;
        let [known, boarded, alighted] = [known, 8, 12].map(at);
        format!(
            r#"{{"owner":"o","id":"t","person":"{person}","known_at":"{known}",{conveyance},"carriage":"5",
                "boarded_at":"{boarded}","alighted_at":"{alighted}"}}"#
        )
        .replace('\n', " ")
    };
    let mut followed = Followed::new();
    let mut told = 0;
    let mut step = |followed: &mut Followed, feed: Feed, lines: &[String]| -> usize {
        let mut builders = [EvidenceBuilders::new()];
        for line in lines {
            followed.decoder.decode(feed, line.as_bytes(), None, &mut builders).unwrap();
        }
        let [mut builders] = builders;
        for (kind, batch) in builders.finish() {
            let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
            followed.linked.apply(kind, &batch, &rows).unwrap();
        }
        let mut changed = Vec::new();
        followed.linked.settle(&mut changed).unwrap();
        let said = changed.len();
        followed.follow(changed);
        told += said;
        said
    };
    for person in 0..1200 {
        assert_eq!(step(&mut followed, Feed::Travel, &[trip(person, 20)]), 0);
    }
    let case = |person: u16, excluded: bool, revision: u8| {
        let classification = if excluded { "excluded" } else { "confirmed" };
        let [known, determined] = [at(40), at(30)];
        format!(
            r#"{{"owner":"o","id":"c","revision":{revision},"person":"{person:032x}","known_at":"{known}",
                "classification":"{classification}","determined_at":"{determined}"}}"#
        )
        .replace('\n', " ")
    };
    for person in 0..40 {
        assert_eq!(step(&mut followed, Feed::Cases, &[case(person, false, 1)]), 1199);
    }
    assert_eq!(step(&mut followed, Feed::Cases, &[case(7, true, 2)]), 1199);
    assert_eq!(step(&mut followed, Feed::Travel, &[trip(1200, 50)]), 39);
    assert_eq!(followed.held.len(), 39 * 1199 + 39);
    let counts = followed.linked.counts();
    assert_eq!((told, counts.crowded_conveyances), (41 * 1199 + 39, 0));
    // Each new case with all others, and with the cases before it; then who is excluded, and who came late, with the
    // 39 cases.
    assert_eq!(counts.pairs, 40 * 1199 + 780 + 39 + 39);
}
