//! A replica in memory: for tests, simulations and benchmarks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Added, Anchors, Applied, ChangeKind, LocalChange, Plan, Replica, ReplicaError};

/// An item of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    media_type: Arc<str>,
    content: Arc<[u8]>,
    /// Raised by every edit of the person.
    edit: u64,
}

/// What lasts.
#[derive(Debug, Clone, Default)]
struct State {
    items: BTreeMap<String, Held>,
    /// The edit of each item that the server has.
    confirmed: BTreeMap<String, u64>,
    /// Items that were given out and not confirmed: the server may have them.
    offered: BTreeSet<String>,
    /// LUIDs of the server's additions, by GUID.
    guids: BTreeMap<String, String>,
    /// Pairs that the server has not acknowledged.
    maps: Vec<(String, String)>,
    anchors: Anchors,
    nonce: Option<Vec<u8>>,
    last_luid: u64,
    last_edit: u64,
}

/// A datastore in memory, with a person's edits, and the crashes of a device.
#[derive(Debug, Clone, Default)]
pub struct MemoryReplica {
    now: State,
    durable: State,
    /// `now` may differ from `durable`.
    is_dirty: bool,
    queue: VecDeque<LocalChange>,
    /// The edit of each item as it was given out in this session; `None` for a deletion.
    given: BTreeMap<String, Option<u64>>,
}

impl MemoryReplica {
    /// Adds an item; its LUID.
    pub fn insert(&mut self, media_type: &str, content: &[u8]) -> String {
        let luid = self.now.put_new(media_type, content);
        self.durable = self.now.clone();
        luid
    }

    /// Gives an item new content; whether there is such an item.
    pub fn edit(&mut self, luid: &str, content: &[u8]) -> bool {
        let edit = self.now.next_edit();
        let Some(held) = self.now.items.get_mut(luid) else {
            return false;
        };
        held.content = content.into();
        held.edit = edit;
        self.durable = self.now.clone();
        true
    }

    /// Removes an item; whether there was such an item.
    pub fn remove(&mut self, luid: &str) -> bool {
        let removed = self.now.items.remove(luid).is_some();
        self.durable = self.now.clone();
        removed
    }

    /// LUIDs and contents of all items, in order of LUID.
    pub fn items(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let items = self.now.items.iter();
        items.map(|(luid, held)| (luid.as_str(), held.content.as_ref()))
    }

    /// Goes back to what was durable, as after a loss of power.
    pub fn crash(&mut self) {
        self.now = self.durable.clone();
        self.queue.clear();
        self.given.clear();
    }

    /// Whether a person has changed the item, and the server was not given that change.
    fn is_changed_here(&self, luid: &str) -> bool {
        let given = self.given.get(luid).copied();
        let known = given.unwrap_or_else(|| self.now.confirmed.get(luid).copied());
        let held = self.now.items.get(luid);
        held.is_some_and(|held| known != Some(held.edit))
    }
}

impl State {
    fn next_edit(&mut self) -> u64 {
        self.last_edit += 1;
        self.last_edit
    }

    fn put_new(&mut self, media_type: &str, content: &[u8]) -> String {
        self.last_luid += 1;
        let luid = self.last_luid.to_string();
        let held = Held {
            media_type: media_type.into(),
            content: content.into(),
            edit: self.next_edit(),
        };
        self.items.insert(luid.clone(), held);
        luid
    }

    /// Every difference to what the server has.
    fn changes(&self) -> Vec<LocalChange> {
        let live = self.items.iter().filter_map(|(luid, held)| {
            let kind = match self.confirmed.get(luid) {
                None => ChangeKind::Add,
                Some(edit) if *edit != held.edit => ChangeKind::Replace,
                Some(_) => return None,
            };
            Some(change_of(kind, luid, held))
        });
        let told: BTreeSet<&String> = self.confirmed.keys().chain(&self.offered).collect();
        let gone = told
            .into_iter()
            .filter(|luid| !self.items.contains_key(luid.as_str()))
            .map(|luid| LocalChange {
                kind: ChangeKind::Delete,
                luid: luid.clone(),
                media_type: String::new(),
                content: Vec::new(),
            });
        live.chain(gone).collect()
    }
}

fn change_of(kind: ChangeKind, luid: &str, held: &Held) -> LocalChange {
    LocalChange {
        kind,
        luid: luid.to_owned(),
        media_type: held.media_type.as_ref().to_owned(),
        content: held.content.to_vec(),
    }
}

impl Replica for MemoryReplica {
    fn anchors(&mut self) -> Result<Anchors, ReplicaError> {
        Ok(self.now.anchors.clone())
    }

    fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        Ok(self.now.nonce.clone())
    }

    fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.nonce = Some(nonce.to_vec());
        Ok(())
    }

    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError> {
        self.given.clear();
        if plan.renews_map {
            self.is_dirty = true;
            self.now.maps.clear();
            self.now.guids.clear();
            self.now.confirmed.clear();
            self.now.offered.clear();
            self.now.anchors = Anchors::default();
        }
        self.queue = match plan {
            Plan { sends: false, .. } => VecDeque::new(),
            Plan {
                all_items: true, ..
            } => {
                let items = self.now.items.iter();
                items
                    .map(|(luid, held)| change_of(ChangeKind::Replace, luid, held))
                    .collect()
            }
            _ => self.now.changes().into(),
        };
        Ok(self.queue.len() as u64)
    }

    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError> {
        while let Some(change) = self.queue.pop_front() {
            let held = self.now.items.get(&change.luid);
            let change = match (change.kind, held) {
                (ChangeKind::Delete, _) => {
                    self.given.insert(change.luid.clone(), None);
                    change
                }
                // the newest content, which is the one that will be confirmed
                (kind, Some(held)) => {
                    self.given.insert(change.luid.clone(), Some(held.edit));
                    change_of(kind, &change.luid, held)
                }
                // gone since the session began: a deletion of the next one
                (_, None) => continue,
            };
            self.now.offered.insert(change.luid.clone());
            self.is_dirty = true;
            return Ok(Some(change));
        }
        Ok(None)
    }

    fn unread(&mut self, change: LocalChange) {
        self.is_dirty = true;
        self.given.remove(&change.luid);
        self.now.offered.remove(&change.luid);
        self.queue.push_front(change);
    }

    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.offered.remove(luid);
        match self.given.get(luid) {
            Some(Some(edit)) => self.now.confirmed.insert(luid.to_owned(), *edit),
            Some(None) => self.now.confirmed.remove(luid),
            None => None,
        };
        Ok(())
    }

    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.confirmed.remove(luid);
        self.now.guids.retain(|_, known| known != luid);
        self.now.maps.retain(|(_, known)| known != luid);
        Ok(())
    }

    fn add(&mut self, guid: &str, media_type: &str, content: &[u8]) -> Result<Added, ReplicaError> {
        self.is_dirty = true;
        let known = self.now.guids.get(guid).cloned();
        // a deletion that the server has heard of is over: this is the item come back
        let is_repeated = |luid: &String| {
            self.now.items.contains_key(luid) || self.now.confirmed.contains_key(luid)
        };
        if let Some(luid) = known.filter(is_repeated) {
            self.replace(&luid, media_type, content)?;
            if self.now.maps.iter().all(|(known, _)| known != guid) {
                self.now.maps.push((guid.to_owned(), luid.clone()));
            }
            return Ok(Added {
                luid,
                existed: true,
            });
        }
        let luid = self.now.put_new(media_type, content);
        self.now.confirmed.insert(luid.clone(), self.now.last_edit);
        self.now.guids.insert(guid.to_owned(), luid.clone());
        self.now.maps.push((guid.to_owned(), luid.clone()));
        Ok(Added {
            luid,
            existed: false,
        })
    }

    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<Applied, ReplicaError> {
        self.is_dirty = true;
        if self.is_changed_here(luid) {
            return Ok(Applied::ChangedHere);
        }
        let edit = self.now.next_edit();
        let Some(held) = self.now.items.get_mut(luid) else {
            return Ok(Applied::Unknown);
        };
        held.media_type = media_type.into();
        held.content = content.into();
        held.edit = edit;
        self.now.confirmed.insert(luid.to_owned(), edit);
        self.given.remove(luid);
        Ok(Applied::Done)
    }

    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        self.is_dirty = true;
        if self.is_changed_here(luid) {
            return Ok(Applied::ChangedHere);
        }
        self.now.confirmed.remove(luid);
        Ok(match self.now.items.remove(luid) {
            Some(_) => Applied::Done,
            None => Applied::Unknown,
        })
    }

    fn clear(&mut self) -> Result<u64, ReplicaError> {
        self.is_dirty = true;
        let count = self.now.items.len() as u64;
        self.now = State {
            nonce: self.now.nonce.take(),
            last_luid: self.now.last_luid,
            last_edit: self.now.last_edit,
            ..State::default()
        };
        Ok(count)
    }

    fn left_out(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError> {
        Ok(self.now.maps.clone())
    }

    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.maps.retain(|(guid, _)| !guids.contains(guid));
        Ok(())
    }

    fn message_done(&mut self) -> Result<(), ReplicaError> {
        if std::mem::take(&mut self.is_dirty) {
            self.durable = self.now.clone();
        }
        Ok(())
    }

    fn complete(&mut self, anchors: &Anchors) -> Result<(), ReplicaError> {
        self.now.anchors = anchors.clone();
        self.durable = self.now.clone();
        Ok(())
    }
}
