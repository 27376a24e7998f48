//! The `syncline` program: server, client and administration of SyncML Data Synchronization.
//!
//! ```text
//! arguments ─▶ cli ─▶ commands ─┬─▶ state ─▶ store            (serve, user, device, store, session,
//!                               │                              alert, migrate, backup, restore)
//!                               ├─▶ node: transport ⇄ session (serve, demo); keep ─▶ store (serve)
//!                               └─▶ client session ⇄ folders  (sync, demo)
//! outcome ◀─ report: one sentence and an exit code ◀─
//! ```

mod authority;
mod cli;
mod commands;
mod config;
mod conflict;
mod device;
mod keep;
mod logging;
mod node;
mod output;
mod report;
mod state;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    logging::start(&cli);
    report::exit_code(commands::run(cli.command))
}
