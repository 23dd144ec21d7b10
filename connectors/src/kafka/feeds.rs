//! Raw records of all feeds, at least once.
//!
//! Owns a membership that is rebalanced by the client itself, and what was handed out. Must never copy a record.

use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fuma_schemas::Feed;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, Common, failed};
use super::gaps::Gaps;
use super::native::{Batch, Record, RecordQueue, Taken, cached_bounds};
use crate::log::{FeedRecord, FeedSource, LogError, Severity, Topic};

/// Rebalances are served at least so often.
const WAIT_PIECE: Duration = Duration::from_millis(100);
/// How long the answer to where partitions begin may take before others are served again.
const START_WAIT_MAX: Duration = Duration::from_secs(1);
/// How often it is looked at whether a partition stands still, while nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Sends newly assigned partitions to the queue, and notes what moved.
struct Moves {
    queue: Mutex<Option<Arc<RecordQueue>>>,
    /// Topic and partition of what came or went since the last look, and whether it came.
    moved: Mutex<Vec<(String, i32, bool)>>,
    /// How the last commit failed.
    refused: Mutex<Option<RDKafkaErrorCode>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Moves {
    fn error(&self, error: KafkaError, reason: &str) {
        client::log_error(&error, reason);
    }
}

impl ConsumerContext for Moves {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let (list, assigned) = match rebalance {
            Rebalance::Assign(list) => (list, true),
            Rebalance::Revoke(list) => (list, false),
            Rebalance::Error(_) => return,
        };
        let queue = lock(&self.queue).clone();
        for element in list.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            if assigned && !queue.as_ref().is_some_and(|queue| queue.forward(consumer, topic, partition)) {
                tracing::debug!(target: "kafka", topic, partition, "read one by one");
            }
            lock(&self.moved).push((topic.to_owned(), partition, assigned));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            *lock(&self.refused) = error.rdkafka_error_code();
        }
    }
}

/// What was handed out of a partition, and what was noted of it.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// What was committed when it came here, 0 where nothing was; none while that is not known.
    start: Option<i64>,
    /// One past the last record handed out; none since it came here.
    next: Option<i64>,
    noted: Option<i64>,
    /// The record that was due at the last look, when one was there and did not come.
    waiting: Option<i64>,
    /// Its gaps are its producer's.
    sparse: bool,
}

impl Progress {
    /// The offset that is due. At the beginning what was deleted meanwhile is not due any more.
    fn due(&self, low: impl FnOnce() -> Option<i64>) -> Option<i64> {
        self.next.or_else(|| self.start.map(|start| start.max(low().unwrap_or(start))))
    }
}

/// The topics, and the progress of each partition.
struct Topics {
    feeds: Vec<(Feed, String, CString)>,
    progress: Vec<Vec<Progress>>,
}

impl Topics {
    fn index(&self, name: &[u8]) -> Option<usize> {
        self.feeds.iter().position(|(_, _, known)| known.as_bytes() == name)
    }

    /// What is known of a partition; room is made for it.
    fn progress(&mut self, topic: usize, partition: i32) -> Option<&mut Progress> {
        let partition = usize::try_from(partition).ok()?;
        let partitions = self.progress.get_mut(topic)?;
        if partitions.len() <= partition {
            partitions.resize(partition + 1, Progress::default());
        }
        partitions.get_mut(partition)
    }

    fn forget(&mut self, topic: &str, partition: i32) {
        if let Some(index) = self.index(topic.as_bytes())
            && let Some(progress) = self.progress(index, partition)
        {
            *progress = Progress::default();
        }
    }

    /// Every partition that is here: topic, partition, progress.
    fn known(&mut self) -> impl Iterator<Item = (&(Feed, String, CString), i32, &mut Progress)> {
        self.feeds.iter().zip(&mut self.progress).flat_map(|(feed, partitions)| {
            let here = |progress: &Progress| progress.start.or(progress.next).is_some();
            let known = partitions.iter_mut().enumerate().filter(move |(_, progress)| here(progress));
            known.map(move |(partition, progress)| (feed, i32::try_from(partition).unwrap_or(i32::MAX), progress))
        })
    }
}

/// Reads all feeds.
pub(super) struct KafkaFeeds {
    common: Common,
    consumer: BaseConsumer<Moves>,
    queue: Option<Arc<RecordQueue>>,
    batch: Batch,
    topics: Topics,
    /// Partitions came whose start is not known yet.
    unknown: bool,
    looked: Instant,
}

impl KafkaFeeds {
    pub(super) fn new(common: Common, slot: usize) -> Result<KafkaFeeds, LogError> {
        let settings = &common.settings;
        let name = format!("intake-{slot}");
        let wrong = |error: &KafkaError| failed(settings, &name, error);
        let mut config = client::consumer(settings, &name, &format!("{}.intake", settings.group));
        config.set("auto.offset.reset", "earliest");
        if !settings.consumer.contains_key("queued.max.messages.kbytes") {
            config.set("queued.max.messages.kbytes", "32768");
        }
        if let Some(instance) = &settings.instance {
            config.set("group.instance.id", format!("{instance}-{slot}"));
        }
        let moves = Moves { queue: Mutex::new(None), moved: Mutex::new(Vec::new()), refused: Mutex::new(None) };
        let consumer: BaseConsumer<Moves> = config.create_with_context(moves).map_err(|error| wrong(&error))?;
        let queue = RecordQueue::new(&consumer).map(Arc::new);
        (*lock(&consumer.context().queue)).clone_from(&queue);
        let mut feeds = Vec::new();
        for feed in Feed::ALL {
            let topic = settings.topic(Topic::Feed(feed));
            let known = CString::new(topic.as_str()).map_err(|error| wrong(&error.into()))?;
            feeds.push((feed, topic, known));
        }
        let names: Vec<&str> = feeds.iter().map(|(_, name, _)| name.as_str()).collect();
        consumer.subscribe(&names).map_err(|error| wrong(&error))?;
        let topics = Topics { progress: vec![Vec::new(); feeds.len()], feeds };
        let batch = Batch::new();
        Ok(KafkaFeeds { common, consumer, queue, batch, topics, unknown: false, looked: client::now() })
    }

    /// Serves rebalances and errors. A partition that could not be forwarded delivers here.
    fn serve(&mut self, each: &mut dyn FnMut(FeedRecord<'_>)) -> Result<usize, LogError> {
        let mut count = 0;
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            match polled {
                Ok(message) => {
                    let (topics, record) = (&mut self.topics, Record::of(&message));
                    count += hand_out(&self.common.gaps, &self.consumer, topics, &mut None, &record, each)?;
                }
                Err(error) => client::problem("feeds", &error)?,
            }
        }
        for (topic, partition, assigned) in lock(&self.consumer.context().moved).drain(..) {
            self.topics.forget(&topic, partition);
            self.unknown |= assigned;
        }
        Ok(count)
    }

    /// Whether it is known where each partition begins: what is read is compared with it. A client that lost its place
    /// before the first record would be noticed by nothing else.
    fn starts(&mut self) -> Result<bool, LogError> {
        if !self.unknown {
            return Ok(true);
        }
        let committed = match self.consumer.committed(START_WAIT_MAX) {
            Ok(committed) => committed,
            Err(error) => {
                return match failed(&self.common.settings, "offsets of feeds", &error) {
                    error if error.severity() == Severity::Transient => Ok(false),
                    error => Err(error),
                };
            }
        };
        for element in committed.elements() {
            let Some(topic) = self.topics.index(element.topic().as_bytes()) else { continue };
            let Some(progress) = self.topics.progress(topic, element.partition()) else { continue };
            let start = if let Offset::Offset(offset) = element.offset() { offset } else { 0 };
            progress.start.get_or_insert(start);
        }
        self.unknown = false;
        Ok(true)
    }

    /// Looks now and then whether records wait in a partition of which nothing comes.
    fn stands_still(&mut self) -> Result<(), LogError> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.looked = client::now();
        let (consumer, gaps) = (&self.consumer, &self.common.gaps);
        for ((_, topic, name), partition, progress) in self.topics.known() {
            let cached = cached_bounds(consumer, name, partition);
            let Some(due) = progress.due(|| cached.as_ref().map(|cached| cached.start)) else { continue };
            // At the last look, too: what just came is not in the queue yet.
            let waiting = cached.is_some_and(|cached| cached.end > due).then_some(due);
            let waited = std::mem::replace(&mut progress.waiting, waiting);
            if waiting.is_some() && waiting == waited && !progress.sparse {
                gaps.saw(topic, partition, due)?;
                progress.sparse = true;
            }
        }
        Ok(())
    }

    /// How the last commit ended. A generation that is over is nothing to speak of: the partitions moved.
    fn last_commit(&mut self) -> Result<(), LogError> {
        use RDKafkaErrorCode as Code;
        let Some(code) = lock(&self.consumer.context().refused).take() else { return Ok(()) };
        self.topics.known().for_each(|(_, _, progress)| progress.noted = None);
        match code {
            Code::NoOffset | Code::IllegalGeneration | Code::RebalanceInProgress | Code::UnknownMemberId => Ok(()),
            code => Err(LogError::transient(format!("kafka: offsets of feeds: {code:?}"))),
        }
    }
}

/// Hands a record out, and notes that it was; behind a gap nothing is.
fn hand_out(
    gaps: &Gaps,
    consumer: &BaseConsumer<Moves>,
    topics: &mut Topics,
    last: &mut Option<(usize, usize)>,
    record: &Record<'_>,
    each: &mut dyn FnMut(FeedRecord<'_>),
) -> Result<usize, LogError> {
    let identity = record.topic_identity();
    let index = match *last {
        Some((known, index)) if known == identity => Some(index),
        _ => topics.index(record.topic().to_bytes()),
    };
    let Some(index) = index else { return Ok(0) };
    *last = Some((identity, index));
    let Some(feed) = topics.feeds.get(index).map(|(feed, ..)| *feed) else { return Ok(0) };
    let Some(progress) = topics.progress(index, record.partition()) else { return Ok(0) };
    let low = || cached_bounds(consumer, record.topic(), record.partition()).map(|cached| cached.start);
    if !progress.sparse
        && let Some(due) = progress.due(low).filter(|due| record.offset() > *due)
    {
        gaps.saw(&record.topic().to_string_lossy(), record.partition(), due)?;
        progress.sparse = true;
    }
    progress.next = Some(record.offset() + 1);
    let mut headers = Vec::new();
    record.headers(&mut headers);
    each(FeedRecord {
        feed,
        partition: client::partition(record.partition()),
        offset: client::offset(record.offset()),
        received: record.appended_at().map(fuma_schemas::Instant),
        key: record.key(),
        value: record.value(),
        headers: &headers,
    });
    Ok(1)
}

impl FeedSource for KafkaFeeds {
    fn poll(
        &mut self,
        wait: Duration,
        records_max: usize,
        each: &mut dyn FnMut(FeedRecord<'_>),
    ) -> Result<usize, LogError> {
        let until = client::now() + wait;
        loop {
            let mut count = self.serve(each)?;
            let left = until.saturating_duration_since(client::now());
            if !self.starts()? {
                return Ok(count);
            }
            let mut problem = None;
            let mut skipped = Ok(());
            // One topic lives at least as long as its records of this call.
            let mut last = None;
            if let Some(queue) = &self.queue {
                let wait = if count > 0 { Duration::ZERO } else { left.min(WAIT_PIECE) };
                let (topics, consumer, gaps) = (&mut self.topics, &self.consumer, &self.common.gaps);
                self.batch.take(queue, wait, records_max.saturating_sub(count), &mut |taken: Taken<'_>| match taken {
                    // Behind a gap all is read again.
                    Ok(_) if skipped.is_err() => {}
                    Ok(record) => match hand_out(gaps, consumer, topics, &mut last, &record, each) {
                        Ok(handed) => count += handed,
                        Err(error) => skipped = Err(error),
                    },
                    Err((code, _)) => {
                        last = None;
                        problem = Some(code);
                    }
                });
            }
            skipped?;
            if let Some(code) = problem {
                client::problem("feeds", &KafkaError::MessageConsumption(code))?;
            }
            if count > 0 || left.is_zero() {
                if count == 0 {
                    self.stands_still()?;
                }
                return Ok(count);
            }
        }
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let last = self.last_commit();
        let mut list = TopicPartitionList::new();
        for ((_, topic, _), partition, progress) in self.topics.known() {
            let Some(next) = progress.next.filter(|next| progress.noted != Some(*next)) else { continue };
            let added = list.add_partition_offset(topic, partition, Offset::Offset(next));
            added.map_err(|error| failed(&self.common.settings, "offsets of feeds", &error))?;
            progress.noted = Some(next);
        }
        if list.count() > 0 {
            let asked = self.consumer.commit(&list, CommitMode::Async);
            asked.map_err(|error| failed(&self.common.settings, "offsets of feeds", &error))?;
        }
        last
    }

    fn lag(&mut self) -> Option<u64> {
        let consumer = &self.consumer;
        let mut lag = None;
        for ((_, _, name), partition, progress) in self.topics.known() {
            let Some(cached) = cached_bounds(consumer, name, partition) else { continue };
            if let Some(due) = progress.due(|| Some(cached.start)) {
                lag = Some(lag.unwrap_or(0) + u64::try_from(cached.end - due).unwrap_or(0));
            }
        }
        lag
    }
}

impl Drop for KafkaFeeds {
    fn drop(&mut self) {
        // The queue goes before its client, and the client must not hand it out again while it leaves the group.
        lock(&self.consumer.context().queue).take();
        self.queue.take();
    }
}
