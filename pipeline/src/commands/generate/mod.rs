//! `fuma generate`: shell completions and man pages, from the same description as `--help`.
//!
//! Owns the writing. Must never describe an option by itself: what is not in `--help` is not here either.

use std::path::{Path, PathBuf};

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;

use super::CommandError;
use super::screen::Screen;

/// Print shell completions, or write man pages.
#[derive(Subcommand, Clone, Debug)]
pub enum GenerateCommand {
    /// Print the completions of a shell
    Completions(CompletionArguments),
    /// Write a man page for each command into a folder
    Man(ManArguments),
}

/// The arguments of `fuma generate completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    fuma generate completions bash > ~/.local/share/bash-completion/completions/fuma\n  \
    fuma generate completions zsh > ~/.zfunc/_fuma       with fpath+=~/.zfunc before compinit\n  \
    fuma generate completions fish > ~/.config/fish/completions/fuma.fish")]
pub struct CompletionArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The arguments of `fuma generate man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  fuma generate man man1 && man -l man1/fuma-run.1")]
pub struct ManArguments {
    /// The folder; it is made where it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints or writes what the whole command line is described as.
///
/// # Errors
/// When it cannot be written.
pub fn run(command: &GenerateCommand, mut described: Command, screen: &Screen) -> Result<(), CommandError> {
    match command {
        GenerateCommand::Completions(CompletionArguments { shell }) => {
            let name = described.get_name().to_owned();
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut described, name, &mut text);
            screen.write(|out| out.write_all(&text)).map(drop)
        }
        GenerateCommand::Man(ManArguments { folder }) => {
            man(described, folder).map_err(|source| CommandError::Write { path: folder.clone(), source })
        }
    }
}

fn man(described: Command, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // `fuma help run` says what `fuma run --help` says: no page of its own.
    clap_mangen::generate_to(described.disable_help_subcommand(true), folder)
}
