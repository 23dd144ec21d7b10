//! Dead letters: a record that could not be used, as it came, and why.
//!
//! Owns the headers that say why; the AsyncAPI document describes them. Whoever sends a letter again leaves these
//! headers out, and one that comes all the same is replaced, so that a letter has each once.

use bytes::Bytes;
use fuma_connectors::files::{Oversize, RAW_BYTES_MAX};
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

/// Length and digest of a record that is too large, of which the letter has the first bytes alone.
pub(super) const OVERSIZE_HEADERS: [&str; 2] = ["__fuma.errors.length", "__fuma.errors.sha256"];

/// The dead letter of a record. It goes to the partition from which its record came.
pub(super) fn dead_letter(
    record: &FeedRecord<'_>,
    reject: &Reject,
    topic_prefix: &str,
    oversize: Option<&Oversize>,
) -> Outgoing {
    let bytes = |bytes: Option<&[u8]>| Bytes::copy_from_slice(bytes.unwrap_or_default());
    let original =
        record.headers.iter().filter(|(name, _)| !HEADERS.contains(name) && !OVERSIZE_HEADERS.contains(name));
    let mut headers: Vec<(String, Bytes)> = original.map(|(name, value)| ((*name).to_owned(), bytes(*value))).collect();
    let why = [
        Bytes::from_static(reject.code.name().as_bytes()),
        Bytes::from(reject.message.clone()),
        Bytes::from(Topic::Feed(record.feed).name(topic_prefix)),
        Bytes::from(record.partition.to_string()),
        Bytes::from(record.offset.to_string()),
    ];
    headers.extend(HEADERS.into_iter().map(str::to_owned).zip(why));
    if let Some(oversize) = oversize {
        let said = [Bytes::from(oversize.length.to_string()), Bytes::from(oversize.sha256_hex())];
        headers.extend(OVERSIZE_HEADERS.into_iter().map(str::to_owned).zip(said));
    }
    let kept = if oversize.is_some() { RAW_BYTES_MAX } else { usize::MAX };
    Outgoing {
        partition: record.partition,
        key: record.key.map(Bytes::copy_from_slice),
        value: bytes(record.value.map(|value| value.get(..kept).unwrap_or(value))),
        headers,
    }
}
