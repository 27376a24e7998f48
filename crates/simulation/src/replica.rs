//! A device's datastore as its session sees it: the power may fail at any call, and a rule may be
//! broken.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session::client::{
    Added, Anchors, Applied, Copied, LocalChange, MemoryReplica, Plan, Replica, ReplicaError, Room,
    Unfinished,
};
use session::store::Partial;

use crate::sabotage::Sabotage;

/// Calls until the device loses power; zero while nothing is planned, one when it is off.
#[derive(Debug, Default)]
pub(crate) struct Power(AtomicU32);

impl Power {
    const OFF: u32 = 1;

    /// Plans a loss of power after so many calls.
    pub(crate) fn fail_after(&self, calls: u32) {
        self.0.store(calls + Self::OFF + 1, Ordering::Relaxed);
    }

    /// The plan is dropped; whether the power had failed.
    pub(crate) fn restore(&self) -> bool {
        self.0.swap(0, Ordering::Relaxed) == Self::OFF
    }

    fn is_off(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::OFF
    }

    fn use_some(&self) -> Result<(), ReplicaError> {
        let left = self.0.load(Ordering::Relaxed);
        if left > Self::OFF {
            self.0.store(left - 1, Ordering::Relaxed);
        }
        if self.is_off() {
            return Err(ReplicaError::new("the device is off", "power lost"));
        }
        Ok(())
    }
}

/// A datastore of a device.
pub(crate) struct Frail {
    pub(crate) memory: Arc<Mutex<MemoryReplica>>,
    pub(crate) power: Arc<Power>,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) tells_room: bool,
    pub(crate) has_folders: bool,
}

impl Frail {
    fn memory(&self) -> MutexGuard<'_, MemoryReplica> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn powered(&mut self) -> Result<MutexGuard<'_, MemoryReplica>, ReplicaError> {
        self.power.use_some()?;
        Ok(self.memory())
    }

    fn breaks(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}

impl Replica for Frail {
    fn anchors(&mut self) -> Result<Anchors, ReplicaError> {
        self.powered()?.anchors()
    }

    fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.powered()?.nonce()
    }

    fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError> {
        self.powered()?.set_nonce(nonce)
    }

    fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError> {
        self.powered()?.devinf_sent()
    }

    fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError> {
        self.powered()?.set_devinf_sent(hash)
    }

    fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.powered()?.server_devinf()
    }

    fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError> {
        self.powered()?.set_server_devinf(devinf)
    }

    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError> {
        let keeps_anchors = self.breaks(Sabotage::KeepAnchors);
        let forgets = self.breaks(Sabotage::ForgetAtResume) && plan.resumes;
        let mut memory = self.powered()?;
        if forgets {
            let anchors = memory.anchors()?;
            memory.begin(Plan {
                renews_map: true,
                resumes: false,
                ..plan
            })?;
            memory.complete(&anchors)?;
        }
        let anchors = memory.anchors()?;
        let changes = memory.begin(plan)?;
        if keeps_anchors {
            memory.complete(&anchors)?;
        }
        Ok(changes)
    }

    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError> {
        let confirms = self.breaks(Sabotage::ConfirmUnheard);
        let mut memory = self.powered()?;
        let change = memory.next_change()?;
        if confirms && let Some(change) = &change {
            memory.confirm(&change.luid)?;
        }
        Ok(change)
    }

    fn unread(&mut self, change: LocalChange) {
        if !self.power.is_off() {
            self.memory().unread(change);
        }
    }

    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.powered()?.confirm(luid)
    }

    fn place_untold(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.powered()?.place_untold(luid)
    }

    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.powered()?.forgotten(luid)
    }

    fn takes(&self, media_type: &str, content: &[u8]) -> bool {
        self.memory().takes(media_type, content)
    }

    fn add(&mut self, guid: &str, media_type: &str, bytes: &[u8]) -> Result<Added, ReplicaError> {
        let keeps_less = self.breaks(Sabotage::KeepLess);
        let mut memory = self.powered()?;
        if keeps_less {
            return memory.add(guid, media_type, &short(bytes));
        }
        memory.add(guid, media_type, bytes)
    }

    fn copy(&mut self, luid: &str, guid: &str) -> Result<Copied, ReplicaError> {
        self.powered()?.copy(luid, guid)
    }

    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Applied, ReplicaError> {
        let takes_all = self.breaks(Sabotage::TakeBeyondRoom);
        let replaced = self.powered()?.replace(luid, media_type, bytes);
        match replaced {
            Err(error) if takes_all && error.is_full => Ok(Applied::Done),
            replaced => replaced,
        }
    }

    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        self.powered()?.delete(luid)
    }

    fn release(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        self.powered()?.release(luid)
    }

    fn keep_own(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.powered()?.keep_own(luid)
    }

    fn content(&mut self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.powered()?.content(luid)
    }

    fn clear(&mut self) -> Result<u64, ReplicaError> {
        let keeps = self.breaks(Sabotage::ClearNothing);
        let mut memory = self.powered()?;
        if keeps { Ok(0) } else { memory.clear() }
    }

    fn left_out(&mut self) -> Vec<(String, String)> {
        self.memory().left_out()
    }

    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError> {
        let skips = self.breaks(Sabotage::SkipMaps);
        let mut memory = self.powered()?;
        if skips {
            return Ok(Vec::new());
        }
        memory.pending_maps()
    }

    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError> {
        let ignores = self.breaks(Sabotage::IgnoreAcknowledgement);
        let mut memory = self.powered()?;
        if ignores {
            return Ok(());
        }
        memory.maps_acknowledged(guids)
    }

    fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError> {
        self.powered()?.unfinished()
    }

    fn set_unfinished(&mut self, unfinished: Option<&Unfinished>) -> Result<(), ReplicaError> {
        self.powered()?.set_unfinished(unfinished)
    }

    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        self.powered()?.partial()
    }

    fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        self.powered()?.begin_partial(head)
    }

    fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        let doubles = self.breaks(Sabotage::DoubleChunk) && bytes.len().is_multiple_of(3);
        let mut memory = self.powered()?;
        if doubles {
            return memory.append_partial(&bytes.repeat(2));
        }
        memory.append_partial(bytes)
    }

    fn undo_partial(&mut self) -> Result<(), ReplicaError> {
        self.powered()?.undo_partial()
    }

    fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        self.powered()?.partial_content()
    }

    fn end_partial(&mut self) -> Result<(), ReplicaError> {
        self.powered()?.end_partial()
    }

    fn room(&mut self) -> Result<Option<Room>, ReplicaError> {
        let tells = self.tells_room;
        let mut memory = self.powered()?;
        if tells { memory.room() } else { Ok(None) }
    }

    fn has_children(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        self.powered()?.has_children(luid)
    }

    fn size(&mut self) -> Result<Option<Room>, ReplicaError> {
        let tells = self.tells_room;
        let mut memory = self.powered()?;
        if tells { memory.size() } else { Ok(None) }
    }

    fn has_folders(&self) -> bool {
        self.has_folders
    }

    fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        let forgets = self.breaks(Sabotage::ForgetFolders);
        let mut memory = self.powered()?;
        if forgets {
            return Ok(None);
        }
        memory.luid_of(guid)
    }

    fn set_parent(&mut self, luid: &str, parent: Option<&str>) -> Result<Applied, ReplicaError> {
        self.powered()?.set_parent(luid, parent)
    }

    fn begin_atomic(&mut self) -> Result<(), ReplicaError> {
        self.powered()?.begin_atomic()
    }

    fn undo_atomic(&mut self) -> Result<(), ReplicaError> {
        self.powered()?.undo_atomic()
    }

    fn end_atomic(&mut self) -> Result<(), ReplicaError> {
        self.powered()?.end_atomic()
    }

    fn message_done(&mut self) -> Result<(), ReplicaError> {
        let waits = self.breaks(Sabotage::DurableAtEnd);
        let mut memory = self.powered()?;
        if waits {
            return Ok(());
        }
        memory.message_done()
    }

    fn complete(&mut self, anchors: &Anchors) -> Result<(), ReplicaError> {
        self.powered()?.complete(anchors)
    }
}

/// A content without its addresses, which a device keeps by what it says.
fn short(content: &[u8]) -> Vec<u8> {
    let lines = content.split_inclusive(|byte| *byte == b'\n');
    let kept: Vec<&[u8]> = lines.filter(|line| !line.starts_with(b"EMAIL")).collect();
    kept.concat()
}
