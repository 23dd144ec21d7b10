//! `tables/*.csv`: small dated tables of a pack, like the countries of entrants.
//!
//! ```text
//! declared   [tables.NAME] of policy.toml: columns, types, what is required, whether rows may overlap
//! csv_rows   lines to cells, strictly
//! csv_table  cells to typed columns
//! overlap    two rows that apply at once
//! ```
//!
//! Owns what a table may hold. No table holds a person.

mod csv_rows;
mod csv_table;
pub mod declared;
mod overlap;

pub use csv_table::{CsvTable, parse};
pub use declared::TableDeclaration;
