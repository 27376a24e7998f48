//! What the developers of Syncline run: `cargo xtask test` checks everything, as CI does.

use std::process::{Command, ExitCode};

/// One check: what it is called and what it runs.
type Step = (&'static str, &'static [&'static str]);

const STEPS: [Step; 5] = [
    ("format", &["fmt", "--all", "--check"]),
    (
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("tests", &["test", "--workspace", "--all-targets"]),
    ("documentation examples", &["test", "--workspace", "--doc"]),
    ("documentation", &["doc", "--workspace", "--no-deps"]),
];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("test") {
        return test();
    }
    say("usage: cargo xtask test");
    ExitCode::from(2)
}

/// Runs every step, stopping at the first that fails.
fn test() -> ExitCode {
    for (name, arguments) in STEPS {
        say(&format!("== {name}: cargo {}", arguments.join(" ")));
        let status = Command::new(env!("CARGO"))
            .args(arguments)
            .env("RUSTDOCFLAGS", "-D warnings")
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(_) => {
                say(&format!("failed: {name}"));
                return ExitCode::FAILURE;
            }
            Err(error) => {
                say(&format!("failed: {name}: cargo could not be run: {error}"));
                return ExitCode::FAILURE;
            }
        }
    }
    say("all checks passed; nothing was skipped");
    ExitCode::SUCCESS
}

#[allow(clippy::print_stderr)] // this program talks to a person at a terminal
fn say(text: &str) {
    eprintln!("{text}");
}
