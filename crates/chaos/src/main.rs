//! `cargo xtask chaos`: see the library, and `--help`.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser as _;
use testkit::{Peer, require};

/// Devices sync through a balancer with nodes over PostgreSQL and a replica, while nodes are killed and
/// cut off and the primary is lost; afterwards all must hold the same.
///
/// Nodes and databases are in network namespaces, for which the tool has to be root; otherwise it
/// says so and takes the loopback interface.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// What decides the plan; a random one without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Nodes over the database.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    nodes: u8,
    /// Accounts that the devices are divided among.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    accounts: u16,
    /// Devices.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    devices: u16,
    /// How often a node is killed.
    #[arg(long, default_value_t = 40)]
    kills: u16,
    /// How often a node loses the database.
    #[arg(long, default_value_t = 10)]
    cuts: u16,
    /// Messages from one step of the plan to the next, at most twice as many.
    #[arg(long, default_value_t = 300)]
    pace: u32,
    /// On the loopback interface, without namespaces.
    #[arg(long)]
    loopback: bool,
    /// The binary; the one beside this one without it.
    #[arg(long)]
    program: Option<PathBuf>,
    /// A folder, in which each device keeps its messages.
    #[arg(long)]
    messages: Option<PathBuf>,
    /// The process has namespaces of its own.
    #[arg(long, hide = true)]
    inside: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            say(&format!("failed: {reason}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut namespaces = arguments.inside;
    if !arguments.inside && !arguments.loopback {
        if may_unshare() {
            return Err(enter_namespaces());
        }
        say(
            "no network namespaces are allowed here: all is on the loopback interface, where a cut \
             closes connections instead of being silent",
        );
        namespaces = false;
    }
    if arguments.inside {
        hide_run()?;
    }
    let installed = require(Peer::Postgres).ok_or("there is no PostgreSQL")?;
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()
            .map_err(|error| error.to_string())?
            .with_file_name("syncline"),
    };
    let options = chaos::Options {
        program,
        seed: arguments.seed.unwrap_or_else(|| fastrand::u64(..) >> 32),
        nodes: arguments.nodes.into(),
        accounts: arguments.accounts.into(),
        devices: arguments.devices.into(),
        kills: arguments.kills.into(),
        cuts: arguments.cuts.into(),
        pace: arguments.pace.into(),
        namespaces,
        messages: arguments.messages.clone(),
    };
    say(&format!("seed {}", options.seed));
    let began = Instant::now();
    let mut tell = |text: &str| say(&format!("{:7.1} s  {text}", began.elapsed().as_secs_f64()));
    let report = chaos::run(&options, installed, &mut tell).map_err(|error| error.to_string())?;
    say(&report.to_string());
    Ok(())
}

fn may_unshare() -> bool {
    let tried = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .output();
    tried.is_ok_and(|output| output.status.success())
}

/// Runs this program again in namespaces that end with it; returns only why it cannot.
fn enter_namespaces() -> String {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.to_string(),
    };
    let error = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private"])
        .arg(program)
        .arg("--inside")
        .args(std::env::args_os().skip(1))
        .exec();
    format!("unshare: {error}")
}

/// `ip netns` keeps names there, which the rest of the machine shall not see.
fn hide_run() -> Result<(), String> {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "chaos", "/run"])
        .status();
    match mounted {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("mount ended with {status}")),
        Err(error) => Err(format!("mount: {error}")),
    }
}

fn say(text: &str) {
    // nobody is left to be told when this fails
    let _ = writeln!(std::io::stderr(), "{text}");
}
