//! The forms of dates that a map declares, and what is done with texts.
//!
//! Owns what would be a guess: a wall clock without a zone, a date of which nobody says what time of the day it is.

use fuma_schemas::instant::{local_midnight, parse_date};

use super::super::field::{DateRules, DayIs, Forms, Source, TextRules};
use super::super::text::FieldRules;
use super::builder::Builder;
use super::{Checked, wrong};
use crate::tables::values::dates::{self, Form};

impl Builder<'_> {
    pub(super) fn dates(&self, at: &[&str], source: &Source, rules: &FieldRules, is_date: bool) -> Checked<DateRules> {
        let Some(formats) = &rules.formats else {
            return wrong(at, "formats says the forms of this date, like formats = [\"yyyy-MM-dd HH:mm:ss\"]");
        };
        let forms = self.forms(at, formats, false)?;
        let has_time_column = matches!(source, Source::DateAndTime { .. });
        let allows_date_alone = forms.is_cell || forms.is_serial || forms.forms.iter().any(Form::allows_date_alone);
        let day = match (rules.day.as_deref(), allows_date_alone && !is_date && !has_time_column) {
            (Some("start"), _) => DayIs::Start,
            (Some("end"), _) => DayIs::End,
            (Some("refuse"), _) => DayIs::Refused,
            (Some(_), _) => return wrong(at, "day is \"start\", \"end\" (the next midnight) or \"refuse\""),
            (None, false) => DayIs::Refused,
            (None, true) => {
                return wrong(
                    at,
                    "a date without a time fits these formats: say what it is, day = \"start\" of the day, its \"end\" \
                     (the next midnight), or \"refuse\"",
                );
            }
        };
        let zone = rules.zone.as_ref().or(self.read.zone.as_ref());
        let offset_ms = match zone.map(|zone| dates::offset(zone)) {
            None => None,
            Some(Some((offset_ms, ""))) => Some(offset_ms),
            Some(_) => return wrong(at, "zone is an offset from UTC, like +08:00"),
        };
        let is_bare = forms.is_cell
            || forms.is_clock_cell
            || forms.is_serial
            || forms.forms.iter().any(|form| !form.has_offset());
        if offset_ms.is_none() && is_bare && !is_date {
            return wrong(at, "a wall clock without a zone is refused: write zone = \"+08:00\" at the top or here");
        }
        let earliest = match rules.earliest.as_ref().or(self.read.earliest.as_ref()) {
            None => None,
            Some(date) => match parse_date(date) {
                Some(days) => Some(local_midnight(days).0),
                None => return wrong(at, "earliest is a date like 2019-12-01"),
            },
        };
        Ok(DateRules { forms, day, offset_ms, earliest })
    }

    pub(super) fn forms(&self, at: &[&str], formats: &[String], is_time: bool) -> Checked<Forms> {
        let mut forms = Forms::default();
        for format in formats {
            match format.as_str() {
                "cell" => forms.is_cell = true,
                "clock-cell" if !is_time => forms.is_clock_cell = true,
                "rfc3339" if !is_time => forms.is_rfc3339 = true,
                "serial" if !is_time => forms.is_serial = true,
                text => match Form::parse(text) {
                    Ok(form) if form.has_date() != is_time => forms.forms.push(form),
                    Ok(_) if is_time => return wrong(at, format!("{text}: times have an hour and no date")),
                    Ok(_) => return wrong(at, format!("{text}: it has no date")),
                    Err(why) => return wrong(at, format!("{text}: {why}")),
                },
            }
        }
        if formats.is_empty() {
            return wrong(at, "the list of forms is empty");
        }
        Ok(forms)
    }

    pub(super) fn text_rules(&self, at: &[&str], rules: &FieldRules) -> Checked<TextRules> {
        let extract = match rules.extract.as_deref().map(regex::Regex::new) {
            None => None,
            Some(Ok(pattern)) if pattern.captures_len() == 2 => Some(pattern),
            Some(Ok(_)) => return wrong(at, "extract has one group ( ), which is what is taken"),
            Some(Err(_)) => return wrong(at, "extract is no regular expression"),
        };
        let empty = self.read.empty.iter().chain(&rules.empty).map(|word| word.trim().to_owned()).collect();
        if rules.strip.iter().any(String::is_empty) {
            return wrong(at, "strip: a mark has one character at least");
        }
        Ok(TextRules {
            empty,
            strip: rules.strip.clone(),
            strip_invisible: rules.strip_invisible,
            half_width: rules.half_width,
            upper: rules.upper,
            pad: rules.pad.map(|digits| digits.min(16)),
            extract,
        })
    }
}
