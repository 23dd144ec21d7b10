//! What a field is made of, and what kind of value that is.
//!
//! Owns which keys go together.

use fuma_schemas::registry::{ColumnType, Pattern};
use fuma_schemas::vocabulary::{ClosedList, Mode};

use super::super::Header;
use super::super::field::{Column, Field, Kind, Part, Region, Source, Target};
use super::super::text::{ColumnText, Constant, FieldRules, FieldText};
use super::builder::{Builder, Known};
use super::{Checked, wrong};
use crate::intake::row::slot_of;

impl Builder<'_> {
    pub(super) fn source(&self, at: &[&str], known: Known, rules: &FieldRules) -> Checked<Source> {
        let columns =
            |list: &[ColumnText]| list.iter().map(|column| self.column(at, column)).collect::<Checked<Vec<_>>>();
        let is_one = match rules.several.as_deref() {
            None | Some("first") => false,
            Some("reject") => true,
            Some(_) => return wrong(at, "several is \"first\" or \"reject\""),
        };
        let given = [
            rules.column.is_some(),
            rules.first_of.is_some(),
            rules.by_column.is_some(),
            rules.date.is_some() || rules.time.is_some(),
            rules.made_of.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return wrong(at, "give one of column, first_of, by_column, date with time, made_of");
        }
        if let Some(column) = &rules.column {
            return Ok(Source::Column(self.column(at, column)?));
        }
        if let Some(list) = &rules.first_of {
            return Ok(Source::FirstOf { columns: columns(list)?, is_one });
        }
        if let Some(values) = &rules.by_column {
            // In the order in which the columns of the number are tried.
            let order: Vec<ColumnText> = match self.read.fields.get("cert_number") {
                Some(FieldText::Rules(number)) => number.first_of.clone().unwrap_or_default(),
                _ => Vec::new(),
            };
            let place = |name: &str| order.iter().position(|column| *column == ColumnText::Name(name.to_owned()));
            let mut list = Vec::new();
            for (name, value) in values {
                self.target(at, known, &Constant::Text(value.clone()))?;
                list.push((place(name), self.column(at, &ColumnText::Name(name.clone()))?, value.clone()));
            }
            list.sort_by_key(|(place, ..)| place.unwrap_or(usize::MAX));
            let values = list.into_iter().map(|(_, column, value)| (column, value)).collect();
            return Ok(Source::ByColumn { values, is_one });
        }
        if let Some(parts) = &rules.made_of {
            if known.name != "id" || parts.is_empty() {
                return wrong(at, "made_of makes an id, of one field or column at least");
            }
            let part = |name: &String| match self.header {
                // Numbers of columns, or fields of this map.
                Header::None if name.parse::<usize>().is_ok() => {
                    Ok(Part::Column(Column::Number(name.parse().unwrap_or(1))))
                }
                _ if name == "id" => wrong(at, "an id is not made of itself"),
                _ => Ok(Part::Column(Column::Name(name.trim().to_owned()))),
            };
            return Ok(Source::MadeOf(parts.iter().map(part).collect::<Checked<Vec<_>>>()?));
        }
        let (Some(date), Some(time)) = (&rules.date, &rules.time) else {
            return wrong(at, "date and time go together; of one column write column");
        };
        let Some(times) = &rules.times else { return wrong(at, "times says the forms of the column time, like HH:mm") };
        let times = self.forms(at, times, true)?;
        Ok(Source::DateAndTime { date: self.column(at, date)?, time: self.column(at, time)?, times })
    }

    pub(super) fn field(&self, at: &[&str], known: Known, source: Source, rules: &FieldRules) -> Checked<Field> {
        let is_constant = matches!(source, Source::Constant(_));
        let kind =
            if is_constant { Kind::Text { is_identifier: false } } else { self.kind(at, known, &source, rules)? };
        self.field_of_kind(at, known, (source, kind), rules)
    }

    /// A field of which the kind is known.
    pub(super) fn field_of_kind(
        &self,
        at: &[&str],
        known: Known,
        (source, kind): (Source, Kind),
        rules: &FieldRules,
    ) -> Checked<Field> {
        let Some(slot) = slot_of(self.feed, known.name) else {
            return wrong(at, format!("{} has no {}", self.feed.name(), known.name));
        };
        let values = match &rules.values {
            None if self.list(known).is_some() && matches!(source, Source::Column(_) | Source::FirstOf { .. }) => {
                // A closed list that nobody translates holds its own words.
                let names = self.list(known).unwrap_or_default();
                Some(names.iter().map(|name| (name.to_string(), Target::Text(name.to_string()))).collect())
            }
            None => None,
            Some(values) => {
                let mut targets = rustc_hash::FxHashMap::default();
                for (word, constant) in values {
                    let at: Vec<&str> = at.iter().copied().chain(["values", word.as_str()]).collect();
                    targets.insert(word.trim().to_owned(), self.target(&at, known, constant)?);
                }
                Some(targets)
            }
        };
        let blank = rules.blank.as_ref().map(|constant| self.target(at, known, constant)).transpose()?;
        if rules.prefix.is_some() && !matches!(kind, Kind::Text { .. } | Kind::Certificate) {
            return wrong(at, "prefix is for texts");
        }
        if rules.split.as_deref() == Some("") {
            return wrong(at, "split is what stands between the values, like 、");
        }
        Ok(Field {
            name: known.name,
            slot,
            source,
            kind,
            text: self.text_rules(at, rules)?,
            values,
            blank,
            split: rules.split.clone(),
            prefix: rules.prefix.clone(),
        })
    }

    pub(super) fn kind(&self, at: &[&str], known: Known, source: &Source, rules: &FieldRules) -> Checked<Kind> {
        let column_type = known.column.map(|column| column.column_type);
        let is_dated = matches!(column_type, Some(ColumnType::Instant | ColumnType::Date)) || known.name == "known_at";
        if !is_dated && (rules.formats.is_some() || rules.day.is_some() || rules.zone.is_some()) {
            return wrong(at, format!("{} is no date: formats, day and zone are not for it", known.name));
        }
        let is_region = matches!(column_type, Some(ColumnType::Region));
        if !is_region && (rules.region.is_some() || rules.province.is_some()) {
            return wrong(at, format!("{} is no region", known.name));
        }
        Ok(match (known.name, column_type) {
            ("known_at", _) | (_, Some(ColumnType::Instant)) => Kind::Instant(self.dates(at, source, rules, false)?),
            (_, Some(ColumnType::Date)) => Kind::Date(self.dates(at, source, rules, true)?),
            ("revision", _) | (_, Some(ColumnType::Integer)) => Kind::Integer,
            ("retracted", _) => Kind::Boolean,
            ("phone", _) => Kind::Phone,
            ("cert_number", _) => Kind::Certificate,
            (_, Some(ColumnType::Region)) => match (rules.region.as_deref(), &rules.province) {
                (Some("name"), province) => {
                    let province = province.as_ref().map(|column| self.column(at, column)).transpose()?;
                    Kind::Region(Region::Name { province })
                }
                (Some("code"), None) => Kind::Region(Region::Code),
                (Some("code"), Some(_)) => return wrong(at, "province is for regions by name"),
                _ => return wrong(at, "say how the region is written: region = \"code\" or region = \"name\""),
            },
            (_, Some(_)) if known.column.is_some_and(|column| column.pattern == Pattern::Number) => {
                Kind::Conveyance(self.mode())
            }
            (name, _) => {
                let is_record = known.column.is_some_and(|column| column.pattern == Pattern::RecordName);
                Kind::Text { is_identifier: is_record || matches!(name, "id" | "person" | "document") }
            }
        })
    }

    fn mode(&self) -> Option<Mode> {
        match self.read.constants.get("mode") {
            Some(Constant::Text(name)) => Mode::parse(name),
            _ => None,
        }
    }
}
