//! Topics of a test's own, and what a reader of committed records sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fuma_connectors::kafka::{KafkaLog, KafkaSettings};
use fuma_connectors::log::{GroupEvent, Log, LogRecord, Outgoing, OutputRecord, Position, Topic, Topics, WorkerLog};
use fuma_tests::broker::Broker;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

pub(crate) const SOON: Duration = Duration::from_millis(50);

/// Topics of a test's own on the shared broker.
pub(crate) struct Cluster {
    pub(crate) broker: Arc<Broker>,
    pub(crate) settings: KafkaSettings,
}

impl Cluster {
    pub(crate) fn new(partitions: u32) -> Cluster {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let broker = Broker::shared();
        let name = format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut settings = KafkaSettings::new(broker.bootstrap(), format!("{name}-group"));
        settings.prefix = format!("{name}.");
        settings.consumer.insert("session.timeout.ms".to_owned(), "6000".to_owned());
        settings.consumer.insert("max.poll.interval.ms".to_owned(), "6000".to_owned());
        settings.patience = Some(Duration::from_secs(10));
        let cluster = Cluster { broker, settings };
        cluster.create(&Topics::all(), partitions);
        cluster
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.bootstrap());
        config
    }

    pub(crate) fn create(&self, topics: &[Topic], partitions: u32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let names: Vec<(String, Topic)> =
            topics.iter().map(|topic| (topic.name(&self.settings.prefix), *topic)).collect();
        let new: Vec<NewTopic> = names.iter().map(|(name, topic)| new_topic(name, *topic, partitions)).collect();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        for result in block_on(admin.create_topics(&new, &options)).unwrap() {
            result.unwrap();
        }
        // Made, but the broker does not tell everybody at once.
        let told = |name: &str| {
            let metadata = admin.inner().fetch_metadata(Some(name), Duration::from_secs(10)).unwrap();
            let topic = &metadata.topics()[0];
            topic.error().is_none() && topic.partitions().iter().all(|partition| partition.error().is_none())
        };
        while !names.iter().all(|(name, _)| told(name)) {
            std::thread::sleep(SOON);
        }
    }

    /// Has the records of a topic's first partition before an offset deleted.
    pub(crate) fn delete_records(&self, topic: &str, before: i64) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Offset(before)).unwrap();
        block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// Deletes a topic and makes it again.
    pub(crate) fn make_again(&self, topic: Topic) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let name = topic.name(&self.settings.prefix);
        for result in block_on(admin.delete_topics(&[&name], &AdminOptions::new())).unwrap() {
            result.unwrap();
        }
        std::thread::sleep(Duration::from_secs(1));
        self.create(&[topic], 1);
    }

    pub(crate) fn log(&self) -> KafkaLog {
        KafkaLog::connect(self.settings.clone()).unwrap()
    }

    /// Appends evidence "<partition>/<number>", and says how much there is.
    pub(crate) fn evidence(&self, log: &KafkaLog, partitions: u32, each: u32) -> u32 {
        let mut appender = log.appender("test").unwrap();
        for number in 0..each {
            for partition in 0..partitions {
                let value = format!("{partition}/{number}").into_bytes().into();
                appender.append(Topic::Evidence, Outgoing { partition, value, ..Outgoing::default() }).unwrap();
            }
            // Not all at once: readers come and go meanwhile.
            if number % 10 == 9 {
                appender.flush().unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        appender.flush().unwrap();
        partitions * each
    }

    /// All committed changes: partition, key, value, first header.
    pub(crate) fn changes(&self, partitions: u32) -> Vec<(i32, String, String, String)> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", format!("{}reader", self.settings.prefix))
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .create()
            .unwrap();
        let name = Topic::Changes.name(&self.settings.prefix);
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(&name, i32::try_from(partition).unwrap(), Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut found, mut ended) = (Vec::new(), 0);
        while ended < partitions {
            match consumer.poll(Duration::from_secs(10)) {
                Some(Ok(message)) => {
                    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
                    let header =
                        message.headers().and_then(|headers| headers.try_get(0)).map(|header| text(header.value));
                    found.push((
                        message.partition(),
                        text(message.key()),
                        text(message.payload()),
                        header.unwrap_or_default(),
                    ));
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
                other => panic!("{other:?}"),
            }
        }
        found
    }
}

fn new_topic<'a>(name: &'a str, topic: Topic, partitions: u32) -> NewTopic<'a> {
    let partitions = if topic.is_single() { 1 } else { i32::try_from(partitions).unwrap() };
    let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    match topic {
        Topic::Changes => new.set("cleanup.policy", "compact").set("delete.retention.ms", "604800000"),
        _ => new.set("message.timestamp.type", "LogAppendTime"),
    }
}

pub(crate) fn change(partition: u32, key: &str, value: &str) -> OutputRecord {
    let headers = vec![("ce_id", format!("{key}!"))];
    OutputRecord { partition, key: key.to_owned(), value: value.as_bytes().to_vec(), headers }
}

pub(crate) fn position(offset: u64, metadata: &str) -> Position {
    Position { offset: Some(offset), metadata: metadata.to_owned() }
}

/// Polls until something happens to the partitions.
pub(crate) fn event(worker: &mut dyn WorkerLog, records: &mut Vec<LogRecord>) -> GroupEvent {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(event) = worker.poll(SOON, records).unwrap().into_iter().next() {
            return event;
        }
    }
    panic!("nothing happens to the partitions");
}

/// A worker that has all partitions, accepted and not resumed.
pub(crate) fn joined(log: &KafkaLog) -> Box<dyn WorkerLog> {
    let mut worker = log.worker(0).unwrap();
    let mut assigned = Vec::new();
    while assigned.len() < log.partitions() as usize {
        let GroupEvent::Assigned(partitions) = event(worker.as_mut(), &mut Vec::new()) else { panic!("not assigned") };
        worker.accept(&partitions).unwrap();
        assigned.extend(partitions);
    }
    worker
}

/// Polls until there are so many records.
pub(crate) fn records(worker: &mut dyn WorkerLog, count: usize) -> Vec<LogRecord> {
    let mut records = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while records.len() < count && Instant::now() < deadline {
        assert_eq!(worker.poll(SOON, &mut records).unwrap(), []);
    }
    records
}
