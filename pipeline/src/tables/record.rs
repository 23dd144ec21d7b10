//! One row to its record, or to several where a cell is split: the values, the made id, the checks of intake, the line.
//!
//! Owns the order of faults: of several the first code counts, and of one code the first field. Must never give half of
//! a row: a part that cannot be read refuses the whole.

use std::borrow::Cow;
use std::sync::Arc;

use fuma_connectors::tables::{Cell, Row};
use fuma_schemas::RejectCode;

use super::codes::ImportCode;
use super::header::Layout;
use super::journeys::Journeys;
use super::line::Line;
use super::map::{Field, Kind, Map, Part, Region, Source};
use super::ride;
use super::values::regions::Regions;
use super::values::{self, Context, Fault, Val, instants, is_empty, plain};
use crate::intake::row::{Fields, slot_of};
use crate::intake::{Decoder, Key};

/// The type of certificate that resident IDs are.
const RESIDENT_ID: &str = "10";

/// Why a row becomes no record.
pub(super) struct Refused {
    pub(super) code: ImportCode,
    pub(super) column: Option<String>,
    pub(super) message: String,
}

/// Makes records. One per thread: it owns buffers.
pub struct Maker {
    key: Key,
    decoder: Decoder,
    owner: String,
    /// The names of regions that it met.
    pub regions: Regions,
    journeys: Option<Arc<Journeys>>,
    lines: Vec<u8>,
}

/// The fault that counts so far.
pub(super) struct Worst {
    code: ImportCode,
    /// The place of the field in the map.
    field: usize,
    /// The place of the column among those of the field.
    column: usize,
    message: String,
}

impl Maker {
    /// For the records of an owner.
    pub fn new(key: Key, decoder: Decoder, owner: &str, regions: Regions) -> Maker {
        Maker { key, decoder, owner: owner.to_owned(), regions, journeys: None, lines: Vec::new() }
    }

    /// With the timetable that the map asks for.
    #[must_use]
    pub fn with_journeys(self, journeys: Option<Arc<Journeys>>) -> Maker {
        Maker { journeys, ..self }
    }

    /// The lines of the row that was made last.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Makes the records of a row; says how many.
    pub(super) fn make(&mut self, map: &Map, layout: &Layout, row: &Row<'_>, is_1904: bool) -> Result<u64, Refused> {
        self.lines.clear();
        let cells = Cells { map, layout, row, is_1904 };
        let (mut made, mut worst) = (Vec::with_capacity(map.fields.len()), None);
        let mut parts: Option<(usize, Vec<Val<'_>>)> = None;
        let mut is_resident = false;
        for (place, field) in map.fields.iter().enumerate() {
            let province = cells.province(place, field);
            let mut context = Context {
                regions: &mut self.regions,
                owner: &self.owner,
                province: &province,
                is_resident,
                row: row.number,
            };
            let outcome = match &field.split {
                Some(split) => split_values(field, split, &cells, place, &mut context).map(|several| {
                    let first = several.first().cloned().unwrap_or(Val::Absent);
                    parts = (several.len() > 1).then_some((place, several));
                    first
                }),
                None => cells.value(place, field, &mut context),
            };
            made.push(outcome.unwrap_or_else(|(fault, column)| {
                keep_worst(&mut worst, fault, place, column);
                Val::Absent
            }));
            if field.name == "cert_type" {
                is_resident = matches!(made.last(), Some(Val::Text(text)) if text == RESIDENT_ID);
            }
        }
        if let (Some(rules), Some(journeys)) = (&map.journey, &self.journeys) {
            ride::fill(rules, journeys, &cells, &mut made, &mut worst);
        }
        match parts {
            None => {
                self.one(&cells, &made, "", &worst)?;
                Ok(1)
            }
            Some((place, several)) => {
                let count = several.len() as u64;
                for (number, part) in (1..).zip(several) {
                    if let Some(slot) = made.get_mut(place) {
                        *slot = part;
                    }
                    self.one(&cells, &made, &format!("{number}"), &worst)?;
                }
                Ok(count)
            }
        }
    }

    /// Makes one record of values, or says what is wrong.
    fn one(&mut self, cells: &Cells<'_>, values: &[Val<'_>], part: &str, worst: &Option<Worst>) -> Result<(), Refused> {
        let map = cells.map;
        // Codes of an import come before those of the feeds.
        if let Some(worst) = worst.as_ref().filter(|worst| !matches!(worst.code, ImportCode::Feed(_))) {
            return Err(cells.refused(worst));
        }
        let id = self.made_id(cells, values, part);
        let mut fields = Fields::new(map.feed);
        fields.set_text(slot_of(map.feed, "owner").unwrap_or(0), self.owner.as_str());
        for (field, value) in map.fields.iter().zip(values) {
            match value {
                Val::Absent => {
                    if let (Source::MadeOf(_), Some(id)) = (&field.source, &id) {
                        fields.set_text(field.slot, id.as_str());
                    }
                }
                Val::Text(text) => fields.set_text(field.slot, text.as_ref()),
                Val::Integer(value) => fields.set_integer(field.slot, *value),
                Val::Boolean(value) => fields.set_boolean(field.slot, *value),
            }
        }
        let judged = self.decoder.check(&fields);
        if let Some(worst) = worst {
            let own = map.fields.get(worst.field).map_or(0, |field| field.slot);
            let earlier =
                judged.as_ref().err().filter(|reject| slot_of(map.feed, reject.field).is_some_and(|s| s < own));
            return Err(match earlier {
                Some(reject) => cells.refused_by_intake(reject.code, reject.field, &reject.message, values),
                None => cells.refused(worst),
            });
        }
        if let Err(reject) = judged {
            return Err(cells.refused_by_intake(reject.code, reject.field, &reject.message, values));
        }
        let mut line = Line::begin(&mut self.lines);
        line.text("owner", &self.owner);
        for (field, value) in map.fields.iter().zip(values) {
            match (value, &id) {
                (Val::Absent, Some(id)) if matches!(field.source, Source::MadeOf(_)) => line.text(field.name, id),
                (Val::Absent, _) => {}
                (Val::Text(text), _) => line.text(field.name, text),
                (Val::Integer(value), _) => line.integer(field.name, *value),
                (Val::Boolean(value), _) => line.boolean(field.name, *value),
            }
        }
        line.end();
        Ok(())
    }

    /// The id that the map makes, if it makes one.
    fn made_id(&self, cells: &Cells<'_>, values: &[Val<'_>], part: &str) -> Option<String> {
        let map = cells.map;
        let (place, parts) = map.fields.iter().enumerate().find_map(|(place, field)| match &field.source {
            Source::MadeOf(parts) => Some((place, parts)),
            _ => None,
        })?;
        let of_field = |slot: usize| {
            let at = map.fields.iter().position(|field| field.slot == slot)?;
            Some(match values.get(at)? {
                Val::Absent => Cow::Borrowed(""),
                Val::Text(text) => Cow::Borrowed(text.as_ref()),
                Val::Integer(value) => Cow::Owned(value.to_string()),
                Val::Boolean(value) => Cow::Owned(value.to_string()),
            })
        };
        let mut column = 0;
        let texts: Vec<Cow<'_, str>> = parts
            .iter()
            .map(|part| match part {
                Part::Field(slot) => of_field(*slot).unwrap_or_default(),
                Part::Column(_) => {
                    column += 1;
                    cells.cell(place, column - 1).map(|cell| Cow::Owned(plain(&cell).into_owned())).unwrap_or_default()
                }
            })
            .collect();
        let head = [self.owner.as_str(), map.feed.name(), map.name.as_str(), part];
        Some(self.key.row_id(head.into_iter().chain(texts.iter().map(Cow::as_ref))))
    }
}

/// The cells of a row, by the fields of the map.
pub(super) struct Cells<'r> {
    pub(super) map: &'r Map,
    layout: &'r Layout,
    row: &'r Row<'r>,
    is_1904: bool,
}

impl<'r> Cells<'r> {
    /// The cell of a field's column.
    pub(super) fn cell(&self, field: usize, column: usize) -> Option<Cell<'r>> {
        let at = *self.layout.fields.get(field)?.get(column)?;
        let cell = self.row.cells.get(at).copied().unwrap_or(Cell::Empty);
        let is_dated = || matches!(self.map.fields.get(field).map(|f| &f.kind), Some(Kind::Instant(_) | Kind::Date(_)));
        Some(match cell {
            // A serial number of the other calendar.
            Cell::Number(value) if self.is_1904 && value < 1e6 && is_dated() => Cell::Number(value + 1462.0),
            cell => cell,
        })
    }

    fn province(&self, place: usize, field: &Field) -> Cow<'r, str> {
        match &field.kind {
            Kind::Region(Region::Name { province: Some(_) }) => {
                let last = field.columns().len().saturating_sub(1);
                self.cell(place, last).map(|cell| plain(&cell)).unwrap_or_default()
            }
            _ => Cow::Borrowed(""),
        }
    }

    /// The value of a field; or why there is none, and in which of its columns.
    fn value(&self, place: usize, field: &'r Field, context: &mut Context<'_>) -> Result<Val<'r>, (Fault, usize)> {
        let cell = |column| self.cell(place, column).unwrap_or(Cell::Empty);
        match &field.source {
            Source::Constant(target) => Ok(Val::from(target)),
            Source::MadeOf(_) | Source::Journey(_) => Ok(Val::Absent),
            Source::Column(_) => values::value(field, &cell(0), context).map_err(|fault| (fault, 0)),
            Source::FirstOf { columns, is_one } => {
                let column = self.first(place, field, columns.len(), *is_one)?.unwrap_or(0);
                values::value(field, &cell(column), context).map_err(|fault| (fault, column))
            }
            Source::ByColumn { values, is_one } => {
                let column = self.first(place, field, values.len(), *is_one)?;
                let value = column.and_then(|column| values.get(column));
                Ok(value.map_or(Val::Absent, |(_, value)| Val::Text(Cow::Borrowed(value))))
            }
            Source::DateAndTime { times, .. } => {
                let (date, time) = (cell(0), cell(1));
                match (is_empty(&date, &field.text), is_empty(&time, &field.text)) {
                    (true, true) => return Ok(Val::Absent),
                    (true, false) => return Err((missing(), 0)),
                    (false, true) => return Err((missing(), 1)),
                    (false, false) => {}
                }
                let Kind::Instant(rules) = &field.kind else { return Ok(Val::Absent) };
                let made = instants::of_two(rules, times, &date, &time, &field.text);
                made.map(|text| Val::Text(Cow::Owned(text)))
            }
        }
    }

    /// The first column of a field that is filled.
    fn first(
        &self,
        place: usize,
        field: &Field,
        columns: usize,
        is_one: bool,
    ) -> Result<Option<usize>, (Fault, usize)> {
        let is_filled = |column: &usize| self.cell(place, *column).is_some_and(|cell| !is_empty(&cell, &field.text));
        let mut filled = (0..columns).filter(is_filled);
        let first = filled.next();
        match filled.next() {
            Some(second) if is_one => {
                let message = "several of the columns are filled, and the map wants one".to_owned();
                Err((Fault { code: ImportCode::Feed(RejectCode::TwoPersons), message }, second))
            }
            _ => Ok(first),
        }
    }

    fn column_name(&self, field: usize, column: usize) -> Option<String> {
        self.map.fields.get(field)?.columns().get(column).map(|column| column.to_string())
    }

    fn refused(&self, worst: &Worst) -> Refused {
        Refused {
            code: worst.code,
            column: self.column_name(worst.field, worst.column),
            message: worst.message.clone(),
        }
    }

    /// What intake refuses, with the column that the field comes from.
    fn refused_by_intake(&self, code: RejectCode, name: &str, message: &str, values: &[Val<'_>]) -> Refused {
        let place_of = |name: &str| self.map.fields.iter().position(|field| field.name == name);
        let column = |name: &str| {
            let place = place_of(name)?;
            let is_of_two = matches!(self.map.fields.get(place)?.source, Source::DateAndTime { .. });
            self.column_name(place, usize::from(is_of_two))
        };
        let is_absent = |name: &str| place_of(name).is_none_or(|place| values.get(place) == Some(&Val::Absent));
        // An outcome without an end: the end is what is missing.
        let name = if code == RejectCode::BadOutcome && is_absent("ended_at") { "ended_at" } else { name };
        // Nobody is named: the column of whom the map names.
        let named = || ["cert_number", "phone", "person"].into_iter().find_map(column);
        let column = column(name).or_else(|| if name == "person" { named() } else { None });
        Refused { code: ImportCode::Feed(code), column, message: message.to_owned() }
    }
}

fn missing() -> Fault {
    let message = "date and time go together, and one of them is empty".to_owned();
    Fault { code: ImportCode::Feed(RejectCode::MissingField), message }
}

pub(super) fn keep_worst(worst: &mut Option<Worst>, fault: Fault, field: usize, column: usize) {
    let is_worse = |worst: &Worst| match (fault.code, worst.code) {
        // Of the codes of the feeds the first field counts.
        (ImportCode::Feed(_), _) => false,
        (_, ImportCode::Feed(_)) => true,
        (new, old) => new < old,
    };
    if worst.as_ref().is_none_or(is_worse) {
        *worst = Some(Worst { code: fault.code, field, column, message: fault.message });
    }
}

/// The values of a cell that holds several.
fn split_values<'r>(
    field: &'r Field,
    split: &str,
    cells: &Cells<'r>,
    place: usize,
    context: &mut Context<'_>,
) -> Result<Vec<Val<'r>>, (Fault, usize)> {
    let cell = cells.cell(place, 0).unwrap_or(Cell::Empty);
    let Cell::Text(text) = cell else {
        return cells.value(place, field, context).map(|value| vec![value]);
    };
    let parts: Vec<&str> = text.split(split).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() < 2 {
        return cells.value(place, field, context).map(|value| vec![value]);
    }
    let made = parts.into_iter().map(|part| values::value(field, &Cell::Text(part), context));
    made.collect::<Result<Vec<_>, Fault>>().map_err(|fault| (fault, 0))
}
