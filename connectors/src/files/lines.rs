//! NDJSON: large reads, cut behind the last line end.
//!
//! Owns what cannot be lines of JSON at all. Must never hold more than a block and the beginning of a line.

use std::io::Read;

use super::cutter::{Cutter, LastLine};
use super::{Block, Fault};

/// How packed files and Parquet begin. No line of JSON begins so, and a whole file of rejects would hide a wrong
/// name.
const FOREIGN: [(&[u8], &str); 3] = [
    (b"\x1f\x8b\x08", "it holds gzip data"),
    (b"\x28\xb5\x2f\xfd", "it holds zstd data"),
    (b"PAR1\x15", "it holds Parquet data"),
];
/// Not less is read at once, so that the beginning can be told.
const READ_BYTES_MIN: usize = 8;

/// Reads lines to the end and hands them over in blocks of `block_bytes` and the rest of a line; says whether a last
/// line was left.
pub(super) fn read(
    mut source: impl Read,
    block_bytes: usize,
    last: LastLine,
    each: &mut dyn FnMut(Block),
) -> Result<bool, Fault> {
    let mut cutter = Cutter::new().with_last(last);
    let read_bytes = block_bytes.max(READ_BYTES_MIN);
    let mut is_first = true;
    loop {
        let cut = cutter.next(read_bytes, |bytes| {
            let at_end = fill(&mut source, read_bytes, bytes)?;
            if std::mem::take(&mut is_first) {
                refuse_foreign(bytes)?;
            }
            Ok::<bool, Fault>(at_end)
        })?;
        cut.block.into_iter().for_each(&mut *each);
        if cut.at_end {
            return Ok(cutter.has_left());
        }
    }
}

/// Appends `read_bytes`; says whether the source has ended.
pub(super) fn fill(source: &mut impl Read, read_bytes: usize, bytes: &mut Vec<u8>) -> Result<bool, Fault> {
    Ok(source.take(read_bytes as u64).read_to_end(bytes)? < read_bytes)
}

fn refuse_foreign(bytes: &[u8]) -> Result<(), Fault> {
    match FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, what)) => Err(Fault::Damaged(format!("it is not what its name says: {what}"))),
        None => Ok(()),
    }
}
