//! The tokens of people and of phones: the only names that they have past intake (I-8).
//!
//! Owns their text form. Must never be made from anything but a keyed hash or a producer's own key.

use std::fmt;

/// A person: 128 bits of HMAC-SHA-256 over certificate type and number, or the key that a producer holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Person(pub [u8; 16]);

impl Person {
    /// Reads 32 hex digits of either case.
    ///
    /// Two halves in two registers, since it is done for every event; sixteen bytes written one by one stall the copy
    /// that follows.
    pub fn parse(text: &str) -> Option<Person> {
        let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
        let ([first, second], []) = digits.as_chunks::<16>() else { return None };
        let token = u128::from(half_token(first)?) << 64 | u128::from(half_token(second)?);
        Some(Person(token.to_be_bytes()))
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
        out.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A phone: 128 bits of HMAC-SHA-256 over "phone:" and its spelt digits. The number itself stays in intake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(pub [u8; 16]);

impl Phone {
    /// The partition that owns the records of the phone: token mod N, as of people.
    pub fn partition(self, partitions: usize) -> usize {
        Person(self.0).partition(partitions)
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Person(self.0), out)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

fn half_token(digits: &[u8; 16]) -> Option<u64> {
    let (mut token, mut all) = (0, 0);
    for digit in digits {
        let value = HEX[usize::from(*digit)];
        token = token << 4 | u64::from(value);
        all |= value;
    }
    (all < 16).then_some(token)
}

/// The value of each hex digit; 255 for any other byte.
const HEX: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        values[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_either_case_and_back() {
        let person = Person::parse("0123456789ABCDEFfedcba9876543210");
        assert_eq!(person.map(|p| p.to_string()).as_deref(), Some("0123456789abcdeffedcba9876543210"));
        for text in ["", "0123", "0123456789ABCDEFfedcba987654321g", "0123456789ABCDEFfedcba98765432é"] {
            assert_eq!(Person::parse(text), None, "{text}");
        }
        assert_eq!(Person::parse("g123456789abcdeffedcba9876543210"), None);
    }
}
