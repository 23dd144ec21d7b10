//! From folders and files to the feed files, in the order of the contract, and what was passed over.
//!
//! Owns what a path on a command line means. Must never open a file.

use std::cmp::Ordering;
use std::fmt;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use super::name::{NAMES, feed_names, feed_of, name_meant};
use super::{FeedFile, FileError};

/// As many names are given in an error or a list of what was passed over.
const NAMES_SHOWN: usize = 20;

/// What some paths hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// By the name of the feed, of the file (bytes), then as given. At least one.
    pub files: Vec<FeedFile>,
    /// What else lies in the folders, by name.
    pub passed_over: Vec<PassedOver>,
}

/// A file of a folder that is no feed file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PassedOver {
    /// Its base name.
    pub name: String,
    /// Why it is none.
    why: Why,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Why {
    /// By its name; it may have meant another one.
    Name(Option<String>),
    /// It has the name of one, and is a folder, a pipe or a device.
    NoFile,
    /// It has the name of one, and is a link to what is not there.
    NoTarget,
    /// A folder without a feed file.
    Empty,
}

impl PassedOver {
    /// A file of a folder; none if it is a feed file by its name.
    pub fn by_name(name: &Path) -> Option<PassedOver> {
        let name = name.file_name()?;
        let text = name.to_string_lossy().into_owned();
        feed_of(name.as_encoded_bytes()).is_none().then(|| PassedOver { why: Why::Name(name_meant(&text)), name: text })
    }

    /// What has the name of a feed file and holds none: none if it does not exist (any more).
    pub fn by_kind(path: &Path) -> Option<PassedOver> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let why = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => return None,
            Ok(_) => Why::NoFile,
            Err(_) => fs::symlink_metadata(path).ok().filter(fs::Metadata::is_symlink).map(|_| Why::NoTarget)?,
        };
        Some(PassedOver { name, why })
    }

    /// Whether it looks as if a feed file was meant.
    pub fn is_suspect(&self) -> bool {
        self.why != Why::Name(None)
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.why {
            Why::Name(Some(meant)) => write!(f, "{name}: not a feed; did you mean {meant}?"),
            Why::Name(None) => write!(f, "{name}: not a feed"),
            Why::NoFile => write!(f, "{name}: has the name of a feed file, and is not a regular file"),
            Why::NoTarget => {
                write!(f, "{name}: has the name of a feed file, and is a link to a file that cannot be found")
            }
            Why::Empty => write!(f, "{name}: no feed file in this folder"),
        }
    }
}

impl Found {
    /// A line for each that was passed over, those first that may have meant a feed; of very many the first.
    pub fn notice(&self) -> String {
        let mut named: Vec<&PassedOver> = self.passed_over.iter().collect();
        named.sort_by_key(|passed| !passed.is_suspect());
        let suspects = named.iter().filter(|passed| passed.is_suspect()).count();
        let shown = NAMES_SHOWN.max(suspects);
        let mut text: String = named.iter().take(shown).map(|passed| format!("passed over {passed}\n")).collect();
        if named.len() > shown {
            text.push_str(&format!("passed over {} more files that are no feeds\n", named.len() - shown));
        }
        text
    }
}

/// The feed files among the paths: a file itself, of a folder the files in it.
///
/// Other files of a folder are passed over and named, folders in it are not looked at. A path that does not exist, a
/// file that is given by name and is no feed file, and nothing to read at all are errors.
pub fn find(paths: &[PathBuf]) -> Result<Found, FileError> {
    let mut found = Found::default();
    for path in paths {
        let cannot = |source| FileError::Open { path: path.display().to_string(), source };
        if !fs::metadata(path).map_err(cannot)?.is_dir() {
            let file = feed_file(path).ok_or_else(|| no_feed(path))?;
            found.files.push(file);
            continue;
        }
        let before = found.files.len();
        for entry in fs::read_dir(path).map_err(cannot)? {
            find_in_folder(&entry.map_err(cannot)?.path(), &mut found)?;
        }
        if found.files.len() == before {
            found.passed_over.push(PassedOver { name: path.display().to_string(), why: Why::Empty });
        }
    }
    if found.files.is_empty() {
        return Err(nothing(paths, &found));
    }
    found.files.sort_by(order);
    found.passed_over.sort();
    Ok(found)
}

fn find_in_folder(path: &Path, found: &mut Found) -> Result<(), FileError> {
    let kind = || -> Result<FileType, FileError> {
        let cannot = |source| FileError::Open { path: path.display().to_string(), source };
        Ok(fs::metadata(path).map_err(cannot)?.file_type())
    };
    match feed_file(path) {
        Some(file) if kind()?.is_file() => found.files.push(file),
        Some(file) => found.passed_over.push(PassedOver { name: file.name, why: Why::NoFile }),
        None if path.is_dir() => {}
        None => found.passed_over.extend(PassedOver::by_name(path)),
    }
    Ok(())
}

fn feed_file(path: &Path) -> Option<FeedFile> {
    let name = path.file_name()?;
    let (feed, format) = feed_of(name.as_encoded_bytes())?;
    Some(FeedFile { feed, name: name.to_string_lossy().into_owned(), path: path.to_owned(), format })
}

fn no_feed(path: &Path) -> FileError {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let meant = name_meant(&name).map_or_else(|| ".".to_owned(), |meant| format!("; did you mean {meant}?"));
    FileError::NoFeed { path: path.display().to_string(), meant }
}

fn nothing(paths: &[PathBuf], found: &Found) -> FileError {
    let in_folders = found.passed_over.iter().filter(|passed| passed.why != Why::Empty);
    let mut names: Vec<String> = in_folders.map(ToString::to_string).collect();
    names.sort();
    let held = match names.len() {
        0 => "found nothing.".to_owned(),
        count if count > NAMES_SHOWN => {
            format!("found {}; and {} more.", names[..NAMES_SHOWN].join("; "), count - NAMES_SHOWN)
        }
        _ => format!("found {}", names.join("; ")),
    };
    let held = if held.ends_with(['?', '.']) { held } else { format!("{held}.") };
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    FileError::Nothing { paths: paths.join(", "), held, names: format!("{NAMES}. Feeds: {}", feed_names()) }
}

/// Stable sorting keeps two of one name as they were given.
fn order(a: &FeedFile, b: &FeedFile) -> Ordering {
    a.feed.cmp(&b.feed).then_with(|| a.name.as_bytes().cmp(b.name.as_bytes()))
}
