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

/// The largest window that a frame may ask for: 2 GiB, the most that zstd writes (`--long=31`). So much memory is held
/// while it is unpacked.
const WINDOW_LOG_MAX: u32 = 31;

/// A zstd file, which may be of several frames.
pub(super) struct Zstd<R: Read>(zstd::stream::read::Decoder<'static, BufReader<R>>);

impl<R: Read> Zstd<R> {
    pub(super) fn new(source: R) -> io::Result<Zstd<R>> {
        let mut packed = BufReader::with_capacity(PACKED_BYTES, source);
        if packed.fill_buf()?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "there is no zstd data in it"));
        }
        let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Zstd(decoder))
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.to_string() {
            said if said.contains("too much memory") => io::Error::new(
                io::ErrorKind::Unsupported,
                "it was packed with a window of more than 2 GiB; pack it again with a smaller one: \
                 `zstd -d --memory=4096MB` unpacks it, `zstd --long=27` packs it",
            ),
            said if said.contains("not enough memory") => io::Error::new(
                io::ErrorKind::Unsupported,
                "its window needs more memory than there is (zstd --long=31: 2 GiB); pack it again with `zstd --long=27`",
            ),
            _ => error,
        })
    }
}
