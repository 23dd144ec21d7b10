//! `fuma withdraw`: what waits, or is scheduled, is not to happen.
//!
//! Needs no key: it only leaves things as they are. With one it is said who did it. Owns the arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::agree::{awaited, by_key};
use super::place::PlaceArguments;
use super::refused;
use super::release::{ReleaseArguments, agreed};
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::decisions::Record;
use crate::live::decisions::basis::{Purpose, Signed, Withdrawn, is_text};

/// The arguments of `fuma withdraw`.
#[derive(Args, Clone, Debug)]
pub struct WithdrawArguments {
    /// What waits or is scheduled: its id, as `fuma policy list` shows it
    id: String,
    /// Why, on one line
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// The PEM file of your private key, so that the log says who
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    release: ReleaseArguments,
    #[command(flatten)]
    place: PlaceArguments,
}

pub(super) fn reason(text: &str) -> Result<String, String> {
    if is_text(text) { Ok(text.to_owned()) } else { Err("give a reason of one line, at most 500 bytes".to_owned()) }
}

/// Writes the withdrawal.
///
/// # Errors
/// When nothing waits under the id, it comes too late, or the log does not take it.
pub fn withdraw(arguments: &WithdrawArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let office = arguments.place.office()?;
    let seen = office.installation()?;
    let id = &arguments.id;
    let (digest, valid_from, _) = awaited(seen.fold.basis(), id)?;
    if seen.fold.basis().officials().is_none() {
        agreed(&office, &seen, id, arguments.release, screen)?;
    }
    let installation = seen.fold.basis().installation().to_owned();
    let signed = Signed { purpose: Purpose::Withdrawal, digest, valid_from, installation, preview: None };
    let by = arguments.sign.as_ref().map(|key| by_key(&seen, key, &signed)).transpose()?;
    let (official, signature) = by.unzip();
    let reason = arguments.reason.clone();
    let withdrawn = Withdrawn { proposal: id.clone(), reason, official, signature, at: seen.now_ms };
    let record = Record::Withdrawn(withdrawn);
    let after = office.write(&seen, None, &record)?;
    match after.event(&record).and_then(|event| event.void.clone()) {
        Some(void) => Err(refused(format!("the withdrawal of {id} counts for nothing: {void}"))),
        None => {
            screen.print(&format!("{id} is withdrawn\n"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
