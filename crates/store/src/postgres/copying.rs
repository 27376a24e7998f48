//! A whole state, read from or written to a database.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use session::store::StoreError;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::address::Address;
use super::pool::{Lease, Pool, Statements as _};
use super::{Postgres, rows, schema};
use crate::Error;
use crate::copy::{
    Anchors, Kind, MARK, MOVED, Moved, PAGE, ROWS, Record, Source, TABLES, Table, Target, Turns,
    UNMARK, Value, columns_and_order, occupied,
};
use crate::renew::{LEFT_OUT_CHANGES, LEFT_OUT_GUIDS, RENEW};

/// How often it is looked whether other connections have ended.
const LOOKS: u32 = 20;

/// The wait between two looks: a connection that was closed is there for a moment.
const BETWEEN: Duration = Duration::from_millis(100);

/// A transaction of this kind takes as long as it takes.
const PATIENT: &str = "SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// A connection within a transaction.
struct Side<'l, 'p> {
    lease: &'l mut Lease<'p>,
    place: &'l str,
}

/// Reads the state of a database, to which nobody can write meanwhile.
///
/// # Errors
///
/// [`Error::NotAlone`] when there are other connections of the same user and application name, and
/// those of [`Postgres::open_existing`].
pub(crate) fn reading<R>(
    url: &str,
    job: &mut dyn FnMut(&mut dyn Source) -> Result<R, Error>,
) -> Result<R, Error> {
    within(url, schema::migrate_existing, &mut |side| {
        side.is_alone()?;
        // the snapshot is that of the first statement after the locks were granted
        side.begin("BEGIN ISOLATION LEVEL REPEATABLE READ", "SHARE")?;
        // a server that began meanwhile has read that the state is not moved
        side.is_alone()?;
        job(side)
    })
}

/// Writes a state to a database that has none, in one transaction.
///
/// # Errors
///
/// [`Error::Occupied`], and those of [`Postgres::open`](super::Postgres::open).
pub(crate) fn writing<R>(
    url: &str,
    job: &mut dyn FnMut(&mut dyn Target) -> Result<R, Error>,
) -> Result<R, Error> {
    within(url, schema::migrate, &mut |side| {
        side.begin("BEGIN", "EXCLUSIVE")?;
        side.is_empty()?;
        let done = job(side)?;
        side.batch("COMMIT")?;
        Ok(done)
    })
}

impl Postgres {
    /// Makes a database that was restored to an earlier moment fit to meet devices that are ahead
    /// of it: each compares all items in its next sync, and numbers go on behind those that may have
    /// been given out since. No server may use the database meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::NotAlone`] when there are other connections of the same user and application name,
    /// and those of [`Postgres::open_existing`].
    pub fn renew(url: &str) -> Result<(), Error> {
        within(url, schema::migrate_existing, &mut |side| {
            side.is_alone()?;
            side.begin("BEGIN", "EXCLUSIVE")?;
            side.renew()?;
            side.batch("COMMIT")
        })
    }
}

/// Takes a state back that was moved, as [`crate::reclaim`] says.
pub(crate) fn reclaim(url: &str, anchors: Anchors) -> Result<bool, Error> {
    within(url, schema::migrate_existing, &mut |side| {
        side.is_alone()?;
        side.begin("BEGIN", "EXCLUSIVE")?;
        if side.moved()?.is_none() {
            return Ok(false);
        }
        match anchors {
            Anchors::Kept => side.unmark()?,
            Anchors::Void => side.renew()?,
        }
        side.batch("COMMIT")?;
        Ok(true)
    })
}

/// Whether two addresses name the tables of one schema of one database: whoever answers at the
/// second knows of a lock that was taken at the first.
///
/// # Errors
///
/// Those of connecting.
pub(crate) fn is_one(one: &str, other: &str) -> Result<bool, Error> {
    let key = RandomState::new().hash_one(one).cast_signed();
    let schema = "(SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema())";
    let ask = |lease: &mut Lease<'_>, place: &str, call: &str| {
        let sql = format!("SELECT {call}($1 # coalesce({schema}, 0))");
        let asked = lease
            .batch("BEGIN")
            .and_then(|()| lease.query(&sql, &[&key]));
        asked.map_err(|fault| fault.at(place))
    };
    let [one, other] = [one, other].map(Address::parse);
    let (one, other) = (one?, other?);
    let [first, second] = [one.place.clone(), other.place.clone()];
    let pools = [Pool::new(one), Pool::new(other)];
    let mut lease = pools[0].connect_first()?;
    ask(&mut lease, &first, "pg_advisory_xact_lock")?;
    let mut lease = pools[1].connect_first()?;
    let rows = ask(&mut lease, &second, "pg_try_advisory_xact_lock")?;
    let is_free = rows.first().map(|row| rows::column::<bool>(row, 0));
    Ok(!is_free.transpose()?.unwrap_or(true))
}

/// Looks whether a state can be written to a database, without making tables.
///
/// # Errors
///
/// As [`writing`].
pub(crate) fn look(url: &str) -> Result<(), Error> {
    let address = Address::parse(url)?;
    let place = address.place.clone();
    let pool = Pool::new(address);
    let mut lease = pool.connect_first()?;
    let version = schema::version_of(&mut lease).map_err(|fault| fault.at(&place))?;
    if version.is_none() {
        return Ok(());
    }
    schema::migrate(&mut lease, &place)?;
    let mut side = Side {
        lease: &mut lease,
        place: &place,
    };
    side.is_empty()
}

/// Runs a job on a connection of its own, whose end undoes what was not committed.
fn within<R>(
    url: &str,
    migrate: schema::Migrate,
    job: &mut dyn FnMut(&mut Side<'_, '_>) -> Result<R, Error>,
) -> Result<R, Error> {
    let address = Address::parse(url)?;
    let place = address.place.clone();
    let pool = Pool::new(address);
    let mut lease = pool.connect_first()?;
    migrate(&mut lease, &place)?;
    job(&mut Side {
        lease: &mut lease,
        place: &place,
    })
}

impl Side<'_, '_> {
    fn batch(&mut self, sql: &str) -> Result<(), Error> {
        let done = self.lease.batch(sql);
        done.map_err(|fault| fault.at(self.place))
    }

    fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let rows = self.lease.ask(sql);
        rows.map_err(|fault| fault.at(self.place))
    }

    fn number(&mut self, sql: &str) -> Result<i64, Error> {
        let rows = self.ask(sql)?;
        rows.first()
            .map_or(Ok(0), |row| Ok(rows::column::<i64>(row, 0)?))
    }

    /// Begins a transaction that holds a lock of all tables. No server begins meanwhile: each reads
    /// first whether the state was moved.
    fn begin(&mut self, begin: &str, lock: &str) -> Result<(), Error> {
        let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        let names = names.join(", ");
        self.lease.wait_long();
        self.batch(&format!(
            "{begin}; {PATIENT}; LOCK TABLE {MARK} IN ACCESS EXCLUSIVE MODE;
             LOCK TABLE {names} IN {lock} MODE"
        ))
    }

    /// Makes the state fit to meet devices that are ahead of it.
    fn renew(&mut self) -> Result<(), Error> {
        self.batch(RENEW)?;
        self.batch(&format!(
            "UPDATE device SET nonce = ''::bytea;
             UPDATE datastore SET last_seq = last_seq + {LEFT_OUT_CHANGES},
                 last_guid = last_guid + {LEFT_OUT_GUIDS}"
        ))
    }

    /// Whether no other connection looks as this one does.
    fn is_alone(&mut self) -> Result<(), Error> {
        for _ in 0..LOOKS {
            // within a transaction the first look is remembered
            self.ask("SELECT pg_stat_clear_snapshot()")?;
            let others = self.number(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = current_user
                   AND application_name = current_setting('application_name')
                   AND pid <> pg_backend_pid()",
            )?;
            if others == 0 {
                return Ok(());
            }
            std::thread::sleep(BETWEEN);
        }
        Err(Error::NotAlone)
    }

    fn is_empty(&mut self) -> Result<(), Error> {
        let mut counts = Vec::new();
        for table in &TABLES {
            let sql = format!("SELECT count(*) FROM {}", table.name);
            counts.push((table.name, self.number(&sql)?));
        }
        occupied(counts)
    }
}

impl Source for Side<'_, '_> {
    /// One cursor goes ahead and says how large the rows are, so that the other is asked for no
    /// more of them than a page holds.
    fn rows(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(&[Record]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let turn = table.turn.map(|turn| turn.postgres);
        let (columns, order) = columns_and_order(table, turn);
        let long = table.columns.iter().filter_map(|column| match column.kind {
            Kind::Integer | Kind::Flag => None,
            Kind::Text | Kind::Bytes => Some(format!(
                "coalesce(octet_length({}), 0)::bigint",
                column.name
            )),
        });
        let size = long.collect::<Vec<_>>().join(" + ");
        let size = if size.is_empty() { "0::bigint" } else { &size };
        // the index over turns has a condition, which holds for all
        let all = turn.map_or(String::new(), |turn| format!("WHERE {turn} >= 0"));
        let from = format!("FROM {} {all} ORDER BY {order}", table.name);
        self.batch(&format!(
            "DECLARE sizes NO SCROLL CURSOR FOR SELECT {size} {from};
             DECLARE contents NO SCROLL CURSOR FOR SELECT {columns} {from}"
        ))?;
        let mut turns = Turns::default();
        loop {
            let sizes = self.ask(&format!("FETCH {ROWS} FROM sizes"))?;
            let sizes = sizes.iter().map(|row| {
                let held = usize::try_from(rows::column::<i64>(row, 0)?).unwrap_or(usize::MAX);
                Ok(held.saturating_add(table.columns.len() * size_of::<Value>()))
            });
            let sizes = sizes.collect::<Result<Vec<usize>, Error>>()?;
            if sizes.is_empty() {
                return self.batch("CLOSE sizes; CLOSE contents");
            }
            for count in pages(&sizes) {
                let found = self.ask(&format!("FETCH {count} FROM contents"))?;
                let mut page = Vec::with_capacity(found.len());
                for row in found {
                    page.push(turns.record(table, values(table, &row)?));
                }
                take(&page)?;
            }
        }
    }

    fn moved(&mut self) -> Result<Option<Moved>, Error> {
        let rows = self.ask(MOVED)?;
        Ok(rows.first().map(moved_of).transpose()?)
    }

    fn mark(&mut self, moved: &Moved) -> Result<(), Error> {
        let sql = "INSERT INTO moved (place, at) VALUES ($1, $2)";
        let values: [&(dyn ToSql + Sync); 2] = [&rows::text(&moved.to), &moved.at];
        let written = self.lease.execute(sql, &values);
        written.map_err(|fault| fault.at(self.place))?;
        self.batch("COMMIT")
    }

    fn unmark(&mut self) -> Result<(), Error> {
        self.batch(UNMARK)
    }
}

/// A row of [`MOVED`].
pub(super) fn moved_of(row: &Row) -> Result<Moved, StoreError> {
    Ok(Moved {
        to: rows::column(row, 0)?,
        at: rows::column(row, 1)?,
    })
}

/// How many rows of these sizes make each page.
fn pages(sizes: &[usize]) -> Vec<usize> {
    let mut pages = Vec::new();
    let (mut count, mut bytes) = (0_usize, 0_usize);
    for size in sizes {
        if count > 0 && bytes.saturating_add(*size) > PAGE {
            pages.push(count);
            (count, bytes) = (0, 0);
        }
        count += 1;
        bytes = bytes.saturating_add(*size);
    }
    if count > 0 {
        pages.push(count);
    }
    pages
}

fn values(table: &Table, row: &Row) -> Result<Vec<Value>, Error> {
    let columns = table.columns.iter().enumerate();
    let values = columns.map(|(index, column)| {
        let value = match column.kind {
            Kind::Integer => rows::column::<Option<i64>>(row, index)?.map(Value::Integer),
            Kind::Flag => rows::column::<Option<bool>>(row, index)?
                .map(|flag| Value::Integer(i64::from(flag))),
            Kind::Text => rows::column::<Option<String>>(row, index)?.map(Value::Text),
            Kind::Bytes => rows::column::<Option<Vec<u8>>>(row, index)?.map(Value::Bytes),
        };
        Ok(value.unwrap_or(Value::Null))
    });
    values.collect()
}

/// The values of a column, as a parameter that is an array.
type Array<'r> = Box<dyn ToSql + Sync + 'r>;

fn integers(rows: &[Record], index: usize) -> impl Iterator<Item = Option<i64>> {
    rows.iter().map(move |row| match row.values.get(index) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    })
}

fn array(rows: &[Record], index: usize, kind: Kind) -> Array<'_> {
    let values = rows.iter().map(move |row| row.values.get(index));
    match kind {
        Kind::Integer => Box::new(integers(rows, index).collect::<Vec<_>>()),
        Kind::Flag => {
            let flags = integers(rows, index).map(|flag| flag.map(|flag| flag != 0));
            Box::new(flags.collect::<Vec<_>>())
        }
        Kind::Text => {
            let texts = values.map(|value| match value {
                Some(Value::Text(text)) => Some(rows::text(text)),
                _ => None,
            });
            Box::new(texts.collect::<Vec<_>>())
        }
        Kind::Bytes => {
            let contents = values.map(|value| match value {
                Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
                _ => None,
            });
            Box::new(contents.collect::<Vec<_>>())
        }
    }
}

impl Target for Side<'_, '_> {
    fn put(&mut self, table: &Table, rows: &[Record]) -> Result<(), Error> {
        let (mut columns, _) = columns_and_order(table, None);
        let mut arrays = Vec::new();
        let mut types = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            arrays.push(array(rows, index, column.kind));
            types.push(match column.kind {
                Kind::Integer => "bigint",
                Kind::Flag => "boolean",
                Kind::Text => "text",
                Kind::Bytes => "bytea",
            });
        }
        if let Some(turn) = table.turn {
            columns = format!("{columns}, {}", turn.postgres);
            arrays.push(Box::new(
                rows.iter().map(|row| row.turn).collect::<Vec<_>>(),
            ));
            types.push("bigint");
        }
        let marks = types.iter().zip(1..);
        let marks: Vec<String> = marks
            .map(|(kind, number): (_, u32)| format!("${number}::{kind}[]"))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({columns}) SELECT * FROM unnest({})",
            table.name,
            marks.join(", ")
        );
        let params: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(AsRef::as_ref).collect();
        let written = self.lease.execute(&sql, &params);
        written.map_err(|fault| fault.at(self.place))?;
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Error> {
        // of a state that was there before
        self.unmark()?;
        self.batch(
            "UPDATE datastore SET last_version = (
                 SELECT coalesce(max(history.number), 0) FROM history
                 WHERE history.account = datastore.account
                   AND history.datastore = datastore.number AND history.number >= 0)",
        )
    }
}
