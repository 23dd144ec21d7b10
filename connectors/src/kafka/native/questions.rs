//! Questions to the brokers that the safe client cannot ask.
//!
//! ```text
//! topic_ids        what tells a topic from one of the same name that was made later
//! topics_of_group  the topics in which a group has positions
//! ```
//!
//! Owns the queue of an answer, until it is read. Must never hand out what lies in an answer.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{IsError, RDKafkaErrorCode};

/// Asks a question, and reads the answer while it is alive.
///
/// # Safety
/// `request` must ask this client with these options, and have the answer put into this queue; the call that asks
/// copies the options. `read` gets an answer without an error, alive for the call.
unsafe fn ask<C: ClientContext, T>(
    client: &Client<C>,
    kind: bindings::rd_kafka_admin_op_t,
    wait: Duration,
    request: impl FnOnce(
        *mut bindings::rd_kafka_t,
        *const bindings::rd_kafka_AdminOptions_t,
        *mut bindings::rd_kafka_queue_t,
    ),
    read: impl FnOnce(*mut bindings::rd_kafka_event_t) -> Result<T, RDKafkaErrorCode>,
) -> Result<T, RDKafkaErrorCode> {
    let milliseconds = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let native = client.native_ptr();
    // SAFETY: the client is alive; what is made here is given back below, after its last use. The queue is the only
    // place to which the answer goes.
    unsafe {
        let queue = bindings::rd_kafka_queue_new(native);
        let options = bindings::rd_kafka_AdminOptions_new(native, kind);
        bindings::rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, ptr::null_mut(), 0);
        request(native, options, queue);
        bindings::rd_kafka_AdminOptions_destroy(options);
        let event = bindings::rd_kafka_queue_poll(queue, milliseconds.saturating_add(1_000));
        let answer = if event.is_null() {
            Err(RDKafkaErrorCode::OperationTimedOut)
        } else {
            let error = bindings::rd_kafka_event_error(event);
            let answer = if error.is_error() { Err(error.into()) } else { read(event) };
            bindings::rd_kafka_event_destroy(event);
            answer
        };
        bindings::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// The ids of topics as Kafka's own tools show them; none of a topic that is not there, or whose broker has no ids.
pub(in crate::kafka) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    names: &[String],
    wait: Duration,
) -> Result<Vec<(String, Option<String>)>, RDKafkaErrorCode> {
    let owned: Vec<CString> = names.iter().filter_map(|name| CString::new(name.as_str()).ok()).collect();
    let mut pointers: Vec<*const c_char> = owned.iter().map(|name| name.as_ptr()).collect();
    let kind = bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    // SAFETY: the names are alive, the call that asks copies them, and the collection is given back after it.
    unsafe {
        let request = |native, options, queue| {
            let topics = bindings::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            bindings::rd_kafka_DescribeTopics(native, topics, options, queue);
            bindings::rd_kafka_TopicCollection_destroy(topics);
        };
        ask(client, kind, wait, request, |event| described(event))
    }
}

/// # Safety
/// The pointer must be an event of a queue, and stay it for the call.
unsafe fn described(event: *mut bindings::rd_kafka_event_t) -> Result<Vec<(String, Option<String>)>, RDKafkaErrorCode> {
    // SAFETY: the event is alive, and so is all that hangs on it; a result of another kind is given as null.
    unsafe {
        let result = bindings::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::OperationTimedOut);
        }
        let mut count = 0;
        let list = bindings::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let mut found = Vec::with_capacity(count);
        for place in 0..count {
            let topic = *list.add(place);
            let name = CStr::from_ptr(bindings::rd_kafka_TopicDescription_name(topic)).to_string_lossy().into_owned();
            let error = bindings::rd_kafka_TopicDescription_error(topic);
            let id = bindings::rd_kafka_TopicDescription_topic_id(topic);
            let is_known = (error.is_null() || !bindings::rd_kafka_error_code(error).is_error()) && !id.is_null();
            found.push((name, if is_known { uuid(id) } else { None }));
        }
        Ok(found)
    }
}

/// # Safety
/// The pointer must be a uuid that lives for the call.
unsafe fn uuid(id: *const bindings::rd_kafka_Uuid_t) -> Option<String> {
    // SAFETY: promised by the caller; the text belongs to the uuid.
    unsafe {
        let bits =
            [bindings::rd_kafka_Uuid_most_significant_bits(id), bindings::rd_kafka_Uuid_least_significant_bits(id)];
        let text = bindings::rd_kafka_Uuid_base64str(id);
        if bits == [0, 0] || text.is_null() {
            return None;
        }
        // Kafka writes them in the letters of URLs.
        Some(CStr::from_ptr(text).to_string_lossy().replace('+', "-").replace('/', "_"))
    }
}

/// The topics in which a group has committed offsets, each once.
pub(in crate::kafka) fn topics_of_group<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    wait: Duration,
) -> Result<Vec<String>, RDKafkaErrorCode> {
    let Ok(group) = CString::new(group) else { return Ok(Vec::new()) };
    let kind = bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    // SAFETY: the name is alive, and the question is given back after it was asked; without a list of partitions all
    // of the group are asked for.
    unsafe {
        let request = |native, options, queue| {
            let mut asked = bindings::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), ptr::null());
            bindings::rd_kafka_ListConsumerGroupOffsets(native, &raw mut asked, 1, options, queue);
            bindings::rd_kafka_ListConsumerGroupOffsets_destroy(asked);
        };
        ask(client, kind, wait, request, |event| topics_of(event))
    }
}

/// # Safety
/// The pointer must be an event of a queue, and stay it for the call.
unsafe fn topics_of(event: *mut bindings::rd_kafka_event_t) -> Result<Vec<String>, RDKafkaErrorCode> {
    // SAFETY: the event is alive, and so is all that hangs on it; a result of another kind is given as null.
    unsafe {
        let result = bindings::rd_kafka_event_ListConsumerGroupOffsets_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::OperationTimedOut);
        }
        let mut count = 0;
        let groups = bindings::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
        let mut topics = Vec::new();
        for place in 0..count {
            let group = *groups.add(place);
            let error = bindings::rd_kafka_group_result_error(group);
            if !error.is_null() && bindings::rd_kafka_error_code(error).is_error() {
                return Err(bindings::rd_kafka_error_code(error).into());
            }
            let list = bindings::rd_kafka_group_result_partitions(group);
            if list.is_null() {
                continue;
            }
            for element in 0..usize::try_from((*list).cnt).unwrap_or(0) {
                let element = &*(*list).elems.add(element);
                let name = CStr::from_ptr(element.topic).to_string_lossy().into_owned();
                if element.offset >= 0 && !topics.contains(&name) {
                    topics.push(name);
                }
            }
        }
        Ok(topics)
    }
}
