//! A record that is made field by field, by importers of tables: the same checks as of one that is read, without its
//! JSON.
//!
//! Owns the fields of such a record, and the spellings that an importer writes. Must never show what a field holds.

use std::borrow::Cow;

use fuma_schemas::vocabulary::Mode;
use fuma_schemas::{Feed, RejectCode};

use super::decode::{Arrival, Decoder};
use super::fields::{self, FeedRules};
use super::read::{KnownFields, Slot};
use super::reject::Reject;
use super::{conveyance, key, phone, resident_id};

/// The known fields of a record.
pub struct Fields<'a> {
    feed: Feed,
    record: KnownFields<'a>,
}

/// Why a record is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowReject {
    /// The code.
    pub code: RejectCode,
    /// The field.
    pub field: &'static str,
    /// What is wrong, without what was found.
    pub message: String,
}

/// Where a field lies in the records of a feed; none if the feed has no such field.
pub fn slot_of(feed: Feed, name: &str) -> Option<usize> {
    rules(feed).slot(name)
}

fn rules(feed: Feed) -> &'static FeedRules {
    fields::rules(feed)
}

impl<'a> Fields<'a> {
    /// A record without fields.
    pub fn new(feed: Feed) -> Fields<'a> {
        Fields { feed, record: KnownFields::new() }
    }

    fn set(&mut self, slot: usize, value: Slot<'a>) {
        if let Some(place) = self.record.slots.get_mut(slot) {
            *place = value;
        }
    }

    /// Gives a field a text.
    pub fn set_text(&mut self, slot: usize, text: &'a str) {
        self.set(slot, Slot::Text(text));
    }

    /// Gives a field a whole number.
    pub fn set_integer(&mut self, slot: usize, value: i64) {
        self.set(slot, Slot::Integer(value));
    }

    /// Gives a field true or false.
    pub fn set_boolean(&mut self, slot: usize, value: bool) {
        self.set(slot, Slot::Boolean(value));
    }

    /// The text of a field.
    pub fn text(&self, slot: usize) -> Option<&str> {
        match self.record.slots.get(slot) {
            Some(Slot::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Decoder {
    /// Whether a record is good, as [`Decoder::decode`] says it of the files of a replay.
    ///
    /// # Errors
    /// The first code that applies, with the field.
    pub fn check(&mut self, fields: &Fields<'_>) -> Result<(), RowReject> {
        let judged = self.judge(fields.feed, rules(fields.feed), &fields.record, Arrival::Replay, &mut []);
        judged.map(drop).map_err(|fault| {
            let (code, field) = (fault.code, fault.field);
            RowReject { code, field, message: Reject::from(fault).message }
        })
    }
}

/// The digits of a phone in their one spelling; none if it is no number.
pub fn spell_phone(number: &str) -> Option<String> {
    let mut spelt = Vec::with_capacity(number.len());
    phone::spell(number, &mut spelt).then(|| String::from_utf8(spelt).unwrap_or_default())
}

/// A certificate's number in its one spelling.
pub fn spell_certificate(number: &str) -> Cow<'_, str> {
    if number.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
        return Cow::Borrowed(number);
    }
    let mut spelt = Vec::with_capacity(number.len());
    key::spell(number, &mut spelt);
    String::from_utf8(spelt).map_or(Cow::Borrowed(number), Cow::Owned)
}

/// The number of a conveyance in its one spelling; none if it is none.
pub fn spell_conveyance(number: &str, mode: Option<Mode>) -> Option<Cow<'_, str>> {
    conveyance::number(number, mode)
}

/// Whether this is a resident ID whose date and check digit are right.
pub fn is_resident_id(spelt: &str) -> bool {
    resident_id::is_valid(spelt.as_bytes())
}
