//! A device that deletes everything, and what people do about it: every test runs the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use serde_json::{Value, json};
use testkit::items::Kind;
use testkit::process::Server;
use testkit::syncline::{Device, Installation};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

const ITEMS: u64 = 8;

/// A server of alice with eight contacts, which her phone and her tablet hold; more than four
/// deletions wait.
struct World {
    installation: Installation,
    server: Server,
    phone: Device,
    tablet: Device,
}

impl World {
    fn new(guard: &str) -> Self {
        let installation = Installation::new(PROGRAM).unwrap();
        installation.add_user("alice", "secret").unwrap();
        installation
            .configure(&format!("[guard]\n{guard}\n"))
            .unwrap();
        let server = installation.serve().unwrap();
        let device = || {
            let stores = [("contacts", Kind::Contact)];
            Device::new(PROGRAM, server.url(), "alice", "secret", &stores).unwrap()
        };
        let (phone, tablet) = (device(), device());
        for number in 1..=ITEMS {
            let card = format!(
                "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Person {number};;;;\r\nFN:Person {number}\r\n\
                 END:VCARD\r\n"
            );
            fs::write(phone.folder("contacts").join(format!("{number}.vcf")), card).unwrap();
        }
        phone.sync("two-way").unwrap();
        tablet.sync("two-way").unwrap();
        let world = Self {
            installation,
            server,
            phone,
            tablet,
        };
        assert_eq!(files(&world.tablet), ITEMS);
        world
    }

    /// The phone loses its contacts and says so.
    fn wipe(&self) {
        self.empty();
        let told = self.phone.sync("two-way").unwrap();
        assert_eq!(told["contacts"].sent.deleted, ITEMS);
    }

    /// The phone loses its contacts.
    fn empty(&self) {
        for entry in fs::read_dir(self.phone.folder("contacts")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "vcf") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    fn items(&self) -> u64 {
        self.installation.counts("alice").unwrap()["contacts"]
    }

    fn run(&self, command: &[&str]) -> String {
        self.installation.run(command, b"").unwrap().text()
    }

    fn json(&self, command: &[&str]) -> Value {
        let text = self.run(&[command, &["--json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// Runs a command that is refused as wrong usage; what it says.
    fn refused(&self, command: &[&str]) -> String {
        let output = self.installation.try_run(command, b"").unwrap();
        assert_eq!(output.code, Some(2), "{}", output.all());
        output.stderr
    }

    /// The name of the session whose changes wait.
    fn held(&self) -> String {
        let all = self.json(&["session", "list"]);
        let all = all.as_array().unwrap();
        let held = all.iter().find(|row| row["waiting_deletions"] != 0);
        held.unwrap()["session"].as_str().unwrap().to_owned()
    }
}

/// How many contacts a device has.
fn files(device: &Device) -> u64 {
    device
        .essences("contacts", Kind::Contact)
        .unwrap()
        .len()
        .try_into()
        .unwrap()
}

#[test]
fn a_wiped_phone_is_held_and_gets_its_items_back() {
    let world = World::new("floor = 3");
    world.wipe();
    assert_eq!(world.items(), ITEMS);
    let session = world.held();
    let logs = world.server.logs();
    for decision in ["confirm", "reject"] {
        let command = format!("syncline session {decision} {session}");
        assert!(logs.contains(&command), "{logs}");
    }
    let all = world.json(&["session", "list", "--user", "alice"]);
    let row = &all[0];
    for (key, value) in [
        ("session", json!(session)),
        ("user", json!("alice")),
        ("datastore", json!("contacts")),
        ("deleted", json!(0)),
        ("replaced", json!(0)),
        ("rejected", json!(0)),
        ("waiting_deletions", json!(ITEMS)),
        ("waiting_replacements", json!(0)),
    ] {
        assert_eq!(row[key], value, "{key}");
    }
    assert!(row["device"].is_string() && row["at"].is_string(), "{row}");
    let told = world.run(&["session", "list"]);
    assert!(told.contains("8 deletions"), "{told}");
    assert!(told.contains("syncline session reject"), "{told}");

    // nobody has decided: the phone syncs, and the tablet keeps what it has
    world.phone.sync("two-way").unwrap();
    world.tablet.sync("two-way").unwrap();
    assert_eq!((files(&world.phone), files(&world.tablet)), (0, ITEMS));

    let said = world.refused(&["session", "confirm", "nonsense"]);
    assert!(said.contains("session list"), "{said}");
    let other = ["session", "reject", "--store", "calendar", &session];
    world.refused(&other);
    let told = world.run(&["session", "reject", &session]);
    assert!(told.starts_with("dropped 8 deletions"), "{told}");
    world.refused(&["session", "reject", &session]);
    world.phone.sync("two-way").unwrap();
    assert_eq!(files(&world.phone), ITEMS);
    let before = world.json(&["session", "list"]);
    assert_eq!(before, json!([]));
}

#[test]
fn the_client_says_that_its_changes_wait() {
    let world = World::new("floor = 3");
    world.empty();
    let output = world.phone.run("two-way").unwrap();
    assert_eq!(output.code, Some(0), "{}", output.all());
    assert!(output.text().contains(" waiting\n"), "{}", output.text());
    let told = output.stderr.matches("wait on the server").count();
    assert_eq!(told, 1, "{}", output.stderr);
}

#[test]
fn what_is_confirmed_can_be_undone() {
    let world = World::new("floor = 3");
    world.wipe();
    let session = world.held();
    let decided = world.json(&["session", "confirm", &session, "--user", "alice"]);
    let expected = json!({
        "session": session, "user": "alice", "deletions": ITEMS, "replacements": 0, "left": []
    });
    assert_eq!(decided, expected);
    world.tablet.sync("two-way").unwrap();
    assert_eq!((world.items(), files(&world.tablet)), (0, 0));
    let row = &world.json(&["session", "list"])[0];
    assert_eq!(
        (&row["deleted"], &row["session"]),
        (&json!(ITEMS), &json!(session))
    );
    let history = world.json(&["store", "history", "--user", "alice", "contacts"]);
    assert_eq!(history[0]["last"]["session"], json!(session));

    let undo = [
        "store", "restore", "--user", "alice", "contacts", "--before",
    ];
    let dry = [&undo[..], &[&session, "--dry-run"]].concat();
    assert_eq!(world.run(&dry), "would restore 8 items\n");
    assert_eq!(world.items(), 0);
    let undone = world.json(&[&undo[..], &[&session]].concat());
    assert_eq!(undone["restored"].as_array().unwrap().len(), 8);
    assert_eq!(undone["dry_run"], json!(false));
    assert_eq!(world.items(), ITEMS);
    world.tablet.sync("two-way").unwrap();
    world.phone.sync("two-way").unwrap();
    assert_eq!((files(&world.phone), files(&world.tablet)), (ITEMS, ITEMS));

    let said = world.refused(&[&undo[..], &["nonsense"]].concat());
    assert!(said.contains("session list"), "{said}");
    world.refused(&[&undo[..], &[&session, "--version", "1"]].concat());
    world.refused(&["store", "restore", "--user", "alice", "contacts"]);
}

#[test]
fn a_session_is_undone_but_for_what_others_did_since() {
    let world = World::new("share = 100");
    let folder = world.phone.folder("contacts");
    let card = |name: &str| {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name};;;;\r\nFN:{name}\r\nEND:VCARD\r\n")
    };
    for number in 1..=6 {
        fs::remove_file(folder.join(format!("{number}.vcf"))).unwrap();
    }
    fs::write(folder.join("7.vcf"), card("Nobody")).unwrap();
    fs::write(folder.join("9.vcf"), card("Somebody")).unwrap();
    world.phone.sync("two-way").unwrap();
    assert_eq!(world.items(), 3, "with a share of 100 nothing waits");
    let row = &world.json(&["session", "list"])[0];
    assert_eq!((&row["deleted"], &row["replaced"]), (&json!(6), &json!(1)));
    let session = row["session"].as_str().unwrap().to_owned();

    let history = world.json(&["store", "history", "--user", "alice", "contacts"]);
    let mut deleted = history.as_array().unwrap().iter();
    let deleted = deleted.find(|row| row["last"]["why"] == "deleted").unwrap();
    let guid = deleted["guid"].to_string();
    // somebody has brought one back, and then another version of it
    let restore = ["store", "restore", "--user", "alice", "contacts"];
    world.run(&[&restore[..], &[&guid]].concat());
    world.tablet.sync("two-way").unwrap();
    let held = fs::read_dir(world.tablet.folder("contacts")).unwrap();
    for entry in held {
        let path = entry.unwrap().path();
        if let Ok(text) = fs::read_to_string(&path)
            && deleted["last"]["summary"]
                .as_str()
                .is_some_and(|name| text.contains(name))
        {
            fs::write(&path, card("Edited")).unwrap();
        }
    }
    world.tablet.sync("two-way").unwrap();

    let undo = [&restore[..], &["--before", &session]].concat();
    let told = world.run(&[&undo[..], &["--remove-added", "--dry-run"]].concat());
    assert!(told.contains("would restore 6 items\n"), "{told}");
    assert!(told.contains("would remove 1 items"), "{told}");
    let told = world.run(&undo);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "restored 6 items");
    let changed = format!("left what others have changed since: items {guid}; --force");
    assert!(lines[1].starts_with(&changed), "{told}");
    let added = "left what the session has added: items 9; --remove-added";
    assert!(lines[2].starts_with(added), "{told}");
    assert_eq!(world.items(), 9);
    let forced = world.json(&[&undo[..], &["--force", "--remove-added"]].concat());
    assert_eq!(forced["restored"], json!([deleted["guid"]]));
    assert_eq!(forced["removed"], json!([9]));
    world.tablet.sync("two-way").unwrap();
    let mut names = world.tablet.essences("contacts", Kind::Contact).unwrap();
    names.retain(|essence| essence.contains("Person"));
    assert_eq!((names.len() as u64, world.items()), (ITEMS, ITEMS));
}
