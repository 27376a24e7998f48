//! Sessions: found, written and counted.

use rusqlite::params;
use session::store::{AccountId, SessionCounts, StoreError, StoredSession};

use super::super::rows::{bits, session_of};
use super::Running;

pub(super) fn session(
    running: &Running<'_>,
    token: &str,
) -> Result<Option<StoredSession>, StoreError> {
    running.one(
        "SELECT token, account, device, session_id, state, last_msg_id, last_request,
                last_answer, updated
         FROM session WHERE token = ?",
        [token],
        session_of,
    )
}

pub(super) fn find_session(
    running: &Running<'_>,
    device: &str,
    session_id: &str,
    logged_in: bool,
) -> Result<Option<StoredSession>, StoreError> {
    running.one(
        "SELECT token, account, device, session_id, state, last_msg_id, last_request,
                last_answer, updated
         FROM session WHERE device = ?1 AND session_id = ?2
           AND (account IS NOT NULL OR NOT ?3)
         ORDER BY updated DESC, rowid DESC LIMIT 1",
        params![device, session_id, logged_in],
        session_of,
    )
}

pub(super) fn put_session(
    running: &Running<'_>,
    session: &StoredSession,
) -> Result<(), StoreError> {
    running
        .execute(
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

pub(super) fn count_sessions(
    running: &Running<'_>,
    since: i64,
    account: AccountId,
    device: &str,
    limit: u64,
) -> Result<SessionCounts, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let counted = running.one(
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

pub(super) fn end_other_sessions(
    running: &Running<'_>,
    account: AccountId,
    device: &str,
    keep: &str,
) -> Result<(), StoreError> {
    running
        .execute(
            "DELETE FROM session
         WHERE device = ? AND token <> ? AND ifnull(account, ?3) = ?3",
            params![device, keep, account.0],
        )
        .map(|_| ())
}
