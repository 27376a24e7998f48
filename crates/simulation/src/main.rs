//! Runs seeds until one fails: `simulation SEEDS [FIRST]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let (seeds, first) = match numbers.as_slice() {
        [seeds] => (*seeds, 0),
        [seeds, first] => (*seeds, *first),
        _ => {
            say("usage: simulation SEEDS [FIRST]");
            return ExitCode::from(2);
        }
    };
    let (mut messages, mut items) = (0, 0);
    for seed in first..first + seeds {
        let outcome = simulation::run(seed);
        if let Some(fault) = outcome.fault {
            say(&format!("seed {seed}: {fault}"));
            return ExitCode::FAILURE;
        }
        messages += outcome.messages;
        items += outcome.items;
    }
    say(&format!(
        "{seeds} seeds from {first} on: {messages} messages, {items} records in the end, no fault"
    ));
    ExitCode::SUCCESS
}

#[allow(clippy::print_stdout)] // this program talks to a person at a terminal
fn say(text: &str) {
    println!("{text}");
}
