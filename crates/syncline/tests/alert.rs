//! Notifications made by `syncline alert` and acted on by `syncline sync --alert`, with a server.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use syncml::san::{self, Initiator, Notification, Received};
use syncml::{AlertCode, Encoding, Version};
use testkit::process::{self, Output, Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

/// A server with the account alice, and a device that syncs two folders with it.
struct Place {
    root: tempfile::TempDir,
    server: Server,
}

impl Place {
    /// The device has synced once, in this version.
    fn new(version: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).display().to_string();
        let add = [
            "user",
            "add",
            "alice",
            "--password-stdin",
            "--data",
            &path("data"),
        ];
        let made = process::run(Path::new(PROGRAM), &add, b"secret\n").unwrap();
        assert_eq!(made.code, Some(0), "{}", made.all());
        let data = root.path().join("data");
        let log = ["--log-messages", &path("messages")];
        let server = Server::start_with(Path::new(PROGRAM), &data, "127.0.0.1:0", &log).unwrap();
        let place = Self { root, server };
        for (name, text) in [
            (
                "contacts/ada.vcf",
                "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lind;Ada;;;\r\nFN:Ada Lind\r\nEND:VCARD\r\n",
            ),
            ("notes/one.txt", "buy milk"),
        ] {
            place.write(name, text.as_bytes());
        }
        let first = place.sync(&["--version", version]);
        assert_eq!(first.code, Some(0), "{}", first.all());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes a notification for the device; the file, and what it says.
    fn alert(&self, arguments: &[&str]) -> (PathBuf, Received) {
        let out = self.path("wake.san");
        let made = self.try_alert(&[arguments, &["--out", out.to_str().unwrap()]].concat());
        assert_eq!(made.code, Some(0), "{}", made.all());
        assert!(made.all().contains("made a notification"), "{}", made.all());
        let bytes = fs::read(&out).unwrap();
        (out, san::read(&bytes).unwrap())
    }

    fn try_alert(&self, arguments: &[&str]) -> Output {
        let data = self.path("data").display().to_string();
        let fixed = ["alert", "alice", "phone", "--data", &data];
        process::run(Path::new(PROGRAM), &[&fixed, arguments].concat(), b"").unwrap()
    }

    fn sync(&self, arguments: &[&str]) -> Output {
        self.sync_as_made(&[&["--device-id", "phone"], arguments].concat())
    }

    /// The same with the identifier that the device makes up.
    fn sync_as_made(&self, arguments: &[&str]) -> Output {
        let url = self.server.url();
        let stores =
            ["contacts", "notes"].map(|name| format!("{name}={}", self.path(name).display()));
        let fixed = [
            "sync",
            "--url",
            url,
            "--user",
            "alice",
            "--password-stdin",
            &stores[0],
            &stores[1],
        ];
        process::run(
            Path::new(PROGRAM),
            &[&fixed, arguments].concat(),
            b"secret\n",
        )
        .unwrap()
    }

    /// Acts on a notification.
    fn act(&self, file: &Path) -> Output {
        self.sync(&["--alert", file.to_str().unwrap()])
    }

    /// The messages with this in them, in the order in which they came.
    fn messages_with(&self, text: &str) -> Vec<String> {
        let files = fs::read_dir(self.path("messages")).unwrap();
        let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
        files.sort_by_key(|file| file.metadata().unwrap().modified().unwrap());
        let messages = files.iter().map(|file| fs::read_to_string(file).unwrap());
        messages.filter(|message| message.contains(text)).collect()
    }

    /// The messages of a session, as the server has logged them.
    fn messages(&self, session_id: &str) -> String {
        let mut all = String::new();
        let mut files: Vec<PathBuf> = fs::read_dir(self.path("messages"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            let text = fs::read_to_string(file).unwrap();
            if text.contains(&format!("<SessionID>{session_id}</SessionID>")) {
                all.push_str(&text);
            }
        }
        all
    }
}

fn session_id(said: &Received) -> &str {
    said.notification().session_id.as_deref().unwrap()
}

// spec: Q01 Q03 Q04 Q07
#[test]
fn a_package_of_the_server_is_acted_on_once() {
    let place = Place::new("1.2");
    let (file, said) = place.alert(&["--datastore", "contacts", "--type", "from-server"]);
    assert!(matches!(said, Received::Package(_)));
    let asked = said.notification();
    assert_eq!(asked.syncs.len(), 1);
    assert_eq!(
        asked.syncs[0].code,
        AlertCode::ONE_WAY_FROM_SERVER_BY_SERVER
    );
    assert_eq!(asked.syncs[0].server_uri, "contacts");
    assert!(!place.messages("").contains(session_id(&said)));

    let done = place.act(&file);
    assert_eq!(done.code, Some(0), "{}", done.all());
    let text = done.text();
    assert!(
        text.contains("contacts: sent 0") && !text.contains("notes"),
        "{text}"
    );
    let messages = place.messages(session_id(&said));
    assert!(messages.contains("<Data>204</Data>"), "{messages}");

    let again = place.act(&file);
    assert_eq!(again.code, Some(0), "{}", again.all());
    assert!(again.all().contains("came before"), "{}", again.all());
    assert_eq!(again.text(), "", "no session");
}

// spec: F09
#[test]
fn a_notification_of_one_datastore_is_for_the_whole_device() {
    let place = Place::new("1.2");
    let data = place.path("data").display().to_string();
    let run = |command: &[&str]| {
        let done = process::run(
            Path::new(PROGRAM),
            &[command, &["--data", &data]].concat(),
            b"",
        );
        let done = done.unwrap();
        assert_eq!(done.code, Some(0), "{}", done.all());
        done.text()
    };
    let devices = || {
        let listed: serde_json::Value =
            serde_json::from_str(&run(&["device", "list", "--json"])).unwrap();
        let rows = listed.as_array().unwrap().iter();
        let mut names: Vec<String> = rows
            .map(|row| row["device"].as_str().unwrap().to_owned())
            .collect();
        names.retain(|name| name != "phone");
        names
    };
    assert_eq!(place.sync_as_made(&[]).code, Some(0));
    let [device] = <[String; 1]>::try_from(devices()).unwrap();
    let file = place.path("wake.san");
    let wake = file.to_str().unwrap();
    run(&[
        "alert",
        "alice",
        &device,
        "--datastore",
        "notes",
        "--out",
        wake,
    ]);
    let done = place.sync_as_made(&["--alert", wake]);
    assert_eq!(done.code, Some(0), "{}", done.all());
    assert!(done.text().starts_with("notes: "), "{}", done.text());
    assert_eq!(devices(), std::slice::from_ref(&device));
    // nor has the server forgotten what the rest of it can do
    let told = place.messages_with("<Put>");
    let last = told.last().unwrap();
    assert!(
        last.contains("./contacts") && last.contains("./notes"),
        "{last}"
    );
}

// spec: Q08
#[test]
fn a_package_that_names_no_datastore_means_all() {
    let place = Place::new("1.2");
    let (file, said) = place.alert(&["--ui", "interactive"]);
    assert!(said.notification().syncs.is_empty());
    assert_eq!(said.notification().ui_mode, san::UiMode::UserInteraction);
    let done = place.act(&file);
    assert_eq!(done.code, Some(0), "{}", done.all());
    let text = done.text();
    assert!(
        text.contains("contacts: ") && text.contains("notes: "),
        "{text}"
    );
    assert!(
        done.all()
            .contains("the server asks for a sync of contacts, notes")
    );
}

// spec: Q03 Q10 Q16
#[test]
fn what_the_server_did_not_send_is_refused() {
    let place = Place::new("1.2");
    let (file, _) = place.alert(&[]);
    let whole = fs::read(&file).unwrap();

    let mut wrong = whole.clone();
    wrong[20] ^= 0x10;
    wrong[0] ^= 1;
    place.write("wrong.san", &wrong);
    let refused = place.act(&place.path("wrong.san"));
    assert_eq!(refused.code, Some(3), "{}", refused.all());
    assert!(
        refused
            .all()
            .contains("digest of the notification is wrong")
    );

    place.write("cut.san", &whole[..whole.len() - 1]);
    let refused = place.act(&place.path("cut.san"));
    assert_eq!(refused.code, Some(1), "{}", refused.all());
    assert!(
        refused.all().contains("is no notification"),
        "{}",
        refused.all()
    );

    let (file, _) = place.alert(&["--server-id", "elsewhere"]);
    let refused = place.act(&file);
    assert_eq!(refused.code, Some(3), "{}", refused.all());
    assert!(
        refused.all().contains("comes from \"elsewhere\""),
        "{}",
        refused.all()
    );
    let agreed = place.sync(&[
        "--alert",
        file.to_str().unwrap(),
        "--server-id",
        "elsewhere",
    ]);
    assert_eq!(agreed.code, Some(0), "{}", agreed.all());

    // the nonce of the session before is gone
    place.write("old.san", &whole);
    let refused = place.act(&place.path("old.san"));
    assert_eq!(refused.code, Some(3), "{}", refused.all());
}

// spec: Q11 Q12
#[test]
fn a_message_is_answered_in_its_own_session() {
    let place = Place::new("1.1");
    let (file, said) = place.alert(&["--datastore", "notes", "--encoding", "xml"]);
    let Received::Message(message) = &said else {
        panic!("a device of 1.1 gets a message");
    };
    assert_eq!(message.encoding, Encoding::Xml);
    assert_eq!(message.device, "phone");
    let asked = &message.notification;
    assert_eq!(asked.version, Version::V1_1);
    assert_eq!(asked.syncs[0].client_uri.as_deref(), Some("./notes"));
    let done = place.act(&file);
    assert_eq!(done.code, Some(0), "{}", done.all());
    let text = done.text();
    assert!(
        text.contains("notes: sent 0") && !text.contains("contacts"),
        "{text}"
    );
    let messages = place.messages(session_id(&said));
    let first = messages.split("</SyncML>").next().unwrap();
    assert!(first.contains("<VerDTD>1.1</VerDTD>"), "{first}");
    let statuses: Vec<&str> = first.split("<Status>").skip(1).collect();
    assert_eq!(statuses.len(), 2, "{first}");
    assert!(statuses[0].contains("<Cmd>SyncHdr</Cmd>"), "{first}");
    assert!(statuses[1].contains("<Cmd>Alert</Cmd>"), "{first}");

    let (_, wbxml) = place.alert(&["--type", "refresh-from-client"]);
    let Notification { syncs, .. } = wbxml.notification();
    let named: Vec<_> = syncs
        .iter()
        .map(|sync| (sync.code.0, sync.server_uri.as_str()))
        .collect();
    assert_eq!(named, [(208, "contacts"), (208, "notes")]);
}

// spec: Q02
#[test]
fn a_package_says_who_caused_it_and_what_its_vendor_adds() {
    let place = Place::new("1.2");
    let (_, plain) = place.alert(&[]);
    let plain = plain.notification();
    assert_eq!(
        (plain.initiator, &plain.vendor[..]),
        (Initiator::Server, &[][..])
    );
    place.write("more", b"\x01more");
    let more = place.path("more").display().to_string();
    let (file, said) = place.alert(&["--initiator", "user", "--vendor", &more]);
    let said = said.notification();
    assert_eq!(said.initiator, Initiator::User);
    assert_eq!(said.vendor, b"\x01more");
    assert_eq!(place.act(&file).code, Some(0));
}

#[test]
fn what_cannot_be_asked_for_is_said() {
    let place = Place::new("1.2");
    let says = |arguments: &[&str], text: &str| {
        let failed = place.try_alert(arguments);
        assert_eq!(failed.code, Some(2), "{}", failed.all());
        assert!(failed.all().contains(text), "{}", failed.all());
    };
    says(&["--datastore", "dreams"], "has no datastore");
    says(&["--encoding", "xml"], "leave --encoding out");
    says(&["--vendor", "nowhere"], "nowhere cannot be read");
    says(
        &["--form", "1.1", "--vendor", "nowhere"],
        "no room for --vendor",
    );
    let data = place.path("data").display().to_string();
    let nobody = ["alert", "alice", "nobody", "--data", &data];
    let failed = process::run(Path::new(PROGRAM), &nobody, b"").unwrap();
    assert_eq!(failed.code, Some(2));
    assert!(
        failed.all().contains("syncline device list"),
        "{}",
        failed.all()
    );

    let password = [
        "user",
        "password",
        "alice",
        "--password-stdin",
        "--digest-only",
        "--data",
        &data,
    ];
    process::run(Path::new(PROGRAM), &password, b"secret\n").unwrap();
    says(&[], "without --digest-only");
}
