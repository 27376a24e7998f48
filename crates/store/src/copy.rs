//! A whole state, moved from one place to another so that no device notices.
//!
//! ```text
//! source: locked, one snapshot ─▶ rows, page by page ─▶ target: one transaction
//!                │                                          │ read again
//!                └──▶ count and checksum ═══ equal? ═══ count and checksum ─▶ COMMIT
//! ```
//!
//! Table by table, and within a table in the order of its key, which begins with the account. A
//! page is what [`PAGE`] holds, or one row that is larger; no more than a page is in memory.
//!
//! **All or nothing.** The target has to be empty and is written in one transaction, which
//! commits after what it holds was read again and found equal. A move that is interrupted leaves
//! an empty state, and can be begun again.
//!
//! **Nobody writes meanwhile.** A file of SQLite is locked for this process alone, which fails if
//! any other has it open. In PostgreSQL the tables are locked against writing, and a source that
//! other connections of ours are open to is refused: a node that went on after the move would
//! write where nobody looks any more.

mod tables;

use std::path::PathBuf;

pub(crate) use tables::{Kind, Record, TABLES, Table, Tally, Turns, Value};

#[cfg(test)]
pub(crate) use tables::DERIVED;

use crate::{Error, postgres, sqlite};

/// Bytes of rows that are in memory at a time, unless one row is larger.
pub(crate) const PAGE: usize = 1 << 20;

/// Rows of a page at most.
pub(crate) const ROWS: usize = 1000;

/// Where a state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of SQLite.
    File(PathBuf),
    /// A PostgreSQL database, by its address as [`Postgres::open`](crate::Postgres::open) takes it.
    Database(String),
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// Rows of the table so far.
    pub rows: u64,
    /// Bytes of all tables so far.
    pub bytes: u64,
    /// The copy is read again.
    pub again: bool,
}

/// What there was of a table, at both places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// A sum over what they say. Equal rows have equal sums, whatever keeps them; it is comparable
    /// between runs of one release of the program.
    pub checksum: u64,
}

/// A state that is read.
pub(crate) trait Source {
    /// All rows of a table in its order, page by page, until `take` fails.
    fn rows(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(&[Record]) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// A state that is written in a transaction.
pub(crate) trait Target: Source {
    /// Writes rows that follow those written before.
    fn put(&mut self, table: &Table, rows: &[Record]) -> Result<(), Error>;
    /// Brings what follows from the rows up to them.
    fn complete(&mut self) -> Result<(), Error>;
}

/// Copies the state at one place to another, where there is none; what was copied, by table. The
/// tables of both places are brought to the newest version first.
///
/// # Errors
///
/// [`Error::NotAlone`] when the source is open elsewhere, [`Error::Occupied`] when the target holds
/// anything, [`Error::Unequal`] when it does not hold what was written; beyond these, those of
/// [`Sqlite::open`](crate::Sqlite::open) and [`Postgres::open`](crate::Postgres::open). The target
/// is empty after an error.
pub fn copy(
    from: &Place,
    to: &Place,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Copied>, Error> {
    reading(from, &mut |source| {
        writing(to, &mut |target| {
            let written = transfer(source, target, progress)?;
            target.complete()?;
            for (table, (expected, copied)) in TABLES.iter().zip(&written) {
                let found = tally(target, table, &mut |rows| {
                    progress(Progress {
                        table: table.name,
                        rows,
                        bytes: 0,
                        again: true,
                    });
                })?;
                if found != *expected {
                    return Err(Error::Unequal {
                        table: copied.table,
                        expected: expected.rows,
                        found: found.rows,
                    });
                }
            }
            Ok(written.into_iter().map(|(_, copied)| copied).collect())
        })
    })
}

/// Reads the state at `from` and looks whether it could be copied to `to`, where nothing is
/// changed; what would be copied, by table.
///
/// # Errors
///
/// As [`copy`].
pub fn rehearse(
    from: &Place,
    to: &Place,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Copied>, Error> {
    match to {
        Place::File(path) => sqlite::copying::look(path)?,
        Place::Database(url) => postgres::copying::look(url)?,
    }
    reading(from, &mut |source| {
        let tables = TABLES.iter().map(|table| {
            let tally = tally(source, table, &mut |rows| {
                progress(Progress {
                    table: table.name,
                    rows,
                    bytes: 0,
                    again: false,
                });
            })?;
            Ok(copied(table, tally))
        });
        tables.collect()
    })
}

/// What is done with a source.
type Reading<'r, R> = &'r mut dyn FnMut(&mut dyn Source) -> Result<R, Error>;

/// What is done with a target.
pub(crate) type Writing<'r, R> = &'r mut dyn FnMut(&mut dyn Target) -> Result<R, Error>;

fn reading<R>(from: &Place, job: Reading<'_, R>) -> Result<R, Error> {
    match from {
        Place::File(path) => sqlite::copying::reading(path, job),
        Place::Database(url) => postgres::copying::reading(url, job),
    }
}

fn writing<R>(to: &Place, job: Writing<'_, R>) -> Result<R, Error> {
    match to {
        Place::File(path) => sqlite::copying::writing(path, job),
        Place::Database(url) => postgres::copying::writing(url, job),
    }
}

/// Copies all rows; by table what they were.
fn transfer(
    source: &mut dyn Source,
    target: &mut dyn Target,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<(Tally, Copied)>, Error> {
    let mut bytes = 0;
    let mut all = Vec::new();
    for table in &TABLES {
        let mut tally = Tally::default();
        source.rows(table, &mut |page| {
            target.put(table, page)?;
            for row in page {
                tally.count(row);
            }
            progress(Progress {
                table: table.name,
                rows: tally.rows,
                bytes: bytes + tally.bytes,
                again: false,
            });
            Ok(())
        })?;
        bytes += tally.bytes;
        all.push((tally, copied(table, tally)));
    }
    Ok(all)
}

fn copied(table: &Table, tally: Tally) -> Copied {
    Copied {
        table: table.name,
        rows: tally.rows,
        checksum: tally.checksum,
    }
}

/// What there is of a table.
fn tally<S: Source + ?Sized>(
    source: &mut S,
    table: &Table,
    progress: &mut dyn FnMut(u64),
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    source.rows(table, &mut |page| {
        for row in page {
            tally.count(row);
        }
        progress(tally.rows);
        Ok(())
    })?;
    Ok(tally)
}

/// The names of the columns that a table's rows have, and those that it is read by, as SQL.
pub(crate) fn columns_and_order(table: &Table, turn: Option<&str>) -> (String, String) {
    let names = |columns: &[tables::Column]| {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        names.join(", ")
    };
    let mut order = names(table.columns.get(..table.order).unwrap_or_default());
    if let Some(turn) = turn {
        order = format!("{order}, {turn}");
    }
    (names(table.columns), order)
}

/// Says what is at a place that should hold nothing; `counts` by table.
pub(crate) fn occupied(counts: impl IntoIterator<Item = (&'static str, i64)>) -> Result<(), Error> {
    let there: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(table, count)| format!("{table}: {count}"))
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(Error::Occupied {
        what: there.join(", "),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rusqlite::Connection;
    use session::store::AccountId;
    use testkit::postgres;

    use super::*;
    use crate::{Postgres, Sqlite};

    /// `TABLE COLUMN TYPE`, a line each, as the list has it; types by `name`.
    fn listed(name: impl Fn(Kind) -> &'static str, others: Vec<String>) -> Vec<String> {
        let columns = TABLES.iter().flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(|column| format!("{} {} {}", table.name, column.name, name(column.kind)))
        });
        let mut all: Vec<String> = columns.chain(others).collect();
        all.sort();
        all
    }

    #[test]
    fn every_column_of_a_file_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        Sqlite::open(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        let sql = "SELECT t.name || ' ' || c.name || ' ' || c.type
                   FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'
                   AND t.name NOT LIKE 'sqlite_%'";
        let mut statement = connection.prepare(sql).unwrap();
        let found = statement.query_map([], |row| row.get(0)).unwrap();
        let mut found: Vec<String> = found.map(Result::unwrap).collect();
        found.sort();
        let name = |kind| match kind {
            Kind::Integer | Kind::Flag => "INTEGER",
            Kind::Text => "TEXT",
            Kind::Bytes => "BLOB",
        };
        let turns = TABLES
            .iter()
            .filter_map(|table| Some((table.name, table.turn?.sqlite)));
        let own = turns
            .filter(|(_, turn)| *turn != "rowid")
            .map(|(table, turn)| format!("{table} {turn} INTEGER"));
        assert_eq!(found, listed(name, own.collect()));
    }

    #[test]
    fn every_column_of_a_database_is_listed() {
        let Some(server) = postgres::Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        Postgres::open(&database.url()).unwrap();
        let sql = "SELECT table_name || ' ' || column_name || ' ' || data_type
                   FROM information_schema.columns WHERE table_schema = 'public'
                   AND table_name <> 'syncline_schema'";
        let found = database.sql(sql).unwrap();
        let mut found: Vec<String> = found.lines().map(str::to_owned).collect();
        found.sort();
        let name = |kind| match kind {
            Kind::Integer => "bigint",
            Kind::Flag => "boolean",
            Kind::Text => "text",
            Kind::Bytes => "bytea",
        };
        let turns = TABLES
            .iter()
            .filter_map(|table| Some((table.name, table.turn?.postgres)));
        let own = turns.chain(DERIVED);
        let own = own.map(|(table, column)| format!("{table} {column} bigint"));
        assert_eq!(found, listed(name, own.collect()));
    }

    /// A file with an account and the accounts' own datastores.
    fn filled(path: &std::path::Path) -> Sqlite {
        let engine = Sqlite::open(path).unwrap();
        engine
            .add_account(AccountId(1), "ann", "digest", None)
            .unwrap();
        engine
    }

    #[test]
    fn what_is_open_or_holds_something_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
        let engine = filled(&from);
        let (source, target) = (Place::File(from.clone()), Place::File(to.clone()));
        let outcome = copy(&source, &target, &mut |_| ());
        assert!(matches!(outcome, Err(Error::NotAlone)), "{outcome:?}");
        drop(engine);
        rehearse(&source, &target, &mut |_| ()).unwrap();
        assert!(!to.exists());
        let copied = copy(&source, &target, &mut |_| ()).unwrap();
        let rows = |table: &str| copied.iter().find(|one| one.table == table).unwrap().rows;
        assert_eq!((rows("account"), rows("datastore")), (1, 6));
        for outcome in [
            copy(&source, &target, &mut |_| ()),
            rehearse(&source, &target, &mut |_| ()),
        ] {
            let text = outcome.unwrap_err().to_string();
            assert!(text.contains("account: 1, datastore: 6"), "{text}");
        }
    }

    /// What `schema` lists of a file.
    fn tables(path: &std::path::Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        let sql = "SELECT count(*) FROM sqlite_schema";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn both(from: &Place, to: &Place) -> [Result<Vec<Copied>, Error>; 2] {
        [rehearse, copy].map(|run| run(from, to, &mut |_| ()))
    }

    #[test]
    fn what_is_no_state_is_not_made_one() {
        let folder = tempfile::tempdir().unwrap();
        let [empty, foreign, letter, to] =
            ["a", "b", "c", "d"].map(|name| folder.path().join(name));
        std::fs::write(&empty, "").unwrap();
        std::fs::write(&letter, "Dear Ann, ".repeat(999)).unwrap();
        let connection = Connection::open(&foreign).unwrap();
        let sql = "PRAGMA user_version = 3; CREATE TABLE account (id INTEGER)";
        connection.execute_batch(sql).unwrap();
        drop(connection);
        for from in [&empty, &foreign, &letter] {
            let place = Place::File(from.clone());
            for outcome in both(&place, &Place::File(to.clone())) {
                let text = outcome.unwrap_err().to_string();
                assert!(text.contains(&*from.to_string_lossy()), "{text}");
                assert!(text.contains("holds no state"), "{text}");
            }
            assert!(!to.exists());
        }
        assert_eq!((tables(&empty), tables(&foreign)), (0, 1));
        let opened = Sqlite::open(&foreign);
        assert!(matches!(opened, Err(Error::NoState { .. })), "{opened:?}");
        assert_eq!(tables(&foreign), 1);
        let Some(server) = postgres::Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        let place = Place::Database(database.url());
        let others = [
            Postgres::renew(&database.url()).err(),
            Postgres::open_existing(&database.url()).err(),
        ];
        let moved = both(&place, &Place::File(to)).map(Result::err);
        for error in moved.into_iter().chain(others) {
            assert!(matches!(error, Some(Error::NoState { .. })), "{error:?}");
        }
        let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(database.sql(sql).unwrap(), "0");
    }

    #[test]
    fn an_older_file_is_read_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
        drop(filled(&from));
        let connection = Connection::open(&from).unwrap();
        let sql = "DROP INDEX history_at; DROP INDEX item_deleted; DROP INDEX withheld_session;
                   PRAGMA user_version = 7";
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let version = || -> i64 {
            let connection = Connection::open(&from).unwrap();
            let sql = "PRAGMA user_version";
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let read = rehearse(&Place::File(from.clone()), &Place::File(to), &mut |_| ());
        assert_eq!(read.unwrap()[1].rows, 6);
        assert_eq!(version(), 7);
    }

    /// A source of many rows, which notes how many are in memory at once.
    #[test]
    fn rows_come_in_pages_of_a_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        drop(filled(&path));
        let connection = Connection::open(&path).unwrap();
        let sql = "WITH RECURSIVE n (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < 10000)
             INSERT INTO item (account, datastore, guid, seq, deleted, media_type, exact, content)
             SELECT 1, 1, g, g, 0, 'text/plain', g,
                    zeroblob(CASE WHEN g = 7 THEN 3000000 ELSE 300 END) FROM n";
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let items = &TABLES[4];
        let mut check = |source: &mut dyn Source| {
            let mut rows = 0;
            source.rows(items, &mut |page| {
                let bytes: usize = page.iter().map(Record::size).sum();
                assert!(bytes <= PAGE || page.len() == 1, "{bytes}");
                assert!(page.len() <= ROWS);
                rows += page.len();
                Ok(())
            })?;
            assert_eq!(rows, 10_000);
            Ok(())
        };
        reading(&Place::File(path.clone()), &mut check).unwrap();
        let Some(server) = postgres::Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        let target = Place::Database(database.url());
        copy(&Place::File(path), &target, &mut |_| ()).unwrap();
        reading(&target, &mut check).unwrap();
    }

    #[test]
    fn a_copy_that_fails_leaves_nothing() {
        let Some(server) = postgres::Postgres::shared() else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
        drop(filled(&from));
        let database = server.database().unwrap();
        for target in [Place::File(to), Place::Database(database.url())] {
            let failed = writing::<()>(&target, &mut |target| {
                reading(&Place::File(from.clone()), &mut |source| {
                    transfer(source, target, &mut |_| ())
                })?;
                Err(Error::NotAlone)
            });
            assert!(matches!(failed, Err(Error::NotAlone)), "{failed:?}");
            copy(&Place::File(from.clone()), &target, &mut |_| ()).unwrap();
        }
        // a node that is open to the source
        let source = Place::Database(database.url());
        let node = Postgres::open(&database.url()).unwrap();
        let target = Place::File(folder.path().join("c"));
        let refused = copy(&source, &target, &mut |_| ());
        assert!(matches!(refused, Err(Error::NotAlone)), "{refused:?}");
        drop(node);
        copy(&source, &target, &mut |_| ()).unwrap();
    }
}
