//! The client's side of a session.
//!
//! A [`Session`] is driven by its caller: [`Session::step`] gives a message to send or the
//! summary, [`Session::receive`] takes the answer. Datastores are [`Replica`]s, which the session
//! calls and tells when to make a message's work durable.
//!
//! ```text
//!             package 1           package 3            (server's Final)     package 5
//! replicas ─▶ Initialization ──▶ Sending ───────────▶ Receiving ────────▶ Mapping ──▶ Closing ─▶ Done
//!             alerts, DevInf,     changes,             their changes,       statuses, maps
//!             credentials         their statuses       our statuses         acknowledged
//! ```
//!
//! Follows the OMA Data Synchronization Protocol 1.0 to 1.2. Whatever transport carries the
//! messages, a message that got no answer may be posted again as it was.

mod active;
mod apply;
mod compose;
mod conflict;
mod devinf;
mod expects;
mod group;
mod invitation;
mod known;
mod large;
mod memory;
mod replica;
mod status;
mod take;

use std::collections::{BTreeMap, BTreeSet};

use syncml::{AlertCode, Chal, Encoding, StatusCode, Version};

use active::Active;

use crate::clock;
use crate::filter::Filter;
use crate::peer::ServerTable;
use crate::store::DatastoreKind;
use crate::uri::is_readable;
pub use conflict::{Conflict, Decide, Decision};
pub use devinf::Resting;
pub use memory::MemoryReplica;
pub use replica::{
    Added, Anchors, Applied, ChangeKind, Copied, LocalChange, Plan, Replica, ReplicaError, Room,
    SendingObject, Unfinished, told_at_resume,
};

/// Who the client is and how it talks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The server's address.
    pub url: String,
    /// The account's name.
    pub user: String,
    /// The account's password.
    pub password: String,
    /// The device's address, unique and kept for ever.
    pub device_id: String,
    /// The protocol version.
    pub version: Version,
    /// The encoding.
    pub encoding: Encoding,
    /// The largest message that the client takes, bytes.
    pub max_msg_size: u64,
    /// The largest object that the client takes in chunks, bytes.
    pub max_obj_size: u64,
    /// Go on with a session that did not complete, where the server bears with it (1.2).
    pub resume: bool,
    /// Send the changes with the first message, without an initialization before, to a server that
    /// is known. Only where the login is by digest: its nonce makes a copy worthless that comes late.
    pub one_package: bool,
    /// Offer the password in the clear in the first message, for servers that know no digests.
    pub basic_first: bool,
    /// Our software version, for device information.
    pub software_version: String,
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// The type of a synchronization (alert codes 200 to 205).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Changes of both sides.
    TwoWay,
    /// All items of both sides are compared.
    Slow,
    /// Changes of the client only.
    FromClient,
    /// The client's items replace the server's.
    RefreshFromClient,
    /// Changes of the server only.
    FromServer,
    /// The server's items replace the client's.
    RefreshFromServer,
}

impl Mode {
    const fn alert(self) -> AlertCode {
        match self {
            Self::TwoWay => AlertCode::TWO_WAY,
            Self::Slow => AlertCode::SLOW,
            Self::FromClient => AlertCode::ONE_WAY_FROM_CLIENT,
            Self::RefreshFromClient => AlertCode::REFRESH_FROM_CLIENT,
            Self::FromServer => AlertCode::ONE_WAY_FROM_SERVER,
            Self::RefreshFromServer => AlertCode::REFRESH_FROM_SERVER,
        }
    }

    /// Whether all items of a side are sent.
    const fn compares(self) -> bool {
        matches!(
            self,
            Self::Slow | Self::RefreshFromClient | Self::RefreshFromServer
        )
    }

    /// Whether a session of this type may go on with one that did not complete: of the same type, or
    /// of one that servers make a slow sync of.
    fn goes_on_with(self, unfinished: &Unfinished) -> bool {
        let alert = AlertCode(unfinished.alert);
        alert == self.alert() || (self == Self::TwoWay && alert == AlertCode::SLOW)
    }
}

/// Whether a session of this type forgets what was known of the other side's items, and begins anew.
const fn renews_map(alert: AlertCode) -> bool {
    matches!(
        alert,
        AlertCode::SLOW | AlertCode::REFRESH_FROM_CLIENT | AlertCode::REFRESH_FROM_SERVER
    )
}

/// A datastore to be synced.
pub struct Source {
    /// Its name in reports.
    pub name: String,
    /// Its address on the device.
    pub local_uri: String,
    /// The server's datastore.
    pub remote_uri: String,
    /// What it holds.
    pub kind: DatastoreKind,
    /// How it is synced.
    pub mode: Mode,
    /// Which of the server's items are wanted; all without it.
    pub filter: Option<Filter>,
    /// Its items.
    pub replica: Box<dyn Replica + Send>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// What the caller has to do next.
#[derive(Debug)]
pub enum Step {
    /// Post a message and give the answer to [`Session::receive`].
    Send {
        /// Where to.
        url: String,
        /// The message.
        body: Vec<u8>,
        /// Its encoding.
        encoding: Encoding,
        /// The value of `x-syncml-hmac` that has to go with it.
        mac: Option<String>,
        /// Seconds to let pass before it is posted: the server is busy, and no sooner done for being
        /// asked all the time.
        wait_seconds: u64,
    },
    /// The session is over.
    Done(Summary),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The datastores, in the order given.
    pub sources: Vec<SourceSummary>,
    /// The session was suspended: another one goes on with it.
    pub suspended: bool,
    /// What the server wants the person to read (alert 100), on one line each.
    pub messages: Vec<String>,
}

/// What a session did with a datastore.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceSummary {
    /// Its name.
    pub name: String,
    /// The alert code agreed, 200 to 205; zero when none was.
    pub alert: u16,
    /// Changes that the server took.
    pub sent: Counts,
    /// Items that were sent to be compared, and are neither new to the server nor said to have
    /// changed anything there.
    pub compared: u64,
    /// Those of the changes taken that the server does not make yet (status 202): somebody has to decide
    /// there, since they are many.
    pub waiting: u64,
    /// Changes of the server that were applied.
    pub received: Counts,
    /// Items that were not taken, by either side, or could not be sent. They stay pending.
    pub failed: Vec<Failure>,
    /// Why the datastore was not synced; its anchors stay as they were.
    pub error: Option<String>,
}

/// Numbers of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// New items.
    pub added: u64,
    /// New contents.
    pub changed: u64,
    /// Deletions.
    pub deleted: u64,
}

impl Counts {
    fn count(&mut self, kind: ChangeKind) {
        match kind {
            ChangeKind::Add => self.added += 1,
            ChangeKind::Replace | ChangeKind::Move => self.changed += 1,
            ChangeKind::Delete => self.deleted += 1,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.added + self.changed + self.deleted
    }
}

/// An item that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The LUID of an item sent, the GUID of one received.
    pub item: String,
    /// Why.
    pub reason: String,
}

/// How far a datastore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Changes sent.
    pub sent: u64,
    /// Changes to be sent in all.
    pub to_send: u64,
    /// Changes received.
    pub received: u64,
    /// Changes to be received in all, when the server said it.
    pub to_receive: Option<u64>,
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A datastore of the device failed.
    #[error("{name}: {source}")]
    Replica {
        /// The datastore.
        name: String,
        /// What failed.
        source: ReplicaError,
    },
    /// The answer is no SyncML message.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(#[from] syncml::Error),
    /// Name or password are wrong, or no scheme is known to both.
    #[error("the server refused the login ({status}, {phrase})", phrase = status.phrase())]
    Refused {
        /// What the server said.
        status: StatusCode,
    },
    /// The server wants a login in a scheme that is not known here; it was told so.
    #[error("the server wants a login by {scheme:?}, which is not known here")]
    Scheme {
        /// The scheme that it asked for.
        scheme: String,
    },
    /// The server wants the password in the clear, over a line that anybody on it can read, and
    /// nobody has allowed that ([`Config::basic_first`]).
    #[error("the server wants the password in the clear over an unencrypted connection")]
    ClearPassword,
    /// The server has not proved that it is the one expected ([`Session::expect_server`]).
    #[error("the server did not prove that it is {name:?}")]
    Impostor {
        /// The name expected.
        name: String,
    },
    /// The server does not speak this version: a session in a lower one may do.
    #[error("the server does not speak SyncML {version} ({status}, {phrase})", phrase = status.phrase())]
    Version {
        /// The version tried.
        version: Version,
        /// What the server said.
        status: StatusCode,
    },
    /// The server knows of no resuming. What it would have needed is forgotten: another session is
    /// an ordinary one.
    #[error("the server cannot resume a session ({status}, {phrase})", phrase = status.phrase())]
    Resume {
        /// What the server said.
        status: StatusCode,
    },
    /// The server refused the message as a whole.
    #[error("the server refused the session ({status}, {phrase})", phrase = status.phrase())]
    Rejected {
        /// What the server said.
        status: StatusCode,
    },
    /// The server went on being busy with what it was sent. Anchors are where they were: another
    /// session goes on.
    #[error("the server stayed busy, it was asked for its answer {polls} times")]
    Busy {
        /// How often it was asked.
        polls: u32,
    },
    /// The server does not follow the protocol.
    #[error("the server does not follow the protocol: {what}")]
    Protocol {
        /// What it did.
        what: String,
    },
}

impl Error {
    /// The version that may do where `tried` did not: the next lower one, when the server does
    /// not speak the one tried, or refused the first message as malformed or unknown, as servers
    /// of lower versions do.
    // spec: D03
    pub fn lower_version(&self, tried: Version) -> Option<Version> {
        let may_do = matches!(
            self,
            Self::Version { .. }
                | Self::Rejected {
                    status: StatusCode::BAD_REQUEST
                }
        );
        let mut lower = Version::ALL.into_iter().rev();
        lower.find(|version| may_do && *version < tried)
    }
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Package 1 is to be sent.
    Alerting,
    /// Package 2 is not complete.
    Initialization,
    /// Package 3 is not complete.
    Sending,
    /// Package 4 is not complete.
    Receiving,
    /// Package 5 is not complete.
    Mapping,
    /// Package 6 is not complete.
    Closing,
    /// All is said.
    Done,
}

/// What was sent under a `CmdID` and awaits its status.
#[derive(Debug, Clone)]
enum Awaited {
    Alert(usize),
    Sync(usize),
    Change {
        source: usize,
        luid: String,
        kind: ChangeKind,
    },
    /// Some of an object, and not its end.
    Chunk {
        source: usize,
        luid: String,
        /// Bytes that are out with it.
        offset: u64,
    },
    Map {
        source: usize,
        guids: Vec<String>,
    },
    /// The suspension.
    Suspend,
    /// Our device information, as a hash.
    DevInf(u64),
}

/// A status that is owed to the server.
#[derive(Debug, Clone)]
struct Owed {
    msg_ref: String,
    cmd_ref: String,
    cmd: String,
    target_ref: Option<String>,
    source_ref: Option<String>,
    code: StatusCode,
    /// The server's `Next`, repeated in the status of its alert.
    anchor: Option<String>,
    /// A challenge to the server.
    challenge: Option<Chal<'static>>,
}

/// One session of a client.
#[derive(Debug)]
pub struct Session {
    config: Config,
    id: String,
    url: String,
    sources: Vec<Active>,
    phase: Phase,
    /// The changes go out in one package with the alerts.
    is_at_once: bool,
    msg_id: u32,
    /// The server's limit for our messages.
    peer_max_msg_size: Option<u64>,
    nonce: Vec<u8>,
    scheme: Scheme,
    /// The schemes in which the server has challenged the client.
    challenged: Vec<Scheme>,
    authenticated: bool,
    /// The scheme of a challenge that cannot be met: the message that says so is the last one.
    unknown_scheme: Option<String>,
    /// What the server has to prove before anything is done.
    expected: Option<expects::Expected>,
    owed: Vec<Owed>,
    /// What a message that asked for this session is owed, in package 1.
    invited: Vec<Owed>,
    /// Results owed for Gets of our device information, by message and command.
    asked_devinf: Vec<(String, String)>,
    /// They did not fit into the last message.
    devinf_stuck: bool,
    /// Our own device information was written in this login, and the server's asked for.
    devinf_exchanged: [bool; 2],
    /// What is awaited, by `MsgID` and `CmdID`.
    awaited: BTreeMap<(u32, u32), Awaited>,
    /// Messages in a row that brought nothing.
    idle: u32,
    /// The largest object that the server takes in chunks; `None` until it said that it takes any.
    peer_max_obj_size: Option<u64>,
    /// The datastore for which an object is coming in chunks.
    receiving: Option<usize>,
    /// The datastores that have got the last chunk of an object with the last answer.
    completed: Vec<usize>,
    /// Addresses of objects of the server that were not ended.
    unended: Vec<(Option<String>, Option<String>)>,
    /// The server is busy with what it was sent.
    busy: bool,
    /// How often in a row it was asked whether it still is.
    polls: u32,
    /// The message that is taken wants no statuses.
    no_resp: bool,
    /// The Atomic that is being carried out.
    atomic: Option<group::Atomic>,
    suspending: Suspending,
    /// What the server wants the person to read.
    messages: Vec<String>,
    /// The device information that the server has of us, as a hash.
    devinf_sent: Option<u64>,
    /// What the server says of itself.
    server: known::Known,
    /// Datastores of the device that are not synced now.
    resting: Vec<Resting>,
    /// Who decides conflicts that the server leaves to the client.
    decider: Option<conflict::Decider>,
}

/// Whether the session is to be suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspending {
    No,
    /// With the next message.
    Wanted,
    /// The server was told.
    Told,
}

/// How the client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Md5,
    /// Beside the message.
    Mac,
}

/// Messages without any content in a row after which a server is taken for broken.
const MAX_IDLE: u32 = 10;

/// How often a busy server is asked for its answer: for a quarter of an hour, with the waits between.
const MAX_POLLS: u32 = 100;

/// The longest wait before a busy server is asked again, seconds.
const LONGEST_WAIT: u32 = 10;

/// Messages of ours in a session after which a server is taken for broken.
const MAX_MESSAGES: u32 = 100_000;

/// Messages in which a change may fail to fit, beside other commands, before it is left out.
const MAX_STUCK: u32 = 4;

/// The highest `SessionID`: four bytes are all that it may have.
const MAX_SESSION_ID: u16 = 9999;

/// Texts of the server that are kept for the person, and characters of each.
const MAX_SHOWN: (usize, usize) = (16, 1000);

impl Session {
    /// A session over these datastores, with a server of which no rule is known. `now` is in seconds
    /// since 1970; `entropy` makes the session's identifier.
    ///
    /// # Errors
    ///
    /// [`Error::Replica`] when a datastore's state cannot be read.
    pub fn new(
        config: Config,
        sources: Vec<Source>,
        now: i64,
        entropy: [u8; 8],
    ) -> Result<Self, Error> {
        Self::by_rules(config, sources, ServerTable::default(), now, entropy)
    }

    /// As [`Session::new`], by the rules that hold of the server: by its address, and by its device
    /// information of the last session or, where it is not too late, of this one.
    ///
    /// # Errors
    ///
    /// Those of [`Session::new`].
    pub fn by_rules(
        config: Config,
        mut sources: Vec<Source>,
        table: ServerTable,
        now: i64,
        entropy: [u8; 8],
    ) -> Result<Self, Error> {
        let mut server = known::Known::recalled(&mut sources, table, &config)?;
        let mut active = Vec::with_capacity(sources.len());
        for source in sources {
            let mut one = Active {
                size: None,
                peer_folders: false,
                is_flat: !server.rules.hierarchy,
                is_missing: false,
                login: None,
                cred: None,
                anchors: Anchors::default(),
                next: String::new(),
                server_next: None,
                agreed: None,
                alerted: false,
                begun: false,
                opened: false,
                sent_all: false,
                stuck: 0,
                cleared: false,
                unfinished: None,
                resumed: false,
                early: false,
                again: false,
                sending: None,
                in_chunks: false,
                progress: Progress::default(),
                disputed: BTreeSet::new(),
                summary: SourceSummary {
                    name: source.name.clone(),
                    ..SourceSummary::default()
                },
                source,
            };
            if let Err(reason) = compose::check_filter(one.source.filter.as_ref(), config.version) {
                one.fail(reason);
            }
            one.anchors = one.call(|replica| replica.anchors())?;
            one.size = one.call(|replica| replica.size())?;
            let unfinished = one.call(|replica| replica.unfinished())?;
            one.unfinished = unfinished.filter(|unfinished| {
                let may_resume = config.resume && server.rules.resume;
                let is_wanted = may_resume && config.version >= Version::V1_2;
                is_wanted && one.source.mode.goes_on_with(unfinished)
            });
            if one.unfinished.is_none() && one.is_on() {
                // an ordinary alert makes the server forget it too
                one.call(|replica| replica.set_unfinished(None))?;
            }
            let last = match &one.unfinished {
                Some(unfinished) => &unfinished.last,
                None => &one.anchors.client,
            };
            one.next = clock::next_anchor(now, last);
            active.push(one);
        }
        server.weigh(&active, &config);
        let (nonce, devinf_sent) = match active.first_mut() {
            Some(first) => (
                first.call(|replica| replica.nonce())?,
                first.call(|replica| replica.devinf_sent())?,
            ),
            None => (None, None),
        };
        let is_idle = !active.is_empty() && !active.iter().any(Active::is_on);
        let phase = if is_idle {
            Phase::Done
        } else {
            Phase::Alerting
        };
        // spec: A09
        let id = u16::from_be_bytes([entropy[0], entropy[1]]) % MAX_SESSION_ID + 1;
        Ok(Self {
            url: config.url.clone(),
            scheme: if config.basic_first || (server.rules.basic_first && !is_readable(&config.url))
            {
                Scheme::Basic
            } else {
                Scheme::Md5
            },
            is_at_once: config.one_package
                && active
                    .iter()
                    .all(|one| one.may_begin_at_once(config.version))
                && !server.is_in_doubt,
            config,
            id: id.to_string(),
            sources: active,
            phase,
            msg_id: 0,
            peer_max_msg_size: None,
            nonce: nonce.unwrap_or_default(),
            challenged: Vec::new(),
            authenticated: false,
            unknown_scheme: None,
            expected: None,
            owed: Vec::new(),
            invited: Vec::new(),
            asked_devinf: Vec::new(),
            devinf_stuck: false,
            devinf_exchanged: [false; 2],
            awaited: BTreeMap::new(),
            idle: 0,
            peer_max_obj_size: server.takes_objects().then_some(u64::MAX),
            receiving: None,
            completed: Vec::new(),
            unended: Vec::new(),
            busy: false,
            polls: 0,
            no_resp: false,
            atomic: None,
            suspending: Suspending::No,
            messages: Vec::new(),
            devinf_sent,
            server,
            resting: Vec::new(),
            decider: None,
        })
    }

    /// Names who logs in to a datastore, given by its name, if it asks for a login of its own (Cred in its
    /// Alert); else that is who logs in to the server. To be called before the first message.
    // spec: E16
    pub fn log_in_as(&mut self, source: &str, login: Login) {
        let mut all = self.sources.iter_mut();
        if let Some(active) = all.find(|active| active.source.name == source) {
            active.login = Some(login);
        }
    }

    /// The next message, or the summary when the session is over.
    ///
    /// # Errors
    ///
    /// [`Error::Replica`]; the session cannot go on then.
    pub fn step(&mut self) -> Result<Step, Error> {
        if self.phase == Phase::Done {
            return Ok(Step::Done(self.summary()));
        }
        if self.msg_id >= MAX_MESSAGES {
            return Err(Error::Protocol {
                what: format!("{MAX_MESSAGES} messages did not end the session"),
            });
        }
        let body = self.compose()?;
        // what is given out has to be remembered before it leaves
        for active in &mut self.sources {
            active.call(|replica| replica.message_done())?;
        }
        Ok(Step::Send {
            url: self.url.clone(),
            mac: self.mac_of(&body),
            body,
            encoding: self.config.encoding,
            wait_seconds: self.wait_seconds(),
        })
    }

    /// How long a busy server is left alone: the longer, the more often it was asked already.
    // spec: K02
    fn wait_seconds(&self) -> u64 {
        if self.busy {
            u64::from((self.polls + 1).min(LONGEST_WAIT))
        } else {
            0
        }
    }

    /// Suspends the session with the next message (DS Protocol 1.2); what both sides have confirmed
    /// stays, and another session goes on from there. Before 1.2, and before any change was
    /// agreed on, the session ends at once: its datastores have an error then. A session that is
    /// over stays as it ended.
    // spec: I01 I15 S20
    pub fn suspend(&mut self) {
        if self.phase == Phase::Done || self.suspending != Suspending::No {
            return;
        }
        let can_resume = self.config.version >= Version::V1_2
            && !matches!(self.phase, Phase::Alerting | Phase::Initialization);
        if can_resume {
            self.suspending = Suspending::Wanted;
            return;
        }
        for active in &mut self.sources {
            active.fail("the session was ended before it had done all");
        }
        self.phase = Phase::Done;
    }

    /// Takes the server's answer to the last message.
    ///
    /// # Errors
    ///
    /// The session cannot go on after any; what was confirmed before stays.
    pub fn receive(&mut self, body: &[u8], charset: Option<&str>) -> Result<(), Error> {
        self.receive_proved(body, charset, None)
    }

    /// As [`Session::receive`], with the value of `x-syncml-hmac` that came with the answer: it proves who
    /// sent these bytes to a session that expects a server ([`Session::expect_server`]).
    ///
    /// # Errors
    ///
    /// Those of [`Session::receive`].
    // spec: N21
    pub fn receive_proved(
        &mut self,
        body: &[u8],
        charset: Option<&str>,
        mac: Option<&str>,
    ) -> Result<(), Error> {
        self.take(body, charset, mac)
    }

    /// How far each datastore is, in the order given.
    pub fn progress(&self) -> Vec<Progress> {
        self.sources.iter().map(|active| active.progress).collect()
    }

    /// What was done so far: the summary of a session that ended early.
    pub fn summary(&self) -> Summary {
        Summary {
            sources: self
                .sources
                .iter()
                .map(|active| active.summary.clone())
                .collect(),
            suspended: self.suspending != Suspending::No,
            messages: self.messages.clone(),
        }
    }

    /// Gives the datastores back.
    pub fn into_sources(self) -> Vec<Source> {
        self.sources
            .into_iter()
            .map(|active| active.source)
            .collect()
    }
}
