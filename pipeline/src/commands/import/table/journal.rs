//! What was imported into a folder, and how far the table under way is: a kill costs two seconds of work, and a table
//! that comes twice changes nothing.
//!
//! A table is known by what is in it, together with the map, the owner, known_at and the key. Owns the file
//! `fuma-import.json`, which is replaced as a whole. Must never say that something is there that is not on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::output::{Folder, Lengths};
use crate::commands::CommandError;
use crate::tables::Counts;

/// The name of the file.
pub(super) const NAME: &str = "fuma-import.json";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize, Default)]
struct State {
    version: u32,
    /// What is whole, by its key.
    imported: BTreeMap<String, Imported>,
    /// What is under way.
    begun: Option<Begun>,
    /// The lengths of the whole files before a table joins them.
    joining: Option<Joining>,
}

/// A table that is whole.
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Imported {
    /// The file, as it was called.
    pub(super) file: String,
    pub(super) records: u64,
    pub(super) rejects: u64,
    /// Entries of it that are refused, each time again.
    pub(super) refused: Vec<RefusedTable>,
    /// What came of its rows; nothing in the journal of an older fuma.
    #[serde(default)]
    pub(super) counts: Counts,
}

/// How far a table is.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Begun {
    pub(super) key: String,
    /// Tables of the file that are done: entries of an archive.
    pub(super) tables: u64,
    /// The last row of the next one that is done.
    pub(super) row: u64,
    /// The lengths of the parts then, and where that table began.
    pub(super) lengths: Lengths,
    pub(super) table_began: Lengths,
    /// What came of the rows of the tables that are done, and of the one under way.
    pub(super) total: Counts,
    pub(super) counts: Counts,
    /// Tables that are refused.
    pub(super) refused: Vec<RefusedTable>,
}

/// A file or an entry of which nothing is written.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct RefusedTable {
    pub(super) entry: Option<String>,
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Serialize, Deserialize)]
struct Joining {
    key: String,
    lengths: Lengths,
    imported: Imported,
}

/// The journal.
pub(super) struct Journal {
    path: PathBuf,
    state: State,
}

impl Journal {
    /// Reads the journal of a folder, and ends what a kill has left half done.
    pub(super) fn open(folder: &Path, files: &mut Folder) -> Result<Journal, CommandError> {
        let path = folder.join(NAME);
        let state = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .ok()
                .filter(|state: &State| state.version == VERSION)
                .ok_or_else(|| {
                    let path = path.display();
                    CommandError::Input(format!("{path}: is no journal of this fuma: import into another folder"))
                })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State { version: VERSION, ..State::default() },
            Err(source) => return Err(CommandError::Read { path, source }),
        };
        let mut journal = Journal { path, state };
        if journal.state.joining.is_some() {
            journal.finish_joining(files)?;
        }
        Ok(journal)
    }

    /// What is known of a table that is whole.
    pub(super) fn imported(&self, key: &str) -> Option<&Imported> {
        self.state.imported.get(key)
    }

    /// Begins a table, or goes on with it: the parts are cut to where it is.
    pub(super) fn begin(&mut self, key: &str, files: &mut Folder) -> Result<Begun, CommandError> {
        let known = self.state.begun.take().filter(|begun| begun.key == key && files.has_parts(&begun.lengths));
        let begun = match known {
            Some(begun) => begun,
            None => {
                // Before its parts go, the journal forgets the table that was under way.
                self.save()?;
                Begun { key: key.to_owned(), ..Begun::default() }
            }
        };
        files.cut_parts(&begun.lengths)?;
        Ok(begun)
    }

    /// Notes how far a table is; its parts are on the disk.
    pub(super) fn note(&mut self, begun: Begun) -> Result<(), CommandError> {
        self.state.begun = Some(begun);
        self.save()
    }

    /// A table is whole: its parts join the files.
    pub(super) fn finish(&mut self, key: &str, imported: Imported, files: &mut Folder) -> Result<(), CommandError> {
        files.sync()?;
        let lengths = files.whole_lengths();
        self.state.joining = Some(Joining { key: key.to_owned(), lengths, imported });
        self.save()?;
        self.finish_joining(files)
    }

    fn finish_joining(&mut self, files: &mut Folder) -> Result<(), CommandError> {
        let Some(Joining { key, lengths, imported }) = self.state.joining.take() else { return Ok(()) };
        files.join(&lengths)?;
        self.state.imported.insert(key, imported);
        self.state.begun = None;
        self.save()?;
        files.drop_parts()
    }

    /// A table is refused: nothing of it stays.
    pub(super) fn refuse(&mut self, files: &mut Folder) -> Result<(), CommandError> {
        self.state.begun = None;
        self.save()?;
        files.drop_parts()
    }

    fn save(&self) -> Result<(), CommandError> {
        let cannot = |source| CommandError::Write { path: self.path.clone(), source };
        let mut text = serde_json::to_vec_pretty(&self.state).map_err(|error| cannot(error.into()))?;
        text.push(b'\n');
        let unfinished = self.path.with_extension("json.new");
        let written = fs::write(&unfinished, text).and_then(|()| fs::File::open(&unfinished)?.sync_all());
        written.and_then(|()| fs::rename(&unfinished, &self.path)).map_err(cannot)
    }
}

/// The key of a table: its bytes, and what its records depend on besides.
pub(super) fn key_of(path: &Path, besides: &[&str]) -> io::Result<String> {
    let mut digest = Sha256::new();
    for text in besides {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}
