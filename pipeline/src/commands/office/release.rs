//! The release of an emergency stop: first it is shown what it announces, then somebody says yes.
//!
//! The counts are those that the processes said last; a partition of which nobody says them is named, since a count
//! that is missing is not zero. Owns the question. Must never announce, nor sign.

use std::io::IsTerminal as _;

use clap::Args;
use console::Term;
use fuma_schemas::Instant;

use super::place::{Office, Seen};
use super::refused;
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::status::answer::of_release;

/// Whether somebody has to be asked.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct ReleaseArguments {
    /// Release an emergency stop without being asked; what it announces is shown all the same
    #[arg(long)]
    pub(super) yes: bool,
}

/// Where the id is that of an emergency stop: shows what its release announces, and asks.
///
/// # Errors
/// When nobody can be asked, or the answer is no.
pub(super) fn agreed(
    office: &Office,
    seen: &Seen,
    id: &str,
    asked: ReleaseArguments,
    screen: &Screen,
) -> Result<(), CommandError> {
    if !seen.fold.basis().holds().any(|hold| hold.held.id == id) {
        return Ok(());
    }
    let partitions = seen.fold.installation().map_or(0, |installation| installation.partitions);
    let (withheld, missing) = of_release(office.statuses()?, partitions, Instant(seen.now_ms));
    let mut text = withheld.lines().join("\n") + "\n";
    for (partition, why) in &missing {
        text.push_str(&format!("not counted: partition {partition}: {why}\n"));
    }
    screen.print(&text)?;
    if asked.yes {
        return Ok(());
    }
    let terminal = Term::stderr();
    if !std::io::stdin().is_terminal() || !terminal.is_term() {
        return Err(refused(format!("nothing was released: look at the counts above, then give --yes with {id}")));
    }
    let answer = terminal.write_str("announce this? (yes/no) ").and_then(|()| terminal.read_line());
    match answer {
        Ok(answer) if answer.trim() == "yes" => Ok(()),
        Ok(_) => Err(refused("nothing was released")),
        Err(error) => Err(CommandError::Other(format!("the answer cannot be read: {error}"))),
    }
}
