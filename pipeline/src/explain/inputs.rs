//! Names from the inputs of a replay: the evidence batches, which have the owners and ids that the state drops.
//!
//! Owns an index of who bears which name, made once, when it is first asked for. Costs one look at each row.

use std::cell::OnceCell;

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::{TimestampMillisecondType, UInt8Type, UInt32Type};
use fuma_schemas::evidence::{LINK_COLUMNS, log};
use fuma_schemas::vocabulary::{ClosedList as _, Tier};
use fuma_schemas::{Feed, Instant, Kind, Person};
use rustc_hash::{FxHashMap, FxHashSet};

use super::derived::Derivation;
use super::evidence::Name;
use super::names::{NamedRecord, Names, RegionRecord};
use crate::evidence::{FactKey, Version, compare_rows, fact_key};
use crate::linked::Linked;

/// The inputs as known at an instant.
pub struct Inputs<'a> {
    batches: &'a [Vec<(Kind, RecordBatch)>],
    at: Instant,
    /// The stages that derived facts; none where they are not told.
    pub(super) linked: Option<&'a Linked>,
    /// The records of phones, with the phone in the place of the person.
    pub(super) phones: &'a [(Kind, RecordBatch)],
    index: OnceCell<Index<'a>>,
    regions: OnceCell<Vec<RegionRecord<'a>>>,
}

/// Cases and contacts: by name who has one, and by fact its rows.
#[derive(Default)]
struct Index<'a> {
    bearers: FxHashMap<Name<'a>, Vec<(Person, FactKey)>>,
    rows: FxHashMap<(Person, FactKey), Vec<Row<'a>>>,
}

impl<'a> Inputs<'a> {
    /// The batches by partition, as known at an instant.
    pub fn new(batches: &'a [Vec<(Kind, RecordBatch)>], at: Instant) -> Inputs<'a> {
        Inputs { batches, at, linked: None, phones: &[], index: OnceCell::new(), regions: OnceCell::new() }
    }

    /// The rows of a partition that were known by the instant.
    fn rows<F: Fn(Kind) -> bool + 'a>(
        &self,
        partition: usize,
        wanted: F,
    ) -> impl Iterator<Item = Row<'a>> + use<'a, F> {
        let batches = self.batches.get(partition).map_or(&[][..], Vec::as_slice);
        known_rows(batches, self.at, wanted)
    }

    /// The rows of records of phones that were known by the instant; the phone stands in the place of the person.
    pub(super) fn phone_rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        known_rows(self.phones, self.at, |_| true)
    }

    /// The name of a case or a contact of a person.
    pub(super) fn name_of(&self, person: Person, key: FactKey) -> Option<Name<'a>> {
        self.index().rows.get(&(person, key)).and_then(|rows| rows.first()).map(Row::name)
    }

    /// Every contact that anybody has or had.
    pub(super) fn contacts(&self) -> impl Iterator<Item = (Person, FactKey)> {
        let contacts = self.index().rows.iter().filter(|(_, rows)| rows.first().is_some_and(|row| row.is_contact()));
        contacts.map(|(fact, _)| *fact)
    }

    fn all_rows<F: Fn(Kind) -> bool + Copy + 'a>(&self, wanted: F) -> impl Iterator<Item = Row<'a>> {
        (0..self.batches.len()).flat_map(move |partition| self.rows(partition, wanted))
    }

    fn index(&self) -> &Index<'a> {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            for row in self.all_rows(|kind| matches!(kind, Kind::Cases | Kind::Contacts)) {
                let Some(person) = row.person() else { continue };
                let name = row.name();
                let fact = (person, fact_key(name.feed, person, name.owner, name.id));
                index.rows.entry(fact).or_default().push(row);
                let bearers = index.bearers.entry(name).or_default();
                if bearers.last() != Some(&fact) {
                    bearers.push(fact);
                }
            }
            for bearers in index.bearers.values_mut() {
                bearers.sort_unstable();
                bearers.dedup();
            }
            index
        })
    }
}

/// The rows of some batches that were known by an instant.
fn known_rows<'a, F: Fn(Kind) -> bool + 'a>(
    batches: &'a [(Kind, RecordBatch)],
    at: Instant,
    wanted: F,
) -> impl Iterator<Item = Row<'a>> + use<'a, F> {
    batches.iter().filter(move |(kind, _)| wanted(*kind)).flat_map(move |(kind, batch)| {
        let known = batch.column(log::KNOWN_AT).as_primitive::<TimestampMillisecondType>().values();
        let rows = known.iter().enumerate().filter(move |(_, known)| **known <= at.0);
        rows.map(|(row, _)| Row { kind: *kind, batch, row })
    })
}

impl Names for Inputs<'_> {
    fn records(&self, person: Person) -> Vec<NamedRecord<'_>> {
        let partition = person.partition(self.batches.len());
        let of_person = self.rows(partition, |kind| kind != Kind::Regions).filter(|row| row.person() == Some(person));
        let mut records: Vec<NamedRecord<'_>> = of_person.map(|row| row.record(person)).collect();
        records.sort_unstable();
        records.dedup();
        records
    }

    fn of_facts(&self, wanted: &FxHashSet<(Person, FactKey)>) -> FxHashMap<(Person, FactKey), Name<'_>> {
        let people: FxHashSet<Person> = wanted.iter().map(|(person, _)| *person).collect();
        let mut names = FxHashMap::default();
        for row in self.all_rows(|kind| kind != Kind::Regions) {
            let Some(person) = row.person().filter(|person| people.contains(person)) else { continue };
            let record = row.record(person);
            if wanted.contains(&(person, record.key)) {
                names.insert((person, record.key), record.name);
            }
        }
        // What stands behind a derived fact is its evidence.
        for (fact, derivation) in self.derivations(&|person| people.contains(&person)) {
            if let Some(name) = derivation.name().filter(|_| wanted.contains(&fact)) {
                names.insert(fact, name);
            }
        }
        names
    }

    fn derived(&self, person: Person) -> FxHashMap<FactKey, Derivation<'_>> {
        let own = self.derivations(&|other| other == person).into_iter();
        own.map(|((_, key), derivation)| (key, derivation)).collect()
    }

    fn versions(&self, person: Person, key: FactKey) -> Vec<NamedRecord<'_>> {
        let rows = self.index().rows.get(&(person, key)).map_or(&[][..], Vec::as_slice);
        let mut records: Vec<NamedRecord<'_>> = rows.iter().map(|row| row.record(person)).collect();
        records.sort_unstable();
        records
    }

    fn links(&self, person: Person, winner: &NamedRecord<'_>) -> Vec<Name<'_>> {
        let rows = self.index().rows.get(&(person, winner.key)).map_or(&[][..], Vec::as_slice);
        let won = rows.iter().filter(|row| row.kind == Kind::Contacts && row.record(person).version == winner.version);
        // Of several records of one version one won: by its links alone the contact stands or falls.
        let won = won.max_by(|one, other| compare_rows(Kind::Contacts, one.place(), other.place()));
        let mut links: Vec<Name<'_>> = won.map_or(Vec::new(), Row::links);
        links.sort_unstable();
        links.dedup();
        links
    }

    fn bearers(&self, name: Name<'_>) -> Vec<(Person, FactKey)> {
        self.index().bearers.get(&name).cloned().unwrap_or_default()
    }

    fn regions(&self) -> &[RegionRecord<'_>] {
        self.regions
            .get_or_init(|| self.all_rows(|kind| kind == Kind::Regions).filter_map(|row| row.region()).collect())
    }
}

/// A row of the evidence log.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    kind: Kind,
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    fn place(&self) -> (&'a RecordBatch, usize) {
        (self.batch, self.row)
    }

    pub(super) fn person(&self) -> Option<Person> {
        let column = self.batch.column(log::PERSON).as_fixed_size_binary();
        if column.is_null(self.row) { None } else { column.value(self.row).try_into().ok().map(Person) }
    }

    fn is_contact(&self) -> bool {
        self.kind == Kind::Contacts
    }

    fn text(&self, column: usize) -> &'a str {
        self.batch.column(column).as_string::<i32>().value(self.row)
    }

    pub(super) fn name(&self) -> Name<'a> {
        Name { feed: self.kind.feed(), owner: self.text(log::OWNER), id: self.text(log::ID) }
    }

    fn instant(&self, column: usize) -> Option<Instant> {
        let column = self.batch.column(column).as_primitive::<TimestampMillisecondType>();
        column.is_valid(self.row).then(|| Instant(column.value(self.row)))
    }

    fn record(&self, person: Person) -> NamedRecord<'a> {
        let name = self.name();
        NamedRecord {
            name,
            key: fact_key(name.feed, person, name.owner, name.id),
            version: Version {
                revision: self.batch.column(log::REVISION).as_primitive::<UInt32Type>().value(self.row),
                retracted: self.batch.column(log::RETRACTED).as_boolean().value(self.row),
                known_at: self.instant(log::KNOWN_AT).unwrap_or_default(),
            },
            kind: self.kind,
        }
    }

    /// What a contact names: cases, then contacts.
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

    /// What a row of regions says; none of a retraction.
    fn region(&self) -> Option<RegionRecord<'a>> {
        let [regions, tiers, since, until] = [0, 1, 2, 3].map(|place| log::FIRST_OF_KIND + place);
        if self.batch.column(regions).is_null(self.row) || self.batch.column(tiers).is_null(self.row) {
            return None;
        }
        let tier = self.batch.column(tiers).as_primitive::<UInt8Type>().value(self.row);
        Some(RegionRecord {
            name: self.name(),
            region: self.text(regions),
            tier: Tier::NAMES.get(usize::from(tier))?,
            since: self.instant(since),
            until: self.instant(until),
        })
    }
}
