//! What can become of a statement.

use session::store::StoreError;
use tokio_postgres::error::SqlState;

use super::address::reason;
use crate::Error;

/// Why a statement failed, in words that decide what becomes of the transaction.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    /// The database has given the transaction up; it may be run again.
    #[error("the transaction collides with another one")]
    Conflict,
    /// The connection is dead.
    #[error("{0}")]
    Lost(String),
    /// The database cannot read what it holds.
    #[error("{0}")]
    Damaged(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let text = reason(error);
        let Some(answer) = error.as_db_error() else {
            // all that the client itself finds wrong with a statement of ours is found by tests
            return if error.is_closed() || std::error::Error::source(error).is_some() {
                Self::Lost(text)
            } else {
                Self::Other(text)
            };
        };
        match *answer.code() {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Conflict,
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Lost(text),
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Self::Damaged(text),
            _ => Self::Other(text),
        }
    }
}

impl Fault {
    /// What a command is told, of the database at a place.
    pub(super) fn at(self, place: &str) -> Error {
        let place = place.to_owned();
        match self {
            Self::Lost(reason) => Error::Unreachable { place, reason },
            Self::Damaged(what) => Error::Damaged(what),
            fault => Error::Refused {
                place,
                reason: fault.to_string(),
            },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Retry,
            Fault::Damaged(what) => Self::Damaged { what },
            Fault::Lost(text) | Fault::Other(text) => Self::Unavailable(text.into()),
        }
    }
}
