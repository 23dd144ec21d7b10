//! Reading: the bytes of a record to the known fields of its feed, each with its JSON type.
//!
//! Two readers that agree. The fast one ([`super::scan`]) borrows what it can and knows one way to be wrong. The exact
//! one reads what the fast one gives up: it keeps every token as written, so that it tells 1.0 from 1, and half a
//! surrogate pair in an unknown field (syntax is all that matters there) from one in a known field (no JSON for us). A
//! record that the fast one reads, the exact one reads alike.
//!
//! Owns JSON. Must never judge a value, nor put one into an error.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use fuma_schemas::RejectCode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{FeedRules, Order, SLOTS_MAX};
use super::reject::Fault;
use super::scan::read_fast;

/// What a known field holds. It is copied, and never dropped: there is one for each field of each record.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Slot<'a> {
    /// Not there, or null.
    Absent,
    Text(&'a str),
    /// An integer literal.
    Integer(i64),
    /// An integer literal that is beyond 64 bits.
    Huge,
    Boolean(bool),
    /// An array, an object, or a number with a fraction or an exponent.
    Other,
}

/// The known fields of a record, by slot.
#[derive(PartialEq, Debug)]
pub(super) struct KnownFields<'a> {
    pub(super) slots: [Slot<'a>; SLOTS_MAX],
    /// How many fields were dropped since the feed does not know them.
    pub(super) unknown: u64,
}

impl KnownFields<'_> {
    /// A record without fields. It is filled in place: it is too large to be moved about for every event.
    pub(super) fn new() -> Self {
        KnownFields { slots: [const { Slot::Absent }; SLOTS_MAX], unknown: 0 }
    }
}

/// The texts of a record that do not stand in it as they are: those with escapes, without them.
#[derive(Default, Debug)]
pub(super) struct Unescaped(OnceCell<Box<(String, Unescaped)>>);

impl Unescaped {
    /// How many texts there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        std::iter::successors(self.0.get(), |kept| kept.1.0.get()).count()
    }

    /// Keeps a text as long as the record. Only the fields of a feed are kept: a few.
    pub(super) fn keep<'a>(&'a self, text: Cow<'a, str>) -> &'a str {
        let text = match text {
            Cow::Borrowed(text) => return text,
            Cow::Owned(text) => text,
        };
        let mut last = self;
        while let Some(kept) = last.0.get() {
            last = &kept.1;
        }
        &last.0.get_or_init(|| Box::new((text, Unescaped::default()))).0
    }
}

/// Reads into a new record, fast where it can. `order` is of the feed.
pub(super) fn read<'a>(
    rules: &FeedRules,
    raw: &'a [u8],
    unescaped: &'a Unescaped,
    order: &mut Order,
    record: &mut KnownFields<'a>,
) -> Result<(), Fault> {
    let text = std::str::from_utf8(raw).map_err(|_| bad("not utf-8"))?;
    if read_fast(rules, text, unescaped, order, record).is_some() {
        return Ok(());
    }
    *record = KnownFields::new();
    read_exactly(rules, text, unescaped, record)
}

/// The exact reader.
pub(super) fn read_exactly<'a>(
    rules: &FeedRules,
    text: &'a str,
    kept: &'a Unescaped,
    record: &mut KnownFields<'a>,
) -> Result<(), Fault> {
    let members: Members<'a> = serde_json::from_str(text).map_err(|_| bad("no json object"))?;
    let mut seen = 0;
    for (name, value) in members.0 {
        // A name with half a surrogate pair cannot be read; no known name has one.
        let known = unescaped(name.get()).and_then(|name| rules.slot(&name));
        let Some((slot, place)) = known.and_then(|slot| Some((slot, record.slots.get_mut(slot)?))) else {
            record.unknown += 1;
            continue;
        };
        if !mark(&mut seen, slot) {
            return Err(bad("a field of the feed occurs twice"));
        }
        *place = exact_slot(value.get(), kept).ok_or(bad("half a surrogate pair in a field of the feed"))?;
    }
    Ok(())
}

fn bad(what: &'static str) -> Fault {
    Fault::new(RejectCode::BadJson, what)
}

/// What a string says, with its quotes as written; none when it holds half a surrogate pair.
pub(super) fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0)
}

/// Marks a slot as seen; false if it was.
pub(super) fn mark(seen: &mut u64, slot: usize) -> bool {
    let before = *seen;
    *seen |= 1 << slot;
    *seen != before
}

/// The value of a known field as written; none when it holds half a surrogate pair.
fn exact_slot<'a>(raw: &'a str, kept: &'a Unescaped) -> Option<Slot<'a>> {
    Some(match raw.as_bytes().first()? {
        b'"' => Slot::Text(kept.keep(unescaped(raw)?)),
        b't' => Slot::Boolean(true),
        b'f' => Slot::Boolean(false),
        b'n' => Slot::Absent,
        b'[' | b'{' if has_half_pair(raw.as_bytes()) => return None,
        b'[' | b'{' => Slot::Other,
        _ if raw.contains(['.', 'e', 'E']) => Slot::Other,
        _ => raw.parse().map_or(Slot::Huge, Slot::Integer),
    })
}

/// Whether valid JSON text has an escape that is half a surrogate pair. Backslashes stand in strings alone.
fn has_half_pair(mut rest: &[u8]) -> bool {
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let escape = rest.get(at..).unwrap_or_default();
        let length = match (code_unit(escape), escape.get(6..).and_then(code_unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => return true,
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    false
}

/// The UTF-16 code unit of an escape `\uXXXX` that begins here.
fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The members of an object as they stand.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        input.deserialize_map(Object)
    }
}

/// A string, borrowed unless it has escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Letters;
        impl<'de> Visitor<'de> for Letters {
            type Value = Text<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        input.deserialize_str(Letters)
    }
}
