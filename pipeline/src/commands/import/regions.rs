//! `fuma import regions`: the national list of risk areas to `regions.ndjson`, and what people have to look at.
//!
//! Owns the files and the summary; the translation is `fuma_connectors::regions`. Nothing is written before everything
//! was read, and nothing over a good file if no event came of the list. Rows that no event was made of are no failure:
//! they stand in the review list and are counted on standard error.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use fuma_connectors::regions::{self, Import, Input};

use super::super::CommandError;
use super::super::screen::Screen;
use super::whole;

/// The fields of a row of the list.
const FIELDS: &str = "snapshot, published_at, saved_at, op, tier, previous_tier, province, city, county and area_name";

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
/// When an input is unusable, nothing came of it, or an output cannot be written: then all three files stay as they
/// were.
pub(super) fn run(arguments: &RegionsArguments, screen: &Screen) -> Result<(), CommandError> {
    let import = import(arguments)?;
    if let Some(line) = import.cut_short {
        return Err(CommandError::Input(cut_short(line, arguments)));
    }
    if import.events.is_empty() {
        return Err(CommandError::Input(nothing(&import, arguments)));
    }
    let unfinished = [
        whole::write(&arguments.out, &import.events)?,
        whole::write(&arguments.review, &import.review_csv())?,
        whole::write(&arguments.places, &import.places_csv())?,
    ];
    unfinished.into_iter().try_for_each(whole::Unfinished::finish)?;
    screen.remark(&summary(&import, arguments))
}

/// A list that ends in the middle of a row says of all areas behind it that they are in no tier.
fn cut_short(line: u64, arguments: &RegionsArguments) -> String {
    let (list, out) = (arguments.list.display(), arguments.out.display());
    let advice = format!("Fetch the list again. Nothing is written: {out} is as it was");
    format!("{list}: the file is cut short: line {line}, its last, ends in the middle of a row. {advice}")
}

/// Why no event came of a list, in words.
fn nothing(import: &Import, arguments: &RegionsArguments) -> String {
    let (list, out) = (arguments.list.display(), arguments.out.display());
    let what = match (import.counts.get("rows"), import.review.first()) {
        (None, _) => "it is empty".to_owned(),
        (Some(rows), Some(first)) => {
            format!("none of its {rows} rows became an event; line {}: {}", first.line, first.reason)
        }
        (Some(rows), None) => format!("none of its {rows} rows says anything new"),
    };
    format!("{list}: {what}. The list must be lines of JSON with {FIELDS}. Nothing is written: {out} is as it was")
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

/// What came of the list, and why rows are for review, the most frequent reason first.
fn summary(import: &Import, arguments: &RegionsArguments) -> String {
    let count = |name: &str| import.counts.get(name).copied().unwrap_or_default();
    let mut text = format!("{} rows became {} events\n", count("rows"), count("events"));
    if count("repetitions") > 0 {
        text.push_str(&format!("{} rows only repeat what stands\n", count("repetitions")));
    }
    text.push_str(&format!("{} areas are in the code table\n", count("areas_with_a_code")));
    if count("areas_given_a_code") > 0 {
        text.push_str(&format!(
            "{} areas are not in the code table and got a made-up code (see {}): a stay cannot meet them, \
             unless its source uses these codes\n",
            count("areas_given_a_code"),
            arguments.places.display()
        ));
    }
    if import.review.is_empty() {
        return text;
    }
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    import.review.iter().for_each(|row| *reasons.entry(&row.reason).or_default() += 1);
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let (rows, review) = (import.review.len(), arguments.review.display());
    text.push_str(&format!("{rows} rows became no event and need a person to look at them: see {review}\n"));
    for (reason, count) in reasons {
        text.push_str(&format!("{count:>8}  {reason}\n"));
    }
    text
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let unusable = |why: String| CommandError::Input(format!("{}: {why}", path.display()));
    let cannot = |error: std::io::Error| unusable(format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(regions::UNPACKED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > regions::UNPACKED_BYTES_MAX {
        return Err(unusable(regions::ImportError::TooLarge.to_string()));
    }
    regions::unpacked(bytes).map_err(|error| unusable(error.to_string()))
}

#[cfg(test)]
mod tests;
