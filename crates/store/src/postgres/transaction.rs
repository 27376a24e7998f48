//! What a session asks of the state, as statements.
//!
//! `OFFSET 0` and `LATERAL` keep the database from making joins of lookups: without statistics it takes
//! a walk over all pairs of a device for as good as the lookup of one.
//!
//! A statement that is waited for is one round trip, and takes those along that are not; what a change
//! needs (its number, the former version, the row) is one statement. All are prepared once a connection and run over indexes; a test looks at their
//! plans.

use session::store::{
    Account, AccountId, Among, ChangeSeq, Content, Datastore, DatastoreId, Device, Guid, Link,
    LinkId, Mapping, Origin, Partial, Pending, PendingRange, Permission, SessionCounts, StoreError,
    StoredItem, StoredSession, Transaction,
};
use tokio_postgres::Row;

use super::fault::Fault;
use super::pool::{Params, Statements};
use super::rows::{
    ITEM, LINK, account_of, bits, column, datastore_of, item_of, mapping_of, permission_of, text,
};
use super::{Access, large, views};
use crate::shared;

mod ahead;
mod changes;
mod sessions;

/// A transaction on a connection that has begun one.
pub(super) struct Running<'c> {
    lease: &'c mut dyn Statements,
    access: Access,
    /// What has ended the transaction, whatever the job made of it.
    pub(super) fault: Option<Fault>,
    /// Accounts whose rows are locked.
    claimed: Vec<AccountId>,
    /// The device's address is locked.
    address_claimed: bool,
    /// The token of a session whose row is locked.
    held_session: Option<String>,
    /// The session that changes are made by.
    pub(super) session: Option<String>,
    /// Answers to what the session is about to ask.
    ahead: ahead::Ahead,
}

impl<'c> Running<'c> {
    pub(super) fn new(lease: &'c mut dyn Statements, access: Access) -> Self {
        Self {
            lease,
            access,
            fault: None,
            claimed: Vec::new(),
            address_claimed: false,
            held_session: None,
            session: None,
            ahead: ahead::Ahead::default(),
        }
    }

    /// Remembers what has ended the transaction, and says it to the job.
    fn end(&mut self, fault: Fault) -> StoreError {
        // what follows the first only repeats it
        self.fault.get_or_insert_with(|| fault.clone());
        fault.into()
    }

    /// Rows of a statement that needs no lock of an account.
    pub(super) fn raw(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        let rows = self.lease.query(sql, params);
        rows.map_err(|fault| self.end(fault))
    }

    /// A statement without rows that needs no lock of an account.
    pub(super) fn raw_execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
        let changed = self.lease.execute(sql, params);
        changed.map_err(|fault| self.end(fault))
    }

    /// Two statements at once that need no lock of an account.
    fn raw_both(
        &mut self,
        first: (&str, Params<'_>),
        second: (&str, Params<'_>),
    ) -> Result<(Vec<Row>, Vec<Row>), StoreError> {
        let rows = self.lease.query_both(first, second);
        rows.map_err(|fault| self.end(fault))
    }

    /// A statement without rows that needs no lock of an account, and whose outcome shows with the
    /// next one's.
    pub(super) fn raw_later(&mut self, sql: &str, params: Params<'_>) -> Result<(), StoreError> {
        let kept = self.lease.later(sql, params);
        kept.map_err(|fault| self.end(fault))
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let done = self.lease.batch(sql);
        done.map_err(|fault| self.end(fault))
    }

    /// Locks an account for the rest of the transaction, so that others of it wait; whether there
    /// is such an account.
    pub(super) fn claim(&mut self, account: AccountId) -> Result<bool, StoreError> {
        if self.access == Access::Read || self.claimed.contains(&account) {
            return Ok(true);
        }
        let sql = "SELECT 1 FROM account WHERE id = $1 FOR NO KEY UPDATE";
        let found = !self.raw(sql, &[&account.0])?.is_empty();
        if found {
            self.claimed.push(account);
        }
        Ok(found)
    }

    fn claimed(&mut self, account: AccountId) -> Result<(), StoreError> {
        if self.claim(account)? {
            Ok(())
        } else {
            Err(missing("account"))
        }
    }

    pub(super) fn rows(
        &mut self,
        account: AccountId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        self.claimed(account)?;
        self.raw(sql, params)
    }

    pub(super) fn execute(
        &mut self,
        account: AccountId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<u64, StoreError> {
        self.claimed(account)?;
        self.raw_execute(sql, params)
    }

    /// A statement without rows whose outcome shows with the next one's.
    pub(super) fn later(
        &mut self,
        account: AccountId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<(), StoreError> {
        self.claimed(account)?;
        self.raw_later(sql, params)
    }

    pub(super) fn one<T>(
        &mut self,
        account: AccountId,
        sql: &str,
        params: Params<'_>,
        read: impl FnOnce(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.rows(account, sql, params)?
            .first()
            .map(read)
            .transpose()
    }

    pub(super) fn all<T>(
        &mut self,
        account: AccountId,
        sql: &str,
        params: Params<'_>,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(account, sql, params)?.iter().map(read).collect()
    }

    /// Items of which a hash column has a value and that the device does not hold.
    fn alike(
        &mut self,
        link: LinkId,
        generation: i64,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.all(
            link.datastore.account,
            &alike_sql(wanted.column),
            &[
                &account,
                &datastore,
                &bits(wanted.hash),
                &device,
                &generation,
                &(wanted.limit as i64),
                &wanted.among.deleted,
                &wanted.among.occurrences,
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
    among: Among,
    limit: usize,
}

/// The column's name is one of four of ours.
fn alike_sql(column: &str) -> String {
    format!(
        "SELECT {ITEM} FROM
             (SELECT * FROM item
              WHERE account = $1 AND datastore = $2 AND deleted = $7 AND {column} = $3
                AND guid >= 0 AND ($8 OR series IS NULL)
              ORDER BY guid LIMIT {MAX_ALIKE}) AS item
         WHERE NOT EXISTS (SELECT 1 FROM map
               WHERE map.account = $1 AND map.datastore = $2 AND map.device = $4
                 AND map.guid = item.guid AND map.generation = $5 OFFSET 0)
         ORDER BY guid LIMIT $6"
    )
}

/// Items of a range that a device does not hold as they are, with the device's pair.
const PENDING: &str = "
    FROM item LEFT JOIN LATERAL (
        SELECT guid, luid, revision, stale FROM map
        WHERE account = $1 AND datastore = $2 AND device = $3
          AND guid = item.guid AND generation = $6 OFFSET 0) AS map ON true
    WHERE item.account = $1 AND item.datastore = $2 AND item.seq > $4 AND item.seq <= $5
      AND item.seq >= 0
      AND (map.guid IS NOT NULL OR (item.first_time <= $9 AND item.last_time >= $8))
      AND CASE WHEN map.guid IS NULL THEN NOT item.deleted AND ($10 OR item.series IS NULL)
               ELSE $7 OR item.deleted OR map.revision < item.seq OR map.stale
                 OR (item.series IS NOT NULL AND NOT $10) END
      AND NOT EXISTS (SELECT 1 FROM withheld
          WHERE withheld.account = $1 AND withheld.datastore = $2 AND withheld.device = $3
            AND withheld.guid = item.guid AND withheld.seq = item.content_seq
            AND NOT item.deleted OFFSET 0)";

fn item_sql() -> String {
    format!("SELECT {ITEM} FROM item WHERE account = $1 AND datastore = $2 AND guid = $3")
}

const MAPPING_BY_LUID: &str = "SELECT luid, guid, revision, generation, stale FROM map
    WHERE account = $1 AND datastore = $2 AND device = $3 AND luid = $4 AND luid >= ''";

const UNMAPPED: &str = "SELECT guid FROM item
    WHERE account = $1 AND datastore = $2 AND NOT deleted AND series IS NULL
      AND NOT EXISTS (SELECT 1 FROM map
          WHERE map.account = $1 AND map.datastore = $2 AND map.device = $3
            AND map.guid = item.guid AND map.generation = $4 OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM withheld
          WHERE withheld.account = $1 AND withheld.datastore = $2 AND withheld.device = $3
            AND withheld.guid = item.guid AND withheld.seq = item.content_seq OFFSET 0)
    ORDER BY guid LIMIT $5";

const HELD: &str = "SELECT count(*), coalesce(sum(item.size), 0)::bigint
    FROM map CROSS JOIN LATERAL (
        SELECT octet_length(content) AS size FROM item
        WHERE account = $1 AND datastore = $2 AND guid = map.guid AND NOT deleted OFFSET 0) AS item
    WHERE map.account = $1 AND map.datastore = $2 AND map.device = $3 AND map.generation = $4";

const HAD_VERSION: &str = "SELECT 1 FROM history
    WHERE account = $1 AND datastore = $2 AND guid = $3 AND exact = $4
      AND why NOT IN ('overruled', 'withdrawn') LIMIT 1";

fn pending_sql() -> String {
    format!(
        "SELECT item.guid, item.seq, item.deleted OR (item.series IS NOT NULL AND NOT $10),
                item.media_type, CASE WHEN octet_length(item.content) <= $11::bigint THEN item.content
                     ELSE ''::bytea END,
                item.exact, item.parent, item.content_seq, item.modified,
                map.luid, map.revision, octet_length(item.content)::bigint, map.stale
         {PENDING} ORDER BY item.seq LIMIT $12"
    )
}

fn count_sql() -> String {
    format!("SELECT count(*) {PENDING}")
}

pub(super) fn missing(what: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("a {what} that is referred to is missing"),
    }
}

/// Where `substring` begins and how long it is, for an offset and a length. Values have less than
/// 1 GiB.
pub(super) fn part(offset: u64, length: usize) -> (i32, i32) {
    let begin = i32::try_from(offset).map_or(i32::MAX, |offset| offset.saturating_add(1));
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    (begin, length.min(i32::MAX - begin))
}

pub(super) fn link_keys(link: LinkId) -> [i64; 3] {
    [link.datastore.account.0, link.datastore.number, link.device]
}

impl Transaction for Running<'_> {
    fn begin_atomic(&mut self) -> Result<(), StoreError> {
        self.batch("SAVEPOINT atomic_command")
    }

    fn undo_atomic(&mut self) -> Result<(), StoreError> {
        self.ahead.forget();
        self.batch("ROLLBACK TO SAVEPOINT atomic_command; RELEASE SAVEPOINT atomic_command")
    }

    fn end_atomic(&mut self) -> Result<(), StoreError> {
        self.batch("RELEASE SAVEPOINT atomic_command")
    }

    fn account(&mut self, name: &str) -> Result<Option<Account>, StoreError> {
        let rows = self.raw(
            "SELECT id, name, digest, password FROM account WHERE name = $1 FOR NO KEY UPDATE",
            &[&text(name)],
        )?;
        let account = rows.first().map(account_of).transpose()?;
        self.claimed
            .extend(account.as_ref().map(|account| account.id));
        Ok(account)
    }

    fn datastores(&mut self, account: AccountId) -> Result<Vec<Datastore>, StoreError> {
        if let Some(known) = self.datastores_ahead(account) {
            return Ok(known);
        }
        self.all(
            account,
            "SELECT number, name, kind FROM datastore WHERE account = $1 ORDER BY number",
            &[&account.0],
            |row| datastore_of(account, row),
        )
    }

    fn permission(
        &mut self,
        datastore: DatastoreId,
        device: &str,
    ) -> Result<Permission, StoreError> {
        if let Some(known) = self.permission_ahead(datastore, device) {
            return Ok(known);
        }
        let found = self.one(
            datastore.account,
            "SELECT permission FROM permission
             WHERE account = $1 AND datastore = $2 AND device IN ($3, '')
             ORDER BY device DESC LIMIT 1",
            &[&datastore.account.0, &datastore.number, &text(device)],
            permission_of,
        )?;
        Ok(found.unwrap_or_default())
    }

    fn device(&mut self, account: AccountId, uri: &str) -> Result<Option<Device>, StoreError> {
        self.read_device(account, uri)
    }

    fn put_device(&mut self, account: AccountId, device: &Device) -> Result<i64, StoreError> {
        let number = match device.number {
            // two statements, since not every engine takes a question within an INSERT
            0 => self.one(
                account,
                "SELECT coalesce(max(number), 0) + 1 FROM device WHERE account = $1",
                &[&account.0],
                |row| column(row, 0),
            )?,
            number => Some(number),
        };
        let number: i64 = number.ok_or_else(|| missing("device"))?;
        self.later(
            account,
            "INSERT INTO device (account, number, uri, devinf, nonce, last_seen)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account, number) DO UPDATE SET
                 uri = excluded.uri, devinf = excluded.devinf, nonce = excluded.nonce,
                 last_seen = excluded.last_seen",
            &[
                &account.0,
                &number,
                &text(&device.uri),
                &device.devinf,
                &device.nonce,
                &device.last_seen,
            ],
        )?;
        let written = Device {
            number,
            ..device.clone()
        };
        self.wrote_device(account, &written);
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
        self.read_link(link)
    }

    fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        let columns = LINK.join(", ");
        let excluded = LINK.map(|column| format!("excluded.{column}")).join(", ");
        let sql = format!(
            "INSERT INTO link (account, datastore, device, {columns})
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19, $20, $21, $22)
             ON CONFLICT (account, datastore, device) DO UPDATE SET ({columns}) = ({excluded})"
        );
        let open = state.open.as_ref();
        let sending = open.and_then(|open| open.sending);
        self.wrote_link(link, state);
        self.later(
            link.datastore.account,
            &sql,
            &[
                &account,
                &datastore,
                &device,
                &text(&state.client_anchor),
                &text(&state.previous_client_anchor),
                &text(&state.server_anchor),
                &text(&state.previous_server_anchor),
                &state.seen.0,
                &state.previous_seen.0,
                &state.sent_until.0,
                &state.generation,
                &text(&state.client_uri),
                &state.last_sync,
                &open.map(|open| i64::from(open.alert)),
                &open.map(|open| text(&open.client_last)),
                &open.map(|open| open.until.0),
                &sending.map(|sending| sending.guid.0),
                &sending.map(|sending| sending.seq.0),
                &sending.map(|sending| sending.confirmed.cast_signed()),
                &text(&state.filter),
                &text(&state.view),
                &text(&state.orphans),
            ],
        )
    }

    fn mapping(&mut self, link: LinkId, luid: &str) -> Result<Option<Mapping>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.one(
            link.datastore.account,
            MAPPING_BY_LUID,
            &[&account, &datastore, &device, &text(luid)],
            mapping_of,
        )
    }

    fn mapping_of(&mut self, link: LinkId, guid: Guid) -> Result<Option<Mapping>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.one(
            link.datastore.account,
            "SELECT luid, guid, revision, generation, stale FROM map
             WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4",
            &[&account, &datastore, &device, &guid.0],
            mapping_of,
        )
    }

    fn put_mapping(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        let luid = text(&mapping.luid);
        self.later(
            link.datastore.account,
            "DELETE FROM map WHERE account = $1 AND datastore = $2 AND device = $3
               AND luid = $4 AND luid >= '' AND guid <> $5",
            &[&account, &datastore, &device, &luid, &mapping.guid.0],
        )?;
        self.later(
            link.datastore.account,
            "INSERT INTO map (account, datastore, device, guid, luid, revision, generation, stale)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (account, datastore, device, guid) DO UPDATE SET
                 luid = excluded.luid, revision = excluded.revision,
                 generation = excluded.generation, stale = excluded.stale,
                 device_text = NULL",
            &[
                &account,
                &datastore,
                &device,
                &mapping.guid.0,
                &luid,
                &mapping.revision.0,
                &mapping.generation,
                &mapping.stale,
            ],
        )
    }

    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.later(
            link.datastore.account,
            "DELETE FROM map
             WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4",
            &[&account, &datastore, &device, &guid.0],
        )
    }

    fn last_change(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        let last = self.one(
            datastore.account,
            "SELECT last_seq FROM datastore WHERE account = $1 AND number = $2",
            &[&datastore.account.0, &datastore.number],
            |row| column(row, 0).map(ChangeSeq),
        )?;
        Ok(last.unwrap_or_default())
    }

    fn item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<StoredItem>, StoreError> {
        let sql = item_sql();
        let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &guid.0];
        self.one(datastore.account, &sql, keys, item_of)
    }

    fn forget_forms(&mut self, link: LinkId, bytes: u64) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.later(
            link.datastore.account,
            "UPDATE map SET stale = true, device_text = NULL
             WHERE account = $1 AND datastore = $2 AND device = $3
               AND NOT (stale AND device_text IS NULL)
               AND ($4::bigint = 0 OR EXISTS (SELECT 1 FROM item
                 WHERE item.account = map.account AND item.datastore = map.datastore
                   AND item.guid = map.guid
                   AND (octet_length(item.content) >= $4 OR map.revision < item.content_seq)))",
            &[&account, &datastore, &device, &bytes],
        )
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
        views::rendering_slice(self, link, offset, length)
    }

    fn end_rendering(&mut self, link: LinkId) -> Result<(), StoreError> {
        views::end_rendering(self, link)
    }

    fn content_slice(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let (offset, length) = part(offset, length);
        let slice = self.one(
            datastore.account,
            "SELECT substring(content FROM $4 FOR $5) FROM item
             WHERE account = $1 AND datastore = $2 AND guid = $3",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &offset,
                &length,
            ],
            |row| column(row, 0),
        )?;
        slice.ok_or_else(|| missing("item"))
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
        self.all(
            datastore.account,
            "SELECT guid FROM item
             WHERE account = $1 AND datastore = $2 AND parent = $3 AND NOT deleted
             ORDER BY guid LIMIT $4",
            &[
                &datastore.account.0,
                &datastore.number,
                &parent.0,
                &(limit as i64),
            ],
            |row| column(row, 0).map(Guid),
        )
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
        shared::candidates(fingerprint, limit, |column, hash| {
            let wanted = Wanted {
                column,
                hash,
                among,
                limit,
            };
            self.alike(link, generation, &wanted)
        })
    }

    fn candidates_by_beginning(
        &mut self,
        link: LinkId,
        generation: i64,
        short: u64,
        among: Among,
        limit: usize,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let wanted = Wanted {
            column: "short",
            hash: short,
            among,
            limit,
        };
        self.alike(link, generation, &wanted)
    }

    fn had_version(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        exact: u64,
    ) -> Result<bool, StoreError> {
        let found = self.one(
            datastore.account,
            HAD_VERSION,
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &bits(exact),
            ],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    fn pending(&mut self, link: LinkId, range: PendingRange) -> Result<Vec<Pending>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.all(
            link.datastore.account,
            &pending_sql(),
            &[
                &account,
                &datastore,
                &device,
                &range.after.0,
                &range.until.0,
                &range.generation,
                &range.with_held,
                &range.period.since,
                &range.period.until,
                &range.with_occurrences,
                &i64::try_from(range.inline).unwrap_or(i64::MAX),
                &(range.limit as i64),
            ],
            |row| {
                let item = item_of(row)?;
                let mapping = match column::<Option<String>>(row, 9)? {
                    None => None,
                    Some(luid) => Some(Mapping {
                        luid,
                        guid: item.guid,
                        revision: ChangeSeq(column(row, 10)?),
                        generation: range.generation,
                        stale: column(row, 12)?,
                    }),
                };
                let size = column::<i64>(row, 11)?.cast_unsigned();
                Ok(Pending {
                    item,
                    size,
                    mapping,
                })
            },
        )
    }

    fn count_pending(&mut self, link: LinkId, range: PendingRange) -> Result<u64, StoreError> {
        let [account, datastore, device] = link_keys(link);
        let count = self.one(
            link.datastore.account,
            &count_sql(),
            &[
                &account,
                &datastore,
                &device,
                &range.after.0,
                &range.until.0,
                &range.generation,
                &range.with_held,
                &range.period.since,
                &range.period.until,
                &range.with_occurrences,
            ],
            |row| column::<i64>(row, 0),
        )?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }

    fn held(&mut self, link: LinkId, generation: i64) -> Result<(u64, u64), StoreError> {
        let [account, datastore, device] = link_keys(link);
        let held = self.one(
            link.datastore.account,
            HELD,
            &[&account, &datastore, &device, &generation],
            |row| Ok((column::<i64>(row, 0)?, column::<i64>(row, 1)?)),
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
        let [account, datastore, device] = link_keys(link);
        self.one(
            link.datastore.account,
            "SELECT conflict FROM policy
             WHERE account = $1 AND datastore IN ($2, 0) AND device IN ($3, 0)
             ORDER BY datastore = 0, device = 0 LIMIT 1",
            &[&account, &datastore, &device],
            |row| column(row, 0),
        )
    }

    fn unmapped(
        &mut self,
        link: LinkId,
        generation: i64,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.all(
            link.datastore.account,
            UNMAPPED,
            &[&account, &datastore, &device, &generation, &(limit as i64)],
            |row| column(row, 0).map(Guid),
        )
    }
}

#[cfg(test)]
mod plans;
