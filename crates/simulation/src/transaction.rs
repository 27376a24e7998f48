//! The server's state as one message sees it: it may fail at any write, and break a rule.

mod occurrences;
mod withholding;

use session::server::ConflictPolicy;
use session::store::{
    Account, AccountId, Among, ChangeSeq, Content, Datastore, DatastoreId, Device, Guid, Link,
    LinkId, Mapping, Origin, Partial, Pending, PendingRange, Permission, SessionCounts, StoreError,
    StoredItem, StoredSession, Transaction,
};
use store::Memory;

use crate::sabotage::Sabotage;

/// A transaction over the model of the state.
pub(crate) struct Watched<'m> {
    pub(crate) state: &'m mut Memory,
    pub(crate) sabotage: Option<Sabotage>,
    /// Writes until the server goes down.
    pub(crate) writes_left: Option<u32>,
}

impl Watched<'_> {
    fn breaks(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// Counts a write; an error when the server goes down at it.
    fn write(&mut self) -> Result<(), StoreError> {
        match &mut self.writes_left {
            Some(0) => Err(StoreError::Unavailable("the server went down".into())),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The owner of a map.
    fn map_of(&self, link: LinkId) -> LinkId {
        LinkId {
            device: if self.breaks(Sabotage::ShareMaps) {
                1
            } else {
                link.device
            },
            ..link
        }
    }
}

impl Transaction for Watched<'_> {
    fn forget_forms(&mut self, link: LinkId, bytes: u64) -> Result<(), StoreError> {
        self.write()?;
        let link = self.map_of(link);
        self.state.forget_forms(link, bytes)
    }

    fn device_text(&mut self, link: LinkId, guid: Guid) -> Result<Option<Vec<u8>>, StoreError> {
        let link = self.map_of(link);
        self.state.device_text(link, guid)
    }

    fn keep_device_text(
        &mut self,
        link: LinkId,
        guid: Guid,
        text: &[u8],
    ) -> Result<(), StoreError> {
        self.write()?;
        let link = self.map_of(link);
        self.state.keep_device_text(link, guid, text)
    }

    fn content_at(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        at: ChangeSeq,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.state.content_at(datastore, guid, at)
    }

    fn keep_rendering(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        self.write()?;
        self.state.keep_rendering(link, bytes)
    }

    fn rendering_slice(
        &mut self,
        link: LinkId,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        self.state.rendering_slice(link, offset, length)
    }

    fn end_rendering(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.write()?;
        self.state.end_rendering(link)
    }

    fn held(&mut self, link: LinkId, generation: i64) -> Result<(u64, u64), StoreError> {
        self.state.held(link, generation)
    }

    fn permission(
        &mut self,
        datastore: DatastoreId,
        device: &str,
    ) -> Result<Permission, StoreError> {
        self.state.permission(datastore, device)
    }

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
        self.write()?;
        let parent = parent.filter(|_| !self.breaks(Sabotage::ForgetParent));
        self.state.move_item(datastore, guid, parent, now)
    }

    fn children(
        &mut self,
        datastore: DatastoreId,
        parent: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        if self.breaks(Sabotage::IgnoreChildren) {
            return Ok(Vec::new());
        }
        self.state.children(datastore, parent, limit)
    }

    fn partial(&mut self, link: LinkId) -> Result<Option<Partial>, StoreError> {
        self.state.partial(link)
    }

    fn begin_partial(&mut self, link: LinkId, head: &[u8]) -> Result<(), StoreError> {
        self.write()?;
        self.state.begin_partial(link, head)
    }

    fn append_partial(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        self.write()?;
        if self.breaks(Sabotage::LoseChunk) && bytes.len().is_multiple_of(3) {
            return self.state.append_partial(link, b"");
        }
        self.state.append_partial(link, bytes)
    }

    fn undo_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.write()?;
        self.state.undo_partial(link)
    }

    fn partial_content(&mut self, link: LinkId) -> Result<Vec<u8>, StoreError> {
        let mut content = self.state.partial_content(link)?;
        if self.breaks(Sabotage::MixChunks) {
            let half = content.len() / 2;
            content.rotate_left(half);
        }
        Ok(content)
    }

    fn end_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.write()?;
        self.state.end_partial(link)
    }

    fn conflict_policy(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        let always = match self.sabotage {
            Some(Sabotage::ServerAlwaysWins) => ConflictPolicy::ServerWins,
            Some(Sabotage::AlwaysTwo) => ConflictPolicy::Duplicate,
            _ => return self.state.conflict_policy(link),
        };
        Ok(Some(always.name().to_owned()))
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
        self.write()?;
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
        self.write()?;
        if self.breaks(Sabotage::ForgetAnswer) {
            let mut session = session.clone();
            session.last_answer.clear();
            return self.state.put_session(&session);
        }
        self.state.put_session(session)
    }

    fn count_sessions(
        &mut self,
        since: i64,
        account: AccountId,
        device: &str,
        limit: u64,
    ) -> Result<SessionCounts, StoreError> {
        self.state.count_sessions(since, account, device, limit)
    }

    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError> {
        self.write()?;
        self.state.end_other_sessions(account, device, keep)
    }

    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        self.state.link(link)
    }

    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        self.write()?;
        let mut state = state.clone();
        if self.breaks(Sabotage::SeenAll)
            || (self.breaks(Sabotage::AnchorsEarly) && state.open.is_some())
        {
            state.seen = self.state.last_change(link.datastore)?;
            state.previous_seen = state.seen;
        }
        if self.breaks(Sabotage::ForgetFilter)
            && let Some(before) = self.state.link(link)?
        {
            // as if the selection had never changed
            state.filter = before.filter;
        }
        if self.breaks(Sabotage::KeepGeneration)
            && let Some(before) = self.state.link(link)?
            && state.open.is_some()
        {
            state.client_anchor = before.client_anchor;
            state.generation = before.generation;
        }
        self.state.put_link(link, &state)
    }

    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError> {
        self.state.mapping(self.map_of(link), luid)
    }

    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError> {
        self.state.mapping_of(self.map_of(link), guid)
    }

    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        self.write()?;
        if self.breaks(Sabotage::ForgetMaps) && mapping.guid.0 % 3 == 0 {
            return Ok(());
        }
        let mut mapping = mapping.clone();
        if self.breaks(Sabotage::TrustRevisions) {
            mapping.revision = self.state.last_change(link.datastore)?;
        }
        self.state.put_mapping(self.map_of(link), &mapping)
    }

    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        self.write()?;
        if self.breaks(Sabotage::KeepPairs) {
            return Ok(());
        }
        if self.breaks(Sabotage::DeleteFiltered)
            && let Some(item) = self.state.item(link.datastore, guid)?
            && !item.deleted
        {
            let origin = Origin::Session("sabotage");
            self.state
                .delete_item(link.datastore, guid, origin, item.modified)?;
        }
        self.state.remove_mapping(self.map_of(link), guid)
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
        self.write()?;
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
        self.write()?;
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
        self.write()?;
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
        self.write()?;
        if self.breaks(Sabotage::LoseOverruled) {
            return Ok(());
        }
        self.state
            .keep_overruled(datastore, guid, content, origin, now)
    }

    fn candidates(
        &mut self,
        link: LinkId,
        generation: i64,
        fingerprint: &pim::Fingerprint,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        if self.breaks(Sabotage::MatchNothing)
            || (among.deleted && self.breaks(Sabotage::ForgetTombstones))
        {
            return Ok(Vec::new());
        }
        self.state
            .candidates(self.map_of(link), generation, fingerprint, among, limit)
    }

    fn candidates_by_beginning(
        &mut self,
        link: LinkId,
        generation: i64,
        short: u64,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        if self.breaks(Sabotage::MatchNothing)
            || (among.deleted && self.breaks(Sabotage::ForgetTombstones))
        {
            return Ok(Vec::new());
        }
        self.state
            .candidates_by_beginning(self.map_of(link), generation, short, among, limit)
    }

    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError> {
        Ok(!self.breaks(Sabotage::ForgetHistory)
            && self.state.had_version(datastore, guid, exact)?)
    }

    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError> {
        let mut pending = self.state.pending(self.map_of(link), range)?;
        if self.breaks(Sabotage::HideDeletions) {
            pending.retain(|pending| !pending.item.deleted);
        }
        if self.breaks(Sabotage::HideItems) {
            pending.retain(|pending| pending.item.guid.0 % 7 != 0);
        }
        Ok(pending)
    }

    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError> {
        self.state.count_pending(self.map_of(link), range)
    }

    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        if self.breaks(Sabotage::RefreshRemovesNothing) {
            return Ok(Vec::new());
        }
        let generation = match self.sabotage {
            // no pair belongs to it
            Some(Sabotage::RefreshRemovesAll) => -1,
            _ => generation,
        };
        self.state.unmapped(self.map_of(link), generation, limit)
    }
}
