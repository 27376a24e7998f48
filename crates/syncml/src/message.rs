//! A message and its commands, as the Representation Protocol models them.
//!
//! Texts that a peer may get wrong (numbers, codes) stay text here, so that a session can answer
//! a bad value with the right status instead of losing the message; accessors give the number.
//! Payloads and texts borrow from the document they were read from.

use std::borrow::Cow;

use crate::code::{AlertCode, StatusCode};
use crate::devinf::DevInf;
use crate::meta::{Anchor, Meta};

/// Text of an element, borrowed from the document where it could be.
pub type Text<'a> = Cow<'a, str>;

/// One SyncML message (`SyncML`).
#[derive(Debug, Clone, PartialEq)]
pub struct Message<'a> {
    /// `SyncHdr`.
    pub header: Header<'a>,
    /// The commands of `SyncBody`, in order.
    pub commands: Vec<Command<'a>>,
    /// `Final`: the last message of its package.
    pub is_final: bool,
}

/// The message header (`SyncHdr`). A missing element is an empty text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Header<'a> {
    /// `VerDTD`, for example `1.2`.
    pub ver_dtd: Text<'a>,
    /// `VerProto`, for example `SyncML/1.2`.
    pub ver_proto: Text<'a>,
    /// `SessionID`: opaque, compared as text.
    pub session_id: Text<'a>,
    /// `MsgID`, a decimal from 1 upwards when the peer is sane.
    pub msg_id: Text<'a>,
    /// `Target`.
    pub target: Location<'a>,
    /// `Source`; its `LocName` names the user for digest authentication.
    pub source: Location<'a>,
    /// `RespURI`: where the following messages have to go.
    pub resp_uri: Option<Text<'a>>,
    /// `NoResp`: no Status wanted for the whole message.
    pub no_resp: bool,
    /// `Cred`: server level credentials.
    pub cred: Option<Cred<'a>>,
    /// `Meta`: `MaxMsgSize` and `MaxObjSize`.
    pub meta: Option<Meta<'a>>,
}

impl Header<'_> {
    /// A copy that outlives the document, without credentials and meta information: enough to
    /// answer the sender.
    pub fn to_static(&self) -> Header<'static> {
        fn owned(text: &str) -> Text<'static> {
            Cow::Owned(text.to_owned())
        }
        let location = |location: &Location<'_>| Location {
            uri: owned(&location.uri),
            name: location.name.as_deref().map(owned),
            filter: None,
        };
        Header {
            ver_dtd: owned(&self.ver_dtd),
            ver_proto: owned(&self.ver_proto),
            session_id: owned(&self.session_id),
            msg_id: owned(&self.msg_id),
            target: location(&self.target),
            source: location(&self.source),
            resp_uri: self.resp_uri.as_deref().map(owned),
            no_resp: self.no_resp,
            cred: None,
            meta: None,
        }
    }
}

/// `Target` or `Source`: an address.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Location<'a> {
    /// `LocURI`, without surrounding white space.
    pub uri: Text<'a>,
    /// `LocName`.
    pub name: Option<Text<'a>>,
    /// `Filter`, only in the `Target` of an alert's item (1.2).
    pub filter: Option<Box<Filter<'a>>>,
}

impl<'a> Location<'a> {
    /// An address without a name.
    pub fn new(uri: impl Into<Text<'a>>) -> Self {
        Self {
            uri: uri.into(),
            name: None,
            filter: None,
        }
    }
}

/// `Filter` (1.2): which records and fields a client wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter<'a> {
    /// `Meta`, whose `Type` is the content type filtered.
    pub meta: Option<Meta<'a>>,
    /// The item of `Field`.
    pub field: Option<Item<'a>>,
    /// The item of `Record`.
    pub record: Option<Item<'a>>,
    /// `FilterType`: `INCLUSIVE` or `EXCLUSIVE` (the default).
    pub filter_type: Option<Text<'a>>,
}

/// Credentials (`Cred`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cred<'a> {
    /// `Meta`: `Type` is the scheme (absent means basic), `Format` how the data is written.
    pub meta: Option<Meta<'a>>,
    /// `Data`.
    pub data: Data<'a>,
}

/// A challenge (`Chal`): which credentials the peer wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chal<'a> {
    /// `Meta` with `Type`, `Format` and `NextNonce`.
    pub meta: Meta<'a>,
}

/// The content of a `Data` element. Text, CDATA and opaque bytes are one and the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Data<'a> {
    /// Text or bytes, entities and CDATA resolved, not decoded by `Format`.
    Bytes(Cow<'a, [u8]>),
    /// A device information document, whether nested as elements, text, or binary XML.
    DevInf(Box<DevInf>),
    /// Sync anchors, in the item of a Status.
    Anchor(Anchor<'a>),
    /// Other nested elements, as XML text with their namespaces declared.
    Markup(String),
}

impl Default for Data<'_> {
    fn default() -> Self {
        Data::Bytes(Cow::Borrowed(&[]))
    }
}

impl<'a> Data<'a> {
    /// Data of the given text.
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        match text.into() {
            Cow::Borrowed(text) => Self::Bytes(Cow::Borrowed(text.as_bytes())),
            Cow::Owned(text) => Self::Bytes(Cow::Owned(text.into_bytes())),
        }
    }

    /// The bytes, when the content is text or bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Data::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The content as text, invalid UTF-8 replaced; empty for anything but text or bytes.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes().unwrap_or_default())
    }
}

/// An `Item`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item<'a> {
    /// `Target`.
    pub target: Option<Location<'a>>,
    /// `Source`.
    pub source: Option<Location<'a>>,
    /// `SourceParent`: the folder, in the sender's identifiers (1.2).
    pub source_parent: Option<Text<'a>>,
    /// `TargetParent`: the folder, in the receiver's identifiers (1.2).
    pub target_parent: Option<Text<'a>>,
    /// `Meta`.
    pub meta: Option<Meta<'a>>,
    /// `Data`; present but empty differs from absent.
    pub data: Option<Data<'a>>,
    /// `MoreData`: a chunk of a large object, and not its last (1.1).
    pub more_data: bool,
}

impl Item<'_> {
    /// The target address, or the empty text.
    pub fn target_uri(&self) -> &str {
        self.target.as_ref().map_or("", |location| &location.uri)
    }

    /// The source address, or the empty text.
    pub fn source_uri(&self) -> &str {
        self.source.as_ref().map_or("", |location| &location.uri)
    }
}

/// A command of `SyncBody`, `Sync`, `Atomic` or `Sequence`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `Add`, `Replace`, `Delete`, `Copy`, `Move`.
    Change(Change<'a>),
    /// `Alert`.
    Alert(Alert<'a>),
    /// `Atomic`, `Sequence`.
    Group(Group<'a>),
    /// `Exec`.
    Exec(Exec<'a>),
    /// `Get`, `Put`.
    Access(Access<'a>),
    /// `Map`.
    Map(Map<'a>),
    /// `Results`.
    Results(Results<'a>),
    /// `Search`.
    Search(Search<'a>),
    /// `Status`.
    Status(Status<'a>),
    /// `Sync`.
    Sync(Sync<'a>),
    /// An element in the place of a command that the standard does not know.
    Unknown(Unknown<'a>),
}

impl Command<'_> {
    /// The `CmdID`; empty when the peer left it out.
    pub fn cmd_id(&self) -> &str {
        match self {
            Self::Change(c) => &c.cmd_id,
            Self::Alert(c) => &c.cmd_id,
            Self::Group(c) => &c.cmd_id,
            Self::Exec(c) => &c.cmd_id,
            Self::Access(c) => &c.cmd_id,
            Self::Map(c) => &c.cmd_id,
            Self::Results(c) => &c.cmd_id,
            Self::Search(c) => &c.cmd_id,
            Self::Status(c) => &c.cmd_id,
            Self::Sync(c) => &c.cmd_id,
            Self::Unknown(c) => &c.cmd_id,
        }
    }

    /// `NoResp`: its sender wants no Status for it. A Map has none, and is always answered.
    pub fn no_resp(&self) -> bool {
        match self {
            Self::Change(c) => c.no_resp,
            Self::Alert(c) => c.no_resp,
            Self::Access(c) => c.no_resp,
            Self::Sync(c) => c.no_resp,
            Self::Group(c) => c.no_resp,
            Self::Exec(c) => c.no_resp,
            Self::Search(c) => c.no_resp,
            Self::Map(_) | Self::Results(_) | Self::Status(_) | Self::Unknown(_) => false,
        }
    }

    /// `Cred`: credentials for this command alone. Those of a Status are none of a command.
    pub fn cred(&self) -> Option<&Cred<'_>> {
        match self {
            Self::Change(c) => c.cred.as_ref(),
            Self::Alert(c) => c.cred.as_ref(),
            Self::Access(c) => c.cred.as_ref(),
            Self::Sync(c) => c.cred.as_ref(),
            Self::Exec(c) => c.cred.as_ref(),
            Self::Search(c) => c.cred.as_ref(),
            Self::Map(c) => c.cred.as_ref(),
            Self::Group(_) | Self::Results(_) | Self::Status(_) | Self::Unknown(_) => None,
        }
    }

    /// The element's name, as a Status says it in `Cmd`.
    pub fn name(&self) -> &str {
        match self {
            Self::Change(c) => c.kind.name(),
            Self::Alert(_) => "Alert",
            Self::Group(c) => c.kind.name(),
            Self::Exec(_) => "Exec",
            Self::Access(c) => c.kind.name(),
            Self::Map(_) => "Map",
            Self::Results(_) => "Results",
            Self::Search(_) => "Search",
            Self::Status(_) => "Status",
            Self::Sync(_) => "Sync",
            Self::Unknown(c) => &c.name,
        }
    }
}

/// Which change a [`Change`] command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// `Add`: a new item.
    Add,
    /// `Replace`: new content for an item, or a new item where it is unknown.
    Replace,
    /// `Delete`.
    Delete,
    /// `Copy`: within the recipient, from `Source` to `Target`.
    Copy,
    /// `Move`: another parent (1.2).
    Move,
}

impl ChangeKind {
    /// The element's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Replace => "Replace",
            Self::Delete => "Delete",
            Self::Copy => "Copy",
            Self::Move => "Move",
        }
    }
}

/// `Add`, `Replace`, `Delete`, `Copy` or `Move`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// Which of the five.
    pub kind: ChangeKind,
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `Archive`, in a Delete: keep a copy.
    pub archive: bool,
    /// `SftDel`, in a Delete: free the room, but the item lives on at the other side.
    pub soft_delete: bool,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Meta`, inherited by the items.
    pub meta: Option<Meta<'a>>,
    /// The items, at least one when the peer is sane.
    pub items: Vec<Item<'a>>,
}

impl<'a> Change<'a> {
    /// A command of the given kind with one item.
    pub fn new(kind: ChangeKind, cmd_id: impl Into<Text<'a>>, item: Item<'a>) -> Self {
        Self {
            kind,
            cmd_id: cmd_id.into(),
            no_resp: false,
            archive: false,
            soft_delete: false,
            cred: None,
            meta: None,
            items: vec![item],
        }
    }
}

/// `Alert`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alert<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `Cred`: datastore level credentials.
    pub cred: Option<Cred<'a>>,
    /// `Data`: the alert code, as written.
    pub data: Text<'a>,
    /// `Correlator` (1.2, device management).
    pub correlator: Option<Text<'a>>,
    /// The items.
    pub items: Vec<Item<'a>>,
}

impl Alert<'_> {
    /// The alert code; `None` when the data is no number.
    pub fn code(&self) -> Option<AlertCode> {
        self.data.trim().parse().ok().map(AlertCode)
    }
}

/// Whether a [`Group`] is all or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// `Atomic`: all or nothing.
    Atomic,
    /// `Sequence`: one after the other.
    Sequence,
}

impl GroupKind {
    /// The element's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Atomic => "Atomic",
            Self::Sequence => "Sequence",
        }
    }
}

/// `Atomic` or `Sequence`: commands that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// Which of the two.
    pub kind: GroupKind,
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `Meta`.
    pub meta: Option<Meta<'a>>,
    /// The commands inside, in order.
    pub commands: Vec<Command<'a>>,
}

/// `Exec`: run something at the recipient (device management).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exec<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Meta` (1.1).
    pub meta: Option<Meta<'a>>,
    /// `Correlator` (1.2): names the later alert that reports the outcome.
    pub correlator: Option<Text<'a>>,
    /// The item; one by the model, more are kept.
    pub items: Vec<Item<'a>>,
}

/// Whether an [`Access`] reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// `Get`.
    Get,
    /// `Put`.
    Put,
}

impl AccessKind {
    /// The element's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "Get",
            Self::Put => "Put",
        }
    }
}

/// `Get` or `Put`: an object outside a datastore, in practice the device information.
#[derive(Debug, Clone, PartialEq)]
pub struct Access<'a> {
    /// Which of the two.
    pub kind: AccessKind,
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `Lang`.
    pub lang: Option<Text<'a>>,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Meta`.
    pub meta: Option<Meta<'a>>,
    /// The items.
    pub items: Vec<Item<'a>>,
}

/// `Map`: LUIDs that a client gave to items of the server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `Target`: the server's datastore.
    pub target: Location<'a>,
    /// `Source`: the client's datastore.
    pub source: Location<'a>,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Meta`.
    pub meta: Option<Meta<'a>>,
    /// The pairs.
    pub items: Vec<MapItem<'a>>,
}

/// `MapItem`: one pair of a [`Map`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MapItem<'a> {
    /// `Target`: the GUID, exactly as the server sent it.
    pub guid: Text<'a>,
    /// `Source`: the client's LUID.
    pub luid: Text<'a>,
}

/// `Results`: what a Get or Search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Results<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `MsgRef`; absent means `1`.
    pub msg_ref: Option<Text<'a>>,
    /// `CmdRef`; absent means `1`.
    pub cmd_ref: Option<Text<'a>>,
    /// `Cmd`, which some device management clients add.
    pub cmd: Option<Text<'a>>,
    /// `Meta`.
    pub meta: Option<Meta<'a>>,
    /// `TargetRef`.
    pub target_ref: Option<Text<'a>>,
    /// `SourceRef`.
    pub source_ref: Option<Text<'a>>,
    /// The items.
    pub items: Vec<Item<'a>>,
}

/// `Search`: a query over datastores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Search<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `NoResults`: keep what was found at the recipient.
    pub no_results: bool,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Target`: where results are to be kept.
    pub target: Option<Location<'a>>,
    /// `Source`s: what is searched.
    pub sources: Vec<Location<'a>>,
    /// `Lang`.
    pub lang: Option<Text<'a>>,
    /// `Meta`, whose `Type` is the grammar.
    pub meta: Option<Meta<'a>>,
    /// `Data`: the query.
    pub data: Data<'a>,
}

/// `Status`: the outcome of one command, or of some of its items.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `MsgRef`: the message answered; empty when left out.
    pub msg_ref: Text<'a>,
    /// `CmdRef`: the command answered; `0` is the header.
    pub cmd_ref: Text<'a>,
    /// `Cmd`: the name of the command answered.
    pub cmd: Text<'a>,
    /// `TargetRef`s.
    pub target_refs: Vec<Text<'a>>,
    /// `SourceRef`s.
    pub source_refs: Vec<Text<'a>>,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Chal`.
    pub chal: Option<Chal<'a>>,
    /// `Data`: the status code, as written.
    pub data: Text<'a>,
    /// The `originalerror` attribute that Windows device management puts on `Data`.
    pub original_error: Option<Text<'a>>,
    /// The items.
    pub items: Vec<Item<'a>>,
}

impl Status<'_> {
    /// The status code; `None` when the data is no number.
    pub fn code(&self) -> Option<StatusCode> {
        self.data.trim().parse().ok().map(StatusCode)
    }
}

/// `Sync`: changes of one pair of datastores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sync<'a> {
    /// `CmdID`.
    pub cmd_id: Text<'a>,
    /// `NoResp`.
    pub no_resp: bool,
    /// `Cred`.
    pub cred: Option<Cred<'a>>,
    /// `Target`: the recipient's datastore.
    pub target: Option<Location<'a>>,
    /// `Source`: the sender's datastore.
    pub source: Option<Location<'a>>,
    /// `Meta`: `Mem`, `MaxObjSize`.
    pub meta: Option<Meta<'a>>,
    /// `NumberOfChanges` to come in this package (1.1).
    pub number_of_changes: Option<u64>,
    /// The commands inside, in order.
    pub commands: Vec<Command<'a>>,
}

/// An element in the place of a command that the standard does not know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unknown<'a> {
    /// The element's local name.
    pub name: Text<'a>,
    /// Its `CmdID`, where it has one.
    pub cmd_id: Text<'a>,
}
