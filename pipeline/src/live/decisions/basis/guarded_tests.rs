//! Which publication of tiers takes effect, by short logs.
//!
//! Owns the counts of the tests. The keys are those of `tests`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::tests::{INSTALLATION, Log, MINUTE, pack};
use super::*;
use crate::live::decisions::record::Record;

const PARTITIONS: u32 = 3;

fn log(people: u64) -> Log {
    let mut log = Log::of(PARTITIONS);
    log.write(Record::Limits(Limits { people, percent: 100, at: 0 }));
    log
}

fn closed(document: &str, first: u64) -> Closed {
    let id = id_of(publication_of("ndrc", first));
    let (owner, document) = ("ndrc".to_owned(), Some(document.to_owned()));
    Closed { id, owner, document, first, end: first + 2, rows: 4064, digest: "ab".repeat(32), at: 7 }
}

fn close(log: &mut Log, document: &str, first: u64) -> String {
    let closed = closed(document, first);
    let id = closed.id.clone();
    assert_eq!(log.write(Record::Closed(closed)), None);
    id
}

/// A partition counts on the basis that holds; whether it is taken.
fn count(log: &mut Log, id: &str, partition: u32, changes: u64) -> bool {
    let counted = Counted {
        publication: id.into(),
        partition,
        number: log.basis.counts_by(),
        admitted: log.basis.admitted(),
        people: 1_000,
        changes,
        green: changes,
        at: 0,
    };
    take(log, counted)
}

fn take(log: &mut Log, counted: Counted) -> bool {
    let (id, partition) = (counted.publication.clone(), counted.partition);
    let before = find(log, &id).counts.get(&partition).cloned();
    log.write(Record::Counted(counted));
    find(log, &id).counts.get(&partition).cloned() != before
}

fn find<'a>(log: &'a Log, id: &str) -> &'a Publication {
    log.basis.publications().iter().find(|publication| publication.closed.id == id).unwrap()
}

fn approve(log: &mut Log, id: &str, name: &str) -> Option<Void> {
    let digest = log.basis.publication_digest(find(log, id));
    approve_as(log, id, name, digest)
}

fn approve_as(log: &mut Log, id: &str, name: &str, digest: String) -> Option<Void> {
    let valid_from = find(log, id).closed.at;
    let approved = super::tests::approved(id, name, digest, valid_from, Seen::default(), INSTALLATION);
    log.write(Record::Approved(approved))
}

fn standing(log: &Log, id: &str) -> &'static str {
    match find(log, id).standing {
        Standing::Waiting => "waiting",
        Standing::Held => "held",
        Standing::Admitted { .. } => "admitted",
        Standing::Withdrawn { .. } => "withdrawn",
    }
}

#[test]
fn what_every_partition_counted_and_is_within_the_limits_takes_effect() {
    let mut log = log(100);
    let id = close(&mut log, "one", 5);
    for (partition, changes) in [(0, 40), (1, 30)] {
        assert!(count(&mut log, &id, partition, changes));
    }
    assert_eq!(standing(&log, &id), "waiting", "a count that is missing is not zero");
    log.now += 300 * MINUTE;
    assert_eq!(log.withdraw("0000000000000000"), Some(Void::Unknown));
    assert_eq!(standing(&log, &id), "waiting", "time approves nothing");
    assert!(!count(&mut log, &id, 1, 0), "of a partition the first count on a basis counts");
    assert!(count(&mut log, &id, 2, 30));
    assert_eq!(standing(&log, &id), "admitted");
    assert_eq!(log.basis.size_of(find(&log, &id)).changes, 100);
    assert_eq!(log.withdraw(&id), Some(Void::Closed));
}

#[test]
fn beyond_the_limits_it_is_held_until_another_official_approves_that_size() {
    let mut log = log(100);
    let id = close(&mut log, "one", 5);
    (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &id, partition, 34)));
    assert_eq!(standing(&log, &id), "held");
    log.now += 300 * MINUTE;
    // A small one goes on beside it; then the large one is counted again, and comes out larger.
    let small = close(&mut log, "two", 9);
    let seen = log.basis.publication_digest(find(&log, &id));
    (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &small, partition, 1)));
    assert_eq!((standing(&log, &small), standing(&log, &id)), ("admitted", "held"));
    assert_eq!(log.basis.size_of(find(&log, &id)).counted, 0, "counted on another basis");
    assert_eq!(approve_as(&mut log, &id, "approver", seen.clone()), Some(Void::Mismatch("digest")));
    (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &id, partition, 35)));
    assert_eq!(approve_as(&mut log, &id, "approver", seen), Some(Void::Mismatch("digest")), "of another size");
    assert_eq!(approve(&mut log, &id, "author"), None);
    assert_eq!(standing(&log, &id), "held", "an author alone lets nothing in");
    assert_eq!(approve(&mut log, &id, "approver"), None);
    assert_eq!(standing(&log, &id), "admitted");
    let Standing::Admitted { place, size, signed, .. } = &find(&log, &id).standing else { unreachable!() };
    assert_eq!((*place, size.changes, &signed[..]), (2, 105, &["author".to_owned(), "approver".to_owned()][..]));
    assert_eq!(approve(&mut log, &id, "second"), Some(Void::Closed));
}

/// A partition that is parked counts nothing: an official may let the publication in who saw that it is missing.
#[test]
fn what_a_partition_did_not_count_is_approved_as_missing() {
    let mut log = log(100);
    let id = close(&mut log, "one", 5);
    assert!(count(&mut log, &id, 0, 3));
    let seen = log.basis.publication_digest(find(&log, &id));
    assert!(count(&mut log, &id, 1, 0));
    assert_eq!(approve_as(&mut log, &id, "second", seen), Some(Void::Mismatch("digest")));
    assert_eq!(approve(&mut log, &id, "second"), None);
    assert_eq!(standing(&log, &id), "admitted");
}

/// A truncated list in small pieces: the hour's changes are added up.
#[test]
fn small_pieces_add_up_within_the_hour() {
    let mut log = log(100);
    for (piece, expected) in [(1, "admitted"), (2, "admitted"), (3, "held")] {
        let id = close(&mut log, &format!("piece {piece}"), piece * 10);
        (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &id, partition, 15)));
        assert_eq!(standing(&log, &id), expected, "piece {piece}");
    }
    log.now += 61 * MINUTE;
    let id = close(&mut log, "later", 90);
    (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &id, partition, 15)));
    assert_eq!(standing(&log, &id), "admitted");
    let id = close(&mut log, "nobody", 95);
    (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &id, partition, 0)));
    assert_eq!(standing(&log, &id), "admitted");
}

#[test]
fn withdrawn_or_of_another_pack_it_does_not_take_effect() {
    let mut log = log(100);
    let id = close(&mut log, "one", 5);
    (0..PARTITIONS - 1).for_each(|partition| assert!(count(&mut log, &id, partition, 0)));
    let at = log.now + 60 * MINUTE;
    let proposal = log.propose(pack("second", "1"), at);
    assert_eq!(log.approve(&proposal, "author"), None);
    assert_eq!(log.approve(&proposal, "approver"), None);
    log.now = at + 1;
    let last = Counted {
        publication: id.clone(),
        partition: 2,
        number: 1,
        admitted: 0,
        people: 1,
        changes: 0,
        green: 0,
        at: 0,
    };
    assert!(!take(&mut log, last), "the pack of another switch judged");
    assert_eq!(log.basis.size_of(find(&log, &id)).counted, 0);
    assert_eq!(log.withdraw(&id), None);
    assert_eq!(standing(&log, &id), "withdrawn");
    assert_eq!(approve(&mut log, &id, "approver"), Some(Void::Closed));
}

#[test]
fn the_first_record_that_closes_rows_counts_and_an_id_is_its_own() {
    let mut log = log(100);
    close(&mut log, "one", 5);
    assert_eq!(log.write(Record::Closed(closed("one", 5))), Some(Void::Repeated));
    assert_eq!(log.write(Record::Closed(closed("one", 6))), Some(Void::Repeated), "rows of the first");
    assert_eq!(log.write(Record::Closed(closed("one", 7))), None);
    let squat = Closed { owner: "other".into(), ..closed("one", 9) };
    assert_eq!(log.write(Record::Closed(squat)), Some(Void::NotItsId));
    let limits = Limits { people: u64::MAX, percent: 100, at: 9 };
    assert_eq!(log.write(Record::Limits(limits)), Some(Void::Repeated), "one hand does not raise them");
}

#[test]
fn without_limits_or_officials_nothing_is_let_in() {
    let mut log = Log::of(PARTITIONS);
    let id = close(&mut log, "one", 5);
    (0..PARTITIONS).for_each(|partition| assert!(count(&mut log, &id, partition, 0)));
    assert_eq!(standing(&log, &id), "held");
    assert_eq!(approve(&mut log, &id, "stranger"), Some(Void::NotAnOfficial("stranger".into())));
}
