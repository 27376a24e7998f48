//! Many items through small messages, against the engines that servers use.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::duplicate_mod
)]

#[path = "fresh/mod.rs"]
mod fresh;
mod scripted;

use std::sync::Arc;

use scripted::device::Device;
use scripted::{PASSWORD, Server, USER};
use session::client::{Mode, Session, Step};
use session::server::{Answer, AnswerError, Config, Proof, Request, answer};
use session::store::AccountId;
use store::{Sqlite, Store};
use syncml::{Document, auth};

const MOST: usize = 2000;

const ITEMS: u64 = 10_000;

/// Answers a message in a transaction of its own.
fn exchange(store: &Store, config: &Arc<Config>, body: Vec<u8>, token: Option<String>) -> Answer {
    let config = Arc::clone(config);
    let answered = store.transact(move |tx| {
        let hash = session::hash(&body);
        let document = Document::new(&body, None).map_err(AnswerError::Unreadable)?;
        let mut entropy = [0; 32];
        for part in entropy.chunks_exact_mut(8) {
            part.copy_from_slice(&hash.to_be_bytes());
        }
        let request = Request {
            busy: None,
            document: &document,
            hash,
            token: token.as_deref(),
            resp_uri_base: Some("http://server/syncml"),
            peer: None,
            user_agent: None,
            proof: Proof::default(),
            answer_as: None,
            now: 1_795_600_000,
            entropy,
        };
        answer(tx, &config, &request)
    });
    answered.unwrap()
}

/// Runs a session to its end; the number of messages.
fn run(session: &mut Session, store: &Store, config: &Arc<Config>) -> u32 {
    let mut messages = 0;
    loop {
        let Step::Send { url, body, .. } = session.step().unwrap() else {
            return messages;
        };
        messages += 1;
        assert!(messages == 1 || body.len() <= MOST);
        let token = url.split_once("?sid=").map(|(_, token)| token.to_owned());
        let answer = exchange(store, config, body, token);
        assert!(answer.body.len() <= MOST);
        session.receive(&answer.body, None).unwrap();
    }
}

// spec: R08
#[test]
fn ten_thousand_items_go_through_small_messages() {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh::database();
    let store = match &database {
        None => Sqlite::open(&folder.path().join("syncline.db"))
            .unwrap()
            .into(),
        Some(database) => Store::from(database.engine().clone()),
    };
    let digest = auth::user_digest(USER, PASSWORD);
    store
        .add_account(AccountId(1), USER, &digest, Some(PASSWORD))
        .unwrap();
    let config = Arc::new(Config {
        max_msg_size: MOST as u64,
        ..Config::default()
    });
    let device = |name| {
        let mut device = Device::new(name);
        device.config.max_msg_size = MOST as u64;
        device
    };
    let (mut phone, mut laptop) = (device("phone"), device("laptop"));
    for number in 0..ITEMS {
        phone.add(&format!("Person {number}"), &number.to_string());
    }
    let clock = Server::new();
    for (device, sent, received) in [(&mut phone, ITEMS, 0), (&mut laptop, 0, ITEMS)] {
        let mut session = device.session(&clock, Mode::TwoWay);
        let messages = run(&mut session, &store, &config);
        assert!(messages > 500, "{messages} messages");
        let source = session.summary().sources.remove(0);
        assert_eq!((source.error, source.failed.len()), (None, 0));
        assert_eq!(source.sent.total(), sent);
        assert_eq!(source.received.total(), received);
    }
    assert!(laptop.contacts.contents() == phone.contacts.contents());
}
