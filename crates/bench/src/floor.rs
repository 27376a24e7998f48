//! The floor under a first sync: the same bytes made durable in as many transactions, and nothing
//! else.
//!
//! No server that answers a message only when its items are safe can be faster than this on the
//! same disk.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::Outcome;

/// Writes the items into a new SQLite file in the temporary folder, spread over `transactions`
/// (at least one) that are each flushed to the disk; how long that took.
pub(crate) fn write(items: &[Vec<u8>], transactions: usize) -> Outcome<Duration> {
    let folder = tempfile::tempdir()?;
    let mut connection = Connection::open(folder.path().join("floor.db"))?;
    // as the server's own store has it
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection
        .execute_batch("CREATE TABLE item (number INTEGER PRIMARY KEY, content BLOB NOT NULL)")?;
    let begun = Instant::now();
    let mut number = 0_i64;
    for share in items.chunks(items.len().div_ceil(transactions.max(1)).max(1)) {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO item VALUES (?1, ?2)")?;
            for content in share {
                insert.execute(params![number, content])?;
                number += 1;
            }
        }
        transaction.commit()?;
    }
    Ok(begun.elapsed())
}
