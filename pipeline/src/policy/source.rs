//! Where a pack's files come from: a folder, or the binary itself.
//!
//! Owns reading; what is in the files is others' business. The only place of this folder that does I/O.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::near::did_you_mean;
use super::{PackError, digest, files};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/policies");

/// The files of a pack by their path relative to it, with `/` between folders.
#[derive(Clone, Debug, Default)]
pub struct PackSource {
    /// The name for messages: an id or a folder.
    pub name: String,
    /// Contents by relative path.
    pub files: BTreeMap<String, String>,
}

impl PackSource {
    /// The ids of the packs in the binary.
    pub fn built_in_ids() -> Vec<String> {
        let name = |dir: &Dir<'_>| dir.path().file_name().map(|name| name.to_string_lossy().into_owned());
        let mut ids: Vec<String> = BUILT_IN.dirs().filter_map(name).collect();
        ids.sort();
        ids
    }

    /// A pack of the binary.
    pub fn built_in(id: &str) -> Option<PackSource> {
        let dir = BUILT_IN.get_dir(id).filter(|_| !id.contains('/'))?;
        let mut files = BTreeMap::new();
        collect_built_in(dir, id, &mut files);
        Some(PackSource { name: id.to_string(), files })
    }

    /// A folder. What editors leave behind is passed over; what has no place in a pack is refused by name.
    ///
    /// # Errors
    /// When it is no folder of a pack, or a file in it cannot be read.
    pub fn folder(path: &Path) -> Result<PackSource, PackError> {
        let name = path.display().to_string();
        if !path.join(files::MANIFEST).is_file() {
            return Err(no_manifest(path));
        }
        let mut found = BTreeMap::new();
        for (entry, is_folder) in entries(path, &name)? {
            if !is_folder {
                files::check_file(&entry)?;
                found.insert(entry.clone(), read(&path.join(&entry), &entry)?);
                continue;
            }
            files::check_folder(&entry)?;
            for (file, is_folder) in entries(&path.join(&entry), &entry)? {
                let relative = format!("{entry}/{file}");
                files::check_file(&if is_folder { format!("{relative}/") } else { relative.clone() })?;
                found.insert(relative.clone(), read(&path.join(&relative), &relative)?);
            }
            if found.len() > files::FILES_MAX {
                return Err(PackError::of(&entry, format!("a pack has at most {} files", files::FILES_MAX)));
            }
        }
        Ok(PackSource { name, files: found })
    }

    /// An id of the binary, or a folder: what `--policy` takes.
    ///
    /// # Errors
    /// When there is neither.
    pub fn find(id_or_folder: &str) -> Result<PackSource, PackError> {
        if let Some(source) = PackSource::built_in(id_or_folder) {
            return Ok(source);
        }
        let path = Path::new(id_or_folder);
        if path.exists() {
            return PackSource::folder(path);
        }
        let ids = PackSource::built_in_ids();
        let hint = did_you_mean(id_or_folder, ids.iter().map(String::as_str));
        let known = ids.join(", ");
        let reason = format!("no such pack. Packs of this binary: {known}{hint} Or give the folder of a pack");
        Err(PackError::of(id_or_folder, reason.replace(" Or", if hint.is_empty() { ". Or" } else { " Or" })))
    }

    /// The files of one folder of the pack, by name.
    pub fn in_folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
            .map(|(path, contents)| (path.as_str(), contents.as_str()))
    }

    /// The digest of what the pack decides by, as 64 hex digits.
    pub fn digest(&self) -> String {
        digest::digest(&self.files)
    }
}

/// Why a path is no pack, and where one may be.
fn no_manifest(path: &Path) -> PackError {
    let name = path.display().to_string();
    let parent = path.parent().filter(|parent| parent.join(files::MANIFEST).is_file());
    if let Some(parent) = parent {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        return PackError::of(&name, format!("is a part of a pack: give its folder, {}", parent.display()));
    }
    let what = if path.is_dir() { "no policy.toml in it" } else { "is no folder" };
    PackError::of(&name, format!("{what}: a pack is a folder with policy.toml, rules/ and cases/"))
}

fn collect_built_in(dir: &Dir<'_>, id: &str, files: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        let path = file.path().strip_prefix(id).unwrap_or(file.path());
        if let Some(text) = file.contents_utf8() {
            files.insert(path.to_string_lossy().replace('\\', "/"), text.to_string());
        }
    }
    for inner in dir.dirs() {
        collect_built_in(inner, id, files);
    }
}

/// The names in a folder and whether each is a folder, sorted, without leftovers.
fn entries(path: &Path, relative: &str) -> Result<Vec<(String, bool)>, PackError> {
    let unreadable = |error: std::io::Error| PackError::of(relative, format!("cannot be read: {error}"));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !files::is_leftover(&name) {
            names.push((name, entry.path().is_dir()));
        }
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path, relative: &str) -> Result<String, PackError> {
    let unreadable = |error: std::io::Error| PackError::of(relative, format!("cannot be read: {error}"));
    if !path.is_file() {
        return Err(PackError::of(relative, "is neither a file nor a folder"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(files::FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > files::FILE_BYTES_MAX {
        return Err(PackError::of(relative, format!("is larger than {} bytes", files::FILE_BYTES_MAX)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        PackError::at(relative, line, "is no UTF-8 text: save it as UTF-8")
    })
}
