//! The client's session: whatever a server answers, the session ends, its messages parse and keep
//! the server's limit, every command has a status, and no item goes that the server did not touch.
//!
//! The input is a [script](super::script) of the server. Success is added for all that the client
//! said, unless the message begins with `-`. A message that begins with `!` breaks the session and is
//! the first of another one over the same items; with `~` the person suspends the session before.
//! When the script is over, the server says that all is well and final until the client is done.
//!
//! Options: `wbxml`, `1.0`, `1.1`, `slow`, `from-client`, `from-server`, `refresh-from-client`,
//! `refresh-from-server`, `synced`, `tasks`, `resume`, `one-package`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session::client::{Anchors, Config, MemoryReplica, Mode, Replica, Session, Source, Step};
use session::store::DatastoreKind;
use syncml::{ChangeKind, Command, Document, Encoding, Limits, Message, Version, transcode};

use super::message::all_commands;
use super::script::{self, MAX_MESSAGES, Options};
use super::server::{every_command_has_a_status, ids_are_unique};

const SESSION: u16 = 0x0101;
const URL: &str = "https://server/syncml";
/// Messages in which a session ends with a server that only says that all is well.
const PATIENCE: usize = 40;
/// Bytes of the client's smallest message, beside the addresses in it.
const LEAST: usize = 2000;

pub(crate) fn run(input: &[u8]) {
    let mut blocks = script::blocks(input);
    let options = Options::new(blocks.next().unwrap_or_default());
    let mut sessions = vec![Vec::new()];
    for block in blocks.take(MAX_MESSAGES) {
        match (block.strip_prefix(b"!"), sessions.last_mut()) {
            (Some(first), _) => sessions.push(vec![first]),
            (None, Some(session)) => session.push(block),
            (None, None) => {}
        }
    }
    let mut dialogue = Dialogue::new(options);
    let last = sessions.pop().unwrap_or_default();
    for session in sessions {
        let _ = session.into_iter().all(|block| dialogue.turn(block));
        dialogue.begin();
    }
    let calm = std::iter::repeat_n(b"<Final/>".as_slice(), PATIENCE);
    let goes_on = last
        .into_iter()
        .chain(calm)
        .all(|block| dialogue.turn(block));
    assert!(!goes_on, "the session does not end");
    dialogue.check_received();
    dialogue.check_items();
}

struct Dialogue {
    encoding: Encoding,
    version: Version,
    mode: Mode,
    config: Config,
    session: Session,
    replicas: Vec<(DatastoreKind, Arc<Mutex<MemoryReplica>>)>,
    message: u32,
    url_len: usize,
    /// The server's limit, as the client knows it.
    limit: Option<u64>,
    /// The server's last answer, whose commands await a status.
    answered: Option<Vec<u8>>,
    /// The server asked for something that removes or replaces items.
    touched: bool,
    /// Items in the server's changes.
    received: u64,
}

impl Dialogue {
    fn new(options: Options<'_>) -> Self {
        let mode = [
            ("slow", Mode::Slow),
            ("from-client", Mode::FromClient),
            ("from-server", Mode::FromServer),
            ("refresh-from-client", Mode::RefreshFromClient),
            ("refresh-from-server", Mode::RefreshFromServer),
        ];
        let mode = mode.into_iter().find(|(word, _)| options.has(word));
        let mode = mode.map_or(Mode::TwoWay, |(_, mode)| mode);
        let version = match options {
            options if options.has("1.0") => Version::V1_0,
            options if options.has("1.1") => Version::V1_1,
            _ => Version::V1_2,
        };
        let encoding = if options.has("wbxml") {
            Encoding::Wbxml
        } else {
            Encoding::Xml
        };
        let mut replicas = vec![(DatastoreKind::Contacts, replica(options))];
        if options.has("tasks") {
            replicas.push((DatastoreKind::Tasks, replica(options)));
        }
        let config = Config {
            url: URL.to_owned(),
            user: "bruce".to_owned(),
            password: "OhBehave".to_owned(),
            device_id: "device".to_owned(),
            version,
            encoding,
            max_msg_size: 100_000,
            max_obj_size: 20_000,
            resume: options.has("resume"),
            one_package: options.has("one-package"),
            basic_first: false,
            software_version: "1".to_owned(),
        };
        Self {
            encoding,
            version,
            mode,
            session: session(&config, mode, &replicas),
            config,
            replicas,
            message: 0,
            url_len: URL.len(),
            limit: None,
            answered: None,
            touched: false,
            received: 0,
        }
    }

    /// Another session over the same items; the one before has ended or breaks here.
    fn begin(&mut self) {
        self.check_received();
        self.session = session(&self.config, self.mode, &self.replicas);
        self.message = 0;
        self.url_len = URL.len();
        self.limit = None;
        self.answered = None;
        self.received = 0;
    }

    /// The client's message and the server's answer to it; whether the session goes on.
    fn turn(&mut self, block: &[u8]) -> bool {
        let block = match block.strip_prefix(b"~") {
            Some(rest) => {
                self.session.suspend();
                rest
            }
            None => block,
        };
        let body = match self.session.step() {
            Ok(Step::Send {
                url,
                body,
                encoding,
                ..
            }) => {
                assert_eq!(encoding, self.encoding);
                self.url_len = url.len();
                body
            }
            Ok(Step::Done(_)) => return false,
            Err(error) => panic!("a replica in memory does not fail: {error}"),
        };
        let document = Document::new(&body, None).expect("a message is a document");
        assert_eq!(document.encoding(), self.encoding);
        let said = document
            .read(&Limits::default())
            .expect("a message is read");
        self.check(&said, body.len());
        self.message += 1;
        let answer = self.answer_to(&said, block);
        self.note(&answer);
        if self.session.receive(&answer, None).is_err() {
            return false;
        }
        self.answered = Some(answer);
        true
    }

    fn check(&self, said: &Message<'_>, size: usize) {
        ids_are_unique(said);
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.unwrap_or(usize::MAX);
        // an address of the server is repeated, a reference for each byte at worst
        let most = limit.max(LEAST + 6 * self.url_len);
        assert!(size <= most, "a message of {size} bytes, {limit} allowed");
        let Some(answered) = &self.answered else {
            return;
        };
        let document = Document::new(answered, None).expect("it was read before");
        let asked = document
            .read(&Limits::default())
            .expect("it was read before");
        let is_refusal = asked.commands.iter().any(|command| {
            matches!(command, Command::Status(status)
                if status.cmd_ref.trim() == "0" || status.cmd_ref.is_empty())
        });
        if !is_refusal && size < limit / 2 && size < 100_000 {
            every_command_has_a_status(&asked, said);
        }
    }

    /// A whole message as it is, or a header and statuses for the commands of one.
    fn answer_to(&self, said: &Message<'_>, block: &[u8]) -> Vec<u8> {
        if script::is_document(block) {
            return block.to_vec();
        }
        let (block, statuses) = match block.strip_prefix(b"-") {
            Some(rest) => (rest, String::new()),
            None => (block, script::success(said)),
        };
        let (version, message) = (self.version, self.message);
        let head = format!(
            "<SyncML xmlns='SYNCML:SYNCML{version}'><SyncHdr><VerDTD>{version}</VerDTD>\
             <VerProto>SyncML/{version}</VerProto><SessionID>{SESSION}</SessionID>\
             <MsgID>{message}</MsgID><Target><LocURI>device</LocURI></Target>\
             <Source><LocURI>{URL}</LocURI></Source></SyncHdr><SyncBody>{statuses}"
        );
        let body = [head.as_bytes(), block, b"</SyncBody></SyncML>"].concat();
        if self.encoding == Encoding::Wbxml
            && let Ok(binary) = transcode::to_wbxml(&body)
        {
            return binary;
        }
        body
    }

    /// Keeps account of what the server asks for.
    fn note(&mut self, answer: &[u8]) {
        let Ok(document) = Document::new(answer, None) else {
            return;
        };
        let Ok(message) = document.read(&Limits::default()) else {
            return;
        };
        let size = message.header.meta.as_ref().and_then(|m| m.max_msg_size);
        if size.is_some() {
            self.limit = size.filter(|size| *size > 0);
        }
        for command in all_commands(&message.commands) {
            if let Command::Change(change) = command {
                self.touched |= change.kind != ChangeKind::Add;
                self.received += change.items.len() as u64;
            }
        }
    }

    fn check_received(&self) {
        let summary = self.session.summary();
        let received: u64 = summary
            .sources
            .iter()
            .map(|source| source.received.total())
            .sum();
        let cleared = self.mode == Mode::RefreshFromServer;
        assert!(
            received <= self.received || cleared,
            "{received} changes of {} received",
            self.received
        );
    }

    fn check_items(&self) {
        if self.touched || self.mode == Mode::RefreshFromServer {
            return;
        }
        for (_, replica) in &self.replicas {
            let replica = locked(replica);
            for (luid, content) in own_items() {
                let held = replica
                    .items()
                    .any(|item| item == (luid, content.as_bytes()));
                assert!(held, "item {luid} went, and the server did not ask for it");
            }
        }
    }
}

/// The items that a replica has before the session.
fn own_items() -> [(&'static str, &'static str); 3] {
    [
        (
            "1",
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:One\r\nTEL:1\r\nEND:VCARD\r\n",
        ),
        (
            "2",
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Two\r\nTEL:2\r\nEND:VCARD\r\n",
        ),
        (
            "3",
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:\u{e9}\0]]>\r\nEND:VCARD\r\n",
        ),
    ]
}

fn session(
    config: &Config,
    mode: Mode,
    replicas: &[(DatastoreKind, Arc<Mutex<MemoryReplica>>)],
) -> Session {
    let sources = replicas.iter().map(|(kind, replica)| Source {
        name: kind.name().to_owned(),
        local_uri: format!("./{}", kind.name()),
        remote_uri: kind.name().to_owned(),
        kind: *kind,
        mode,
        filter: None,
        replica: Box::new(Arc::clone(replica)),
    });
    let session = Session::new(config.clone(), sources.collect(), 1_795_600_000, [1; 8]);
    session.expect("a replica in memory does not fail")
}

fn replica(options: Options<'_>) -> Arc<Mutex<MemoryReplica>> {
    let mut replica = MemoryReplica::default();
    for (luid, content) in own_items() {
        assert_eq!(
            replica.insert("text/x-vcard", content.as_bytes()),
            luid,
            "LUIDs count from 1"
        );
    }
    if options.has("synced") {
        let anchors = Anchors {
            client: "20260101T000000Z".to_owned(),
            server: "7".to_owned(),
        };
        let done = replica
            .confirm("1")
            .and_then(|()| replica.complete(&anchors));
        done.expect("a replica in memory does not fail");
    }
    Arc::new(Mutex::new(replica))
}

fn locked(replica: &Arc<Mutex<MemoryReplica>>) -> MutexGuard<'_, MemoryReplica> {
    replica.lock().unwrap_or_else(PoisonError::into_inner)
}
