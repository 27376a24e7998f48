//! What must not be.

/// Something that a run found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A record that nobody deleted is gone.
    #[error("{datastore}: record {record} is lost")]
    Lost {
        /// The datastore.
        datastore: &'static str,
        /// The record's number.
        record: u32,
    },
    /// A record is there more than once.
    #[error("{datastore}: record {record} is there {times} times")]
    Doubled {
        /// The datastore.
        datastore: &'static str,
        /// The record's number.
        record: u32,
        /// How often it is there.
        times: usize,
    },
    /// A deleted record is back.
    #[error("{datastore}: record {record} was deleted and is back")]
    Back {
        /// The datastore.
        datastore: &'static str,
        /// The record's number.
        record: u32,
    },
    /// An edit that nobody edited after is gone.
    #[error("{datastore}: the edit {version} of record {record} is lost")]
    EditLost {
        /// The datastore.
        datastore: &'static str,
        /// The record's number.
        record: u32,
        /// The edit.
        version: u32,
    },
    /// Two replicas differ.
    #[error("{device} does not hold the {datastore} that the server holds")]
    Differs {
        /// The device.
        device: String,
        /// The datastore.
        datastore: &'static str,
    },
    /// Items still move when all should be quiet.
    #[error("{device} still has something to say after everything was said")]
    Restless {
        /// The device.
        device: String,
    },
    /// A session failed on a good network.
    #[error("{device} cannot sync on a good network: {reason}")]
    Stuck {
        /// The device.
        device: String,
        /// What the session said.
        reason: String,
    },
    /// Device and server do not agree on anchors or map.
    #[error("{device} and the server disagree on {datastore}: {what}")]
    Disagree {
        /// The device.
        device: String,
        /// The datastore.
        datastore: &'static str,
        /// On what.
        what: String,
    },
    /// The server's state failed without cause.
    #[error("the server's state failed: {reason}")]
    State {
        /// What it said.
        reason: String,
    },
}
