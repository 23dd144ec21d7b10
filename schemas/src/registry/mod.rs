//! The registry: every field of every feed, described once.
//!
//! ```text
//! field    what a description says
//! common   the fields of every record
//! kinds    the fields of each kind of evidence
//! specs    the kinds and the feeds: their names, what is special about them
//! ```
//!
//! Owns what a field is. From it follow the checks of intake, the columns of the log and of rules, the JSON Schemas,
//! the order of ties (kind, then column by column), the words of explain and the types of cells. Must never hold a
//! record.

pub mod common;
mod field;
pub(crate) mod kinds;
mod specs;

pub use common::{COMMON, CommonField};
pub use field::{Ahead, Column, ColumnType, FieldType, Pattern};
pub(crate) use specs::{FEEDS, KINDS};
pub use specs::{FeedSpec, KindSpec, Whose};

use crate::Kind;

/// The JSON type of a field, in whatever feed; what is unknown is text.
pub fn field_type(name: &str) -> FieldType {
    let common = COMMON.iter().find(|field| field.name == name).map(|field| field.field_type);
    let mut columns = KINDS.iter().flat_map(|spec| spec.columns.iter().chain(spec.links));
    let of_kinds = || columns.find(|column| column.name == name).map(Column::field_type);
    common.or_else(of_kinds).unwrap_or(FieldType::Text)
}

/// The Chinese name of a kind or a field; none if there is no such name.
pub fn chinese(name: &str) -> Option<&'static str> {
    let kind = KINDS.iter().find(|spec| spec.name == name).map(|spec| spec.chinese);
    let mut columns = KINDS.iter().flat_map(|spec| spec.columns.iter().chain(spec.links));
    kind.or_else(|| columns.find(|column| column.name == name).map(|column| column.chinese))
}

/// Every kind, regions last.
pub fn kinds() -> impl Iterator<Item = Kind> {
    KINDS.iter().map(|spec| spec.kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Feed;
    use crate::vocabulary::{ClosedList, TravelKind};

    #[test]
    fn a_name_has_one_json_type() {
        let mut types = BTreeMap::new();
        for column in KINDS.iter().flat_map(|spec| spec.columns.iter().chain(spec.links)) {
            assert_eq!(
                *types.entry(column.name).or_insert(column.field_type()),
                column.field_type(),
                "{}",
                column.name
            );
        }
        assert_eq!((field_type("row"), field_type("revision")), (FieldType::Integer, FieldType::Integer));
        assert_eq!((field_type("retracted"), field_type("nobody")), (FieldType::Boolean, FieldType::Text));
    }

    #[test]
    fn starts_come_before_their_ends_and_are_instants() {
        for spec in KINDS {
            for (place, column) in spec.columns.iter().enumerate() {
                let Some(start) = column.not_before else { continue };
                let start = spec.columns.iter().position(|other| other.name == start).expect(start);
                assert!(start < place && spec.columns[start].column_type == ColumnType::Instant, "{}", column.name);
            }
        }
    }

    #[test]
    fn kinds_of_travel_are_in_the_order_of_their_names() {
        let nouns: Vec<&str> = Feed::Travel.kinds().iter().map(|kind| kind.spec().noun).collect();
        assert_eq!(nouns, TravelKind::NAMES);
        assert!(Feed::Travel.kinds().iter().enumerate().all(|(place, kind)| kind.rank() == place));
    }

    #[test]
    fn each_field_is_described_whole() {
        for spec in KINDS {
            let names: std::collections::BTreeSet<&str> = spec.columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), spec.columns.len(), "{}", spec.name);
            for column in spec.columns.iter().chain(spec.links) {
                assert!(!column.chinese.is_empty() && column.about.ends_with('.'), "{}", column.name);
                assert!(column.range.0 <= column.range.1 && !(column.optional && column.default.is_some()));
                if let (Some(code), ColumnType::Code(names)) = (column.default, column.column_type) {
                    assert!(usize::from(code) < names.len(), "{}", column.name);
                }
            }
            assert!(Feed::ALL.into_iter().any(|feed| feed.kinds().contains(&spec.kind)), "{}", spec.name);
        }
    }
}
