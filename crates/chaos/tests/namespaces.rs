//! A few kills and cuts in network namespaces, where a cut is a cable pulled out and nobody hears of it. The
//! form with more of them, on the loopback interface, is a test of the program.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::process::Command;

use testkit::{Peer, require};

// spec: R12
#[test]
fn devices_and_server_hold_the_same_after_cuts_that_nobody_hears_of() {
    if require(Peer::Postgres).is_none() {
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.args(["--seed", "2", "--accounts", "3", "--devices", "9"]);
    command.args(["--kills", "2", "--cuts", "3", "--pace", "30"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    eprintln!("{said}");
    assert!(output.status.success());
    assert!(said.contains("the same everywhere"));
    if said.contains("no network namespaces are allowed here") {
        eprintln!("skipped: silent cuts need network namespaces");
    }
}
