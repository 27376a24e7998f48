//! Every target over its corpus, as it is and mutated.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use fuzz::{TARGETS, Target, corpus, mutate};

/// Mutations tried of a target in all.
const MUTATIONS: usize = 8000;

fn target(name: &str) -> &'static Target {
    fuzz::target(name).unwrap()
}

/// Runs the seeds as they are, then mutations of them; always the same ones.
fn replay(target: &Target) {
    let seeds = corpus::seeds(target).unwrap();
    assert!(seeds.len() >= 3, "{} seeds", seeds.len());
    for (path, bytes) in &seeds {
        run(target, bytes, &path.display().to_string());
    }
    let mut rng = Rng::with_seed(1);
    for number in 0..MUTATIONS {
        let (path, bytes) = &seeds[number % seeds.len()];
        let (_, other) = &seeds[rng.usize(0..seeds.len())];
        let bytes = mutate::mutated(&mut rng, bytes, other, target.max_len);
        let shown = format!("mutation {number}, of {}", path.display());
        run(target, &bytes, &shown);
    }
}

/// Says which input it was, and leaves it in a file, when the claim does not hold.
fn run(target: &Target, bytes: &[u8], shown: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).is_err() {
        let file = std::env::temp_dir().join(format!("syncline-fuzz-{}", target.name));
        std::fs::write(&file, bytes).unwrap();
        panic!("{}: {shown}, see {}", target.name, file.display());
    }
}

#[test]
fn wbxml() {
    replay(target("wbxml"));
}

#[test]
fn message() {
    replay(target("message"));
}

#[test]
fn devinf() {
    replay(target("devinf"));
}

#[test]
fn transcode() {
    replay(target("transcode"));
}

#[test]
fn san() {
    replay(target("san"));
}

#[test]
fn filter() {
    replay(target("filter"));
}

#[test]
fn pim() {
    replay(target("pim"));
}

#[test]
fn calendar() {
    replay(target("calendar"));
}

#[test]
fn object() {
    replay(target("object"));
}

#[test]
fn session_server() {
    replay(target("session_server"));
}

#[test]
fn session_client() {
    replay(target("session_client"));
}

#[test]
fn every_target_is_replayed() {
    assert_eq!(TARGETS.len(), 11, "a new target needs a test here");
}

/// `SYNCLINE_FUZZ_INPUT=TARGET:FILE` tries one file, with all that the debugger wants.
#[test]
fn one_input() {
    let Ok(wanted) = std::env::var("SYNCLINE_FUZZ_INPUT") else {
        return;
    };
    let (name, file) = wanted.split_once(':').unwrap();
    run(target(name), &std::fs::read(file).unwrap(), file);
}
