//! Items and their contents, as they are read.

use rusqlite::{MAIN_DB, params};
use session::store::{DatastoreId, Guid, LinkId, StoreError, StoredItem};

use super::super::rows::{ITEM, bits, item_of};
use super::{Running, failed, link_params, missing};

impl Running<'_> {
    /// Some of the blob in a table, column and row.
    fn blob_slice(
        &self,
        (table, column, row): (&str, &str, i64),
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let blob = self
            .connection
            .blob_open(MAIN_DB, table, column, row, true)
            .map_err(failed)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut slice = vec![0; length.min(blob.len().saturating_sub(offset))];
        if !slice.is_empty() {
            blob.read_at_exact(&mut slice, offset).map_err(failed)?;
        }
        Ok(slice)
    }
}

pub(super) fn item(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
) -> Result<Option<StoredItem>, StoreError> {
    let sql = format!("SELECT {ITEM} FROM item WHERE account = ? AND datastore = ? AND guid = ?");
    running.one(
        &sql,
        params![datastore.account.0, datastore.number, guid.0],
        item_of,
    )
}

pub(super) fn children(
    running: &Running<'_>,
    datastore: DatastoreId,
    parent: Guid,
    limit: usize,
) -> Result<Vec<Guid>, StoreError> {
    running.all(
        "SELECT guid FROM item
         WHERE account = ? AND datastore = ? AND parent = ? AND deleted = 0
         ORDER BY guid LIMIT ?",
        params![
            datastore.account.0,
            datastore.number,
            parent.0,
            limit as i64
        ],
        |row| row.get(0).map(Guid),
    )
}

pub(super) fn content_slice(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, StoreError> {
    let row = running.one(
        "SELECT rowid FROM item WHERE account = ? AND datastore = ? AND guid = ?",
        params![datastore.account.0, datastore.number, guid.0],
        |row| row.get(0),
    )?;
    let row = row.ok_or_else(|| missing("item"))?;
    running.blob_slice(("item", "content", row), offset, length)
}

pub(super) fn rendering_slice(
    running: &Running<'_>,
    link: LinkId,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, StoreError> {
    let row = running.one(
        "SELECT rowid FROM rendering WHERE account = ? AND datastore = ? AND device = ?",
        link_params(link),
        |row| row.get(0),
    )?;
    let row = row.ok_or_else(|| missing("rendering"))?;
    running.blob_slice(("rendering", "bytes", row), offset, length)
}

pub(super) fn had_version(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    exact: u64,
) -> Result<bool, StoreError> {
    let found = running.one(
        "SELECT 1 FROM history
         WHERE account = ? AND datastore = ? AND guid = ? AND exact = ?
           AND why NOT IN ('overruled', 'withdrawn') LIMIT 1",
        params![datastore.account.0, datastore.number, guid.0, bits(exact)],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}
