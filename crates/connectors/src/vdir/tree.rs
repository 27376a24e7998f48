//! Folders in a folder: which file or subfolder is which item, wherever it is moved to.
//!
//! In a datastore with folders a LUID is made up once and says nothing of a place. Where each item was last
//! seen is remembered, and what is not there any more is looked for:
//!
//! * a file is the one that was at its place, else the same file elsewhere, else one of the same content; where
//!   two files have changed places, each is the same file;
//! * a folder is the same folder wherever it is, else the one at its place; the other way round where the system
//!   does not say when a folder was made, since numbers are given again.
//!
//! A new folder in which there are only files that are no items is none either.
//!
//! What is not found is gone, and what is found to be nothing known is new. That loses nothing where it is
//! wrong: a deletion and an addition say the same as a move, and a change of the server's outlives a
//! deletion.

use std::collections::{BTreeMap, BTreeSet};

use session::client::{ChangeKind, ReplicaError};

use super::files::{self, Entry, FileId, Print, Stat};
use super::{Change, Vdir, kind_of_new, object};

/// Folders in one another into which an item of the server is put.
const DEPTH: usize = 64;

/// Folders in one another that are looked into: a whole branch may be moved to where there is just room for
/// its root.
pub(super) const MAX_DEPTH: usize = 3 * DEPTH;

/// Bytes of a path in the folder, below what systems allow for whole ones.
const MAX_PATH: usize = 2000;

/// The parent in the memory of an item that the server has in another folder than it is in.
pub(super) const ELSEWHERE: &str = "/";

/// A place for an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The LUID of its folder; `None` at the root.
    pub(super) parent: Option<String>,
    pub(super) name: String,
}

/// An item at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) spot: Spot,
    pub(super) id: Option<FileId>,
    /// The object that a folder is as an item; `None` of a file.
    pub(super) object: Option<Vec<u8>>,
    /// What the object of a file says beside its content; `None` of what is no such object, and of a folder.
    pub(super) head: Option<String>,
}

/// The items of a folder with folders, as they were last seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub(super) placed: BTreeMap<String, Placed>,
    /// Those of them that were not found.
    gone: BTreeSet<String>,
    /// Where items are to be at the end of the message.
    pub(super) planned: BTreeMap<String, Spot>,
    /// Items that could not be put where the server has them.
    pub(super) misplaced: BTreeSet<String>,
    /// Names that they should have there, and that were taken when they were planned.
    pub(super) wanted: BTreeMap<String, String>,
    /// The number that was last added to a name in a folder, because the name was taken.
    numbers: BTreeMap<(Option<String>, String), u64>,
    /// Names of items here and planned, as file systems compare them that know no case.
    taken: BTreeSet<(Option<String>, String)>,
}

impl Tree {
    pub(super) fn new(placed: BTreeMap<String, Placed>) -> Self {
        let mut tree = Self {
            placed,
            ..Self::default()
        };
        let spots: Vec<Spot> = tree.placed.values().map(|one| one.spot.clone()).collect();
        for spot in &spots {
            tree.take(spot);
        }
        tree
    }

    fn take(&mut self, spot: &Spot) {
        let name = spot.name.to_lowercase();
        self.taken.insert((spot.parent.clone(), name));
    }

    /// A name is no item's any more.
    fn give_back(&mut self, spot: Option<Spot>) {
        if let Some(spot) = spot {
            self.taken.remove(&(spot.parent, spot.name.to_lowercase()));
        }
    }

    fn is_taken(&self, spot: &Spot) -> bool {
        let name = spot.name.to_lowercase();
        self.taken.contains(&(spot.parent.clone(), name))
    }

    /// An item as it is on the disk.
    pub(super) fn there(&self, luid: &str) -> Option<&Placed> {
        let placed = self.placed.get(luid)?;
        (!self.gone.contains(luid)).then_some(placed)
    }

    /// Where an item is on the disk.
    pub(super) fn path(&self, luid: &str) -> Option<String> {
        let mut names = Vec::new();
        let mut at = Some(luid);
        while let Some(luid) = at {
            if names.len() > MAX_DEPTH {
                return None;
            }
            let spot = &self.there(luid)?.spot;
            names.push(spot.name.as_str());
            at = spot.parent.as_deref();
        }
        names.reverse();
        Some(names.join("/"))
    }

    /// Where an item at this place would be on the disk now.
    pub(super) fn path_at(&self, spot: &Spot) -> Option<String> {
        match &spot.parent {
            None => Some(spot.name.clone()),
            Some(parent) => Some(format!("{}/{}", self.path(parent)?, spot.name)),
        }
    }

    /// Bytes of the path of a place at the end of the message; no more than shows that they are too many.
    fn length(&self, spot: &Spot) -> usize {
        let mut length = spot.name.len();
        let mut above = spot.parent.as_deref();
        while let Some(folder) = above.and_then(|luid| self.spot(luid))
            && length <= MAX_PATH
        {
            length += folder.name.len() + 1;
            above = folder.parent.as_deref();
        }
        length
    }

    /// The place of an item at the end of the message.
    pub(super) fn spot(&self, luid: &str) -> Option<&Spot> {
        let placed = || self.placed.get(luid).map(|placed| &placed.spot);
        self.planned.get(luid).or_else(placed)
    }

    /// The folder of an item at the end of the message.
    pub(super) fn parent(&self, luid: &str) -> Option<&str> {
        self.spot(luid).and_then(|spot| spot.parent.as_deref())
    }

    /// The folders that an item is in at the end of the message, the innermost first.
    pub(super) fn folders_above(&self, luid: &str) -> impl Iterator<Item = &str> {
        let above = std::iter::successors(self.parent(luid), |folder| self.parent(folder));
        above.take(MAX_DEPTH)
    }

    /// How many they are.
    pub(super) fn depth(&self, luid: &str) -> usize {
        self.folders_above(luid).count()
    }

    /// Whether an item is this folder, or in it however deep.
    fn is_within(&self, luid: &str, folder: &str) -> bool {
        let mut at = Some(luid);
        for _ in 0..=MAX_DEPTH {
            match at {
                Some(luid) if luid == folder => return true,
                Some(luid) => at = self.parent(luid),
                None => return false,
            }
        }
        true
    }

    /// Plans a place.
    pub(super) fn plan(&mut self, luid: &str, spot: Spot) {
        let before = self.planned.remove(luid);
        self.give_back(before);
        self.take(&spot);
        self.planned.insert(luid.to_owned(), spot);
    }

    /// An item is at a place.
    pub(super) fn put(&mut self, luid: &str, placed: Placed) {
        let spot = placed.spot.clone();
        let before = self.placed.insert(luid.to_owned(), placed);
        self.give_back(before.map(|placed| placed.spot));
        self.take(&spot);
    }

    /// Forgets an item.
    pub(super) fn remove(&mut self, luid: &str) {
        let placed = self.placed.remove(luid).map(|placed| placed.spot);
        self.gone.remove(luid);
        self.give_back(placed);
        let planned = self.planned.remove(luid);
        self.give_back(planned);
    }
}

/// What is found of the items when the disk is looked at.
struct Look<'t> {
    tree: &'t Tree,
    entries: &'t [Entry],
    /// The LUID of each entry, as far as it is found.
    luids: Vec<Option<String>>,
    claimed: BTreeSet<&'t str>,
    by_spot: BTreeMap<&'t Spot, &'t str>,
    by_id: BTreeMap<FileId, &'t str>,
    ids: BTreeSet<FileId>,
}

impl<'t> Look<'t> {
    fn new(tree: &'t Tree, entries: &'t [Entry]) -> Self {
        let mut by_spot = BTreeMap::new();
        let mut by_id = BTreeMap::new();
        for (luid, placed) in &tree.placed {
            by_spot.insert(&placed.spot, luid.as_str());
            by_id.extend(placed.id.map(|id| (id, luid.as_str())));
        }
        Self {
            tree,
            entries,
            luids: vec![None; entries.len()],
            claimed: BTreeSet::new(),
            by_spot,
            by_id,
            ids: entries.iter().filter_map(|entry| entry.id).collect(),
        }
    }

    fn claim(&mut self, index: usize, luid: Option<&'t str>) {
        let (Some(luid), Some(entry)) = (luid, self.entries.get(index)) else {
            return;
        };
        let is_folder = self.tree.placed.get(luid).map(|one| one.object.is_some());
        if is_folder == Some(entry.is_folder)
            && let Some(found) = self.luids.get_mut(index)
            && self.claimed.insert(luid)
        {
            *found = Some(luid.to_owned());
        }
    }

    fn is_found(&self, index: usize) -> bool {
        self.luids.get(index).is_some_and(Option::is_some)
    }

    /// The place of an entry, once it is known which folder it is in.
    fn spot_of(&self, entry: &Entry) -> Option<Spot> {
        let parent = match entry.above {
            None => None,
            Some(above) => Some(self.luids.get(above).cloned().flatten()?),
        };
        let name = entry.name.clone();
        Some(Spot { parent, name })
    }

    fn at_its_place(&self, entry: &Entry) -> Option<&'t str> {
        self.by_spot.get(&self.spot_of(entry)?).copied()
    }

    /// The item that is the same file or folder on the disk.
    fn the_same(&self, entry: &Entry) -> Option<&'t str> {
        let id = entry.id.filter(|id| entry.is_folder || id.is_unique())?;
        let luid = self.by_id.get(&id).copied()?;
        (id.is_unique() || !self.has_folder_at_place_of(luid)).then_some(luid)
    }

    /// Whether a folder is where an item was.
    fn has_folder_at_place_of(&self, luid: &str) -> bool {
        let path = self.tree.path(luid);
        let mut folders = self.entries.iter().filter(|entry| entry.is_folder);
        folders.any(|entry| path.as_ref() == Some(&entry.path))
    }

    /// Whether the item that was at the place of an entry is at another one now.
    fn is_elsewhere(&self, luid: &str, entry: &Entry) -> bool {
        let id = self.tree.placed.get(luid).and_then(|placed| placed.id);
        id.is_some_and(|id| entry.id != Some(id) && self.ids.contains(&id))
    }

    /// The file that an entry is. Where a program has saved it, another file is at its place, which was no
    /// item before.
    fn find_file(&mut self, index: usize, entry: &Entry) {
        let at_place = self.at_its_place(entry);
        if at_place.is_some_and(|luid| self.is_elsewhere(luid, entry)) {
            self.claim(index, self.the_same(entry));
        }
        if !self.is_found(index) {
            self.claim(index, at_place);
        }
    }

    /// The folder that an entry is.
    fn find_folder(&mut self, index: usize, entry: &Entry) {
        let at_place = self.at_its_place(entry);
        if !entry.id.is_some_and(FileId::is_unique) {
            // numbers alone may be new ones with each mount
            self.claim(index, at_place);
        }
        if !self.is_found(index) {
            self.claim(index, self.the_same(entry));
        }
        // it may be at another place now
        let is_elsewhere = at_place.is_some_and(|luid| self.is_elsewhere(luid, entry));
        if !self.is_found(index) && !is_elsewhere {
            self.claim(index, at_place);
        }
    }
}

impl Vdir {
    /// Looks which items are where. Only for a folder with folders.
    pub(super) fn look(&mut self) -> Result<(), ReplicaError> {
        let Some(tree) = self.tree.take() else {
            return Ok(());
        };
        let entries = self.folder.walk();
        let found = entries.and_then(|entries| Ok((self.found(&tree, &entries)?, entries)));
        let mut placed = tree.placed.clone();
        self.tree = Some(tree);
        let (found, entries) = found?;
        let mut there = BTreeSet::new();
        let mut closed = Vec::new();
        for (entry, (luid, spot)) in entries.into_iter().zip(found) {
            let before = placed.get(&luid);
            if let Some(error) = entry.closed {
                closed.push((luid.clone(), entry.path, error));
                if before.is_none() {
                    continue;
                }
            }
            let object = entry.is_folder.then(|| {
                let before = before.map(|one| (one.spot.name.as_str(), one.object.as_deref()));
                object::of(before, &spot.name)
            });
            let head = match before {
                Some(one) => one
                    .head
                    .as_deref()
                    .map(|head| object::renamed_head(self.kind, &one.spot.name, head, &spot.name)),
                // what the server has without one stays so
                None if entry.is_folder || self.state.is_told(&luid)? => None,
                None => object::new_head(self.kind, &spot.name),
            };
            let now = Placed {
                spot,
                id: entry.id,
                object,
                head,
            };
            if before != Some(&now) {
                if before.is_some_and(|before| before.head != now.head) {
                    self.state.doubt(&luid)?;
                }
                self.state.place(&luid, &now)?;
                placed.insert(luid.clone(), now);
            }
            there.insert(luid);
        }
        for (luid, path, error) in closed {
            let is_inside = |one: &Placed| one.spot.parent.as_ref() == Some(&luid);
            if placed.values().any(is_inside) {
                // they must not be taken for deleted
                return Err(error);
            }
            let reason = (path, error.to_string());
            if !self.left_out.contains(&reason) {
                self.left_out.push(reason);
            }
        }
        let mut told: BTreeSet<String> = self.state.known()?.into_keys().collect();
        told.extend(self.state.offered()?);
        let gone: Vec<String> = placed
            .keys()
            .filter(|one| !there.contains(*one))
            .cloned()
            .collect();
        let mut tree = Tree::new(placed);
        for luid in gone {
            if told.contains(&luid) {
                tree.gone.insert(luid);
            } else {
                self.state.unplace(&luid)?;
                tree.remove(&luid);
            }
        }
        self.tree = Some(tree);
        Ok(())
    }

    /// The items that the entries are, known or new.
    fn found(
        &mut self,
        tree: &Tree,
        entries: &[Entry],
    ) -> Result<Vec<(String, Spot)>, ReplicaError> {
        let mut look = Look::new(tree, entries);
        let mut made: BTreeSet<String> = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate() {
            if entry.is_folder {
                look.find_folder(index, entry);
                let has_place = look.spot_of(entry).is_some();
                if !look.is_found(index) && has_place && !self.is_left_over(&look, entry)? {
                    let luid = self.new_luid(tree, entry, &mut made)?;
                    look.luids[index] = Some(luid);
                }
            } else {
                look.find_file(index, entry);
            }
        }
        for (index, entry) in entries.iter().enumerate() {
            if !look.is_found(index) {
                look.claim(index, look.the_same(entry));
            }
        }
        self.find_by_content(&mut look)?;
        for (index, entry) in entries.iter().enumerate() {
            let is_new = !entry.is_folder && !look.is_found(index);
            if is_new && look.spot_of(entry).is_some() {
                let luid = self.new_luid(tree, entry, &mut made)?;
                look.luids[index] = Some(luid);
            }
        }
        let all = entries.iter().zip(&look.luids);
        let found = all.filter_map(|(entry, luid)| Some((luid.clone()?, look.spot_of(entry)?)));
        Ok(found.collect())
    }

    /// Finds files that were copied to another place and removed from theirs.
    fn find_by_content(&mut self, look: &mut Look<'_>) -> Result<(), ReplicaError> {
        let known = self.state.known()?;
        let mut missing: BTreeMap<(i64, i64), Vec<&str>> = BTreeMap::new();
        for (luid, placed) in &look.tree.placed {
            if let (Some(known), None) = (known.get(luid), &placed.object)
                && !look.claimed.contains(luid.as_str())
            {
                let hash = known.hash ^ object::hash_of(placed.head.as_deref());
                let print = (known.stat.size, hash);
                missing.entry(print).or_default().push(luid);
            }
        }
        let sizes: BTreeSet<i64> = missing.keys().map(|(size, _)| *size).collect();
        for (index, entry) in look.entries.iter().enumerate() {
            if look.is_found(index) || !sizes.contains(&entry.size) {
                continue;
            }
            // what cannot be read is named when its turn comes to be sent
            let Ok(Some(print)) = self.folder.print(&entry.path) else {
                continue;
            };
            let same = missing.get_mut(&(print.stat.size, print.hash));
            look.claim(index, same.and_then(Vec::pop));
        }
        Ok(())
    }

    /// A LUID that nothing has. A file that was an item before this folder knew folders keeps its own, which
    /// is its name.
    fn new_luid(
        &mut self,
        tree: &Tree,
        entry: &Entry,
        made: &mut BTreeSet<String>,
    ) -> Result<String, ReplicaError> {
        let is_old = entry.above.is_none()
            && !entry.is_folder
            && !tree.placed.contains_key(&entry.name)
            && self.state.is_told(&entry.name)?;
        let luid = if is_old && !made.contains(&entry.name) {
            entry.name.clone()
        } else {
            self.state.next_luid()?
        };
        made.insert(luid.clone());
        Ok(luid)
    }

    /// The differences between the folder and the memory: folders before what is in them, and deletions
    /// last, the other way round.
    // spec: M03
    pub(super) fn differences_in_tree(&mut self) -> Result<Vec<Change>, ReplicaError> {
        self.look()?;
        let known = self.state.known()?;
        let offered = self.state.offered()?;
        let mut changes = Vec::new();
        for luid in self.in_order() {
            let Some(before) = known.get(&luid) else {
                changes.push(Change {
                    kind: kind_of_new(&luid, &offered),
                    luid,
                });
                continue;
            };
            // what was not confirmed, and is undone here since, the server may have taken
            let kind = if offered.contains(&luid) || self.has_changed(&luid, before)? {
                ChangeKind::Replace
            } else if self.parent_text(&luid) == before.parent {
                continue;
            } else {
                ChangeKind::Move
            };
            changes.push(Change { kind, luid });
        }
        let Some(tree) = &self.tree else {
            return Ok(changes);
        };
        let mut told: BTreeSet<String> = known.into_keys().collect();
        told.extend(offered);
        let mut gone: Vec<String> = told
            .into_iter()
            .filter(|luid| tree.there(luid).is_none())
            .collect();
        gone.sort_by_key(|luid| std::cmp::Reverse(tree.depth(luid)));
        changes.extend(gone.into_iter().map(|luid| Change {
            kind: ChangeKind::Delete,
            luid,
        }));
        Ok(changes)
    }

    /// LUIDs of all that is there, folders before what is in them.
    pub(super) fn in_order(&self) -> Vec<String> {
        let Some(tree) = &self.tree else {
            return Vec::new();
        };
        let there = tree.placed.keys().filter(|luid| tree.there(luid).is_some());
        let mut luids: Vec<String> = there.cloned().collect();
        luids.sort_by_cached_key(|luid| tree.depth(luid));
        luids
    }

    /// The folder of an item, as the memory writes it.
    pub(super) fn parent_text(&self, luid: &str) -> String {
        let parent = self.tree.as_ref().and_then(|tree| tree.parent(luid));
        parent.unwrap_or_default().to_owned()
    }

    /// Whether an item is a folder, at the end of the message.
    pub(super) fn is_folder(&self, luid: &str) -> bool {
        match self.staged.get(luid) {
            Some(super::Staged::Folder { .. }) => true,
            Some(_) => false,
            None => self.is_folder_there(luid),
        }
    }

    /// The head of a file that is there.
    pub(super) fn head_there(&self, luid: &str) -> Option<&str> {
        self.tree.as_ref()?.there(luid)?.head.as_deref()
    }

    /// The head of a file at the end of the message.
    pub(super) fn head(&self, luid: &str) -> Option<&str> {
        match self.staged.get(luid) {
            Some(super::Staged::Written { head, .. }) => head.as_deref(),
            Some(_) => None,
            None => self.head_there(luid),
        }
    }

    /// A file says this beside its content from now on.
    pub(super) fn set_head(&mut self, luid: &str, head: Option<&str>) -> Result<(), ReplicaError> {
        let tree = self.tree.as_mut();
        match tree.and_then(|tree| tree.placed.get_mut(luid)) {
            Some(placed) if placed.head.as_deref() != head => {
                placed.head = head.map(str::to_owned);
                self.state.place(luid, placed)
            }
            _ => Ok(()),
        }
    }

    /// The object of a folder that is there.
    pub(super) fn object_there(&self, luid: &str) -> Option<Vec<u8>> {
        let tree = self.tree.as_ref()?;
        let object = tree.there(luid)?.object.clone()?;
        self.folder.is_folder(&tree.path(luid)?).then_some(object)
    }

    /// The place of an item whose name changes in nothing but case, where that is no other's.
    pub(super) fn recased(&self, luid: &str, parent: Option<&str>, wanted: &str) -> Option<Spot> {
        let tree = self.tree.as_ref()?;
        let own = &tree.there(luid)?.spot;
        let spot = Spot {
            name: wanted.to_owned(),
            ..own.clone()
        };
        let is_own =
            own.parent.as_deref() == parent && own.name.to_lowercase() == wanted.to_lowercase();
        let is_there = tree
            .path_at(&spot)
            .is_some_and(|path| self.folder.exists(&path));
        (is_own && !is_there).then_some(spot)
    }

    /// Whether a path cannot be an item's because of what is there. A new folder may be one that is there.
    pub(super) fn is_in_the_way(&self, luid: &str, path: &str) -> bool {
        let is_new_folder = self.is_folder(luid) && !self.is_folder_there(luid);
        let can_join = is_new_folder && self.folder.is_folder(path);
        self.folder.exists(path) && !can_join
    }

    /// A place for an item with a name that nothing has, as like the wanted one as can be.
    pub(super) fn free_spot(
        &mut self,
        luid: &str,
        parent: Option<&str>,
        wanted: &str,
    ) -> Result<Spot, ReplicaError> {
        let (stem, extension) = files::split_name(wanted);
        let mut spot = Spot {
            parent: parent.map(str::to_owned),
            name: wanted.to_owned(),
        };
        let taken = (spot.parent.clone(), wanted.to_owned());
        let Some(tree) = &self.tree else {
            return Ok(spot);
        };
        let mut number = 0_u64;
        loop {
            if tree.length(&spot) > MAX_PATH {
                return Err(ReplicaError::new(
                    "the folder's path is too long for another one in it",
                    spot.name,
                ));
            }
            if self.is_free(luid, &spot) {
                break;
            }
            // many may want one name
            number = number.max(tree.numbers.get(&taken).copied().unwrap_or_default()) + 1;
            spot.name = format!("{stem}-{number}{extension}");
        }
        if let Some(tree) = self.tree.as_mut().filter(|_| number > 0) {
            tree.numbers.insert(taken, number);
        }
        Ok(spot)
    }

    /// Whether nothing keeps an item from being put to a place.
    fn is_free(&self, luid: &str, spot: &Spot) -> bool {
        let Some(tree) = self.tree.as_ref().filter(|tree| !tree.is_taken(spot)) else {
            return false;
        };
        let path = tree.path_at(spot);
        !path.is_some_and(|path| self.is_in_the_way(luid, &path))
    }

    /// Plans the names that were taken and are free now.
    pub(super) fn plan_wanted(&mut self) {
        let wanted = self
            .tree
            .as_mut()
            .map(|tree| std::mem::take(&mut tree.wanted));
        for (luid, name) in wanted.unwrap_or_default() {
            let tree = self.tree.as_ref();
            let Some(placed) = tree.and_then(|tree| tree.there(&luid)) else {
                continue;
            };
            let spot = Spot {
                parent: placed.spot.parent.clone(),
                name,
            };
            let is_free = self.is_free(&luid, &spot);
            if let Some(tree) = self.tree.as_mut().filter(|_| is_free) {
                tree.plan(&luid, spot);
            }
        }
    }

    /// Whether an item can be put into a folder: one that is there, and neither the item nor in it.
    pub(super) fn can_be_in(&self, luid: &str, parent: &str) -> bool {
        let Some(tree) = &self.tree else {
            return false;
        };
        self.is_folder(parent) && !tree.is_within(parent, luid) && tree.depth(parent) < DEPTH
    }

    /// Whether a folder that is no item stays none: in it are only files that are no items. It may have been
    /// deleted by the server, and is there for them.
    fn is_left_over(&self, look: &Look<'_>, entry: &Entry) -> Result<bool, ReplicaError> {
        if self.can_be_item(&entry.path, 0)? {
            return Ok(false);
        }
        let inside = format!("{}/", entry.path);
        let mut inside = look
            .entries
            .iter()
            .filter(|one| one.path.starts_with(&inside));
        Ok(!inside.any(|one| look.the_same(one).is_some()))
    }

    /// Whether what is at a path can be sent: a file as it is, a folder if it is empty or holds such a thing.
    fn can_be_item(&self, path: &str, depth: usize) -> Result<bool, ReplicaError> {
        if !path.rsplit('/').next().is_some_and(files::is_item) {
            return Ok(false);
        }
        if !self.folder.is_folder(path) {
            if !self.folder.is_file(path) {
                return Ok(false);
            }
            let content = self.folder.read(path).ok().flatten();
            return Ok(content.is_some_and(|(_, content)| {
                files::check(self.kind, self.default_media_type, &content).is_ok()
            }));
        }
        let names = self.folder.list(path)?;
        if names.is_empty() || depth > MAX_DEPTH {
            return Ok(true);
        }
        for name in &names {
            if self.can_be_item(&files::joined(path, name), depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an item is in a folder at the end of the message, or what can be one. A file that is none does
    /// not keep the folder from being deleted: it stays where it is.
    pub(super) fn holds_anything(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        let Some(tree) = self.tree.as_ref().filter(|_| self.is_folder(luid)) else {
            return Ok(false);
        };
        let goes = |luid: &str| matches!(self.staged.get(luid), Some(super::Staged::Removed));
        let all = tree.placed.keys().filter(|one| tree.there(one).is_some());
        let all = all.chain(tree.planned.keys());
        let inside: Vec<String> = all
            .filter(|one| !goes(one) && tree.parent(one) == Some(luid))
            .cloned()
            .collect();
        for one in inside {
            let path = self.path(&one).filter(|_| !self.is_folder(&one));
            let is_item = match path {
                Some(path) => self.state.is_told(&one)? || self.can_be_item(&path, 0)?,
                None => true,
            };
            if is_item {
                return Ok(true);
            }
        }
        let Some(tree) = &self.tree else {
            return Ok(false);
        };
        let Some(path) = tree.path(luid) else {
            return Ok(false);
        };
        let placed = tree.placed.values().map(|placed| &placed.spot);
        let items: BTreeSet<&String> = placed
            .filter(|spot| spot.parent.as_deref() == Some(luid))
            .map(|spot| &spot.name)
            .collect();
        for name in self.folder.list(&path)? {
            if !items.contains(&name) && self.can_be_item(&files::joined(&path, &name), 0)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The print of a folder, which is that of its object.
pub(super) fn print_of(object: &[u8]) -> Print {
    Print {
        stat: Stat {
            size: i64::try_from(object.len()).unwrap_or(i64::MAX),
            modified_ns: 0,
        },
        hash: files::hash_of(object),
        read_ns: files::now_ns(),
    }
}

#[cfg(test)]
mod tests;
