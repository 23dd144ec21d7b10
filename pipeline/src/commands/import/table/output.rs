//! The files of an import: what comes of a table is written beside, and joins the whole when all of it is there.
//!
//! ```text
//! tests.ndjson            whole tables           tests.ndjson.part            the table under way
//! rejects-tests.ndjson    the same of rejects    review-regions.ndjson        names that are no region
//! ```
//!
//! Owns the files and their lengths. They hold identities: nobody else may read them (0600). Must never leave half of a
//! table in a whole file: what a kill has left is cut to the length that the journal knows.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::commands::CommandError;

/// As much is written at once.
const BUFFER_BYTES: usize = 1 << 18;

/// The length of each file.
pub(super) type Lengths = BTreeMap<String, u64>;

/// The folder.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    parts: BTreeMap<String, Part>,
}

/// A file under way.
struct Part {
    file: File,
    buffer: Vec<u8>,
    /// What was written, with the buffer.
    length: u64,
}

impl Folder {
    /// Opens a folder, or makes it.
    pub(super) fn open(path: &Path) -> Result<Folder, CommandError> {
        fs::create_dir_all(path).map_err(|source| CommandError::Write { path: path.to_owned(), source })?;
        Ok(Folder { path: path.to_owned(), parts: BTreeMap::new() })
    }

    fn path_of(&self, name: &str, is_part: bool) -> PathBuf {
        self.path.join(if is_part { format!("{name}.part") } else { name.to_owned() })
    }

    /// Appends to the part of a file.
    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
        let path = self.path_of(name, true);
        let cannot = |source| CommandError::Write { path: path.clone(), source };
        if !self.parts.contains_key(name) {
            let file = open(&path).map_err(cannot)?;
            let length = file.metadata().map_err(cannot)?.len();
            self.parts.insert(name.to_owned(), Part { file, buffer: Vec::with_capacity(BUFFER_BYTES), length });
        }
        let Some(part) = self.parts.get_mut(name) else { return Ok(()) };
        part.buffer.extend_from_slice(bytes);
        part.length += bytes.len() as u64;
        if part.buffer.len() >= BUFFER_BYTES {
            part.flush().map_err(cannot)?;
        }
        Ok(())
    }

    /// Brings everything to the disk; says how long the parts are.
    pub(super) fn sync(&mut self) -> Result<Lengths, CommandError> {
        let mut lengths = Lengths::new();
        for (name, part) in &mut self.parts {
            let path = self.path.join(name);
            part.flush().and_then(|()| part.file.sync_data()).map_err(|source| CommandError::Write { path, source })?;
            lengths.insert(name.clone(), part.length);
        }
        Ok(lengths)
    }

    /// How long the parts are.
    pub(super) fn lengths(&self) -> Lengths {
        self.parts.iter().map(|(name, part)| (name.clone(), part.length)).collect()
    }

    /// Whether the parts are as long as this, or longer.
    pub(super) fn has_parts(&self, lengths: &Lengths) -> bool {
        let length = |name: &String| fs::metadata(self.path_of(name, true)).map_or(0, |metadata| metadata.len());
        lengths.iter().all(|(name, noted)| length(name) >= *noted)
    }

    /// Cuts the parts to these lengths; one that is not named goes.
    pub(super) fn cut_parts(&mut self, lengths: &Lengths) -> Result<(), CommandError> {
        self.parts.clear();
        for name in self.names(true)? {
            let path = self.path_of(&name, true);
            let cannot = |source| CommandError::Write { path: path.clone(), source };
            match lengths.get(&name) {
                None | Some(0) => fs::remove_file(&path).map_err(cannot)?,
                Some(length) => {
                    let mut file = open(&path).map_err(cannot)?;
                    file.set_len(*length).and_then(|()| file.seek(SeekFrom::End(0))).map_err(cannot)?;
                    self.parts.insert(name, Part { file, buffer: Vec::new(), length: *length });
                }
            }
        }
        Ok(())
    }

    /// The lengths of the whole files that the parts will join.
    pub(super) fn whole_lengths(&self) -> Lengths {
        let length = |name: &String| fs::metadata(self.path_of(name, false)).map_or(0, |metadata| metadata.len());
        self.parts.keys().map(|name| (name.clone(), length(name))).collect()
    }

    /// Puts the parts to the whole files, which are first cut to these lengths.
    pub(super) fn join(&mut self, whole: &Lengths) -> Result<(), CommandError> {
        self.parts.clear();
        for (name, length) in whole {
            let (from, to) = (self.path_of(name, true), self.path_of(name, false));
            let cannot = |source| CommandError::Write { path: to.clone(), source };
            if *length == 0 && from.exists() {
                fs::rename(&from, &to).map_err(cannot)?;
                continue;
            }
            // A part that is not there any more has joined before.
            let Ok(mut part) = File::open(&from) else { continue };
            let mut file = open(&to).map_err(cannot)?;
            file.set_len(*length).and_then(|()| file.seek(SeekFrom::End(0))).map_err(cannot)?;
            io::copy(&mut part, &mut file).and_then(|_| file.sync_all()).map_err(cannot)?;
        }
        Ok(())
    }

    /// Takes the parts away, once the journal knows that they have joined.
    pub(super) fn drop_parts(&mut self) -> Result<(), CommandError> {
        self.cut_parts(&Lengths::new())
    }

    fn names(&self, are_parts: bool) -> Result<Vec<String>, CommandError> {
        let cannot = |source| CommandError::Read { path: self.path.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
            match name.strip_suffix(".part") {
                Some(stem) if are_parts && stem.ends_with(".ndjson") => names.push(stem.to_owned()),
                None if !are_parts => names.push(name),
                _ => {}
            }
        }
        names.sort();
        Ok(names)
    }

    /// The whole files of feeds.
    pub(super) fn feeds(&self) -> Result<Vec<PathBuf>, CommandError> {
        let names = self.names(false)?.into_iter().filter(|name| fuma_connectors::files::feed_of(name).is_some());
        Ok(names.map(|name| self.path.join(name)).collect())
    }
}

impl Part {
    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Opens a file for appending that nobody else may read.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}
