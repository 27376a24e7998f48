//! What a session asks of the state, as statements.
//!
//! All statements are prepared once a connection and run over indexes; a test looks at their
//! plans.

use rusqlite::{CachedStatement, Connection, MAIN_DB, OptionalExtension as _, Params, Row, params};
use session::store::{
    Account, AccountId, ChangeSeq, Content, Datastore, DatastoreId, Device, Guid, Link, LinkId,
    Mapping, Origin, Partial, Pending, PendingRange, Permission, SessionCounts, StoreError,
    StoredItem, StoredSession, Transaction,
};

use super::rows::{
    ITEM, LINK, account_of, bits, datastore_of, device_of, item_of, link_of, mapping_of,
    permission_of, session_of,
};
use super::{large, views};
use crate::shared;

/// A transaction on a connection that has begun one.
pub(super) struct Running<'c> {
    pub(super) connection: &'c Connection,
    /// The session that changes are made by.
    pub(super) session: Option<String>,
}

/// Turns what SQLite says into what a session can act on.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Damaged {
            what: error.to_string(),
        },
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

impl<'c> Running<'c> {
    /// No session is named yet.
    pub(super) fn on(connection: &'c Connection) -> Self {
        Self {
            connection,
            session: None,
        }
    }
}

impl Running<'_> {
    pub(super) fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).map_err(failed)
    }

    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.statement(sql)?.execute(params).map_err(failed)
    }

    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        statement.query_row(params, read).optional().map_err(failed)
    }

    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(params, read).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

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

    fn next_seq(&self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        let next = self.one(
            "UPDATE datastore SET last_seq = last_seq + 1 WHERE account = ? AND number = ?
             RETURNING last_seq",
            params![datastore.account.0, datastore.number],
            |row| row.get(0).map(ChangeSeq),
        )?;
        next.ok_or_else(|| missing("datastore"))
    }

    fn keep(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        why: &str,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO history
                 (account, datastore, guid, media_type, exact, content, content_seq, was_deleted,
                  why, origin, at, session)
             SELECT account, datastore, guid, media_type, exact, content, content_seq, deleted,
                    ?4, ?5, ?6, ?7
             FROM item
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                why,
                device_in(origin),
                now,
                self.session_of(origin)
            ],
        )
        .map(|_| ())
    }

    /// Keeps a version that is not to be the item's content.
    pub(super) fn keep_beside(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        (why, origin): (&str, Origin<'_>),
        now: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO history
                 (account, datastore, guid, media_type, exact, content, why, origin, at, session)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                content.media_type,
                bits(content.fingerprint.exact),
                content.bytes,
                why,
                device_in(origin),
                now,
                self.session_of(origin)
            ],
        )
        .map(|_| ())
    }

    /// Gives an item other content, and makes it live.
    pub(super) fn put_content(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let seq = self.next_seq(datastore)?;
        let changed = self.execute(
            "UPDATE item SET seq = ?4, content_seq = ?4, deleted = 0, media_type = ?5, exact = ?6,
                 key = ?7, uid = ?8, content = ?9, modified = ?10
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                seq.0,
                content.media_type,
                bits(content.fingerprint.exact),
                content.fingerprint.key.map(bits),
                content.fingerprint.uid.map(bits),
                content.bytes,
                now
            ],
        )?;
        if changed == 0 {
            return Err(missing("item"));
        }
        Ok(seq)
    }

    /// The session that changes of this origin are made by.
    fn session_of(&self, origin: Origin<'_>) -> Option<&str> {
        match origin {
            Origin::Session(_) => self.session.as_deref(),
            Origin::Local => None,
        }
    }

    /// Items of which a hash column has a value and that the device does not hold.
    fn alike(
        &self,
        link: LinkId,
        generation: i64,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let sql = alike_sql(wanted.column);
        self.all(
            &sql,
            params![
                link.datastore.account.0,
                link.datastore.number,
                bits(wanted.hash),
                link.device,
                generation,
                wanted.limit as i64,
                wanted.deleted
            ],
            item_of,
        )
    }
}

/// Items of one hash that are looked through for one that the device does not hold: so that
/// thousands of records of one name do not cost thousands of looks each.
const MAX_ALIKE: usize = 200;

/// Which items [`Running::alike`] reads.
struct Wanted<'w> {
    column: &'w str,
    hash: u64,
    deleted: bool,
    limit: usize,
}

/// The column's name is one of three of ours.
fn alike_sql(column: &str) -> String {
    format!(
        "SELECT {ITEM} FROM
             (SELECT * FROM item
              WHERE account = ?1 AND datastore = ?2 AND deleted = ?7 AND {column} = ?3
              ORDER BY guid LIMIT {MAX_ALIKE}) AS item
         WHERE NOT EXISTS (SELECT 1 FROM map
               WHERE map.account = ?1 AND map.datastore = ?2 AND map.device = ?4
                 AND map.guid = item.guid AND map.generation = ?5)
         ORDER BY guid LIMIT ?6"
    )
}

fn pending_sql(limit: usize) -> String {
    format!(
        "SELECT item.guid, item.seq, item.deleted, item.media_type,
                CASE WHEN length(item.content) <= ?8 THEN item.content ELSE x'' END, item.exact,
                item.parent, item.content_seq, item.modified,
                map.luid, map.revision, length(item.content), map.stale
         {PENDING} ORDER BY item.seq LIMIT {limit}"
    )
}

fn device_in(origin: Origin<'_>) -> Option<&str> {
    match origin {
        Origin::Session(device) => Some(device),
        Origin::Local => None,
    }
}

pub(super) fn missing(what: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("a {what} that is referred to is missing"),
    }
}

/// Items of a range that a device does not hold as they are, with the device's pair.
const PENDING: &str = "
    FROM item LEFT JOIN map
      ON map.account = item.account AND map.datastore = item.datastore AND map.device = ?3
     AND map.guid = item.guid AND map.generation = ?6
    WHERE item.account = ?1 AND item.datastore = ?2 AND item.seq > ?4 AND item.seq <= ?5
      AND CASE WHEN map.guid IS NULL THEN item.deleted = 0
               ELSE ?7 OR item.deleted = 1 OR map.revision < item.seq OR map.stale END
      AND NOT EXISTS (SELECT 1 FROM withheld
          WHERE withheld.account = ?1 AND withheld.datastore = ?2 AND withheld.device = ?3
            AND withheld.guid = item.guid AND withheld.seq = item.content_seq
            AND item.deleted = 0)";

pub(super) fn link_params(link: LinkId) -> [i64; 3] {
    [link.datastore.account.0, link.datastore.number, link.device]
}

fn range_params(link: LinkId, range: PendingRange) -> [i64; 7] {
    [
        link.datastore.account.0,
        link.datastore.number,
        link.device,
        range.after.0,
        range.until.0,
        range.generation,
        i64::from(range.with_held),
    ]
}

impl Transaction for Running<'_> {
    fn begin_atomic(&mut self) -> Result<(), StoreError> {
        self.execute("SAVEPOINT atomic_command", []).map(|_| ())
    }

    fn undo_atomic(&mut self) -> Result<(), StoreError> {
        self.execute("ROLLBACK TO atomic_command", [])?;
        self.end_atomic()
    }

    fn end_atomic(&mut self) -> Result<(), StoreError> {
        self.execute("RELEASE atomic_command", []).map(|_| ())
    }

    fn account(&mut self, name: &str) -> Result<Option<Account>, StoreError> {
        self.one(
            "SELECT id, name, digest, password FROM account WHERE name = ?",
            [name],
            account_of,
        )
    }

    fn datastores(&mut self, account: AccountId) -> Result<Vec<Datastore>, StoreError> {
        self.all(
            "SELECT number, name, kind FROM datastore WHERE account = ? ORDER BY number",
            [account.0],
            |row| datastore_of(account, row),
        )
    }

    fn permission(
        &mut self,
        datastore: DatastoreId,
        device: &str,
    ) -> Result<Permission, StoreError> {
        let found = self.one(
            "SELECT permission FROM permission
             WHERE account = ? AND datastore = ? AND device IN (?, '')
             ORDER BY device DESC LIMIT 1",
            params![datastore.account.0, datastore.number, device],
            permission_of,
        )?;
        Ok(found.unwrap_or_default())
    }

    fn device(&mut self, account: AccountId, uri: &str) -> Result<Option<Device>, StoreError> {
        self.one(
            "SELECT number, uri, devinf, nonce, last_seen FROM device
             WHERE account = ? AND uri = ?",
            params![account.0, uri],
            device_of,
        )
    }

    fn put_device(&mut self, account: AccountId, device: &Device) -> Result<i64, StoreError> {
        let mut number = device.number;
        if number == 0 {
            let next = self.one(
                "SELECT ifnull(max(number), 0) + 1 FROM device WHERE account = ?",
                [account.0],
                |row| row.get(0),
            )?;
            number = next.unwrap_or(1);
        }
        self.execute(
            "INSERT INTO device
                 (account, number, uri, devinf, nonce, last_seen)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (account, number) DO UPDATE SET
                 uri = excluded.uri, devinf = excluded.devinf, nonce = excluded.nonce,
                 last_seen = excluded.last_seen",
            params![
                account.0,
                number,
                device.uri,
                device.devinf,
                device.nonce,
                device.last_seen
            ],
        )?;
        Ok(number)
    }

    fn session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError> {
        self.one(
            "SELECT token, account, device, session_id, state, last_msg_id, last_request,
                    last_answer, updated
             FROM session WHERE token = ?",
            [token],
            session_of,
        )
    }

    fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.one(
            "SELECT token, account, device, session_id, state, last_msg_id, last_request,
                    last_answer, updated
             FROM session WHERE device = ?1 AND session_id = ?2
               AND (account IS NOT NULL OR NOT ?3)
             ORDER BY updated DESC, rowid DESC LIMIT 1",
            params![device, session_id, logged_in],
            session_of,
        )
    }

    fn put_session(&mut self, session: &StoredSession) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO session (token, account, device, session_id, state, last_msg_id,
                 last_request, last_answer, updated)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (token) DO UPDATE SET
                 account = excluded.account, state = excluded.state,
                 last_msg_id = excluded.last_msg_id, last_request = excluded.last_request,
                 last_answer = excluded.last_answer, updated = excluded.updated",
            params![
                session.token,
                session.account.map(|account| account.0),
                session.device,
                session.session_id,
                session.state,
                session.last_msg_id,
                bits(session.last_request),
                session.last_answer,
                session.updated
            ],
        )
        .map(|_| ())
    }

    fn count_sessions(
        &mut self,
        since: i64,
        account: AccountId,
        device: &str,
        limit: u64,
    ) -> Result<SessionCounts, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let counted = self.one(
            "SELECT count(*), count(*) FILTER (WHERE account = ?2) FROM (
                 SELECT account FROM session
                 WHERE updated >= ?1 AND account IS NOT NULL
                   AND NOT (account = ?2 AND device = ?3)
                 LIMIT ?4)",
            params![since, account.0, device, limit],
            |row| {
                Ok(SessionCounts {
                    all: row.get::<_, i64>(0)?.cast_unsigned(),
                    of_account: row.get::<_, i64>(1)?.cast_unsigned(),
                })
            },
        )?;
        Ok(counted.unwrap_or_default())
    }

    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM session
             WHERE device = ? AND token <> ? AND ifnull(account, ?3) = ?3",
            params![device, keep, account.0],
        )
        .map(|_| ())
    }

    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        let sql =
            format!("SELECT {LINK} FROM link WHERE account = ? AND datastore = ? AND device = ?");
        self.one(&sql, link_params(link), link_of)
    }

    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT OR REPLACE INTO link (account, datastore, device, {LINK})
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        );
        let sending = state.open.as_ref().and_then(|open| open.sending);
        self.execute(
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

    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError> {
        self.one(
            "SELECT luid, guid, revision, generation, stale FROM map
             WHERE account = ? AND datastore = ? AND device = ? AND luid = ?",
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                luid
            ],
            mapping_of,
        )
    }

    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError> {
        self.one(
            "SELECT luid, guid, revision, generation, stale FROM map
             WHERE account = ? AND datastore = ? AND device = ? AND guid = ?",
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                guid.0
            ],
            mapping_of,
        )
    }

    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        self.execute(
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

    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        self.execute(
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

    fn forget_forms(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.execute(
            "UPDATE map SET stale = 1, device_text = NULL
             WHERE account = ? AND datastore = ? AND device = ?",
            link_params(link),
        )
        .map(|_| ())
    }

    fn device_text(&mut self, link: LinkId, guid: Guid) -> Result<Option<Vec<u8>>, StoreError> {
        views::device_text(self, link, guid)
    }

    fn keep_device_text(
        &mut self,
        link: LinkId,
        guid: Guid,
        text: &[u8],
    ) -> Result<(), StoreError> {
        views::keep_device_text(self, link, guid, text)
    }

    fn content_at(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        at: ChangeSeq,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        views::content_at(self, datastore, guid, at)
    }

    fn keep_rendering(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        views::keep_rendering(self, link, bytes)
    }

    fn rendering_slice(
        &mut self,
        link: LinkId,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let row = self.one(
            "SELECT rowid FROM rendering WHERE account = ? AND datastore = ? AND device = ?",
            link_params(link),
            |row| row.get(0),
        )?;
        let row = row.ok_or_else(|| missing("rendering"))?;
        self.blob_slice(("rendering", "bytes", row), offset, length)
    }

    fn end_rendering(&mut self, link: LinkId) -> Result<(), StoreError> {
        views::end_rendering(self, link)
    }

    fn last_change(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        let last = self.one(
            "SELECT last_seq FROM datastore WHERE account = ? AND number = ?",
            params![datastore.account.0, datastore.number],
            |row| row.get(0).map(ChangeSeq),
        )?;
        Ok(last.unwrap_or_default())
    }

    fn item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<StoredItem>, StoreError> {
        let sql =
            format!("SELECT {ITEM} FROM item WHERE account = ? AND datastore = ? AND guid = ?");
        self.one(
            &sql,
            params![datastore.account.0, datastore.number, guid.0],
            item_of,
        )
    }

    fn add_item(
        &mut self,
        datastore: DatastoreId,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(Guid, ChangeSeq), StoreError> {
        let next = self.one(
            "UPDATE datastore SET last_seq = last_seq + 1, last_guid = last_guid + 1
             WHERE account = ? AND number = ? RETURNING last_guid, last_seq",
            params![datastore.account.0, datastore.number],
            |row| Ok((Guid(row.get(0)?), ChangeSeq(row.get(1)?))),
        )?;
        let (guid, seq) = next.ok_or_else(|| missing("datastore"))?;
        self.execute(
            "INSERT INTO item
                 (account, datastore, guid, seq, content_seq, deleted, media_type, exact, key, uid,
                  content, modified, added_by)
             VALUES (?1, ?2, ?3, ?4, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                seq.0,
                content.media_type,
                bits(content.fingerprint.exact),
                content.fingerprint.key.map(bits),
                content.fingerprint.uid.map(bits),
                content.bytes,
                now,
                self.session_of(origin)
            ],
        )?;
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
        self.keep(datastore, guid, "replaced", origin, now)?;
        self.put_content(datastore, guid, content, now)
    }

    fn delete_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.keep(datastore, guid, "deleted", origin, now)?;
        let seq = self.next_seq(datastore)?;
        let changed = self.execute(
            "UPDATE item SET seq = ?4, deleted = 1, modified = ?5
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![datastore.account.0, datastore.number, guid.0, seq.0, now],
        )?;
        if changed == 0 {
            return Err(missing("item"));
        }
        Ok(seq)
    }

    fn content_slice(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let row = self.one(
            "SELECT rowid FROM item WHERE account = ? AND datastore = ? AND guid = ?",
            params![datastore.account.0, datastore.number, guid.0],
            |row| row.get(0),
        )?;
        let row = row.ok_or_else(|| missing("item"))?;
        self.blob_slice(("item", "content", row), offset, length)
    }

    fn move_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        parent: Option<Guid>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let seq = self.next_seq(datastore)?;
        let changed = self.execute(
            "UPDATE item SET seq = ?4, parent = ?5, modified = ?6
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                seq.0,
                parent.map(|parent| parent.0),
                now
            ],
        )?;
        if changed == 0 {
            return Err(missing("item"));
        }
        Ok(seq)
    }

    fn children(
        &mut self,
        datastore: DatastoreId,
        parent: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        self.all(
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

    fn held(&mut self, link: LinkId, generation: i64) -> Result<(u64, u64), StoreError> {
        let [account, datastore, device] = link_params(link);
        let held = self.one(
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

    fn partial(&mut self, link: LinkId) -> Result<Option<Partial>, StoreError> {
        large::partial(self, link)
    }

    fn begin_partial(&mut self, link: LinkId, head: &[u8]) -> Result<(), StoreError> {
        large::begin_partial(self, link, head)
    }

    fn append_partial(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), StoreError> {
        large::append_partial(self, link, bytes)
    }

    fn undo_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        large::undo_partial(self, link)
    }

    fn partial_content(&mut self, link: LinkId) -> Result<Vec<u8>, StoreError> {
        large::partial_content(self, link)
    }

    fn end_partial(&mut self, link: LinkId) -> Result<(), StoreError> {
        large::end_partial(self, link)
    }

    fn conflict_policy(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        self.one(
            "SELECT conflict FROM policy
             WHERE account = ?1 AND (datastore = ?2 OR datastore = 0)
               AND (device = ?3 OR device = 0)
             ORDER BY datastore = 0, device = 0 LIMIT 1",
            link_params(link),
            |row| row.get(0),
        )
    }

    fn keep_overruled(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.keep_beside(datastore, guid, content, ("overruled", origin), now)
    }

    fn candidates(
        &mut self,
        link: LinkId,
        generation: i64,
        fingerprint: &pim::Fingerprint,
        deleted: bool,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        shared::candidates(fingerprint, limit, |column, hash| {
            let wanted = Wanted {
                column,
                hash,
                deleted,
                limit,
            };
            self.alike(link, generation, &wanted)
        })
    }

    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError> {
        let found = self.one(
            "SELECT 1 FROM history
             WHERE account = ? AND datastore = ? AND guid = ? AND exact = ?
               AND why NOT IN ('overruled', 'withdrawn') LIMIT 1",
            params![datastore.account.0, datastore.number, guid.0, bits(exact)],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError> {
        let sql = pending_sql(range.limit);
        let [
            account,
            datastore,
            device,
            after,
            until,
            generation,
            with_held,
        ] = range_params(link, range);
        let inline = i64::try_from(range.inline).unwrap_or(i64::MAX);
        let params = [
            account, datastore, device, after, until, generation, with_held, inline,
        ];
        self.all(&sql, params, |row| {
            let item = item_of(row)?;
            let luid: Option<String> = row.get(9)?;
            let mapping = match luid {
                None => None,
                Some(luid) => Some(Mapping {
                    luid,
                    guid: item.guid,
                    revision: ChangeSeq(row.get(10)?),
                    generation: range.generation,
                    stale: row.get(12)?,
                }),
            };
            let size = row.get::<_, i64>(11)?.cast_unsigned();
            Ok(Pending {
                item,
                size,
                mapping,
            })
        })
    }

    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) {PENDING}");
        let count = self.one(&sql, range_params(link, range), |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }

    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        self.all(
            "SELECT guid FROM item
             WHERE account = ?1 AND datastore = ?2 AND deleted = 0
               AND NOT EXISTS (SELECT 1 FROM map
                   WHERE map.account = ?1 AND map.datastore = ?2 AND map.device = ?3
                     AND map.guid = item.guid AND map.generation = ?4)
               AND NOT EXISTS (SELECT 1 FROM withheld
                   WHERE withheld.account = ?1 AND withheld.datastore = ?2
                     AND withheld.device = ?3 AND withheld.guid = item.guid
                     AND withheld.seq = item.content_seq)
             ORDER BY guid LIMIT ?5",
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                generation,
                limit as i64
            ],
            |row| row.get(0).map(Guid),
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_a_session_asks_again_and_again_reads_ranges_of_indexes() {
        let mut connection = Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection).unwrap();
        for (sql, index) in [
            (alike_sql("exact"), "item_exact"),
            (alike_sql("key"), "item_key"),
            (alike_sql("uid"), "item_uid"),
            (pending_sql(100), "item_seq"),
        ] {
            let plan = plan_of(&connection, &sql);
            assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
            // the rows of the bounded inner query are walked
            assert!(
                !plan.replace("SCAN item; CORR", "").contains("SCAN"),
                "{plan}"
            );
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    /// The steps by which SQLite would answer.
    pub(in super::super) fn plan_of(connection: &Connection, sql: &str) -> String {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let plan: Vec<String> = statement
            .query_map(
                rusqlite::params_from_iter(vec![0; statement_params(sql)]),
                |row| row.get("detail"),
            )
            .unwrap()
            .map(Result::unwrap)
            .collect();
        plan.join("; ")
    }

    fn statement_params(sql: &str) -> usize {
        (1..10)
            .filter(|number| sql.contains(&format!("?{number}")))
            .count()
    }
}
