//! Records that may be sent: which files, and what of them is of no use.
//!
//! Owns the refusals. What the records would do is `crate::preview`'s.

use std::path::PathBuf;
use std::sync::Arc;

use fuma_connectors::files;
use fuma_schemas::{Feed, Instant};

use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::intake::Settings;
use crate::preview::Batch;
use crate::replay::Source;

/// The feed files.
///
/// # Errors
/// When one is none, or --regions names a file of another feed.
pub(super) fn sources(regions: &[PathBuf], records: &[PathBuf]) -> Result<Vec<Source>, CommandError> {
    let mut sources = Vec::new();
    for (paths, is_regions) in [(regions, true), (records, false)].into_iter().filter(|(paths, _)| !paths.is_empty()) {
        for file in files::find(paths)?.files {
            if is_regions && file.feed != Feed::Regions {
                let (name, feed) = (&file.name, file.feed.name());
                return Err(CommandError::Input(format!(
                    "--regions {name}: the name says that it holds {feed}; other records than tiers are --records"
                )));
            }
            sources.push(Source::File(file));
        }
    }
    Ok(sources)
}

/// Reads them; says on standard error how many are rejected.
///
/// # Errors
/// When one cannot be read to its end, no record is of use, or one becomes known only after the instant.
pub(super) fn read(
    (sources, settings, partitions): (&[Source], &Arc<Settings>, usize),
    at: Instant,
    screen: &Screen,
) -> Result<Batch, CommandError> {
    let batch = Batch::read(sources, settings, partitions)?;
    if batch.rejected > 0 {
        let (rejected, accepted) = (batch.rejected, batch.accepted);
        let said = format!("{accepted} records are accepted; {rejected} are rejected, and do nothing\n");
        // Standard error may be closed; the preview goes on.
        drop(screen.remark(&said));
    }
    match batch.last {
        None => Err(CommandError::Input("no record of these files is of use: nothing is previewed".to_owned())),
        Some(last) if last > at => Err(CommandError::Input(format!(
            "a record becomes known at {last}, after {at}: give a later --at, or nothing of it would be seen"
        ))),
        Some(_) => Ok(batch),
    }
}
