//! The tables, and the steps from one version of them to the next.
//!
//! ```text
//! account ── datastore ── item ── history
//!    │            ├─────── permission
//!    │            └─────── link ── map, withheld
//!    └── device ───────────┘
//! session
//! ```
//!
//! Every key begins with the account, so that one tenant's rows lie together. Hashes of 64 bits
//! are kept as signed integers of the same bits.

use rusqlite::{Connection, params};
use session::store::Times;

use super::rows::bits;
use crate::Error;

/// One script a version; the n-th leads from version n to n + 1. Scripts that were released are
/// never edited.
const STEPS: [&str; 12] = [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12];

/// The version whose step brought the last of what an index holds of a content
/// ([`pim::Fingerprint`], [`Times`]); states that were older get all of it anew.
const INDEXED: u32 = 12;

const V1: &str = "
CREATE TABLE account (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    digest   TEXT NOT NULL,
    password TEXT
) STRICT;

CREATE TABLE datastore (
    account   INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    name      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    last_seq  INTEGER NOT NULL DEFAULT 0,
    last_guid INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    account   INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    uri       TEXT NOT NULL,
    devinf    BLOB,
    nonce     BLOB NOT NULL,
    last_seen INTEGER NOT NULL,
    PRIMARY KEY (account, number),
    UNIQUE (account, uri)
) STRICT;

CREATE TABLE link (
    account                INTEGER NOT NULL,
    datastore              INTEGER NOT NULL,
    device                 INTEGER NOT NULL,
    client_anchor          TEXT NOT NULL,
    previous_client_anchor TEXT NOT NULL,
    server_anchor          TEXT NOT NULL,
    previous_server_anchor TEXT NOT NULL,
    seen                   INTEGER NOT NULL,
    previous_seen          INTEGER NOT NULL,
    sent_until             INTEGER NOT NULL,
    generation             INTEGER NOT NULL,
    client_uri             TEXT NOT NULL,
    last_sync              INTEGER NOT NULL,
    open_alert             INTEGER,
    open_client_last       TEXT,
    open_until             INTEGER,
    PRIMARY KEY (account, datastore, device),
    FOREIGN KEY (account, device) REFERENCES device ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE map (
    account    INTEGER NOT NULL,
    datastore  INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    guid       INTEGER NOT NULL,
    luid       TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (account, datastore, device, guid),
    UNIQUE (account, datastore, device, luid),
    FOREIGN KEY (account, device) REFERENCES device ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE item (
    account    INTEGER NOT NULL,
    datastore  INTEGER NOT NULL,
    guid       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    deleted    INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    exact      INTEGER NOT NULL,
    key        INTEGER,
    uid        INTEGER,
    content    BLOB NOT NULL,
    FOREIGN KEY (account, datastore) REFERENCES datastore ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX item_guid ON item (account, datastore, guid);
CREATE INDEX item_seq ON item (account, datastore, seq);
CREATE INDEX item_exact ON item (account, datastore, deleted, exact, guid);
CREATE INDEX item_key ON item (account, datastore, deleted, key, guid) WHERE key IS NOT NULL;
CREATE INDEX item_uid ON item (account, datastore, deleted, uid, guid) WHERE uid IS NOT NULL;

CREATE TABLE history (
    id         INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL,
    datastore  INTEGER NOT NULL,
    guid       INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    exact      INTEGER NOT NULL,
    content    BLOB NOT NULL,
    why        TEXT NOT NULL,
    origin     TEXT,
    at         INTEGER NOT NULL,
    FOREIGN KEY (account, datastore) REFERENCES datastore ON DELETE CASCADE
) STRICT;
CREATE INDEX history_item ON history (account, datastore, guid);

CREATE TABLE session (
    token        TEXT PRIMARY KEY,
    account      INTEGER,
    device       TEXT NOT NULL,
    session_id   TEXT NOT NULL,
    state        BLOB NOT NULL,
    last_msg_id  TEXT NOT NULL,
    last_request INTEGER NOT NULL,
    last_answer  BLOB NOT NULL,
    updated      INTEGER NOT NULL
) STRICT;
CREATE INDEX session_device ON session (device, session_id, updated);
CREATE INDEX session_updated ON session (updated);
";

/// Folders, large objects on their way, filters, and conflict policies.
const V2: &str = "
ALTER TABLE item ADD COLUMN parent INTEGER;
ALTER TABLE item ADD COLUMN content_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE item ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
UPDATE item SET content_seq = seq;
CREATE INDEX item_parent ON item (account, datastore, parent, guid)
    WHERE parent IS NOT NULL AND deleted = 0;

ALTER TABLE link ADD COLUMN filter TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN sending_guid INTEGER;
ALTER TABLE link ADD COLUMN sending_seq INTEGER;
ALTER TABLE link ADD COLUMN sending_confirmed INTEGER;

INSERT INTO datastore (account, number, name, kind)
    SELECT id, 5, 'mail', 'mail' FROM account UNION ALL
    SELECT id, 6, 'files', 'files' FROM account;

CREATE TABLE partial (
    account   INTEGER NOT NULL,
    datastore INTEGER NOT NULL,
    device    INTEGER NOT NULL,
    head      BLOB NOT NULL,
    received  INTEGER NOT NULL,
    chunks    INTEGER NOT NULL,
    PRIMARY KEY (account, datastore, device),
    FOREIGN KEY (account, device) REFERENCES device ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE chunk (
    account   INTEGER NOT NULL,
    datastore INTEGER NOT NULL,
    device    INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (account, datastore, device, number),
    FOREIGN KEY (account, device) REFERENCES device ON DELETE CASCADE
) STRICT;

-- datastore 0 means every one, device 0 means every one
CREATE TABLE policy (
    account   INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    datastore INTEGER NOT NULL,
    device    INTEGER NOT NULL,
    conflict  TEXT NOT NULL,
    PRIMARY KEY (account, datastore, device)
) STRICT, WITHOUT ROWID;
";

/// What devices may do with datastores; an empty `device` stands for all.
const V3: &str = "
CREATE TABLE permission (
    account    INTEGER NOT NULL,
    datastore  INTEGER NOT NULL,
    device     TEXT NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (account, datastore, device),
    FOREIGN KEY (account, datastore) REFERENCES datastore ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
";

/// What devices hold of items that they are shown in another form, and the versions it came from.
const V4: &str = "
ALTER TABLE history ADD COLUMN content_seq INTEGER;
ALTER TABLE map ADD COLUMN device_text BLOB;
ALTER TABLE map ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN view TEXT NOT NULL DEFAULT '';

CREATE TABLE rendering (
    account   INTEGER NOT NULL,
    datastore INTEGER NOT NULL,
    device    INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (account, datastore, device),
    FOREIGN KEY (account, device) REFERENCES device ON DELETE CASCADE
) STRICT;
";

/// Keys of contacts that know a name in any order, computed by [`renew`]. Counting the sessions
/// of the last minute looks at nothing but the index.
const V5: &str = "
DROP INDEX session_updated;
CREATE INDEX session_updated ON session (updated, account, device);
";

/// What sessions did, and changes of devices that wait for a decision: a deletion has no content.
const V6: &str = "
ALTER TABLE history ADD COLUMN session TEXT;
ALTER TABLE history ADD COLUMN was_deleted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX history_session ON history (account, datastore, session, guid)
    WHERE session IS NOT NULL;
ALTER TABLE item ADD COLUMN added_by TEXT;

CREATE TABLE withheld (
    account    INTEGER NOT NULL,
    datastore  INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    guid       INTEGER NOT NULL,
    session    TEXT NOT NULL,
    origin     TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    media_type TEXT,
    content    BLOB,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account, datastore, device, guid),
    FOREIGN KEY (account, device) REFERENCES device ON DELETE CASCADE
) STRICT;
";

/// Items that wait for their folders longer than a session lasts.
const V7: &str = "
ALTER TABLE link ADD COLUMN orphans TEXT NOT NULL DEFAULT '';
";

/// What is old is found by its age.
const V8: &str = "
CREATE INDEX history_at ON history (account, at, datastore, id);
CREATE INDEX item_deleted ON item (account, modified, datastore, guid) WHERE deleted = 1;
CREATE INDEX withheld_session ON withheld (account, session, datastore);
";

/// Where the state went, if it was moved.
const V9: &str = "
CREATE TABLE moved (
    place TEXT NOT NULL,
    at    INTEGER NOT NULL
) STRICT;
";

/// What the beginning of a name leads to, and when items take place, computed by [`renew`]. An item whose
/// times are not known is at any ([`Times::UNKNOWN`]). The order of changes holds the times too, so that
/// what a filter leaves out is passed over within the index.
const V10: &str = "
ALTER TABLE item ADD COLUMN short INTEGER;
ALTER TABLE item ADD COLUMN first_time INTEGER NOT NULL DEFAULT -4611686018427387904;
ALTER TABLE item ADD COLUMN last_time INTEGER NOT NULL DEFAULT 4611686018427387904;
CREATE INDEX item_short ON item (account, datastore, deleted, short, guid)
    WHERE short IS NOT NULL;
DROP INDEX item_seq;
CREATE INDEX item_seq ON item (account, datastore, seq, guid, first_time, last_time);
";

/// Which items are occurrences of a series, and the change up to which they have followed it. The
/// occurrences of older states are made when a device asks for some.
const V11: &str = "
ALTER TABLE item ADD COLUMN series INTEGER;
ALTER TABLE item ADD COLUMN occurrence TEXT;
CREATE UNIQUE INDEX item_series ON item (account, datastore, series, occurrence)
    WHERE series IS NOT NULL;
ALTER TABLE datastore ADD COLUMN followed INTEGER NOT NULL DEFAULT 0;
";

/// Journal entries are known by the text that they have as notes, computed by [`renew`].
const V12: &str = "";

/// Brings the tables to the newest version.
///
/// # Errors
///
/// [`Error::Newer`] when a later release has written them, [`Error::NoState`] when another program
/// has.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    if version_of(connection)? == STEPS.len() as u32 && is_there(connection)? {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // another process may have done it meanwhile
    bring_up(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// The same within a transaction, which may be undone.
pub(super) fn bring_up(connection: &Connection) -> Result<(), Error> {
    let known = STEPS.len() as u32;
    let version = version_of(connection)?;
    let is_new = version == 0 && count_tables(connection, "")? == 0;
    if !is_new && !is_there(connection)? {
        return Err(no_state(connection));
    }
    if version > known {
        return Err(Error::Newer {
            found: version,
            known,
        });
    }
    for step in STEPS.iter().skip(version as usize) {
        connection.execute_batch(step)?;
    }
    if version < INDEXED {
        renew(connection)?;
        renew_history(connection)?;
    }
    if version < known {
        connection.pragma_update(None, "user_version", known)?;
    }
    Ok(())
}

/// Whether there are the tables of a state, of whatever version.
pub(super) fn is_there(connection: &Connection) -> Result<bool, Error> {
    // other programs number their versions too, and some have a table of the first name
    let own = count_tables(connection, "AND name IN ('account', 'datastore', 'link')")?;
    Ok(own == 3 && version_of(connection)? > 0)
}

/// What is told of a file without a state.
pub(super) fn no_state(connection: &Connection) -> Error {
    Error::NoState {
        place: connection.path().unwrap_or_default().to_owned(),
    }
}

fn count_tables(connection: &Connection, condition: &str) -> Result<i64, Error> {
    let sql = format!("SELECT count(*) FROM sqlite_schema WHERE type = 'table' {condition}");
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

/// Computes what former versions are known by.
fn renew_history(connection: &Connection) -> Result<(), Error> {
    let mut read = connection
        .prepare("SELECT id, media_type, content FROM history WHERE id > ? ORDER BY id LIMIT ?")?;
    let mut write = connection.prepare("UPDATE history SET exact = ? WHERE id = ?")?;
    let mut last = 0_i64;
    loop {
        let rows = read.query_map(params![last, RENEWED as i64], |row| {
            let (media_type, content): (String, Vec<u8>) = (row.get(1)?, row.get(2)?);
            Ok((
                row.get::<_, i64>(0)?,
                pim::fingerprint(&media_type, &content).exact,
            ))
        })?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let Some((end, _)) = rows.last() else {
            return Ok(());
        };
        last = *end;
        for (id, exact) in rows {
            write.execute(params![bits(exact), id])?;
        }
    }
}

/// Items that are read at a time.
const RENEWED: usize = 500;

/// Computes what indexes hold of each content.
fn renew(connection: &Connection) -> Result<(), Error> {
    let mut read = connection.prepare(
        "SELECT rowid, media_type, content FROM item WHERE rowid > ? ORDER BY rowid LIMIT ?",
    )?;
    let mut write = connection.prepare(
        "UPDATE item SET exact = ?, key = ?, short = ?, first_time = ?, last_time = ?
         WHERE rowid = ?",
    )?;
    let mut last = 0_i64;
    loop {
        let rows = read.query_map(params![last, RENEWED as i64], |row| {
            let (media_type, content): (String, Vec<u8>) = (row.get(1)?, row.get(2)?);
            let print = pim::fingerprint(&media_type, &content);
            let times = Times::of(&media_type, &content);
            Ok((row.get::<_, i64>(0)?, (print, times)))
        })?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let Some((end, _)) = rows.last() else {
            return Ok(());
        };
        last = *end;
        for (row, (print, times)) in rows {
            let (key, short) = (print.key.map(bits), print.short.map(bits));
            let exact = bits(print.exact);
            write.execute(params![exact, key, short, times.first, times.last, row])?;
        }
    }
}

fn version_of(connection: &Connection) -> Result<u32, Error> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_state_of_the_first_version_is_brought_up() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(V1).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection
            .execute_batch("INSERT INTO account (id, name, digest) VALUES (1, 'ann', 'd')")
            .unwrap();
        migrate(&mut connection).unwrap();
        let known = STEPS.len() as u32;
        assert_eq!(version_of(&connection).unwrap(), known);
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("account"), count("permission")), (1, 0));
    }

    #[test]
    fn the_history_of_an_older_state_is_that_of_no_session() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..5] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "user_version", 5).unwrap();
        let sql = "INSERT INTO account (id, name, digest) VALUES (1, 'ann', 'd');
                   INSERT INTO datastore (account, number, name, kind) VALUES (1, 1, 'c', 'c');
                   INSERT INTO item (account, datastore, guid, seq, deleted, media_type, exact, content)
                   VALUES (1, 1, 1, 2, 0, 'text/plain', 0, x'62');
                   INSERT INTO history
                       (account, datastore, guid, media_type, exact, content, why, origin, at)
                   VALUES (1, 1, 1, 'text/plain', 0, x'61', 'replaced', 'phone', 5)";
        connection.execute_batch(sql).unwrap();
        migrate(&mut connection).unwrap();
        let kept: (Vec<u8>, String, Option<String>, bool) = connection
            .query_row(
                "SELECT content, origin, session, was_deleted FROM history",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .unwrap();
        assert_eq!(kept, (b"a".to_vec(), "phone".to_owned(), None, false));
        let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(count("SELECT count(*) FROM item WHERE added_by IS NULL"), 1);
        assert_eq!(count("SELECT count(*) FROM withheld"), 0);
        let print = pim::fingerprint("text/plain", b"a");
        assert_eq!(count("SELECT exact FROM history"), bits(print.exact));
    }

    #[test]
    fn the_keys_of_an_older_state_are_computed_anew() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..4] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "user_version", 4).unwrap();
        let sql = "INSERT INTO account (id, name, digest) VALUES (1, 'ann', 'd');
                   INSERT INTO datastore (account, number, name, kind) VALUES (1, 1, 'c', 'c')";
        connection.execute_batch(sql).unwrap();
        let card = |number| format!("BEGIN:VCARD\nN:Berg;Ada {number}\nEND:VCARD\n");
        let items = 2 * RENEWED as i64 + 1;
        for number in 0..items {
            let sql = "INSERT INTO item
                       (account, datastore, guid, seq, deleted, media_type, exact, key, content)
                       VALUES (1, 1, ?1, ?1, 0, 'text/vcard', 0, 7, ?2)";
            let content = card(number).into_bytes();
            connection.execute(sql, params![number, content]).unwrap();
        }
        migrate(&mut connection).unwrap();
        for number in [0, items - 1] {
            let key: i64 = connection
                .query_row("SELECT key FROM item WHERE guid = ?", [number], |row| {
                    row.get(0)
                })
                .unwrap();
            let print = pim::fingerprint("text/vcard", card(number).as_bytes());
            assert_eq!(Some(key.cast_unsigned()), print.key);
        }
    }

    #[test]
    fn an_older_state_learns_beginnings_and_times() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..9] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "user_version", 9).unwrap();
        let sql = "INSERT INTO account (id, name, digest) VALUES (1, 'ann', 'd');
                   INSERT INTO datastore (account, number, name, kind) VALUES (1, 1, 'c', 'c')";
        connection.execute_batch(sql).unwrap();
        let meeting = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:Committee\n\
                       DTSTART:20260105T090000Z\nEND:VEVENT\nEND:VCALENDAR\n";
        let items = RENEWED as i64 + 2;
        for number in 1..=items {
            let content = if number == items { meeting } else { "Milk" };
            let sql = "INSERT INTO item
                       (account, datastore, guid, seq, deleted, media_type, exact, content)
                       VALUES (1, 1, ?1, ?1, 0, '', 0, ?2)";
            let params = params![number, content.as_bytes()];
            connection.execute(sql, params).unwrap();
        }
        migrate(&mut connection).unwrap();
        let row = |number: i64| {
            connection
                .query_row(
                    "SELECT short, first_time, last_time FROM item WHERE guid = ?",
                    [number],
                    |row| {
                        let short: Option<i64> = row.get(0)?;
                        let (first, last) = (row.get(1)?, row.get(2)?);
                        Ok((short, Times { first, last }))
                    },
                )
                .unwrap()
        };
        let print = pim::fingerprint("", meeting.as_bytes());
        let times = Times::of("", meeting.as_bytes());
        assert!(print.short.is_some() && times != Times::UNKNOWN);
        assert_eq!(row(items), (print.short.map(bits), times));
        assert_eq!(row(1), (None, Times::UNKNOWN));
    }
}
