//! The state of servers in a PostgreSQL database, which any number of nodes may share.
//!
//! A job is one transaction on one connection of a small pool, and runs on the caller's thread.
//!
//! ```text
//! transact(job) ─▶ a connection ─▶ BEGIN ─▶ lock the account ─▶ statements ─▶ COMMIT ─▶ return
//!        ▲                                        │                  │
//!        └────────── ROLLBACK, wait a little ◀────┴──────────────────┘ conflict, dead connection
//! ```
//!
//! **Isolation.** Messages of one account run one after the other: the first thing that a
//! transaction does with an account is to lock its row, and each statement after that sees all
//! that was committed before (READ COMMITTED). So what a session sees is as if it ran alone, which
//! is what SERIALIZABLE promises; but of two devices of one person the second waits some
//! milliseconds, where SERIALIZABLE would undo its work and begin it anew, and would keep lists of
//! all that was read to find out. Accounts share nothing and never wait for each other. A snapshot
//! for the whole transaction (REPEATABLE READ) would be taken before the lock and hide what the
//! lock was waited for.
//!
//! Before an account is known, what is locked is the session's row, or, for a message that names
//! its session by device and number only, the device's address. Locks are taken in the order
//! address, account, session. All are locks of the transaction, so that they end with it, with the
//! connection, or with the node that held it, and work behind a pooler.
//!
//! **Repetition.** A transaction that the database gives up (serialization failure, deadlock) is
//! run again some times, after short waits. One whose connection turns out to be dead before its
//! COMMIT was sent is run again once on a new one. A COMMIT that is not answered may have been
//! done or not: its caller is told that the state is not available, and the peer sends its message
//! again; if the commit was done, the session's row knows the message and has the answer, and
//! nothing is done twice.
//!
//! **Keys.** Every key begins with the account, and every number (GUID, change, former version) is
//! counted by datastore, so that accounts can be spread over machines. Two tables cannot: names of
//! accounts are unique among all, and a session is found by its token, or by its device's address,
//! before anybody knows whose it is.

mod address;
mod admin;
pub(crate) mod copying;
mod encoded;
mod fault;
mod large;
mod occurrences;
mod pool;
mod rows;
mod schema;
mod tidy;
mod transaction;
mod views;
mod withholding;

use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use session::store::{StoreError, Transaction};

use crate::Error;
use address::Address;
use fault::Fault;
use pool::{Lease, Pool, Statements as _};
use transaction::Running;

/// How often a transaction that the database gives up is run again.
const REPETITIONS: u32 = 6;

/// The wait before the first repetition; each further one waits up to twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// The state in a PostgreSQL database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Postgres {
    pool: Arc<Pool>,
}

/// What came of running a job once.
enum Attempt<R, E> {
    Done(Result<R, E>),
    /// The database gave the transaction up, and nothing of it stands.
    Conflict(E),
    /// The connection was dead before the commit was sent.
    Lost(E),
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Postgres {
    /// Opens the database at an address `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and brings
    /// its tables to the newest version.
    ///
    /// Parameters of the address: those of libpq that concern a connection, `sslmode` with all of
    /// its values and `sslrootcert` among them, and `connections`, how many a node uses at most
    /// (16).
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Unreachable`], [`Error::Refused`] or [`Error::Newer`].
    pub fn open(url: &str) -> Result<Self, Error> {
        Self::open_with(url, schema::migrate)
    }

    /// The same where there has to be a state already, so that a mistyped name makes no tables.
    ///
    /// # Errors
    ///
    /// [`Error::NoState`], and those of [`Postgres::open`].
    pub fn open_existing(url: &str) -> Result<Self, Error> {
        Self::open_with(url, schema::migrate_existing)
    }

    fn open_with(url: &str, migrate: schema::Migrate) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let place = address.place.clone();
        let pool = Pool::new(address);
        let mut lease = pool.connect_first()?;
        migrate(&mut lease, &place)?;
        drop(lease);
        Ok(Self {
            pool: Arc::new(pool),
        })
    }

    /// How many connections it uses at most, which is how many transactions can be open at one time.
    pub fn connections(&self) -> usize {
        self.pool.most()
    }

    /// Runs a job in a transaction and returns once its outcome is durable. A job that fails
    /// leaves no trace; one that collides with another is run again. Blocks: an asynchronous caller
    /// has to run it on a thread that may block.
    ///
    /// # Errors
    ///
    /// What the job returns; [`StoreError::Unavailable`] when the database cannot be reached or
    /// the commit fails, and [`StoreError::Damaged`] when the job panics.
    pub fn transact<R, E>(&self, job: impl Fn(&mut dyn Transaction) -> Result<R, E>) -> Result<R, E>
    where
        E: From<StoreError>,
    {
        self.run(Access::Write, |running| job(running))
    }

    fn run<R, E>(
        &self,
        access: Access,
        job: impl Fn(&mut Running<'_>) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<StoreError>,
    {
        let mut repetitions = 0;
        let mut may_reconnect = true;
        loop {
            match self.attempt(access, &job) {
                Attempt::Done(result) => return result,
                Attempt::Conflict(_) if repetitions < REPETITIONS => {
                    std::thread::sleep(wait_before(repetitions));
                    repetitions += 1;
                }
                Attempt::Lost(_) if may_reconnect => {
                    may_reconnect = false;
                    // what broke one has likely broken all
                    self.pool.drop_idle();
                }
                Attempt::Conflict(error) | Attempt::Lost(error) => return Err(error),
            }
        }
    }

    fn attempt<R, E>(
        &self,
        access: Access,
        job: impl Fn(&mut Running<'_>) -> Result<R, E>,
    ) -> Attempt<R, E>
    where
        E: From<StoreError>,
    {
        let mut lease = match self.pool.take() {
            Ok(lease) => lease,
            Err(error) => return Attempt::Done(Err(error.into())),
        };
        let begin = match access {
            Access::Read => "BEGIN READ ONLY",
            Access::Write => "BEGIN",
        };
        if let Err(fault) = lease.begin(begin) {
            return undone(fault, None);
        }
        let mut running = Running::new(&mut lease, access);
        let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut running)));
        let fault = running.fault.take();
        match (outcome, fault) {
            (Ok(Ok(done)), None) => commit(&mut lease, done),
            (Ok(result), Some(fault)) => {
                roll_back(&mut lease);
                undone(fault, result.err())
            }
            (Ok(Err(error)), None) => {
                roll_back(&mut lease);
                Attempt::Done(Err(error))
            }
            (Err(_), _) => {
                roll_back(&mut lease);
                let error = StoreError::Damaged {
                    what: "a job panicked over it".to_owned(),
                };
                Attempt::Done(Err(error.into()))
            }
        }
    }
}

/// Host, port and name of the database at an address, for people.
pub(crate) fn place(url: &str) -> Result<String, Error> {
    Ok(Address::parse(url)?.place)
}

/// What becomes of a transaction that a fault has ended before its commit; `error` is what its
/// job made of that.
fn undone<R, E: From<StoreError>>(fault: Fault, error: Option<E>) -> Attempt<R, E> {
    match fault {
        Fault::Conflict => Attempt::Conflict(error.unwrap_or_else(|| StoreError::Retry.into())),
        Fault::Lost(reason) => {
            Attempt::Lost(error.unwrap_or_else(|| StoreError::Unavailable(reason.into()).into()))
        }
        fault => Attempt::Done(Err(error.unwrap_or_else(|| StoreError::from(fault).into()))),
    }
}

// spec: R12
fn commit<R, E: From<StoreError>>(lease: &mut Lease<'_>, done: R) -> Attempt<R, E> {
    match lease.batch("COMMIT") {
        Ok(()) => Attempt::Done(Ok(done)),
        Err(Fault::Conflict) => Attempt::Conflict(StoreError::Retry.into()),
        Err(fault) => {
            lease.spoil();
            Attempt::Done(Err(StoreError::from(fault).into()))
        }
    }
}

/// A connection that cannot even do this is of no more use.
fn roll_back(lease: &mut Lease<'_>) {
    if lease.roll_back().is_err() {
        lease.spoil();
    }
}

/// Between half and the whole of a time that doubles with each repetition: those that collided
/// must not come back together.
fn wait_before(repetition: u32) -> Duration {
    let longest = FIRST_WAIT * 2u32.pow(repetition);
    let chance = RandomState::new().hash_one(repetition) % 1024;
    longest / 2 + longest.mul_f64(chance as f64 / 2048.0)
}
