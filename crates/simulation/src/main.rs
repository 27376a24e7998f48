//! Runs seeds until ten have failed: `simulation --seeds SEEDS [FIRST]`; or tells one: `simulation --tell SEED`.
//! With `--guard` before them, sessions are held and their owner decides.

use std::process::ExitCode;

use simulation::Outcome;

/// Failing seeds after which a search ends.
const MAX_FAULTS: u32 = 10;

/// Runs a seed.
type Run = fn(u64) -> Outcome;
/// Runs a seed and tells what happened.
type RunTold = fn(u64) -> (Outcome, Vec<String>);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    let (run, run_told, words) = match words.as_slice() {
        ["--guard", words @ ..] => (
            simulation::run_guarded as Run,
            simulation::run_guarded_told as RunTold,
            words,
        ),
        words => (
            simulation::run as Run,
            simulation::run_told as RunTold,
            words,
        ),
    };
    match words {
        ["--tell", seed] => number(seed).map(|seed| tell(run_told, seed)),
        ["--seeds", seeds] | [seeds] => number(seeds).map(|seeds| search(run, seeds, 0)),
        ["--seeds", seeds, first] | [seeds, first] => number(seeds)
            .zip(number(first))
            .map(|(seeds, first)| search(run, seeds, first)),
        _ => None,
    }
    .unwrap_or_else(|| {
        say("usage: simulation [--guard] --seeds SEEDS [FIRST]\n       simulation [--guard] --tell SEED");
        ExitCode::from(2)
    })
}

fn tell(run: RunTold, seed: u64) -> ExitCode {
    let (outcome, journal) = run(seed);
    for line in journal {
        say(&line);
    }
    match outcome.fault {
        Some(fault) => {
            say(&format!("seed {seed}: {fault}"));
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn search(run: Run, seeds: u64, first: u64) -> ExitCode {
    let (mut messages, mut sessions, mut edits, mut items) = (0, 0, 0, 0);
    let mut decisions = 0;
    let mut faults = 0;
    for seed in first..first.saturating_add(seeds) {
        let outcome = run(seed);
        if let Some(fault) = outcome.fault {
            say(&format!("seed {seed}: {fault}"));
            faults += 1;
            if faults == MAX_FAULTS {
                return ExitCode::FAILURE;
            }
        }
        messages += outcome.messages;
        sessions += outcome.sessions;
        edits += outcome.edits;
        items += outcome.items;
        decisions += outcome.decisions;
    }
    say(&format!(
        "{seeds} seeds from {first} on: {edits} edits, {sessions} sessions, {messages} messages, \
         {decisions} decisions, {items} records in the end, {faults} faults"
    ));
    ExitCode::from(u8::from(faults > 0))
}

#[allow(clippy::print_stdout)] // this program talks to a person at a terminal
fn say(text: &str) {
    println!("{text}");
}
