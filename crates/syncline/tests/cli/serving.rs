//! A server: where it is, what it is told, and a state that it cannot use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::place::{Place, json};

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
fn a_password_that_everybody_can_read_is_told() {
    let place = Place::new();
    for (text, mode, is_told) in [
        (
            "[server]\nname = 'here'\npassword = 'secret'\n",
            0o644,
            true,
        ),
        (
            "[server]\nname = 'here'\npassword = 'secret'\n",
            0o640,
            false,
        ),
        ("[server]\nname = 'here'\n", 0o644, false),
    ] {
        place.write("syncline.toml", text);
        let path = place.path("syncline.toml");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let output = place.run(&["user", "list", "--config", "syncline.toml"]);
        let told = output.err.contains("chmod o= syncline.toml");
        assert_eq!(told, is_told, "{mode:o} {}", output.err);
    }
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
    place.run(&["serve", "--listen", "127.0.0.1:0"]).fails(4);
    place.write("file", "");
    place
        .run(&["user", "add", "x", "--data", "file/y"])
        .fails(4);
}

#[test]
fn who_cannot_listen_leaves_nothing_behind() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = place.run(&["serve", "--listen", &address]).fails(2);
    assert!(error.contains("choose another address"), "{error}");
    assert!(!place.path("data").exists());
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
