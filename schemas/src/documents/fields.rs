//! From the registry to JSON Schema: the properties of a kind.
//!
//! Owns that step. Patterns are those of the texts, names and sentences those of the registry.

use serde_json::{Map, Value, json};

use super::json_schema::generate;
use super::text::{
    CountryCode, DateText, InstantText, NotBlank, Owner, PhoneNumber, ProvinceCode, RecordName, RegionCode,
};
use crate::Kind;
use crate::registry::{Column, ColumnType, Pattern};
use crate::vocabulary::ClosedList;

/// The schema of an assertion of a kind, without the common fields.
pub(super) fn of_kind(kind: Kind) -> Map<String, Value> {
    let columns = || kind.columns().iter().chain(kind.links());
    let properties: Map<String, Value> =
        columns().map(|column| (column.name.to_owned(), Value::Object(property(column)))).collect();
    let required: Vec<&str> = columns().filter(|column| !may_be_absent(column)).map(|column| column.name).collect();
    let mut schema = Map::new();
    schema.insert("description".into(), json!(kind.spec().about));
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("required".into(), json!(required));
    schema
}

fn may_be_absent(column: &Column) -> bool {
    column.optional || column.default.is_some()
}

fn property(column: &Column) -> Map<String, Value> {
    let mut schema = values(column);
    schema.insert("description".into(), json!(column.about));
    if let (Some(code), ColumnType::Code(names)) = (column.default, column.column_type) {
        schema.insert("default".into(), json!(names.get(usize::from(code))));
    }
    if may_be_absent(column) {
        let of_type = schema.remove("type");
        schema.insert("type".into(), json!([of_type, "null"]));
        if let Some(Value::Array(names)) = schema.get_mut("enum") {
            names.push(Value::Null);
        }
    }
    schema
}

/// What values a field may have.
fn values(column: &Column) -> Map<String, Value> {
    match (column.column_type, column.pattern) {
        (ColumnType::Instant, _) => generate::<InstantText>(),
        (ColumnType::Date, _) => generate::<DateText>(),
        (ColumnType::Code(names), _) => {
            Map::from_iter([("type".to_owned(), json!("string")), ("enum".to_owned(), json!(names))])
        }
        (ColumnType::Integer, _) => Map::from_iter([
            ("type".to_owned(), json!("integer")),
            ("minimum".to_owned(), json!(column.range.0)),
            ("maximum".to_owned(), json!(column.range.1)),
        ]),
        (_, Pattern::Province) => generate::<ProvinceCode>(),
        (_, Pattern::Region) => generate::<RegionCode>(),
        (_, Pattern::NotBlank) => generate::<NotBlank>(),
        (_, Pattern::Country) => generate::<CountryCode>(),
        (_, Pattern::Approver) => generate::<Owner>(),
        (_, Pattern::RecordName) => generate::<RecordName>(),
        (_, Pattern::Phone) => generate::<PhoneNumber>(),
        (ColumnType::Region, _) => generate::<RegionCode>(),
        (ColumnType::Text, Pattern::Any | Pattern::Number | Pattern::Carriage) => {
            Map::from_iter([("type".to_owned(), json!("string"))])
        }
    }
}

/// The schema of the three kinds of travel, told apart by `kind`.
pub(super) fn travel(kinds: &[Kind]) -> Map<String, Value> {
    let kind = |(kind, name): (&Kind, &&str)| {
        let mut schema = of_kind(*kind);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("kind".into(), json!({"const": name}));
        }
        Value::Object(schema)
    };
    let kinds: Vec<Value> = kinds.iter().zip(crate::vocabulary::TravelKind::NAMES).map(kind).collect();
    let about = "Where a person was, told by `kind`: a stay in a region, a trip aboard a conveyance, an entry into the \
        country.";
    Map::from_iter([("description".to_owned(), json!(about)), ("oneOf".to_owned(), Value::Array(kinds))])
}
