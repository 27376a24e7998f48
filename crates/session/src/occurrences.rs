//! Occurrences of series as items of their own, for devices that have no words for them.
//!
//! A device of vCalendar 1.0 is sent a series without its overrides and added dates
//! ([`pim::occurrences`]), and an event for each of these. So that such an event has a GUID, a place in
//! the change sequence and a history like any other item, it is one: an *occurrence*, which only such
//! devices see.
//!
//! ```text
//! series changed, by whomever ──▶ follow ──▶ occurrences added, replaced, deleted ──▶ device
//! series, with history ◀── give_back ◀── occurrence changed, deleted ◀─────────────── device
//! ```
//!
//! Occurrences follow when such a device syncs, and not when a series changes: nothing else sees
//! them, so a series may be changed by whatever means, also by a release that knew of none.

use std::collections::BTreeMap;

use crate::store::{
    ChangeSeq, Content, DatastoreId, Guid, Origin, StoreError, StoredItem, Transaction,
};

/// Series that are read at a time.
const BATCH: usize = 20;

/// Series that one message looks at: what is beyond follows in the next ones.
const AT_ONCE: usize = 5000;

/// Occurrences that one message writes, and those of one series more.
const WRITTEN_AT_ONCE: usize = 1000;

/// Bytes of the largest series that has occurrences.
pub const MAX_SERIES: usize = 1 << 20;

/// What a series that may have occurrences has in it.
pub const SIGNS: [&str; 2] = ["RECURRENCE-ID", "RDATE"];

/// What occurrences need from durable state.
pub trait Occurrences {
    /// The change up to which occurrences have followed their series.
    fn followed(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError>;
    /// Writes that down.
    fn set_followed(&mut self, datastore: DatastoreId, until: ChangeSeq) -> Result<(), StoreError>;
    /// Items after a change that have one of [`SIGNS`] in their content, and items and tombstones of
    /// which any item is or was an occurrence, in order of sequence, occurrences left out; for each
    /// whether any is or was one of it. At most `limit`. Of more than [`MAX_SERIES`] bytes the content
    /// is not read.
    fn changed_items(
        &mut self,
        datastore: DatastoreId,
        after: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(StoredItem, bool)>, StoreError>;
    /// The series of an occurrence, and its key there ([`pim::Occurrence::key`]); `None` of another
    /// item.
    fn occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<(Guid, String)>, StoreError>;
    /// The occurrences of a series with their keys, tombstones among them, in order of key.
    fn occurrences(
        &mut self,
        datastore: DatastoreId,
        series: Guid,
    ) -> Result<Vec<(String, StoredItem)>, StoreError>;
    /// Says of what series an item is which occurrence, or that it is none. That is no change of the
    /// item. Changes of an occurrence are those of no session ([`crate::guard::Withholding`]).
    fn set_occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        of: Option<(Guid, &str)>,
    ) -> Result<(), StoreError>;
    /// Live occurrences of which the series is a tombstone or is there no more, by GUID; at most
    /// `limit`.
    fn stray_occurrences(
        &mut self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError>;
}

/// Makes of the occurrences of a datastore what their series have become; whether there is nothing
/// left to do.
pub(crate) fn follow(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    now: i64,
) -> Result<bool, StoreError> {
    let before = tx.followed(datastore)?;
    let mut until = before;
    let mut written = 0;
    for _ in 0..AT_ONCE / BATCH {
        let batch = tx.changed_items(datastore, until, BATCH)?;
        let is_last = batch.len() < BATCH;
        for (series, has_some) in batch {
            if written >= WRITTEN_AT_ONCE {
                tx.set_followed(datastore, until)?;
                return Ok(false);
            }
            until = series.seq;
            let wanted = wanted_of(&series);
            if has_some || !wanted.is_empty() {
                written += follow_one(tx, datastore, (series.guid, wanted), now)?;
            }
        }
        if is_last {
            let last = tx.last_change(datastore)?;
            if last > before {
                tx.set_followed(datastore, last)?;
            }
            return Ok(true);
        }
    }
    tx.set_followed(datastore, until)?;
    Ok(false)
}

/// Makes of the occurrences of one series what it has become.
pub(crate) fn follow_series(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    series: Guid,
    now: i64,
) -> Result<(), StoreError> {
    let item = tx.item(datastore, series)?;
    let wanted = item.as_ref().map(wanted_of).unwrap_or_default();
    follow_one(tx, datastore, (series, wanted), now).map(|_| ())
}

/// The occurrences that a series has, by key.
fn wanted_of(series: &StoredItem) -> BTreeMap<String, Vec<u8>> {
    if series.deleted || series.content.len() > MAX_SERIES {
        return BTreeMap::new();
    }
    let all = pim::occurrences(&series.media_type, &series.content).into_iter();
    all.map(|one| (one.key, one.content)).collect()
}

/// How many were written.
fn follow_one(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    (series, mut wanted): (Guid, BTreeMap<String, Vec<u8>>),
    now: i64,
) -> Result<usize, StoreError> {
    let mut written = 0;
    let mut without = Vec::new();
    for (key, item) in tx.occurrences(datastore, series)? {
        match wanted.remove(&key) {
            Some(bytes) => {
                let content = content_of(&bytes);
                if item.deleted || item.exact != content.fingerprint.exact {
                    tx.replace_item(datastore, item.guid, content, Origin::Local, now)?;
                    written += 1;
                }
            }
            None if !item.deleted => without.push(item),
            None => {}
        }
    }
    for (key, bytes) in wanted {
        let content = content_of(&bytes);
        // the whole series was moved, and this one stays where it is
        let exact = content.fingerprint.exact;
        let same = without.iter().position(|item| item.exact == exact);
        let guid = match same {
            Some(at) => without.swap_remove(at).guid,
            None => tx.add_item(datastore, content, Origin::Local, now)?.0,
        };
        tx.set_occurrence(datastore, guid, Some((series, &key)))?;
        written += 1;
    }
    for item in without {
        tx.delete_item(datastore, item.guid, Origin::Local, now)?;
        written += 1;
    }
    Ok(written)
}

fn content_of(bytes: &[u8]) -> Content<'_> {
    Content::new(pim::Format::ICalendar20.media_type(), bytes)
}

/// What a change of an occurrence has come to.
#[derive(Debug)]
pub(crate) enum Given {
    /// The series says so already.
    Nothing,
    /// The series was changed: what it was, and what it is.
    Changed(Box<StoredItem>, Box<StoredItem>),
    /// The occurrence is an item of its own from here on, since the series cannot say so.
    Own,
    /// There is no series any more. What is to be said of that is said once all changes are in
    /// ([`Occurrences::stray_occurrences`]).
    Stray,
}

/// Brings a change of an occurrence into its series; `event` is the occurrence as iCalendar 2.0.
pub(crate) fn give_back(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    (item, event): (&StoredItem, &[u8]),
    (series, key): (Guid, &str),
    (origin, now): (Origin<'_>, i64),
) -> Result<Given, StoreError> {
    let Some(before) = tx.item(datastore, series)?.filter(|series| !series.deleted) else {
        return Ok(if item.deleted {
            Given::Nothing
        } else {
            Given::Stray
        });
    };
    let present = wanted_of(&before).remove(key);
    let (changed, is_own) = if item.deleted {
        (pim::remove_occurrence(&before.content, key), false)
    } else {
        let exact = |bytes: &[u8]| content_of(bytes).fingerprint.exact;
        if present.is_some_and(|present| exact(&present) == exact(event)) {
            return Ok(Given::Nothing);
        }
        match pim::put_occurrence(&before.content, key, event) {
            Some(changed) => (Some(changed), false),
            None => (pim::remove_occurrence(&before.content, key), true),
        }
    };
    if let Some(bytes) = &changed {
        let content = Content::new(&before.media_type, bytes);
        tx.replace_item(datastore, series, content, origin, now)?;
    }
    if is_own {
        let content = Content::new(&item.media_type, &item.content);
        let_go(tx, datastore, (item.guid, content), (origin, now))?;
        return Ok(Given::Own);
    }
    let after = match changed {
        Some(_) => tx.item(datastore, series)?,
        None => None,
    };
    Ok(match after {
        Some(after) => Given::Changed(Box::new(before), Box::new(after)),
        None => Given::Nothing,
    })
}

/// Makes an occurrence an item of its own, which every device gets: as such it was not there before, so
/// that undoing what made it one is to remove it.
pub(crate) fn let_go(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    (guid, content): (Guid, Content<'_>),
    (origin, now): (Origin<'_>, i64),
) -> Result<ChangeSeq, StoreError> {
    tx.delete_item(datastore, guid, Origin::Local, now)?;
    tx.set_occurrence(datastore, guid, None)?;
    tx.replace_item(datastore, guid, content, origin, now)
}

/// What of a series that is to be `before` again its present content has not: each occurrence by what
/// its content is known by.
pub(crate) fn coming_back(before: (&str, &[u8]), present: &StoredItem) -> Vec<u64> {
    let mut all = pim::occurrences(before.0, before.1);
    if !all.is_empty() {
        let present = wanted_of(present);
        all.retain(|one| !present.contains_key(&one.key));
    }
    let all = all.iter().map(|one| content_of(&one.content));
    all.map(|content| content.fingerprint.exact).collect()
}

/// Makes a former version of an occurrence that of its series, too, where a person restores it.
///
/// # Errors
///
/// What the state says.
pub fn restored(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    guid: Guid,
    now: i64,
) -> Result<(), StoreError> {
    let Some((series, key)) = tx.occurrence(datastore, guid)? else {
        return Ok(());
    };
    let Some(item) = tx.item(datastore, guid)? else {
        return Ok(());
    };
    let by = (Origin::Local, now);
    let given = (&item, item.content.as_slice());
    if let Given::Stray = give_back(tx, datastore, given, (series, &key), by)? {
        let content = Content::new(&item.media_type, &item.content);
        let_go(tx, datastore, (guid, content), by)?;
    }
    Ok(())
}
