//! Where a pack's files come from: a folder, or the binary itself.
//!
//! Owns reading; what is in the files is others' business. The only place of this folder that does I/O.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::PackError;

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
        let dir = BUILT_IN.get_dir(id)?;
        let mut files = BTreeMap::new();
        collect_built_in(dir, id, &mut files);
        Some(PackSource { name: id.to_string(), files })
    }

    /// A folder. What begins with a dot is not looked at.
    pub fn folder(path: &Path) -> Result<PackSource, PackError> {
        let name = path.display().to_string();
        let mut files = BTreeMap::new();
        for folder in ["", "views", "rules", "tables", "cases", "tracing"] {
            collect_folder(path, folder, &mut files)?;
        }
        if !files.contains_key("policy.toml") {
            return Err(PackError::of(
                &format!("{name}/policy.toml"),
                "not found: a pack is a folder with a policy.toml",
            ));
        }
        Ok(PackSource { name, files })
    }

    /// An id of the binary, or a folder: what `--policy` takes.
    pub fn find(id_or_folder: &str) -> Result<PackSource, PackError> {
        if let Some(source) = PackSource::built_in(id_or_folder) {
            return Ok(source);
        }
        let path = Path::new(id_or_folder);
        if path.is_dir() {
            return PackSource::folder(path);
        }
        let known = PackSource::built_in_ids().join(", ");
        Err(PackError::of(id_or_folder, format!("neither a pack of this binary ({known}) nor a folder")))
    }

    /// The files of one folder of the pack, by name.
    pub fn in_folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
            .map(|(path, contents)| (path.as_str(), contents.as_str()))
    }
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

fn collect_folder(pack: &Path, folder: &str, files: &mut BTreeMap<String, String>) -> Result<(), PackError> {
    let path = if folder.is_empty() { pack.to_path_buf() } else { pack.join(folder) };
    if !path.is_dir() {
        return Ok(());
    }
    let unreadable =
        |error: std::io::Error| PackError::of(&path.display().to_string(), format!("cannot be read: {error}"));
    for entry in std::fs::read_dir(&path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !entry.path().is_file() {
            continue;
        }
        let relative = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let text = std::fs::read_to_string(entry.path())
            .map_err(|error| PackError::of(&relative, format!("cannot be read as UTF-8 text: {error}")))?;
        files.insert(relative, text);
    }
    Ok(())
}
