//! Where the fields of a feed lie while a record is read.
//!
//! ```text
//! slots of a feed:  owner id revision retracted known_at [person phone cert_type cert_number] [kind], then the fields
//!                   of each kind
//! ```
//!
//! Owns the slots, made once from the registry; what each field is stands there. Must never see a record.

use std::sync::LazyLock;

use fuma_schemas::registry::common::WITHOUT_PERSON;
use fuma_schemas::registry::{COMMON, Column, Whose};
use fuma_schemas::{Feed, Kind};

pub(super) const OWNER: usize = 0;
pub(super) const ID: usize = 1;
pub(super) const REVISION: usize = 2;
pub(super) const RETRACTED: usize = 3;
pub(super) const KNOWN_AT: usize = 4;
pub(super) const PERSON: usize = 5;
pub(super) const PHONE: usize = 6;
pub(super) const CERT_TYPE: usize = 7;
pub(super) const CERT_NUMBER: usize = 8;
pub(super) const TRAVEL_KIND: usize = COMMON.len();

/// The most fields that a kind has.
pub(super) const FIELDS_MAX: usize = {
    let (mut most, mut at) = (fields_of(Kind::Regions), 0);
    while at < Kind::PERSONAL.len() {
        let fields = fields_of(Kind::PERSONAL[at]);
        most = if fields > most { fields } else { most };
        at += 1;
    }
    most
};
/// The most fields that a feed has: those of every record, `kind`, and those of all its kinds.
pub(super) const SLOTS_MAX: usize = {
    let (mut most, mut at) = (0, 0);
    while at < Feed::ALL.len() {
        let (kinds, mut fields, mut kind) = (Feed::ALL[at].kinds(), 0, 0);
        while kind < kinds.len() {
            fields += fields_of(kinds[kind]);
            kind += 1;
        }
        most = if fields > most { fields } else { most };
        at += 1;
    }
    COMMON.len() + 1 + most
};
/// Reading marks each slot with a bit of a `u64`.
const _: () = assert!(SLOTS_MAX <= u64::BITS as usize);
/// The names of the slots above.
const _: () = assert!(WITHOUT_PERSON == PERSON && CERT_NUMBER + 1 == COMMON.len());

const fn fields_of(kind: Kind) -> usize {
    kind.columns().len() + kind.links().len()
}

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldRule {
    /// What it is.
    pub(super) column: &'static Column,
    /// Where it lies among the fields of the feed.
    pub(super) slot: usize,
}

/// The fields of a kind, in the order of the contract, and where they lie.
#[derive(Debug)]
pub(super) struct KindRules {
    pub(super) kind: Kind,
    pub(super) fields: Vec<FieldRule>,
    /// Starts and ends, by their place in `fields`.
    pub(super) pairs: Vec<(usize, usize)>,
}

impl KindRules {
    /// The place of a field among the kind's.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.column.name == name)
    }
}

/// What is known of a feed.
#[derive(Debug)]
pub(super) struct FeedRules {
    /// The names, each with its slot, by their place: the few of one place are compared one by one.
    names: [Vec<(&'static str, usize)>; PLACES],
    /// How a member with the name of each slot begins.
    beginnings: Vec<Beginning>,
    /// One kind; for travel stay, trip and entry, in the order of the codes of `TravelKind`.
    pub(super) kinds: Vec<KindRules>,
}

/// Places of names: some twice as many as a feed has fields.
const PLACES: usize = 64;

/// The place of a name, by its length and two of its letters: those of a feed are nearly all told apart by them.
#[inline]
fn place_of(name: &str) -> usize {
    let letter = |at: usize| name.as_bytes().get(at).copied().map_or(0, usize::from);
    (7 * name.len() + 3 * letter(0) + letter(name.len().wrapping_sub(2))) % PLACES
}

/// How a member of a record begins: its name in quotes, and the colon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    bytes: u128,
    mask: u128,
    length: usize,
}

impl Beginning {
    /// None where the name is too long to be compared at once.
    fn new(name: &str) -> Option<Beginning> {
        let spelt = format!("\"{name}\":");
        let mut bytes = [0; size_of::<u128>()];
        bytes.get_mut(..spelt.len())?.copy_from_slice(spelt.as_bytes());
        let mask = u128::MAX >> (u128::BITS - 8 * spelt.len() as u32);
        Some(Beginning { bytes: u128::from_le_bytes(bytes), mask, length: spelt.len() })
    }

    /// The length, if a text begins so.
    #[inline]
    pub(super) fn of(&self, text: &[u8]) -> Option<usize> {
        let bytes = u128::from_le_bytes(*text.first_chunk()?);
        (bytes & self.mask == self.bytes).then_some(self.length)
    }
}

/// Which field came after which in the last record of a feed: those of one producer come in one order. It is a guess,
/// and right or wrong nothing but time hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Order([u8; SLOTS_MAX + 1]);

impl Order {
    /// The place before the first field.
    pub(super) const BEGINNING: usize = SLOTS_MAX;

    /// That of the contract.
    pub(super) fn new() -> Order {
        Order(std::array::from_fn(|slot| if slot == Order::BEGINNING { 0 } else { slot as u8 + 1 }))
    }

    /// The field that is to come after one.
    #[inline]
    pub(super) fn after(&self, slot: usize) -> usize {
        self.0.get(slot).copied().map_or(0, usize::from)
    }

    /// Notes what came after a field.
    #[inline]
    pub(super) fn note(&mut self, slot: usize, next: usize) {
        if let Some(after) = self.0.get_mut(slot) {
            *after = next as u8;
        }
    }
}

impl FeedRules {
    /// The slot of a known field.
    #[inline]
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        let names = &self.names[place_of(name)];
        names.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot)
    }

    /// How a member with the name of this slot begins.
    #[inline]
    pub(super) fn beginning(&self, slot: usize) -> Option<&Beginning> {
        self.beginnings.get(slot)
    }

    /// The rules of a kind by its place.
    pub(super) fn kind(&self, place: usize) -> Option<&KindRules> {
        self.kinds.get(place)
    }
}

/// The rules of a feed.
pub(super) fn rules(feed: Feed) -> &'static FeedRules {
    static RULES: LazyLock<[FeedRules; Feed::ALL.len()]> = LazyLock::new(|| Feed::ALL.map(build));
    &RULES[feed as usize]
}

fn build(feed: Feed) -> FeedRules {
    let mut names: Vec<&'static str> = COMMON.iter().map(|field| field.name).collect();
    if feed.spec().whose == Whose::Nobody {
        names.truncate(WITHOUT_PERSON);
    }
    if feed.kinds().len() > 1 {
        names.push("kind");
    }
    let kinds: Vec<KindRules> = feed.kinds().iter().map(|kind| build_kind(*kind, &mut names)).collect();
    // What is too long matches nothing.
    let none = Beginning { bytes: 1, mask: 0, length: 0 };
    let beginnings = names.iter().map(|name| Beginning::new(name).unwrap_or(none)).collect();
    let mut by_place = [const { Vec::new() }; PLACES];
    for (slot, name) in names.into_iter().enumerate() {
        by_place[place_of(name)].push((name, slot));
    }
    FeedRules { names: by_place, beginnings, kinds }
}

/// The rules of a kind. A field that the feed has already shares its slot; another one gets the next.
fn build_kind(kind: Kind, names: &mut Vec<&'static str>) -> KindRules {
    let columns = || kind.columns().iter().chain(kind.links());
    let mut fields = Vec::with_capacity(fields_of(kind));
    for column in columns() {
        let slot = names.iter().position(|name| *name == column.name).unwrap_or(names.len());
        if slot == names.len() {
            names.push(column.name);
        }
        fields.push(FieldRule { column, slot });
    }
    let place = |name: &str| columns().position(|column| column.name == name);
    let pairs = (0..).zip(columns()).filter_map(|(end, column)| Some((place(column.not_before?)?, end))).collect();
    KindRules { kind, fields, pairs }
}
