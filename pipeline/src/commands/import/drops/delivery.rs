//! Records of a file to where intake reads them: the topics of the feeds, or a folder that is followed.
//!
//! Owns that nothing goes before all of the file is there. Must never take away what intake has not read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::prepared::Prepared;
use super::taking::make;
use crate::commands::CommandError;
use crate::commands::kafka::KafkaArguments;

/// Where records go.
pub(crate) enum Delivery {
    /// To Kafka, as `fuma send` brings them.
    Kafka(Box<KafkaArguments>),
    /// To a folder that intake follows; how far it is stands in this file.
    Followed(PathBuf),
}

/// How far a followed file is read.
#[derive(Deserialize)]
struct Position {
    bytes: u64,
}

impl Delivery {
    /// Brings the files of feeds there; twice is as good as once.
    pub(super) fn deliver(
        &self,
        prepared: &Prepared,
        feeds: &[PathBuf],
        work: &Path,
        key: &str,
    ) -> Result<(), CommandError> {
        match self {
            Delivery::Kafka(kafka) => send(kafka, feeds, work),
            Delivery::Followed(_) => {
                let folder = prepared.state.join("feeds");
                make(&folder)?;
                for path in feeds {
                    let feed = path.file_stem().unwrap_or_default().to_string_lossy();
                    let to = folder.join(format!("{feed}-{}.ndjson", key.get(..32).unwrap_or(key)));
                    fs::rename(path, &to).map_err(|source| CommandError::Write { path: to, source })?;
                }
                Ok(())
            }
        }
    }

    /// Takes away what intake has read to its end: it holds identities.
    pub(super) fn tidy(&self, prepared: &Prepared) -> Result<(), CommandError> {
        let Delivery::Followed(positions) = self else { return Ok(()) };
        let folder = prepared.state.join("feeds");
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        let files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        if files.is_empty() {
            return Ok(());
        }
        let read: BTreeMap<String, Position> =
            fs::read(positions).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let by_name = |path: &Path| {
            let name = path.file_name()?;
            read.iter()
                .find(|(known, _)| Path::new(known).file_name() == Some(name))
                .map(|(_, position)| position.bytes)
        };
        for path in files {
            let length = fs::metadata(&path).map_or(u64::MAX, |metadata| metadata.len());
            if by_name(&path).is_some_and(|bytes| bytes >= length) {
                fs::remove_file(&path).map_err(|source| CommandError::Write { path: path.clone(), source })?;
            }
        }
        Ok(())
    }
}

#[cfg(feature = "kafka")]
fn send(kafka: &KafkaArguments, feeds: &[PathBuf], work: &Path) -> Result<(), CommandError> {
    if feeds.is_empty() {
        return Ok(());
    }
    let screen = crate::commands::screen::Screen::silent();
    let code = crate::commands::send::files(kafka, feeds, &work.join("sent"), &screen)?;
    if code == std::process::ExitCode::SUCCESS {
        return Ok(());
    }
    Err(CommandError::Other("not everything was sent".to_owned()))
}

#[cfg(not(feature = "kafka"))]
fn send(_: &KafkaArguments, _: &[PathBuf], _: &Path) -> Result<(), CommandError> {
    Err(crate::commands::kafka::missing())
}
