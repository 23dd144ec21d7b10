//! Feeds, appender, links, reference, clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fuma_connectors::kafka::admin::{Admin, Layout};
use fuma_connectors::kafka::{Connection, Publisher};
use fuma_connectors::log::{FeedRecord, FeedSource, LinkEvent, LinkSource, Log, LogError, Outgoing, Severity, Topic};
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
    assert_eq!(count_until(source.as_mut(), 6), Err(Severity::Fatal), "records may have been lost");
    drop(source);
    let mut source = log.feeds(0).unwrap();
    assert_eq!(count_until(source.as_mut(), 6), Ok(6), "it was the producer");
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
    assert_eq!(count_until(source.as_mut(), 2), Err(Severity::Fatal), "begins at 3, and nothing is committed");
    drop(source);
    let mut source = log.feeds(0).unwrap();
    assert_eq!(count_until(source.as_mut(), 2), Ok(2), "it was the producer");
    source.commit().unwrap();
    transaction(&producer, true);
    assert_eq!(count_until(source.as_mut(), 2), Ok(2));
}

/// Nothing of a partition comes at all: what waits there is noticed once it stands still.
#[test]
fn a_feed_of_which_nothing_comes_is_noticed() {
    let cluster = Cluster::new(1);
    let log = cluster.log();
    transaction(&sparse(&cluster), false);
    let mut source = log.feeds(0).unwrap();
    assert_eq!(count_until(source.as_mut(), 1), Err(Severity::Fatal), "two records and a marker may be there");
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
    let regions: Vec<_> = seen.iter().filter(|(topic, ..)| *topic == Topic::Regions).map(|(_, at, _)| *at).collect();
    assert_eq!((seen.len(), regions), (3, vec![0, 1]));
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
    Admin::new(&connection).unwrap().create(Layout { partitions: 4, replication_factor: None }).unwrap();
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
