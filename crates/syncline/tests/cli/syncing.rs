//! The client: folders in step with a server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::place::{Place, Run, Server, card, header_status, interrupt, json, ok, scripted, value};

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

/// The subfolders and what files hold, each with the folder that it is in.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let name = folder.strip_prefix(root).unwrap().display().to_string();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                found.push(format!("{name}: {}", fs::read_to_string(path).unwrap()));
            } else if !path.ends_with(".syncline") {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

// spec: M01 M04
#[test]
fn files_are_kept_in_their_folders() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    let sync = |pair: &str| place.sync(&server.url, &[pair]).ok();
    place.write("a/work/plans/x.txt", "plan x");
    place.write("a/y.txt", "y");
    assert_eq!(
        sync("files=a"),
        "files: sent 4 added, 0 changed, 0 deleted; received 0 added, 0 changed, 0 deleted; 0 failed\n"
    );
    sync("files=b");
    let expected = [": y", "work", "work/plans", "work/plans: plan x"];
    assert_eq!(tree(&place.path("b")), expected);
    // a person moves, renames and removes
    fs::rename(place.path("b/work/plans"), place.path("b/plans")).unwrap();
    fs::remove_dir(place.path("b/work")).unwrap();
    place.write("b/plans/z.txt", "z");
    assert_eq!(
        place.sync(&server.url, &["--dry-run", "files=b"]).ok(),
        "files: would send 1 added, 1 changed, 1 deleted\n"
    );
    sync("files=b");
    sync("files=a");
    assert_eq!(
        tree(&place.path("a")),
        [": y", "plans", "plans: plan x", "plans: z"]
    );
    assert_eq!(tree(&place.path("b")), tree(&place.path("a")));
    for file in ["a/plans/x.txt", "b/plans/x.txt", "a/y.txt", "b/y.txt"] {
        assert!(place.path(file).exists(), "{file}");
    }
    // 1.1 has no folders, and what is in some stays there
    place.write("a/plans/x.txt", "plan x, edited");
    let older = ["--version", "1.1", "files=a"];
    place.sync(&server.url, &older).ok();
    sync("files=b");
    // what the device says of itself is another thing again
    sync("files=a");
    assert_eq!(tree(&place.path("b")), tree(&place.path("a")));
    let quiet = "sent 0 added, 0 changed, 0 deleted; received 0 added, 0 changed, 0 deleted";
    assert_eq!(sync("files=a"), format!("files: {quiet}; 0 failed\n"));
    assert_eq!(sync("files=b"), format!("files: {quiet}; 0 failed\n"));
    // elsewhere subfolders are no business of a sync
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("c/sub/jonas.vcf", &card("Berg", "Jonas", "2"));
    sync("contacts=c");
    assert_eq!(place.count("contacts"), 1);
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
    scripted(count, |request| ok(&header_status(request, 505)))
}

/// The version of each message.
fn versions_of(requests: std::thread::JoinHandle<Vec<String>>) -> Vec<String> {
    let requests = requests.join().unwrap();
    let versions = requests.iter().map(|request| value(request, "VerDTD"));
    versions.collect()
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
    assert_eq!(versions_of(versions), ["1.2", "1.1", "1.0"]);

    let (url, versions) = refuse_versions(1);
    let named = ["--encoding", "xml", "--version", "1.1", "contacts=c"];
    let error = place.sync(&url, &named).fails(3);
    assert!(error.contains("--version"), "{error}");
    assert_eq!(versions_of(versions), ["1.1"]);
}

// spec: L17
#[test]
fn an_inclusive_filter_is_not_turned_into_another_for_an_older_server() {
    let place = Place::new();
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let (url, requests) = refuse_versions(1);
    let filter = ["--encoding", "xml", "--inclusive", "--filter"];
    let run = place.sync(
        &url,
        &[&filter[..], &["contacts=N&iCON;Ann", "contacts=c"]].concat(),
    );
    assert_eq!(versions_of(requests), ["1.2"]);
    let error = run.fails(1);
    assert!(
        error.contains("1.1") && error.contains("inclusive filter"),
        "{error}"
    );
    assert_eq!(place.items("c").len(), 1);
}

// spec: L04
#[test]
fn a_filter_of_properties_takes_no_others_and_loses_none_of_them() {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    let whole = card("Lind", "Ada", "1").replace("END:", "NOTE:a long story\r\nORG:Acme\r\nEND:");
    place.write("c/ada.vcf", &whole);
    place.sync(&server.url, &["contacts=c"]).ok();
    place
        .sync(
            &server.url,
            &["--fields", "contacts=N,FN,NOTE:6", "contacts=d"],
        )
        .ok();
    let reduced = place.items("d").remove(0);
    assert!(reduced.contains("NOTE:a long\r\n"), "{reduced}");
    assert!(
        !reduced.contains("TEL") && !reduced.contains("ORG"),
        "{reduced}"
    );
    // before 1.2 there are no words for it, and nothing is sent
    let older = ["--version", "1.1", "--fields", "contacts=N", "contacts=e"];
    let error = place.sync(&server.url, &older).fails(1);
    assert!(error.contains("filter of properties"), "{error}");
    for wrong in ["contacts=N:x", "notes=N", "N"] {
        place
            .sync(&server.url, &["--fields", wrong, "contacts=e"])
            .fails(2);
    }
    // and what is held whole stays so
    place.sync(&server.url, &["contacts=d"]).ok();
    place.sync(&server.url, &["contacts=c"]).ok();
    assert_eq!(place.items("c"), [whole]);
}

// spec: K06 K08
#[test]
fn a_folder_takes_what_there_is_room_for() {
    let (place, server) = with_two();
    place
        .sync(&server.url, &["--room", "contacts=9000,1", "contacts=d"])
        .ok();
    assert_eq!(place.items("d").len(), 1);
    place.sync(&server.url, &["contacts=d"]).ok();
    assert_eq!(place.items("d"), place.items("c"));
    place
        .sync(&server.url, &["--room", "contacts=many", "contacts=d"])
        .fails(2);
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
fn a_profile_says_what_is_taken_and_what_becomes_of_conflicts() {
    let (place, server) = with_two();
    let profile = |on_conflict: &str| {
        let text = format!(
            "url = '{}'\nuser = 'alice'\npassword = 'secret'\non-conflict = '{on_conflict}'\n\
             [stores]\ncontacts = {{ dir = 'd', fields = 'N,FN', room = '9000,1' }}\n",
            server.url
        );
        place.write("profile.toml", &text);
        place.run(&["sync", "profile.toml"])
    };
    profile("ask").fails(2);
    profile("both").ok();
    let taken = place.items("d");
    assert_eq!(taken.len(), 1);
    assert!(
        taken[0].contains("FN:") && !taken[0].contains("TEL"),
        "{taken:?}"
    );
}

/// A contact that was changed in the folder `c` and on the server, which leaves such conflicts to the
/// client.
fn both_changed(place: &Place, url: &str) {
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    place.sync(url, &["contacts=c"]).ok();
    place.sync(url, &["contacts=d"]).ok();
    let theirs = fs::read_dir(place.path("d")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some().then_some(path)
    });
    fs::write(theirs.unwrap(), card("Lind", "Ada", "2")).unwrap();
    place.sync(url, &["contacts=d"]).ok();
    place.write("c/ada.vcf", &card("Lind", "Ada", "3"));
}

#[test]
fn a_conflict_that_the_server_leaves_to_the_client_is_decided_here() {
    let number = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("TEL"))
            .unwrap()
            .to_owned()
    };
    let numbers = |place: &Place, dir: &str| {
        let mut all: Vec<String> = place.items(dir).iter().map(|text| number(text)).collect();
        all.sort();
        all
    };
    let of = |all: &[&str]| -> Vec<String> {
        all.iter()
            .map(|one| number(&card("Lind", "Ada", one)))
            .collect()
    };
    for (choice, code, here) in [
        ("server", 0, ["2"].as_slice()),
        ("client", 1, &["3"]),
        ("both", 0, &["2", "3"]),
    ] {
        let place = Place::new();
        place.account();
        place.write("conf.toml", "[server]\nconflict = 'ask'\n");
        let server = place.serve(&["--config", "conf.toml"]);
        both_changed(&place, &server.url);
        let run = place.sync(&server.url, &["--on-conflict", choice, "contacts=c"]);
        if code == 0 {
            run.ok();
        } else {
            let error = run.fails(code);
            assert!(error.contains("the next sync sends it"), "{error}");
        }
        assert_eq!(numbers(&place, "c"), of(here), "{choice}");
        for dir in ["c", "d"] {
            place.sync(&server.url, &[&format!("contacts={dir}")]).ok();
        }
        assert_eq!(numbers(&place, "c"), of(here), "{choice}");
        assert_eq!(numbers(&place, "d"), of(here), "{choice}");
    }
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let place = Place::new();
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    // nobody listens there
    let run = place.sync(
        "http://127.0.0.1:1/",
        &["--on-conflict", "ask", "contacts=c"],
    );
    let error = run.fails(2);
    assert!(error.contains("no terminal"), "{error}");
}

/// A server that has got two contacts of the folder `c`.
fn with_two() -> (Place, Server) {
    let place = Place::new();
    place.account();
    let server = place.serve(&[]);
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    place.write("c/jonas.vcf", &card("Berg", "Jonas", "2"));
    place.sync(&server.url, &["contacts=c"]).ok();
    (place, server)
}

#[test]
fn a_profile_has_rules_of_its_own_for_an_odd_server() {
    let place = Place::new();
    place.account();
    place.write("c/ada.vcf", &card("Lind", "Ada", "1"));
    let server = place.serve(&[]);
    let profile = |rules: &str| {
        let url = &server.url;
        let text = format!(
            "url = '{url}'\nuser = 'alice'\npassword = 'secret'\n{rules}\n[stores]\ncontacts = 'c'\n"
        );
        place.write("home.toml", &text);
        let mut command = place.command(&["sync", "home.toml"]);
        Run::of(command.env("SYNCLINE_LOG", "info").output().unwrap())
    };
    let rule = "[[server-rule]]\nname = 'odd-one'\nmatch.host = ['127.0.0.1']\n";
    let wrong = profile(&format!("{rule}set.message-limit = 1")).fails(2);
    assert!(
        wrong.contains("odd-one") && wrong.contains("1000"),
        "{wrong}"
    );
    let run = profile(&format!("{rule}set.device-prefix = 'sc-pim-'"));
    assert!(run.err.contains("odd-one"), "the log names it: {}", run.err);
    run.ok();
    let devices = place.run(&["device", "list"]).ok();
    assert!(devices.contains("sc-pim-syncline-"), "{devices}");
}
