//! Sessions: found and locked, so that messages of one of them take turns.

use session::store::{AccountId, SessionCounts, StoreError, StoredSession};
use tokio_postgres::Row;

use super::super::Access;
use super::super::fault::Fault;
use super::super::pool::Params;
use super::super::rows::{SESSION, bits, column, session_of, text};
use super::Running;

/// Locks the account of a session.
pub(super) const CLAIM_OF_SESSION: &str = "SELECT id FROM account
    WHERE id = (SELECT account FROM session WHERE token = $1) FOR NO KEY UPDATE";

/// A message that is at a session of nobody will come to wait for this account.
pub(super) const END_OTHERS: &str = "DELETE FROM session WHERE token = ANY (ARRAY (
    SELECT token FROM session
    WHERE device = $1 AND token <> $2 AND coalesce(account, $3) = $3
    FOR UPDATE SKIP LOCKED))";

impl Running<'_> {
    /// Locks a session's row and reads it.
    fn locked_session(&mut self, token: &str) -> Result<Option<StoredSession>, StoreError> {
        let rows = self.raw(&locked_sql(), &[&text(token)])?;
        self.session_of_rows(&rows)
    }

    /// The session of a row that is locked, if its account is there.
    fn session_of_rows(&mut self, rows: &[Row]) -> Result<Option<StoredSession>, StoreError> {
        let session = rows.first().map(session_of).transpose()?;
        match session.as_ref().and_then(|session| session.account) {
            // the account was removed, and its sessions are about to be
            Some(account) if !self.claim(account)? => Ok(None),
            _ => {
                self.held_session = session.as_ref().map(|session| session.token.clone());
                Ok(session)
            }
        }
    }

    /// Writes what a message changes of a session whose row is locked.
    fn update_session(&mut self, session: &StoredSession) -> Result<(), StoreError> {
        self.raw_later(
            "UPDATE session SET account = $2, state = $3, last_msg_id = $4, last_request = $5,
                 last_answer = $6, updated = $7
             WHERE token = $1",
            &[
                &text(&session.token),
                &session.account.map(|account| account.0),
                &session.state,
                &text(&session.last_msg_id),
                &bits(session.last_request),
                &session.last_answer,
                &session.updated,
            ],
        )
    }
}

/// Locks a session and reads it.
fn locked_sql() -> String {
    format!("SELECT {SESSION} FROM session WHERE token = $1 FOR UPDATE")
}

pub(super) fn session(
    running: &mut Running<'_>,
    token: &str,
) -> Result<Option<StoredSession>, StoreError> {
    if running.access == Access::Read {
        return running.locked_session(token);
    }
    // the account goes before its sessions
    let token = text(token);
    let keys: Params<'_> = &[&token];
    let (account, session) = running.raw_both((CLAIM_OF_SESSION, keys), (&locked_sql(), keys))?;
    let account = account.first().map(|row| column(row, 0)).transpose()?;
    running.claimed.extend(account.map(AccountId));
    running.session_of_rows(&session)
}

pub(super) fn find_session(
    running: &mut Running<'_>,
    device: &str,
    session_id: &str,
    logged_in: bool,
) -> Result<Option<StoredSession>, StoreError> {
    if !running.address_claimed {
        // the row that a first message is about to write is not there yet to be locked
        let address = bits(session::hash(device.as_bytes()));
        running.raw_later("SELECT pg_advisory_xact_lock($1)", &[&address])?;
        running.address_claimed = true;
    }
    let rows = running.raw(
        "SELECT token, account FROM session
         WHERE device = $1 AND session_id = $2 AND (account IS NOT NULL OR NOT $3)
         ORDER BY updated DESC, turn DESC LIMIT 1",
        &[&text(device), &text(session_id), &logged_in],
    )?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    if let Some(account) = column::<Option<i64>>(row, 1)? {
        running.claim(AccountId(account))?;
    }
    match running.locked_session(column(row, 0)?)? {
        Some(session) => Ok(Some(session)),
        // another message has ended it while this one waited, and may have begun the next
        None => Err(running.end(Fault::Conflict)),
    }
}

pub(super) fn put_session(
    running: &mut Running<'_>,
    session: &StoredSession,
) -> Result<(), StoreError> {
    if running.held_session.as_ref() == Some(&session.token) {
        return running.update_session(session);
    }
    let account = session.account.map(|account| account.0);
    running.raw_later(
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
}

pub(super) fn count_sessions(
    running: &mut Running<'_>,
    since: i64,
    account: AccountId,
    device: &str,
    limit: u64,
) -> Result<SessionCounts, StoreError> {
    let rows = running.raw(
        "SELECT count(*), count(*) FILTER (WHERE account = $2) FROM (
             SELECT account FROM session
             WHERE minute >= $5 AND updated >= $1
               AND account IS NOT NULL AND NOT (account = $2 AND device = $3)
             LIMIT $4) AS counted",
        &[
            &since,
            &account.0,
            &text(device),
            &i64::try_from(limit).unwrap_or(i64::MAX),
            &since.div_euclid(60),
        ],
    )?;
    let Some(row) = rows.first() else {
        return Ok(SessionCounts::default());
    };
    Ok(SessionCounts {
        all: column::<i64>(row, 0)?.cast_unsigned(),
        of_account: column::<i64>(row, 1)?.cast_unsigned(),
    })
}

pub(super) fn end_other_sessions(
    running: &mut Running<'_>,
    account: AccountId,
    device: &str,
    keep: &str,
) -> Result<(), StoreError> {
    running.held_session.take_if(|held| held != keep);
    running.later(
        account,
        END_OTHERS,
        &[&text(device), &text(keep), &account.0],
    )
}
