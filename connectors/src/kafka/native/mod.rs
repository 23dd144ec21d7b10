//! What the safe client lacks, through its bindings.
//!
//! ```text
//! RecordQueue     partitions -> one queue -> many records a call: a third of the cost of polling one by one
//! flushed         waits for the queue to empty without the 100 ms that the client's own flush sleeps
//! cached_bounds   watermarks that came with the last fetch, without asking
//! questions       what is asked of the brokers: ids of topics, topics of a group
//! membership      the generation and id under which offsets are sent
//! ```
//!
//! Owns every `unsafe` of the crate. Must never hand out what outlives a call.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::{RDKafkaMessage, RDKafkaQueue};

mod questions;
#[cfg(test)]
mod tests;

pub(super) use self::questions::{topic_ids, topics_of_group};

/// A record, for as long as it is looked at.
pub(super) struct Record<'a> {
    message: &'a RDKafkaMessage,
}

/// Name and value of each header.
pub(super) type HeaderRef<'a> = (&'a str, Option<&'a [u8]>);

impl<'a> Record<'a> {
    /// A record that was polled by itself.
    pub(super) fn of(message: &'a BorrowedMessage<'_>) -> Record<'a> {
        // SAFETY: the pointer is valid as long as the message is borrowed.
        Record { message: unsafe { &*message.ptr() } }
    }

    pub(super) fn topic(&self) -> &'a CStr {
        // SAFETY: a message without error has a topic, whose name lives at least as long as the message.
        unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(self.message.rkt)) }
    }

    /// The same for records of one topic, as long as one of them lives.
    pub(super) fn topic_identity(&self) -> usize {
        self.message.rkt as usize
    }

    pub(super) fn partition(&self) -> i32 {
        self.message.partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.message.offset
    }

    pub(super) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: key and key_len describe memory that lives as long as the message.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    pub(super) fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: payload and len describe memory that lives as long as the message.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    /// Milliseconds at which the broker took the message; none where the topic keeps what its producer says.
    pub(super) fn appended_at(&self) -> Option<i64> {
        let mut kind = bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive; the call only reads it.
        let timestamp = unsafe { bindings::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        let is_brokers = matches!(kind, bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME);
        (is_brokers && timestamp >= 0).then_some(timestamp)
    }

    /// Milliseconds of the message's own timestamp, whoever gave it; 0 where there is none.
    pub(super) fn timestamp(&self) -> i64 {
        let mut kind = bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive; the call only reads it.
        unsafe { bindings::rd_kafka_message_timestamp(self.message, &raw mut kind) }.max(0)
    }

    /// The headers, in order; those whose name is not text are left away.
    pub(super) fn headers(&self, headers: &mut Vec<HeaderRef<'a>>) {
        let mut list = ptr::null_mut();
        // SAFETY: the message is alive; on success the list belongs to it and lives as long.
        let error = unsafe { bindings::rd_kafka_message_headers(self.message, &raw mut list) };
        if error.is_error() || list.is_null() {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length): (*const c_char, *const c_void, usize) =
                (ptr::null(), ptr::null(), 0);
            // SAFETY: the list is alive; past its end the call says so.
            let error = unsafe {
                bindings::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut length)
            };
            if error.is_error() || name.is_null() {
                return;
            }
            // SAFETY: name is a C string, value and length describe bytes; both live as long as the list.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, length)) };
            if let Ok(name) = name.to_str() {
                headers.push((name, value));
            }
        }
    }
}

/// # Safety
/// A pointer that is not null must describe `length` bytes that live for `'a`.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller; librdkafka gives null for what is absent, never for what is empty.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) })
}

/// Something other than a record at a place in a partition.
#[derive(Clone, Copy)]
pub(super) struct Fault<'a> {
    pub(super) code: RDKafkaErrorCode,
    /// The topic, where it is about one.
    pub(super) topic: Option<&'a CStr>,
    /// At the end of a partition: where that is.
    pub(super) offset: i64,
}

/// What became of a place in a partition: a record, or something else.
pub(super) type Taken<'a> = Result<Record<'a>, Fault<'a>>;

/// A queue of its own to which partitions are forwarded. It keeps its client alive: a queue that outlived it would be
/// given back to a client that is gone.
pub(super) struct RecordQueue<C: ConsumerContext + 'static> {
    queue: NonNull<RDKafkaQueue>,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's queues may be used from any thread, and its clients too.
unsafe impl<C: ConsumerContext + 'static> Send for RecordQueue<C> {}
// SAFETY: as above; what takes from it needs `&mut` of the buffer beside it.
unsafe impl<C: ConsumerContext + 'static> Sync for RecordQueue<C> {}

impl<C: ConsumerContext + 'static> RecordQueue<C> {
    pub(super) fn new(consumer: &Arc<BaseConsumer<C>>) -> Option<RecordQueue<C>> {
        // SAFETY: the client is alive.
        let queue = unsafe { bindings::rd_kafka_queue_new(consumer.client().native_ptr()) };
        NonNull::new(queue).map(|queue| RecordQueue { queue, consumer: Arc::clone(consumer) })
    }

    /// Has a partition's records come here. To be called before the partition is assigned, so that none slips by.
    pub(super) fn forward(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else { return false };
        // SAFETY: client and name are alive; the handle of the partition's queue is given back below.
        let own = unsafe {
            bindings::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), topic.as_ptr(), partition)
        };
        if own.is_null() {
            return false;
        }
        // SAFETY: both queues are alive, and librdkafka counts who holds them.
        unsafe {
            bindings::rd_kafka_queue_forward(own, self.queue.as_ptr());
            bindings::rd_kafka_queue_destroy(own);
        }
        true
    }
}

impl<C: ConsumerContext + 'static> Drop for RecordQueue<C> {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_queue_new, given back once; the client is alive: it is let go of after this.
        unsafe { bindings::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// Room for the records of a call.
pub(super) struct Batch {
    messages: Vec<*mut RDKafkaMessage>,
}

// SAFETY: empty between calls: nothing in it belongs to a thread.
unsafe impl Send for Batch {}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { messages: Vec::new() }
    }

    /// Takes at most `records_max`, waiting for the first. The call waits for a full buffer or the time given: so one
    /// is taken with the time, the rest without.
    pub(super) fn take<C: ConsumerContext + 'static>(
        &mut self,
        queue: &RecordQueue<C>,
        wait: Duration,
        records_max: usize,
        each: &mut dyn FnMut(Taken<'_>),
    ) -> usize {
        // Rounded up: who waits for less than a millisecond would ask again and again.
        let milliseconds = i32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        let first = self.fill(queue, milliseconds, records_max.min(1), each);
        if first == 0 {
            return 0;
        }
        first + self.fill(queue, 0, records_max - first, each)
    }

    fn fill<C: ConsumerContext + 'static>(
        &mut self,
        queue: &RecordQueue<C>,
        wait_ms: i32,
        room: usize,
        each: &mut dyn FnMut(Taken<'_>),
    ) -> usize {
        if room == 0 {
            return 0;
        }
        self.messages.resize(room, ptr::null_mut());
        // SAFETY: the queue is alive, and the buffer has room for as many pointers as the call is told.
        let count = unsafe {
            bindings::rd_kafka_consume_batch_queue(queue.queue.as_ptr(), wait_ms, self.messages.as_mut_ptr(), room)
        };
        let count = usize::try_from(count).unwrap_or(0).min(room);
        // SAFETY: ours until it is given back, once.
        let give_back = |message: *mut RDKafkaMessage| unsafe { bindings::rd_kafka_message_destroy(message) };
        let left = Left { messages: self.messages.get(..count).unwrap_or_default().iter(), give_back };
        left.look_at_each(|message| {
            // SAFETY: ours until it is given back, and nobody else has it.
            let message = unsafe { message.as_ref() };
            each(look(message));
        });
        count
    }
}

/// What a message is.
fn look(message: &RDKafkaMessage) -> Taken<'_> {
    if !message.err.is_error() {
        return Ok(Record { message });
    }
    // SAFETY: a topic that a message has lives at least as long, and its name with it.
    let topic = (!message.rkt.is_null()).then(|| unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(message.rkt)) });
    Err(Fault { code: message.err.into(), topic, offset: message.offset })
}

/// Messages of ours that are not given back yet. Whatever ends the loop over them, a panic too, they all are.
struct Left<'a, T, F: FnMut(*mut T)> {
    messages: std::slice::Iter<'a, *mut T>,
    give_back: F,
}

impl<T, F: FnMut(*mut T)> Left<'_, T, F> {
    fn look_at_each(mut self, mut each: impl FnMut(NonNull<T>)) {
        // Looked at before it is taken from what is left: one whose look panics is among the rest.
        while let Some(&message) = self.messages.as_slice().first() {
            if let Some(message) = NonNull::new(message) {
                each(message);
            }
            self.messages.next();
            if !message.is_null() {
                (self.give_back)(message);
            }
        }
    }
}

impl<T, F: FnMut(*mut T)> Drop for Left<'_, T, F> {
    fn drop(&mut self) {
        for &message in self.messages.by_ref().filter(|message| !message.is_null()) {
            (self.give_back)(message);
        }
    }
}

/// Whether all records of a producer were answered within the time; cuts its linger short. Reports of failures lie in
/// the client's queue until it is polled, and count until then.
pub(super) fn flushed<C: ProducerContext>(producer: &BaseProducer<C>, wait: Duration) -> bool {
    let milliseconds = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client is alive.
    let error = unsafe { bindings::rd_kafka_flush(producer.client().native_ptr(), milliseconds) };
    !error.is_error()
}

/// First and one past the last record of a partition, as the last fetch said.
pub(super) fn cached_bounds<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &CStr,
    partition: i32,
) -> Option<Range<i64>> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: client and name are alive, and the call only writes the two numbers.
    let error = unsafe {
        bindings::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (!error.is_error() && high >= 0).then_some(low..high)
}

/// The generation and the id of a consumer's place in its group; none where it has no place. The broker takes offsets
/// of no member, and of no generation, without a look at who owns the partitions (R-1).
pub(super) fn membership<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<(i32, Vec<u8>)> {
    // SAFETY: the client is alive; what comes is ours until it is given back below.
    let metadata = unsafe { bindings::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) };
    if metadata.is_null() {
        return None;
    }
    // SAFETY: the metadata is alive until it is given back, its id is a C string or null, and it is copied before.
    let (generation, id) = unsafe {
        let id = bindings::rd_kafka_consumer_group_metadata_member_id(metadata);
        let id = if id.is_null() { Vec::new() } else { CStr::from_ptr(id).to_bytes().to_vec() };
        let generation = bindings::rd_kafka_consumer_group_metadata_generation_id(metadata);
        bindings::rd_kafka_consumer_group_metadata_destroy(metadata);
        (generation, id)
    };
    (generation >= 0 && !id.is_empty()).then_some((generation, id))
}
