//! The server of a run: the real session over the model of the state.

use session::server::{AnswerError, Config, Request, answer};
use session::store::{
    Account, AccountId, ChangeSeq, Content, Datastore, DatastoreId, Device, Guid, Link, LinkId,
    Mapping, Origin, Partial, Pending, PendingRange, StoreError, StoredItem, StoredSession,
    Transaction,
};
use store::Memory;
use syncml::{Document, auth};

pub(crate) const USER: &str = "ann";
pub(crate) const PASSWORD: &str = "secret";

/// A rule of the state or of the device that is broken on purpose, to see the checks find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The server does not know an item's former versions.
    ForgetHistory,
    /// The server takes anchors over as soon as changes begin.
    AnchorsEarly,
    /// The server forgets which LUID belongs to what.
    ForgetMaps,
    /// The server matches no items by content.
    MatchNothing,
    /// The server says that a device has seen everything.
    SeenAll,
    /// The server keeps deletions to itself.
    HideDeletions,
}

pub(crate) struct Server {
    pub(crate) state: Memory,
    pub(crate) account: AccountId,
    pub(crate) config: Config,
    pub(crate) now: i64,
    pub(crate) sabotage: Option<Sabotage>,
}

/// How the server goes down around a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// It does not.
    No,
    /// After the work, before the commit.
    BeforeCommit,
}

impl Server {
    pub(crate) fn new(config: Config, sabotage: Option<Sabotage>) -> Self {
        let mut state = Memory::default();
        let account = state.add_account(USER, &auth::user_digest(USER, PASSWORD), Some(PASSWORD));
        Self {
            state,
            account,
            config,
            now: 1_795_600_000,
            sabotage,
        }
    }

    pub(crate) fn contacts(&self) -> DatastoreId {
        DatastoreId {
            account: self.account,
            number: 1,
        }
    }

    pub(crate) fn contents(&self) -> Vec<String> {
        let items = self.state.items(self.contacts()).into_iter();
        let mut contents: Vec<String> = items
            .map(|item| String::from_utf8_lossy(&item.content).into_owned())
            .collect();
        contents.sort();
        contents
    }

    /// One message as one transaction; nothing when the server goes down or refuses the bytes.
    pub(crate) fn post(
        &mut self,
        body: &[u8],
        token: Option<&str>,
        entropy: [u8; 32],
        crash: Crash,
    ) -> Option<Vec<u8>> {
        let document = Document::new(body, None).ok()?;
        let request = Request {
            document: &document,
            hash: fnv(body),
            token,
            resp_uri_base: Some("http://server/syncml"),
            peer: None,
            now: self.now,
            entropy,
        };
        let mut state = self.state.clone();
        let answered = match self.sabotage {
            None => answer(&mut state, &self.config, &request),
            Some(sabotage) => {
                let mut broken = Broken {
                    state: &mut state,
                    sabotage,
                };
                answer(&mut broken, &self.config, &request)
            }
        };
        match answered {
            Ok(answer) if crash == Crash::No => {
                self.state = state;
                Some(answer.body)
            }
            Ok(_) | Err(AnswerError::Unreadable(_) | AnswerError::Store(_)) => None,
            Err(_) => None,
        }
    }
}

pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A state that breaks one rule.
struct Broken<'m> {
    state: &'m mut Memory,
    sabotage: Sabotage,
}

impl Transaction for Broken<'_> {
    fn begin_atomic(&mut self) -> Result<(), StoreError> {
        self.state.begin_atomic()
    }
    fn undo_atomic(&mut self) -> Result<(), StoreError> {
        self.state.undo_atomic()
    }
    fn end_atomic(&mut self) -> Result<(), StoreError> {
        self.state.end_atomic()
    }
    fn content_slice(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        self.state.content_slice(datastore, guid, offset, length)
    }
    fn move_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        parent: Option<Guid>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.state.move_item(datastore, guid, parent, now)
    }
    fn children(
        &mut self,
        datastore: DatastoreId,
        parent: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        self.state.children(datastore, parent, limit)
    }
    fn partial(&mut self, link: LinkId) -> Result<Option<Partial>, StoreError> {
        self.state.partial(link)
    }
    fn begin_partial(&mut self, link: LinkId, head: &[u8]) -> Result<(), StoreError> {
        self.state.begin_partial(link, head)
    }
    fn append_partial(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        self.state.append_partial(link, bytes)
    }
    fn undo_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.state.undo_partial(link)
    }
    fn partial_content(&mut self, link: LinkId) -> Result<Vec<u8>, StoreError> {
        self.state.partial_content(link)
    }
    fn end_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.state.end_partial(link)
    }
    fn conflict_policy(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        self.state.conflict_policy(link)
    }
    fn account(&mut self, name: &str) -> Result<Option<Account>, StoreError> {
        self.state.account(name)
    }
    fn datastores(&mut self, account: AccountId) -> Result<Vec<Datastore>, StoreError> {
        self.state.datastores(account)
    }
    fn device(&mut self, account: AccountId, uri: &str) -> Result<Option<Device>, StoreError> {
        self.state.device(account, uri)
    }
    fn put_device(&mut self, account: AccountId, device: &Device) -> Result<i64, StoreError> {
        self.state.put_device(account, device)
    }
    fn session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError> {
        self.state.session(token)
    }
    fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.state.find_session(device, session_id, logged_in)
    }
    fn put_session(&mut self, session: &StoredSession) -> Result<(), StoreError> {
        self.state.put_session(session)
    }
    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError> {
        self.state.end_other_sessions(account, device, keep)
    }
    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        self.state.link(link)
    }
    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        let mut state = state.clone();
        if self.sabotage == Sabotage::SeenAll
            || (self.sabotage == Sabotage::AnchorsEarly && state.open.is_some())
        {
            state.seen = self.state.last_change(link.datastore)?;
            state.previous_seen = state.seen;
        }
        self.state.put_link(link, &state)
    }
    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError> {
        self.state.mapping(link, luid)
    }
    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError> {
        self.state.mapping_of(link, guid)
    }
    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        if self.sabotage == Sabotage::ForgetMaps && mapping.guid.0 % 3 == 0 {
            return Ok(());
        }
        self.state.put_mapping(link, mapping)
    }
    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        self.state.remove_mapping(link, guid)
    }
    fn last_change(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        self.state.last_change(datastore)
    }
    fn item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<StoredItem>, StoreError> {
        self.state.item(datastore, guid)
    }
    fn add_item(
        &mut self,
        datastore: DatastoreId,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(Guid, ChangeSeq), StoreError> {
        self.state.add_item(datastore, content, origin, now)
    }
    fn replace_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.state
            .replace_item(datastore, guid, content, origin, now)
    }
    fn delete_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.state.delete_item(datastore, guid, origin, now)
    }
    fn keep_overruled(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.state
            .keep_overruled(datastore, guid, content, origin, now)
    }
    fn candidates(
        &mut self,
        link: LinkId,
        generation: i64,
        fingerprint: &pim::Fingerprint,
        deleted: bool,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        if self.sabotage == Sabotage::MatchNothing {
            return Ok(Vec::new());
        }
        self.state
            .candidates(link, generation, fingerprint, deleted, limit)
    }
    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError> {
        Ok(self.sabotage != Sabotage::ForgetHistory
            && self.state.had_version(datastore, guid, exact)?)
    }
    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError> {
        let mut pending = self.state.pending(link, range)?;
        if self.sabotage == Sabotage::HideDeletions {
            pending.retain(|pending| !pending.item.deleted);
        }
        Ok(pending)
    }
    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError> {
        self.state.count_pending(link, range)
    }
    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        self.state.unmapped(link, generation, limit)
    }
}
