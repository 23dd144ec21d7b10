//! Dead letters: a record that could not be used, as it came, and why.
//!
//! Owns the headers that say why; the AsyncAPI document describes them. Whoever sends a letter again leaves these
//! headers out, and one that comes all the same is replaced, so that a letter has each once.

use bytes::Bytes;
use fuma_connectors::log::{FeedRecord, Outgoing, Topic};

use crate::intake::Reject;

/// Code, message, topic, partition and offset, in this order.
pub(super) const HEADERS: [&str; 5] = [
    "__fuma.errors.code",
    "__fuma.errors.message",
    "__fuma.errors.topic",
    "__fuma.errors.partition",
    "__fuma.errors.offset",
];

/// The dead letter of a record. It goes to the partition from which its record came.
pub(super) fn dead_letter(record: &FeedRecord<'_>, reject: &Reject, topic_prefix: &str) -> Outgoing {
    let bytes = |bytes: Option<&[u8]>| Bytes::copy_from_slice(bytes.unwrap_or_default());
    let original = record.headers.iter().filter(|(name, _)| !HEADERS.contains(name));
    let mut headers: Vec<(String, Bytes)> = original.map(|(name, value)| ((*name).to_owned(), bytes(*value))).collect();
    let why = [
        Bytes::from_static(reject.code.name().as_bytes()),
        Bytes::from(reject.message.clone()),
        Bytes::from(Topic::Feed(record.feed).name(topic_prefix)),
        Bytes::from(record.partition.to_string()),
        Bytes::from(record.offset.to_string()),
    ];
    headers.extend(HEADERS.into_iter().map(str::to_owned).zip(why));
    Outgoing {
        partition: record.partition,
        key: record.key.map(Bytes::copy_from_slice),
        value: bytes(record.value),
        headers,
    }
}
