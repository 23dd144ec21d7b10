//! Records of the log become rows; the winner of each fact is settled; who is touched is noted.
//!
//! Owns the rule of sets (I-2): of a fact's records the greatest version wins, then the greater contents, whatever
//! came first. A loser leaves nothing but when it became known. Must never read a clock or an identity.

use std::cmp::Ordering;

use arrow::array::RecordBatch;
use fuma_schemas::Kind;

use super::asserted::claim;
use super::fact_key::{FactKey, LinksRank, fact_key};
use super::first_known::Assertion;
use super::incoming::{Batch, EvidenceError, Head, Incoming};
use super::order::{Contender, Contents, Ranked};
use super::row_contents::RowContents;
use super::version::Version;
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::store::{KnownSpan, RowRef, layout, mark, read_u32};
use crate::invariant;

/// Records whose look-ups overlap.
const BLOCK_ROWS: usize = 64;
/// The number of a person who has none yet.
const UNKNOWN: u32 = u32::MAX;

/// A record on its way into the tables.
struct Arriving<'a> {
    kind: Kind,
    batch: &'a Batch<'a>,
    row: usize,
    head: Head<'a>,
    key: FactKey,
    /// The key under the secret of the tables.
    hash: u64,
    person: u32,
}

/// The order of two rows of batches of the log that are of one fact: the greater wins. A row that lacks what the kind
/// requires is the lowest, and so is one of a batch of another schema.
pub fn compare_rows(kind: Kind, one: (&RecordBatch, usize), other: (&RecordBatch, usize)) -> Ordering {
    let batches = [one, other].map(|(batch, _)| Batch::new(kind, batch).ok());
    let [one, other] = [(&batches[0], one.1), (&batches[1], other.1)].map(|(batch, row)| {
        let batch = batch.as_ref()?;
        let head = batch.head(row)?;
        Some(Arriving { kind, batch, row, head, key: FactKey::default(), hash: 0, person: UNKNOWN })
    });
    let version = |record: &Option<Arriving<'_>>| record.as_ref().map(|record| record.head.version);
    match (&one, &other) {
        (Some(one), Some(other)) => {
            let its = Contender { version: other.head.version, contents: other };
            Contender { version: one.head.version, contents: one }.against(&its)
        }
        _ => version(&one).cmp(&version(&other)),
    }
}

/// What a row has beside the columns of its kind.
pub(in crate::evidence) struct Beside<'a> {
    /// The owner, which a listing shows.
    pub(in crate::evidence) owner: Option<&'a str>,
    /// What a contact hangs on.
    pub(in crate::evidence) links: LinksRank,
}

impl Contents for Arriving<'_> {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn ranked(&self, column: usize) -> Ranked<'_> {
        self.batch.columns.get(column).map_or(Ranked::Absent, |column| column.ranked(self.row))
    }

    fn links(&self) -> LinksRank {
        self.batch.links(self.row)
    }
}

impl Arriving<'_> {
    /// What the record asserts, where that matters to when its fact became known; none of a retraction.
    fn assertion(&self) -> Option<Assertion> {
        if self.head.version.retracted {
            return None;
        }
        claim(self).map(|claim| Assertion { known_at: self.head.version.known_at.0, claim })
    }
}

impl Evidence {
    /// Applies rows of a batch of `schemas::evidence::log_schema(kind)`, and adds to `touched` everybody whose
    /// standing evidence they change. Rows that lack what the kind requires are passed over and counted; an exact
    /// duplicate touches nobody.
    ///
    /// On an error rows before the one that failed have been applied; to apply them again does no harm.
    pub fn apply(
        &mut self,
        kind: Kind,
        batch: &RecordBatch,
        rows: &[u32],
        touched: &mut Touched,
    ) -> Result<(), EvidenceError> {
        if kind == Kind::Regions {
            return self.apply_regions(batch, rows, touched);
        }
        let batch = Batch::new(kind, batch)?;
        let mut block: Vec<Arriving<'_>> = Vec::with_capacity(BLOCK_ROWS);
        for rows in rows.chunks(BLOCK_ROWS) {
            self.look_up(kind, &batch, rows, &mut block);
            for record in &mut block {
                if record.person == UNKNOWN {
                    record.person = self.people.find_or_add(record.head.person);
                }
                self.apply_record(record, touched)?;
                self.shorten(record.person);
            }
            block.iter().rev().take(4).for_each(|record| self.check(record.person));
        }
        Ok(())
    }

    /// Reads a block of records and looks for their people and facts. What is found of facts is not kept, for records
    /// of one block may be of one fact: it is looked up again when it is in the cache. Apart from that the
    /// look-ups hang on nothing, so that the memory's delays overlap.
    fn look_up<'a>(&mut self, kind: Kind, batch: &'a Batch<'a>, rows: &[u32], block: &mut Vec<Arriving<'a>>) {
        block.clear();
        for &row in rows {
            let row = row as usize;
            let Some(head) = batch.head(row) else {
                self.counters.incomplete += 1;
                continue;
            };
            let key = fact_key(kind.feed(), head.person, head.owner, head.id);
            block.push(Arriving { kind, batch, row, head, key, hash: self.seed.of_key(key.0), person: UNKNOWN });
        }
        for record in block.iter_mut() {
            record.person = self.people.find(record.head.person).unwrap_or(UNKNOWN);
        }
        let known = block.iter().filter(|record| self.winner_of(record).is_some()).count();
        std::hint::black_box(known);
    }

    fn apply_record(&mut self, record: &Arriving<'_>, touched: &mut Touched) -> Result<(), EvidenceError> {
        let Some(winner) = self.winner_of(record) else {
            let at = self.append(record)?;
            self.facts.insert(record.hash, at.0);
            if !record.head.version.retracted {
                touched.touch(record.person);
            }
            return Ok(());
        };
        if self.against(winner, record) == Ordering::Greater {
            return self.supersede(winner, record, touched);
        }
        let before = self.known_span(winner);
        let mut span = before.with(record.head.version.known_at.0);
        if self.table(winner).marks(winner.row()) & mark::OFFERED != 0 {
            // It became known again: it is to be past anew before trace may drop it.
            self.tables[winner.code()].mark(winner.row(), 0, mark::OFFERED);
        }
        self.add_assertion(winner, record.assertion());
        span.first = self.first_of(winner, span.first);
        self.set_known_span(winner, span);
        if span.first != before.first && self.stands(winner) {
            touched.touch(record.person);
        }
        Ok(())
    }

    fn winner_of(&self, record: &Arriving<'_>) -> Option<RowRef> {
        self.winner_at(record.hash, record.person, record.key)
    }

    fn stands(&self, at: RowRef) -> bool {
        self.table(at).marks(at.row()) & mark::NOT_STANDING == 0
    }

    /// The order of a record against the winner of its fact; contents that differ at one revision are counted.
    fn against(&mut self, winner: RowRef, record: &Arriving<'_>) -> Ordering {
        let table = self.table(winner);
        let its = RowContents { table, texts: &self.texts, row: winner.row() };
        let its = Contender { version: table.version(winner.row()), contents: &its };
        let mine = Contender { version: record.head.version, contents: record };
        let order = mine.against(&its);
        if mine.conflicts_with(&its) {
            self.counters.conflicts += 1;
        } else if order == Ordering::Equal && record.kind == Kind::Contacts && !its.version.retracted {
            self.learn_links(winner, record.links());
        }
        order
    }

    fn supersede(&mut self, winner: RowRef, record: &Arriving<'_>, touched: &mut Touched) -> Result<(), EvidenceError> {
        let mut span: KnownSpan = self.known_span(winner).with(record.head.version.known_at.0);
        let at = self.append(record)?;
        if self.stands(winner) || !record.head.version.retracted {
            touched.touch(record.person);
        }
        if let Some(entry) = self.facts.find_mut(record.hash, |other| other == winner.0) {
            *entry = at.0;
        }
        self.drop_known_span(winner);
        self.discount(record.person, winner);
        self.tables[winner.code()].mark(winner.row(), mark::SUPERSEDED, 0);
        self.inherit_assertions(winner, at);
        span.first = self.first_of(at, span.first);
        self.set_known_span(at, span);
        Ok(())
    }

    /// Adds the row of a record at the head of its person's chain.
    fn append(&mut self, record: &Arriving<'_>) -> Result<RowRef, EvidenceError> {
        let at = self.append_row(record.kind, record.person, record.key, record.head.version)?;
        if !record.head.version.retracted {
            self.write_columns(at, &record.batch.columns, record.row);
            self.write_beside(at, record.person, Beside { owner: Some(record.head.owner), links: record.links() });
        }
        Ok(at)
    }

    /// Adds a row of nulls at the head of a person's chain.
    pub(in crate::evidence) fn append_row(
        &mut self,
        kind: Kind,
        person: u32,
        key: FactKey,
        version: Version,
    ) -> Result<RowRef, EvidenceError> {
        let mut marks = if version.retracted { mark::RETRACTED } else { 0 };
        if kind == Kind::Contacts && self.is_withdrawn(person, key) {
            marks |= mark::WITHDRAWN;
        }
        let table = &mut self.tables[usize::from(kind.code())];
        let row = table.push(person, key, version, marks).ok_or(EvidenceError::Full { kind: kind.name() })?;
        let at = RowRef::new(kind, row);
        self.chain_row(person, at);
        Ok(at)
    }

    /// Writes the columns of the kind into a row, from a row of a batch.
    pub(in crate::evidence) fn write_columns(&mut self, at: RowRef, columns: &[Incoming<'_>], from: usize) {
        let mut row = self.tables[at.code()].row_writer(at.row());
        for (column, &place) in columns.iter().zip(row.columns).filter(|(column, _)| column.is_there(from)) {
            match column {
                Incoming::Missing => {}
                Incoming::Instant(array) => row.instant(place, array.value(from)),
                Incoming::Default(_) | Incoming::Code(..) => {
                    row.code(place, invariant::held(column.code(from), "I-2", "a code that is there can be read"));
                }
                Incoming::Region(array) => row.four(place, self.texts.regions.intern(array.value(from))),
                Incoming::Text(array) => row.four(place, self.texts.others.intern(array.value(from))),
                Incoming::Date(array) => row.four(place, layout::encode_integer(Some(array.value(from)))),
                Incoming::Integer(array) => row.four(place, layout::encode_integer(Some(array.value(from)))),
            }
        }
    }

    /// Writes what a kind has beside its columns.
    pub(in crate::evidence) fn write_beside(&mut self, at: RowRef, person: u32, beside: Beside<'_>) {
        let table = &mut self.tables[at.code()];
        match (table.layout.kind, beside.owner) {
            (Kind::Listings, Some(owner)) => {
                let owner = self.texts.others.intern(owner);
                table.set_u32(at.row(), table.layout.owner, owner);
            }
            (Kind::Contacts, _) => table.set_u32(at.row(), table.layout.links, beside.links.0),
            (Kind::Stays, _) => self.link_stay(at.row(), person),
            _ => {}
        }
    }

    /// Writes the rank of what a contact hangs on where an earlier build did not keep it.
    fn learn_links(&mut self, at: RowRef, links: LinksRank) {
        let table = &mut self.tables[at.code()];
        if read_u32(table.row(at.row()), table.layout.links) == LinksRank::UNKNOWN.0 {
            table.set_u32(at.row(), table.layout.links, links.0);
        }
    }
}
