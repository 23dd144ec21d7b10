//! Forgetting: facts past the last use that any rule can make of them (PACKS.md, "Forgetting").
//!
//! Owns what is past. Whose facts may go the caller says: people who are green with no change due. What hangs on a
//! forgotten index is trace's; regions are kept. A fact that went is as if it had never been: should a record of it
//! come again, it is new.

use fuma_schemas::evidence::ColumnType;
use fuma_schemas::vocabulary::{Classification, ClosedList, StaySource};
use fuma_schemas::{Instant, Kind};

use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, Table, mark};

/// How long facts are kept past their last instant, in milliseconds, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention(pub [i64; Kind::PERSONAL.len()]);

/// What ends a fact of a kind: offsets in its rows.
struct Ends {
    instants: Vec<usize>,
    /// The instants of which one must be there; empty if the fact is never open.
    closing: Vec<usize>,
    /// A code with which a fact is over without a closing instant.
    over: Option<(usize, u8)>,
}

impl Ends {
    fn new(table: &Table) -> Ends {
        let columns = || table.layout.kind.columns().iter().zip(&table.layout.columns);
        let place = |name: &str| columns().find(|(column, _)| column.name == name).map(|(_, &place)| place);
        let (closing, over): (&[&str], _) = match table.layout.kind {
            // An excluded case is no case any more: nobody will discharge it.
            Kind::Cases => {
                (&["discharged_at"], place("classification").map(|at| (at, Classification::Excluded.code())))
            }
            // A check-in ends with its day.
            Kind::Stays => (&["left_at"], place("source").map(|at| (at, StaySource::Checkin.code()))),
            Kind::Isolations => (&["ended_at"], None),
            Kind::Symptoms => (&["resolved_at", "cleared_at"], None),
            Kind::ExternalCodes => (&["released_at"], None),
            _ => (&[], None),
        };
        Ends {
            instants: columns()
                .filter(|(column, _)| matches!(column.column_type, ColumnType::Instant))
                .map(|(_, &place)| place)
                .collect(),
            closing: closing.iter().filter_map(|name| place(name)).collect(),
            over,
        }
    }

    /// The last instant of a row, in milliseconds UTC; none while the fact is open.
    fn last(&self, table: &Table, row: u32) -> Option<i64> {
        if table.marks(row) & mark::RETRACTED != 0 {
            return Some(table.known_at(row));
        }
        let latest = self.instants.iter().filter_map(|&at| table.instant(row, at)).max()?;
        if self.closing.is_empty() || self.closing.iter().any(|&at| table.instant(row, at).is_some()) {
            return Some(latest);
        }
        let (at, code) = self.over?;
        if table.row(row)[at] != code {
            return None;
        }
        match table.layout.kind {
            Kind::Stays => Instant(latest).day_end(0).map(|end| end.0),
            _ => Some(latest),
        }
    }
}

/// A fact that is past its retention.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Whose fact it is.
    pub person: u32,
    at: RowRef,
}

impl Evidence {
    /// Forgets the facts of those who may be forgotten whose last instant, and whose latest record, are older than
    /// their retention. Gives how many. Their memory is free after [`Evidence::compact`].
    pub fn forget(&mut self, now: Instant, retention: &Retention, may_forget: &dyn Fn(u32) -> bool) -> u64 {
        let past = self.past(now, retention, may_forget);
        self.forget_past(&past)
    }

    /// What [`Evidence::forget`] would forget, by person. Void after the next apply or compaction.
    ///
    /// A contact that does not count is kept: its colour hangs on somebody else's evidence, which may come back at
    /// any time.
    pub fn past(&self, now: Instant, retention: &Retention, may_forget: &dyn Fn(u32) -> bool) -> Vec<Past> {
        let ends: Vec<Ends> = self.tables.iter().map(Ends::new).collect();
        let mut past = Vec::new();
        for person in (0..self.people()).filter(|&person| may_forget(person)) {
            let mut at = self.people.get(person).map_or(RowRef::NONE, |state| state.head);
            while !at.is_none() {
                let table = self.table(at);
                let marks = table.marks(at.row());
                let is_winner = marks & (mark::SUPERSEDED | mark::FORGOTTEN) == 0;
                let is_withdrawn = marks & mark::WITHDRAWN != 0 && marks & mark::RETRACTED == 0;
                let kept_from = now.0.saturating_sub(retention.0[at.code()]);
                if is_winner && !is_withdrawn && self.is_past(at, &ends[at.code()], kept_from) {
                    past.push(Past { person, at });
                }
                at = table.next(at.row());
            }
        }
        past
    }

    /// Sets facts aside, so that one can see what rules say without them, or takes them back.
    pub fn set_aside(&mut self, past: &[Past], aside: bool) {
        let (set, clear) = if aside { (mark::FORGOTTEN, 0) } else { (0, mark::FORGOTTEN) };
        for Past { at, .. } in past {
            self.tables[at.code()].mark(at.row(), set, clear);
        }
    }

    /// Forgets facts for good. Gives how many.
    pub fn forget_past(&mut self, past: &[Past]) -> u64 {
        past.iter().for_each(|fact| self.forget_fact(fact.at));
        past.len() as u64
    }

    fn is_past(&self, at: RowRef, ends: &Ends, kept_from: i64) -> bool {
        ends.last(self.table(at), at.row()).is_some_and(|last| last < kept_from)
            && self.known_span(at).latest < kept_from
    }

    fn forget_fact(&mut self, at: RowRef) {
        let key = self.table(at).key(at.row());
        self.drop_known_span(at);
        self.facts.remove(key.0, |other| other == at.0);
        self.verdicts.remove(&key);
        self.tables[at.code()].mark(at.row(), mark::FORGOTTEN, 0);
    }
}
