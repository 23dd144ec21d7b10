//! What is known of each feed: its fields in the order of the contract, and the check of each.
//!
//! ```text
//! slots of a feed:  owner id revision retracted known_at [person cert_type cert_number] [kind] fields of each kind
//! ```
//!
//! Owns the tables, made once from the columns of the evidence. Names and closed lists come from there, so they
//! cannot differ. Must never see a record.

use std::sync::LazyLock;

use fuma_schemas::evidence::{Column, ColumnType, LINK_COLUMNS};
use fuma_schemas::vocabulary::{ClosedList, Tube};
use fuma_schemas::{Feed, Kind};

pub(super) const OWNER: usize = 0;
pub(super) const ID: usize = 1;
pub(super) const REVISION: usize = 2;
pub(super) const RETRACTED: usize = 3;
pub(super) const KNOWN_AT: usize = 4;
pub(super) const PERSON: usize = 5;
pub(super) const CERT_TYPE: usize = 6;
pub(super) const CERT_NUMBER: usize = 7;
pub(super) const TRAVEL_KIND: usize = 8;
/// The most fields that a feed has: travel, with those of its three kinds.
pub(super) const SLOTS_MAX: usize = 27;
/// The most fields that a kind has: trips.
pub(super) const FIELDS_MAX: usize = 10;

/// The fields that belong to every record, in their slots; regions have the first five.
const COMMON: [&str; 8] = ["owner", "id", "revision", "retracted", "known_at", "person", "cert_type", "cert_number"];

/// Start and end: the end may not lie before.
const PAIRS: [(&str, &str); 11] = [
    ("determined_at", "discharged_at"),
    ("arrived_at", "left_at"),
    ("boarded_at", "alighted_at"),
    ("sampled_at", "reported_at"),
    ("onset_at", "resolved_at"),
    ("onset_at", "cleared_at"),
    ("started_at", "due_at"),
    ("started_at", "ended_at"),
    ("starts_at", "expires_at"),
    ("assigned_at", "released_at"),
    ("since", "until"),
];

/// How far after known_at an instant may lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ahead {
    /// 24 hours.
    Day,
    /// 7 x 24 hours.
    Week,
    /// As far as it likes.
    Free,
}

/// How a field is checked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    Instant(Ahead),
    Code(&'static [&'static str]),
    ListingBasis(&'static [&'static str]),
    Region,
    Province,
    Text,
    NotBlank,
    Approver,
    Country,
    Date,
    Row,
    Index,
}

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldRule {
    pub(super) name: &'static str,
    pub(super) check: Check,
    pub(super) optional: bool,
    /// The code when it is absent.
    pub(super) default: Option<u8>,
}

/// The fields of a kind, and where they lie.
#[derive(Debug)]
pub(super) struct KindRules {
    pub(super) kind: Kind,
    /// The slot of the first field.
    pub(super) first_slot: usize,
    pub(super) fields: Vec<FieldRule>,
    /// Starts and ends, by their place in `fields`.
    pub(super) pairs: Vec<(usize, usize)>,
}

/// What is known of a feed.
#[derive(Debug)]
pub(super) struct FeedRules {
    names: Vec<&'static str>,
    /// One kind; for travel stay, trip and entry, in the order of the codes of `TravelKind`.
    pub(super) kinds: Vec<KindRules>,
    multiplier: u32,
    /// The slot for each hash of a name; `u8::MAX` where there is none.
    by_hash: [u8; HASHES],
}

const HASHES: usize = 256;

impl FeedRules {
    /// The slot of a known field.
    #[inline]
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        let slot = usize::from(*self.by_hash.get(hash(name, self.multiplier))?);
        (*self.names.get(slot)? == name).then_some(slot)
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
    let mut names: Vec<&'static str> = COMMON.to_vec();
    match feed {
        Feed::Regions => names.truncate(PERSON),
        Feed::Travel => names.push("kind"),
        _ => {}
    }
    let mut kinds = Vec::new();
    for kind in kinds_of(feed) {
        let rules = build_kind(*kind, names.len());
        names.extend(rules.fields.iter().map(|field| field.name));
        kinds.push(rules);
    }
    let (multiplier, by_hash) = perfect_hash(&names);
    FeedRules { names, kinds, multiplier, by_hash }
}

/// The kinds of a feed; those of travel in the order of the codes of `TravelKind`.
fn kinds_of(feed: Feed) -> &'static [Kind] {
    match feed {
        Feed::Cases => &[Kind::Cases],
        Feed::Contacts => &[Kind::Contacts],
        Feed::ExternalCodes => &[Kind::ExternalCodes],
        Feed::Isolations => &[Kind::Isolations],
        Feed::Listings => &[Kind::Listings],
        Feed::Regions => &[Kind::Regions],
        Feed::Symptoms => &[Kind::Symptoms],
        Feed::Tests => &[Kind::Tests],
        Feed::Travel => &[Kind::Stays, Kind::Trips, Kind::Entries],
    }
}

fn build_kind(kind: Kind, first_slot: usize) -> KindRules {
    let mut fields: Vec<FieldRule> = kind.columns().iter().map(|column| field_rule(kind, column)).collect();
    if kind == Kind::Contacts {
        fields.extend(LINK_COLUMNS.map(|name| FieldRule { name, check: Check::Index, optional: true, default: None }));
    }
    let place = |name: &str| fields.iter().position(|field| field.name == name);
    let pairs = PAIRS.iter().filter_map(|(start, end)| Some((place(start)?, place(end)?))).collect();
    KindRules { kind, first_slot, fields, pairs }
}

fn field_rule(kind: Kind, column: &Column) -> FieldRule {
    let check = match (kind, column.name, column.column_type) {
        (_, "due_at" | "expires_at" | "until", ColumnType::Instant) => Check::Instant(Ahead::Free),
        (_, "starts_at" | "since", ColumnType::Instant) => Check::Instant(Ahead::Week),
        (_, _, ColumnType::Instant) => Check::Instant(Ahead::Day),
        (Kind::Listings, "basis", ColumnType::Code(names)) => Check::ListingBasis(names),
        (_, _, ColumnType::Code(names)) => Check::Code(names),
        (_, "province", _) => Check::Province,
        (_, _, ColumnType::Region) => Check::Region,
        (Kind::Listings, "approver", _) => Check::Approver,
        (Kind::Listings, "document", _) => Check::NotBlank,
        (_, "country", _) => Check::Country,
        (_, _, ColumnType::Text) => Check::Text,
        (_, _, ColumnType::Date) => Check::Date,
        (_, _, ColumnType::Integer) => Check::Row,
    };
    let default = (column.name == "tube").then(|| Tube::Single.code());
    FieldRule { name: column.name, check, optional: column.optional || default.is_some(), default }
}

/// A hash of the length and three letters tells the few names of a feed apart; the multiplier is the first odd one
/// that does.
fn perfect_hash(names: &[&'static str]) -> (u32, [u8; HASHES]) {
    let mut multiplier = 0x9e37_79b1_u32;
    loop {
        let mut by_hash = [u8::MAX; HASHES];
        let alone = names.iter().zip(0_u8..).all(|(name, slot)| match by_hash.get_mut(hash(name, multiplier)) {
            Some(place) if *place == u8::MAX => {
                *place = slot;
                true
            }
            _ => false,
        });
        if alone {
            return (multiplier, by_hash);
        }
        multiplier = multiplier.wrapping_mul(0x2c1b_3c6d).wrapping_add(2);
    }
}

#[inline]
fn hash(name: &str, multiplier: u32) -> usize {
    let bytes = name.as_bytes();
    let [Some(first), Some(middle), Some(last)] = [bytes.first(), bytes.get(bytes.len() / 2), bytes.last()] else {
        return 0;
    };
    let letters = u32::from(*first) | u32::from(*middle) << 8 | u32::from(*last) << 16 | (bytes.len() as u32) << 24;
    (letters.wrapping_mul(multiplier) >> 24) as usize
}
