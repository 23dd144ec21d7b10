//! A row of a table as a contender: what its record says, as it is compared.
//!
//! Owns the reading of rows for the order of contents. Must say of a row what `incoming` says of the record that made
//! it, or a repetition would not be known as one.

use fuma_schemas::Kind;
use fuma_schemas::evidence::ColumnType;

use super::fact_key::LinksRank;
use super::order::{Contents, Ranked};
use super::value::Value;
use crate::evidence::store::{RowTable, Texts, read_u32};

/// What a row says.
pub(in crate::evidence) struct RowContents<'a> {
    pub(in crate::evidence) table: &'a RowTable,
    pub(in crate::evidence) texts: &'a Texts,
    pub(in crate::evidence) row: u32,
}

impl Contents for RowContents<'_> {
    fn kind(&self) -> Kind {
        self.table.layout.kind
    }

    fn ranked(&self, column: usize) -> Ranked<'_> {
        let of_kind = self.table.layout.kind.columns()[column].column_type;
        if let ColumnType::Code(names) = of_kind {
            let code = self.table.row(self.row)[self.table.layout.columns[column]];
            return if usize::from(code) < names.len() { Ranked::Number(i64::from(code)) } else { Ranked::Absent };
        }
        match self.table.value(self.texts, self.row, column) {
            Value::Null => Ranked::Absent,
            Value::Instant(instant) => Ranked::Number(instant.0),
            Value::Text(text) => Ranked::Text(text),
            Value::Date(number) | Value::Integer(number) => Ranked::Number(i64::from(number)),
        }
    }

    fn links(&self) -> LinksRank {
        match self.table.layout.kind {
            Kind::Contacts => LinksRank(read_u32(self.table.row(self.row), self.table.layout.links)),
            _ => LinksRank::NONE,
        }
    }
}
