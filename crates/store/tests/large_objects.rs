//! Objects larger than a message between devices of ours and the server, in both directions and over broken
//! sessions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use scripted::Server;
use scripted::device::{Device, card, counts, large, run};
use session::client::{Config, Mode, Step};
use syncml::{Command, Document, Encoding, Limits, Version};

fn device(name: &str, version: Version, encoding: Encoding, limit: u64) -> Device {
    let mut device = Device::new(name);
    device.config = Config {
        version,
        encoding,
        max_msg_size: limit,
        ..device.config
    };
    device
}

// spec: J01 J06 J11 S19
#[test]
fn an_object_larger_than_a_message_arrives_whole_in_every_version_and_encoding() {
    for version in [Version::V1_1, Version::V1_2] {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            for limit in [2000, 5000] {
                let mut server = Server::new();
                server.config.max_msg_size = limit;
                let mut phone = device("phone", version, encoding, limit);
                let mut laptop = device("laptop", version, encoding, limit);
                phone.put(&large("Large", 40_000));
                phone.put(&card("Small", "1"));
                let first = phone.sync(&mut server, Mode::TwoWay);
                assert_eq!(counts(&first), [2, 0, 0, 0, 0, 0]);
                let second = laptop.sync(&mut server, Mode::TwoWay);
                assert_eq!(counts(&second), [0, 0, 0, 2, 0, 0]);
                assert_eq!(laptop.contacts.contents(), phone.contacts.contents());
                // and a change of it back again
                let luid = laptop.contacts.luid_of(&large("Large", 40_000));
                let newer = large("Large", 30_000);
                laptop.contacts.with(|r| r.edit(&luid, newer.as_bytes()));
                assert_eq!(
                    counts(&laptop.sync(&mut server, Mode::TwoWay)),
                    [0, 1, 0, 0, 0, 0]
                );
                assert_eq!(
                    counts(&phone.sync(&mut server, Mode::TwoWay)),
                    [0, 0, 0, 0, 1, 0]
                );
                assert_eq!(laptop.contacts.contents(), phone.contacts.contents());
            }
        }
    }
}

// spec: J06
#[test]
fn bytes_that_xml_cannot_carry_arrive_as_they_were() {
    let limit = 4000;
    let mut server = Server::new();
    server.config.max_msg_size = limit;
    let mut phone = device("phone", Version::V1_2, Encoding::Xml, limit);
    let mut laptop = device("laptop", Version::V1_2, Encoding::Xml, limit);
    let odd = large("Odd", 9000).replace("grün", "gr\u{1}n");
    phone.put(&odd);
    phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(server.contents(), [odd.as_str()]);
    laptop.sync(&mut server, Mode::TwoWay);
    assert_eq!(laptop.contacts.contents(), [odd]);
}

// spec: D08
#[test]
fn version_1_0_has_no_chunks() {
    let limit = 3000;
    let mut server = Server::new();
    server.config.max_msg_size = limit;
    let mut phone = device("phone", Version::V1_0, Encoding::Xml, limit);
    phone.put(&large("Large", 9000));
    phone.put(&card("Small", "1"));
    let mut session = phone.session(&server, Mode::TwoWay);
    let summary = run(&mut session, &mut server, (limit, limit)).unwrap();
    assert_eq!(summary.sources[0].failed.len(), 1, "the large one is named");
    assert_eq!(server.contents(), [card("Small", "1")]);
}

/// Every chunk of an item in a message of ours or of the server.
fn chunks_in(body: &[u8]) -> Vec<(Option<u64>, bool, usize)> {
    let document = Document::new(body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mut found = Vec::new();
    for command in &message.commands {
        let Command::Sync(sync) = command else {
            continue;
        };
        for inner in &sync.commands {
            let Command::Change(change) = inner else {
                continue;
            };
            for item in &change.items {
                let size = item.meta.as_ref().and_then(|meta| meta.size);
                let length = item.data.as_ref().unwrap().as_bytes().unwrap().len();
                found.push((size, item.more_data, length));
            }
        }
    }
    found
}

// spec: J02 J03 J10
#[test]
fn size_is_in_the_first_chunk_and_more_data_in_all_but_the_last() {
    let limit = 3000;
    let mut server = Server::new();
    server.config.max_msg_size = limit;
    let mut phone = device("phone", Version::V1_2, Encoding::Wbxml, limit);
    let content = large("Large", 9000);
    phone.put(&content);
    let mut laptop = device("laptop", Version::V1_2, Encoding::Wbxml, limit);
    let mut sent = Vec::new();
    let mut received = Vec::new();
    for device in [&mut phone, &mut laptop] {
        let mut session = device.session(&server, Mode::TwoWay);
        while let Step::Send { body, .. } = session.step().unwrap() {
            sent.push(chunks_in(&body));
            let answer = server.post(&body, None).unwrap();
            received.push(chunks_in(&answer.body));
            session.receive(&answer.body, None).unwrap();
        }
    }
    for way in [sent, received] {
        let first = way.iter().position(|chunks| !chunks.is_empty()).unwrap();
        let chunks: Vec<_> = way[first..]
            .iter()
            .take_while(|chunks| !chunks.is_empty())
            .collect();
        assert!(chunks.len() > 3);
        assert!(
            chunks.iter().all(|chunks| chunks.len() == 1),
            "one a message"
        );
        let total: usize = chunks.iter().map(|chunks| chunks[0].2).sum();
        assert_eq!(total, content.len());
        for (number, chunk) in chunks.iter().enumerate() {
            let is_first = number == 0;
            let is_last = number + 1 == chunks.len();
            assert_eq!(chunk[0].0, is_first.then_some(content.len() as u64));
            assert_eq!(chunk[0].1, !is_last);
        }
    }
}

/// What the chunks in a message of ours or of the server begin with.
fn beginnings_in(body: &[u8]) -> Vec<u8> {
    let document = Document::new(body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mut found = Vec::new();
    for command in &message.commands {
        if let Command::Sync(sync) = command {
            for inner in &sync.commands {
                if let Command::Change(change) = inner {
                    let items = change.items.iter();
                    found.extend(
                        items.map(|item| item.data.as_ref().unwrap().as_bytes().unwrap()[0]),
                    );
                }
            }
        }
    }
    found
}

// spec: J06
#[test]
fn no_chunk_begins_with_blanks_that_a_reader_may_leave_out() {
    let lines = "NOTE:a  b \r\n  c\r\n \t".repeat(700);
    let content =
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:A;;;;\r\nFN:A\r\n{lines}\r\nEND:VCARD\r\n");
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for limit in 2000..2030 {
            let mut server = Server::new();
            server.config.max_msg_size = limit;
            let mut phone = device("phone", Version::V1_2, encoding, limit);
            let mut laptop = device("laptop", Version::V1_2, encoding, limit);
            phone.put(&content);
            let mut chunks = 0;
            for device in [&mut phone, &mut laptop] {
                let mut session = device.session(&server, Mode::TwoWay);
                while let Step::Send { body, .. } = session.step().unwrap() {
                    let answer = server.post(&body, None).unwrap();
                    session.receive(&answer.body, None).unwrap();
                    let beginnings = [beginnings_in(&body), beginnings_in(&answer.body)].concat();
                    chunks += beginnings.len();
                    assert!(!beginnings.iter().any(u8::is_ascii_whitespace), "{limit}");
                }
            }
            assert!(chunks > 15, "{chunks} chunks");
            assert!(laptop.contacts.contents() == [content.as_str()]);
        }
    }
}

/// A session that breaks after `messages` messages; the bytes of objects that moved.
fn broken(device: &mut Device, server: &mut Server, messages: usize) -> (usize, bool) {
    let mut session = device.session(server, Mode::TwoWay);
    let mut bytes = 0;
    for _ in 0..messages {
        let Step::Send { body, .. } = session.step().unwrap() else {
            return (bytes, true);
        };
        bytes += chunks_in(&body).iter().map(|chunk| chunk.2).sum::<usize>();
        let answer = server.post(&body, None).unwrap();
        bytes += chunks_in(&answer.body)
            .iter()
            .map(|chunk| chunk.2)
            .sum::<usize>();
        session.receive(&answer.body, None).unwrap();
    }
    (bytes, false)
}

// spec: I03 I09 I10 I13 S20
#[test]
fn an_object_goes_on_where_a_broken_session_ended() {
    // the second one is of equal chunks, which must not be taken for ones that came twice
    let same = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:A;;;;\r\nFN:A\r\nNOTE:{}\r\nEND:VCARD\r\n",
        "x".repeat(20_000)
    );
    for content in [large("Large", 20_000), same] {
        goes_on_after_breaks(&content);
    }
}

fn goes_on_after_breaks(content: &str) {
    let limit = 3000;
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for breaks_at in 5..12 {
            let mut server = Server::new();
            server.config.max_msg_size = limit;
            let mut phone = device("phone", Version::V1_2, encoding, limit);
            let mut laptop = device("laptop", Version::V1_2, encoding, limit);
            phone.put(content);
            for device in [&mut phone, &mut laptop] {
                let mut moved = 0;
                let mut sessions = 0;
                loop {
                    sessions += 1;
                    let (bytes, done) = broken(device, &mut server, breaks_at);
                    moved += bytes;
                    if done {
                        break;
                    }
                    assert!(sessions < 40, "no session gets further");
                }
                assert!(sessions > 1);
                // one chunk a break may go twice
                assert!(
                    moved <= content.len() + sessions * 3000,
                    "{moved} bytes moved in {sessions} sessions of {breaks_at} messages"
                );
                let is_whole = device.contacts.contents() == [content];
                assert!(
                    is_whole,
                    "after {sessions} sessions of {breaks_at} messages"
                );
            }
            assert!(server.contents() == [content]);
            assert_eq!(counts(&phone.sync(&mut server, Mode::TwoWay)), [0; 6]);
            assert_eq!(counts(&laptop.sync(&mut server, Mode::TwoWay)), [0; 6]);
        }
    }
}

/// A session whose message number `lost` gets to the server, while its answer is lost; whether it
/// came to that.
fn answer_is_lost(device: &mut Device, server: &mut Server, lost: usize) -> bool {
    let mut session = device.session(server, Mode::TwoWay);
    let mut message = 0;
    while let Step::Send { body, .. } = session.step().unwrap() {
        message += 1;
        let answer = server.post(&body, None).unwrap();
        if message == lost {
            return true;
        }
        session.receive(&answer.body, None).unwrap();
    }
    false
}

/// As [`answer_is_lost`], but it is the message that does not get there.
fn message_is_lost(device: &mut Device, server: &mut Server, lost: usize) -> bool {
    let mut session = device.session(server, Mode::TwoWay);
    for _ in 1..lost {
        let Step::Send { body, .. } = session.step().unwrap() else {
            return false;
        };
        let answer = server.post(&body, None).unwrap();
        session.receive(&answer.body, None).unwrap();
    }
    matches!(session.step().unwrap(), Step::Send { .. })
}

// spec: I09 I10
#[test]
fn an_object_whose_end_came_unheard_is_whole_in_the_next_session() {
    let limit = 3000;
    let sizes = [4000, 5500, 7000];
    let fill = |device: &Device| {
        for (number, size) in sizes.into_iter().enumerate() {
            device.put(&large(&format!("Person {number}"), size));
        }
    };
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for breaks in [answer_is_lost, message_is_lost] {
            for lost in 1.. {
                let mut server = Server::new();
                server.config.max_msg_size = limit;
                let mut phone = device("phone", Version::V1_2, encoding, limit);
                let mut laptop = device("laptop", Version::V1_2, encoding, limit);
                fill(&phone);
                let mut broke = false;
                for device in [&mut phone, &mut laptop] {
                    broke |= breaks(device, &mut server, lost);
                    let summary = device.sync(&mut server, Mode::TwoWay);
                    assert_eq!(
                        summary.sources[0].failed,
                        [],
                        "{encoding:?}, message {lost}"
                    );
                    assert_eq!(counts(&device.sync(&mut server, Mode::TwoWay)), [0; 6]);
                }
                assert!(
                    laptop.contacts.contents() == phone.contacts.contents(),
                    "{encoding:?}, message {lost}"
                );
                assert_eq!(server.contents().len(), sizes.len());
                if !broke {
                    assert!(lost > 12, "{lost} messages");
                    break;
                }
            }
        }
    }
}

// spec: I01 I09 I10
#[test]
fn a_session_that_is_suspended_within_an_object_goes_on_with_it() {
    let limit = 3000;
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for messages in 3.. {
            let mut server = Server::new();
            server.config.max_msg_size = limit;
            let mut phone = device("phone", Version::V1_2, encoding, limit);
            let mut laptop = device("laptop", Version::V1_2, encoding, limit);
            phone.put(&large("Large", 9000));
            let mut suspended = false;
            for device in [&mut phone, &mut laptop] {
                let mut session = device.session(&server, Mode::TwoWay);
                let mut message = 0;
                while let Step::Send { body, .. } = session.step().unwrap() {
                    let answer = server.post(&body, None).unwrap();
                    session.receive(&answer.body, None).unwrap();
                    message += 1;
                    if message == messages {
                        session.suspend();
                    }
                }
                suspended |= session.summary().suspended;
                drop(session);
                let summary = device.sync(&mut server, Mode::TwoWay);
                assert_eq!(summary.sources[0].failed, [], "{encoding:?}, {messages}");
                assert_eq!(counts(&device.sync(&mut server, Mode::TwoWay)), [0; 6]);
            }
            assert!(
                laptop.contacts.contents() == phone.contacts.contents(),
                "{encoding:?}, {messages}"
            );
            if !suspended {
                assert!(messages > 7, "{messages} messages");
                break;
            }
        }
    }
}

#[test]
fn an_object_that_changes_between_two_chunks_is_sent_by_the_next_session() {
    let limit = 3000;
    let change = |server: &mut Server, laptop: &mut Device, newer: Option<&str>| {
        let luid = laptop.contacts.luid_of(&large("Large", 9000));
        match newer {
            Some(newer) => laptop.contacts.with(|r| r.edit(&luid, newer.as_bytes())),
            None => laptop.contacts.with(|r| r.remove(&luid)),
        };
        laptop.sync(server, Mode::TwoWay);
    };
    for newer in [Some(large("Large", 7000)), None] {
        let mut server = Server::new();
        server.config.max_msg_size = limit;
        let mut laptop = device("laptop", Version::V1_2, Encoding::Wbxml, limit);
        let mut phone = device("phone", Version::V1_2, Encoding::Wbxml, limit);
        laptop.put(&large("Large", 9000));
        laptop.put(&card("Small", "1"));
        laptop.sync(&mut server, Mode::TwoWay);

        let mut session = phone.session(&server, Mode::TwoWay);
        let mut chunks = 0;
        while let Step::Send { body, .. } = session.step().unwrap() {
            let answer = server.post(&body, None).unwrap();
            let came = chunks_in(&answer.body);
            chunks += came.iter().filter(|chunk| chunk.1).count();
            session.receive(&answer.body, None).unwrap();
            if chunks == 2 {
                chunks += 1;
                change(&mut server, &mut laptop, newer.as_deref());
            }
        }
        assert!(chunks > 2, "it was changed between two chunks");
        assert!(!phone.contacts.contents().contains(&large("Large", 9000)));
        phone.sync(&mut server, Mode::TwoWay);
        assert_eq!(phone.contacts.contents(), laptop.contacts.contents());
    }
}

#[test]
fn an_object_that_another_one_goes_before_begins_anew() {
    let limit = 3000;
    let mut server = Server::new();
    server.config.max_msg_size = limit;
    let mut phone = device("phone", Version::V1_2, Encoding::Wbxml, limit);
    let small = phone.put(&card("First", "1"));
    phone.put(&large("Second", 9000));
    let (_, ended) = broken(&mut phone, &mut server, 5);
    assert!(!ended, "it broke in the second one");
    let newer = large("First", 8000);
    phone.contacts.with(|r| r.edit(&small, newer.as_bytes()));
    phone.sync(&mut server, Mode::TwoWay);
    phone.sync(&mut server, Mode::TwoWay);
    let mut both = [newer, large("Second", 9000)];
    both.sort();
    assert_eq!(server.contents(), both);
}
