//! What tells a log from one that is made at the same place later: a number in a file beside its segments.
//!
//! Owns that file. Must never keep the number of a log whose segments are gone.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::segments::replace;

/// The file.
const FILE: &str = "id";

/// The number of a log; another one where it is just being made, or has none yet.
pub(super) fn of(folder: &Path, is_new: bool) -> io::Result<String> {
    let path = folder.join(FILE);
    let kept = if is_new { None } else { fs::read_to_string(&path).ok() };
    if let Some(id) = kept.map(|text| text.trim().to_owned()).filter(|id| !id.is_empty()) {
        return Ok(id);
    }
    // The keys of the standard library's tables are random.
    let id = format!("{:016x}", RandomState::new().hash_one(0_u64));
    replace(&path, format!("{id}\n").as_bytes())?;
    Ok(id)
}

/// One number for the partitions of a log.
pub(super) fn of_all<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    ids.for_each(|id| hasher.update(id.as_bytes()));
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_log_that_is_made_again_has_another_number() {
        let folder = tempfile::tempdir().unwrap();
        let first = of(folder.path(), true).unwrap();
        assert_eq!(of(folder.path(), false).unwrap(), first);
        let second = of(folder.path(), true).unwrap();
        assert_ne!(second, first);
        let all = |ids: [&str; 2]| of_all(ids.into_iter());
        assert_eq!(all([&first, &second]), all([&first, &second]));
        assert_ne!(all([&first, &second]), all([&first, &first]));
    }
}
