//! Items whose folder goes, or does not come: a client may delete a folder that something is in, put
//! something into one that was deleted here, or name one that it never sends.
//!
//! Nothing is ever in a folder that is not there: the folder comes back, or the item is at the root,
//! and a client that has it otherwise is told.
//!
//! Items that wait for their folders outlast their session: a client that was cut off has had the status
//! of an item whose folder is still to come, and will not say again where it is. They wait, with the
//! link, until the client has once said all its changes or begins to say all its items anew. So do
//! folders that it deleted before what is in them.

use pim::media::is_folder;
use serde::{Deserialize, Serialize};

use super::Run;
use super::state::{DatastoreState, Kept, Login, Orphan};
use super::tree::MAX_DEPTH;
use crate::store::{Content, Guid, Link, LinkId, Mapping, Origin, StoreError};

/// Items that may wait for their folders at a time, of one datastore; and as many folders that may
/// wait for being empty.
const MAX_ORPHANS: usize = 1000;

/// Items of a folder that are looked at to say whether all of them go.
const MAX_CHILDREN: usize = 500;

/// What of a device waits, as its link keeps it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Waiting {
    /// Until the client has said all its changes.
    orphans: Vec<Orphan>,
    /// As long.
    kept: Vec<Kept>,
}

impl Waiting {
    fn of(link: &Link) -> Self {
        serde_json::from_str(&link.orphans).unwrap_or_default()
    }

    fn written(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        // plain texts and numbers always serialize
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Run<'_> {
    /// The client has deleted a folder that something is in (status 427). Some clients go on to delete
    /// that, and some take the folder for gone; so it is not the client's any more, and comes back to it
    /// unless it is empty when all changes of the client are in. One folder too many to be remembered
    /// comes back even if it is empty.
    pub(super) fn keep_folder(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
    ) -> Result<(), StoreError> {
        self.tell_place(link, guid)?;
        // telling its place is a change of it, too
        let Some(folder) = self.tx.item(link.datastore, guid)? else {
            return Ok(());
        };
        let kept = &mut self.state.kept_folders;
        let own = kept.iter().filter(|one| one.datastore == ds.number);
        if own.count() < MAX_ORPHANS {
            kept.push(Kept {
                datastore: ds.number,
                guid: guid.0,
                seq: folder.seq.0,
            });
        }
        Ok(())
    }

    /// The client's changes are in: folders that it deleted go if nothing is in them any more, and of
    /// what waits for its folder in vain it is told where it is.
    // spec: M07
    pub(super) fn settle_folders(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
    ) -> Result<(), StoreError> {
        let kept = std::mem::take(&mut self.state.kept_folders);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|one| one.datastore == ds.number);
        self.state.kept_folders = elsewhere;
        // what is in a folder was deleted after it
        for folder in here.into_iter().rev() {
            self.delete_if_empty(ds, link, folder)?;
        }
        let waiting: Vec<i64> = self
            .state
            .orphans
            .iter()
            .filter(|orphan| orphan.datastore == ds.number)
            .map(|orphan| orphan.guid)
            .collect();
        if !waiting.is_empty() {
            self.warn(format!(
                "{}: {} items name folders that never came, they stay where they are",
                ds.name,
                waiting.len()
            ));
        }
        for guid in waiting {
            self.tell_place(link, Guid(guid))?;
        }
        self.state
            .orphans
            .retain(|orphan| orphan.datastore != ds.number);
        Ok(())
    }

    /// Deletes a folder that the client has deleted before what was in it, and has not got back, unless
    /// it was changed here meanwhile.
    fn delete_if_empty(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        folder: Kept,
    ) -> Result<(), StoreError> {
        let guid = Guid(folder.guid);
        let is_back = self
            .tx
            .mapping_of(link, guid)?
            .is_some_and(|mapping| mapping.generation == ds.generation);
        let item = self.tx.item(link.datastore, guid)?;
        let is_same = item.is_some_and(|item| !item.deleted && item.seq.0 == folder.seq);
        if is_back
            || !is_same
            || !self.tx.children(link.datastore, guid, 1)?.is_empty()
            || self.withholds(ds, link, guid, None)?
        {
            return Ok(());
        }
        let device = self.state.device.clone();
        let origin = Origin::Session(&device);
        let now = self.request.now;
        self.tx.delete_item(link.datastore, guid, origin, now)?;
        Ok(())
    }

    /// Whether a refresh from a client that did not send an item leaves it: a folder that something is
    /// in, and all folders where the client knows of none; and what the client could not hold.
    pub(super) fn outlives_refresh(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
    ) -> Result<bool, StoreError> {
        if !ds.kind().is_hierarchical() {
            return self.never_had(ds, link.datastore, guid);
        }
        let children = self.tx.children(link.datastore, guid, MAX_CHILDREN)?;
        if children.len() == MAX_CHILDREN {
            return Ok(true);
        }
        // where the deletions of all that is in it wait for a decision, so does its own
        for child in children {
            if !self.is_to_go(link, child)? {
                return Ok(true);
            }
        }
        let item = self.tx.item(link.datastore, guid)?;
        Ok(!self.tells_folders(ds) && item.is_some_and(|item| is_folder(&item.media_type)))
    }

    /// Whether the client's deletion of an item waits for a decision.
    fn is_to_go(&mut self, link: LinkId, guid: Guid) -> Result<bool, StoreError> {
        let Some(change) = self.tx.withheld(link, guid)? else {
            return Ok(false);
        };
        let item = self.tx.item(link.datastore, guid)?;
        let is_untouched = item.is_some_and(|item| item.content_seq == change.seq);
        Ok(change.replacement.is_none() && is_untouched)
    }

    /// A folder was deleted here, and the client has it still and something new in it: it comes back,
    /// and so do the folders that it was in, as far as the client has them.
    pub(super) fn revive(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        folder: Guid,
    ) -> Result<(), StoreError> {
        let mut at = Some(folder);
        let mut inside = None;
        for _ in 0..MAX_DEPTH {
            let held = match at {
                Some(guid) => self.tx.item(link.datastore, guid)?,
                None => None,
            };
            let mapping = match at {
                Some(guid) => self.tx.mapping_of(link, guid)?,
                None => None,
            };
            let mapping = mapping.filter(|mapping| mapping.generation == ds.generation);
            let is_live = held.as_ref().is_some_and(|item| !item.deleted);
            let (Some(item), Some(mapping), false) = (held, mapping, is_live) else {
                if let (Some(inside), false) = (inside, is_live || at.is_none()) {
                    self.move_and_keep(ds, link, inside, None)?;
                }
                return Ok(());
            };
            let content = Content::new(&item.media_type, &item.content);
            let device = self.state.device.clone();
            let revision = self.tx.replace_item(
                link.datastore,
                item.guid,
                content,
                Origin::Session(&device),
                self.request.now,
            )?;
            // the device's may be an older one, or elsewhere
            let mapping = Mapping {
                revision,
                ..mapping
            };
            self.doubt(link, &mapping)?;
            inside = Some(item.guid);
            at = item.parent;
        }
        Ok(())
    }

    /// An item waits for its folder to come. One too many stays where it is, and the client is told.
    pub(super) fn wait_for(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
        folder: &str,
    ) -> Result<(), StoreError> {
        self.place_is_known(ds, guid);
        if self.waiting_in(ds) < MAX_ORPHANS && super::bounds::is_fit(folder) {
            self.state.orphans.push(Orphan {
                datastore: ds.number,
                guid: guid.0,
                folder: folder.to_owned(),
            });
            return Ok(());
        }
        self.warn(format!(
            "{}: too many items wait for their folders, item {} stays where it is",
            ds.name, guid.0
        ));
        self.tell_place(link, guid)
    }

    fn waiting_in(&self, ds: &DatastoreState) -> usize {
        let all = self.state.orphans.iter();
        all.filter(|one| one.datastore == ds.number).count()
    }

    /// Puts what waited for a folder into it.
    pub(super) fn adopt(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        folder: Guid,
    ) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.state.orphans);
        let (here, elsewhere) = waiting
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.datastore == ds.number && one.folder == luid);
        self.state.orphans = elsewhere;
        for orphan in here {
            if let Some(mapping) = self.tx.mapping_of(link, Guid(orphan.guid))? {
                self.move_to(ds, link, &mapping, Some(folder))?;
            }
        }
        Ok(())
    }

    /// What has come back, and its folder has not, is at the root.
    pub(super) fn leave_dead_folder(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
    ) -> Result<(), StoreError> {
        let item = self.tx.item(link.datastore, mapping.guid)?;
        let folder = match item.and_then(|item| item.parent) {
            Some(folder) => self.tx.item(link.datastore, folder)?,
            None => return Ok(()),
        };
        if folder.is_none_or(|folder| folder.deleted) {
            self.move_to(ds, link, mapping, None)?;
        }
        Ok(())
    }

    /// The client has an item in another folder than we have, and is told of ours: that it is there
    /// counts as a change.
    pub(super) fn tell_place(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        if let Some(item) = self.tx.item(link.datastore, guid)?
            && !item.deleted
        {
            self.tx
                .move_item(link.datastore, guid, item.parent, self.request.now)?;
        }
        Ok(())
    }

    /// Moves an item of which the client knows where it is.
    fn move_and_keep(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
        parent: Option<Guid>,
    ) -> Result<(), StoreError> {
        if let Some(mapping) = self.tx.mapping_of(link, guid)? {
            self.move_to(ds, link, &mapping, parent)?;
        }
        Ok(())
    }

    /// An item waits for no folder any more.
    pub(super) fn place_is_known(&mut self, ds: &DatastoreState, guid: Guid) {
        let is_it = |orphan: &Orphan| orphan.datastore == ds.number && orphan.guid == guid.0;
        self.state.orphans.retain(|orphan| !is_it(orphan));
    }

    /// What the sessions before have left waiting waits in this one.
    // spec: M01
    pub(super) fn wait_again(&mut self, ds: &DatastoreState, link: &Link, is_resumed: bool) {
        if !ds.takes() || (ds.renews_map() && !is_resumed) {
            return;
        }
        let before = Waiting::of(link);
        self.state.orphans.extend(before.orphans);
        self.state.kept_folders.extend(before.kept);
    }

    /// Writes down what waits now, at the end of a message.
    pub(super) fn keep_waiting(&mut self, login: &Login) -> Result<(), StoreError> {
        let may_wait = |ds: &&DatastoreState| ds.kind().is_hierarchical() && ds.begun && ds.takes();
        let datastores = self.state.datastores.iter();
        let open: Vec<DatastoreState> = datastores.filter(may_wait).cloned().collect();
        for ds in open {
            let id = ds.link(login);
            let Some(mut link) = self.tx.link(id)? else {
                continue;
            };
            let orphans = self.state.orphans.iter();
            let kept = self.state.kept_folders.iter();
            let written = Waiting {
                orphans: orphans
                    .filter(|one| one.datastore == ds.number)
                    .cloned()
                    .collect(),
                kept: kept
                    .filter(|one| one.datastore == ds.number)
                    .copied()
                    .collect(),
            }
            .written();
            if link.orphans != written {
                link.orphans = written;
                self.tx.put_link(id, &link)?;
            }
        }
        Ok(())
    }
}
