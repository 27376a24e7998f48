//! The example session of the OMA white paper: a server in the state that it tells of answers
//! packages 1, 3 and 5 with what packages 2, 4 and 6 say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

use session::server::{Config, Proof, Request, answer};
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Device, Guid, Link, LinkId, Mapping, Origin,
    Transaction,
};
use store::Memory;
use syncml::{Command, Data, Document, Limits, Message, auth};

const DEVICE: &str = "IMEI:493005100592800";

fn sample(name: &str) -> String {
    let path = format!(
        "{}/../syncml/tests/samples/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

/// The content of an item in a sample.
fn content_of(text: &str, name: &str) -> String {
    let document = Document::new(text.as_bytes(), None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let syncs = message.commands.iter().filter_map(|command| match command {
        Command::Sync(sync) => Some(&sync.commands),
        _ => None,
    });
    let items = syncs.flatten().filter_map(|command| match command {
        Command::Change(change) => change.items[0].data.as_ref(),
        _ => None,
    });
    items
        .map(|data| data.to_text().into_owned())
        .find(|content| content.contains(name))
        .unwrap()
}

/// The state before the session: two contacts that the phone knows, one of them changed since,
/// and one that it does not. Gives the new one's GUID.
fn seeded() -> (Memory, Guid, DatastoreId) {
    let mut state = Memory::default();
    let account: AccountId =
        state.add_account("Bruce2", &auth::user_digest("Bruce2", "OhBehave"), None);
    let contacts = DatastoreId { account, number: 1 };
    let device = Device {
        uri: DEVICE.into(),
        ..Device::default()
    };
    let device = state.put_device(account, &device).unwrap();
    let link = LinkId {
        datastore: contacts,
        device,
    };
    let package4 = sample("seed_pkg4.xml");
    let mut add = |text: &str| {
        let content = Content::new("text/x-vcard", text.as_bytes());
        state.add_item(contacts, content, Origin::Local, 0).unwrap()
    };
    let (bond, bond_at) =
        add("BEGIN:VCARD\r\nVERSION:2.1\r\nN:Bond;James\r\nFN:James Bond\r\nEND:VCARD\r\n");
    let (moneypenny, changed_at) = add(&content_of(&package4, "Moneypenny"));
    let (leiter, _) = add(&content_of(&package4, "Leiter"));
    for (luid, guid, revision) in [
        ("1012", bond, bond_at),
        ("1023", moneypenny, ChangeSeq(changed_at.0 - 1)),
    ] {
        let mapping = Mapping {
            luid: luid.into(),
            guid,
            revision,
            generation: 1,
            stale: false,
        };
        state.put_mapping(link, &mapping).unwrap();
    }
    let anchors = Link {
        client_anchor: "234".into(),
        server_anchor: "20040119T081812Z".into(),
        seen: bond_at,
        generation: 1,
        ..Link::default()
    };
    state.put_link(link, &anchors).unwrap();
    (state, leiter, contacts)
}

/// What a message says, but for its own numbering, the server's time and what it says of itself.
fn essence(message: &Message<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let header = &message.header;
    lines.push(format!(
        "{} {} session {} message {} to {} from {} final {}",
        header.ver_dtd,
        header.ver_proto,
        header.session_id,
        header.msg_id,
        header.target.uri,
        header.source.uri,
        message.is_final
    ));
    for command in &message.commands {
        say(command, &mut lines);
    }
    lines
}

fn say(command: &Command<'_>, lines: &mut Vec<String>) {
    let line = match command {
        Command::Status(status) => format!(
            "Status {} for message {} command {} {} {:?} {:?} {:?}",
            status.data,
            status.msg_ref,
            status.cmd_ref,
            status.cmd,
            status.target_refs,
            status.source_refs,
            status.items
        ),
        Command::Alert(alert) => {
            let item = &alert.items[0];
            let anchor = item.meta.as_ref().unwrap().anchor.as_ref().unwrap();
            assert!(!anchor.next.is_empty());
            format!(
                "Alert {} {:?} {:?} last {:?}",
                alert.data, item.target, item.source, anchor.last
            )
        }
        Command::Results(results) => {
            let item = &results.items[0];
            assert!(matches!(item.data, Some(Data::DevInf(_))));
            format!(
                "Results for {:?} {:?} of {:?} {:?}",
                results.msg_ref, results.cmd_ref, item.source, results.meta
            )
        }
        Command::Sync(sync) => format!(
            "Sync {:?} {:?} of {:?} changes",
            sync.target, sync.source, sync.number_of_changes
        ),
        Command::Change(change) => {
            let item = &change.items[0];
            let meta = item.meta.clone().unwrap_or_default();
            format!(
                "{} {:?} {:?} {:?} {:?}",
                change.kind.name(),
                item.target,
                item.source,
                meta.inherit(change.meta.as_ref()).media_type,
                item.data
            )
        }
        other => panic!("{} in an answer", other.name()),
    };
    lines.push(line);
    if let Command::Sync(sync) = command {
        for inner in &sync.commands {
            say(inner, lines);
        }
    }
}

// spec: B01 C06 C07 H07 H08 S06 S09
#[test]
fn the_server_answers_as_in_the_white_paper() {
    let (mut state, leiter, contacts) = seeded();
    // its GUID is ours to choose
    let ours = |text: String| text.replace("10536681", &leiter.0.to_string());
    for (number, (question, expected)) in [
        ("seed_pkg1.xml", "seed_pkg2_dtd.xml"),
        ("seed_pkg3.xml", "seed_pkg4.xml"),
        ("seed_pkg5.xml", "seed_pkg6_dtd.xml"),
    ]
    .into_iter()
    .enumerate()
    {
        let question = ours(sample(question));
        let document = Document::new(question.as_bytes(), None).unwrap();
        let request = Request {
            document: &document,
            hash: number as u64,
            token: None,
            resp_uri_base: None,
            peer: None,
            user_agent: None,
            busy: None,
            proof: Proof::default(),
            answer_as: None,
            now: 1_074_590_000,
            entropy: [number as u8; 32],
        };
        let answer = answer(&mut state, &Config::default(), &request).unwrap();
        assert!(answer.body.len() < 5000, "the phone's MaxMsgSize");
        let answer = Document::new(&answer.body, None).unwrap();
        let expected = ours(sample(expected));
        let expected = Document::new(expected.as_bytes(), None).unwrap();
        assert_eq!(
            essence(&answer.read(&Limits::default()).unwrap()),
            essence(&expected.read(&Limits::default()).unwrap()),
        );
    }
    let held = state.items(contacts);
    assert_eq!(held.len(), 3);
    let bond = String::from_utf8(held[0].content.clone()).unwrap();
    assert_eq!(bond, content_of(&sample("seed_pkg3.xml"), "Bond"));
    let link = LinkId {
        datastore: contacts,
        device: 1,
    };
    let mapped = state.mapping(link, "1024").unwrap().unwrap();
    assert_eq!(mapped.guid, leiter);
    assert_eq!(state.link(link).unwrap().unwrap().client_anchor, "276");
}
