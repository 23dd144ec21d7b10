//! What a map says of a timetable: the columns that are asked, and the fields that come of it.
//!
//! Owns that nothing else fills these fields. Must never leave open what the date of a list is in words that are no
//! words of ours.

use std::path::PathBuf;

use fuma_schemas::Feed;

use super::super::JourneyRules;
use super::super::field::{Field, Kind, Source};
use super::super::text::{FieldRules, TimetableText};
use super::builder::Builder;
use super::{Checked, wrong};
use crate::tables::journeys::DateIs;

/// The fields that come of a journey, and in this order the columns that are asked: date, from, to.
pub(in crate::tables) const FIELDS: [&str; 3] = ["service_date", "boarded_at", "alighted_at"];
const AT: &str = "timetable";

impl Builder<'_> {
    pub(super) fn journey(&self) -> Checked<Option<JourneyRules>> {
        let Some(text) = &self.read.timetable else { return Ok(None) };
        let date_is = match text.date_is.as_deref() {
            None | Some("boarding") => DateIs::Boarding,
            Some("service") => DateIs::Service,
            Some(_) => {
                let allowed =
                    "date_is is \"boarding\" (as on a ticket) or \"service\" (when the train leaves its first station)";
                return wrong(&[AT, "date_is"], allowed);
            }
        };
        Ok(Some(JourneyRules { file: text.file.as_ref().map(PathBuf::from), date_is }))
    }

    /// The fields that the timetable fills.
    pub(super) fn journey_fields(&self) -> Checked<Vec<Field>> {
        let Some(text) = &self.read.timetable else { return Ok(Vec::new()) };
        if self.feed != Feed::Travel {
            return wrong(&[AT], "a timetable is for trips, of the feed travel");
        }
        let has = |name: &str| self.read.fields.contains_key(name) || self.read.constants.contains_key(name);
        if let Some(name) = FIELDS.into_iter().find(|name| has(name)) {
            return wrong(&[AT], format!("{name} comes from the timetable: leave it out of the fields"));
        }
        if !has("number") {
            return wrong(&[AT], "a timetable is asked by the number of the train: write [fields.number]");
        }
        let columns = [("date", &text.date), ("from", &text.from), ("to", &text.to)];
        FIELDS.iter().zip(columns).map(|(name, (key, column))| self.journey_field(text, name, (key, column))).collect()
    }

    fn journey_field(
        &self,
        text: &TimetableText,
        name: &str,
        (key, column): (&str, &super::super::text::ColumnText),
    ) -> Checked<Field> {
        let at = [AT, key];
        let known = self.known(&at, name)?;
        let source = Source::Journey(self.column(&at, column)?);
        if key == "date" {
            let rules = FieldRules { formats: Some(text.formats.clone()), ..FieldRules::default() };
            return self.field(&[AT, "formats"], known, source, &rules);
        }
        let rules = FieldRules { strip: text.strip.clone(), ..FieldRules::default() };
        let mut field = self.field_of_kind(&at, known, (source, Kind::Text { is_identifier: false }), &rules)?;
        field.values = None;
        Ok(field)
    }
}
