//! Where a command writes: results to standard output, remarks to standard error; with colour or without.
//!
//! Owns the one rule for all commands: output that cannot be written (a full disk) is an error, a closed pipe is not,
//! because its reader has seen enough. Must never show what looks like a certificate number.

use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write};

use clap::{Args, ValueEnum};

use super::CommandError;
use super::mask;

/// What every command takes.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct OutputArguments {
    /// When to use colour; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto, global = true)]
    pub color: When,
    /// Results and errors only: no progress, no summary, no remarks
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// When colour is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Whether a stream that is a terminal, or not, gets colour.
    fn holds(self, is_terminal: bool) -> bool {
        match self {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// Where the commands of this process write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Screen {
    quiet: bool,
    /// Whether standard output, and standard error, get colour.
    colours: [bool; 2],
}

impl Screen {
    /// The screen as asked for. Progress bars follow the choice of colour from now on.
    pub fn new(asked: &OutputArguments) -> Screen {
        let colours = [asked.color.holds(io::stdout().is_terminal()), asked.color.holds(io::stderr().is_terminal())];
        console::set_colors_enabled(colours[0]);
        console::set_colors_enabled_stderr(colours[1]);
        Screen { quiet: asked.quiet, colours }
    }

    /// A screen for what goes on beside a service, which has its log: errors alone.
    pub fn silent() -> Screen {
        Screen { quiet: true, colours: [false, false] }
    }

    /// Whether remarks and progress are left out.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether progress is drawn: on a terminal, unless quiet.
    pub fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether standard output gets colour.
    pub fn colours_output(&self) -> bool {
        self.colours[0]
    }

    /// Whether standard error gets colour.
    pub fn colours_errors(&self) -> bool {
        self.colours[1]
    }

    /// Writes a result to standard output.
    ///
    /// # Errors
    /// When it cannot be written, but for a closed pipe.
    pub fn print(&self, text: &str) -> Result<(), CommandError> {
        self.write(|out| out.write_all(text.as_bytes())).map(drop)
    }

    /// Writes results to standard output, piece by piece; none when the reader closed the pipe.
    ///
    /// # Errors
    /// When they cannot be written, but for a closed pipe.
    pub fn write<T>(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<Option<T>, CommandError> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let written = write(&mut out).and_then(|value| out.flush().map(|()| value));
        // Without this, dropping the writer would try again what has just failed.
        drop(out.into_parts());
        finished(written, "standard output")
    }

    /// Writes a remark to standard error, unless quiet.
    ///
    /// # Errors
    /// When it cannot be written, but for a closed pipe.
    pub fn remark(&self, text: &str) -> Result<(), CommandError> {
        if self.quiet {
            return Ok(());
        }
        finished(io::stderr().lock().write_all(text.as_bytes()), "standard error").map(drop)
    }

    /// Writes to standard error what must be known whatever was asked for, though the command went on.
    ///
    /// # Errors
    /// When it cannot be written, but for a closed pipe.
    pub fn warn(&self, text: &str) -> Result<(), CommandError> {
        finished(writeln!(io::stderr().lock(), "warning: {text}"), "standard error").map(drop)
    }

    /// Says why a command failed. Nothing can be done when that cannot be written either.
    pub fn complain(&self, message: &str) {
        let [begin, end] = if self.colours[1] { ["\x1b[1;31m", "\x1b[0m"] } else { ["", ""] };
        drop(writeln!(io::stderr().lock(), "{begin}error:{end} {}", mask::resident_ids(message)));
    }
}

/// What writing to a stream came to: none of a value when the reader closed the pipe.
fn finished<T>(written: io::Result<T>, stream: &'static str) -> Result<Option<T>, CommandError> {
    match written {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(None),
        Err(source) => Err(CommandError::Output { stream, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
        let closed = finished::<()>(Err(ErrorKind::BrokenPipe.into()), "standard output");
        assert!(matches!(closed, Ok(None)));
        let full = finished::<()>(Err(ErrorKind::StorageFull.into()), "standard output");
        assert!(full.is_err_and(|error| error.to_string().starts_with("standard output cannot be written")));
    }

    #[test]
    fn colour_as_asked() {
        assert!(When::Always.holds(false) && !When::Never.holds(true) && !When::Auto.holds(false));
    }
}
