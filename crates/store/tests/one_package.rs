//! Sessions of a device of ours whose changes go out with its alerts, in one package.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::Server;
use scripted::device::{Device, counts};
use session::client::{Mode, Step};
use syncml::{Command, Document, Limits};

fn device(basic_first: bool) -> Device {
    let mut phone = Device::new("phone");
    phone.config.one_package = true;
    phone.config.basic_first = basic_first;
    phone.add("Ann", "1");
    phone
}

/// Whether the first message of a session has changes in it; it gets lost.
fn begins_with_changes(phone: &mut Device, server: &Server, mode: Mode) -> bool {
    let Step::Send { body, .. } = phone.session(server, mode).step().unwrap() else {
        panic!("a session begins with a message");
    };
    let document = Document::new(&body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mut commands = message.commands.iter();
    commands.any(|command| matches!(command, Command::Sync(_)))
}

// spec: B21
#[test]
fn changes_go_with_the_alert_only_where_a_digest_binds_them_to_the_session() {
    for (basic_first, goes) in [(false, true), (true, false)] {
        let mut server = Server::new();
        let mut phone = device(basic_first);
        assert!(!begins_with_changes(&mut phone, &server, Mode::TwoWay));
        phone.sync(&mut server, Mode::TwoWay);
        assert_eq!(begins_with_changes(&mut phone, &server, Mode::TwoWay), goes);
        phone.add("Bob", "2");
        let second = phone.sync(&mut server, Mode::TwoWay);
        assert_eq!(counts(&second), [1, 0, 0, 0, 0, 0]);
        assert_eq!(server.contents(), phone.contacts.contents());
    }
}

// spec: B20
#[test]
fn all_is_sent_to_a_server_that_wants_to_compare() {
    let mut phone = device(false);
    phone.sync(&mut Server::new(), Mode::TwoWay);
    phone.add("Bob", "2");
    // it knows nothing of the anchors
    let mut other = Server::new();
    let again = phone.sync(&mut other, Mode::TwoWay);
    assert_eq!(again.sources[0].alert, 201);
    assert_eq!(other.contents(), phone.contacts.contents());
    assert_eq!(counts(&phone.sync(&mut other, Mode::TwoWay)), [0; 6]);
}

// spec: I05
#[test]
fn nothing_is_resumed_that_the_server_has_not_agreed_to() {
    let mut server = Server::new();
    let mut phone = device(false);
    phone.sync(&mut server, Mode::TwoWay);
    // the server has this session open, of another type
    let mut session = phone.session(&server, Mode::FromServer);
    let Step::Send { body, .. } = session.step().unwrap() else {
        panic!("a session begins with a message");
    };
    let answer = server.post(&body, None).unwrap();
    session.receive(&answer.body, None).unwrap();
    // and never hears of this one
    assert!(begins_with_changes(&mut phone, &server, Mode::TwoWay));
    let third = phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(third.sources[0].alert, 200);
}
