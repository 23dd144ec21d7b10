//! The fast reader: one pass over the text of a record whose values are plain.
//!
//! Plain is a string, an integer of 18 digits at most, a boolean or null. Anything else it gives up, and the exact
//! reader ([`super::read`]) says what it is.
//!
//! Owns the way through the text, eight bytes at a time. Must never accept what is no JSON: a record that this one
//! reads, the exact one reads alike.

use std::borrow::Cow;

use super::fields::FeedRules;
use super::read::{KnownFields, Slot, mark, unescaped};

/// Digits of an integer that is read here: any of them fits 64 bits.
const DIGITS_MAX: usize = 18;

/// Reads a record; none when anything is out of the ordinary, and the record is half filled then.
pub(super) fn read_fast<'a>(rules: &FeedRules, text: &'a str, record: &mut KnownFields<'a>) -> Option<()> {
    let mut scan = Scan { text, at: 0 };
    scan.blanks();
    scan.pass(b'{')?;
    scan.blanks();
    let mut seen = 0;
    let mut is_last = scan.pass(b'}').is_some();
    while !is_last {
        let name = scan.string()?;
        scan.blanks();
        scan.pass(b':')?;
        scan.blanks();
        let value = scan.value()?;
        match rules.slot(&name).and_then(|slot| Some((slot, record.slots.get_mut(slot)?))) {
            Some((slot, place)) => *place = mark(&mut seen, slot).then_some(value)?,
            None => record.unknown += 1,
        }
        scan.blanks();
        is_last = scan.pass(b'}').is_some();
        if !is_last {
            scan.pass(b',')?;
            scan.blanks();
        }
    }
    scan.blanks();
    (scan.at == text.len()).then_some(())
}

/// A place in a text.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes past a byte that must stand here.
    #[inline]
    fn pass(&mut self, byte: u8) -> Option<()> {
        let is_here = self.byte() == Some(byte);
        self.at += usize::from(is_here);
        is_here.then_some(())
    }

    /// The string that begins here.
    #[inline]
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.pass(b'"')?;
        let start = self.at;
        self.at += special(self.text.as_bytes().get(start..)?)?;
        match self.byte()? {
            b'"' => {
                let text = self.text.get(start..self.at)?;
                self.at += 1;
                Some(Cow::Borrowed(text))
            }
            b'\\' => self.escaped(start),
            _ => None,
        }
    }

    /// The string that began at a place, from its first escape on.
    #[cold]
    fn escaped(&mut self, start: usize) -> Option<Cow<'a, str>> {
        while self.byte()? != b'"' {
            // The byte behind a backslash ends nothing, whatever it is.
            self.at += if self.byte() == Some(b'\\') { 2 } else { 1 };
        }
        self.at += 1;
        unescaped(self.text.get(start - 1..self.at)?)
    }

    /// The plain value that begins here.
    #[inline]
    fn value(&mut self) -> Option<Slot<'a>> {
        match self.byte()? {
            b'"' => self.string().map(Slot::Text),
            b'-' | b'0'..=b'9' => self.integer().map(Slot::Integer),
            b't' => self.word("true", Slot::Boolean(true)),
            b'f' => self.word("false", Slot::Boolean(false)),
            b'n' => self.word("null", Slot::Absent),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Slot<'a>) -> Option<Slot<'a>> {
        let is_here = self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes());
        self.at += word.len();
        is_here.then_some(value)
    }

    /// An integer literal. Whether it ends here, the caller sees: neither a digit nor a point may follow a value.
    fn integer(&mut self) -> Option<i64> {
        let is_negative = self.pass(b'-').is_some();
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = rest.iter().take(DIGITS_MAX).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, first) = (rest.get(..length)?, *rest.first()?);
        // 0 stands alone, and -0 is no integer.
        if length == 0 || (first == b'0' && (length > 1 || is_negative)) {
            return None;
        }
        self.at += length;
        let size = digits.iter().fold(0, |size, digit| 10 * size + i64::from(digit - b'0'));
        Some(if is_negative { -size } else { size })
    }
}

/// How many bytes stand before the first that no string may hold as it is: a quote, a backslash, a control character.
#[inline]
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let (eights, rest) = bytes.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let (quote, backslash) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
        // The high bit of a byte that is none of them stays clear, up to the first that is one.
        let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word;
        let found = (below(quote, 1) | below(backslash, 1) | below(word, 0x20)) & HIGH;
        if found != 0 {
            return Some(8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().position(is_special).map(|at| bytes.len() - rest.len() + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At any distance from the beginning and the end, and after bytes that are nearly special.
    #[test]
    fn the_first_special_byte_is_found() {
        for before in 0..20 {
            for fill in ["a", "!", "#", "[", "]", " ", "\u{7f}", "é", "\u{a2}", "号"] {
                let plain = fill.repeat(before);
                assert_eq!(special(plain.as_bytes()), None, "{plain}");
                for end in ["\"", "\\", "\0", "\u{1f}", "\n"] {
                    let text = format!("{plain}{end}{plain}");
                    assert_eq!(special(text.as_bytes()), Some(plain.len()), "{text:?}");
                }
            }
        }
    }
}
