//! Records of phones become evidence of whoever holds the phone (docs/feeds.md section 2a). Key: the phone.
//!
//! Owns which record is attached to whom, and what it says there. The winners among the records of a phone are settled
//! by the same tables as those of people, with the phone's token in the place of the person's. Must never attach a
//! retracted record, and must never colour: what is attached is evidence like any other.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use fuma_schemas::{Instant, Kind, Person, Phone};
use hashbrown::{HashMap, HashSet};

use super::counts::{LinkedCounts, Waiting};
use super::holders::{Holder, Holders, Holding};
use crate::evidence::{
    Derived, DerivedBy, DerivedRow, Evidence, EvidenceError, FactKey, FactView, Limits, OwnedValue, RuleTables, Seed,
    Touched, derived_key,
};
use crate::policy::days;

/// The column of a record that says its own instant.
pub(super) fn own_instant(fact: &FactView<'_>) -> Option<Instant> {
    fact.instant(match fact.kind {
        Kind::Stays => "arrived_at",
        Kind::Trips => "boarded_at",
        Kind::Entries => "entered_at",
        Kind::Listings => "starts_at",
        _ => return None,
    })
}

/// The key of a record of a phone as evidence of a person.
pub fn attached_key(phone: Phone, record: FactKey) -> FactKey {
    let mut ground = [0; 24];
    ground[..16].copy_from_slice(&phone.0);
    ground[16..].copy_from_slice(&record.0.to_le_bytes());
    derived_key(DerivedBy::Attach, &ground)
}

/// A record as it is attached: it is said again only when one of these changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Attached {
    person: Person,
    kind: Kind,
    /// The row that won.
    handle: u64,
    first_known_at: Instant,
    /// Until when a stay lasts where the binding ends before it; none: as long as it says.
    cut: Option<Instant>,
}

/// How many records of a phone wait, by [`Waiting::ALL`].
type Waits = [u64; Waiting::ALL.len()];

/// The phones, their records and holders, and what is attached.
pub struct Attach {
    pub(super) phones: Evidence,
    pub(super) touched: Touched,
    pub(super) holders: HashMap<Phone, Holders, Seed>,
    /// Phones whose holders changed since the last call.
    pub(super) retold: HashSet<Phone, Seed>,
    attached: HashMap<u32, BTreeMap<FactKey, Attached>, Seed>,
    /// Of the phones of which some record waits.
    waits: HashMap<u32, Waits, Seed>,
    attached_in_all: u64,
    waiting: Waits,
}

impl Attach {
    /// Phones of which nothing is known.
    pub fn new(seed: Seed, limits: Limits) -> Attach {
        let mut phones = Evidence::seeded(seed);
        phones.set_limits(limits);
        Attach {
            phones,
            touched: Touched::default(),
            holders: HashMap::with_hasher(seed),
            retold: HashSet::with_hasher(seed),
            attached: HashMap::with_hasher(seed),
            waits: HashMap::with_hasher(seed),
            attached_in_all: 0,
            waiting: Waits::default(),
        }
    }

    /// Takes in rows of records of phones: of the log's schema, with the phone in the place of the person.
    ///
    /// # Errors
    /// When the batch is not of the log's schema, or a table is full.
    pub fn apply(&mut self, kind: Kind, batch: &RecordBatch, rows: &[u32]) -> Result<(), EvidenceError> {
        self.phones.apply(kind, batch, rows, &mut self.touched)
    }

    /// Takes the whole set of a person's winning verified bindings of a phone; empty: the person has none of it.
    pub fn tell(&mut self, person: Person, phone: Phone, holdings: Vec<Holding>) {
        let holders = self.holders.entry(phone).or_default();
        if holders.tell(person, holdings) {
            self.retold.insert(phone);
        }
        if holders.is_empty() {
            self.holders.remove(&phone);
        }
    }

    /// Adds what changed in what is attached since the last call.
    pub(super) fn settle(&mut self, changed: &mut Vec<Derived>) {
        self.settle_each(&mut |_, derived| changed.push(derived));
    }

    /// Says what changed in what is attached since the last call, phone by phone.
    pub fn settle_each(&mut self, say: &mut dyn FnMut(Phone, Derived)) {
        let mut numbers: Vec<u32> = self.touched.people().to_vec();
        numbers.extend(self.retold.drain().filter_map(|phone| self.phones.find(Person(phone.0))));
        self.touched.clear();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let Some(Person(token)) = self.phones.person(number) else { continue };
            let (now, before) = self.settle_one(number, Phone(token));
            self.say(Phone(token), &before, &now, say);
            if !now.is_empty() {
                self.attached.insert(number, now);
            }
        }
    }

    /// What is attached of a phone now, and what was; counts follow.
    fn settle_one(&mut self, number: u32, phone: Phone) -> (BTreeMap<FactKey, Attached>, BTreeMap<FactKey, Attached>) {
        let mut waits = Waits::default();
        let now = self.attached_of(number, phone, &mut |waiting| {
            let reasons = Waiting::ALL.iter().zip(&mut waits);
            reasons.filter(|(reason, _)| **reason == waiting).for_each(|(_, count)| *count += 1);
        });
        let before = self.attached.remove(&number).unwrap_or_default();
        let waited = self.waits.remove(&number).unwrap_or_default();
        self.attached_in_all = self.attached_in_all + now.len() as u64 - before.len() as u64;
        for (sum, (is, was)) in self.waiting.iter_mut().zip(waits.into_iter().zip(waited)) {
            *sum = *sum + is - was;
        }
        if waits != Waits::default() {
            self.waits.insert(number, waits);
        }
        (now, before)
    }

    /// Takes what is attached for said: it follows from what was taken back. To be called when all was settled.
    pub(super) fn recall(&mut self) {
        self.touched.clear();
        self.retold.clear();
        for number in 0..self.phones.people() {
            let Some(Person(token)) = self.phones.person(number) else { continue };
            let (now, _) = self.settle_one(number, Phone(token));
            if !now.is_empty() {
                self.attached.insert(number, now);
            }
        }
    }

    /// Takes what is attached of a phone for not said yet.
    pub(super) fn unsay(&mut self, number: u32) {
        let attached = self.attached.remove(&number).unwrap_or_default();
        self.attached_in_all -= attached.len() as u64;
        self.touched.touch(number);
    }

    /// The bindings of a phone as one person told them.
    pub fn told(&self, person: Person, phone: Phone) -> &[Holding] {
        self.holders.get(&phone).map_or(&[], |holders| holders.of(person))
    }

    /// To whom each record of a phone is attached; `waits` hears of each that waits.
    fn attached_of(&self, number: u32, phone: Phone, waits: &mut dyn FnMut(Waiting)) -> BTreeMap<FactKey, Attached> {
        let is_crowded = self.phones.crowded(number);
        let mut attached = BTreeMap::new();
        for (handle, fact) in self.phones.standing(number, RuleTables::ALL) {
            let Some(at) = own_instant(&fact) else { continue };
            let holders = self.holders.get(&phone).filter(|_| !is_crowded);
            let nobody = if is_crowded { Waiting::Crowded } else { Waiting::Unbound };
            match holders.ok_or(nobody).and_then(|holders| Ok((holders, holders.at(at)?))) {
                Ok((holders, holder)) => {
                    attached.insert(fact.key, attach(handle, &fact, at, holders, holder));
                }
                Err(waiting) => waits(waiting),
            }
        }
        attached
    }

    fn say(
        &self,
        phone: Phone,
        before: &BTreeMap<FactKey, Attached>,
        now: &BTreeMap<FactKey, Attached>,
        say: &mut dyn FnMut(Phone, Derived),
    ) {
        for (record, was) in before {
            if now.get(record).is_none_or(|is| is.person != was.person) {
                let key = attached_key(phone, *record);
                say(phone, Derived { person: was.person, key, kind: was.kind, row: None });
            }
        }
        for (record, is) in now.iter().filter(|(record, is)| before.get(*record) != Some(*is)) {
            let Some(fact) = self.phones.describe(is.handle) else { continue };
            let values = fact.values.iter().map(|(name, value)| match is.cut {
                Some(cut) if *name == "left_at" => OwnedValue::Instant(cut),
                _ => OwnedValue::from(*value),
            });
            let row = DerivedRow {
                known_at: fact.known_at,
                first_known_at: is.first_known_at,
                owner: fact.owner.map(Into::into),
                values: values.collect(),
            };
            let key = attached_key(phone, *record);
            say(phone, Derived { person: is.person, key, kind: is.kind, row: Some(row) });
        }
    }

    /// To whom a record of a phone is attached.
    pub(super) fn holder(&self, phone: Phone, record: FactKey) -> Option<Person> {
        let number = self.phones.find(Person(phone.0))?;
        self.attached.get(&number)?.get(&record).map(|attached| attached.person)
    }

    /// Counts what is attached, and what waits for which reason.
    pub fn count(&self, counts: &mut LinkedCounts) {
        counts.attached += self.attached_in_all;
        counts.waiting.iter_mut().zip(self.waiting).for_each(|(sum, count)| *sum += count);
    }
}

fn attach(handle: u64, fact: &FactView<'_>, at: Instant, holders: &Holders, holder: Holder) -> Attached {
    let Holder { person, first_known_at } = holder;
    let cut = match fact.kind {
        Kind::Stays => {
            let left = days::left_at(Some(at), fact.instant("left_at"), fact.text("source"));
            holders.until(person, at).filter(|until| left.is_none_or(|left| *until < left))
        }
        _ => None,
    };
    let first_known_at = fact.first_known_at.max(Instant(first_known_at));
    Attached { person, kind: fact.kind, handle, first_known_at, cut }
}
