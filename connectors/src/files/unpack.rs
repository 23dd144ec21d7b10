//! Packed files: every gzip member and every zstd frame, to the last checksum.
//!
//! Owns what counts as damage in a packed file: a checksum that is wrong, an early end, anything behind the last
//! member that is no member, and a file without a byte. Must never pass over a part of the file.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// How much of a packed file is read at once.
const PACKED_BYTES: usize = 1 << 18;

/// A gzip file, which may be of several members.
pub(super) struct Gzip<R: Read>(MultiGzDecoder<BufReader<R>>);

impl<R: Read> Gzip<R> {
    pub(super) fn new(source: R) -> Gzip<R> {
        Gzip(MultiGzDecoder::new(BufReader::with_capacity(PACKED_BYTES, source)))
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.kind() {
            // The library's words for these two do not say what is wrong with the file.
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the gzip data ends early"),
            io::ErrorKind::InvalidInput => {
                io::Error::new(error.kind(), format!("no gzip data, or data behind it: {error}"))
            }
            _ => error,
        })
    }
}

/// A zstd file, which may be of several frames.
pub(super) fn zstd<R: Read>(source: R) -> io::Result<impl Read> {
    let mut packed = BufReader::with_capacity(PACKED_BYTES, source);
    if packed.fill_buf()?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "there is no zstd data in it"));
    }
    zstd::stream::read::Decoder::with_buffer(packed)
}
