//! The server is told to stop while sessions go on: it answers what it has in hand, ends of itself, and
//! after its restart every session goes on with its next message as if nothing had been.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use session::client::{Config, MemoryReplica, Mode, Session, Source, Step, Summary};
use session::store::DatastoreKind;
use syncml::{Encoding, Version};
use testkit::items::{self, Kind};
use testkit::syncline::Installation;
use transports::http::{Client, Options};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

/// Devices, of which each has got one answer more than the one before when the server stops.
const DEVICES: u32 = 8;

/// Contacts of each device.
const ITEMS: u32 = 25;

/// Small enough for more messages than the last device has sent by then.
const MAX_MSG_SIZE: u64 = 5000;

/// A device in the middle of its session.
struct Device {
    session: Session,
    client: Client,
    /// Answers that it has got.
    answers: u32,
    summary: Option<Summary>,
}

impl Device {
    fn new(number: u32, url: &str) -> Self {
        let mut replica = MemoryReplica::default();
        for item in 1..=ITEMS {
            let kind = Kind::Contact;
            replica.insert(
                kind.media_type(),
                &items::item(kind, number * 1000 + item, 0),
            );
        }
        let source = Source {
            name: "contacts".to_owned(),
            local_uri: "./contacts".to_owned(),
            remote_uri: "contacts".to_owned(),
            kind: DatastoreKind::Contacts,
            mode: Mode::Slow,
            filter: None,
            replica: Box::new(Arc::new(Mutex::new(replica))),
        };
        let config = Config {
            url: url.to_owned(),
            user: format!("user-{number}"),
            password: "secret".to_owned(),
            device_id: format!("device-{number}"),
            version: Version::V1_2,
            encoding: Encoding::Wbxml,
            max_msg_size: MAX_MSG_SIZE,
            max_obj_size: 1 << 20,
            resume: true,
            one_package: false,
            basic_first: false,
            software_version: "1".to_owned(),
        };
        Self {
            session: Session::new(config, vec![source], 1_000_000, [number as u8; 8]).unwrap(),
            client: Client::new(Options::default()).unwrap(),
            answers: 0,
            summary: None,
        }
    }

    /// Exchanges messages until that many were answered, or the session is over.
    async fn talk(&mut self, answers: u32) {
        while self.answers < answers && self.summary.is_none() {
            match self.session.step().unwrap() {
                Step::Done(summary) => self.summary = Some(summary),
                Step::Send {
                    url,
                    body,
                    encoding,
                    ..
                } => {
                    let answer = self.client.post(&url, encoding.media_type(), body.into());
                    let answer = answer.await.unwrap();
                    let charset = answer.charset.as_deref();
                    self.session.receive(&answer.body, charset).unwrap();
                    self.answers += 1;
                }
            }
        }
    }
}

// spec: R12
#[test]
fn sessions_go_on_after_the_server_was_stopped_and_started() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let installation = Installation::new(PROGRAM).unwrap();
    for number in 1..=DEVICES {
        installation
            .add_user(&format!("user-{number}"), "secret")
            .unwrap();
    }
    let server = installation.serve().unwrap();
    let mut devices: Vec<Device> = (1..=DEVICES)
        .map(|number| Device::new(number, server.url()))
        .collect();
    // a session has five messages
    for (answers, device) in (1..=4).cycle().zip(&mut devices) {
        runtime.block_on(device.talk(answers));
        assert!(device.summary.is_none(), "the session is too short");
    }
    let address = server.address().to_owned();
    assert_eq!(server.terminate().unwrap(), Some(0));
    let _restarted = installation.serve_on(&address).unwrap();
    for (number, device) in (1..).zip(&mut devices) {
        runtime.block_on(device.talk(u32::MAX));
        let summary = device.summary.as_ref().unwrap();
        let [source] = summary.sources.as_slice() else {
            panic!("one datastore was synced");
        };
        assert_eq!((&source.error, source.failed.len()), (&None, 0));
        assert_eq!(source.sent.total(), u64::from(ITEMS));
        let user = format!("user-{number}");
        let counts = installation.counts(&user).unwrap();
        assert_eq!(counts["contacts"], u64::from(ITEMS), "{user}");
    }
}

/// A first message, which is answered whatever is in the state.
const MESSAGE: &str = "<SyncML><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto>\
    <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>s</LocURI></Target>\
    <Source><LocURI>d</LocURI></Source></SyncHdr><SyncBody><Final/></SyncBody></SyncML>";

#[test]
fn a_message_that_is_half_here_is_answered_before_the_server_ends() {
    let installation = Installation::new(PROGRAM).unwrap();
    let server = installation.serve().unwrap();
    let address = server.address().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /syncml HTTP/1.1\r\nHost: here\r\nContent-Type: application/vnd.syncml+xml\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        MESSAGE.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // it says so when it waits for the body
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, second) = MESSAGE.split_at(MESSAGE.len() / 2);
    stream.write_all(first.as_bytes()).unwrap();
    let stopping = thread::spawn(move || server.terminate());
    while TcpStream::connect(&address).is_ok() {}
    assert!(!stopping.is_finished(), "it has a message in hand");
    stream.write_all(second.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("<MsgRef>1</MsgRef>"), "{answer}");
    assert_eq!(stopping.join().unwrap().unwrap(), Some(0));
}
