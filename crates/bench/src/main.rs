//! Speed and memory of Syncline, beside a floor and its peers.
//!
//! ```text
//! bench            a first sync of 5,000 contacts, beside bare transactions; syncs without changes;
//!                  then items and the codec
//! bench --codec    the codec alone: reading and writing messages, beside libwbxml
//! bench --pim      items alone: reading, writing and converting contacts, beside calcard; matching
//! bench --peers    all, and the first sync into SyncEvolution's server, beside ours
//! bench load       many devices at once; --help says more
//! bench scale      what a fleet needs by the figures of load, simulated; --help says more
//! ```
//!
//! What is compared is measured in the same run on the same machine, so that the ratios hold where
//! the numbers do not. Targets are printed, not enforced: the exit code tells whether everything
//! could be measured. `cargo xtask bench` builds all that is needed; the server is the release
//! binary beside this one, and its data are in the temporary folder (`TMPDIR`), which has to be on
//! a real disk for the numbers to mean anything.

mod codec;
mod floor;
mod libwbxml;
mod load;
mod peers;
mod pim;
mod process;
mod report;
mod scale;
mod sync;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Success, or why something could not be measured.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Contacts of the syncs, of about 700 bytes each.
const ITEMS: u32 = 5_000;

/// The account that all servers here have.
const USER: &str = "bench";
const PASSWORD: &str = "not a secret";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = arguments.split_first();
    let tool = match word.map(|(word, rest)| (word.as_str(), rest)) {
        Some(("load", rest)) => Some(load::run(rest)),
        Some(("scale", rest)) => Some(scale::run(rest).map(|()| true)),
        _ => None,
    };
    match tool {
        None => {}
        Some(Ok(true)) => return ExitCode::SUCCESS,
        Some(Ok(false)) => return ExitCode::FAILURE,
        Some(Err(error)) => {
            report::say(&format!("failed: {error}"));
            return ExitCode::FAILURE;
        }
    }
    let parts = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Parts::Ours,
        ["--codec"] => Parts::Codec,
        ["--pim"] => Parts::Pim,
        ["--peers"] => Parts::All,
        _ => {
            report::say("usage: bench [--codec | --pim | --peers | load | scale]");
            return ExitCode::from(2);
        }
    };
    match run(parts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::say(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    Codec,
    Pim,
    Ours,
    All,
}

fn run(parts: Parts) -> Outcome<()> {
    match parts {
        Parts::Codec => return codec::run(),
        Parts::Pim => return pim::run(),
        Parts::Ours | Parts::All => {}
    }
    let program = program()?;
    sync::run(&program)?;
    pim::run()?;
    codec::run()?;
    if parts == Parts::All {
        peers::run(&program)?;
    }
    Ok(())
}

/// The release binary of `syncline`, which cargo puts beside this one.
fn program() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("syncline");
    if program.exists() {
        return Ok(program);
    }
    Err(format!(
        "{} is not there; run `cargo build --release --package syncline`",
        program.display()
    )
    .into())
}
