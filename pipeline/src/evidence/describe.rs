//! A fact as a whole: for explaining a reason to people.
//!
//! Owns the view. Knows neither owner's id nor identity: who explains finds those in the inputs, by the key.

use fuma_schemas::{Instant, Kind};

use super::fact_key::FactKey;
use super::layout::{mark, read_u32};
use super::row_ref::RowRef;
use super::state::Evidence;
use super::value::Value;

/// A fact and the record of it that a row holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactView<'a> {
    /// The fact.
    pub key: FactKey,
    /// The kind.
    pub kind: Kind,
    /// The revision of the record.
    pub revision: u32,
    /// Whether the record withdraws the fact.
    pub retracted: bool,
    /// Whether the fact stands: no other record won, and it is neither withdrawn nor forgotten.
    pub standing: bool,
    /// When the record became known.
    pub known_at: Instant,
    /// When the first record of the fact became known.
    pub first_known_at: Instant,
    /// Whether a contact counts; true of all other kinds.
    pub counts: bool,
    /// The columns of the kind, by name.
    pub values: Vec<(&'static str, Value<'a>)>,
    /// The owner of a listing.
    pub owner: Option<&'a str>,
}

impl Evidence {
    /// The fact behind a handle that rules saw; none if there is none. A compaction makes handles void.
    pub fn describe(&self, handle: u64) -> Option<FactView<'_>> {
        let at = RowRef::of_handle(handle).filter(|at| at.row() < self.table(*at).len())?;
        let (table, row) = (self.table(at), at.row());
        let (version, marks) = (table.version(row), table.marks(row));
        let values = table.layout.kind.columns().iter().enumerate();
        let owner = read_u32(table.row(row), table.layout.owner.min(table.layout.width - 4));
        Some(FactView {
            key: table.key(row),
            kind: table.layout.kind,
            revision: version.revision,
            retracted: version.retracted,
            standing: marks & mark::NOT_STANDING == 0,
            known_at: version.known_at,
            first_known_at: Instant(self.known_span(at).first),
            counts: marks & mark::WITHDRAWN == 0,
            values: values.map(|(column, of)| (of.name, table.value(&self.texts, row, column))).collect(),
            owner: (table.layout.kind == Kind::Listings).then(|| self.texts.others.get(owner)),
        })
    }

    /// The handles of all rows of a person, newest first: standing, superseded and retracted.
    pub fn handles(&self, person: u32) -> Vec<u64> {
        let mut handles = Vec::new();
        let mut at = self.people.get(person).map_or(RowRef::NONE, |state| state.head);
        while !at.is_none() {
            handles.push(at.handle());
            at = self.table(at).next(at.row());
        }
        handles
    }
}
