//! A command line that asks for help, or that cannot be understood.
//!
//! Owns the answer: help on standard output, a complaint on standard error, never an argument that may be the number
//! of a certificate.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::screen::{OutputArguments, Screen, When};
use super::{UNUSABLE, mask};

/// Answers, and gives the exit code.
pub fn answer(error: &clap::Error) -> ExitCode {
    let color = asked_color(std::env::args_os().skip(1));
    let screen = Screen::new(&OutputArguments { color, quiet: false });
    if error.use_stderr() {
        let complaint = rendered(error, screen.colours_errors());
        let given = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        // There is nowhere else to say that it cannot be written.
        drop(io::stderr().lock().write_all(mask::arguments(&complaint, given).as_bytes()));
        return ExitCode::from(UNUSABLE);
    }
    match screen.print(&rendered(error, screen.colours_output())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen.complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

fn rendered(error: &clap::Error, with_colour: bool) -> String {
    let text = error.render();
    if with_colour { text.ansi().to_string() } else { text.to_string() }
}

/// What `--color` says, where nothing could be parsed.
fn asked_color(arguments: impl Iterator<Item = OsString>) -> When {
    let mut asked = When::Auto;
    let mut is_value = false;
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let value = if is_value { Some(&*argument) } else { argument.strip_prefix("--color=") };
        match value {
            Some("always") => asked = When::Always,
            Some("never") => asked = When::Never,
            _ => {}
        }
        is_value = argument == "--color";
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_found_in_a_command_line_that_is_wrong() {
        let asked = |line: &str| asked_color(line.split_whitespace().map(OsString::from));
        assert_eq!(asked("explain --color never x"), When::Never);
        assert_eq!(asked("--color=always"), When::Always);
        assert_eq!(asked("replay --colour never"), When::Auto);
    }
}
