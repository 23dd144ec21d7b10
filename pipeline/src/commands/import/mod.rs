//! `fuma import`: what others publish in their own form becomes feed files.
//!
//! Owns the arguments of the imports, one file each.

mod regions;
mod whole;

pub use regions::RegionsArguments;

use super::CommandError;
use super::screen::Screen;

/// The arguments of `fuma import`.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum ImportCommand {
    /// The national list of risk areas, which has names, to events of the feed regions, which have codes
    Regions(RegionsArguments),
}

/// Imports.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub fn run(command: &ImportCommand, screen: &Screen) -> Result<(), CommandError> {
    match command {
        ImportCommand::Regions(arguments) => regions::run(arguments, screen),
    }
}
