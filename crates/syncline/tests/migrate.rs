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
        refused.stderr.contains("syncline.db is in use"),
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
    assert_eq!(again.code, Some(4), "{}", again.all());
    assert!(again.stderr.contains("was moved to"), "{}", again.stderr);

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

/// Runs a command on the state in a folder or at an address, whatever comes of it.
fn on(state: &[&str], command: &[&str]) -> Output {
    process::run(PROGRAM.as_ref(), &[command, state].concat(), b"").unwrap()
}

/// Runs a command that refuses with these words.
fn refuses(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.code, Some(code), "{}", output.all());
    for word in words {
        assert!(output.stderr.contains(word), "{word}: {}", output.stderr);
    }
    assert_eq!(
        output.stderr.trim_end().lines().count(),
        1,
        "{}",
        output.stderr
    );
}

/// Moves a state to a place and back to its own, with what servers and commands say of it meanwhile.
fn a_server_goes_on_at_one_place_only(state: &[&str], from: &str, to: &str) {
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    refuses(
        &migrate(from, from, &[]),
        2,
        &["both addresses name", "--to"],
    );
    assert_eq!(on(state, &["restore", "--keep-anchors"]).code, Some(2));
    let moved = migrate(from, to, &[]);
    assert_eq!(moved.code, Some(0), "{}", moved.all());
    let words = ["was moved to", "`syncline restore`"];
    refuses(&on(state, &serve), 4, &words);
    refuses(&migrate(from, "sqlite:elsewhere.db", &[]), 4, &words);
    let list = on(state, &["user", "list"]);
    assert_eq!(list.code, Some(0), "{}", list.all());
    assert!(
        list.stderr.contains("warning: the state was moved to"),
        "{}",
        list.stderr
    );

    let taken = on(state, &["restore", "--keep-anchors"]);
    assert_eq!(taken.code, Some(0), "{}", taken.all());
    assert!(taken.text().contains("as it was left"), "{}", taken.text());
    let list = on(state, &["user", "list"]);
    assert!(list.stderr.is_empty(), "{}", list.stderr);
    // the other one is left as it is, so that the state is not moved over it
    refuses(&migrate(from, to, &[]), 2, &["account: 1"]);
}

#[test]
fn a_place_without_a_state_is_named_with_what_to_do_here() {
    let nowhere = migrate("sqlite:/nowhere/at/all.db", "sqlite:/nowhere/else.db", &[]);
    refuses(&nowhere, 2, &["/nowhere/at/all.db", "check the address"]);
    assert!(!nowhere.all().contains("--data"), "{}", nowhere.all());
}

#[test]
fn what_was_moved_is_refused_at_its_old_place_until_it_is_taken_back() {
    let Some(database) = Postgres::shared() else {
        return;
    };
    let database = database.database().unwrap();
    let file = Installation::new(PROGRAM).unwrap();
    file.add_user("ann", "secret").unwrap();
    let folder = file.data().to_string_lossy().into_owned();
    let from = format!("sqlite:{folder}/syncline.db");
    a_server_goes_on_at_one_place_only(&["--data", &folder], &from, &database.url());
    let server = file.serve().unwrap();
    let mut phone = Device::new(PROGRAM, server.url(), "ann", "secret", &STORES).unwrap();
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=3, 0).unwrap();
    phone.sync("two-way").unwrap();
    assert_eq!(server.terminate().unwrap(), Some(0));

    let url = database.url();
    let to = format!("sqlite:{folder}/back.db");
    a_server_goes_on_at_one_place_only(&["--database", &url], &url, &to);
    // without the flag devices compare all items, whatever they have said elsewhere
    let other = database.name().to_owned() + "_other";
    database.sql(&format!("CREATE DATABASE {other}")).unwrap();
    let other = url.replace(database.name(), &other);
    assert_eq!(migrate(&from, &other, &[]).code, Some(0));
    let taken = on(&["--data", &folder], &["restore"]);
    assert!(
        taken.text().contains("compares all its items"),
        "{}",
        taken.all()
    );
    let server = file.serve().unwrap();
    server.url().clone_into(&mut phone.url);
    items::fill(&phone.folder("contacts"), Kind::Contact, 4..=4, 0).unwrap();
    phone.sync("two-way").unwrap();
    assert_eq!(file.counts("ann").unwrap()["contacts"], 4);
}

#[test]
fn a_place_that_a_server_uses_is_refused_or_taken_up() {
    let Some(database) = Postgres::shared() else {
        return;
    };
    let [database, empty] = [0, 1].map(|_| database.database().unwrap());
    let (url, target) = (database.url(), empty.url());
    let source = Installation::with_database(PROGRAM, url.clone()).unwrap();
    source.add_user("ann", "secret").unwrap();
    let server = source.serve().unwrap();
    let words = ["has the state open", "end every server"];
    refuses(&migrate(&url, &target, &[]), 4, &words);
    refuses(&on(&["--database", &url], &["restore"]), 4, &words);
    refuses(
        &on(&["--database", &url], &["restore", "--keep-anchors"]),
        4,
        &words,
    );
    refuses(
        &on(&["--database", &url], &["backup", "x.db"]),
        2,
        &["pg_dump"],
    );
    assert_eq!(server.terminate().unwrap(), Some(0));

    // one that has nothing yet serves what comes
    let second = Installation::with_database(PROGRAM, target.clone()).unwrap();
    let server = second.serve().unwrap();
    let moved = migrate(&url, &target, &[]);
    assert_eq!(moved.code, Some(0), "{}", moved.all());
    let phone = Device::new(PROGRAM, server.url(), "ann", "secret", &STORES).unwrap();
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=3, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 3);
    assert_eq!(server.terminate().unwrap(), Some(0));

    let third = Installation::new(PROGRAM).unwrap();
    let server = third.serve().unwrap();
    let file = format!("sqlite:{}", third.data().join("syncline.db").display());
    let moved = migrate(&target, &file, &[]);
    assert_eq!(moved.code, Some(0), "{}", moved.all());
    let mut phone = phone;
    server.url().clone_into(&mut phone.url);
    items::fill(&phone.folder("contacts"), Kind::Contact, 4..=4, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 1);
    assert_eq!(third.counts("ann").unwrap()["contacts"], 4);
}
