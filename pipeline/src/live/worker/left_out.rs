//! Who cannot be judged and keeps what was announced: listed in a file of the state folder for an operator, one a line.
//!
//! ```text
//! <state>/left-out-p0003.txt      token, and why: crowded, or the rule that fails
//! ```
//!
//! Owns the files, readable by the owner of the process alone. Must never hold up a commit for long: it is written when
//! somebody came or went, at most every few seconds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::owned::Owned;
use crate::assess::Why;
use crate::live::private_file;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);

/// What was listed last.
#[derive(Debug, Default)]
pub(super) struct LeftOutLists {
    looked: Duration,
    listed: BTreeMap<u32, Vec<u32>>,
}

impl LeftOutLists {
    /// Lists those of whom it is not known yet, and says once that there are some.
    pub(super) fn turn(&mut self, owned: &BTreeMap<u32, Owned>, state: &Path, elapsed: Duration) {
        if elapsed.saturating_sub(self.looked) < EVERY {
            return;
        }
        self.looked = elapsed;
        self.listed.retain(|partition, _| owned.contains_key(partition));
        for owned in owned.values() {
            let people: Vec<u32> = owned.partition.left_out().people().map(|(person, _)| person).collect();
            if self.listed.get(&owned.id).map_or(people.is_empty(), |listed| *listed == people) {
                continue;
            }
            let path = path(state, owned.id);
            match list(owned, &path) {
                Ok(()) => tracing::warn!(
                    partition = owned.id,
                    people = people.len(),
                    listed = %path.display(),
                    "people who cannot be judged keep the state that was announced"
                ),
                Err(error) => {
                    tracing::warn!(partition = owned.id, %error, "people who cannot be judged are not listed")
                }
            }
            self.listed.insert(owned.id, people);
        }
    }
}

fn path(state: &Path, partition: u32) -> PathBuf {
    state.join(format!("left-out-p{partition:04}.txt"))
}

fn list(owned: &Owned, path: &Path) -> std::io::Result<()> {
    let mut file = private_file(path)?;
    for (person, why) in owned.partition.left_out().people() {
        let Some(token) = owned.partition.evidence().person(person) else { continue };
        match why {
            Why::Crowded => writeln!(file, "{token} crowded")?,
            Why::Failed { rule } => writeln!(file, "{token} {rule}")?,
        }
    }
    file.flush()
}
