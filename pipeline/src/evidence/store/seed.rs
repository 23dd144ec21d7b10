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

    /// The hash of a token. Two multiplications with secrets on both sides of each: a look-up waits for memory, and the
    /// next ones can only begin meanwhile when little lies between them.
    pub(crate) fn of_token(&self, token: &[u8; 16]) -> u64 {
        let [low, high] = halves(token);
        let [first, second] = halves(&self.0);
        folded(folded(low ^ first, high ^ second) ^ second, SPREAD ^ first)
    }

    /// The hash of bytes. Most texts are as short as a token, and are hashed like one; the length tells those apart
    /// that end in zeros.
    pub(crate) fn of_bytes(&self, bytes: &[u8]) -> u64 {
        let mut short = [0; 16];
        match short.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.of_token(&short) ^ SPREAD.wrapping_mul(bytes.len() as u64)
            }
            None => SipHasher13::new_with_key(&self.0).hash(bytes),
        }
    }

    /// The hash of a key that is a hash already, but under no secret.
    pub(crate) fn of_key(&self, key: u64) -> u64 {
        let [first, second] = halves(&self.0);
        folded(folded(key ^ first, SPREAD ^ second) ^ second, SPREAD ^ first)
    }
}

/// Odd, and half of its bits are ones.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Both halves of a product, one on the other.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

fn halves(bytes: &[u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [both as u64, (both >> 64) as u64]
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
        assert_ne!(Seed::default().of_token(&[5; 16]), other.of_token(&[5; 16]));
        assert_ne!(Seed::default().hash_one(5), other.hash_one(5));
        for text in [&b""[..], b"330106", b"330106001002", b"0123456789abcdef", b"0123456789abcdefg"] {
            assert_eq!(other.of_bytes(text), other.of_bytes(text));
            assert_ne!(Seed::default().of_bytes(text), other.of_bytes(text));
            assert_ne!(other.of_bytes(text), other.of_bytes(&[text, b"\0"].concat()), "the length counts");
        }
        assert_eq!(format!("{other:?}"), "Seed", "it is not shown");
        assert_ne!(other.build_hasher().finish(), Seed::default().build_hasher().finish());
    }
    /// Tokens and keys that a producer would choose fall into all places alike, whatever they have in common.
    #[test]
    fn what_is_alike_is_spread_out() {
        let seed = Seed::new(*b"0123456789abcdef");
        let tokens = |at: u64, place: usize| -> [u8; 16] {
            let mut token = [0x5a; 16];
            token[place..place + 8].copy_from_slice(&at.to_le_bytes());
            token
        };
        let hashes: [Vec<u64>; 5] = [
            (0..65_536).map(|at| seed.of_token(&tokens(at, 0))).collect(),
            (0..65_536).map(|at| seed.of_token(&tokens(at << 48, 8))).collect(),
            (0..65_536).map(|at| seed.of_key(at)).collect(),
            (0..65_536).map(|at| seed.of_key(at << 40)).collect(),
            (330_000..395_536).map(|at: u32| seed.of_bytes(at.to_string().as_bytes())).collect(),
        ];
        for hashes in hashes {
            for shift in [0, 32, 58] {
                let mut places = [0_u32; 64];
                hashes.iter().for_each(|hash| places[(hash >> shift) as usize % 64] += 1);
                assert!(places.iter().all(|count| (850..1200).contains(count)), "{shift}: {places:?}");
            }
        }
    }
}
