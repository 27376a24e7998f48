//! A photo of five mebibytes, both ways with SyncEvolution as the client and as the server.

use testkit::items::Kind;
use testkit::syncevolution::{Account, Client, HttpServer, Mode, Settings, Store};
use testkit::syncline::Device;
use testkit::{Peer, require};

use crate::{PASSWORD, PROGRAM, USER, has_photo, is_thorough, server, side_by_side, write_photo};

const SIZE: usize = 5 << 20;
const STORES: [(&str, Kind); 1] = [("contacts", Kind::Contact)];

/// SyncEvolution's usual message, and a small one.
fn messages() -> Vec<u32> {
    if is_thorough() {
        vec![150_000, 20_000]
    } else {
        vec![150_000]
    }
}

#[test]
fn syncevolution_exchanges_it_with_our_server() {
    let Some(installed) = require(Peer::SyncEvolutionClient) else {
        return;
    };
    side_by_side(messages(), |message| {
        let context = format!("{message} bytes a message");
        let (server, _installation) = server(message);
        let mut settings = Settings::new(server.url(), USER, PASSWORD, "phone");
        settings.max_message_size = message;
        settings.stores = vec![Store::new("addressbook", Kind::Contact, "contacts")];
        let client = Client::new(installed, settings).unwrap();
        let ours = client.folder("addressbook");
        write_photo(&ours, 1, SIZE);
        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");

        let device = Device::new(PROGRAM, server.url(), USER, PASSWORD, &STORES).unwrap();
        let theirs = device.folder("contacts");
        write_photo(&theirs, 2, SIZE);
        device.sync("two-way").unwrap();
        has_photo(&theirs, 1, SIZE, &context);

        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");
        has_photo(&ours, 2, SIZE, &context);
    });
}

#[test]
fn our_client_exchanges_it_with_syncevolution() {
    let Some(installed) = require(Peer::SyncEvolutionServer) else {
        return;
    };
    side_by_side(messages(), |message| {
        let context = format!("{message} bytes a message");
        let account = Account {
            device: "folders".to_owned(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let stores = vec![Store::new("contacts", Kind::Contact, "contacts")];
        let server = HttpServer::start_with(installed, stores, &[account], message).unwrap();
        let mut device = Device::new(PROGRAM, server.url(), USER, PASSWORD, &STORES).unwrap();
        device.arguments = [
            "--device-id",
            "folders",
            "--max-msg-size",
            &message.to_string(),
        ]
        .map(str::to_owned)
        .to_vec();
        write_photo(&device.folder("contacts"), 1, SIZE);
        write_photo(&server.folder("contacts"), 2, SIZE);
        let transfer = device.sync("two-way").unwrap()["contacts"];
        assert_eq!(transfer.failed, 0, "{context}: {transfer:?}");
        for folder in [device.folder("contacts"), server.folder("contacts")] {
            for number in [1, 2] {
                has_photo(&folder, number, SIZE, &context);
            }
        }
    });
}
