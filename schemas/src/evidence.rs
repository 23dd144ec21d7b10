//! The evidence tables: their columns once, and from them the Arrow schema of the evidence log and the one that rules
//! see.
//!
//! ```text
//! log:   person owner id revision retracted known_at  + the columns of the kind (null in a retraction)
//! rules: person fact known_at first_known_at          + the columns of the kind + what the engine adds
//! ```
//!
//! Owns names and types. Must never hold a row.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Feed;
use crate::vocabulary::{
    Classification, ClosedList, Degree, ExternalColour, Granularity, IsolationBasis, ListingBasis, ListingColour,
    Match, Method, Mode, Outcome, Stage, StaySource, SymptomName, SymptomSource, TestResult, Tier, Tube,
};

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
    /// Risk tiers of regions: reference data, without a person.
    Regions,
}

/// The type of a column.
#[derive(Clone, Copy, Debug)]
pub enum ColumnType {
    /// Milliseconds UTC.
    Instant,
    /// A code of a closed list.
    Code(&'static [&'static str]),
    /// A region code, as text.
    Region,
    /// Other text.
    Text,
    /// A calendar date, days since 1970-01-01.
    Date,
    /// A small whole number.
    Integer,
}

/// A column of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name, as in the feed.
    pub name: &'static str,
    /// The type.
    pub column_type: ColumnType,
    /// Whether an assertion may leave it out.
    pub optional: bool,
}

const fn required(name: &'static str, column_type: ColumnType) -> Column {
    Column { name, column_type, optional: false }
}

const fn optional(name: &'static str, column_type: ColumnType) -> Column {
    Column { name, column_type, optional: true }
}

use ColumnType::{Code, Date, Integer, Region, Text};

const INSTANT: ColumnType = ColumnType::Instant;

const CASES: &[Column] = &[
    required("classification", Code(Classification::NAMES)),
    required("determined_at", INSTANT),
    optional("onset_at", INSTANT),
    optional("discharged_at", INSTANT),
];
const CONTACTS: &[Column] = &[
    required("degree", Code(Degree::NAMES)),
    required("determined_at", INSTANT),
    required("last_exposure_at", INSTANT),
];
const ENTRIES: &[Column] = &[
    required("entered_at", INSTANT),
    optional("last_overseas_at", INSTANT),
    required("country", Text),
    optional("port", Text),
];
const EXTERNAL_CODES: &[Column] = &[
    required("province", Region),
    required("colour", Code(ExternalColour::NAMES)),
    required("assigned_at", INSTANT),
    optional("released_at", INSTANT),
];
const ISOLATIONS: &[Column] = &[
    required("stage", Code(Stage::NAMES)),
    required("basis", Code(IsolationBasis::NAMES)),
    required("started_at", INSTANT),
    optional("due_at", INSTANT),
    optional("ended_at", INSTANT),
    optional("outcome", Code(Outcome::NAMES)),
    optional("next_stage", Code(Stage::NAMES)),
];
const LISTINGS: &[Column] = &[
    required("colour", Code(ListingColour::NAMES)),
    required("approver", Text),
    required("basis", Code(ListingBasis::NAMES)),
    required("document", Text),
    required("starts_at", INSTANT),
    required("expires_at", INSTANT),
];
const STAYS: &[Column] = &[
    required("region", Region),
    required("arrived_at", INSTANT),
    optional("left_at", INSTANT),
    required("source", Code(StaySource::NAMES)),
];
const SYMPTOMS: &[Column] = &[
    required("symptom", Code(SymptomName::NAMES)),
    required("onset_at", INSTANT),
    optional("resolved_at", INSTANT),
    optional("cleared_at", INSTANT),
    required("source", Code(SymptomSource::NAMES)),
];
const TESTS: &[Column] = &[
    required("method", Code(Method::NAMES)),
    required("result", Code(TestResult::NAMES)),
    required("tube", Code(Tube::NAMES)),
    required("sampled_at", INSTANT),
    required("reported_at", INSTANT),
    optional("issuer_region", Region),
];
const TRIPS: &[Column] = &[
    required("mode", Code(Mode::NAMES)),
    required("number", Text),
    required("service_date", Date),
    optional("carriage", Text),
    optional("row", Integer),
    optional("seat", Text),
    required("boarded_at", INSTANT),
    required("alighted_at", INSTANT),
    optional("from_region", Region),
    optional("to_region", Region),
];
const REGIONS: &[Column] = &[
    required("region", Region),
    required("tier", Code(Tier::NAMES)),
    required("since", INSTANT),
    optional("until", INSTANT),
    required("authority", Text),
    optional("document", Text),
];

impl Kind {
    /// The kinds that hold evidence about people, in the order of their codes.
    pub const PERSONAL: [Kind; 10] = [
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
    ];

    /// The name of the table.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Cases => "cases",
            Kind::Contacts => "contacts",
            Kind::Entries => "entries",
            Kind::ExternalCodes => "external_codes",
            Kind::Isolations => "isolations",
            Kind::Listings => "listings",
            Kind::Stays => "stays",
            Kind::Symptoms => "symptoms",
            Kind::Tests => "tests",
            Kind::Trips => "trips",
            Kind::Regions => "regions",
        }
    }

    /// The kind whose table has this name.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::PERSONAL.into_iter().find(|kind| kind.name() == name)
    }

    /// The feed that brings it.
    pub fn feed(self) -> Feed {
        match self {
            Kind::Cases => Feed::Cases,
            Kind::Contacts => Feed::Contacts,
            Kind::ExternalCodes => Feed::ExternalCodes,
            Kind::Isolations => Feed::Isolations,
            Kind::Listings => Feed::Listings,
            Kind::Entries | Kind::Stays | Kind::Trips => Feed::Travel,
            Kind::Symptoms => Feed::Symptoms,
            Kind::Tests => Feed::Tests,
            Kind::Regions => Feed::Regions,
        }
    }

    /// The code: the place in [`Kind::PERSONAL`], and 10 for regions.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The columns of the kind itself, in the order of the log.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Kind::Cases => CASES,
            Kind::Contacts => CONTACTS,
            Kind::Entries => ENTRIES,
            Kind::ExternalCodes => EXTERNAL_CODES,
            Kind::Isolations => ISOLATIONS,
            Kind::Listings => LISTINGS,
            Kind::Stays => STAYS,
            Kind::Symptoms => SYMPTOMS,
            Kind::Tests => TESTS,
            Kind::Trips => TRIPS,
            Kind::Regions => REGIONS,
        }
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
pub const LINK_COLUMNS: [&str; 2] = ["index_case", "index_contact"];

/// The type of an instant in Arrow.
pub fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// The Arrow schema of a kind in the evidence log. Codes are bytes; the columns of the kind are null in a retraction.
pub fn log_schema(kind: Kind) -> SchemaRef {
    let mut fields = vec![
        Field::new("person", DataType::FixedSizeBinary(16), kind == Kind::Regions),
        Field::new("owner", DataType::Utf8, false),
        Field::new("id", DataType::Utf8, false),
        Field::new("revision", DataType::UInt32, false),
        Field::new("retracted", DataType::Boolean, false),
        Field::new("known_at", instant_type(), false),
    ];
    for column in kind.columns() {
        let data_type = match column.column_type {
            ColumnType::Instant => instant_type(),
            Code(_) => DataType::UInt8,
            Region | Text => DataType::Utf8,
            Date => DataType::Date32,
            Integer => DataType::Int32,
        };
        fields.push(Field::new(column.name, data_type, true));
    }
    if kind == Kind::Contacts {
        fields.extend(LINK_COLUMNS.map(|name| Field::new(name, DataType::Utf8, true)));
    }
    Arc::new(Schema::new(fields))
}

/// A column that the engine adds to a table that rules see.
const ENGINE_COLUMNS: &[(Kind, &str, DataType)] = &[
    (Kind::Contacts, "counts", DataType::Boolean),
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

/// The closed lists of the columns that the engine adds.
pub const MATCHES: &[&str] = Match::NAMES;
/// The names of [`Granularity`].
pub const GRANULARITIES: &[&str] = Granularity::NAMES;

fn rule_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Instant => instant_type(),
        Code(_) | Region | Text => DataType::Utf8View,
        Date => DataType::Date32,
        Integer => DataType::Int32,
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
