//! Facts that a stage of the engine derived: evidence of a phone that is attached to a person, contacts by conveyance.
//!
//! A derived fact is replaced whole by what its stage says next: revision, retraction and known_at of what it was made
//! of decide nothing here (docs/recovery.md, R-19). So it has a key of its own, that no record can have, and its stage
//! says it in order. Owns that replacement, and the keys. Must never choose between two records.

use fuma_schemas::evidence::ColumnType;
use fuma_schemas::{Feed, Instant, Kind, Person};
use siphasher::sip;

use super::apply::Beside;
use super::fact_key::{FactKey, LinksRank};
use super::incoming::EvidenceError;
use super::value::Value;
use super::version::Version;
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::store::{KnownSpan, layout, mark};

/// The key of the hash of derived facts; it is no secret, and never changes.
const DERIVED_SEED: &[u8; 16] = b"fuma.derived.v01";

/// What derives facts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum DerivedBy {
    /// A record of a phone, attached to the person who holds it.
    Attach = 1,
    /// Two trips on one conveyance.
    Aboard = 2,
}

/// Where something stands in what its stage says: the greatest holds, whatever the revision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Said {
    /// Rises when what the stage says begins anew.
    pub epoch: u64,
    /// The offset in the log of the stage.
    pub version: u64,
}

/// The key of a derived fact: what derived it, and the parts of its ground.
pub fn derived_key(by: DerivedBy, ground: &[u8]) -> FactKey {
    let mut bytes = Vec::with_capacity(1 + ground.len());
    bytes.push(by as u8);
    bytes.extend_from_slice(ground);
    FactKey(sip::SipHasher13::new_with_key(DERIVED_SEED).hash(&bytes))
}

/// A value of a column that its holder owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OwnedValue {
    /// Absent.
    Null,
    /// An instant.
    Instant(Instant),
    /// A name of a closed list, a region code or another text.
    Text(Box<str>),
    /// A date (days since 1970-01-01) or a whole number.
    Number(i32),
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> OwnedValue {
        match value {
            Value::Null => OwnedValue::Null,
            Value::Instant(instant) => OwnedValue::Instant(instant),
            Value::Text(text) => OwnedValue::Text(text.into()),
            Value::Date(number) | Value::Integer(number) => OwnedValue::Number(number),
        }
    }
}

/// What a derived fact says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DerivedRow {
    /// The known_at that rules see.
    pub known_at: Instant,
    /// When the fact was first known.
    pub first_known_at: Instant,
    /// The owner of a listing.
    pub owner: Option<Box<str>>,
    /// The columns of the kind, in order.
    pub values: Vec<OwnedValue>,
}

/// A derived fact of a person as it stands from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Derived {
    /// Whose.
    pub person: Person,
    /// Which.
    pub key: FactKey,
    /// The kind.
    pub kind: Kind,
    /// What it says; none: it does not hold.
    pub row: Option<DerivedRow>,
}

impl Evidence {
    /// Replaces a derived fact whole, unless something as late or later was said of it; touches the person where it is
    /// another. What was withdrawn leaves behind where it stood, for as long as a withdrawal at `at` is kept: else what
    /// it withdrew would hold again when that is repeated.
    ///
    /// # Errors
    /// When a table is full.
    pub fn derive_said(
        &mut self,
        derived: &Derived,
        (said, at): (Said, Instant),
        touched: &mut Touched,
    ) -> Result<(), EvidenceError> {
        let person = self.people.find_or_add(derived.person);
        let place = (person, derived.key);
        if self.said.get(&place).is_some_and(|last| *last >= said) {
            return Ok(());
        }
        if derived.row.is_some() || self.winner(person, derived.key).is_some() {
            self.derive(derived, touched)?;
        }
        if derived.row.is_none() {
            self.withdraw(derived, person, at)?;
        }
        self.said.insert(place, said);
        Ok(())
    }

    /// Has a withdrawn fact stand as withdrawn at an instant.
    fn withdraw(&mut self, derived: &Derived, person: u32, at: Instant) -> Result<(), EvidenceError> {
        let hash = self.seed.of_key(derived.key.0);
        if let Some(winner) = self.winner_at(hash, person, derived.key) {
            let span = KnownSpan { latest: at.0, ..self.known_span(winner) };
            self.set_known_span(winner, span);
            return Ok(());
        }
        let version = Version { revision: 1, retracted: true, known_at: at };
        let row = self.append_row(derived.kind, person, derived.key, version)?;
        self.facts.insert(hash, row.0);
        self.shorten(person);
        Ok(())
    }

    /// Facts that their stage says no more, by where they stand: they go, and their people are touched.
    ///
    /// # Errors
    /// When a table is full.
    pub fn end_derived(&mut self, is_over: &dyn Fn(Said) -> bool, touched: &mut Touched) -> Result<(), EvidenceError> {
        let over = self.said.iter().filter(|(_, said)| is_over(**said)).map(|(place, _)| *place);
        let mut over: Vec<(u32, FactKey)> = over.collect();
        over.sort_unstable();
        for (person, key) in over {
            self.said.remove(&(person, key));
            let token = self.person(person);
            let kind = self.winner(person, key).and_then(|at| Some(self.describe(at.handle())?.kind));
            if let Some((person, kind)) = token.zip(kind) {
                self.derive(&Derived { person, key, kind, row: None }, touched)?;
            }
        }
        Ok(())
    }

    /// Takes back from a snapshot where a derived fact stands in what its stage says.
    pub(in crate::evidence) fn restore_said(&mut self, person: u32, fact: FactKey, said: Said) {
        let last = self.said.entry((person, fact)).or_insert(said);
        *last = (*last).max(said);
    }

    /// Replaces a derived fact whole, and touches the person.
    ///
    /// # Errors
    /// When a table is full.
    pub fn derive(&mut self, derived: &Derived, touched: &mut Touched) -> Result<(), EvidenceError> {
        let Derived { person: token, key, kind, row } = derived;
        let person = self.people.find_or_add(*token);
        let hash = self.seed.of_key(key.0);
        let winner = self.winner_at(hash, person, *key);
        let stood = winner.is_some_and(|at| self.table(at).marks(at.row()) & mark::NOT_STANDING == 0);
        if row.is_none() && !stood {
            return Ok(());
        }
        let known_at = row.as_ref().map_or(Instant(0), |row| row.known_at);
        let at = self.append_row(*kind, person, *key, Version { revision: 1, retracted: row.is_none(), known_at })?;
        if let Some(row) = row {
            self.write_values(at.code(), at.row(), &row.values);
            let links = if kind.feed() == Feed::Contacts { LinksRank::CONVEYANCE } else { LinksRank::NONE };
            self.write_beside(at, person, Beside { owner: row.owner.as_deref(), links });
            self.set_known_span(at, KnownSpan { first: row.first_known_at.0, latest: row.known_at.0 });
        }
        match winner {
            None => self.facts.insert(hash, at.0),
            Some(winner) => {
                if let Some(entry) = self.facts.find_mut(hash, |other| other == winner.0) {
                    *entry = at.0;
                }
                self.drop_known_span(winner);
                self.discount(person, winner);
                self.tables[winner.code()].mark(winner.row(), mark::SUPERSEDED, 0);
            }
        }
        touched.touch(person);
        self.shorten(person);
        Ok(())
    }

    fn write_values(&mut self, code: usize, row: u32, values: &[OwnedValue]) {
        let table = &mut self.tables[code];
        for (at, (column, value)) in table.layout.kind.columns().iter().zip(values).enumerate() {
            let place = table.layout.columns[at];
            match (value, column.column_type) {
                (OwnedValue::Instant(instant), _) => table.set_instant(row, place, instant.0),
                (OwnedValue::Text(text), ColumnType::Code(names)) => {
                    if let Some(code) = names.iter().position(|name| **name == **text) {
                        table.set_code(row, place, code as u8);
                    }
                }
                (OwnedValue::Text(text), ColumnType::Region) => {
                    table.set_u32(row, place, self.texts.regions.intern(text));
                }
                (OwnedValue::Text(text), _) => table.set_u32(row, place, self.texts.others.intern(text)),
                (OwnedValue::Number(number), _) => {
                    table.set_u32(row, place, layout::encode_integer(Some(*number)));
                }
                (OwnedValue::Null, _) => {}
            }
        }
    }
}
