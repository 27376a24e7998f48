//! Objects in chunks as a device gives and gets them that says exactly what a test wants it to say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::device::{Device, card, large};
use scripted::{Client, Server, statuses_for, sync_alert};
use session::client::Mode;
use syncml::devinf::DevInf;
use syncml::{
    Access, AccessKind, Change, ChangeKind, Command, Data, Item, Location, Meta, Sync, Version,
};

fn put_devinf(large_objects: bool) -> Command<'static> {
    let devinf = DevInf {
        version: Some(Version::V1_2),
        dev_id: "phone".into(),
        dev_type: "phone".into(),
        large_objects,
        ..DevInf::default()
    };
    Command::Access(Access {
        kind: AccessKind::Put,
        cmd_id: "20".into(),
        no_resp: false,
        lang: None,
        cred: None,
        meta: Some(Meta::of_type("application/vnd.syncml-devinf+xml")),
        items: vec![Item {
            source: Some(Location::new("./devinf12")),
            data: Some(Data::DevInf(Box::new(devinf))),
            ..Item::default()
        }],
    })
}

/// One chunk in a Sync of its own; command 51.
fn chunk(luid: &str, data: &str, size: Option<u64>, more: bool) -> Command<'static> {
    let item = Item {
        source: Some(Location::new(luid.to_owned())),
        meta: Some(Meta {
            size,
            ..Meta::of_type("text/x-vcard")
        }),
        data: Some(Data::text(data.to_owned())),
        more_data: more,
        ..Item::default()
    };
    Command::Sync(Sync {
        cmd_id: "50".into(),
        target: Some(Location::new("./contacts")),
        source: Some(Location::new("addressbook")),
        commands: vec![Command::Change(Change::new(
            ChangeKind::Replace,
            "51",
            item,
        ))],
        ..Sync::default()
    })
}

/// A device that is past the initialization.
fn begun(server: &mut Server, large_objects: bool) -> Client {
    let mut client = Client::new("phone");
    client.begin();
    let first = [sync_alert(1, 201, "", "1"), put_devinf(large_objects)];
    let mut said = client.send(server, &first, true);
    while !said.is_final {
        let more = statuses_for(&said, client.message);
        said = client.send(server, &more, false);
    }
    client
}

// spec: J04 J07 J13 J14
#[test]
fn chunks_get_the_statuses_of_the_standard() {
    let content = card("Ann", "1");
    let size = content.len() as u64;
    let (one, two) = content.split_at(20);
    let send = |chunks: &[Command<'static>]| {
        let mut server = Server::new();
        server.config.max_obj_size = 1000;
        let mut client = begun(&mut server, true);
        let mut codes = Vec::new();
        let mut asked = false;
        for (number, chunk) in chunks.iter().enumerate() {
            let last = number + 1 == chunks.len();
            let said = client.send(&mut server, std::slice::from_ref(chunk), last);
            codes.push(said.code_of("Replace"));
            asked |= said.alerts.iter().any(|alert| alert.0 == 222);
        }
        (codes, server.contents(), asked)
    };
    let (codes, held, asked) = send(&[
        chunk("a", one, Some(size), true),
        chunk("a", two, None, false),
    ]);
    assert_eq!(codes, [213, 201]);
    assert_eq!(held, [content.as_str()]);
    assert!(asked, "alert 222 asks for the next chunk");

    let (codes, held, _) = send(&[chunk("a", one, None, true)]);
    assert_eq!((codes, held.len()), (vec![411], 0));
    let (codes, held, _) = send(&[chunk("a", one, Some(1001), true)]);
    assert_eq!((codes, held.len()), (vec![416], 0));
    let (codes, held, _) = send(&[
        chunk("a", one, Some(size + 5), true),
        chunk("a", two, None, false),
    ]);
    assert_eq!((codes, held.len()), (vec![213, 424], 0));
    let (codes, held, _) = send(&[chunk("a", one, Some(25), true), chunk("a", two, None, true)]);
    assert_eq!((codes, held.len()), (vec![213, 424], 0));
}

// spec: I10
#[test]
fn the_end_of_an_object_without_its_beginning_is_no_object() {
    let mut server = Server::new();
    let mut client = begun(&mut server, true);
    let mut end = chunk("a", &card("Ann", "1"), None, false);
    if let Command::Sync(sync) = &mut end
        && let Some(Command::Change(change)) = sync.commands.first_mut()
        && let Some(meta) = &mut change.items[0].meta
    {
        meta.emi.push("datapos=700".into());
    }
    let said = client.send(&mut server, &[end], true);
    assert_eq!(said.code_of("Replace"), 411);
    assert_eq!(server.contents(), [""; 0]);
}

// spec: J08
#[test]
fn another_item_in_place_of_the_next_chunk_drops_the_object() {
    let mut server = Server::new();
    let mut client = begun(&mut server, true);
    let (half, whole) = (card("Half", "1"), card("Whole", "2"));
    let size = half.len() as u64;
    client.send(
        &mut server,
        &[chunk("a", &half[..20], Some(size), true)],
        false,
    );
    let said = client.send(&mut server, &[chunk("b", &whole, None, false)], true);
    assert_eq!(said.code_of("Replace"), 201);
    assert!(said.alerts.iter().any(|alert| alert.0 == 223), "{said:?}");
    assert_eq!(server.contents(), [whole]);
}

// spec: J12 J15
#[test]
fn a_device_gets_no_chunks_that_it_cannot_take() {
    for (large_objects, max_obj_size, goes) in [
        (false, None, false),
        (true, Some(1000), false),
        (true, Some(50_000), true),
        (true, None, true),
    ] {
        let mut server = Server::new();
        let mut other = Device::new("other");
        other.put(&large("Large", 9000));
        other.sync(&mut server, Mode::TwoWay);
        let mut client = Client::new("phone");
        client.limit = 3000;
        client.max_obj_size = max_obj_size;
        client.begin();
        let first = [sync_alert(1, 201, "", "1"), put_devinf(large_objects)];
        let mut said = client.send(&mut server, &first, true);
        while !said.is_final {
            let more = statuses_for(&said, client.message);
            said = client.send(&mut server, &more, false);
        }
        let mut replies = statuses_for(&said, client.message);
        replies.push(scripted::sync_of(&[]));
        let mut said = client.send(&mut server, &replies, true);
        let mut chunks = said.changes.len();
        while !said.is_final {
            let more = statuses_for(&said, client.message);
            said = client.send(&mut server, &more, false);
            chunks += said.changes.len();
        }
        assert_eq!(chunks > 2, goes, "{chunks} chunks");
    }
}

// spec: J15 F16
#[test]
fn what_is_too_large_for_a_device_that_says_nothing_waits_until_it_does() {
    let mut server = Server::new();
    let mut other = Device::new("other");
    other.put(&large("Large", 9000));
    other.put(&card("Small", "1"));
    other.sync(&mut server, Mode::TwoWay);
    let mut client = Client::new("phone");
    client.limit = 3000;
    // what the header says is no word on chunks
    client.max_obj_size = Some(50_000);
    let first = client.sync(&mut server, 201, ("", "1"), &[]);
    assert_eq!(first.changes.len(), 1, "the small one");
    let second = client.sync(&mut server, 200, ("1", "2"), &[]);
    assert_eq!((second.agreed, second.changes.len()), (200, 0));

    client.begin();
    let first = [sync_alert(1, 200, "2", "3"), put_devinf(true)];
    let mut said = client.send(&mut server, &first, true);
    assert_eq!(said.code_of("Alert"), 200);
    let mut replies = statuses_for(&said, client.message);
    replies.push(scripted::sync_of(&[]));
    said = client.send(&mut server, &replies, true);
    let mut content = String::new();
    loop {
        content.extend(said.changes.iter().map(|chunk| chunk.content.as_str()));
        if said.is_final {
            break;
        }
        let more = statuses_for(&said, client.message);
        said = client.send(&mut server, &more, false);
    }
    assert!(content == large("Large", 9000), "{} bytes", content.len());
}
