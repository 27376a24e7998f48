//! A small load against our own server over either engine: what the tool reports is what it has done.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::process::Command;

use serde_json::Value;
use testkit::{Peer, require};

/// The reports of a run of six sessions of each kind.
fn load(more: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args([
        "load",
        "--json",
        "--accounts",
        "2",
        "--items",
        "5",
        "--devices",
        "4",
    ]);
    command.args(["--connections", "2", "--sessions", "6", "--changes", "3"]);
    for mix in ["empty", "changes", "first", "slow"] {
        command.args(["--mix", mix]);
    }
    let output = command.args(more).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn check(reports: &[Value]) {
    assert_eq!(reports.len(), 4);
    for report in reports {
        let mix = report["mix"].as_str().unwrap();
        assert_eq!(
            (&report["sessions"], &report["failed"]),
            (&6.into(), &0.into()),
            "{mix}"
        );
        let share = &report["kinds"][mix];
        assert_eq!(share["sessions"]["count"], 6, "{report}");
        assert!(share["sessions"]["p99_ms"].as_f64().unwrap() > 0.0);
        assert!(share["bytes_sent"].as_u64().unwrap() > 1000);
        assert!(
            report["server"]["cpu_s"].as_f64().unwrap() > 0.0,
            "{report}"
        );
    }
    let changes = |number: usize, name: &str| {
        let report: &Value = &reports[number];
        let mix = report["mix"].as_str().unwrap();
        report["kinds"][mix][name].as_u64().unwrap()
    };
    assert_eq!(changes(0, "changes_sent"), 0);
    assert_eq!(changes(1, "changes_sent"), 18);
    assert!(
        changes(2, "changes_received") >= 30,
        "five contacts a first sync"
    );
    assert!(changes(3, "changes_sent") >= 30, "a slow sync sends all");
}

#[test]
fn a_load_over_sqlite_does_what_it_reports() {
    check(&load(&[]));
}

#[test]
fn a_load_over_postgresql_does_what_it_reports() {
    if require(Peer::Postgres).is_some() {
        check(&load(&["--postgres"]));
    }
}

#[test]
fn a_server_elsewhere_is_not_loaded_unasked() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["load", "--url", "http://192.0.2.1/syncml"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("--anywhere"), "{said}");
}
