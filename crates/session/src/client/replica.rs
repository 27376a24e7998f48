//! What a client session needs from a datastore of its device.
//!
//! A replica is durable: [`Replica::message_done`] makes everything of one message last. It is
//! called before a message leaves and after its answer was taken. So whatever a session confirmed stays confirmed when it
//! breaks, and an addition that came twice is known the second time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Partial;

/// What went wrong in a replica; the source tells what.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ReplicaError {
    /// What could not be done, for people.
    pub what: String,
    /// There is no room left: the server is told so (status 420) and stops adding.
    pub is_full: bool,
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
            is_full: false,
            source: Some(source.into()),
        }
    }

    /// There is no room for what was to be kept.
    pub fn full(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            is_full: true,
            source: None,
        }
    }
}

/// A session that has begun and not completed: what a resume goes on with (DS Protocol 1.2, suspend
/// and resume).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// The alert code of its type, 200 to 205.
    pub alert: u16,
    /// The client's `Last` that it began with.
    pub last: String,
    /// The large object that was going out.
    pub sending: Option<SendingObject>,
}

/// How far a large object is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingObject {
    /// The item.
    pub luid: String,
    /// Tells its content from any other.
    pub hash: u64,
    /// Bytes that the server has confirmed.
    pub confirmed: u64,
}

/// Room of a datastore, what is free of it or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Items; `None` where their number is not limited.
    pub items: Option<u64>,
    /// Other datastores share it.
    pub shared: bool,
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
    /// The session goes on with the unfinished one: nothing is void, and what that one has
    /// confirmed is not sent again. What a person changed since then waits for the next session,
    /// unless all items are compared.
    pub resumes: bool,
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
    /// It is in another folder, with the same content.
    Move,
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
    /// The LUID of the folder that the item is in; `None` at the root.
    pub parent: Option<String>,
    /// It is where the server has last been told that it is. That is not said again: another device may
    /// have moved it since.
    pub stays: bool,
}

/// Of changes, by LUID, those that a resumed session tells: what changed since the broken one began waits
/// for the next (`is_late`). But a folder that the server has never heard of goes before what is in it
/// all the same, as it is now: `new_folders` are those of them that an item is in.
// spec: I12 M01
pub fn told_at_resume(
    luids: &[String],
    is_late: impl Fn(&str) -> bool,
    new_folders: impl Fn(&str) -> Vec<String>,
) -> BTreeSet<String> {
    let in_time = luids.iter().filter(|luid| !is_late(luid));
    let needed = in_time.clone().flat_map(|luid| new_folders(luid));
    let mut told: BTreeSet<String> = needed.collect();
    told.extend(in_time.cloned());
    told
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
    /// It was, but was changed or removed by a person, of which the server has not heard; the change
    /// stays and waits for the next session.
    ChangedHere,
}

/// What became of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// It is made, or was before.
    Done(Added),
    /// There is no such item.
    Unknown,
    /// The item was changed by a person, of which the server has not heard: what the server means to
    /// be copied is not what is here.
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
    /// The hash of the device information that the server was sent last.
    fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError>;
    /// The server has device information of this hash.
    fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError>;

    /// The device information of the server that was kept last.
    fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError>;
    /// Keeps what the server says of itself, for later sessions.
    fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError>;

    /// Takes stock of what will be sent; the number of changes.
    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError>;
    /// The next change to send. From now on the server may have the item, whether the change is
    /// confirmed or not: if the item goes, the server has to hear of it.
    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError>;
    /// Takes back a change that did not fit; [`Replica::next_change`] gives it again.
    fn unread(&mut self, change: LocalChange);
    /// The server has the item as it was given out: it is no change any more.
    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError>;
    /// The server is not told in which folder the item is that was given out, and knows what it knew of that
    /// when it confirms the item.
    fn place_untold(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let _ = luid;
        Ok(())
    }
    /// The server does not know the item, though it had it: from now on it is an addition.
    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError>;

    /// The server takes no Move: an item that was given out as moved is from now on one with new content, which
    /// says its folder as well.
    fn move_refused(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let _ = luid;
        Ok(())
    }

    /// Whether an item of this type and content belongs here. Of another one the server is told that its type
    /// is not supported (status 415).
    fn takes(&self, media_type: &str, content: &[u8]) -> bool {
        let _ = (media_type, content);
        true
    }

    /// Adds an item of the server and remembers its GUID, so that the same addition gives the same
    /// LUID when it comes again. The pair waits in [`Replica::pending_maps`].
    fn add(&mut self, guid: &str, media_type: &str, content: &[u8]) -> Result<Added, ReplicaError>;
    /// Adds a copy of an item, in its folder, as [`Replica::add`] adds an item of the server.
    fn copy(&mut self, luid: &str, guid: &str) -> Result<Copied, ReplicaError>;
    /// Gives an item new content.
    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<Applied, ReplicaError>;
    /// Removes an item.
    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError>;
    /// Takes an item off the device that the server goes on having (soft deletion): it is no deletion
    /// of a person's, and the server hears of none. [`Replica::replace`] and [`Replica::add`] bring it
    /// back; a slow sync forgets that it was here, and may.
    fn release(&mut self, luid: &str) -> Result<Applied, ReplicaError>;
    /// Makes a new item of the device's own of what an item holds now, before a replacement of the server's
    /// takes its place: an addition, of which the server hears in the next session. Durable at once, and made
    /// once, however often the replacement comes. Not of an item that was changed since it was given out:
    /// no replacement takes its place.
    fn keep_own(&mut self, luid: &str) -> Result<(), ReplicaError>;
    /// The exact bytes of an item, for a change of some of its fields.
    fn content(&mut self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError>;
    /// Removes all items, before a refresh from the server, and what was agreed on them; how many.
    fn clear(&mut self) -> Result<u64, ReplicaError>;
    /// Items that could not be given out since the last call, with the reason: they are no
    /// changes, and no deletions either.
    fn left_out(&mut self) -> Vec<(String, String)>;

    /// Pairs of GUID and LUID that the server has not acknowledged, oldest first.
    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError>;
    /// The server knows these pairs, given by GUID.
    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError>;

    /// The session that did not complete, if it can be resumed.
    fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError>;
    /// Keeps what a resume needs; [`Replica::complete`] forgets it.
    fn set_unfinished(&mut self, unfinished: Option<&Unfinished>) -> Result<(), ReplicaError>;

    /// The large object of which some has come from the server.
    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError>;
    /// A large object begins to come; whatever had come of another one is dropped.
    fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError>;
    /// Keeps the next bytes of the large object.
    fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError>;
    /// Takes the bytes that came last off again.
    fn undo_partial(&mut self) -> Result<(), ReplicaError>;
    /// All that has come of the large object.
    fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError>;
    /// Drops what has come of the large object.
    fn end_partial(&mut self) -> Result<(), ReplicaError>;

    /// Free room, where it is limited and known: the server sends no more than fits.
    fn room(&mut self) -> Result<Option<Room>, ReplicaError> {
        Ok(None)
    }
    /// Room for items and their bytes in all, used and free, where it is limited.
    fn size(&mut self) -> Result<Option<Room>, ReplicaError> {
        Ok(None)
    }
    /// Whether it keeps the folders of a hierarchy. Its changes then come with folders before what is
    /// in them.
    fn has_folders(&self) -> bool {
        false
    }
    /// Whether anything is in a folder. Only called for datastores with folders.
    fn has_children(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        let _ = luid;
        Ok(false)
    }
    /// The LUID of an item that the server added under this GUID.
    fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError>;
    /// Moves an item to another folder, given by its LUID, or to the root; [`Applied::Unknown`] where
    /// either is not there, or the folder is the item itself or in it. Only called for datastores with folders.
    fn set_parent(&mut self, luid: &str, parent: Option<&str>) -> Result<Applied, ReplicaError>;

    /// What the server changes from now on is done as a whole or not at all (`Atomic`). There is no other
    /// one going on, and neither [`Replica::message_done`] nor [`Replica::complete`] or
    /// [`Replica::clear`] is called before it ends.
    fn begin_atomic(&mut self) -> Result<(), ReplicaError>;
    /// Takes back everything since [`Replica::begin_atomic`].
    fn undo_atomic(&mut self) -> Result<(), ReplicaError>;
    /// Keeps everything since [`Replica::begin_atomic`].
    fn end_atomic(&mut self) -> Result<(), ReplicaError>;

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
    fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError> {
        locked(self).devinf_sent()
    }
    fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError> {
        locked(self).set_devinf_sent(hash)
    }
    fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        locked(self).server_devinf()
    }
    fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError> {
        locked(self).set_server_devinf(devinf)
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
    fn place_untold(&mut self, luid: &str) -> Result<(), ReplicaError> {
        locked(self).place_untold(luid)
    }
    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        locked(self).forgotten(luid)
    }
    fn move_refused(&mut self, luid: &str) -> Result<(), ReplicaError> {
        locked(self).move_refused(luid)
    }
    fn takes(&self, media_type: &str, content: &[u8]) -> bool {
        locked(self).takes(media_type, content)
    }
    fn add(&mut self, guid: &str, media_type: &str, bytes: &[u8]) -> Result<Added, ReplicaError> {
        locked(self).add(guid, media_type, bytes)
    }
    fn copy(&mut self, luid: &str, guid: &str) -> Result<Copied, ReplicaError> {
        locked(self).copy(luid, guid)
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
    fn release(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        locked(self).release(luid)
    }
    fn keep_own(&mut self, luid: &str) -> Result<(), ReplicaError> {
        locked(self).keep_own(luid)
    }
    fn content(&mut self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError> {
        locked(self).content(luid)
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
    fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError> {
        locked(self).unfinished()
    }
    fn set_unfinished(&mut self, unfinished: Option<&Unfinished>) -> Result<(), ReplicaError> {
        locked(self).set_unfinished(unfinished)
    }
    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        locked(self).partial()
    }
    fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        locked(self).begin_partial(head)
    }
    fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        locked(self).append_partial(bytes)
    }
    fn undo_partial(&mut self) -> Result<(), ReplicaError> {
        locked(self).undo_partial()
    }
    fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        locked(self).partial_content()
    }
    fn end_partial(&mut self) -> Result<(), ReplicaError> {
        locked(self).end_partial()
    }
    fn room(&mut self) -> Result<Option<Room>, ReplicaError> {
        locked(self).room()
    }
    fn size(&mut self) -> Result<Option<Room>, ReplicaError> {
        locked(self).size()
    }
    fn has_folders(&self) -> bool {
        locked(self).has_folders()
    }
    fn has_children(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        locked(self).has_children(luid)
    }
    fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        locked(self).luid_of(guid)
    }
    fn set_parent(&mut self, luid: &str, parent: Option<&str>) -> Result<Applied, ReplicaError> {
        locked(self).set_parent(luid, parent)
    }
    fn begin_atomic(&mut self) -> Result<(), ReplicaError> {
        locked(self).begin_atomic()
    }
    fn undo_atomic(&mut self) -> Result<(), ReplicaError> {
        locked(self).undo_atomic()
    }
    fn end_atomic(&mut self) -> Result<(), ReplicaError> {
        locked(self).end_atomic()
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

#[cfg(test)]
mod tests {
    use super::*;

    // spec: I12 M01
    #[test]
    fn a_new_folder_goes_with_what_is_in_it_however_late_it_changed() {
        let luids = ["work", "late", "other", "file"].map(str::to_owned);
        let is_late = |luid: &str| luid != "file";
        let new_folders = |luid: &str| match luid {
            "file" => vec!["work".to_owned()],
            "late" => vec!["other".to_owned()],
            _ => Vec::new(),
        };
        let told = told_at_resume(&luids, is_late, new_folders);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), ["file", "work"]);
    }
}
