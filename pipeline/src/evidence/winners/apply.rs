//! Records of the log become rows; the winner of each fact is settled; who is touched is noted.
//!
//! Owns the rule of sets (I-2): of a fact's records the greatest version wins, then the greater contents, whatever
//! came first. A loser leaves nothing but when it became known. Must never read a clock or an identity.

use std::cmp::Ordering;

use arrow::array::RecordBatch;
use fuma_schemas::Kind;
use fuma_schemas::evidence::ColumnType;

use super::fact_key::{FactKey, fact_key};
use super::incoming::{Batch, EvidenceError, Head, Incoming};
use super::version::Version;
use crate::evidence::people::Touched;
use crate::evidence::state::Evidence;
use crate::evidence::step::BaseTable;
use crate::evidence::store::{KnownSpan, RowRef, layout, mark};

/// Records whose look-ups overlap.
const BLOCK_ROWS: usize = 64;
/// The number of a person who has none yet.
const UNKNOWN: u32 = u32::MAX;

/// A record on its way into the tables.
struct Record<'a> {
    kind: Kind,
    batch: &'a Batch<'a>,
    row: usize,
    head: Head<'a>,
    key: FactKey,
    person: u32,
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
        let mut block: Vec<Record<'_>> = Vec::with_capacity(BLOCK_ROWS);
        for rows in rows.chunks(BLOCK_ROWS) {
            self.look_up(kind, &batch, rows, &mut block);
            for record in &mut block {
                if record.person == UNKNOWN {
                    record.person = self.people.find_or_add(record.head.person);
                }
                self.apply_record(record, touched)?;
            }
        }
        Ok(())
    }

    /// Reads a block of records and looks for their people and facts. What is found of facts is not kept, for records
    /// of one block may be of one fact: it is looked up again when it is in the cache. Apart from that the
    /// look-ups hang on nothing, so that the memory's delays overlap.
    fn look_up<'a>(&mut self, kind: Kind, batch: &'a Batch<'a>, rows: &[u32], block: &mut Vec<Record<'a>>) {
        block.clear();
        for &row in rows {
            let row = row as usize;
            let Some(head) = batch.head(row) else {
                self.counters.incomplete += 1;
                continue;
            };
            let key = fact_key(kind.feed(), head.person, head.owner, head.id);
            block.push(Record { kind, batch, row, head, key, person: UNKNOWN });
        }
        for record in block.iter_mut() {
            record.person = self.people.find(record.head.person).unwrap_or(UNKNOWN);
        }
        let known = block.iter().filter(|record| self.winner(record.key).is_some()).count();
        std::hint::black_box(known);
    }

    fn apply_record(&mut self, record: &Record<'_>, touched: &mut Touched) -> Result<(), EvidenceError> {
        let known_at = record.head.version.known_at.0;
        let Some(winner) = self.winner(record.key) else {
            let at = self.append(record)?;
            self.facts.insert(record.key.0, at.0);
            if !record.head.version.retracted {
                touched.touch(record.person);
            }
            return Ok(());
        };
        if self.against(winner, record) == Ordering::Greater {
            return self.supersede(winner, record, touched);
        }
        let span = self.known_span(winner);
        self.set_known_span(winner, span.with(known_at));
        if known_at < span.first && self.stands(winner) {
            touched.touch(record.person);
        }
        Ok(())
    }

    fn stands(&self, at: RowRef) -> bool {
        self.table(at).marks(at.row()) & mark::NOT_STANDING == 0
    }

    /// The order of a record against the winner of its fact; contents that differ at one revision are counted.
    fn against(&mut self, winner: RowRef, record: &Record<'_>) -> Ordering {
        let (mine, its) = (record.head.version, self.table(winner).version(winner.row()));
        if mine.revision != its.revision || mine.retracted || its.retracted {
            return mine.cmp(&its);
        }
        let contents = self.compare_contents(winner, record);
        if contents != Ordering::Equal {
            self.counters.conflicts += 1;
        }
        mine.cmp(&its).then(contents)
    }

    /// The order of contents: by kind, then column by column, by value.
    fn compare_contents(&self, winner: RowRef, record: &Record<'_>) -> Ordering {
        let table = self.table(winner);
        let by_kind = record.kind.cmp(&table.layout.kind);
        if by_kind != Ordering::Equal {
            return by_kind;
        }
        let columns = record.batch.columns.iter().enumerate();
        columns
            .map(|(at, column)| column.value(record.row).cmp(&table.value(&self.texts, winner.row(), at)))
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }

    fn supersede(&mut self, winner: RowRef, record: &Record<'_>, touched: &mut Touched) -> Result<(), EvidenceError> {
        let span: KnownSpan = self.known_span(winner);
        let at = self.append(record)?;
        if self.stands(winner) || !record.head.version.retracted {
            touched.touch(record.person);
        }
        if let Some(entry) = self.facts.find_mut(record.key.0, |other| other == winner.0) {
            *entry = at.0;
        }
        self.drop_known_span(winner);
        self.tables[winner.code()].mark(winner.row(), mark::SUPERSEDED, 0);
        self.set_known_span(at, span.with(record.head.version.known_at.0));
        Ok(())
    }

    /// Adds the row of a record at the head of its person's chain.
    fn append(&mut self, record: &Record<'_>) -> Result<RowRef, EvidenceError> {
        let at = self.append_row(record.kind, record.person, record.key, record.head.version)?;
        if !record.head.version.retracted {
            self.write_columns(at, &record.batch.columns, record.row);
            self.write_links(at, record.person, Some(record.head.owner));
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
        if kind == Kind::Contacts && self.is_withdrawn(key) {
            marks |= mark::WITHDRAWN;
        }
        let table = &mut self.tables[usize::from(kind.code())];
        let row = table.push(key, version, marks).ok_or(EvidenceError::Full { kind: kind.name() })?;
        let at = RowRef::new(kind, row);
        if let Some(person) = self.people.get_mut(person) {
            table.set_u32(row, layout::NEXT, person.head.0);
            person.head = at;
            if !version.retracted {
                person.kinds = person.kinds.with(BaseTable::Kind(kind));
            }
        }
        Ok(at)
    }

    /// Writes the columns of the kind into a row, from a row of a batch.
    pub(in crate::evidence) fn write_columns(&mut self, at: RowRef, columns: &[Incoming<'_>], from: usize) {
        let (table, row) = (&mut self.tables[at.code()], at.row());
        let kind = table.layout.kind;
        for (at, column) in columns.iter().enumerate().filter(|(_, column)| column.is_there(from)) {
            let place = table.layout.columns[at];
            let is_region = matches!(kind.columns()[at].column_type, ColumnType::Region);
            let interner = if is_region { &mut self.texts.regions } else { &mut self.texts.others };
            match column {
                Incoming::Missing => {}
                Incoming::Instant(array) => table.set_instant(row, place, array.value(from)),
                Incoming::Code(array, _) => table.set_code(row, place, array.value(from)),
                Incoming::Text(array) => table.set_u32(row, place, interner.intern(array.value(from))),
                Incoming::Date(array) => {
                    table.set_u32(row, place, layout::encode_integer(Some(array.value(from))));
                }
                Incoming::Integer(array) => {
                    table.set_u32(row, place, layout::encode_integer(Some(array.value(from))));
                }
            }
        }
    }

    /// Writes what a kind has beside its columns: the owner of a listing, the links of a stay.
    pub(in crate::evidence) fn write_links(&mut self, at: RowRef, person: u32, owner: Option<&str>) {
        let table = &mut self.tables[at.code()];
        match (table.layout.kind, owner) {
            (Kind::Listings, Some(owner)) => {
                let owner = self.texts.others.intern(owner);
                table.set_u32(at.row(), table.layout.owner, owner);
            }
            (Kind::Stays, _) => self.link_stay(at.row(), person),
            _ => {}
        }
    }
}
