//! The JSON Schema of maps, for editors: made from the keys as they are described.
//!
//! Owns its title. Checked in as `schemas/json/table-map.schema.json`.

use super::text::MapText;

/// The schema.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(MapText);
    schema.insert("title".to_owned(), "A map of fuma import table".into());
    schema.to_value()
}
