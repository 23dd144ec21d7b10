//! The person token: the only name that a person has past intake (I-8).
//!
//! Owns its text form. Must never be made from anything but a keyed hash or a producer's own key.

use std::fmt;

/// A person: 128 bits of HMAC-SHA-256 over certificate type and number, or the key that a producer holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Person(pub [u8; 16]);

impl Person {
    /// Reads 32 hex digits of either case.
    pub fn parse(text: &str) -> Option<Person> {
        let bytes = text.as_bytes();
        if bytes.len() != 32 {
            return None;
        }
        let mut token = [0; 16];
        for (byte, pair) in token.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Person(token))
    }

    /// Appends the 32 lower-case hex digits.
    pub fn write_to(self, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0 {
            out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }

    /// The partition that owns the person: token mod N.
    pub fn partition(self, partitions: usize) -> usize {
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d]) as usize % partitions.max(1)
    }

    /// 64 of the token's bits: already uniform, so good as a hash as they are.
    pub fn hash64(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for Person {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(32);
        self.write_to(&mut text);
        out.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_either_case_and_back() {
        let person = Person::parse("0123456789ABCDEFfedcba9876543210");
        assert_eq!(person.map(|p| p.to_string()).as_deref(), Some("0123456789abcdeffedcba9876543210"));
        assert_eq!(Person::parse("0123"), None);
        assert_eq!(Person::parse("g123456789abcdeffedcba9876543210"), None);
    }
}
