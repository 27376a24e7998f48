//! What a client session needs from a datastore of its device.
//!
//! A replica is durable: [`Replica::message_done`] makes everything of one message last. It is
//! called before a message leaves and after its answer was taken. So whatever a session confirmed stays confirmed when it
//! breaks, and an addition that came twice is known the second time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What went wrong in a replica; the source tells what.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ReplicaError {
    /// What could not be done, for people.
    pub what: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ReplicaError {
    /// An error with a cause.
    pub fn new(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            what: what.into(),
            source: Some(source.into()),
        }
    }
}

/// Sync anchors, both empty before the first sync.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anchors {
    /// The client's `Next` of the last completed session.
    pub client: String,
    /// The server's `Next` of the last completed session.
    pub server: String,
}

/// What a session is about to do with a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Every item is sent, not only what changed: slow sync, refresh from the client.
    pub all_items: bool,
    /// Anything is sent at all.
    pub sends: bool,
    /// The pairs that wait for acknowledgement are void, and so is the knowledge of GUIDs.
    pub renews_map: bool,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A new item.
    Add,
    /// New content.
    Replace,
    /// It is gone.
    Delete,
}

/// A change of the device's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalChange {
    /// What it does.
    pub kind: ChangeKind,
    /// The device's identifier of the item.
    pub luid: String,
    /// The media type; empty for a deletion.
    pub media_type: String,
    /// The exact bytes; empty for a deletion.
    pub content: Vec<u8>,
}

/// What became of an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The device's identifier.
    pub luid: String,
    /// The GUID was known: the item came a second time.
    pub existed: bool,
}

/// Whether the item that a change is for was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was.
    Done,
    /// It was not; nothing is changed.
    Unknown,
    /// It was, but was changed since [`Replica::begin`]; the change stays and waits for the next
    /// session.
    ChangedHere,
}

/// A datastore of the device.
pub trait Replica {
    /// The anchors of the last completed session with this server.
    fn anchors(&mut self) -> Result<Anchors, ReplicaError>;
    /// The nonce that the server gave for the next session.
    fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError>;
    /// Keeps the nonce for the next session.
    fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError>;

    /// Takes stock of what will be sent; the number of changes.
    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError>;
    /// The next change to send. From now on the server may have the item, whether the change is
    /// confirmed or not: if the item goes, the server has to hear of it.
    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError>;
    /// Takes back a change that did not fit; [`Replica::next_change`] gives it again.
    fn unread(&mut self, change: LocalChange);
    /// The server has the item as it was given out: it is no change any more.
    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError>;
    /// The server does not know the item, though it had it: from now on it is an addition.
    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError>;

    /// Adds an item of the server and remembers its GUID, so that the same addition gives the same
    /// LUID when it comes again. The pair waits in [`Replica::pending_maps`].
    fn add(&mut self, guid: &str, media_type: &str, content: &[u8]) -> Result<Added, ReplicaError>;
    /// Gives an item new content.
    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<Applied, ReplicaError>;
    /// Removes an item.
    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError>;
    /// Removes all items, before a refresh from the server, and what was agreed on them; how many.
    fn clear(&mut self) -> Result<u64, ReplicaError>;
    /// Items that could not be given out since the last call, with the reason: they are no
    /// changes, and no deletions either.
    fn left_out(&mut self) -> Vec<(String, String)>;

    /// Pairs of GUID and LUID that the server has not acknowledged, oldest first.
    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError>;
    /// The server knows these pairs, given by GUID.
    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError>;

    /// Makes all since the last call durable.
    fn message_done(&mut self) -> Result<(), ReplicaError>;
    /// The session completed: the anchors are taken over, durably.
    fn complete(&mut self, anchors: &Anchors) -> Result<(), ReplicaError>;
}

/// A replica that its owner goes on using while a session has it.
impl<R: Replica> Replica for Arc<Mutex<R>> {
    fn anchors(&mut self) -> Result<Anchors, ReplicaError> {
        locked(self).anchors()
    }
    fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        locked(self).nonce()
    }
    fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError> {
        locked(self).set_nonce(nonce)
    }
    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError> {
        locked(self).begin(plan)
    }
    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError> {
        locked(self).next_change()
    }
    fn unread(&mut self, change: LocalChange) {
        locked(self).unread(change);
    }
    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError> {
        locked(self).confirm(luid)
    }
    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        locked(self).forgotten(luid)
    }
    fn add(&mut self, guid: &str, media_type: &str, bytes: &[u8]) -> Result<Added, ReplicaError> {
        locked(self).add(guid, media_type, bytes)
    }
    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Applied, ReplicaError> {
        locked(self).replace(luid, media_type, bytes)
    }
    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        locked(self).delete(luid)
    }
    fn clear(&mut self) -> Result<u64, ReplicaError> {
        locked(self).clear()
    }
    fn left_out(&mut self) -> Vec<(String, String)> {
        locked(self).left_out()
    }
    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError> {
        locked(self).pending_maps()
    }
    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError> {
        locked(self).maps_acknowledged(guids)
    }
    fn message_done(&mut self) -> Result<(), ReplicaError> {
        locked(self).message_done()
    }
    fn complete(&mut self, anchors: &Anchors) -> Result<(), ReplicaError> {
        locked(self).complete(anchors)
    }
}

/// A panic elsewhere does not make the items unusable.
fn locked<R>(shared: &Mutex<R>) -> MutexGuard<'_, R> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
