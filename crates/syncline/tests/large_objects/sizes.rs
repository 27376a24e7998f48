//! Contacts of many sizes through messages of many sizes.

use std::path::Path;

use testkit::items::{self, Kind};
use testkit::syncevolution::{Client, Encoding, Mode, Settings, Store, Version};
use testkit::syncline::{Device, Transfer};
use testkit::{Peer, require};

use crate::{PASSWORD, PROGRAM, USER, has_photo, is_thorough, server, side_by_side, write_photo};

const MESSAGES: [u32; 5] = [2_000, 3_000, 5_000, 20_000, 150_000];

/// Contacts with photos, by number and bytes.
const OURS: [(u32, usize); 5] = [
    (51, 600),
    (52, 1_300),
    (53, 3_000),
    (54, 13_000),
    (55, 40_000),
];

/// Those that another device adds.
const THEIRS: [(u32, usize); 3] = [(61, 1_500), (62, 4_000), (63, 30_000)];

#[derive(Debug, Clone, Copy)]
struct Point {
    message: u32,
    encoding: Encoding,
    version: Version,
}

fn points() -> Vec<Point> {
    let mut points = Vec::new();
    for message in MESSAGES {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            for version in [Version::V11, Version::V12] {
                points.push(Point {
                    message,
                    encoding,
                    version,
                });
            }
        }
    }
    points
}

fn fill(folder: &Path) {
    items::fill(folder, Kind::Contact, 1..=8, 0).unwrap();
    for (number, size) in OURS {
        write_photo(folder, number, size);
    }
}

#[track_caller]
fn has_all(folder: &Path, context: &str) {
    let photos = OURS.iter().chain(&THEIRS);
    let numbers = (1..=8).chain(photos.clone().map(|(number, _)| *number));
    assert_eq!(
        items::essences(folder, Kind::Contact).unwrap(),
        items::expected(Kind::Contact, numbers.map(|number| (number, 0))),
        "{context}"
    );
    for (number, size) in photos {
        has_photo(folder, *number, *size, context);
    }
}

/// A device of ours that messages are large for.
fn other_device(url: &str) -> Device {
    Device::new(PROGRAM, url, USER, PASSWORD, &[("contacts", Kind::Contact)]).unwrap()
}

/// Brings the other device what the first has sent, and changes of its own back.
#[track_caller]
fn meets_other(other: &Device, context: &str) {
    let folder = other.folder("contacts");
    for (number, size) in THEIRS {
        write_photo(&folder, number, size);
    }
    other.sync("two-way").unwrap();
    has_all(&folder, &format!("{context}, other device"));
}

#[test]
fn our_client_through_messages_of_every_size() {
    side_by_side(points(), |point| {
        let context = format!("{point:?}");
        let (server, _installation) = server(point.message);
        let mut device = other_device(server.url());
        device.arguments = vec![
            "--max-msg-size".to_owned(),
            point.message.to_string(),
            "--version".to_owned(),
            point.version.name().to_owned(),
            "--encoding".to_owned(),
            format!("{:?}", point.encoding).to_lowercase(),
        ];
        let folder = device.folder("contacts");
        fill(&folder);
        device.sync("two-way").unwrap();
        meets_other(&other_device(server.url()), &context);
        device.sync("two-way").unwrap();
        has_all(&folder, &context);
        assert_eq!(
            device.sync("two-way").unwrap()["contacts"],
            Transfer::default(),
            "{context}"
        );
    });
}

#[test]
fn syncevolution_through_messages_of_every_size() {
    let Some(installed) = require(Peer::SyncEvolutionClient) else {
        return;
    };
    let mut points = points();
    if !is_thorough() {
        // one of four at each size, and another one at the next
        let mut number = 0;
        points.retain(|_| {
            number += 1;
            number % 5 == 1
        });
    }
    side_by_side(points, |point| {
        let context = format!("{point:?}");
        let (server, _installation) = server(point.message);
        let mut settings = Settings::new(server.url(), USER, PASSWORD, "phone");
        settings.version = Some(point.version);
        settings.encoding = point.encoding;
        settings.max_message_size = point.message;
        settings.stores = vec![Store::new("addressbook", Kind::Contact, "contacts")];
        let client = Client::new(installed, settings).unwrap();
        let folder = client.folder("addressbook");
        fill(&folder);
        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");
        meets_other(&other_device(server.url()), &context);
        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");
        has_all(&folder, &context);
        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");
        let part = report.store("addressbook");
        assert_eq!((part.sent, part.received), Default::default(), "{context}");
    });
}
