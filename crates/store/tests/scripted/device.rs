//! Devices of our own, whose sessions run against the scripted server.

use std::sync::{Arc, Mutex};

use session::client::{Config, Error, MemoryReplica, Mode, Session, Source, Step, Summary};
use session::store::DatastoreKind;
use syncml::{Encoding, Version};

use super::{PASSWORD, Server, USER};

/// A replica that the test and the session share.
#[derive(Clone, Default)]
pub struct Shared(pub Arc<Mutex<MemoryReplica>>);

impl Shared {
    pub fn with<R>(&self, run: impl FnOnce(&mut MemoryReplica) -> R) -> R {
        run(&mut self.0.lock().unwrap())
    }

    pub fn contents(&self) -> Vec<String> {
        let mut contents: Vec<String> = self.with(|replica| {
            let items = replica.items();
            items
                .map(|(_, content)| String::from_utf8(content.to_vec()).unwrap())
                .collect()
        });
        contents.sort();
        contents
    }

    pub fn luid_of(&self, content: &str) -> String {
        self.with(|replica| {
            let found = replica
                .items()
                .find(|(_, held)| *held == content.as_bytes());
            found.unwrap().0.to_owned()
        })
    }
}

/// A device with contacts.
pub struct Device {
    pub config: Config,
    pub contacts: Shared,
    sessions: u8,
}

impl Device {
    pub fn new(name: &str) -> Self {
        Self {
            config: Config {
                url: "http://server/syncml".into(),
                user: USER.into(),
                password: PASSWORD.into(),
                device_id: name.into(),
                version: Version::V1_2,
                encoding: Encoding::Wbxml,
                max_msg_size: 150_000,
                max_obj_size: 32 << 20,
                resume: true,
                one_package: false,
                basic_first: false,
                software_version: "1".into(),
            },
            contacts: Shared::default(),
            sessions: 0,
        }
    }

    pub fn session(&mut self, server: &Server, mode: Mode) -> Session {
        self.sessions += 1;
        let source = Source {
            name: "contacts".into(),
            local_uri: "./people".into(),
            remote_uri: "contacts".into(),
            kind: DatastoreKind::Contacts,
            mode,
            filter: None,
            replica: Box::new(Arc::clone(&self.contacts.0)),
        };
        let entropy = [self.sessions; 8];
        Session::new(self.config.clone(), vec![source], server.now, entropy).unwrap()
    }

    pub fn sync(&mut self, server: &mut Server, mode: Mode) -> Summary {
        let mut session = self.session(server, mode);
        let limits = (self.config.max_msg_size, server.config.max_msg_size);
        let summary = run(&mut session, server, limits).unwrap();
        assert_eq!(summary.sources[0].error, None);
        assert_eq!(summary.sources[0].failed, []);
        summary
    }

    pub fn add(&self, name: &str, phone: &str) -> String {
        let content = card(name, phone);
        self.contacts
            .with(|replica| replica.insert("text/x-vcard", content.as_bytes()));
        content
    }

    pub fn put(&self, content: &str) -> String {
        self.contacts
            .with(|replica| replica.insert("text/vcard", content.as_bytes()))
    }
}

pub fn card(name: &str, phone: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name}\r\nFN:{name}\r\nTEL;TYPE=CELL:{phone}\r\nEND:VCARD\r\n"
    )
}

/// A contact of about so many bytes, with characters of every length and some that XML reserves.
pub fn large(name: &str, bytes: usize) -> String {
    let words = (0..bytes / 20).map(|number| format!("{number} grün & <groß> \u{20ac}\u{1f600} "));
    let note: String = words.collect();
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name};;;;\r\nFN:{name}\r\nNOTE:{note}\r\nEND:VCARD\r\n"
    )
}

/// Runs a session to its end; every message is posted twice now and then, as after a lost answer.
pub fn run(
    session: &mut Session,
    server: &mut Server,
    limits: (u64, u64),
) -> Result<Summary, Error> {
    for message in 1..5000 {
        let Step::Send { url, body, mac, .. } = session.step()? else {
            return Ok(session.summary());
        };
        assert!(
            message == 1 || body.len() as u64 <= limits.1,
            "{} bytes to a limit of {}",
            body.len(),
            limits.1
        );
        server.mac = mac;
        let token = url.split_once("?sid=").map(|(_, token)| token.to_owned());
        let answer = server.post(&body, token.as_deref()).unwrap();
        assert!(answer.body.len() as u64 <= limits.0);
        let answer = if message % 3 == 0 {
            let again = server.post(&body, token.as_deref()).unwrap();
            assert_eq!(again.body, answer.body);
            again
        } else {
            answer
        };
        session.receive(&answer.body, None)?;
    }
    panic!("the session does not end");
}

/// `(sent added, changed, deleted, received added, changed, deleted)`.
pub fn counts(summary: &Summary) -> [u64; 6] {
    let source = &summary.sources[0];
    let (sent, received) = (source.sent, source.received);
    [
        sent.added,
        sent.changed,
        sent.deleted,
        received.added,
        received.changed,
        received.deleted,
    ]
}
