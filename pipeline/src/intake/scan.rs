//! The fast reader: one pass over the text of a record whose values are plain.
//!
//! Plain is a string, an integer of 18 digits at most, a boolean or null. Anything else it gives up, and the exact
//! reader ([`super::read`]) says what it is.
//!
//! Owns the way through the text, eight bytes at a time. Must never accept what is no JSON: a record that this one
//! reads, the exact one reads alike.

use super::fields::{FeedRules, Order};
use super::read::{KnownFields, Slot, Unescaped, mark, unescaped};

/// Digits of an integer that is read here: any of them fits 64 bits.
const DIGITS_MAX: usize = 18;

/// Reads a record; none when anything is out of the ordinary, and the record is half filled then.
pub(super) fn read_fast<'a>(
    rules: &FeedRules,
    text: &'a str,
    kept: &'a Unescaped,
    order: &mut Order,
    record: &mut KnownFields<'a>,
) -> Option<()> {
    let mut scan = Scan { text, at: 0, kept };
    scan.blanks();
    scan.pass(b'{')?;
    scan.blanks();
    let (mut seen, mut before) = (0, Order::BEGINNING);
    let mut is_last = scan.pass(b'}').is_some();
    while !is_last {
        let slot = scan.name(rules, order, before)?;
        scan.blanks();
        let is_text = scan.byte()? == b'"';
        match slot.and_then(|slot| Some((slot, record.slots.get_mut(slot)?))) {
            Some((slot, place)) => {
                mark(&mut seen, slot).then_some(())?;
                before = slot;
                // Written where it stays: what is read from elsewhere so soon after it was written waits.
                if is_text {
                    *place = Slot::Text(scan.string(Some(true))?);
                } else {
                    *place = scan.value()?;
                }
            }
            None => {
                if is_text {
                    scan.string(Some(false))?;
                } else {
                    scan.value()?;
                }
                record.unknown += 1;
            }
        }
        scan.blanks();
        match scan.byte()? {
            b',' => scan.at += 1,
            b'}' => (scan.at, is_last) = (scan.at + 1, true),
            _ => return None,
        }
        scan.blanks();
    }
    (scan.at == text.len()).then_some(())
}

/// A place in a text.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Texts that had escapes.
    kept: &'a Unescaped,
}

impl<'a> Scan<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte().filter(|byte| *byte <= b' ') {
            self.at += 1;
        }
    }

    /// The name that begins here with its colon: the slot, or none for a name that is not known. First it is looked
    /// whether it is the one that came after the field before in the last record.
    #[inline(always)]
    fn name(&mut self, rules: &FeedRules, order: &mut Order, before: usize) -> Option<Option<usize>> {
        let guess = order.after(before);
        let rest = self.text.as_bytes().get(self.at..)?;
        if let Some(length) = rules.beginning(guess).and_then(|beginning| beginning.of(rest)) {
            self.at += length;
            return Some(Some(guess));
        }
        self.other_name(rules, order, before)
    }

    #[inline(never)]
    fn other_name(&mut self, rules: &FeedRules, order: &mut Order, before: usize) -> Option<Option<usize>> {
        let slot = rules.slot(self.string(None)?);
        if let Some(slot) = slot {
            order.note(before, slot);
        }
        self.blanks();
        self.pass(b':')?;
        Some(slot)
    }

    /// Goes past a byte that must stand here.
    #[inline]
    fn pass(&mut self, byte: u8) -> Option<()> {
        let is_here = self.byte() == Some(byte);
        self.at += usize::from(is_here);
        is_here.then_some(())
    }

    /// The string that begins here. One with escapes must be a value (a name with escapes is out of the ordinary); it
    /// is kept where it is wanted.
    #[inline(always)]
    fn string(&mut self, is_wanted: Option<bool>) -> Option<&'a str> {
        self.pass(b'"')?;
        let start = self.at;
        self.at += special(self.text.as_bytes().get(start..)?)?;
        match self.byte()? {
            b'"' => {
                let text = self.text.get(start..self.at)?;
                self.at += 1;
                Some(text)
            }
            b'\\' => self.escaped(start, is_wanted?),
            _ => None,
        }
    }

    /// The string that began at a place, from its first escape on. What nobody wants is not kept: there may be many.
    #[cold]
    fn escaped(&mut self, start: usize, is_wanted: bool) -> Option<&'a str> {
        while self.byte()? != b'"' {
            // The byte behind a backslash ends nothing, whatever it is.
            self.at += if self.byte() == Some(b'\\') { 2 } else { 1 };
        }
        self.at += 1;
        let text = unescaped(self.text.get(start - 1..self.at)?)?;
        Some(if is_wanted { self.kept.keep(text) } else { "" })
    }

    /// The plain value that begins here, other than a string.
    #[inline(never)]
    fn value(&mut self) -> Option<Slot<'a>> {
        match self.byte()? {
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
        let (mut size, mut length) = (0, 0);
        while let Some(digit) = rest.get(length).filter(|byte| byte.is_ascii_digit() && length < DIGITS_MAX) {
            size = 10 * size + i64::from(digit - b'0');
            length += 1;
        }
        // 0 stands alone, and -0 is no integer.
        if length == 0 || (rest.first() == Some(&b'0') && (length > 1 || is_negative)) {
            return None;
        }
        self.at += length;
        Some(if is_negative { -size } else { size })
    }
}

/// How many bytes stand before the first that no string may hold as it is: a quote, a backslash, a control character.
#[inline(always)]
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let mut rest = bytes;
    while let Some((eight, others)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let (quote, backslash) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
        // A byte below what is taken away gets a high bit, and so may those after it: the first is right. A byte that
        // had one is of a letter beyond ASCII.
        let below = quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES) | word.wrapping_sub(ONES * 0x20);
        let found = below & !word & HIGH;
        if found != 0 {
            return Some(bytes.len() - rest.len() + found.trailing_zeros() as usize / 8);
        }
        rest = others;
    }
    special_in_rest(rest).map(|at| bytes.len() - rest.len() + at)
}

#[cold]
fn special_in_rest(rest: &[u8]) -> Option<usize> {
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
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
