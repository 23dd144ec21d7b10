//! The key, and the person token that it makes of a certificate (docs/feeds.md section 1).
//!
//! Owns the key and the spelling of certificate numbers. Must never show either: no Debug of contents, no text in
//! errors.

use std::fmt;

use fuma_schemas::Person;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const KEY_BYTES: usize = 32;

/// The key of the person tokens. Holds the states of HMAC-SHA-256 after its key blocks, so that a token costs the
/// message alone.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// A text that is no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing but white space.
    #[error("the key is missing: give 64 hex digits")]
    Missing,
    /// Too few or too many digits.
    #[error("the key has {0} characters instead of 64 hex digits")]
    Length(usize),
    /// 64 characters that are not all hex digits.
    #[error("the key has a character that is not a hex digit")]
    Digit,
}

impl Key {
    /// Reads 64 hex digits of either case, with white space around them or not.
    ///
    /// # Errors
    /// A text that is missing, short, long or no hex. The error never repeats it.
    pub fn from_hex(text: &str) -> Result<Key, KeyError> {
        let text = text.trim();
        match text.chars().count() {
            0 => return Err(KeyError::Missing),
            64 => {}
            length => return Err(KeyError::Length(length)),
        }
        let mut bytes = [0; KEY_BYTES];
        let (halves, _) = text.as_bytes().as_chunks::<32>();
        for (half, out) in halves.iter().zip(bytes.chunks_exact_mut(16)) {
            let digits = std::str::from_utf8(half).map_err(|_| KeyError::Digit)?;
            out.copy_from_slice(&Person::parse(digits).ok_or(KeyError::Digit)?.0);
        }
        Hmac::new_from_slice(&bytes).map(Key).map_err(|_| KeyError::Missing)
    }

    /// The token of a certificate whose number is already in the one spelling of [`spell`].
    pub(super) fn token(&self, cert_type: &str, spelt: &[u8]) -> Person {
        let mut state = self.0.clone();
        state.update(cert_type.as_bytes());
        state.update(b":");
        state.update(spelt);
        let digest = state.finalize().into_bytes();
        Person(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl Key {
    /// Eight bytes by which the key is told from another, and from which nothing of it is known: what logs and
    /// snapshots keep.
    pub fn fingerprint(&self) -> [u8; 8] {
        let mut state = self.0.clone();
        state.update(b"fuma:key fingerprint");
        state.finalize().into_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// The id of a record that has none: 32 hex digits of its parts, joined by U+001F, behind `row:`.
    pub fn row_id<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> String {
        let mut state = self.0.clone();
        state.update(b"row:");
        for (place, part) in parts.into_iter().enumerate() {
            if place > 0 {
                state.update(b"\x1f");
            }
            state.update(part.as_bytes());
        }
        let digest = state.finalize().into_bytes();
        Person(digest.first_chunk().copied().unwrap_or_default()).to_string()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

/// Writes a certificate number in its one spelling: without white space, ASCII letters in capitals.
pub(super) fn spell(cert_number: &str, into: &mut Vec<u8>) {
    into.clear();
    if cert_number.bytes().all(|byte| byte.is_ascii_graphic()) {
        into.extend_from_slice(cert_number.as_bytes());
        into.make_ascii_uppercase();
        return;
    }
    let mut buffer = [0; 4];
    for letter in cert_number.chars().filter(|letter| !letter.is_whitespace()) {
        into.extend_from_slice(letter.to_ascii_uppercase().encode_utf8(&mut buffer).as_bytes());
    }
}

/// The person token of a certificate, in whatever spelling its number comes.
pub fn person_token(key: &Key, cert_type: &str, cert_number: &str) -> Person {
    let mut spelt = Vec::with_capacity(cert_number.len());
    spell(cert_number, &mut spelt);
    key.token(cert_type, &spelt)
}
