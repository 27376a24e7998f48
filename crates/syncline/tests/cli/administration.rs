//! Accounts, items, devices and conflicts, as their owner or an operator looks after them.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::place::{Place, card, json};

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
fn duplicates_of_every_kind_are_found_and_stay_in_a_dry_run() {
    let place = Place::new();
    place.account();
    let entry = |kind: &str, lines: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:{kind}\r\n{lines}\r\nEND:{kind}\r\n\
             END:VCALENDAR\r\n"
        )
    };
    let event = "SUMMARY:Choir\r\nDTSTART:20260105T180000Z\r\nDTEND:20260105T200000Z";
    let task = "SUMMARY:Paint\r\nDUE:20260105T180000Z";
    let with = |lines: &str, more: &str| format!("UID:{more}\r\n{lines}\r\n{more}");
    let note = |body: &str| format!("BEGIN:VNOTE\r\nVERSION:1.1\r\nBODY:{body}\r\nEND:VNOTE\r\n");
    for (datastore, extension, items, why) in [
        (
            "calendar",
            "ics",
            [
                entry("VEVENT", &with(event, "LOCATION:Hall")),
                entry("VEVENT", &with(event, "DESCRIPTION:Bring tea")),
                // another day
                entry(
                    "VEVENT",
                    &with(&event.replace("0105T", "0112T"), "LOCATION:Hall"),
                ),
            ],
            "same title and start",
        ),
        (
            "tasks",
            "ics",
            [
                entry("VTODO", &with(task, "PRIORITY:5")),
                entry("VTODO", &with(task, "DESCRIPTION:The fence")),
                entry(
                    "VTODO",
                    &with(&task.replace("0105T", "0112T"), "PRIORITY:5"),
                ),
            ],
            "same title and due date",
        ),
        (
            "notes",
            "vnt",
            [
                note("Buy milk\r\nCATEGORIES:Home"),
                note("Buy milk\r\nCLASS:PRIVATE"),
                note("Buy bread"),
            ],
            "same text",
        ),
    ] {
        let store = |args: &[&str]| {
            let fixed = ["store", args[0], "--user", "alice", datastore];
            place.run(&[&fixed[..], &args[1..]].concat())
        };
        for (number, item) in items.iter().enumerate() {
            let file = format!("{datastore}/{number}.{extension}");
            place.write(&file, item);
        }
        let folder = place.path(datastore);
        store(&["import", folder.to_str().unwrap()]).ok();
        let table = store(&["dedupe", "--dry-run"]).ok();
        assert!(table.contains(why), "{table}");
        assert!(table.ends_with("1 would be merged\n"), "{table}");
        assert_eq!(place.count(datastore), 3, "a dry run changes nothing");
        let done = store(&["dedupe"]).ok();
        assert!(done.contains("merged 1"), "{done}");
        assert_eq!(place.count(datastore), 2);
        let again = store(&["dedupe", "--dry-run"]).ok();
        assert!(again.contains("twice"), "{again}");
    }
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
