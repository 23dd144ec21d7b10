//! The fields of a map: which there are, whether the feed has them, and what their constants and rules may be.
//!
//! Owns the names. What a field is made of is `source`'s.

use fuma_schemas::Feed;
use fuma_schemas::registry::{COMMON, Column as FeedColumn, ColumnType, FieldType};
use fuma_schemas::vocabulary::{CertificateType, ClosedList, TravelKind};

use super::super::field::{Column, Field, Part, Source, Target};
use super::super::text::{ColumnText, Constant, FieldRules, FieldText, MapText, RuleText};
use super::super::{Header, Rule, Test};
use super::{Checked, wrong};

pub(super) struct Builder<'m> {
    pub(super) read: &'m MapText,
    pub(super) feed: Feed,
    pub(super) header: Header,
}

/// A field as the registry describes it.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) column: Option<&'static FeedColumn>,
}

impl Builder<'_> {
    pub(super) fn fields(&self) -> Checked<Vec<Field>> {
        let mut fields = Vec::new();
        for (name, constant) in &self.read.constants {
            let at = ["constants", name.as_str()];
            let known = self.known(&at, name)?;
            if self.read.fields.contains_key(name) {
                return wrong(&at, "stands under [fields] too: leave one of them away");
            }
            let target = self.target(&at, known, constant)?;
            fields.push(self.field(&at, known, Source::Constant(target), &FieldRules::default())?);
        }
        for (name, text) in &self.read.fields {
            let at = ["fields", name.as_str()];
            let known = self.known(&at, name)?;
            let rules = match text {
                FieldText::Column(column) => {
                    Box::new(FieldRules { column: Some(column.clone()), ..FieldRules::default() })
                }
                FieldText::Rules(rules) => rules.clone(),
            };
            let source = self.source(&at, known, &rules)?;
            fields.push(self.field(&at, known, source, &rules)?);
        }
        fields.extend(self.journey_fields()?);
        fields.sort_by_key(|field: &Field| field.slot);
        self.resolve_parts(&mut fields);
        self.check_required(&fields)?;
        Ok(fields)
    }

    /// The parts of a made id that are fields of this map.
    fn resolve_parts(&self, fields: &mut [Field]) {
        let slots: Vec<(&'static str, usize)> = fields.iter().map(|field| (field.name, field.slot)).collect();
        for field in fields {
            let Source::MadeOf(parts) = &mut field.source else { continue };
            for part in parts {
                let Part::Column(Column::Name(name)) = part else { continue };
                if let Some((_, slot)) = slots.iter().find(|(known, _)| known == name) {
                    *part = Part::Field(*slot);
                }
            }
        }
    }

    fn check_required(&self, fields: &[Field]) -> Checked<()> {
        let has = |name: &str| fields.iter().any(|field| field.name == name);
        if !has("id") {
            let how = "every record needs one. Write [fields.id] with column = \"...\", or made_of = [...]";
            return wrong(&["fields"], format!("no id: {how}"));
        }
        if !["person", "phone", "cert_number"].into_iter().any(has) {
            return wrong(&["fields"], "nobody is named: give cert_type and cert_number, person, or phone");
        }
        let kinds = self.feed.kinds();
        let kind = match (kinds, fields.iter().find(|field| field.name == "kind").map(|field| &field.source)) {
            ([kind], _) => *kind,
            (_, None) => return wrong(&["fields"], "no kind: travel needs one. Write [constants] kind = \"stay\""),
            (kinds, Some(Source::Constant(Target::Text(name)))) => {
                let place = TravelKind::parse(name).map(|kind| usize::from(kind.code()));
                match place.and_then(|place| kinds.get(place)) {
                    Some(kind) => *kind,
                    None => return Ok(()),
                }
            }
            (_, Some(_)) => return Ok(()),
        };
        for column in kind.columns().iter().filter(|column| !column.optional && column.default.is_none()) {
            if !has(column.name) {
                return wrong(&["fields"], format!("no {}: {} needs it", column.name, self.feed.name()));
            }
        }
        Ok(())
    }

    pub(super) fn known(&self, at: &[&str], name: &str) -> Checked<Known> {
        if name == "owner" {
            return wrong(at, "the owner stands at the top of the map: owner = \"...\"");
        }
        if let Some(common) = COMMON.iter().find(|field| field.name == name) {
            return Ok(Known { name: common.name, column: None });
        }
        let mut columns = self.feed.kinds().iter().flat_map(|kind| kind.columns().iter().chain(kind.links()));
        if let Some(column) = columns.find(|column| column.name == name) {
            return Ok(Known { name: column.name, column: Some(column) });
        }
        if name == "kind" && self.feed == Feed::Travel {
            return Ok(Known { name: "kind", column: None });
        }
        let columns = self.feed.kinds().iter().flat_map(|kind| kind.columns().iter().chain(kind.links()));
        let mut names: Vec<&str> = COMMON.iter().skip(1).map(|field| field.name).collect();
        names.extend(columns.map(|column| column.name));
        names.dedup();
        wrong(at, format!("{} has no field of this name; allowed: {}", self.feed.name(), names.join(", ")))
    }

    /// The closed list of a field.
    pub(super) fn list(&self, known: Known) -> Option<&'static [&'static str]> {
        match (known.name, known.column.map(|column| column.column_type)) {
            (_, Some(ColumnType::Code(names))) => Some(names),
            ("cert_type", _) => Some(CertificateType::NAMES),
            ("kind", _) => Some(TravelKind::NAMES),
            _ => None,
        }
    }

    pub(super) fn target(&self, at: &[&str], known: Known, constant: &Constant) -> Checked<Target> {
        let field_type = match known.name {
            "revision" => FieldType::Integer,
            "retracted" => FieldType::Boolean,
            _ => known.column.map_or(FieldType::Text, FeedColumn::field_type),
        };
        match (constant, field_type) {
            (Constant::Text(text), _) if text.is_empty() => Ok(Target::Absent),
            (Constant::Text(text), FieldType::Text) => match self.list(known) {
                Some(names) if !names.contains(&text.as_str()) => {
                    wrong(at, format!("{text} is no value of {}; allowed: {}", known.name, names.join(", ")))
                }
                _ => Ok(Target::Text(text.clone())),
            },
            (Constant::Integer(value), FieldType::Integer) => Ok(Target::Integer(*value)),
            (Constant::Boolean(value), FieldType::Boolean) => Ok(Target::Boolean(*value)),
            // A code like 10 without quotes.
            (Constant::Integer(value), FieldType::Text) => self.target(at, known, &Constant::Text(value.to_string())),
            (_, FieldType::Integer) => wrong(at, format!("{} is a whole number", known.name)),
            (_, FieldType::Boolean) => wrong(at, format!("{} is true or false", known.name)),
            (_, FieldType::Text) => wrong(at, format!("{} is a text", known.name)),
        }
    }

    pub(super) fn column(&self, at: &[&str], column: &ColumnText) -> Checked<Column> {
        match (column, self.header) {
            (ColumnText::Number(0), _) => wrong(at, "columns count from 1"),
            (ColumnText::Number(number), _) => Ok(Column::Number(*number as usize)),
            (ColumnText::Name(name), _) if name.trim().is_empty() => wrong(at, "the name of a column is not blank"),
            (ColumnText::Name(_), Header::None) => {
                wrong(at, "without a header columns are named by their numbers: write 1 for the first")
            }
            (ColumnText::Name(name), _) => Ok(Column::Name(name.trim().to_owned())),
        }
    }

    pub(super) fn rule(&self, at: &[&str], rule: &RuleText) -> Checked<Rule> {
        let column = self.column(at, &rule.column)?;
        let words = |words: &[String]| words.iter().map(|word| word.trim().to_owned()).collect();
        let test = match (&rule.is, &rule.not, &rule.starts, rule.blank) {
            (Some(list), None, None, None) => Test::Is(words(list)),
            (None, Some(list), None, None) => Test::Not(words(list)),
            (None, None, Some(list), None) if list.iter().all(|word| !word.trim().is_empty()) => {
                Test::Starts(words(list))
            }
            (None, None, None, Some(blank)) => Test::Blank(blank),
            _ => return wrong(at, "give one of is, not, starts (not blank) and blank"),
        };
        Ok(Rule { column, test })
    }
}
