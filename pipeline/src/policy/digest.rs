//! The digest of a pack: one number for what it decides by.
//!
//! SHA-256 over its files without `cases/`, by path: the length of the path as 8 bytes little-endian, the path, the
//! length of the contents likewise, the contents. Two packs of one digest decide alike.
//!
//! Owns the bytes that are hashed. Must never change: it stands in logs and positions.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// The digest of files by their path, as 64 hex digits.
pub fn digest(files: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (path, contents) in files.iter().filter(|(path, _)| !path.starts_with("cases/")) {
        for part in [path, contents] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(path, contents)| ((*path).to_string(), (*contents).to_string())).collect()
    }

    #[test]
    fn the_bytes_are_those_of_the_contract() {
        let mut bytes = Vec::new();
        for part in ["policy.toml", "id = 1", "rules/A.sql", "SELECT"] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        let expected: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let all = files(&[("rules/A.sql", "SELECT"), ("policy.toml", "id = 1"), ("cases/A.case", "case")]);
        assert_eq!(digest(&all), expected);
        assert_eq!(expected.len(), 64);
    }

    #[test]
    fn cases_do_not_decide_and_a_moved_border_does() {
        let one = files(&[("a", "bc"), ("d", "")]);
        assert_eq!(digest(&one), digest(&files(&[("a", "bc"), ("d", ""), ("cases/x.case", "y")])));
        assert_ne!(digest(&one), digest(&files(&[("ab", "c"), ("d", "")])));
    }
}
