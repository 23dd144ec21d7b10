//! A pack as one file: a zip of its files, by path, without times; the same pack gives the same bytes.
//!
//! Who reads one does not trust it: each path must be one that a pack has, each file is bounded, and so is the whole.
//! Nothing is unpacked to a disk. Owns the bounds.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::policy::files::{self, FILE_BYTES_MAX, FILES_MAX};

/// The longest record of a reference log (`max.message.bytes`).
pub(super) const RECORD_BYTES_MAX: usize = 4 << 20;
/// What a record holds beside the archive: its line, and what the log adds.
const BESIDE_BYTES_MAX: usize = 64 << 10;
/// The longest archive.
pub const ARCHIVE_BYTES_MAX: usize = RECORD_BYTES_MAX - BESIDE_BYTES_MAX;
/// The most that an archive unpacks to.
const UNPACKED_BYTES_MAX: u64 = 32 << 20;

/// Why an archive is not one of a pack.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is longer than a record may be.
    #[error(
        "the archive of the pack has {bytes} bytes, and the log takes at most {ARCHIVE_BYTES_MAX}: shorten its tables \
         or its cases"
    )]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It cannot be read, or holds what a pack has not.
    #[error("the archive of the pack is damaged, or no pack: {0}")]
    Damaged(String),
}

fn damaged(error: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::Damaged(error.to_string())
}

/// The files of a pack as one.
///
/// # Errors
/// When it is too large for the log.
pub(super) fn pack(files: &BTreeMap<String, String>) -> Result<Vec<u8>, ArchiveError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (path, contents) in files {
        writer.start_file(path.as_str(), options).map_err(damaged)?;
        writer.write_all(contents.as_bytes()).map_err(damaged)?;
    }
    let bytes = writer.finish().map_err(damaged)?.into_inner();
    if bytes.len() > ARCHIVE_BYTES_MAX {
        return Err(ArchiveError::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// The files of an archive.
///
/// # Errors
/// When it is too large, damaged, or holds a path that a pack has not.
pub(super) fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, String>, ArchiveError> {
    if bytes.len() > ARCHIVE_BYTES_MAX {
        return Err(ArchiveError::TooLarge { bytes: bytes.len() });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > FILES_MAX {
        return Err(damaged(format!("a pack has at most {FILES_MAX} files")));
    }
    let (mut files, mut unpacked) = (BTreeMap::new(), 0_u64);
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(damaged)?;
        let path = entry.name().to_owned();
        // Only `policy.toml` and names in the folders of a pack: no `..`, no absolute path, nothing that links.
        let is_plain = entry.is_file() && !entry.is_symlink() && !path.contains(['\\', '\0']) && !path.contains("..");
        if !is_plain {
            return Err(damaged(format!("{path:?} is no plain file")));
        }
        files::check_file(&path).map_err(damaged)?;
        let left = (UNPACKED_BYTES_MAX - unpacked).min(FILE_BYTES_MAX);
        let mut contents = Vec::new();
        // What an entry says of its size is not believed.
        (&mut entry).take(left + 1).read_to_end(&mut contents).map_err(damaged)?;
        if contents.len() as u64 > left {
            return Err(damaged(format!("{path} unpacks to more than {left} bytes")));
        }
        unpacked += contents.len() as u64;
        let contents = String::from_utf8(contents).map_err(|_| damaged(format!("{path} is no UTF-8 text")))?;
        if files.insert(path.clone(), contents).is_some() {
            return Err(damaged(format!("{path} is there twice")));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::policy::PackSource;

    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, contents) in entries {
            writer.start_file(*path, SimpleFileOptions::default()).unwrap();
            writer.write_all(contents).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn every_pack_of_the_binary_comes_back_whole_and_twice_the_same() {
        for id in PackSource::built_in_ids() {
            let files = PackSource::built_in(&id).unwrap().files;
            let bytes = pack(&files).unwrap();
            assert_eq!(bytes, pack(&files).unwrap());
            assert_eq!(unpack(&bytes).unwrap(), files);
        }
    }

    #[test]
    fn what_is_no_pack_is_refused_by_name() {
        let paths = ["../policy.toml", "/policy.toml", "rules/../x.sql", "rules/a/b.sql", "etc/passwd", "rules\\a.sql"];
        for path in paths {
            let refused = unpack(&zip_of(&[(path, b"x")])).unwrap_err().to_string();
            assert!(refused.contains("damaged, or no pack"), "{path}: {refused}");
        }
        let folder = {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            writer.add_directory("rules/", SimpleFileOptions::default()).unwrap();
            writer.finish().unwrap().into_inner()
        };
        assert!(unpack(&folder).is_err());
        let link = {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            writer.add_symlink("policy.toml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
            writer.finish().unwrap().into_inner()
        };
        assert!(unpack(&link).is_err());
        assert!(unpack(&zip_of(&[("policy.toml", b"\xff")])).is_err());
        assert!(unpack(b"PK").is_err() && unpack(b"").is_err());
    }

    /// What unpacks to much more than it says, or than a pack may have, is read up to the bound.
    #[test]
    fn a_bomb_is_bounded() {
        let large = vec![b' '; usize::try_from(FILE_BYTES_MAX).unwrap() + 1];
        let refused = unpack(&zip_of(&[("policy.toml", &large)])).unwrap_err().to_string();
        assert!(refused.contains("unpacks to more than"), "{refused}");
        let one = vec![b' '; usize::try_from(FILE_BYTES_MAX).unwrap()];
        let names: Vec<String> = (0..9).map(|at| format!("tables/t{at}.csv")).collect();
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), one.as_slice())).collect();
        assert!(unpack(&zip_of(&many)).unwrap_err().to_string().contains("unpacks to more than"));
        assert_eq!(
            unpack(&vec![0; ARCHIVE_BYTES_MAX + 1]),
            Err(ArchiveError::TooLarge { bytes: ARCHIVE_BYTES_MAX + 1 })
        );
    }

    #[test]
    fn a_pack_that_does_not_fit_is_refused_with_its_size() {
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(33 + (state >> 33) as u8 % 90)
        };
        let table: String = (0..4 << 20).map(|_| noise()).collect();
        let files = [("tables/a.csv".to_owned(), table.clone()), ("tables/b.csv".to_owned(), table)].into();
        let refused = pack(&files).unwrap_err();
        assert!(matches!(refused, ArchiveError::TooLarge { bytes } if bytes > ARCHIVE_BYTES_MAX), "{refused}");
    }
}
