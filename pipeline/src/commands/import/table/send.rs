//! Straight to the log: what was imported is sent as `fuma send` sends it, and what is acknowledged goes from the disk.
//!
//! Owns the folder in between, which the same command finds again. Must never take away what is not acknowledged, nor
//! the rejects.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::TableArguments;
use super::output::Folder;
use crate::commands::CommandError;
use crate::commands::kafka::KafkaArguments;
use crate::commands::screen::Screen;
use crate::tables::Map;

/// What is acknowledged of the files in the folder.
#[cfg(feature = "kafka")]
const SENT: &str = "fuma-import.sent";

/// The folder in between: the same for the same maps, owners and place of the log.
pub(super) fn folder<'m>(
    arguments: &TableArguments,
    maps: impl Iterator<Item = &'m Map>,
) -> Result<PathBuf, CommandError> {
    let mut digest = Sha256::new();
    for map in maps {
        digest.update(map.text.as_bytes());
        digest.update(map.owner.as_deref().unwrap_or_default().as_bytes());
    }
    for text in [&arguments.kafka.bootstrap, &arguments.kafka.prefix].into_iter().flatten() {
        digest.update(text.as_bytes());
    }
    let name: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("fuma-import-{name}"));
    let mut options = std::fs::DirBuilder::new();
    options.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut options, 0o700);
    options.create(&folder).map_err(|source| CommandError::Write { path: folder.clone(), source })?;
    Ok(folder)
}

/// Sends what is in the folder.
#[cfg(feature = "kafka")]
pub(super) fn run(kafka: &KafkaArguments, folder: &mut Folder, screen: &Screen) -> Result<(), CommandError> {
    let files = folder.feeds()?;
    if files.is_empty() {
        return screen.remark("nothing to send\n");
    }
    let sent = folder.path.join(SENT);
    let code = crate::commands::send::files(kafka, &files, &sent, screen)?;
    if code != std::process::ExitCode::SUCCESS {
        let text = "not everything was sent; the same command goes on from there".to_owned();
        return Err(CommandError::Other(text));
    }
    for path in files.iter().chain([&sent]) {
        std::fs::remove_file(path).map_err(|source| CommandError::Write { path: path.clone(), source })?;
    }
    screen.remark(&format!("rejects, and what was imported before, stay in {}\n", folder.path.display()))
}

/// Says that this build cannot.
#[cfg(not(feature = "kafka"))]
pub(super) fn run(_: &KafkaArguments, _: &mut Folder, _: &Screen) -> Result<(), CommandError> {
    Err(crate::commands::kafka::missing())
}
