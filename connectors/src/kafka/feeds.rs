//! Raw records of all feeds, at least once.
//!
//! Owns a membership that is rebalanced by the client itself, and what was handed out (`progress`). Must never copy a
//! record, nor begin all partitions anew because of one.

use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use fuma_schemas::Feed;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, Common, failed};
use super::closing::Closing;
use super::gaps::{Gaps, Seen};
use super::native::{Batch, Record, RecordQueue, Taken, cached_bounds};
use super::progress::{Progress, lost};
use super::seldom::client_line;
use crate::log::{FeedRecord, FeedSource, LogError, LostRecords, Severity, Topic};

/// Rebalances are served at least so often.
const WAIT_PIECE: Duration = Duration::from_millis(100);
/// How long the answer to where partitions begin may take before others are served again.
const START_WAIT_MAX: Duration = Duration::from_secs(1);
/// How long that may last before it is said, and how often it is said again.
const START_SAID_AFTER: Duration = Duration::from_secs(10);
const START_SAID_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked at whether a partition stands still.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks between two lines about the same partition.
const HELD_SAID_EVERY: u32 = 12;
/// Partitions that are asked about at a look: an answer may take long.
const ASKED_MAX: usize = 4;

/// Sends newly assigned partitions to the queue, and notes what moved.
struct Moves {
    /// The reader's own: the client must not keep itself alive.
    queue: Mutex<Weak<RecordQueue<Moves>>>,
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

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_line(level, facility, message);
    }
}

impl ConsumerContext for Moves {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let (list, assigned) = match rebalance {
            Rebalance::Assign(list) => (list, true),
            Rebalance::Revoke(list) => (list, false),
            Rebalance::Error(_) => return,
        };
        let queue = lock(&self.queue).upgrade();
        for element in list.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            if assigned && !queue.as_ref().is_some_and(|queue| queue.forward(topic, partition)) {
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

/// The topics, and the progress of each partition.
struct Topics {
    feeds: Vec<(Feed, String, CString)>,
    progress: Vec<Vec<Progress>>,
}

impl Topics {
    fn index(&self, name: &[u8]) -> Option<usize> {
        self.feeds.iter().position(|(_, _, known)| known.as_bytes() == name)
    }

    fn progress(&mut self, topic: usize, partition: i32) -> Option<&mut Progress> {
        progress_of(&mut self.progress, topic, partition)
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

/// What is known of a partition; room is made for it.
fn progress_of(progress: &mut [Vec<Progress>], topic: usize, partition: i32) -> Option<&mut Progress> {
    let partition = usize::try_from(partition).ok()?;
    let partitions = progress.get_mut(topic)?;
    if partitions.len() <= partition {
        partitions.resize(partition + 1, Progress::default());
    }
    partitions.get_mut(partition)
}

/// Reads all feeds.
pub(super) struct KafkaFeeds {
    common: Common,
    /// Before the client, which it keeps alive.
    queue: Option<Arc<RecordQueue<Moves>>>,
    consumer: Closing<Arc<BaseConsumer<Moves>>>,
    batch: Batch,
    topics: Topics,
    /// What was deleted before it was read, until it is asked for.
    lost: Vec<LostRecords>,
    /// Partitions came whose start is not known yet.
    unknown: bool,
    /// Since when it is not, and when that was said.
    unknown_since: Option<(Instant, Option<Instant>)>,
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
        let moves = Moves { queue: Mutex::default(), moved: Mutex::new(Vec::new()), refused: Mutex::new(None) };
        let consumer: BaseConsumer<Moves> = config.create_with_context(moves).map_err(|error| wrong(&error))?;
        let consumer = Arc::new(consumer);
        let queue = RecordQueue::new(&consumer).map(Arc::new);
        *lock(&consumer.context().queue) = queue.as_ref().map(Arc::downgrade).unwrap_or_default();
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
        Ok(KafkaFeeds {
            common,
            queue,
            consumer: Closing::new(consumer),
            batch,
            topics,
            lost: Vec::new(),
            unknown: false,
            unknown_since: None,
            looked: client::now(),
        })
    }

    /// Serves rebalances and errors. A partition that could not be forwarded delivers here.
    fn serve(&mut self, each: &mut dyn FnMut(FeedRecord<'_>)) -> Result<usize, LogError> {
        let mut count = 0;
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            match polled {
                Ok(message) => {
                    let mut hand = Hand::new(&self.common.gaps, &self.consumer, &mut self.topics, &mut self.lost);
                    count += hand.out(&Record::of(&message), each);
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
                let error = failed(&self.common.settings, "offsets of feeds", &error);
                if error.severity() != Severity::Transient {
                    return Err(error);
                }
                let now = client::now();
                let (since, said) = self.unknown_since.get_or_insert((now, None));
                let is_due = said.is_none_or(|at| now.saturating_duration_since(at) >= START_SAID_EVERY);
                if now.saturating_duration_since(*since) >= START_SAID_AFTER && is_due {
                    *said = Some(now);
                    tracing::warn!(target: "kafka", %error, "where the feeds are read from is not known yet: waiting");
                }
                return Ok(false);
            }
        };
        for element in committed.elements() {
            let Some(topic) = self.topics.index(element.topic().as_bytes()) else { continue };
            let Some(progress) = self.topics.progress(topic, element.partition()) else { continue };
            let start = if let Offset::Offset(offset) = element.offset() { offset } else { 0 };
            progress.start.get_or_insert(start);
        }
        self.unknown = false;
        self.unknown_since = None;
        Ok(true)
    }

    /// Looks now and then at each partition: what was deleted unread, what waits behind an open transaction, and
    /// whether records are there that do not come.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = client::now();
        let (consumer, gaps, mut asked) = (&self.consumer, &self.common.gaps, 0);
        for ((feed, topic, name), partition, progress) in self.topics.known() {
            let Some(cached) = cached_bounds(consumer, name, partition) else { continue };
            if let Some(offsets) = progress.begins_at(cached.start) {
                self.lost.push(lost(*feed, topic, partition, offsets));
            }
            let Some(due) = progress.due() else { continue };
            // At the last look, too: what just came is not in the queue yet.
            let waiting = (cached.end > due).then_some(due);
            let waited = std::mem::replace(&mut progress.waiting, waiting);
            if waiting.is_none() || waiting != waited {
                progress.held_looks = 0;
                continue;
            }
            if progress.marker == Some((due, cached.end)) {
                continue;
            }
            asked += 1;
            if asked > ASKED_MAX {
                continue;
            }
            let is_said = progress.held_looks.is_multiple_of(HELD_SAID_EVERY);
            // What is committed ends at the first open transaction.
            let Ok((_, stable)) = consumer.fetch_watermarks(topic, partition, START_WAIT_MAX) else {
                progress.held_looks += 1;
                if is_said {
                    tracing::warn!(
                        target: "kafka", topic, partition, offset = due, waiting = cached.end - due,
                        "records wait here and the partition does not answer: has it a leader?"
                    );
                }
                continue;
            };
            if stable <= due && stable < cached.end {
                progress.held_looks += 1;
                if is_said {
                    tracing::warn!(
                        target: "kafka", topic, partition, offset = stable, waiting = cached.end - stable,
                        "a producer's transaction is open here: what is behind it is read when it ends. If nobody ends \
                         it: `kafka-transactions.sh find-hanging`, then `abort`"
                    );
                }
            } else if stable > due && progress.is_sparse {
                progress.marker = Some((due, cached.end));
            } else if stable > due && !progress.reads_again {
                match gaps.saw(topic, partition, due) {
                    Seen::ReadAgain => progress.reads_again = true,
                    Seen::Believed => progress.is_sparse = true,
                }
            }
        }
    }

    /// Reads partitions again from what is due.
    fn read_again(&mut self) -> Result<(), LogError> {
        for ((_, topic, _), partition, progress) in self.topics.known().filter(|(_, _, it)| it.reads_again) {
            let Some(due) = progress.due() else { continue };
            progress.reads_again = false;
            progress.waiting = None;
            if let Err(error) = self.consumer.seek(topic, partition, Offset::Offset(due), START_WAIT_MAX) {
                // Not for now, or not this member's any more: a new client reads from what is committed.
                return Err(LogError::fatal(format!(
                    "kafka: {topic} partition {partition}: no record at offset {due}, and it can't be read again ({}); \
                     reading again from the committed offset",
                    client::code_of(&error)
                )));
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

/// Hands records out, and notes that they were.
struct Hand<'a> {
    gaps: &'a Gaps,
    consumer: &'a BaseConsumer<Moves>,
    topics: &'a mut Topics,
    lost: &'a mut Vec<LostRecords>,
    /// One topic lives at least as long as its records of a call.
    last: Option<(usize, usize)>,
}

impl<'a> Hand<'a> {
    fn new(
        gaps: &'a Gaps,
        consumer: &'a BaseConsumer<Moves>,
        topics: &'a mut Topics,
        lost: &'a mut Vec<LostRecords>,
    ) -> Hand<'a> {
        Hand { gaps, consumer, topics, lost, last: None }
    }

    /// How many were handed out: one, or none.
    fn out(&mut self, record: &Record<'_>, each: &mut dyn FnMut(FeedRecord<'_>)) -> usize {
        let (identity, partition) = (record.topic_identity(), record.partition());
        let index = match self.last {
            Some((known, index)) if known == identity => Some(index),
            _ => self.topics.index(record.topic().to_bytes()),
        };
        let Some(index) = index else { return 0 };
        self.last = Some((identity, index));
        let Topics { feeds, progress } = &mut *self.topics;
        let Some((feed, topic, _)) = feeds.get(index) else { return 0 };
        let Some(progress) = progress_of(progress, index, partition) else { return 0 };
        if progress.due().is_some_and(|due| record.offset() > due) && !progress.reads_again {
            let low = cached_bounds(self.consumer, record.topic(), partition).map_or(0, |cached| cached.start);
            if let Some(offsets) = progress.begins_at(low.min(record.offset())) {
                self.lost.push(lost(*feed, topic, partition, offsets));
            }
        }
        if !progress.accepts(self.gaps, topic, partition, record.offset()) {
            return 0;
        }
        let mut headers = Vec::new();
        record.headers(&mut headers);
        each(FeedRecord {
            feed: *feed,
            partition: client::partition(partition),
            offset: client::offset(record.offset()),
            received: record.appended_at().map(fuma_schemas::Instant),
            key: record.key(),
            value: record.value(),
            headers: &headers,
        });
        1
    }
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
            if records_max == 0 {
                // There is no room for any: only a member for now.
                std::thread::sleep(left.min(WAIT_PIECE));
            }
            let mut problem = None;
            if let Some(queue) = self.queue.as_ref().filter(|_| records_max > 0) {
                let wait = if count > 0 { Duration::ZERO } else { left.min(WAIT_PIECE) };
                let mut hand = Hand::new(&self.common.gaps, &self.consumer, &mut self.topics, &mut self.lost);
                self.batch.take(queue, wait, records_max.saturating_sub(count), &mut |taken: Taken<'_>| match taken {
                    Ok(record) => count += hand.out(&record, each),
                    Err(fault) => {
                        hand.last = None;
                        problem = Some(fault.code);
                    }
                });
            }
            self.look();
            self.read_again()?;
            if let Some(code) = problem {
                client::problem("feeds", &KafkaError::MessageConsumption(code))?;
            }
            if count > 0 || left.is_zero() {
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
            if let Some(due) = progress.due().map(|due| due.max(cached.start)) {
                lag = Some(lag.unwrap_or(0) + u64::try_from(cached.end - due).unwrap_or(0));
            }
        }
        lag
    }

    fn lost(&mut self) -> Vec<LostRecords> {
        std::mem::take(&mut self.lost)
    }
}
