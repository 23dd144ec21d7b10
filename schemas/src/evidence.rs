//! The evidence tables: the kinds, and from their columns (`registry`) the Arrow schema of the evidence log and the one
//! that rules see.
//!
//! ```text
//! log:   person owner id revision retracted known_at  + the columns of the kind (null in a retraction)
//! rules: person fact known_at first_known_at          + the columns of the kind + what the engine adds
//! ```
//!
//! Owns these schemas. Must never hold a row.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Feed;
use crate::registry::kinds::CONTACT_LINKS;
pub use crate::registry::{Column, ColumnType};
use crate::registry::{FEEDS, KINDS, KindSpec};
use crate::vocabulary::{ClosedList, Granularity, Match};

/// A kind of evidence: one table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Cases.
    Cases,
    /// Contacts.
    Contacts,
    /// Entries into the country.
    Entries,
    /// Codes of other provinces.
    ExternalCodes,
    /// Isolation orders.
    Isolations,
    /// Approved lists.
    Listings,
    /// Stays in a region.
    Stays,
    /// Symptoms.
    Symptoms,
    /// Tests.
    Tests,
    /// Trips aboard a conveyance.
    Trips,
    /// Whose a phone number is.
    Bindings,
    /// Risk tiers of regions: reference data, without a person.
    Regions,
}

impl Kind {
    /// The kinds that hold evidence about people, in the order of their codes.
    pub const PERSONAL: [Kind; 11] = [
        Kind::Cases,
        Kind::Contacts,
        Kind::Entries,
        Kind::ExternalCodes,
        Kind::Isolations,
        Kind::Listings,
        Kind::Stays,
        Kind::Symptoms,
        Kind::Tests,
        Kind::Trips,
        Kind::Bindings,
    ];

    /// What is known of it.
    pub const fn spec(self) -> &'static KindSpec {
        &KINDS[self as usize]
    }

    /// The name of the table.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The kind whose table has this name; regions have none that rules see.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::PERSONAL.into_iter().find(|kind| kind.name() == name)
    }

    /// The feed that brings it.
    pub fn feed(self) -> Feed {
        let brings = FEEDS.iter().find(|spec| spec.kinds.contains(&self));
        brings.map_or(Feed::Regions, |spec| spec.feed)
    }

    /// The code in memory: the place in [`Kind::PERSONAL`], regions last. What is stored has numbers of its own.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The columns of the kind itself, in the order of the contract: that of the log, and of ties.
    pub const fn columns(self) -> &'static [Column] {
        self.spec().columns
    }

    /// What a record hangs on ("owner/id"), for trace alone: columns of the log after those of the kind.
    pub const fn links(self) -> &'static [Column] {
        self.spec().links
    }

    /// The order of ties between kinds of one feed: in travel stay, trip, entry.
    pub fn rank(self) -> usize {
        FEEDS.iter().find_map(|spec| spec.kinds.iter().position(|kind| *kind == self)).unwrap_or(0)
    }
}

/// The columns that every batch of the log begins with, in this order; regions have no person.
pub mod log {
    /// The person token, 16 bytes.
    pub const PERSON: usize = 0;
    /// The source system.
    pub const OWNER: usize = 1;
    /// The id within owner, feed and person.
    pub const ID: usize = 2;
    /// The revision.
    pub const REVISION: usize = 3;
    /// Whether the record withdraws the fact.
    pub const RETRACTED: usize = 4;
    /// When the record became known, milliseconds UTC.
    pub const KNOWN_AT: usize = 5;
    /// Where the columns of the kind begin.
    pub const FIRST_OF_KIND: usize = 6;
}

/// The version of the log schemas, carried beside each batch.
pub const LOG_SCHEMA_VERSION: u32 = 1;

/// The columns of a contact's batch after its own: what the contact hangs on ("owner/id"), for trace alone.
pub const LINK_COLUMNS: [&str; 2] = [CONTACT_LINKS[0].name, CONTACT_LINKS[1].name];

/// The type of an instant in Arrow.
pub fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// The Arrow schema of a kind in the evidence log. Codes are bytes; the columns of the kind are null in a retraction.
pub fn log_schema(kind: Kind) -> SchemaRef {
    schema_of_log(kind, Field::new("person", DataType::FixedSizeBinary(16), kind == Kind::Regions))
}

/// The Arrow schema of a kind in the log of phones: `phone`, the token of the phone that the fact is one of, stands in
/// the place of the person.
pub fn phone_log_schema(kind: Kind) -> SchemaRef {
    schema_of_log(kind, Field::new("phone", DataType::FixedSizeBinary(16), false))
}

fn schema_of_log(kind: Kind, whose: Field) -> SchemaRef {
    let mut fields = vec![
        whose,
        Field::new("owner", DataType::Utf8, false),
        Field::new("id", DataType::Utf8, false),
        Field::new("revision", DataType::UInt32, false),
        Field::new("retracted", DataType::Boolean, false),
        Field::new("known_at", instant_type(), false),
    ];
    for column in kind.columns().iter().chain(kind.links()) {
        let data_type = match column.column_type {
            ColumnType::Instant => instant_type(),
            ColumnType::Code(_) => DataType::UInt8,
            ColumnType::Region | ColumnType::Text => DataType::Utf8,
            ColumnType::Date => DataType::Date32,
            ColumnType::Integer => DataType::Int32,
        };
        fields.push(Field::new(column.name, data_type, true));
    }
    Arc::new(Schema::new(fields))
}

/// A column that the engine adds to a table that rules see.
const ENGINE_COLUMNS: &[(Kind, &str, DataType)] = &[
    (Kind::Contacts, "counts", DataType::Boolean),
    (Kind::Contacts, "origin", DataType::Utf8View),
    (Kind::Listings, "owner", DataType::Utf8View),
    (Kind::Stays, "granularity", DataType::Utf8View),
];

/// The Arrow schema of a kind as rules see it. `person` is the slot of the step, `fact` an opaque handle; codes are
/// text.
pub fn rule_schema(kind: Kind) -> SchemaRef {
    let mut fields = vec![
        Field::new("person", DataType::UInt32, false),
        Field::new("fact", DataType::UInt64, false),
        Field::new("known_at", instant_type(), false),
        Field::new("first_known_at", instant_type(), false),
    ];
    for column in kind.columns() {
        fields.push(Field::new(column.name, rule_type(column.column_type), column.optional));
    }
    for (_, name, data_type) in ENGINE_COLUMNS.iter().filter(|(of, _, _)| *of == kind) {
        fields.push(Field::new(*name, data_type.clone(), false));
    }
    Arc::new(Schema::new(fields))
}

/// The Arrow schema of `tiered_stays`: a stay and a tier whose regions meet.
///
/// The columns of `stays`, and `tier`, `tier_since`, `tier_until`, `match` (exact, within, contains). The engine
/// matches codes and leaves out tiers that end no later than they begin; instants are the pack's to compare.
pub fn tiered_stay_schema() -> SchemaRef {
    let mut fields: Vec<Field> = rule_schema(Kind::Stays).fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.extend([
        Field::new("tier", DataType::Utf8View, false),
        Field::new("tier_since", instant_type(), false),
        Field::new("tier_until", instant_type(), true),
        Field::new("match", DataType::Utf8View, false),
    ]);
    Arc::new(Schema::new(fields))
}

/// Where a contact comes from: somebody reported it, or the engine derived it from two trips.
pub const ORIGINS: &[&str] = &["reported", "conveyance"];
/// The closed lists of the columns that the engine adds.
pub const MATCHES: &[&str] = Match::NAMES;
/// The names of [`Granularity`].
pub const GRANULARITIES: &[&str] = Granularity::NAMES;

fn rule_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Instant => instant_type(),
        ColumnType::Code(_) | ColumnType::Region | ColumnType::Text => DataType::Utf8View,
        ColumnType::Date => DataType::Date32,
        ColumnType::Integer => DataType::Int32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_places() {
        for (place, kind) in Kind::PERSONAL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), place);
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
    }

    #[test]
    fn log_schemas_begin_alike() {
        for kind in Kind::PERSONAL {
            let schema = log_schema(kind);
            assert_eq!(schema.field(log::KNOWN_AT).name(), "known_at");
            assert_eq!(schema.field(log::FIRST_OF_KIND).name(), kind.columns()[0].name);
        }
    }
}
