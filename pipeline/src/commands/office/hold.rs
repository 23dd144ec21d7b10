//! `fuma hold --all`: the emergency stop, as a decision. Its release is approved like anything else that waits.
//!
//! Owns the arguments.

use std::process::ExitCode;

use clap::Args;

use super::place::PlaceArguments;
use super::refused;
use super::withdraw::reason;
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::decisions::Record;
use crate::live::decisions::basis::Held;

/// The arguments of `fuma hold`.
#[derive(Args, Clone, Debug)]
pub struct HoldArguments {
    /// Everything: evidence is read and judged on, and nothing is announced until the release is approved
    #[arg(long, required = true)]
    all: bool,
    /// Why, on one line
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Writes the hold.
///
/// # Errors
/// When the log does not take it.
pub fn hold(arguments: &HoldArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let office = arguments.place.office()?;
    let seen = office.installation()?;
    let basis = seen.fold.basis();
    let held = Held::new(basis.installation(), &arguments.reason, seen.now_ms);
    let (id, has_officials) = (held.id.clone(), basis.officials().is_some());
    let record = Record::Held(held);
    let after = office.write(&seen, None, &record)?;
    if let Some(void) = after.event(&record).and_then(|event| event.void.clone()) {
        return Err(refused(format!("the hold counts for nothing: {void}")));
    }
    let named = office.named();
    let release = match has_officials {
        true => format!("fuma approve {id} --sign KEY{named}"),
        false => format!("fuma withdraw {id} --reason TEXT{named}"),
    };
    screen.print(&format!("held as {id}\n  to release: {release}\n"))?;
    Ok(ExitCode::SUCCESS)
}
