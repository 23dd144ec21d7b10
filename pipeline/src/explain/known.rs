//! The state at an instant, and the inputs behind it: the state has keys, the inputs have the owners and ids.
//!
//! Owns the look-up of names. Reads whole batches, once a question: this is for people, not for a stream.

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt32Type};
use fuma_schemas::evidence::{LINK_COLUMNS, log};
use fuma_schemas::{Feed, Instant, Kind, Person};
use rustc_hash::{FxHashMap, FxHashSet};

use super::evidence::Name;
use crate::assess::Partition;
use crate::evidence::{FactKey, Version, fact_key};
use crate::policy::Pack;
use crate::replay::Finished;

/// What is known at an instant.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    partitions: &'a [Partition],
    batches: &'a [Vec<(Kind, RecordBatch)>],
    pack: &'a Pack,
    at: Instant,
}

/// A record as it came in, without its contents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Record<'a> {
    pub(super) name: Name<'a>,
    pub(super) key: FactKey,
    pub(super) version: Version,
    pub(super) kind: Kind,
}

impl<'a> Known<'a> {
    /// What a replay under a pack knew at its end, at an instant not before its last tick.
    pub fn of(finished: &'a Finished, pack: &'a Pack, at: Instant) -> Known<'a> {
        Known { partitions: &finished.partitions, batches: &finished.batches, pack, at }
    }

    /// The instant.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The pack.
    pub fn pack(&self) -> &'a Pack {
        self.pack
    }

    /// The partitions, by number.
    pub(super) fn partitions(&self) -> &'a [Partition] {
        self.partitions
    }

    /// The partition that has evidence of a person, and the person's number there.
    pub(super) fn find(&self, person: Person) -> Option<(&'a Partition, u32)> {
        let partition = self.partitions.get(person.partition(self.partitions.len()))?;
        partition.evidence().find(person).map(|number| (partition, number))
    }

    /// The records of a person that were known by the instant; repetitions are left out.
    pub(super) fn records(&self, person: Person) -> Vec<Record<'a>> {
        let number = person.partition(self.batches.len());
        let of_person = self.rows(number, move |kind| kind != Kind::Regions).filter(move |row| row.is_of(person));
        let mut records: Vec<Record<'a>> = of_person.map(|row| row.record(person)).collect();
        records.sort_unstable();
        records.dedup();
        records
    }

    /// The names of some facts of one partition.
    pub(super) fn names(
        &self,
        partition: usize,
        people: &FxHashSet<Person>,
        wanted: &FxHashSet<FactKey>,
    ) -> FxHashMap<FactKey, Name<'a>> {
        let mut names = FxHashMap::default();
        for row in self.rows(partition, |kind| kind != Kind::Regions) {
            let Some(person) = row.person().filter(|person| people.contains(person)) else { continue };
            let record = row.record(person);
            if wanted.contains(&record.key) {
                names.insert(record.key, record.name);
            }
        }
        names
    }

    /// What a contact hangs on, by the record that won: the cases and contacts that it names.
    pub(super) fn links(&self, person: Person, winner: &Record<'_>) -> Vec<Name<'a>> {
        let number = person.partition(self.batches.len());
        let rows = self.rows(number, |kind| kind == Kind::Contacts).filter(|row| row.is_of(person));
        let mut links: Vec<Name<'a>> = rows
            .filter(|row| {
                let record = row.record(person);
                record.key == winner.key && record.version == winner.version
            })
            .flat_map(|row| row.links())
            .collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    /// The people who have a record of this name, and the fact of each.
    pub(super) fn bearers(&self, name: Name<'_>) -> Vec<(Person, FactKey)> {
        let mut bearers = Vec::new();
        for partition in 0..self.batches.len() {
            let rows = self.rows(partition, |kind| matches!(kind, Kind::Cases | Kind::Contacts));
            bearers.extend(rows.filter(|row| row.name() == name).filter_map(|row| {
                let person = row.person()?;
                Some((person, fact_key(name.feed, person, name.owner, name.id)))
            }));
        }
        bearers.sort_unstable();
        bearers.dedup();
        bearers
    }

    /// The region records known by the instant, with the batch and row that hold the contents.
    pub(super) fn region_rows(&self) -> impl Iterator<Item = (Name<'a>, &'a RecordBatch, usize)> + use<'a> {
        let known = *self;
        (0..self.batches.len())
            .flat_map(move |partition| known.rows(partition, |kind| kind == Kind::Regions))
            .map(|row| (row.name(), row.batch, row.row))
    }

    fn rows<F: Fn(Kind) -> bool + 'a>(self, partition: usize, wanted: F) -> impl Iterator<Item = Row<'a>> + use<'a, F> {
        let at = self.at;
        let batches = self.batches.get(partition).map_or(&[][..], Vec::as_slice);
        batches.iter().filter(move |(kind, _)| wanted(*kind)).flat_map(move |(kind, batch)| {
            let known = batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().values();
            let rows = known.iter().enumerate().filter(move |(_, known)| **known <= at.0);
            rows.map(|(row, _)| Row { kind: *kind, batch, row })
        })
    }
}

/// A row of the evidence log.
#[derive(Clone, Copy)]
struct Row<'a> {
    kind: Kind,
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    fn is_of(&self, person: Person) -> bool {
        self.person() == Some(person)
    }

    fn person(&self) -> Option<Person> {
        let column = self.batch.column(log::PERSON).as_fixed_size_binary();
        if column.is_null(self.row) { None } else { column.value(self.row).try_into().ok().map(Person) }
    }

    fn text(&self, column: usize) -> &'a str {
        self.batch.column(column).as_string::<i32>().value(self.row)
    }

    fn name(&self) -> Name<'a> {
        Name { feed: self.kind.feed(), owner: self.text(log::OWNER), id: self.text(log::ID) }
    }

    fn record(&self, person: Person) -> Record<'a> {
        let name = self.name();
        let instants = self.batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>();
        Record {
            name,
            key: fact_key(name.feed, person, name.owner, name.id),
            version: Version {
                revision: self.batch.column(log::REVISION).as_primitive::<UInt32Type>().value(self.row),
                retracted: self.batch.column(log::RETRACTED).as_boolean().value(self.row),
                known_at: Instant(instants.value(self.row)),
            },
            kind: self.kind,
        }
    }

    fn links(&self) -> Vec<Name<'a>> {
        let of_feed = LINK_COLUMNS.into_iter().zip([Feed::Cases, Feed::Contacts]);
        of_feed
            .filter_map(|(column, feed)| {
                let names = self.batch.column_by_name(column)?.as_string_opt::<i32>()?;
                let (owner, id) = if names.is_null(self.row) { None } else { names.value(self.row).split_once('/') }?;
                Some(Name { feed, owner, id })
            })
            .collect()
    }
}
