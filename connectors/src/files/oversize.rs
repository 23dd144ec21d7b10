//! Records that are longer than the contract allows: `too-large` (docs/feeds.md section 1).
//!
//! Owns the two limits, and what is kept of such a record: its first bytes, its length and its digest. Must never hold
//! more of it, however long it goes on.

use sha2::{Digest as _, Sha256};

/// The most bytes of a record: of a line between two LF, of a message's value.
pub const RECORD_BYTES_MAX: usize = 1_048_576;
/// As many bytes of a longer one stand in its reject.
pub const RAW_BYTES_MAX: usize = 4096;

/// What a reject says of a record that is too large, beside its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Oversize {
    /// How many bytes it has.
    pub length: u64,
    /// SHA-256 over all of them.
    pub sha256: [u8; 32],
}

impl Oversize {
    /// Of a record that is at hand; none if it is not too large.
    pub fn of(record: &[u8]) -> Option<Oversize> {
        (record.len() > RECORD_BYTES_MAX).then(|| Long::of(record).oversize())
    }

    /// The digest in lower-case hex.
    pub fn sha256_hex(&self) -> String {
        hex(&self.sha256)
    }

    /// What is wrong, in words.
    pub fn message(&self) -> String {
        format!("the record has {} bytes; at most {RECORD_BYTES_MAX} are allowed", self.length)
    }
}

/// The SHA-256 of a record in lower-case hex.
pub fn sha256_hex(record: &[u8]) -> String {
    hex(&Sha256::digest(record))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A record that goes on.
#[derive(Clone)]
pub(crate) struct Long {
    raw: Vec<u8>,
    length: u64,
    digest: Sha256,
    is_blank: bool,
}

impl Long {
    /// That begins with these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Long {
        let mut long = Long { raw: Vec::new(), length: 0, digest: Sha256::new(), is_blank: true };
        long.extend(bytes);
        long
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        let room = RAW_BYTES_MAX - self.raw.len();
        self.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
        self.digest.update(bytes);
        self.is_blank = self.is_blank && bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    }

    /// Blanks alone are an empty line, however many.
    pub(crate) fn is_blank(&self) -> bool {
        self.is_blank
    }

    pub(crate) fn oversize(&self) -> Oversize {
        Oversize { length: self.length, sha256: self.digest.clone().finalize().into() }
    }

    /// Its first bytes.
    pub(crate) fn into_raw(self) -> Vec<u8> {
        self.raw
    }
}
