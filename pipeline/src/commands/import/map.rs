//! `fuma import map`: the maps that come with the program, and what a map may say.
//!
//! Owns their printing.

use std::fmt::Write as _;

use clap::Args;

use super::super::CommandError;
use super::super::screen::Screen;
use crate::tables::{map, ready};

/// The arguments of `fuma import map`.
#[derive(Args, Clone, Debug)]
pub struct MapArguments {
    /// The ready map that is printed; without it their names
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print the JSON Schema of maps instead, for editors
    #[arg(long, conflicts_with = "name")]
    schema: bool,
}

/// Prints what is asked for.
///
/// # Errors
/// When there is no such map.
pub(super) fn run(arguments: &MapArguments, screen: &Screen) -> Result<(), CommandError> {
    if arguments.schema {
        let schema = map::json_schema();
        return screen.print(&format!("{schema:#}\n"));
    }
    let Some(name) = &arguments.name else {
        let mut text = String::new();
        for (name, map) in ready::maps() {
            let about = map.lines().next().unwrap_or_default().trim_start_matches("# ");
            let _ = writeln!(text, "{name:<20} {about}");
        }
        return screen.print(&text);
    };
    match ready::map(name) {
        Some(text) => screen.print(text),
        None => {
            let names: Vec<&str> = ready::maps().map(|(name, _)| name).collect();
            Err(CommandError::Input(format!("{name}: no ready map of this name. Ready maps: {}", names.join(", "))))
        }
    }
}
