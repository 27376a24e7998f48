//! What a session keeps between two messages, in a form that other versions can read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use syncml::{AlertCode, Header, Version};

use super::guard::Damage;
use super::lacking::Noted;
use super::policy::Scheme;
use super::reply::StatusOut;
use super::room::{Limit, Room};
use super::selection::Selection;
use crate::peer::Rules;
use crate::spoken::Spoken;
use crate::store::{AccountId, ChangeSeq, DatastoreId, DatastoreKind, Guid, LinkId};

/// The protocol state of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) version: Spoken,
    /// The device's address, as it first wrote it.
    pub(super) device: String,
    /// The server's address, as the device wrote it.
    pub(super) server: String,
    /// `MsgID` of our next message.
    pub(super) next_msg_id: u32,
    pub(super) login: Option<Login>,
    /// The nonce of the last challenge, base64.
    pub(super) challenge: Option<String>,
    pub(super) failures: u32,
    /// The login holds for one message, and each has to carry its own.
    #[serde(default)]
    pub(super) per_message: bool,
    /// An alert was refused for its credentials or its filter, and may come again with others.
    #[serde(default)]
    pub(super) alert_refused: bool,
    /// What the client wants to know the server by.
    #[serde(default)]
    pub(super) asked: Option<Asked>,
    #[serde(default)]
    pub(super) times_asked: u32,
    /// The client knows for the rest of the session who the server is.
    #[serde(default)]
    pub(super) proved: bool,
    pub(super) peer_max_msg_size: Option<u64>,
    #[serde(default)]
    pub(super) peer_max_obj_size: Option<u64>,
    /// The device takes objects in chunks.
    #[serde(default)]
    pub(super) large_objects: bool,
    /// The device's datastores that know folders.
    #[serde(default)]
    pub(super) hierarchical: Vec<String>,
    /// Sizes of the device's datastores.
    #[serde(default)]
    pub(super) limits: Vec<Limit>,
    /// Free room on the device.
    #[serde(default)]
    pub(super) rooms: Vec<Room>,
    /// Items that wait for their folders to come.
    #[serde(default)]
    pub(super) orphans: Vec<Orphan>,
    /// Folders that the device wanted to delete and that something is in, by datastore.
    #[serde(default)]
    pub(super) kept_folders: Vec<Kept>,
    /// A message that was put off, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deferred: Option<String>,
    /// The datastore for which an object is coming in chunks.
    #[serde(default)]
    pub(super) receiving: Option<usize>,
    /// Objects that were dropped while they came, by datastore and LUID: what still comes of them is
    /// no item.
    #[serde(default)]
    pub(super) dropped: BTreeSet<(usize, String)>,
    /// The datastores that have got the last chunk of an object with the last message.
    #[serde(default)]
    pub(super) completed: Vec<usize>,
    pub(super) phase: Phase,
    /// The client's `Final` of package 1 came.
    pub(super) package_ended: bool,
    /// Where the login came from.
    #[serde(default)]
    pub(super) peer: Option<String>,
    /// The client used `RespURI`.
    pub(super) token_shown: bool,
    pub(super) datastores: Vec<DatastoreState>,
    /// Statuses that did not fit into the last answer.
    pub(super) waiting: Vec<StatusOut>,
    /// Commands of the initialization that are still to be sent.
    pub(super) owed: Vec<Owed>,
    /// The first of them did not fit into the last message.
    #[serde(default)]
    pub(super) owed_stuck: bool,
    /// Changes sent whose status has not come.
    pub(super) sent: Vec<Sent>,
    /// The device wants to be told the number of changes.
    pub(super) number_of_changes: bool,
    /// Device information was asked for or came in this session.
    pub(super) devinf_settled: bool,
    /// What the transport's `User-Agent` was.
    #[serde(default)]
    pub(super) user_agent: Option<String>,
    /// What holds of the device, and by which rules.
    #[serde(default)]
    pub(super) rules: Rules,
    #[serde(default)]
    pub(super) rule_names: Vec<String>,
    /// Messages in a row that brought neither side anything.
    #[serde(default)]
    pub(super) idle: u32,
}

/// A challenge of the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) scheme: StoredScheme,
    /// The nonce, base64.
    pub(super) nonce: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StoredScheme {
    Basic,
    Md5,
    Mac,
}

impl From<Scheme> for StoredScheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Basic => Self::Basic,
            Scheme::Md5 => Self::Md5,
            Scheme::Mac => Self::Mac,
        }
    }
}

impl From<StoredScheme> for Scheme {
    fn from(scheme: StoredScheme) -> Self {
        match scheme {
            StoredScheme::Basic => Self::Basic,
            StoredScheme::Md5 => Self::Md5,
            StoredScheme::Mac => Self::Mac,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Initialization,
    FromClient,
    ToClient,
    Mapping,
    Done,
    /// The client has suspended the session.
    Suspended,
}

/// Who is logged in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) account: i64,
    pub(super) name: String,
    pub(super) device: i64,
}

impl Login {
    pub(super) fn id(&self) -> AccountId {
        AccountId(self.account)
    }
}

/// A datastore that was alerted and accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DatastoreState {
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) kind: String,
    /// Our address, as the client wrote it.
    pub(super) target: String,
    /// The client's address.
    pub(super) source: String,
    pub(super) alert: u16,
    /// The client wanted another type than the one agreed.
    #[serde(default)]
    pub(super) overridden: bool,
    #[serde(default)]
    pub(super) client_last: String,
    pub(super) client_next: String,
    /// Bytes of the longest identifier that the device keeps.
    #[serde(default)]
    pub(super) max_guid_size: Option<u64>,
    /// The device may take items and change none.
    #[serde(default)]
    pub(super) read_only: bool,
    /// Our `Next` of the last completed session, or nothing.
    pub(super) server_last: String,
    pub(super) server_next: String,
    /// Message and command that our alert went in.
    #[serde(default)]
    pub(super) alerted: Option<(u32, u32)>,
    /// The change sequence that the client has seen.
    pub(super) seen: i64,
    pub(super) generation: i64,
    /// The link knows that this session is open; a new map has begun where the type wants one.
    pub(super) begun: bool,
    /// How the device is shown items is known.
    #[serde(default)]
    pub(super) viewed: bool,
    /// Bytes of the largest item that the device is shown as it is.
    #[serde(default)]
    pub(super) most: Option<u64>,
    /// The last change of the session before, whose maps may come now.
    #[serde(default)]
    pub(super) maps_until: i64,
    /// The session before this one broke: what it sent may have arrived or not.
    #[serde(default)]
    pub(super) after_break: bool,
    /// What the session has deleted and replaced.
    #[serde(default)]
    pub(super) damage: Damage,
    /// Items of the client that were refused.
    #[serde(default)]
    pub(super) refused: u32,
    pub(super) sync_received: bool,
    /// The last change that this session sends; set when sending begins, or by the session that
    /// this one resumes.
    pub(super) until: i64,
    /// The last change that was sent.
    pub(super) cursor: i64,
    /// The change that did not fit into the last messages, and how often.
    #[serde(default)]
    pub(super) stuck: Option<(i64, u32)>,
    pub(super) counted: bool,
    pub(super) sent_all: bool,
    /// What the client wants of it.
    #[serde(default)]
    pub(super) selection: Selection,
    /// What the filter has let through.
    #[serde(default)]
    pub(super) noted: Option<Noted>,
    /// Where its room on the device is counted.
    #[serde(default)]
    pub(super) room: Option<usize>,
    /// The device has said that it is full.
    #[serde(default)]
    pub(super) full: bool,
    /// Deletions are sent first, to make room, and all are sent.
    #[serde(default)]
    pub(super) deletions_sent: bool,
    /// The client knows folders, by what it says or has said before.
    #[serde(default)]
    pub(super) knows_folders: bool,
    /// The device gets occurrences of series as items of their own.
    #[serde(default)]
    pub(super) has_occurrences: bool,
    /// Folders that were sent in this session.
    #[serde(default)]
    pub(super) folders_sent: Vec<i64>,
    /// Items of which the client was asked in this session whether its version shall stand.
    #[serde(default)]
    pub(super) asked: BTreeSet<i64>,
    /// The object that is being sent in chunks.
    #[serde(default)]
    pub(super) sending: Option<Outgoing>,
    /// Some object went in chunks.
    #[serde(default)]
    pub(super) in_chunks: bool,
    /// The object that the session before this one had begun to send.
    #[serde(default)]
    pub(super) resumes: Option<Begun>,
}

/// An item of the client whose folder has not come yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Orphan {
    /// The datastore's number.
    pub(super) datastore: i64,
    pub(super) guid: i64,
    /// The LUID of the folder.
    pub(super) folder: String,
}

/// A folder that the client has deleted while something was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The datastore's number.
    pub(super) datastore: i64,
    pub(super) guid: i64,
    /// Its last change then: one that was changed since is not deleted.
    pub(super) seq: i64,
}

/// An object that goes out in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) guid: i64,
    pub(super) seq: i64,
    /// Bytes of its content.
    pub(super) size: u64,
    /// Bytes of its content that were sent.
    pub(super) offset: u64,
    /// Bytes that an earlier session had sent.
    #[serde(default)]
    pub(super) begun: u64,
    /// It goes in the device's form, which is kept apart from the item.
    #[serde(default)]
    pub(super) own_form: bool,
    /// It goes as base64, because XML has no form for its bytes.
    pub(super) base64: bool,
}

/// An object of which the device has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) guid: i64,
    pub(super) seq: i64,
    pub(super) confirmed: u64,
}

impl DatastoreState {
    pub(super) fn alert(&self) -> AlertCode {
        AlertCode(self.alert)
    }

    pub(super) fn kind(&self) -> DatastoreKind {
        DatastoreKind::from_name(&self.kind).unwrap_or(DatastoreKind::Notes)
    }

    pub(super) fn link(&self, login: &Login) -> LinkId {
        LinkId {
            datastore: DatastoreId {
                account: login.id(),
                number: self.number,
            },
            device: login.device,
        }
    }

    /// Whether all items are compared or replaced, so that a new map begins.
    // spec: G02
    pub(super) fn renews_map(&self) -> bool {
        matches!(
            self.alert(),
            AlertCode::SLOW | AlertCode::REFRESH_FROM_CLIENT | AlertCode::REFRESH_FROM_SERVER
        )
    }

    /// Whether what the device holds is compared with what it was shown in earlier sessions.
    pub(super) fn compares(&self) -> bool {
        self.renews_map() && self.alert() != AlertCode::REFRESH_FROM_SERVER
    }

    /// All items are to be compared or replaced: a new map begins, and what the client has seen
    /// does not count.
    pub(super) fn renew_map(&mut self) {
        self.seen = 0;
        self.generation += 1;
        self.maps_until = 0;
    }

    /// Whether the server sends its changes.
    // spec: G03 G04
    pub(super) fn sends(&self) -> bool {
        !matches!(
            self.alert(),
            AlertCode::ONE_WAY_FROM_CLIENT | AlertCode::REFRESH_FROM_CLIENT
        )
    }

    /// Whether the client's changes are taken.
    // spec: G05 G06
    pub(super) fn takes(&self) -> bool {
        !matches!(
            self.alert(),
            AlertCode::ONE_WAY_FROM_SERVER | AlertCode::REFRESH_FROM_SERVER
        )
    }

    pub(super) fn until(&self) -> ChangeSeq {
        ChangeSeq(self.until)
    }
}

/// A command of package 2 that is still to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Owed {
    /// Device information, in answer to a Get.
    Results {
        msg_ref: String,
        cmd_ref: String,
        uri: String,
    },
    /// A Get of the client's device information.
    GetDevInf,
    /// The alert of a datastore, by its index.
    Alert(usize),
    /// An item that a Search found.
    Found {
        msg_ref: String,
        cmd_ref: String,
        datastore: i64,
        guid: i64,
    },
    /// Alert 223: an object in chunks was not ended.
    NoEndOfData {
        target: Option<String>,
        source: Option<String>,
    },
}

/// A change that was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) msg: u32,
    pub(super) cmd: u32,
    pub(super) datastore: usize,
    pub(super) guid: i64,
    pub(super) seq: i64,
    pub(super) kind: SentKind,
}

impl Sent {
    pub(super) fn guid(&self) -> Guid {
        Guid(self.guid)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SentKind {
    Add,
    Replace,
    Delete,
    Move,
    /// Some of an object, and not its end.
    Chunk,
}

/// How far a session is: what changes with every message that brings either side anything.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Progress {
    phase: Phase,
    /// Statuses, commands and changes that wait.
    waiting: [usize; 3],
    /// The last change sent of each datastore, and how far a large object is.
    sending: Vec<(i64, Option<u64>)>,
}

impl State {
    pub(super) fn new(header: &Header<'_>) -> Self {
        Self {
            version: Version::from_dtd(&header.ver_dtd)
                .unwrap_or(Version::V1_2)
                .into(),
            device: header.source.uri.trim().to_owned(),
            server: header.target.uri.to_string(),
            next_msg_id: 1,
            login: None,
            challenge: None,
            failures: 0,
            per_message: false,
            alert_refused: false,
            asked: None,
            times_asked: 0,
            proved: false,
            peer_max_msg_size: None,
            peer_max_obj_size: None,
            large_objects: false,
            hierarchical: Vec::new(),
            limits: Vec::new(),
            rooms: Vec::new(),
            orphans: Vec::new(),
            kept_folders: Vec::new(),
            deferred: None,
            receiving: None,
            dropped: BTreeSet::new(),
            completed: Vec::new(),
            phase: Phase::Initialization,
            package_ended: false,
            peer: None,
            token_shown: false,
            datastores: Vec::new(),
            waiting: Vec::new(),
            owed: Vec::new(),
            owed_stuck: false,
            sent: Vec::new(),
            number_of_changes: false,
            devinf_settled: false,
            user_agent: None,
            rules: Rules::default(),
            rule_names: Vec::new(),
            idle: 0,
        }
    }

    /// Reads a stored state; one that cannot be read is as good as none, and the client begins
    /// again.
    pub(super) fn load(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn store(&self) -> Vec<u8> {
        // plain structs of texts and numbers always serialize
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn progress(&self) -> Progress {
        let sending = self.datastores.iter().map(|ds| {
            let offset = ds.sending.map(|sending| sending.offset);
            (ds.cursor, offset)
        });
        Progress {
            phase: self.phase,
            waiting: [self.waiting.len(), self.owed.len(), self.sent.len()],
            sending: sending.collect(),
        }
    }

    pub(super) fn version(&self) -> Version {
        self.version.into()
    }
}
