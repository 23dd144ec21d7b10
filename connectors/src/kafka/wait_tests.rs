//! A wait sleeps: what a thread takes of a core while it waits is next to nothing. Asks a broker that never answers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::client::{self, now};
use super::connection::Connection;
use super::native::{Batch, RecordQueue, flushed};
use super::publisher::{Publisher, RawRecord};
use super::reading;

/// Of the time that a thread waits it may use so much: a loop uses all of it, and one millisecond of five is a fifth.
const SHARE_MAX: f64 = 0.1;

/// Takes connections, and says nothing.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Silent {
        Silent(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.0.local_addr().unwrap().to_string()).set("group.id", "g");
        config.set("log_level", "0");
        config
    }

    fn connection(&self) -> Connection {
        Connection::new(&self.0.local_addr().unwrap().to_string(), "fuma.", Vec::new()).unwrap()
    }
}

/// What this thread has had of the cores.
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// Waits for half a second in all, each time for as long as is said.
fn sleeps(what: &str, wait: Duration, mut waits: impl FnMut(Duration)) {
    // Buffers are made, and errors of the first connection told, before it counts.
    waits(wait);
    let (before, begun) = (used(), now());
    let mut times = 0_u32;
    while begun.elapsed() < Duration::from_millis(500) {
        waits(wait);
        times += 1;
    }
    let (cpu, took) = (used() - before, begun.elapsed());
    assert!(
        times <= 2 + (took.as_secs_f64() / wait.as_secs_f64()) as u32,
        "{what} {wait:?}: ended early, {times} times"
    );
    let share = cpu.as_secs_f64() / took.as_secs_f64();
    assert!(share < SHARE_MAX, "{what} {wait:?}: {cpu:?} of {took:?} on a core");
}

/// With a part beyond whole milliseconds, as the rhythm of commits gives; whole; and less than one.
const WAITS: [Duration; 3] = [Duration::from_micros(5_900), Duration::from_millis(5), Duration::from_micros(900)];

#[test]
fn a_consumer_that_waits_sleeps() {
    let silent = Silent::new();
    let consumer: Arc<BaseConsumer> = Arc::new(silent.config().create().unwrap());
    let mut list = TopicPartitionList::new();
    list.add_partition("t", 0);
    rdkafka::consumer::Consumer::assign(&*consumer, &list).unwrap();
    for wait in WAITS {
        sleeps("awaited", wait, |wait| drop(client::awaited(&consumer, wait)));
        let connection = silent.connection();
        sleeps("reading", wait, |wait| drop(reading::poll(&connection, &consumer, wait)));
    }
    let queue = RecordQueue::new(&consumer).unwrap();
    let mut batch = Batch::new();
    for wait in WAITS {
        // Its wait is one of whole milliseconds, at least one.
        let wait = wait.max(Duration::from_millis(1));
        sleeps("a batch", wait, |wait| {
            batch.take(&queue, wait, 10, &mut |_| {});
        });
    }
    sleeps("a batch, for what is left", Duration::from_millis(1), |_| {
        let until = now() + Duration::from_micros(900);
        // As feeds do: what is left is waited for again.
        while now() < until {
            batch.take(&queue, until.saturating_duration_since(now()), 10, &mut |_| {});
        }
    });
}

#[test]
fn a_producer_that_waits_sleeps() {
    let silent = Silent::new();
    let producer: BaseProducer = silent.config().create_with_context(DefaultProducerContext).unwrap();
    // One that is never answered, so that there is something to wait for.
    producer.send(BaseRecord::<(), str>::to("t").payload("x")).map_err(|(error, _)| error).unwrap();
    for wait in WAITS {
        sleeps("rest", wait, |wait| client::rest(&producer, wait));
    }
    sleeps("flushed", Duration::from_millis(20), |wait| {
        flushed(&producer, wait);
    });
    let mut publisher = Publisher::new(&silent.connection()).unwrap();
    publisher.send(fuma_schemas::Feed::Tests, RawRecord { value: Some(b"{}"), ..RawRecord::default() }).unwrap();
    for wait in WAITS {
        sleeps("serve", wait, |wait| publisher.serve(wait).unwrap());
    }
}
