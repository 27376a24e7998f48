//! Copies of a state in a file, and their return.
//!
//! ```text
//! back up:     state ─▶ FILE.PID.part ─▶ checked ─▶ FILE
//! bring back:  backup ─▶ state.PID.part ─▶ checked, renewed ─▶ state
//!              state ─▶ a file beside it ──────────────────┘
//! ```
//!
//! A copy is taken in one read transaction, which hinders no writer. One is brought back by a
//! transaction as well: whatever ends it, the state is either of the two.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};

use super::copying::moved;
use super::{BUSY, Sqlite, in_use, make_private, open_alone, schema};
use crate::Error;
use crate::copy::{Anchors, UNMARK};
use crate::renew::{LEFT_OUT_CHANGES, LEFT_OUT_GUIDS, RENEW};

/// The pause between two tries to begin a copy.
const PAUSE: Duration = Duration::from_millis(100);

/// What a state has counted, by account and datastore.
type Counters = Vec<(i64, i64, i64, i64)>;

impl Sqlite {
    /// Writes a copy of the state as it is at one moment, which only its owner may read, and checks
    /// it; a server may go on meanwhile. `replace` allows for a file in its place, which stays until
    /// the copy is whole. The size in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] when there is a file; [`Error::Open`] when it is the state's own;
    /// [`Error::Damaged`] when the copy, and so likely the
    /// state, is; and those of [`Sqlite::open`].
    pub fn back_up(state: &Path, file: &Path, replace: bool) -> Result<u64, Error> {
        if !replace && file.symlink_metadata().is_ok() {
            return Err(Error::Taken {
                path: file.to_owned(),
            });
        }
        if is_of(state, file) {
            return Err(Error::Open {
                path: file.to_owned(),
                reason: "it belongs to the state that is to be copied".to_owned(),
            });
        }
        let part = unfinished(file);
        let copied = copy_checked(state, &part).and_then(|()| put_in_place(&part, file));
        if copied.is_err() {
            // what is left of it is of no use to anybody
            let _ = fs::remove_file(&part);
        }
        copied?;
        Ok(fs::metadata(file).map_or(0, |metadata| metadata.len()))
    }

    /// Puts a copy in the place of a state, which is kept as the file `aside`, if there is one.
    /// All devices compare their items with it in their next sync.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] when a server or another command uses the state, [`Error::Taken`] when
    /// there is a file `aside`, [`Error::Damaged`] when the copy is damaged or no state,
    /// [`Error::Newer`] when a later release has written it, [`Error::Open`] and the others of
    /// [`Sqlite::open`]. The state is as before then.
    pub fn bring_back(copy: &Path, state: &Path, aside: &Path) -> Result<(), Error> {
        if aside.symlink_metadata().is_ok() {
            return Err(Error::Taken {
                path: aside.to_owned(),
            });
        }
        let ready = unfinished(state);
        let done = replace(copy, &ready, state, aside);
        // it is in its place or of no use
        let _ = fs::remove_file(&ready);
        done
    }
}

fn replace(copy: &Path, ready: &Path, state: &Path, aside: &Path) -> Result<(), Error> {
    copy_checked(copy, ready)?;
    let mut new = open(ready)?;
    if !schema::is_there(&new)? {
        return Err(Error::Damaged("there is no state in it".to_owned()));
    }
    schema::migrate(&mut new)?;
    if state.symlink_metadata().is_err() {
        renew(&mut new, &[])?;
        drop(new);
        // a log that is left of another file would be played into this one
        move_log_aside(state, aside)?;
        return put_in_place(ready, state);
    }
    let opened = open_to_replace(state).and_then(|old| Ok((counters(&old)?, old)));
    match opened {
        Ok((counters, mut old)) => {
            renew(&mut new, &counters)?;
            make_private(aside)?;
            let mut kept = open(aside)?;
            copy_all(&old, &mut kept)?;
            drop(kept);
            copy_all(&new, &mut old)
        }
        Err(Error::Damaged(_)) => {
            renew(&mut new, &[])?;
            drop(new);
            move_aside(state, aside)?;
            put_in_place(ready, state)
        }
        Err(error) => Err(error),
    }
}

/// What cannot even be opened is moved with the files that belong to it.
fn move_aside(state: &Path, aside: &Path) -> Result<(), Error> {
    move_log_aside(state, aside)?;
    rename(state, aside)
}

/// Files beside a database that SQLite reads with it.
const LOG: [&str; 3] = ["-wal", "-shm", "-journal"];

fn move_log_aside(state: &Path, aside: &Path) -> Result<(), Error> {
    for end in LOG {
        let from = beside(state, end);
        if from.symlink_metadata().is_ok() {
            rename(&from, &beside(aside, end))?;
        }
    }
    Ok(())
}

/// Whether a file is that of a state, or one that SQLite keeps beside it.
fn is_of(state: &Path, file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else {
        // what is not there is nobody's
        return false;
    };
    let own = |path: &Path| path.canonicalize().is_ok_and(|path| path == file);
    own(state) || LOG.iter().any(|end| own(&beside(state, end)))
}

/// Where a file is made before it gets its name; another process makes its own elsewhere.
fn unfinished(file: &Path) -> PathBuf {
    beside(file, &format!(".{}.part", std::process::id()))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn open(path: &Path) -> Result<Connection, Error> {
    open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn open_with(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| Error::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Opens a state that nobody else has open, and takes it out of the log, so that it can be
/// replaced.
fn open_to_replace(path: &Path) -> Result<Connection, Error> {
    let connection = open_alone(path, Duration::ZERO)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
        .map_err(|error| in_use(path, error))?;
    // a file cannot leave the log while somebody else has it open
    if mode != "delete" {
        return Err(Error::InUse {
            path: path.to_owned(),
        });
    }
    lock_out(&connection, path)?;
    Ok(connection)
}

/// Takes the lock, which then stays.
fn lock_out(connection: &Connection, path: &Path) -> Result<(), Error> {
    connection
        .execute_batch("BEGIN EXCLUSIVE; COMMIT")
        .map_err(|error| in_use(path, error))
}

/// Takes a state back that was moved, as [`crate::reclaim`] says.
pub(crate) fn reclaim(path: &Path, anchors: Anchors) -> Result<bool, Error> {
    let mut connection = open_alone(path, Duration::ZERO)?;
    lock_out(&connection, path)?;
    if !schema::is_there(&connection)? {
        return Err(schema::no_state(&connection));
    }
    schema::migrate(&mut connection)?;
    if moved(&connection)?.is_none() {
        return Ok(false);
    }
    match anchors {
        Anchors::Kept => connection.execute_batch(UNMARK)?,
        Anchors::Void => renew(&mut connection, &[])?,
    }
    Ok(true)
}

/// Makes a new file of all that another database holds, and looks through it for damage.
fn copy_checked(from: &Path, to: &Path) -> Result<(), Error> {
    // a copy may lie where nothing can be written, but the log of a state has to be read
    let source = open(from).or_else(|_| open_with(from, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    // from a try that was broken off
    let _ = fs::remove_file(to);
    make_private(to)?;
    let mut copy = open(to)?;
    copy_all(&source, &mut copy)?;
    // so that the copy is one file
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    let found: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(Error::Damaged(found.replace('\n', " ")))
    }
}

/// In one step: in several, each change of the state would have it begin anew.
fn copy_all(from: &Connection, to: &mut Connection) -> Result<(), Error> {
    let copy = Backup::new(from, to)?;
    let mut waited = Duration::ZERO;
    loop {
        match copy.step(-1)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if waited >= BUSY => return Err(Error::Locked),
            StepResult::Busy | StepResult::Locked => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            _ => {}
        }
    }
}

fn counters(state: &Connection) -> Result<Counters, Error> {
    if !schema::is_there(state)? {
        // nothing was given out by what is no state
        return Ok(Counters::new());
    }
    let mut statement =
        state.prepare("SELECT account, number, last_seq, last_guid FROM datastore")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes a state fit to meet devices that are ahead of it; `given` are the numbers that are known
/// to have been given out.
fn renew(state: &mut Connection, given: &[(i64, i64, i64, i64)]) -> Result<(), Error> {
    let transaction = state.transaction()?;
    for (account, number, seq, guid) in given {
        transaction.execute(
            "UPDATE datastore SET last_seq = max(last_seq, ?3), last_guid = max(last_guid, ?4)
             WHERE account = ?1 AND number = ?2",
            params![account, number, seq, guid],
        )?;
    }
    transaction.execute(
        "UPDATE datastore SET last_seq = last_seq + ?1, last_guid = last_guid + ?2",
        [LEFT_OUT_CHANGES, LEFT_OUT_GUIDS],
    )?;
    transaction.execute_batch(RENEW)?;
    transaction.execute("UPDATE device SET nonce = x''", [])?;
    transaction.commit()?;
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|error| Error::Open {
        path: to.to_owned(),
        reason: error.to_string(),
    })
}

/// Gives a file that is whole its name, durably.
fn put_in_place(part: &Path, file: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Open {
        path: file.to_owned(),
        reason: error.to_string(),
    };
    fs::File::open(part)
        .and_then(|written| written.sync_all())
        .map_err(failed)?;
    rename(part, file)?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}
