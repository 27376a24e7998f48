//! What can be wrong with a store as a whole.

use std::path::PathBuf;

use crate::Moved;

/// A store that cannot be opened, or an administrative request that cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be created or opened.
    #[error("{} cannot be opened: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A later release has written the state.
    #[error("the state has version {found}, this program knows versions up to {known}")]
    Newer {
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// There is no state where one has to be: nothing at all, or what another program keeps.
    #[error("{place} holds no state of this program")]
    NoState {
        /// The file, or host, port and name of the database.
        place: String,
    },
    /// The file is no database, or a broken one.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// Another process keeps the state locked.
    #[error("the state is locked by another process")]
    Locked,
    /// Others have held for too long what was needed of the state.
    #[error("the state is busy: {0}")]
    Busy(String),
    /// There is an account of that name.
    #[error("there is an account {name:?} already")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is a file where one is to be written.
    #[error("there is a file {} already", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Somebody has the state open that is to be replaced.
    #[error("{} is in use", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// There is something where a state is to be put.
    #[error("there is a state already ({what})")]
    Occupied {
        /// How many rows each table has.
        what: String,
    },
    /// Two addresses name one state, which was to be moved from the one to the other.
    #[error("both addresses name {place}")]
    Same {
        /// The place.
        place: String,
    },
    /// The state was moved to another place, and devices may go on there.
    #[error("the state was moved to {}", .0.to)]
    Moved(Moved),
    /// The state of a database is open elsewhere.
    #[error("another process has the state open")]
    NotAlone,
    /// A move has failed, and so has taking the mark of it off the state, which will not be served
    /// before that is done (`reclaim`).
    #[error(
        "{moving}; the state is still marked as moved, for that could not be taken back: {unmarking}"
    )]
    StillMarked {
        /// Why the move failed.
        moving: Box<Self>,
        /// Why the mark stayed.
        unmarking: Box<Self>,
    },
    /// A copy does not hold what was written to it.
    #[error(
        "of {table}, {expected} rows were copied, and {found} were found that are not the same"
    )]
    Unequal {
        /// The table.
        table: &'static str,
        /// Rows written.
        expected: u64,
        /// Rows found.
        found: u64,
    },
    /// An address that names no database.
    #[error("the address of the database is wrong: {0}")]
    Address(String),
    /// The database does not answer.
    #[error("the database {place} cannot be reached: {reason}")]
    Unreachable {
        /// Host, port and name.
        place: String,
        /// What the system says.
        reason: String,
    },
    /// The database does not let the user in, or do what has to be done.
    #[error("the database {place} refuses: {reason}")]
    Refused {
        /// Host, port and name.
        place: String,
        /// What the database says.
        reason: String,
        /// What it means.
        refusal: Refusal,
    },
    /// The state cannot be read or written now.
    #[error("the state is not available: {0}")]
    Unavailable(String),
}

/// What a database has against a connection or a statement: what a person can do about it depends
/// on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The password is wrong or missing, or the user is not known.
    Password,
    /// The user is not let in from here, or not without encryption.
    Login,
    /// There is no database of that name.
    NoDatabase,
    /// The user may not do what has to be done.
    Permission,
    /// As many connections are open as the server, the database or the user may have.
    TooMany,
    /// One side wants encryption and the other has none, or the certificate is not trusted.
    Encryption,
    /// It is a replica, which takes no changes.
    ReadOnly,
    /// Others hold what is needed for too long.
    Busy,
    /// There is no space left.
    Full,
    /// Anything else.
    Other,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged(error.to_string()),
            Some(DatabaseBusy | DatabaseLocked) => Self::Locked,
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<session::store::StoreError> for Error {
    fn from(error: session::store::StoreError) -> Self {
        match error {
            session::store::StoreError::Damaged { what } => Self::Damaged(what),
            session::store::StoreError::Unavailable(source) => {
                match source.downcast::<rusqlite::Error>() {
                    Ok(error) => Self::from(*error),
                    Err(source) => Self::Unavailable(source.to_string()),
                }
            }
            session::store::StoreError::Busy(what) => Self::Busy(what),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
