//! The tokens by which an issuer knows people: the person's 16 bytes, encrypted as one block of AES-256 under the
//! issuer's key. It is a permutation, so the server finds the person again, and two issuers cannot join what they hold.
//!
//! Owns the key. Must never show it.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes256, Block};
use fuma_schemas::Person;

/// Digits of a key.
const KEY_DIGITS: usize = 64;

/// The key of an issuer.
pub(in crate::http::api) struct IssuerKey(Aes256);

impl IssuerKey {
    /// Reads 64 hex digits, with white space around them or not; none of anything else.
    pub(in crate::http::api) fn from_hex(text: &str) -> Option<IssuerKey> {
        let text = text.trim();
        if text.len() != KEY_DIGITS || !text.is_ascii() {
            return None;
        }
        let mut key = [0; KEY_DIGITS / 2];
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        // A sign is no digit, though it is a number's.
        text.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| IssuerKey(Aes256::new(&key.into())))
    }

    /// The person as the issuer knows it.
    pub(in crate::http::api) fn hidden(&self, person: Person) -> Person {
        let mut block = Block::from(person.0);
        self.0.encrypt_block(&mut block);
        Person(block.into())
    }

    /// The person behind what the issuer gives. Whatever it gives stands for somebody.
    pub(in crate::http::api) fn found(&self, hidden: Person) -> Person {
        let mut block = Block::from(hidden.0);
        self.0.decrypt_block(&mut block);
        Person(block.into())
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("IssuerKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// FIPS 197, appendix C.3.
    #[test]
    fn one_block_is_that_of_the_standard_and_comes_back() {
        let key = IssuerKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n").unwrap();
        let person = Person::parse("00112233445566778899aabbccddeeff").unwrap();
        let hidden = key.hidden(person);
        assert_eq!(hidden.to_string(), "8ea2b7ca516745bfeafc49904b496089");
        assert_eq!(key.found(hidden), person);
    }

    #[test]
    fn another_key_gives_another_token_and_what_is_no_key_is_none() {
        let [one, other] = ["0a", "0b"].map(|byte| IssuerKey::from_hex(&byte.repeat(32)).unwrap());
        let person = Person([7; 16]);
        assert_ne!(one.hidden(person), other.hidden(person));
        assert_ne!(other.found(one.hidden(person)), person);
        let long = "0a".repeat(33);
        for text in ["", "0a", long.as_str(), &"+a".repeat(32), &"é".repeat(32)] {
            assert!(IssuerKey::from_hex(text).is_none(), "{text}");
        }
    }
}
