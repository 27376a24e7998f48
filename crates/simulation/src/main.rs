//! Runs seeds until ten have failed: `simulation SEEDS [FIRST]`; or tells one: `simulation --tell SEED`.

use std::process::ExitCode;

/// Failing seeds after which a search ends.
const MAX_FAULTS: u32 = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match words.as_slice() {
        ["--tell", seed] => number(seed).map(tell),
        [seeds] => number(seeds).map(|seeds| search(seeds, 0)),
        [seeds, first] => number(seeds).zip(number(first)).map(|(s, f)| search(s, f)),
        _ => None,
    }
    .unwrap_or_else(|| {
        say("usage: simulation SEEDS [FIRST]\n       simulation --tell SEED");
        ExitCode::from(2)
    })
}

fn tell(seed: u64) -> ExitCode {
    let (outcome, journal) = simulation::run_told(seed);
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

fn search(seeds: u64, first: u64) -> ExitCode {
    let (mut messages, mut sessions, mut edits, mut items) = (0, 0, 0, 0);
    let mut faults = 0;
    for seed in first..first.saturating_add(seeds) {
        let outcome = simulation::run(seed);
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
    }
    say(&format!(
        "{seeds} seeds from {first} on: {edits} edits, {sessions} sessions, {messages} messages, \
         {items} records in the end, {faults} faults"
    ));
    ExitCode::from(u8::from(faults > 0))
}

#[allow(clippy::print_stdout)] // this program talks to a person at a terminal
fn say(text: &str) {
    println!("{text}");
}
