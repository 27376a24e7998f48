//! Our client, with initialization and changes in one package, against our server.

use session::client::{Config, Mode, Step};

use crate::scripted::Server;
use crate::scripted::device::{Device, card, counts};

fn device(name: &str, one_package: bool) -> Device {
    let mut device = Device::new(name);
    device.config = Config {
        one_package,
        ..device.config
    };
    device
}

/// Messages of a session, and its counts.
fn messages(device: &mut Device, server: &mut Server) -> (u32, [u64; 6]) {
    let mut session = device.session(server, Mode::TwoWay);
    let mut messages = 0;
    while let Step::Send { body, .. } = session.step().unwrap() {
        let answer = server.post(&body, None).unwrap();
        session.receive(&answer.body, None).unwrap();
        messages += 1;
    }
    let summary = session.summary();
    assert_eq!(
        (&summary.sources[0].error, summary.sources[0].failed.len()),
        (&None, 0)
    );
    (messages, counts(&summary))
}

// spec: B19 B21
#[test]
fn it_saves_a_message_and_brings_the_same() {
    let run = |one_package| {
        let mut server = Server::new();
        let mut phone = device("phone", one_package);
        let mut laptop = device("laptop", false);
        phone.add("Ann", "1");
        messages(&mut phone, &mut server);
        laptop.add("Bob", "1");
        messages(&mut laptop, &mut server);
        phone.add("Cid", "1");
        let done = messages(&mut phone, &mut server);
        assert_eq!(phone.contacts.contents(), server.contents());
        assert_eq!(messages(&mut phone, &mut server).1, [0; 6]);
        assert_eq!(server.contents().len(), 3);
        done
    };
    let ((usual, counts), (fewer, same)) = (run(false), run(true));
    assert_eq!(counts, [1, 0, 0, 1, 0, 0]);
    assert_eq!((fewer, same), (usual - 1, counts));
}

// spec: B20 B21
#[test]
fn a_server_that_has_forgotten_the_anchors_gets_all_items_and_doubles_none() {
    let mut server = Server::new();
    let mut phone = device("phone", true);
    phone.add("Ann", "1");
    messages(&mut phone, &mut server);
    phone.add("Bob", "1");
    // another state, in which another device has brought one of the records
    let mut server = Server::new();
    let mut laptop = device("laptop", false);
    laptop.add("Ann", "1");
    messages(&mut laptop, &mut server);
    let (_, counts) = messages(&mut phone, &mut server);
    assert_eq!(counts, [1, 0, 0, 0, 0, 0], "the other one is there");
    assert_eq!(server.contents(), [card("Ann", "1"), card("Bob", "1")]);
    assert_eq!(phone.contacts.contents(), server.contents());
    assert_eq!(messages(&mut phone, &mut server).1, [0; 6]);
}
