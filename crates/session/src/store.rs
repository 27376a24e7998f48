//! What a server session needs from durable state.
//!
//! The traits stand here, with the side that needs them; engines implement them. Every method
//! works inside one transaction that the caller commits after the answer is complete and before
//! it leaves. A transaction may be run again from its start when an engine asks for a retry, so
//! the session keeps nothing in memory between calls.
//!
//! Every change of a datastore takes the next number of its *change sequence*. What changed for
//! a device is a range read of that sequence; whether both sides changed an item is a comparison
//! of its sequence number with the one the map remembers; nothing scans a datastore.

use pim::Fingerprint;

use crate::guard::Withholding;
use crate::occurrences::Occurrences;

/// Numbers an account; drawn at random when the account is made, so that no counter spans
/// accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// A datastore of an account, numbered within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatastoreId {
    /// The account.
    pub account: AccountId,
    /// The datastore's number within the account.
    pub number: i64,
}

/// A device and a datastore that it syncs with: owner of anchors and map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// The datastore.
    pub datastore: DatastoreId,
    /// The device's number within the account.
    pub device: i64,
}

/// The server's identifier of an item within its datastore. Written in decimal and short,
/// because old devices take four characters only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub i64);

/// A number of a datastore's change sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChangeSeq(pub i64);

/// An account, with what proves its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its name, as devices give it.
    pub name: String,
    /// Base64 of MD5(`name:password`): enough for basic and for digests from 1.1 on.
    pub digest: String,
    /// The password itself, where it is kept: SyncML 1.0 digests cannot be checked without.
    pub password: Option<String>,
}

/// What kind of items a datastore holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatastoreKind {
    /// vCards.
    Contacts,
    /// Events.
    Calendar,
    /// To-dos.
    Tasks,
    /// Notes.
    Notes,
    /// Messages, in folders.
    Mail,
    /// Files of any kind, in folders.
    Files,
}

impl DatastoreKind {
    /// All kinds, in the order in which accounts get them.
    pub const ALL: [Self; 6] = [
        Self::Contacts,
        Self::Calendar,
        Self::Tasks,
        Self::Notes,
        Self::Mail,
        Self::Files,
    ];

    /// The name of the datastore that an account has for this kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Calendar => "calendar",
            Self::Tasks => "tasks",
            Self::Notes => "notes",
            Self::Mail => "mail",
            Self::Files => "files",
        }
    }

    /// Whether its items are in folders (DS Protocol 1.2, hierarchical sync).
    pub const fn is_hierarchical(self) -> bool {
        matches!(self, Self::Mail | Self::Files)
    }

    /// The kind of the given name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether an item belongs here, by its content first and its media type where that tells
    /// nothing. Events and to-dos may share a datastore, as they do on many devices.
    pub fn takes(self, media_type: &str, content: &[u8]) -> bool {
        use pim::Kind;
        use pim::media::{kind_of, kind_of_media_type, same_media};
        // of what is structured the structure has to show; SIF is XML and tells by its type alone
        let by_type = kind_of_media_type(media_type);
        let is_sif = media_type.to_ascii_lowercase().contains("x-s4j-sif");
        let kind = kind_of(if is_sif { media_type } else { "" }, content);
        match self {
            Self::Contacts => kind == Kind::Contact,
            Self::Calendar | Self::Tasks => {
                matches!(kind, Kind::Event | Kind::Task | Kind::Journal)
            }
            Self::Notes => match kind {
                Kind::Note | Kind::Journal => true,
                // some devices give notes no type, or one of their own
                Kind::Other => {
                    matches!(by_type, Kind::Note | Kind::Other)
                        && std::str::from_utf8(content).is_ok()
                }
                _ => false,
            },
            Self::Mail => {
                // devices write the objects' names in several ways
                let objects = ["omads-email", "omads-folder", "x-vmsg", "x-vmessage"];
                let name = media_type.to_ascii_lowercase();
                let is_object = objects.iter().any(|object| name.contains(object));
                let mut types = self.content_types().iter();
                is_object || types.any(|(known, _)| same_media(known, media_type))
            }
            Self::Files => true,
        }
    }

    /// Media types and versions that the datastore takes and gives, too, for those that name them: older
    /// peers have never heard of them, or have another datastore for what comes under them.
    pub const fn named_content_types(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Contacts => &[("text/vcard", "4.0")],
            // VJOURNAL
            Self::Notes => &[("text/calendar", "2.0")],
            _ => &[],
        }
    }

    /// The media types and versions that the datastore takes and gives, preferred one first.
    pub const fn content_types(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Contacts => &[("text/vcard", "3.0"), ("text/x-vcard", "2.1")],
            Self::Calendar | Self::Tasks => {
                &[("text/calendar", "2.0"), ("text/x-vcalendar", "1.0")]
            }
            Self::Notes => &[("text/plain", "1.0"), ("text/x-vnote", "1.1")],
            Self::Mail => &[
                ("application/vnd.omads-email+xml", "1.2"),
                ("application/vnd.omads-folder+xml", "1.2"),
                ("message/rfc822", "1.0"),
                ("text/x-vmsg", "1.1"),
            ],
            Self::Files => &[
                ("application/vnd.omads-file+xml", "1.2"),
                ("application/vnd.omads-folder+xml", "1.2"),
                ("application/octet-stream", "1.0"),
            ],
        }
    }
}

/// A datastore of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datastore {
    /// Its number.
    pub id: DatastoreId,
    /// Its name, which is its address.
    pub name: String,
    /// What it holds.
    pub kind: DatastoreKind,
}

/// What a device may do with a datastore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permission {
    /// Take its items and change them.
    #[default]
    ReadWrite,
    /// Take its items; changes are refused.
    ReadOnly,
    /// Nothing.
    Refused,
}

impl Permission {
    /// The short name that people and databases use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "rw",
            Self::ReadOnly => "ro",
            Self::Refused => "none",
        }
    }

    /// The permission of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::ReadWrite, Self::ReadOnly, Self::Refused];
        all.into_iter().find(|permission| permission.name() == name)
    }
}

/// A device of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// Its number within the account.
    pub number: i64,
    /// The address it gives in `Source`.
    pub uri: String,
    /// Its device information as an XML document; `None` until it sent one.
    pub devinf: Option<Vec<u8>>,
    /// The nonce that the device was given for its next digest.
    pub nonce: Vec<u8>,
    /// Seconds since 1970 at which it was last heard.
    pub last_seen: i64,
}

/// State of a [`LinkId`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The client's `Next` of the last completed session.
    pub client_anchor: String,
    /// The client's `Next` of the completed session before, valid until the client shows that it
    /// knows of the last one: the answer that ended it may have been lost.
    pub previous_client_anchor: String,
    /// The server's `Next` of the last completed session.
    pub server_anchor: String,
    /// The server's `Next` of the completed session before.
    pub previous_server_anchor: String,
    /// The change sequence up to which the device has seen everything.
    pub seen: ChangeSeq,
    /// `seen` as of `previous_client_anchor`.
    pub previous_seen: ChangeSeq,
    /// The last change that the server has ever sent or tried to send: an item that is older and
    /// that the device holds is held as it is now.
    pub sent_until: ChangeSeq,
    /// Number of the map that holds; a slow sync or refresh begins the next.
    pub generation: i64,
    /// The client's name for its datastore.
    pub client_uri: String,
    /// Seconds since 1970 at which the last session completed.
    pub last_sync: i64,
    /// The session that has begun and not completed; `None` after one that did.
    pub open: Option<OpenSession>,
    /// The filter of the last session, in the session's own form; empty for none.
    pub filter: String,
    /// How the device was shown its items in the last session, in the session's own form; empty
    /// for items as they are.
    pub view: String,
    /// What of the device waits: items for their folders to come, and folders for being empty. In the
    /// session's own form; empty for nothing.
    pub orphans: String,
}

/// A session between its first changes and its end: what a resume (alert 225) goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenSession {
    /// The alert code of its type, 200 to 205.
    pub alert: u16,
    /// The client's `Last` that it began with.
    pub client_last: String,
    /// The last change that it sends; zero until the server's changes begin.
    pub until: ChangeSeq,
    /// The large object that is being sent to the device.
    pub sending: Option<Sending>,
}

/// How far the sending of a large object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// The item.
    pub guid: Guid,
    /// Its last change when the sending began: another one makes what was sent worthless.
    pub seq: ChangeSeq,
    /// Bytes of its content that the device has confirmed.
    pub confirmed: u64,
}

/// A large object of which not all has come yet (DS Protocol, large object handling).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// What is known of it, in the session's own form.
    pub head: Vec<u8>,
    /// Bytes that have come.
    pub received: u64,
    /// The bytes that came last.
    pub last_chunk: Vec<u8>,
}

/// A pair of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The device's identifier.
    pub luid: String,
    /// The server's identifier.
    pub guid: Guid,
    /// The sequence number of the content that the device holds.
    pub revision: ChangeSeq,
    /// The generation the pair belongs to.
    pub generation: i64,
    /// The form in which the device holds the content is not known, so that it is sent again.
    pub stale: bool,
}

/// An item as it is held, a deleted one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// Its identifier.
    pub guid: Guid,
    /// Sequence number of its last change.
    pub seq: ChangeSeq,
    /// A tombstone: the content is the last one before the deletion.
    pub deleted: bool,
    /// The media type as its sender spelled it.
    pub media_type: String,
    /// The exact bytes.
    pub content: Vec<u8>,
    /// Identity of the content.
    pub exact: u64,
    /// The folder that the item is in; `None` at the root.
    pub parent: Option<Guid>,
    /// Sequence number of the last change of the content; a move alone leaves it.
    pub content_seq: ChangeSeq,
    /// Seconds since 1970 of the last change.
    pub modified: i64,
}

/// Why a change was made, for the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A session of a device.
    Session(&'a str),
    /// A person or an import on the server.
    Local,
}

/// New content for an item.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The media type as its sender spelled it.
    pub media_type: &'a str,
    /// The exact bytes.
    pub bytes: &'a [u8],
    /// Identity of the bytes.
    pub fingerprint: Fingerprint,
}

/// When an item takes place at most, for an index: both instants in seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Not before this one.
    pub first: i64,
    /// Not after this one.
    pub last: i64,
}

/// Further away than any time that can be written.
const FAR: i64 = 1 << 62;

impl Times {
    /// Of what is at no time that is known, or at any.
    pub const UNKNOWN: Self = Self {
        first: -FAR,
        last: FAR,
    };

    /// Of an item ([`pim::reach`]).
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        pim::reach(media_type, content).map_or(Self::UNKNOWN, |reach| Self {
            first: reach.first.max(-FAR),
            last: reach.last.map_or(FAR, |last| last.min(FAR)),
        })
    }
}

/// Items of which times are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Those whose last time is this one or later.
    pub since: i64,
    /// Those whose first time is this one or earlier.
    pub until: i64,
}

impl Period {
    /// Of any times.
    pub const ANY: Self = Self {
        since: i64::MIN,
        until: i64::MAX,
    };

    /// Whether an item of these times is wanted.
    pub const fn has(self, times: Times) -> bool {
        times.first <= self.until && times.last >= self.since
    }
}

impl<'a> Content<'a> {
    /// When it takes place.
    pub fn times(&self) -> Times {
        Times::of(self.media_type, self.bytes)
    }

    /// Content with its identity, which is computed.
    pub fn new(media_type: &'a str, bytes: &'a [u8]) -> Self {
        Self {
            media_type,
            bytes,
            fingerprint: pim::fingerprint(media_type, bytes),
        }
    }
}

/// An item that a device does not hold as the server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The item; without its content where that is larger than [`PendingRange::inline`].
    pub item: StoredItem,
    /// Bytes of its content.
    pub size: u64,
    /// The device's pair, when it holds some version.
    pub mapping: Option<Mapping>,
}

/// Which items [`Transaction::pending`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingRange {
    /// After this number.
    pub after: ChangeSeq,
    /// Up to and with this number.
    pub until: ChangeSeq,
    /// The map's generation.
    pub generation: i64,
    /// At most this many.
    pub limit: usize,
    /// Contents of more bytes are not read.
    pub inline: usize,
    /// Items that the device holds as they are come too.
    pub with_held: bool,
    /// Of the items that the device does not hold, only those of these times.
    pub period: Period,
    /// Occurrences of series come too ([`Occurrences`]). Without them, one that the device holds comes
    /// as if it were deleted, and others not at all.
    pub with_occurrences: bool,
}

/// Among which items [`Transaction::candidates`] are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Among {
    /// Tombstones in place of live items.
    pub deleted: bool,
    /// Occurrences of series, too ([`Occurrences`]).
    pub occurrences: bool,
}

/// How many sessions go on at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Those of all accounts.
    pub all: u64,
    /// Those of the account that was asked about.
    pub of_account: u64,
}

/// A server session between two messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// The unguessable name that `RespURI` carries.
    pub token: String,
    /// The account, once known.
    pub account: Option<AccountId>,
    /// The device's address.
    pub device: String,
    /// The client's `SessionID`.
    pub session_id: String,
    /// The protocol state, in the session's own form.
    pub state: Vec<u8>,
    /// `MsgID` of the last message answered.
    pub last_msg_id: String,
    /// Hash of the last message answered.
    pub last_request: u64,
    /// The last answer, sent again when the message comes again.
    pub last_answer: Vec<u8>,
    /// Seconds since 1970 of the last message.
    pub updated: i64,
}

/// What went wrong in the state, in words that decide what the peer is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The transaction has to be run again from its start.
    #[error("the transaction conflicts with another one and has to be repeated")]
    Retry,
    /// The state cannot be reached or written now.
    #[error("the state is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Others have held for too long what this needs of the state.
    #[error("the state is busy: {0}")]
    Busy(String),
    /// The state holds what it should not.
    #[error("the state is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
}

/// The state as one message sees it.
pub trait Transaction: Withholding + Occurrences {
    /// Remembers the state as it is now, for [`Transaction::undo_atomic`]. One at a time.
    fn begin_atomic(&mut self) -> Result<(), StoreError>;
    /// Undoes all since [`Transaction::begin_atomic`].
    fn undo_atomic(&mut self) -> Result<(), StoreError>;
    /// Keeps all since [`Transaction::begin_atomic`].
    fn end_atomic(&mut self) -> Result<(), StoreError>;

    /// The account of that name.
    fn account(&mut self, name: &str) -> Result<Option<Account>, StoreError>;
    /// The account's datastores, in order of number.
    fn datastores(&mut self, account: AccountId) -> Result<Vec<Datastore>, StoreError>;

    /// What the device of that address may do with a datastore: what was said for it, else for
    /// all devices, else everything.
    fn permission(
        &mut self,
        datastore: DatastoreId,
        device: &str,
    ) -> Result<Permission, StoreError>;

    /// The account's device of that address.
    fn device(&mut self, account: AccountId, uri: &str) -> Result<Option<Device>, StoreError>;
    /// Writes a device; one with number 0 is new and gets the next number, which is returned.
    fn put_device(&mut self, account: AccountId, device: &Device) -> Result<i64, StoreError>;

    /// The session of that token.
    fn session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError>;
    /// The newest session of a device and `SessionID`, for peers that drop the token; with
    /// `logged_in` the newest that somebody has logged in to.
    fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError>;
    /// Writes a session.
    fn put_session(&mut self, session: &StoredSession) -> Result<(), StoreError>;
    /// How many sessions that somebody has logged in to have had a message at or after `since`
    /// (seconds since 1970), those of an account's device not counted; at most `limit` are looked
    /// at.
    fn count_sessions(
        &mut self,
        since: i64,
        account: AccountId,
        device: &str,
        limit: u64,
    ) -> Result<SessionCounts, StoreError>;
    /// Forgets the sessions of an account's device, and those of that address that nobody has
    /// logged in to, but the one named.
    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError>;

    /// The link, if device and datastore have met.
    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError>;
    /// Writes a link.
    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError>;

    /// The pair of a LUID, of any generation.
    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError>;
    /// The pair of a GUID, of any generation.
    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError>;
    /// Writes a pair, in place of every pair that has its LUID or its GUID. A text that was kept
    /// with such a pair ([`Transaction::keep_device_text`]) is forgotten.
    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError>;
    /// Forgets the pair of a GUID.
    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError>;
    /// Makes pairs [`Mapping::stale`], and forgets the texts that are kept with them: those of items with
    /// contents of so many bytes or more, and those of former versions, whatever the size.
    fn forget_forms(&mut self, link: LinkId, bytes: u64) -> Result<(), StoreError>;
    /// The exact text that the device holds of an item, where it is another one than the server
    /// would write for it.
    fn device_text(&mut self, link: LinkId, guid: Guid) -> Result<Option<Vec<u8>>, StoreError>;
    /// Keeps such a text with the pair of the GUID, until the pair is written again.
    fn keep_device_text(&mut self, link: LinkId, guid: Guid, text: &[u8])
    -> Result<(), StoreError>;

    /// The last number of the datastore's change sequence.
    fn last_change(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError>;
    /// An item, or its tombstone.
    fn item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<StoredItem>, StoreError>;
    /// Some of an item's content: from `offset` on, at most `length` bytes, fewer at its end.
    fn content_slice(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError>;
    /// What an item's content was when the change sequence was at `at`; `None` when the item is
    /// newer, or that version is not kept any more.
    fn content_at(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        at: ChangeSeq,
    ) -> Result<Option<Vec<u8>>, StoreError>;
    /// Keeps the form in which a large object goes to the device, in place of any that is kept.
    fn keep_rendering(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError>;
    /// Some of that form: from `offset` on, at most `length` bytes, fewer at its end.
    fn rendering_slice(
        &mut self,
        link: LinkId,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError>;
    /// Drops that form.
    fn end_rendering(&mut self, link: LinkId) -> Result<(), StoreError>;
    /// Moves an item to another folder, or to the root. The content stays as it is.
    fn move_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        parent: Option<Guid>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError>;
    /// The live items of a folder, by GUID; at most `limit`.
    fn children(
        &mut self,
        datastore: DatastoreId,
        parent: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError>;
    /// Adds an item, at the root.
    fn add_item(
        &mut self,
        datastore: DatastoreId,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(Guid, ChangeSeq), StoreError>;
    /// Gives an item new content (a tombstone comes alive); the old one goes to the history.
    fn replace_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError>;
    /// Makes an item a tombstone; its content stays restorable.
    fn delete_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError>;
    /// Keeps a version that a conflict overruled, beside the item's history.
    fn keep_overruled(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError>;
    /// Items that may be the same record as `fingerprint` and that the device does not hold in this
    /// generation: those of equal content, or where there are none those of equal key or
    /// identifier; oldest first, at most `limit`.
    fn candidates(
        &mut self,
        link: LinkId,
        generation: i64,
        fingerprint: &Fingerprint,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError>;
    /// Items of which the device may have the beginning of the name ([`Fingerprint::short`]), and that it does not hold in this generation; oldest first, at
    /// most `limit`.
    fn candidates_by_beginning(
        &mut self,
        link: LinkId,
        generation: i64,
        short: u64,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError>;
    /// Whether an item had this content before its present one ([`Fingerprint::exact`]).
    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError>;
    /// Items of a range of the change sequence that the device does not hold as the server does,
    /// in order of sequence: live ones without a pair of the generation, with an older
    /// revision or a stale pair, and tombstones with a pair of the generation. [`PendingRange::with_held`] adds
    /// the live ones that the device holds as they are. What [`PendingRange::period`] leaves out is not read.
    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError>;
    /// How many items [`Transaction::pending`] has in the range.
    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError>;
    /// How many live items the device holds, and how many bytes their contents have.
    fn held(&mut self, link: LinkId, generation: i64) -> Result<(u64, u64), StoreError>;
    /// The large object of which some has come from the device.
    fn partial(&mut self, link: LinkId) -> Result<Option<Partial>, StoreError>;
    /// A large object begins to come; whatever had come of another one is dropped.
    fn begin_partial(&mut self, link: LinkId, head: &[u8]) -> Result<(), StoreError>;
    /// Keeps the next bytes of the large object.
    fn append_partial(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError>;
    /// Takes the bytes that came last off again.
    fn undo_partial(&mut self, link: LinkId) -> Result<(), StoreError>;
    /// All that has come of the large object.
    fn partial_content(&mut self, link: LinkId) -> Result<Vec<u8>, StoreError>;
    /// Drops what has come of the large object.
    fn end_partial(&mut self, link: LinkId) -> Result<(), StoreError>;
    /// The name of the conflict policy that the owner has set for the device and datastore, or for
    /// the datastore, or for the device, or for all; the closest one.
    fn conflict_policy(&mut self, link: LinkId) -> Result<Option<String>, StoreError>;
    /// Live items without a pair of the generation: those that a refresh from the client removes. An
    /// occurrence of a series is none of them.
    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_messages_are_mail_and_no_contacts() {
        let message = b"BEGIN:VMSG\r\nVERSION:1.1\r\nBEGIN:VCARD\r\nTEL:1\r\nEND:VCARD\r\n\
            BEGIN:VENV\r\nBEGIN:VBODY\r\nHi\r\nEND:VBODY\r\nEND:VENV\r\nEND:VMSG\r\n";
        for media_type in ["text/x-vmsg", "text/x-vMessage"] {
            assert!(
                DatastoreKind::Mail.takes(media_type, message),
                "{media_type}"
            );
            assert!(!DatastoreKind::Contacts.takes(media_type, message));
        }
    }

    #[test]
    fn a_message_is_mail_by_any_of_its_types() {
        let message = b"Subject: Hi\r\n\r\nHi\r\n";
        for media_type in [
            "message/rfc822",
            "Text/Message; charset=utf-8",
            "message/x-rfc822",
            "application/x-vmsg",
            "application/vnd.omads-email+xml",
            "application/vnd.OMADS-Folder+xml",
        ] {
            assert!(
                DatastoreKind::Mail.takes(media_type, message),
                "{media_type}"
            );
        }
        for media_type in ["text/plain", "message/partial", ""] {
            assert!(
                !DatastoreKind::Mail.takes(media_type, message),
                "{media_type}"
            );
        }
    }
}
