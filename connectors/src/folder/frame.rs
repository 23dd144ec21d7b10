//! A frame: one record as it lies in a segment.
//!
//! ```text
//! length u32 | crc32 u32 | timestamp i64 | offset u64 | synced u64 | value (length bytes)      all little-endian
//! ```
//!
//! The checksum covers all that follows it, and the length. `synced` is the offset below which everything had been
//! synced when the frame was written: it tells a tail that power took away (nobody was promised it) from damage.
//!
//! Owns the layout. Must never read a file.

use bytes::Bytes;

/// Bytes before the value.
pub(super) const HEADER_BYTES: usize = 32;
/// No value is longer: a length beyond is damage.
pub(super) const VALUE_BYTES_MAX: usize = 256 << 20;

/// What stands before a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) length: usize,
    pub(super) timestamp_ms: i64,
    pub(super) offset: u64,
    pub(super) synced: u64,
}

/// What bytes begin with.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A whole frame, its length in all.
    Frame(Header, usize),
    /// The beginning of one: more bytes are wanted, so many in all.
    Short(usize),
    /// No frame.
    Damaged,
}

/// Appends a frame.
pub(super) fn write(out: &mut Vec<u8>, header: Header, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&header.timestamp_ms.to_le_bytes());
    out.extend_from_slice(&header.offset.to_le_bytes());
    out.extend_from_slice(&header.synced.to_le_bytes());
    out.extend_from_slice(value);
    let checksum = checksum(&out[start..]).to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&checksum);
}

/// Reads the frame that bytes begin with.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else { return Parsed::Short(HEADER_BYTES) };
    let header = header(head);
    if header.length > VALUE_BYTES_MAX {
        return Parsed::Damaged;
    }
    let length = HEADER_BYTES + header.length;
    let Some(frame) = bytes.get(..length) else { return Parsed::Short(length) };
    match checksum(frame).to_le_bytes() == frame[4..8] {
        true => Parsed::Frame(header, length),
        false => Parsed::Damaged,
    }
}

/// The header as it stands, not checked.
pub(super) fn header(head: &[u8; HEADER_BYTES]) -> Header {
    Header {
        length: u32::from_le_bytes(part(head, 0)) as usize,
        timestamp_ms: i64::from_le_bytes(part(head, 8)),
        offset: u64::from_le_bytes(part(head, 16)),
        synced: u64::from_le_bytes(part(head, 24)),
    }
}

/// The value of a frame that was parsed.
pub(super) fn value(bytes: &Bytes, place: usize, length: usize) -> Bytes {
    bytes.slice(place + HEADER_BYTES..place + length)
}

fn part<const N: usize>(head: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&head[at..at + N]);
    part
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..4]);
    hasher.update(&frame[8..]);
    hasher.finalize()
}
