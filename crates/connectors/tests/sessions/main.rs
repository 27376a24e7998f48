//! Folders synced with a server, without a network between.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod folders;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use connectors::vdir::Vdir;
use session::client::{Config, Mode, Room, Session, Source, SourceSummary, Step};
use session::server::{Proof, Request, answer};
use session::store::{AccountId, DatastoreId, DatastoreKind};
use store::Memory;
use syncml::{Document, Encoding, Version, auth};

struct Server {
    state: Memory,
    account: AccountId,
    config: session::server::Config,
    now: i64,
}

impl Server {
    fn new() -> Self {
        let mut state = Memory::default();
        let digest = auth::user_digest("bruce", "OhBehave");
        Self {
            account: state.add_account("bruce", &digest, None),
            state,
            config: session::server::Config {
                max_msg_size: 2000,
                ..session::server::Config::default()
            },
            now: 1_795_600_000,
        }
    }

    fn post(&mut self, body: &[u8]) -> Vec<u8> {
        self.now += 1;
        let document = Document::new(body, None).unwrap();
        let request = Request {
            document: &document,
            hash: body.iter().fold(7, |hash: u64, byte| {
                hash.wrapping_mul(31).wrapping_add(u64::from(*byte))
            }),
            token: None,
            resp_uri_base: None,
            peer: None,
            user_agent: None,
            busy: None,
            proof: Proof::default(),
            answer_as: None,
            now: self.now,
            entropy: [(self.now % 251) as u8; 32],
        };
        answer(&mut self.state, &self.config, &request)
            .unwrap()
            .body
    }

    fn contents(&self) -> Vec<String> {
        let contacts = DatastoreId {
            account: self.account,
            number: 1,
        };
        sorted(
            self.state
                .items(contacts)
                .into_iter()
                .map(|item| item.content),
        )
    }
}

fn sorted(contents: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
    let mut texts: Vec<String> = contents
        .map(|content| String::from_utf8(content).unwrap())
        .collect();
    texts.sort();
    texts
}

fn contents(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    sorted(
        files
            .filter(|path| path.is_file())
            .map(|path| fs::read(path).unwrap()),
    )
}

fn card(name: &str, phone: u32) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name}\r\nFN:{name}\r\nTEL:{phone}\r\nEND:VCARD\r\n")
}

fn config(device: &str) -> Config {
    Config {
        url: "http://server/syncml".into(),
        user: "bruce".into(),
        password: "OhBehave".into(),
        device_id: device.into(),
        version: Version::V1_2,
        encoding: Encoding::Wbxml,
        max_msg_size: 2000,
        max_obj_size: 32 << 20,
        resume: true,
        one_package: false,
        basic_first: false,
        software_version: "1".into(),
    }
}

fn session(dir: &Path, device: &str, now: i64, room: Option<Room>) -> Session {
    session_with(config(device), dir, now, room)
}

fn session_with(config: Config, dir: &Path, now: i64, room: Option<Room>) -> Session {
    let peer = "http://server/syncml contacts";
    let mut vdir = Vdir::open(dir, peer, DatastoreKind::Contacts, "text/vcard").unwrap();
    if let Some(room) = room {
        vdir.limit(room);
    }
    let source = Source {
        name: "contacts".into(),
        local_uri: "./contacts".into(),
        remote_uri: "contacts".into(),
        kind: DatastoreKind::Contacts,
        mode: Mode::TwoWay,
        filter: None,
        replica: Box::new(vdir),
    };
    Session::new(config, vec![source], now, [(now % 251) as u8; 8]).unwrap()
}

/// Runs a session, to its end or until it has posted `posts` messages; the last one's answer is
/// lost then. Changes in both directions.
fn sync(server: &mut Server, dir: &Path, device: &str, posts: usize) -> Option<[u64; 2]> {
    let session = session(dir, device, server.now, None);
    let source = run(server, session, posts)?;
    assert_eq!((&source.error, source.failed.len()), (&None, 0));
    Some([source.sent.total(), source.received.total()])
}

/// Runs a session in the same way.
fn run(server: &mut Server, mut session: Session, posts: usize) -> Option<SourceSummary> {
    for post in 1..200 {
        let Step::Send { body, .. } = session.step().unwrap() else {
            return session.summary().sources.pop();
        };
        let answer = server.post(&body);
        if post == posts {
            return None;
        }
        session.receive(&answer, None).unwrap();
    }
    panic!("the session does not end");
}

// spec: R03 R04
#[test]
fn two_folders_stay_in_step_wherever_a_session_breaks() {
    for breaks_at in 1..30 {
        let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (phone, laptop) = (phone.path(), laptop.path());
        let mut server = Server::new();
        for number in 0..8 {
            fs::write(
                phone.join(format!("p{number}.vcf")),
                card(&format!("Person {number}"), 1),
            )
            .unwrap();
            fs::write(
                laptop.join(format!("l{number}.vcf")),
                card(&format!("Other {number}"), 1),
            )
            .unwrap();
        }
        sync(&mut server, laptop, "laptop", usize::MAX);
        let broke = sync(&mut server, phone, "phone", breaks_at).is_none();
        // the persons go on meanwhile
        fs::write(laptop.join("l0.vcf"), card("Other 0", 2)).unwrap();
        fs::write(phone.join("p0.vcf"), card("Person 0", 2)).unwrap();
        sync(&mut server, laptop, "laptop", usize::MAX);
        sync(&mut server, phone, "phone", usize::MAX);
        // not before: an item that is compared anew looks new where it was deleted
        fs::remove_file(laptop.join("l1.vcf")).unwrap();
        for _ in 0..2 {
            sync(&mut server, laptop, "laptop", usize::MAX);
            sync(&mut server, phone, "phone", usize::MAX);
        }
        let all = server.contents();
        assert_eq!(all.len(), 15, "broken at {breaks_at}: {all:#?}");
        assert!(all.contains(&card("Person 0", 2)));
        assert!(all.contains(&card("Other 0", 2)));
        assert_eq!(contents(phone), all, "broken at {breaks_at}");
        assert_eq!(contents(laptop), all, "broken at {breaks_at}");
        assert_eq!(sync(&mut server, phone, "phone", usize::MAX), Some([0, 0]));
        assert_eq!(
            sync(&mut server, laptop, "laptop", usize::MAX),
            Some([0, 0])
        );
        if !broke {
            return;
        }
    }
    panic!("the session is longer than the test thinks");
}

// spec: A15
#[test]
fn messages_of_any_size_bring_everything_and_keep_to_it() {
    for size in [2000, 3000, 5000, 10_000] {
        let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut server = Server::new();
        server.config.max_msg_size = size;
        let note = format!("NOTE:{}\r\nEND", "x".repeat(12_000));
        for number in 0..30 {
            let card = card(&format!("Person {number}"), number);
            let card = if number == 7 {
                card.replace("END", &note)
            } else {
                card
            };
            fs::write(phone.path().join(format!("{number}.vcf")), card).unwrap();
        }
        for dir in [phone.path(), laptop.path(), phone.path()] {
            let device = if dir == phone.path() {
                "phone"
            } else {
                "laptop"
            };
            let config = Config {
                max_msg_size: size,
                ..config(device)
            };
            let mut session = session_with(config, dir, server.now, None);
            while let Step::Send { body, .. } = session.step().unwrap() {
                let answer = server.post(&body);
                for message in [&body, &answer] {
                    assert!(message.len() as u64 <= size, "{size}: {}", message.len());
                }
                session.receive(&answer, None).unwrap();
            }
            let source = &session.summary().sources[0];
            assert_eq!((&source.error, source.failed.len()), (&None, 0), "{size}");
        }
        assert_eq!(contents(phone.path()).len(), 30);
        assert_eq!(contents(laptop.path()), contents(phone.path()), "{size}");
    }
}

// spec: K06 K07 K08
#[test]
fn what_does_not_fit_follows_when_there_is_room() {
    let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (phone, laptop) = (phone.path(), laptop.path());
    let mut server = Server::new();
    for number in 0..4 {
        let path = laptop.join(format!("l{number}.vcf"));
        fs::write(path, card(&format!("Person {number}"), 1)).unwrap();
    }
    sync(&mut server, laptop, "laptop", usize::MAX);
    let mut held = BTreeSet::new();
    for most in 1..=4 {
        let room = Room {
            bytes: 100_000,
            items: Some(most),
            shared: false,
        };
        let mut session = session(phone, "phone", server.now, Some(room));
        while let Step::Send { body, .. } = session.step().unwrap() {
            let answer = server.post(&body);
            session.receive(&answer, None).unwrap();
        }
        let source = &session.summary().sources[0];
        assert_eq!(source.error, None);
        assert_eq!(source.received.total(), 1, "{most}");
        drop(session);
        assert_eq!(contents(phone).len() as u64, most);
        let before = std::mem::replace(&mut held, contents(phone).into_iter().collect());
        assert!(before.is_subset(&held), "nothing is exchanged for it");
    }
    assert_eq!(contents(phone), contents(laptop));
    assert_eq!(server.contents().len(), 4);
}
