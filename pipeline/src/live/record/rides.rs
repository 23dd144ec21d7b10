//! The rows of a section of what people told to conveyances: the trips of a person on one, and while the person is
//! infectious aboard.
//!
//! ```text
//! mode | number | service_date | person | version | part | ...
//! part 0 empty   the person says nothing of the conveyance
//!      1 trip    fact, since = boarded, until = alighted, carriage, row, word = role, known_at, first_known_at
//!      2 ill     fact of the case, since (null: no bound), until (null: open), word = classification, determined_at,
//!                ordinal, known_at, first_known_at
//!      3 same    the person cannot be asked: what was said last stays, under this version
//!      4 closing what people of a partition (ordinal) told below this version holds no more
//! ```
//!
//! Rows of one conveyance, person and version are the whole set. Owns the columns. Who was aboard with whom is the
//! engine's.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, FixedSizeBinaryBuilder, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt8Array, UInt32Array, UInt64Array, new_null_array,
};
use arrow::datatypes::{Date32Type, Int32Type, TimestampMillisecondType, UInt8Type, UInt32Type, UInt64Type};
use fuma_schemas::evidence::instant_type;
use fuma_schemas::{Instant, Person};

use super::error::RecordError;
use super::schema::rides_schema;
use crate::evidence::FactKey;
use crate::linked::{Conveyance, Infectious, Ride, Trip};

const EMPTY: u8 = 0;
const TRIP: u8 = 1;
const INFECTIOUS: u8 = 2;
const SAME: u8 = 3;
const CLOSING: u8 = 4;

/// What a person, or a partition of people, told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RideRow {
    /// A person, to a conveyance: the whole set; of several versions the greatest.
    Says {
        /// To which.
        conveyance: Conveyance,
        /// Who.
        person: Person,
        /// The offset in the evidence of the person up to which it holds.
        version: u64,
        /// What.
        ride: Ride,
    },
    /// A person who cannot be asked: what was said last stays.
    Same {
        /// To which.
        conveyance: Conveyance,
        /// Who.
        person: Person,
        /// The offset in the evidence of the person.
        version: u64,
    },
    /// A partition of people has told everything from this version on: what its people told below it holds no more.
    Closing {
        /// Which.
        partition: u32,
        /// From which version on.
        version: u64,
    },
}

impl RideRow {
    /// How many rows it takes.
    pub fn rows(&self) -> usize {
        match self {
            RideRow::Says { ride, .. } => ride.rows().max(1),
            RideRow::Same { .. } | RideRow::Closing { .. } => 1,
        }
    }
}

/// A row of the table, beside whose it is.
#[derive(Default)]
struct Line<'a> {
    head: Option<(&'a Conveyance, Person)>,
    version: u64,
    part: u8,
    fact: Option<FactKey>,
    /// Since, until, determined_at, known_at, first_known_at.
    instants: [Option<i64>; 5],
    carriage: Option<&'a str>,
    row: Option<i32>,
    word: Option<&'a str>,
    ordinal: Option<u32>,
}

fn lines<'a>(row: &'a RideRow, lines: &mut Vec<Line<'a>>) {
    let (conveyance, person, version, ride) = match row {
        RideRow::Says { conveyance, person, version, ride } => (conveyance, *person, *version, Some(ride)),
        RideRow::Same { conveyance, person, version } => (conveyance, *person, *version, None),
        RideRow::Closing { partition, version } => {
            return lines.push(Line { version: *version, part: CLOSING, ordinal: Some(*partition), ..Line::default() });
        }
    };
    let line = |part| Line { head: Some((conveyance, person)), version, part, ..Line::default() };
    let Some(ride) = ride else { return lines.push(line(SAME)) };
    if ride.trips.is_empty() {
        lines.push(line(EMPTY));
    }
    lines.extend(ride.trips.iter().map(|trip| Line {
        fact: Some(trip.fact),
        instants: [
            Some(trip.boarded_at),
            Some(trip.alighted_at),
            None,
            Some(trip.known_at.0),
            Some(trip.first_known_at.0),
        ],
        carriage: trip.carriage.as_deref(),
        row: trip.row,
        word: Some(&trip.role),
        ..line(TRIP)
    }));
    lines.extend(ride.infectious.iter().map(|one| Line {
        fact: Some(one.case),
        instants: [
            (one.since > i64::MIN).then_some(one.since),
            (one.until < i64::MAX).then_some(one.until),
            Some(one.determined_at),
            Some(one.known_at.0),
            Some(one.first_known_at.0),
        ],
        word: Some(&one.classification),
        ordinal: Some(one.ordinal),
        ..line(INFECTIOUS)
    }));
}

/// The rows as a batch of [`rides_schema`].
///
/// # Errors
/// None in a build without errors: the columns are those of the schema.
pub fn rides_batch(rows: &[RideRow]) -> Result<RecordBatch, RecordError> {
    let mut all = Vec::with_capacity(rows.iter().map(RideRow::rows).sum());
    rows.iter().for_each(|row| lines(row, &mut all));
    let mut people = FixedSizeBinaryBuilder::with_capacity(all.len(), 16);
    for line in &all {
        people.append_value(line.head.map_or([0; 16], |(_, person)| person.0)).map_err(|_| RecordError::Rows)?;
    }
    let texts = |of: &dyn Fn(&Line<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(all.iter().map(of).collect::<StringArray>())
    };
    let instants = |at: usize| -> ArrayRef {
        let instants = all.iter().map(|line| line.instants.get(at).copied().flatten());
        Arc::new(instants.collect::<TimestampMillisecondArray>())
    };
    let named = |of: fn(&Conveyance) -> &str| {
        texts(&|line| Some(line.head.map_or("", |(conveyance, _)| of(conveyance)).to_owned()))
    };
    let dates = all.iter().map(|line| line.head.map_or(0, |(conveyance, _)| conveyance.service_date));
    let columns: Vec<ArrayRef> = vec![
        named(|conveyance| &conveyance.mode),
        named(|conveyance| &conveyance.number),
        Arc::new(Date32Array::from_iter_values(dates)),
        Arc::new(people.finish()),
        Arc::new(UInt64Array::from_iter_values(all.iter().map(|line| line.version))),
        Arc::new(UInt8Array::from_iter_values(all.iter().map(|line| line.part))),
        Arc::new(all.iter().map(|line| line.fact.map(|fact| fact.0)).collect::<UInt64Array>()),
        instants(0),
        instants(1),
        texts(&|line| line.carriage.map(str::to_owned)),
        Arc::new(all.iter().map(|line| line.row).collect::<Int32Array>()),
        texts(&|line| line.word.map(str::to_owned)),
        instants(2),
        Arc::new(all.iter().map(|line| line.ordinal).collect::<UInt32Array>()),
        instants(3),
        instants(4),
        new_null_array(&instant_type(), all.len()),
        Arc::new(StringArray::new_null(all.len())),
    ];
    RecordBatch::try_new(rides_schema(), columns).map_err(|_| RecordError::Rows)
}

/// The columns of a batch.
struct Columns<'a> {
    texts: [&'a StringArray; 4],
    instants: [&'a TimestampMillisecondArray; 5],
    dates: &'a arrow::array::PrimitiveArray<Date32Type>,
    people: &'a arrow::array::FixedSizeBinaryArray,
    versions: &'a UInt64Array,
    parts: &'a UInt8Array,
    facts: &'a UInt64Array,
    rows: &'a arrow::array::PrimitiveArray<Int32Type>,
    ordinals: &'a arrow::array::PrimitiveArray<UInt32Type>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Columns<'a>> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
        let instant = |name| batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>();
        Some(Columns {
            texts: [text("mode")?, text("number")?, text("carriage")?, text("word")?],
            instants: [
                instant("since")?,
                instant("until")?,
                instant("determined_at")?,
                instant("known_at")?,
                instant("first_known_at")?,
            ],
            dates: batch.column_by_name("service_date")?.as_primitive_opt()?,
            people: batch.column_by_name("person")?.as_fixed_size_binary_opt()?,
            versions: batch.column_by_name("version")?.as_primitive_opt::<UInt64Type>()?,
            parts: batch.column_by_name("part")?.as_primitive_opt::<UInt8Type>()?,
            facts: batch.column_by_name("fact")?.as_primitive_opt::<UInt64Type>()?,
            rows: batch.column_by_name("row")?.as_primitive_opt()?,
            ordinals: batch.column_by_name("ordinal")?.as_primitive_opt()?,
        })
    }

    fn text(&self, column: usize, row: usize) -> Option<Box<str>> {
        let text = self.texts.get(column)?;
        text.is_valid(row).then(|| text.value(row).into())
    }

    fn instant(&self, column: usize, row: usize) -> Option<i64> {
        let instants = self.instants.get(column)?;
        instants.is_valid(row).then(|| instants.value(row))
    }

    fn trip(&self, row: usize) -> Option<Trip> {
        Some(Trip {
            fact: FactKey(self.facts.is_valid(row).then(|| self.facts.value(row))?),
            boarded_at: self.instant(0, row)?,
            alighted_at: self.instant(1, row)?,
            carriage: self.text(2, row),
            row: self.rows.is_valid(row).then(|| self.rows.value(row)),
            role: self.text(3, row)?,
            known_at: Instant(self.instant(3, row)?),
            first_known_at: Instant(self.instant(4, row)?),
        })
    }

    fn infectious(&self, row: usize) -> Option<Infectious> {
        Some(Infectious {
            case: FactKey(self.facts.is_valid(row).then(|| self.facts.value(row))?),
            classification: self.text(3, row)?,
            determined_at: self.instant(2, row)?,
            known_at: Instant(self.instant(3, row)?),
            first_known_at: Instant(self.instant(4, row)?),
            ordinal: self.ordinals.is_valid(row).then(|| self.ordinals.value(row))?,
            since: self.instant(0, row).unwrap_or(i64::MIN),
            until: self.instant(1, row).unwrap_or(i64::MAX),
        })
    }
}

/// What was told, in order.
///
/// # Errors
/// A batch of another schema, or a row that lacks what its part has.
pub fn rides_rows(batch: &RecordBatch) -> Result<Vec<RideRow>, RecordError> {
    let columns = Columns::of(batch).ok_or(RecordError::Rows)?;
    let mut told: Vec<RideRow> = Vec::new();
    for row in 0..batch.num_rows() {
        let person = Person(columns.people.value(row).try_into().map_err(|_| RecordError::Rows)?);
        let version = columns.versions.value(row);
        let conveyance = Conveyance {
            mode: columns.text(0, row).ok_or(RecordError::Value)?,
            number: columns.text(1, row).ok_or(RecordError::Value)?,
            service_date: columns.dates.value(row),
        };
        let part = columns.parts.value(row);
        match part {
            CLOSING if columns.ordinals.is_valid(row) => {
                told.push(RideRow::Closing { partition: columns.ordinals.value(row), version });
            }
            SAME => told.push(RideRow::Same { conveyance, person, version }),
            EMPTY | TRIP | INFECTIOUS => {
                let ride = set(&mut told, conveyance, person, version).ok_or(RecordError::Rows)?;
                match part {
                    TRIP => ride.trips.push(columns.trip(row).ok_or(RecordError::Value)?),
                    INFECTIOUS => ride.infectious.push(columns.infectious(row).ok_or(RecordError::Value)?),
                    _ => {}
                }
            }
            _ => return Err(RecordError::Value),
        }
    }
    Ok(told)
}

/// The set that a row belongs to: the last one, or another.
fn set(told: &mut Vec<RideRow>, of: Conveyance, who: Person, upto: u64) -> Option<&mut Ride> {
    let is_same = matches!(told.last(), Some(RideRow::Says { conveyance, person, version, .. })
        if (conveyance, *person, *version) == (&of, who, upto));
    if !is_same {
        told.push(RideRow::Says { conveyance: of, person: who, version: upto, ride: Ride::default() });
    }
    match told.last_mut() {
        Some(RideRow::Says { ride, .. }) => Some(ride),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::live::record::{RecordWriter, Section, read};

    #[test]
    fn what_people_told_to_conveyances_is_there_and_back() {
        let conveyance = |number: &str| Conveyance { mode: "rail".into(), number: number.into(), service_date: 19_000 };
        let trip = |fact| Trip {
            fact: FactKey(fact),
            boarded_at: 1,
            alighted_at: 2,
            carriage: (fact == 1).then(|| "05".into()),
            row: (fact == 2).then_some(7),
            role: "crew".into(),
            known_at: Instant(3),
            first_known_at: Instant(4),
        };
        let infectious = |ordinal, since, until| Infectious {
            case: FactKey(9),
            classification: "confirmed".into(),
            determined_at: 5,
            known_at: Instant(6),
            first_known_at: Instant(7),
            ordinal,
            since,
            until,
        };
        let ride = Ride {
            trips: vec![trip(1), trip(2)],
            infectious: vec![infectious(0, i64::MIN, 4), infectious(1, 8, i64::MAX)],
        };
        let says = |number: &str, version, ride: &Ride| RideRow::Says {
            conveyance: conveyance(number),
            person: Person([1; 16]),
            version,
            ride: ride.clone(),
        };
        let rows = [
            says("G1", 17, &ride),
            says("G1", 18, &Ride::default()),
            says("G2", 18, &ride),
            RideRow::Same { conveyance: conveyance("G3"), person: Person([2; 16]), version: 19 },
            RideRow::Closing { partition: 3, version: 20 },
        ];
        let mut writer = RecordWriter::new();
        writer.add_rides(4, &rides_batch(&rows).unwrap()).unwrap();
        let sections = read(&writer.finish()).unwrap();
        let [Section::Rides { derived, batch }] = sections.as_slice() else { panic!("{sections:?}") };
        assert_eq!((derived.label(), derived.own_epoch()), (4, 0));
        assert_eq!(rides_rows(batch).unwrap(), rows);
        assert_eq!(batch.num_rows(), rows.iter().map(RideRow::rows).sum::<usize>());
    }
}
