//! Devices and servers of small messages: what each says of itself has to fit all the same, since a
//! server that nobody knows to have folders is told of no move.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use std::sync::Arc;

use scripted::Server;
use scripted::device::{Device, Shared, run};
use session::client::{Mode, Session, Source};
use session::store::{DatastoreId, DatastoreKind, StoredItem};
use syncml::{DevInf, Encoding};

const FOLDER: &str = "application/vnd.omads-folder+xml";
const FILE: &str = "application/vnd.omads-file+xml";

/// Limits that the whole document exceeds, and with it the header and the statuses.
const SMALL: [(Encoding, u64); 2] = [(Encoding::Xml, 2000), (Encoding::Wbxml, 800)];

/// Syncs files of a device in messages of at most so many bytes: `(ours, the server's)`.
fn sync(device: &Device, files: &Shared, server: &mut Server, number: u8) {
    let source = Source {
        name: "files".into(),
        local_uri: "./files".into(),
        remote_uri: "files".into(),
        kind: DatastoreKind::Files,
        mode: Mode::TwoWay,
        filter: None,
        replica: Box::new(Arc::clone(&files.0)),
    };
    let limits = (device.config.max_msg_size, server.config.max_msg_size);
    let config = device.config.clone();
    let mut session = Session::new(config, vec![source], server.now, [number; 8]).unwrap();
    let summary = run(&mut session, server, limits).unwrap();
    assert_eq!(summary.sources[0].error, None);
    assert_eq!(summary.sources[0].failed, []);
}

fn held(server: &Server) -> Vec<StoredItem> {
    server.state.items(DatastoreId {
        account: server.account,
        number: 6,
    })
}

fn pair(name: &str, encoding: Encoding, limits: (u64, u64)) -> (Device, Server) {
    let mut server = Server::new();
    server.resp_uri_base = Some("http://server/syncml");
    server.config.max_msg_size = limits.1;
    let mut device = Device::new(name);
    device.config.encoding = encoding;
    device.config.max_msg_size = limits.0;
    (device, server)
}

// spec: F04 M08
#[test]
fn a_move_survives_small_messages() {
    for (encoding, small) in SMALL {
        let large = 150_000;
        for limits in [(small, small), (small, large), (large, small)] {
            let (laptop, mut server) = pair("laptop", encoding, limits);
            let files = Shared::default();
            let (top, file) = files.with(|replica| {
                (
                    replica.insert(FOLDER, b"top"),
                    replica.insert(FILE, b"a file"),
                )
            });
            sync(&laptop, &files, &mut server, 1);
            assert_eq!(held(&server).len(), 2);
            files.with(|replica| replica.put_into(&file, Some(&top)));
            sync(&laptop, &files, &mut server, 2);
            let parent = held(&server).iter().find_map(|item| item.parent);
            assert!(
                parent.is_some(),
                "{encoding:?} {limits:?}: {:?}",
                held(&server)
            );

            let mut other = Device::new("other");
            other.config = session::client::Config {
                device_id: "other".into(),
                ..laptop.config.clone()
            };
            let copy = Shared::default();
            sync(&other, &copy, &mut server, 3);
            let [top, file] = ["top", "a file"].map(|content| copy.luid_of(content));
            let place = copy.with(|replica| replica.parent_of(&file).map(str::to_owned));
            assert_eq!(place, Some(top), "{encoding:?} {limits:?}");
        }
    }
}

/// What the server knows of a device after a first session.
fn known(encoding: Encoding, limits: (u64, u64)) -> DevInf {
    let (laptop, mut server) = pair("laptop", encoding, limits);
    let files = Shared::default();
    files.with(|replica| replica.insert(FILE, b"a file"));
    sync(&laptop, &files, &mut server, 1);
    let account = server.account;
    let device = server.state.device(account, "laptop").unwrap();
    let document = device.unwrap().devinf.expect("device information");
    DevInf::read(&document).unwrap()
}

#[test]
fn a_server_of_small_messages_is_told_of_folders() {
    for (encoding, small) in SMALL {
        for limit in [small, 150_000] {
            let devinf = known(encoding, (limit, limit));
            assert!(devinf.large_objects);
            assert_eq!(devinf.datastores.len(), 1, "{encoding:?} {limit}");
            assert!(devinf.datastores[0].hierarchical, "{encoding:?} {limit}");
        }
    }
}
