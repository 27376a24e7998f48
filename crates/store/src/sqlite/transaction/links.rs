//! What devices hold: links with their anchors, and maps.

use rusqlite::params;
use session::store::{Guid, Link, LinkId, Mapping, StoreError};

use super::super::rows::{self, LINK, link_of};
use super::{Running, link_params};

pub(super) fn link(running: &Running<'_>, link: LinkId) -> Result<Option<Link>, StoreError> {
    let sql = format!("SELECT {LINK} FROM link WHERE account = ? AND datastore = ? AND device = ?");
    running.one(&sql, link_params(link), link_of)
}

pub(super) fn put_link(
    running: &Running<'_>,
    link: LinkId,
    state: &Link,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT OR REPLACE INTO link (account, datastore, device, {LINK})
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let sending = state.open.as_ref().and_then(|open| open.sending);
    running
        .execute(
            &sql,
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                state.client_anchor,
                state.previous_client_anchor,
                state.server_anchor,
                state.previous_server_anchor,
                state.seen.0,
                state.previous_seen.0,
                state.sent_until.0,
                state.generation,
                state.client_uri,
                state.last_sync,
                state.open.as_ref().map(|open| open.alert),
                state.open.as_ref().map(|open| &open.client_last),
                state.open.as_ref().map(|open| open.until.0),
                sending.map(|sending| sending.guid.0),
                sending.map(|sending| sending.seq.0),
                sending.map(|sending| sending.confirmed.cast_signed()),
                state.filter,
                state.view,
                state.orphans,
            ],
        )
        .map(|_| ())
}

pub(super) fn mapping(
    running: &Running<'_>,
    link: LinkId,
    luid: &str,
) -> Result<Option<Mapping>, StoreError> {
    running.one(
        "SELECT luid, guid, revision, generation, stale FROM map
         WHERE account = ? AND datastore = ? AND device = ? AND luid = ?",
        params![
            link.datastore.account.0,
            link.datastore.number,
            link.device,
            luid
        ],
        rows::mapping_of,
    )
}

pub(super) fn mapping_of(
    running: &Running<'_>,
    link: LinkId,
    guid: Guid,
) -> Result<Option<Mapping>, StoreError> {
    running.one(
        "SELECT luid, guid, revision, generation, stale FROM map
         WHERE account = ? AND datastore = ? AND device = ? AND guid = ?",
        params![
            link.datastore.account.0,
            link.datastore.number,
            link.device,
            guid.0
        ],
        rows::mapping_of,
    )
}

pub(super) fn put_mapping(
    running: &Running<'_>,
    link: LinkId,
    mapping: &Mapping,
) -> Result<(), StoreError> {
    running
        .execute(
            "INSERT OR REPLACE INTO map
             (account, datastore, device, guid, luid, revision, generation, stale)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                mapping.guid.0,
                mapping.luid,
                mapping.revision.0,
                mapping.generation,
                mapping.stale
            ],
        )
        .map(|_| ())
}

pub(super) fn remove_mapping(
    running: &Running<'_>,
    link: LinkId,
    guid: Guid,
) -> Result<(), StoreError> {
    running
        .execute(
            "DELETE FROM map WHERE account = ? AND datastore = ? AND device = ? AND guid = ?",
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                guid.0
            ],
        )
        .map(|_| ())
}

pub(super) fn forget_forms(
    running: &Running<'_>,
    link: LinkId,
    bytes: u64,
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_params(link);
    running
        .execute(
            "UPDATE map SET stale = 1, device_text = NULL
         WHERE account = ?1 AND datastore = ?2 AND device = ?3
           AND (?4 = 0 OR EXISTS (SELECT 1 FROM item
             WHERE item.account = map.account AND item.datastore = map.datastore
               AND item.guid = map.guid
               AND (length(item.content) >= ?4 OR map.revision < item.content_seq)))",
            [
                account,
                datastore,
                device,
                i64::try_from(bytes).unwrap_or(i64::MAX),
            ],
        )
        .map(|_| ())
}

pub(super) fn held(
    running: &Running<'_>,
    link: LinkId,
    generation: i64,
) -> Result<(u64, u64), StoreError> {
    let [account, datastore, device] = link_params(link);
    let held = running.one(
        "SELECT count(*), ifnull(sum(length(item.content)), 0) FROM map JOIN item
           ON item.account = map.account AND item.datastore = map.datastore
          AND item.guid = map.guid AND item.deleted = 0
         WHERE map.account = ? AND map.datastore = ? AND map.device = ?
           AND map.generation = ?",
        [account, datastore, device, generation],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    let (items, bytes) = held.unwrap_or_default();
    Ok((items.cast_unsigned(), bytes.cast_unsigned()))
}
