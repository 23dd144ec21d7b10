//! What people have to say to phones: the winning verified bindings of a person, the whole set to each phone that the
//! person names or named (docs/recovery.md R-20, R-21).
//!
//! ```text
//! remember   before a record of bindings is applied: the phones that the person holds, and those that the record names
//! tell       the whole set to each of them, the empty one too, under the evidence offset as its version
//! told       once the log has it: the position says so
//! ```
//!
//! Nothing of it is in the transaction that moves the offset: the set is a function of the evidence up to its version,
//! the greatest version holds, and the position says up to where all was told. So a zombie's word loses to a later one,
//! what was told and not noted is told again, and a partition of phones without a leader holds up no commit. What is
//! told is never compared with what was told before: a set that came and went between two commits of one owner may
//! have been told by another.
//!
//! Owns what waits to be told to phones. Must never forget a phone before the log has what was told to it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use fuma_connectors::log::{Outgoing, Topic};
use fuma_schemas::evidence::log;
use fuma_schemas::{Kind, Person, Phone};

use crate::evidence::Evidence;
use crate::linked::holdings;
use crate::live::outbox::{Outbox, Shorter};
use crate::live::record::{RecordError, RecordWriter, Section, ToldRow, told_batch};

/// Rows of a message, and phones that are told in one turn.
const ROWS_MAX: usize = 8_192;
const TOLD_MAX: usize = 65_536;

/// What a partition has to tell.
#[derive(Debug, Default)]
pub(super) struct ToPhones {
    /// Whether anybody is told at all.
    is_on: bool,
    waiting: BTreeSet<(Person, Phone)>,
    /// On its way, and up to which evidence offset it holds.
    under_way: Option<(Vec<(Person, Phone)>, u64)>,
    /// All below this evidence offset was told. None: nothing is known to have been.
    told: Option<u64>,
}

impl ToPhones {
    /// Of a partition of which all below an offset was told; none: that is not known.
    pub(super) fn from(told: Option<u64>) -> ToPhones {
        ToPhones { is_on: true, told, ..ToPhones::default() }
    }

    /// Whether anybody is told.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether a record that is replayed was not told yet.
    pub(super) fn is_untold(&self, offset: u64) -> bool {
        self.is_on && self.told.is_some_and(|told| offset >= told)
    }

    /// Everything was replayed: where nothing is known of what was told, all of it waits.
    pub(super) fn replayed(&mut self, evidence: &Evidence) {
        if self.is_on && self.told.is_none() {
            self.remember_all(evidence);
        }
    }

    /// Before a section of the record at an offset is applied.
    pub(super) fn remember(&mut self, evidence: &Evidence, section: &Section, offset: u64) {
        if self.is_on
            && let Section::Rows { kind: Kind::Bindings, batch } = section
        {
            if self.is_done() {
                self.told = Some(offset);
            }
            named(batch).for_each(|(person, phone)| {
                let held = evidence.find(person).map(|number| holdings(evidence, number)).unwrap_or_default();
                let phones = held.into_keys().chain(phone);
                self.waiting.extend(phones.map(|phone| (person, phone)));
            });
        }
    }

    fn remember_all(&mut self, evidence: &Evidence) {
        for number in 0..evidence.people() {
            let Some(person) = evidence.person(number) else { continue };
            self.waiting.extend(holdings(evidence, number).into_keys().map(|phone| (person, phone)));
        }
    }

    /// Up to which evidence offset all was told, where the partition stands at `next`; none: not known.
    pub(super) fn told(&self, next: u64) -> Option<u64> {
        if self.is_on && self.is_done() { Some(next) } else { self.told }
    }

    /// Whether nothing waits.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    /// What is to be told next, of a partition that has applied everything below `next`.
    pub(super) fn begin(&mut self, evidence: &Evidence, next: u64) -> Vec<ToldRow> {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return Vec::new();
        }
        let mut some = Vec::new();
        while some.len() < TOLD_MAX
            && let Some(first) = self.waiting.pop_first()
        {
            some.push(first);
        }
        let mut rows = Vec::with_capacity(some.len());
        for of_person in some.chunk_by(|a, b| a.0 == b.0) {
            let person = of_person[0].0;
            let mut held = evidence.find(person).map(|number| holdings(evidence, number)).unwrap_or_default();
            rows.extend(of_person.iter().map(|(_, phone)| {
                let holdings = held.remove(phone).unwrap_or_default();
                ToldRow { phone: *phone, person, version: next, holdings }
            }));
        }
        self.under_way = Some((some, next));
        rows
    }

    /// The log has what was on its way.
    pub(super) fn arrived(&mut self) {
        if let Some((_, upto)) = self.under_way.take()
            && self.waiting.is_empty()
        {
            self.told = Some(upto).max(self.told);
        }
    }
}

/// Whose each row is, and which phone it names.
fn named(batch: &RecordBatch) -> impl Iterator<Item = (Person, Option<Phone>)> {
    let people = batch.column(log::PERSON).as_fixed_size_binary_opt();
    let phones = batch.column_by_name("phone").and_then(|column| column.as_string_opt::<i32>());
    (0..batch.num_rows()).filter_map(move |row| {
        let person = Person(people?.value(row).try_into().ok()?);
        let phone = phones.filter(|phones| phones.is_valid(row)).and_then(|phones| Person::parse(phones.value(row)));
        Some((person, phone.map(|phone| Phone(phone.0))))
    })
}

/// Puts what is told into messages.
pub(super) fn write(
    writer: &mut RecordWriter,
    by_phone: &BTreeMap<u32, Vec<ToldRow>>,
    outbox: &mut Outbox,
) -> Result<(), RecordError> {
    for (partition, rows) in by_phone {
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            // A set is never cut: it is replaced whole.
            let mut count = 0;
            let fits = |row: &&ToldRow| {
                count += row.rows();
                count <= ROWS_MAX
            };
            let (some, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = others;
            writer.add_told(&told_batch(some)?)?;
            let message = Outgoing { partition: *partition, value: writer.finish(), ..Outgoing::default() };
            outbox.push(Topic::Phones, message, Shorter::AsItStands);
        }
    }
    Ok(())
}
