//! A server that is moved to the other engine while a session is under way: the device is answered
//! byte for byte as by one that stayed where it was, and what is left behind is the same.

use session::client::{Mode, Step};
use session::store::{Content, Origin, StoreError};
use store::{Copied, Memory, Place, Postgres, Sqlite, Store};
use syncml::auth;
use testkit::postgres::{self, Database};

use crate::scripted::device::{Device, card};
use crate::scripted::state::{File, State};
use crate::scripted::{PASSWORD, Server, USER};

/// What a device is answered, and what the state says at the end.
type Told = (Vec<Vec<u8>>, Vec<Copied>);

/// Two places for a state, of either engine.
struct Places {
    folder: tempfile::TempDir,
    database: Database<'static>,
}

impl Places {
    fn file(&self, name: &str) -> Place {
        Place::File(self.folder.path().join(name))
    }

    /// Both, the one where the server begins first.
    fn in_order(&self, begins_in_file: bool) -> [Place; 2] {
        let file = self.file("state.db");
        let database = Place::Database(self.database.url());
        if begins_in_file {
            [file, database]
        } else {
            [database, file]
        }
    }
}

fn opened(place: &Place) -> State {
    let store: Store = match place {
        Place::File(path) => Sqlite::open(path).unwrap().into(),
        Place::Database(url) => Postgres::open(url).unwrap().into(),
    };
    // whichever engine it is, a job owns what it uses
    State::Sqlite(File {
        store,
        folder: tempfile::tempdir().unwrap(),
    })
}

fn stop(server: &mut Server) {
    server.state = State::Memory(Box::<Memory>::default());
}

/// Contacts of the server's own side.
fn add_here(server: &mut Server, numbers: std::ops::Range<u32>) {
    let (contacts, now) = (server.contacts(), server.now);
    let job = move |tx: &mut dyn session::store::Transaction| {
        for number in numbers.clone() {
            let text = card(&format!("Person {number}"), "1");
            let content = Content::new("text/x-vcard", text.as_bytes());
            tx.add_item(contacts, content, Origin::Local, now)?;
        }
        Ok::<_, StoreError>(())
    };
    server.state.run(job).unwrap();
}

/// A session in which both sides have changes; the state is moved after the message of that number,
/// if it is one.
fn session(begins_in_file: bool, moved_after: Option<usize>) -> Told {
    let places = Places {
        folder: tempfile::tempdir().unwrap(),
        database: postgres::Postgres::shared().unwrap().database().unwrap(),
    };
    let [from, to] = places.in_order(begins_in_file);
    let mut server = Server::in_file();
    server.state = opened(&from);
    let digest = auth::user_digest(USER, PASSWORD);
    server.account = server.state.add_account(USER, &digest, Some(PASSWORD));
    server.config.max_msg_size = 2500;
    let mut phone = Device::new("phone");
    phone.config.max_msg_size = 2500;
    let cards: Vec<String> = (1..=9)
        .map(|number| phone.add(&format!("Friend {number}"), "2"))
        .collect();
    phone.sync(&mut server, Mode::TwoWay);
    add_here(&mut server, 1..91);
    phone.contacts.with(|replica| {
        let luid = |content: &String| {
            let found = replica
                .items()
                .find(|(_, held)| *held == content.as_bytes());
            found.unwrap().0.to_owned()
        };
        let [changed, deleted] = [&cards[0], &cards[1]].map(luid);
        let text = card("Friend 1", "3");
        assert!(replica.edit(&changed, text.as_bytes()));
        assert!(replica.remove(&deleted));
    });
    phone.add("Friend 10", "2");

    let mut session = phone.session(&server, Mode::TwoWay);
    let mut answers = Vec::new();
    while let Step::Send { url, body, mac, .. } = session.step().unwrap() {
        server.mac = mac;
        let token = url.split_once("?sid=").map(|(_, token)| token.to_owned());
        let answer = server.post(&body, token.as_deref()).unwrap();
        if moved_after == Some(answers.len()) {
            stop(&mut server);
            store::copy(&from, &to, server.now, &mut |_| ()).unwrap();
            server.state = opened(&to);
        }
        // the answer may have been lost when the server was stopped
        let again = server.post(&body, token.as_deref()).unwrap();
        assert_eq!(again.body, answer.body);
        session.receive(&answer.body, None).unwrap();
        answers.push(answer.body);
    }
    let summary = session.summary();
    assert_eq!(
        (summary.sources[0].alert, &summary.sources[0].error),
        (200, &None)
    );
    assert_eq!(server.contents(), phone.contacts.contents());
    stop(&mut server);
    let place = if moved_after.is_some() { to } else { from };
    let left = store::rehearse(&place, &places.file("none.db"), &mut |_| ()).unwrap();
    (answers, left)
}

#[test]
fn a_device_does_not_notice_that_its_server_moves_within_a_session() {
    if postgres::Postgres::shared().is_none() {
        return;
    }
    let stayed = session(true, None);
    assert!(stayed.0.len() > 6, "{} messages", stayed.0.len());
    assert_eq!(session(false, None), stayed);
    for begins_in_file in [true, false] {
        for message in 0..stayed.0.len() {
            let moved = session(begins_in_file, Some(message));
            assert!(moved.0 == stayed.0, "after {message}: another answer");
            assert_eq!(moved.1, stayed.1, "after {message}");
        }
    }
}
