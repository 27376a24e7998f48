//! The program as people and scripts use it: every test runs the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// A folder of its own for each test.
struct Place {
    root: tempfile::TempDir,
}

/// What a run of the program gave.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The output of a run that has to succeed.
    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// The error of a run that has to end with this code.
    fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(
            code == 1 || self.err.starts_with("error: "),
            "{:?}",
            self.err
        );
        self.err
    }
}

impl Place {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The program with this place's state, in this place's folder.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command
            .args(args)
            .current_dir(self.root.path())
            .env("SYNCLINE_DATA", self.path("data"))
            .env_remove("SYNCLINE_CONFIG")
            .env_remove("SYNCLINE_LOG");
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, b"")
    }

    fn run_with(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // a command that reads no input may be gone already
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::of(child.wait_with_output().unwrap())
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn account(&self) {
        self.run_with(&["user", "add", "alice", "--password-stdin"], b"secret\n")
            .ok();
    }

    fn serve(&self, args: &[&str]) -> Server {
        self.serve_in("UTC", args)
    }

    /// A server on a system in this zone.
    fn serve_in(&self, zone: &str, args: &[&str]) -> Server {
        let mut child = self
            .command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())
            .env("TZ", zone)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Server { child, out, url }
    }

    /// Syncs folders with a server as alice.
    fn sync(&self, url: &str, args: &[&str]) -> Run {
        let fixed = ["sync", "--url", url, "--user", "alice", "--password-stdin"];
        self.run_with(&[&fixed, args].concat(), b"secret\n")
    }

    /// How many items the server holds for alice.
    fn count(&self, store: &str) -> u64 {
        let list = json(
            &self
                .run(&["store", "list", "--user", "alice", "--json"])
                .ok(),
        );
        let rows = list.as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == store);
        row.unwrap()["items"].as_u64().unwrap()
    }

    /// The items of a folder by their text, sorted.
    fn items(&self, name: &str) -> Vec<String> {
        let mut items: Vec<String> = fs::read_dir(self.path(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        items.sort();
        items
    }
}

/// A running server, ended with the test.
struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn get(&self, path: &str) -> String {
        self.request(&format!("GET {path} HTTP/1.1"), "")
    }

    fn post(&self, body: &str) -> String {
        self.request("POST /syncml HTTP/1.1", body)
    }

    fn request(&self, line: &str, body: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let host = host.split('/').next().unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{line}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks the server to end; its exit code, the rest of its output and its log.
    fn terminate(mut self) -> (Option<i32>, String, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let (mut rest, mut log) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).unwrap();
        let mut err = self.child.stderr.take().unwrap();
        err.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), rest, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it has ended already where the test asked it to
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Presses Ctrl-C.
fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn card(family: &str, given: &str, phone: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{family};{given};;;\r\nFN:{given} {family}\r\n\
         TEL;TYPE=CELL:{phone}\r\nEND:VCARD\r\n"
    )
}

#[test]
fn accounts_are_made_listed_and_removed() {
    let place = Place::new();
    let error = place.run(&["user", "list"]).fails(2);
    assert!(error.contains("there is no state"), "{error}");

    let out = place.run(&["user", "add", "bob"]).ok();
    let password = out.lines().find_map(|line| line.strip_prefix("password: "));
    assert_eq!(password.unwrap().len(), 14, "{out}");
    let out = place
        .run_with(&["user", "add", "alice", "--password-stdin"], b"secret\n")
        .ok();
    assert!(!out.contains("secret"), "{out}");

    let list = json(&place.run(&["user", "list", "--json"]).ok());
    assert_eq!(list[0]["name"], "alice");
    assert_eq!(list[1]["name"], "bob");
    assert_eq!(list[1]["items"], 0);

    let error = place.run(&["user", "add", "bob"]).fails(2);
    assert!(error.contains("bob"), "{error}");
    place.run(&["user", "add", "a:b"]).fails(2);
    place
        .run_with(&["user", "password", "bob", "--password-stdin"], b"")
        .fails(2);
    place
        .run_with(&["user", "password", "bob", "--password-stdin"], b"new\n")
        .ok();
    place.run(&["user", "password", "carol"]).fails(2);
    place.run(&["user", "remove", "bob"]).ok();
    place.run(&["user", "remove", "bob"]).fails(2);
    let list = json(&place.run(&["user", "list", "--json"]).ok());
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn items_go_in_and_come_out_unchanged() {
    let place = Place::new();
    place.account();
    let (ada, jonas, mira) = (
        card("Lind", "Ada", "1"),
        card("Berg", "Jonas", "2"),
        card("Okafor", "Mira", "3"),
    );
    place.write("in/ada.vcf", &ada);
    place.write("in/others.vcf", &format!("{jonas}{mira}"));
    place.write("in/.hidden", "not looked at");
    let import = ["store", "import", "--user", "alice", "contacts", "in"];
    assert_eq!(place.run(&import).ok(), "imported 3 items\n");

    let list = ["store", "list", "--user", "alice", "--json"];
    let list = json(&place.run(&list).ok());
    assert_eq!(list[0]["name"], "contacts");
    assert_eq!(list[0]["uri"], "contacts");
    assert_eq!(list[0]["items"], 3);

    let export = ["store", "export", "--user", "alice", "./card", "out"];
    assert_eq!(place.run(&export).ok(), "exported 3 items\n");
    let mut expected = vec![ada, jonas, mira];
    expected.sort();
    assert_eq!(place.items("out"), expected);
    assert!(
        fs::read_dir(place.path("out")).unwrap().all(|entry| entry
            .unwrap()
            .path()
            .extension()
            .unwrap()
            == "vcf")
    );

    let other = [
        "store",
        "export",
        "--user",
        "alice",
        "--type",
        "text/x-vcard",
        "contacts",
        "old",
    ];
    assert_eq!(place.run(&other).ok(), "exported 3 items\n");
    for old in place.items("old") {
        assert!(old.contains("VERSION:2.1"), "{old}");
    }
    let mut impossible = other;
    impossible[5] = "text/calendar";
    let run = place.run(&impossible);
    assert_eq!(run.out, "exported 0 items\n");
    assert!(run.fails(1).contains("is text/vcard and cannot be"));

    let file = [
        "store",
        "import",
        "--user",
        "alice",
        "contacts",
        "in/others.vcf",
    ];
    assert_eq!(place.run(&file).ok(), "imported 2 items\n");

    place.write("bad/readme.txt", "this is no card");
    place.write("bad/good.vcf", &card("Good", "Guy", "4"));
    let import = ["store", "import", "--user", "alice", "contacts", "bad"];
    let run = place.run(&import);
    assert_eq!(run.out, "imported 1 items\n");
    assert!(run.fails(1).contains("readme.txt"));

    place
        .run(&["store", "import", "--user", "alice", "contacts", "nowhere"])
        .fails(2);
    place
        .run(&["store", "export", "--user", "alice", "stamps", "out"])
        .fails(2);
    place.run(&["store", "list", "--user", "carol"]).fails(2);
}

#[test]
fn what_is_not_imported_is_named_with_its_reason() {
    let place = Place::new();
    place.account();
    let task = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:t\r\nSUMMARY:Rake leaves\r\n\
                END:VTODO\r\nEND:VCALENDAR\r\n";
    place.write("in/task.ics", task);
    place.write("in/blank.ics", " \r\n");
    place.write("in/sub/not-looked-at.ics", task);
    let folder = place.path("in");
    std::os::unix::fs::symlink("nowhere", folder.join("link.ics")).unwrap();
    let made = Command::new("mkfifo").arg(folder.join("pipe.ics")).status();
    assert!(made.unwrap().success());
    let import = |store| place.run(&["store", "import", "--user", "alice", store, "in"]);
    let run = import("calendar");
    assert_eq!(run.out, "imported 0 items\n");
    let error = run.fails(1);
    for reason in [
        "task.ics holds a VTODO, which belongs into tasks and not into calendar",
        "blank.ics is empty",
        "link.ics is a link that leads nowhere",
        "pipe.ics is no file",
    ] {
        assert!(error.contains(reason), "{error}");
    }
    assert!(!error.contains("sub"), "{error}");
    assert_eq!(import("tasks").out, "imported 1 items\n");
    let help = place.run(&["store", "import", "--help"]).ok();
    assert!(help.contains("twice"), "{help}");
}

#[test]
fn a_former_version_comes_back_to_every_device() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    let (first, second) = (card("Lind", "Ada", "1"), card("Lind", "Ada", "2"));
    let sync = |folder: &str, id: &str| {
        let pair = format!("contacts={folder}");
        place.sync(&server.url, &["--device-id", id, &pair]).ok()
    };
    let store = |args: &[&str]| {
        let fixed = ["store", args[0], "--user", "alice"];
        place.run(&[&fixed, &args[1..]].concat())
    };
    assert!(store(&["history", "contacts"]).ok().contains("no item"));
    place.write("a/ada.vcf", &first);
    sync("a", "phone");
    sync("b", "laptop");
    place.write("a/ada.vcf", &second);
    sync("a", "phone");
    fs::remove_file(place.path("a/ada.vcf")).unwrap();
    sync("a", "phone");
    sync("b", "laptop");
    assert!(place.items("b").is_empty());

    let items = json(&store(&["history", "--json", "contacts"]).ok());
    assert_eq!(items[0]["versions"], 2, "{items}");
    assert_eq!(items[0]["last"]["why"], "deleted");
    let guid = items[0]["guid"].to_string();
    let versions = json(&store(&["history", "--json", "contacts", &guid]).ok());
    assert_eq!(versions[0]["version"], 1, "{versions}");
    assert_eq!(versions[0]["why"], "replaced");
    assert_eq!(versions[0]["device"], "phone");
    assert_eq!(versions[0]["summary"], "Ada Lind");
    let table = store(&["history", "contacts", &guid]).ok();
    assert!(
        table.contains("deleted") && table.contains("Ada Lind"),
        "{table}"
    );

    store(&["restore", "contacts", &guid]).ok();
    sync("a", "phone");
    sync("b", "laptop");
    assert_eq!(place.items("a"), [second]);
    store(&["restore", "contacts", &guid, "--version", "1"]).ok();
    sync("a", "phone");
    sync("b", "laptop");
    assert_eq!(place.items("a"), place.items("b"));
    assert_eq!(place.items("b"), [first]);
    let again = store(&["restore", "contacts", &guid, "--version", "1"]).ok();
    assert!(again.contains("already"), "{again}");
    store(&["restore", "contacts", &guid, "--version", "99"]).fails(2);
    store(&["restore", "contacts", "12345"]).fails(2);
    store(&["history", "contacts", "12345"]).fails(2);
}

#[test]
fn devices_are_where_the_configuration_says_or_where_the_server_is() {
    let place = Place::new();
    let log = |args: &[&str]| {
        let (code, _, log) = place.serve_in("Asia/Kolkata", args).terminate();
        assert_eq!(code, Some(0), "{log}");
        log
    };
    let system = log(&[]);
    assert!(
        system.contains("devices are taken to be in Asia/Kolkata"),
        "{system}"
    );
    place.write("server.toml", "[server]\ntime-zone = 'Europe/Berlin'\n");
    let told = log(&["--config", "server.toml"]);
    assert!(
        told.contains("devices are taken to be in Europe/Berlin"),
        "{told}"
    );
    let (_, _, unknown) = place.serve_in("Not/AZone", &[]).terminate();
    assert!(
        unknown.contains("set time-zone in the configuration"),
        "{unknown}"
    );
}

#[test]
fn duplicates_become_one_on_the_server_and_on_devices() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    let ada = card("Lind", "Ada", "030 1234567");
    let named = |body: &str| ada.replace("END:VCARD", &format!("{body}\r\nEND:VCARD"));
    place.write("a/1.vcf", &ada);
    place.write("a/2.vcf", &named("NOTE:likes tea"));
    place.write("a/3.vcf", &card("Lind", "Ada", "030 7654321"));
    let sync = |folder: &str, id: &str| {
        let pair = format!("contacts={folder}");
        place.sync(&server.url, &["--device-id", id, &pair]).ok()
    };
    let dedupe = |store: &str, args: &[&str]| {
        let fixed = ["store", "dedupe", "--user", "alice", store];
        place.run(&[&fixed[..], args].concat())
    };
    assert!(dedupe("contacts", &[]).ok().contains("nothing in contacts"));
    sync("a", "phone");
    sync("b", "laptop");
    assert_eq!(place.items("b").len(), 3);

    let table = dedupe("contacts", &["--dry-run"]).ok();
    assert!(
        table.contains("Ada Lind") && table.contains("same name and number"),
        "{table}"
    );
    assert!(table.ends_with("1 would be merged\n"), "{table}");
    let found = json(&dedupe("contacts", &["--dry-run", "--json"]).ok());
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["merged"], false);
    let done = json(&dedupe("contacts", &["--json"]).ok());
    assert_eq!(
        (&done[0]["removed"], &done[0]["merged"]),
        (&found[0]["removed"], &Value::Bool(true))
    );
    assert_eq!(
        json(&dedupe("contacts", &["--json"]).ok()),
        serde_json::json!([])
    );

    sync("a", "phone");
    sync("b", "laptop");
    for folder in ["a", "b"] {
        let items = place.items(folder);
        assert_eq!(items.len(), 2, "{items:?}");
        let tea = items.iter().filter(|item| item.contains("likes tea"));
        assert_eq!(tea.count(), 1, "{items:?}");
        assert!(
            items.iter().any(|item| item.contains("7654321")),
            "{items:?}"
        );
    }
    dedupe("files", &[]).fails(2);
    dedupe("pictures", &[]).fails(2);
}

#[test]
fn conflicts_are_resolved_as_was_said_for_the_datastore_and_device() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    let sync = |folder: &str, id: &str| {
        let pair = format!("contacts={folder}");
        place.sync(&server.url, &["--device-id", id, &pair]).ok()
    };
    let store = |args: &[&str]| {
        let fixed = ["store", args[0], "--user", "alice"];
        place.run(&[&fixed, &args[1..]].concat())
    };
    assert!(store(&["policy"]).ok().contains("configuration"));
    assert!(
        store(&["conflicts", "contacts"])
            .ok()
            .contains("no version")
    );
    let numbers = ["1", "2", "3"].map(|number| card("Lind", "Ada", number));
    place.write("a/ada.vcf", &numbers[0]);
    sync("a", "phone");
    sync("b", "laptop");
    let on_laptop = fs::read_dir(place.path("b")).unwrap().find_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        (!name.starts_with('.')).then(|| format!("b/{name}"))
    });
    let on_laptop = on_laptop.unwrap();
    store(&["policy", "all", "merge"]).ok();
    let said = store(&["policy", "contacts", "server-wins", "--device", "laptop"]).ok();
    assert_eq!(said, "contacts, laptop: server-wins\n");
    store(&["policy", "contacts", "ask", "--device", "nobody"]).fails(2);
    store(&["policy", "pictures", "ask"]).fails(2);
    store(&["policy", "contacts"]).fails(2);
    let wishes = json(&store(&["policy", "--json"]).ok());
    assert_eq!(wishes[0]["policy"], "server-wins", "{wishes}");
    assert_eq!(wishes[0]["device"], "laptop");
    assert_eq!(wishes[1]["datastore"], Value::Null);

    place.write("a/ada.vcf", &numbers[1]);
    place.write(&on_laptop, &numbers[2]);
    sync("a", "phone");
    sync("b", "laptop");
    assert_eq!(place.items("b"), [numbers[1].clone()], "the server's won");
    let lost = json(&store(&["conflicts", "contacts", "--json"]).ok());
    assert_eq!(lost[0]["device"], "laptop", "{lost}");
    assert_eq!(lost[0]["why"], "overruled");
    let (guid, version) = (lost[0]["guid"].to_string(), lost[0]["version"].to_string());
    let table = store(&["conflicts", "contacts"]).ok();
    assert!(
        table.contains("Ada Lind") && table.contains("laptop"),
        "{table}"
    );
    store(&["restore", "contacts", &guid, "--version", &version]).ok();
    sync("b", "laptop");
    assert_eq!(place.items("b"), [numbers[2].clone()]);

    store(&["policy", "contacts", "--default", "--device", "laptop"]).ok();
    let table = store(&["policy"]).ok();
    assert!(
        table.contains("merge") && !table.contains("server-wins"),
        "{table}"
    );
}

const MESSAGE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <SyncML xmlns=\"SYNCML:SYNCML1.1\"><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto>\
    <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>http://h/</LocURI></Target>\
    <Source><LocURI>IMEI:1</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>1</CmdID>\
    <Data>200</Data></Alert><Final/></SyncBody></SyncML>";

#[test]
fn documents_go_to_binary_and_back() {
    let place = Place::new();
    place.write("message.xml", MESSAGE);
    place
        .run(&["encode", "message.xml", "--output", "message.wbxml"])
        .ok();
    let wbxml = fs::read(place.path("message.wbxml")).unwrap();
    assert!(wbxml.len() < MESSAGE.len() / 2);
    let xml = place.run(&["decode", "message.wbxml"]).ok();
    assert!(xml.contains("<VerProto>SyncML/1.1</VerProto>"), "{xml}");
    assert!(xml.lines().count() > 10, "it is indented: {xml}");
    assert_eq!(place.run_with(&["decode"], &wbxml).ok(), xml);
    place.write("again.xml", &xml);
    place
        .run(&["encode", "again.xml", "--output", "again.wbxml"])
        .ok();
    assert_eq!(fs::read(place.path("again.wbxml")).unwrap(), wbxml);

    let error = place.run_with(&["decode"], b"\x02\xa4\x01").fails(1);
    assert!(error.contains("stdin"), "{error}");
    place.run(&["decode", "nowhere"]).fails(2);
}

#[test]
fn the_demonstration_runs() {
    let place = Place::new();
    let out = place.run(&["demo", "--exit"]).ok();
    assert!(
        out.contains("A server listens on http://127.0.0.1:"),
        "{out}"
    );
    assert!(out.contains("its folder is removed"), "{out}");
    assert!(!out.contains("1 failed"), "{out}");
}

#[test]
fn the_demonstration_says_how_to_go_on() {
    let place = Place::new();
    let mut child = place
        .command(&["demo"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = out.find(|line| line.as_ref().unwrap().contains("| "));
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let line = line.unwrap().unwrap();
    // the tests' program is on nobody's PATH
    let program = concat!("| ", env!("CARGO_BIN_EXE_syncline"), " sync --url http://");
    assert!(line.contains(program), "{line}");
}

#[test]
fn a_server_says_where_it_is_and_ends_when_asked() {
    let place = Place::new();
    let server = place.serve(&["--log-format", "json"]);
    assert!(server.url.starts_with("http://127.0.0.1:"));
    assert!(server.url.ends_with("/syncml"));
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(server.get("/syncml").contains("SyncML"));
    let answer = server.post("\x02 this is no message");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let metrics = server.get("/metrics");
    for line in [
        "\nsyncline_sessions_total 0\n",
        "\nsyncline_messages_total{outcome=\"unreadable\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // commands work beside it
    place.account();
    let (code, rest, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(rest, "", "one line and no more");
    let messages: Vec<Value> = log
        .lines()
        .map(|line| json(line)["message"].clone())
        .collect();
    assert!(messages.contains(&"stopped".into()), "{log}");
}

#[test]
fn a_configuration_file_stands_for_the_options() {
    let place = Place::new();
    place.write(
        "etc/syncline.toml",
        "data = 'state'\n[server]\nlisten = '127.0.0.1:1'\npublic-url = 'off'\n",
    );
    let server = place.serve(&["--config", "etc/syncline.toml"]);
    assert!(place.path("etc/state/syncline.db").exists());
    assert!(!server.url.ends_with(":1/syncml"), "--listen goes first");
    drop(server);

    place.write("wrong.toml", "listen = '127.0.0.1:0'\n");
    let error = place.run(&["serve", "--config", "wrong.toml"]).fails(2);
    assert!(error.contains("wrong.toml, line 1"), "{error}");
    place.run(&["serve", "--public-url", "nowhere"]).fails(2);
    place
        .run(&["user", "list", "--database", "mysql://h/d"])
        .fails(2);
}

#[test]
fn an_unusable_state_has_its_own_code() {
    let place = Place::new();
    place.write(
        "data/syncline.db",
        "this is no database, however long it is",
    );
    let error = place.run(&["user", "list"]).fails(4);
    assert!(error.contains("syncline.db"), "{error}");
    place.run(&["serve"]).fails(4);
    place.write("file", "");
    place
        .run(&["user", "add", "x", "--data", "file/y"])
        .fails(4);
}

#[test]
fn a_damaged_state_is_not_served() {
    let place = Place::new();
    place.account();
    let path = place.path("data/syncline.db");
    let mut bytes = fs::read(&path).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let run = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.out, "");
    let error = run.fails(4);
    assert!(
        error.contains("damaged") && error.contains("restore a backup"),
        "{error}"
    );
}

#[test]
fn an_unreachable_or_refusing_peer_has_its_own_code() {
    let place = Place::new();
    place.account();
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let error = place
        .sync("http://127.0.0.1:1/syncml", &["contacts=c"])
        .fails(3);
    assert!(error.contains("127.0.0.1:1"), "{error}");

    let server = place.serve(&[]);
    let wrong = [
        "sync",
        "--url",
        &server.url,
        "--user",
        "alice",
        "--password-stdin",
        "contacts=c",
    ];
    let error = place.run_with(&wrong, b"guess\n").fails(3);
    assert!(error.contains("alice"), "{error}");
    let page = server.url.replace("/syncml", "/healthz");
    place.sync(&page, &["contacts=c"]).fails(3);
}

#[test]
fn wrong_usage_has_its_own_code() {
    let place = Place::new();
    place.run(&["synch"]).fails(2);
    let url = "http://127.0.0.1:1/";
    place.sync(url, &["stamps=s"]).fails(2);
    place.sync(url, &["contacts"]).fails(2);
    place.sync("gopher://h/", &["contacts=c"]).fails(2);
    for (twice, word) in [
        (["contacts=a", "./contacts=b"], "one datastore"),
        (["contacts=a", "notes=./a/"], "one folder"),
        (["profile.toml", "contacts=a"], "STORE=DIR"),
    ] {
        let error = place.sync(url, &twice).fails(2);
        assert!(error.contains(word), "{error}");
    }
    place.write("profile.toml", "[stores]\ncontacts = 'c'\n");
    let error = place.sync(url, &["profile.toml", "contacts=a"]).fails(2);
    assert!(error.contains("stands alone"), "{error}");
    let error = place.sync(url, &["contacts=a:foo/bar"]).fails(2);
    assert!(error.contains("foo/bar"), "{error}");
    assert!(!place.path("a").exists() && !place.path("a:foo").exists());
    let error = place
        .run(&["sync", "--url", url, "--user", "alice", "contacts=c"])
        .fails(2);
    assert!(error.contains("--password-stdin"), "{error}");
    let error = place
        .run(&["sync", "--user", "alice", "contacts=c"])
        .fails(2);
    assert!(error.contains("--url"), "{error}");
}

#[test]
fn two_folders_are_kept_in_step_through_a_server() {
    let place = Place::new();
    place.account();
    let server = place.serve(&["--log-messages", "messages"]);
    let (ada, jonas) = (card("Lind", "Ada", "1"), card("Berg", "Jonas", "2"));
    place.write("a/ada.vcf", &ada);
    place.write("a/jonas.vcf", &jonas);

    let plan = place.sync(&server.url, &["--dry-run", "contacts=a"]).ok();
    assert!(plan.contains("all 2 items"), "{plan}");

    let first = place.sync(&server.url, &["--json", "contacts=a"]).ok();
    let first = json(&first);
    assert_eq!(first[0]["sent"]["added"], 2, "{first}");
    assert_eq!(first[0]["error"], Value::Null);

    let xml = ["--version", "1.1", "--encoding", "xml", "contacts=b"];
    assert_eq!(
        place.sync(&server.url, &xml).ok(),
        "contacts: sent 0 added, 0 changed, 0 deleted; received 2 added, 0 changed, 0 deleted; \
         0 failed\n"
    );
    assert_eq!(place.items("b"), place.items("a"));

    let moved = card("Lind", "Ada", "9");
    place.write("a/ada.vcf", &moved);
    fs::remove_file(place.path("a/jonas.vcf")).unwrap();
    place.write("a/mira.vcf", &card("Okafor", "Mira", "3"));
    assert_eq!(
        place.sync(&server.url, &["--dry-run", "contacts=a"]).ok(),
        "contacts: would send 1 added, 1 changed, 1 deleted\n"
    );
    assert_eq!(
        place.sync(&server.url, &["contacts=a"]).ok(),
        "contacts: sent 1 added, 1 changed, 1 deleted; received 0 added, 0 changed, 0 deleted; \
         0 failed\n"
    );
    assert_eq!(
        place.sync(&server.url, &xml).ok(),
        "contacts: sent 0 added, 0 changed, 0 deleted; received 1 added, 1 changed, 1 deleted; \
         0 failed\n"
    );
    assert_eq!(place.items("b"), place.items("a"));

    let devices = json(&place.run(&["device", "list", "--json"]).ok());
    assert_eq!(devices.as_array().unwrap().len(), 2);
    let device = devices[0]["device"].as_str().unwrap();
    assert!(devices[0]["last_sync"].is_string(), "{devices}");
    let shown = place.run(&["device", "show", device]).ok();
    assert!(shown.contains("contacts"), "{shown}");
    place.run(&["device", "forget", device]).ok();
    place.run(&["device", "forget", device]).fails(2);

    let kept = place.items("messages");
    assert!(kept.len() >= 8, "{} messages", kept.len());
    assert!(kept.iter().any(|text| text.contains("Okafor")));
    assert!(kept.iter().any(|text| text.contains("[redacted]")));
    let (code, _, log) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(log.contains("alice"), "{log}");
    assert!(!log.contains("secret") && !log.contains("Okafor"), "{log}");
}

#[test]
fn a_slash_at_the_end_of_an_address_makes_no_other_server() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    place.sync(&server.url, &["contacts=c"]).ok();
    let plan = ["--dry-run", "contacts=c"];
    let plan = place.sync(&format!("{}/", server.url), &plan).ok();
    assert_eq!(plan, "contacts: would send 0 added, 0 changed, 0 deleted\n");
}

#[test]
fn a_dry_run_says_what_a_refresh_removes() {
    let place = Place::new();
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("c/jonas.vcf", &card("Berg", "Jonas", "2"));
    let plan = |mode: &str| {
        let url = "http://127.0.0.1:1/";
        place
            .sync(url, &["--dry-run", "--mode", mode, "contacts=c"])
            .ok()
    };
    assert_eq!(
        plan("refresh-from-server"),
        "contacts: would remove all 2 items here and receive the server's\n"
    );
    assert_eq!(
        plan("refresh-from-client"),
        "contacts: would send all 2 items; the server's other items would be removed\n"
    );
    // options go before the profile, also before what it says of one datastore
    place.write(
        "profile.toml",
        "url = 'http://127.0.0.1:1/'\nuser = 'alice'\n[stores]\n\
         contacts = { dir = 'c', mode = 'refresh-from-server' }\n",
    );
    let plan = place.run(&["sync", "--dry-run", "profile.toml"]).ok();
    assert!(plan.contains("would remove all 2"), "{plan}");
    let forced = ["sync", "--dry-run", "--mode", "slow", "profile.toml"];
    let plan = place.run(&forced).ok();
    assert!(plan.contains("to be compared"), "{plan}");
}

#[test]
fn an_interrupted_sync_says_how_to_go_on() {
    let place = Place::new();
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut child = place
        .command(&[
            "sync",
            "--url",
            &url,
            "--user",
            "alice",
            "--password-stdin",
            "contacts=c",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    // the request is on its way, and nobody answers it
    let (mut stream, _) = listener.accept().unwrap();
    assert!(stream.read(&mut [0; 16]).unwrap() > 0);
    interrupt(&child);
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!(run.out, "");
    let error = run.fails(1);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(lines[0].contains("being suspended"), "{error}");
    assert!(lines[1].starts_with("error: interrupted"), "{error}");
}

#[test]
fn what_devices_say_of_themselves_does_not_act_on_the_terminal() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let id = format!("red\u{202e}{}", "x".repeat(80));
    let sync = ["--device-id", &id, "contacts=c"];
    place.sync(&server.url, &sync).ok();
    for command in [&["device", "list"][..], &["device", "show", &id]] {
        let shown = place.run(command).ok();
        assert!(shown.contains(r"red\u{202e}xxx"), "{shown}");
        assert!(!shown.contains('\u{202e}'), "{shown}");
    }
    assert!(
        !place
            .run(&["device", "list"])
            .ok()
            .contains(&"x".repeat(60))
    );
    let sync = ["--device-id", "a\nb", "contacts=c"];
    place.sync(&server.url, &sync).fails(2);
}

#[test]
fn the_rules_of_a_device_are_shown() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let sync = ["--device-id", "acme-1", "contacts=c"];
    place.sync(&server.url, &sync).ok();
    place.write(
        "rules.toml",
        "[[device-rule]]\nname = 'acme'\nmatch.device = ['ACME-*']\nset.message-limit = 5000\n",
    );
    let show = ["device", "show", "acme-1"];
    assert!(!place.run(&show).ok().contains("acme\n"));
    let show = [&show[..], &["--config", "rules.toml"]].concat();
    let shown = place.run(&show).ok();
    let line = shown.lines().find(|line| line.starts_with("rules"));
    assert_eq!(line.unwrap().split_whitespace().nth(1), Some("acme"));
    let shown = json(&place.run(&[&show[..], &["--json"]].concat()).ok());
    assert_eq!(shown["device"], "acme-1");
    assert_eq!(shown["rules"][0], "acme");
    assert_eq!(shown["flags"]["message-limit"], 5000);
    assert_eq!(shown["flags"]["message-fill"], 95);
}

// spec: B13
#[test]
fn several_datastores_stay_in_step() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("a/c/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("a/n/list.txt", "rye bread\n");
    place.sync(&server.url, &["contacts=a/c", "notes=a/n"]).ok();
    place.sync(&server.url, &["contacts=b/c", "notes=b/n"]).ok();
    assert_eq!(place.items("b/c"), place.items("a/c"));
    assert_eq!(place.items("b/n"), place.items("a/n"));
    let quiet = place.sync(&server.url, &["contacts=b/c", "notes=b/n"]).ok();
    let nothing = "sent 0 added, 0 changed, 0 deleted; received 0 added, 0 changed, 0 deleted";
    assert_eq!(
        quiet,
        format!("contacts: {nothing}; 0 failed\nnotes: {nothing}; 0 failed\n")
    );
    place.write("b/n/more.txt", "coffee\n");
    let sent = place.sync(&server.url, &["contacts=b/c", "notes=b/n"]).ok();
    assert!(
        sent.ends_with("notes: sent 1 added, 0 changed, 0 deleted; received 0 added, 0 changed, 0 deleted; 0 failed\n"),
        "{sent}"
    );
}

#[test]
fn a_refused_datastore_does_not_hold_up_the_others() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("s/x.vcf", &card("Berg", "Jonas", "2"));
    let run = place.sync(&server.url, &["contacts=c", "stamps=s:text/vcard"]);
    assert_eq!(place.count("contacts"), 1, "{}", run.out);
    let error = run.fails(1);
    assert!(error.contains("stamps"), "{error}");
}

/// A server that refuses the version of every message, for as many messages; gives them.
fn refuse_versions(count: usize) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut messages = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            while !request.contains("</SyncML>") {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "the request broke");
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            let value = |name: &str| {
                let rest = request.split_once(&format!("<{name}>")).unwrap().1;
                rest.split_once('<').unwrap().0.to_owned()
            };
            let answer = format!(
                "<SyncML><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto>\
                 <SessionID>{}</SessionID><MsgID>1</MsgID><Target><LocURI>x</LocURI></Target>\
                 <Source><LocURI>y</LocURI></Source></SyncHdr><SyncBody><Status><CmdID>1</CmdID>\
                 <MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>505</Data></Status>\
                 <Final/></SyncBody></SyncML>",
                value("SessionID")
            );
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
                 Content-Type: application/vnd.syncml+xml\r\n\r\n{answer}",
                answer.len()
            )
            .unwrap();
            messages.push(value("VerDTD"));
        }
        messages
    });
    (url, thread)
}

// spec: D03
#[test]
fn older_versions_are_tried_when_none_is_named() {
    let place = Place::new();
    let (url, versions) = refuse_versions(3);
    let error = place
        .sync(&url, &["--encoding", "xml", "contacts=c"])
        .fails(3);
    assert!(error.contains("no version of SyncML"), "{error}");
    assert_eq!(versions.join().unwrap(), ["1.2", "1.1", "1.0"]);

    let (url, versions) = refuse_versions(1);
    let named = ["--encoding", "xml", "--version", "1.1", "contacts=c"];
    let error = place.sync(&url, &named).fails(3);
    assert!(error.contains("--version"), "{error}");
    assert_eq!(versions.join().unwrap(), ["1.1"]);
}

#[test]
fn a_profile_stands_for_the_arguments() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("home/c/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("home/password", "secret\n");
    let profile = format!(
        "url = '{}'\nuser = 'alice'\npassword-file = 'password'\ndevice-id = 'home'\n\
         [stores]\ncontacts = 'c'\n",
        server.url
    );
    place.write("home/profile.toml", &profile);
    let out = place.run(&["sync", "home/profile.toml"]).ok();
    assert_eq!(place.count("contacts"), 1, "{out}");
    let devices = json(&place.run(&["device", "list", "--json"]).ok());
    assert_eq!(devices[0]["device"], "home");
    place.run(&["sync", "home/nowhere.toml"]).fails(2);
}

#[test]
fn shells_get_completions() {
    let place = Place::new();
    let script = place.run(&["completions", "bash"]).ok();
    assert!(script.contains("password-stdin"));
}

#[test]
fn there_are_manual_pages() {
    let place = Place::new();
    let page = place.run(&["man"]).ok();
    assert!(page.contains(".TH syncline 1"), "{page}");
    let page = place.run(&["man", "store", "import"]).ok();
    assert!(page.contains(".TH syncline-store-import 1"), "{page}");
    place.run(&["man", "stores"]).fails(2);
}

#[test]
fn what_devices_may_do_is_said_and_listed() {
    let place = Place::new();
    place.run(&["user", "add", "ada"]).ok();
    let list = place.run(&["user", "access", "ada"]).ok();
    assert!(list.contains("every device may read and write"), "{list}");
    let said = place.run(&["user", "access", "ada", "calendar", "ro"]).ok();
    assert!(said.contains("every device may do ro"), "{said}");
    let one = [
        "user", "access", "ada", "calendar", "none", "--device", "IMEI:1",
    ];
    place.run(&one).ok();
    let list = place.run(&["user", "access", "ada"]).ok();
    let rows: Vec<Vec<&str>> = list
        .lines()
        .filter(|line| line.contains("calendar"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 2, "{list}");
    assert!(list.contains("IMEI:1") && list.contains("none"), "{list}");
    place
        .run(&["user", "access", "ada", "pictures", "ro"])
        .fails(2);
    place.run(&["user", "access", "eve"]).fails(2);
    place.run(&["user", "access", "ada", "calendar"]).fails(2);
}
