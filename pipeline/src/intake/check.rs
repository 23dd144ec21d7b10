//! The checks of one field: its type, its value, and what its place in the order of the contract asks besides.
//!
//! Owns what a value must look like. Looks at one field at a time, the owner and the settings; never at known_at or
//! another field.

use fuma_schemas::instant::parse_date;
use fuma_schemas::vocabulary::ClosedList;
use fuma_schemas::{Instant, RejectCode};

use super::fields::{Check, FieldRule};
use super::read::Slot;
use super::region_code::{self, RegionTable};
use super::reject::Fault;

/// What a column of the row gets.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value<'a> {
    Null,
    Instant(Instant),
    Code(u8),
    Date(i32),
    Integer(i32),
    Text(&'a str),
}

/// What checks ask besides the field.
pub(super) struct Context<'a> {
    pub(super) owner: &'a str,
    pub(super) regions: Option<&'a RegionTable>,
}

/// Checks a field of a kind.
pub(super) fn check<'a>(rule: &FieldRule, slot: &'a Slot<'_>, context: &Context<'_>) -> Result<Value<'a>, Fault> {
    let fault = |code| Fault::new(code, rule.name);
    if matches!(slot, Slot::Absent) {
        return match (rule.optional, rule.default) {
            (_, Some(code)) => Ok(Value::Code(code)),
            (true, None) => Ok(Value::Null),
            (false, None) => Err(fault(RejectCode::MissingField)),
        };
    }
    if matches!(rule.check, Check::Row) {
        let row = integer(slot, rule.name, 9999)?;
        return Ok(i32::try_from(row).map_or(Value::Null, Value::Integer));
    }
    let Slot::Text(text) = slot else { return Err(fault(RejectCode::BadType)) };
    let (value, otherwise) = check_text(&rule.check, text, context);
    value.ok_or(fault(otherwise))
}

/// The value of a text, and the code if there is none.
fn check_text<'a>(check: &Check, text: &'a str, context: &Context<'_>) -> (Option<Value<'a>>, RejectCode) {
    let text_if = |holds: bool| holds.then_some(Value::Text(text));
    match check {
        Check::Instant(_) => (Instant::parse(text).map(Value::Instant), RejectCode::BadValue),
        Check::Code(names) => (code(names, text), RejectCode::BadValue),
        Check::ListingBasis(names) => (code(names, text), RejectCode::ListingBasis),
        Check::Region => (text_if(is_region(text, context.regions)), RejectCode::UnknownRegion),
        Check::Province => (text_if(region_code::is_province(text)), RejectCode::UnknownRegion),
        Check::Text => (Some(Value::Text(text)), RejectCode::BadValue),
        Check::NotBlank => (text_if(!text.trim().is_empty()), RejectCode::BadValue),
        Check::Approver => (text_if(is_approver(text, context.owner)), RejectCode::ListingApprover),
        Check::Country => (text_if(is_country(text)), RejectCode::BadValue),
        Check::Date => (parse_date(text).map(Value::Date), RejectCode::BadValue),
        Check::Index => (text_if(is_index(text)), RejectCode::BadValue),
        Check::Row => (None, RejectCode::BadType),
    }
}

/// A required text.
pub(super) fn text<'a>(slot: &'a Slot<'_>, name: &'static str) -> Result<&'a str, Fault> {
    match slot {
        Slot::Text(text) => Ok(text),
        Slot::Absent => Err(Fault::new(RejectCode::MissingField, name)),
        _ => Err(Fault::new(RejectCode::BadType, name)),
    }
}

/// An integer from 1 to a greatest one.
pub(super) fn integer(slot: &Slot<'_>, name: &'static str, greatest: i64) -> Result<i64, Fault> {
    match slot {
        Slot::Integer(value) if (1..=greatest).contains(value) => Ok(*value),
        Slot::Integer(_) | Slot::Huge => Err(Fault::new(RejectCode::BadValue, name)),
        _ => Err(Fault::new(RejectCode::BadType, name)),
    }
}

/// The place of a name in a closed list.
fn code<'a>(names: &[&str], text: &str) -> Option<Value<'a>> {
    let place = names.iter().position(|name| *name == text)?;
    u8::try_from(place).ok().map(Value::Code)
}

/// The entry of a required field that names one of a closed list.
pub(super) fn entry<L: ClosedList>(slot: &Slot<'_>, name: &'static str) -> Result<L, Fault> {
    L::parse(text(slot, name)?).ok_or(Fault::new(RejectCode::BadValue, name))
}

fn is_region(text: &str, table: Option<&RegionTable>) -> bool {
    region_code::is_code(text) && table.is_none_or(|table| table.contains(text))
}

/// Whether the approver is somebody, and another one than the owner: both trimmed of white space and lower-cased.
fn is_approver(approver: &str, owner: &str) -> bool {
    let approver = approver.trim();
    !approver.is_empty() && approver.to_lowercase() != owner.trim().to_lowercase()
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// "owner/id", cut at the first slash, both not empty.
fn is_index(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, id)| !owner.is_empty() && !id.is_empty())
}
