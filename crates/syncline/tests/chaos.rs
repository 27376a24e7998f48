//! Nodes over a database and its replica that are killed and cut off while devices sync: the short form
//! of `cargo xtask chaos`, on the loopback interface.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use testkit::{Peer, require};

/// Another plan in every run would find more, and nobody could say what a commit has broken.
const SEED: u64 = 1;

// spec: R12
#[test]
fn devices_and_server_hold_the_same_after_all_that_can_die_has_died() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let options = chaos::Options {
        program: env!("CARGO_BIN_EXE_syncline").into(),
        seed: SEED,
        nodes: 3,
        accounts: 4,
        devices: 12,
        kills: 6,
        cuts: 3,
        pace: 40,
        namespaces: false,
        messages: None,
    };
    let report = chaos::run(&options, installed, &mut |line| eprintln!("{line}"));
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    eprintln!("{report}");
    assert_eq!(report.faults, [6, 3, 1]);
    assert!(report.contacts > 0 && report.edits.iter().all(|edits| *edits > 0));
}
