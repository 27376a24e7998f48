//! A folder of one item a file, as a datastore of a client.
//!
//! The folder belongs to the person: files are added, edited and removed by any program. What the
//! server has is remembered in `.syncline/state.db` inside the folder, so a change is a difference
//! between the folder and that memory.
//!
//! ```text
//! folder ──scan──▶ differences ──▶ session ──▶ server
//! folder ◀─temporary file, rename─ session ◀── server
//!                 .syncline/state.db: what each file was when both sides agreed, GUIDs, maps,
//!                                     anchors
//! ```
//!
//! The files of a message are written under temporary names, flushed, and renamed together; what
//! they will be is written down before. So after a crash a file that the memory does not know yet is recognized by its content
//! and not sent back as a new item.
//!
//! A datastore with folders (mail, files) has its folders as subfolders, and an item's file in that of its
//! folder; in any other, subfolders are left alone.

mod files;
mod object;
mod staging;
mod state;
mod tree;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use session::client::{
    Added, Anchors, Applied, ChangeKind, Copied, LocalChange, Plan, Replica, ReplicaError, Room,
    Unfinished,
};

use session::store::{DatastoreKind, Partial};

use files::{Folder, Print, Stat};
use staging::{Before, Staged};
use state::{Known, State};
use tree::Tree;

/// A folder that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder or its state cannot be read or made.
    #[error("{} cannot be used: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Another sync of the folder is running.
    #[error("{} is being synced by another process", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The state was written by a later release.
    #[error("the state in {} has version {found}, this program knows versions up to {known}", path.display())]
    Newer {
        /// The folder.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
}

/// A folder as a [`Replica`]. A LUID is the name of a file, or made up where there are subfolders.
#[derive(Debug)]
pub struct Vdir {
    folder: Folder,
    state: State,
    kind: DatastoreKind,
    default_media_type: &'static str,
    /// Where items are, in a datastore with folders.
    tree: Option<Tree>,
    /// Files that cannot be sent, with the reason.
    left_out: Vec<(String, String)>,
    queue: VecDeque<Change>,
    /// What was given out, by LUID, until it is confirmed.
    given: BTreeMap<String, Option<Agreed>>,
    /// What this message does to files, by LUID; done together at its end.
    staged: BTreeMap<String, Staged>,
    /// How the files were that it does something to, by LUID: a person may come in between.
    met: BTreeMap<String, Option<Stat>>,
    /// Temporary files that were written for it.
    temporaries: usize,
    /// What was staged and given out before the Atomic that is going on.
    before_atomic: Option<Before>,
    /// Room for items and their bytes in all, where it is limited.
    limit: Option<Room>,
    /// What is used of it, once that was asked in a message.
    used: Option<Used>,
}

/// Room that items take.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    bytes: u64,
    items: u64,
}

/// An item as the server has it, or will.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Agreed {
    print: Print,
    /// LUID of its folder; empty at the root.
    parent: String,
    /// What the server knows of that once it has confirmed the item.
    told: String,
}

/// A difference between the folder and the memory; content is read when its turn comes.
#[derive(Debug, Clone)]
struct Change {
    kind: ChangeKind,
    luid: String,
}

impl Vdir {
    /// Opens a folder, made if it is missing, for one datastore of one server. `peer` names the
    /// two: anchors and maps of another peer are kept apart.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`], [`Error::Locked`] or [`Error::Newer`].
    pub fn open(
        path: &Path,
        peer: &str,
        kind: DatastoreKind,
        default_media_type: &'static str,
    ) -> Result<Self, Error> {
        let folder = Folder::open(path)?;
        let mut state = State::open(path, peer)?;
        let unusable = |error: ReplicaError| Error::Folder {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let tree = if kind.is_hierarchical() {
            Some(Tree::new(state.places().map_err(unusable)?))
        } else {
            None
        };
        let mut vdir = Self {
            folder,
            state,
            kind,
            default_media_type,
            tree,
            left_out: Vec::new(),
            queue: VecDeque::new(),
            given: BTreeMap::new(),
            staged: BTreeMap::new(),
            met: BTreeMap::new(),
            temporaries: 0,
            before_atomic: None,
            limit: None,
            used: None,
        };
        vdir.adopt().map_err(unusable)?;
        Ok(vdir)
    }

    /// Limits the room for items and their bytes: no more of the server's is taken than fits, and the rest
    /// waits there until there is room.
    pub fn limit(&mut self, room: Room) {
        self.limit = Some(room);
    }

    /// The device identifier that this folder remembers, and `made` where it has none yet.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn device_id(&mut self, made: &str) -> Result<String, ReplicaError> {
        self.state.device_id(made)
    }

    /// The other peers that this folder has been in step with, the latest first, as they were named to
    /// [`Vdir::open`].
    ///
    /// # Errors
    ///
    /// When the state cannot be read.
    pub fn other_peers(&mut self) -> Result<Vec<String>, ReplicaError> {
        self.state.other_peers()
    }

    /// Changes that a two-way sync would send now, by kind: new, changed and deleted files.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn outlook(&mut self) -> Result<[u64; 3], ReplicaError> {
        let mut counts = [0; 3];
        for change in self.differences()? {
            counts[match change.kind {
                ChangeKind::Add => 0,
                ChangeKind::Replace | ChangeKind::Move => 1,
                ChangeKind::Delete => 2,
            }] += 1;
        }
        Ok(counts)
    }

    /// The media type of an item, by its content.
    fn media_type_of(&self, luid: &str, content: &[u8]) -> &'static str {
        if self.is_folder(luid) {
            return object::MEDIA_TYPE;
        }
        match pim::media::media_type_of(content) {
            "text/plain" | "" => self.default_media_type,
            media_type => media_type,
        }
    }

    /// Whether an item on the disk is a folder.
    fn is_folder_there(&self, luid: &str) -> bool {
        let placed = self.tree.as_ref().and_then(|tree| tree.there(luid));
        placed.is_some_and(|placed| placed.object.is_some())
    }

    /// Names an item that cannot be sent by its path.
    fn leave_out(&mut self, luid: &str, reason: String) {
        let name = self.path(luid).unwrap_or_else(|| luid.to_owned());
        self.left_out.push((name, reason));
    }

    /// Whether a file is, or is not there, as both sides know it.
    fn is_as_agreed(&mut self, luid: &str, there: Option<&Print>) -> Result<bool, ReplicaError> {
        let known = self.state.known_one(luid)?;
        Ok(known.map(|known| known.hash) == there.map(|print| print.hash))
    }

    /// Where an item is on the disk.
    fn path(&self, luid: &str) -> Option<String> {
        match &self.tree {
            Some(tree) => tree.path(luid),
            None => files::is_item(luid).then(|| luid.to_owned()),
        }
    }

    fn stat(&self, luid: &str) -> Result<Option<Stat>, ReplicaError> {
        match self.path(luid) {
            Some(path) => self.folder.stat(&path),
            None => Ok(None),
        }
    }

    /// What an item holds on the disk: a file its content, a folder its object.
    fn read_there(&self, luid: &str) -> Result<Option<(Print, Vec<u8>)>, ReplicaError> {
        if self.is_folder_there(luid) {
            let object = self.object_there(luid);
            return Ok(object.map(|object| (tree::print_of(&object), object)));
        }
        match self.path(luid) {
            Some(path) => self.folder.read(&path),
            None => Ok(None),
        }
    }

    fn print_there(&self, luid: &str) -> Result<Option<Print>, ReplicaError> {
        Ok(self.read_there(luid)?.map(|(print, _)| print))
    }

    /// An item as it will be at the end of the message.
    fn print(&self, luid: &str) -> Result<Option<Print>, ReplicaError> {
        match self.staged.get(luid) {
            Some(staged) => Ok(staged.print()),
            None => self.print_there(luid),
        }
    }

    /// The item that the server has added under a GUID, in this message or before.
    fn luid_added(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        let is_of_guid = |staged: &Staged| staged.guid() == Some(guid);
        let staged = self.staged.iter().find(|(_, staged)| is_of_guid(staged));
        match staged {
            Some((luid, _)) => Ok(Some(luid.clone())),
            None => self.state.luid_of(guid),
        }
    }

    fn differences(&mut self) -> Result<Vec<Change>, ReplicaError> {
        if self.tree.is_some() {
            return self.differences_in_tree();
        }
        let mut known = self.state.known()?;
        let offered = self.state.offered()?;
        let mut changes = Vec::new();
        let extensions = files::extensions_of(self.default_media_type);
        for name in self.folder.names()? {
            let before = known.remove(&name);
            let change = |kind| Change {
                kind,
                luid: name.clone(),
            };
            match before {
                None if !files::fits(&name, extensions) => {}
                None => changes.push(change(kind_of_new(&name, &offered))),
                Some(before) => {
                    if self.has_changed(&name, &before)? {
                        changes.push(change(ChangeKind::Replace));
                    }
                }
            }
        }
        let mut gone: BTreeSet<String> = known.into_keys().collect();
        for luid in offered {
            if self.folder.stat(&luid)?.is_none() {
                gone.insert(luid);
            }
        }
        changes.extend(gone.into_iter().map(|luid| Change {
            kind: ChangeKind::Delete,
            luid,
        }));
        Ok(changes)
    }

    /// Whether an item that is there is another one than both sides know.
    fn has_changed(&mut self, luid: &str, before: &Known) -> Result<bool, ReplicaError> {
        if self.stat(luid)? == Some(before.stat) && !before.is_recent() {
            return Ok(false);
        }
        match self.print_there(luid)? {
            Some(print) if print.hash == before.hash => {
                // so that its time alone tells the next time
                self.state.know(luid, &print, &before.parent)?;
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Whether a person has removed the file, and the server was not given that.
    fn is_removed_here(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        Ok(!self.staged.contains_key(luid)
            && !matches!(self.given.get(luid), Some(None))
            && self.state.known_one(luid)?.is_some()
            && !self.state.is_released(luid)?)
    }

    /// Whether a person has changed the file since both sides agreed on it.
    fn changed_here(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        if self.staged.contains_key(luid) {
            return Ok(false);
        }
        let Some(print) = self.print_there(luid)? else {
            return Ok(false);
        };
        let placed = self.tree.as_ref().and_then(|tree| tree.there(luid));
        let parent = placed.and_then(|placed| placed.spot.parent.clone());
        let parent = parent.unwrap_or_default();
        if let Some(given) = self.given.get(luid) {
            return Ok(given
                .as_ref()
                .is_none_or(|given| given.print.hash != print.hash || given.parent != parent));
        }
        let known = self.state.known_one(luid)?;
        Ok(known.is_none_or(|known| known.hash != print.hash || known.parent != parent))
    }

    /// A name for a new item, made of the GUID where that is safe: one that no file has, and no
    /// item of which the server has not heard that it is gone.
    fn free_name(
        &mut self,
        guid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<String, ReplicaError> {
        let stem = files::stem_of(guid);
        let extensions = files::extensions_of(self.default_media_type);
        let extension = match pim::media::extension_of(media_type, content) {
            fitting if extensions.is_empty() || extensions.contains(&fitting) => fitting,
            // under another one it would be no item of this folder
            _ => extensions.first().copied().unwrap_or_default(),
        };
        let mut name = format!("{stem}.{extension}");
        let mut number = 0_u64;
        while self.staged.contains_key(&name)
            || self.folder.stat(&name)?.is_some()
            || self.state.known_one(&name)?.is_some()
        {
            number += 1;
            name = format!("{stem}-{number}.{extension}");
        }
        Ok(name)
    }

    /// Stages a new item of a datastore with folders, at the root until its folder is said.
    fn add_to_tree(
        &mut self,
        guid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<String, ReplicaError> {
        let luid = self.state.next_luid()?;
        self.put(&luid, Some(guid), media_type, content)?;
        Ok(luid)
    }

    /// Stages the content of an item that has no place yet, at the root.
    fn put(
        &mut self,
        luid: &str,
        guid: Option<&str>,
        media_type: &str,
        content: &[u8],
    ) -> Result<(), ReplicaError> {
        let name = if object::is_folder(media_type) {
            object::name_of(content)
        } else {
            let extension = pim::media::extension_of(media_type, content);
            format!("{}.{extension}", files::stem_of(guid.unwrap_or(luid)))
        };
        if object::is_folder(media_type) {
            self.write_folder(luid, guid, content)?;
        } else {
            self.write(luid, guid, content)?;
        }
        self.plan(luid, None, &name)
    }

    /// Stages new content of an item.
    fn write_item(
        &mut self,
        luid: &str,
        guid: Option<&str>,
        media_type: &str,
        content: &[u8],
    ) -> Result<(), ReplicaError> {
        let Some(tree) = &self.tree else {
            return self.write(luid, guid, content);
        };
        let Some(spot) = tree.spot(luid).cloned() else {
            return self.put(luid, guid, media_type, content);
        };
        let is_folder = self.is_folder(luid);
        if is_folder != object::is_folder(media_type) {
            return Err(ReplicaError::new(
                "a folder stays one, and a file",
                media_type,
            ));
        }
        if !is_folder {
            return self.write(luid, guid, content);
        }
        let before = self.content(luid)?.unwrap_or_default();
        let name = object::name_of(content);
        self.write_folder(luid, guid, content)?;
        if name == object::name_of(&before) {
            return Ok(());
        }
        self.plan(luid, spot.parent.as_deref(), &name)
    }

    /// LUIDs of the files that are items.
    fn files(&self) -> Result<Vec<String>, ReplicaError> {
        if self.tree.is_some() {
            let mut luids = self.in_order();
            luids.retain(|luid| !self.is_folder_there(luid));
            return Ok(luids);
        }
        let extensions = files::extensions_of(self.default_media_type);
        let mut names = self.folder.names()?;
        names.retain(|name| files::fits(name, extensions));
        Ok(names)
    }

    /// What items take of the room, with what is staged.
    fn used(&mut self) -> Result<Used, ReplicaError> {
        if let Some(used) = self.used {
            return Ok(used);
        }
        let mut used = Used::default();
        let mut luids: BTreeSet<String> = self.files()?.into_iter().collect();
        let written = |staged: &Staged| matches!(staged, Staged::Written { .. });
        let staged = self.staged.iter().filter(|(_, staged)| written(staged));
        luids.extend(staged.map(|(luid, _)| luid.clone()));
        for luid in &luids {
            if let Some(bytes) = self.size_of(luid)? {
                used.bytes += bytes;
                used.items += 1;
            }
        }
        self.used = Some(used);
        Ok(used)
    }

    /// Bytes of an item, as it will be at the end of the message.
    fn size_of(&self, luid: &str) -> Result<Option<u64>, ReplicaError> {
        let stat = match self.staged.get(luid) {
            Some(staged) => staged.print().map(|print| print.stat),
            None => self.stat(luid)?,
        };
        Ok(stat.map(|stat| stat.size.cast_unsigned()))
    }

    /// Refuses what does not fit; what makes an item smaller always does.
    // spec: K08
    fn take_room(&mut self, luid: &str, bytes: u64) -> Result<(), ReplicaError> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        let before = self.size_of(luid)?;
        let mut used = self.used()?;
        used.items += u64::from(before.is_none());
        used.bytes = used.bytes.saturating_sub(before.unwrap_or_default()) + bytes;
        let grows = before.is_none_or(|before| bytes > before);
        let has_items = before.is_some() || limit.items.is_none_or(|most| used.items <= most);
        if (grows && used.bytes > limit.bytes) || !has_items {
            return Err(ReplicaError::full("there is no room left in the folder"));
        }
        self.used = Some(used);
        Ok(())
    }
}

impl Replica for Vdir {
    fn anchors(&mut self) -> Result<Anchors, ReplicaError> {
        self.state.anchors()
    }

    fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.state.nonce()
    }

    fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError> {
        self.state.set_nonce(nonce)
    }

    fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError> {
        self.state.devinf_sent()
    }

    fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError> {
        self.state.set_devinf_sent(hash)
    }

    fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.state.server_devinf()
    }

    fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError> {
        self.state.set_server_devinf(devinf)
    }

    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError> {
        self.given.clear();
        if plan.renews_map && !plan.resumes {
            self.state.renew()?;
        }
        if !plan.resumes {
            self.state.set_begun_ns(files::now_ns())?;
        }
        self.queue = match plan {
            Plan { sends: false, .. } => {
                self.look()?;
                VecDeque::new()
            }
            Plan { resumes: true, .. } => {
                let begun_ns = self.state.begun_ns()?;
                let mut changes = self.differences()?;
                // a comparison has to see every item
                changes.retain(|change| {
                    // what cannot be looked at is left to the reading of it
                    let stat = self.stat(&change.luid).ok().flatten();
                    plan.all_items || stat.is_none_or(|stat| stat.modified_ns <= begun_ns)
                });
                changes.into()
            }
            Plan {
                all_items: true, ..
            } => {
                self.look()?;
                let luids = if self.tree.is_some() {
                    self.in_order()
                } else {
                    self.files()?
                };
                let luids = luids.into_iter();
                luids
                    .map(|luid| Change {
                        kind: ChangeKind::Replace,
                        luid,
                    })
                    .collect()
            }
            _ => self.differences()?.into(),
        };
        Ok(self.queue.len() as u64)
    }

    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError> {
        while let Some(change) = self.queue.pop_front() {
            if change.kind == ChangeKind::Delete {
                self.given.insert(change.luid.clone(), None);
                return Ok(Some(LocalChange {
                    kind: change.kind,
                    luid: change.luid,
                    media_type: String::new(),
                    content: Vec::new(),
                    parent: None,
                }));
            }
            let (print, content) = match self.read_there(&change.luid) {
                Ok(Some(read)) => read,
                // a file that vanished meanwhile is a deletion of the next session
                Ok(None) => continue,
                Err(error) => {
                    self.leave_out(&change.luid, error.to_string());
                    continue;
                }
            };
            if let Err(reason) = files::check(self.kind, self.default_media_type, &content) {
                self.leave_out(&change.luid, reason);
                continue;
            }
            let parent = self.parent_text(&change.luid);
            let agreed = Agreed {
                print,
                parent: parent.clone(),
                told: parent.clone(),
            };
            self.given.insert(change.luid.clone(), Some(agreed));
            self.state.offer(&change.luid)?;
            let known = self.state.known_one(&change.luid)?;
            let has_content = known.is_none_or(|known| known.hash != print.hash);
            let kind = match change.kind {
                // it was edited since
                ChangeKind::Move if has_content => ChangeKind::Replace,
                kind => kind,
            };
            return Ok(Some(LocalChange {
                kind,
                media_type: self.media_type_of(&change.luid, &content).to_owned(),
                luid: change.luid,
                content,
                parent: Some(parent).filter(|parent| !parent.is_empty()),
            }));
        }
        Ok(None)
    }

    fn unread(&mut self, change: LocalChange) {
        // It stays offered: an earlier message may have had it, which nobody has answered. The worst
        // is a needless deletion that the server does not know.
        self.given.remove(&change.luid);
        self.queue.push_front(Change {
            kind: change.kind,
            luid: change.luid,
        });
    }

    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.state.settle(luid)?;
        self.state.end_release(luid)?;
        match self.given.get(luid) {
            Some(Some(agreed)) => self.state.know(luid, &agreed.print, &agreed.told),
            Some(None) => self.forget(luid),
            None => Ok(()),
        }
    }

    // spec: M08
    fn place_untold(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let known = self.state.known_one(luid)?;
        if let Some(Some(agreed)) = self.given.get_mut(luid) {
            agreed.told = match known {
                Some(known) => known.parent,
                // a server without folders has it at the root
                None if agreed.parent.is_empty() => String::new(),
                None => tree::ELSEWHERE.to_owned(),
            };
        }
        Ok(())
    }

    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.state.settle(luid)?;
        self.state.forget(luid)
    }

    // spec: M04
    fn move_refused(&mut self, luid: &str) -> Result<(), ReplicaError> {
        // it stays offered, and is so no addition
        self.state.forget(luid)
    }

    fn add(&mut self, guid: &str, media_type: &str, content: &[u8]) -> Result<Added, ReplicaError> {
        if let Some(luid) = self.luid_added(guid)? {
            let is_there = self.print(&luid)?.is_some();
            if is_there && !self.changed_here(&luid)? {
                self.write_item(&luid, Some(guid), media_type, content)?;
            }
            // a deletion that the server has heard of is over: this is the item come back; what goes with
            // this message comes back as another one
            let goes = self.staged.contains_key(&luid);
            if is_there || (!goes && self.state.known_one(&luid)?.is_some()) {
                self.state.remember_guid(guid, &luid)?;
                return Ok(Added {
                    luid,
                    existed: true,
                });
            }
        }
        let luid = if self.tree.is_some() {
            self.add_to_tree(guid, media_type, content)?
        } else {
            let name = self.free_name(guid, media_type, content)?;
            self.write(&name, Some(guid), content)?;
            name
        };
        Ok(Added {
            luid,
            existed: false,
        })
    }

    fn copy(&mut self, luid: &str, guid: &str) -> Result<Copied, ReplicaError> {
        let Some(content) = self.content(luid)? else {
            return Ok(if self.is_removed_here(luid)? {
                Copied::ChangedHere
            } else {
                Copied::Unknown
            });
        };
        if self.changed_here(luid)? {
            return Ok(Copied::ChangedHere);
        }
        let media_type = self.media_type_of(luid, &content);
        let parent = self.tree.as_ref().and_then(|tree| tree.parent(luid));
        let parent = parent.map(str::to_owned);
        let added = self.add(guid, media_type, &content)?;
        if parent.is_some() {
            self.set_parent(&added.luid, parent.as_deref())?;
        }
        Ok(Copied::Done(added))
    }

    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<Applied, ReplicaError> {
        let is_there = self.print(luid)?.is_some()
            || (files::is_item(luid) && self.state.is_released(luid)?);
        if !is_there {
            return Ok(if self.is_removed_here(luid)? {
                Applied::ChangedHere
            } else {
                Applied::Unknown
            });
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        self.write_item(luid, None, media_type, content)?;
        Ok(Applied::Done)
    }

    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        if self.print(luid)?.is_none() {
            // it goes with this message
            if self.staged.contains_key(luid) {
                return Ok(Applied::Unknown);
            }
            if self.is_removed_here(luid)? {
                return Ok(Applied::ChangedHere);
            }
            self.forget(luid)?;
            return Ok(if self.state.end_release(luid)? {
                Applied::Done
            } else {
                Applied::Unknown
            });
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        self.remove(luid)?;
        Ok(Applied::Done)
    }

    fn release(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        if self.print(luid)?.is_none() {
            return Ok(if self.state.is_released(luid)? {
                Applied::Done
            } else {
                Applied::Unknown
            });
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        // durable before the file goes: its absence must not be taken for a deletion
        self.state.settle(luid)?;
        self.state.release(luid)?;
        self.remove(luid)?;
        Ok(Applied::Done)
    }

    fn keep_own(&mut self, luid: &str) -> Result<(), ReplicaError> {
        // a folder holds nothing but its items, which stay
        if self.is_folder_there(luid) || self.changed_here(luid)? {
            return Ok(());
        }
        self.set_aside(luid)
    }

    fn content(&mut self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError> {
        match self.staged.get(luid) {
            Some(Staged::Written { temporary, .. }) => {
                let read = self.folder.read_staged(temporary)?;
                Ok(read.map(|(_, content)| content))
            }
            Some(Staged::Folder { object, .. }) => Ok(Some(object.clone())),
            Some(Staged::Removed) => Ok(None),
            None => Ok(self.read_there(luid)?.map(|(_, content)| content)),
        }
    }

    fn clear(&mut self) -> Result<u64, ReplicaError> {
        self.carry_out()?;
        // the memory goes first: files that a crash leaves are new to the next slow sync
        self.state.renew()?;
        self.state.commit()?;
        self.look()?;
        if self.tree.is_none() {
            let names = self.files()?;
            for name in &names {
                self.folder.remove(name)?;
            }
            return Ok(names.len() as u64);
        }
        // what is in a folder goes before it
        let luids = self.in_order();
        for luid in luids.iter().rev() {
            self.take_away(luid)?;
            self.forget(luid)?;
        }
        Ok(luids.len() as u64)
    }

    fn left_out(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.left_out)
    }

    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError> {
        self.state.pending_maps()
    }

    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError> {
        self.state.maps_acknowledged(guids)
    }

    fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError> {
        self.state.unfinished()
    }

    fn set_unfinished(&mut self, unfinished: Option<&Unfinished>) -> Result<(), ReplicaError> {
        self.state.set_unfinished(unfinished)
    }

    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        self.state.partial()
    }

    fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        self.state.begin_partial(head)
    }

    fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        self.state.append_partial(bytes)
    }

    fn undo_partial(&mut self) -> Result<(), ReplicaError> {
        self.state.undo_partial()
    }

    fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        self.state.partial_content()
    }

    fn end_partial(&mut self) -> Result<(), ReplicaError> {
        self.state.end_partial()
    }

    // spec: K06
    fn room(&mut self) -> Result<Option<Room>, ReplicaError> {
        let Some(limit) = self.limit else {
            return Ok(None);
        };
        // a person goes on adding and removing files
        self.used = None;
        let used = self.used()?;
        Ok(Some(Room {
            bytes: limit.bytes.saturating_sub(used.bytes),
            items: limit.items.map(|most| most.saturating_sub(used.items)),
            ..limit
        }))
    }

    // spec: K09
    fn size(&mut self) -> Result<Option<Room>, ReplicaError> {
        Ok(self.limit)
    }

    fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        self.luid_added(guid)
    }

    fn has_folders(&self) -> bool {
        self.tree.is_some()
    }

    // spec: M07
    fn has_children(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        self.holds_anything(luid)
    }

    // spec: M02 M05
    fn set_parent(&mut self, luid: &str, parent: Option<&str>) -> Result<Applied, ReplicaError> {
        if self.print(luid)?.is_none() {
            return Ok(if self.is_removed_here(luid)? {
                Applied::ChangedHere
            } else {
                Applied::Unknown
            });
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        let has_place = parent.is_none_or(|parent| self.can_be_in(luid, parent));
        let Some(tree) = &mut self.tree else {
            return Ok(Applied::Unknown);
        };
        if !has_place {
            // the folder went meanwhile, or is in the item: where the item is now is a change of ours
            tree.misplaced.insert(luid.to_owned());
            return Ok(Applied::Unknown);
        }
        let Some(spot) = tree.spot(luid).cloned() else {
            return Ok(Applied::Unknown);
        };
        tree.misplaced.remove(luid);
        if spot.parent.as_deref() != parent {
            let name = match self.staged.get(luid) {
                // a name that was taken at the root may be free there
                Some(Staged::Folder { object, .. }) => object::name_of(object),
                _ => spot.name,
            };
            self.plan(luid, parent, &name)?;
        }
        Ok(Applied::Done)
    }

    fn begin_atomic(&mut self) -> Result<(), ReplicaError> {
        self.state.begin_atomic()?;
        self.before_atomic = Some(Before {
            staged: self.staged.clone(),
            given: self.given.clone(),
            tree: self.tree.clone(),
        });
        Ok(())
    }

    fn undo_atomic(&mut self) -> Result<(), ReplicaError> {
        self.state.undo_atomic()?;
        self.used = None;
        if let Some(before) = self.before_atomic.take() {
            self.staged = before.staged;
            self.given = before.given;
            self.tree = before.tree;
        }
        Ok(())
    }

    fn end_atomic(&mut self) -> Result<(), ReplicaError> {
        self.before_atomic = None;
        self.state.end_atomic()
    }

    fn message_done(&mut self) -> Result<(), ReplicaError> {
        self.carry_out()?;
        self.folder.flush()?;
        self.state.commit()
    }

    fn complete(&mut self, anchors: &Anchors) -> Result<(), ReplicaError> {
        self.carry_out()?;
        self.state.set_anchors(anchors)?;
        self.state.set_unfinished(None)?;
        self.state.end_partial()?;
        self.state.commit()
    }
}

/// The change that tells of an item which the server has not confirmed. It may have it as it was then, and
/// an addition of something else under its LUID would be another item.
fn kind_of_new(luid: &str, offered: &BTreeSet<String>) -> ChangeKind {
    if offered.contains(luid) {
        ChangeKind::Replace
    } else {
        ChangeKind::Add
    }
}

/// What a file was when both sides agreed, with when that was written down.
impl Known {
    /// Whether the file was written so shortly before it was looked at that an edit within the
    /// same tick of the file system's clock would not show in its time.
    fn is_recent(&self) -> bool {
        const TICK_NS: i64 = 2_000_000_000;
        self.seen_ns.saturating_sub(self.stat.modified_ns) < TICK_NS
    }
}

#[cfg(test)]
mod tests;
