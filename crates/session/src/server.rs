//! The server's side of a session.
//!
//! [`answer`] takes one message of a client and a transaction, and gives the answer. What has to
//! last between messages is a [`StoredSession`] in the same transaction; so a message that comes
//! twice finds the answer that was given, and any node can go on with any session.
//!
//! ```text
//!            package 1            package 3             (its Final)           package 5
//! client ──▶ Initialization ──▶ FromClient ──────────▶ ToClient ──────────▶ Mapping ──▶ Done
//!            alerts, DevInf,      changes applied,       changes sent,         statuses,
//!            login                statuses               statuses taken        maps, anchors
//! ```
//!
//! Follows the OMA Data Synchronization Protocol 1.0 to 1.2.

mod ahead;
mod bounds;
mod busy;
mod compared;
mod device;
mod devinf;
mod edit;
mod group;
mod guard;
mod guid;
mod identity;
mod incoming;
mod initialization;
mod lacking;
mod large;
mod login;
mod most;
mod occurrences;
mod orphans;
mod outgoing;
mod policy;
mod reconcile;
mod reply;
mod room;
mod search;
mod selection;
mod settle;
mod state;
mod tree;
mod view;

use std::collections::BTreeMap;
use std::rc::Rc;

use syncml::{AlertCode, Command, Document, Encoding, Header, Message, StatusCode, Version};

use crate::peer::Table;
use crate::store::{StoreError, StoredSession, Transaction};
use crate::uri::same_address;
pub use guard::Guard;
pub use policy::{
    AuthPolicy, Matching, MatchingPolicy, Proof, Question, Scheme, ServerLogin, Verdict,
};
use reply::{Reply, StatusOut};
use state::{Phase, State};

/// What a server says of itself and how it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its identifier in device information.
    pub server_id: String,
    /// Its software version in device information.
    pub software_version: String,
    /// The largest message it takes and gives, bytes.
    pub max_msg_size: u64,
    /// The largest object it takes in chunks, bytes.
    pub max_obj_size: u64,
    /// Sessions at one time, by which those are meant that have had a message in the last minute and
    /// are not over. A login beyond them is put off with status 503.
    pub max_sessions: u64,
    /// The same of one account, so that its devices do not keep those of all others out.
    pub max_sessions_per_account: u64,
    /// Who wins when both sides changed an item.
    pub conflict: ConflictPolicy,
    /// What makes two records one in a comparison of all items.
    pub matching: MatchingPolicy,
    /// How much one session may delete and replace; more waits for a person's decision. `None`
    /// takes everything.
    pub guard: Option<Guard>,
    /// How logins are asked for and accepted.
    pub auth: AuthPolicy,
    /// What is known of devices that depart from the standard.
    pub rules: Table,
    /// The zone that devices are in of which no rule says another one. Devices that write times
    /// without a zone mean theirs.
    pub zone: Option<pim::Zone>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_id: "syncline".to_owned(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            max_msg_size: 1_000_000,
            max_obj_size: 32 << 20,
            max_sessions: 10_000,
            max_sessions_per_account: 100,
            conflict: ConflictPolicy::ClientWins,
            matching: MatchingPolicy::default(),
            guard: Some(Guard::default()),
            auth: AuthPolicy::default(),
            rules: Table::default(),
            zone: None,
        }
    }
}

/// What happens to an item that both sides changed. The version that loses is kept in the
/// item's history under every policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictPolicy {
    /// The client's version stands (status 208).
    #[default]
    ClientWins,
    /// The server's version stands and is sent to the client (status 419).
    ServerWins,
    /// The version that says that it is newer stands (statuses 208 and 419); the client's where
    /// either says nothing.
    NewestWins,
    /// Both stay, as two items (status 209).
    Duplicate,
    /// The client's version stands, completed by what only the server's has (status 207).
    Merge,
    /// Nothing is decided (status 409): the client is sent the server's version and takes it, or
    /// refuses it with 409, and then its own stands from the next session on.
    Ask,
}

impl ConflictPolicy {
    /// All policies.
    pub const ALL: [Self; 6] = [
        Self::ClientWins,
        Self::ServerWins,
        Self::NewestWins,
        Self::Duplicate,
        Self::Merge,
        Self::Ask,
    ];

    /// The name that configuration and command line have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientWins => "client-wins",
            Self::ServerWins => "server-wins",
            Self::NewestWins => "newest-wins",
            Self::Duplicate => "duplicate",
            Self::Merge => "merge",
            Self::Ask => "ask",
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// A message of a client, with what the transport and the world know.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The message.
    pub document: &'a Document<'a>,
    /// Hash of its bytes, to tell a repeated message from another one of the same `MsgID`.
    pub hash: u64,
    /// The session's token, where the client followed `RespURI`.
    pub token: Option<&'a str>,
    /// The address to which the token is added to make `RespURI`; `None` sends none.
    pub resp_uri_base: Option<&'a str>,
    /// Where the message came from, as the transport knows it (an IP address): a message without
    /// a token has to come from where the session was logged in. `None` skips that check.
    pub peer: Option<&'a str>,
    /// `User-Agent`, where the transport has one; rules may know the device by it.
    pub user_agent: Option<&'a str>,
    /// What else is known of the sender.
    pub proof: Proof<'a>,
    /// The bytes of the message, where the server has more to do than it can do now: the message is
    /// put off (status 101), and the client asks for its answer later. Only sessions that are
    /// logged in are put off.
    pub busy: Option<&'a [u8]>,
    /// The encoding that the answer has to have; `None` where that of the message will do.
    pub answer_as: Option<Encoding>,
    /// Seconds since 1970.
    pub now: i64,
    /// Fresh random bytes, for tokens and nonces.
    pub entropy: [u8; 32],
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its bytes.
    pub body: Vec<u8>,
    /// Their encoding: the one wanted, else that of the request.
    pub encoding: Encoding,
    /// The message came a second time and nothing was done.
    pub repeated: bool,
    /// A login was tried and refused.
    pub refused: bool,
    /// Names the session, for logs; a short part of its token.
    pub session: String,
    /// The client's `MsgID`.
    pub msg_id: String,
    /// The device's address.
    pub device: String,
    /// The account's name, once known.
    pub account: Option<String>,
    /// The value of `x-syncml-hmac` that has to go with the answer, for transports that have such
    /// a header: the client has asked for this proof.
    pub mac: Option<String>,
    /// What happened, for people.
    pub log: Vec<LogEvent>,
}

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Whether somebody should look.
    pub level: Level,
    /// What happened, in a sentence without credentials or item content.
    pub message: String,
}

impl LogEvent {
    /// What a peer wrote is in most messages: on one line, and not longer than people read.
    fn new(level: Level, message: &str) -> Self {
        const LONGEST: usize = 400;
        let plain = |character: char| {
            if character.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        };
        Self {
            level,
            message: message.chars().take(LONGEST).map(plain).collect(),
        }
    }
}

/// Weight of a [`LogEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The peer misbehaves or was refused.
    Warn,
    /// A session begins, ends or changes course.
    Info,
}

/// Why a message gets no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is no SyncML message.
    #[error("the message cannot be read: {0}")]
    Unreadable(#[source] syncml::Error),
    /// The state failed; nothing of the message was done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An outside authority has to judge a name and password first ([`AuthPolicy::delegates`]);
    /// then the message is answered with [`Proof::verdict`] set.
    #[error("an authority has to be asked about {:?}", question.user)]
    Ask {
        /// What to ask.
        question: Question,
    },
}

/// Messages in a row that bring neither side anything, after which a session is ended.
const MAX_IDLE: u32 = 100;

/// Commands of a refused message that are answered one by one.
const MAX_REFUSED: usize = 32;

/// Everything at hand while one message is answered.
struct Run<'r> {
    tx: &'r mut dyn Transaction,
    config: &'r Config,
    request: &'r Request<'r>,
    header: &'r Header<'r>,
    state: State,
    /// The session's name in logs and in the history of items.
    session: String,
    reply: Reply,
    /// The message comes from who is logged in.
    authenticated: bool,
    logged_in_now: bool,
    refused: bool,
    /// There are too many sessions for another one: nothing of it is kept.
    crowded: bool,
    /// The authority has to be asked before anything is done.
    question: Option<Question>,
    /// Nonces that were good when the message came.
    nonces: Vec<Vec<u8>>,
    /// The command that is carried out is in an Atomic.
    in_atomic: bool,
    /// The items of a comparison that are still to come in the message.
    ahead: ahead::Ahead,
    /// Items of ours that were compared with some of the client.
    compared: compared::Compared,
    /// Links over which no large object is coming.
    none_partial: large::NonePartial,
    /// What is known of occurrences of series.
    series: occurrences::Known,
    /// Items that searches of the message have looked through.
    searched: usize,
    /// A member of the Atomic has failed that wants no status.
    failed_in_atomic: bool,
    /// The digest that was offered proves the password, but over no nonce.
    lacks_nonce: bool,
    /// The device's information as far as it is known, once it was looked for.
    devinf: Option<syncml::DevInf>,
    devinf_read: bool,
    devinf_used: bool,
    /// How the device is shown items, by number of datastore.
    views: BTreeMap<i64, Rc<view::View>>,
    /// The same for what searches find.
    search_views: BTreeMap<i64, Rc<view::View>>,
    log: Vec<LogEvent>,
}

/// Answers one message.
///
/// # Errors
///
/// [`AnswerError::Unreadable`] for bytes that have no header to answer to, [`AnswerError::Store`]
/// when the transaction fails; the caller rolls back in both cases. A message that breaks after
/// its header is answered with status 400 for the header, and nothing of it is done.
// spec: D05 D06
pub fn answer(
    tx: &mut dyn Transaction,
    config: &Config,
    request: &Request<'_>,
) -> Result<Answer, AnswerError> {
    // spec: N05
    let own = request.document.encoding();
    let encoding = request.answer_as.unwrap_or(own);
    let message = match request.document.read(&syncml::Limits::default()) {
        Ok(message) => message,
        Err(syncml::Error::Body { header, source }) => {
            return Ok(reply::to_broken(&header, &source, encoding));
        }
        Err(error) => return Err(AnswerError::Unreadable(error)),
    };
    let header = &message.header;
    bounds::check_header(header).map_err(AnswerError::Unreadable)?;

    let found = find_session(tx, request, header)?;
    if let Some(session) = &found
        && session.last_msg_id == header.msg_id
        // the answer holds items, and says what became of these very commands
        && session.last_request == request.hash
        && !session.last_answer.is_empty()
    {
        return Ok(repeated(session, config, encoding));
    }
    if let Some(awaited) = found
        .as_ref()
        .and_then(|found| misplaced(found, request, header))
    {
        return Ok(reply::to_misplaced(header, awaited, encoding));
    }
    let begins = header.msg_id == "1" || found.is_none();
    let (token, mut state) = match found {
        Some(session) if !begins => match State::load(&session.state) {
            Some(state) => (session.token, state),
            None => (new_token(request), State::new(header)),
        },
        _ => (new_token(request), State::new(header)),
    };

    // what a MAC proves is the message that comes with it
    let put_off = request
        .busy
        .filter(|_| state.login.is_some() && request.proof.mac.is_none());
    let bytes = match put_off {
        None => busy::deferred(&mut state),
        Some(_) => None,
    };
    let document = bytes
        .as_deref()
        .and_then(|bytes| Document::new(bytes, None).ok());
    let deferred = document
        .as_ref()
        .and_then(|document| document.read(&syncml::Limits::default()).ok());
    let session = short(&token);
    tx.name_session(&session);
    let mut run = Run {
        tx,
        config,
        request,
        header,
        state,
        session: session.clone(),
        reply: Reply::default(),
        authenticated: false,
        logged_in_now: false,
        refused: false,
        crowded: false,
        question: None,
        nonces: Vec::new(),
        in_atomic: false,
        ahead: ahead::Ahead::default(),
        compared: compared::Compared::default(),
        none_partial: large::NonePartial::default(),
        series: occurrences::Known::default(),
        searched: 0,
        failed_in_atomic: false,
        lacks_nonce: false,
        devinf: None,
        devinf_read: false,
        devinf_used: false,
        views: BTreeMap::new(),
        search_views: BTreeMap::new(),
        log: Vec::new(),
    };
    let before = run.state.progress();
    match (put_off, &deferred) {
        (Some(bytes), _) => run.put_off(&message, bytes),
        (None, Some(deferred)) => run.catch_up(deferred, &message)?,
        (None, None) if bytes.is_some() => {
            run.reply.header_status = Some(run.header_status(StatusCode::COMMAND_FAILED));
        }
        (None, None) => run.handle(&message)?,
    }
    if let Some(question) = run.question {
        return Err(AnswerError::Ask { question });
    }
    let body = if put_off.is_some() {
        run.write_busy(&token, encoding)
    } else {
        run.write(&token, encoding)?
    };
    // spec: B17
    let asks = only_asks(&message) && put_off.is_none();
    let brought = !asks || run.state.progress() != before;
    run.state.idle = match run.state.idle {
        // once ended it stays so
        MAX_IDLE.. => MAX_IDLE,
        _ if brought => 0,
        idle => idle + 1,
    };
    if !run.crowded {
        run.save(&token, &body)?;
    }
    let mac = run
        .state
        .mac_of(config, &body)
        .filter(|_| run.authenticated);
    Ok(Answer {
        body,
        encoding,
        repeated: false,
        refused: run.refused,
        session,
        msg_id: header.msg_id.trim().to_owned(),
        device: run.state.device.clone(),
        account: run.state.login.as_ref().map(|login| login.name.clone()),
        mac,
        log: run.log,
    })
}

/// Whether a message asks for the next one and brings nothing of its own.
fn only_asks(message: &Message<'_>) -> bool {
    message.commands.iter().all(|command| match command {
        Command::Status(_) => true,
        Command::Alert(alert) => matches!(
            alert.code(),
            Some(AlertCode::NEXT_MESSAGE | AlertCode::RESULT | AlertCode::DISPLAY)
        ),
        _ => false,
    })
}

// spec: N09 N17
fn find_session(
    tx: &mut dyn Transaction,
    request: &Request<'_>,
    header: &Header<'_>,
) -> Result<Option<StoredSession>, StoreError> {
    if let Some(token) = request.token
        && let Some(session) = tx.session(token)?
    {
        // a device may begin a new session at the address of the last one
        let continues = session.session_id == header.session_id
            && same_address(&session.device, &header.source.uri);
        return Ok(continues.then_some(session));
    }
    if request.token.is_some() && header.msg_id != "1" {
        // the session of that token is over: one of the same names is another, which may know
        // nothing of what this one has done
        return Ok(None);
    }
    let (device, id) = (header.source.uri.trim(), header.session_id.trim());
    let found = match header.cred {
        // a stranger's session of the same names must not hide the one that is logged in
        None => match tx.find_session(device, id, true)? {
            Some(session) => Some(session),
            None => tx.find_session(device, id, false)?,
        },
        Some(_) => tx.find_session(device, id, false)?,
    };
    Ok(found.filter(|session| header.msg_id == "1" || may_go_on(session, request)))
}

/// The `MsgID` that a session awaits, when a message carries another one. An earlier one is a copy
/// that was held up on its way: what it changed may have changed since, and the answer to it would
/// be read by nobody. The last one with other bytes is no repetition: its commands were not the ones
/// that were answered, and to carry them out beside those could double them. A later one belongs to a
/// session of the same names that was begun anew meanwhile by such a copy; with a token it cannot, and
/// clients may count as they like.
// spec: A25
fn misplaced(session: &StoredSession, request: &Request<'_>, header: &Header<'_>) -> Option<u64> {
    let last: u64 = session.last_msg_id.trim().parse().ok()?;
    let now: u64 = header.msg_id.trim().parse().ok()?;
    let is_late = now < last && now != 1;
    let is_another = now == last
        && now != 1
        && session.last_request != request.hash
        // before a login nothing was done
        && State::load(&session.state).is_some_and(|state| state.login.is_some());
    let is_ahead = now > last + 1 && request.token.is_none();
    (is_late || is_another || is_ahead).then_some(last + 1)
}

/// Whether a message without a token may go on with a session. The device's address and a
/// `SessionID` of four bytes can be guessed: a client that has shown its token has to go on showing
/// it, and another has to come from where it logged in.
// spec: N15
fn may_go_on(session: &StoredSession, request: &Request<'_>) -> bool {
    let Some(state) = State::load(&session.state) else {
        return true;
    };
    let moved = match (&state.peer, request.peer) {
        (Some(before), Some(now)) => before != now,
        _ => false,
    };
    !state.token_shown && !moved
}

// spec: A25 I13 N19 R03
fn repeated(session: &StoredSession, config: &Config, encoding: Encoding) -> Answer {
    let state = State::load(&session.state);
    Answer {
        body: session.last_answer.clone(),
        encoding,
        repeated: true,
        refused: false,
        session: short(&session.token),
        msg_id: session.last_msg_id.clone(),
        device: session.device.clone(),
        account: None,
        mac: state.and_then(|state| state.mac_of(config, &session.last_answer)),
        log: vec![LogEvent::new(
            Level::Info,
            &format!(
                "message {} came again, its answer is sent again",
                session.last_msg_id
            ),
        )],
    }
}

/// The part of a token that names its session and gives nobody access to it.
fn short(token: &str) -> String {
    token.chars().take(8).collect()
}

fn new_token(request: &Request<'_>) -> String {
    let mut token = String::with_capacity(32);
    for byte in &request.entropy[..16] {
        for digit in [byte >> 4, byte & 15] {
            token.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    token
}

impl Run<'_> {
    fn info(&mut self, message: String) {
        self.log.push(LogEvent::new(Level::Info, &message));
    }

    fn warn(&mut self, message: String) {
        self.log.push(LogEvent::new(Level::Warn, &message));
    }

    // spec: A16
    fn handle(&mut self, message: &Message<'_>) -> Result<(), StoreError> {
        if self.request.token.is_some() {
            self.state.token_shown = true;
        }
        if let Some(meta) = &self.header.meta
            && let Some(size) = meta.max_msg_size.filter(|size| *size > 0)
        {
            self.state.peer_max_msg_size = Some(size);
        }
        if let Some(meta) = &self.header.meta {
            self.take_max_obj_size(meta);
        }
        if !self.check_version() || !self.log_in(message)? {
            self.refuse_commands(message);
            return Ok(());
        }
        if self.state.idle >= MAX_IDLE {
            // spec: B17
            self.warn("the session gets nowhere, it is ended".to_owned());
            self.reply.header_status = Some(self.header_status(StatusCode::COMMAND_FAILED));
            self.state.phase = Phase::Suspended;
            self.refuse_commands(message);
            return Ok(());
        }
        self.reply.no_resp = self.header.no_resp;
        self.forget_completed()?;
        self.foresee_devinf(message)?;
        self.handle_commands(&message.commands)?;
        if message.is_final {
            self.package_ended()?;
        }
        Ok(())
    }

    /// Whether the version is ours; answers the header if not.
    // spec: D01 D02
    fn check_version(&mut self) -> bool {
        let (code, supported) = match Version::from_dtd(&self.header.ver_dtd) {
            None => (StatusCode::DTD_NOT_SUPPORTED, "1.0, 1.1, 1.2"),
            Some(version) if Version::from_proto(&self.header.ver_proto).is_none() => {
                self.state.version = version.into();
                (
                    StatusCode::PROTOCOL_NOT_SUPPORTED,
                    "SyncML/1.0, SyncML/1.1, SyncML/1.2",
                )
            }
            Some(version) => {
                self.state.version = version.into();
                return true;
            }
        };
        self.warn(format!(
            "version {} / {} is not supported",
            self.header.ver_dtd, self.header.ver_proto
        ));
        let mut status = self.header_status(code);
        status.data = Some(supported.to_owned());
        self.reply.header_status = Some(status);
        false
    }

    /// Every command of a refused message gets the header's status and nothing is done.
    // spec: E08
    fn refuse_commands(&mut self, message: &Message<'_>) {
        let Some(code) = self.reply.header_status.as_ref().map(|status| status.code) else {
            return;
        };
        // a stranger gets no more work out of a message than an honest client needs
        for command in message.commands.iter().take(MAX_REFUSED) {
            self.refuse(command, StatusCode(code));
        }
    }

    /// Answers a command and all inside it with one code.
    // spec: C17
    fn refuse(&mut self, command: &Command<'_>, code: StatusCode) {
        // spec: C09
        if matches!(command, Command::Status(_) | Command::Results(_))
            || !bounds::is_id(command.cmd_id())
        {
            return;
        }
        if command.no_resp() || self.reply.no_resp {
            self.failed_in_atomic = true;
        } else {
            let status = self.status_for(command, code);
            self.reply.statuses.push(status);
        }
        let inner = match command {
            Command::Sync(sync) => &sync.commands,
            Command::Group(group) => &group.commands,
            _ => return,
        };
        for command in inner {
            self.refuse(command, code);
        }
    }

    fn header_status(&self, code: StatusCode) -> StatusOut {
        StatusOut {
            msg_ref: self.header.msg_id.to_string(),
            cmd_ref: "0".to_owned(),
            cmd: "SyncHdr".to_owned(),
            target_ref: Some(self.header.target.uri.to_string()),
            source_ref: Some(self.header.source.uri.to_string()),
            code: code.0,
            ..StatusOut::default()
        }
    }

    /// A status for a whole command, with the addresses that the standard wants repeated.
    // spec: A12 C06
    fn status_for(&self, command: &Command<'_>, code: StatusCode) -> StatusOut {
        let (target, source) = match command {
            Command::Sync(sync) => (
                sync.target.as_ref().map(|l| l.uri.to_string()),
                sync.source.as_ref().map(|l| l.uri.to_string()),
            ),
            Command::Map(map) => (
                Some(map.target.uri.to_string()),
                Some(map.source.uri.to_string()),
            ),
            Command::Change(change) => item_refs(&change.items),
            Command::Alert(alert) => item_refs(&alert.items),
            Command::Access(access) => item_refs(&access.items),
            Command::Exec(exec) => item_refs(&exec.items),
            _ => (None, None),
        };
        StatusOut {
            msg_ref: self.header.msg_id.to_string(),
            cmd_ref: command.cmd_id().to_owned(),
            cmd: command.name().to_owned(),
            target_ref: target.filter(|uri| bounds::is_fit(uri)),
            source_ref: source.filter(|uri| bounds::is_fit(uri)),
            code: code.0,
            ..StatusOut::default()
        }
    }

    /// Answers a command, unless its sender wants none.
    // spec: A28 C01 C10
    fn push_status(&mut self, command: &Command<'_>, code: StatusCode) {
        if command.no_resp() || self.reply.no_resp {
            self.failed_in_atomic |= !code.is_success();
            return;
        }
        if !bounds::is_id(command.cmd_id()) {
            // nothing can refer to it: the header takes the blame
            let status = self.header_status(StatusCode::BAD_REQUEST);
            self.reply.header_status = Some(status);
            return;
        }
        let status = self.status_for(command, code);
        self.reply.statuses.push(status);
    }

    // spec: C03 C15 M23
    fn handle_commands(&mut self, commands: &[Command<'_>]) -> Result<(), StoreError> {
        for command in commands {
            if !bounds::is_id(command.cmd_id())
                && !matches!(command, Command::Status(_) | Command::Results(_))
            {
                self.push_status(command, StatusCode::BAD_REQUEST);
                continue;
            }
            if !self.admits(command)? {
                continue;
            }
            match command {
                // spec: C09
                Command::Status(status) => self.take_status(status)?,
                Command::Alert(alert) => self.take_alert(command, alert)?,
                Command::Access(access) => self.take_access(command, access)?,
                Command::Results(results) => self.take_results(results)?,
                Command::Sync(sync) => self.take_sync(command, sync)?,
                Command::Map(map) => self.take_map(command, map)?,
                Command::Change(_) => self.push_status(command, StatusCode::NOT_ALLOWED),
                Command::Group(group) => self.take_group(command, group, None)?,
                Command::Search(search) => self.take_search(command, search)?,
                // spec: M17
                _ => self.push_status(command, StatusCode::NOT_IMPLEMENTED),
            }
        }
        Ok(())
    }

    /// The client's `Final`: its package is complete.
    fn package_ended(&mut self) -> Result<(), StoreError> {
        // a large object that is suspended goes on in another session
        if self.state.phase != Phase::Suspended {
            self.end_of_data_missing()?;
        }
        match self.state.phase {
            // spec: B19 B20
            Phase::Initialization
                if self.state.datastores.iter().any(|ds| ds.sync_received)
                    && !self.state.datastores.iter().any(|ds| ds.overridden) =>
            {
                // initialization and changes came in one package
                self.finish_receiving()?;
                self.state.package_ended = true;
            }
            Phase::Initialization => self.state.package_ended = true,
            Phase::FromClient => self.finish_receiving()?,
            // some devices set Final in every message while they ask for more
            Phase::ToClient | Phase::Done => self.settle_late()?,
            Phase::Suspended => {}
            // spec: B22 G09
            Phase::Mapping => {
                self.settle_late()?;
                // a device that has more to say after this Final is taken at its word all the same
                self.complete()?;
                self.state.phase = Phase::Done;
            }
        }
        Ok(())
    }

    // spec: K11 R02 R10
    fn save(&mut self, token: &str, body: &[u8]) -> Result<(), StoreError> {
        if self.logged_in_now
            && let Some(login) = &self.state.login
        {
            let account = login.id();
            self.tx
                .end_other_sessions(account, &self.state.device, token)?;
        }
        if let Some(login) = self.state.login.clone() {
            self.keep_waiting(&login)?;
        }
        let updated = match self.state.phase {
            // kept for a message that comes again; its place is free at once
            Phase::Done => self.request.now - login::LATELY - 1,
            _ => self.request.now,
        };
        self.tx.put_session(&StoredSession {
            token: token.to_owned(),
            account: self.state.login.as_ref().map(state::Login::id),
            device: self.state.device.clone(),
            session_id: self.header.session_id.trim().to_owned(),
            state: self.state.store(),
            last_msg_id: self.header.msg_id.to_string(),
            last_request: self.request.hash,
            last_answer: body.to_vec(),
            updated,
        })
    }
}

/// The addresses of a command's item, when it has just one.
fn item_refs(items: &[syncml::Item<'_>]) -> (Option<String>, Option<String>) {
    match items {
        [item] => (
            item.target
                .as_ref()
                .map(|location| location.uri.to_string()),
            item.source
                .as_ref()
                .map(|location| location.uri.to_string()),
        ),
        _ => (None, None),
    }
}
