//! Writing messages.
//!
//! Owns buffers that are used again: a small message costs little more than its bytes.

use arrow::array::RecordBatch;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use bytes::Bytes;
use fuma_schemas::Kind;
use fuma_schemas::evidence::LOG_SCHEMA_VERSION;

use super::error::RecordError;
use super::schema::{live_schema, verdict_schema};
use super::{ALIGNMENT, CHECKSUM_AT, HEAD_BYTES, MAGIC, SECTION_HEAD_BYTES, VERDICTS, checksum};

/// Puts sections together to messages, one after the other.
pub struct RecordWriter {
    generator: IpcDataGenerator,
    options: IpcWriteOptions,
    context: IpcWriteContext,
    dictionaries: DictionaryTracker,
    message: Vec<u8>,
    sections: u16,
}

impl Default for RecordWriter {
    fn default() -> Self {
        RecordWriter::new()
    }
}

impl RecordWriter {
    /// A writer without a section.
    pub fn new() -> RecordWriter {
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5).unwrap_or_default();
        RecordWriter {
            generator: IpcDataGenerator::default(),
            options,
            context: IpcWriteContext::default(),
            dictionaries: DictionaryTracker::new(false),
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

    /// Adds rows of a kind unless the message would become longer than that; says whether it did.
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn try_add(&mut self, kind: Kind, batch: &RecordBatch, bytes_max: usize) -> Result<bool, RecordError> {
        if batch.schema_ref() != &live_schema(kind) {
            return Err(RecordError::Rows);
        }
        self.add_section(kind.code(), batch, bytes_max)
    }

    /// Adds verdicts, of [`verdict_schema`].
    ///
    /// # Errors
    /// Rows of another schema; the message is as before.
    pub fn add_verdicts(&mut self, batch: &RecordBatch) -> Result<(), RecordError> {
        if batch.schema_ref() != &verdict_schema() {
            return Err(RecordError::Rows);
        }
        self.add_section(VERDICTS, batch, usize::MAX).map(|_| ())
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
        put(&mut message, 2, &self.sections.to_le_bytes());
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
            self.message.extend_from_slice(&[MAGIC, LOG_SCHEMA_VERSION as u8]);
            self.message.resize(HEAD_BYTES, 0);
        }
    }

    fn add_section(&mut self, tag: u8, batch: &RecordBatch, bytes_max: usize) -> Result<bool, RecordError> {
        let sections = self.sections.checked_add(1).ok_or(RecordError::Rows)?;
        let encoded = self.generator.encode(batch, &mut self.dictionaries, &self.options, &mut self.context);
        let (_, encoded) = encoded.map_err(|_| RecordError::Rows)?;
        let length = |length: usize| u32::try_from(length).map_err(|_| RecordError::Rows);
        let metadata = encoded.ipc_message.len().next_multiple_of(ALIGNMENT);
        let body = encoded.arrow_data.len().next_multiple_of(ALIGNMENT);
        if self.message.len().max(HEAD_BYTES) + SECTION_HEAD_BYTES + metadata + body > bytes_max {
            return Ok(false);
        }
        let lengths = [length(metadata)?, length(body)?, length(batch.num_rows())?];
        self.begin();
        self.message.reserve(SECTION_HEAD_BYTES + metadata + body);
        self.message.extend_from_slice(&[tag, 0, 0, 0]);
        for length in lengths {
            self.message.extend_from_slice(&length.to_le_bytes());
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

fn put(message: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = message.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
