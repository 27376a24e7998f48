//! How a run ends, and what must not be.

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What must not be, if anything.
    pub fault: Option<Fault>,
    /// Hash over all bytes on the wire and the end: equal for equal seeds.
    pub trace: u64,
    /// Messages that reached the server.
    pub messages: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Changes that persons made.
    pub edits: u64,
    /// Items on the server in the end.
    pub items: usize,
    /// Decisions of the owner about what waited.
    pub decisions: u64,
}

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
    #[error("{device} does not hold the {datastore} that the server holds: {what}")]
    Differs {
        /// The device.
        device: String,
        /// The datastore.
        datastore: &'static str,
        /// Where they begin to differ.
        what: String,
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
    /// A refresh from the client left what the client does not have.
    #[error("a refresh from {device} left {datastore} that it does not have")]
    NotRefreshed {
        /// The device.
        device: String,
        /// The datastore.
        datastore: &'static str,
    },
    /// A record has lost a property that some device did not want or could not keep.
    #[error("{datastore}: record {record} has lost its remark or an address")]
    Reduced {
        /// The datastore.
        datastore: &'static str,
        /// The record's number.
        record: u32,
    },
    /// The folders are not a tree, or an item is not where it was put.
    #[error("{datastore}: {what}")]
    Misplaced {
        /// The datastore.
        datastore: &'static str,
        /// What is where.
        what: String,
    },
    /// A session deletes more than it may, and is not undone for it.
    #[error("deletions of {session}, which is held, stand")]
    Unguarded {
        /// The session's name.
        session: String,
    },
    /// The server's state failed without cause.
    #[error("the server's state failed: {reason}")]
    State {
        /// What it said.
        reason: String,
    },
}
