//! The lists of columns: what a section's rows are made of, by a number that stands in the message.
//!
//! ```text
//! list     name:type ...          the columns between head and tail, in the order in which they were written
//! codes    name:a|b|c             a closed list: a byte, the place of the word
//! ```
//!
//! A list is never changed and never taken away: it is what old messages are read by. Another column, another type or
//! another word in a closed list is a new list, with the next number, at the end. What is read is brought to today's
//! columns by name: a column that came later reads as absent (or as its default), one that is gone is dropped.
//!
//! Owns the lists. Must never give a value a meaning: a byte beyond its closed list is an error, never null.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt8Array, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt8Type};
use fuma_schemas::Kind;
use fuma_schemas::evidence::{ColumnType, LINK_COLUMNS, instant_type};

use super::error::RecordError;
use super::schema::{forgotten_schema, live_schema, of_derived, of_phone, rides_schema, told_schema, verdict_schema};
use super::tag::{FORGOTTEN, RIDES, TOLD, VERDICTS, kind_of, tag_of};

/// What every row begins with.
const HEAD: &str = "person:token owner:text id:text revision:u32 retracted:bool known_at:instant";
/// The same of a derived row.
const HEAD_DERIVED: &str =
    "person:token fact:u64 version:u64 holds:bool owner:text known_at:instant first_known_at:instant";
/// What every live row ends with.
const TAIL: &str = "cause:instant traceparent:text";

/// A list, once written.
struct Listed {
    tag: u8,
    number: u16,
    columns: &'static str,
}

const fn listed(tag: u8, number: u16, columns: &'static str) -> Listed {
    Listed { tag, number, columns }
}

/// Every list that any build wrote; those of one tag in the order of their numbers, from 1 without a gap.
const LISTS: &[Listed] = &[
    listed(
        0,
        1,
        "classification:confirmed|suspected|asymptomatic|repositive|excluded determined_at:instant onset_at:instant \
         discharged_at:instant",
    ),
    listed(
        1,
        1,
        "degree:close|secondary|general|environment determined_at:instant last_exposure_at:instant index_case:text \
         index_contact:text",
    ),
    listed(2, 1, "entered_at:instant last_overseas_at:instant country:text port:text"),
    listed(3, 1, "province:text colour:red|yellow|green assigned_at:instant released_at:instant"),
    listed(
        4,
        1,
        "stage:hospital|centralised|home|monitoring basis:recovery|contact|entry|region|other started_at:instant \
         due_at:instant ended_at:instant outcome:released|transferred|cancelled \
         next_stage:hospital|centralised|home|monitoring",
    ),
    listed(
        5,
        1,
        "colour:red|yellow approver:text \
         basis:spatiotemporal|field-investigation|cold-chain|venue|headquarters-document document:text \
         starts_at:instant expires_at:instant",
    ),
    listed(6, 1, "region:text arrived_at:instant left_at:instant source:telecom|checkin|declared"),
    listed(
        7,
        1,
        "symptom:fever|dyspnoea|respiratory|other onset_at:instant resolved_at:instant cleared_at:instant \
         source:clinic|declared",
    ),
    listed(
        8,
        1,
        "method:nat|antigen|antibody result:positive|negative|indeterminate tube:single|mixed sampled_at:instant \
         reported_at:instant issuer_region:text",
    ),
    listed(
        9,
        1,
        "mode:air|rail|coach|ship number:text service_date:date carriage:text row:i32 seat:text boarded_at:instant \
         alighted_at:instant from_region:text to_region:text",
    ),
    listed(
        9,
        2,
        "mode:air|rail|coach|ship number:text service_date:date carriage:text row:i32 seat:text boarded_at:instant \
         alighted_at:instant from_region:text to_region:text role:passenger|crew",
    ),
    listed(10, 1, "region:text tier:severe|high|medium|low since:instant until:instant authority:text document:text"),
    listed(12, 1, "phone:text holder:verified|registered|guardian since:instant until:instant"),
    listed(VERDICTS, 1, "person:token fact:u64 counts:bool version:u64"),
    listed(TOLD, 1, "phone:token person:token version:u64 since:instant until:instant first_known_at:instant"),
    listed(
        RIDES,
        1,
        "mode:text number:text service_date:date person:token version:u64 part:u8 fact:u64 since:instant until:instant \
         carriage:text row:i32 word:text determined_at:instant ordinal:u32 known_at:instant first_known_at:instant",
    ),
    listed(FORGOTTEN, 1, "person:token fact:u64 revision:u32 retracted:bool known_at:instant"),
];

/// How rows of one list are read.
pub(super) struct Layout {
    /// The schema in which they were written.
    pub(super) written: SchemaRef,
    wanted: SchemaRef,
    /// Where each wanted column comes from; none: it is the written one in the same place, all of them.
    sources: Option<Vec<Source>>,
    codes: Vec<Codes>,
}

enum Source {
    Written(usize),
    Absent(Option<u8>),
}

/// A column of a closed list, as it was written.
struct Codes {
    place: usize,
    words: usize,
    /// Today's code of each word, where that is another.
    today: Option<Vec<u8>>,
}

/// What the head of the rows of a kind is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Of {
    /// Records of a person.
    Person,
    /// Records of a phone.
    Phone,
    /// Facts that a stage derived.
    Derived,
}

/// All layouts, by tag, number and head.
static LAYOUTS: LazyLock<HashMap<(u8, u16, Of), Layout>> = LazyLock::new(|| {
    let all = LISTS.iter().flat_map(|list| [Of::Person, Of::Phone, Of::Derived].map(|of| (list, of)));
    all.map(|(list, of)| ((list.tag, list.number, of), layout(list, of))).collect()
});

/// The layout of a section.
///
/// # Errors
/// A tag or a list that this build does not know.
pub(super) fn layout_of(tag: u8, number: u16, of: Of) -> Result<&'static Layout, RecordError> {
    if newest(tag) == 0 {
        return Err(RecordError::Newer("section", tag.into()));
    }
    LAYOUTS.get(&(tag, number, of)).ok_or(RecordError::Newer("list of columns", number.into()))
}

/// The number of the newest list of a tag: what is written. 0 for a tag that has none.
pub(super) fn newest(tag: u8) -> u16 {
    LISTS.iter().filter(|list| list.tag == tag).map(|list| list.number).max().unwrap_or(0)
}

/// The words of the closed lists in a list of columns of a kind, by column.
fn words_of(kind: Kind, number: u16) -> Vec<(&'static str, Vec<&'static str>)> {
    let list = LISTS.iter().find(|list| (list.tag, list.number) == (tag_of(kind), number));
    let columns = list.into_iter().flat_map(|list| list.columns.split_whitespace());
    columns.filter_map(|column| column.split_once(':')).filter_map(|(name, of)| Some((name, words(of)?))).collect()
}

/// The codes of a table of a kind that was written by a list, as today's: for snapshots, whose columns have names.
///
/// # Errors
/// A list that this build does not know, or a code beyond its closed list.
pub fn codes_of_table(kind: Kind, number: u16, batch: &RecordBatch) -> Result<RecordBatch, RecordError> {
    let tag = tag_of(kind);
    layout_of(tag, number, Of::Person)?;
    let mut columns = batch.columns().to_vec();
    for (name, words) in words_of(kind, number) {
        let Ok(place) = batch.schema_ref().index_of(name) else { continue };
        let codes = Codes { place, words: words.len(), today: today(tag, name, &words) };
        if let Some(column) = columns.get_mut(place) {
            *column = codes.read(column)?;
        }
    }
    RecordBatch::try_new(batch.schema(), columns).map_err(|_| RecordError::Value)
}

/// The newest list of a kind.
pub fn newest_of(kind: Kind) -> u16 {
    newest(tag_of(kind))
}

fn words(of: &'static str) -> Option<Vec<&'static str>> {
    of.contains('|').then(|| of.split('|').collect())
}

fn layout(list: &'static Listed, of: Of) -> Layout {
    let (head, wanted) = match (list.tag, kind_of(list.tag)) {
        (_, Some(kind)) if of == Of::Derived => (HEAD_DERIVED, of_derived(&live_schema(kind))),
        (_, Some(kind)) => (HEAD, live_schema(kind)),
        (TOLD, None) => ("", told_schema()),
        (RIDES, None) => ("", rides_schema()),
        (FORGOTTEN, None) => ("", forgotten_schema()),
        (_, None) => ("", verdict_schema()),
    };
    let texts = head.split_whitespace().chain(list.columns.split_whitespace()).chain(TAIL.split_whitespace());
    // What a derived contact hangs on is in its key.
    let is_there = |(name, _): &(&str, &str)| of != Of::Derived || !LINK_COLUMNS.contains(name);
    let columns: Vec<(&str, &str)> = texts.filter_map(|column| column.split_once(':')).filter(is_there).collect();
    let fields: Vec<Field> = columns.iter().map(|(name, of)| Field::new(*name, type_of(of), true)).collect();
    let place = |name: &str| columns.iter().position(|(written, _)| *written == name);
    let sources: Vec<Source> = wanted
        .fields()
        .iter()
        .map(|field| place(field.name()).map_or(Source::Absent(default_of(list.tag, field.name())), Source::Written))
        .collect();
    let is_same = sources.len() == columns.len()
        && sources.iter().enumerate().all(|(at, source)| matches!(source, Source::Written(place) if *place == at));
    let codes = columns.iter().enumerate().filter_map(|(place, (name, of))| {
        let words = words(of)?;
        Some(Codes { place, words: words.len(), today: today(list.tag, name, &words) })
    });
    let of = |schema: SchemaRef| if of == Of::Phone { of_phone(&schema) } else { schema };
    Layout {
        codes: codes.collect(),
        written: of(Arc::new(Schema::new(fields))),
        wanted: of(wanted),
        sources: (!is_same).then_some(sources),
    }
}

fn type_of(text: &str) -> DataType {
    match text {
        "token" => DataType::FixedSizeBinary(16),
        "text" => DataType::Utf8,
        "u32" => DataType::UInt32,
        "u64" => DataType::UInt64,
        "i32" => DataType::Int32,
        "bool" => DataType::Boolean,
        "date" => DataType::Date32,
        "instant" => instant_type(),
        _ => DataType::UInt8,
    }
}

/// Today's words of a column of a kind.
fn words_today(tag: u8, name: &str) -> Option<&'static [&'static str]> {
    let columns = kind_of(tag)?.columns();
    columns.iter().find(|column| column.name == name).and_then(|column| match column.column_type {
        ColumnType::Code(words) => Some(words),
        _ => None,
    })
}

/// Today's code of each word, if any is another. A word that is gone keeps a code that nobody has.
fn today(tag: u8, name: &str, words: &[&str]) -> Option<Vec<u8>> {
    let known = words_today(tag, name)?;
    let code = |word: &&str| known.iter().position(|known| known == word).map_or(u8::MAX, |code| code as u8);
    let today: Vec<u8> = words.iter().map(code).collect();
    let is_same = today.iter().enumerate().all(|(at, code)| usize::from(*code) == at);
    (!is_same).then_some(today)
}

/// What a column that came later reads as in old rows.
fn default_of(tag: u8, name: &str) -> Option<u8> {
    kind_of(tag)?.columns().iter().find(|column| column.name == name)?.default
}

impl Layout {
    /// Rows as they were written, brought to today's columns.
    ///
    /// # Errors
    /// A code beyond its closed list, or a null where there must be none.
    pub(super) fn read(&self, batch: RecordBatch) -> Result<RecordBatch, RecordError> {
        let mut columns = batch.columns().to_vec();
        for codes in &self.codes {
            if let Some(column) = columns.get_mut(codes.place) {
                *column = codes.read(column)?;
            }
        }
        if let Some(sources) = &self.sources {
            let rows = batch.num_rows();
            let of = |(source, field): (&Source, &Arc<Field>)| match source {
                Source::Written(place) => columns.get(*place).cloned(),
                Source::Absent(None) => Some(new_null_array(field.data_type(), rows)),
                Source::Absent(Some(code)) => Some(Arc::new(UInt8Array::from_value(*code, rows)) as ArrayRef),
            };
            columns = sources.iter().zip(self.wanted.fields()).filter_map(of).collect();
        }
        RecordBatch::try_new(Arc::clone(&self.wanted), columns).map_err(|_| RecordError::Value)
    }
}

impl Codes {
    fn read(&self, column: &ArrayRef) -> Result<ArrayRef, RecordError> {
        let codes = column.as_primitive_opt::<UInt8Type>().ok_or(RecordError::Value)?;
        let is_known = |code: u8| usize::from(code) < self.words;
        if !codes.iter().flatten().all(is_known) {
            return Err(RecordError::Value);
        }
        let Some(today) = &self.today else { return Ok(Arc::clone(column)) };
        let code = |code: u8| today.get(usize::from(code)).copied().filter(|code| *code != u8::MAX);
        if !codes.iter().flatten().all(|written| code(written).is_some()) {
            return Err(RecordError::Value);
        }
        Ok(Arc::new(codes.iter().map(|written| written.and_then(code)).collect::<UInt8Array>()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// If this fails, a column, its type or a word was changed: add a list with the next number, never change one.
    #[test]
    fn the_newest_list_of_each_kind_is_what_is_written() {
        for kind in Kind::PERSONAL.into_iter().chain([Kind::Regions]) {
            let layout = layout_of(tag_of(kind), newest_of(kind), Of::Person).unwrap();
            let names = |schema: &SchemaRef| {
                schema
                    .fields()
                    .iter()
                    .map(|field| (field.name().clone(), field.data_type().clone()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(&layout.written), names(&live_schema(kind)), "{}", kind.name());
            assert!(layout.sources.is_none() && layout.codes.iter().all(|codes| codes.today.is_none()));
            for (name, words) in words_of(kind, newest_of(kind)) {
                assert_eq!(words_today(tag_of(kind), name).unwrap(), words, "{} {name}", kind.name());
            }
        }
    }

    #[test]
    fn lists_are_numbered_without_a_gap_and_kept() {
        for tag in 0..=u8::MAX {
            let numbers: Vec<u16> = LISTS.iter().filter(|list| list.tag == tag).map(|list| list.number).collect();
            assert_eq!(numbers, (1..=newest(tag)).collect::<Vec<_>>(), "tag {tag}");
        }
        assert!(matches!(layout_of(0, 99, Of::Person), Err(RecordError::Newer("list of columns", 99))));
        assert!(matches!(layout_of(200, 1, Of::Person), Err(RecordError::Newer("section", 200))));
    }

    #[test]
    fn old_rows_are_read_by_the_names_of_their_columns() {
        let old = Listed { tag: 8, number: 1, columns: "result:negative|positive gone:text sampled_at:instant" };
        let layout = layout(Box::leak(Box::new(old)), Of::Person);
        let rows = 2;
        let of = |field: &Arc<Field>| new_null_array(field.data_type(), rows);
        let mut columns: Vec<ArrayRef> = layout.written.fields().iter().map(of).collect();
        let result = layout.written.index_of("result").unwrap();
        columns[result] = Arc::new(UInt8Array::from(vec![Some(0), Some(1)]));
        let read = |columns| layout.read(RecordBatch::try_new(Arc::clone(&layout.written), columns).unwrap());
        // person and its like may not be null
        assert_eq!(read(columns.clone()).unwrap_err(), RecordError::Value);
        let whole: Vec<(usize, ArrayRef)> = vec![
            (0, {
                let mut tokens = arrow::array::FixedSizeBinaryBuilder::new(16);
                (0..rows).for_each(|_| tokens.append_value([7; 16]).unwrap());
                Arc::new(tokens.finish())
            }),
            (1, Arc::new(arrow::array::StringArray::from(vec!["a"; rows]))),
            (2, Arc::new(arrow::array::StringArray::from(vec!["b"; rows]))),
            (3, Arc::new(arrow::array::UInt32Array::from(vec![1; rows]))),
            (4, Arc::new(arrow::array::BooleanArray::from(vec![false; rows]))),
            (5, Arc::new(arrow::array::TimestampMillisecondArray::from(vec![1; rows]))),
        ];
        whole.into_iter().for_each(|(at, column)| columns[at] = column);
        let today = read(columns.clone()).unwrap();
        assert_eq!(today.schema(), live_schema(Kind::Tests));
        let codes = today.column_by_name("result").unwrap().as_primitive::<UInt8Type>().clone();
        assert_eq!(codes, UInt8Array::from(vec![1, 0]), "negative is 1 today, positive 0");
        assert_eq!(today.column_by_name("method").unwrap().null_count(), rows, "absent then");
        columns[result] = Arc::new(UInt8Array::from(vec![Some(0), Some(2)]));
        assert_eq!(read(columns).unwrap_err(), RecordError::Value, "a word that the list does not have");
    }
}
