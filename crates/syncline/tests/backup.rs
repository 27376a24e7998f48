//! Backup, restore and housekeeping of a state: every test runs the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use testkit::items::{self, Kind};
use testkit::process::{self, Output};
use testkit::syncline::{Device, Installation};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

/// Runs a command on a state, whatever comes of it.
fn run(installation: &Installation, command: &[&str]) -> Output {
    let data = installation.data();
    let data = data.to_string_lossy();
    let arguments = [command, &["--data", &data]].concat();
    process::run(PROGRAM.as_ref(), &arguments, b"").unwrap()
}

fn contacts(installation: &Installation) -> Vec<String> {
    installation
        .essences("alice", "contacts", Kind::Contact)
        .unwrap()
}

fn expected(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    items::expected(Kind::Contact, numbers.into_iter().map(|number| (number, 0)))
}

#[test]
fn a_backup_of_a_running_server_is_restored_and_its_devices_go_on() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("alice", "secret").unwrap();
    let server = installation.serve().unwrap();
    let stores = [("contacts", Kind::Contact)];
    let device = || Device::new(PROGRAM, server.url(), "alice", "secret", &stores).unwrap();
    let (phone, tablet) = (device(), device());
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=5, 0).unwrap();
    phone.sync("two-way").unwrap();
    tablet.sync("two-way").unwrap();

    let copy = installation.data().with_extension("backup");
    let copy_name = copy.to_string_lossy().into_owned();
    let backup = run(&installation, &["backup", &copy_name]);
    assert_eq!(backup.code, Some(0), "{}", backup.all());
    let again = run(&installation, &["backup", &copy_name]);
    assert_eq!(again.code, Some(2), "{}", again.all());
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    let forced = run(&installation, &["backup", "--force", &copy_name]);
    assert_eq!(forced.code, Some(0), "{}", forced.all());

    items::fill(&phone.folder("contacts"), Kind::Contact, 6..=7, 0).unwrap();
    phone.sync("two-way").unwrap();
    tablet.sync("two-way").unwrap();

    let refused = run(&installation, &["restore", &copy_name]);
    assert_eq!(refused.code, Some(4), "{}", refused.all());
    assert!(refused.stderr.contains("in use"), "{}", refused.stderr);
    assert_eq!(contacts(&installation), expected(1..=7));

    let address = server.address().to_owned();
    server.terminate().unwrap();
    let restored = run(&installation, &["restore", &copy_name]);
    assert_eq!(restored.code, Some(0), "{}", restored.all());
    assert!(restored.text().contains(".replaced-"), "{}", restored.all());
    assert_eq!(contacts(&installation), expected(1..=5));

    let _server = installation.serve_on(&address).unwrap();
    for _ in 0..2 {
        phone.sync("two-way").unwrap();
        tablet.sync("two-way").unwrap();
    }
    assert_eq!(contacts(&installation), expected(1..=7));
    for device in [&phone, &tablet] {
        let held = device.essences("contacts", Kind::Contact).unwrap();
        assert_eq!(held, expected(1..=7));
    }
}

#[test]
fn what_is_no_backup_is_named_and_changes_nothing() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("alice", "secret").unwrap();
    let file = installation.data().with_extension("txt");
    fs::write(&file, "This is a letter and not a backup. ".repeat(99)).unwrap();
    let refused = run(&installation, &["restore", &file.to_string_lossy()]);
    assert_eq!(refused.code, Some(4), "{}", refused.all());
    assert!(
        refused.stderr.contains(&*file.to_string_lossy()),
        "{}",
        refused.stderr
    );
    let missing = run(&installation, &["restore", "/nowhere/at/all.db"]);
    assert_eq!(missing.code, Some(2), "{}", missing.all());
    assert_eq!(contacts(&installation), expected([]));
}

/// What `store tidy` says that it does.
fn tidy(installation: &Installation, config: &Path, more: &[&str]) -> Value {
    let config = config.to_string_lossy();
    let command: [&str; 5] = ["store", "tidy", "--json", "--config", &config];
    let command = [&command[..], more].concat();
    let output = run(installation, &command);
    assert_eq!(output.code, Some(0), "{}", output.all());
    serde_json::from_str(&output.text()).unwrap()
}

#[test]
fn tidy_removes_by_the_days_of_the_configuration() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("alice", "secret").unwrap();
    let server = installation.serve().unwrap();
    let stores = [("contacts", Kind::Contact)];
    let phone = Device::new(PROGRAM, server.url(), "alice", "secret", &stores).unwrap();
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=3, 0).unwrap();
    phone.sync("two-way").unwrap();
    items::delete(&phone.folder("contacts"), Kind::Contact, 2).unwrap();
    items::change(&phone.folder("contacts"), Kind::Contact, 3, 1).unwrap();
    phone.sync("two-way").unwrap();

    a_year_passes(&installation);
    let config = installation.data().with_extension("toml");
    fs::write(&config, "[keep]\nhistory = 0\n").unwrap();
    assert_eq!(tidy(&installation, &config, &[])["versions"], 0);
    fs::write(&config, "").unwrap();
    let counted = tidy(&installation, &config, &["--dry-run"]);
    assert_eq!(
        (&counted["versions"], &counted["tombstones"]),
        (&2.into(), &1.into())
    );
    let removed = tidy(&installation, &config, &[]);
    assert_eq!(
        (&removed["versions"], &removed["tombstones"]),
        (&2.into(), &1.into())
    );
    assert_eq!(tidy(&installation, &config, &[])["versions"], 0);
    // the phone goes on as if nothing had been
    items::fill(&phone.folder("contacts"), Kind::Contact, 4..=4, 0).unwrap();
    assert_eq!(phone.sync("two-way").unwrap()["contacts"].sent.added, 1);
    assert_eq!(installation.counts("alice").unwrap()["contacts"], 3);
}

/// A year passes, as far as the state knows.
fn a_year_passes(installation: &Installation) {
    let state = installation.data().join("syncline.db");
    let state = rusqlite::Connection::open(state).unwrap();
    let year = 366 * 24 * 3600;
    for table in ["history SET at = at", "item SET modified = modified"] {
        let sql = format!("UPDATE {table} - {year}");
        state.execute(&sql, []).unwrap();
    }
}

/// Waits for what a running server does by itself.
fn comes(what: &str, is_there: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{what}");
}

#[test]
fn a_running_server_removes_what_is_old_by_itself() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("alice", "secret").unwrap();
    let server = installation.serve().unwrap();
    let stores = [("contacts", Kind::Contact)];
    let phone = Device::new(PROGRAM, server.url(), "alice", "secret", &stores).unwrap();
    items::fill(&phone.folder("contacts"), Kind::Contact, 1..=2, 0).unwrap();
    phone.sync("two-way").unwrap();
    items::change(&phone.folder("contacts"), Kind::Contact, 1, 1).unwrap();
    items::delete(&phone.folder("contacts"), Kind::Contact, 2).unwrap();
    phone.sync("two-way").unwrap();
    server.terminate().unwrap();
    a_year_passes(&installation);
    let messages = installation.data().with_extension("messages");
    fs::create_dir(&messages).unwrap();
    let [old, new] = ["old.xml", "new.xml"].map(|name| messages.join(name));
    for file in [&old, &new] {
        fs::write(file, "<SyncML/>").unwrap();
    }
    let year = std::time::Duration::from_hours(366 * 24);
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(std::time::SystemTime::now() - year)
        .unwrap();
    let kept = messages.display();
    let setting = format!("[server]\nlog-messages = \"{kept}\"\n");
    installation.configure(&setting).unwrap();
    let _server = installation.serve().unwrap();
    let state = rusqlite::Connection::open(installation.data().join("syncline.db")).unwrap();
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        state.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    comes("former versions stay", || count("history") == 0);
    comes("tombstones stay", || count("item") == 1);
    comes("old messages stay", || !old.exists());
    assert!(new.exists());
}

#[test]
fn a_day_out_of_its_range_is_refused() {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("alice", "secret").unwrap();
    let config = installation.data().with_extension("toml");
    fs::write(&config, "[keep]\nsessions = 0\n").unwrap();
    let config = config.to_string_lossy();
    let refused = run(&installation, &["store", "tidy", "--config", &config]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(refused.stderr.contains("1 to 365"), "{}", refused.stderr);
}
