//! `fuma policy new`: a small pack in a new folder, that passes the gate: to begin one's own from.
//!
//! Owns the files of `template/`. Must never write over what is there.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use include_dir::{Dir, include_dir};

use super::{UNUSABLE, export};
use crate::policy::PackSource;

static TEMPLATE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/commands/policy/template");
/// Stands in the template for the id.
const ID: &str = "PACK-ID";

/// The arguments of `fuma policy new`.
#[derive(clap::Args, Debug)]
pub struct NewArgs {
    /// The folder to make; it must not be there, or be empty.
    pub folder: PathBuf,
    /// The id of the pack: small letters, digits and hyphens; without it the name of the folder.
    #[arg(long)]
    pub id: Option<String>,
}

/// Writes the pack.
pub(super) fn begin(out: &mut dyn Write, args: &NewArgs) -> io::Result<ExitCode> {
    let folder = args.folder.display();
    let named = args.folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let id = args.id.clone().or(named).unwrap_or_default();
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_id {
        writeln!(out, "`{id}` is no id of a pack: give --id with small letters, digits and hyphens")?;
        return Ok(ExitCode::from(UNUSABLE));
    }
    if PackSource::built_in(&id).is_some() {
        writeln!(out, "`{id}` is a pack of this binary: give another --id")?;
        return Ok(ExitCode::from(UNUSABLE));
    }
    let source = template(&id);
    if let Err(reason) = export::write(&source, &args.folder) {
        writeln!(out, "{folder}: {reason}")?;
        return Ok(ExitCode::from(UNUSABLE));
    }
    writeln!(out, "{folder}: a pack with {} files. Change it, then: fuma policy check {folder}", source.files.len())?;
    Ok(ExitCode::SUCCESS)
}

/// The files of the template under an id.
fn template(id: &str) -> PackSource {
    let mut files = BTreeMap::new();
    collect(&TEMPLATE, id, &mut files);
    PackSource { name: id.to_owned(), files }
}

fn collect(dir: &Dir<'_>, id: &str, files: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        if let Some(text) = file.contents_utf8() {
            files.insert(path_of(file.path()), text.replace(ID, id));
        }
    }
    dir.dirs().for_each(|inner| collect(inner, id, files));
}

fn path_of(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
