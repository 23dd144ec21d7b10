//! The checks of one field: its type, its value, and what its place in the order of the contract asks besides.
//!
//! Owns what a value must look like, and its one spelling. Looks at one field, the owner, the mode of a trip and the
//! settings; never at known_at or another field.

use std::borrow::Cow;

use fuma_schemas::instant::parse_date;
use fuma_schemas::registry::{Column, ColumnType, Pattern};
use fuma_schemas::vocabulary::{ClosedList, Mode};
use fuma_schemas::{Instant, RejectCode, region};

use super::decode::Settings;
use super::owners::is_owner;
use super::read::Slot;
use super::reject::{Fault, Want};
use super::{conveyance, phone};

/// What a column of the row gets.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'a> {
    Null,
    Instant(Instant),
    Code(u8),
    Date(i32),
    Integer(i32),
    Text(Cow<'a, str>),
}

/// What checks ask besides the field.
pub(super) struct Context<'a> {
    pub(super) owner: &'a str,
    /// The mode of the trip, which comes before its number.
    pub(super) mode: Option<Mode>,
    pub(super) settings: &'a Settings,
    /// Where the digits of a binding's phone are spelt.
    pub(super) phone: &'a mut Vec<u8>,
}

/// Checks a field of a kind.
pub(super) fn check<'a>(
    column: &'static Column,
    slot: &'a Slot<'_>,
    context: &mut Context<'_>,
) -> Result<Value<'a>, Fault> {
    if matches!(slot, Slot::Absent) {
        return match (column.optional, column.default) {
            (_, Some(code)) => Ok(Value::Code(code)),
            (true, None) => Ok(Value::Null),
            (false, None) => Err(Fault::new(RejectCode::MissingField, column.name)),
        };
    }
    let bad = |want| Fault::bad(column.name, want);
    if column.column_type == ColumnType::Integer {
        return integer(slot, column.name, column.range.0, column.range.1).map(Value::Integer);
    }
    let text = text(slot, column.name)?;
    match column.column_type {
        ColumnType::Instant => Instant::parse(text).map(Value::Instant).ok_or(bad(Want::Instant)),
        ColumnType::Date => parse_date(text).map(Value::Date).ok_or(bad(Want::Date)),
        ColumnType::Code(names) => {
            let code = if column.is_listing_basis { RejectCode::ListingBasis } else { RejectCode::BadValue };
            place_of(names, text).ok_or(Fault::new(code, column.name).wanting(Want::OneOf(names)))
        }
        ColumnType::Region | ColumnType::Text | ColumnType::Integer => check_pattern(column, text, context),
    }
}

/// A text that must look like something.
fn check_pattern<'a>(column: &'static Column, text: &'a str, context: &mut Context<'_>) -> Result<Value<'a>, Fault> {
    let value_if = |holds: bool, fault: Fault| if holds { Ok(Value::Text(text.into())) } else { Err(fault) };
    let bad = |want| Fault::bad(column.name, want);
    let with_code = |code| Fault::new(code, column.name);
    match column.pattern {
        Pattern::Any => Ok(Value::Text(text.into())),
        Pattern::NotBlank => value_if(!text.trim().is_empty(), bad(Want::NotBlank)),
        Pattern::Region => {
            let (normal, table) = (region::normal(text), context.settings.regions.as_ref());
            let is_known = region::is_code(text) && table.is_none_or(|table| table.contains(normal));
            is_known.then(|| Value::Text(normal.into())).ok_or(with_code(RejectCode::UnknownRegion))
        }
        Pattern::Province => value_if(region::is_province(text), with_code(RejectCode::UnknownRegion)),
        Pattern::Country => value_if(is_country(text), bad(Want::Country)),
        Pattern::Approver => {
            let is_another = is_owner(text) && text != context.owner;
            let is_listed = context.settings.owners.accept_approver(text);
            value_if(is_another && is_listed, with_code(RejectCode::ListingApprover))
        }
        Pattern::RecordName => value_if(is_record_name(text), bad(Want::RecordName)),
        Pattern::Phone => {
            let is_number = phone::spell(text, context.phone);
            let token = || phone::token(&context.settings.key, context.phone).to_string();
            is_number.then(|| Value::Text(token().into())).ok_or(bad(Want::Phone))
        }
        Pattern::Number => {
            let want = if context.mode == Some(Mode::Coach) { Want::Plate } else { Want::Conveyance };
            conveyance::number(text, context.mode).map(Value::Text).ok_or(bad(want))
        }
        Pattern::Carriage => Ok(conveyance::carriage(text).map_or(Value::Null, Value::Text)),
    }
}

/// A required text.
pub(super) fn text<'a>(slot: &'a Slot<'_>, name: &'static str) -> Result<&'a str, Fault> {
    match slot {
        Slot::Text(text) => Ok(text),
        Slot::Absent => Err(Fault::new(RejectCode::MissingField, name)),
        _ => Err(Fault::new(RejectCode::BadType, name).wanting(Want::Text)),
    }
}

/// An integer of a range.
pub(super) fn integer(slot: &Slot<'_>, name: &'static str, least: i32, greatest: i32) -> Result<i32, Fault> {
    let in_range = |value: i64| i32::try_from(value).ok().filter(|value| (least..=greatest).contains(value));
    match slot {
        Slot::Integer(value) => in_range(*value),
        Slot::Huge => None,
        _ => return Err(Fault::new(RejectCode::BadType, name).wanting(Want::Integer)),
    }
    .ok_or(Fault::bad(name, Want::Range(least.into(), greatest.into())))
}

/// The place of a name in a closed list.
fn place_of<'a>(names: &[&str], text: &str) -> Option<Value<'a>> {
    let place = names.iter().position(|name| *name == text)?;
    u8::try_from(place).ok().map(Value::Code)
}

/// The entry of a required field that names one of a closed list.
pub(super) fn entry<L: ClosedList>(slot: &Slot<'_>, name: &'static str) -> Result<L, Fault> {
    L::parse(text(slot, name)?).ok_or(Fault::bad(name, Want::OneOf(L::NAMES)))
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// "owner/id", cut at the first slash, both not empty.
fn is_record_name(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, id)| !owner.is_empty() && !id.is_empty())
}
