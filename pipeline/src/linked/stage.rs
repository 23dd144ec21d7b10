//! The stages that link, one after the other: bindings to phones, phones to people, people to conveyances, and back.
//!
//! Owns the order within a step, and the evidence that the stages read: bindings, cases, trips, what `infectious.sql`
//! reads besides, and what is attached of it. Must never judge anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use fuma_schemas::{Kind, Person, Phone};
use hashbrown::HashMap;

use super::aboard::Met;
use super::attach::Attach;
use super::counts::LinkedCounts;
use super::holders::Holding;
use super::rides::Conveyance;
use super::tracer::Tracer;
use crate::assess::AssessError;
use crate::evidence::{
    Derived, DerivedRow, Evidence, EvidenceError, FactKey, Limits, RuleTable, RuleTables, Seed, Touched,
};
use crate::policy::Pack;
use crate::policy::tracing::Tracing;

/// The stages, and what they know.
pub struct Linked {
    people: Evidence,
    touched: Touched,
    seed: Seed,
    attach: Attach,
    /// The phones that a person was heard to hold.
    held: HashMap<u32, Vec<Phone>, Seed>,
    tracer: Option<Tracer>,
    /// The kinds that are read, by code.
    reads: [bool; Kind::PERSONAL.len()],
}

impl Linked {
    /// Stages that know nothing; they read what the tracing of these packs needs.
    pub fn new(packs: &[&Arc<Pack>], seed: Seed, limits: Limits) -> Linked {
        let mut people = Evidence::seeded(seed);
        people.set_limits(limits);
        Linked {
            people,
            touched: Touched::default(),
            seed,
            attach: Attach::new(seed, limits),
            held: HashMap::with_hasher(seed),
            tracer: None,
            reads: Kind::PERSONAL.map(|kind| reads(packs, kind)),
        }
    }

    /// Whether the stages read a kind of people's evidence.
    pub fn reads(&self, kind: Kind) -> bool {
        self.reads.get(usize::from(kind.code())).copied().unwrap_or(false)
    }

    /// Takes in rows of people's evidence; kinds that no stage reads are passed over.
    ///
    /// # Errors
    /// When the batch is not of the log's schema.
    pub fn apply(&mut self, kind: Kind, batch: &RecordBatch, rows: &[u32]) -> Result<(), EvidenceError> {
        match self.reads(kind) {
            true => self.people.apply(kind, batch, rows, &mut self.touched),
            false => Ok(()),
        }
    }

    /// Takes in rows of records of phones: of the log's schema, with the phone's token in the place of the person's.
    ///
    /// # Errors
    /// When the batch is not of the log's schema.
    pub fn apply_phones(&mut self, kind: Kind, batch: &RecordBatch, rows: &[u32]) -> Result<(), EvidenceError> {
        self.attach.apply(kind, batch, rows)
    }

    /// From now on a pack traces, or none: what the one before derived is taken back, and the new one says all. To be
    /// called between two steps.
    ///
    /// # Errors
    /// When the system has no room for an executor.
    pub fn trace_by(&mut self, pack: &Arc<Pack>, changed: &mut Vec<Derived>) -> Result<(), AssessError> {
        if let Some(tracer) = self.tracer.take() {
            tracer.end(&self.people, changed);
        }
        self.tracer = Tracer::new(pack, self.seed)?;
        if self.tracer.is_some() {
            (0..self.people.people()).for_each(|person| self.touched.touch(person));
        }
        Ok(())
    }

    /// Adds all that follows from what came in since the last call.
    ///
    /// # Errors
    /// When a table is full.
    pub fn settle(&mut self, changed: &mut Vec<Derived>) -> Result<(), EvidenceError> {
        for person in self.touched.people() {
            tell_phones(&self.people, *person, &mut self.held, &mut self.attach);
        }
        let first = changed.len();
        self.attach.settle(changed);
        for derived in changed.iter().skip(first).filter(|derived| self.reads[usize::from(derived.kind.code())]) {
            self.people.derive(derived, &mut self.touched)?;
        }
        let mut people = Vec::new();
        self.touched.take(usize::MAX, &mut people);
        if let Some(tracer) = &mut self.tracer {
            people.sort_unstable();
            tracer.settle(&self.people, &people, changed);
        }
        Ok(())
    }

    /// What was counted.
    pub fn counts(&self) -> LinkedCounts {
        let mut counts = LinkedCounts::default();
        self.attach.count(&mut counts);
        if let Some(tracer) = &self.tracer {
            tracer.count(&mut counts);
        }
        counts
    }

    /// To whom a record of a phone is attached, by its fact.
    pub fn holder(&self, phone: Phone, record: FactKey) -> Option<Person> {
        self.attach.holder(phone, record)
    }

    /// The evidence that the stages read.
    pub fn people(&self) -> &Evidence {
        &self.people
    }

    /// The contacts by conveyance that hold: whose, the key, the conveyance, what met, and what it says.
    pub fn contacts(&self) -> impl Iterator<Item = (Person, FactKey, &Conveyance, &Met, &DerivedRow)> {
        let conveyances = self.tracer.iter().flat_map(Tracer::conveyances);
        conveyances.flat_map(|aboard| {
            let each = aboard.contacts();
            each.filter_map(|(person, key, met, row)| {
                Some((self.people.person(person)?, key, aboard.conveyance(), met, row))
            })
        })
    }
}

/// Whether a stage reads a kind: bindings always, and what the tracing of a pack reads; and the other kinds of their
/// feeds, for a record of another kind replaces a trip (docs/feeds.md section 1, `kind`).
pub fn reads(packs: &[&Arc<Pack>], kind: Kind) -> bool {
    let traces = packs.iter().filter_map(|pack| pack.tracing.as_ref());
    let of_feed = |tracing: &Tracing| {
        let mut kinds = Kind::PERSONAL.into_iter().filter(|other| other.feed() == kind.feed());
        kinds.any(|other| tracing.reads(other))
    };
    kind == Kind::Bindings || traces.into_iter().any(of_feed)
}

const BINDINGS: RuleTables = RuleTables::one(RuleTable::Kind(Kind::Bindings));

/// The winning verified bindings of a person, by phone.
pub fn holdings(evidence: &Evidence, person: u32) -> BTreeMap<Phone, Vec<Holding>> {
    let mut now: BTreeMap<Phone, Vec<Holding>> = BTreeMap::new();
    let Some(token) = evidence.person(person).filter(|_| evidence.kinds(person).meets(BINDINGS)) else { return now };
    for (_, binding) in evidence.standing(person, BINDINGS).filter(|(_, fact)| fact.text("holder") == Some("verified"))
    {
        let phone = binding.text("phone").and_then(Person::parse);
        let (Some(Person(phone)), Some(since)) = (phone, binding.instant("since")) else { continue };
        let until = binding.instant("until").map_or(i64::MAX, |until| until.0);
        let first_known_at = binding.first_known_at.0;
        now.entry(Phone(phone)).or_default().push(Holding { person: token, since: since.0, until, first_known_at });
    }
    now
}

/// Tells each phone that a person holds, or held, the whole set of the person's bindings of it.
fn tell_phones(evidence: &Evidence, person: u32, held: &mut HashMap<u32, Vec<Phone>, Seed>, attach: &mut Attach) {
    // Most people have no binding, and never had one.
    let is_bound = evidence.kinds(person).meets(BINDINGS) || held.contains_key(&person);
    let Some(token) = evidence.person(person).filter(|_| is_bound) else { return };
    let now = holdings(evidence, person);
    let before = held.remove(&person).unwrap_or_default();
    for phone in before.into_iter().filter(|phone| !now.contains_key(phone)) {
        attach.tell(token, phone, Vec::new());
    }
    if !now.is_empty() {
        held.insert(person, now.keys().copied().collect());
    }
    for (phone, holdings) in now {
        attach.tell(token, phone, holdings);
    }
}
