//! A replica in memory: for tests, simulations and benchmarks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{
    Added, Anchors, Applied, ChangeKind, Copied, LocalChange, Plan, Replica, ReplicaError, Room,
    Unfinished, told_at_resume,
};
use crate::store::{DatastoreKind, Partial};

/// Folders in one another that are looked at.
const MAX_DEPTH: usize = 64;

/// An item of the device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Held {
    media_type: Arc<str>,
    content: Arc<[u8]>,
    /// Raised by every edit of the person.
    edit: u64,
    /// The last edit that changed the content and not the folder alone.
    content_edit: u64,
    /// LUID of the folder.
    parent: Option<String>,
}

/// Where the server has an item.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// In the folder of this LUID, or at the root.
    In(Option<String>),
    /// In another one than it is in here.
    Elsewhere,
}

/// An item as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Agreed {
    edit: u64,
    place: Place,
}

/// An item as it was given out.
#[derive(Debug, Clone)]
struct Given {
    /// As the server has it once it confirms it.
    agreed: Agreed,
    /// LUID of the folder that it was in.
    parent: Option<String>,
}

/// What lasts.
#[derive(Debug, Clone, Default)]
struct State {
    items: BTreeMap<String, Held>,
    confirmed: BTreeMap<String, Agreed>,
    /// Items that were given out and not confirmed: the server may have them.
    offered: BTreeSet<String>,
    /// Items that are on the server alone, taken off the device by a soft deletion.
    released: BTreeSet<String>,
    /// How deep in folders items were that a person removed.
    gone_depths: BTreeMap<String, usize>,
    /// LUIDs of the server's additions, by GUID.
    guids: BTreeMap<String, String>,
    /// Pairs that the server has not acknowledged.
    maps: Vec<(String, String)>,
    anchors: Anchors,
    nonce: Option<Vec<u8>>,
    devinf_sent: Option<u64>,
    server_devinf: Option<Vec<u8>>,
    last_luid: u64,
    last_edit: u64,
    unfinished: Option<Unfinished>,
    /// The last edit when the unfinished session began.
    begun_edit: u64,
    /// The head and the chunks of a large object that is coming.
    partial: Option<(Vec<u8>, Vec<Vec<u8>>)>,
}

/// A datastore in memory, with a person's edits, and the crashes of a device.
#[derive(Debug, Clone, Default)]
pub struct MemoryReplica {
    now: State,
    durable: State,
    /// `now` may differ from `durable`.
    is_dirty: bool,
    queue: VecDeque<LocalChange>,
    /// Each item as it was given out in this session; `None` for a deletion.
    given: BTreeMap<String, Option<Given>>,
    /// What was given out before this session and not confirmed.
    in_doubt: BTreeSet<String>,
    /// All items are given out, to be compared.
    compares: bool,
    /// Room for items and bytes, where it is limited.
    room: Option<Room>,
    /// What it holds; anything without it.
    kind: Option<DatastoreKind>,
    /// What was there before the Atomic that is going on.
    before_atomic: Option<Box<Before>>,
}

/// What an Atomic can change.
#[derive(Debug, Clone)]
struct Before {
    state: State,
    given: BTreeMap<String, Option<Given>>,
}

impl MemoryReplica {
    /// Adds an item; its LUID.
    pub fn insert(&mut self, media_type: &str, content: &[u8]) -> String {
        let luid = self.now.put_new(media_type, content);
        self.durable = self.now.clone();
        luid
    }

    /// Limits the room for items and their bytes.
    pub fn limit(&mut self, bytes: u64, items: u64) {
        self.room = Some(Room {
            bytes,
            items: Some(items),
            shared: false,
        });
    }

    /// Takes of the server only what belongs into a datastore of this kind.
    pub fn restrict(&mut self, kind: DatastoreKind) {
        self.kind = Some(kind);
    }

    /// Puts an item into a folder, or to the root, as a person does; whether there is such an item.
    pub fn put_into(&mut self, luid: &str, parent: Option<&str>) -> bool {
        let edit = self.now.next_edit();
        let Some(held) = self.now.items.get_mut(luid) else {
            return false;
        };
        held.parent = parent.map(str::to_owned);
        held.edit = edit;
        self.durable = self.now.clone();
        true
    }

    /// The folder of an item.
    pub fn parent_of(&self, luid: &str) -> Option<&str> {
        self.now.items.get(luid)?.parent.as_deref()
    }

    fn used(&self) -> (u64, u64) {
        let bytes = self
            .now
            .items
            .values()
            .map(|held| held.content.len() as u64);
        (bytes.sum(), self.now.items.len() as u64)
    }

    /// Whether there is room for content of that length, in place of what is held under this LUID or
    /// as another item.
    fn has_room(&self, luid: Option<&str>, length: usize) -> bool {
        let Some(room) = self.room else {
            return true;
        };
        let (bytes, items) = self.used();
        let held = luid.and_then(|luid| self.now.items.get(luid));
        let growth = length.saturating_sub(held.map_or(0, |held| held.content.len())) as u64;
        let is_in = held.is_some() || room.items.is_none_or(|most| items < most);
        is_in && (growth == 0 || bytes + growth <= room.bytes)
    }

    /// Gives an item new content; whether there is such an item.
    pub fn edit(&mut self, luid: &str, content: &[u8]) -> bool {
        let edit = self.now.next_edit();
        let Some(held) = self.now.items.get_mut(luid) else {
            return false;
        };
        held.content = content.into();
        held.edit = edit;
        held.content_edit = edit;
        self.durable = self.now.clone();
        true
    }

    /// Removes an item; whether there was such an item.
    pub fn remove(&mut self, luid: &str) -> bool {
        let depth = self.now.depth(luid);
        let removed = self.now.items.remove(luid).is_some();
        if removed {
            self.now.gone_depths.insert(luid.to_owned(), depth);
        }
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
        self.before_atomic = None;
    }

    /// Whether a person has changed or removed the item, and the server was not given that change.
    fn is_changed_here(&self, luid: &str) -> bool {
        let held = self.now.items.get(luid);
        match (self.given.get(luid), held) {
            (Some(Some(given)), Some(held)) => {
                given.agreed.edit < held.content_edit || given.parent != held.parent
            }
            (Some(given), held) => given.is_some() || held.is_some(),
            (None, Some(held)) => !self.now.is_as_agreed(luid, held),
            (None, None) => self.now.confirmed.contains_key(luid),
        }
    }

    /// A change as it is given out.
    fn change_now(&self, kind: ChangeKind, luid: &str, held: &Held) -> LocalChange {
        let is_in_doubt = self.compares || self.in_doubt.contains(luid);
        LocalChange {
            stays: kind != ChangeKind::Move && !is_in_doubt && self.now.is_in_place(luid, held),
            ..change_of(kind, luid, held)
        }
    }
}

impl State {
    fn next_edit(&mut self) -> u64 {
        self.last_edit += 1;
        self.last_edit
    }

    // spec: H18
    fn put_new(&mut self, media_type: &str, content: &[u8]) -> String {
        self.last_luid += 1;
        let luid = self.last_luid.to_string();
        let edit = self.next_edit();
        let held = Held {
            media_type: media_type.into(),
            content: content.into(),
            edit,
            content_edit: edit,
            parent: None,
        };
        self.items.insert(luid.clone(), held);
        luid
    }

    /// How an item differs from what the server has.
    fn difference(&self, luid: &str, held: &Held) -> Option<ChangeKind> {
        match self.confirmed.get(luid) {
            None => Some(ChangeKind::Add),
            Some(agreed) if agreed.edit < held.content_edit => Some(ChangeKind::Replace),
            // the server may have taken a move that was not confirmed and is undone here since
            Some(_) if self.offered.contains(luid) => Some(ChangeKind::Move),
            Some(_) => (!self.is_in_place(luid, held)).then_some(ChangeKind::Move),
        }
    }

    /// Whether the server has an item as it is here.
    fn is_as_agreed(&self, luid: &str, held: &Held) -> bool {
        let agreed = self.confirmed.get(luid);
        let has_content = agreed.is_some_and(|agreed| agreed.edit >= held.content_edit);
        has_content && self.is_in_place(luid, held)
    }

    /// Whether an item is where the server has it.
    fn is_in_place(&self, luid: &str, held: &Held) -> bool {
        let agreed = self.confirmed.get(luid);
        agreed.is_some_and(|agreed| matches!(&agreed.place, Place::In(at) if *at == held.parent))
    }

    /// Both sides agree on the content of an item; on where it is, if it is new.
    fn agree(&mut self, luid: &str, edit: u64) {
        let parent = || self.items.get(luid).and_then(|held| held.parent.clone());
        let place = match self.confirmed.get(luid) {
            Some(agreed) => agreed.place.clone(),
            None => Place::In(parent()),
        };
        let agreed = Agreed { edit, place };
        self.confirmed.insert(luid.to_owned(), agreed);
    }

    /// The folders that an item is in, one in another, the innermost first.
    fn folders_above(&self, luid: &str) -> Vec<String> {
        let parent_of = |luid: &str| self.items.get(luid).and_then(|held| held.parent.clone());
        let above = std::iter::successors(parent_of(luid), |folder| parent_of(folder));
        above.take(MAX_DEPTH).collect()
    }

    fn depth(&self, luid: &str) -> usize {
        self.folders_above(luid).len()
    }

    /// Whether an item is this folder, or in it however deep.
    fn is_within(&self, luid: &str, folder: &str) -> bool {
        let mut at = luid;
        for _ in 0..MAX_DEPTH {
            if at == folder {
                return true;
            }
            match self.items.get(at).and_then(|held| held.parent.as_deref()) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        // what is deeper than that is not looked at
        true
    }

    /// Every difference to what the server has, folders before what is in them, and deletions last,
    /// the other way round.
    // spec: M03
    fn changes(&self) -> Vec<LocalChange> {
        let mut live: Vec<LocalChange> = self
            .items
            .iter()
            .filter_map(|(luid, held)| Some(change_of(self.difference(luid, held)?, luid, held)))
            .collect();
        live.sort_by_cached_key(|change| self.depth(&change.luid));
        let told: BTreeSet<&String> = self.confirmed.keys().chain(&self.offered).collect();
        let mut gone: Vec<&String> = told
            .into_iter()
            .filter(|luid| !self.items.contains_key(luid.as_str()))
            .collect();
        // what was in a folder goes before it
        gone.sort_by_key(|luid| std::cmp::Reverse(self.gone_depths.get(*luid).copied()));
        let gone = gone.into_iter().map(|luid| LocalChange {
            kind: ChangeKind::Delete,
            luid: luid.clone(),
            media_type: String::new(),
            content: Vec::new(),
            parent: None,
            stays: false,
        });
        live.into_iter().chain(gone).collect()
    }
}

fn change_of(kind: ChangeKind, luid: &str, held: &Held) -> LocalChange {
    LocalChange {
        kind,
        luid: luid.to_owned(),
        media_type: held.media_type.as_ref().to_owned(),
        content: held.content.to_vec(),
        parent: held.parent.clone(),
        stays: false,
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

    fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError> {
        Ok(self.now.devinf_sent)
    }

    fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.devinf_sent = Some(hash);
        Ok(())
    }

    fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        Ok(self.now.server_devinf.clone())
    }

    fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.server_devinf = Some(devinf.to_vec());
        Ok(())
    }

    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError> {
        self.given.clear();
        self.compares = plan.all_items;
        if !plan.resumes {
            self.now.begun_edit = self.now.last_edit;
        }
        if plan.renews_map && !plan.resumes {
            self.is_dirty = true;
            self.now.maps.clear();
            self.now.guids.clear();
            self.now.released.clear();
            self.now.confirmed.clear();
            self.now.offered.clear();
            self.now.anchors = Anchors::default();
        }
        self.in_doubt = self.now.offered.clone();
        self.queue = match plan {
            Plan { sends: false, .. } => VecDeque::new(),
            Plan { resumes: true, .. } => {
                let begun = self.now.begun_edit;
                let mut changes = self.now.changes();
                // a comparison has to see every item
                if !plan.all_items {
                    let (items, known) = (&self.now.items, &self.now.confirmed);
                    let is_late = |luid: &str| items.get(luid).is_some_and(|i| i.edit > begun);
                    let luids: Vec<String> = changes.iter().map(|c| c.luid.clone()).collect();
                    let told = told_at_resume(&luids, is_late, |luid| {
                        let mut folders = self.now.folders_above(luid);
                        folders.retain(|folder| !known.contains_key(folder));
                        folders
                    });
                    changes.retain(|change| told.contains(&change.luid));
                }
                changes.into()
            }
            Plan {
                all_items: true, ..
            } => {
                let items = self.now.items.iter();
                let mut all: Vec<LocalChange> = items
                    .map(|(luid, held)| change_of(ChangeKind::Replace, luid, held))
                    .collect();
                all.sort_by_cached_key(|change| self.now.depth(&change.luid));
                all.into()
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
                    let given = Given {
                        agreed: Agreed {
                            edit: held.edit,
                            place: Place::In(held.parent.clone()),
                        },
                        parent: held.parent.clone(),
                    };
                    self.given.insert(change.luid.clone(), Some(given));
                    let kind = match kind {
                        // its content may have changed since
                        ChangeKind::Move => self.now.difference(&change.luid, held),
                        kind => Some(kind),
                    };
                    self.change_now(kind.unwrap_or(ChangeKind::Replace), &change.luid, held)
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
        // it stays offered: an earlier message may have had it, which nobody has answered
        self.given.remove(&change.luid);
        self.queue.push_front(change);
    }

    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.offered.remove(luid);
        if !self.now.items.contains_key(luid) {
            self.now.gone_depths.remove(luid);
        }
        match self.given.get(luid) {
            Some(Some(given)) => {
                let agreed = given.agreed.clone();
                self.now.confirmed.insert(luid.to_owned(), agreed)
            }
            Some(None) => self.now.confirmed.remove(luid),
            None => None,
        };
        Ok(())
    }

    // spec: M08
    fn place_untold(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let known = self.now.confirmed.get(luid);
        if let Some(Some(given)) = self.given.get_mut(luid) {
            given.agreed.place = match known {
                Some(known) => known.place.clone(),
                // a server without folders has it at the root
                None if given.parent.is_none() => Place::In(None),
                None => Place::Elsewhere,
            };
        }
        Ok(())
    }

    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.confirmed.remove(luid);
        self.now.guids.retain(|_, known| known != luid);
        self.now.maps.retain(|(_, known)| known != luid);
        Ok(())
    }

    fn takes(&self, media_type: &str, content: &[u8]) -> bool {
        self.kind.is_none_or(|kind| kind.takes(media_type, content))
    }

    fn add(&mut self, guid: &str, media_type: &str, content: &[u8]) -> Result<Added, ReplicaError> {
        self.is_dirty = true;
        let known = self.now.guids.get(guid).cloned();
        // a deletion that the server has heard of is over: this is the item come back
        let is_repeated = |luid: &String| {
            self.now.items.contains_key(luid) || self.now.confirmed.contains_key(luid)
        };
        let is_back = known
            .as_ref()
            .is_some_and(|luid| self.now.released.contains(luid));
        if let Some(luid) = known.filter(|luid| is_back || is_repeated(luid)) {
            self.replace(&luid, media_type, content)?;
            if self.now.maps.iter().all(|(known, _)| known != guid) {
                self.now.maps.push((guid.to_owned(), luid.clone()));
            }
            return Ok(Added {
                luid,
                existed: !is_back,
            });
        }
        if !self.has_room(None, content.len()) {
            return Err(ReplicaError::full("there is no room for another item"));
        }
        let luid = self.now.put_new(media_type, content);
        self.now.agree(&luid, self.now.last_edit);
        self.now.guids.insert(guid.to_owned(), luid.clone());
        self.now.maps.push((guid.to_owned(), luid.clone()));
        Ok(Added {
            luid,
            existed: false,
        })
    }

    fn copy(&mut self, luid: &str, guid: &str) -> Result<Copied, ReplicaError> {
        if self.is_changed_here(luid) {
            return Ok(Copied::ChangedHere);
        }
        let Some(held) = self.now.items.get(luid).cloned() else {
            return Ok(Copied::Unknown);
        };
        let added = self.add(guid, &held.media_type, &held.content)?;
        self.set_parent(&added.luid, held.parent.as_deref())?;
        Ok(Copied::Done(added))
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
        let is_known = self.now.items.contains_key(luid) || self.now.released.contains(luid);
        if is_known && !self.has_room(Some(luid), content.len()) {
            return Err(ReplicaError::full("there is no room for what was added"));
        }
        let edit = self.now.next_edit();
        let back = self.now.released.remove(luid).then(Held::default);
        let items = &mut self.now.items;
        let Some(mut held) = items.remove(luid).or(back) else {
            return Ok(Applied::Unknown);
        };
        held.media_type = media_type.into();
        held.content = content.into();
        held.edit = edit;
        held.content_edit = edit;
        items.insert(luid.to_owned(), held);
        self.now.agree(luid, edit);
        self.given.remove(luid);
        Ok(Applied::Done)
    }

    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        self.is_dirty = true;
        if self.is_changed_here(luid) {
            return Ok(Applied::ChangedHere);
        }
        self.now.confirmed.remove(luid);
        let is_known = self.now.items.remove(luid).is_some() | self.now.released.remove(luid);
        Ok(if is_known {
            Applied::Done
        } else {
            Applied::Unknown
        })
    }

    fn release(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        self.is_dirty = true;
        if self.is_changed_here(luid) {
            return Ok(Applied::ChangedHere);
        }
        if self.now.items.remove(luid).is_none() {
            let came_again = self.now.released.contains(luid);
            return Ok(if came_again {
                Applied::Done
            } else {
                Applied::Unknown
            });
        }
        self.now.confirmed.remove(luid);
        self.now.offered.remove(luid);
        self.given.remove(luid);
        self.now.released.insert(luid.to_owned());
        Ok(Applied::Done)
    }

    fn keep_own(&mut self, luid: &str) -> Result<(), ReplicaError> {
        if self.is_changed_here(luid) {
            return Ok(());
        }
        let Some(held) = self.now.items.get(luid).cloned() else {
            return Ok(());
        };
        let is_kept = |(other, one): (&String, &Held)| {
            let is_own = !self.now.confirmed.contains_key(other);
            other != luid && is_own && one.content == held.content
        };
        if self.now.items.iter().any(is_kept) {
            return Ok(());
        }
        self.is_dirty = true;
        let own = self.now.put_new(&held.media_type, &held.content);
        if let Some(own) = self.now.items.get_mut(&own) {
            own.parent = held.parent;
        }
        Ok(())
    }

    fn content(&mut self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError> {
        let held = self.now.items.get(luid);
        Ok(held.map(|held| held.content.to_vec()))
    }

    fn clear(&mut self) -> Result<u64, ReplicaError> {
        self.is_dirty = true;
        let count = self.now.items.len() as u64;
        self.now = State {
            nonce: self.now.nonce.take(),
            devinf_sent: self.now.devinf_sent,
            server_devinf: self.now.server_devinf.take(),
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

    fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError> {
        Ok(self.now.unfinished.clone())
    }

    fn set_unfinished(&mut self, unfinished: Option<&Unfinished>) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.unfinished = unfinished.cloned();
        Ok(())
    }

    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        let partial = self.now.partial.as_ref();
        Ok(partial.map(|(head, chunks)| Partial {
            head: head.clone(),
            received: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            last_chunk: chunks.last().cloned().unwrap_or_default(),
        }))
    }

    fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.partial = Some((head.to_vec(), Vec::new()));
        Ok(())
    }

    fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        if let Some((_, chunks)) = &mut self.now.partial {
            chunks.push(bytes.to_vec());
        }
        Ok(())
    }

    fn undo_partial(&mut self) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        if let Some((_, chunks)) = &mut self.now.partial {
            chunks.pop();
        }
        Ok(())
    }

    fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        let partial = self.now.partial.as_ref();
        Ok(partial.map_or(Vec::new(), |(_, chunks)| chunks.concat()))
    }

    fn end_partial(&mut self) -> Result<(), ReplicaError> {
        self.is_dirty = true;
        self.now.partial = None;
        Ok(())
    }

    fn room(&mut self) -> Result<Option<Room>, ReplicaError> {
        let (bytes, items) = self.used();
        Ok(self.room.map(|room| Room {
            bytes: room.bytes.saturating_sub(bytes),
            items: room.items.map(|most| most.saturating_sub(items)),
            ..room
        }))
    }

    fn size(&mut self) -> Result<Option<Room>, ReplicaError> {
        Ok(self.room)
    }

    fn has_folders(&self) -> bool {
        true
    }

    fn has_children(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        let mut items = self.now.items.values();
        Ok(items.any(|held| held.parent.as_deref() == Some(luid)))
    }

    fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        Ok(self.now.guids.get(guid).cloned())
    }

    fn set_parent(&mut self, luid: &str, parent: Option<&str>) -> Result<Applied, ReplicaError> {
        self.is_dirty = true;
        if self.is_changed_here(luid) {
            return Ok(Applied::ChangedHere);
        }
        let is_there = parent.is_none_or(|parent| {
            self.now.items.contains_key(parent) && !self.now.is_within(parent, luid)
        });
        let Some(held) = self.now.items.get_mut(luid) else {
            return Ok(Applied::Unknown);
        };
        let (place, applied) = if is_there {
            held.parent = parent.map(str::to_owned);
            (Place::In(held.parent.clone()), Applied::Done)
        } else {
            // the folder went meanwhile, or is in the item: where the item is now is a change of ours
            (Place::Elsewhere, Applied::Unknown)
        };
        if let Some(agreed) = self.now.confirmed.get_mut(luid) {
            agreed.place = place;
        }
        self.given.remove(luid);
        Ok(applied)
    }

    fn begin_atomic(&mut self) -> Result<(), ReplicaError> {
        self.before_atomic = Some(Box::new(Before {
            state: self.now.clone(),
            given: self.given.clone(),
        }));
        Ok(())
    }

    fn undo_atomic(&mut self) -> Result<(), ReplicaError> {
        if let Some(before) = self.before_atomic.take() {
            self.now = before.state;
            self.given = before.given;
        }
        Ok(())
    }

    fn end_atomic(&mut self) -> Result<(), ReplicaError> {
        self.before_atomic = None;
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
        self.now.unfinished = None;
        self.now.partial = None;
        self.durable = self.now.clone();
        Ok(())
    }
}
