//! What anybody reads of the output, and what must hold of it whatever happened.
//!
//! Owns the reading of a change. The chain is I-3 and I-4: nothing is announced twice, and nothing is left out.

use std::collections::{BTreeMap, BTreeSet};

use fuma_connectors::log::{AnnouncedRecord, Topic};
use fuma_pipeline::live::worker::announcement::read_back;
use fuma_schemas::{Instant, Person};

use crate::simulated::{SimulatedCluster, StoredRecord};

/// Colour and rules: what a state is.
pub type Said = (String, Vec<String>);

/// A change as it was announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// The output partition.
    pub partition: u32,
    /// The place in it.
    pub offset: u64,
    /// The id of the event.
    pub id: String,
    /// Whose.
    pub person: Person,
    /// The colour before.
    pub from: String,
    /// The colour after.
    pub to: String,
    /// The rules after.
    pub rules: Vec<String>,
    /// The clock of the commit.
    pub decided_at: Instant,
    /// The headers.
    pub headers: BTreeMap<String, String>,
}

impl Announced {
    fn of(partition: u32, record: StoredRecord) -> Announced {
        let StoredRecord { offset, key, value, headers, .. } = record;
        let text = String::from_utf8(value.clone().expect("nobody was erased").to_vec()).unwrap();
        let state =
            read_back(&AnnouncedRecord { offset, key: key.unwrap(), value, headers: Vec::new() }).expect("one of ours");
        let headers: BTreeMap<String, String> =
            headers.into_iter().map(|(name, value)| (name, String::from_utf8(value.to_vec()).unwrap())).collect();
        Announced {
            partition,
            offset,
            id: headers["ce_id"].clone(),
            person: state.person,
            from: field(&text, "from"),
            to: field(&text, "to"),
            rules: state.rules,
            decided_at: state.decided_at.unwrap(),
            headers,
        }
    }

    /// From one colour to another, and the rules.
    pub fn step(&self) -> (&str, &str, Vec<&str>) {
        (&self.from, &self.to, self.rules.iter().map(String::as_str).collect())
    }
}

/// The first field of a name whose value is a text.
fn field(text: &str, name: &str) -> String {
    let begin = text.split(&format!("\"{name}\":\"")).nth(1).expect("the field is there");
    begin.split('"').next().unwrap_or_default().to_owned()
}

/// The colour that whoever reads a partition has of somebody now, also after the person was erased.
pub fn colour(cluster: &SimulatedCluster, partition: u32, person: Person) -> String {
    let key = person.to_string();
    let of_person = |record: &StoredRecord| record.key.as_deref() == Some(key.as_bytes());
    let last = cluster.records(Topic::Changes, partition).into_iter().rfind(of_person);
    let last = last.filter(|record| record.value.is_some());
    last.map_or("green".to_owned(), |record| Announced::of(partition, record).to)
}

/// All changes of a partition, as whoever reads committed records gets them.
pub fn of_partition(cluster: &SimulatedCluster, partition: u32) -> Vec<Announced> {
    let records = cluster.records(Topic::Changes, partition);
    records.into_iter().map(|record| Announced::of(partition, record)).collect()
}

/// All changes.
pub fn all(cluster: &SimulatedCluster, partitions: u32) -> Vec<Announced> {
    (0..partitions).flat_map(|partition| of_partition(cluster, partition)).collect()
}

/// What must hold of the changes of each person; returns who was announced as what in the end.
pub fn check_chains(changes: &[Announced]) -> BTreeMap<Person, Said> {
    let mut ids = BTreeSet::new();
    let mut states: BTreeMap<Person, (Said, Instant)> = BTreeMap::new();
    for change in changes {
        assert!(ids.insert(&change.id), "announced twice: {change:?}");
        let green = (("green".to_owned(), Vec::new()), Instant::MIN);
        let (before, decided_at) = states.get(&change.person).unwrap_or(&green);
        assert_eq!(change.from, before.0, "another colour than the last one announced: {change:?}");
        let after = (change.to.clone(), change.rules.clone());
        assert_ne!(&after, before, "no change: {change:?}");
        assert!(change.decided_at > *decided_at, "decided before what was announced before: {change:?}");
        states.insert(change.person, (after, change.decided_at));
    }
    states.into_iter().map(|(person, (said, _))| (person, said)).collect()
}
