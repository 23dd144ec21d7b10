//! Reading messages of every format that was ever written.
//!
//! Owns the order of belief: magic, format, checksum, whose it is, and only then the lengths and what Arrow makes of
//! the rest.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::RecordBatchDecoder;
use arrow::ipc::root_as_message;
use bytes::Bytes;

use super::columns::{Layout, Of, layout_of};
use super::error::RecordError;
use super::fingerprint::{Fingerprint, Origin};
use super::section::{Control, Derived, Section, Stage};
use super::tag::{CONTROL, FORGOTTEN, RIDES, TOLD, VERDICTS, kind_of};
use super::verdicts::Verdicts;
use super::{
    CHECKSUM_AT, CHECKSUM_END, DERIVED_BYTES, FORMAT, HEAD_BYTES, HEAD_BYTES_1, INSTALLATION_AT, IS_DERIVED, KEY_AT,
    MAGIC, OF_PHONE, SECTION_HEAD_BYTES, SECTIONS_AT, checksum,
};

/// The body of a control section.
const CONTROL_BYTES: usize = 24;

/// What stands in front of the sections.
struct Head {
    format: u8,
    origin: Origin,
    sections: u32,
    bytes: usize,
}

/// The sections of a message, in the order in which they were written, whoever wrote it. Columns share the message's
/// memory when it is aligned to 8 bytes, as a message of its own allocation is.
///
/// # Errors
/// See [`RecordError`].
pub fn read(message: &Bytes) -> Result<Vec<Section>, RecordError> {
    read_as(message, Origin::default())
}

/// The sections of a message that belongs to an installation and its key.
///
/// # Errors
/// See [`RecordError`].
pub fn read_as(message: &Bytes, own: Origin) -> Result<Vec<Section>, RecordError> {
    let head = head(message)?;
    own.accepts(head.origin)?;
    let buffer = Buffer::from(message.clone());
    let mut at = head.bytes;
    let mut sections = Vec::new();
    for number in 0..head.sections {
        let mut reader = Reader { message, buffer: &buffer, at, number };
        sections.push(if head.format == 1 { reader.section_1()? } else { reader.section()? });
        at = reader.at;
    }
    if at == message.len() { Ok(sections) } else { Err(RecordError::Layout(head.sections)) }
}

/// Whose a message is.
pub(super) fn origin_of(message: &[u8]) -> Result<Origin, RecordError> {
    head(message).map(|head| head.origin)
}

fn head(message: &[u8]) -> Result<Head, RecordError> {
    let &[MAGIC, format, low, high, ref expected @ ..] = message.get(..HEAD_BYTES_1).ok_or(RecordError::Foreign)?
    else {
        return Err(RecordError::Foreign);
    };
    if format == 0 {
        return Err(RecordError::Foreign);
    }
    debug_assert_eq!(CHECKSUM_AT + expected.len(), CHECKSUM_END);
    // A newer format may seal its messages otherwise: it is named without a look at the checksum.
    if format > FORMAT {
        return Err(RecordError::Newer("format", format.into()));
    }
    if checksum(message).to_le_bytes() != expected {
        return Err(RecordError::Checksum);
    }
    let counted = u16::from_le_bytes([low, high]);
    if format == 1 {
        return Ok(Head { format, origin: Origin::default(), sections: counted.into(), bytes: HEAD_BYTES_1 });
    }
    if counted != 0 {
        return Err(RecordError::Newer("flags", counted.into()));
    }
    let eight = |at: usize| message.get(at..).and_then(|bytes| bytes.first_chunk::<8>()).copied();
    let fields = (eight(INSTALLATION_AT), eight(KEY_AT), eight(SECTIONS_AT));
    let (Some(installation), Some(key), Some([a, b, c, d, rest @ ..])) = fields else {
        return Err(RecordError::Layout(0));
    };
    if rest != [0; 4] {
        return Err(RecordError::Newer("field at the head", u32::from_le_bytes(rest)));
    }
    let origin = Origin { installation: Fingerprint(installation), key: Fingerprint(key) };
    Ok(Head { format, origin, sections: u32::from_le_bytes([a, b, c, d]), bytes: HEAD_BYTES })
}

/// A place in a message.
struct Reader<'a> {
    message: &'a [u8],
    buffer: &'a Buffer,
    at: usize,
    number: u32,
}

/// Lengths and rows of a section.
struct Sizes {
    metadata: usize,
    body: usize,
    rows: usize,
}

impl Reader<'_> {
    fn broken(&self) -> RecordError {
        RecordError::Layout(self.number)
    }

    fn take(&mut self, length: usize) -> Result<&[u8], RecordError> {
        let end = self.at.checked_add(length).ok_or(self.broken())?;
        let bytes = self.message.get(self.at..end).ok_or(RecordError::Layout(self.number))?;
        self.at = end;
        Ok(bytes)
    }

    fn head(&mut self) -> Result<([u8; 4], Sizes), RecordError> {
        let broken = self.broken();
        let head = self.take(SECTION_HEAD_BYTES)?.first_chunk::<SECTION_HEAD_BYTES>().ok_or(broken)?;
        let &[tag, marks, low, high, a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let sizes = Sizes {
            metadata: u32::from_le_bytes([a, b, c, d]) as usize,
            body: u32::from_le_bytes([e, f, g, h]) as usize,
            rows: u32::from_le_bytes([i, j, k, l]) as usize,
        };
        Ok(([tag, marks, low, high], sizes))
    }

    /// A section of format 1: every tag had one list of columns.
    fn section_1(&mut self) -> Result<Section, RecordError> {
        let ([tag, ..], sizes) = self.head()?;
        if matches!(tag, CONTROL | FORGOTTEN | TOLD) {
            return Err(self.broken());
        }
        let layout = layout_of(tag, 1, Of::Person).map_err(|_| self.broken())?;
        let batch = self.rows(layout, &sizes)?;
        of_tag(tag, Of::Person, Derived { stage: Stage::TRACE, epoch: 0 }, batch).ok_or(self.broken())
    }

    fn section(&mut self) -> Result<Section, RecordError> {
        let ([tag, marks, low, high], sizes) = self.head()?;
        let list = u16::from_le_bytes([low, high]);
        if marks & !(OF_PHONE | IS_DERIVED) != 0 {
            return Err(RecordError::Newer("marks of a section", marks.into()));
        }
        let derived = if marks & IS_DERIVED == 0 { None } else { Some(self.derived()?) };
        if tag == CONTROL {
            return self.control(&sizes);
        }
        let is_known = |derived: &Derived| match (tag, derived.stage) {
            (VERDICTS, Stage::TRACE) | (TOLD | RIDES, Stage::PEOPLE) => true,
            (_, Stage::ATTACH | Stage::ABOARD) => kind_of(tag).is_some(),
            _ => false,
        };
        if let Some(derived) = derived.filter(|derived| !is_known(derived)) {
            return Err(RecordError::Newer("rows of stage", derived.stage.0.into()));
        }
        let of = match (marks & OF_PHONE != 0, derived.is_some() && kind_of(tag).is_some()) {
            (true, true) => return Err(RecordError::Newer("marks of a section", marks.into())),
            (true, false) => Of::Phone,
            (false, true) => Of::Derived,
            (false, false) => Of::Person,
        };
        let layout = layout_of(tag, list, of)?;
        let batch = self.rows(layout, &sizes)?;
        of_tag(tag, of, derived.unwrap_or_default(), batch).ok_or(self.broken())
    }

    fn derived(&mut self) -> Result<Derived, RecordError> {
        let broken = self.broken();
        let bytes = self.take(DERIVED_BYTES)?.first_chunk::<DERIVED_BYTES>().ok_or(broken)?;
        let &[stage, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h] = bytes;
        Ok(Derived { stage: Stage(stage), epoch: u64::from_le_bytes([a, b, c, d, e, f, g, h]) })
    }

    fn control(&mut self, sizes: &Sizes) -> Result<Section, RecordError> {
        let broken = self.broken();
        if sizes.metadata != 0 || sizes.rows != 0 {
            return Err(broken);
        }
        let body = self.take(sizes.body)?.first_chunk::<CONTROL_BYTES>().ok_or(broken)?;
        let eight = |at: usize| body.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default();
        let [what, stage, ..] = *body;
        let derived = Derived { stage: Stage(stage), epoch: u64::from_le_bytes(eight(8)) };
        Ok(Section::Control(match what {
            1 => Control::Epoch(derived),
            2 => Control::Closing(derived),
            3 => Control::Marker(u64::from_le_bytes(eight(16))),
            4 => Control::Guarded,
            5 => Control::Admitted { publication: u64::from_le_bytes(eight(16)), end: derived.epoch },
            other => return Err(RecordError::Newer("control section", other.into())),
        }))
    }

    fn rows(&mut self, layout: &Layout, sizes: &Sizes) -> Result<RecordBatch, RecordError> {
        let broken = self.broken();
        let metadata_at = self.at;
        self.take(sizes.metadata)?;
        let body_at = self.at;
        self.take(sizes.body)?;
        let metadata = self.message.get(metadata_at..body_at).ok_or(broken)?;
        let body = self.buffer.slice_with_length(body_at, sizes.body);
        let batch = decode(metadata, &body, layout.written.clone(), sizes.rows).ok_or(broken)?;
        layout.read(batch)
    }
}

fn of_tag(tag: u8, of: Of, derived: Derived, batch: RecordBatch) -> Option<Section> {
    Some(match (kind_of(tag), tag) {
        (Some(kind), _) => match of {
            Of::Person => Section::Rows { kind, batch },
            Of::Phone => Section::Phones { kind, batch },
            Of::Derived => Section::Derived { derived, kind, batch },
        },
        (None, _) if of == Of::Phone => return None,
        (None, VERDICTS) => Section::Verdicts(Verdicts::of(batch, derived)?),
        (None, TOLD) => Section::Told { derived, batch },
        (None, RIDES) => Section::Rides { derived, batch },
        (None, FORGOTTEN) => Section::Forgotten(batch),
        _ => return None,
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
