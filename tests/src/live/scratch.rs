//! What one look at all the evidence says of everybody: no position, no memory, no order of commits.
//!
//! Owns the comparison with what was announced.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use fuma_connectors::log::Topic;
use fuma_pipeline::assess::{Partition, Step, Ticks};
use fuma_pipeline::evidence::{Derived, Limits, Seed};
use fuma_pipeline::linked::Linked;
use fuma_pipeline::live::record::{self, Section, live_schema};
use fuma_pipeline::policy::Pack;
use fuma_pipeline::trace::{Judged, Trace, version_of};
use fuma_schemas::evidence::log;
use fuma_schemas::{Instant, Kind, Person};

use super::announced::{self, Said};
use super::keeping;
use crate::simulated::{SimulatedCluster, StoredRecord};

struct EveryInstant;

impl Ticks for EveryInstant {
    fn at_or_after(&self, instant: Instant) -> Instant {
        instant
    }
}

/// All evidence of a partition and all regions.
pub fn partition(cluster: &SimulatedCluster, pack: &Arc<Pack>, id: u32) -> Partition {
    let mut partition = Partition::new(Arc::clone(pack)).unwrap();
    let records = cluster.records_ever(Topic::Evidence, id).into_iter();
    for rows in keeping::regions(cluster) {
        let all: Vec<u32> = (0..rows.num_rows() as u32).collect();
        partition.apply(Kind::Regions, &rows, &all).unwrap();
    }
    let links = cluster.records_ever(Topic::Links, 0);
    trace(cluster, id, &links, &mut partition);
    for section in records.flat_map(|record| record::read(&record.value.unwrap()).unwrap()) {
        match section {
            // What trace made of the links is computed from nothing, above.
            Section::Verdicts(_) | Section::Rows { kind: Kind::Contacts, .. } if !links.is_empty() => {}
            Section::Verdicts(verdicts) => {
                for verdict in verdicts.iter() {
                    partition.set_counts(verdict.person, verdict.fact, verdict.counts, verdict.version);
                }
            }
            Section::Rows { kind, batch } => {
                let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
                partition.apply(kind, &batch, &rows).unwrap();
            }
            // What stages derived is computed from nothing, below.
            Section::Derived { .. } => {}
            other => panic!("nobody writes it here: {other:?}"),
        }
    }
    for derived in derived(cluster, pack).iter().filter(|derived| is_of(derived.person, cluster, id)) {
        partition.derive(derived).unwrap();
    }
    partition
}

/// Contacts of a partition, with what one reading of the whole link log says of them.
fn trace(cluster: &SimulatedCluster, id: u32, links: &[StoredRecord], partition: &mut Partition) {
    let (mut trace, mut judged) = (Trace::new(), Vec::new());
    for record in links {
        let mut row = 0;
        for section in record::read(record.value.as_ref().unwrap()).unwrap() {
            let Section::Rows { kind, batch } = section else { panic!("nobody writes it here: {section:?}") };
            trace.judge(kind, &batch, version_of(record.offset, row), &mut judged).unwrap();
            row += batch.num_rows() as u64;
            if kind == Kind::Contacts {
                let people = batch.column(log::PERSON).as_fixed_size_binary();
                let is_own = |row: &u32| is_of(Person(people.value(*row as usize).try_into().unwrap()), cluster, id);
                let rows: Vec<u32> = (0..batch.num_rows() as u32).filter(is_own).collect();
                partition.apply(kind, &batch, &rows).unwrap();
            }
        }
    }
    for Judged { verdict, version, .. } in judged.iter().filter(|it| is_of(it.verdict.person, cluster, id)) {
        partition.set_counts(verdict.person, verdict.fact, verdict.counts, *version);
    }
}

fn is_of(person: Person, cluster: &SimulatedCluster, id: u32) -> bool {
    person.partition(cluster.partitions() as usize) == id as usize
}

/// What records of phones give to their holders, and cases to those aboard with them, computed from nothing.
fn derived(cluster: &SimulatedCluster, pack: &Arc<Pack>) -> Vec<Derived> {
    let mut linked = Linked::new(&[pack], Seed::default(), Limits::default());
    for id in 0..cluster.partitions() {
        let records = [Topic::Evidence, Topic::Phones].map(|topic| cluster.records(topic, id)).concat();
        for section in records.into_iter().flat_map(|record| record::read(&record.value.unwrap()).unwrap()) {
            match section {
                Section::Rows { kind, batch } => {
                    let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
                    linked.apply(kind, &batch, &rows).unwrap();
                }
                Section::Phones { kind, batch } => {
                    let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
                    let batch = RecordBatch::try_new(live_schema(kind), batch.columns().to_vec()).unwrap();
                    linked.apply_phones(kind, &batch, &rows).unwrap();
                }
                _ => {}
            }
        }
    }
    let mut derived = Vec::new();
    linked.trace_by(pack, &mut derived).unwrap();
    linked.settle(&mut derived).unwrap();
    derived
}

/// Who is not green at `clock`, and when that changes next.
pub fn judged(
    cluster: &SimulatedCluster,
    pack: &Arc<Pack>,
    id: u32,
    clock: Instant,
) -> (BTreeMap<Person, Said>, Option<Instant>) {
    let mut partition = partition(cluster, pack, id);
    let mut changes = Vec::new();
    let mut step = Step::default();
    for person in 0..partition.evidence().people() {
        partition.touch(person);
    }
    while partition.waiting() > 0 {
        partition.enlist_waiting(clock, usize::MAX, &mut step);
        partition.judge(&mut step, clock, &EveryInstant, &mut changes);
    }
    let said = changes.into_iter().map(|change| {
        let mut rules: Vec<String> = change.reasons.iter().map(|reason| reason.rule.id.clone()).collect();
        rules.dedup();
        (change.person, (change.to.name().to_owned(), rules))
    });
    (said.collect(), partition.next_due())
}

/// Asserts that what was announced is a chain for each person and ends at what holds now, and that the positions cover
/// all evidence. Nobody may be due in the next seconds.
pub fn check(cluster: &SimulatedCluster, pack: &Arc<Pack>, partitions: u32) {
    let now = cluster.now();
    for id in 0..partitions {
        let announced = announced::check_chains(&announced::of_partition(cluster, id));
        let announced: BTreeMap<Person, Said> =
            announced.into_iter().filter(|(_, (colour, _))| colour != "green").collect();
        let (expected, _) = judged(cluster, pack, id, now);
        assert_eq!(announced, expected, "partition {id}: announced, and what one look says at {}", now.0);
        let end = cluster.end(Topic::Evidence, id);
        // A position that expired while its owner had nothing to commit is none.
        let offset = cluster.position(id).offset.unwrap_or(end);
        assert_eq!(offset, end, "partition {id}: the position covers all evidence");
    }
}

/// Whether nobody's state changes within so many milliseconds.
pub fn is_calm(cluster: &SimulatedCluster, pack: &Arc<Pack>, partitions: u32, ms: i64) -> bool {
    let now = cluster.now();
    let is_due = |id| judged(cluster, pack, id, Instant(now.0 - ms)).1.is_some_and(|due| due.0 <= now.0 + ms);
    !(0..partitions).any(is_due)
}
