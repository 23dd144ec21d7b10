//! One field of a map, checked and ready to be made of rows.
//!
//! Owns its parts. How a cell becomes a value is `value`'s.

use fuma_schemas::vocabulary::Mode;
use regex::Regex;
use rustc_hash::FxHashMap;

use super::super::values::dates::Form;

/// A column of the table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::tables) enum Column {
    Name(String),
    /// From 1.
    Number(usize),
}

impl std::fmt::Display for Column {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Column::Name(name) => out.write_str(name),
            Column::Number(number) => write!(out, "{number}"),
        }
    }
}

/// A field.
#[derive(Clone, Debug)]
pub(in crate::tables) struct Field {
    pub(in crate::tables) name: &'static str,
    /// Where it lies in the records of the feed, by which fields are ordered.
    pub(in crate::tables) slot: usize,
    pub(in crate::tables) source: Source,
    pub(in crate::tables) kind: Kind,
    pub(in crate::tables) text: TextRules,
    pub(in crate::tables) values: Option<FxHashMap<String, Target>>,
    pub(in crate::tables) blank: Option<Target>,
    pub(in crate::tables) split: Option<String>,
    pub(in crate::tables) prefix: Option<String>,
}

/// Where its value comes from.
#[derive(Clone, Debug)]
pub(in crate::tables) enum Source {
    Constant(Target),
    Column(Column),
    /// The first that is filled; a row of which several are is rejected where the map says so.
    FirstOf {
        columns: Vec<Column>,
        is_one: bool,
    },
    /// A value by the first column that is filled.
    ByColumn {
        values: Vec<(Column, String)>,
        is_one: bool,
    },
    DateAndTime {
        date: Column,
        time: Column,
        times: Forms,
    },
    /// A keyed hash.
    MadeOf(Vec<Part>),
    /// The timetable, which asks for this column.
    Journey(Column),
}

/// A part of a made id.
#[derive(Clone, Debug)]
pub(in crate::tables) enum Part {
    /// The value of a field as it stands in the record.
    Field(usize),
    /// A cell.
    Column(Column),
}

/// What a value becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::tables) enum Target {
    Absent,
    Text(String),
    Integer(i64),
    Boolean(bool),
}

/// What the field is.
#[derive(Clone, Debug)]
pub(in crate::tables) enum Kind {
    Text { is_identifier: bool },
    Integer,
    Boolean,
    Instant(DateRules),
    Date(DateRules),
    Region(Region),
    Phone,
    Certificate,
    Conveyance(Option<Mode>),
}

/// How a region is said.
#[derive(Clone, Debug)]
pub(in crate::tables) enum Region {
    Code,
    Name { province: Option<Column> },
}

/// The forms that are declared.
#[derive(Clone, Debug, Default)]
pub(in crate::tables) struct Forms {
    pub(in crate::tables) forms: Vec<Form>,
    pub(in crate::tables) is_rfc3339: bool,
    /// Date cells; one without a time is a date alone.
    pub(in crate::tables) is_cell: bool,
    /// Date cells; one without a time is midnight.
    pub(in crate::tables) is_clock_cell: bool,
    pub(in crate::tables) is_serial: bool,
}

/// How dates are read.
#[derive(Clone, Debug)]
pub(in crate::tables) struct DateRules {
    pub(in crate::tables) forms: Forms,
    pub(in crate::tables) day: DayIs,
    pub(in crate::tables) offset_ms: Option<i64>,
    /// Milliseconds UTC.
    pub(in crate::tables) earliest: Option<i64>,
}

/// What a date without a time is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tables) enum DayIs {
    Start,
    End,
    Refused,
}

/// What is done with the text of a cell before it is anything.
#[derive(Clone, Debug, Default)]
pub(in crate::tables) struct TextRules {
    pub(in crate::tables) empty: Vec<String>,
    pub(in crate::tables) strip: Vec<String>,
    pub(in crate::tables) strip_invisible: bool,
    pub(in crate::tables) half_width: bool,
    pub(in crate::tables) upper: bool,
    pub(in crate::tables) pad: Option<usize>,
    pub(in crate::tables) extract: Option<Regex>,
}

impl Field {
    /// A field with one value for every row.
    pub(in crate::tables) fn constant(name: &'static str, slot: usize, target: Target) -> Field {
        Field {
            name,
            slot,
            source: Source::Constant(target),
            kind: Kind::Text { is_identifier: false },
            text: TextRules::default(),
            values: None,
            blank: None,
            split: None,
            prefix: None,
        }
    }

    /// The columns that it is made of.
    pub(in crate::tables) fn columns(&self) -> Vec<&Column> {
        let mut columns = match &self.source {
            Source::Constant(_) => Vec::new(),
            Source::Column(column) | Source::Journey(column) => vec![column],
            Source::FirstOf { columns, .. } => columns.iter().collect(),
            Source::ByColumn { values, .. } => values.iter().map(|(column, _)| column).collect(),
            Source::DateAndTime { date, time, .. } => vec![date, time],
            Source::MadeOf(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Column(column) => Some(column),
                    Part::Field(_) => None,
                })
                .collect(),
        };
        if let Kind::Region(Region::Name { province: Some(province) }) = &self.kind {
            columns.push(province);
        }
        columns
    }
}
