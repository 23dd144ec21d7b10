//! The newest segment at a start: where its last whole frame ends, and whether what follows was ever promised.
//!
//! Owns the difference between a tail that was cut short (it goes: nobody was told that it was safe) and damage
//! (somebody has to decide). Must never write.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::frame::{self, Parsed};

const READ_BYTES: usize = 4 << 20;

/// What a segment holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// One past the last offset.
    pub(super) end: u64,
    /// The bytes of whole frames.
    pub(super) whole_bytes: u64,
    /// The bytes of the file.
    pub(super) file_bytes: u64,
    /// A frame behind the broken place proves that it had been synced.
    pub(super) is_damaged: bool,
    /// Every so often an offset and its place.
    pub(super) index: Vec<(u64, u64)>,
}

/// Reads a segment that begins with an offset.
pub(super) fn scan(file: &File, first: u64, index_bytes: u64) -> io::Result<Scan> {
    let file_bytes = file.metadata()?.len();
    let mut scan = Scan { end: first, file_bytes, ..Scan::default() };
    let mut bytes = Vec::new();
    loop {
        fill(file, scan.whole_bytes, READ_BYTES, &mut bytes)?;
        let mut place = 0;
        let wanted = loop {
            match frame::parse(&bytes[place..]) {
                Parsed::Frame(header, length) if header.offset == scan.end => {
                    let at = scan.whole_bytes + place as u64;
                    if scan.index.last().is_none_or(|(_, last)| at >= last + index_bytes) {
                        scan.index.push((header.offset, at));
                    }
                    scan.end += 1;
                    place += length;
                }
                Parsed::Short(length) => break length,
                Parsed::Frame(..) | Parsed::Damaged => break 0,
            }
        };
        scan.whole_bytes += place as u64;
        let left = file_bytes - scan.whole_bytes;
        if wanted == 0 || wanted as u64 > left {
            scan.is_damaged = left > 0 && was_synced(file, &scan)?;
            return Ok(scan);
        }
        if wanted > READ_BYTES {
            fill(file, scan.whole_bytes, wanted, &mut bytes)?;
            if !matches!(frame::parse(&bytes), Parsed::Frame(..)) {
                scan.is_damaged = was_synced(file, &scan)?;
                return Ok(scan);
            }
            scan.index.push((scan.end, scan.whole_bytes));
            scan.end += 1;
            scan.whole_bytes += wanted as u64;
        }
    }
}

/// Whether some frame behind the broken place says that the place had been synced before.
fn was_synced(file: &File, scan: &Scan) -> io::Result<bool> {
    let mut bytes = Vec::new();
    fill(file, scan.whole_bytes, (scan.file_bytes - scan.whole_bytes) as usize, &mut bytes)?;
    for place in 1..bytes.len().saturating_sub(frame::HEADER_BYTES) {
        let Some(head) = bytes[place..].first_chunk() else { break };
        let header = frame::header(head);
        // Checked before the checksum, which costs.
        let is_likely =
            header.synced > scan.end && header.synced <= header.offset && header.offset - scan.end < 1 << 32;
        if is_likely && matches!(frame::parse(&bytes[place..]), Parsed::Frame(..)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads as much as there is, up to a number of bytes.
pub(super) fn fill(file: &File, place: u64, bytes_max: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize(bytes_max, 0);
    let mut held = 0;
    while held < bytes_max {
        match file.read_at(&mut bytes[held..], place + held as u64) {
            Ok(0) => break,
            Ok(read) => held += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(held);
    Ok(())
}
