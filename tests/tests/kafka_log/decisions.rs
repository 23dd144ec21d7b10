//! The log of decisions on a broker, and what topics are known again by.

use fuma_connectors::log::{Decisions, Log, Topic};
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;

use crate::cluster::{Cluster, SOON};

fn read(decisions: &mut dyn Decisions) -> Vec<(u64, Vec<u8>)> {
    let mut records = Vec::new();
    let end = decisions.read(&mut |record| records.push((record.offset, record.value.to_vec()))).unwrap();
    assert!(records.last().is_none_or(|(offset, _)| offset + 1 == end), "{records:?}");
    records
}

#[test]
fn what_was_appended_is_read_to_the_end() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    let (mut one, mut other) = (log.decisions().unwrap(), log.decisions().unwrap());
    assert!(read(one.as_mut()).is_empty());
    one.append("a".into()).unwrap();
    other.append("b".into()).unwrap();
    let both = vec![(0, b"a".to_vec()), (1, b"b".to_vec())];
    assert_eq!((read(one.as_mut()), read(other.as_mut())), (both.clone(), both));
    other.append("c".into()).unwrap();
    assert_eq!(read(one.as_mut()), [(2, b"c".to_vec())], "it is followed");
    assert_eq!(log.bounds(Topic::Decisions, 0).unwrap(), 0..3);
}

#[test]
fn a_topic_that_is_made_again_has_another_id() {
    let cluster = Cluster::new(2);
    let log = cluster.log();
    let before = log.topics().unwrap();
    assert!(before.iter().all(|topic| topic.id.as_ref().is_some_and(|id| id.len() == 22)), "{before:?}");
    assert_eq!(log.topics().unwrap(), before);
    assert!(log.cluster().unwrap().is_some());
    let of = |topics: &[fuma_connectors::log::TopicIdentity]| {
        topics.iter().find(|topic| topic.topic == Topic::Evidence).cloned()
    };
    assert_eq!(of(&before).unwrap().partitions, 2);
    let admin: AdminClient<DefaultClientContext> = cluster.config().create().unwrap();
    let name = Topic::Evidence.name(&cluster.settings.prefix);
    block_on(admin.delete_topics(&[&name], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
    while of(&log.topics().unwrap()).is_some() {
        std::thread::sleep(SOON);
    }
    cluster.create(&[Topic::Evidence], 2);
    let again = loop {
        // Made, but told to everybody only after a moment.
        if let Some(topic) = of(&log.topics().unwrap()).filter(|topic| topic.id.is_some()) {
            break topic;
        }
        std::thread::sleep(SOON);
    };
    assert_ne!(again.id, of(&before).unwrap().id);
}
