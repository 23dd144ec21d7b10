//! Forgetting: facts past the last use that any rule can make of them (docs/packs.md, "Forgetting").
//!
//! Owns what is past. Whose facts may go the caller says: people who are green with no change due. What hangs on a
//! forgotten index is trace's, which is told; regions are kept. A fact that went is as if it had never been: should a
//! record of it
//! come again, it is new.

use std::ops::Range;

use fuma_schemas::evidence::ColumnType;
use fuma_schemas::vocabulary::{Classification, ClosedList, StaySource};
use fuma_schemas::{Instant, Kind, Person};

use crate::evidence::state::Evidence;
use crate::evidence::store::{RowRef, RowTable, mark};
use crate::evidence::winners::{FactKey, Version};

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
    fn new(table: &RowTable) -> Ends {
        let columns = || table.layout.kind.columns().iter().zip(&table.layout.columns);
        let place = |name: &str| columns().find(|(column, _)| column.name == name).map(|(_, &place)| place);
        let over = match table.layout.kind {
            // An excluded case is no case any more: nobody will discharge it.
            Kind::Cases => place("classification").map(|at| (at, Classification::Excluded.code())),
            // A check-in ends with its day.
            Kind::Stays => place("source").map(|at| (at, StaySource::Checkin.code())),
            _ => None,
        };
        Ends {
            instants: columns()
                .filter(|(column, _)| matches!(column.column_type, ColumnType::Instant))
                .map(|(_, &place)| place)
                .collect(),
            closing: columns().filter(|(column, _)| column.closes).map(|(_, &place)| place).collect(),
            over,
        }
    }

    /// The last instant of a row, in milliseconds UTC; none while the fact is open.
    fn last(&self, table: &RowTable, row: u32) -> Option<i64> {
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

/// The place of `classification` among the columns of cases.
const CLASSIFICATION: usize = 0;

/// A case or contact that people forgot; one that is excluded or retracted is kept until trace has dropped it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ForgottenLink {
    /// Whose it is.
    pub person: Person,
    /// Which fact of the person.
    pub fact: FactKey,
    /// The version that people had: what is later than this is not forgotten.
    pub version: Version,
}

/// A fact that is past its retention.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Whose fact it is.
    pub person: u32,
    at: RowRef,
}

impl Evidence {
    /// What is past its retention of those people who may be forgotten: facts whose last instant, and whose latest
    /// record, are older. Void after the next apply or compaction.
    ///
    /// A contact that does not count is kept: its colour hangs on somebody else's evidence, which may come back at
    /// any time. An excluded or retracted case or contact that was offered to trace waits for its word.
    pub fn past(
        &self,
        people: Range<u32>,
        now: Instant,
        retention: &Retention,
        may_forget: &dyn Fn(u32) -> bool,
    ) -> Vec<Past> {
        let ends: Vec<Ends> = self.tables.iter().map(Ends::new).collect();
        let mut past = Vec::new();
        let people = people.start..people.end.min(self.people());
        for person in people.filter(|&person| may_forget(person)) {
            for at in self.chain(person) {
                let table = self.table(at);
                let marks = table.marks(at.row());
                let is_winner = marks & (mark::SUPERSEDED | mark::FORGOTTEN | mark::OFFERED) == 0;
                let is_withdrawn = marks & mark::WITHDRAWN != 0 && marks & mark::RETRACTED == 0;
                let kept_from = now.0.saturating_sub(retention.0[at.code()]);
                if is_winner && !is_withdrawn && self.is_past(at, &ends[at.code()], kept_from) {
                    past.push(Past { person, at });
                }
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

    /// Forgets facts for good, and adds the cases and contacts among them to `links`: trace is to be told. One that is
    /// excluded or retracted is offered to trace and kept until [`Evidence::trace_dropped`]. Gives how many are gone;
    /// their memory is free after compaction.
    pub fn forget_past(&mut self, past: &[Past], links: &mut Vec<ForgottenLink>) -> u64 {
        let mut gone = 0;
        for &Past { person, at } in past {
            let is_link = matches!(self.table(at).layout.kind, Kind::Cases | Kind::Contacts);
            if is_link && let Some(token) = self.person(person) {
                let table = self.table(at);
                links.push(ForgottenLink {
                    person: token,
                    fact: table.key(at.row()),
                    version: table.version(at.row()),
                });
            }
            if is_link && self.is_ground(at) {
                self.tables[at.code()].mark(at.row(), mark::OFFERED, 0);
            } else {
                self.forget_fact(at);
                gone += 1;
            }
        }
        gone
    }

    /// Forgets an excluded or retracted case or contact that trace has dropped; one that came back since is kept.
    /// Whether it is gone. It changes nobody's colour.
    pub fn trace_dropped(&mut self, token: Person, fact: FactKey) -> bool {
        let Some(person) = self.people.find(token) else { return false };
        match self.winner(person, fact) {
            Some(at) if self.is_ground(at) => {
                self.forget_fact(at);
                true
            }
            Some(_) => false,
            None => {
                // A verdict may have come after the contact was forgotten.
                self.verdicts.forget(person, fact);
                false
            }
        }
    }

    /// Whether a row is of a case or contact by which others fall: retracted, or an excluded case.
    fn is_ground(&self, at: RowRef) -> bool {
        let (table, row) = (self.table(at), at.row());
        let is_retracted = table.marks(row) & mark::RETRACTED != 0;
        match table.layout.kind {
            Kind::Cases => {
                is_retracted || table.row(row)[table.layout.columns[CLASSIFICATION]] == Classification::Excluded.code()
            }
            Kind::Contacts => is_retracted,
            _ => false,
        }
    }

    fn is_past(&self, at: RowRef, ends: &Ends, kept_from: i64) -> bool {
        ends.last(self.table(at), at.row()).is_some_and(|last| last < kept_from)
            && self.known_span(at).latest < kept_from
    }

    fn forget_fact(&mut self, at: RowRef) {
        let (person, key) = (self.table(at).person(at.row()), self.table(at).key(at.row()));
        self.drop_known_span(at);
        self.assertions.remove(&at);
        self.facts.remove(self.seed.of_key(key.0), |other| other == at.0);
        self.verdicts.forget(person, key);
        self.said.remove(&(person, key));
        self.discount(person, at);
        self.tables[at.code()].mark(at.row(), mark::FORGOTTEN, 0);
    }
}
