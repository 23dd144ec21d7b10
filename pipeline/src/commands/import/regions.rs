//! `fuma import regions`: the national list of risk areas to `regions.ndjson`, and what people have to look at.
//!
//! Owns the files and the summary; the translation is `fuma_connectors::regions`. Nothing is written before
//! everything was read. Rows that no event was made of are no failure: they stand in the review list and are counted
//! on standard error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use fuma_connectors::regions::{self, Import, ImportError, Input};

use super::super::CommandError;
use super::super::screen::Screen;

/// The arguments of `fuma import regions`. Inputs may be packed with gzip or zstd.
#[derive(Args, Clone, Debug)]
pub struct RegionsArguments {
    /// The differences between the lists, NDJSON: snapshot, published_at, saved_at, op, tier, previous_tier, names
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// The region codes, CSV: code (of 2, 4, 6 or 9 digits), name
    #[arg(long, value_name = "FILE")]
    codes: PathBuf,
    /// Where the events go, one JSON object a line
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where the rows go that no event was made of, CSV
    #[arg(long, value_name = "FILE")]
    review: PathBuf,
    /// Where the code that each area got goes, CSV
    #[arg(long, value_name = "FILE")]
    places: PathBuf,
    /// Names that the codes do not have, CSV: province, city, county, code, note; in place of those of this binary
    #[arg(long, value_name = "FILE")]
    aliases: Option<PathBuf>,
    /// The owner of the events
    #[arg(long, default_value = regions::OWNER)]
    owner: String,
    /// The authority of the events
    #[arg(long, default_value = regions::AUTHORITY)]
    authority: String,
}

/// Imports the list, writes the three files, and says what came of it.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub(super) fn run(arguments: &RegionsArguments, screen: &Screen) -> Result<(), CommandError> {
    let import = import(arguments)?;
    write(&arguments.out, &import.events)?;
    write(&arguments.review, &import.review_csv())?;
    write(&arguments.places, &import.places_csv())?;
    screen.remark(&summary(&import, &arguments.review))
}

fn import(arguments: &RegionsArguments) -> Result<Import, CommandError> {
    let snapshots = read(&arguments.list)?;
    let codes = read(&arguments.codes)?;
    let aliases = match &arguments.aliases {
        Some(path) => read(path)?,
        None => regions::ALIASES.as_bytes().to_vec(),
    };
    let input = Input {
        snapshots: &snapshots,
        codes: &codes,
        aliases: &aliases,
        owner: &arguments.owner,
        authority: &arguments.authority,
    };
    regions::import(&input).map_err(|error| CommandError::Input(error.to_string()))
}

/// What came of the list: the counts, and why rows are for review, the most frequent reason first.
fn summary(import: &Import, review: &Path) -> String {
    let mut text = String::new();
    for (name, count) in &import.counts {
        text.push_str(&format!("{:<20}{count:>8}\n", name.replace('_', " ")));
    }
    if import.review.is_empty() {
        return text;
    }
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    import.review.iter().for_each(|row| *reasons.entry(&row.reason).or_default() += 1);
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    text.push_str(&format!("no event was made of these rows; look at {}:\n", review.display()));
    for (reason, count) in reasons {
        text.push_str(&format!("{count:>8}  {reason}\n"));
    }
    text
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let unusable = |why: String| CommandError::Input(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    regions::unpacked(bytes).map_err(|error: ImportError| unusable(error.to_string()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    std::fs::write(path, bytes).map_err(|source| CommandError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
