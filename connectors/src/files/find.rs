//! From folders and files to the feed files, in the order of the contract.
//!
//! Owns which names are feeds. Must never open a file.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fuma_schemas::Feed;

use super::{FeedFile, FileError, Format};

/// The feed and the format of a file with this base name; none if it is no feed.
///
/// FEEDS.md section 3 lists `<feed>.ndjson` "also .gz, .zst, .csv, .parquet". A packed table is not among them, so
/// `cases.csv.gz` is no feed. Names are matched byte by byte.
pub fn feed_of(name: &str) -> Option<(Feed, Format)> {
    let (stem, ending) = name.split_once('.')?;
    let format = match ending {
        "ndjson" => Format::Lines,
        "ndjson.gz" => Format::GzipLines,
        "ndjson.zst" => Format::ZstdLines,
        "csv" => Format::Csv,
        "parquet" => Format::Parquet,
        _ => return None,
    };
    Some((Feed::parse(stem)?, format))
}

/// The feed files among the paths: a file itself, of a folder the files in it. Ordered by the name of the feed, of
/// the file (bytes), then as given.
///
/// Files that are no feed are not looked at, one that is named outright neither; nor are folders in a folder. A path
/// that does not exist is an error. Who wants to tell the user of a file passed over asks [`feed_of`].
pub fn find(paths: &[PathBuf]) -> Result<Vec<FeedFile>, FileError> {
    let mut found = Vec::new();
    for path in paths {
        let cannot = |source| FileError::Open { path: path.display().to_string(), source };
        if fs::metadata(path).map_err(cannot)?.is_dir() {
            for entry in fs::read_dir(path).map_err(cannot)? {
                find_in_folder(&entry.map_err(cannot)?.path(), &mut found)?;
            }
        } else {
            found.extend(feed_file(path));
        }
    }
    found.sort_by(order);
    Ok(found)
}

fn find_in_folder(path: &Path, found: &mut Vec<FeedFile>) -> Result<(), FileError> {
    let Some(file) = feed_file(path) else { return Ok(()) };
    let cannot = |source: io::Error| FileError::Open { path: path.display().to_string(), source };
    if !fs::metadata(path).map_err(cannot)?.is_dir() {
        found.push(file);
    }
    Ok(())
}

fn feed_file(path: &Path) -> Option<FeedFile> {
    let name = path.file_name()?.to_str()?;
    let (feed, format) = feed_of(name)?;
    Some(FeedFile { feed, name: name.to_owned(), path: path.to_owned(), format })
}

/// Stable sorting keeps two of one name as they were given.
fn order(a: &FeedFile, b: &FeedFile) -> Ordering {
    a.feed.cmp(&b.feed).then_with(|| a.name.as_bytes().cmp(b.name.as_bytes()))
}
