//! What a session asks of the state, as statements.
//!
//! All statements are prepared once a connection and run over indexes; a test looks at their
//! plans.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, params};
use session::store::{
    Account, AccountId, Among, ChangeSeq, Content, Datastore, DatastoreId, Device, Guid, Link,
    LinkId, Mapping, Origin, Partial, Pending, PendingRange, Permission, SessionCounts, StoreError,
    StoredItem, StoredSession, Transaction,
};

use super::rows::{account_of, datastore_of, device_of, permission_of};
use super::{large, views};

mod changes;
mod items;
mod lacking;
mod links;
mod sessions;

/// A transaction on a connection that has begun one.
pub(super) struct Running<'c> {
    pub(super) connection: &'c Connection,
    /// The session that changes are made by.
    pub(super) session: Option<String>,
}

/// Turns what SQLite says into what a session can act on.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => {
            StoreError::Busy("another process has locked its file".to_owned())
        }
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
}

pub(super) fn missing(what: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("a {what} that is referred to is missing"),
    }
}

pub(super) fn link_params(link: LinkId) -> [i64; 3] {
    [link.datastore.account.0, link.datastore.number, link.device]
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
        sessions::session(self, token)
    }

    fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError> {
        sessions::find_session(self, device, session_id, logged_in)
    }

    fn put_session(&mut self, session: &StoredSession) -> Result<(), StoreError> {
        sessions::put_session(self, session)
    }

    fn count_sessions(
        &mut self,
        since: i64,
        account: AccountId,
        device: &str,
        limit: u64,
    ) -> Result<SessionCounts, StoreError> {
        sessions::count_sessions(self, since, account, device, limit)
    }

    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError> {
        sessions::end_other_sessions(self, account, device, keep)
    }

    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        links::link(self, link)
    }

    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        links::put_link(self, link, state)
    }

    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError> {
        links::mapping(self, link, luid)
    }

    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError> {
        links::mapping_of(self, link, guid)
    }

    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        links::put_mapping(self, link, mapping)
    }

    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        links::remove_mapping(self, link, guid)
    }

    fn forget_forms(&mut self, link: LinkId, bytes: u64) -> Result<(), StoreError> {
        links::forget_forms(self, link, bytes)
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
        items::rendering_slice(self, link, offset, length)
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
        items::item(self, datastore, guid)
    }

    fn add_item(
        &mut self,
        datastore: DatastoreId,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(Guid, ChangeSeq), StoreError> {
        changes::add_item(self, datastore, content, origin, now)
    }

    fn replace_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        changes::replace_item(self, datastore, guid, content, origin, now)
    }

    fn delete_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        changes::delete_item(self, datastore, guid, origin, now)
    }

    fn content_slice(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        items::content_slice(self, datastore, guid, offset, length)
    }

    fn move_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        parent: Option<Guid>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        changes::move_item(self, datastore, guid, parent, now)
    }

    fn children(
        &mut self,
        datastore: DatastoreId,
        parent: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        items::children(self, datastore, parent, limit)
    }

    fn held(&mut self, link: LinkId, generation: i64) -> Result<(u64, u64), StoreError> {
        links::held(self, link, generation)
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
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        lacking::candidates(self, link, generation, fingerprint, among, limit)
    }

    fn candidates_by_beginning(
        &mut self,
        link: LinkId,
        generation: i64,
        short: u64,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        lacking::candidates_by_beginning(self, link, generation, short, among, limit)
    }

    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError> {
        items::had_version(self, datastore, guid, exact)
    }

    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError> {
        lacking::pending(self, link, range)
    }

    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError> {
        lacking::count_pending(self, link, range)
    }

    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        lacking::unmapped(self, link, generation, limit)
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

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
        (1..20)
            .filter(|number| sql.contains(&format!("?{number}")))
            .count()
    }
}
