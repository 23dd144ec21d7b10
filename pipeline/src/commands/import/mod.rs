//! `fuma import`: what others publish in their own form becomes feed files.
//!
//! Owns the arguments of the imports, one file each.

pub(super) mod drops;
mod look;
mod map;
mod regions;
mod table;
mod timetable;
mod whole;

pub use look::LookArguments;
pub use map::MapArguments;
pub use regions::RegionsArguments;
pub use table::TableArguments;
pub use timetable::TimetableArguments;

use super::CommandError;
use super::screen::Screen;

/// The arguments of `fuma import`.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum ImportCommand {
    /// The national list of risk areas, which has names, to events of the feed regions, which have codes
    Regions(RegionsArguments),
    /// Tables of others (CSV, workbooks, Parquet, JSON) to records of a feed, by a map
    Table(Box<TableArguments>),
    /// Timetables (GTFS, train tables) to the one table by which manifests that name a train and stations become trips
    Timetable(TimetableArguments),
    /// What a table is, where its header is, what its columns look like; a map to begin with, and ten rows with it
    Look(LookArguments),
    /// The ready maps: their names, one of them, or the JSON Schema of maps
    Map(MapArguments),
}

/// Imports.
///
/// # Errors
/// When an input is unusable or an output cannot be written.
pub fn run(command: &ImportCommand, screen: &Screen) -> Result<(), CommandError> {
    match command {
        ImportCommand::Regions(arguments) => regions::run(arguments, screen),
        ImportCommand::Table(arguments) => table::run(arguments, screen),
        ImportCommand::Timetable(arguments) => timetable::run(arguments, screen),
        ImportCommand::Look(arguments) => look::run(arguments, screen),
        ImportCommand::Map(arguments) => map::run(arguments, screen),
    }
}
