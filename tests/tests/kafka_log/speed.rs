//! Measured when asked: cargo test --release -p fuma-tests --test kafka_log -- --ignored --nocapture --test-threads=1

use std::time::{Duration, Instant};

use fuma_connectors::log::{Log, Outcome, Outgoing, Topic, Transaction};
use fuma_schemas::Feed;

use crate::cluster::{Cluster, change, joined, position};

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[test]
#[ignore = "measures"]
fn commits() {
    for partitions in [1_u32, 4, 16] {
        let cluster = Cluster::new(16);
        let log = cluster.log();
        let mut worker = joined(&log);
        let changes: Vec<_> =
            (0..100).map(|key| change(key % partitions, &format!("k{key}"), &"v".repeat(250))).collect();
        let positions: Vec<_> =
            (0..partitions).map(|partition| (partition, position(0, "position of some length"))).collect();
        for pause in [0, 15] {
            let mut times = Vec::new();
            for round in 0..600 {
                let begun = Instant::now();
                let outcome = worker.commit(Transaction { changes: &changes, positions: &positions }).unwrap();
                assert_eq!(outcome, Outcome::Committed);
                if round >= 100 {
                    times.push(begun.elapsed());
                }
                std::thread::sleep(Duration::from_millis(pause));
                if round % 50 == 0 {
                    worker.poll(Duration::ZERO, &mut Vec::new()).unwrap();
                }
            }
            let (median, p99) = percentiles(times);
            println!("commit of 100 records to {partitions} partitions, {pause} ms apart: p50 {median:?} p99 {p99:?}");
        }
    }
}

#[test]
#[ignore = "measures"]
fn feeds() {
    const COUNT: u32 = 1_000_000;
    let cluster = Cluster::new(16);
    let log = cluster.log();
    let mut appender = log.appender("test").unwrap();
    let value = bytes::Bytes::from("x".repeat(250));
    let begun = Instant::now();
    for number in 0..COUNT {
        let record = Outgoing { partition: number % 16, value: value.clone(), ..Outgoing::default() };
        appender.append(Topic::Feed(Feed::Tests), record).unwrap();
    }
    appender.flush().unwrap();
    println!("append: {:.0} records/s", f64::from(COUNT) / begun.elapsed().as_secs_f64());
    for _ in 0..2 {
        let mut source = log.feeds(0).unwrap();
        let (mut count, mut first) = (0, None);
        while count < COUNT as usize {
            count += source.poll(Duration::from_millis(50), 8_192, &mut |_| {}).unwrap();
            if count > 0 {
                first.get_or_insert_with(Instant::now);
            }
        }
        println!("feeds: {:.0} records/s", f64::from(COUNT) / first.unwrap().elapsed().as_secs_f64());
    }
}
