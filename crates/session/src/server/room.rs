//! Room on the device: what it says of its memory, and what is not sent for want of it (DS Protocol,
//! memory management). What is not sent stays owed: its pair says that the device lacks it, and what the
//! device has seen ends before it.

use serde::{Deserialize, Serialize};
use syncml::Meta;

use super::Run;
use super::state::DatastoreState;
use crate::store::{LinkId, Pending, StoreError};

/// Free room of one datastore of the device, or of several that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Room {
    /// Items; `None` where it did not say.
    ids: Option<u64>,
    bytes: Option<u64>,
    shared: bool,
    /// It is reckoned from what the device will hold when all that it has is replaced and deleted as it
    /// is here: by so many bytes that is more than its size. `None` where the device said its room.
    #[serde(default)]
    excess: Option<u64>,
}

/// The size of a datastore of the device, as its device information has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limit {
    /// The device's address of it.
    pub(super) uri: String,
    ids: Option<u64>,
    bytes: Option<u64>,
    /// It is the size of what several of its datastores have together.
    #[serde(default)]
    shared: bool,
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
                shared: memory.shared,
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
            excess: None,
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
        // what is said of a room that several share holds for each of them
        let rooms = &self.state.rooms;
        let shared = rooms.iter().position(|known| known.shared && limit.shared);
        let place = shared.unwrap_or(rooms.len());
        if shared.is_none() {
            let (items, bytes) = if limit.shared {
                self.held_together(link)?
            } else {
                self.tx.held(link, ds.generation)?
            };
            self.state.rooms.push(Room {
                ids: limit.ids.map(|most| most.saturating_sub(items)),
                bytes: limit.bytes.map(|most| most.saturating_sub(bytes)),
                shared: limit.shared,
                excess: Some(limit.bytes.map_or(0, |most| bytes.saturating_sub(most))),
            });
        }
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.room = Some(place);
        }
        Ok(())
    }

    /// What the device of a link holds in all its datastores that share one room, in items and bytes:
    /// also in those that this session leaves out.
    fn held_together(&mut self, link: LinkId) -> Result<(u64, u64), StoreError> {
        let mut all = (0, 0);
        for datastore in self.tx.datastores(link.datastore.account)? {
            let other = LinkId {
                datastore: datastore.id,
                ..link
            };
            let mut open = self.state.datastores.iter();
            let open = open.find(|ds| ds.number == datastore.id.number);
            let (uri, generation) = match open {
                Some(ds) => (ds.source.clone(), ds.generation),
                None => match self.tx.link(other)? {
                    Some(known) => (known.client_uri, known.generation),
                    None => continue,
                },
            };
            let mut shared = self.state.limits.iter().filter(|limit| limit.shared);
            if shared.any(|limit| crate::uri::same_address(&limit.uri, &uri)) {
                let (items, bytes) = self.tx.held(other, generation)?;
                all = (all.0 + items, all.1 + bytes);
            }
        }
        Ok(all)
    }

    fn room_of(&mut self, index: usize) -> Option<&mut Room> {
        let place = self.state.datastores.get(index)?.room?;
        self.state.rooms.get_mut(place)
    }

    /// Whether the device has room for a change: for a new item, or for what another one grows by.
    /// One for which there is none waits for a later session.
    // spec: K07 K08
    pub(super) fn has_room(
        &mut self,
        index: usize,
        ds: &DatastoreState,
        link: LinkId,
        pending: &Pending,
    ) -> Result<bool, StoreError> {
        if pending.item.deleted {
            return Ok(true);
        }
        let is_new = pending.mapping.is_none();
        if is_new && ds.full {
            return Ok(false);
        }
        let growth = pending
            .size
            .saturating_sub(self.bytes_held(index, ds, link, pending)?);
        let Some(room) = self.room_of(index) else {
            return Ok(true);
        };
        if is_new {
            let has_place = room.ids.is_none_or(|ids| ids > 0);
            return Ok(has_place && room.bytes.is_none_or(|bytes| bytes >= growth));
        }
        match &mut room.excess {
            None => Ok(room.bytes.is_none_or(|bytes| bytes >= growth)),
            Some(excess) => {
                let fits = *excess == 0 || growth == 0;
                if !fits {
                    *excess = excess.saturating_sub(growth);
                }
                Ok(fits)
            }
        }
    }

    /// A change is on its way to the device.
    pub(super) fn count_room(
        &mut self,
        index: usize,
        ds: &DatastoreState,
        link: LinkId,
        pending: &Pending,
    ) -> Result<(), StoreError> {
        let held = self.bytes_held(index, ds, link, pending)?;
        let is_new = pending.mapping.is_none();
        // a reckoned room has the others in it already
        let room = self.room_of(index);
        let Some(room) = room.filter(|room| is_new || room.excess.is_none()) else {
            return Ok(());
        };
        let (places_left, size) = match (pending.item.deleted, is_new) {
            (true, _) => (room.ids.map(|ids| ids.saturating_add(1)), 0),
            (false, true) => (room.ids.map(|ids| ids.saturating_sub(1)), pending.size),
            (false, false) => (room.ids, pending.size),
        };
        room.ids = places_left;
        room.bytes = room
            .bytes
            .map(|bytes| bytes.saturating_add(held).saturating_sub(size));
        Ok(())
    }

    /// Bytes of an item that the device has. Where that is not known it is taken to have all of them: only
    /// the device can say then that it has no room.
    fn bytes_held(
        &mut self,
        index: usize,
        ds: &DatastoreState,
        link: LinkId,
        pending: &Pending,
    ) -> Result<u64, StoreError> {
        let Some(mapping) = &pending.mapping else {
            return Ok(0);
        };
        let item = &pending.item;
        let counts = self.room_of(index).is_some_and(|room| room.bytes.is_some());
        // what was sent in a session that broke may have come
        let may_have_it = ds.after_break && item.seq.0 <= ds.maps_until;
        if item.deleted || !counts || may_have_it {
            return Ok(pending.size);
        }
        let held = self.held_text(ds, link, item, mapping)?;
        Ok(held.map_or(pending.size, |held| held.len() as u64))
    }
}
