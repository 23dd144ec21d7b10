//! Feeds, appender, links, reference, clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fuma_connectors::kafka::admin::{Admin, Layout};
use fuma_connectors::kafka::{Connection, Publisher};
use fuma_connectors::log::{
    Answer, FeedRecord, FeedSource, LinkEvent, LinkSource, Log, LogError, Outgoing, Severity, Topic, Topics,
};
use fuma_schemas::Feed;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::cluster::{Cluster, SOON, joined};

const WAIT: Duration = Duration::from_secs(20);

fn raw(partition: u32, text: &str) -> Outgoing {
    let headers =
        vec![("traceparent".to_owned(), Bytes::from_static(b"00-x-y-01")), ("empty".to_owned(), Bytes::new())];
    let key = Some(Bytes::from_static(b"key"));
    Outgoing { partition, key, value: text.as_bytes().to_vec().into(), headers }
}

/// Polls until records came, or something is said.
fn read_until(
    source: &mut dyn FeedSource,
    count: usize,
    each: &mut dyn FnMut(FeedRecord<'_>),
) -> Result<usize, LogError> {
    let (mut found, until) = (0, Instant::now() + WAIT);
    while found < count && Instant::now() < until {
        found += source.poll(SOON, 100, each)?;
    }
    Ok(found)
}

fn count_until(source: &mut dyn FeedSource, count: usize) -> Result<usize, Severity> {
    read_until(source, count, &mut |_| {}).map_err(|error| error.severity())
}

fn read(source: &mut dyn FeedSource, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    let each = &mut |record: FeedRecord<'_>| {
        assert_eq!(record.traceparent(), Some("00-x-y-01"));
        assert_eq!((record.key, record.headers.len()), (Some(b"key".as_slice()), 2));
        assert!(record.received.is_some());
        let text = std::str::from_utf8(record.value.unwrap()).unwrap();
        found.push(format!("{} {} {} {text}", record.feed.name(), record.partition, record.offset));
    };
    read_until(source, count, each).unwrap();
    found.sort();
    found
}

#[test]
fn a_feed_goes_on_behind_what_was_committed() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    for number in 0..50 {
        appender.append(Topic::Feed(Feed::Tests), raw(number % 2, &number.to_string())).unwrap();
        appender.append(Topic::Feed(Feed::Travel), raw(1, &number.to_string())).unwrap();
    }
    appender.flush().unwrap();
    let mut source = log.feeds(0).unwrap();
    let first = read(source.as_mut(), 100);
    assert_eq!(first.len(), 100, "lag {:?}, read: {first:?}", source.lag());
    assert_eq!(source.lag(), Some(0));
    source.commit().unwrap();
    for number in 50..60 {
        appender.append(Topic::Feed(Feed::Tests), raw(0, &number.to_string())).unwrap();
    }
    appender.flush().unwrap();
    let uncommitted = read(source.as_mut(), 10);
    assert_eq!(uncommitted.len(), 10);
    drop(source);
    let mut source = log.feeds(0).unwrap();
    assert_eq!(read(source.as_mut(), 10), uncommitted, "what was not committed comes again, and nothing else");
    // A second one shares the work.
    let mut other = log.feeds(1).unwrap();
    for _ in 0..40 {
        other.poll(SOON, 100, &mut |_| {}).unwrap();
        source.poll(SOON, 100, &mut |_| {}).unwrap();
    }
    for partition in 0..2 {
        for feed in Feed::ALL {
            appender.append(Topic::Feed(feed), raw(partition, "shared")).unwrap();
        }
    }
    appender.flush().unwrap();
    let (mut ours, mut theirs, until) = (0, 0, Instant::now() + WAIT);
    let sent = 2 * Feed::ALL.len();
    while ours + theirs < sent && Instant::now() < until {
        ours += source.poll(SOON, 100, &mut |record| assert_eq!(record.value, Some(b"shared".as_slice()))).unwrap();
        theirs += other.poll(SOON, 100, &mut |record| assert_eq!(record.value, Some(b"shared".as_slice()))).unwrap();
    }
    assert_eq!(ours + theirs, sent);
    assert!(ours > 0 && theirs > 0, "{ours} and {theirs}");
}

/// A producer whose transactions leave offsets without a record in `tests`, and the topic.
fn sparse(cluster: &Cluster) -> (BaseProducer, String) {
    let topic = Topic::Feed(Feed::Tests).name(&cluster.settings.prefix);
    let mut config = cluster.config();
    let producer: BaseProducer = config.set("transactional.id", &topic).create().unwrap();
    producer.init_transactions(WAIT).unwrap();
    (producer, topic)
}

/// Two records in a transaction.
fn transaction((producer, topic): &(BaseProducer, String), commit: bool) {
    producer.begin_transaction().unwrap();
    for _ in 0..2 {
        producer.send(BaseRecord::<(), _>::to(topic).partition(0).payload("{}")).unwrap();
    }
    producer.flush(WAIT).unwrap();
    let end = if commit { producer.commit_transaction(WAIT) } else { producer.abort_transaction(WAIT) };
    end.unwrap();
}

#[test]
fn offsets_that_a_feed_skips_are_read_again_and_then_believed() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let producer = sparse(&cluster);
    // Behind each transaction is a marker, which has an offset, too.
    for _ in 0..3 {
        transaction(&producer, true);
    }
    let mut source = log.feeds(0).unwrap();
    assert_eq!(count_until(source.as_mut(), 6), Ok(6), "read again in its place, and then it was the producer");
    assert_eq!(source.lost(), []);
}

/// A client that lost its place before the first record leaves nothing between two records.
#[test]
fn what_is_missing_at_the_beginning_is_noticed() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let producer = sparse(&cluster);
    transaction(&producer, false);
    transaction(&producer, true);
    let mut source = log.feeds(0).unwrap();
    assert_eq!(count_until(source.as_mut(), 2), Ok(2), "begins at 3, and nothing is committed: it is read again");
    source.commit().unwrap();
    transaction(&producer, true);
    assert_eq!(count_until(source.as_mut(), 2), Ok(2));
}

/// What was deleted before it was read is told, at a start and while it is read; a topic that is made again goes on.
#[test]
fn deleted_records_are_told_and_a_topic_that_is_made_again_goes_on() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let topic = Topic::Feed(Feed::Tests);
    let name = topic.name(&cluster.settings.prefix);
    let append = |count: usize| {
        let mut appender = log.appender("test").unwrap();
        (0..count).for_each(|_| appender.append(topic, raw(0, "{}")).unwrap());
        appender.flush().unwrap();
    };
    append(20);
    cluster.delete_records(&name, 15);
    let mut source = log.feeds(0).unwrap();
    assert_eq!(count_until(source.as_mut(), 5), Ok(5));
    let lost = source.lost();
    assert_eq!((lost.len(), &lost[0].offsets), (1, &(0..15)), "{lost:?}");
    assert!(lost[0].place.contains(&name) && source.lost().is_empty());
    source.commit().unwrap();
    // Nobody reads while records come and go.
    append(10);
    cluster.delete_records(&name, 27);
    let rest = count_until(source.as_mut(), 3);
    let lost: u64 = source.lost().iter().map(|lost| lost.offsets.end - lost.offsets.start).sum();
    assert!(rest.is_ok_and(|rest| rest as u64 + lost >= 10), "{rest:?} read, {lost} lost");
    drop(source);
    cluster.make_again(topic);
    append(4);
    let mut source = log.feeds(0).unwrap();
    // At least once: a client that meets a topic made again may read its beginning twice.
    let (mut offsets, until) = (std::collections::BTreeSet::new(), Instant::now() + WAIT);
    while offsets.len() < 4 && Instant::now() < until {
        let each = &mut |record: FeedRecord<'_>| {
            offsets.insert(record.offset);
        };
        source.poll(SOON, 100, each).unwrap();
    }
    assert!((0..4).all(|offset| offsets.contains(&offset)), "{offsets:?}");
}

/// Behind an open transaction nothing comes, and no reader is made anew because of it.
#[test]
fn an_open_transaction_of_a_producer_ends_no_reader() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let (producer, topic) = sparse(&cluster);
    let mut source = log.feeds(0).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(BaseRecord::<(), _>::to(&topic).partition(0).payload("{}")).unwrap();
    producer.flush(WAIT).unwrap();
    let until = Instant::now() + Duration::from_secs(16);
    while Instant::now() < until {
        assert_eq!(source.poll(SOON, 100, &mut |_| {}).unwrap(), 0);
    }
    producer.commit_transaction(WAIT).unwrap();
    assert_eq!(count_until(source.as_mut(), 1), Ok(1));
}

/// Letters of a feed that has grown go to the partitions that there are.
#[test]
fn letters_share_the_partitions_that_there_are() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    (0..7).for_each(|partition| appender.append(Topic::DeadLetters(Feed::Tests), raw(partition, "x")).unwrap());
    appender.flush().unwrap();
    let connection = Connection::new(cluster.broker.bootstrap(), &cluster.settings.prefix, Vec::new()).unwrap();
    let mut letters = fuma_connectors::kafka::DeadLetters::new(&connection, Feed::Tests, "reader").unwrap();
    assert_eq!(std::iter::from_fn(|| letters.next(&|_| true).unwrap()).count(), 7);
}

/// Bytes that do not pack (xorshift).
fn noise(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u8
}

/// A record that its topic does not take is an answer to it alone.
#[test]
fn a_record_that_is_too_large_is_answered_by_its_ticket() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    // It does not pack, and the topic takes 1 MiB.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..2_000_000).map(|_| noise(&mut state)).collect();
    let record = |partition, value: Vec<u8>| Outgoing { partition, value: value.into(), ..Outgoing::default() };
    for (ticket, (partition, value)) in [(0, b"a".to_vec()), (1, noise), (1, b"b".to_vec())].into_iter().enumerate() {
        appender.begin(ticket as u64, Topic::Evidence, record(partition, value)).unwrap();
    }
    let (mut answers, until) = (Vec::new(), Instant::now() + WAIT);
    while answers.len() < 3 && Instant::now() < until {
        appender.answers(SOON, &mut |ticket, answer| answers.push((ticket, answer))).unwrap();
    }
    answers.sort_by_key(|(ticket, _)| *ticket);
    assert_eq!(answers, [(0, Answer::Written), (1, Answer::TooLarge), (2, Answer::Written)]);
}

fn assigned(links: &mut dyn LinkSource) -> Option<u64> {
    let until = Instant::now() + WAIT;
    loop {
        match links.poll(SOON, &mut Vec::new()).unwrap() {
            LinkEvent::Assigned(committed) => return committed,
            _ => assert!(Instant::now() < until),
        }
    }
}

#[test]
fn links_are_read_from_where_they_are_told() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    for number in 0..20 {
        appender.append(Topic::Links, raw(0, &number.to_string())).unwrap();
    }
    appender.flush().unwrap();
    let mut links = log.links().unwrap();
    assert_eq!(assigned(links.as_mut()), None);
    assert_eq!(links.bounds().unwrap(), 0..20);
    assert_eq!(links.seek(21).unwrap_err().severity(), Severity::Operator);
    links.seek(5).unwrap();
    let (mut records, until) = (Vec::new(), Instant::now() + WAIT);
    while records.len() < 15 && Instant::now() < until {
        assert_eq!(links.poll(SOON, &mut records).unwrap(), LinkEvent::None);
    }
    assert_eq!(records.iter().map(|record| record.offset).collect::<Vec<_>>(), (5..20).collect::<Vec<_>>());
    links.commit(12).unwrap();
    drop(links);
    assert_eq!(assigned(log.links().unwrap().as_mut()), Some(12));
}

#[test]
fn reference_is_read_whole_and_on() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    appender.append(Topic::Regions, raw(0, "r1")).unwrap();
    appender.append(Topic::Policies, raw(0, "p1")).unwrap();
    appender.flush().unwrap();
    let mut reference = log.reference().unwrap();
    assert_eq!(reference.end(Topic::Regions).unwrap(), 1);
    let mut seen = Vec::new();
    for expected in [2, 3] {
        let until = Instant::now() + WAIT;
        while seen.len() < expected && Instant::now() < until {
            reference.poll(SOON, &mut |topic, record| seen.push((topic, record.offset, record.value))).unwrap();
        }
        appender.append(Topic::Regions, raw(0, "r2")).unwrap();
        appender.flush().unwrap();
    }
    assert_eq!((reference.next(Topic::Regions), reference.next(Topic::Policies)), (2, 1));
    let regions: Vec<_> = seen.iter().filter(|(topic, ..)| *topic == Topic::Regions).map(|(_, at, _)| *at).collect();
    assert_eq!((seen.len(), regions), (3, vec![0, 1]));
}

#[test]
fn a_reference_log_that_was_emptied_is_read_to_its_end() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    (0..5).for_each(|_| appender.append(Topic::Regions, raw(0, "r")).unwrap());
    appender.flush().unwrap();
    cluster.delete_records(&Topic::Regions.name(&cluster.settings.prefix), 5);
    let mut reference = log.reference().unwrap();
    let end = reference.end(Topic::Regions).unwrap();
    let until = Instant::now() + WAIT;
    while reference.next(Topic::Regions) < end && Instant::now() < until {
        assert_eq!(reference.poll(SOON, &mut |_, _| {}).unwrap(), 0);
    }
    assert_eq!((end, reference.next(Topic::Regions)), (5, 5));
}

#[test]
fn the_clock_is_the_brokers() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    let mut worker = joined(&log);
    let here = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for _ in 0..3 {
        let (before, there, after) = (here(), worker.clock().unwrap().0, here());
        // On one machine it is the same clock.
        assert!(before - 60_000 <= there && there <= after + 60_000, "{before} {there} {after}");
    }
    assert_eq!(worker.evidence_bounds(0).unwrap(), 0..0);
}

/// As when somebody starts `fuma run --create-topics` and `fuma send` in one breath.
#[test]
fn who_sends_waits_for_a_topic_that_is_being_made() {
    let cluster = Cluster::new(1);
    let connection = Connection::new(cluster.broker.bootstrap(), "later.", Vec::new()).unwrap();
    let publisher = Publisher::new(&connection).unwrap();
    let sender = std::thread::spawn(move || publisher.expect_topic(Feed::Tests));
    std::thread::sleep(Duration::from_millis(500));
    assert!(!sender.is_finished(), "it waits");
    Admin::new(&connection)
        .unwrap()
        .create(Layout { partitions: 4, replication_factor: None }, &Topics::all())
        .unwrap();
    sender.join().unwrap().unwrap();
    // A feed gets a quarter of the partitions.
    let admin = Admin::new(&connection).unwrap();
    let partitions = |topic| admin.partitions(topic).unwrap();
    assert_eq!((partitions(Topic::Feed(Feed::Tests)), partitions(Topic::Evidence)), (Some(1), Some(4)));
}

#[test]
fn topics_that_are_missing_are_named_with_what_to_do() {
    let cluster = Cluster::new(1);
    let mut settings = cluster.settings;
    settings.prefix = "nowhere.".to_owned();
    settings.partitions = Some(3);
    let log = fuma_connectors::kafka::KafkaLog::connect(settings).unwrap();
    assert_eq!(log.partitions(), 3);
    let message = log.check().unwrap_err().to_string();
    assert!(message.contains("nowhere.evidence.v1 is missing"), "{message}");
    assert!(message.contains("`fuma topics create` or start with --create-topics"), "{message}");
}
