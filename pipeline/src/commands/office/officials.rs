//! `fuma policy officials`: the list that holds, or another one proposed to those who are on it.
//!
//! Owns the file: `[[officials]]` and `[quorum]`, as in the configuration.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::place::PlaceArguments;
use super::{refused, shown};
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::decisions::Record;
use crate::live::decisions::basis::{Officials, Proposed, Seen, What};

/// The arguments of `fuma policy officials`.
#[derive(Args, Clone, Debug)]
pub struct OfficialsArguments {
    /// A TOML file with the whole new list: [[officials]] and [quorum]; without it the list that holds is shown
    file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Shows the list, or proposes another one.
///
/// # Errors
/// When the list cannot be used, or the log does not take it.
pub fn officials(arguments: &OfficialsArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let office = arguments.place.office()?;
    let seen = office.installation()?;
    let basis = seen.fold.basis();
    let Some(file) = &arguments.file else {
        screen.print(&shown::officials(basis.officials()))?;
        return Ok(ExitCode::SUCCESS);
    };
    let text = std::fs::read_to_string(file).map_err(|source| CommandError::Read { path: file.clone(), source })?;
    let wrong = |text: String| CommandError::Input(format!("{}: {text}", file.display()));
    let list: Officials = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if let Some(problem) = list.problem() {
        return Err(wrong(problem));
    }
    let what = What::Officials { list, revision: basis.revision() };
    if let Some(void) = basis.refusal(&what, seen.now_ms, &Seen::default(), seen.now_ms) {
        return Err(refused(void.to_string()));
    }
    let proposed = Proposed::new(basis.installation(), what, seen.now_ms, Seen::default(), seen.now_ms);
    let id = proposed.id.clone();
    let record = Record::Proposed(proposed);
    let after = office.write(&seen, None, &record)?;
    if let Some(void) = after.event(&record).and_then(|event| event.void.clone()) {
        return Err(refused(format!("the list counts for nothing: {void}")));
    }
    screen.print(&format!("proposed another list of officials as {id}\n{}", shown::waiting(&after, &id, &office)))?;
    Ok(ExitCode::SUCCESS)
}
