//! What devices hold of items that they are shown in another form, and former contents.

use rusqlite::params;
use session::store::{ChangeSeq, DatastoreId, Guid, LinkId, StoreError};

use super::transaction::{Running, link_params};

pub(super) fn device_text(
    running: &Running<'_>,
    link: LinkId,
    guid: Guid,
) -> Result<Option<Vec<u8>>, StoreError> {
    let [account, datastore, device] = link_params(link);
    let text = running.one(
        "SELECT device_text FROM map
         WHERE account = ? AND datastore = ? AND device = ? AND guid = ?",
        [account, datastore, device, guid.0],
        |row| row.get(0),
    )?;
    Ok(text.flatten())
}

pub(super) fn keep_device_text(
    running: &Running<'_>,
    link: LinkId,
    guid: Guid,
    text: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_params(link);
    running
        .execute(
            "UPDATE map SET device_text = ?5
             WHERE account = ?1 AND datastore = ?2 AND device = ?3 AND guid = ?4",
            params![account, datastore, device, guid.0, text],
        )
        .map(|_| ())
}

pub(super) fn content_at(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    at: ChangeSeq,
) -> Result<Option<Vec<u8>>, StoreError> {
    let params = [datastore.account.0, datastore.number, guid.0, at.0];
    let current = running.one(
        "SELECT content FROM item
         WHERE account = ? AND datastore = ? AND guid = ? AND content_seq <= ?",
        params,
        |row| row.get(0),
    )?;
    if current.is_some() {
        return Ok(current);
    }
    running.one(
        "SELECT content FROM history
         WHERE account = ? AND datastore = ? AND guid = ? AND content_seq <= ?
         ORDER BY content_seq DESC LIMIT 1",
        params,
        |row| row.get(0),
    )
}

pub(super) fn keep_rendering(
    running: &Running<'_>,
    link: LinkId,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_params(link);
    running
        .execute(
            "INSERT OR REPLACE INTO rendering (account, datastore, device, bytes)
             VALUES (?, ?, ?, ?)",
            params![account, datastore, device, bytes],
        )
        .map(|_| ())
}

pub(super) fn end_rendering(running: &Running<'_>, link: LinkId) -> Result<(), StoreError> {
    running
        .execute(
            "DELETE FROM rendering WHERE account = ? AND datastore = ? AND device = ?",
            link_params(link),
        )
        .map(|_| ())
}
