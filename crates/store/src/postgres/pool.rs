//! Connections to the database: made when they are needed, kept for the next job, never more than
//! a bound.
//!
//! Whoever holds a connection serves its socket while it waits for an answer: a statement then costs
//! no hand-over between threads, which is most of what a short one takes. An idle connection is
//! served by nobody; that it has died shows when it is used.
//!
//! A statement whose outcome nobody needs goes out together with the next one that is waited for, the
//! commit at the latest ([`Statements::later`]): a round trip costs more than most statements.
//!
//! ```text
//! BEGIN, query ──▶ answer        later ┐
//!                                later ┴─▶ kept ──▶ sent with the next query or COMMIT ──▶ answers
//! ```
//!
//! A server may also hold a connection and say nothing any more: its machine hangs, or its disk. Nothing
//! of the network tells of that, so a host has a time to let somebody in, and a statement one to
//! be answered. Of several hosts, the one that was found last is asked first, since one that has
//! failed may cost the whole of that time.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use session::store::StoreError;
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::encoded::Encoded;
use super::fault::Fault;
use crate::Error;

/// Values of a statement's parameters.
pub(super) type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

/// How long a job waits for a connection while all are in use.
const WAIT: Duration = Duration::from_secs(20);

/// How long a statement may stay without an answer: longer than the server itself lets one run.
const ANSWER: Duration = Duration::from_secs(75);

/// A host may take so many times as long as the network's part of connecting, for encryption and the
/// login.
const HANDSHAKE: u32 = 3;

/// What every connection is set to.
///
/// Plans are made once a statement and by index only: tables that were never analyzed, or had
/// grown since, would otherwise be read whole, or sorted, for every message. Locks and transactions
/// of a node that has gone silent end by themselves: after 15 seconds if nothing comes from its machine,
/// as at the node's own end. An answer is durable when it leaves, whatever
/// the server's own setting.
/// Those that an engine of another make does not know are left out.
// spec: R12
const SETTINGS: &str = "
SELECT set_config(name, value, false) FROM (VALUES
    ('plan_cache_mode', 'force_generic_plan'),
    ('enable_seqscan', 'off'),
    ('enable_bitmapscan', 'off'),
    ('enable_hashjoin', 'off'),
    ('enable_mergejoin', 'off'),
    ('enable_material', 'off'),
    ('enable_memoize', 'off'),
    ('lock_timeout', '15s'),
    ('statement_timeout', '60s'),
    ('idle_in_transaction_session_timeout', '60s'),
    ('tcp_keepalives_idle', '5'),
    ('tcp_keepalives_interval', '5'),
    ('tcp_keepalives_count', '2'),
    ('tcp_user_timeout', '15s')) AS wanted (name, value)
    WHERE current_setting(name, true) IS NOT NULL;
SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit', true) IN ('off', 'local');
";

/// A bounded number of connections.
pub(super) struct Pool {
    address: Address,
    /// The host that a connection was made to last.
    found: AtomicUsize,
    /// How long a statement may stay without an answer.
    answer: Duration,
    held: Mutex<Held>,
    freed: Condvar,
}

#[derive(Default)]
struct Held {
    idle: Vec<Connection>,
    /// All, those in use included.
    open: usize,
}

/// A connection with the statements that were prepared on it.
pub(super) struct Connection {
    socket: Socket,
    client: Arc<Client>,
    statements: HashMap<String, Statement>,
}

/// Statements on a connection.
pub(super) trait Statements {
    /// Runs a statement, and prepares it where the connection does not know it yet.
    fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault>;
    /// The same for a statement without rows; how many it has changed.
    fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, Fault>;
    /// Two statements with rows, the second sent before the first is answered.
    fn query_both(
        &mut self,
        first: (&str, Params<'_>),
        second: (&str, Params<'_>),
    ) -> Result<(Vec<Row>, Vec<Row>), Fault>;
    /// A statement without rows that is sent with the next one, and whose fault is that one's.
    fn later(&mut self, sql: &str, params: Params<'_>) -> Result<(), Fault>;
    /// Runs statements without parameters, in one message.
    fn batch(&mut self, sql: &str) -> Result<(), Fault>;
}

/// A connection in use. It goes back to the pool unless it was spoiled or has closed.
pub(super) struct Lease<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("place", &self.address.place)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            found: AtomicUsize::new(0),
            answer: ANSWER,
            held: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Host, port and name of the database.
    pub(super) fn place(&self) -> &str {
        &self.address.place
    }

    /// How many connections there are at most.
    pub(super) fn most(&self) -> usize {
        self.address.connections
    }

    /// The first connection, whose failure tells whether the address is right.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] and [`Error::Refused`].
    pub(super) fn connect_first(&self) -> Result<Lease<'_>, Error> {
        lock(&self.held).open += 1;
        let mut lease = Lease {
            pool: self,
            connection: None,
        };
        let place = self.address.place.clone();
        match self.connect() {
            Ok(connection) => {
                lease.connection = Some(connection);
                Ok(lease)
            }
            Err(fault) => Err(fault.at(&place)),
        }
    }

    /// A connection that is not known to be dead.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when none can be made, [`StoreError::Busy`] when none comes free in
    /// time.
    pub(super) fn take(&self) -> Result<Lease<'_>, StoreError> {
        let began = Instant::now();
        let mut held = lock(&self.held);
        loop {
            while let Some(connection) = held.idle.pop() {
                if !connection.client.is_closed() {
                    return Ok(Lease {
                        pool: self,
                        connection: Some(connection),
                    });
                }
                held.open -= 1;
            }
            if held.open < self.address.connections {
                held.open += 1;
                break;
            }
            let Some(left) = WAIT.checked_sub(began.elapsed()) else {
                return Err(StoreError::Busy(
                    "all connections to the database are in use".to_owned(),
                ));
            };
            let waited = self.freed.wait_timeout(held, left);
            held = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(held);
        // from here on the lease gives the place back
        let mut lease = Lease {
            pool: self,
            connection: None,
        };
        let connected = self.connect().map_err(|fault| {
            let text = format!("{}: {fault}", self.address.place);
            StoreError::Unavailable(text.into())
        });
        lease.connection = Some(connected?);
        Ok(lease)
    }

    /// Closes the connections that nobody uses.
    pub(super) fn drop_idle(&self) {
        let mut held = lock(&self.held);
        held.open -= held.idle.len();
        held.idle.clear();
        drop(held);
        self.freed.notify_all();
    }

    /// A connection to the first host that lets us in.
    fn connect(&self) -> Result<Connection, Fault> {
        let hosts = &self.address.hosts;
        let first = self.found.load(Ordering::Relaxed);
        let mut failed = Fault::Lost("there is no host".to_owned());
        for number in 0..hosts.len() {
            let number = (first + number) % hosts.len();
            match self.connect_to(&hosts[number]) {
                Ok(connection) => {
                    self.found.store(number, Ordering::Relaxed);
                    return Ok(connection);
                }
                // what a database has said tells more than that another one is not there
                Err(fault) if matches!(failed, Fault::Lost(_)) => failed = fault,
                Err(_) => {}
            }
        }
        Err(failed)
    }

    fn connect_to(&self, host: &Config) -> Result<Connection, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::Lost(error.to_string()))?;
        let mut socket = Socket {
            runtime: Some(runtime),
            served: None,
            later: Vec::new(),
            limit: host.get_connect_timeout().map(|time| *time * HANDSHAKE),
        };
        let tls = MakeRustlsConnect::new(self.address.tls.clone());
        let (client, connection) = socket.wait(host.connect(tls))?;
        socket.served = Some(Box::pin(async move {
            // its end shows at the client
            let _ = connection.await;
        }));
        socket.wait(client.batch_execute(SETTINGS))?;
        socket.limit = Some(self.answer);
        Ok(Connection {
            socket,
            client: Arc::new(client),
            statements: HashMap::new(),
        })
    }

    fn give_back(&self, mut connection: Option<Connection>) {
        if let Some(connection) = &mut connection {
            connection.socket.limit = Some(self.answer);
        }
        let mut held = lock(&self.held);
        let is_good = |one: &Connection| !one.client.is_closed() && one.socket.later.is_empty();
        match connection.filter(is_good) {
            Some(connection) => held.idle.push(connection),
            None => held.open -= 1,
        }
        drop(held);
        self.freed.notify_one();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.pool.give_back(self.connection.take());
    }
}

impl Lease<'_> {
    fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let gone = || Fault::Lost("the connection is closed".to_owned());
        self.connection.as_mut().ok_or_else(gone)
    }

    /// Rows of a statement that is not the same a second time, such as one that names a cursor.
    pub(super) fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Fault> {
        let Connection { socket, client, .. } = self.connection()?;
        socket.wait(client.query(sql, &[]))
    }

    /// Begins a transaction, with its first statement.
    pub(super) fn begin(&mut self, sql: &'static str) -> Result<(), Fault> {
        let Connection { socket, client, .. } = self.connection()?;
        let client = Arc::clone(client);
        socket
            .later
            .push(Later::new(async move { client.batch_execute(sql).await }));
        Ok(())
    }

    /// Ends the transaction, and with it what was not sent yet.
    pub(super) fn roll_back(&mut self) -> Result<(), Fault> {
        self.connection()?.socket.later.clear();
        self.batch("ROLLBACK")
    }

    /// Waits for answers as long as it takes, until the end of the lease: for statements that the
    /// server is told not to limit.
    pub(super) fn wait_long(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.socket.limit = None;
        }
    }

    /// Closes the connection at the end of the lease.
    pub(super) fn spoil(&mut self) {
        self.connection = None;
    }
}

impl Statements for Lease<'_> {
    fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        let connection = self.connection()?;
        let run = connection.client.batch_execute(sql);
        connection.socket.wait(run)
    }

    fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let Connection {
            socket,
            client,
            statements,
        } = self.connection()?;
        let run = async {
            let statement = prepared(client, statements, sql).await?;
            client.query(&statement, params).await
        };
        socket.wait(run)
    }

    fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, Fault> {
        let Connection {
            socket,
            client,
            statements,
        } = self.connection()?;
        let run = async {
            let statement = prepared(client, statements, sql).await?;
            client.execute(&statement, params).await
        };
        socket.wait(run)
    }

    fn query_both(
        &mut self,
        first: (&str, Params<'_>),
        second: (&str, Params<'_>),
    ) -> Result<(Vec<Row>, Vec<Row>), Fault> {
        let Connection {
            socket,
            client,
            statements,
        } = self.connection()?;
        let run = async {
            let one = prepared(client, statements, first.0).await?;
            let two = prepared(client, statements, second.0).await?;
            let (one, two) =
                tokio::join!(client.query(&one, first.1), client.query(&two, second.1));
            Ok((one?, two?))
        };
        socket.wait(run)
    }

    fn later(&mut self, sql: &str, params: Params<'_>) -> Result<(), Fault> {
        let Connection {
            socket,
            client,
            statements,
        } = self.connection()?;
        let statement = if let Some(known) = statements.get(sql) {
            known.clone()
        } else {
            socket.wait(prepared(client, statements, sql))?
        };
        let params = Encoded::all(params, &statement)?;
        let client = Arc::clone(client);
        socket.later.push(Later::new(async move {
            client.execute_raw(&statement, params).await.map(|_| ())
        }));
        Ok(())
    }
}

/// A statement, prepared where the connection does not know it yet.
async fn prepared(
    client: &Client,
    statements: &mut HashMap<String, Statement>,
    sql: &str,
) -> Result<Statement, tokio_postgres::Error> {
    if let Some(statement) = statements.get(sql) {
        return Ok(statement.clone());
    }
    let statement = client.prepare(sql).await?;
    statements.insert(sql.to_owned(), statement.clone());
    Ok(statement)
}

/// A statement that goes before the next one.
struct Later {
    run: Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>,
    outcome: Option<Result<(), tokio_postgres::Error>>,
}

impl Later {
    fn new(run: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) -> Self {
        Self {
            run: Box::pin(run),
            outcome: None,
        }
    }

    /// The first look sends it.
    fn look(&mut self, context: &mut Context<'_>) {
        if self.outcome.is_none()
            && let Poll::Ready(outcome) = self.run.as_mut().poll(context)
        {
            self.outcome = Some(outcome);
        }
    }
}

/// The reading and writing of a connection's socket, which goes on while somebody waits.
struct Socket {
    /// Taken at the end: it cannot be dropped where a thread may not block.
    runtime: Option<Runtime>,
    /// `None` before there is a connection, and after its end.
    served: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// What is sent before the next statement.
    later: Vec<Later>,
    /// How long anything that is waited for may take.
    limit: Option<Duration>,
}

impl Socket {
    /// Sends what was put off, and waits for what comes over the connection: the answers come in the
    /// order of the statements, so that with the last one all are there.
    fn wait<T>(
        &mut self,
        wanted: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        let closed = || Fault::Lost("the connection is closed".to_owned());
        let runtime = self.runtime.as_ref().ok_or_else(closed)?;
        let mut wanted = pin!(wanted);
        let served = &mut self.served;
        let mut later = std::mem::take(&mut self.later);
        let both = poll_fn(|context| {
            if let Some(serving) = served
                && serving.as_mut().poll(context).is_ready()
            {
                *served = None;
            }
            for one in &mut later {
                one.look(context);
            }
            let outcome = wanted.as_mut().poll(context);
            if outcome.is_ready() {
                for one in &mut later {
                    one.look(context);
                }
            }
            outcome
        });
        let limit = self.limit;
        let came = runtime.block_on(async {
            match limit {
                Some(limit) => tokio::time::timeout(limit, both).await.ok(),
                None => Some(both.await),
            }
        });
        let Some(came) = came else {
            // what comes after all must not be taken for the answer to something else
            self.served = None;
            return Err(Fault::Lost("the database does not answer".to_owned()));
        };
        // what follows the first that failed only repeats it
        for one in later {
            if let Some(Err(error)) = one.outcome {
                return Err(Fault::of(&error));
            }
        }
        came.map_err(|error| Fault::of(&error))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use testkit::postgres::Postgres;

    use super::*;

    #[test]
    fn commits_are_durable_whatever_the_setting_of_the_database() {
        let Some(server) = Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        for (set, expected) in [
            ("off", "on"),
            ("local", "on"),
            ("remote_write", "remote_write"),
            ("remote_apply", "remote_apply"),
        ] {
            let name = database.name();
            let sql = format!("ALTER DATABASE {name} SET synchronous_commit = {set}");
            database.sql(&sql).unwrap();
            let pool = Pool::new(Address::parse(&database.url()).unwrap());
            let rows = pool.take().unwrap().ask("SHOW synchronous_commit");
            let found: String = rows.unwrap()[0].get(0);
            assert_eq!(found, expected, "{set}");
        }
    }

    #[test]
    fn a_connection_is_set_to_plans_by_index_and_bounded_waits() {
        let Some(server) = Postgres::shared() else {
            return;
        };
        let pool = Pool::new(Address::parse(&server.url("postgres")).unwrap());
        let mut lease = pool.take().unwrap();
        for (name, expected) in [
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_memoize", "off"),
            ("lock_timeout", "15s"),
            ("statement_timeout", "1min"),
            ("idle_in_transaction_session_timeout", "1min"),
        ] {
            let rows = lease.ask(&format!("SHOW {name}")).unwrap();
            assert_eq!(rows[0].get::<_, &str>(0), expected, "{name}");
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_given_up_with_its_connection() {
        let Some(server) = Postgres::shared() else {
            return;
        };
        let address = Address::parse(&server.url("postgres")).unwrap();
        let mut pool = Pool::new(address);
        pool.answer = Duration::from_millis(100);
        let mut lease = pool.take().unwrap();
        let silent = lease.batch("SELECT pg_sleep(3600)");
        assert!(matches!(silent, Err(Fault::Lost(_))), "{silent:?}");
        // what was not answered then is never taken for the answer to something else
        assert!(matches!(lease.ask("SELECT 1"), Err(Fault::Lost(_))));
        drop(lease);
        let mut lease = pool.take().unwrap();
        assert_eq!(lease.ask("SELECT 2").unwrap()[0].get::<_, i32>(0), 2);
        lease.wait_long();
        lease.batch("SELECT pg_sleep(0.3)").unwrap();
    }
}
