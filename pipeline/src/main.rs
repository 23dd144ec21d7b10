//! The `fuma` binary: one command, its arguments, an exit code.
//!
//! Owns nothing but the way in; each command has a folder in `commands`.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use fuma_pipeline::commands::screen::{OutputArguments, Screen};
use fuma_pipeline::commands::{self, CommandError};

/// Recomputes health-code colours from streams of evidence, with the rule and clause behind each change.
#[derive(Parser)]
#[command(name = "fuma", version, about, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    output: OutputArguments,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Begin with:
  fuma demo                          an invented district, played in seconds
  fuma demo --out-dir demo           the same, and keeps its feeds and its key
  fuma policy list                   the policy packs of this program
  fuma COMMAND --help                examples of each command, and what its exit codes mean";

#[derive(Subcommand)]
enum Command {
    /// Run the service: feeds in, changes out, exactly once; on Kafka, or on a log in a folder
    Run(Box<commands::run::RunArguments>),
    /// Check a configuration, or print what is in force
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Replay feed files under a policy pack: the same changes as live
    Replay(commands::replay::ReplayArguments),
    /// Explain a person's colour: the reasons, what would end them, and what does not count
    Explain(commands::explain::ExplainArguments),
    /// List reasons that still hold past their due time, with the owner of the evidence
    Overdue(commands::overdue::OverdueArguments),
    /// List who hangs on a case, reported and by conveyance, with dates and state of isolation
    Contacts(commands::contacts::ContactsArguments),
    /// Policy packs: list, show, check, test, new, preview, compare, mutate, publish, log
    Policy(commands::policy::PolicyArguments),
    /// Run an invented district through the engine: a live table, a summary, a report
    Demo(commands::demo::DemoArguments),
    /// Show who holds which partition, and how far it is behind
    Status(commands::status::StatusArguments),
    /// Show who looked whom up over HTTP, what for, and when
    Audit(commands::audit::AuditArguments),
    /// Create or check the Kafka topics
    Topics(commands::topics::TopicsArguments),
    /// Agree, as an official, to what waits: a pack, a list of officials, the release of a hold
    Approve(Box<commands::office::ApproveArguments>),
    /// Take back what waits or is scheduled
    Withdraw(Box<commands::office::WithdrawArguments>),
    /// The emergency stop: nothing is announced until its release is approved
    Hold(Box<commands::office::HoldArguments>),
    /// Let one parked partition go on, after a look at what it is parked for
    Accept(commands::accept::AcceptArguments),
    /// Send feed files, standard input or repaired dead letters to Kafka
    Send(commands::send::SendArguments),
    /// Show the changes as they are announced
    Tail(commands::tail::TailArguments),
    /// Turn what others publish in their own form into feed files
    #[command(subcommand)]
    Import(commands::import::ImportCommand),
    /// Print shell completions, or write man pages
    #[command(subcommand)]
    Generate(commands::generate::GenerateCommand),
}

/// For tests of the optimised binary: all invariants are checked.
const CHECK_VARIABLE: &str = "FUMA_CHECK_INVARIANTS";

fn main() -> ExitCode {
    if std::env::var_os(CHECK_VARIABLE).is_some() {
        fuma_pipeline::invariant::check_all();
    }
    // Every command ends its help with what its exit codes mean.
    let parser = commands::with_exit_codes(Arguments::command());
    let parsed = parser.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return commands::usage::answer(&error),
    };
    let screen = Screen::new(&arguments.output);
    match run(arguments.command, &screen) {
        Ok(code) => code,
        Err(error) => {
            screen.complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, screen: &Screen) -> Result<ExitCode, CommandError> {
    match command {
        Command::Run(arguments) => commands::run::run(&arguments, screen)?,
        Command::Config(command) => commands::config::run(&command, screen)?,
        Command::Replay(arguments) => commands::replay::run(&arguments, screen)?,
        Command::Explain(arguments) => return commands::explain::run(&arguments, screen),
        Command::Overdue(arguments) => commands::overdue::run(&arguments, screen)?,
        Command::Contacts(arguments) => return commands::contacts::run(&arguments, screen),
        Command::Import(import) => commands::import::run(&import, screen)?,
        Command::Generate(command) => {
            commands::generate::run(&command, commands::with_exit_codes(Arguments::command()), screen)?;
        }
        Command::Demo(arguments) => commands::demo::run(arguments, screen)?,
        Command::Accept(arguments) => commands::accept::run(&arguments, screen)?,
        Command::Approve(arguments) => return commands::office::approve(&arguments, screen),
        Command::Withdraw(arguments) => return commands::office::withdraw(&arguments, screen),
        Command::Hold(arguments) => return commands::office::hold(&arguments, screen),
        Command::Audit(arguments) => return commands::audit::run(&arguments, screen),
        Command::Topics(arguments) => return commands::topics::run(&arguments, screen),
        Command::Status(arguments) => return commands::status::run(&arguments, screen),
        Command::Send(arguments) => return commands::send::run(&arguments, screen),
        Command::Tail(arguments) => return commands::tail::run(&arguments, screen),
        Command::Policy(arguments) => return commands::policy::answer(arguments, screen),
    }
    Ok(ExitCode::SUCCESS)
}
