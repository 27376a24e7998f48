//! A client that says exactly what a test wants it to say, against the server's session over the
//! model in memory, or over PostgreSQL.

pub mod device;
pub mod state;

use session::server::{Answer, AnswerError, Config, Proof, Request, Verdict, answer};
use session::store::{AccountId, DatastoreId, StoredItem, Transaction};
use syncml::{
    Access, AccessKind, Alert, Anchor, Chal, Change, ChangeKind, Command, Cred, Data, Document,
    Encoding, Header, Item, Limits, Location, Map, MapItem, MessageWriter, Meta, Status, Sync,
    Version, auth,
};

pub use state::State;

pub const USER: &str = "bruce";
pub const PASSWORD: &str = "OhBehave";

/// A contact with one number.
pub fn card(name: &str, phone: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nTEL;CELL:{phone}\r\nEND:VCARD\r\n")
}

/// A server over the model, with the clock and the entropy of the test.
pub struct Server {
    pub state: State,
    pub account: AccountId,
    pub config: Config,
    pub resp_uri_base: Option<&'static str>,
    pub peer: Option<&'static str>,
    /// Messages are put off.
    pub busy: bool,
    pub user_agent: Option<&'static str>,
    pub now: i64,
    /// What the transport brings beside the next messages.
    pub mac: Option<String>,
    pub verdict: Option<Verdict<'static>>,
    pub draws: u8,
}

impl Server {
    pub fn new() -> Self {
        Self::keeping(Some(PASSWORD))
    }

    /// A server over an engine.
    pub fn in_engine() -> Self {
        Self::over(State::in_engine(), Some(PASSWORD))
    }

    /// A server over a file of SQLite.
    pub fn in_file() -> Self {
        Self::over(State::in_file(), Some(PASSWORD))
    }

    /// A server whose account keeps its password in the clear or not.
    pub fn keeping(password: Option<&str>) -> Self {
        Self::over(State::new(), password)
    }

    fn over(mut state: State, password: Option<&str>) -> Self {
        let account = state.add_account(USER, &auth::user_digest(USER, PASSWORD), password);
        Self {
            state,
            account,
            config: Config::default(),
            resp_uri_base: None,
            peer: None,
            busy: false,
            user_agent: None,
            now: 1_795_600_000,
            mac: None,
            verdict: None,
            draws: 0,
        }
    }

    /// One message, as a transaction: an error leaves the state as it was.
    pub fn post(&mut self, body: &[u8], token: Option<&str>) -> Result<Answer, AnswerError> {
        Document::new(body, None).map_err(AnswerError::Unreadable)?;
        self.draws = self.draws.wrapping_add(1);
        self.now += 1;
        let message = Message {
            body: body.to_vec(),
            token: token.map(str::to_owned),
            config: self.config.clone(),
            resp_uri_base: self.resp_uri_base,
            peer: self.peer,
            busy: self.busy,
            user_agent: self.user_agent,
            now: self.now,
            mac: self.mac.clone(),
            verdict: self.verdict,
            draws: self.draws,
        };
        self.state.run(move |tx| message.answer(tx))
    }

    pub fn contacts(&self) -> DatastoreId {
        DatastoreId {
            account: self.account,
            number: 1,
        }
    }

    pub fn items(&self) -> Vec<StoredItem> {
        self.state.items(self.contacts())
    }

    /// The contents of the contacts, sorted.
    pub fn contents(&self) -> Vec<String> {
        let items = self.items().into_iter();
        let mut contents: Vec<String> = items
            .map(|item| String::from_utf8(item.content).unwrap())
            .collect();
        contents.sort();
        contents
    }
}

/// All that the answer to a message depends on beside the state.
struct Message {
    body: Vec<u8>,
    token: Option<String>,
    config: Config,
    resp_uri_base: Option<&'static str>,
    peer: Option<&'static str>,
    busy: bool,
    user_agent: Option<&'static str>,
    now: i64,
    mac: Option<String>,
    verdict: Option<Verdict<'static>>,
    draws: u8,
}

impl Message {
    fn answer(&self, tx: &mut dyn Transaction) -> Result<Answer, AnswerError> {
        let body = self.body.as_slice();
        let document = Document::new(body, None).map_err(AnswerError::Unreadable)?;
        let request = Request {
            document: &document,
            hash: body.iter().fold(7, |hash: u64, byte| {
                hash.wrapping_mul(31).wrapping_add(u64::from(*byte))
            }),
            token: self.token.as_deref(),
            resp_uri_base: self.resp_uri_base,
            peer: self.peer,
            user_agent: self.user_agent,
            busy: self.busy.then_some(body),
            proof: Proof {
                mac: self.mac.as_deref().map(|mac| (mac, body)),
                verdict: self.verdict,
            },
            answer_as: None,
            now: self.now,
            entropy: [self.draws; 32],
        };
        answer(tx, &self.config, &request)
    }
}

/// What an answer said, out of its bytes.
#[derive(Debug, Default)]
pub struct Said {
    pub resp_uri: Option<String>,
    /// `(MsgRef, CmdRef, Cmd, code)`, in order.
    pub statuses: Vec<(String, String, String, u16)>,
    pub challenges: Vec<Chal<'static>>,
    /// `(code, client's datastore, Last, Next)`.
    pub alerts: Vec<(u16, String, String, String)>,
    pub changes: Vec<Received>,
    /// Names of the commands that are none of these.
    pub others: Vec<String>,
    /// `(CmdID, name)` of everything that wants a status.
    pub to_answer: Vec<(String, String)>,
    pub number_of_changes: Option<u64>,
    pub is_final: bool,
    pub size: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub cmd_id: String,
    pub kind: ChangeKind,
    pub guid: String,
    pub luid: String,
    pub content: String,
}

impl Said {
    pub fn codes(&self) -> Vec<u16> {
        self.statuses.iter().map(|status| status.3).collect()
    }

    pub fn code_of(&self, cmd: &str) -> u16 {
        let found = self.statuses.iter().find(|status| status.2 == cmd);
        found.unwrap_or_else(|| panic!("no status for {cmd}")).3
    }
}

/// One device.
pub struct Client {
    pub device: &'static str,
    pub version: Version,
    pub encoding: Encoding,
    pub session: u32,
    pub message: u32,
    pub limit: u64,
    pub max_obj_size: Option<u64>,
    pub cred: Option<Cred<'static>>,
    pub no_resp: bool,
    /// Proves each message by a MAC over this nonce.
    pub mac_nonce: Option<Vec<u8>>,
    /// The bytes of the last message.
    pub last_body: Vec<u8>,
}

impl Client {
    pub fn new(device: &'static str) -> Self {
        Self {
            device,
            version: Version::V1_2,
            encoding: Encoding::Xml,
            session: 0,
            message: 0,
            limit: 100_000,
            max_obj_size: None,
            cred: Some(auth::basic_cred(USER, PASSWORD)),
            no_resp: false,
            mac_nonce: None,
            last_body: Vec::new(),
        }
    }

    pub fn begin(&mut self) {
        self.session += 1;
        self.message = 0;
    }

    /// Sends commands, numbered from 1, and reads the answer.
    pub fn send(&mut self, server: &mut Server, commands: &[Command<'_>], last: bool) -> Said {
        self.message += 1;
        let header = Header {
            ver_dtd: self.version.dtd().into(),
            ver_proto: self.version.proto().into(),
            session_id: self.session.to_string().into(),
            msg_id: self.message.to_string().into(),
            target: Location::new("http://server/syncml"),
            source: Location {
                name: Some(USER.into()),
                ..Location::new(self.device)
            },
            no_resp: self.no_resp,
            cred: self.cred.clone(),
            meta: Some(Meta {
                max_msg_size: Some(self.limit),
                max_obj_size: self.max_obj_size,
                ..Meta::default()
            }),
            ..Header::default()
        };
        let mut writer = MessageWriter::new(self.encoding, self.version, &header);
        for command in commands {
            writer.command(command);
        }
        self.last_body = writer.finish(last);
        self.again(server)
    }

    /// The bytes of the last message, once more.
    pub fn again(&mut self, server: &mut Server) -> Said {
        server.mac = self.mac_nonce.as_deref().map(|nonce| {
            let digest = auth::user_digest(USER, PASSWORD);
            let mac = auth::Mac {
                user: USER.to_owned(),
                digest: auth::mac(&digest, nonce, &self.last_body),
            };
            mac.to_string()
        });
        let answer = server.post(&self.last_body, None).unwrap();
        assert_eq!(answer.encoding, self.encoding);
        let said = read(&answer.body);
        assert!(
            said.size as u64 <= self.limit,
            "an answer of {} bytes to a limit of {}",
            said.size,
            self.limit
        );
        said
    }

    /// A whole session over the contacts. New items of the server get the LUID `luid-GUID`.
    pub fn sync(
        &mut self,
        server: &mut Server,
        alert: u16,
        (last, next): (&str, &str),
        changes: &[(ChangeKind, &str, &str)],
    ) -> Outcome {
        self.begin();
        let mut outcome = Outcome::default();
        let mut said = self.send(server, &[sync_alert(1, alert, last, next)], true);
        while !said.is_final {
            let mut more = statuses_for(&said, self.message);
            more.push(alert_of(90, 222, "", ""));
            let rest = self.send(server, &more, false);
            said.statuses.extend(rest.statuses);
            said.alerts.extend(rest.alerts);
            said.is_final = rest.is_final;
            assert!(self.message < 20, "the initialization does not end");
        }
        outcome.alert_status = said.code_of("Alert");
        outcome.agreed = said.alerts.first().map_or(0, |alert| alert.0);
        outcome.server_last = said.alerts.first().map_or(String::new(), |a| a.2.clone());
        let mut replies = statuses_for(&said, self.message);

        replies.push(sync_of(changes));
        let mut said = self.send(server, &replies, true);
        loop {
            let ours = said
                .statuses
                .iter()
                .filter(|s| ["Add", "Replace", "Delete"].contains(&s.2.as_str()));
            outcome.codes.extend(ours.map(|status| status.3));
            outcome.changes.extend(said.changes.iter().cloned());
            outcome.number_of_changes = outcome.number_of_changes.or(said.number_of_changes);
            let replies = statuses_for(&said, self.message);
            if said.is_final {
                self.finish(server, replies, &outcome.changes);
                return outcome;
            }
            let mut replies = replies;
            replies.push(alert_of(90, 222, "", ""));
            said = self.send(server, &replies, false);
            assert!(self.message < 500, "the session does not end");
        }
    }

    fn finish(&mut self, server: &mut Server, mut replies: Vec<Command<'_>>, all: &[Received]) {
        let added: Vec<MapItem<'_>> = all
            .iter()
            .filter(|change| change.kind == ChangeKind::Add)
            .map(|change| MapItem {
                guid: change.guid.clone().into(),
                luid: format!("luid-{}", change.guid).into(),
            })
            .collect();
        if !added.is_empty() {
            replies.push(map_of(added));
        }
        let said = self.send(server, &replies, true);
        if replies.iter().any(|reply| matches!(reply, Command::Map(_))) {
            assert_eq!(said.code_of("Map"), 200);
        }
        assert!(said.is_final);
    }
}

/// What a session came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub alert_status: u16,
    pub agreed: u16,
    pub server_last: String,
    /// Codes for the client's changes, in order.
    pub codes: Vec<u16>,
    pub changes: Vec<Received>,
    pub number_of_changes: Option<u64>,
}

pub fn sync_alert(cmd_id: u32, code: u16, last: &str, next: &str) -> Command<'static> {
    alert_of(cmd_id, code, last, next)
}

/// Alert 222 where `next` is empty, else one with anchors.
fn alert_of(cmd_id: u32, code: u16, last: &str, next: &str) -> Command<'static> {
    let anchor = (!next.is_empty()).then(|| Anchor {
        last: (!last.is_empty()).then(|| last.to_owned().into()),
        next: next.to_owned().into(),
    });
    Command::Alert(Alert {
        cmd_id: cmd_id.to_string().into(),
        data: code.to_string().into(),
        items: vec![Item {
            target: Some(Location::new("./contacts")),
            source: Some(Location::new("addressbook")),
            meta: anchor.map(|anchor| Meta {
                anchor: Some(anchor),
                ..Meta::default()
            }),
            ..Item::default()
        }],
        ..Alert::default()
    })
}

/// A Sync of the contacts with CmdID 50, its commands numbered from 51.
pub fn sync_of(changes: &[(ChangeKind, &str, &str)]) -> Command<'static> {
    let commands = changes.iter().zip(51..).map(|((kind, luid, content), id)| {
        let delete = *kind == ChangeKind::Delete;
        let item = Item {
            source: Some(Location::new((*luid).to_owned())),
            meta: (!delete).then(|| Meta::of_type("text/x-vcard")),
            data: (!delete).then(|| Data::text((*content).to_owned())),
            ..Item::default()
        };
        Command::Change(Change::new(*kind, id.to_string(), item))
    });
    Command::Sync(Sync {
        cmd_id: "50".into(),
        target: Some(Location::new("./contacts")),
        source: Some(Location::new("addressbook")),
        commands: commands.collect(),
        ..Sync::default()
    })
}

pub fn map_of(items: Vec<MapItem<'_>>) -> Command<'_> {
    Command::Map(Map {
        cmd_id: "40".into(),
        target: Location::new("./contacts"),
        source: Location::new("addressbook"),
        items,
        ..Map::default()
    })
}

pub fn get_devinf() -> Command<'static> {
    Command::Access(Access {
        kind: AccessKind::Get,
        cmd_id: "30".into(),
        no_resp: false,
        lang: None,
        cred: None,
        meta: Some(Meta::of_type("application/vnd.syncml-devinf+xml")),
        items: vec![Item {
            target: Some(Location::new("./devinf12")),
            ..Item::default()
        }],
    })
}

/// Success for everything that an answer asked.
pub fn statuses_for(said: &Said, message: u32) -> Vec<Command<'static>> {
    let header = ("0".to_owned(), "SyncHdr".to_owned());
    let all = std::iter::once(&header).chain(&said.to_answer);
    all.zip(100..)
        .map(|((cmd_ref, cmd), cmd_id): (_, u32)| {
            Command::Status(Status {
                cmd_id: cmd_id.to_string().into(),
                msg_ref: message.to_string().into(),
                cmd_ref: cmd_ref.clone().into(),
                cmd: cmd.clone().into(),
                data: if cmd == "Add" { "201" } else { "200" }.into(),
                ..Status::default()
            })
        })
        .collect()
}

/// Reads an answer; checks that its CmdIDs are unique.
pub fn read(body: &[u8]) -> Said {
    let document = Document::new(body, None).unwrap();
    let message = document.read(&Limits::default()).unwrap();
    let mut said = Said {
        resp_uri: message.header.resp_uri.as_deref().map(str::to_owned),
        is_final: message.is_final,
        size: body.len(),
        ..Said::default()
    };
    let mut ids = Vec::new();
    for command in &message.commands {
        ids.push(command.cmd_id().to_owned());
        read_command(command, &mut said);
        if let Command::Sync(sync) = command {
            said.number_of_changes = said.number_of_changes.or(sync.number_of_changes);
            for inner in &sync.commands {
                ids.push(inner.cmd_id().to_owned());
                read_command(inner, &mut said);
            }
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "CmdIDs repeat in one message");
    said
}

fn read_command(command: &Command<'_>, said: &mut Said) {
    let text = |text: &str| text.to_owned();
    match command {
        Command::Status(status) => {
            said.statuses.push((
                text(&status.msg_ref),
                text(&status.cmd_ref),
                text(&status.cmd),
                status.data.parse().unwrap(),
            ));
            if let Some(chal) = &status.chal {
                let meta = Meta {
                    next_nonce: chal.meta.next_nonce.clone(),
                    ..Meta::of_type(chal.meta.media_type.as_deref().unwrap().to_owned())
                };
                said.challenges.push(Chal { meta });
            }
            return;
        }
        Command::Alert(alert) => {
            let item = alert.items.first().unwrap();
            let anchor = item.meta.as_ref().and_then(|meta| meta.anchor.as_ref());
            said.alerts.push((
                alert.data.parse().unwrap(),
                text(item.target_uri()),
                anchor.map_or(String::new(), |a| text(a.last.as_deref().unwrap_or(""))),
                anchor.map_or(String::new(), |a| text(&a.next)),
            ));
        }
        Command::Change(change) => {
            let item = change.items.first().unwrap();
            said.changes.push(Received {
                cmd_id: text(&change.cmd_id),
                kind: change.kind,
                guid: text(item.source_uri()),
                luid: text(item.target_uri()),
                content: item
                    .data
                    .as_ref()
                    .map_or(String::new(), |data| data.to_text().into_owned()),
            });
        }
        other => said.others.push(text(other.name())),
    }
    said.to_answer
        .push((text(command.cmd_id()), text(command.name())));
}
