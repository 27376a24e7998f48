//! Sessions that are ended early, by a device of ours: what they say, and what goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::Server;
use scripted::device::{Device, card, counts, run};
use session::client::{Mode, Session, Step, Summary};
use session::store::LinkId;
use syncml::{AlertCode, Version};

/// One message and its answer; the summary when there is no more to say.
fn exchange(session: &mut Session, server: &mut Server) -> Option<Summary> {
    match session.step().unwrap() {
        Step::Send { body, .. } => {
            let answer = server.post(&body, None).unwrap();
            session.receive(&answer.body, None).unwrap();
            None
        }
        Step::Done(summary) => Some(summary),
    }
}

/// What a session says that is suspended after so many messages.
fn suspended_after(version: Version, messages: usize) -> (Summary, Device, Server) {
    let mut server = Server::new();
    let mut phone = Device::new("phone");
    phone.config.version = version;
    phone.config.basic_first = true;
    phone.add("Ann", "1");
    let mut session = phone.session(&server, Mode::TwoWay);
    for _ in 0..messages {
        assert_eq!(exchange(&mut session, &mut server), None);
    }
    session.suspend();
    let summary = std::iter::repeat_with(|| exchange(&mut session, &mut server))
        .take(10)
        .flatten()
        .next();
    (summary.unwrap(), phone, server)
}

// spec: I01 I15
#[test]
fn a_session_that_cannot_be_gone_on_with_says_that_it_was_not_completed() {
    for (version, messages) in [(Version::V1_2, 0), (Version::V1_0, 1), (Version::V1_1, 2)] {
        let (summary, mut phone, mut server) = suspended_after(version, messages);
        assert!(!summary.suspended, "{version} after {messages}");
        assert!(summary.sources[0].error.is_some(), "{version}");
        phone.sync(&mut server, Mode::TwoWay);
        assert_eq!(server.contents(), phone.contacts.contents());
    }
}

#[test]
fn a_session_that_is_over_is_not_suspended() {
    let mut server = Server::new();
    let mut phone = Device::new("phone");
    phone.config.basic_first = true;
    phone.add("Ann", "1");
    let mut session = phone.session(&server, Mode::TwoWay);
    let limits = (150_000, 1_000_000);
    let before = run(&mut session, &mut server, limits).unwrap();
    session.suspend();
    assert_eq!(session.summary(), before);

    // the wish comes while the answer is on its way that ends the session
    let mut session = phone.session(&server, Mode::TwoWay);
    let summary = loop {
        let Step::Send { body, .. } = session.step().unwrap() else {
            break session.summary();
        };
        let answer = server.post(&body, None).unwrap();
        let ends = answer.log.iter().any(|e| e.message.contains("in step"));
        if ends {
            session.suspend();
        }
        session.receive(&answer.body, None).unwrap();
    };
    assert!(!summary.suspended);
    assert_eq!(summary.sources[0].error, None);
}

fn large(name: &str, bytes: usize) -> String {
    card(name, "1").replace("END:", &format!("NOTE:{}\r\nEND:", "z".repeat(bytes)))
}

// spec: I01 I09 I10
#[test]
fn an_object_that_a_suspension_interrupts_goes_on() {
    let limit = 3000;
    let content = large("Large", 12_000);
    let mut server = Server::new();
    server.config.max_msg_size = limit;
    let devices = ["phone", "laptop"].map(Device::new);
    let [mut phone, mut laptop] = devices;
    let insert = |device: &Device| {
        let content = content.as_bytes();
        device.contacts.with(|r| r.insert("text/x-vcard", content))
    };
    insert(&phone);
    for device in [&mut phone, &mut laptop] {
        device.config.max_msg_size = limit;
        device.config.basic_first = true;
        let mut messages = Vec::new();
        for _ in 0..2 {
            let mut session = device.session(&server, Mode::TwoWay);
            let mut count = 0;
            while exchange(&mut session, &mut server).is_none() {
                count += 1;
                if count == 5 && messages.is_empty() {
                    session.suspend();
                }
            }
            let summary = session.summary();
            assert_eq!(summary.suspended, messages.is_empty());
            assert_eq!(summary.sources[0].failed, []);
            messages.push(count);
        }
        assert!(messages[1] <= 8, "{messages:?}: it began anew");
    }
    assert_eq!(server.contents(), [content.as_str()]);
    assert_eq!(laptop.contacts.contents(), [content]);
    assert_eq!(counts(&phone.sync(&mut server, Mode::TwoWay)), [0; 6]);
}

// spec: I06
#[test]
fn a_server_that_goes_on_with_another_type_is_asked_only_once() {
    let mut server = Server::new();
    let mut phone = Device::new("phone");
    phone.config.basic_first = true;
    phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    phone.add("Bob", "2");
    let mut session = phone.session(&server, Mode::TwoWay);
    for _ in 0..2 {
        exchange(&mut session, &mut server);
    }
    let id = LinkId {
        datastore: server.contacts(),
        device: 1,
    };
    let mut link = server.state.link(id).unwrap().unwrap();
    link.open.as_mut().unwrap().alert = AlertCode::ONE_WAY_FROM_SERVER.0;
    server.state.put_link(id, &link).unwrap();

    let mut session = phone.session(&server, Mode::TwoWay);
    let refused = run(&mut session, &mut server, (150_000, 1_000_000)).unwrap();
    assert!(refused.sources[0].error.is_some());
    phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(server.contents(), phone.contacts.contents());
}
