//! What each command does.

mod alert;
mod backup;
mod codec;
mod demo;
mod device;
mod folder;
mod migrate;
mod serve;
mod session;
mod store;
mod sync;
mod user;

use std::io::Read as _;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::output;
use crate::report::{Failure, Outcome};

/// Carries out a command.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(options) => serve::run(options),
        Command::User { command } => user::run(command),
        Command::Device { command } => device::run(command),
        Command::Store { command } => store::run(command),
        Command::Session { command } => session::run(command),
        Command::Migrate(options) => migrate::run(&options),
        Command::Backup(options) => backup::back_up(&options),
        Command::Restore(options) => backup::restore(&options),
        Command::Sync(options) => sync::run(options),
        Command::Alert(options) => alert::run(&options),
        Command::Decode(options) => codec::decode(&options),
        Command::Encode(options) => codec::encode(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "syncline", &mut script);
            output::bytes(&script)
        }
        Command::Man { command } => man(&command),
    }
}

/// Prints the manual page of the program, or of the command that the words lead to.
fn man(words: &[String]) -> Outcome {
    let mut root = Cli::command();
    // so that the commands know their full names
    root.build();
    let mut command = &root;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            Failure::usage(format_args!(
                "there is no command {:?}; see `syncline --help`",
                words.join(" ")
            ))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(Failure::input)?;
    output::bytes(&page)
}

/// Longest password taken from stdin, bytes.
const PASSWORD: u64 = 1024;

/// The first line of stdin.
fn password_from_stdin() -> Outcome<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(PASSWORD)
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::usage(format_args!(
                "the password on stdin cannot be read: {error}; give a line of UTF-8 text"
            ))
        })?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        return Err(Failure::usage(
            "there is no password on stdin; pipe one line into the command",
        ));
    }
    Ok(password.to_owned())
}

/// A runtime for commands that talk over the network.
fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(|error| {
            Failure::state(format_args!(
                "the program cannot start its threads: {error}; check the system's limits"
            ))
        })
}
