//! Dead letters: a record that could not be used, as it came, and why.
//!
//! A letter is bounded: of a record that is too large, and of one whose key or headers are, it holds the beginning
//! alone, with length and digest of the whole.
//!
//! Owns the headers that say why; the AsyncAPI document describes them. Whoever sends a letter again leaves these
//! headers out, and one that comes all the same is replaced, so that a letter has each once.

use bytes::Bytes;
use fuma_connectors::files::{Oversize, RAW_BYTES_MAX, sha256_hex};
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

/// Length and digest of a record of which the letter has the first bytes alone.
pub(super) const OVERSIZE_HEADERS: [&str; 2] = ["__fuma.errors.length", "__fuma.errors.sha256"];
/// How often the record was sent again: the one of its headers that a cut letter keeps.
const ATTEMPT_HEADER: &str = "__fuma.errors.attempt";

/// Bytes of the record's own key and headers that a letter carries.
const BESIDE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a message in words.
const MESSAGE_BYTES_MAX: usize = 1000;

/// The dead letter of a record. It goes to the partition from which its record came.
pub(super) fn dead_letter(
    record: &FeedRecord<'_>,
    reject: &Reject,
    topic_prefix: &str,
    oversize: Option<&Oversize>,
) -> Outgoing {
    let bytes = |bytes: Option<&[u8]>| Bytes::copy_from_slice(bytes.unwrap_or_default());
    let beside: usize = record.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
    if beside + record.key.map_or(0, <[u8]>::len) > BESIDE_BYTES_MAX {
        return cut_letter_of(record, reject, topic_prefix);
    }
    let original = record.headers.iter().filter(|(name, _)| !is_own(name));
    let mut headers: Vec<(String, Bytes)> = original.map(|(name, value)| ((*name).to_owned(), bytes(*value))).collect();
    headers.extend(why(record, reject, topic_prefix));
    if let Some(oversize) = oversize {
        headers.extend(whole(oversize.length, oversize.sha256_hex()));
    }
    let kept = if oversize.is_some() { RAW_BYTES_MAX } else { usize::MAX };
    Outgoing {
        partition: record.partition,
        key: record.key.map(Bytes::copy_from_slice),
        value: bytes(record.value.map(|value| value.get(..kept).unwrap_or(value))),
        headers,
    }
}

/// The dead letter of a record with its beginning alone: what every topic takes.
pub(super) fn cut_letter_of(record: &FeedRecord<'_>, reject: &Reject, topic_prefix: &str) -> Outgoing {
    let value = record.value.unwrap_or_default();
    let attempts = record.headers.iter().filter(|(name, value)| is_attempt(name, value.unwrap_or_default()));
    let attempts =
        attempts.map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value.unwrap_or_default())));
    let why = why(record, reject, topic_prefix);
    Outgoing {
        partition: record.partition,
        key: record.key.filter(|key| key.len() <= RAW_BYTES_MAX).map(Bytes::copy_from_slice),
        value: Bytes::copy_from_slice(value.get(..RAW_BYTES_MAX).unwrap_or(value)),
        headers: attempts.chain(why).chain(whole(value.len() as u64, sha256_hex(value))).collect(),
    }
}

/// A letter with the beginning of its record alone; none if it is cut already.
pub(in crate::live) fn cut_letter(letter: &Outgoing) -> Option<Outgoing> {
    let is_whole = |name: &str| OVERSIZE_HEADERS.contains(&name);
    let stays = |(name, value): &&(String, Bytes)| is_own(name) || is_attempt(name, value);
    let mut headers: Vec<(String, Bytes)> = letter.headers.iter().filter(stays).cloned().collect();
    let key = letter.key.clone().filter(|key| key.len() <= RAW_BYTES_MAX);
    if headers.iter().any(|(name, _)| is_whole(name)) {
        let is_cut = headers.len() == letter.headers.len() && key.is_some() == letter.key.is_some();
        return (!is_cut).then(|| Outgoing { key, headers, ..letter.clone() });
    }
    headers.extend(whole(letter.value.len() as u64, sha256_hex(&letter.value)));
    let value = Bytes::copy_from_slice(letter.value.get(..RAW_BYTES_MAX).unwrap_or(&letter.value));
    Some(Outgoing { partition: letter.partition, key, value, headers })
}

fn is_own(name: &str) -> bool {
    HEADERS.contains(&name) || OVERSIZE_HEADERS.contains(&name)
}

fn is_attempt(name: &str, value: &[u8]) -> bool {
    name == ATTEMPT_HEADER && value.len() <= 10
}

fn why(record: &FeedRecord<'_>, reject: &Reject, topic_prefix: &str) -> impl Iterator<Item = (String, Bytes)> {
    let end = reject.message.floor_char_boundary(MESSAGE_BYTES_MAX);
    let why = [
        Bytes::from_static(reject.code.name().as_bytes()),
        Bytes::from(reject.message.get(..end).unwrap_or_default().to_owned()),
        Bytes::from(Topic::Feed(record.feed).name(topic_prefix)),
        Bytes::from(record.partition.to_string()),
        Bytes::from(record.offset.to_string()),
    ];
    HEADERS.into_iter().map(str::to_owned).zip(why)
}

fn whole(length: u64, sha256: String) -> impl Iterator<Item = (String, Bytes)> {
    OVERSIZE_HEADERS.into_iter().map(str::to_owned).zip([Bytes::from(length.to_string()), Bytes::from(sha256)])
}
