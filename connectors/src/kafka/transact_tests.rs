//! A group's coordinator that is away while offsets are sent. A real broker shows it once in many tries, so it is one
//! of librdkafka's own mock brokers that goes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::{MockCluster, MockCoordinator};

use super::asker::Asker;
use super::client::{self, Common, Shared};
use super::gaps::Gaps;
use super::member::Member;
use super::settings::KafkaSettings;
use super::transact::Transactor;
use crate::log::{Code, GroupEvent, Position, Topic, Transaction};

const GROUP: &str = "fuma";

fn common(bootstrap: String) -> Common {
    let mut settings = KafkaSettings::new(bootstrap, GROUP);
    settings.producer.insert("transaction.timeout.ms".to_owned(), "2000".to_owned());
    let asker = Asker::new(&settings).unwrap();
    Arc::new(Shared { settings, asker, gaps: Gaps::default() })
}

fn joined(common: &Common, topic: &str) -> Member {
    let mut member = Member::join(common, "assess-0", GROUP, topic.to_owned(), 0).unwrap();
    let begun = client::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "the group has no member");
        if let Some(GroupEvent::Assigned(partitions)) = member.poll(Duration::from_millis(50), &mut Vec::new()).unwrap()
        {
            member.accept(&partitions).unwrap();
            return member;
        }
    }
}

/// librdkafka waits for such a coordinator without a bound, and the worker with it: no poll, no word, no end.
#[test]
fn a_coordinator_that_is_away_does_not_hold_the_worker() {
    let cluster = MockCluster::new(2).unwrap();
    let common = common(cluster.bootstrap_servers());
    let (evidence, changes) = (common.settings.topic(Topic::Evidence), common.settings.topic(Topic::Changes));
    for topic in [&evidence, &changes] {
        cluster.create_topic(topic, 1, 1).unwrap();
        cluster.partition_leader(topic, 0, Some(1)).unwrap();
    }
    cluster.coordinator(MockCoordinator::Group(GROUP.to_owned()), 2).unwrap();
    for id in ["worker", "worker.2"] {
        cluster.coordinator(MockCoordinator::Transaction(id.to_owned()), 1).unwrap();
    }
    let member = joined(&common, &evidence);
    let mut transactor = Transactor::new(&common.settings, "worker".to_owned(), (evidence, changes)).unwrap();
    let position = [(0, Position { offset: Some(1), metadata: String::new() })];
    let mut commit = || transactor.commit(Transaction { changes: &[], positions: &position }, &member);
    // The first commits find the coordinator, with both ids.
    assert!((0..2).all(|_| commit().is_ok()));
    cluster.broker_down(2).unwrap();
    let begun = client::now();
    let error = loop {
        match commit() {
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(30), "it commits without a coordinator"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Client, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{error}: after {:?}", begun.elapsed());
}
