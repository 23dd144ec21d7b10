//! The stage on a log in memory: poison, trace contexts, long rows, and what a record costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::time::Instant as Clock;

use arrow::array::AsArray as _;
use bytes::Bytes;
use fuma_connectors::log::{LostRecords, Outgoing, Topic};
use fuma_schemas::{Feed, Kind, Person};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::Options;
use super::dead_letter::{HEADERS, OVERSIZE_HEADERS};
use crate::live::memory::{MemoryLog, Raw, TAKEN, text};
use crate::live::record::{self, Section};
use crate::live::tests::{PARTITIONS, contact, evidence_of, picture, run_intake};

fn test_event(number: usize) -> String {
    format!(
        r#"{{"owner":"lab-1","id":"t{number}","revision":1,"person":"{:032x}","method":"nat",
            "result":"negative","tube":"single","sampled_at":"2022-04-01T08:00:00+08:00",
            "reported_at":"2022-04-01T18:00:00+08:00"}}"#,
        number as u128 * 0x9e37_79b9_7f4a_7c15_f39c
    )
}

fn sections(messages: &[Outgoing]) -> Vec<Section> {
    messages.iter().flat_map(|message| record::read(&message.value).unwrap()).collect()
}

fn header<'a>(letter: &'a Outgoing, name: &str) -> Vec<&'a str> {
    letter.headers.iter().filter(|(of, _)| of == name).map(|(_, value)| text(value)).collect()
}

#[test]
fn poison_on_every_feed_is_a_dead_letter_and_stops_nobody() {
    let good: Vec<Raw> = (0..40).map(|number| Raw::new(Feed::Tests, test_event(number))).collect();
    let mut records = good.clone();
    for (place, feed) in Feed::ALL.into_iter().enumerate() {
        let mut poison = Raw::new(feed, format!("not json {place}"));
        poison.key = Some(b"k\xff".to_vec());
        poison.headers = vec![
            ("traceparent".into(), Some(b"00".to_vec())),
            ("__fuma.errors.code".into(), Some(b"of an earlier letter".to_vec())),
            ("__fuma.errors.attempt".into(), Some(b"2".to_vec())),
            ("empty".into(), None),
        ];
        records.insert(place * 4, poison);
    }
    let log = MemoryLog::new(records.clone(), &[3, 1, 10]);
    run_intake(&log, &Options::default(), &[]);
    let clean = MemoryLog::new(good, &[1000]);
    run_intake(&clean, &Options::default(), &[]);
    let pictures = |log: &MemoryLog| evidence_of(log).iter().map(picture).collect::<Vec<_>>();
    assert_eq!(pictures(&log), pictures(&clean));
    for (place, feed) in Feed::ALL.into_iter().enumerate() {
        let letters = log.written(Topic::DeadLetters(feed), 3);
        let [letter] = &letters[..] else { panic!("one letter of {feed:?}, found {}", letters.len()) };
        assert_eq!(text(&letter.value), format!("not json {place}"));
        assert_eq!(letter.key, Some(Bytes::from_static(b"k\xff")));
        let [code, message, topic, partition, offset] = HEADERS.map(|name| header(letter, name));
        assert_eq!((code, partition), (vec!["bad-json"], vec!["3"]));
        assert_eq!((topic, offset), (vec![feed.topic().as_str()], vec![(place * 4).to_string().as_str()]));
        assert_eq!(message.len(), 1);
        assert_eq!((header(letter, "traceparent"), header(letter, "empty")), (vec!["00"], vec![""]));
        assert_eq!(header(letter, "__fuma.errors.attempt"), ["2"]);
    }
}

/// A letter with all of it might be longer than its topic takes, and then nothing would go on.
#[test]
fn a_message_that_is_too_large_has_a_letter_that_fits() {
    let long = |bytes: usize| Raw::new(Feed::Cases, format!("{{{}", " ".repeat(bytes - 1)));
    let log = MemoryLog::new(vec![long(1_048_576), long(1_048_577)], &[]);
    run_intake(&log, &Options::default(), &[]);
    let letters = log.written(Topic::DeadLetters(Feed::Cases), 3);
    let codes: Vec<_> = letters.iter().map(|letter| header(letter, HEADERS[0])).collect();
    assert_eq!(codes, [["bad-json"], ["too-large"]]);
    let [length, sha256] = OVERSIZE_HEADERS.map(|name| header(&letters[1], name));
    assert_eq!((letters[1].value.len(), length, sha256[0].len()), (4096, vec!["1048577"], 64));
    assert_eq!(header(&letters[0], OVERSIZE_HEADERS[0]), Vec::<&str>::new());
}

#[test]
fn a_record_without_a_value_is_a_dead_letter() {
    let mut tombstone = Raw::new(Feed::Cases, "");
    tombstone.value = None;
    let log = MemoryLog::new(vec![tombstone], &[]);
    run_intake(&log, &Options { topic_prefix: "qa.".into(), ..Options::default() }, &[]);
    let letters = log.written(Topic::DeadLetters(Feed::Cases), 3);
    assert_eq!((letters[0].value.len(), header(&letters[0], HEADERS[0])), (0, vec!["bad-json"]));
    assert_eq!(header(&letters[0], HEADERS[2]), ["qa.cases.v1"]);
}

#[test]
fn rows_carry_what_caused_them() {
    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut records: Vec<Raw> = (0..6).map(|_| Raw::new(Feed::Tests, test_event(3))).collect();
    records.push(contact(1, 1, 1, false, [None, None]));
    for (place, raw) in records.iter_mut().enumerate() {
        let value = if place % 2 == 0 { GOOD } else { "no trace at all" };
        raw.headers.push(("traceparent".into(), Some(value.as_bytes().to_vec())));
    }
    let log = MemoryLog::new(records, &[]);
    run_intake(&log, &Options::default(), &[]);
    let evidence: Vec<Section> =
        (0..PARTITIONS).flat_map(|partition| sections(&log.written(Topic::Evidence, partition))).collect();
    let [tests] = &evidence[..] else { panic!("one section of evidence") };
    assert_eq!(tests.rows(), 6);
    for row in 0..6 {
        assert_eq!(tests.causes().cause(row), Some(TAKEN));
        assert_eq!(tests.causes().traceparent(row), (row % 2 == 0).then_some(GOOD));
    }
    let links = sections(&log.written(Topic::Links, 0));
    assert!(matches!(&links[..], [Section::Rows { kind: Kind::Contacts, .. }]));
    assert_eq!(links[0].causes().traceparent(0), Some(GOOD));
}

/// Whose a phone is nobody knows yet: its records go to the log of phones, by phone, and to no person.
#[test]
fn records_of_a_phone_go_to_their_own_log() {
    let stay = |phone: &str, id: usize| {
        format!(
            r#"{{"owner":"net","id":"s{id}","phone":"{phone}","kind":"stay","region":"330106",
                "arrived_at":"2022-04-01T08:00:00+08:00","source":"telecom"}}"#
        )
    };
    let phones = ["+86 990-0000-0001", "99000000001", "99000000002"];
    let records: Vec<Raw> =
        phones.iter().enumerate().map(|(id, phone)| Raw::new(Feed::Travel, stay(phone, id))).collect();
    let binding = r#"{"owner":"reg","id":"b1","person":"00000000000000000000000000000005","phone":"99000000001",
        "holder":"verified","since":"2022-04-01T08:00:00+08:00"}"#;
    let log = MemoryLog::new([records, vec![Raw::new(Feed::Bindings, binding)]].concat(), &[]);
    run_intake(&log, &Options::default(), &[]);
    let mut tokens = Vec::new();
    for partition in 0..PARTITIONS {
        for message in log.written(Topic::Phones, partition) {
            for section in record::read(&message.value).unwrap() {
                let Section::Phones { kind: Kind::Stays, batch } = section else { panic!("{section:?}") };
                let of_batch = batch.column_by_name("phone").unwrap().as_fixed_size_binary().clone();
                for token in of_batch.iter().flatten() {
                    let token = Person(token.try_into().unwrap());
                    assert_eq!(token.partition(PARTITIONS as usize), partition as usize, "by phone");
                    tokens.push(token);
                }
                assert_eq!(record::Causes::of(&batch).cause(0), Some(TAKEN));
            }
        }
    }
    tokens.sort();
    assert_eq!(tokens.len(), 3);
    tokens.dedup();
    assert_eq!(tokens.len(), 2, "one phone in two spellings");
    let evidence: Vec<_> = (0..PARTITIONS)
        .flat_map(|partition| log.written(Topic::Evidence, partition))
        .flat_map(|message| record::read(&message.value).unwrap())
        .collect();
    assert!(matches!(&evidence[..], [Section::Rows { kind: Kind::Bindings, .. }]), "{evidence:?}");
    for feed in [Feed::Travel, Feed::Bindings] {
        assert!(log.written(Topic::DeadLetters(feed), 3).is_empty());
    }
}

#[test]
fn messages_are_cut_and_only_a_single_long_row_makes_a_longer_one() {
    let mut records: Vec<Raw> = (0..3000).map(|number| Raw::new(Feed::Tests, test_event(number))).collect();
    let listing = format!(
        r#"{{"owner":"x","id":"l","revision":1,"person":"{:032x}","colour":"red","approver":"y",
            "basis":"venue","document":"{}","starts_at":"2022-04-01T08:00:00+08:00",
            "expires_at":"2022-04-05T08:00:00+08:00"}}"#,
        5,
        "d".repeat(200_000)
    );
    records.insert(1000, Raw::new(Feed::ExternalCodes, listing));
    let travel = r#"{"owner":"x","id":"l","revision":1,"person":"00000000000000000000000000000005",
            "kind":"trip","mode":"rail","number":"G1","seat":"N","service_date":"2022-04-01",
            "boarded_at":"2022-04-01T08:00:00+08:00","alighted_at":"2022-04-01T09:00:00+08:00"}"#;
    records.insert(1500, Raw::new(Feed::Travel, travel.replace("\"N\"", &format!("\"{}\"", "N".repeat(200_000)))));
    let log = MemoryLog::new(records, &[]);
    let options = Options { message_bytes_max: 64 << 10, batch_bytes_max: 64 << 20, ..Options::default() };
    run_intake(&log, &options, &[]);
    let (mut rows, mut long) = (0, 0);
    for partition in 0..PARTITIONS {
        for message in log.written(Topic::Evidence, partition) {
            let sections = record::read(&message.value).unwrap();
            let count: usize = sections.iter().map(Section::rows).sum();
            rows += count;
            if message.value.len() > 64 << 10 {
                long += 1;
                assert_eq!(count, 1);
            }
        }
    }
    assert_eq!((rows, long), (3001, 1));
}

/// A trip whose seat has so many bytes.
fn trip(bytes: usize) -> String {
    let text = r#"{"owner":"x","id":"l","revision":1,"person":"00000000000000000000000000000005",
            "kind":"trip","mode":"rail","number":"G1","seat":"N","service_date":"2022-04-01",
            "boarded_at":"2022-04-01T08:00:00+08:00","alighted_at":"2022-04-01T09:00:00+08:00"}"#;
    text.replace("\"N\"", &format!("\"{}\"", "N".repeat(bytes)))
}

fn region(bytes: usize) -> String {
    format!(
        r#"{{"owner":"x","id":"r","revision":1,"region":"330106","tier":"high","authority":"a","document":"{}",
            "since":"2022-04-01T08:00:00+08:00","known_at":"2022-04-01T08:00:00+08:00"}}"#,
        "d".repeat(bytes)
    )
}

/// Whatever topic does not take what a record becomes: the record is a dead letter with its place, and its neighbours
/// are evidence.
#[test]
fn a_record_that_no_topic_takes_is_rejected_and_stops_nobody() {
    let log = MemoryLog::new(
        vec![
            Raw::new(Feed::Travel, trip(500_000)),
            Raw::new(Feed::Regions, region(500_000)),
            Raw::new(Feed::Tests, test_event(1)),
            Raw::new(Feed::Regions, region(100)),
        ],
        &[],
    );
    log.bound(Topic::Evidence, 400_000);
    log.bound(Topic::Regions, 400_000);
    run_intake(&log, &Options::default(), &[]);
    for (feed, offset) in [(Feed::Travel, "0"), (Feed::Regions, "1")] {
        let letters = log.written(Topic::DeadLetters(feed), 3);
        let [letter] = &letters[..] else { panic!("one letter of {feed:?}, found {}", letters.len()) };
        let [code, _, topic, partition, at] = HEADERS.map(|name| header(letter, name));
        assert_eq!((code, topic), (vec!["too-large"], vec![feed.topic().as_str()]));
        assert_eq!((partition, at, letter.value.len()), (vec!["3"], vec![offset], 4096));
        assert_eq!(header(letter, OVERSIZE_HEADERS[1])[0].len(), 64);
    }
    let evidence = (0..PARTITIONS).map(|partition| log.written(Topic::Evidence, partition).len());
    assert_eq!((evidence.sum::<usize>(), log.written(Topic::Regions, 0).len()), (1, 1), "the good ones are there");
    assert_eq!(log.feeds_committed(), 4);
}

/// A topic that takes less than intake makes messages of gets its rows all the same.
#[test]
fn messages_that_a_topic_does_not_take_are_split() {
    let log = MemoryLog::new((0..3000).map(|number| Raw::new(Feed::Tests, test_event(number))).collect(), &[]);
    log.bound(Topic::Evidence, 20_000);
    run_intake(&log, &Options::default(), &[]);
    let messages: Vec<Outgoing> =
        (0..PARTITIONS).flat_map(|partition| log.written(Topic::Evidence, partition)).collect();
    let rows: usize = sections(&messages).iter().map(Section::rows).sum();
    assert_eq!(rows, 3000);
    assert!(messages.iter().all(|message| message.value.len() <= 20_000));
}

/// What nobody will ever read, what was rejected, and what is safe as a letter.
#[test]
fn what_is_lost_or_rejected_is_counted() {
    let log = MemoryLog::new(vec![Raw::new(Feed::Cases, "no json"), Raw::new(Feed::Travel, trip(500_000))], &[]);
    log.bound(Topic::Evidence, 400_000);
    log.lose(LostRecords { feed: Feed::Tests, place: "fuma.tests.v1 partition 0".to_owned(), offsets: 5..20 });
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || run_intake(&log, &Options::default(), &[]));
    let text = recorder.handle().render();
    for line in [
        r#"fuma_feed_records_lost_total{feed="tests"} 15"#,
        r#"fuma_records_rejected_total{feed="travel",code="too-large"} 1"#,
        r#"fuma_dead_letters_total{feed="travel"} 1"#,
        r#"fuma_dead_letters_total{feed="cases"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Its key and headers may be as long as the broker takes them packed.
#[test]
fn a_letter_is_bounded_whatever_came_beside_its_record() {
    let mut record = Raw::new(Feed::Tests, "not json");
    record.key = Some(vec![b'k'; 5 << 20]);
    record.headers =
        vec![("h".into(), Some(vec![b'h'; 5 << 20])), ("__fuma.errors.attempt".into(), Some(b"2".to_vec()))];
    let log = MemoryLog::new(vec![record], &[]);
    run_intake(&log, &Options::default(), &[]);
    let letters = log.written(Topic::DeadLetters(Feed::Tests), 3);
    let letter = &letters[0];
    let headers: usize = letter.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(letter.key.is_none() && headers < 4096, "{headers}");
    assert_eq!((text(&letter.value), header(letter, OVERSIZE_HEADERS[0])), ("not json", vec!["8"]));
    assert_eq!(header(letter, "__fuma.errors.attempt"), ["2"]);
}

/// One partition of evidence has no leader: everybody else is judged, and how far the feeds are read is noted once it
/// has one.
#[test]
fn a_leaderless_partition_holds_up_its_own_people_alone() {
    let of = |numbers: std::ops::Range<usize>| numbers.map(|number| Raw::new(Feed::Tests, test_event(number)));
    let log = MemoryLog::new(of(0..300).collect(), &[10]);
    log.set_leader(Topic::Evidence, 1, false);
    let rows = |partition| sections(&log.written(Topic::Evidence, partition)).iter().map(Section::rows).sum::<usize>();
    std::thread::scope(|scope| {
        let intake = scope.spawn(|| run_intake(&log, &Options::default(), &[]));
        let is_there = |rows_wanted: &dyn Fn() -> bool| {
            (0..2000).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(5));
                rows_wanted()
            })
        };
        let held = (0..300).filter(|number| {
            let token = u128::try_from(*number).unwrap() * 0x9e37_79b9_7f4a_7c15_f39c;
            Person(token.to_be_bytes()).partition(PARTITIONS as usize) == 1
        });
        let held = held.count();
        assert!(is_there(&|| rows(0) + rows(2) == 300 - held), "{} and {}", rows(0), rows(2));
        assert_eq!((rows(1), log.feeds_committed(), intake.is_finished()), (0, 0, false));
        log.set_leader(Topic::Evidence, 1, true);
        intake.join().unwrap();
        assert_eq!((rows(1), log.feeds_committed()), (held, 300));
    });
}

/// `cargo test --release -p fuma-pipeline --lib -- --ignored --nocapture what_intake_costs`
#[test]
#[ignore = "a measurement"]
fn what_intake_costs() {
    for batch in [100, 2_000, 20_000] {
        let records: Vec<Raw> = (0..400_000).map(|number| Raw::new(Feed::Tests, test_event(number))).collect();
        let log = MemoryLog::new(records, &[2_000]);
        let options = Options { batch_records_max: batch, ..Options::default() };
        let start = Clock::now();
        run_intake(&log, &options, &[]);
        let each = start.elapsed() / 400_000;
        let bytes: usize =
            (0..PARTITIONS).flat_map(|at| log.written(Topic::Evidence, at)).map(|message| message.value.len()).sum();
        eprintln!("batches of {batch}: {each:?} a record, {} bytes a row", bytes / 400_000);
    }
}

/// With two threads the gauge was what the one that measured last had to say.
#[test]
fn the_lag_is_that_of_all_threads() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let said = || {
        let text = recorder.handle().render();
        let line = text.lines().find(|line| line.starts_with("fuma_lag_records{stage=\"intake\"}")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    metrics::with_local_recorder(&recorder, || {
        let (mut one, mut other) = (super::Lag::default(), super::Lag::default());
        one.set(100.0);
        other.set(7.0);
        assert_eq!(said(), 107.0);
        one.set(30.0);
        assert_eq!(said(), 37.0);
        // A stage that is made again leaves nothing behind.
        drop(one);
        assert_eq!(said(), 7.0);
        other.set(0.0);
        assert_eq!(said(), 0.0);
    });
}
