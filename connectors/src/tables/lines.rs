//! Lines of JSON to cells: one object a line, the columns by the names that are looked for.
//!
//! A value that is no object, a name that occurs twice and a line of more than 1 MiB are bad rows. Owns that. Must
//! never look at what nobody asks for.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::encoding::Decoded;
use super::{Cell, Next, ROW_BYTES_MAX, Row, RowFault, Sink, TableError};

/// Reads lines to the end.
pub(super) fn read<R: Read>(source: &mut Decoded<R>, wanted: &[String], sink: &mut dyn Sink) -> Result<(), TableError> {
    let (mut text, mut at, mut number, mut is_at_end, mut is_passing) = (Vec::new(), 0, 1, false, false);
    loop {
        let rest: &[u8] = text.get(at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map(|end| end + 1);
        if end.is_none() && !is_at_end {
            if rest.len() > ROW_BYTES_MAX {
                is_passing = true;
                at = text.len();
            }
            text.drain(..at);
            at = 0;
            is_at_end = !source.append_to(&mut text)?;
            sink.progress(source.position(), None);
            continue;
        }
        if rest.is_empty() {
            return Ok(());
        }
        let end = end.unwrap_or(rest.len());
        let is_too_long = std::mem::take(&mut is_passing) || end > ROW_BYTES_MAX;
        if hand_over(rest.get(..end).unwrap_or_default(), is_too_long, number, wanted, sink)? == Next::Stop {
            return Ok(());
        }
        at += end;
        number += 1;
    }
}

fn hand_over(
    line: &[u8],
    is_too_long: bool,
    number: u64,
    wanted: &[String],
    sink: &mut dyn Sink,
) -> Result<Next, TableError> {
    let mut refused = |fault| sink.row(&Row { number, cells: &[], fault: Some(fault) });
    if is_too_long {
        return refused(RowFault::Cells("longer than 1 MiB"));
    }
    let Ok(text) = str::from_utf8(line) else { return refused(RowFault::Encoding) };
    if text.trim().is_empty() {
        return Ok(Next::Go);
    }
    let mut values = vec![Value::Absent; wanted.len()];
    let mut input = serde_json::Deserializer::from_str(text);
    let read = input.deserialize_map(Object { wanted, values: &mut values }).and_then(|()| input.end());
    if read.is_err() {
        return refused(RowFault::Cells("not a JSON object, or a name in it twice"));
    }
    let cells: Vec<Cell<'_>> = values.iter().map(Value::cell).collect();
    sink.row(&Row { number, cells: &cells, fault: None })
}

#[derive(Clone)]
enum Value<'a> {
    Absent,
    Text(Cow<'a, str>),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Other,
}

impl Value<'_> {
    fn cell(&self) -> Cell<'_> {
        match self {
            Value::Absent => Cell::Empty,
            Value::Text(text) => Cell::Text(text),
            Value::Integer(value) => Cell::Integer(*value),
            Value::Number(value) => Cell::Number(*value),
            Value::Boolean(value) => Cell::Boolean(*value),
            Value::Other => Cell::Unusable,
        }
    }
}

struct Object<'w, 'v, 'a> {
    wanted: &'w [String],
    values: &'v mut [Value<'a>],
}

impl<'de> Visitor<'de> for Object<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.wanted.len()];
        while let Some(Name(name)) = map.next_key()? {
            let Some(place) = self.wanted.iter().position(|wanted| wanted.trim() == name.trim()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.get_mut(place).is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(A::Error::custom("twice"));
            }
            let Any(value) = map.next_value()?;
            if let Some(slot) = self.values.get_mut(place) {
                *slot = value;
            }
        }
        Ok(())
    }
}

struct Name<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match Any::deserialize(input)?.0 {
            Value::Text(text) => Ok(Name(text)),
            _ => Err(D::Error::custom("no name")),
        }
    }
}

struct Any<'a>(Value<'a>);

impl<'de> serde::Deserialize<'de> for Any<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(AnyVisitor).map(Any)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value))
    }
    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Absent)
    }
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
