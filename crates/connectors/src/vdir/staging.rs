//! What a message does to files: staged as it comes, and done together at the message's end.
//!
//! New content lies in temporary files until then. What is to happen is written down before the first file
//! is touched, so that a crash in the middle is completed when the folder is opened again. Items are put
//! to their new places first, folders before what is in them; then come contents, and deletions last, the
//! other way round. So no step needs what a later one brings, and each can be recognized as done.

use std::collections::{BTreeMap, BTreeSet};

use session::client::ReplicaError;

use super::files::{self, Print};
use super::state::Intent;
use super::tree::{ELSEWHERE, Placed, Tree};
use super::{Agreed, Vdir, object};

/// What an Atomic can change beside the memory.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) staged: BTreeMap<String, Staged>,
    pub(super) given: BTreeMap<String, Option<Agreed>>,
    pub(super) tree: Option<Tree>,
}

/// What is to happen to a file or subfolder.
#[derive(Debug, Clone)]
pub(super) enum Staged {
    /// A temporary file takes its place.
    Written {
        /// Its name.
        temporary: String,
        /// With what its head is.
        print: Print,
        /// The GUID of a new item.
        guid: Option<String>,
        /// What its object says beside the content.
        head: Option<String>,
    },
    /// It is a folder that says this of itself.
    Folder {
        object: Vec<u8>,
        print: Print,
        /// The GUID of a new item.
        guid: Option<String>,
    },
    /// It goes.
    Removed,
}

impl Staged {
    /// The GUID of a new item.
    pub(super) fn guid(&self) -> Option<&str> {
        match self {
            Self::Written { guid, .. } | Self::Folder { guid, .. } => guid.as_deref(),
            Self::Removed => None,
        }
    }

    /// What the item is at the end of the message.
    pub(super) fn print(&self) -> Option<Print> {
        match self {
            Self::Written { print, .. } | Self::Folder { print, .. } => Some(*print),
            Self::Removed => None,
        }
    }
}

/// All that a message does, on its way from the intention to the memory.
#[derive(Debug)]
pub(super) struct Batch {
    /// Folders before what is in them.
    intents: Vec<Intent>,
    staged: BTreeMap<String, Staged>,
    /// What is at its new place.
    arrived: BTreeSet<String>,
    pub(super) steps: Vec<Step>,
}

/// One step on the disk, for the intent of this number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// It comes to its new place; a new folder is made.
    Relocate(usize),
    /// Its temporary file takes its place.
    Place(usize),
    /// It goes.
    Remove(usize),
}

impl Batch {
    fn new(intents: Vec<Intent>, staged: BTreeMap<String, Staged>) -> Self {
        let numbers = |does: fn(&Intent) -> bool| {
            let all = intents.iter().enumerate();
            all.filter(move |(_, intent)| does(intent))
                .map(|(number, _)| number)
        };
        let moved = numbers(|intent| intent.spot.is_some()).map(Step::Relocate);
        let written = numbers(|intent| !intent.temporary.is_empty()).map(Step::Place);
        let removed: Vec<usize> = numbers(Intent::is_removal).collect();
        let removed = removed.into_iter().rev().map(Step::Remove);
        Self {
            steps: moved.chain(written).chain(removed).collect(),
            intents,
            staged,
            arrived: BTreeSet::new(),
        }
    }
}

impl Vdir {
    /// Takes over what a crash left between a file and the memory, and does what it kept from being done:
    /// what a message brings is done as a whole. What cannot be done is left, as where a person was here
    /// meanwhile: the server was not told that it is done, and sends it again.
    // spec: R12
    pub(super) fn adopt(&mut self) -> Result<(), ReplicaError> {
        let mut intents = self.state.intents()?;
        self.sort(&mut intents);
        let mut batch = Batch::new(intents, BTreeMap::new());
        for step in batch.steps.clone() {
            if let Step::Relocate(_) = step {
                self.perform(&mut batch, step).unwrap_or_default();
            }
        }
        let (removals, others): (Vec<Intent>, Vec<Intent>) =
            batch.intents.into_iter().partition(Intent::is_removal);
        for intent in &others {
            self.adopt_one(intent)?;
            if batch.arrived.contains(&intent.luid) {
                let parent = self.parent_text(&intent.luid);
                self.state.know_parent(&intent.luid, &parent)?;
            }
            self.keep_place(&intent.luid)?;
        }
        for intent in removals.iter().rev() {
            self.adopt_removal(&intent.luid)?;
        }
        self.folder.flush()?;
        self.state.clear_intents()?;
        self.state.commit()
    }

    fn adopt_one(&mut self, intent: &Intent) -> Result<(), ReplicaError> {
        let Some(hash) = intent.hash else {
            return Ok(());
        };
        if intent.object.is_some() {
            return self.adopt_folder(intent);
        }
        let Some(path) = self.path(&intent.luid) else {
            return Ok(());
        };
        let Ok(there) = self.print_there(&intent.luid) else {
            return Ok(());
        };
        let is_as_agreed = self.is_as_agreed(&intent.luid, there.as_ref())?;
        // what it says beside its content is still as it was
        let there = there.map(|print| self.with_head_of(intent, print));
        match there {
            Some(print) if print.hash == hash => self.adopted(intent, &print),
            _ if is_as_agreed => {
                // without its temporary file the server will send the item again
                match self.staged_print(intent)? {
                    Some(print) if self.folder.place(&intent.temporary, &path).is_ok() => {
                        self.adopted(intent, &print)
                    }
                    _ => Ok(()),
                }
            }
            // a person has edited the new item since: their edit is a change of it
            Some(print) if intent.guid.is_some() => {
                // with a time that no file has: its content has to be looked at
                let unlike = Print {
                    hash,
                    read_ns: 0,
                    ..print
                };
                self.adopted(intent, &unlike)
            }
            // a person was here meanwhile; the server will send the item again
            _ => Ok(()),
        }
    }

    /// The print that a file has with the head that is intended for it.
    fn with_head_of(&self, intent: &Intent, print: Print) -> Print {
        let now = object::hash_of(self.head_there(&intent.luid));
        let hash = print.hash ^ now ^ object::hash_of(intent.head.as_deref());
        Print { hash, ..print }
    }

    /// The print of the temporary file of an intent, if it is there.
    fn staged_print(&self, intent: &Intent) -> Result<Option<Print>, ReplicaError> {
        let Some(hash) = intent.hash else {
            return Ok(None);
        };
        let head = object::hash_of(intent.head.as_deref());
        let staged = self.folder.staged(&intent.temporary, hash ^ head)?;
        Ok(staged.map(|print| Print { hash, ..print }))
    }

    fn adopt_folder(&mut self, intent: &Intent) -> Result<(), ReplicaError> {
        let Some(object) = &intent.object else {
            return Ok(());
        };
        if self.object_there(&intent.luid).is_none() {
            return Ok(());
        }
        self.set_object(&intent.luid, object);
        self.adopted(intent, &super::tree::print_of(object))
    }

    fn adopt_removal(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let Ok(there) = self.print_there(luid) else {
            return Ok(());
        };
        if there.is_some() && !self.is_as_agreed(luid, there.as_ref())? {
            // a person was here meanwhile; the server will send it again
            return Ok(());
        }
        match self.take_away(luid) {
            Ok(()) => self.forget(luid),
            Err(_) => Ok(()),
        }
    }

    fn adopted(&mut self, intent: &Intent, print: &Print) -> Result<(), ReplicaError> {
        self.set_head(&intent.luid, intent.head.as_deref())?;
        self.agree(&intent.luid, print)?;
        match &intent.guid {
            Some(guid) => self.state.remember_guid(guid, &intent.luid),
            None => Ok(()),
        }
    }

    /// Both sides agree on an item as it is; on where it is, if it is new.
    fn agree(&mut self, luid: &str, print: &Print) -> Result<(), ReplicaError> {
        let parent = match self.state.known_one(luid)? {
            // that a person has moved it may have to be told yet
            Some(known) => known.parent,
            None => self.parent_text(luid),
        };
        self.state.know(luid, print, &parent)
    }

    /// Forgets an item that went.
    pub(super) fn forget(&mut self, luid: &str) -> Result<(), ReplicaError> {
        if let Some(tree) = &mut self.tree {
            tree.remove(luid);
            self.state.unplace(luid)?;
        }
        self.state.settle(luid)?;
        self.state.forget(luid)
    }

    fn set_object(&mut self, luid: &str, object: &[u8]) {
        let placed = self
            .tree
            .as_mut()
            .and_then(|tree| tree.placed.get_mut(luid));
        if let Some(placed) = placed {
            placed.object = Some(object.to_vec());
        }
    }

    /// Remembers where an item is on the disk.
    fn keep_place(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let Some(tree) = &mut self.tree else {
            return Ok(());
        };
        let id = tree.path(luid).and_then(|path| self.folder.id(&path));
        match tree.placed.get_mut(luid) {
            Some(placed) => {
                // what a person has taken away meanwhile can still be found
                placed.id = id.or(placed.id);
                self.state.place(luid, placed)
            }
            None => Ok(()),
        }
    }

    /// Stages new content for a file.
    pub(super) fn write(
        &mut self,
        luid: &str,
        guid: Option<&str>,
        head: Option<String>,
        content: &[u8],
    ) -> Result<(), ReplicaError> {
        self.take_room(luid, content.len() as u64)?;
        self.check_writable(luid)?;
        self.meet(luid)?;
        let (temporary, print) = self.folder.stage(self.temporaries, content)?;
        self.temporaries += 1;
        let hash = print.hash ^ object::hash_of(head.as_deref());
        let staged = Staged::Written {
            temporary,
            print: Print { hash, ..print },
            guid: self.guid_of(luid, guid),
            head,
        };
        self.stage(luid, staged)
    }

    /// Stages the object of a folder, new or not.
    pub(super) fn write_folder(
        &mut self,
        luid: &str,
        guid: Option<&str>,
        object: &[u8],
    ) -> Result<(), ReplicaError> {
        let staged = Staged::Folder {
            object: object.to_vec(),
            print: super::tree::print_of(object),
            guid: self.guid_of(luid, guid),
        };
        self.stage(luid, staged)
    }

    fn guid_of(&self, luid: &str, guid: Option<&str>) -> Option<String> {
        let staged = self.staged.get(luid).and_then(Staged::guid);
        guid.or(staged).map(str::to_owned)
    }

    fn stage(&mut self, luid: &str, staged: Staged) -> Result<(), ReplicaError> {
        self.staged.insert(luid.to_owned(), staged);
        self.given.remove(luid);
        if self.tree.is_none() {
            // of folders the server need not have said where it has the item
            self.state.settle(luid)?;
        }
        self.state.end_release(luid).map(|_| ())
    }

    pub(super) fn remove(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.check_writable(luid)?;
        if !self.is_folder(luid) {
            self.meet(luid)?;
        }
        self.used = None;
        if let Some(tree) = &mut self.tree {
            tree.planned.remove(luid);
        }
        self.staged.insert(luid.to_owned(), Staged::Removed);
        self.given.remove(luid);
        Ok(())
    }

    /// Refuses the change of an item whose folder takes none, while that can still be said of the item
    /// alone.
    fn check_writable(&self, luid: &str) -> Result<(), ReplicaError> {
        match self.path(luid) {
            Some(path) => self.folder.check_writable(&path),
            None => Ok(()),
        }
    }

    /// Remembers how a file is that something is to happen to.
    pub(super) fn meet(&mut self, luid: &str) -> Result<(), ReplicaError> {
        if !self.met.contains_key(luid) {
            let stat = self.stat(luid)?;
            self.met.insert(luid.to_owned(), stat);
        }
        Ok(())
    }

    /// Leaves alone what a person has done to files since something was staged for them: a version that
    /// was to be replaced stays beside the new one, one that was to go stays, and a name that is taken
    /// now is not given.
    fn spare(&mut self) -> Result<(), ReplicaError> {
        for (luid, before) in std::mem::take(&mut self.met) {
            if self.stat(&luid)? == before {
                continue;
            }
            match self.staged.get(&luid) {
                Some(Staged::Removed) => drop(self.staged.remove(&luid)),
                Some(Staged::Written { .. }) => self.set_aside(&luid)?,
                Some(Staged::Folder { .. }) | None => {}
            }
        }
        let planned = self.tree.as_ref().map(|tree| tree.planned.clone());
        for (luid, spot) in planned.unwrap_or_default() {
            let tree = self.tree.as_ref();
            let path = tree.and_then(|tree| tree.path_at(&spot));
            let is_own = path == self.path(&luid);
            if !is_own && path.is_some_and(|path| self.is_in_the_way(&luid, &path)) {
                self.plan(&luid, spot.parent.as_deref(), &spot.name)?;
            }
        }
        Ok(())
    }

    /// Plans a place for an item, under a name that is free.
    pub(super) fn plan(
        &mut self,
        luid: &str,
        parent: Option<&str>,
        name: &str,
    ) -> Result<(), ReplicaError> {
        let spot = match self.recased(luid, parent, name) {
            Some(spot) => spot,
            None => self.free_spot(luid, parent, name)?,
        };
        if let Some(tree) = &mut self.tree {
            if spot.name == name {
                tree.wanted.remove(luid);
            } else {
                tree.wanted.insert(luid.to_owned(), name.to_owned());
            }
            tree.plan(luid, spot);
        }
        self.given.remove(luid);
        Ok(())
    }

    /// Makes a copy of a file as it is now, an item of its own.
    pub(super) fn set_aside(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let Some(path) = self.path(luid) else {
            return Ok(());
        };
        let Some((print, content)) = self.folder.read(&path)? else {
            return Ok(());
        };
        let (folder, name) = match path.rfind('/') {
            Some(slash) => path.split_at(slash + 1),
            None => ("", path.as_str()),
        };
        let (stem, extension) = files::split_name(name);
        // the same name for the same content: it is made once
        let stem = files::stem_of(stem);
        let path = format!("{folder}{stem}-{:016x}{extension}", print.hash);
        if self.folder.stat(&path)?.is_none() {
            let (temporary, _) = self.folder.stage(self.temporaries, &content)?;
            self.temporaries += 1;
            self.folder.flush_file(&temporary)?;
            self.folder.place(&temporary, &path)?;
            self.folder.flush()?;
        }
        Ok(())
    }

    /// Does what is staged: written down first, so that a crash in between is recognized, then
    /// done, then remembered. Files are flushed together, which costs little more than one.
    // spec: R12
    pub(super) fn carry_out(&mut self) -> Result<(), ReplicaError> {
        self.carry_out_once()?;
        // a name may have become free by it
        self.plan_wanted();
        self.carry_out_once()
    }

    fn carry_out_once(&mut self) -> Result<(), ReplicaError> {
        let Some(mut batch) = self.prepare()? else {
            return Ok(());
        };
        for step in batch.steps.clone() {
            self.perform(&mut batch, step)?;
        }
        let has_no_place = |one: &&Intent| one.object.is_some() && self.path(&one.luid).is_none();
        if let Some(intent) = batch.intents.iter().find(has_no_place) {
            return Err(no_place(&intent.luid));
        }
        self.folder.flush()?;
        for intent in &batch.intents {
            self.remember(&batch, intent)?;
        }
        self.remember_misplaced()?;
        self.state.clear_intents()?;
        self.state.commit()
    }

    /// Writes down what is staged, durably; nothing where nothing is.
    pub(super) fn prepare(&mut self) -> Result<Option<Batch>, ReplicaError> {
        self.used = None;
        self.spare()?;
        let intents = self.intents();
        if intents.is_empty() {
            self.remember_misplaced()?;
            return Ok(None);
        }
        let staged = std::mem::take(&mut self.staged);
        if let Some(tree) = &mut self.tree {
            tree.planned.clear();
        }
        self.temporaries = 0;
        for change in staged.values() {
            if let Staged::Written { temporary, .. } = change {
                self.folder.flush_file(temporary)?;
            }
        }
        for intent in &intents {
            self.state.intend(intent)?;
        }
        self.state.commit()?;
        Ok(Some(Batch::new(intents, staged)))
    }

    /// What has to be written down before it is done, folders before what is in them.
    fn intents(&self) -> Vec<Intent> {
        let none = BTreeMap::new();
        let planned = self.tree.as_ref().map_or(&none, |tree| &tree.planned);
        let luids: BTreeSet<&String> = self.staged.keys().chain(planned.keys()).collect();
        let intent = |luid: &String| {
            let staged = self.staged.get(luid);
            let (temporary, object) = match staged {
                Some(Staged::Written { temporary, .. }) => (temporary.clone(), None),
                Some(Staged::Folder { object, .. }) => (String::new(), Some(object.clone())),
                Some(Staged::Removed) | None => (String::new(), None),
            };
            Intent {
                luid: luid.clone(),
                guid: staged.and_then(Staged::guid).map(str::to_owned),
                hash: staged.and_then(Staged::print).map(|print| print.hash),
                temporary,
                spot: planned.get(luid).cloned(),
                object,
                head: match staged {
                    Some(Staged::Written { head, .. }) => head.clone(),
                    _ => None,
                },
            }
        };
        let mut intents: Vec<Intent> = luids.into_iter().map(intent).collect();
        if let Some(tree) = &self.tree {
            intents.sort_by_cached_key(|intent| tree.depth(&intent.luid));
        }
        intents
    }

    /// Brings intents that were written down into their order.
    fn sort(&mut self, intents: &mut [Intent]) {
        let Some(tree) = &mut self.tree else {
            return;
        };
        let spots = intents
            .iter()
            .filter_map(|one| Some((one.luid.clone(), one.spot.clone()?)));
        for (luid, spot) in spots {
            tree.plan(&luid, spot);
        }
        intents.sort_by_cached_key(|intent| tree.depth(&intent.luid));
        // their names stay taken
        tree.planned.clear();
    }

    /// Does one step.
    pub(super) fn perform(&mut self, batch: &mut Batch, step: Step) -> Result<(), ReplicaError> {
        match step {
            Step::Relocate(number) => {
                let Some(intent) = batch.intents.get_mut(number) else {
                    return Ok(());
                };
                self.evade(intent)?;
                if self.relocate(intent)? {
                    batch.arrived.insert(intent.luid.clone());
                }
                Ok(())
            }
            Step::Place(number) => match batch.intents.get(number) {
                Some(Intent {
                    luid, temporary, ..
                }) => match self.path(luid) {
                    Some(path) => self.folder.place(temporary, &path),
                    None => Err(no_place(luid)),
                },
                None => Ok(()),
            },
            Step::Remove(number) => match batch.intents.get(number) {
                Some(intent) => self.take_away(&intent.luid),
                None => Ok(()),
            },
        }
    }

    /// Gives a new file another name where a person has put something since its name was chosen: what is
    /// there is theirs. That is written down before the file is there, so that the two are never mistaken
    /// for each other.
    fn evade(&mut self, intent: &mut Intent) -> Result<(), ReplicaError> {
        let (Some(tree), Some(spot), Some(_)) = (&self.tree, &intent.spot, intent.hash) else {
            return Ok(());
        };
        let is_new = intent.object.is_none() && tree.path(&intent.luid).is_none();
        let is_taken = tree
            .path_at(spot)
            .is_some_and(|path| self.folder.exists(&path));
        // without its temporary file it is the new file that is there
        if !is_new || !is_taken || self.staged_print(intent)?.is_none() {
            return Ok(());
        }
        let free = self.free_spot(&intent.luid, spot.parent.as_deref(), &spot.name)?;
        intent.spot = Some(free);
        self.state.intend(intent)?;
        self.state.commit()
    }

    /// Puts an item to its new place, and makes it where it is a new folder; whether it is there then. That
    /// of a new file is taken as its place, for its content to come.
    fn relocate(&mut self, intent: &Intent) -> Result<bool, ReplicaError> {
        let (Some(tree), Some(spot)) = (&mut self.tree, &intent.spot) else {
            return Ok(false);
        };
        let Some(to) = tree.path_at(spot) else {
            return Ok(false);
        };
        let is_there = match tree.path(&intent.luid) {
            Some(from) if from == to => true,
            // what cannot be moved is where it is: a change of ours
            Some(from) => self.folder.relocate(&from, &to).unwrap_or(false),
            None if intent.object.is_some() => self.folder.make_folder(&to)?,
            None => true,
        };
        if is_there {
            let before = tree.placed.get(&intent.luid);
            let held = before.and_then(|placed| placed.object.clone());
            let head = match before {
                Some(placed) => placed.head.clone(),
                None => intent.head.clone(),
            };
            let placed = Placed {
                spot: spot.clone(),
                id: None,
                object: held.or_else(|| intent.object.clone()),
                head,
            };
            tree.put(&intent.luid, placed);
        }
        Ok(is_there)
    }

    /// Takes a file away, or a folder that nothing is in.
    pub(super) fn take_away(&mut self, luid: &str) -> Result<(), ReplicaError> {
        match self.path(luid) {
            Some(path) if self.is_folder_there(luid) => self.folder.remove_folder(&path),
            Some(path) => self.folder.remove(&path),
            None => Ok(()),
        }
    }

    /// Remembers what was done to an item.
    fn remember(&mut self, batch: &Batch, intent: &Intent) -> Result<(), ReplicaError> {
        let luid = &intent.luid;
        match batch.staged.get(luid) {
            Some(Staged::Removed) => return self.forget(luid),
            Some(Staged::Written {
                print, guid, head, ..
            }) => {
                self.set_head(luid, head.as_deref())?;
                self.agree(luid, print)?;
                self.remember_guid(guid.as_deref(), luid)?;
            }
            Some(Staged::Folder {
                object,
                print,
                guid,
            }) => {
                self.set_object(luid, object);
                self.agree(luid, print)?;
                self.remember_guid(guid.as_deref(), luid)?;
            }
            None => {}
        }
        if intent.spot.is_some() {
            let has_arrived = batch.arrived.contains(luid);
            let parent = if has_arrived {
                self.parent_text(luid)
            } else {
                ELSEWHERE.to_owned()
            };
            self.state.know_parent(luid, &parent)?;
        }
        self.keep_place(luid)
    }

    fn remember_guid(&mut self, guid: Option<&str>, luid: &str) -> Result<(), ReplicaError> {
        match guid {
            Some(guid) => self.state.remember_guid(guid, luid),
            None => Ok(()),
        }
    }

    /// Items that are not where the server has them are changes of ours.
    fn remember_misplaced(&mut self) -> Result<(), ReplicaError> {
        let misplaced = self
            .tree
            .as_mut()
            .map(|tree| std::mem::take(&mut tree.misplaced));
        for luid in misplaced.unwrap_or_default() {
            self.state.know_parent(&luid, ELSEWHERE)?;
        }
        Ok(())
    }
}

/// What is not there must not be remembered as if it were: it would be taken for deleted.
fn no_place(luid: &str) -> ReplicaError {
    ReplicaError::new(
        "an item of the server has no place here; a file may be in the way of its folder",
        luid,
    )
}
