//! Intake and trace together, through the codec and with crashes, against the engine over the same records at once
//! (I-2, R-15).
//!
//! Owns the generator of records and the comparison of evidence.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_connectors::log::{LogError, Outgoing, Topic};
use fuma_schemas::{Feed, Instant, Kind};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::memory::{Crash, MemoryLog, Raw, TAKEN};
use super::record::{self, Section};
use super::stop::Stop;
use super::{intake, trace};
use crate::evidence::{Evidence, Touched};
use crate::intake::{Decoder, EvidenceBuilders, Key, Settings};
use crate::trace::Trace;

pub(super) const PARTITIONS: u32 = 3;

pub(super) fn settings() -> Arc<Settings> {
    Arc::new(Settings::new(Key::from_hex(&"07".repeat(32)).unwrap()))
}

/// Reads all feeds, with crashes on the way.
pub(super) fn run_intake(log: &MemoryLog, options: &intake::Options, crashes: &[Crash]) {
    until_it_ends(log, crashes, || {
        intake::run(log.feeds(), log.appender(), settings(), PARTITIONS, options, &Stop::default())
    });
}

/// Judges all links, with crashes on the way.
pub(super) fn run_trace(log: &MemoryLog, options: &trace::Options, crashes: &[Crash]) {
    until_it_ends(log, crashes, || {
        let stop = Stop::default();
        trace::run(log.links(&stop), log.appender(), PARTITIONS, options, &stop)
    });
}

fn until_it_ends(log: &MemoryLog, crashes: &[Crash], run: impl Fn() -> Result<(), LogError>) {
    for crash in crashes {
        log.crash_after(Some(*crash));
        let _ = run();
    }
    log.crash_after(None);
    run().unwrap();
}

pub(super) fn apply(evidence: &mut Evidence, messages: &[Outgoing]) {
    let mut touched = Touched::default();
    for message in messages {
        for section in record::read(&message.value).unwrap() {
            match section {
                Section::Rows { kind, batch } => {
                    let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
                    evidence.apply(kind, &batch, &rows, &mut touched).unwrap();
                }
                Section::Verdicts(verdicts) => verdicts.iter().for_each(|row| {
                    evidence.set_counts(row.person, row.fact, row.counts, row.version, &mut touched);
                }),
                other => panic!("nobody writes it here: {other:?}"),
            }
        }
    }
}

/// The evidence of each partition as the log has it.
pub(super) fn evidence_of(log: &MemoryLog) -> Vec<Evidence> {
    let of = |partition| {
        let mut evidence = Evidence::default();
        apply(&mut evidence, &log.written(Topic::Regions, 0));
        apply(&mut evidence, &log.written(Topic::Evidence, partition));
        evidence
    };
    (0..PARTITIONS).map(of).collect()
}

/// The evidence of the same records without log and batches, as replay has it.
pub(super) fn expected(records: &[Raw], received: Option<Instant>) -> Vec<Evidence> {
    let mut decoder = Decoder::new(settings());
    let mut builders: Vec<EvidenceBuilders> = (0..PARTITIONS).map(|_| EvidenceBuilders::new()).collect();
    for raw in records {
        let _ = decoder.decode(raw.feed, raw.value.as_deref().unwrap_or_default(), received, &mut builders);
    }
    let mut evidence: Vec<Evidence> = (0..PARTITIONS).map(|_| Evidence::default()).collect();
    let (mut trace, mut touched) = (Trace::new(), Touched::default());
    for (partition, builders) in builders.iter_mut().enumerate() {
        for (kind, batch) in builders.finish() {
            let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
            trace.apply(kind, &batch, &rows).unwrap();
            let all = if kind == Kind::Regions { 0..PARTITIONS as usize } else { partition..partition + 1 };
            all.for_each(|partition| evidence[partition].apply(kind, &batch, &rows, &mut touched).unwrap());
        }
    }
    for (version, verdict) in (1..).zip(trace.settle()) {
        let partition = verdict.person.partition(PARTITIONS as usize);
        evidence[partition].set_counts(verdict.person, verdict.fact, verdict.counts, version, &mut touched);
    }
    evidence
}

/// Everything that is known, as text. Whether a retracted contact counts nobody can see.
pub(super) fn picture(evidence: &Evidence) -> Vec<String> {
    let mut facts = BTreeMap::new();
    for person in 0..evidence.people() {
        for handle in evidence.handles(person) {
            let key = evidence.describe(handle).unwrap().key;
            let (handle, mut fact) = evidence.describe_winner(person, key).unwrap();
            fact.counts |= fact.retracted;
            let mut tiers = evidence.tiers_met(handle);
            tiers.sort_by_key(|tier| (tier.tier, tier.since, tier.until));
            facts.insert(key, format!("{:?} {fact:?} {tiers:?}", evidence.person(person)));
        }
    }
    facts.into_values().collect()
}

pub(super) fn pictures(evidence: &[Evidence]) -> Vec<Vec<String>> {
    evidence.iter().map(picture).collect()
}

fn head(id: &str, person: Option<u8>, revision: u32, retracted: bool) -> String {
    let person = person.map_or(String::new(), |person| format!(r#""person":"{:032x}","#, person));
    format!(
        r#""owner":"s","id":"{id}",{person}"revision":{revision},"retracted":{retracted},
            "known_at":"2022-04-06T12:00:{revision:02}+08:00""#
    )
}

pub(super) fn case(person: u8, id: u8, revision: u32, retracted: bool, excluded: bool) -> Raw {
    let classification = if excluded { "excluded" } else { "suspected" };
    let head = head(&format!("n{id}"), Some(person), revision, retracted);
    let text = format!(r#"{{{head},"classification":"{classification}","determined_at":"2022-04-01T08:00:00+08:00"}}"#);
    Raw::new(Feed::Cases, text)
}

pub(super) fn contact(person: u8, id: u8, revision: u32, retracted: bool, links: [Option<u8>; 2]) -> Raw {
    let [on_case, on_contact] = links;
    let on_case = on_case.map_or(String::new(), |id| format!(r#","index_case":"s/n{id}""#));
    let on_contact = on_contact.map_or(String::new(), |id| format!(r#","index_contact":"s/p{id}""#));
    let head = head(&format!("p{id}"), Some(person), revision, retracted);
    let text = format!(
        r#"{{{head},"degree":"close","determined_at":"2022-04-02T08:00:00+08:00",
            "last_exposure_at":"2022-04-01T08:00:00+08:00"{on_case}{on_contact}}}"#
    );
    Raw::new(Feed::Contacts, text)
}

fn stay(person: u8, id: u8, revision: u32) -> Raw {
    let head = head(&format!("s{id}"), Some(person), revision, false);
    let text = format!(
        r#"{{{head},"kind":"stay","region":"330106","arrived_at":"2022-04-0{}T08:00:00+08:00","source":"checkin"}}"#,
        1 + id % 5
    );
    Raw::new(Feed::Travel, text)
}

fn region(id: u8, revision: u32) -> Raw {
    let head = head(&format!("r{id}"), None, revision, false);
    let text = format!(
        r#"{{{head},"region":"3301","tier":"high","since":"2022-04-0{}T00:00:00+08:00","authority":"x"}}"#,
        1 + id
    );
    Raw::new(Feed::Regions, text)
}

/// Few people, names and revisions, so that cycles, conflicts and repetition are the rule; some records are poison.
pub(super) fn record() -> impl Strategy<Value = Raw> {
    let of = (0..5_u8, 0..3_u8, 1..5_u32, prop::bool::weighted(0.2));
    let cases = (of.clone(), any::<bool>())
        .prop_map(|((person, id, revision, retracted), excluded)| case(person, id, revision, retracted, excluded));
    let contacts = (of.clone(), 0..6_u8, weighted(0.5, 0..4_u8), weighted(0.6, 0..7_u8)).prop_map(
        |((person, _, revision, retracted), id, on_case, on_contact)| {
            contact(person, id, revision, retracted, [on_case, on_contact])
        },
    );
    let poison = prop::sample::select(Feed::ALL.to_vec()).prop_map(|feed| Raw::new(feed, "{\"owner\":"));
    prop_oneof![
        3 => cases,
        6 => contacts,
        2 => of.prop_map(|(person, id, revision, _)| stay(person, id, revision)),
        1 => (0..3_u8, 1..3_u32).prop_map(|(id, revision)| region(id, revision)),
        1 => poison,
    ]
}

fn crashes() -> impl Strategy<Value = Vec<Crash>> {
    vec((0..30_u32, any::<bool>()).prop_map(|(steps, is_lossy)| Crash { steps, is_lossy }), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_arrives_is_what_replay_has_whatever_crashes(
        records in vec(record(), 1..60),
        sizes in vec(1..9_usize, 1..5),
        trace_sizes in vec(1..9_usize, 1..5),
        bytes_max in prop::sample::select(vec![1, 3_000, 1 << 20]),
        (intake_crashes, trace_crashes) in (crashes(), crashes()),
    ) {
        let log = MemoryLog::new(records.clone(), &sizes);
        let options = intake::Options { batch_records_max: 7, message_bytes_max: bytes_max, ..Default::default() };
        run_intake(&log, &options, &intake_crashes);
        log.set_sizes(&trace_sizes);
        run_trace(&log, &trace::Options { message_bytes_max: bytes_max, ..Default::default() }, &trace_crashes);
        let evidence = evidence_of(&log);
        prop_assert_eq!(pictures(&evidence), pictures(&expected(&records, Some(TAKEN))));
        prop_assert!(evidence.iter().all(|evidence| evidence.incomplete() == 0));
        prop_assert_eq!(log.links_committed(), Some(log.written(Topic::Links, 0).len() as u64).filter(|&end| end > 0));
    }

    /// R-15: crash points anywhere and batches of any size, and besides that a zombie that says some of it again.
    #[test]
    fn what_is_said_again_from_anywhere_changes_nothing(
        records in vec(record(), 1..50),
        sizes in vec(1..9_usize, 1..5),
        crash in (0..40_u32, any::<bool>()),
        again in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
    ) {
        let log = MemoryLog::new(records, &[1]);
        run_intake(&log, &intake::Options { batch_records_max: 1, ..Default::default() }, &[]);
        let links = log.written(Topic::Links, 0);
        let said = |sizes: &[usize], crashes: &[Crash]| {
            let own = MemoryLog::new(Vec::new(), sizes);
            links.iter().for_each(|link| own.append(Topic::Links, link.clone()));
            run_trace(&own, &trace::Options { message_bytes_max: 1, ..Default::default() }, crashes);
            own
        };
        let plain = pictures(&evidence_of(&said(&[1000], &[])));
        let mixed = said(&sizes, &[Crash { steps: crash.0, is_lossy: crash.1 }]);
        prop_assert_eq!(&pictures(&evidence_of(&mixed)), &plain);
        for partition in 0..PARTITIONS {
            let messages = mixed.written(Topic::Evidence, partition);
            for (from, to) in again.iter().filter(|_| !messages.is_empty()) {
                let (from, to) = (from.index(messages.len()), to.index(messages.len()));
                let repeated = messages.get(from..to).unwrap_or_default();
                repeated.iter().for_each(|message| mixed.append(Topic::Evidence, message.clone()));
            }
        }
        prop_assert_eq!(&pictures(&evidence_of(&mixed)), &plain);
    }
}
