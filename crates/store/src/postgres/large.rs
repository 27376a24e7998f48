//! Large objects that are coming: their chunks, one a row, until the last one is there.

use session::store::{LinkId, Partial, StoreError};

use super::rows::column;
use super::transaction::{Running, link_keys, missing};

/// Chunks that are read at one time.
const PAGE: i64 = 16;

pub(super) const PARTIAL: &str = "SELECT head, received,
        (SELECT bytes FROM chunk
         WHERE account = $1 AND datastore = $2 AND device = $3 AND number = partial.chunks)
    FROM partial WHERE account = $1 AND datastore = $2 AND device = $3";

pub(super) const UNDO: &str = "WITH gone AS (
        DELETE FROM chunk
        WHERE account = $1 AND datastore = $2 AND device = $3
          AND number = (SELECT chunks FROM partial
              WHERE account = $1 AND datastore = $2 AND device = $3)
        RETURNING octet_length(bytes) AS size)
    UPDATE partial SET received = received - gone.size, chunks = chunks - 1 FROM gone
    WHERE account = $1 AND datastore = $2 AND device = $3";

pub(super) fn partial(
    running: &mut Running<'_>,
    link: LinkId,
) -> Result<Option<Partial>, StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.one(
        link.datastore.account,
        PARTIAL,
        &[&account, &datastore, &device],
        |row| {
            Ok(Partial {
                head: column(row, 0)?,
                received: column::<i64>(row, 1)?.cast_unsigned(),
                last_chunk: column::<Option<Vec<u8>>>(row, 2)?.unwrap_or_default(),
            })
        },
    )
}

pub(super) fn begin_partial(
    running: &mut Running<'_>,
    link: LinkId,
    head: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.later(
        link.datastore.account,
        "WITH gone AS (DELETE FROM chunk WHERE account = $1 AND datastore = $2 AND device = $3)
             INSERT INTO partial (account, datastore, device, head, received, chunks)
             VALUES ($1, $2, $3, $4, 0, 0)
             ON CONFLICT (account, datastore, device) DO UPDATE SET
                 head = excluded.head, received = 0, chunks = 0",
        &[&account, &datastore, &device, &head],
    )
}

pub(super) fn append_partial(
    running: &mut Running<'_>,
    link: LinkId,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    let added = running.execute(
        link.datastore.account,
        "WITH head AS (
             UPDATE partial SET received = received + octet_length($4::bytea), chunks = chunks + 1
             WHERE account = $1 AND datastore = $2 AND device = $3 RETURNING chunks)
         INSERT INTO chunk (account, datastore, device, number, bytes)
         SELECT $1, $2, $3, chunks, $4::bytea FROM head",
        &[&account, &datastore, &device, &bytes],
    )?;
    if added == 0 {
        return Err(missing("large object"));
    }
    Ok(())
}

pub(super) fn undo_partial(running: &mut Running<'_>, link: LinkId) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.later(
        link.datastore.account,
        UNDO,
        &[&account, &datastore, &device],
    )
}

pub(super) fn partial_content(
    running: &mut Running<'_>,
    link: LinkId,
) -> Result<Vec<u8>, StoreError> {
    let [account, datastore, device] = link_keys(link);
    let received = running.one(
        link.datastore.account,
        "SELECT received FROM partial WHERE account = $1 AND datastore = $2 AND device = $3",
        &[&account, &datastore, &device],
        |row| column::<i64>(row, 0),
    )?;
    let mut content = Vec::with_capacity(usize::try_from(received.unwrap_or(0)).unwrap_or(0));
    let mut after = 0i64;
    loop {
        let rows = running.rows(
            link.datastore.account,
            "SELECT bytes, number FROM chunk
             WHERE account = $1 AND datastore = $2 AND device = $3 AND number > $4
             ORDER BY number LIMIT $5",
            &[&account, &datastore, &device, &after, &PAGE],
        )?;
        for row in &rows {
            content.extend_from_slice(column(row, 0)?);
            after = column(row, 1)?;
        }
        if rows.len() < PAGE as usize {
            return Ok(content);
        }
    }
}

pub(super) fn end_partial(running: &mut Running<'_>, link: LinkId) -> Result<(), StoreError> {
    let [account, datastore, device] = link_keys(link);
    running.later(
        link.datastore.account,
        "WITH gone AS (DELETE FROM chunk WHERE account = $1 AND datastore = $2 AND device = $3)
             DELETE FROM partial WHERE account = $1 AND datastore = $2 AND device = $3",
        &[&account, &datastore, &device],
    )
}
