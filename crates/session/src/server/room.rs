//! Room on the device: what it says of its memory, and what is not sent for want of it (DS Protocol,
//! memory management).

use serde::{Deserialize, Serialize};
use syncml::Meta;

use super::Run;
use super::state::DatastoreState;
use crate::store::{DatastoreId, LinkId, Pending, StoreError};

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

    /// Whether the device has room for a change: for a new item, and for what another grows by.
    // spec: K08
    pub(super) fn has_room(
        &mut self,
        index: usize,
        datastore: DatastoreId,
        pending: &Pending,
    ) -> Result<bool, StoreError> {
        let is_new = pending.mapping.is_none();
        let held = self.bytes_held(index, datastore, pending)?;
        if pending.item.deleted || (!is_new && pending.size <= held) {
            return Ok(true);
        }
        let is_full = self.state.datastores.get(index).is_some_and(|ds| ds.full);
        let fits = self.room_of(index).is_none_or(|room| {
            let has_place = !is_new || room.ids.is_none_or(|ids| ids > 0);
            has_place && room.bytes.is_none_or(|bytes| bytes >= pending.size - held)
        });
        Ok(!is_full && fits)
    }

    /// A change is on its way to the device.
    pub(super) fn count_room(
        &mut self,
        index: usize,
        datastore: DatastoreId,
        pending: &Pending,
    ) -> Result<(), StoreError> {
        if pending.item.deleted {
            self.free_room(index, pending.size);
            return Ok(());
        }
        let places = u64::from(pending.mapping.is_none());
        let held = self.bytes_held(index, datastore, pending)?;
        if let Some(room) = self.room_of(index) {
            let less = |bytes: u64| bytes.saturating_add(held).saturating_sub(pending.size);
            room.ids = room.ids.map(|ids| ids.saturating_sub(places));
            room.bytes = room.bytes.map(less);
        }
        Ok(())
    }

    /// Bytes of an item that the device has already, as far as that is known: most often it lacks
    /// just the last change.
    fn bytes_held(
        &mut self,
        index: usize,
        datastore: DatastoreId,
        pending: &Pending,
    ) -> Result<u64, StoreError> {
        let item = &pending.item;
        match &pending.mapping {
            None => Ok(0),
            Some(mapping)
                if self.room_of(index).is_some() && item.content_seq > mapping.revision =>
            {
                let former = self.tx.former_size(datastore, item.guid)?;
                Ok(former.unwrap_or(pending.size))
            }
            Some(_) => Ok(pending.size),
        }
    }

    /// The device is told to delete an item.
    fn free_room(&mut self, index: usize, size: u64) {
        if let Some(room) = self.room_of(index) {
            room.ids = room.ids.map(|ids| ids.saturating_add(1));
            room.bytes = room.bytes.map(|bytes| bytes.saturating_add(size));
        }
    }
}
