//! Large objects that are coming: their chunks, one a row, until the last one is there.

use rusqlite::params;
use session::store::{LinkId, Partial, StoreError};

use super::transaction::{Running, failed, link_params, missing};

pub(super) fn partial(running: &Running<'_>, link: LinkId) -> Result<Option<Partial>, StoreError> {
    running.one(
        "SELECT head, received,
                (SELECT bytes FROM chunk
                 WHERE chunk.account = partial.account
                   AND chunk.datastore = partial.datastore
                   AND chunk.device = partial.device AND chunk.number = partial.chunks)
         FROM partial WHERE account = ? AND datastore = ? AND device = ?",
        link_params(link),
        |row| {
            Ok(Partial {
                head: row.get(0)?,
                received: row.get::<_, i64>(1)?.cast_unsigned(),
                last_chunk: row.get::<_, Option<Vec<u8>>>(2)?.unwrap_or_default(),
            })
        },
    )
}

pub(super) fn begin_partial(
    running: &Running<'_>,
    link: LinkId,
    head: &[u8],
) -> Result<(), StoreError> {
    end_partial(running, link)?;
    let [account, datastore, device] = link_params(link);
    running
        .execute(
            "INSERT INTO partial (account, datastore, device, head, received, chunks)
         VALUES (?, ?, ?, ?, 0, 0)",
            params![account, datastore, device, head],
        )
        .map(|_| ())
}

pub(super) fn append_partial(
    running: &Running<'_>,
    link: LinkId,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_params(link);
    let number = running.one(
        "UPDATE partial SET received = received + ?4, chunks = chunks + 1
         WHERE account = ?1 AND datastore = ?2 AND device = ?3 RETURNING chunks",
        params![account, datastore, device, bytes.len() as i64],
        |row| row.get::<_, i64>(0),
    )?;
    let number = number.ok_or_else(|| missing("large object"))?;
    running
        .execute(
            "INSERT INTO chunk (account, datastore, device, number, bytes) VALUES (?, ?, ?, ?, ?)",
            params![account, datastore, device, number, bytes],
        )
        .map(|_| ())
}

pub(super) fn undo_partial(running: &Running<'_>, link: LinkId) -> Result<(), StoreError> {
    let [account, datastore, device] = link_params(link);
    let last = running.one(
        "DELETE FROM chunk
         WHERE account = ?1 AND datastore = ?2 AND device = ?3
           AND number = (SELECT chunks FROM partial
               WHERE account = ?1 AND datastore = ?2 AND device = ?3)
         RETURNING length(bytes)",
        [account, datastore, device],
        |row| row.get::<_, i64>(0),
    )?;
    let Some(last) = last else { return Ok(()) };
    running
        .execute(
            "UPDATE partial SET received = received - ?4, chunks = chunks - 1
         WHERE account = ?1 AND datastore = ?2 AND device = ?3",
            [account, datastore, device, last],
        )
        .map(|_| ())
}

pub(super) fn partial_content(running: &Running<'_>, link: LinkId) -> Result<Vec<u8>, StoreError> {
    let received = running.one(
        "SELECT received FROM partial WHERE account = ? AND datastore = ? AND device = ?",
        link_params(link),
        |row| row.get::<_, i64>(0),
    )?;
    let mut content = Vec::with_capacity(usize::try_from(received.unwrap_or(0)).unwrap_or(0));
    let mut statement = running.statement(
        "SELECT bytes FROM chunk WHERE account = ? AND datastore = ? AND device = ?
         ORDER BY number",
    )?;
    let mut rows = statement.query(link_params(link)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let bytes = row.get_ref(0).map_err(failed)?.as_blob();
        content.extend_from_slice(bytes.unwrap_or_default());
    }
    Ok(content)
}

pub(super) fn end_partial(running: &Running<'_>, link: LinkId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM chunk WHERE account = ? AND datastore = ? AND device = ?",
        "DELETE FROM partial WHERE account = ? AND datastore = ? AND device = ?",
    ] {
        running.execute(sql, link_params(link))?;
    }
    Ok(())
}
