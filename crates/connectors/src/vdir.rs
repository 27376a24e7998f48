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
mod replica;
mod staging;
mod state;
mod tree;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use pim::ObjectParts;
use session::client::{Applied, ChangeKind, Replica as _, ReplicaError, Room};
use session::store::DatastoreKind;

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

/// A folder as a [`session::client::Replica`]. A LUID is the name of a file, or made up where there are subfolders.
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
    /// Items that were given out in a session before, and of which nobody has said what became of them.
    in_doubt: BTreeSet<String>,
    /// All items are compared, so the place of each is said.
    compares: bool,
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
            in_doubt: BTreeSet::new(),
            compares: false,
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
            return object::FOLDER;
        }
        let is_object = self.head(luid).is_some() || self.object_in(luid, content).is_some();
        let media_type = if is_object {
            object::media_type(self.kind)
        } else {
            object::plain_media_type(self.kind)
        };
        if let Some(media_type) = media_type {
            return media_type;
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

    /// What an item holds on the disk: a file its content, a folder its object. The print of a file is of its
    /// head, too.
    fn read_there(&self, luid: &str) -> Result<Option<(Print, Vec<u8>)>, ReplicaError> {
        if self.is_folder_there(luid) {
            let object = self.object_there(luid);
            return Ok(object.map(|object| (tree::print_of(&object), object)));
        }
        match self.path(luid) {
            Some(path) => {
                let head = object::hash_of(self.head_there(luid));
                let read = self.folder.read(&path)?;
                Ok(read.map(|(print, content)| {
                    let hash = print.hash ^ head;
                    (Print { hash, ..print }, content)
                }))
            }
            None => Ok(None),
        }
    }

    /// What an item holds at the end of the message.
    fn body(&self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError> {
        let read = match self.staged.get(luid) {
            Some(Staged::Written { temporary, .. }) => self.folder.read_staged(temporary)?,
            Some(Staged::Folder { object, .. }) => return Ok(Some(object.clone())),
            Some(Staged::Removed) => None,
            None => self.read_there(luid)?,
        };
        Ok(read.map(|(_, content)| content))
    }

    /// Says in the head of a file when it was changed, if its content was; its print with that.
    fn date(
        &mut self,
        luid: &str,
        known: Option<&Known>,
        print: Print,
    ) -> Result<Print, ReplicaError> {
        let has_time = |head: &str| pim::element_in_head(head, "modified").is_some();
        let is_changed = match known {
            Some(known) => known.hash != print.hash && known.stat.modified_ns != Stat::DOUBTED_NS,
            // in a comparison nothing is known, and the file has the time at which it came
            None => self.head_there(luid).is_some_and(|head| !has_time(head)),
        };
        let is_changed = is_changed && self.kind == DatastoreKind::Files;
        let Some(head) = self.head_there(luid).filter(|_| is_changed) else {
            return Ok(print);
        };
        let dated = object::changed_at(head, print.stat.modified_ns);
        let hash = print.hash ^ object::hash_of(Some(head)) ^ object::hash_of(Some(&dated));
        self.set_head(luid, Some(&dated))?;
        Ok(Print { hash, ..print })
    }

    /// Refuses a file that is empty and no object: an item has content.
    fn check_empty(&self, luid: &str, content: &[u8]) -> Result<(), String> {
        if content.is_empty() && self.head_there(luid).is_none() {
            return Err("it is empty".to_owned());
        }
        Ok(())
    }

    /// An item as the server is given it, of what it holds.
    fn as_item(&self, luid: &str, content: Vec<u8>) -> Vec<u8> {
        let media_type = object::media_type(self.kind).unwrap_or_default();
        self.head(luid)
            .and_then(|head| pim::write_object(media_type, head, &content))
            .unwrap_or(content)
    }

    /// What the server gives of a file, in what the file holds and what is said of it.
    fn taken_apart(
        &self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<(Vec<u8>, Option<String>), ReplicaError> {
        let whole = self.completed(luid, media_type, content)?;
        let object = object::is_of(self.kind, media_type)
            .then(|| pim::object_parts(media_type, whole.as_deref().unwrap_or(content)))
            .flatten();
        Ok(match object {
            Some(ObjectParts {
                head,
                body: Some(body),
            }) if self.kind == DatastoreKind::Mail || object::name_of_head(&head).is_some() => {
                (body, Some(head))
            }
            // what cannot be told of again as it came stays as it came
            _ => (content.to_vec(), None),
        })
    }

    /// The object that the server gives of an item, with what it leaves as it was; `None` where it leaves
    /// nothing out, or there is no item yet.
    // spec: T46
    fn completed(
        &self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<Option<Vec<u8>>, ReplicaError> {
        if !object::is_of(self.kind, media_type) {
            return Ok(None);
        }
        let held = self.body(luid)?.map(|body| self.as_item(luid, body));
        Ok(held.and_then(|held| pim::complete_object(media_type, &held, &held, content)))
    }

    /// The object that lies as it is in a file, as releases left it that took none apart.
    fn object_in(&self, luid: &str, content: &[u8]) -> Option<ObjectParts> {
        if self.head(luid).is_some() {
            return None;
        }
        pim::object_parts(object::media_type(self.kind)?, content)
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
                    // what was not confirmed, and is undone here since, the server may have taken
                    if offered.contains(&name) || self.has_changed(&name, &before)? {
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

    /// What is to be said of a change of an item that is not here.
    fn why_gone(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        Ok(if self.is_removed_here(luid)? {
            Applied::ChangedHere
        } else {
            Applied::Unknown
        })
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
        if pim::media::is_folder(media_type) {
            self.write_folder(luid, guid, content)?;
            return self.plan(luid, None, &object::name_of(content));
        }
        let (body, head) = self.taken_apart(luid, media_type, content)?;
        let name = head.as_deref().and_then(object::name_of_head);
        let name = name.unwrap_or_else(|| {
            if self.kind == DatastoreKind::Mail {
                return object::name_of_mail(&body);
            }
            let extension = pim::media::extension_of(media_type, &body);
            format!("{}.{extension}", files::stem_of(guid.unwrap_or(luid)))
        });
        self.write(luid, guid, head, &body)?;
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
            return self.write(luid, guid, None, content);
        };
        let Some(spot) = tree.spot(luid).cloned() else {
            return self.put(luid, guid, media_type, content);
        };
        let is_folder = self.is_folder(luid);
        if is_folder != pim::media::is_folder(media_type) {
            return Err(ReplicaError::new(
                "a folder stays one, and a file",
                media_type,
            ));
        }
        if !is_folder {
            // before it is read: a person may save it meanwhile
            self.meet(luid)?;
            let (content, head) = self.taken_apart(luid, media_type, content)?;
            let before = self.head(luid).and_then(object::name_of_head);
            let name = head.as_deref().and_then(object::name_of_head);
            self.write(luid, guid, head, &content)?;
            return match name {
                Some(name) if before.as_ref() != Some(&name) => {
                    self.plan(luid, spot.parent.as_deref(), &name)
                }
                _ => Ok(()),
            };
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
