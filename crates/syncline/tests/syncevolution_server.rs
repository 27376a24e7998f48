//! Our client against SyncEvolution's server: what holds between our own two halves has to hold
//! with another implementation's server as well.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use testkit::items::{self, Kind};
use testkit::syncevolution::{Account, Counts, HttpServer, Store};
use testkit::syncline::Device;
use testkit::{Peer, require};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const USER: &str = "ada";
const PASSWORD: &str = "correct horse";
const DEVICE: &str = "folders-1";
const STORES: [(&str, Kind); 4] = [
    ("contacts", Kind::Contact),
    ("calendar", Kind::Event),
    ("tasks", Kind::Task),
    ("notes", Kind::Note),
];

/// SyncEvolution's server, and our client with an account there; `None` when it is not installed.
fn peers(arguments: &[&str]) -> Option<(HttpServer, Device)> {
    let installed = require(Peer::SyncEvolutionServer)?;
    let stores = STORES.map(|(name, kind)| Store::new(name, kind, name));
    let account = Account {
        device: DEVICE.to_owned(),
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let server = HttpServer::start(installed, stores.to_vec(), &[account]).unwrap();
    let mut device = Device::new(PROGRAM, server.url(), USER, PASSWORD, &STORES).unwrap();
    device.arguments = [&["--device-id", DEVICE], arguments]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    Some((server, device))
}

/// Both sides hold these items, as (number, revision), in each datastore.
#[track_caller]
fn both_hold(server: &HttpServer, device: &Device, expected: &[(u32, u32)]) {
    for store in server.stores() {
        let expected = items::expected(store.kind, expected.iter().copied());
        let ours = device.essences(&store.name, store.kind).unwrap();
        assert_eq!(ours, expected, "{} of our client", store.name);
        assert_eq!(
            server.essences(store).unwrap(),
            expected,
            "{} of the server",
            store.name
        );
    }
}

/// First sync of two filled sides, a sync without changes, changes of both sides.
fn scenario(arguments: &[&str]) {
    let Some((server, device)) = peers(arguments) else {
        return;
    };
    for (name, kind) in STORES {
        items::fill(&device.folder(name), kind, 1..=20, 0).unwrap();
        items::fill(&server.folder(name), kind, 16..=30, 0).unwrap();
    }
    for (name, transfer) in device.sync("two-way").unwrap() {
        assert_eq!(transfer.received.added, 10, "{name}: {transfer:?}");
        assert_eq!(transfer.failed, 0, "{name}: {transfer:?}");
    }
    let all: Vec<(u32, u32)> = (1..=30).map(|n| (n, 0)).collect();
    both_hold(&server, &device, &all);

    for (name, transfer) in device.sync("two-way").unwrap() {
        assert_eq!(transfer, testkit::syncline::Transfer::default(), "{name}");
    }

    for (name, kind) in STORES {
        let folder = device.folder(name);
        items::fill(&folder, kind, 101..=102, 0).unwrap();
        items::change(&folder, kind, 2, 1).unwrap();
        items::delete(&folder, kind, 3).unwrap();
        let folder = server.folder(name);
        items::fill(&folder, kind, 201..=201, 0).unwrap();
        items::change(&folder, kind, 17, 1).unwrap();
        items::change(&folder, kind, 28, 1).unwrap();
        items::delete(&folder, kind, 19).unwrap();
    }
    for (name, transfer) in device.sync("two-way").unwrap() {
        assert_eq!(transfer.sent, Counts::new(2, 1, 1), "{name}");
        assert_eq!(transfer.received, Counts::new(1, 2, 1), "{name}");
        assert_eq!(transfer.failed, 0, "{name}");
    }
    let mut expected = vec![(2, 1), (17, 1), (28, 1), (101, 0), (102, 0), (201, 0)];
    expected.extend(all.iter().filter(|(n, _)| ![2, 3, 17, 19, 28].contains(n)));
    both_hold(&server, &device, &expected);

    for (name, transfer) in device.sync("two-way").unwrap() {
        assert_eq!(transfer, testkit::syncline::Transfer::default(), "{name}");
    }
}

#[test]
fn wbxml_12() {
    scenario(&["--encoding", "wbxml"]);
}

#[test]
fn xml_12() {
    scenario(&["--encoding", "xml"]);
}

#[test]
fn wbxml_11() {
    scenario(&["--encoding", "wbxml", "--version", "1.1"]);
}

#[test]
fn xml_10() {
    scenario(&["--encoding", "xml", "--version", "1.0"]);
}

#[test]
fn a_refresh_takes_the_servers_items() {
    let Some((server, device)) = peers(&[]) else {
        return;
    };
    for (name, kind) in STORES {
        items::fill(&device.folder(name), kind, 1..=5, 0).unwrap();
    }
    device.sync("two-way").unwrap();
    for (name, kind) in STORES {
        items::fill(&device.folder(name), kind, 6..=6, 0).unwrap();
        items::delete(&server.folder(name), kind, 1).unwrap();
        items::fill(&server.folder(name), kind, 7..=7, 0).unwrap();
    }
    device.sync("refresh-from-server").unwrap();
    both_hold(&server, &device, &[(2, 0), (3, 0), (4, 0), (5, 0), (7, 0)]);
}

#[test]
fn a_refresh_gives_the_server_our_items() {
    let Some((server, device)) = peers(&[]) else {
        return;
    };
    for (name, kind) in STORES {
        items::fill(&device.folder(name), kind, 1..=5, 0).unwrap();
        items::fill(&server.folder(name), kind, 11..=12, 0).unwrap();
    }
    device.sync("refresh-from-client").unwrap();
    both_hold(&server, &device, &[(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]);
}

#[test]
fn a_wrong_password_is_an_exit_code_of_its_own() {
    let Some((server, mut device)) = peers(&[]) else {
        return;
    };
    for (name, kind) in STORES {
        items::fill(&device.folder(name), kind, 1..=5, 0).unwrap();
    }
    "incorrect horse".clone_into(&mut device.password);
    let output = device.run("two-way").unwrap();
    assert_eq!(output.code, Some(3), "{}", output.all());
    assert!(
        output.stderr.contains(server.url()),
        "where: {}",
        output.stderr
    );
    for store in server.stores() {
        assert_eq!(
            server.essences(store).unwrap(),
            Vec::<String>::new(),
            "{}",
            store.name
        );
    }
}
