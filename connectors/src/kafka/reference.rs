//! The reference topics, read whole by everybody.
//!
//! Owns a client that belongs to no group, and how far each topic is read: a record that is skipped, and a client that
//! stands still, are noticed and read again; what was deleted is said. Must never commit.

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, Common, Plain, PlainConsumer, failed};
use super::gaps::{Gaps, Seen};
use super::native::{Batch, Record, RecordQueue, Taken, cached_bounds};
use crate::log::{LogError, LogRecord, Reference, Topic};

/// At most so many records a poll.
const RECORDS_MAX: usize = 4_096;
/// How often it is looked at whether records are there that do not come.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const SEEK_WAIT_MAX: Duration = Duration::from_secs(1);
/// Their only partition.
const PARTITION: i32 = 0;

/// How far a topic is read.
struct Place {
    topic: Topic,
    name: String,
    known: CString,
    /// What is before it was handed out, or is not there.
    next: i64,
    /// The record that was due at the last look, when one was there and did not come.
    waiting: Option<i64>,
    /// It is to be read again from `next` on.
    reads_again: bool,
}

impl Place {
    /// The log begins at `low`: what was due before it is gone.
    fn begins_at(&mut self, low: i64) {
        if self.next < low {
            tracing::warn!(
                target: "kafka", topic = self.name, first = self.next, last = low - 1,
                "these records were deleted: a reference log is kept always. What stood there is not known to this \
                 process"
            );
            self.next = low;
        }
    }

    /// Whether a record may be handed out.
    fn accepts(&mut self, offset: i64, low: i64, gaps: &Gaps) -> bool {
        if self.reads_again || offset < self.next {
            return false;
        }
        self.begins_at(low.min(offset));
        if offset > self.next && gaps.saw(&self.name, PARTITION, self.next) == Seen::ReadAgain {
            self.reads_again = true;
            return false;
        }
        self.next = offset + 1;
        true
    }
}

impl Place {
    /// The end was read. What is before it and did not come is no record (a marker), or the client skipped it.
    fn ends_at(&mut self, offset: i64, low: i64, gaps: &Gaps) {
        self.begins_at(low.min(offset));
        if offset > self.next && gaps.saw(&self.name, PARTITION, self.next) == Seen::ReadAgain {
            self.reads_again = true;
            return;
        }
        self.next = self.next.max(offset);
    }
}

/// Reads regions and policies.
pub(super) struct KafkaReference {
    common: Common,
    consumer: Arc<PlainConsumer>,
    queue: RecordQueue<Plain>,
    batch: Batch,
    places: [Place; 2],
    looked: Instant,
}

impl KafkaReference {
    pub(super) fn new(common: Common) -> Result<KafkaReference, LogError> {
        let settings = &common.settings;
        let wrong = |error: &KafkaError| failed(settings, "reference", error);
        let mut config = client::consumer(settings, "reference", &format!("{}.reference", settings.group));
        config
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "4096")
            .set("enable.partition.eof", "true");
        let made = config.create_with_context(Plain);
        let consumer: Arc<PlainConsumer> = Arc::new(made.map_err(|error| wrong(&error))?);
        let queue = RecordQueue::new(&consumer).ok_or_else(|| LogError::fatal("kafka: reference: no queue"))?;
        let mut places = Vec::new();
        let mut list = TopicPartitionList::with_capacity(2);
        for topic in [Topic::Regions, Topic::Policies] {
            let name = settings.topic(topic);
            let known = CString::new(name.as_str()).map_err(|error| wrong(&error.into()))?;
            list.add_partition_offset(&name, PARTITION, Offset::Beginning).map_err(|error| wrong(&error))?;
            if !queue.forward(&name, PARTITION) {
                return Err(LogError::fatal(format!("kafka: {name} cannot be read")));
            }
            places.push(Place { topic, name, known, next: 0, waiting: None, reads_again: false });
        }
        consumer.assign(&list).map_err(|error| wrong(&error))?;
        let places = <[Place; 2]>::try_from(places).map_err(|_| LogError::fatal("kafka: reference: two topics"))?;
        Ok(KafkaReference { common, consumer, queue, batch: Batch::new(), places, looked: client::now() })
    }

    /// Errors and logs of the client; records come through the queue.
    fn serve(&self) -> Result<(), LogError> {
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            let Err(error) = polled else { continue };
            self.problem(&error)?;
        }
        Ok(())
    }

    fn problem(&self, error: &KafkaError) -> Result<(), LogError> {
        if error.rdkafka_error_code().is_some_and(client::is_operators) {
            return Err(failed(&self.common.settings, "reference", error));
        }
        tracing::debug!(target: "kafka", code = %client::code_of(error), "reference");
        Ok(())
    }

    /// Looks now and then whether records are there that do not come.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = client::now();
        for place in &mut self.places {
            let Some(cached) = cached_bounds(&self.consumer, &place.known, PARTITION) else { continue };
            place.begins_at(cached.start);
            let waiting = (cached.end > place.next).then_some(place.next);
            let waited = std::mem::replace(&mut place.waiting, waiting);
            if waiting.is_some() && waiting == waited {
                let (topic, next, end) = (&place.name, place.next, cached.end);
                tracing::warn!(target: "kafka", topic, next, end, "records do not come: they are read again");
                place.reads_again = true;
            }
        }
    }

    fn read_again(&mut self) -> Result<(), LogError> {
        for place in self.places.iter_mut().filter(|place| place.reads_again) {
            place.reads_again = false;
            let sought = self.consumer.seek(&place.name, PARTITION, Offset::Offset(place.next), SEEK_WAIT_MAX);
            sought.map_err(|error| {
                let code = client::code_of(&error);
                LogError::fatal(format!("kafka: {}: cannot be read again from {}: {code}", place.name, place.next))
            })?;
        }
        Ok(())
    }
}

fn record_of(record: &Record<'_>) -> LogRecord {
    LogRecord {
        partition: client::partition(record.partition()),
        offset: client::offset(record.offset()),
        timestamp: fuma_schemas::Instant(record.timestamp()),
        value: Bytes::copy_from_slice(record.value().unwrap_or_default()),
    }
}

impl Reference for KafkaReference {
    fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Topic, LogRecord)) -> Result<usize, LogError> {
        self.serve()?;
        let (mut count, mut problem) = (0, None);
        let (places, consumer, gaps) = (&mut self.places, &self.consumer, &self.common.gaps);
        self.batch.take(&self.queue, wait, RECORDS_MAX, &mut |taken: Taken<'_>| match taken {
            Ok(record) => {
                let Some(place) = places.iter_mut().find(|place| place.known.as_c_str() == record.topic()) else {
                    return;
                };
                let low = if record.offset() > place.next {
                    cached_bounds(consumer, &place.known, PARTITION).map_or(0, |cached| cached.start)
                } else {
                    0
                };
                if place.accepts(record.offset(), low, gaps) {
                    count += 1;
                    each(place.topic, record_of(&record));
                }
            }
            Err(fault) if fault.code == RDKafkaErrorCode::PartitionEOF => {
                let place = places.iter_mut().find(|place| Some(place.known.as_c_str()) == fault.topic);
                let Some(place) = place.filter(|place| !place.reads_again) else { return };
                let low = cached_bounds(consumer, &place.known, PARTITION).map_or(0, |cached| cached.start);
                place.ends_at(fault.offset, low, gaps);
            }
            Err(fault) => problem = Some(fault.code),
        });
        if let Some(code) = problem {
            self.problem(&KafkaError::MessageConsumption(code))?;
        }
        self.look();
        self.read_again()?;
        Ok(count)
    }

    fn next(&self, topic: Topic) -> u64 {
        self.places.iter().find(|place| place.topic == topic).map_or(0, |place| client::offset(place.next))
    }

    fn end(&mut self, topic: Topic) -> Result<u64, LogError> {
        Ok(self.common.bounds(&self.common.settings.topic(topic), 0)?.end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn place() -> Place {
        let name = "reference-regions.v1".to_owned();
        let known = CString::new(name.as_str()).unwrap();
        Place { topic: Topic::Regions, name, known, next: 0, waiting: None, reads_again: false }
    }

    #[test]
    fn a_record_that_is_skipped_is_read_again_and_what_was_deleted_is_not() {
        let (mut place, gaps) = (place(), Gaps::default());
        assert!(place.accepts(0, 0, &gaps));
        assert!(!place.accepts(2, 0, &gaps) && place.reads_again);
        assert!(!place.accepts(3, 0, &gaps), "not before it is read again");
        place.reads_again = false;
        assert!(place.accepts(1, 0, &gaps) && place.accepts(2, 0, &gaps), "the client had skipped it");
        assert!(place.accepts(10, 10, &gaps) && place.next == 11, "deleted");
        assert!(!place.accepts(4, 10, &gaps), "once");
        place.ends_at(12, 10, &gaps);
        assert!(place.reads_again && place.next == 11, "a record may have been skipped");
        place.reads_again = false;
        place.ends_at(12, 10, &gaps);
        assert!(!place.reads_again && place.next == 12, "it is a marker");
    }

    #[test]
    fn a_log_that_was_emptied_is_read_to_its_end() {
        let (mut place, gaps) = (place(), Gaps::default());
        place.ends_at(500, 500, &gaps);
        assert!(!place.reads_again && place.next == 500);
    }
}
