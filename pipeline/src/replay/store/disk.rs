//! Pieces on disk: one file without a name for each partition, which the system removes whatever happens.
//!
//! Owns the file and its places. A piece is an Arrow IPC stream.

use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::replay::SpoolError;

/// A file that grows.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// Made when it is needed.
    file: Option<Arc<File>>,
    end: u64,
    buffer: Vec<u8>,
}

/// Where a batch lies.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    file: Arc<File>,
    offset: u64,
    length: usize,
}

impl Disk {
    pub(super) fn new(folder: &Path) -> Disk {
        Disk { folder: folder.to_owned(), file: None, end: 0, buffer: Vec::new() }
    }

    /// Writes a batch to the end.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<Stored, SpoolError> {
        let failed = |source| SpoolError::Disk { folder: self.folder.display().to_string(), source };
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(tempfile::tempfile_in(&self.folder).map_err(failed)?),
        };
        self.file = Some(Arc::clone(&file));
        self.buffer.clear();
        let mut writer = StreamWriter::try_new(&mut self.buffer, &batch.schema())?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        file.write_all_at(&self.buffer, self.end).map_err(failed)?;
        let stored = Stored { file, offset: self.end, length: self.buffer.len() };
        self.end += self.buffer.len() as u64;
        Ok(stored)
    }
}

impl Stored {
    /// Reads the batch.
    pub(super) fn read(&self) -> Result<RecordBatch, SpoolError> {
        let mut bytes = vec![0; self.length];
        self.file.read_exact_at(&mut bytes, self.offset).map_err(SpoolError::Lost)?;
        let mut reader = StreamReader::try_new(Cursor::new(bytes), None)?;
        reader.next().ok_or_else(|| SpoolError::Lost(std::io::ErrorKind::UnexpectedEof.into()))?.map_err(Into::into)
    }
}
