//! The phones as tables of a snapshot, and what of them is forgotten.
//!
//! ```text
//! people, <kind>   the records, with the phone in the place of the person
//! holders          phone 16 bytes | person 16 bytes | since | until, null: open | first_known_at
//! ```
//!
//! What is attached is not stored: it follows from the rest (docs/recovery.md R-17). Owns these tables, and what is
//! past by the time of the log. Must never read a clock.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimestampMillisecondType};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Instant, Kind, Person, Phone};

use super::attach::{Attach, own_instant};
use super::holders::Holding;
use crate::evidence::{Export, Import, Past, Retention, RuleTables, TableError};

/// The table of holders.
pub const HOLDERS: &str = "holders";
/// Phones and rows of a page.
const PAGE: u32 = 16_384;

/// Takes the tables of a snapshot back, piece by piece.
#[derive(Default)]
pub struct PhonePages(Import);

impl PhonePages {
    /// Takes back a piece of a table.
    ///
    /// # Errors
    /// When the piece is not of this build's layout.
    pub fn take(&mut self, attach: &mut Attach, table: &str, batch: &RecordBatch) -> Result<(), TableError> {
        if table == HOLDERS {
            return attach.import_holders(batch);
        }
        self.0.take(&mut attach.phones, table, batch, &mut |_, _| {})
    }

    /// All was taken back: what follows from it is taken for said.
    pub fn end(self, attach: &mut Attach) {
        attach.recall();
    }
}

impl Attach {
    /// All of it as pages, copied as it is now.
    ///
    /// # Errors
    /// Never, unless a table's layout is wrong.
    pub fn export(&self) -> Result<Vec<Export>, TableError> {
        let (mut pages, mut first) = (Vec::new(), 0);
        while first < self.phones.people() {
            let (mut page, end) = (Export::default(), first.saturating_add(PAGE));
            self.phones.export(first..end, &|_| 0, &mut page)?;
            pages.push(page);
            first = end;
        }
        let all: Vec<(Phone, Holding)> = self
            .holders
            .iter()
            .flat_map(|(phone, holders)| holders.all().iter().map(|holding| (*phone, *holding)))
            .collect();
        for some in all.chunks(PAGE as usize) {
            pages.push(Export { tables: vec![(HOLDERS, holders(some)?)] });
        }
        Ok(pages)
    }

    fn import_holders(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let lacks = |column| TableError::Column { table: HOLDERS, column };
        let column = |name| batch.column_by_name(name).ok_or(lacks(name));
        let tokens = |name| {
            let tokens = column(name)?.as_fixed_size_binary_opt().filter(|tokens| tokens.null_count() == 0);
            tokens.ok_or(lacks(name))
        };
        let instants = |name| column(name)?.as_primitive_opt::<TimestampMillisecondType>().ok_or(lacks(name));
        let (phones, people) = (tokens("phone")?, tokens("person")?);
        let (since, until, first_known) = (instants("since")?, instants("until")?, instants("first_known_at")?);
        for row in 0..batch.num_rows() {
            let phone = Phone(phones.value(row).try_into().map_err(|_| lacks("phone"))?);
            let person = Person(people.value(row).try_into().map_err(|_| lacks("person"))?);
            let until = if until.is_valid(row) { until.value(row) } else { i64::MAX };
            let holding = Holding { person, since: since.value(row), until, first_known_at: first_known.value(row) };
            let own = self.told(person, phone).iter().copied().chain([holding]).collect();
            self.tell(person, phone, own);
        }
        Ok(())
    }

    /// Forgets records that are past their retention at an instant of the log's own time, and bindings that ended
    /// before it in which no kept record lies. It says nothing (R-22), but of a phone that was crowded: that one is
    /// settled again. To be called when all was settled. Gives how many records went.
    pub fn forget(&mut self, now: Instant, retention: &Retention) -> u64 {
        let mut past: Vec<Past> = self.phones.past(0..self.phones.people(), now, retention, &|_| true);
        past.sort_unstable_by_key(|past| past.person);
        let crowded: Vec<u32> = past
            .chunk_by(|a, b| a.person == b.person)
            .map(|of| of[0].person)
            .filter(|one| self.phones.crowded(*one))
            .collect();
        let gone = self.phones.forget_past(&past, &mut Vec::new());
        self.forget_holders(now, retention);
        if gone > 0 {
            let mut tidy = self.phones.begin_tidy();
            while !self.phones.tidy(&mut tidy, usize::MAX) {}
            // Rows have moved.
            self.recall();
            crowded.into_iter().for_each(|number| self.unsay(number));
        }
        gone
    }

    fn forget_holders(&mut self, now: Instant, retention: &Retention) {
        let kept = retention.0.get(usize::from(Kind::Bindings.code())).copied().unwrap_or(i64::MAX);
        let kept_from = now.0.saturating_sub(kept);
        let phones = &self.phones;
        self.holders.retain(|phone, holders| {
            if holders.all().iter().all(|holding| holding.until >= kept_from) {
                return true;
            }
            let number = phones.find(Person(phone.0));
            let records = number.into_iter().flat_map(|number| phones.standing(number, RuleTables::ALL));
            let instants: Vec<i64> = records.filter_map(|(_, fact)| Some(own_instant(&fact)?.0)).collect();
            holders.retain(|holding| holding.until >= kept_from || instants.iter().any(|at| holding.holds(*at)));
            !holders.is_empty()
        });
    }
}

fn holders(some: &[(Phone, Holding)]) -> Result<RecordBatch, TableError> {
    let token = |name| Field::new(name, DataType::FixedSizeBinary(16), false);
    let schema = Schema::new(vec![
        token("phone"),
        token("person"),
        Field::new("since", instant_type(), false),
        Field::new("until", instant_type(), true),
        Field::new("first_known_at", instant_type(), false),
    ]);
    let (mut phones, mut people) =
        (FixedSizeBinaryBuilder::with_capacity(some.len(), 16), FixedSizeBinaryBuilder::with_capacity(some.len(), 16));
    for (phone, holding) in some {
        phones.append_value(phone.0)?;
        people.append_value(holding.person.0)?;
    }
    let holdings = || some.iter().map(|(_, holding)| holding);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(phones.finish()),
        Arc::new(people.finish()),
        Arc::new(TimestampMillisecondArray::from_iter_values(holdings().map(|holding| holding.since))),
        Arc::new(
            holdings().map(|one| (one.until < i64::MAX).then_some(one.until)).collect::<TimestampMillisecondArray>(),
        ),
        Arc::new(TimestampMillisecondArray::from_iter_values(holdings().map(|holding| holding.first_known_at))),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}
