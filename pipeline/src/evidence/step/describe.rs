//! A fact as a whole, and the tiers that a stay meets: for explaining a reason to people.
//!
//! Owns the views. Knows neither owner's id nor identity: who explains finds those in the inputs, by the key.

use fuma_schemas::vocabulary::{ClosedList, Match, Tier};
use fuma_schemas::{Instant, Kind};

use super::rule_table::RuleTables;
use crate::evidence::state::Evidence;
use crate::evidence::store::{NO_TEXT, RowRef, mark, read_u32};
use crate::evidence::tiers::{OPEN, STAY_REGION};
use crate::evidence::winners::{FactKey, Value};

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

/// A tier that a stay's region meets, whether or not the times meet as well: those are the rules' to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TierView {
    /// The name of the tier.
    pub tier: &'static str,
    /// From when it holds.
    pub since: Instant,
    /// Until when; none while open.
    pub until: Option<Instant>,
    /// How the stay's region meets the tier's: exact, within, contains.
    pub matched: &'static str,
}

impl<'a> FactView<'a> {
    /// The value of a column of the kind; null where there is no such column.
    pub fn value(&self, name: &str) -> Value<'a> {
        self.values.iter().find(|(own, _)| *own == name).map_or(Value::Null, |(_, value)| *value)
    }

    /// The instant in a column; none where it is absent.
    pub fn instant(&self, name: &str) -> Option<Instant> {
        if let Value::Instant(instant) = self.value(name) { Some(instant) } else { None }
    }

    /// The text in a column; none where it is absent.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        if let Value::Text(text) = self.value(name) { Some(text) } else { None }
    }

    /// The date or whole number in a column; none where it is absent.
    pub fn number(&self, name: &str) -> Option<i32> {
        if let Value::Date(number) | Value::Integer(number) = self.value(name) { Some(number) } else { None }
    }
}

impl Evidence {
    /// The record that won of a fact of a person, standing or withdrawn, and its handle; none if the fact was never
    /// seen.
    pub fn describe_winner(&self, person: u32, key: FactKey) -> Option<(u64, FactView<'_>)> {
        let handle = self.winner(person, key)?.handle();
        self.describe(handle).map(|view| (handle, view))
    }

    /// The tiers that a stay meets; none of other kinds.
    pub fn tiers_met(&self, handle: u64) -> Vec<TierView> {
        let stay = RowRef::of_handle(handle).filter(|at| self.table(*at).has(at.row()));
        let Some(table) = stay.map(|at| self.table(at)).filter(|table| table.layout.kind == Kind::Stays) else {
            return Vec::new();
        };
        let region = stay.map(|at| read_u32(table.row(at.row()), table.layout.columns[STAY_REGION]));
        let matches = region.map_or(&[][..], |region| self.tiers.codes.matches(region));
        let name = |names: &'static [&'static str], code: u8| names.get(usize::from(code)).copied();
        matches
            .iter()
            .filter_map(|met| {
                Some(TierView {
                    tier: name(Tier::NAMES, met.span.tier)?,
                    since: Instant(met.span.since),
                    until: (met.span.until != OPEN).then_some(Instant(met.span.until)),
                    matched: name(Match::NAMES, met.matched)?,
                })
            })
            .collect()
    }

    /// The fact behind a handle that rules saw; none if there is none. A compaction makes handles void.
    pub fn describe(&self, handle: u64) -> Option<FactView<'_>> {
        let at = RowRef::of_handle(handle).filter(|at| self.table(*at).has(at.row()))?;
        let (table, row) = (self.table(at), at.row());
        let (version, marks) = (table.version(row), table.marks(row));
        if marks & mark::UNCHAINED != 0 {
            return None;
        }
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
            owner: (table.layout.kind == Kind::Listings && owner != NO_TEXT).then(|| self.texts.others.get(owner)),
        })
    }

    /// The facts of a person that stand in some tables, with their handles; in no order that means anything.
    pub fn standing(&self, person: u32, tables: RuleTables) -> impl Iterator<Item = (u64, FactView<'_>)> {
        let stands = move |at: &RowRef| {
            tables.0 & 1 << at.code() != 0 && self.table(*at).marks(at.row()) & mark::NOT_STANDING == 0
        };
        self.chain(person).filter(stands).filter_map(|at| Some((at.handle(), self.describe(at.handle())?)))
    }

    /// The handles of all rows of a person, newest first: standing, superseded and retracted.
    pub fn handles(&self, person: u32) -> Vec<u64> {
        self.chain(person).map(RowRef::handle).collect()
    }
}
