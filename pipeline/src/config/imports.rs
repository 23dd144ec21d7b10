//! Folders in which others drop tables: what the configuration says of each.
//!
//! Owns its settings. What an object store would be is said by name, and refused: this build reads folders.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::values;
use crate::intake::is_owner;

const SETTLE: Duration = Duration::from_secs(10);
/// A file is not believed to be whole before this.
const SETTLE_MIN: Duration = Duration::from_millis(100);

/// A folder of tables, by the name that metrics and reports give it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportConfig {
    /// Where files are dropped.
    pub folder: String,
    /// The maps: files, or names of ready ones. Each file by each map.
    pub maps: Vec<String>,
    /// Whose records they are; none: the maps say so.
    pub owner: Option<String>,
    /// The timetable that the maps ask.
    pub timetable: Option<PathBuf>,
    /// The region codes, for maps with regions by name.
    pub codes: Option<PathBuf>,
    /// A file that has not changed for so long is whole.
    #[serde(default = "settle", deserialize_with = "values::duration")]
    pub settle: Duration,
}

fn settle() -> Duration {
    SETTLE
}

impl ImportConfig {
    /// What is wrong: the setting, and what to do.
    pub fn problems(&self, name: &str) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut hold = |holds: bool, setting: &'static str, message: &str| {
            if !holds {
                problems.push((setting, message.to_owned()));
            }
        };
        let is_name = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        hold(is_name, "folder", "the name of an import is 1 to 64 of a-z, 0-9 and '-'");
        let is_store = self.folder.contains("://");
        let message = "object stores are not read: bring the files to a folder (mount the bucket, or copy from it), \
                       and name that";
        hold(!is_store, "folder", message);
        hold(!self.folder.is_empty(), "folder", "give the folder in which the files are dropped");
        hold(!self.maps.is_empty(), "maps", "give one map at least: a file, or a name of `fuma import map`");
        let owner = self.owner.as_deref().unwrap_or("-");
        hold(is_owner(owner), "owner", "an owner is 1 to 64 of a-z, 0-9 and '-'");
        hold(self.settle >= SETTLE_MIN, "settle", "must be 100ms or more");
        problems
    }
}
