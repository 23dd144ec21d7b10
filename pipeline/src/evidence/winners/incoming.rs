//! A batch of the evidence log, its columns found once.
//!
//! Owns the reading of batches. Columns are found by name: one that came later than the batch reads as absent where an
//! assertion may lack it. Must never change a batch, nor trust one to be whole: a row that lacks what its kind requires
//! is passed over and counted.

use arrow::array::{Array, AsArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Int32Type, TimestampMillisecondType, UInt8Type, UInt32Type};
use fuma_schemas::evidence::{Column, ColumnType, LINK_COLUMNS, LOG_SCHEMA_VERSION};
use fuma_schemas::vocabulary::Granularity;
use fuma_schemas::{Feed, Instant, Kind, Person};

use super::fact_key::{LinksRank, link_key};
use super::order::Ranked;
use super::version::Version;

/// Why a batch could not be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EvidenceError {
    /// The batch is of another schema.
    #[error(
        "a batch of {kind} has no column {column} of log schema {version}: write it again with this version's intake"
    )]
    Schema {
        /// The kind that was to be applied.
        kind: &'static str,
        /// The column.
        column: &'static str,
        /// The version of the log schema that is read.
        version: u32,
    },
    /// A table has no room.
    #[error("the table of {kind} is full: use more partitions")]
    Full {
        /// The kind.
        kind: &'static str,
    },
}

/// A column of the kind.
pub(in crate::evidence) enum Incoming<'a> {
    /// The batch is older than the column.
    Missing,
    /// The batch is older than the column, and where nothing is said it is this code.
    Default(u8),
    Instant(&'a PrimitiveArray<TimestampMillisecondType>),
    /// Codes of a list, and the one that stands where nothing is said.
    Code(&'a PrimitiveArray<UInt8Type>, &'static [&'static str], Option<u8>),
    Region(&'a StringArray),
    Text(&'a StringArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Integer(&'a PrimitiveArray<Int32Type>),
}

/// What every record has.
pub(in crate::evidence) struct Head<'a> {
    pub(in crate::evidence) person: Person,
    pub(in crate::evidence) owner: &'a str,
    pub(in crate::evidence) id: &'a str,
    pub(in crate::evidence) version: Version,
}

/// The columns of a batch.
pub(in crate::evidence) struct Batch<'a> {
    person: Option<&'a FixedSizeBinaryArray>,
    owner: &'a StringArray,
    id: &'a StringArray,
    revision: &'a PrimitiveArray<UInt32Type>,
    retracted: &'a BooleanArray,
    known_at: &'a PrimitiveArray<TimestampMillisecondType>,
    pub(in crate::evidence) columns: Vec<Incoming<'a>>,
    /// What a contact hangs on: a case, a contact.
    links: [Option<&'a StringArray>; 2],
    /// The columns that an assertion must have, and that some row may lack.
    required: Vec<usize>,
    /// The other columns that may hold a value which is none of theirs.
    closed: Vec<usize>,
    rows: usize,
}

impl<'a> Batch<'a> {
    pub(in crate::evidence) fn new(kind: Kind, batch: &'a RecordBatch) -> Result<Batch<'a>, EvidenceError> {
        let lacks = |column| EvidenceError::Schema { kind: kind.name(), column, version: LOG_SCHEMA_VERSION };
        let column = |name| batch.column_by_name(name).map(|array| array.as_ref());
        let text = |name| column(name).and_then(|array| array.as_string_opt()).ok_or(lacks(name));
        let person = column("person")
            .and_then(|array| array.as_fixed_size_binary_opt())
            .filter(|array| array.value_length() == 16);
        if person.is_none() && kind != Kind::Regions {
            return Err(lacks("person"));
        }
        let mut columns = Vec::with_capacity(kind.columns().len());
        for of_kind in kind.columns() {
            let read = incoming_or_missing(batch, of_kind);
            columns.push(read.ok_or(lacks(of_kind.name))?);
        }
        let places = |is_one: &dyn Fn(usize) -> bool| (0..kind.columns().len()).filter(|&at| is_one(at)).collect();
        Ok(Batch {
            person,
            owner: text("owner")?,
            id: text("id")?,
            revision: column("revision").and_then(primitive).ok_or(lacks("revision"))?,
            retracted: column("retracted").and_then(|array| array.as_boolean_opt()).ok_or(lacks("retracted"))?,
            known_at: column("known_at").and_then(primitive).ok_or(lacks("known_at"))?,
            links: LINK_COLUMNS.map(|name| column(name).and_then(|array| array.as_string_opt())),
            required: places(&|at| !kind.columns()[at].optional && columns[at].may_lack()),
            closed: places(&|at| is_closed(&kind.columns()[at])),
            columns,
            rows: batch.num_rows(),
        })
    }

    /// The rank of what the contact in a row hangs on.
    pub(in crate::evidence) fn links(&self, row: usize) -> LinksRank {
        let name =
            |names: Option<&'a StringArray>| names.filter(|names| names.is_valid(row)).map(|names| names.value(row));
        let [case, contact] = self.links.map(name);
        LinksRank::of([
            case.and_then(|name| link_key(Feed::Cases, name)),
            contact.and_then(|name| link_key(Feed::Contacts, name)),
        ])
    }

    /// What every record has; none if there is no such row, or an assertion lacks what its kind requires, or has a
    /// value that its column may not hold.
    pub(in crate::evidence) fn head(&self, row: usize) -> Option<Head<'a>> {
        if row >= self.rows {
            return None;
        }
        let retracted = self.retracted.value(row);
        let is_whole = || {
            self.required.iter().all(|&column| self.columns[column].is_there(row))
                && !self.closed.iter().any(|&column| self.columns[column].is_malformed(row))
        };
        if !retracted && !is_whole() {
            return None;
        }
        let person = match self.person {
            Some(person) => Person(person.value(row).try_into().ok()?),
            None => Person::default(),
        };
        let version =
            Version { revision: self.revision.value(row), retracted, known_at: Instant(self.known_at.value(row)) };
        Some(Head { person, owner: self.owner.value(row), id: self.id.value(row), version })
    }
}

impl<'a> Incoming<'a> {
    /// Whether some row may lack a value that the column may hold. Of most columns none does, and none is looked at.
    fn may_lack(&self) -> bool {
        match self {
            Incoming::Default(_) => false,
            Incoming::Missing | Incoming::Code(..) | Incoming::Region(_) => true,
            Incoming::Instant(array) => array.null_count() > 0,
            Incoming::Text(array) => array.null_count() > 0,
            Incoming::Date(array) => array.null_count() > 0,
            Incoming::Integer(array) => array.null_count() > 0,
        }
    }

    /// Whether the row has a value that the column may hold.
    #[inline]
    pub(in crate::evidence) fn is_there(&self, row: usize) -> bool {
        match self {
            Incoming::Missing => false,
            Incoming::Default(_) => true,
            Incoming::Instant(array) => array.is_valid(row),
            Incoming::Code(array, _, default) if array.is_null(row) => default.is_some(),
            Incoming::Code(array, names, _) => usize::from(array.value(row)) < names.len(),
            Incoming::Region(array) => array.is_valid(row) && Granularity::of_code(array.value(row)).is_some(),
            Incoming::Text(array) => array.is_valid(row),
            Incoming::Date(array) => array.is_valid(row),
            Incoming::Integer(array) => array.is_valid(row),
        }
    }

    /// Whether the row has a value that the column may not hold: it must not pass for an absent one.
    fn is_malformed(&self, row: usize) -> bool {
        match self {
            Incoming::Code(array, ..) => array.is_valid(row) && !self.is_there(row),
            Incoming::Region(array) => array.is_valid(row) && !self.is_there(row),
            _ => false,
        }
    }

    /// The code of a name of a closed list.
    pub(in crate::evidence) fn code(&self, row: usize) -> Option<u8> {
        match self {
            Incoming::Code(array, _, default) if array.is_null(row) => *default,
            Incoming::Code(array, ..) if self.is_there(row) => Some(array.value(row)),
            Incoming::Default(code) => Some(*code),
            _ => None,
        }
    }

    /// The value, as it is compared.
    pub(in crate::evidence) fn ranked(&self, row: usize) -> Ranked<'a> {
        if !self.is_there(row) {
            return Ranked::Absent;
        }
        match self {
            Incoming::Missing => Ranked::Absent,
            Incoming::Default(_) | Incoming::Code(..) => {
                self.code(row).map_or(Ranked::Absent, |code| Ranked::Number(i64::from(code)))
            }
            Incoming::Instant(array) => Ranked::Number(array.value(row)),
            Incoming::Region(array) | Incoming::Text(array) => Ranked::Text(array.value(row)),
            Incoming::Date(array) => Ranked::Number(i64::from(array.value(row))),
            Incoming::Integer(array) => Ranked::Number(i64::from(array.value(row))),
        }
    }
}

/// Whether a column may lack a value, and may hold one that is none of its list or no code of a region.
fn is_closed(column: &Column) -> bool {
    column.optional && matches!(column.column_type, ColumnType::Code(_) | ColumnType::Region)
}

/// A column of a kind in a batch; none if it is of another type, or missing though an assertion must have it.
pub(in crate::evidence) fn incoming_or_missing<'a>(batch: &'a RecordBatch, column: &Column) -> Option<Incoming<'a>> {
    match batch.column_by_name(column.name) {
        Some(array) => incoming(array, column),
        None => column.default.map(Incoming::Default).or(column.optional.then_some(Incoming::Missing)),
    }
}

/// A column of a kind, if the array is of its type.
fn incoming<'a>(array: &'a dyn Array, column: &Column) -> Option<Incoming<'a>> {
    Some(match column.column_type {
        ColumnType::Instant => Incoming::Instant(primitive(array)?),
        ColumnType::Code(names) => Incoming::Code(primitive(array)?, names, column.default),
        ColumnType::Region => Incoming::Region(array.as_string_opt()?),
        ColumnType::Text => Incoming::Text(array.as_string_opt()?),
        ColumnType::Date => Incoming::Date(primitive(array)?),
        ColumnType::Integer => Incoming::Integer(primitive(array)?),
    })
}

fn primitive<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&PrimitiveArray<T>> {
    array.as_primitive_opt()
}
