//! Reading messages.
//!
//! Owns the order of belief: magic, version, checksum, and only then the lengths and what Arrow makes of the rest.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{SchemaRef, TimestampMillisecondType};
use arrow::ipc::reader::RecordBatchDecoder;
use arrow::ipc::root_as_message;
use bytes::Bytes;
use fuma_schemas::evidence::LOG_SCHEMA_VERSION;
use fuma_schemas::{Instant, Kind};

use super::error::RecordError;
use super::schema::{live_schema, verdict_schema};
use super::verdicts::Verdicts;
use super::{CHECKSUM_AT, HEAD_BYTES, MAGIC, SECTION_HEAD_BYTES, VERDICTS, checksum};

/// A section of a message.
#[expect(clippy::large_enum_variant, reason = "one a section, never in bulk")]
#[derive(Clone, Debug)]
pub enum Section {
    /// Rows of a kind, regions among them, of [`live_schema`]: the engine's `apply` takes them as they are.
    Rows {
        /// The kind.
        kind: Kind,
        /// The rows.
        batch: RecordBatch,
    },
    /// Verdicts on contacts.
    Verdicts(Verdicts),
}

impl Section {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        match self {
            Section::Rows { batch, .. } => batch.num_rows(),
            Section::Verdicts(verdicts) => verdicts.len(),
        }
    }

    /// What caused each row.
    pub fn causes(&self) -> Causes<'_> {
        match self {
            Section::Rows { batch, .. } => Causes::of(batch),
            Section::Verdicts(verdicts) => Causes::of(verdicts.batch()),
        }
    }
}

/// What caused each row of a section.
#[derive(Clone, Copy, Debug)]
pub struct Causes<'a> {
    cause: Option<&'a TimestampMillisecondArray>,
    traceparent: Option<&'a StringArray>,
}

impl<'a> Causes<'a> {
    /// The live columns of rows: the last two. Rows without them have no known cause.
    pub fn of(batch: &'a RecordBatch) -> Causes<'a> {
        let column = |name| batch.column_by_name(name).map(ArrayRef::as_ref);
        Causes {
            cause: column("cause").and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>()),
            traceparent: column("traceparent").and_then(|column| column.as_string_opt()),
        }
    }

    /// When the broker took the feed record that caused the row.
    pub fn cause(&self, row: usize) -> Option<Instant> {
        let array = self.cause.filter(|array| row < array.len() && array.is_valid(row))?;
        Some(Instant(array.value(row)))
    }

    /// The trace context of that record.
    pub fn traceparent(&self, row: usize) -> Option<&'a str> {
        let array = self.traceparent.filter(|array| row < array.len() && array.is_valid(row))?;
        Some(array.value(row))
    }
}

/// The sections of a message, in the order in which they were written. Columns share the message's memory when it
/// is aligned to 8 bytes, as a message of its own allocation is.
///
/// # Errors
/// A message that is not whole, of another schema version, or none of this log.
pub fn read(message: &Bytes) -> Result<Vec<Section>, RecordError> {
    let head = message.get(..HEAD_BYTES).ok_or(RecordError::Foreign)?;
    let &[magic, version, low, high, ref expected @ ..] = head else { return Err(RecordError::Foreign) };
    if magic != MAGIC {
        return Err(RecordError::Foreign);
    }
    if u32::from(version) != LOG_SCHEMA_VERSION {
        return Err(RecordError::SchemaVersion(version));
    }
    debug_assert_eq!(CHECKSUM_AT + expected.len(), HEAD_BYTES);
    if checksum(message).to_le_bytes() != expected {
        return Err(RecordError::Checksum);
    }
    let buffer = Buffer::from(message.clone());
    let mut at = HEAD_BYTES;
    let count = u16::from_le_bytes([low, high]);
    let mut sections = Vec::with_capacity(usize::from(count));
    for number in 0..count {
        sections.push(section(message, &buffer, &mut at).ok_or(RecordError::Layout(number))?);
    }
    if at == message.len() { Ok(sections) } else { Err(RecordError::Layout(count)) }
}

/// Reads the section at a place, and moves the place behind it; none if there is none that fits.
fn section(message: &Bytes, buffer: &Buffer, at: &mut usize) -> Option<Section> {
    let head = message.get(*at..)?.first_chunk::<SECTION_HEAD_BYTES>()?;
    let &[tag, _, _, _, a, b, c, d, e, f, g, h, i, j, k, l] = head;
    let metadata_length = u32::from_le_bytes([a, b, c, d]) as usize;
    let body_length = u32::from_le_bytes([e, f, g, h]) as usize;
    let rows = u32::from_le_bytes([i, j, k, l]) as usize;
    let metadata_at = at.checked_add(SECTION_HEAD_BYTES)?;
    let body_at = metadata_at.checked_add(metadata_length)?;
    let end = body_at.checked_add(body_length)?;
    let metadata = message.get(metadata_at..body_at)?;
    message.get(body_at..end)?;
    let schema = if tag == VERDICTS { verdict_schema() } else { live_schema(kind_of(tag)?) };
    let batch = decode(metadata, &buffer.slice_with_length(body_at, body_length), schema, rows)?;
    *at = end;
    Some(match kind_of(tag) {
        Some(kind) => Section::Rows { kind, batch },
        None => Section::Verdicts(Verdicts::of(batch)?),
    })
}

fn decode(metadata: &[u8], body: &Buffer, schema: SchemaRef, count: usize) -> Option<RecordBatch> {
    static NO_DICTIONARIES: LazyLock<HashMap<i64, ArrayRef>> = LazyLock::new(HashMap::new);
    let message = root_as_message(metadata).ok()?;
    let version = message.version();
    let rows = message.header_as_record_batch()?;
    if !fits(&rows, body.len(), count) {
        return None;
    }
    // What no writer makes Arrow may answer with an assertion; a record may never end the process (I-9).
    let decoder = RecordBatchDecoder::try_new(body, rows, schema, &NO_DICTIONARIES, &version).ok()?;
    std::panic::catch_unwind(AssertUnwindSafe(|| decoder.read_record_batch().ok())).ok()?
}

/// Whether all columns have that many rows, and all buffers lie in the body: Arrow takes that for granted.
fn fits(rows: &arrow::ipc::RecordBatch<'_>, body: usize, count: usize) -> bool {
    let is_count = |number: i64| usize::try_from(number).is_ok_and(|number| number == count);
    let is_part = |number: i64| usize::try_from(number).is_ok_and(|number| number <= count);
    let is_inside = |offset: i64, length: i64| {
        let end = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
        end.and_then(|(offset, length)| offset.checked_add(length)).is_some_and(|end| end <= body)
    };
    let nodes = || rows.nodes().into_iter().flatten();
    let buffers = || rows.buffers().into_iter().flatten();
    is_count(rows.length())
        && rows.compression().is_none()
        && rows.variadicBufferCounts().is_none()
        && nodes().all(|node| is_count(node.length()) && is_part(node.null_count()))
        && buffers().all(|buffer| is_inside(buffer.offset(), buffer.length()))
}

fn kind_of(tag: u8) -> Option<Kind> {
    if tag == Kind::Regions.code() { Some(Kind::Regions) } else { Kind::PERSONAL.get(usize::from(tag)).copied() }
}
