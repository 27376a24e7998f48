//! Ten thousand contacts, from one device over the server to another.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use testkit::items::{self, Kind};
use testkit::syncevolution::Counts;
use testkit::syncline::{Device, Installation, Transfer};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const ITEMS: u32 = 10_000;

/// What the server may need for all of them, bytes: no more than for a hundred thousand.
const MEMORY: u64 = 64 << 20;

// spec: R08
#[test]
fn ten_thousand_contacts_arrive_on_a_second_device() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let server = installation.serve().unwrap();
    let device = || {
        let stores = [("contacts", Kind::Contact)];
        Device::new(PROGRAM, server.url(), "ann", "secret", &stores).unwrap()
    };
    let (first, second) = (device(), device());
    items::fill(&first.folder("contacts"), Kind::Contact, 1..=ITEMS, 0).unwrap();

    let sent = first.sync("two-way").unwrap()["contacts"];
    let all = Counts::new(u64::from(ITEMS), 0, 0);
    assert_eq!(
        (sent.sent, sent.received, sent.failed),
        (all, Counts::default(), 0)
    );
    assert_eq!(
        installation.counts("ann").unwrap()["contacts"],
        u64::from(ITEMS)
    );

    let received = second.sync("two-way").unwrap()["contacts"];
    assert_eq!((received.sent, received.received), (Counts::default(), all));
    assert_eq!(
        second.essences("contacts", Kind::Contact).unwrap(),
        first.essences("contacts", Kind::Contact).unwrap()
    );
    for device in [&first, &second] {
        assert_eq!(
            device.sync("two-way").unwrap()["contacts"],
            Transfer::default()
        );
    }
    let peak = server.peak_memory().unwrap();
    assert!(peak < MEMORY, "{peak} bytes");
}
