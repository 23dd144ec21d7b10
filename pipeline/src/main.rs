//! The `fuma` binary: one command, its arguments, an exit code.
//!
//! Owns nothing but the way in; each command has a folder in `commands`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fuma_pipeline::commands::{self, CommandError};

/// Feeds of evidence in, health-code changes out: no colour without a reason, no reason without evidence and a
/// clause.
#[derive(Parser)]
#[command(name = "fuma", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The service: feeds in, changes out, exactly once; on Kafka, or on a log in a folder
    Run(Box<commands::run::RunArguments>),
    /// Configurations: check, print
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Replay feed files under a pack: changes out, exactly as live
    Replay(commands::replay::ReplayArguments),
    /// Why a person has a colour, what would end it, and what does not count
    Explain(commands::explain::ExplainArguments),
    /// Reasons past their due that still hold, with the owner of the evidence
    Overdue(commands::overdue::OverdueArguments),
    /// Policy packs: list, show, check, test
    Policy(commands::policy::PolicyArgs),
    /// A synthetic district through the engine: a live table, a summary, a report
    Demo(commands::demo::DemoArguments),
    /// Kafka topics: make them, check them
    Topics(commands::topics::TopicsArguments),
    /// Feed files, standard input or mended dead letters to Kafka
    Send(commands::send::SendArguments),
    /// The changes as they are announced on Kafka
    Tail(commands::tail::TailArguments),
    /// What others publish in their own form, to feed files
    #[command(subcommand)]
    Import(commands::import::ImportCommand),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fuma: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Run(arguments) => commands::run::run(&arguments)?,
        Command::Config(command) => commands::config::run(&command)?,
        Command::Replay(arguments) => commands::replay::run(&arguments)?,
        Command::Explain(arguments) => commands::explain::run(&arguments)?,
        Command::Overdue(arguments) => commands::overdue::run(&arguments)?,
        Command::Import(import) => commands::import::run(&import)?,
        Command::Demo(arguments) => {
            commands::demo::run(arguments).map_err(|error| CommandError::Other(error.to_string()))?;
        }
        Command::Topics(arguments) => return commands::topics::run(&arguments),
        Command::Send(arguments) => return commands::send::run(&arguments),
        Command::Tail(arguments) => return commands::tail::run(&arguments),
        Command::Policy(arguments) => {
            let printed = commands::policy::run(&arguments, &mut std::io::stdout().lock());
            // Whoever closed the pipe has seen enough.
            return Ok(printed.unwrap_or(ExitCode::SUCCESS));
        }
    }
    Ok(ExitCode::SUCCESS)
}
