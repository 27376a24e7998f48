//! The server's session: whatever a client says, every command is answered once, within the limit,
//! in an answer that parses; a message that comes again changes nothing; and with a client that goes
//! on well the session ends.
//!
//! The input is a [script](super::script) of the client. Its messages begin with `!` for a new
//! session, with `?` to leave out the credentials; `=` alone sends the last message once more.
//! Options: `wbxml`, `1.0`, `1.1`, `server-wins`, `duplicate`, `token`, `mac`, `per-message`,
//! `anonymous`, `limit=BYTES`, `items=N`.

use std::collections::BTreeMap;

use session::server::{
    Answer, AnswerError, AuthPolicy, Config, ConflictPolicy, Proof, Request, Scheme, answer,
};
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, DatastoreKind, Origin, Transaction,
};
use store::Memory;
use syncml::{Command, Document, Limits, Message, StatusCode, auth, transcode};

use super::message::all_commands;
use super::script::{self, MAX_MESSAGES, Options, contains};

const USER: &str = "bruce";
const PASSWORD: &str = "OhBehave";
/// What the client takes at most, unless the script says otherwise: enough for any answer here.
const LIMIT: u64 = 400_000;
/// Bytes of an answer that its header, one status and an alert may need.
const LEAST: usize = 6000;
/// What a client has to take for each answer to have room for a change.
const ROOM: u64 = 10_000;
/// Messages in which a session ends once the client says only that all is well.
const PATIENCE: usize = 60;
/// Bytes of an identifier that is repeated in a status.
const MAX_ID: usize = 64;

pub(crate) fn run(input: &[u8]) {
    let mut blocks = script::blocks(input);
    let options = Options::new(blocks.next().unwrap_or_default());
    let mut dialogue = Dialogue::new(options);
    for block in blocks.take(MAX_MESSAGES) {
        match block {
            b"=" => dialogue.again(),
            _ => dialogue.say(block),
        }
    }
    dialogue.nothing_grew(input.len());
    if dialogue.limit >= ROOM {
        dialogue.end();
    }
}

struct Dialogue<'o> {
    options: Options<'o>,
    version: &'static str,
    limit: u64,
    config: Config,
    state: Memory,
    account: AccountId,
    session: u32,
    message: u32,
    token: Option<String>,
    now: i64,
    initial: usize,
    last: Option<Sent>,
}

/// A message that was answered.
struct Sent {
    body: Vec<u8>,
    token: Option<String>,
    answer: Answer,
}

impl<'o> Dialogue<'o> {
    fn new(options: Options<'o>) -> Self {
        let mut state = Memory::default();
        let digest = auth::user_digest(USER, PASSWORD);
        let account = state.add_account(USER, &digest, Some(PASSWORD));
        let mut dialogue = Self {
            options,
            version: match options {
                options if options.has("1.0") => "1.0",
                options if options.has("1.1") => "1.1",
                _ => "1.2",
            },
            limit: options.number("limit").unwrap_or(LIMIT),
            config: Config {
                conflict: match options {
                    options if options.has("server-wins") => ConflictPolicy::ServerWins,
                    options if options.has("duplicate") => ConflictPolicy::Duplicate,
                    _ => ConflictPolicy::ClientWins,
                },
                auth: AuthPolicy {
                    scheme: if options.has("mac") {
                        Scheme::Mac
                    } else {
                        Scheme::Basic
                    },
                    per_message: options.has("per-message"),
                    anonymous: options.has("anonymous").then(|| USER.to_owned()),
                    ..AuthPolicy::default()
                },
                ..Config::default()
            },
            state,
            account,
            session: 1,
            message: 0,
            token: None,
            now: 1_795_600_000,
            initial: 0,
            last: None,
        };
        for number in 0..options.number("items").unwrap_or(0).min(8) {
            dialogue.insert(number);
        }
        dialogue
    }

    /// An item that is there before the client comes.
    fn insert(&mut self, number: u64) {
        let card = format!(
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Name{number}\r\nTEL;CELL:555{number}\r\nEND:VCARD\r\n"
        );
        let content = Content::new("text/x-vcard", card.as_bytes());
        let contacts = self.datastore(1);
        let added = self
            .state
            .add_item(contacts, content, Origin::Local, self.now);
        added.expect("the model takes any item");
        self.initial += card.len();
    }

    fn datastore(&self, number: i64) -> DatastoreId {
        DatastoreId {
            account: self.account,
            number,
        }
    }

    fn say(&mut self, block: &[u8]) {
        let (begins, block) = match block.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, block),
        };
        if begins {
            self.session += 1;
            self.message = 0;
            self.token = None;
        }
        self.message += 1;
        let body = self.message_of(block);
        let token = self.token.clone();
        self.last = self.post(&body).map(|answer| {
            self.check(&body, &answer);
            Sent {
                body,
                token,
                answer,
            }
        });
    }

    /// A whole message as it is, or a header for the commands of one.
    fn message_of(&self, block: &[u8]) -> Vec<u8> {
        if script::is_document(block) {
            return block.to_vec();
        }
        let (block, cred) = match block.strip_prefix(b"?") {
            Some(rest) => (rest, ""),
            None => (
                block,
                // bruce:OhBehave
                "<Cred><Meta><Format>b64</Format><Type>syncml:auth-basic</Type></Meta>\
                 <Data>YnJ1Y2U6T2hCZWhhdmU=</Data></Cred>",
            ),
        };
        let Self {
            version,
            session,
            message,
            limit,
            ..
        } = self;
        let head = format!(
            "<SyncML xmlns='SYNCML:SYNCML{version}'><SyncHdr><VerDTD>{version}</VerDTD>\
             <VerProto>SyncML/{version}</VerProto><SessionID>{session}</SessionID>\
             <MsgID>{message}</MsgID><Target><LocURI>http://server/syncml</LocURI></Target>\
             <Source><LocURI>device</LocURI><LocName>{USER}</LocName></Source>{cred}\
             <Meta><MaxMsgSize xmlns='syncml:metinf'>{limit}</MaxMsgSize></Meta></SyncHdr><SyncBody>"
        );
        let body = [head.as_bytes(), block, b"</SyncBody></SyncML>"].concat();
        if self.options.has("wbxml")
            && let Ok(binary) = transcode::to_wbxml(&body)
        {
            return binary;
        }
        body
    }

    /// One message as a transaction; `None` for one that gets no answer.
    fn post(&mut self, body: &[u8]) -> Option<Answer> {
        let document = Document::new(body, None).ok()?;
        self.now += 1;
        let request = Request {
            user_agent: None,
            busy: None,
            proof: Proof::default(),
            document: &document,
            hash: hash(body),
            token: self.token.as_deref(),
            resp_uri_base: Some("http://server/syncml"),
            peer: None,
            answer_as: None,
            now: self.now,
            entropy: [self.now.to_le_bytes()[0]; 32],
        };
        let mut state = self.state.clone();
        match answer(&mut state, &self.config, &request) {
            Ok(answer) => {
                assert_eq!(answer.encoding, document.encoding());
                self.state = state;
                Some(answer)
            }
            Err(AnswerError::Unreadable(_)) => None,
            Err(error) => panic!("the model does not fail: {error}"),
        }
    }

    fn check(&mut self, body: &[u8], answer: &Answer) {
        let document = Document::new(&answer.body, None).expect("an answer is a document");
        assert_eq!(
            document.encoding(),
            answer.encoding,
            "the answer's own encoding"
        );
        let said = document
            .read(&Limits::default())
            .expect("an answer is a message");
        let asked = Document::new(body, None).expect("it was answered");
        let asked = asked.read(&Limits::default()).ok();
        let limit = asked.as_ref().and_then(|asked| {
            let meta = asked.header.meta.as_ref();
            meta.and_then(|meta| meta.max_msg_size)
        });
        let most = usize::try_from(limit.unwrap_or(u64::MAX).min(self.config.max_msg_size));
        let most = most.unwrap_or(usize::MAX).max(LEAST);
        assert!(
            answer.body.len() <= most,
            "an answer of {} bytes",
            answer.body.len()
        );
        ids_are_unique(&said);
        for event in &answer.log {
            // a name in the message may be the password by chance, and an error may quote it
            let is_said = event.message.contains(PASSWORD);
            assert!(
                !is_said || contains(body, PASSWORD.as_bytes()),
                "a password in the log: {}",
                event.message
            );
        }
        if self.options.has("token")
            && let Some(uri) = said.header.resp_uri.as_deref()
        {
            self.token = uri
                .split_once("?sid=")
                .map(|(_, token)| token.trim().to_owned());
        }
        if let Some(asked) = asked
            && !answer.repeated
            && self.is_roomy(limit)
        {
            every_command_has_a_status(&asked, &said);
        }
    }

    /// Whether all statuses fit into one answer, with a limit like that.
    fn is_roomy(&self, limit: Option<u64>) -> bool {
        self.limit >= LIMIT && limit.is_some_and(|limit| limit >= LIMIT)
    }

    /// The last message comes again: nothing is done, and the answer is the same.
    fn again(&mut self) {
        let Some(sent) = self.last.take() else {
            return;
        };
        let changes = self.changes();
        let token = std::mem::replace(&mut self.token, sent.token.clone());
        let answer = self.post(&sent.body);
        let answer = answer.expect("what was answered is answered again");
        self.token = token;
        let before = &sent.answer;
        if answer.repeated {
            assert_eq!(answer.body, before.body, "another answer to one message");
        }
        // a message that begins a session may have ended the one that it began the first time
        assert!(
            answer.repeated || before.session.is_empty() || before.account.is_none(),
            "a message that came again was done again"
        );
        assert_eq!(self.changes(), changes, "a repeated message changed items");
        self.last = Some(sent);
    }

    /// Goes on as a client that takes everything, until the server has no more to say.
    fn end(&mut self) {
        for _ in 0..PATIENCE {
            let statuses = match &self.last {
                Some(sent) => {
                    let document = Document::new(&sent.answer.body, None);
                    let document = document.expect("it was read before");
                    let said = document.read(&Limits::default());
                    let said = said.expect("it was read before");
                    if said.is_final && said.commands.iter().all(is_status) {
                        return;
                    }
                    script::success(&said)
                }
                None => String::new(),
            };
            self.say(format!("{statuses}<Final/>").as_bytes());
        }
        panic!("the session does not end");
    }

    fn changes(&mut self) -> Vec<ChangeSeq> {
        let numbers = (1..).take(DatastoreKind::ALL.len());
        numbers
            .map(|number| {
                let datastore = self.datastore(number);
                let last = self.state.last_change(datastore);
                last.expect("the model does not fail")
            })
            .collect()
    }

    /// The state is no multiple of what was sent.
    fn nothing_grew(&self, sent: usize) {
        let numbers = (1..).take(DatastoreKind::ALL.len());
        let held: usize = numbers
            .flat_map(|number| self.state.items(self.datastore(number)))
            .map(|item| item.content.len())
            .sum();
        // records that match are joined, with the lines of both
        let most = 3 * sent + 2 * self.initial;
        assert!(held <= most, "{held} bytes held of {sent} sent");
    }
}

fn is_status(command: &Command<'_>) -> bool {
    matches!(command, Command::Status(_))
}

/// Identifiers are the session's own, each used once.
pub(crate) fn ids_are_unique(said: &Message<'_>) {
    let mut ids: Vec<&str> = all_commands(&said.commands)
        .iter()
        .map(|command| command.cmd_id())
        .collect();
    let count = ids.len();
    assert!(ids.iter().all(|id| !id.is_empty()), "a command without id");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "a CmdID comes twice");
}

/// Every command of `asked` has a status in `said`, under its name; where the header is refused,
/// nothing is claimed of the commands.
pub(crate) fn every_command_has_a_status(asked: &Message<'_>, said: &Message<'_>) {
    let mut statuses: BTreeMap<&str, Vec<(&str, Option<StatusCode>)>> = BTreeMap::new();
    for command in &said.commands {
        if let Command::Status(status) = command
            && status.msg_ref == asked.header.msg_id
        {
            let of_command = statuses.entry(&*status.cmd_ref).or_default();
            of_command.push((&*status.cmd, status.code()));
        }
    }
    if asked.header.no_resp {
        return;
    }
    let mut header = statuses.get("0").cloned().unwrap_or_default();
    // a client may give a command that number, too
    header.retain(|(name, _)| *name == "SyncHdr");
    assert_eq!(header.len(), 1, "statuses of the header: {header:?}");
    if !header
        .iter()
        .all(|(_, code)| code.is_some_and(StatusCode::is_success))
    {
        return;
    }
    let commands = all_commands(&asked.commands);
    for command in &commands {
        let id = command.cmd_id();
        // nothing can refer to a command whose identifier no message may repeat
        let is_id = (1..=MAX_ID).contains(&id.len()) && !id.contains(char::is_control);
        if !wants_status(command) || !is_id {
            continue;
        }
        let doubled = commands.iter().filter(|c| c.cmd_id() == id).count() > 1;
        let found = statuses
            .get(id)
            .is_some_and(|found| found.iter().any(|(name, _)| *name == command.name()));
        assert!(
            found || doubled,
            "{} {id} has no status among {statuses:?}",
            command.name()
        );
    }
}

fn wants_status(command: &Command<'_>) -> bool {
    let no_resp = match command {
        Command::Status(_) | Command::Results(_) | Command::Unknown(_) => true,
        Command::Change(c) => c.no_resp,
        Command::Alert(c) => c.no_resp,
        Command::Access(c) => c.no_resp,
        Command::Sync(c) => c.no_resp,
        Command::Group(c) => c.no_resp,
        Command::Exec(c) => c.no_resp,
        Command::Search(c) => c.no_resp,
        _ => false,
    };
    !no_resp
}

fn hash(body: &[u8]) -> u64 {
    body.iter().fold(7, |hash: u64, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(*byte))
    })
}
