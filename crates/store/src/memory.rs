//! The model of a store, in memory: plain maps, no indexes, nothing durable.

mod occurrences;
mod withholding;

use std::collections::BTreeMap;

use session::guard::Withheld;
use session::store::{
    Account, AccountId, Among, ChangeSeq, Content, Datastore, DatastoreId, DatastoreKind, Device,
    Guid, Link, LinkId, Mapping, Origin, Partial, Pending, PendingRange, Permission, SessionCounts,
    StoreError, StoredItem, StoredSession, Times, Transaction,
};

/// A store in memory. It is its own transaction: clone it to be able to roll back.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    accounts: BTreeMap<String, Account>,
    devices: BTreeMap<(AccountId, String), Device>,
    permissions: BTreeMap<(DatastoreId, String), Permission>,
    sessions: BTreeMap<String, StoredSession>,
    links: BTreeMap<LinkId, Link>,
    mappings: BTreeMap<LinkId, Vec<Mapping>>,
    items: BTreeMap<DatastoreId, BTreeMap<Guid, Held>>,
    history: Vec<Former>,
    /// The head and the chunks of each large object that is coming.
    partials: BTreeMap<LinkId, (Vec<u8>, Vec<Vec<u8>>)>,
    /// What devices hold in a form of their own.
    device_texts: BTreeMap<(LinkId, Guid), Vec<u8>>,
    renderings: BTreeMap<LinkId, Vec<u8>>,
    policies: BTreeMap<(DatastoreId, i64), String>,
    withheld: BTreeMap<(LinkId, Guid), Withheld>,
    /// Changes up to which occurrences have followed their series.
    followed: BTreeMap<DatastoreId, ChangeSeq>,
    /// The session that changes are made by.
    session: Option<String>,
    /// Items that were read to be sent.
    looked_at: Reads,
    /// The state before an Atomic.
    saved: Option<Box<Self>>,
}

/// A count of reads, which are no part of the state.
#[derive(Clone, Copy, Default)]
struct Reads(usize);

impl std::fmt::Debug for Reads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("_")
    }
}

#[derive(Debug, Clone)]
struct Former {
    datastore: DatastoreId,
    guid: Guid,
    media_type: String,
    content: Vec<u8>,
    exact: u64,
    /// Sequence number of this content; zero where it never was the item's.
    content_seq: ChangeSeq,
    /// Who sends it again changes nothing.
    counts: bool,
    /// It was replaced or deleted, and that stands.
    was_present: bool,
    /// The item was a tombstone.
    was_deleted: bool,
    /// The session that has replaced or deleted it.
    session: Option<String>,
}

#[derive(Debug, Clone)]
struct Held {
    item: StoredItem,
    key: Option<u64>,
    uid: Option<u64>,
    short: Option<u64>,
    times: Times,
    /// The session that has added it.
    added_by: Option<String>,
    /// The series of which it is an occurrence, and its key there.
    occurrence: Option<(Guid, String)>,
}

impl Memory {
    /// Makes an account with its datastores. `digest` is that of
    /// [`Account::digest`](session::store::Account).
    pub fn add_account(&mut self, name: &str, digest: &str, password: Option<&str>) -> AccountId {
        let id = AccountId(i64::try_from(self.accounts.len()).unwrap_or(i64::MAX) + 1);
        let account = Account {
            id,
            name: name.to_owned(),
            digest: digest.to_owned(),
            password: password.map(str::to_owned),
        };
        self.accounts.insert(name.to_owned(), account);
        id
    }

    /// Says what a device, or with `None` every device without a rule of its own, may do with a
    /// datastore.
    pub fn set_permission(
        &mut self,
        datastore: DatastoreId,
        device: Option<&str>,
        permission: Permission,
    ) {
        let device = device.unwrap_or_default().to_owned();
        self.permissions.insert((datastore, device), permission);
    }

    /// The live items of a datastore, in order of GUID.
    pub fn items(&self, datastore: DatastoreId) -> Vec<StoredItem> {
        let items = self
            .items
            .get(&datastore)
            .into_iter()
            .flat_map(BTreeMap::values);
        items
            .filter(|held| held.occurrence.is_none())
            .map(|held| &held.item)
            .filter(|item| !item.deleted)
            .cloned()
            .collect()
    }

    /// Sets the conflict policy of a datastore (number 0: all) and a device (0: all).
    pub fn set_policy(&mut self, datastore: DatastoreId, device: i64, policy: &str) {
        self.policies.insert((datastore, device), policy.to_owned());
    }

    /// Contents that were replaced, deleted or overruled, oldest first.
    pub fn history(&self, datastore: DatastoreId, guid: Guid) -> Vec<Vec<u8>> {
        let of = |former: &&Former| former.datastore == datastore && former.guid == guid;
        self.history
            .iter()
            .filter(of)
            .map(|former| former.content.clone())
            .collect()
    }

    /// How many items were read to be sent, in all transactions.
    pub fn looked_at(&self) -> usize {
        self.looked_at.0
    }

    fn next_seq(&self, datastore: DatastoreId) -> ChangeSeq {
        let items = self
            .items
            .get(&datastore)
            .into_iter()
            .flat_map(BTreeMap::values);
        ChangeSeq(items.map(|held| held.item.seq.0).max().unwrap_or(0) + 1)
    }

    fn put(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        now: i64,
    ) -> ChangeSeq {
        let seq = self.next_seq(datastore);
        let known = self
            .items
            .get(&datastore)
            .and_then(|items| items.get(&guid));
        let parent = known.and_then(|held| held.item.parent);
        let added_by = known.and_then(|held| held.added_by.clone());
        let occurrence = known.and_then(|held| held.occurrence.clone());
        let held = Held {
            item: StoredItem {
                guid,
                seq,
                deleted: false,
                media_type: content.media_type.to_owned(),
                content: content.bytes.to_vec(),
                exact: content.fingerprint.exact,
                parent,
                content_seq: seq,
                modified: now,
            },
            key: content.fingerprint.key,
            uid: content.fingerprint.uid,
            short: content.fingerprint.short,
            times: content.times(),
            added_by,
            occurrence,
        };
        self.items.entry(datastore).or_default().insert(guid, held);
        seq
    }

    fn keep(&mut self, datastore: DatastoreId, guid: Guid, origin: Origin<'_>) {
        let session = self.session_of(origin);
        if let Some(held) = self
            .items
            .get(&datastore)
            .and_then(|items| items.get(&guid))
        {
            let session = session.filter(|_| held.occurrence.is_none());
            self.history.push(Former {
                datastore,
                guid,
                media_type: held.item.media_type.clone(),
                content: held.item.content.clone(),
                exact: held.item.exact,
                content_seq: held.item.content_seq,
                counts: true,
                was_present: true,
                was_deleted: held.item.deleted,
                session,
            });
        }
    }

    fn pair(&self, link: LinkId, guid: Guid, generation: i64) -> Option<&Mapping> {
        let mut mappings = self.mappings.get(&link).into_iter().flatten();
        mappings.find(|mapping| mapping.guid == guid && mapping.generation == generation)
    }

    /// All items of a datastore, tombstones among them, by their GUIDs.
    fn items_of(&self, datastore: DatastoreId) -> impl Iterator<Item = &Held> {
        let items = self.items.get(&datastore);
        items.into_iter().flat_map(BTreeMap::values)
    }

    fn all_pending(&self, link: LinkId, range: PendingRange) -> Vec<Pending> {
        let items = self.items_of(link.datastore);
        let mut pending: Vec<Pending> = items
            .filter(|held| held.item.seq > range.after && held.item.seq <= range.until)
            .filter(|held| !self.waits(link, held))
            .filter_map(|held| {
                let mapping = self.pair(link, held.item.guid, range.generation).cloned();
                let is_hidden = held.occurrence.is_some() && !range.with_occurrences;
                let is_gone = held.item.deleted || is_hidden;
                let differs = match &mapping {
                    None => !is_gone,
                    Some(mapping) => is_gone || mapping.revision < held.item.seq || mapping.stale,
                };
                let is_in_period = mapping.is_some() || range.period.has(held.times);
                let wanted = is_in_period && (differs || (range.with_held && !is_gone));
                wanted.then(|| {
                    let size = held.item.content.len();
                    let mut item = held.item.clone();
                    item.deleted = is_gone;
                    if size > range.inline {
                        item.content.clear();
                    }
                    Pending {
                        item,
                        size: size as u64,
                        mapping,
                    }
                })
            })
            .collect();
        pending.sort_by_key(|pending| pending.item.seq);
        pending
    }
}

impl Held {
    fn is_among(&self, among: Among) -> bool {
        self.item.deleted == among.deleted && (among.occurrences || self.occurrence.is_none())
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged {
        what: what.to_owned(),
    }
}

impl Transaction for Memory {
    fn begin_atomic(&mut self) -> Result<(), StoreError> {
        self.saved = Some(Box::new(self.clone()));
        Ok(())
    }

    fn undo_atomic(&mut self) -> Result<(), StoreError> {
        if let Some(saved) = self.saved.take() {
            *self = *saved;
        }
        Ok(())
    }

    fn end_atomic(&mut self) -> Result<(), StoreError> {
        self.saved = None;
        Ok(())
    }

    fn account(&mut self, name: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.accounts.get(name).cloned())
    }

    fn datastores(&mut self, account: AccountId) -> Result<Vec<Datastore>, StoreError> {
        let kinds = DatastoreKind::ALL.into_iter().zip(1..);
        Ok(kinds
            .map(|(kind, number)| Datastore {
                id: DatastoreId { account, number },
                name: kind.name().to_owned(),
                kind,
            })
            .collect())
    }

    fn permission(
        &mut self,
        datastore: DatastoreId,
        device: &str,
    ) -> Result<Permission, StoreError> {
        let said = |device: &str| self.permissions.get(&(datastore, device.to_owned()));
        Ok(said(device)
            .or_else(|| said(""))
            .copied()
            .unwrap_or_default())
    }

    fn device(&mut self, account: AccountId, uri: &str) -> Result<Option<Device>, StoreError> {
        Ok(self.devices.get(&(account, uri.to_owned())).cloned())
    }

    fn put_device(&mut self, account: AccountId, device: &Device) -> Result<i64, StoreError> {
        let mut device = device.clone();
        if device.number == 0 {
            let of_account = self
                .devices
                .keys()
                .filter(|(owner, _)| *owner == account)
                .count();
            device.number = i64::try_from(of_account).unwrap_or(i64::MAX) + 1;
        }
        let number = device.number;
        self.devices.insert((account, device.uri.clone()), device);
        Ok(number)
    }

    fn session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.sessions.get(token).cloned())
    }

    fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError> {
        let of = |s: &&StoredSession| {
            s.device == device && s.session_id == session_id && (s.account.is_some() || !logged_in)
        };
        Ok(self
            .sessions
            .values()
            .filter(of)
            .max_by_key(|session| session.updated)
            .cloned())
    }

    fn put_session(&mut self, session: &StoredSession) -> Result<(), StoreError> {
        self.sessions.insert(session.token.clone(), session.clone());
        Ok(())
    }

    fn count_sessions(
        &mut self,
        since: i64,
        account: AccountId,
        device: &str,
        limit: u64,
    ) -> Result<SessionCounts, StoreError> {
        let counts = |session: &&StoredSession| {
            let is_own = session.account == Some(account) && session.device == device;
            session.updated >= since && session.account.is_some() && !is_own
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut counted = SessionCounts::default();
        for session in self.sessions.values().filter(counts).take(limit) {
            counted.all += 1;
            counted.of_account += u64::from(session.account == Some(account));
        }
        Ok(counted)
    }

    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError> {
        self.sessions.retain(|token, session| {
            token == keep
                || session.device != device
                || session.account.is_some_and(|owner| owner != account)
        });
        Ok(())
    }

    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        Ok(self.links.get(&link).cloned())
    }

    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        self.links.insert(link, state.clone());
        Ok(())
    }

    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError> {
        let mut mappings = self.mappings.get(&link).into_iter().flatten();
        Ok(mappings.find(|mapping| mapping.luid == luid).cloned())
    }

    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError> {
        let mut mappings = self.mappings.get(&link).into_iter().flatten();
        Ok(mappings.find(|mapping| mapping.guid == guid).cloned())
    }

    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        let mappings = self.mappings.entry(link).or_default();
        let is_other = |held: &Mapping| held.luid != mapping.luid && held.guid != mapping.guid;
        for replaced in mappings.iter().filter(|held| !is_other(held)) {
            self.device_texts.remove(&(link, replaced.guid));
        }
        mappings.retain(is_other);
        mappings.push(mapping.clone());
        Ok(())
    }

    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        self.mappings
            .entry(link)
            .or_default()
            .retain(|mapping| mapping.guid != guid);
        self.device_texts.remove(&(link, guid));
        Ok(())
    }

    fn forget_forms(&mut self, link: LinkId, bytes: u64) -> Result<(), StoreError> {
        let items = self.items.entry(link.datastore).or_default();
        for mapping in self.mappings.entry(link).or_default() {
            let is_meant = bytes == 0
                || items.get(&mapping.guid).is_some_and(|held| {
                    let item = &held.item;
                    item.content.len() as u64 >= bytes || mapping.revision < item.content_seq
                });
            if is_meant {
                mapping.stale = true;
                self.device_texts.remove(&(link, mapping.guid));
            }
        }
        Ok(())
    }

    fn device_text(&mut self, link: LinkId, guid: Guid) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.device_texts.get(&(link, guid)).cloned())
    }

    fn keep_device_text(
        &mut self,
        link: LinkId,
        guid: Guid,
        text: &[u8],
    ) -> Result<(), StoreError> {
        if self.mapping_of(link, guid)?.is_some() {
            self.device_texts.insert((link, guid), text.to_vec());
        }
        Ok(())
    }

    fn content_at(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        at: ChangeSeq,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.item(datastore, guid)?;
        if let Some(item) = item.filter(|item| item.content_seq <= at) {
            return Ok(Some(item.content));
        }
        let of = |former: &&Former| {
            former.datastore == datastore
                && former.guid == guid
                && former.content_seq > ChangeSeq(0)
                && former.content_seq <= at
        };
        let newest = self.history.iter().filter(of);
        let newest = newest.max_by_key(|former| former.content_seq);
        Ok(newest.map(|former| former.content.clone()))
    }

    fn keep_rendering(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        self.renderings.insert(link, bytes.to_vec());
        Ok(())
    }

    fn rendering_slice(
        &mut self,
        link: LinkId,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let rendering = self.renderings.get(&link);
        let rendering = rendering.ok_or_else(|| damaged("a rendering is missing"))?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = rendering.get(offset..).unwrap_or_default();
        Ok(rest.get(..length).unwrap_or(rest).to_vec())
    }

    fn end_rendering(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.renderings.remove(&link);
        Ok(())
    }

    fn last_change(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        Ok(ChangeSeq(self.next_seq(datastore).0 - 1))
    }

    fn item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<StoredItem>, StoreError> {
        let held = self
            .items
            .get(&datastore)
            .and_then(|items| items.get(&guid));
        Ok(held.map(|held| held.item.clone()))
    }

    fn add_item(
        &mut self,
        datastore: DatastoreId,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(Guid, ChangeSeq), StoreError> {
        let last = self
            .items
            .get(&datastore)
            .and_then(|items| items.keys().next_back());
        let guid = Guid(last.map_or(1, |guid| guid.0 + 1));
        let seq = self.put(datastore, guid, content, now);
        let session = self.session_of(origin);
        let items = self.items.entry(datastore).or_default();
        if let Some(held) = items.get_mut(&guid) {
            held.added_by = session;
        }
        Ok((guid, seq))
    }

    fn replace_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.keep(datastore, guid, origin);
        Ok(self.put(datastore, guid, content, now))
    }

    fn delete_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.keep(datastore, guid, origin);
        let seq = self.next_seq(datastore);
        let items = self.items.entry(datastore).or_default();
        let held = items
            .get_mut(&guid)
            .ok_or_else(|| damaged("a deleted item is missing"))?;
        held.item.deleted = true;
        held.item.seq = seq;
        held.item.modified = now;
        Ok(seq)
    }

    fn content_slice(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let items = self.items.get(&datastore);
        let held = items
            .and_then(|items| items.get(&guid))
            .ok_or_else(|| damaged("an item is missing"))?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = held.item.content.get(offset..).unwrap_or_default();
        Ok(rest.iter().copied().take(length).collect())
    }

    fn move_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        parent: Option<Guid>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let seq = self.next_seq(datastore);
        let items = self.items.entry(datastore).or_default();
        let held = items
            .get_mut(&guid)
            .ok_or_else(|| damaged("a moved item is missing"))?;
        held.item.parent = parent;
        held.item.seq = seq;
        held.item.modified = now;
        Ok(seq)
    }

    fn children(
        &mut self,
        datastore: DatastoreId,
        parent: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let items = self
            .items
            .get(&datastore)
            .into_iter()
            .flat_map(BTreeMap::values);
        let inside = items.filter(|held| !held.item.deleted && held.item.parent == Some(parent));
        Ok(inside.map(|held| held.item.guid).take(limit).collect())
    }

    fn held(&mut self, link: LinkId, generation: i64) -> Result<(u64, u64), StoreError> {
        let items = self.items_of(link.datastore);
        let held = items
            .filter(|held| !held.item.deleted)
            .filter(|held| self.pair(link, held.item.guid, generation).is_some());
        let sizes = held.map(|held| held.item.content.len() as u64);
        Ok(sizes.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size)))
    }

    fn partial(&mut self, link: LinkId) -> Result<Option<Partial>, StoreError> {
        Ok(self.partials.get(&link).map(|(head, chunks)| Partial {
            head: head.clone(),
            received: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            last_chunk: chunks.last().cloned().unwrap_or_default(),
        }))
    }

    fn begin_partial(&mut self, link: LinkId, head: &[u8]) -> Result<(), StoreError> {
        self.partials.insert(link, (head.to_vec(), Vec::new()));
        Ok(())
    }

    fn append_partial(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        let (_, chunks) = self
            .partials
            .get_mut(&link)
            .ok_or_else(|| damaged("a chunk belongs to nothing"))?;
        chunks.push(bytes.to_vec());
        Ok(())
    }

    fn undo_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        if let Some((_, chunks)) = self.partials.get_mut(&link) {
            chunks.pop();
        }
        Ok(())
    }

    fn partial_content(&mut self, link: LinkId) -> Result<Vec<u8>, StoreError> {
        let partial = self.partials.get(&link);
        Ok(partial.map_or(Vec::new(), |(_, chunks)| chunks.concat()))
    }

    fn end_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.partials.remove(&link);
        Ok(())
    }

    fn conflict_policy(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        let any = DatastoreId {
            number: 0,
            ..link.datastore
        };
        let places = [
            (link.datastore, link.device),
            (link.datastore, 0),
            (any, link.device),
            (any, 0),
        ];
        Ok(places
            .iter()
            .find_map(|place| self.policies.get(place))
            .cloned())
    }

    fn keep_overruled(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        _: Origin<'_>,
        _: i64,
    ) -> Result<(), StoreError> {
        self.history.push(Former {
            datastore,
            guid,
            media_type: content.media_type.to_owned(),
            content: content.bytes.to_vec(),
            exact: content.fingerprint.exact,
            content_seq: ChangeSeq(0),
            counts: false,
            was_present: false,
            was_deleted: false,
            session: None,
        });
        Ok(())
    }

    fn candidates(
        &mut self,
        link: LinkId,
        generation: i64,
        fingerprint: &pim::Fingerprint,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let items = self.items_of(link.datastore);
        let mut found: Vec<(bool, StoredItem)> = items
            .filter(|held| held.is_among(among))
            .filter(|held| self.pair(link, held.item.guid, generation).is_none())
            .filter_map(|held| {
                let equal = held.item.exact == fingerprint.exact;
                let alike = (held.key.is_some() && held.key == fingerprint.key)
                    || (held.uid.is_some() && held.uid == fingerprint.uid);
                (equal || alike).then(|| (!equal, held.item.clone()))
            })
            .collect();
        if found.iter().any(|(differs, _)| !differs) {
            found.retain(|(differs, _)| !differs);
        }
        found.sort_by_key(|(_, item)| item.guid);
        Ok(found
            .into_iter()
            .map(|(_, item)| item)
            .take(limit)
            .collect())
    }

    fn candidates_by_beginning(
        &mut self,
        link: LinkId,
        generation: i64,
        short: u64,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let items = self.items_of(link.datastore);
        let found = items
            .filter(|held| held.is_among(among) && held.short == Some(short))
            .filter(|held| self.pair(link, held.item.guid, generation).is_none());
        Ok(found.map(|held| held.item.clone()).take(limit).collect())
    }

    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError> {
        Ok(self.history.iter().any(|former| {
            former.datastore == datastore
                && former.guid == guid
                && former.exact == exact
                && former.counts
        }))
    }

    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError> {
        let mut pending = self.all_pending(link, range);
        pending.truncate(range.limit);
        self.looked_at.0 += pending.len();
        Ok(pending)
    }

    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError> {
        Ok(self.all_pending(link, range).len() as u64)
    }

    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let items = self.items_of(link.datastore);
        let unmapped = items
            .filter(|held| !held.item.deleted && held.occurrence.is_none())
            .filter(|held| self.pair(link, held.item.guid, generation).is_none())
            .filter(|held| !self.waits(link, held));
        Ok(unmapped.map(|held| held.item.guid).take(limit).collect())
    }
}
