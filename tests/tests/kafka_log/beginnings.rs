//! The first records to a partition that is just being made.
//!
//! A broker hears of a new topic before it serves it, and refuses what comes in between: of several requests in flight
//! the first may be refused and the second taken. Each record that is acknowledged must be there all the same.

use std::time::{Duration, Instant};

use fuma_connectors::kafka::{Connection, KafkaLog, Publisher, RawRecord};
use fuma_connectors::log::{Log, Outgoing, Topic};
use fuma_schemas::Feed;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::cluster::Cluster;

const TOPICS: usize = 40;
const PARTITIONS: u32 = 3;
const EACH: u32 = 40;
const READY_IN: Duration = Duration::from_millis(50);
/// So that several requests are in flight while a topic is being made.
const PACE: Duration = Duration::from_micros(100);

/// Has topics written to while they are being made; says how many records of each are there.
fn write_at_once(topic: Topic, write: impl Fn(&Cluster, &str) + Sync) -> Vec<i64> {
    let cluster = Cluster::new(1);
    let admin: AdminClient<DefaultClientContext> = cluster.config().create().unwrap();
    let consumer: BaseConsumer = cluster.config().create().unwrap();
    let mut ends = Vec::new();
    for number in 0..TOPICS {
        let prefix = format!("{}{number}.", cluster.settings.prefix);
        let topic = topic.name(&prefix);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| write(&cluster, &prefix));
            // Its client knows the broker by then, and asks for the topic.
            std::thread::sleep(READY_IN);
            let new = NewTopic::new(&topic, i32::try_from(PARTITIONS).unwrap(), TopicReplication::Fixed(1));
            block_on(admin.create_topics(&[new], &AdminOptions::new())).unwrap().pop().unwrap().unwrap();
            writer.join().unwrap();
        });
        let end = |partition| consumer.fetch_watermarks(&topic, partition, Duration::from_secs(10)).unwrap().1;
        ends.push((0..i32::try_from(PARTITIONS).unwrap()).map(end).sum());
    }
    ends
}

fn pause() {
    let until = Instant::now() + PACE;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

#[test]
fn what_an_appender_wrote_to_a_new_topic_is_there() {
    let ends = write_at_once(Topic::Evidence, |cluster, prefix| {
        let mut settings = cluster.settings.clone();
        prefix.clone_into(&mut settings.prefix);
        for (key, value) in [
            ("batch.num.messages", "1"),
            ("linger.ms", "0"),
            // It asks again and again whether the topic is there, as many clients together do.
            ("topic.metadata.refresh.fast.interval.ms", "1"),
        ] {
            settings.producer.insert(key.to_owned(), value.to_owned());
        }
        let log = KafkaLog::connect(settings).unwrap();
        let mut appender = log.appender("test").unwrap();
        for number in 0..EACH * PARTITIONS {
            let value = number.to_string().into_bytes().into();
            let record = Outgoing { partition: number % PARTITIONS, value, ..Outgoing::default() };
            appender.append(Topic::Evidence, record).unwrap();
            pause();
        }
        appender.flush().unwrap();
    });
    assert_eq!(ends, vec![i64::from(EACH * PARTITIONS); TOPICS], "all were acknowledged");
}

#[test]
fn what_was_sent_to_a_new_feed_is_there() {
    let ends = write_at_once(Topic::Feed(Feed::Tests), |cluster, prefix| {
        let settings = ["batch.num.messages=1", "topic.metadata.refresh.fast.interval.ms=1"];
        let settings = settings.iter().map(|setting| setting.split_once('=').unwrap());
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let connection = Connection::new(cluster.broker.bootstrap(), prefix, settings).unwrap();
        let mut publisher = Publisher::new(&connection).unwrap();
        for number in 0..EACH * PARTITIONS {
            let value = number.to_string();
            let record = RawRecord { value: Some(value.as_bytes()), ..RawRecord::default() };
            publisher.send(Feed::Tests, record).unwrap();
            pause();
        }
        publisher.flush().unwrap();
    });
    assert_eq!(ends, vec![i64::from(EACH * PARTITIONS); TOPICS], "all were acknowledged");
}
