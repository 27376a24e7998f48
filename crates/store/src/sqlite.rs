//! The state of a server in one SQLite file.
//!
//! One thread owns the connection. It takes whatever jobs wait, runs each inside a savepoint, and
//! commits them together; only then does it let their callers go on. So an answer never leaves
//! before it is durable, and concurrent sessions share the price of one flush to the disk.
//!
//! ```text
//! transact(job) ─┐
//! transact(job) ─┼─▶ queue ─▶ BEGIN, (SAVEPOINT job RELEASE)*, COMMIT ─▶ every caller returns
//! transact(job) ─┘
//! ```
//!
//! Several processes may use one file: the command line works beside a running server.

mod admin;
mod backup;
pub(crate) mod copying;
mod large;
mod occurrences;
mod rows;
mod schema;
mod tidy;
mod transaction;
mod views;
mod withholding;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use session::store::{StoreError, Transaction};

pub(crate) use backup::reclaim;

pub use admin::{DeviceLinks, Overruled, Restored, Rule, Version, Wish};

use crate::Error;
use transaction::{Running, failed};

/// Jobs that share a commit at most.
const GROUP: usize = 64;

/// How long another process may keep the file locked.
const BUSY: Duration = Duration::from_secs(10);

/// The state in a SQLite file. Clones share one connection; the last one closes it.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: Arc<Writer>,
}

#[derive(Debug)]
struct Writer {
    queue: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take() {
            // a panic of the thread was told to every caller already
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a job wants its savepoint kept.
enum Verdict {
    Keep,
    Undo,
}

/// Where a caller waits for what became of its job.
type Done = SyncSender<Result<(), StoreError>>;

struct Job {
    run: Box<dyn FnOnce(&Connection) -> Verdict + Send>,
    /// Told once the commit is through, or why it is not.
    done: Done,
}

impl Sqlite {
    /// Opens the file, makes it if there is none, and brings its tables to the newest version.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::Newer`], [`Error::Damaged`] or [`Error::Locked`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = connect(path)?;
        schema::migrate(&mut connection)?;
        let (queue, jobs) = channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(&connection, &jobs))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            writer: Arc::new(Writer {
                queue: Mutex::new(Some(queue)),
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Runs a job in a transaction and returns once its outcome is durable. A job that fails
    /// leaves no trace. Blocks: an asynchronous caller has to run it on a thread that may block.
    ///
    /// # Errors
    ///
    /// What the job returns; [`StoreError::Unavailable`] when the commit fails, [`StoreError::Busy`] when
    /// another process holds the file for too long, and [`StoreError::Damaged`] when the job panics.
    pub fn transact<R, E>(
        &self,
        job: impl FnOnce(&mut dyn Transaction) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(|connection| job(&mut Running::on(connection)))
    }

    fn run<R, E>(
        &self,
        job: impl FnOnce(&Connection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (give, outcome) = sync_channel(1);
        let (done, committed) = sync_channel(1);
        let run = Box::new(move |connection: &Connection| {
            let result = job(connection);
            let verdict = if result.is_ok() {
                Verdict::Keep
            } else {
                Verdict::Undo
            };
            // the receiver is held by the caller, who waits below
            let _ = give.send(result);
            verdict
        });
        let queue = lock(&self.writer.queue).clone();
        let sent = queue.is_some_and(|queue| queue.send(Job { run, done }).is_ok());
        if !sent {
            return Err(gone().into());
        }
        match committed.recv() {
            Ok(Ok(())) => outcome.recv().unwrap_or_else(|_| Err(gone().into())),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(gone().into()),
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the thread that writes the state has ended".into())
}

// spec: R12
fn connect(path: &Path) -> Result<Connection, Error> {
    make_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| Error::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    connection.busy_timeout(BUSY)?;
    // with it SQLite finds a place within a long content without reading every page before: what
    // goes out in chunks would cost the square of its length. It takes effect in a new file only
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // KiB, as a negative number
    connection.pragma_update(None, "cache_size", -4096)?;
    // plans that depend on bound values would be made anew at every call
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens a file so that the first access locks all others out until the connection ends; each other
/// connection that is open holds a lock that keeps this one from being granted. `patience` is how
/// long that is waited for. [`in_use`] says what its failure means.
fn open_alone(path: &Path, patience: Duration) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| Error::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    connection.busy_timeout(patience)?;
    connection
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .map_err(|error| in_use(path, error))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// What an error means of a file that one process is to have for itself.
fn in_use(path: &Path, error: rusqlite::Error) -> Error {
    match Error::from(error) {
        Error::Locked => Error::InUse {
            path: path.to_owned(),
        },
        error => error,
    }
}

/// Makes the file, if it is missing, so that nobody else can read it: it holds passwords. SQLite
/// gives the files beside it the same permissions.
fn make_private(path: &Path) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        }),
        _ => Ok(()),
    }
}

fn write(connection: &Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        write_group(connection, first, jobs);
    }
}

/// Runs the jobs that wait, and commits them together.
// spec: R12
fn write_group(connection: &Connection, first: Job, jobs: &Receiver<Job>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        // whoever waits has waited as long: the next try would only add to it
        let mut waiting = vec![first.done];
        waiting.extend(jobs.try_iter().map(|job| job.done));
        refuse(waiting, error);
        return;
    }
    let mut group = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next {
        match run_job(connection, job.run) {
            Ok(()) => group.push(job.done),
            Err(error) => {
                let _ = job.done.send(Err(error));
            }
        }
        if connection.is_autocommit() {
            // SQLite has rolled all of it back by itself, as after a full disk
            let why = "the transaction was rolled back";
            release(group, || Err(StoreError::Unavailable(why.into())));
            return;
        }
        next = (group.len() < GROUP)
            .then(|| jobs.try_recv().ok())
            .flatten();
    }
    let committed = connection.execute_batch("COMMIT");
    if committed.is_err() && !connection.is_autocommit() {
        // what cannot be committed cannot be kept either; an error here changes nothing
        let _ = connection.execute_batch("ROLLBACK");
    }
    match committed {
        Ok(()) => release(group, || Ok(())),
        Err(error) => refuse(group, error),
    }
}

/// Tells the callers of a group what has kept their transaction from being made.
fn refuse(group: Vec<Done>, error: rusqlite::Error) {
    let reason = error.to_string();
    match failed(error) {
        StoreError::Busy(what) => release(group, || Err(StoreError::Busy(what.clone()))),
        StoreError::Damaged { what } => {
            release(group, || Err(StoreError::Damaged { what: what.clone() }));
        }
        _ => release(group, || {
            Err(StoreError::Unavailable(reason.clone().into()))
        }),
    }
}

/// Lets the callers of a group go on, all with the same outcome.
fn release(group: Vec<Done>, outcome: impl Fn() -> Result<(), StoreError>) {
    for done in group {
        // a caller that has gone does not need to know
        let _ = done.send(outcome());
    }
}

/// Runs one job inside its savepoint.
fn run_job(
    connection: &Connection,
    run: Box<dyn FnOnce(&Connection) -> Verdict + Send>,
) -> Result<(), StoreError> {
    connection.execute_batch("SAVEPOINT job").map_err(failed)?;
    let verdict = catch_unwind(AssertUnwindSafe(|| run(connection)));
    let end = match verdict {
        Ok(Verdict::Keep) => "RELEASE job",
        Ok(Verdict::Undo) | Err(_) => "ROLLBACK TO job; RELEASE job",
    };
    connection.execute_batch(end).map_err(failed)?;
    if verdict.is_err() {
        return Err(StoreError::Damaged {
            what: "a job panicked over it".to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // spec: R12
    #[test]
    fn what_is_committed_is_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("syncline.db")).unwrap();
        let setting = |name| {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        // a kill alone would not show it: what the system holds outlives the process
        assert_eq!(setting("synchronous"), 2.into(), "FULL");
        assert_eq!(setting("journal_mode"), "wal".to_owned().into());
    }

    #[test]
    fn a_file_that_another_process_has_locked_is_busy_and_no_outage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.db");
        let state = Sqlite::open(&path).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let work = |state: &Sqlite| state.transact::<_, StoreError>(|tx| tx.account("ann"));
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| work(&state));
            (work(&state), second.join().unwrap())
        });
        for outcome in [first, second] {
            assert!(matches!(outcome, Err(StoreError::Busy(_))), "{outcome:?}");
        }
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(work(&state).unwrap(), None);
    }
}
