//! The memory of a folder, in `.syncline/state.db`.
//!
//! One exclusive transaction is open at any time: it is the lock that keeps two syncs of a folder
//! apart, and [`State::commit`] ends it and begins the next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use session::client::{Anchors, ReplicaError, SendingObject, Unfinished};
use session::store::Partial;

use super::Error;
use super::files::{FileId, Print, Stat};
use super::tree::{Placed, Spot};

const VERSION: u32 = 8;

const SCHEMA: &str = "
CREATE TABLE folder (
    device_id TEXT
) STRICT;
INSERT INTO folder VALUES (NULL);

-- a server and its datastore
CREATE TABLE peer (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    client_anchor TEXT NOT NULL DEFAULT '',
    server_anchor TEXT NOT NULL DEFAULT '',
    nonce         BLOB
) STRICT;

-- each file as it was when both sides agreed on it
CREATE TABLE known (
    peer        INTEGER NOT NULL,
    luid        TEXT NOT NULL,
    hash        INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    seen_ns     INTEGER NOT NULL,
    PRIMARY KEY (peer, luid)
) STRICT, WITHOUT ROWID;

-- files that were given out and not confirmed: the server may have them
CREATE TABLE offered (
    peer INTEGER NOT NULL,
    luid TEXT NOT NULL,
    PRIMARY KEY (peer, luid)
) STRICT, WITHOUT ROWID;

-- which file an addition of the server became; the pair waits for its acknowledgement
CREATE TABLE guid (
    peer    INTEGER NOT NULL,
    guid    TEXT NOT NULL,
    luid    TEXT NOT NULL,
    waiting INTEGER NOT NULL,
    PRIMARY KEY (peer, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX guid_waiting ON guid (peer) WHERE waiting = 1;

-- what is about to happen to a file: its new hash, or nothing when it goes
CREATE TABLE intent (
    peer INTEGER NOT NULL,
    luid TEXT NOT NULL,
    guid TEXT,
    hash INTEGER,
    PRIMARY KEY (peer, luid)
) STRICT, WITHOUT ROWID;
";

/// What a resume needs, and large objects on their way.
const SECOND: &str = "
ALTER TABLE peer ADD COLUMN begun_ns INTEGER NOT NULL DEFAULT 0;

CREATE TABLE unfinished (
    peer      INTEGER PRIMARY KEY,
    alert     INTEGER NOT NULL,
    last      TEXT NOT NULL,
    luid      TEXT,
    hash      INTEGER,
    confirmed INTEGER
) STRICT;

CREATE TABLE partial (
    peer     INTEGER PRIMARY KEY,
    head     BLOB NOT NULL,
    received INTEGER NOT NULL,
    chunks   INTEGER NOT NULL
) STRICT;

CREATE TABLE chunk (
    peer   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (peer, number)
) STRICT;
";

/// The device information that the server has, as a hash.
const THIRD: &str = "ALTER TABLE peer ADD COLUMN devinf_sent INTEGER;";

/// Items that are on the server alone, taken off this folder by a soft deletion.
const FOURTH: &str = "
CREATE TABLE released (
    peer INTEGER NOT NULL,
    luid TEXT NOT NULL,
    PRIMARY KEY (peer, luid)
) STRICT, WITHOUT ROWID;
";

/// The temporary file that is to take an item's place.
const FIFTH: &str = "ALTER TABLE intent ADD COLUMN temporary TEXT NOT NULL DEFAULT '';";

/// What the server said of itself.
const SIXTH: &str = "ALTER TABLE peer ADD COLUMN server_devinf BLOB;";

/// Folders in a folder.
const SEVENTH: &str = "
ALTER TABLE peer ADD COLUMN last_luid INTEGER NOT NULL DEFAULT 0;

-- LUID of the folder that the server has the item in; empty at the root
ALTER TABLE known ADD COLUMN parent TEXT NOT NULL DEFAULT '';

-- where each item was last seen, and the object that a folder is as an item
CREATE TABLE place (
    peer       INTEGER NOT NULL,
    luid       TEXT NOT NULL,
    parent     TEXT,
    name       TEXT NOT NULL,
    number     INTEGER,
    created_ns INTEGER,
    object     BLOB,
    PRIMARY KEY (peer, luid)
) STRICT, WITHOUT ROWID;

-- where the item is to be, where that changes, and the new object of a folder
ALTER TABLE intent ADD COLUMN parent TEXT;
ALTER TABLE intent ADD COLUMN name TEXT;
ALTER TABLE intent ADD COLUMN object BLOB;
";

/// Files that are objects of OMA DS on the server: all that the object says but for the content.
const EIGHTH: &str = "
ALTER TABLE place ADD COLUMN head TEXT;
ALTER TABLE intent ADD COLUMN head TEXT;
";

/// A file as it was when both sides agreed on it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) hash: i64,
    pub(super) stat: Stat,
    /// LUID of the folder that the server has it in; empty at the root.
    pub(super) parent: String,
    /// Nanoseconds since 1970 at which it was read or written.
    pub(super) seen_ns: i64,
}

/// What is about to happen to a file or subfolder. It goes where neither content nor place is new.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) luid: String,
    pub(super) guid: Option<String>,
    /// That of its new content.
    pub(super) hash: Option<i64>,
    /// The file that is to take its place; empty without new content.
    pub(super) temporary: String,
    /// Its new place.
    pub(super) spot: Option<Spot>,
    /// The new object of a folder.
    pub(super) object: Option<Vec<u8>>,
    /// What the object of a file says with its new content.
    pub(super) head: Option<String>,
}

impl Intent {
    /// Whether the item goes.
    pub(super) fn is_removal(&self) -> bool {
        self.hash.is_none() && self.spot.is_none()
    }
}

#[derive(Debug)]
pub(super) struct State {
    connection: Connection,
    peer: i64,
}

fn failed(error: rusqlite::Error) -> ReplicaError {
    ReplicaError::new(format!("the state of the folder: {error}"), error)
}

impl State {
    pub(super) fn open(folder: &Path, peer: &str) -> Result<Self, Error> {
        let unusable = |error: rusqlite::Error| {
            use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
            match error.sqlite_error_code() {
                Some(DatabaseBusy | DatabaseLocked) => Error::Locked {
                    path: folder.to_owned(),
                },
                _ => Error::Folder {
                    path: folder.to_owned(),
                    reason: error.to_string(),
                },
            }
        };
        let path = folder.join(super::files::STATE).join("state.db");
        let connection = Connection::open(path).map_err(unusable)?;
        connection
            .busy_timeout(Duration::from_millis(500))
            .map_err(unusable)?;
        let prepare = || -> rusqlite::Result<Result<i64, u32>> {
            // held until the process ends: this is the lock of the folder
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.set_prepared_statement_cache_capacity(32);
            connection.execute_batch("BEGIN EXCLUSIVE")?;
            let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version > VERSION {
                return Ok(Err(version));
            }
            let steps = [SCHEMA, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH];
            for step in steps.iter().skip(version as usize) {
                connection.execute_batch(step)?;
            }
            connection.pragma_update(None, "user_version", VERSION)?;
            connection.execute("INSERT OR IGNORE INTO peer (name) VALUES (?)", [peer])?;
            let id = connection.query_row("SELECT id FROM peer WHERE name = ?", [peer], |row| {
                row.get(0)
            })?;
            connection.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
            Ok(Ok(id))
        };
        match prepare().map_err(unusable)? {
            Ok(peer) => Ok(Self { connection, peer }),
            Err(found) => Err(Error::Newer {
                path: folder.to_owned(),
                found,
                known: VERSION,
            }),
        }
    }

    /// What is remembered from here on can be taken back.
    pub(super) fn begin_atomic(&mut self) -> Result<(), ReplicaError> {
        self.batch("SAVEPOINT atomic")
    }

    pub(super) fn undo_atomic(&mut self) -> Result<(), ReplicaError> {
        self.batch("ROLLBACK TO atomic; RELEASE atomic")
    }

    pub(super) fn end_atomic(&mut self) -> Result<(), ReplicaError> {
        self.batch("RELEASE atomic")
    }

    fn batch(&self, sql: &str) -> Result<(), ReplicaError> {
        self.connection.execute_batch(sql).map_err(failed)
    }

    pub(super) fn commit(&mut self) -> Result<(), ReplicaError> {
        self.batch("COMMIT; BEGIN IMMEDIATE")
    }

    fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), ReplicaError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.execute(params).map(|_| ()).map_err(failed)
    }

    pub(super) fn device_id(&mut self, made: &str) -> Result<String, ReplicaError> {
        self.run("UPDATE folder SET device_id = ifnull(device_id, ?)", [made])?;
        self.commit()?;
        self.connection
            .query_row("SELECT device_id FROM folder", [], |row| row.get(0))
            .map_err(failed)
    }

    pub(super) fn anchors(&mut self) -> Result<Anchors, ReplicaError> {
        self.connection
            .query_row(
                "SELECT client_anchor, server_anchor FROM peer WHERE id = ?",
                [self.peer],
                |row| {
                    Ok(Anchors {
                        client: row.get(0)?,
                        server: row.get(1)?,
                    })
                },
            )
            .map_err(failed)
    }

    /// Names of the other peers that a session has completed with.
    pub(super) fn other_peers(&mut self) -> Result<Vec<String>, ReplicaError> {
        let sql = "SELECT name FROM peer WHERE id <> ? AND client_anchor <> '' ORDER BY id DESC";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let rows = statement
            .query_map([self.peer], |row| row.get(0))
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    pub(super) fn set_anchors(&mut self, anchors: &Anchors) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE peer SET client_anchor = ?, server_anchor = ? WHERE id = ?",
            params![anchors.client, anchors.server, self.peer],
        )
    }

    pub(super) fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.connection
            .query_row("SELECT nonce FROM peer WHERE id = ?", [self.peer], |row| {
                row.get(0)
            })
            .map_err(failed)
    }

    pub(super) fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE peer SET nonce = ? WHERE id = ?",
            params![nonce, self.peer],
        )
    }

    pub(super) fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError> {
        let sql = "SELECT devinf_sent FROM peer WHERE id = ?";
        let hash: Option<i64> = self
            .connection
            .query_row(sql, [self.peer], |row| row.get(0))
            .map_err(failed)?;
        Ok(hash.map(i64::cast_unsigned))
    }

    pub(super) fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE peer SET devinf_sent = ? WHERE id = ?",
            params![hash.cast_signed(), self.peer],
        )
    }

    pub(super) fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        let sql = "SELECT server_devinf FROM peer WHERE id = ?";
        self.connection
            .query_row(sql, [self.peer], |row| row.get(0))
            .map_err(failed)
    }

    pub(super) fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE peer SET server_devinf = ? WHERE id = ?",
            params![devinf, self.peer],
        )
    }

    /// Forgets what was agreed: a slow sync or refresh begins, and the anchors are void until it
    /// ends well.
    pub(super) fn renew(&mut self) -> Result<(), ReplicaError> {
        self.run("DELETE FROM known WHERE peer = ?", [self.peer])?;
        self.run("DELETE FROM guid WHERE peer = ?", [self.peer])?;
        self.run("DELETE FROM offered WHERE peer = ?", [self.peer])?;
        self.run("DELETE FROM released WHERE peer = ?", [self.peer])?;
        self.set_anchors(&Anchors::default())
    }

    pub(super) fn known(&mut self) -> Result<BTreeMap<String, Known>, ReplicaError> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT hash, size, modified_ns, seen_ns, parent, luid FROM known WHERE peer = ?",
            )
            .map_err(failed)?;
        let rows = statement
            .query_map([self.peer], |row| Ok((row.get(5)?, known_of(row)?)))
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    pub(super) fn offer(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "INSERT OR IGNORE INTO offered (peer, luid) VALUES (?, ?)",
            params![self.peer, luid],
        )
    }

    pub(super) fn offered(&mut self) -> Result<BTreeSet<String>, ReplicaError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT luid FROM offered WHERE peer = ?")
            .map_err(failed)?;
        let rows = statement
            .query_map([self.peer], |row| row.get(0))
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// The offer is settled, or was taken back before it left.
    pub(super) fn settle(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "DELETE FROM offered WHERE peer = ? AND luid = ?",
            params![self.peer, luid],
        )
    }

    pub(super) fn known_one(&mut self, luid: &str) -> Result<Option<Known>, ReplicaError> {
        self.connection
            .prepare_cached(
                "SELECT hash, size, modified_ns, seen_ns, parent FROM known
                 WHERE peer = ? AND luid = ?",
            )
            .map_err(failed)?
            .query_row(params![self.peer, luid], known_of)
            .optional()
            .map_err(failed)
    }

    /// Both sides agree on an item, in the folder of this LUID.
    pub(super) fn know(
        &mut self,
        luid: &str,
        print: &Print,
        parent: &str,
    ) -> Result<(), ReplicaError> {
        self.run(
            "INSERT OR REPLACE INTO known (peer, luid, hash, size, modified_ns, seen_ns, parent)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                self.peer,
                luid,
                print.hash,
                print.stat.size,
                print.stat.modified_ns,
                print.read_ns,
                parent
            ],
        )
    }

    /// A known item may differ from what the server has without its file showing that.
    pub(super) fn doubt(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE known SET modified_ns = ? WHERE peer = ? AND luid = ?",
            params![Stat::DOUBTED_NS, self.peer, luid],
        )
    }

    /// The server has a known item in the folder of this LUID.
    pub(super) fn know_parent(&mut self, luid: &str, parent: &str) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE known SET parent = ? WHERE peer = ? AND luid = ?",
            params![parent, self.peer, luid],
        )
    }

    /// Whether the server has, or may have, an item.
    pub(super) fn is_told(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        let sql = "SELECT 1 FROM known WHERE peer = ?1 AND luid = ?2
                   UNION ALL SELECT 1 FROM offered WHERE peer = ?1 AND luid = ?2";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.exists(params![self.peer, luid]).map_err(failed)
    }

    /// A LUID that no item has or had.
    pub(super) fn next_luid(&mut self) -> Result<String, ReplicaError> {
        loop {
            let number: i64 = self
                .connection
                .prepare_cached(
                    "UPDATE peer SET last_luid = last_luid + 1 WHERE id = ? RETURNING last_luid",
                )
                .map_err(failed)?
                .query_row([self.peer], |row| row.get(0))
                .map_err(failed)?;
            let luid = format!("item-{number}");
            // a file of that name may be an item of before there were folders
            if !self.is_told(&luid)? && !self.is_placed(&luid)? {
                return Ok(luid);
            }
        }
    }

    fn is_placed(&self, luid: &str) -> Result<bool, ReplicaError> {
        let sql = "SELECT 1 FROM place WHERE peer = ? AND luid = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.exists(params![self.peer, luid]).map_err(failed)
    }

    /// Where each item was last seen.
    pub(super) fn places(&mut self) -> Result<BTreeMap<String, Placed>, ReplicaError> {
        let sql = "SELECT luid, parent, name, number, created_ns, object, head FROM place
                   WHERE peer = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let rows = statement
            .query_map([self.peer], |row| {
                let number: Option<i64> = row.get(3)?;
                let created_ns: Option<i64> = row.get(4)?;
                let id = number.zip(created_ns);
                let placed = Placed {
                    spot: Spot {
                        parent: row.get(1)?,
                        name: row.get(2)?,
                    },
                    id: id.map(|(number, created_ns)| FileId { number, created_ns }),
                    object: row.get(5)?,
                    head: row.get(6)?,
                };
                Ok((row.get(0)?, placed))
            })
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// An item was seen at a place.
    pub(super) fn place(&mut self, luid: &str, placed: &Placed) -> Result<(), ReplicaError> {
        self.run(
            "INSERT OR REPLACE INTO place (peer, luid, parent, name, number, created_ns, object, head)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.peer,
                luid,
                placed.spot.parent,
                placed.spot.name,
                placed.id.map(|id| id.number),
                placed.id.map(|id| id.created_ns),
                placed.object,
                placed.head
            ],
        )
    }

    /// An item has no place any more.
    pub(super) fn unplace(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "DELETE FROM place WHERE peer = ? AND luid = ?",
            params![self.peer, luid],
        )
    }

    pub(super) fn forget(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "DELETE FROM known WHERE peer = ? AND luid = ?",
            params![self.peer, luid],
        )?;
        self.run(
            "DELETE FROM guid WHERE peer = ? AND luid = ?",
            params![self.peer, luid],
        )
    }

    /// The item is on the server alone from now on.
    pub(super) fn release(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "INSERT OR IGNORE INTO released (peer, luid) VALUES (?, ?)",
            params![self.peer, luid],
        )
    }

    /// The item is not on the server alone any more; whether it was.
    pub(super) fn end_release(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        let sql = "DELETE FROM released WHERE peer = ? AND luid = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let count = statement.execute(params![self.peer, luid]);
        Ok(count.map_err(failed)? > 0)
    }

    pub(super) fn is_released(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        let sql = "SELECT 1 FROM released WHERE peer = ? AND luid = ?";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.exists(params![self.peer, luid]).map_err(failed)
    }

    pub(super) fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        self.connection
            .prepare_cached("SELECT luid FROM guid WHERE peer = ? AND guid = ?")
            .map_err(failed)?
            .query_row(params![self.peer, guid], |row| row.get(0))
            .optional()
            .map_err(failed)
    }

    /// The pair of an addition, which waits for its acknowledgement from now on.
    pub(super) fn remember_guid(&mut self, guid: &str, luid: &str) -> Result<(), ReplicaError> {
        self.run(
            "INSERT OR REPLACE INTO guid (peer, guid, luid, waiting) VALUES (?, ?, ?, 1)",
            params![self.peer, guid, luid],
        )
    }

    pub(super) fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT guid, luid FROM guid WHERE peer = ? AND waiting = 1 ORDER BY guid",
            )
            .map_err(failed)?;
        let rows = statement
            .query_map([self.peer], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    pub(super) fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError> {
        for guid in guids {
            self.run(
                "UPDATE guid SET waiting = 0 WHERE peer = ? AND guid = ?",
                params![self.peer, guid],
            )?;
        }
        Ok(())
    }

    /// Nanoseconds since 1970 at which the session began that is not finished.
    pub(super) fn begun_ns(&mut self) -> Result<i64, ReplicaError> {
        self.connection
            .query_row(
                "SELECT begun_ns FROM peer WHERE id = ?",
                [self.peer],
                |row| row.get(0),
            )
            .map_err(failed)
    }

    pub(super) fn set_begun_ns(&mut self, begun_ns: i64) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE peer SET begun_ns = ? WHERE id = ?",
            params![begun_ns, self.peer],
        )
    }

    pub(super) fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError> {
        self.connection
            .query_row(
                "SELECT alert, last, luid, hash, confirmed FROM unfinished WHERE peer = ?",
                [self.peer],
                |row| {
                    let sending = match row.get::<_, Option<String>>(2)? {
                        None => None,
                        Some(luid) => Some(SendingObject {
                            luid,
                            hash: row.get::<_, i64>(3)?.cast_unsigned(),
                            confirmed: row.get::<_, i64>(4)?.cast_unsigned(),
                        }),
                    };
                    Ok(Unfinished {
                        alert: row.get(0)?,
                        last: row.get(1)?,
                        sending,
                    })
                },
            )
            .optional()
            .map_err(failed)
    }

    pub(super) fn set_unfinished(
        &mut self,
        unfinished: Option<&Unfinished>,
    ) -> Result<(), ReplicaError> {
        let Some(unfinished) = unfinished else {
            return self.run("DELETE FROM unfinished WHERE peer = ?", [self.peer]);
        };
        let sending = unfinished.sending.as_ref();
        self.run(
            "INSERT OR REPLACE INTO unfinished (peer, alert, last, luid, hash, confirmed)
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                self.peer,
                unfinished.alert,
                unfinished.last,
                sending.map(|sending| &sending.luid),
                sending.map(|sending| sending.hash.cast_signed()),
                sending.map(|sending| sending.confirmed.cast_signed()),
            ],
        )
    }

    pub(super) fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        self.connection
            .prepare_cached(
                "SELECT head, received,
                        (SELECT bytes FROM chunk
                         WHERE chunk.peer = partial.peer AND chunk.number = partial.chunks)
                 FROM partial WHERE peer = ?",
            )
            .map_err(failed)?
            .query_row([self.peer], |row| {
                Ok(Partial {
                    head: row.get(0)?,
                    received: row.get::<_, i64>(1)?.cast_unsigned(),
                    last_chunk: row.get::<_, Option<Vec<u8>>>(2)?.unwrap_or_default(),
                })
            })
            .optional()
            .map_err(failed)
    }

    pub(super) fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        self.end_partial()?;
        self.run(
            "INSERT INTO partial (peer, head, received, chunks) VALUES (?, ?, 0, 0)",
            params![self.peer, head],
        )
    }

    pub(super) fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE partial SET received = received + ?, chunks = chunks + 1 WHERE peer = ?",
            params![bytes.len() as i64, self.peer],
        )?;
        self.run(
            "INSERT INTO chunk (peer, number, bytes)
             SELECT peer, chunks, ? FROM partial WHERE peer = ?",
            params![bytes, self.peer],
        )
    }

    pub(super) fn undo_partial(&mut self) -> Result<(), ReplicaError> {
        self.run(
            "UPDATE partial SET received = received - length(chunk.bytes), chunks = chunks - 1
             FROM chunk
             WHERE partial.peer = ? AND chunk.peer = partial.peer AND chunk.number = chunks",
            [self.peer],
        )?;
        self.run(
            "DELETE FROM chunk
             WHERE peer = ?1 AND number > (SELECT chunks FROM partial WHERE peer = ?1)",
            [self.peer],
        )
    }

    pub(super) fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT bytes FROM chunk WHERE peer = ? ORDER BY number")
            .map_err(failed)?;
        let mut rows = statement.query([self.peer]).map_err(failed)?;
        let mut content = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let bytes = row.get_ref(0).map_err(failed)?.as_blob();
            content.extend_from_slice(bytes.unwrap_or_default());
        }
        Ok(content)
    }

    pub(super) fn end_partial(&mut self) -> Result<(), ReplicaError> {
        self.run("DELETE FROM chunk WHERE peer = ?", [self.peer])?;
        self.run("DELETE FROM partial WHERE peer = ?", [self.peer])
    }

    pub(super) fn intend(&mut self, intent: &Intent) -> Result<(), ReplicaError> {
        self.run(
            "INSERT OR REPLACE INTO intent
                 (peer, luid, guid, hash, temporary, parent, name, object, head)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.peer,
                intent.luid,
                intent.guid,
                intent.hash,
                intent.temporary,
                intent.spot.as_ref().and_then(|spot| spot.parent.as_ref()),
                intent.spot.as_ref().map(|spot| &spot.name),
                intent.object,
                intent.head
            ],
        )
    }

    pub(super) fn intents(&mut self) -> Result<Vec<Intent>, ReplicaError> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT luid, guid, hash, temporary, parent, name, object, head FROM intent
                 WHERE peer = ?",
            )
            .map_err(failed)?;
        let rows = statement
            .query_map([self.peer], |row| {
                let name: Option<String> = row.get(5)?;
                let parent: Option<String> = row.get(4)?;
                Ok(Intent {
                    spot: name.map(|name| Spot { parent, name }),
                    object: row.get(6)?,
                    head: row.get(7)?,
                    luid: row.get(0)?,
                    guid: row.get(1)?,
                    hash: row.get(2)?,
                    temporary: row.get(3)?,
                })
            })
            .map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    pub(super) fn clear_intents(&mut self) -> Result<(), ReplicaError> {
        self.run("DELETE FROM intent WHERE peer = ?", [self.peer])
    }
}

fn known_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known {
        hash: row.get(0)?,
        stat: Stat {
            size: row.get(1)?,
            modified_ns: row.get(2)?,
        },
        seen_ns: row.get(3)?,
        parent: row.get(4)?,
    })
}
