//! What of each file is acknowledged, in a file: a second start continues after it.
//!
//! A file is known by what is in it: one that has grown is sent from where it was left, one that was replaced or
//! corrected anywhere is sent again as a whole (evidence is a set, so that does no harm). Owns the state file, which is
//! replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::commands::CommandError;

/// As much of a file is read at once.
const READ_BYTES: usize = 1 << 18;

/// How far a file is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sent {
    /// The length of the file when it was sent, in bytes.
    pub(super) bytes: u64,
    /// How many of its records are acknowledged, from the first; without a last line that had no end.
    pub(super) records: u64,
    /// SHA-256 over those bytes; none in the state of an older fuma.
    #[serde(default)]
    pub(super) sha256: String,
    /// Whether all of it is acknowledged.
    #[serde(default)]
    pub(super) is_whole: bool,
}

/// What a state says of a file as it is now.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// All of it is acknowledged.
    Whole,
    /// Its first records are.
    Begun(u64),
    /// It is another one than was sent.
    Changed,
}

/// The state file.
pub(super) struct Resume {
    path: PathBuf,
    files: BTreeMap<String, Sent>,
}

impl Resume {
    /// Reads the state, if there is any.
    pub(super) fn open(path: &Path) -> Result<Resume, CommandError> {
        let files = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                let path = path.display();
                CommandError::Input(format!("{path}: is no state of fuma send ({error}): delete it to start over"))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(CommandError::Read { path: path.to_owned(), source }),
        };
        Ok(Resume { path: path.to_owned(), files })
    }

    /// What is known of a file, and what is to be noted of it: as long as it is now, with nothing acknowledged.
    pub(super) fn recognise(&self, file: &str, path: &Path, bytes: u64) -> io::Result<(Known, Sent)> {
        let before = self.files.get(file);
        let place = before.map_or(0, |sent| sent.bytes);
        let (at_place, sha256) = digests(path, place, bytes)?;
        let now = Sent { bytes, sha256, ..Sent::default() };
        let known = match before {
            None => Known::New,
            Some(sent) if at_place.as_deref() != Some(sent.sha256.as_str()) => Known::Changed,
            Some(sent) if sent.bytes == bytes && sent.is_whole => Known::Whole,
            Some(sent) => Known::Begun(sent.records),
        };
        Ok((known, now))
    }

    /// Notes how far a file is.
    pub(super) fn note(&mut self, file: &str, sent: Sent) {
        self.files.insert(file.to_owned(), sent);
    }

    /// Replaces the state file.
    pub(super) fn save(&self) -> Result<(), CommandError> {
        let cannot = |source| CommandError::Write { path: self.path.clone(), source };
        let mut text = serde_json::to_vec_pretty(&self.files).map_err(|error| cannot(error.into()))?;
        text.push(b'\n');
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(".new");
        fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &self.path)).map_err(cannot)
    }
}

/// The digests of the first bytes of a file, up to a place and up to its end; none where it is shorter.
fn digests(path: &Path, place: u64, bytes: u64) -> io::Result<(Option<String>, String)> {
    let mut file = fs::File::open(path)?.take(bytes);
    let (mut digest, mut at_place, mut at) = (Sha256::new(), None, 0_u64);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        if at == place {
            at_place = Some(hex(&digest));
        }
        // Up to the place at most, so that it is met.
        let wanted = if at < place { usize::try_from(place - at).unwrap_or(READ_BYTES) } else { READ_BYTES };
        let read = file.read(&mut buffer[..wanted.min(READ_BYTES)])?;
        if read == 0 {
            return Ok((at_place, hex(&digest)));
        }
        digest.update(&buffer[..read]);
        at += read as u64;
    }
}

fn hex(digest: &Sha256) -> String {
    digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_file_is_known_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let (state, path) = (folder.path().join("state"), folder.path().join("cases.ndjson"));
        let text: Vec<u8> = (0..100_000).flat_map(|row| format!("{{\"id\":\"{row}\"}}\n").into_bytes()).collect();
        let recognise = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            Resume::open(&state).unwrap().recognise("x", &path, text.len() as u64).unwrap()
        };
        let (known, mut now) = recognise(&text);
        assert_eq!(known, Known::New);
        now.records = 100_000;
        let save = |sent: &Sent| {
            let mut resume = Resume::open(&state).unwrap();
            resume.note("x", sent.clone());
            resume.save().unwrap();
        };
        save(&now);
        assert_eq!(recognise(&text).0, Known::Begun(100_000));
        save(&Sent { is_whole: true, ..now });
        assert_eq!(recognise(&text).0, Known::Whole);
        let mut more = text.clone();
        more.extend_from_slice(b"{}\n");
        assert_eq!(recognise(&more).0, Known::Begun(100_000));
        // The same length, and one byte in the middle of it.
        let mut corrected = text.clone();
        corrected[text.len() / 2] ^= 1;
        assert_eq!(recognise(&corrected).0, Known::Changed);
        assert_eq!(recognise(&text[..1000]).0, Known::Changed, "shorter");
        // The state of an older fuma does not say what was in it.
        fs::write(&state, r#"{"x":{"bytes":1000,"records":3}}"#).unwrap();
        assert_eq!(recognise(&text).0, Known::Changed);
        fs::write(&state, "x").unwrap();
        assert!(Resume::open(&state).is_err());
    }
}
