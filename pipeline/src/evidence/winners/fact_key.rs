//! Short keys of facts and of names: SipHash-1-3 under fixed keys, so that snapshots and rules can carry them instead
//! of text.
//!
//! Owns the layout that is hashed and the numbers of the feeds in it. Both must never change: snapshots hold the
//! keys. The input is the owner and id of a record and a person token, never an identity; a key is for lookup, not
//! for secrecy.
//!
//! ```text
//! fact   feed u8 | length of owner u32 LE | owner | person 16 bytes | id     -> 64 bits
//! name   feed u8 | length of owner u32 LE | owner | id                       -> 128 bits
//! ```
//!
//! The one length makes the layout unambiguous: id is what remains. Among the facts of one person 64 bits are plenty;
//! among those of all people they are not, so a look-up by a key compares the person too.

use std::cmp::Ordering;

use fuma_schemas::{Feed, Person};
use siphasher::{sip, sip128};

/// The keys of the hashes; they are no secret.
const FACT_SEED: &[u8; 16] = b"fuma.fact.key.v1";
const NAME_SEED: &[u8; 16] = b"fuma.name.key.v1";
const TEXT_SEED: &[u8; 16] = b"fuma.text.key.v1";
const LINKS_SEED: &[u8; 16] = b"fuma.link.key.v1";

/// What is shorter is hashed in one go from the stack; a real owner and id are some 30 bytes.
const BUFFER_BYTES: usize = 192;

/// A fact, i.e. (feed, person, owner, id), in 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FactKey(pub u64);

/// The name of a record, i.e. (feed, owner, id), in 128 bits; records of several people may bear it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NameKey(pub u128);

/// The rank of what a contact hangs on, its case and its contact: the last place in the order of contents. The order is
/// of our own, and the same in every build. Two that differ have one rank once in 2^32: who keeps the names compares
/// them as well.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinksRank(pub(in crate::evidence) u32);

impl LinksRank {
    /// It hangs on nothing: the lowest.
    pub const NONE: LinksRank = LinksRank(0);
    /// What a snapshot of an earlier build does not say: equal to all.
    pub(in crate::evidence) const UNKNOWN: LinksRank = LinksRank(u32::MAX);
    /// The engine derived the contact from two trips on one conveyance: no record has this rank.
    pub(in crate::evidence) const CONVEYANCE: LinksRank = LinksRank(u32::MAX - 1);

    /// The rank of the case and the contact that a contact names.
    pub fn of(links: [Option<NameKey>; 2]) -> LinksRank {
        let [case, contact] = links;
        if case.is_none() && contact.is_none() {
            return LinksRank::NONE;
        }
        let mut bytes = [0; 34];
        for (piece, link) in bytes.chunks_exact_mut(17).zip([case, contact]) {
            if let (Some(link), Some((there, key))) = (link, piece.split_first_mut()) {
                *there = 1;
                key.copy_from_slice(&link.0.to_le_bytes());
            }
        }
        let hash = sip::SipHasher13::new_with_key(LINKS_SEED).hash(&bytes) as u32;
        LinksRank(hash.clamp(LinksRank::NONE.0 + 1, LinksRank::CONVEYANCE.0 - 1))
    }

    /// As a number.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The order of two ranks.
    pub(in crate::evidence) fn order(self, other: LinksRank) -> Ordering {
        match (self, other) {
            (LinksRank::UNKNOWN, _) | (_, LinksRank::UNKNOWN) => Ordering::Equal,
            _ => self.0.cmp(&other.0),
        }
    }
}

/// The name that an index names: "owner/id", cut at the first slash, for an id may hold slashes, an owner none. What has
/// no slash names nothing.
pub fn link_key(feed: Feed, name: &str) -> Option<NameKey> {
    name.split_once('/').map(|(owner, id)| name_key(feed, owner, id))
}

/// The key of a text that is compared for equality alone.
pub(in crate::evidence) fn text_key(text: &str) -> u128 {
    sip128::SipHasher13::new_with_key(TEXT_SEED).hash(text.as_bytes()).as_u128()
}

/// The key of a fact: some 65 ns as measured on a busy machine.
pub fn fact_key(feed: Feed, person: Person, owner: &str, id: &str) -> FactKey {
    let prefix = prefix(feed, owner);
    #[cfg(test)]
    let person = if weak::is_on() { Person::default() } else { person };
    let hasher = sip::SipHasher13::new_with_key(FACT_SEED);
    gathered([&prefix, owner.as_bytes(), &person.0, id.as_bytes()], |bytes| FactKey(hasher.hash(bytes)))
}

/// The key of a name: some 65 ns as measured on a busy machine.
pub fn name_key(feed: Feed, owner: &str, id: &str) -> NameKey {
    let prefix = prefix(feed, owner);
    let hasher = sip128::SipHasher13::new_with_key(NAME_SEED);
    gathered([&prefix, owner.as_bytes(), id.as_bytes()], |bytes| NameKey(hasher.hash(bytes).as_u128()))
}

fn prefix(feed: Feed, owner: &str) -> [u8; 5] {
    // An owner has at most 64 bytes by contract; the cut of a length of 2^32 bytes and more is beyond any record.
    let [a, b, c, d] = (owner.len() as u32).to_le_bytes();
    [feed_number(feed), a, b, c, d]
}

/// The number of a feed in a key. Fixed for good, unlike the place of the feed in the enum.
fn feed_number(feed: Feed) -> u8 {
    match feed {
        Feed::Cases => 1,
        Feed::Contacts => 2,
        Feed::ExternalCodes => 3,
        Feed::Isolations => 4,
        Feed::Listings => 5,
        Feed::Regions => 6,
        Feed::Symptoms => 7,
        Feed::Tests => 8,
        Feed::Travel => 9,
        Feed::Bindings => 10,
    }
}

/// Calls `hash` with the pieces one behind the other: short ones from the stack, so that no event costs an
/// allocation.
fn gathered<const PIECES: usize, K>(pieces: [&[u8]; PIECES], hash: impl FnOnce(&[u8]) -> K) -> K {
    let mut buffer = [0; BUFFER_BYTES];
    let mut length = 0;
    for piece in pieces {
        let Some(room) = buffer.get_mut(length..length + piece.len()) else {
            return hash(&pieces.concat());
        };
        room.copy_from_slice(piece);
        length += piece.len();
    }
    hash(&buffer[..length])
}

/// Keys that do not hang on the person, so that facts of all people collide.
#[cfg(test)]
pub(crate) mod weak {
    use std::cell::Cell;

    thread_local! {
        static IS_ON: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn is_on() -> bool {
        IS_ON.get()
    }

    /// Runs a test with weak keys.
    pub(crate) fn with<R>(test: impl FnOnce() -> R) -> R {
        IS_ON.set(true);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
        IS_ON.set(false);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: Person = Person([7; 16]);

    /// Worked out by another implementation of SipHash. If this fails, snapshots of earlier builds can no longer be
    /// read.
    #[test]
    fn keys_are_the_same_in_every_build() {
        assert_eq!(fact_key(Feed::Cases, PERSON, "src", "n1"), FactKey(0xfb28_a939_c834_2c7d));
        assert_eq!(fact_key(Feed::Travel, PERSON, "src", &"号".repeat(128)), FactKey(0x9f0a_5a75_d6be_134b));
        assert_eq!(name_key(Feed::Contacts, "src", "n1"), NameKey(0xc48a_cdb1_4ee4_5013_abf4_76b5_c8e6_552b));
        let [case, contact] = [Feed::Cases, Feed::Contacts].map(|feed| link_key(feed, "src/n1"));
        let ranks = [[None, None], [case, None], [None, contact], [case, contact], [None, case]].map(LinksRank::of);
        assert_eq!(ranks.iter().map(|rank| rank.0).collect::<std::collections::BTreeSet<u32>>().len(), 5);
        assert_eq!((ranks[0], link_key(Feed::Cases, "n1")), (LinksRank::NONE, None));
    }

    #[test]
    fn every_part_and_its_bounds_matter() {
        let key = fact_key(Feed::Cases, PERSON, "ab", "c");
        assert_ne!(key, fact_key(Feed::Contacts, PERSON, "ab", "c"));
        assert_ne!(key, fact_key(Feed::Cases, Person([8; 16]), "ab", "c"));
        assert_ne!(key, fact_key(Feed::Cases, PERSON, "a", "bc"));
        assert_ne!(name_key(Feed::Cases, "ab", "c"), name_key(Feed::Cases, "a", "bc"));
        assert_ne!(name_key(Feed::Cases, "ab", "c"), name_key(Feed::Contacts, "ab", "c"));
    }

    #[test]
    fn long_and_short_are_hashed_alike() {
        for length in [1, BUFFER_BYTES - 26, BUFFER_BYTES - 25, BUFFER_BYTES - 24, BUFFER_BYTES - 23, 600] {
            let id = "x".repeat(length);
            let whole = [&[1, 3, 0, 0, 0], b"src".as_slice(), &PERSON.0, id.as_bytes()].concat();
            let expected = sip::SipHasher13::new_with_key(FACT_SEED).hash(&whole);
            assert_eq!(fact_key(Feed::Cases, PERSON, "src", &id), FactKey(expected));
        }
    }
}
