//! What a state need not keep any longer, found and removed a little at a time.
//!
//! ```text
//! accounts with old rows ─▶ former versions ─▶ tombstones ─▶ unfinished objects ─▶ next account
//! ```
//!
//! Every step is one short transaction over a bounded number of rows, so that sessions go on between
//! them. What a step leaves is found again by the next walk, so that one may end anywhere.
//!
//! **Former versions** go by their age, but for two kinds. One that a device still holds is what its
//! next edit is compared with. And what a session did stays while somebody has to decide about it.
//!
//! **Tombstones** go by their age once no device holds the item any more. A device that has not
//! synced the datastore for as long does not count: its anchors become void, so that its next sync
//! compares all items. A session has looked at the anchors already, so the links of a device that
//! has one are left alone.

use std::collections::{BTreeSet, VecDeque};

use session::store::{
    AccountId, DatastoreId, Guid, LinkId, Origin, StoreError, StoredItem, Transaction,
};

/// Accounts that are looked at in one step.
const ACCOUNTS: usize = 200;

/// Rows that one step looks at.
const ROWS: usize = 200;

/// Bytes of content after which a step ends.
const BYTES: u64 = 8 << 20;

/// How old things may become: what happened before (seconds since 1970) goes; `None` keeps all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Former versions of items.
    pub history: Option<i64>,
    /// Tombstones of deleted items. One stays as long as a former version of its item does, so
    /// none goes where all of the history is kept.
    pub tombstones: Option<i64>,
    /// Parts of large objects, in either direction, whose device was not heard of since.
    pub unfinished: Option<i64>,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Former versions.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Pairs of device and datastore whose next sync compares all items.
    pub voided: u64,
    /// Large objects of which only a part had gone over.
    pub unfinished: u64,
}

/// A walk through a state: what of it is done, and where it goes on.
#[derive(Debug, Clone)]
pub struct Tidying {
    expiry: Expiry,
    dry_run: bool,
    done: Tidied,
    /// The last account that was looked at.
    last: AccountId,
    /// Accounts in which there may be something.
    accounts: VecDeque<AccountId>,
    stage: Stage,
    /// Datastores and devices of that account whose anchors are void by now.
    voided: BTreeSet<(i64, i64)>,
}

/// A row's place in the order of age: the time, the datastore, and the row's own number.
type Age = (i64, i64, i64);

/// Before all rows.
const FIRST: Age = (i64::MIN, i64::MIN, i64::MIN);

/// A link's place within its account: datastore and device.
pub(crate) type Place = (i64, i64);

/// Before all links.
const FIRST_LINK: Place = (i64::MIN, i64::MIN);

/// What is next in the first of the accounts, after the row named.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Versions(Age),
    Tombstones(Age),
    Unfinished(Place),
}

impl Tidying {
    /// A walk from the beginning; one with `dry_run` changes nothing and only counts.
    pub fn new(expiry: Expiry, dry_run: bool) -> Self {
        Self {
            expiry,
            dry_run,
            done: Tidied::default(),
            last: AccountId(i64::MIN),
            accounts: VecDeque::new(),
            stage: Stage::Versions(FIRST),
            voided: BTreeSet::new(),
        }
    }

    /// What was removed so far. What a dry walk counts may be less than what another removes:
    /// a version that a device holds goes only after the device was given up.
    pub fn done(&self) -> Tidied {
        self.done
    }

    pub(crate) fn is_dry(&self) -> bool {
        self.dry_run
    }
}

/// A former version that is old enough to go.
#[derive(Debug)]
pub(crate) struct OldVersion {
    pub(crate) age: Age,
    pub(crate) guid: Guid,
    pub(crate) bytes: i64,
    /// A device holds it, or its session waits for a decision.
    pub(crate) is_needed: bool,
}

/// A device that holds an item.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) device: i64,
    /// The generation of its pair.
    pub(crate) generation: i64,
    /// Seconds since 1970 at which it was last heard.
    pub(crate) last_seen: i64,
    /// There is a session of it.
    pub(crate) in_session: bool,
}

/// What the engines are asked for.
pub(crate) trait Old: Transaction {
    /// Accounts after one, in order, each with whether anything of it is old.
    fn accounts_after(
        &mut self,
        last: AccountId,
        expiry: &Expiry,
        limit: usize,
    ) -> Result<Vec<(AccountId, bool)>, StoreError>;

    /// Whether there is an account, which others then leave alone.
    fn is_there(&mut self, account: AccountId) -> Result<bool, StoreError>;

    /// Versions of before a time, the oldest first.
    fn old_versions(
        &mut self,
        account: AccountId,
        before: i64,
        after: Age,
        limit: usize,
    ) -> Result<Vec<OldVersion>, StoreError>;

    fn remove_version(
        &mut self,
        account: AccountId,
        version: &OldVersion,
    ) -> Result<(), StoreError>;

    /// Tombstones of before a time, the oldest first.
    fn old_tombstones(
        &mut self,
        account: AccountId,
        before: i64,
        after: Age,
        limit: usize,
    ) -> Result<Vec<Age>, StoreError>;

    /// Whether a deleted item has versions from after `before`, items in it, or a change that
    /// waits.
    fn is_in_use(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        before: i64,
    ) -> Result<bool, StoreError>;

    /// The devices with a pair of an item, of whatever generation.
    fn holders(&mut self, datastore: DatastoreId, guid: Guid) -> Result<Vec<Holder>, StoreError>;

    /// Removes an item with its versions.
    fn remove_tombstone(&mut self, datastore: DatastoreId, guid: Guid) -> Result<(), StoreError>;

    /// Links with a part of an object whose device was last heard before, and has no session, in
    /// order.
    fn unfinished(
        &mut self,
        account: AccountId,
        before: i64,
        after: Place,
        limit: usize,
    ) -> Result<Vec<LinkId>, StoreError>;
}

/// Does some of a walk; where it is then, and whether there is more to do.
pub(crate) fn step(tx: &mut impl Old, before: &Tidying) -> Result<(Tidying, bool), StoreError> {
    let mut walk = before.clone();
    let Some(account) = walk.accounts.front().copied() else {
        let goes_on = find_accounts(tx, &mut walk)?;
        return Ok((walk, goes_on));
    };
    if !tx.is_there(account)? {
        walk.accounts.pop_front();
        walk.voided.clear();
        walk.stage = Stage::Versions(FIRST);
        return Ok((walk, true));
    }
    let stage = match walk.stage {
        Stage::Versions(after) => versions(tx, &mut walk, account, after)?
            .map_or(Stage::Tombstones(FIRST), Stage::Versions),
        Stage::Tombstones(after) => {
            let more = tombstones(tx, &mut walk, account, after)?;
            more.map_or(Stage::Unfinished(FIRST_LINK), Stage::Tombstones)
        }
        Stage::Unfinished(after) => {
            if let Some(last) = unfinished(tx, &mut walk, account, after)? {
                Stage::Unfinished(last)
            } else {
                walk.accounts.pop_front();
                walk.voided.clear();
                Stage::Versions(FIRST)
            }
        }
    };
    walk.stage = stage;
    Ok((walk, true))
}

/// Whether there are accounts that were not looked at.
fn find_accounts(tx: &mut impl Old, walk: &mut Tidying) -> Result<bool, StoreError> {
    let found = tx.accounts_after(walk.last, &walk.expiry, ACCOUNTS)?;
    let Some((last, _)) = found.last() else {
        return Ok(false);
    };
    walk.last = *last;
    let old = found.into_iter().filter(|(_, is_old)| *is_old);
    walk.accounts.extend(old.map(|(account, _)| account));
    Ok(true)
}

/// The last row that was looked at, if there may be more.
fn versions(
    tx: &mut impl Old,
    walk: &mut Tidying,
    account: AccountId,
    after: Age,
) -> Result<Option<Age>, StoreError> {
    let Some(before) = walk.expiry.history else {
        return Ok(None);
    };
    let found = tx.old_versions(account, before, after, ROWS)?;
    let is_last_page = found.len() < ROWS;
    let mut bytes = 0;
    for version in found.iter().filter(|version| !version.is_needed) {
        if !walk.dry_run {
            tx.remove_version(account, version)?;
        }
        let size = version.bytes.cast_unsigned();
        walk.done.versions += 1;
        walk.done.bytes += size;
        bytes += size;
        if bytes > BYTES {
            return Ok(Some(version.age));
        }
    }
    let last = found.last().map(|version| version.age);
    Ok(last.filter(|_| !is_last_page))
}

/// The last row that was looked at, if there may be more.
fn tombstones(
    tx: &mut impl Old,
    walk: &mut Tidying,
    account: AccountId,
    after: Age,
) -> Result<Option<Age>, StoreError> {
    let (Some(history), Some(tombstones)) = (walk.expiry.history, walk.expiry.tombstones) else {
        return Ok(None);
    };
    let before = history.min(tombstones);
    let found = tx.old_tombstones(account, before, after, ROWS)?;
    for (_, datastore, guid) in &found {
        let number = *datastore;
        let datastore = DatastoreId { account, number };
        let guid = Guid(*guid);
        if tx.is_in_use(datastore, guid, history)? {
            continue;
        }
        let occurrences = tx.occurrences(datastore, guid)?;
        let mut left = occurrences
            .iter()
            .map(|(_, one)| one)
            .filter(|one| !one.deleted);
        let deleted = tx.item(datastore, guid)?;
        let is_older = |one: &StoredItem| deleted.as_ref().is_some_and(|item| one.seq < item.seq);
        if !left.clone().all(is_older) {
            // changed since, it is to be an item of its own
            continue;
        }
        if let Some(holders) = former_holders(tx, datastore, guid, before)? {
            for (link, is_past) in holders {
                if !is_past {
                    void(tx, walk, link)?;
                }
                if !walk.dry_run {
                    tx.remove_mapping(link, guid)?;
                }
            }
            if !walk.dry_run {
                // who would have told of them may never come again; they have gone with the series
                let at = deleted.as_ref().map_or(before, |item| item.modified);
                left.try_for_each(|one| {
                    let gone = tx.delete_item(datastore, one.guid, Origin::Local, at);
                    gone.map(|_| ())
                })?;
                tx.remove_tombstone(datastore, guid)?;
            }
            walk.done.tombstones += 1;
        }
    }
    Ok(found.last().copied().filter(|_| found.len() == ROWS))
}

/// The links with a pair of an item that may go, each with whether the device does not hold the
/// item any more; `None` when one of them still has to hear that the item is deleted.
fn former_holders(
    tx: &mut impl Old,
    datastore: DatastoreId,
    guid: Guid,
    before: i64,
) -> Result<Option<Vec<(LinkId, bool)>>, StoreError> {
    let mut links = Vec::new();
    for holder in tx.holders(datastore, guid)? {
        let device = holder.device;
        let id = LinkId { datastore, device };
        let link = tx.link(id)?.unwrap_or_default();
        // a comparison has shown since what the device holds, if it came to its end
        let is_past = link.open.is_none() && holder.generation < link.generation;
        // what a broken session has done is known by when the device was heard
        let broke_lately = link.open.is_some() && holder.last_seen >= before;
        if !is_past && (holder.in_session || link.last_sync >= before || broke_lately) {
            return Ok(None);
        }
        links.push((id, is_past));
    }
    Ok(Some(links))
}

/// Has a device's next sync compare all items, since it will not hear of a deletion.
fn void(tx: &mut impl Old, walk: &mut Tidying, id: LinkId) -> Result<(), StoreError> {
    let Some(mut link) = tx.link(id)? else {
        return Ok(());
    };
    let is_void = link.client_anchor.is_empty() && link.open.is_none();
    if is_void || !walk.voided.insert((id.datastore.number, id.device)) {
        return Ok(());
    }
    walk.done.voided += 1;
    if walk.dry_run {
        return Ok(());
    }
    link.client_anchor.clear();
    link.previous_client_anchor.clear();
    link.server_anchor.clear();
    link.previous_server_anchor.clear();
    link.open = None;
    tx.put_link(id, &link)
}

/// The last link that was looked at, if there may be more.
fn unfinished(
    tx: &mut impl Old,
    walk: &mut Tidying,
    account: AccountId,
    after: Place,
) -> Result<Option<Place>, StoreError> {
    let Some(before) = walk.expiry.unfinished else {
        return Ok(None);
    };
    let found = tx.unfinished(account, before, after, ROWS)?;
    walk.done.unfinished += found.len() as u64;
    let last = found.last().map(|id| (id.datastore.number, id.device));
    let more = last.filter(|_| found.len() == ROWS);
    if walk.dry_run {
        return Ok(more);
    }
    for id in &found {
        tx.end_partial(*id)?;
        tx.end_rendering(*id)?;
        if let Some(mut link) = tx.link(*id)?
            && let Some(open) = &mut link.open
            && open.sending.take().is_some()
        {
            tx.put_link(*id, &link)?;
        }
    }
    Ok(more)
}
