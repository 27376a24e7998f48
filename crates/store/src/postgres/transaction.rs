//! What a session asks of the state, as statements.
//!
//! `OFFSET 0` and `LATERAL` keep the database from making joins of lookups: without statistics it takes
//! a walk over all pairs of a device for as good as the lookup of one.
//!
//! A statement is one round trip; what a change needs (its number, the former version, the row) is
//! one statement. All are prepared once a connection and run over indexes; a test looks at their
//! plans.

use session::store::{
    Account, AccountId, ChangeSeq, Content, Datastore, DatastoreId, Device, Guid, Link, LinkId,
    Mapping, Origin, Partial, Pending, PendingRange, Permission, StoreError, StoredItem,
    StoredSession, Transaction,
};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::address::reason;
use super::pool::{Params, Statements};
use super::rows::{
    ITEM, LINK, SESSION, account_of, bits, column, datastore_of, device_of, item_of, link_of,
    mapping_of, permission_of, session_of, text,
};
use super::{Access, large, views};

/// Why a statement failed, in words that decide what becomes of the transaction.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database has given the transaction up; it may be run again.
    #[error("the transaction collides with another one")]
    Conflict,
    /// The connection is dead.
    #[error("{0}")]
    Lost(String),
    /// The database cannot read what it holds.
    #[error("{0}")]
    Damaged(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let text = reason(error);
        let Some(answer) = error.as_db_error() else {
            // all that the client itself finds wrong with a statement of ours is found by tests
            return if error.is_closed() || std::error::Error::source(error).is_some() {
                Self::Lost(text)
            } else {
                Self::Other(text)
            };
        };
        match *answer.code() {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Conflict,
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Lost(text),
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Self::Damaged(text),
            _ => Self::Other(text),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Retry,
            Fault::Damaged(what) => Self::Damaged { what },
            Fault::Lost(text) | Fault::Other(text) => Self::Unavailable(text.into()),
        }
    }
}

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
    /// The session that changes are made by.
    pub(super) session: Option<String>,
}

impl<'c> Running<'c> {
    pub(super) fn new(lease: &'c mut dyn Statements, access: Access) -> Self {
        Self {
            lease,
            access,
            fault: None,
            claimed: Vec::new(),
            address_claimed: false,
            session: None,
        }
    }

    /// Remembers what has ended the transaction, and says it to the job.
    fn end(&mut self, fault: Fault) -> StoreError {
        let said = match &fault {
            Fault::Conflict => StoreError::Retry,
            Fault::Damaged(what) => StoreError::Damaged { what: what.clone() },
            Fault::Lost(text) | Fault::Other(text) => StoreError::Unavailable(text.clone().into()),
        };
        // what follows the first only repeats it
        self.fault.get_or_insert(fault);
        said
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

    /// The number of a change that a statement has made, in the first column of its row.
    pub(super) fn changed(
        &mut self,
        datastore: DatastoreId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<ChangeSeq, StoreError> {
        let seq = self.one(datastore.account, sql, params, |row| column(row, 0))?;
        seq.map(ChangeSeq).ok_or_else(|| missing("item"))
    }

    /// The session that changes of this origin are made by.
    fn session_of(&self, origin: Origin<'_>) -> Option<String> {
        match origin {
            Origin::Session(_) => self.session.clone(),
            Origin::Local => None,
        }
    }

    /// Keeps a version that is not to be the item's content.
    pub(super) fn keep_beside(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        (why, origin): (&str, Origin<'_>),
        now: i64,
    ) -> Result<(), StoreError> {
        let session = self.session_of(origin);
        let kept = self.execute(
            datastore.account,
            "WITH next AS (
                 UPDATE datastore SET last_version = last_version + 1
                 WHERE account = $1 AND number = $2 RETURNING last_version)
             INSERT INTO history
                 (account, datastore, guid, number, media_type, exact, content, why, origin, at,
                  session)
             SELECT $1, $2, $3::bigint, last_version, $4::text, $5::bigint, $6::bytea,
                 $7::text, $8::text, $9::bigint, $10::text FROM next",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &text(content.media_type),
                &bits(content.fingerprint.exact),
                &content.bytes,
                &why,
                &device_in(origin).map(text),
                &now,
                &session,
            ],
        )?;
        if kept == 0 {
            return Err(missing("datastore"));
        }
        Ok(())
    }

    /// Locks a session's row and reads it.
    fn locked_session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError> {
        let sql = format!("SELECT {SESSION} FROM session WHERE token = $1 FOR UPDATE");
        let rows = self.raw(&sql, &[&text(token)])?;
        let session = rows.first().map(session_of).transpose()?;
        match session.as_ref().and_then(|session| session.account) {
            // the account was removed, and its sessions are about to be
            Some(account) if !self.claim(account)? => Ok(None),
            _ => Ok(session),
        }
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
                &wanted.deleted,
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
              WHERE account = $1 AND datastore = $2 AND deleted = $7 AND {column} = $3
                AND guid >= 0
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
      AND CASE WHEN map.guid IS NULL THEN NOT item.deleted
               ELSE $7 OR item.deleted OR map.revision < item.seq OR map.stale END
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
    WHERE account = $1 AND datastore = $2 AND NOT deleted
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

/// Locks the account of a session.
const CLAIM_OF_SESSION: &str = "SELECT id FROM account
    WHERE id = (SELECT account FROM session WHERE token = $1) FOR NO KEY UPDATE";

/// A message that is at a session of nobody will come to wait for this account.
const END_OTHERS: &str = "DELETE FROM session WHERE token = ANY (ARRAY (
    SELECT token FROM session
    WHERE device = $1 AND token <> $2 AND coalesce(account, $3) = $3
    FOR UPDATE SKIP LOCKED))";

const HAD_VERSION: &str = "SELECT 1 FROM history
    WHERE account = $1 AND datastore = $2 AND guid = $3 AND exact = $4
      AND why NOT IN ('overruled', 'withdrawn') LIMIT 1";

fn pending_sql() -> String {
    format!(
        "SELECT item.guid, item.seq, item.deleted, item.media_type,
                CASE WHEN octet_length(item.content) <= $8::bigint THEN item.content
                     ELSE ''::bytea END,
                item.exact, item.parent, item.content_seq, item.modified,
                map.luid, map.revision, octet_length(item.content)::bigint, map.stale
         {PENDING} ORDER BY item.seq LIMIT $9"
    )
}

fn count_sql() -> String {
    format!("SELECT count(*) {PENDING}")
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
        self.one(
            account,
            "SELECT number, uri, devinf, nonce, last_seen FROM device
             WHERE account = $1 AND uri = $2",
            &[&account.0, &text(uri)],
            device_of,
        )
    }

    fn put_device(&mut self, account: AccountId, device: &Device) -> Result<i64, StoreError> {
        let number = self.one(
            account,
            "INSERT INTO device (account, number, uri, devinf, nonce, last_seen)
             VALUES ($1,
                 CASE WHEN $2::bigint <> 0 THEN $2::bigint
                      ELSE (SELECT coalesce(max(number), 0) + 1 FROM device WHERE account = $1) END,
                 $3, $4, $5, $6)
             ON CONFLICT (account, number) DO UPDATE SET
                 uri = excluded.uri, devinf = excluded.devinf, nonce = excluded.nonce,
                 last_seen = excluded.last_seen
             RETURNING number",
            &[
                &account.0,
                &device.number,
                &text(&device.uri),
                &device.devinf,
                &device.nonce,
                &device.last_seen,
            ],
            |row| column(row, 0),
        )?;
        number.ok_or_else(|| missing("device"))
    }

    fn session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError> {
        if self.access == Access::Write {
            // the account goes before its sessions
            let rows = self.raw(CLAIM_OF_SESSION, &[&text(token)])?;
            let account = rows.first().map(|row| column(row, 0)).transpose()?;
            self.claimed.extend(account.map(AccountId));
        }
        self.locked_session(token)
    }

    fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError> {
        if !self.address_claimed {
            // the row that a first message is about to write is not there yet to be locked
            let address = bits(session::hash(device.as_bytes()));
            self.raw("SELECT pg_advisory_xact_lock($1)", &[&address])?;
            self.address_claimed = true;
        }
        let rows = self.raw(
            "SELECT token, account FROM session
             WHERE device = $1 AND session_id = $2 AND (account IS NOT NULL OR NOT $3)
             ORDER BY updated DESC, turn DESC LIMIT 1",
            &[&text(device), &text(session_id), &logged_in],
        )?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        if let Some(account) = column::<Option<i64>>(row, 1)? {
            self.claim(AccountId(account))?;
        }
        match self.locked_session(column(row, 0)?)? {
            Some(session) => Ok(Some(session)),
            // another message has ended it while this one waited, and may have begun the next
            None => Err(self.end(Fault::Conflict)),
        }
    }

    fn put_session(&mut self, session: &StoredSession) -> Result<(), StoreError> {
        let account = session.account.map(|account| account.0);
        self.raw_execute(
            "INSERT INTO session (token, account, device, session_id, state, last_msg_id,
                 last_request, last_answer, updated, turn)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                 (SELECT coalesce(max(turn), 0) + 1 FROM session
                  WHERE device = $3 AND session_id = $4))
             ON CONFLICT (token) DO UPDATE SET
                 account = excluded.account, state = excluded.state,
                 last_msg_id = excluded.last_msg_id, last_request = excluded.last_request,
                 last_answer = excluded.last_answer, updated = excluded.updated",
            &[
                &text(&session.token),
                &account,
                &text(&session.device),
                &text(&session.session_id),
                &session.state,
                &text(&session.last_msg_id),
                &bits(session.last_request),
                &session.last_answer,
                &session.updated,
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
    ) -> Result<u64, StoreError> {
        let rows = self.raw(
            "SELECT count(*) FROM (
                 SELECT 1 FROM session
                 WHERE minute >= $1::bigint / 60 AND updated >= $1
                   AND account IS NOT NULL AND NOT (account = $2 AND device = $3)
                 LIMIT $4) AS counted",
            &[
                &since,
                &account.0,
                &text(device),
                &i64::try_from(limit).unwrap_or(i64::MAX),
            ],
        )?;
        let count = rows.first().map(|row| column::<i64>(row, 0)).transpose()?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }

    fn end_other_sessions(
        &mut self,
        account: AccountId,
        device: &str,
        keep: &str,
    ) -> Result<(), StoreError> {
        self.execute(
            account,
            END_OTHERS,
            &[&text(device), &text(keep), &account.0],
        )
        .map(|_| ())
    }

    fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        let sql = format!(
            "SELECT {} FROM link WHERE account = $1 AND datastore = $2 AND device = $3",
            LINK.join(", ")
        );
        let keys: Params<'_> = &[&account, &datastore, &device];
        self.one(link.datastore.account, &sql, keys, link_of)
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
        self.execute(
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
        .map(|_| ())
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
        self.claimed(link.datastore.account)?;
        let [account, datastore, device] = link_keys(link);
        let luid = text(&mapping.luid);
        let clear: (&str, Params<'_>) = (
            "DELETE FROM map WHERE account = $1 AND datastore = $2 AND device = $3
               AND luid = $4 AND luid >= '' AND guid <> $5",
            &[&account, &datastore, &device, &luid, &mapping.guid.0],
        );
        let put: (&str, Params<'_>) = (
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
        );
        let done = self.lease.execute_both(clear, put);
        done.map_err(|fault| self.end(fault))
    }

    fn remove_mapping(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.execute(
            link.datastore.account,
            "DELETE FROM map
             WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4",
            &[&account, &datastore, &device, &guid.0],
        )
        .map(|_| ())
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

    fn forget_forms(&mut self, link: LinkId) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.execute(
            link.datastore.account,
            "UPDATE map SET stale = true, device_text = NULL
             WHERE account = $1 AND datastore = $2 AND device = $3
               AND NOT (stale AND device_text IS NULL)",
            &[&account, &datastore, &device],
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
        self.changed(
            datastore,
            "WITH next AS (
                 UPDATE datastore SET last_seq = last_seq + 1
                 WHERE account = $1 AND number = $2 RETURNING last_seq)
             UPDATE item SET seq = next.last_seq, parent = $4, modified = $5 FROM next
             WHERE account = $1 AND datastore = $2 AND guid = $3 RETURNING seq",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &parent.map(|parent| parent.0),
                &now,
            ],
        )
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
        let session = self.session_of(origin);
        let added = self.one(
            datastore.account,
            "WITH next AS (
                 UPDATE datastore SET last_seq = last_seq + 1, last_guid = last_guid + 1
                 WHERE account = $1 AND number = $2 RETURNING last_guid, last_seq)
             INSERT INTO item
                 (account, datastore, guid, seq, content_seq, deleted, media_type, exact, key, uid,
                  content, modified, added_by)
             SELECT $1, $2, last_guid, last_seq, last_seq, false, $3::text, $4::bigint, $5::bigint,
                 $6::bigint, $7::bytea, $8::bigint, $9::text FROM next
             RETURNING guid, seq",
            &[
                &datastore.account.0,
                &datastore.number,
                &text(content.media_type),
                &bits(content.fingerprint.exact),
                &content.fingerprint.key.map(bits),
                &content.fingerprint.uid.map(bits),
                &content.bytes,
                &now,
                &session,
            ],
            |row| Ok((Guid(column(row, 0)?), ChangeSeq(column(row, 1)?))),
        )?;
        added.ok_or_else(|| missing("datastore"))
    }

    fn replace_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let session = self.session_of(origin);
        // all parts of a statement see the rows as they were before it
        self.changed(
            datastore,
            "WITH next AS (
                 UPDATE datastore SET last_seq = last_seq + 1, last_version = last_version + 1
                 WHERE account = $1 AND number = $2 RETURNING last_seq, last_version),
             kept AS (
                 INSERT INTO history
                     (account, datastore, guid, number, media_type, exact, content, content_seq,
                      was_deleted, why, origin, at, session)
                 SELECT account, datastore, guid, last_version, media_type, exact, content,
                     content_seq, deleted, 'replaced', $9::text, $10::bigint, $11::text
                 FROM item, next
                 WHERE account = $1 AND datastore = $2 AND guid = $3)
             UPDATE item SET seq = next.last_seq, content_seq = next.last_seq, deleted = false,
                 media_type = $4, exact = $5, key = $6, uid = $7, content = $8, modified = $10
             FROM next
             WHERE account = $1 AND datastore = $2 AND guid = $3 RETURNING seq",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &text(content.media_type),
                &bits(content.fingerprint.exact),
                &content.fingerprint.key.map(bits),
                &content.fingerprint.uid.map(bits),
                &content.bytes,
                &device_in(origin).map(text),
                &now,
                &session,
            ],
        )
    }

    fn delete_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let session = self.session_of(origin);
        self.changed(
            datastore,
            "WITH next AS (
                 UPDATE datastore SET last_seq = last_seq + 1, last_version = last_version + 1
                 WHERE account = $1 AND number = $2 RETURNING last_seq, last_version),
             kept AS (
                 INSERT INTO history
                     (account, datastore, guid, number, media_type, exact, content, content_seq,
                      was_deleted, why, origin, at, session)
                 SELECT account, datastore, guid, last_version, media_type, exact, content,
                     content_seq, deleted, 'deleted', $4::text, $5::bigint, $6::text
                 FROM item, next
                 WHERE account = $1 AND datastore = $2 AND guid = $3)
             UPDATE item SET seq = next.last_seq, deleted = true, modified = $5 FROM next
             WHERE account = $1 AND datastore = $2 AND guid = $3 RETURNING seq",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &device_in(origin).map(text),
                &now,
                &session,
            ],
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
        let mut alike = |column: &str, hash: u64| {
            let wanted = Wanted {
                column,
                hash,
                deleted,
                limit,
            };
            self.alike(link, generation, &wanted)
        };
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use testkit::postgres;

    use super::super::address::Address;
    use super::super::pool::{Pool, Statements as _};
    use super::super::{tidy, withholding};
    use super::*;

    #[test]
    fn what_a_session_asks_again_and_again_reads_ranges_of_indexes() {
        let Some(server) = postgres::Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        crate::Postgres::open(&database.url()).unwrap();
        let pool = Pool::new(Address::parse(&database.url()).unwrap());
        let mut lease = pool.take().unwrap();
        for (sql, indexes, params) in [
            (alike_sql("exact"), "item_exact map_pkey", 7),
            (alike_sql("key"), "item_key map_pkey", 7),
            (alike_sql("uid"), "item_uid map_pkey", 7),
            (pending_sql(), "item_seq map_pkey withheld_pkey", 9),
            (count_sql(), "item_seq map_pkey withheld_pkey", 7),
            (UNMAPPED.to_owned(), "item_pkey map_pkey withheld_pkey", 5),
            (HELD.to_owned(), "map_pkey item_pkey", 4),
            (CLAIM_OF_SESSION.to_owned(), "session_pkey account_pkey", 1),
            (END_OTHERS.to_owned(), "session_device session_pkey", 3),
            (large::PARTIAL.to_owned(), "partial_pkey chunk_pkey", 3),
            (large::UNDO.to_owned(), "partial_pkey chunk_pkey", 3),
            (item_sql(), "item_pkey", 3),
            (MAPPING_BY_LUID.to_owned(), "map_luid", 4),
            (HAD_VERSION.to_owned(), "history_pkey", 4),
            (withholding::HOLD.to_owned(), "withheld_pkey", 3),
            (withholding::WITHHELD.to_owned(), "withheld_pkey", 4),
            (
                tidy::VERSIONS.to_owned(),
                "history_at map_pkey item_pkey history_pkey withheld_session",
                6,
            ),
            (tidy::TOMBSTONES.to_owned(), "item_deleted", 6),
            (
                tidy::HOLDERS.to_owned(),
                "device_pkey map_pkey session_account",
                3,
            ),
        ] {
            let values = vec!["NULL"; params].join(", ");
            lease.batch(&format!("PREPARE asked AS {sql}")).unwrap();
            let explain = format!("EXPLAIN EXECUTE asked({values})");
            let plan = lease.query(&explain, &[]).unwrap();
            lease.batch("DEALLOCATE asked").unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            for index in indexes.split(' ') {
                assert!(plan.contains(&format!("using {index} ")), "{plan}");
            }
            for costly in [
                "Seq Scan",
                "Sort",
                "Hash",
                "Merge",
                "Bitmap",
                "Materialize",
                "Join Filter",
            ] {
                assert!(!plan.contains(costly), "{plan}");
            }
        }
    }
}
