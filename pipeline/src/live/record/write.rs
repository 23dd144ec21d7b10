//! Writing messages.
//!
//! Owns buffers that are used again: a small message costs little more than its bytes.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use bytes::Bytes;
use fuma_schemas::Kind;

use super::columns::newest;
use super::error::RecordError;
use super::fingerprint::Origin;
use super::schema::{
    derived_live_schema, forgotten_schema, live_schema, phone_live_schema, rides_schema, told_schema, verdict_schema,
};
use super::section::{Control, Derived, Stage};
use super::tag::{CONTROL, FORGOTTEN, RIDES, TOLD, VERDICTS, tag_of};
use super::{
    ALIGNMENT, CHECKSUM_AT, DERIVED_BYTES, FORMAT, HEAD_BYTES, INSTALLATION_AT, IS_DERIVED, KEY_AT, MAGIC, OF_PHONE,
    SECTION_HEAD_BYTES, SECTIONS_AT, checksum,
};
use crate::intake::is_clean;

/// Puts sections together to messages, one after the other.
pub struct RecordWriter {
    generator: IpcDataGenerator,
    options: IpcWriteOptions,
    context: IpcWriteContext,
    dictionaries: DictionaryTracker,
    origin: Origin,
    message: Vec<u8>,
    sections: u32,
}

impl Default for RecordWriter {
    fn default() -> Self {
        RecordWriter::new()
    }
}

/// What stands in front of the rows of a section.
struct Head {
    tag: u8,
    marks: u8,
    derived: Option<Derived>,
}

impl RecordWriter {
    /// A writer of messages that say nothing of whose they are.
    pub fn new() -> RecordWriter {
        RecordWriter::of(Origin::default())
    }

    /// A writer of an installation's messages.
    pub fn of(origin: Origin) -> RecordWriter {
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5).unwrap_or_default();
        RecordWriter {
            generator: IpcDataGenerator::default(),
            options,
            context: IpcWriteContext::default(),
            dictionaries: DictionaryTracker::new(false),
            origin,
            message: Vec::new(),
            sections: 0,
        }
    }

    /// Adds rows of a kind, of [`live_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add(&mut self, kind: Kind, batch: &RecordBatch) -> Result<(), RecordError> {
        self.try_add(kind, batch, usize::MAX).map(|_| ())
    }

    /// Adds rows of a kind, of [`live_schema`], or records of phones, of [`phone_live_schema`], unless the message
    /// would become longer than that; says whether it did.
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn try_add(&mut self, kind: Kind, batch: &RecordBatch, bytes_max: usize) -> Result<bool, RecordError> {
        let marks = if is_of(batch, &live_schema(kind)) {
            0
        } else if is_of(batch, &phone_live_schema(kind)) {
            OF_PHONE
        } else {
            return Err(RecordError::Rows);
        };
        crate::invariant::check(|| is_clean(kind, batch), "I-8", "no resident ID is written to a log");
        self.add_section(&Head { tag: tag_of(kind), marks, derived: None }, batch, bytes_max)
    }

    /// Adds facts of a kind that a stage derived, of [`derived_live_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add_derived(&mut self, derived: Derived, kind: Kind, batch: &RecordBatch) -> Result<(), RecordError> {
        if !is_of(batch, &derived_live_schema(kind)) {
            return Err(RecordError::Rows);
        }
        crate::invariant::check(|| is_clean(kind, batch), "I-8", "no resident ID is written to a log");
        let head = Head { tag: tag_of(kind), marks: IS_DERIVED, derived: Some(derived) };
        self.add_section(&head, batch, usize::MAX).map(|_| ())
    }

    /// Adds what people tell to phones, of [`told_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add_told(&mut self, batch: &RecordBatch) -> Result<(), RecordError> {
        if !is_of(batch, &told_schema()) {
            return Err(RecordError::Rows);
        }
        let derived = Some(Derived { stage: Stage::PEOPLE, epoch: 0 });
        self.add_section(&Head { tag: TOLD, marks: IS_DERIVED, derived }, batch, usize::MAX).map(|_| ())
    }

    /// Adds what people tell to conveyances under a label, of [`rides_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add_rides(&mut self, label: u64, batch: &RecordBatch) -> Result<(), RecordError> {
        if !is_of(batch, &rides_schema()) {
            return Err(RecordError::Rows);
        }
        let derived = Some(Derived::labelled(Stage::PEOPLE, label));
        self.add_section(&Head { tag: RIDES, marks: IS_DERIVED, derived }, batch, usize::MAX).map(|_| ())
    }

    /// Adds verdicts, of [`verdict_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add_verdicts(&mut self, batch: &RecordBatch) -> Result<(), RecordError> {
        if !is_of(batch, &verdict_schema()) {
            return Err(RecordError::Rows);
        }
        let derived = Some(Derived { stage: Stage::TRACE, epoch: 0 });
        self.add_section(&Head { tag: VERDICTS, marks: IS_DERIVED, derived }, batch, usize::MAX).map(|_| ())
    }

    /// Adds facts that people forgot, of [`forgotten_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add_forgotten(&mut self, batch: &RecordBatch) -> Result<(), RecordError> {
        if !is_of(batch, &forgotten_schema()) {
            return Err(RecordError::Rows);
        }
        self.add_section(&Head { tag: FORGOTTEN, marks: 0, derived: None }, batch, usize::MAX).map(|_| ())
    }

    /// Adds what a stage says about its own say.
    pub fn add_control(&mut self, control: Control) {
        let (what, derived, mark) = match control {
            Control::Epoch(derived) => (1, derived, 0),
            Control::Closing(derived) => (2, derived, 0),
            Control::Marker(mark) => (3, Derived::default(), mark),
            Control::Guarded => (4, Derived::default(), 0),
            Control::Admitted { publication, end } => (5, Derived { epoch: end, ..Derived::default() }, publication),
        };
        self.begin();
        self.message.extend_from_slice(&[CONTROL, 0, 0, 0]);
        for length in [0_u32, 24, 0] {
            self.message.extend_from_slice(&length.to_le_bytes());
        }
        self.message.extend_from_slice(&[what, derived.stage.0, 0, 0, 0, 0, 0, 0]);
        self.message.extend_from_slice(&derived.epoch.to_le_bytes());
        self.message.extend_from_slice(&mark.to_le_bytes());
        self.sections += 1;
    }

    /// Whether no section was added since the last message.
    pub fn is_empty(&self) -> bool {
        self.sections == 0
    }

    /// How long the message is so far, in bytes.
    pub fn len(&self) -> usize {
        self.message.len()
    }

    /// The message; the writer is empty afterwards.
    pub fn finish(&mut self) -> Bytes {
        self.begin();
        let mut message = std::mem::take(&mut self.message);
        put(&mut message, SECTIONS_AT, &self.sections.to_le_bytes());
        let checksum = checksum(&message);
        put(&mut message, CHECKSUM_AT, &checksum.to_le_bytes());
        self.sections = 0;
        // The next one is probably as long.
        self.message.reserve(message.len());
        Bytes::from(message)
    }

    /// Writes the head of a message that has none yet.
    fn begin(&mut self) {
        if self.message.is_empty() {
            self.message.extend_from_slice(&[MAGIC, FORMAT]);
            self.message.resize(HEAD_BYTES, 0);
            put(&mut self.message, INSTALLATION_AT, &self.origin.installation.0);
            put(&mut self.message, KEY_AT, &self.origin.key.0);
        }
    }

    fn add_section(&mut self, head: &Head, batch: &RecordBatch, bytes_max: usize) -> Result<bool, RecordError> {
        let sections = self.sections.checked_add(1).ok_or(RecordError::Rows)?;
        let encoded = self.generator.encode(batch, &mut self.dictionaries, &self.options, &mut self.context);
        let (_, encoded) = encoded.map_err(|_| RecordError::Rows)?;
        let length = |length: usize| u32::try_from(length).map_err(|_| RecordError::Rows);
        let metadata = encoded.ipc_message.len().next_multiple_of(ALIGNMENT);
        let body = encoded.arrow_data.len().next_multiple_of(ALIGNMENT);
        let heads = SECTION_HEAD_BYTES + if head.derived.is_some() { DERIVED_BYTES } else { 0 };
        if self.message.len().max(HEAD_BYTES) + heads + metadata + body > bytes_max {
            return Ok(false);
        }
        let lengths = [length(metadata)?, length(body)?, length(batch.num_rows())?];
        self.begin();
        self.message.reserve(heads + metadata + body);
        let [low, high] = newest(head.tag).to_le_bytes();
        self.message.extend_from_slice(&[head.tag, head.marks, low, high]);
        for length in lengths {
            self.message.extend_from_slice(&length.to_le_bytes());
        }
        if let Some(Derived { stage, epoch }) = head.derived {
            self.message.extend_from_slice(&[stage.0, 0, 0, 0, 0, 0, 0, 0]);
            self.message.extend_from_slice(&epoch.to_le_bytes());
        }
        for (bytes, padded) in [(&encoded.ipc_message, metadata), (&encoded.arrow_data, body)] {
            let end = self.message.len() + padded;
            self.message.extend_from_slice(bytes);
            self.message.resize(end, 0);
        }
        self.sections = sections;
        Ok(true)
    }
}

fn is_of(batch: &RecordBatch, schema: &SchemaRef) -> bool {
    batch.schema_ref() == schema
}

fn put(message: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = message.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
