//! What can become of a statement.

use std::error::Error as _;
use std::io;

use session::store::StoreError;
use tokio_postgres::error::SqlState;

use super::address::{reason, root};
use crate::{Error, Refusal};

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
    Other(String, Refusal),
}

impl Fault {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let text = reason(error);
        let Some(answer) = error.as_db_error() else {
            // all that the client itself finds wrong with a statement of ours is found by tests
            return match of_connecting(error) {
                Some(refusal) => Self::Other(text, refusal),
                None if error.is_closed() || error.source().is_some() => Self::Lost(text),
                None => Self::Other(text, Refusal::Other),
            };
        };
        match *answer.code() {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Conflict,
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Lost(text),
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Self::Damaged(text),
            ref code => Self::Other(text, meaning(code)),
        }
    }
}

/// What an answer means whose transaction need not be run again.
fn meaning(code: &SqlState) -> Refusal {
    match *code {
        SqlState::INVALID_PASSWORD => Refusal::Password,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Refusal::Login,
        SqlState::INVALID_CATALOG_NAME => Refusal::NoDatabase,
        SqlState::INSUFFICIENT_PRIVILEGE => Refusal::Permission,
        SqlState::TOO_MANY_CONNECTIONS => Refusal::TooMany,
        SqlState::READ_ONLY_SQL_TRANSACTION => Refusal::ReadOnly,
        SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED => Refusal::Busy,
        SqlState::DISK_FULL => Refusal::Full,
        _ => Refusal::Other,
    }
}

/// What the client itself has found wrong while it connected. Its errors tell their kind only by
/// the beginning of their text.
fn of_connecting(error: &tokio_postgres::Error) -> Option<Refusal> {
    let text = error.to_string();
    if text.starts_with("error performing TLS handshake") {
        let root = root(error);
        // a connection that ends meanwhile says nothing about encryption
        let is_lost = root
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() != io::ErrorKind::InvalidData);
        return (!is_lost).then_some(Refusal::Encryption);
    }
    let is_password = ["invalid configuration", "authentication error"];
    is_password
        .iter()
        .any(|begin| text.starts_with(begin))
        .then_some(Refusal::Password)
}

impl Fault {
    /// What a command is told, of the database at a place.
    pub(super) fn at(self, place: &str) -> Error {
        let place = place.to_owned();
        match self {
            Self::Lost(reason) => Error::Unreachable { place, reason },
            Self::Damaged(what) => Error::Damaged(what),
            Self::Other(reason, refusal) => Error::Refused {
                place,
                reason,
                refusal,
            },
            Self::Conflict => Error::Refused {
                place,
                reason: self.to_string(),
                refusal: Refusal::Busy,
            },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Retry,
            Fault::Damaged(what) => Self::Damaged { what },
            Fault::Other(text, Refusal::Busy) => Self::Busy(text),
            Fault::Lost(text) | Fault::Other(text, _) => Self::Unavailable(text.into()),
        }
    }
}
