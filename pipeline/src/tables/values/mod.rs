//! From a cell to the value of a field, by what the map says of the field.
//!
//! ```text
//! dates      forms of dates, serial numbers      instants   the instant or date of a cell
//! regions    codes and names, the review list    shape      a cell in words, without what is in it
//! ```
//!
//! ```text
//! trim, take invisible characters and marks away, width, capitals   ->   empty?   extract   values
//! then by kind: a date in its forms, a region, a phone or certificate in its one spelling ...
//! ```
//!
//! Owns that order, and what a number of a spreadsheet is worth. Must never repair a value beyond what the map says,
//! nor put one into a message.

pub(super) mod dates;
pub(super) mod instants;
pub(super) mod regions;
mod shape;

use std::borrow::Cow;

use fuma_connectors::tables::Cell;
use fuma_schemas::RejectCode;
use fuma_schemas::region::normal;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

use self::regions::Regions;
use self::shape::shape;
use super::codes::ImportCode;
use super::map::{Field, Kind, Region, Target, TextRules};
use crate::intake::row::{is_resident_id, spell_certificate, spell_conveyance, spell_phone};

/// Doubles hold so many digits.
const EXACT_MAX: f64 = 1e15;
/// A region that is none: intake says so in its place.
const NO_REGION: &str = "?";

/// The value of a field.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Val<'a> {
    Absent,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
}

impl<'a> From<&'a Target> for Val<'a> {
    fn from(target: &'a Target) -> Val<'a> {
        match target {
            Target::Absent => Val::Absent,
            Target::Text(text) => Val::Text(Cow::Borrowed(text)),
            Target::Integer(value) => Val::Integer(*value),
            Target::Boolean(value) => Val::Boolean(*value),
        }
    }
}

/// Why a field has no value.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fault {
    pub(super) code: ImportCode,
    /// What was found, by its shape alone, and what to do.
    pub(super) message: String,
}

pub(super) fn fault<T>(code: ImportCode, cell: &Cell<'_>, advice: &str) -> Result<T, Fault> {
    Err(Fault { code, message: format!("{}: {advice}", shape(cell)) })
}

/// What the making of a value asks besides the cell.
pub(super) struct Context<'c> {
    pub(super) regions: &'c mut Regions,
    pub(super) owner: &'c str,
    /// The province beside a region.
    pub(super) province: &'c str,
    /// Whether the certificate is a resident ID.
    pub(super) is_resident: bool,
    /// The number of the row, for what people look at.
    pub(super) row: u64,
}

/// The value that a cell gives a field.
pub(super) fn value<'a>(field: &'a Field, cell: &Cell<'a>, context: &mut Context<'_>) -> Result<Val<'a>, Fault> {
    if let Kind::Instant(rules) | Kind::Date(rules) = &field.kind {
        let is_date = matches!(field.kind, Kind::Date(_));
        if is_empty(cell, &field.text) {
            return Ok(field.blank.as_ref().map_or(Val::Absent, Val::from));
        }
        return instants::value(rules, cell, &field.text, is_date).map(|text| Val::Text(Cow::Owned(text)));
    }
    let is_identifier = matches!(field.kind, Kind::Phone | Kind::Certificate | Kind::Text { is_identifier: true });
    let Some(text) = text_of(cell, is_identifier)? else {
        return Ok(field.blank.as_ref().map_or(Val::Absent, Val::from));
    };
    let Some(text) = clean(text, &field.text) else {
        return Ok(field.blank.as_ref().map_or(Val::Absent, Val::from));
    };
    of_text(field, text, cell, context)
}

/// The value of one text: of a cell, or of a part of one.
pub(super) fn of_text<'a>(
    field: &'a Field,
    text: Cow<'a, str>,
    cell: &Cell<'_>,
    context: &mut Context<'_>,
) -> Result<Val<'a>, Fault> {
    let text = match &field.text.extract {
        None => text,
        Some(pattern) => match pattern.captures(&text).and_then(|found| found.get(1)) {
            Some(group) => Cow::Owned(group.as_str().to_owned()),
            None => {
                let advice = "it does not fit the pattern `extract` of the map";
                return fault(ImportCode::Feed(RejectCode::BadValue), cell, advice);
            }
        },
    };
    if let Some(values) = &field.values {
        return match values.get(text.as_ref()) {
            Some(target) => Ok(Val::from(target)),
            None => fault(
                ImportCode::UnmappedValue,
                cell,
                "none of the values that the map lists: correct it, or add it to `values` of this field",
            ),
        };
    }
    let text = padded(text, field.text.pad);
    match &field.kind {
        Kind::Integer => match text.parse() {
            Ok(value) => Ok(Val::Integer(value)),
            Err(_) => fault(ImportCode::BadNumber, cell, "a whole number is needed"),
        },
        Kind::Boolean => match text.as_ref() {
            "true" => Ok(Val::Boolean(true)),
            "false" => Ok(Val::Boolean(false)),
            _ => fault(ImportCode::UnmappedValue, cell, "neither true nor false: say in `values` what it means"),
        },
        Kind::Region(region) => Ok(Val::Text(Cow::Owned(code_of(region, &text, context)))),
        Kind::Phone => Ok(Val::Text(spell_phone(&text).map_or(text, Cow::Owned))),
        Kind::Certificate => certificate(field, text, cell, context),
        Kind::Conveyance(mode) => {
            let spelt = spell_conveyance(&text, *mode).map(|spelt| spelt.into_owned());
            Ok(Val::Text(spelt.map_or(text, Cow::Owned)))
        }
        Kind::Text { .. } | Kind::Instant(_) | Kind::Date(_) => Ok(Val::Text(prefixed(field, text, context.owner))),
    }
}

fn prefixed<'a>(field: &Field, text: Cow<'a, str>, owner: &str) -> Cow<'a, str> {
    match &field.prefix {
        None => text,
        Some(prefix) => Cow::Owned(format!("{}{text}", prefix.replace("{owner}", owner))),
    }
}

fn certificate<'a>(
    field: &Field,
    text: Cow<'a, str>,
    cell: &Cell<'_>,
    context: &Context<'_>,
) -> Result<Val<'a>, Fault> {
    let spelt = match text {
        Cow::Borrowed(text) => spell_certificate(text),
        Cow::Owned(text) => Cow::Owned(spell_certificate(&text).into_owned()),
    };
    let is_long = spelt.len() == 18 && spelt.bytes().all(|byte| byte.is_ascii_digit());
    if context.is_resident && is_long && !is_resident_id(&spelt) {
        let is_double = spelt.parse::<u64>().is_ok_and(|number| (number as f64) as u64 == number);
        if spelt.ends_with("000") || is_double {
            return fault(ImportCode::RoundedNumber, cell, ROUNDED);
        }
    }
    Ok(Val::Text(prefixed(field, spelt, context.owner)))
}

fn code_of(region: &Region, text: &str, context: &mut Context<'_>) -> String {
    let code = match region {
        Region::Code => context.regions.code(text).then(|| normal(text).to_owned()),
        Region::Name { .. } => context.regions.find(context.province, text, context.row),
    };
    code.unwrap_or_else(|| NO_REGION.to_owned())
}

const ROUNDED: &str = "a spreadsheet has rounded this number after 15 digits, and what is lost cannot be found again: \
                       get the number from its source, in a column of text";

/// Whether a cell holds nothing, by the words of the map too.
pub(super) fn is_empty(cell: &Cell<'_>, rules: &TextRules) -> bool {
    match cell {
        Cell::Empty => true,
        Cell::Text(text) => {
            let text = text.trim();
            text.is_empty() || rules.empty.iter().any(|word| word == text)
        }
        _ => false,
    }
}

/// The text of a cell, trimmed; none of an empty one.
fn text_of<'a>(cell: &Cell<'a>, is_identifier: bool) -> Result<Option<Cow<'a, str>>, Fault> {
    Ok(Some(match cell {
        Cell::Empty => return Ok(None),
        Cell::Text(text) => {
            let text = text.trim();
            if is_identifier && is_scientific(text) {
                return fault(ImportCode::RoundedNumber, cell, ROUNDED);
            }
            Cow::Borrowed(text)
        }
        Cell::Integer(value) => Cow::Owned(value.to_string()),
        Cell::Number(value) if value.abs() >= EXACT_MAX => {
            if is_identifier {
                return fault(ImportCode::RoundedNumber, cell, ROUNDED);
            }
            return fault(ImportCode::BadNumber, cell, "a number of more than 15 digits is not exact");
        }
        Cell::Number(value) if value.fract() == 0.0 => Cow::Owned(format!("{value:.0}")),
        Cell::Number(_) if is_identifier => {
            return fault(
                ImportCode::BadNumber,
                cell,
                "a number with a fraction is nobody's: make the column one of text",
            );
        }
        Cell::Number(value) => Cow::Owned(value.to_string()),
        Cell::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Cell::Serial(_) | Cell::Wall(_) | Cell::Instant(_) | Cell::Date(_) => {
            let advice = "a date where none belongs: a spreadsheet may have taken the text for one; make the \
                          column one of text and write it again";
            return fault(ImportCode::Feed(RejectCode::BadValue), cell, advice);
        }
        Cell::Unusable => {
            return fault(ImportCode::Feed(RejectCode::BadValue), cell, "write a value in its place");
        }
    }))
}

/// The plain text of a cell, for rules and ids.
pub(super) fn plain<'a>(cell: &Cell<'a>) -> Cow<'a, str> {
    match cell {
        Cell::Text(text) => Cow::Borrowed(text.trim()),
        Cell::Empty | Cell::Unusable => Cow::Borrowed(""),
        Cell::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Cell::Integer(value) | Cell::Wall(value) | Cell::Instant(value) | Cell::Date(value) => {
            Cow::Owned(value.to_string())
        }
        Cell::Number(value) | Cell::Serial(value) => Cow::Owned(value.to_string()),
    }
}

/// 9.90101E+17
fn is_scientific(text: &str) -> bool {
    let Some((number, exponent)) = text.split_once(['e', 'E']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    is_digits(whole) && is_digits(fraction) && exponent.strip_prefix('+').is_some_and(is_digits)
}

/// What is left of a text; none if that is nothing.
pub(super) fn clean<'a>(text: Cow<'a, str>, rules: &TextRules) -> Option<Cow<'a, str>> {
    let mut text = text;
    if rules.strip_invisible && !text.is_ascii() {
        let categories = CodePointMapData::<GeneralCategory>::new();
        text = Cow::Owned(text.chars().filter(|letter| categories.get(*letter) != GeneralCategory::Format).collect());
    }
    if rules.half_width && !text.is_ascii() {
        text = Cow::Owned(ComposingNormalizerBorrowed::new_nfkc().normalize(&text).into_owned());
    }
    if rules.upper && text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        text = Cow::Owned(text.to_ascii_uppercase());
    }
    let kept = stripped(&text, &rules.strip);
    if kept.is_empty() || rules.empty.iter().any(|word| word == kept) {
        return None;
    }
    let (from, length) = (kept.as_ptr() as usize - text.as_ptr() as usize, kept.len());
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..from + length)?),
        Cow::Owned(text) if length == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.get(from..from + length)?.to_owned()),
    })
}

/// A text without white space and marks at its ends.
fn stripped<'t>(text: &'t str, marks: &[String]) -> &'t str {
    let mut text = text.trim();
    loop {
        let shorter =
            marks.iter().find_map(|mark| text.strip_prefix(mark.as_str()).or_else(|| text.strip_suffix(mark.as_str())));
        match shorter {
            Some(shorter) => text = shorter.trim(),
            None => return text,
        }
    }
}

fn padded(text: Cow<'_, str>, digits: Option<usize>) -> Cow<'_, str> {
    match digits {
        Some(digits) if text.len() < digits && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Cow::Owned(format!("{text:0>digits$}"))
        }
        _ => text,
    }
}
