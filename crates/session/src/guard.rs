//! What stands between a device gone wrong and the items of all the others: changes that wait for
//! a person's decision, and sessions that can be undone.
//!
//! ```text
//! deletions, replacements ──▶ few ───▶ made; the history knows by which session
//! of one session              │
//!                             └ many ─▶ withheld ──▶ confirm: made after all
//!                                          │  └────▶ reject:  the items go back to the device
//!                                          └ the device goes on syncing
//! ```
//!
//! The session withholds (`server::Config::guard`); here is what people decide, over the same
//! transactions.

use std::collections::BTreeMap;

use crate::occurrences;
use crate::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Guid, LinkId, Origin, StoreError, StoredItem,
    Transaction,
};

/// A deletion or replacement by a device that waits for a decision. The item is as it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The item.
    pub guid: Guid,
    /// The name of the session whose changes began to wait.
    pub session: String,
    /// The device's address.
    pub device: String,
    /// [`StoredItem::content_seq`] at that time: where the item has changed since, the change has
    /// nothing left to decide.
    pub seq: ChangeSeq,
    /// What it would be replaced with; `None` for a deletion.
    pub replacement: Option<Replacement>,
    /// Seconds since 1970.
    pub at: i64,
}

/// Content that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The media type as its sender spelled it.
    pub media_type: String,
    /// The exact bytes.
    pub content: Vec<u8>,
}

impl Replacement {
    fn content(&self) -> Content<'_> {
        content_of(&self.media_type, &self.content)
    }
}

/// An item before a session changed it for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// It was a tombstone.
    pub deleted: bool,
    /// Its media type.
    pub media_type: String,
    /// Its exact bytes.
    pub content: Vec<u8>,
}

/// What withholding and undoing need from durable state.
pub trait Withholding {
    /// Names the session that this transaction is part of. Changes of [`Origin::Session`] are
    /// kept under that name.
    fn name_session(&mut self, session: &str);
    /// How many items of a datastore are live. Reads them all, by an index.
    fn live_items(&mut self, datastore: DatastoreId) -> Result<u64, StoreError>;

    /// Keeps a change that waits, in place of another one of the device and item. As long as the
    /// item is live and its content not changed, it is neither pending nor unmapped for the device.
    fn withhold(&mut self, link: LinkId, change: &Withheld) -> Result<(), StoreError>;
    /// The change of an item that waits.
    fn withheld(&mut self, link: LinkId, guid: Guid) -> Result<Option<Withheld>, StoreError>;
    /// Drops a change that waits.
    fn forget_withheld(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError>;
    /// The name under which changes of the device wait, if any do.
    fn hold(&mut self, link: LinkId) -> Result<Option<String>, StoreError>;
    /// What waits under a name, in order of link and GUID.
    fn withheld_by(
        &mut self,
        account: AccountId,
        session: &str,
    ) -> Result<Vec<(LinkId, Guid)>, StoreError>;

    /// Items that a session has replaced or deleted and that were there before it, by GUID.
    fn changed_by(
        &mut self,
        datastore: DatastoreId,
        session: &str,
    ) -> Result<Vec<Guid>, StoreError>;
    /// Items that a session has added, by GUID.
    fn added_by(&mut self, datastore: DatastoreId, session: &str) -> Result<Vec<Guid>, StoreError>;
    /// An item before a session first replaced or deleted it.
    fn before(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<Option<Before>, StoreError>;
    /// Whether nobody has replaced or deleted an item after a session.
    fn is_last_of(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<bool, StoreError>;
    /// Gives an item the content of [`Withholding::before`], as if the session had not changed
    /// it: what the session has made of it was no change, and counts for
    /// [`Transaction::content_at`] only.
    fn take_back(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
        now: i64,
    ) -> Result<ChangeSeq, StoreError>;
    /// Keeps a version that a person has rejected in the item's history. It counts as a former one
    /// ([`Transaction::had_version`]), so that a device that sends it again changes nothing.
    fn keep_rejected(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError>;
}

/// What a decision came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// Deletions that were made, or items that go back to the device.
    pub deletions: u64,
    /// Replacements that were made, or items whose version the device gets back.
    pub replacements: u64,
    /// Items that were not deleted or replaced after all: they have changed since, or are folders
    /// with items in them.
    pub left: Vec<(DatastoreId, Guid)>,
}

/// Makes the changes that wait under a session's name, of one datastore or of all. What has
/// changed since stays as it is now.
///
/// # Errors
///
/// Those of the transaction.
pub fn confirm(
    tx: &mut dyn Transaction,
    account: AccountId,
    session: &str,
    datastore: Option<DatastoreId>,
    now: i64,
) -> Result<Decided, StoreError> {
    tx.name_session(session);
    let mut decided = Decided::default();
    let mut back = BTreeMap::new();
    // what is in a folder is younger than the folder, as a rule
    for (link, guid) in waiting(tx, account, session, datastore)?.into_iter().rev() {
        let Some(change) = tx.withheld(link, guid)? else {
            continue;
        };
        let item = tx.item(link.datastore, guid)?;
        tx.forget_withheld(link, guid)?;
        let origin = Origin::Session(&change.device);
        let place = link.datastore;
        match &change.replacement {
            None if is_untouched(item.as_ref(), &change)
                && tx.children(place, guid, 1)?.is_empty() =>
            {
                tx.delete_item(place, guid, origin, now)?;
                decided.deletions += 1;
            }
            Some(new) if is_untouched(item.as_ref(), &change) => {
                let seq = tx.replace_item(place, guid, new.content(), origin, now)?;
                // revision 0 says that the device has what was withheld, but for a text of its own
                // which that was made of
                if let Some(mut mapping) = tx.mapping_of(link, guid)?
                    && mapping.revision == ChangeSeq(0)
                    && tx.device_text(link, guid)?.is_none()
                {
                    mapping.revision = seq;
                    tx.put_mapping(link, &mapping)?;
                }
                tell_place_again(tx, place, item.as_ref(), now)?;
                decided.replacements += 1;
            }
            kept => {
                if let Some(new) = kept {
                    tx.keep_overruled(place, guid, new.content(), origin, now)?;
                }
                decided.left.push((place, guid));
                give_back(&mut back, link, item.as_ref());
            }
        }
    }
    rewind(tx, &back)?;
    Ok(decided)
}

/// Drops the changes that wait under a session's name, of one datastore or of all: the device
/// gets the items in its next session. What it would have replaced them with is kept in their
/// history.
///
/// # Errors
///
/// Those of the transaction.
pub fn reject(
    tx: &mut dyn Transaction,
    account: AccountId,
    session: &str,
    datastore: Option<DatastoreId>,
    now: i64,
) -> Result<Decided, StoreError> {
    tx.name_session(session);
    let mut decided = Decided::default();
    let mut back = BTreeMap::new();
    for (link, guid) in waiting(tx, account, session, datastore)? {
        let Some(change) = tx.withheld(link, guid)? else {
            continue;
        };
        tx.forget_withheld(link, guid)?;
        match &change.replacement {
            None => decided.deletions += 1,
            Some(new) => {
                let origin = Origin::Session(&change.device);
                tx.keep_rejected(link.datastore, guid, new.content(), origin, now)?;
                decided.replacements += 1;
            }
        }
        let item = tx.item(link.datastore, guid)?;
        give_back(&mut back, link, item.as_ref());
    }
    rewind(tx, &back)?;
    Ok(decided)
}

fn waiting(
    tx: &mut dyn Transaction,
    account: AccountId,
    session: &str,
    datastore: Option<DatastoreId>,
) -> Result<Vec<(LinkId, Guid)>, StoreError> {
    let mut all = tx.withheld_by(account, session)?;
    all.retain(|(link, _)| datastore.is_none_or(|wanted| wanted == link.datastore));
    Ok(all)
}

fn is_untouched(item: Option<&StoredItem>, change: &Withheld) -> bool {
    item.is_some_and(|item| !item.deleted && item.content_seq == change.seq)
}

/// Has the devices be told again where an item is that was put to another place, or was to be told of, since
/// it got the content that it had until now: the number of new content would hide that.
///
/// # Errors
///
/// Those of the transaction.
// spec: M05
pub(crate) fn tell_place_again(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    before: Option<&StoredItem>,
    now: i64,
) -> Result<(), StoreError> {
    match before.filter(|item| item.seq > item.content_seq) {
        Some(item) => tx
            .move_item(datastore, item.guid, item.parent, now)
            .map(|_| ()),
        None => Ok(()),
    }
}

/// Notes that a device is to be looked at for an item again.
fn give_back(back: &mut BTreeMap<LinkId, i64>, link: LinkId, item: Option<&StoredItem>) {
    if let Some(item) = item {
        let first = back.entry(link).or_insert(item.seq.0);
        *first = item.seq.0.min(*first);
    }
}

/// Has the devices see the changes from these numbers on again: what they hold as it is is not
/// sent to them.
fn rewind(tx: &mut dyn Transaction, back: &BTreeMap<LinkId, i64>) -> Result<(), StoreError> {
    for (link, first) in back {
        if let Some(mut state) = tx.link(*link)? {
            let until = ChangeSeq(first - 1);
            state.seen = state.seen.min(until);
            state.previous_seen = state.previous_seen.min(until);
            tx.put_link(*link, &state)?;
        }
    }
    Ok(())
}

/// How far [`restore`] goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// What others have changed since is restored, too.
    pub force: bool,
    /// What the session has added is removed.
    pub remove_added: bool,
    /// Nothing is done, it is only said what would be.
    pub dry_run: bool,
}

/// What became of the items of a session that is undone, each list by GUID.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// They have the content again that they had before the session.
    pub restored: Vec<Guid>,
    /// Others have changed them since: they stay as they are.
    pub changed_since: Vec<Guid>,
    /// The session has added them, and they are left.
    pub added: Vec<Guid>,
    /// The session had added them, and they are removed.
    pub removed: Vec<Guid>,
}

/// Gives every item of a datastore that a session has replaced or deleted the content that it had
/// before, as changes of the server's own side that all devices get. Items of the session that
/// nothing is to be done about are in no list. What the session has taken out of a series, as an item of
/// its own, goes when it is in its series again.
///
/// # Errors
///
/// Those of the transaction.
pub fn restore(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    session: &str,
    extent: Extent,
    now: i64,
) -> Result<Restored, StoreError> {
    let mut came = tx.added_by(datastore, session)?;
    let mut let_go = Vec::new();
    let mut coming_back = Vec::new();
    let mut outcome = Restored::default();
    for guid in tx.changed_by(datastore, session)? {
        let (Some(before), Some(item)) = (
            tx.before(datastore, guid, session)?,
            tx.item(datastore, guid)?,
        ) else {
            continue;
        };
        if before.deleted {
            came.push(guid);
            let_go.push(guid);
        } else if item.deleted || item.content != before.content {
            if !extent.force && !tx.is_last_of(datastore, guid, session)? {
                outcome.changed_since.push(guid);
                continue;
            }
            outcome.restored.push(guid);
            let former = (before.media_type.as_str(), before.content.as_slice());
            coming_back.extend(occurrences::coming_back(former, &item));
            if !extent.dry_run {
                let content = content_of(&before.media_type, &before.content);
                tx.replace_item(datastore, guid, content, Origin::Local, now)?;
            }
        }
    }
    came.sort_unstable();
    // what is in a folder is younger than the folder, as a rule
    for guid in came.into_iter().rev() {
        let Some(item) = tx.item(datastore, guid)?.filter(|item| !item.deleted) else {
            continue;
        };
        // a meeting that the session has taken out of its series is in there again
        let is_back = let_go.contains(&guid) && had_one_of(tx, datastore, guid, &coming_back)?;
        if !extent.remove_added && !is_back {
            outcome.added.push(item.guid);
        } else if !extent.force && !tx.is_last_of(datastore, guid, session)? {
            outcome.changed_since.push(guid);
        } else if extent.dry_run {
            outcome.removed.push(guid);
        } else if tx.children(datastore, guid, 1)?.is_empty() {
            tx.delete_item(datastore, guid, Origin::Local, now)?;
            outcome.removed.push(guid);
        } else {
            outcome.added.push(guid);
        }
    }
    if !extent.dry_run {
        // a folder may be younger than what was moved into it
        for guid in &outcome.restored {
            leave_dead_folder(tx, datastore, *guid, now)?;
        }
    }
    for list in [
        &mut outcome.changed_since,
        &mut outcome.added,
        &mut outcome.removed,
    ] {
        list.sort_unstable();
    }
    Ok(outcome)
}

/// Whether an item was one of these versions.
fn had_one_of(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    guid: Guid,
    versions: &[u64],
) -> Result<bool, StoreError> {
    for exact in versions {
        if tx.had_version(datastore, guid, *exact)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts an item that was restored to the root, if its folder is gone: it would be in none.
///
/// # Errors
///
/// Those of the transaction.
// spec: M02
pub fn leave_dead_folder(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    guid: Guid,
    now: i64,
) -> Result<(), StoreError> {
    let Some(folder) = tx.item(datastore, guid)?.and_then(|item| item.parent) else {
        return Ok(());
    };
    if tx.item(datastore, folder)?.is_none_or(|held| held.deleted) {
        tx.move_item(datastore, guid, None, now)?;
    }
    Ok(())
}

fn content_of<'c>(media_type: &'c str, bytes: &'c [u8]) -> Content<'c> {
    Content::new(media_type, bytes)
}
