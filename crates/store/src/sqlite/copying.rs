//! A whole state, read from or written to a file.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, ToSql, params, params_from_iter,
};

use super::{connect, in_use, open_alone, schema};
use crate::Error;
use crate::copy::{
    MOVED, Moved, PAGE, ROWS, Record, Source, TABLES, Table, Target, Turns, UNMARK, Value,
    columns_and_order, occupied,
};

/// How long whoever else has the file open may take to close it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection within a transaction.
struct Side<'c>(&'c Connection);

/// Reads the state of a file, which nobody else can open meanwhile, and which is not changed unless
/// it is marked.
///
/// # Errors
///
/// [`Error::InUse`] when somebody has it open, [`Error::NoState`] when there is none in it, and
/// those of [`Sqlite::open`](super::Sqlite::open).
pub(crate) fn reading<R>(
    path: &Path,
    job: &mut dyn FnMut(&mut dyn Source) -> Result<R, Error>,
) -> Result<R, Error> {
    let connection = open_alone(path, PATIENCE)?;
    connection
        .execute_batch("BEGIN EXCLUSIVE")
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => schema::no_state(&connection),
            _ => in_use(path, error),
        })?;
    if !schema::is_there(&connection)? {
        return Err(schema::no_state(&connection));
    }
    // the tables are those of this version as long as the transaction lasts, whose end undoes it
    // unless there is a mark
    schema::bring_up(&connection)?;
    job(&mut Side(&connection))
}

/// Writes a state to a file that has none, in one transaction; the file is made if it is missing.
///
/// # Errors
///
/// [`Error::Occupied`], and those of [`Sqlite::open`](super::Sqlite::open).
pub(crate) fn writing<R>(
    path: &Path,
    job: &mut dyn FnMut(&mut dyn Target) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut connection = connect(path)?;
    schema::migrate(&mut connection)?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    is_empty(&transaction)?;
    let done = job(&mut Side(&transaction))?;
    transaction.commit()?;
    Ok(done)
}

/// Looks whether a state can be written to a file, without making one.
///
/// # Errors
///
/// As [`writing`].
pub(crate) fn look(path: &Path) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match Connection::open_with_flags(path, flags) {
        Ok(connection) => connection,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    is_empty(&connection)
}

/// Whether there is nothing in the tables, or there are none.
fn is_empty(connection: &Connection) -> Result<(), Error> {
    let exists = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?";
    let mut counts = Vec::new();
    for table in &TABLES {
        let tables: i64 = connection.query_row(exists, [table.name], |row| row.get(0))?;
        if tables > 0 {
            let sql = format!("SELECT count(*) FROM {}", table.name);
            counts.push((
                table.name,
                connection.query_row(&sql, [], |row| row.get(0))?,
            ));
        }
    }
    occupied(counts)
}

impl Source for Side<'_> {
    fn rows(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(&[Record]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (columns, order) = columns_and_order(table, table.turn.map(|turn| turn.sqlite));
        let sql = format!("SELECT {columns} FROM {} ORDER BY {order}", table.name);
        let mut statement = self.0.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut turns = Turns::default();
        let mut page = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let values = (0..table.columns.len()).map(|index| value(row.get_ref(index)?));
            let values = values.collect::<Result<Vec<_>, Error>>()?;
            let record = turns.record(table, values);
            // what has become too much with this row goes before it
            if bytes + record.size() > PAGE && !page.is_empty() || page.len() == ROWS {
                take(&page)?;
                page.clear();
                bytes = 0;
            }
            bytes += record.size();
            page.push(record);
        }
        if page.is_empty() { Ok(()) } else { take(&page) }
    }

    fn moved(&mut self) -> Result<Option<Moved>, Error> {
        moved(self.0)
    }

    fn mark(&mut self, moved: &Moved) -> Result<(), Error> {
        let sql = "INSERT INTO moved (place, at) VALUES (?, ?)";
        self.0.execute(sql, params![moved.to, moved.at])?;
        Ok(self.0.execute_batch("COMMIT")?)
    }

    fn unmark(&mut self) -> Result<(), Error> {
        Ok(self.0.execute_batch(UNMARK)?)
    }
}

/// Where the state was moved to, if it was.
pub(super) fn moved(connection: &Connection) -> Result<Option<Moved>, Error> {
    let found = connection.query_row(MOVED, [], |row| {
        Ok(Moved {
            to: row.get(0)?,
            at: row.get(1)?,
        })
    });
    Ok(found.optional()?)
}

fn value(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => {
            let text = String::from_utf8(text.to_vec());
            Value::Text(text.map_err(|error| Error::Damaged(error.to_string()))?)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(Error::Damaged("a fraction where none is".to_owned())),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Target for Side<'_> {
    fn put(&mut self, table: &Table, rows: &[Record]) -> Result<(), Error> {
        let (columns, _) = columns_and_order(table, None);
        let marks = vec!["?"; table.columns.len()].join(", ");
        // rows of a turn get theirs by coming one after the other
        let sql = format!("INSERT INTO {} ({columns}) VALUES ({marks})", table.name);
        let mut statement = self.0.prepare_cached(&sql)?;
        for row in rows {
            statement.execute(params_from_iter(&row.values))?;
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Error> {
        // of a state that was there before
        self.unmark()
    }
}
