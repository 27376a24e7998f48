//! A state that moves to another engine and back: every test runs the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use testkit::items::{self, Kind};
use testkit::postgres::Postgres;
use testkit::process::{self, Output};
use testkit::syncline::{Device, Installation};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

const STORES: [(&str, Kind); 1] = [("contacts", Kind::Contact)];

fn migrate(from: &str, to: &str, options: &[&str]) -> Output {
    let arguments = [&["migrate", "--from", from, "--to", to], options].concat();
    process::run(PROGRAM.as_ref(), &arguments, b"").unwrap()
}

#[test]
fn devices_go_on_at_the_new_place_and_back_at_the_old() {
    let Some(database) = Postgres::shared() else {
        return;
    };
    let database = database.database().unwrap();
    let first = Installation::new(PROGRAM).unwrap();
    first.add_user("ann", "secret").unwrap();
    let server = first.serve().unwrap();
    let mut phone = Device::new(PROGRAM, server.url(), "ann", "secret", &STORES).unwrap();
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=20, 0).unwrap();
    phone.sync("two-way").unwrap();

    let file = format!("sqlite:{}", first.data().join("syncline.db").display());
    let refused = migrate(&file, &database.url(), &[]);
    assert_eq!(refused.code, Some(4), "{}", refused.all());
    assert!(
        refused.stderr.contains("has the state open"),
        "{}",
        refused.stderr
    );
    assert_eq!(server.terminate().unwrap(), Some(0));

    let rehearsed = migrate(&file, &database.url(), &["--dry-run", "--json"]);
    assert_eq!(rehearsed.code, Some(0), "{}", rehearsed.all());
    let made = database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(made.unwrap(), "0");
    let there = migrate(&file, &database.url(), &["--json"]);
    assert_eq!(there.text(), rehearsed.text(), "{}", there.all());
    let again = migrate(&file, &database.url(), &[]);
    assert_eq!(again.code, Some(2), "{}", again.all());
    assert!(again.stderr.contains("item: 20"), "{}", again.stderr);

    let second = Installation::with_database(PROGRAM, database.url()).unwrap();
    let server = second.serve().unwrap();
    server.url().clone_into(&mut phone.url);
    items::fill(&phone.folder("contacts"), Kind::Contact, 21..=21, 0).unwrap();
    let sync = phone.sync("two-way").unwrap()["contacts"];
    assert_eq!((sync.sent.added, sync.received.added), (1, 0));
    assert_eq!(server.terminate().unwrap(), Some(0));

    let folder = tempfile::tempdir().unwrap();
    let back = format!("sqlite:{}", folder.path().join("back.db").display());
    let copied = migrate(&database.url(), &back, &[]);
    assert_eq!(copied.code, Some(0), "{}", copied.all());
    assert!(
        copied.text().contains("equal at both places"),
        "{}",
        copied.text()
    );
    let third = Installation::with_database(PROGRAM, back).unwrap();
    let server = third.serve().unwrap();
    server.url().clone_into(&mut phone.url);
    items::fill(&phone.folder("contacts"), Kind::Contact, 22..=22, 0).unwrap();
    let sync = phone.sync("two-way").unwrap()["contacts"];
    assert_eq!((sync.sent.added, sync.received.added), (1, 0));
    assert_eq!(third.counts("ann").unwrap()["contacts"], 22);
}
