//! What a file held when it was read: digests, piece by piece, so that a change anywhere is seen.
//!
//! Owns the digest. A piece is looked at again by itself, so that checking a large file is work that can be cut up.

use std::fs::File;
use std::io;

use sha2::{Digest as _, Sha256};

use super::super::scan;

/// Bytes of a piece.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// The beginning of a file, by its pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// The first half of the digest of each whole piece.
    pieces: Vec<[u8; 16]>,
    at: Mark,
}

/// A place in a content.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    whole: usize,
    /// Over all whole pieces.
    chain: [u8; 32],
    /// The piece that is not whole.
    open: Sha256,
    open_bytes: usize,
}

impl Mark {
    /// The digest of all bytes before the place, in hex.
    pub(super) fn digest(&self) -> String {
        let open = self.open.clone().finalize();
        let digest = Sha256::new().chain_update(self.chain).chain_update(open).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Content {
    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        (self.at.whole * PIECE_BYTES + self.at.open_bytes) as u64
    }

    /// The end so far.
    pub(super) fn mark(&self) -> Mark {
        self.at.clone()
    }

    /// The digest of all bytes, in hex.
    pub(super) fn digest(&self) -> String {
        self.at.digest()
    }

    pub(super) fn extend(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = PIECE_BYTES - self.at.open_bytes;
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.at.open.update(now);
            self.at.open_bytes += now.len();
            bytes = later;
            if self.at.open_bytes == PIECE_BYTES {
                let digest: [u8; 32] = std::mem::take(&mut self.at.open).finalize().into();
                self.at.chain = Sha256::new().chain_update(self.at.chain).chain_update(digest).finalize().into();
                let mut half = [0; 16];
                half.copy_from_slice(&digest[..16]);
                self.pieces.push(half);
                (self.at.whole, self.at.open_bytes) = (self.at.whole + 1, 0);
            }
        }
    }

    /// How many pieces there are to look at.
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len() + usize::from(self.at.open_bytes > 0)
    }

    /// Whether a file still holds this piece.
    pub(super) fn holds(&self, file: &File, piece: usize, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let place = (piece * PIECE_BYTES) as u64;
        match self.pieces.get(piece) {
            Some(half) => {
                scan::fill(file, place, PIECE_BYTES, buffer)?;
                Ok(buffer.len() == PIECE_BYTES && Sha256::digest(&buffer)[..16] == half[..])
            }
            None => {
                scan::fill(file, place, self.at.open_bytes, buffer)?;
                Ok(buffer.len() == self.at.open_bytes && Sha256::digest(&buffer) == self.at.open.clone().finalize())
            }
        }
    }

    /// Whether a file still holds the last piece: where more was written at its end, what comes after it is no part of
    /// a line.
    pub(super) fn holds_last(&self, file: &File) -> io::Result<bool> {
        self.pieces().checked_sub(1).map_or(Ok(true), |last| self.holds(file, last, &mut Vec::new()))
    }

    /// Goes on with the content of a file up to a place, so many bytes at most; says whether it is there.
    pub(super) fn read_on(&mut self, file: &File, until: u64, bytes_max: usize) -> io::Result<bool> {
        let mut buffer = Vec::new();
        let end = until.min(self.bytes() + bytes_max as u64);
        while self.bytes() < end {
            let wanted = usize::try_from(end - self.bytes()).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            scan::fill(file, self.bytes(), wanted, &mut buffer)?;
            if buffer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.extend(&buffer);
        }
        Ok(self.bytes() == until)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_byte_anywhere_changes_it_and_the_sizes_of_reads_do_not() {
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 100).map(|at| (at % 251) as u8).collect();
        let of = |bytes: &[u8], step: usize| {
            let mut content = Content::default();
            bytes.chunks(step).for_each(|part| content.extend(part));
            content
        };
        let whole = of(&bytes, bytes.len());
        assert_eq!((whole.bytes(), whole.pieces()), (bytes.len() as u64, 4));
        assert_eq!(whole.digest(), of(&bytes, 777).digest());
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::options().read(true).write(true).create_new(true).open(folder.path().join("x")).unwrap();
        let mut changed = bytes.clone();
        changed[2 * PIECE_BYTES + 5] ^= 1;
        assert_ne!(of(&changed, 1 << 16).digest(), whole.digest());
        file.write_all(&changed).unwrap();
        let held: Vec<bool> = (0..4).map(|piece| whole.holds(&file, piece, &mut Vec::new()).unwrap()).collect();
        assert_eq!(held, [true, true, false, true]);
        let mut read = Content::default();
        assert!(!read.read_on(&file, bytes.len() as u64, 1000).unwrap());
        assert!(read.read_on(&file, bytes.len() as u64, usize::MAX >> 1).unwrap());
        assert_eq!(read.digest(), of(&changed, 4096).digest());
        assert!(read.read_on(&file, u64::MAX, 1).is_err(), "it is shorter");
        assert_ne!(of(&bytes[..PIECE_BYTES], 9999).digest(), of(&bytes[..PIECE_BYTES - 1], 9999).digest());
    }
}
