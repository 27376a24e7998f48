//! Room on the device: what it says of its memory, and what is not sent for want of it (DS Protocol,
//! memory management).

use serde::{Deserialize, Serialize};
use syncml::Meta;

use super::Run;
use super::state::DatastoreState;
use crate::store::{LinkId, StoreError};

/// Free room of one datastore of the device, or of several that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Room {
    /// Items; `None` where it did not say.
    ids: Option<u64>,
    bytes: Option<u64>,
    shared: bool,
}

/// The size of a datastore of the device, as its device information has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limit {
    /// The device's address of it.
    pub(super) uri: String,
    ids: Option<u64>,
    bytes: Option<u64>,
}

impl Limit {
    /// The limits that device information names (`DSMem`).
    pub(super) fn all_in(devinf: &syncml::DevInf) -> Vec<Self> {
        let stores = devinf.datastores.iter();
        let limits = stores.filter_map(|store| {
            let memory = store.memory?;
            Some(Self {
                uri: store.source_ref.clone(),
                ids: memory.max_ids,
                bytes: memory.max_bytes,
            })
        });
        limits
            .filter(|limit| limit.ids.is_some() || limit.bytes.is_some())
            .collect()
    }
}

impl Run<'_> {
    /// What the device says of its free room with the first Sync of a datastore.
    // spec: K07
    pub(super) fn take_room(&mut self, index: usize, meta: &Meta<'_>) {
        let Some(mem) = meta.mem else { return };
        let room = Room {
            ids: mem.free_ids,
            bytes: mem.free_bytes,
            shared: mem.shared,
        };
        let rooms = &mut self.state.rooms;
        let shared = rooms.iter().position(|known| known.shared && mem.shared);
        let own = self.state.datastores.get(index).and_then(|ds| ds.room);
        let place = shared.or(own).unwrap_or(rooms.len());
        match rooms.get_mut(place) {
            Some(known) => *known = room,
            None => rooms.push(room),
        }
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.room = Some(place);
        }
    }

    /// Where the device says nothing of its free room now, its size and what it holds tell.
    pub(super) fn estimate_room(
        &mut self,
        index: usize,
        ds: &DatastoreState,
        link: LinkId,
    ) -> Result<(), StoreError> {
        if ds.room.is_some() || !ds.sends() {
            return Ok(());
        }
        let mut limits = self.state.limits.iter();
        let limit = limits.find(|limit| crate::uri::same_address(&limit.uri, &ds.source));
        let Some(limit) = limit.cloned() else {
            return Ok(());
        };
        let (items, bytes) = self.tx.held(link, ds.generation)?;
        self.state.rooms.push(Room {
            ids: limit.ids.map(|most| most.saturating_sub(items)),
            bytes: limit.bytes.map(|most| most.saturating_sub(bytes)),
            shared: false,
        });
        let place = self.state.rooms.len() - 1;
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.room = Some(place);
        }
        Ok(())
    }

    fn room_of(&mut self, index: usize) -> Option<&mut Room> {
        let place = self.state.datastores.get(index)?.room?;
        self.state.rooms.get_mut(place)
    }

    /// Whether the device has room for a new item of so many bytes.
    // spec: K08
    pub(super) fn has_room(&mut self, index: usize, size: u64) -> bool {
        let is_full = self.state.datastores.get(index).is_some_and(|ds| ds.full);
        let room = self.room_of(index);
        let fits = room.is_none_or(|room| {
            room.ids.is_none_or(|ids| ids > 0) && room.bytes.is_none_or(|bytes| bytes >= size)
        });
        !is_full && fits
    }

    /// A new item is on its way to the device.
    pub(super) fn use_room(&mut self, index: usize, size: u64) {
        if let Some(room) = self.room_of(index) {
            room.ids = room.ids.map(|ids| ids.saturating_sub(1));
            room.bytes = room.bytes.map(|bytes| bytes.saturating_sub(size));
        }
    }

    /// The device is told to delete an item.
    pub(super) fn free_room(&mut self, index: usize, size: u64) {
        if let Some(room) = self.room_of(index) {
            room.ids = room.ids.map(|ids| ids.saturating_add(1));
            room.bytes = room.bytes.map(|bytes| bytes.saturating_add(size));
        }
    }
}
