//! Packs in the reference log of policies: whole, by their digest, for services of any machine.
//!
//! ```text
//! {"type":"pack","version":1,"digest":"<64 hex digits>","bytes":N} LF <the archive, N bytes>
//! ```
//!
//! ```text
//! archive   the files of a pack as one
//! ```
//!
//! A record is believed when the digest of what its archive holds is the one that it names, and its cases hold. Beside
//! them the log holds what older builds wrote when they put a pack in force. Owns the record. Must never say which pack
//! is in force: that is decided.

mod archive;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::archive::{ARCHIVE_BYTES_MAX, ArchiveError};

use crate::admission;
use crate::policy::{Pack, PackError, PackSource};

/// The version of the record that this build writes; a higher one is not understood.
const VERSION: u64 = 1;
/// The longest first line.
const LINE_BYTES_MAX: usize = 1024;

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    version: u64,
    digest: String,
    bytes: usize,
}

/// Why a pack cannot be taken from the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackLogError {
    /// It is not there (yet).
    #[error("the log of packs does not hold the pack with the digest {0}")]
    Absent(String),
    /// Its archive cannot be used.
    #[error("the pack with the digest {digest}: {error}")]
    Archive {
        /// Which.
        digest: String,
        /// Why.
        error: ArchiveError,
    },
    /// It is not what it says.
    #[error("the record of the pack with the digest {digest} holds another one, with the digest {found}")]
    Another {
        /// What the record says.
        digest: String,
        /// What it holds.
        found: String,
    },
    /// It cannot be loaded, or its cases do not hold with this build.
    #[error("the pack with the digest {digest} cannot be used by this build: {error}")]
    Pack {
        /// Which.
        digest: String,
        /// Why.
        error: PackError,
    },
}

/// The record of a pack.
///
/// # Errors
/// When it is too large for the log.
pub fn record(source: &PackSource) -> Result<Bytes, ArchiveError> {
    let archive = archive::pack(&source.files)?;
    let line = Line { kind: "pack".to_owned(), version: VERSION, digest: source.digest(), bytes: archive.len() };
    let mut record = serde_json::to_vec(&line).map_err(|error| ArchiveError::Damaged(error.to_string()))?;
    record.push(b'\n');
    record.extend(archive);
    Ok(record.into())
}

/// The digest that a record names, and its archive; none of a record that is no pack's.
fn parts(record: &[u8]) -> Option<(String, &[u8])> {
    let end = record.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n')?;
    let (line, archive) = (record.get(..end)?, record.get(end + 1..)?);
    let line: Line = serde_json::from_slice(line).ok()?;
    let is_known = line.kind == "pack" && line.version <= VERSION && line.bytes == archive.len();
    is_known.then_some((line.digest, archive))
}

/// Whether a record is that of a pack, as this build knows them.
pub fn is_record(record: &[u8]) -> bool {
    parts(record).is_some()
}

/// The digest that a record names; none of a record that is no pack's.
pub fn digest_of(record: &[u8]) -> Option<String> {
    parts(record).map(|(digest, _)| digest)
}

/// Whether the log holds a pack, as far as its records say.
pub fn holds<'a>(records: impl IntoIterator<Item = &'a Bytes>, digest: &str) -> bool {
    records.into_iter().any(|record| parts(record).is_some_and(|(named, _)| named == digest))
}

/// The files of a pack: the first record that holds what it says counts.
///
/// # Errors
/// When none does; says why of the last.
pub fn source<'a>(records: impl IntoIterator<Item = &'a Bytes>, digest: &str) -> Result<PackSource, PackLogError> {
    let mut error = PackLogError::Absent(digest.to_owned());
    for record in records {
        let Some((_, archive)) = parts(record).filter(|(named, _)| named == digest) else { continue };
        match archive::unpack(archive) {
            Err(refused) => error = PackLogError::Archive { digest: digest.to_owned(), error: refused },
            Ok(files) => {
                let source = PackSource { name: digest.chars().take(16).collect(), files };
                let found = source.digest();
                if found == digest {
                    return Ok(source);
                }
                error = PackLogError::Another { digest: digest.to_owned(), found };
            }
        }
    }
    Err(error)
}

/// A pack of the log, checked as at each load: gate, tables, cases. That a pack of this binary has its id and version
/// with other contents is no hindrance: the log's is the one in force.
///
/// # Errors
/// When it is not there, or cannot be used.
pub fn load<'a>(records: impl IntoIterator<Item = &'a Bytes>, digest: &str) -> Result<Arc<Pack>, PackLogError> {
    let source = source(records, digest)?;
    let failed = |error| PackLogError::Pack { digest: digest.to_owned(), error };
    let pack = admission::admit_of_log(&source).map_err(failed)?;
    if let Some(other) = admission::belongs_to_another(&pack) {
        let (id, version) = (&pack.id, &pack.version);
        tracing::warn!(%id, %version, digest, "the log's pack is in force: {}", other.reason);
    }
    Ok(pack)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn built_in(id: &str) -> PackSource {
        PackSource::built_in(id).unwrap()
    }

    #[test]
    fn a_pack_comes_back_from_the_log_and_its_cases_hold() {
        let (one, other) = (built_in("national-2020"), built_in("chongqing-2021-24"));
        let records = [Bytes::from_static(b"{\"pack\":\"ab\"}"), record(&one).unwrap(), record(&other).unwrap()];
        let pack = load(&records, &one.digest()).unwrap();
        assert_eq!((&*pack.id, &*pack.digest), ("national-2020", one.digest().as_str()));
        assert!(!pack.cases.is_empty(), "the archive carries the cases as well");
        assert!(holds(&records, &other.digest()) && !holds(&records, "ab") && !is_record(&records[0]));
        assert!(is_record(&records[1]));
        assert_eq!(digest_of(&records[2]), Some(other.digest()));
    }

    #[test]
    fn a_record_that_holds_another_pack_is_passed_over_for_one_that_is_right() {
        let (one, other) = (built_in("national-2020"), built_in("zhejiang-2020-109"));
        let digest = one.digest();
        let archive = archive::pack(&other.files).unwrap();
        let line = format!("{{\"type\":\"pack\",\"version\":1,\"digest\":\"{digest}\",\"bytes\":{}}}\n", archive.len());
        let wrong: Bytes = [line.into_bytes(), archive].concat().into();
        assert_eq!(
            source([&wrong], &digest).unwrap_err(),
            PackLogError::Another { digest: digest.clone(), found: other.digest() }
        );
        assert_eq!(source([&wrong, &record(&one).unwrap()], &digest).unwrap().files, one.files);
        let damaged: Bytes =
            format!("{{\"type\":\"pack\",\"version\":1,\"digest\":\"{digest}\",\"bytes\":2}}\nPK").into();
        assert!(matches!(source([&damaged], &digest), Err(PackLogError::Archive { .. })));
        assert_eq!(source([], &digest).unwrap_err(), PackLogError::Absent(digest));
    }

    #[test]
    fn a_pack_whose_cases_fail_is_not_taken() {
        let mut source = built_in("zhejiang-2020-109");
        let manifest = source.files.get_mut("policy.toml").unwrap();
        *manifest = manifest.replace("region_days = 14", "region_days = 10");
        let refused = load(&[record(&source).unwrap()], &source.digest()).unwrap_err();
        assert!(matches!(refused, PackLogError::Pack { .. }), "{refused}");
    }

    #[test]
    fn an_older_build_and_a_newer_record_are_told_apart() {
        use crate::live::service::policies::InForce;

        let record = record(&built_in("national-2020")).unwrap();
        assert!(serde_json::from_slice::<InForce>(&record).is_err(), "an older build refuses it by name");
        let newer = b"{\"type\":\"pack\",\"version\":2,\"digest\":\"ab\",\"bytes\":0}\n";
        assert!(!is_record(newer) && !is_record(b"") && !is_record(b"\n"));
    }
}
