//! The secret that hash tables over producers' bytes are keyed with.
//!
//! Owns the hashing of tokens, keys and texts in tables. Whoever could foresee a table's hashes could choose tokens or
//! texts that all fall into one place and make each look-up a walk (I-10). The secret is handed in, random in
//! production and fixed in tests; nothing that is stored or sent may hang on it.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// The secret of one process.
#[derive(Clone, Copy)]
pub struct Seed([u8; 16]);

impl Seed {
    /// A secret of these bytes, which must be random in production.
    pub fn new(secret: [u8; 16]) -> Seed {
        Seed(secret)
    }

    /// The hash of bytes.
    pub(crate) fn of_bytes(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.0).hash(bytes)
    }

    /// The hash of a key that is a hash already, but under no secret.
    pub(crate) fn of_key(&self, key: u64) -> u64 {
        self.of_bytes(&key.to_le_bytes())
    }
}

impl Default for Seed {
    /// The secret of tests, which is none.
    fn default() -> Seed {
        Seed(*b"fuma.tests.seed.")
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed")
    }
}

impl BuildHasher for Seed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher as _;

    use super::*;

    #[test]
    fn two_secrets_two_hashes() {
        let other = Seed::new([7; 16]);
        assert_eq!(Seed::default().of_key(5), Seed::default().of_key(5));
        assert_ne!(Seed::default().of_key(5), other.of_key(5));
        assert_ne!(Seed::default().hash_one(5), other.hash_one(5));
        assert_eq!(format!("{other:?}"), "Seed", "it is not shown");
        assert_ne!(other.build_hasher().finish(), Seed::default().build_hasher().finish());
    }
}
