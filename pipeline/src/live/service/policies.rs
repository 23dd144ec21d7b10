//! Which pack an older build put in force: its records in the reference log of packs.
//!
//! A pack's number was the number of switches up to it: records of one pack in a row are one switch. Where an older
//! build counted, the numbers go on; what is in force since is decided (`live/decisions/basis`).
//!
//! Owns what these records mean. Must never choose a pack, nor write such a record.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::live::packs;

/// The version of the engine: what it makes of evidence and a pack changes with it. It is raised by the commit that
/// changes a result, so that an upgrade judges everybody anew and does not take the difference for a fault
/// . Compared as a version: a lower one refuses what a higher one judged.
pub const ENGINE: &str = "0.2.0";

/// A record of the log of packs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InForce {
    /// The first 16 digits of the digest.
    pub pack: String,
    /// The id, for people.
    pub id: String,
    /// The version, for people.
    pub version: String,
    /// The fingerprint of the key of the person tokens; none in records of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Whether every record of the log is one that this build knows.
///
/// # Errors
/// Names the first that is not: the order of the packs hangs on all of them.
pub fn understood(records: &[Bytes]) -> Result<(), String> {
    let is_known = |record: &Bytes| serde_json::from_slice::<InForce>(record).is_ok() || packs::is_record(record);
    let unknown = records.iter().position(|record| !is_known(record));
    unknown.map_or(Ok(()), |place| {
        Err(format!(
            "record {place} of the log of packs is not one that this build knows: a newer fuma wrote it, or something \
             else writes to the topic. Start a build that is at least as new"
        ))
    })
}

/// The key under which the log is written, by its fingerprint: the first that was named.
pub fn key_of(records: &[Bytes]) -> Option<String> {
    records.iter().find_map(|record| serde_json::from_slice::<InForce>(record).ok()?.key)
}

/// Where a pack stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In force, with its number.
    InForce(u64),
    /// Was in force until another came.
    Superseded,
    /// Never seen.
    New,
}

/// Where a pack stands in the log.
pub fn place(pack: &str, records: &[Bytes]) -> Place {
    let mut runs: Vec<String> = Vec::new();
    for in_force in records.iter().filter_map(|record| serde_json::from_slice::<InForce>(record).ok()) {
        if runs.last() != Some(&in_force.pack) {
            runs.push(in_force.pack);
        }
    }
    match runs.iter().rposition(|run| run == pack) {
        Some(at) if at + 1 == runs.len() => Place::InForce(runs.len() as u64),
        Some(_) => Place::Superseded,
        None => Place::New,
    }
}

/// The id and version of the pack in force, for people.
pub fn newest(records: &[Bytes]) -> String {
    let newest = records.iter().filter_map(|record| serde_json::from_slice::<InForce>(record).ok()).next_back();
    newest.map_or_else(|| "another one".to_owned(), |pack| format!("{} {}", pack.id, pack.version))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn records(packs: &[&str]) -> Vec<Bytes> {
        let of = |pack: &&str| InForce { pack: (*pack).into(), id: "p".into(), version: "1".into(), key: None };
        packs.iter().map(|pack| serde_json::to_vec(&of(pack)).unwrap().into()).collect()
    }

    #[test]
    fn processes_that_start_together_agree() {
        assert_eq!(place("b", &records(&["a", "b", "b"])), Place::InForce(2));
        assert_eq!(place("a", &records(&["a"])), Place::InForce(1));
        assert_eq!(place("a", &[]), Place::New);
    }

    #[test]
    fn who_was_followed_by_another_is_superseded_until_put_in_force_again() {
        assert_eq!(place("a", &records(&["a", "b"])), Place::Superseded);
        assert_eq!(place("a", &records(&["a", "b", "a"])), Place::InForce(3));
        assert_eq!(place("b", &records(&["a", "b", "a"])), Place::Superseded);
    }

    #[test]
    fn a_record_that_is_not_known_is_named() {
        let mut all = records(&["a"]);
        assert_eq!(understood(&all), Ok(()));
        all.push(Bytes::from_static(b"{\"approval\":1}"));
        assert!(understood(&all).unwrap_err().contains("record 1 of the log of packs"));
    }

    #[test]
    fn the_first_key_that_was_named_holds() {
        let mut all = records(&["a"]);
        assert_eq!(key_of(&all), None, "records of format 1 name none");
        for key in ["0102", "0304"] {
            let of = InForce { pack: "a".into(), id: "p".into(), version: "1".into(), key: Some(key.into()) };
            all.push(serde_json::to_vec(&of).unwrap().into());
        }
        assert_eq!(key_of(&all).as_deref(), Some("0102"));
        assert_eq!(place("a", &all), Place::InForce(1), "one pack in a row is one switch");
    }
}
