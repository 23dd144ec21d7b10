//! A map as it is written: TOML, each key described once; the JSON Schema is made from it.
//!
//! Owns the keys and their words. What they may hold beyond their types is `check`'s.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// How the rows of a table become records of a feed.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct MapText {
    /// The feed: cases, contacts, tests, travel, isolations, listings, symptoms, bindings, external-codes.
    pub(super) feed: String,
    /// The name of the map, which goes into made ids; without it the name of its file.
    pub(super) name: Option<String>,
    /// The owner of the records; --owner goes before it.
    pub(super) owner: Option<String>,
    /// The zone of wall clocks, like +08:00; a field may have another.
    pub(super) zone: Option<String>,
    /// The earliest date that is believed, like 2019-12-01; a field may have another.
    pub(super) earliest: Option<String>,
    /// Words that mean an empty cell, in every column.
    #[serde(default)]
    pub(super) empty: Vec<String>,
    /// Where in the file the table is.
    #[serde(default)]
    pub(super) table: TableText,
    /// Rows that are no records: they are counted.
    #[serde(default)]
    pub(super) skip: Vec<RuleText>,
    /// The first row that fits one of these ends the data: what follows is counted.
    #[serde(default)]
    pub(super) end: Vec<RuleText>,
    /// Fields with one value for every row.
    #[serde(default)]
    pub(super) constants: BTreeMap<String, Constant>,
    /// Fields, and how each is made of the columns.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, FieldText>,
    /// Of trips: the timetable that makes instants of a train, a date and two stations.
    pub(super) timetable: Option<TimetableText>,
}

/// Of trips: service_date, boarded_at and alighted_at come from a timetable, by the field number and these columns.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct TimetableText {
    /// The table that `fuma import timetable` has made, from the folder of the map; --timetable goes before it.
    pub(super) file: Option<String>,
    /// The column of the station of boarding.
    pub(super) from: ColumnText,
    /// The column of the station of alighting.
    pub(super) to: ColumnText,
    /// The column of the date.
    pub(super) date: ColumnText,
    /// The forms of the date, as in a field.
    pub(super) formats: Vec<String>,
    /// What the date is: that of "boarding" (without it), or the "service" day, on which the train leaves its first
    /// station.
    pub(super) date_is: Option<String>,
    /// Marks that are taken off both ends of the names of stations.
    #[serde(default)]
    pub(super) strip: Vec<String>,
}

/// Where in the file the table is.
#[derive(Deserialize, JsonSchema, Clone, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TableText {
    /// The row of column names (1 = the first of the file), two rows where names are in two, or "none". Without it 1.
    pub(super) header: Option<HeaderText>,
    /// The first row of data; without it the one after the header.
    pub(super) first_row: Option<u64>,
    /// The encoding of a text: utf-8, utf-16le, utf-16be, gb18030; without it found out. A byte-order mark goes
    /// before it.
    pub(super) encoding: Option<String>,
    /// What divides cells: "," ";" "|" or "tab"; without it found out.
    pub(super) delimiter: Option<String>,
    /// The sheet of a workbook; without it the only one that has cells.
    pub(super) sheet: Option<String>,
    /// Which entries of an archive are read, with * for anything; without it all.
    pub(super) entry: Option<String>,
    /// Rows whose first cell begins with this are comments.
    pub(super) comment: Option<String>,
}

/// Rows of column names.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(untagged)]
pub(super) enum HeaderText {
    /// One row.
    Row(u64),
    /// An upper and a lower row.
    Rows(Vec<u64>),
    /// "none": columns are named by their numbers.
    None(String),
}

/// A column: by its name in the header, or by its number from 1.
#[derive(Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub(super) enum ColumnText {
    /// By number.
    Number(u32),
    /// By name; of two header rows the lower name, or both with / between them.
    Name(String),
}

/// Which rows: those of which a column holds one of these. One of is, not, starts and blank.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    /// The column.
    pub(super) column: ColumnText,
    /// The cell is one of these.
    pub(super) is: Option<Vec<String>>,
    /// The cell is none of these.
    pub(super) not: Option<Vec<String>>,
    /// The cell begins with one of these.
    pub(super) starts: Option<Vec<String>>,
    /// The cell is empty (true) or not (false).
    pub(super) blank: Option<bool>,
}

/// A value for every row.
#[derive(Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub(super) enum Constant {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

/// How a field is made: the name of a column, or more.
#[derive(Deserialize, JsonSchema, Clone, Debug)]
#[serde(untagged)]
pub(super) enum FieldText {
    /// The column as it is.
    Column(ColumnText),
    /// Everything that can be said.
    Rules(Box<FieldRules>),
}

/// Everything that can be said of a field.
#[derive(Deserialize, JsonSchema, Clone, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldRules {
    /// The column that it is made of.
    pub(super) column: Option<ColumnText>,
    /// Several columns: the first that is filled.
    pub(super) first_of: Option<Vec<ColumnText>>,
    /// Of cert_type: the value by which column is filled.
    pub(super) by_column: Option<BTreeMap<String, String>>,
    /// What to do with a row of which several columns of first_of or by_column are filled: "first" or "reject".
    pub(super) several: Option<String>,
    /// Of an instant: the column of its date.
    pub(super) date: Option<ColumnText>,
    /// Of an instant: the column of its time, beside date.
    pub(super) time: Option<ColumnText>,
    /// The forms of dates: yyyy-MM-dd HH:mm:ss and the like, "rfc3339", "cell" (date cells; one
    /// without a time is a date alone), "clock-cell" (date cells; one without a time is midnight), "serial" (numbers
    /// that stand for dates).
    pub(super) formats: Option<Vec<String>>,
    /// The forms of times, of the column `time`: HH:mm and the like, "cell".
    pub(super) times: Option<Vec<String>>,
    /// What a date without a time is: the "start" of the day, its "end" (the next midnight), or "refuse".
    pub(super) day: Option<String>,
    /// The zone of the wall clock, like +07:00.
    pub(super) zone: Option<String>,
    /// The earliest date that is believed.
    pub(super) earliest: Option<String>,
    /// What each value of the column becomes; "" = absent. Others are unmapped-value.
    pub(super) values: Option<BTreeMap<String, Constant>>,
    /// What an empty cell becomes.
    pub(super) blank: Option<Constant>,
    /// Words that mean an empty cell, in this column.
    #[serde(default)]
    pub(super) empty: Vec<String>,
    /// Marks that are taken off both ends of the cell, as often as they stand there.
    #[serde(default)]
    pub(super) strip: Vec<String>,
    /// Take away invisible characters (category Cf: marks of writing direction, zero-width blanks).
    #[serde(default)]
    pub(super) strip_invisible: bool,
    /// Full-width letters and digits become half-width (NFKC).
    #[serde(default)]
    pub(super) half_width: bool,
    /// ASCII letters become capitals.
    #[serde(default)]
    pub(super) upper: bool,
    /// A number shorter than this gets zeros before it.
    pub(super) pad: Option<usize>,
    /// A regular expression with one group: the field is what the group holds. A cell that does not fit is bad-value.
    pub(super) extract: Option<String>,
    /// What stands between several values in the cell: each becomes a record of its own.
    pub(super) split: Option<String>,
    /// What is put before the value; {owner} is the owner.
    pub(super) prefix: Option<String>,
    /// Of a region: "code" or "name" (then --codes is needed).
    pub(super) region: Option<String>,
    /// Of a region by name: the column of its province.
    pub(super) province: Option<ColumnText>,
    /// Of an id: the fields or columns whose values it is made of, by a keyed hash.
    pub(super) made_of: Option<Vec<String>>,
}
