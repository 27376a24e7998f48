//! What the engines do alike once they have read what their own words ask for.

use session::occurrences;
use session::store::{Content, DatastoreId, Guid, Origin, StoreError, StoredItem, Transaction};

use crate::{Restored, Version};

/// The items that a new one may be, at most `limit`, in order of GUID: those of equal content, else
/// those of the same name or of the same UID. `alike` finds the items by a column and its hash.
pub(crate) fn candidates(
    fingerprint: &pim::Fingerprint,
    limit: usize,
    mut alike: impl FnMut(&'static str, u64) -> Result<Vec<StoredItem>, StoreError>,
) -> Result<Vec<StoredItem>, StoreError> {
    let equal = alike("exact", fingerprint.exact)?;
    if !equal.is_empty() {
        return Ok(equal);
    }
    let mut found = Vec::new();
    for (column, hash) in [("key", fingerprint.key), ("uid", fingerprint.uid)] {
        if let Some(hash) = hash {
            found.extend(alike(column, hash)?);
        }
    }
    found.sort_by_key(|item| item.guid);
    found.dedup_by_key(|item| item.guid);
    found.truncate(limit);
    Ok(found)
}

/// Makes one of an item's versions, which come oldest first, the present one; `number` counts them
/// from 1, and `None` is the last.
pub(crate) fn restore(
    tx: &mut dyn Transaction,
    (datastore, guid): (DatastoreId, Guid),
    versions: &[Version],
    number: Option<usize>,
    now: i64,
) -> Result<Restored, StoreError> {
    let number = number.unwrap_or(versions.len());
    let chosen = number.checked_sub(1).and_then(|index| versions.get(index));
    let Some(version) = chosen else {
        return Ok(Restored::NoVersion);
    };
    let present = tx.item(datastore, guid)?;
    if present.is_some_and(|item| !item.deleted && item.content == version.content) {
        return Ok(Restored::Present(number));
    }
    let content = Content::new(&version.media_type, &version.content);
    tx.replace_item(datastore, guid, content, Origin::Local, now)?;
    occurrences::restored(tx, datastore, guid, now)?;
    Ok(Restored::Replaced(number))
}

/// Sessions that are removed in one transaction.
const AT_ONCE: u16 = 500;

/// Removes sessions, so many at most at a time, until none is left: messages find room between the
/// transactions. How many.
pub(crate) fn in_batches(
    mut remove: impl FnMut(i64) -> Result<usize, crate::Error>,
) -> Result<usize, crate::Error> {
    let mut all = 0;
    loop {
        let removed = remove(AT_ONCE.into())?;
        all += removed;
        if removed < usize::from(AT_ONCE) {
            return Ok(all);
        }
    }
}
