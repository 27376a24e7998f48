//! The client's session against the server's, without a network between.

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
use scripted::device::{Device, Shared, card, counts, run};
use session::client::{
    Anchors, Config, Error, MemoryReplica, Mode, Replica as _, Session, Source, Step,
};
use session::server::{Scheme, ServerLogin};
use session::store::DatastoreKind;
use syncml::{Encoding, Version};

// spec: A15 G01 G30 G02 G07 G27 S06 S07 S08 S09 S10 S11 S12 S13 S16
#[test]
fn two_devices_stay_in_step_in_every_version_encoding_and_limit() {
    for version in Version::ALL {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            for limit in [1500, 5000, 150_000] {
                for basic_first in [false, true] {
                    in_step(version, encoding, limit, basic_first);
                }
            }
        }
    }
}

fn in_step(version: Version, encoding: Encoding, limit: u64, basic_first: bool) {
    let mut server = Server::new();
    server.resp_uri_base = Some("http://server/syncml");
    server.config.max_msg_size = limit;
    let device = |name| {
        let mut device = Device::new(name);
        device.config = Config {
            version,
            encoding,
            basic_first,
            max_msg_size: limit,
            ..device.config
        };
        device
    };
    let (mut phone, mut laptop) = (device("phone"), device("laptop"));
    for number in 0..30 {
        phone.add(&format!("Person {number}"), &number.to_string());
    }
    let first = phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(first.sources[0].alert, 201, "a first sync compares all");
    assert_eq!(counts(&first), [30, 0, 0, 0, 0, 0]);
    assert_eq!(counts(&phone.sync(&mut server, Mode::TwoWay)), [0; 6]);

    let second = laptop.sync(&mut server, Mode::TwoWay);
    assert_eq!(counts(&second), [0, 0, 0, 30, 0, 0]);
    assert_eq!(phone.contacts.contents(), laptop.contacts.contents());
    assert_eq!(counts(&laptop.sync(&mut server, Mode::TwoWay)), [0; 6]);

    // changes on both sides
    let luid = laptop.contacts.luid_of(&card("Person 3", "3"));
    laptop
        .contacts
        .with(|replica| replica.edit(&luid, card("Person 3", "33").as_bytes()));
    let luid = laptop.contacts.luid_of(&card("Person 4", "4"));
    laptop.contacts.with(|replica| replica.remove(&luid));
    laptop.add("Newcomer", "100");
    let luid = phone.contacts.luid_of(&card("Person 5", "5"));
    phone.contacts.with(|replica| replica.remove(&luid));
    assert_eq!(
        counts(&laptop.sync(&mut server, Mode::TwoWay)),
        [1, 1, 1, 0, 0, 0]
    );
    assert_eq!(
        counts(&phone.sync(&mut server, Mode::TwoWay)),
        [0, 0, 1, 1, 1, 1]
    );
    assert_eq!(
        counts(&laptop.sync(&mut server, Mode::TwoWay)),
        [0, 0, 0, 0, 0, 1]
    );
    assert_eq!(phone.contacts.contents(), laptop.contacts.contents());
    assert_eq!(phone.contacts.contents(), server.contents());

    // all compared again: nothing doubles
    let slow = phone.sync(&mut server, Mode::Slow);
    assert_eq!((counts(&slow), slow.sources[0].compared), ([0; 6], 29));
    assert_eq!(server.contents().len(), 29);
    assert_eq!(counts(&laptop.sync(&mut server, Mode::TwoWay)), [0; 6]);
}

// spec: G03 G04 G05 G06
#[test]
fn one_way_and_refresh() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    let ann = phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    laptop.sync(&mut server, Mode::TwoWay);

    let bob = phone.add("Bob", "2");
    let eve = laptop.add("Eve", "3");
    laptop.sync(&mut server, Mode::FromClient);
    assert_eq!(
        counts(&phone.sync(&mut server, Mode::FromClient)),
        [1, 0, 0, 0, 0, 0]
    );
    assert_eq!(phone.contacts.contents(), [ann.clone(), bob.clone()]);
    assert_eq!(server.contents(), [ann.clone(), bob.clone(), eve.clone()]);
    // what was held back comes with the next sync of both directions
    assert_eq!(
        counts(&phone.sync(&mut server, Mode::TwoWay)),
        [0, 0, 0, 1, 0, 0]
    );

    let joe = phone.add("Joe", "4");
    assert_eq!(counts(&phone.sync(&mut server, Mode::FromServer)), [0; 6]);
    assert!(!server.contents().contains(&joe));
    assert_eq!(
        counts(&laptop.sync(&mut server, Mode::FromServer)),
        [0, 0, 0, 1, 0, 0]
    );

    // the laptop's version replaces the server's, and then the phone's own is replaced
    let luid = laptop.contacts.luid_of(&ann);
    laptop.contacts.with(|replica| replica.remove(&luid));
    laptop.sync(&mut server, Mode::RefreshFromClient);
    assert_eq!(server.contents(), [bob.clone(), eve.clone()]);
    phone.sync(&mut server, Mode::RefreshFromServer);
    assert_eq!(phone.contacts.contents(), [bob, eve]);
    assert_eq!(counts(&phone.sync(&mut server, Mode::TwoWay)), [0; 6]);
    assert_eq!(counts(&laptop.sync(&mut server, Mode::TwoWay)), [0; 6]);
}

// spec: H01
#[test]
fn the_same_contacts_on_two_devices_do_not_double() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    for number in 0..10 {
        phone.add(&format!("Person {number}"), &number.to_string());
        laptop.add(&format!("Person {number}"), &number.to_string());
    }
    phone.sync(&mut server, Mode::TwoWay);
    let first = laptop.sync(&mut server, Mode::TwoWay);
    assert_eq!((counts(&first), first.sources[0].compared), ([0; 6], 10));
    assert_eq!(server.contents().len(), 10);
    assert_eq!(laptop.contacts.contents().len(), 10);
}

// spec: H19 R03 R04 R05
#[test]
fn a_session_that_breaks_anywhere_loses_and_doubles_nothing() {
    for breaks_at in 1..40 {
        for answer_lost in [false, true] {
            let mut server = Server::new();
            server.config.max_msg_size = 2000;
            let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
            phone.config.max_msg_size = 2000;
            for number in 0..12 {
                phone.add(&format!("Person {number}"), &number.to_string());
                laptop.add(&format!("Other {number}"), &number.to_string());
            }
            laptop.sync(&mut server, Mode::TwoWay);
            let mut session = phone.session(&server, Mode::TwoWay);
            for message in 1..=breaks_at {
                let Step::Send { body, .. } = session.step().unwrap() else {
                    break;
                };
                if message == breaks_at && !answer_lost {
                    break;
                }
                let answer = server.post(&body, None).unwrap();
                if message < breaks_at {
                    session.receive(&answer.body, None).unwrap();
                }
            }
            drop(session);
            phone.contacts.with(MemoryReplica::crash);
            phone.sync(&mut server, Mode::TwoWay);
            laptop.sync(&mut server, Mode::TwoWay);
            assert_eq!(server.contents().len(), 24, "broken at {breaks_at}");
            assert_eq!(phone.contacts.contents(), server.contents());
            assert_eq!(laptop.contacts.contents(), server.contents());
            assert_eq!(counts(&phone.sync(&mut server, Mode::TwoWay)), [0; 6]);
        }
    }
}

// spec: B18
#[test]
fn an_edit_during_the_session_is_not_overwritten() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    laptop.sync(&mut server, Mode::TwoWay);
    let luid = laptop.contacts.luid_of(&card("Ann", "1"));
    laptop
        .contacts
        .with(|replica| replica.edit(&luid, card("Ann", "2").as_bytes()));
    laptop.sync(&mut server, Mode::TwoWay);

    let mut session = phone.session(&server, Mode::TwoWay);
    let luid = phone.contacts.luid_of(&card("Ann", "1"));
    let mut messages = 0;
    while let Step::Send { body, .. } = session.step().unwrap() {
        messages += 1;
        if messages == 2 {
            let newest = card("Ann", "3");
            phone
                .contacts
                .with(|replica| replica.edit(&luid, newest.as_bytes()));
        }
        let answer = server.post(&body, None).unwrap();
        session.receive(&answer.body, None).unwrap();
    }
    assert_eq!(session.summary().sources[0].failed.len(), 1);
    assert_eq!(phone.contacts.contents(), [card("Ann", "3")]);
    phone.sync(&mut server, Mode::TwoWay);
    laptop.sync(&mut server, Mode::TwoWay);
    assert_eq!(server.contents(), [card("Ann", "3")]);
    assert_eq!(laptop.contacts.contents(), [card("Ann", "3")]);
}

// spec: E12 S01
#[test]
fn a_wrong_password_ends_in_a_refusal() {
    for basic_first in [false, true] {
        let mut server = Server::new();
        let mut phone = Device::new("phone");
        phone.config.password = "wrong".into();
        phone.config.basic_first = basic_first;
        let mut session = phone.session(&server, Mode::TwoWay);
        let refused = run(&mut session, &mut server, (u64::MAX, u64::MAX)).unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    }
}

// spec: N21 E10 E13 S03
#[test]
fn every_way_to_log_in_leads_to_a_sync() {
    for (scheme, per_message) in [
        (Scheme::Basic, false),
        (Scheme::Basic, true),
        (Scheme::Md5, false),
        (Scheme::Md5, true),
        (Scheme::Mac, false),
    ] {
        let mut server = Server::new();
        server.config.auth.scheme = scheme;
        server.config.auth.per_message = per_message;
        let mut phone = Device::new("phone");
        phone.config.basic_first = scheme == Scheme::Basic;
        let content = phone.add("Ann", "1");
        phone.sync(&mut server, Mode::TwoWay);
        assert_eq!(server.contents(), [content], "{scheme:?}");
        let edited = phone.add("Bob", "2");
        phone.sync(&mut server, Mode::TwoWay);
        assert!(server.contents().contains(&edited), "{scheme:?}");
    }
}

// spec: E15
#[test]
fn a_server_proves_itself_before_anything_is_done() {
    let login = |password: &str| ServerLogin {
        name: "sync.example".to_owned(),
        password: password.to_owned(),
    };
    for version in Version::ALL {
        for (known, told) in [
            (Some("secret"), true),
            (Some("guess"), false),
            (None, false),
        ] {
            let mut server = Server::new();
            server.config.auth.server = known.map(login);
            let mut laptop = Device::new("laptop");
            laptop.add("Bob", "2");
            laptop.sync(&mut server, Mode::TwoWay);
            let mut phone = Device::new("phone");
            phone.config.version = version;
            phone.add("Ann", "1");
            let mut session = phone.session(&server, Mode::TwoWay);
            session.expect_server("sync.example", "secret", [7; 16]);
            let outcome = run(&mut session, &mut server, (u64::MAX, u64::MAX));
            assert_eq!(outcome.is_ok(), told, "{outcome:?}");
            let count = if told { 2 } else { 1 };
            assert_eq!(server.contents().len(), count);
            assert_eq!(phone.contacts.contents().len(), count);
            if !told {
                let error = outcome.unwrap_err();
                assert!(matches!(error, Error::Impostor { .. }), "{error}");
            }
        }
    }
}

// spec: B13 B14 S05 S18
#[test]
fn an_unknown_datastore_fails_alone() {
    let mut server = Server::new();
    let phone = Device::new("phone");
    phone.add("Ann", "1");
    let source = |name: &str, replica: &Shared| Source {
        name: name.into(),
        local_uri: format!("./{name}"),
        remote_uri: name.into(),
        kind: DatastoreKind::Contacts,
        mode: Mode::TwoWay,
        filter: None,
        replica: Box::new(Arc::clone(&replica.0)),
    };
    let sources = vec![
        source("bookmarks", &Shared::default()),
        source("contacts", &phone.contacts),
    ];
    let mut session = Session::new(phone.config.clone(), sources, 0, [1; 8]).unwrap();
    let summary = run(&mut session, &mut server, (u64::MAX, u64::MAX)).unwrap();
    assert!(summary.sources[0].error.as_ref().unwrap().contains("404"));
    assert_eq!(summary.sources[1].error, None);
    assert_eq!(server.contents().len(), 1);
}

// spec: R11
#[test]
fn an_item_too_large_for_the_server_is_named_and_stays() {
    let mut server = Server::new();
    server.config.max_msg_size = 3000;
    server.config.max_obj_size = 3000;
    let mut phone = Device::new("phone");
    phone.add(&"x".repeat(4000), "1");
    let small = phone.add("Ann", "2");
    let mut session = phone.session(&server, Mode::TwoWay);
    let summary = run(&mut session, &mut server, (150_000, 3000)).unwrap();
    assert_eq!(summary.sources[0].failed.len(), 1);
    assert_eq!(server.contents(), [small]);
    server.config.max_msg_size = 100_000;
    assert_eq!(
        counts(&phone.sync(&mut server, Mode::TwoWay)),
        [1, 0, 0, 0, 0, 0]
    );
}

/// A change beats a deletion, and an item that a device has held before comes back under its GUID.
#[test]
fn an_item_that_another_device_revives_comes_back() {
    for knows_of_the_end in [false, true] {
        let mut server = Server::new();
        let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
        phone.add("Ann", "1");
        phone.sync(&mut server, Mode::TwoWay);
        laptop.sync(&mut server, Mode::TwoWay);
        let luid = laptop.contacts.luid_of(&card("Ann", "1"));
        laptop.contacts.with(|replica| replica.remove(&luid));
        let luid = phone.contacts.luid_of(&card("Ann", "1"));
        let revived = card("Ann", "2");
        phone
            .contacts
            .with(|replica| replica.edit(&luid, revived.as_bytes()));
        laptop.sync(&mut server, Mode::TwoWay);
        if knows_of_the_end {
            laptop.sync(&mut server, Mode::TwoWay);
        }
        phone.sync(&mut server, Mode::TwoWay);
        laptop.sync(&mut server, Mode::TwoWay);
        assert_eq!(phone.contacts.contents(), [revived.as_str()]);
        assert_eq!(laptop.contacts.contents(), [revived.as_str()]);
        assert_eq!(server.contents(), [revived]);
    }
}

// spec: H25
#[test]
fn both_sides_changing_an_item_end_with_one_version_on_all() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    laptop.sync(&mut server, Mode::TwoWay);
    for (device, phone_number) in [(&phone, "2"), (&laptop, "3")] {
        let luid = device.contacts.luid_of(&card("Ann", "1"));
        let edited = card("Ann", phone_number);
        device
            .contacts
            .with(|replica| replica.edit(&luid, edited.as_bytes()));
    }
    phone.sync(&mut server, Mode::TwoWay);
    laptop.sync(&mut server, Mode::TwoWay);
    phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(server.contents(), [card("Ann", "3")], "the client wins");
    assert_eq!(phone.contacts.contents(), server.contents());
    assert_eq!(laptop.contacts.contents(), server.contents());
}

#[test]
fn many_pairs_left_over_fit_into_small_messages() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    laptop.config.encoding = Encoding::Xml;
    laptop.config.basic_first = true;
    for number in 0..120 {
        phone.add(&format!("Person {number}"), &number.to_string());
    }
    phone.sync(&mut server, Mode::TwoWay);
    // all of them arrive in one message, and the session breaks before the pairs are told
    let mut session = laptop.session(&server, Mode::TwoWay);
    for _ in 0..2 {
        let Step::Send { body, .. } = session.step().unwrap() else {
            panic!("the session is over");
        };
        let answer = server.post(&body, None).unwrap();
        session.receive(&answer.body, None).unwrap();
    }
    assert_eq!(laptop.contacts.contents().len(), 120);
    server.config.max_msg_size = 1500;
    laptop.sync(&mut server, Mode::TwoWay);
    assert_eq!(laptop.contacts.contents(), server.contents());
    assert_eq!(server.contents().len(), 120);
    assert_eq!(counts(&laptop.sync(&mut server, Mode::TwoWay)), [0; 6]);
}

#[test]
fn a_first_sync_in_one_direction_stays_in_it() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    let ann = phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    // an empty device may be filled
    laptop.sync(&mut server, Mode::FromServer);
    assert_eq!(laptop.contacts.contents(), std::slice::from_ref(&ann));
    // what is sent goes, what the server has does not come
    let mut tablet = Device::new("tablet");
    let bob = tablet.add("Bob", "2");
    let mut session = tablet.session(&server, Mode::FromClient);
    run(&mut session, &mut server, (150_000, u64::MAX)).unwrap();
    assert_eq!(tablet.contacts.contents(), std::slice::from_ref(&bob));
    assert_eq!(server.contents(), [ann.clone(), bob.clone()]);
    assert_eq!(
        counts(&tablet.sync(&mut server, Mode::TwoWay)),
        [0, 0, 0, 1, 0, 0]
    );
    // what may not be sent cannot be compared
    let mut other = Device::new("other");
    other.add("Private", "3");
    let mut session = other.session(&server, Mode::FromServer);
    let summary = run(&mut session, &mut server, (150_000, u64::MAX)).unwrap();
    assert!(summary.sources[0].error.is_some());
    assert_eq!(server.contents(), [ann, bob]);
}

#[test]
fn a_password_does_not_go_over_the_line_in_the_clear_unasked() {
    for url in ["http://server/syncml", "http://127.example/syncml"] {
        let mut server = Server::new();
        let mut phone = Device::new("phone");
        phone.config.url = url.into();
        let mut session = phone.session(&server, Mode::TwoWay);
        let Step::Send { body, .. } = session.step().unwrap() else {
            panic!("the session is over");
        };
        let answer = server.post(&body, None).unwrap();
        // a server, or somebody on the line, that asks for it
        let text = syncml::transcode::to_xml(&answer.body).unwrap();
        let forged = text.replace("syncml:auth-md5", "syncml:auth-basic");
        let refused = session.receive(forged.as_bytes(), None).unwrap_err();
        assert!(matches!(refused, Error::ClearPassword), "{refused}");
    }
}

// spec: A13
#[test]
fn a_session_does_not_move_to_another_host() {
    for (base, moves) in [
        ("http://server:81/syncml", true),
        ("http://elsewhere/syncml", false),
        ("file:///etc/passwd", false),
    ] {
        let mut server = Server::new();
        server.resp_uri_base = Some(base);
        let mut phone = Device::new("phone");
        phone.config.basic_first = true;
        let mut session = phone.session(&server, Mode::TwoWay);
        let Step::Send { body, .. } = session.step().unwrap() else {
            panic!("the session is over");
        };
        let answer = server.post(&body, None).unwrap();
        assert_eq!(session.receive(&answer.body, None).is_ok(), moves, "{base}");
    }
}

// spec: G12 G13
#[test]
fn an_anchor_of_the_server_that_does_not_match_leads_to_a_slow_sync_at_once() {
    let mut server = Server::new();
    let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
    for number in 0..5 {
        phone.add(&format!("Person {number}"), "1");
    }
    phone.sync(&mut server, Mode::TwoWay);
    laptop.add("Bob", "2");
    laptop.sync(&mut server, Mode::TwoWay);
    phone.contacts.with(|replica| {
        let anchors = Anchors {
            server: "from another life".to_owned(),
            ..replica.anchors().unwrap()
        };
        replica.complete(&anchors).unwrap();
    });
    let summary = phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(summary.sources[0].alert, 201);
    assert_eq!(counts(&summary), [0, 0, 0, 1, 0, 0]);
    assert_eq!(summary.sources[0].compared, 5);
    assert_eq!(phone.contacts.contents(), server.contents());
    let summary = phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(summary.sources[0].alert, 200);
    assert_eq!(counts(&summary), [0; 6]);
}

/// Runs a session up to its message of that number, whose answer is lost, or which is lost itself.
fn cut(server: &mut Server, device: &mut Device, mode: Mode, last: usize, arrives: bool) {
    let mut session = device.session(server, mode);
    for message in 1..=last {
        let Step::Send { url, body, .. } = session.step().unwrap() else {
            return;
        };
        if message == last && !arrives {
            return;
        }
        let token = url.split_once("?sid=").map(|(_, token)| token.to_owned());
        let answer = server.post(&body, token.as_deref()).unwrap();
        if message < last {
            session.receive(&answer.body, None).unwrap();
        }
    }
}

// spec: I06 G12
#[test]
fn a_comparison_that_broke_is_not_gone_on_with_as_the_session_before() {
    for completed in 2..=4 {
        for broken in 1..=3 {
            let mut server = Server::new();
            let (mut phone, mut laptop) = (Device::new("phone"), Device::new("laptop"));
            for number in 0..5 {
                phone.add(&format!("Person {number}"), "1");
            }
            phone.sync(&mut server, Mode::TwoWay);
            phone.sync(&mut server, Mode::TwoWay);
            laptop.sync(&mut server, Mode::TwoWay);
            laptop.add("Bob", "2");
            laptop.sync(&mut server, Mode::TwoWay);
            // the server completes this one, or all but the map
            cut(&mut server, &mut phone, Mode::TwoWay, completed, true);
            let gone = phone.contacts.luid_of(&card("Person 1", "1"));
            phone.contacts.with(|replica| replica.remove(&gone));
            cut(&mut server, &mut phone, Mode::Slow, broken, false);
            laptop.add("Cid", "3");
            laptop.sync(&mut server, Mode::TwoWay);
            phone.sync(&mut server, Mode::TwoWay);
            phone.sync(&mut server, Mode::TwoWay);
            let place = (completed, broken);
            assert_eq!(phone.contacts.contents(), server.contents(), "{place:?}");
            // a comparison does not hear of the deletion
            let left = server.contents().len();
            assert!(left == 6 || left == 7, "{place:?}");
        }
    }
}
