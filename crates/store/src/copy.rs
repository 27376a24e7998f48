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
//!
//! **The state that is left behind says so**, durably and before the copy is committed: whatever
//! ends the move, there is no moment at which a server would take up both. In the worst case it
//! takes up neither, until a person has looked.

mod moved;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

pub use moved::{Anchors, Moved, reclaim};
pub(crate) use moved::{MARK, MOVED, UNMARK};
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

impl Place {
    /// What a person calls it: never a password.
    ///
    /// # Errors
    ///
    /// [`Error::Address`].
    pub fn name(&self) -> Result<String, Error> {
        Ok(match self {
            Self::File(path) => {
                let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                whole.display().to_string()
            }
            Self::Database(url) => format!("the database {}", postgres::place(url)?),
        })
    }
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
    /// Where the state was moved to, if it was.
    fn moved(&mut self) -> Result<Option<Moved>, Error>;
    /// Says of the state that it is moved, durably; no more rows can be read then.
    fn mark(&mut self, moved: &Moved) -> Result<(), Error>;
    /// Takes back what [`Source::mark`] has said.
    fn unmark(&mut self) -> Result<(), Error>;
}

/// A state that is written in a transaction.
pub(crate) trait Target: Source {
    /// Writes rows that follow those written before.
    fn put(&mut self, table: &Table, rows: &[Record]) -> Result<(), Error>;
    /// Brings what follows from the rows up to them.
    fn complete(&mut self) -> Result<(), Error>;
}

/// Copies the state at one place to another, where there is none; what was copied, by table. The
/// tables of both places are brought to the newest version first. The state that was read is then
/// marked as moved at `now` (seconds since 1970), which [`reclaim`] takes back.
///
/// # Errors
///
/// [`Error::Same`] when both places are one, [`Error::NoState`] when there is none at the first, and
/// [`Error::Moved`] when it has been moved already; [`Error::InUse`] and [`Error::NotAlone`] when it
/// is open elsewhere, [`Error::Occupied`] when the target holds
/// anything, [`Error::Unequal`] when it does not hold what was written; beyond these, those of
/// [`Sqlite::open`](crate::Sqlite::open) and [`Postgres::open`](crate::Postgres::open). The target
/// is empty after an error.
pub fn copy(
    from: &Place,
    to: &Place,
    now: i64,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Copied>, Error> {
    are_apart(from, to)?;
    let mark = Moved {
        to: to.name()?,
        at: now,
    };
    reading(from, &mut |source| {
        let mut is_marked = false;
        let done = writing(to, &mut |target| {
            let copied = copy_checked(source, target, progress)?;
            source.mark(&mark)?;
            is_marked = true;
            Ok(copied)
        });
        match done {
            Err(failed) if is_marked => Err(take_back(failed, || source.unmark())),
            done => done,
        }
    })
}

/// Takes back the mark of a move that has failed; what is to be told of both.
fn take_back(failed: Error, unmark: impl FnOnce() -> Result<(), Error>) -> Error {
    // a commit that was not answered may have been done
    if matches!(failed, Error::Unreachable { .. }) {
        return failed;
    }
    match unmark() {
        Ok(()) => failed,
        Err(unmarking) => Error::StillMarked {
            moving: Box::new(failed),
            unmarking: Box::new(unmarking),
        },
    }
}

/// Copies all rows and reads them again.
fn copy_checked(
    source: &mut dyn Source,
    target: &mut dyn Target,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Copied>, Error> {
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
}

/// Refuses two addresses of one place.
fn are_apart(from: &Place, to: &Place) -> Result<(), Error> {
    let is_same = match (from, to) {
        (Place::File(from), Place::File(to)) => is_one_file(from, to),
        (Place::Database(from), Place::Database(to)) => postgres::copying::is_one(from, to)?,
        _ => false,
    };
    if is_same {
        return Err(Error::Same {
            place: from.name()?,
        });
    }
    Ok(())
}

/// Whether two paths lead to one file, by links of either kind too.
fn is_one_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) {
        use std::os::unix::fs::MetadataExt as _;
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        // what is not there is another one
        _ => false,
    }
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
    are_apart(from, to)?;
    reading(from, &mut |source| {
        match to {
            Place::File(path) => sqlite::copying::look(path)?,
            Place::Database(url) => postgres::copying::look(url)?,
        }
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
    let mut job = |source: &mut dyn Source| {
        if let Some(moved) = source.moved()? {
            return Err(Error::Moved(moved));
        }
        job(source)
    };
    match from {
        Place::File(path) => sqlite::copying::reading(path, &mut job),
        Place::Database(url) => postgres::copying::reading(url, &mut job),
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
mod tests;
