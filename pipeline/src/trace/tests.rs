//! Scenarios of trace, as text: what is told in which order, and which verdicts follow.
//!
//! ```text
//! case a/n1 1 suspected                person a, id n1, revision 1
//! case a/n1 2 retracted
//! contact b/p1 1 case:s/n1 @5          hangs on a case (contact: on a contact), known at 5 (1 unless said)
//! = b/p1:no c/p2:yes                   settle: these verdicts and no other
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, StringArray, TimestampMillisecondArray, UInt8Array, UInt32Array,
};
use arrow::record_batch::RecordBatch;
use fuma_schemas::evidence::log_schema;
use fuma_schemas::vocabulary::{Classification, ClosedList};
use fuma_schemas::{Feed, Kind, Person};

use super::{LinkBatchError, Trace, Verdict};
use crate::evidence::fact_key::fact_key;

/// A record of a case or a contact of the owner "s".
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) person: u8,
    pub(super) id: String,
    pub(super) revision: u32,
    pub(super) retracted: bool,
    pub(super) known_at: i64,
    /// Classification or degree.
    pub(super) code: u8,
    /// What it hangs on, as "owner/id": a case, a contact.
    pub(super) links: [Option<String>; 2],
}

impl Row {
    pub(super) fn fact(&self) -> (Person, super::FactKey) {
        let feed = if self.kind == Kind::Cases { Feed::Cases } else { Feed::Contacts };
        (Person([self.person; 16]), fact_key(feed, Person([self.person; 16]), "s", &self.id))
    }

    fn parse(kind: Kind, text: &str) -> Row {
        let mut words = text.split(' ');
        let (person, id) = words.next().unwrap().split_once('/').unwrap();
        let revision = words.next().unwrap().parse().unwrap();
        let id = id.to_owned();
        let person = person.as_bytes()[0];
        let mut row = Row { kind, person, id, revision, retracted: false, known_at: 1, code: 0, links: [None, None] };
        for word in words {
            match (word.split_once(':'), word.strip_prefix('@')) {
                (Some(("case", name)), _) => row.links[0] = Some(name.to_owned()),
                (Some(("contact", name)), _) => row.links[1] = Some(name.to_owned()),
                (_, Some(known_at)) => row.known_at = known_at.parse().unwrap(),
                _ if word == "retracted" => row.retracted = true,
                _ => row.code = Classification::parse(word).unwrap().code(),
            }
        }
        row
    }
}

/// The rows as a batch of the log; they are all of one kind.
pub(super) fn batch(kind: Kind, rows: &[Row]) -> RecordBatch {
    let of_assertion = |value: fn(&Row) -> i64| {
        TimestampMillisecondArray::from_iter(rows.iter().map(|row| (!row.retracted).then(|| value(row))))
    };
    let codes = UInt8Array::from_iter(rows.iter().map(|row| (!row.retracted).then_some(row.code)));
    let names = |slot: usize| StringArray::from_iter(rows.iter().map(|row| row.links[slot].clone()));
    let people = FixedSizeBinaryArray::try_from_iter(rows.iter().map(|row| [row.person; 16])).unwrap();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(people),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| "s"))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.id))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.revision))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.retracted)))),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.known_at))),
        Arc::new(codes),
        Arc::new(of_assertion(|_| 0)),
        Arc::new(of_assertion(|_| 0)),
    ];
    match kind {
        Kind::Cases => columns.push(Arc::new(of_assertion(|_| 0))),
        _ => columns.extend([Arc::new(names(0)) as ArrayRef, Arc::new(names(1)) as ArrayRef]),
    }
    RecordBatch::try_new(log_schema(kind), columns).unwrap()
}

/// Tells a story line by line, and compares the verdicts where it says so.
fn story(text: &str) {
    let mut trace = Trace::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("=", expected) => assert_eq!(settled(&mut trace), verdicts(expected), "at {line:?} in\n{text}"),
            (kind, record) => {
                let kind = if kind == "case" { Kind::Cases } else { Kind::Contacts };
                trace.apply(kind, &batch(kind, &[Row::parse(kind, record)]), &[0]).unwrap();
            }
        }
    }
    assert_eq!(trace.settle(), [], "at the end of\n{text}");
}

fn settled(trace: &mut Trace) -> Vec<Verdict> {
    let mut verdicts = trace.settle();
    verdicts.sort();
    verdicts
}

fn verdicts(text: &str) -> Vec<Verdict> {
    let verdict = |word: &str| {
        let (fact, answer) = word.split_once(':').unwrap();
        let (person, fact) = Row::parse(Kind::Contacts, &format!("{fact} 1")).fact();
        Verdict { person, fact, counts: answer == "yes" }
    };
    let mut verdicts: Vec<Verdict> = text.split_whitespace().map(verdict).collect();
    verdicts.sort();
    verdicts
}

#[test]
fn a_contact_whose_index_case_was_retracted_does_not_count_one_whose_was_never_seen_does() {
    story(
        "case a/n171 1 suspected\n contact b/n173 1 case:s/n171\n contact c/n179 1 case:s/unseen\n =
           case a/n171 2 retracted\n = b/n173:no",
    );
}

#[test]
fn contacts_that_name_each_other_or_themselves_hold_each_other_up() {
    story("contact b/q1 1 contact:s/q2\n contact c/q2 1 contact:s/q1\n contact d/q3 1 contact:s/q3\n =");
}

#[test]
fn an_index_contact_that_names_the_records_of_two_people_falls_when_neither_counts() {
    story(
        "case a/n171 1 suspected\n contact b/p1 1 case:s/n171\n contact c/p1 1\n contact d/n189 1 contact:s/p1\n =
           case a/n171 2 excluded\n = b/p1:no
           contact c/p1 2 retracted\n = d/n189:no
           contact c/p1 3\n = d/n189:yes",
    );
}

#[test]
fn a_contact_of_any_degree_hangs_on_its_index_contact() {
    story(
        "contact b/n173 1 case:s/n171\n contact c/n369 1 contact:s/n173\n contact d/n370 1 contact:s/n173 @3\n =
           contact b/n173 2 retracted\n = c/n369:no d/n370:no",
    );
}

#[test]
fn a_name_is_of_its_feed() {
    story(
        "case a/x 1 excluded\n contact b/y 1 contact:s/x\n contact c/x 1 retracted\n contact d/z 1 case:s/x\n = \
         b/y:no d/z:no",
    );
}

#[test]
fn a_name_is_cut_at_its_first_slash() {
    story(
        "case a/n/1 1 excluded\n contact b/p1 1 case:s/n/1\n contact b/p2 1 case:s/n\n contact b/p3 1 case:n1\n = \
         b/p1:no",
    );
}

#[test]
fn exclusion_withdraws_everyone_downstream_and_reconfirmation_restores_them() {
    story(
        "contact d/p3 1 contact:s/p2\n contact c/p2 1 contact:s/p1\n contact b/p1 1 case:s/n1\n case a/n1 1 suspected\n =
           case a/n1 2 excluded\n = b/p1:no c/p2:no d/p3:no
           case a/n1 2 excluded\n case a/n1 1 confirmed\n =
           case a/n1 3 confirmed\n = b/p1:yes c/p2:yes d/p3:yes",
    );
}

#[test]
fn a_cycle_falls_with_its_ground_and_is_restored_with_it() {
    story(
        "case a/n1 1 excluded\n contact b/p1 1 case:s/n1 contact:s/p3\n contact c/p2 1 contact:s/p1\n contact d/p3 1 contact:s/p2
           = b/p1:no c/p2:no d/p3:no
           case a/n1 2 confirmed\n = b/p1:yes c/p2:yes d/p3:yes
           case a/n1 3 retracted\n = b/p1:no c/p2:no d/p3:no
           contact b/p1 2 contact:s/p3\n = b/p1:yes c/p2:yes d/p3:yes",
    );
}

#[test]
fn a_cycle_between_two_grounds_is_restored_only_with_both() {
    story(
        "case a/n1 1 excluded\n case a/n2 1 excluded\n contact b/p1 1 case:s/n1 contact:s/p2\n contact c/p2 1 case:s/n2 contact:s/p1
           = b/p1:no c/p2:no
           case a/n1 2 confirmed\n =
           case a/n2 2 confirmed\n = b/p1:yes c/p2:yes",
    );
}

#[test]
fn either_index_is_enough_to_fall() {
    story(
        "case a/n1 1 confirmed\n contact b/p1 1\n contact c/p2 1 case:s/n1 contact:s/p1\n =
           contact b/p1 2 retracted\n = c/p2:no
           case a/n1 2 excluded\n =
           contact b/p1 3\n =
           case a/n1 3 suspected\n = c/p2:yes",
    );
}

#[test]
fn a_revision_moves_a_contact_to_another_index() {
    story(
        "case a/n1 1 excluded\n case b/n2 1 confirmed\n contact c/p1 1 case:s/n1\n = c/p1:no
           contact c/p1 2 case:s/n2\n = c/p1:yes
           case a/n1 2 confirmed\n =
           case b/n2 2 excluded\n = c/p1:no
           contact c/p1 3\n = c/p1:yes",
    );
}

#[test]
fn a_contact_asserted_again_is_judged_against_the_last_verdict_on_it() {
    story(
        "case a/n1 1 excluded\n contact b/p1 1 case:s/n1\n = b/p1:no
           contact b/p1 2 retracted\n =
           contact b/p1 3 case:s/n1\n =
           contact b/p1 4 retracted\n =
           contact b/p1 5\n = b/p1:yes",
    );
}

#[test]
fn what_returns_within_one_settle_is_not_said() {
    story(
        "case a/n1 1 confirmed\n contact b/p1 1 case:s/n1\n =
           case a/n1 2 excluded\n case a/n1 3 confirmed\n =",
    );
}

#[test]
fn a_second_person_of_a_fallen_name_holds_it_up_and_a_fallen_one_does_not() {
    story(
        "case a/n1 1 retracted\n contact c/p1 1 case:s/n1\n = c/p1:no
           case b/n1 1 excluded\n =
           case d/n1 1 confirmed\n = c/p1:yes",
    );
}

#[test]
fn at_equal_revision_a_retraction_wins_then_the_later_then_the_contents() {
    story(
        "case a/n1 1 retracted @1\n case a/n1 1 confirmed @9\n contact b/p1 1 case:s/n1\n = b/p1:no
           case a/n2 1 excluded @2\n case a/n2 1 confirmed @1\n contact b/p2 1 case:s/n2\n = b/p2:no
           case a/n3 1 confirmed\n case a/n3 1 excluded\n contact b/p3 1 case:s/n3\n = b/p3:no
           case a/n4 1 excluded\n case a/n4 1 confirmed\n contact b/p4 1 case:s/n4\n = b/p4:no",
    );
}

#[test]
fn a_batch_that_is_no_batch_of_the_log_is_refused_whole() {
    let mut trace = Trace::new();
    let cases = batch(Kind::Cases, &[Row::parse(Kind::Cases, "a/n1 1 excluded")]);
    let error = LinkBatchError::Column { kind: "contacts", column: "degree" };
    assert_eq!(trace.apply(Kind::Contacts, &cases, &[0]), Err(error));
    assert_eq!(trace.apply(Kind::Cases, &cases, &[0, 1]), Err(LinkBatchError::Row { row: 1, rows: 1 }));
    assert_eq!(trace.apply(Kind::Tests, &cases, &[0]), Ok(()));
    assert_eq!(trace.state_bytes(), 0);
}
