//! The bytes of a text to UTF-8: UTF-8, UTF-16, GB18030 (with it GBK and GB2312).
//!
//! A byte-order mark decides. Bytes that the encoding does not have become U+FFFD, by which the reader of rows knows
//! the row: nothing is guessed in the middle of a file. Owns the finding of an encoding and the decoding. Must never
//! hold more than a block.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use encoding_rs::{CoderResult, Decoder, GB18030, UTF_16BE, UTF_16LE};

/// As much is decoded at once.
const BLOCK_BYTES: usize = 1 << 16;

/// How a text is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// UTF-8
    Utf8,
    /// UTF-16, the lower byte first
    Utf16Le,
    /// UTF-16, the higher byte first
    Utf16Be,
    /// GB18030
    Gb18030,
}

impl Encoding {
    /// The name in a map.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
            Encoding::Gb18030 => "gb18030",
        }
    }

    /// The encoding of a name.
    pub fn parse(name: &str) -> Option<Encoding> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Encoding::Utf8,
            "utf-16le" | "utf-16" => Encoding::Utf16Le,
            "utf-16be" => Encoding::Utf16Be,
            "gb18030" | "gbk" | "gb2312" => Encoding::Gb18030,
            _ => return None,
        })
    }

    fn decoder(self) -> Option<Decoder> {
        match self {
            Encoding::Utf8 => None,
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Gb18030 => Some(GB18030.new_decoder_without_bom_handling()),
        }
    }
}

/// The encoding that a byte-order mark says, and how many bytes the mark has.
pub(super) fn mark_of(head: &[u8]) -> Option<(Encoding, usize)> {
    match head {
        [0xef, 0xbb, 0xbf, ..] => Some((Encoding::Utf8, 3)),
        [0xff, 0xfe, ..] => Some((Encoding::Utf16Le, 2)),
        [0xfe, 0xff, ..] => Some((Encoding::Utf16Be, 2)),
        _ => None,
    }
}

/// The encoding of a text with these first bytes: by its mark, else UTF-8 where they are that, else UTF-16 where every
/// other byte is zero, else GB18030 where they are that; none if they are neither.
pub fn encoding_of(head: &[u8]) -> Option<Encoding> {
    if let Some((encoding, _)) = mark_of(head) {
        return Some(encoding);
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, odd) if odd * 8 > head.len() => return Some(Encoding::Utf16Le),
        (even, 0) if even * 8 > head.len() => return Some(Encoding::Utf16Be),
        _ => {}
    }
    match str::from_utf8(head) {
        Ok(_) => return Some(Encoding::Utf8),
        // The head may end within a character.
        Err(error) if error.error_len().is_none() && head.len() - error.valid_up_to() < 4 => {
            return Some(Encoding::Utf8);
        }
        Err(_) => {}
    }
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(head.len() * 3);
    let (result, ..) = decoder.decode_to_string_without_replacement(head, &mut text, false);
    matches!(result, encoding_rs::DecoderResult::InputEmpty).then_some(Encoding::Gb18030)
}

/// A text as UTF-8; of UTF-8 itself the bytes as they are.
pub(super) struct Decoded<R> {
    source: R,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    /// What of `raw` is not decoded yet.
    from: usize,
    is_at_end: bool,
    position: Rc<Cell<u64>>,
}

impl<R: Read> Decoded<R> {
    /// `position` says how much of the file was read.
    pub(super) fn new(source: R, encoding: Encoding, position: Rc<Cell<u64>>) -> Decoded<R> {
        Decoded { source, decoder: encoding.decoder(), raw: Vec::new(), from: 0, is_at_end: false, position }
    }

    /// How much of the file was read.
    pub(super) fn position(&self) -> u64 {
        self.position.get()
    }

    /// Appends what is read; false at the end.
    pub(super) fn append_to(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let at = out.len();
        let Some(decoder) = &mut self.decoder else {
            out.resize(at + BLOCK_BYTES, 0);
            let read = read_some(&mut self.source, out.get_mut(at..).unwrap_or_default())?;
            out.truncate(at + read);
            return Ok(read > 0);
        };
        if self.is_at_end {
            return Ok(false);
        }
        if self.from == self.raw.len() {
            self.raw.resize(BLOCK_BYTES, 0);
            let read = read_some(&mut self.source, &mut self.raw)?;
            self.raw.truncate(read);
            self.from = 0;
        }
        let is_last = self.raw.is_empty();
        // Three bytes a byte at most, and some for what was begun before.
        let rest = self.raw.get(self.from..).unwrap_or_default();
        out.resize(at + rest.len() * 3 + 16, 0);
        let (result, read, written, _) = decoder.decode_to_utf8(rest, out.get_mut(at..).unwrap_or_default(), is_last);
        out.truncate(at + written);
        self.from += read;
        self.is_at_end = is_last && result == CoderResult::InputEmpty;
        Ok(true)
    }
}

fn read_some(source: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
