//! Documents, the demonstration, help, and words that mean nothing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::place::{Place, interrupt};

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
