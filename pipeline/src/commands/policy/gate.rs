//! A pack by its id or folder, and what is said when it cannot be loaded.
//!
//! Owns the words of the refusal. Whether a pack may be used is `admission`'s.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use super::UNUSABLE;
use crate::policy::{self, Pack, PackError, PackSource};

pub(super) fn load(id_or_folder: &str) -> Result<Arc<Pack>, PackError> {
    policy::load(&PackSource::find(id_or_folder)?)
}

pub(super) fn refuse(out: &mut dyn Write, pack: &str, error: &PackError) -> io::Result<ExitCode> {
    writeln!(out, "{pack}: refused\n  {error}")?;
    Ok(ExitCode::from(UNUSABLE))
}
