//! What devices hold of items that they are shown in another form, and former contents.

use session::store::{ChangeSeq, DatastoreId, Guid, LinkId, StoreError};

use super::pool::Params;
use super::rows::column;
use super::transaction::{Running, link_keys, missing, part};

pub(super) fn device_text(
    running: &mut Running<'_>,
    link: LinkId,
    guid: Guid,
) -> Result<Option<Vec<u8>>, StoreError> {
    let [account, datastore, device] = link_keys(link);
    let text = running.one(
        link.datastore.account,
        "SELECT device_text FROM map
         WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4",
        &[&account, &datastore, &device, &guid.0],
        |row| column(row, 0),
    )?;
    Ok(text.flatten())
}

pub(super) fn keep_device_text(
    running: &mut Running<'_>,
    link: LinkId,
    guid: Guid,
    text: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.later(
        link.datastore.account,
        "UPDATE map SET device_text = $5
             WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4",
        &[&account, &datastore, &device, &guid.0, &text],
    )
}

pub(super) fn content_at(
    running: &mut Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    at: ChangeSeq,
) -> Result<Option<Vec<u8>>, StoreError> {
    let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &guid.0, &at.0];
    let current = running.one(
        datastore.account,
        "SELECT content FROM item
         WHERE account = $1 AND datastore = $2 AND guid = $3 AND content_seq <= $4",
        keys,
        |row| column(row, 0),
    )?;
    if current.is_some() {
        return Ok(current);
    }
    running.one(
        datastore.account,
        "SELECT content FROM history
         WHERE account = $1 AND datastore = $2 AND guid = $3 AND content_seq <= $4
         ORDER BY content_seq DESC LIMIT 1",
        keys,
        |row| column(row, 0),
    )
}

pub(super) fn keep_rendering(
    running: &mut Running<'_>,
    link: LinkId,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.later(
        link.datastore.account,
        "INSERT INTO rendering (account, datastore, device, bytes) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account, datastore, device) DO UPDATE SET bytes = excluded.bytes",
        &[&account, &datastore, &device, &bytes],
    )
}

pub(super) fn rendering_slice(
    running: &mut Running<'_>,
    link: LinkId,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, StoreError> {
    let [account, datastore, device] = link_keys(link);
    let (offset, length) = part(offset, length);
    let slice = running.one(
        link.datastore.account,
        "SELECT substring(bytes FROM $4 FOR $5) FROM rendering
         WHERE account = $1 AND datastore = $2 AND device = $3",
        &[&account, &datastore, &device, &offset, &length],
        |row| column(row, 0),
    )?;
    slice.ok_or_else(|| missing("rendering"))
}

pub(super) fn end_rendering(running: &mut Running<'_>, link: LinkId) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.later(
        link.datastore.account,
        "DELETE FROM rendering WHERE account = $1 AND datastore = $2 AND device = $3",
        &[&account, &datastore, &device],
    )
}
