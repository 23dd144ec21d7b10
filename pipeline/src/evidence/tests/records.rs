//! Records for tests, the batches made of them, and the rows of a step as text.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, FixedSizeBinaryBuilder, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt8Array, UInt32Array,
};
use arrow::datatypes::{DataType, Date32Type, Int32Type, TimestampMillisecondType, UInt32Type};
use fuma_schemas::evidence::{ColumnType, log_schema};
use fuma_schemas::{Kind, Person};

use crate::evidence::{Evidence, FactKey, RuleTable, RuleTables, StepRows, StepTable, Touched, Wanted, fact_key};

/// A value as the log carries it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cell {
    Null,
    Instant(i64),
    Code(u8),
    Text(String),
    Number(i32),
}

/// A record of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) person: u8,
    pub(super) owner: String,
    pub(super) id: String,
    pub(super) revision: u32,
    pub(super) retracted: bool,
    pub(super) known_at: i64,
    pub(super) cells: Vec<Cell>,
}

impl Record {
    pub(super) fn new(kind: Kind, person: u8, id: &str, known_at: i64, cells: Vec<Cell>) -> Record {
        Record {
            kind,
            person,
            owner: "hc-330100".into(),
            id: id.into(),
            revision: 1,
            retracted: false,
            known_at,
            cells,
        }
    }

    pub(super) fn revision(mut self, revision: u32) -> Record {
        self.revision = revision;
        self
    }

    pub(super) fn retract(mut self) -> Record {
        self.retracted = true;
        self.cells.iter_mut().for_each(|cell| *cell = Cell::Null);
        self
    }

    pub(super) fn key(&self) -> FactKey {
        fact_key(self.kind.feed(), person(self.person), &self.owner, &self.id)
    }
}

/// A token whose halves differ, as real ones do.
pub(super) fn person(number: u8) -> Person {
    Person(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes())
}

/// A batch of records of one kind.
pub(super) fn batch(kind: Kind, records: &[&Record]) -> RecordBatch {
    let mut people = FixedSizeBinaryBuilder::new(16);
    for record in records {
        match kind {
            Kind::Regions => people.append_null(),
            _ => people.append_value(person(record.person).0).unwrap(),
        }
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(people.finish()),
        Arc::new(StringArray::from_iter_values(records.iter().map(|record| &record.owner))),
        Arc::new(StringArray::from_iter_values(records.iter().map(|record| &record.id))),
        Arc::new(UInt32Array::from_iter_values(records.iter().map(|record| record.revision))),
        Arc::new(BooleanArray::from_iter(records.iter().map(|record| Some(record.retracted)))),
        Arc::new(TimestampMillisecondArray::from_iter_values(records.iter().map(|record| record.known_at))),
    ];
    columns.extend(kind.columns().iter().enumerate().map(|(at, column)| log_column(column.column_type, at, records)));
    if kind == Kind::Contacts {
        columns.extend([(); 2].map(|()| Arc::new(StringArray::new_null(records.len())) as ArrayRef));
    }
    RecordBatch::try_new(log_schema(kind), columns).unwrap()
}

fn log_column(column_type: ColumnType, at: usize, records: &[&Record]) -> ArrayRef {
    let cells = || records.iter().map(|record| &record.cells[at]);
    let number = |cell: &Cell| if let Cell::Number(value) = cell { Some(*value) } else { None };
    match column_type {
        ColumnType::Instant => Arc::new(TimestampMillisecondArray::from_iter(
            cells().map(|cell| if let Cell::Instant(value) = cell { Some(*value) } else { None }),
        )),
        ColumnType::Code(_) => Arc::new(UInt8Array::from_iter(
            cells().map(|cell| if let Cell::Code(value) = cell { Some(*value) } else { None }),
        )),
        ColumnType::Region | ColumnType::Text => Arc::new(StringArray::from_iter(
            cells().map(|cell| if let Cell::Text(value) = cell { Some(value) } else { None }),
        )),
        ColumnType::Date => Arc::new(Date32Array::from_iter(cells().map(number))),
        ColumnType::Integer => Arc::new(Int32Array::from_iter(cells().map(number))),
    }
}

/// Applies records, each run of one kind as one batch, and gives who was touched.
pub(super) fn apply(evidence: &mut Evidence, records: &[Record]) -> Touched {
    let mut touched = Touched::default();
    for run in records.chunk_by(|a, b| a.kind == b.kind) {
        let rows: Vec<u32> = (0..run.len() as u32).collect();
        let batch = batch(run[0].kind, &run.iter().collect::<Vec<_>>());
        evidence.apply(run[0].kind, &batch, &rows, &mut touched).unwrap();
    }
    touched
}

/// The rows of everybody in all tables, as sorted text: `table person|known_at|first_known_at|columns ...`, without
/// handles.
pub(super) fn rows_of_all(evidence: &Evidence) -> Vec<String> {
    let mut step = StepRows::default();
    evidence.gather_many(
        (0..evidence.people()).map(|person| (person, slot_of(evidence, person))),
        RuleTables::ALL,
        usize::MAX,
        &mut step,
    );
    rows_of(evidence, &step)
}

/// The number of a test's person, whatever number the state gave it.
pub(super) fn slot_of(evidence: &Evidence, number: u32) -> u32 {
    (0..=u8::MAX).find(|&candidate| evidence.person(number) == Some(person(candidate))).map(u32::from).unwrap()
}

pub(super) fn rows_of(evidence: &Evidence, step: &StepRows) -> Vec<String> {
    let mut lines = Vec::new();
    let tables = RuleTable::all().zip(evidence.materialise(step, &Wanted::all()));
    for (base, table) in tables.filter(|(_, table)| table.rows > 0) {
        let columns: Vec<ArrayRef> = table.columns.iter().map(|column| column.clone().unwrap()).collect();
        // Types and nulls are those of the schema, or this fails.
        let batch = RecordBatch::try_new(base.schema(), columns).unwrap();
        assert_eq!(StepTable { rows: batch.num_rows(), columns: Vec::new() }.rows, table.rows);
        for row in 0..table.rows {
            let cells = batch
                .columns()
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != 1)
                .map(|(_, column)| text(column.as_ref(), row));
            lines.push(format!("{} {}", base.name(), cells.collect::<Vec<_>>().join("|")));
        }
    }
    lines.sort();
    lines
}

fn text(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return "-".into();
    }
    match array.data_type() {
        DataType::Timestamp(_, _) => array.as_primitive::<TimestampMillisecondType>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        other => panic!("no rule column has the type {other}"),
    }
}
