//! NDJSON: large reads, cut behind the last line end.
//!
//! Owns the numbering of lines. Must never do work for each line: a block costs one read, one count of its line ends
//! and a copy of its tail.

use std::io::Read;

use super::{Block, Fault};

/// How packed files and Parquet begin. No line of JSON begins so, and a whole file of rejects would hide a wrong
/// name.
const FOREIGN: [(&[u8], &str); 3] = [
    (b"\x1f\x8b\x08", "it holds gzip data"),
    (b"\x28\xb5\x2f\xfd", "it holds zstd data"),
    (b"PAR1\x15", "it holds Parquet data"),
];

/// Reads lines to the end and hands them over in blocks of `block_bytes` and the rest of a line.
pub(super) fn read(mut source: impl Read, block_bytes: usize, each: &mut dyn FnMut(Block)) -> Result<(), Fault> {
    let mut first_line = 1;
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let mut bytes = std::mem::take(&mut tail);
        let at_end = fill(&mut source, block_bytes, &mut bytes)?;
        if first_line == 1 {
            refuse_foreign(&bytes)?;
        }
        if !at_end {
            let cut = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            tail.reserve_exact(bytes.len() - cut + block_bytes);
            tail.extend_from_slice(&bytes[cut..]);
            bytes.truncate(cut);
        }
        if !bytes.is_empty() {
            let lines = memchr::memchr_iter(b'\n', &bytes).count();
            each(Block { first_line, bytes, bad_rows: Vec::new() });
            first_line += lines as u64;
        }
        if at_end {
            return Ok(());
        }
    }
}

/// Appends `block_bytes` at a time until a line ends; says whether the source has.
fn fill(source: &mut impl Read, block_bytes: usize, bytes: &mut Vec<u8>) -> Result<bool, Fault> {
    loop {
        let held = bytes.len();
        bytes.reserve(block_bytes);
        let read = source.take(block_bytes as u64).read_to_end(bytes)?;
        if read < block_bytes {
            return Ok(true);
        }
        if memchr::memrchr(b'\n', &bytes[held..]).is_some() {
            return Ok(false);
        }
    }
}

fn refuse_foreign(bytes: &[u8]) -> Result<(), Fault> {
    match FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, what)) => Err(Fault::Damaged(format!("it is not what its name says: {what}"))),
        None => Ok(()),
    }
}
