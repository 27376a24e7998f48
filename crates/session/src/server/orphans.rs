//! Items whose folder goes, or does not come: a client may delete a folder that something is in, put
//! something into one that was deleted here, or name one that it never sends.
//!
//! Nothing is ever in a folder that is not there: the folder comes back, or the item is at the root,
//! and a client that has it otherwise is told.
//!
//! Items that wait for their folders outlast their session: a client that was cut off has had the status
//! of an item whose folder is still to come, and will not say again where it is. They wait, with the
//! link, until the client has once said all its changes or begins to say all its items anew.

use super::Run;
use super::state::{DatastoreState, Login, Orphan};
use super::tree::{MAX_DEPTH, is_folder};
use crate::store::{Content, Guid, Link, LinkId, Mapping, Origin, StoreError};

/// Items that may wait for their folders at a time.
const MAX_ORPHANS: usize = 1000;

impl Run<'_> {
    /// The client wants to delete a folder that something is in. It may delete that later.
    pub(super) fn keep_folder(&mut self, ds: &DatastoreState, guid: Guid) {
        if self.state.kept_folders.len() < MAX_ORPHANS {
            self.state.kept_folders.push((ds.number, guid.0));
        }
    }

    /// The client's changes are in: folders that it deleted and that something is in still come back
    /// to it, and of what waits for its folder in vain it is told where it is.
    // spec: M07
    pub(super) fn settle_folders(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
    ) -> Result<(), StoreError> {
        let kept = std::mem::take(&mut self.state.kept_folders);
        let (here, elsewhere) = kept
            .into_iter()
            .partition(|(number, _)| *number == ds.number);
        self.state.kept_folders = elsewhere;
        let here: Vec<(i64, i64)> = here;
        for (_, guid) in here {
            let guid = Guid(guid);
            if !self.tx.children(link.datastore, guid, 1)?.is_empty() {
                self.tx.remove_mapping(link, guid)?;
                self.tell_place(link, guid)?;
            }
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

    /// Whether a refresh from a client that did not send an item leaves it: a folder that something is
    /// in, and all folders where the client knows of none.
    pub(super) fn outlives_refresh(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
    ) -> Result<bool, StoreError> {
        if !ds.kind().is_hierarchical() {
            return Ok(false);
        }
        if !self.tx.children(link.datastore, guid, 1)?.is_empty() {
            return Ok(true);
        }
        let item = self.tx.item(link.datastore, guid)?;
        Ok(!self.tells_folders(ds) && item.is_some_and(|item| is_folder(&item.media_type)))
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
            let content = Content {
                media_type: &item.media_type,
                bytes: &item.content,
                fingerprint: pim::fingerprint(&item.media_type, &item.content),
            };
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

    pub(super) fn wait_for(&mut self, ds: &DatastoreState, guid: Guid, folder: &str) {
        self.place_is_known(ds, guid);
        let orphans = &mut self.state.orphans;
        if orphans.len() < MAX_ORPHANS && super::bounds::is_fit(folder) {
            orphans.push(Orphan {
                datastore: ds.number,
                guid: guid.0,
                folder: folder.to_owned(),
            });
        } else {
            self.warn(format!(
                "{}: too many items wait for their folders",
                ds.name
            ));
        }
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

    /// Items that the sessions before have left waiting wait in this one.
    // spec: M01
    pub(super) fn wait_again(&mut self, ds: &DatastoreState, link: &Link, is_resumed: bool) {
        if !ds.takes() || (ds.renews_map() && !is_resumed) {
            return;
        }
        let before: Vec<Orphan> = serde_json::from_str(&link.orphans).unwrap_or_default();
        let room = MAX_ORPHANS.saturating_sub(self.state.orphans.len());
        let own = before.into_iter().filter(|one| one.datastore == ds.number);
        self.state.orphans.extend(own.take(room));
    }

    /// Writes down what waits now, at the end of a message.
    pub(super) fn keep_orphans(&mut self, login: &Login) -> Result<(), StoreError> {
        let waits = |ds: &&DatastoreState| ds.kind().is_hierarchical() && ds.begun && ds.takes();
        let open: Vec<DatastoreState> = self
            .state
            .datastores
            .iter()
            .filter(waits)
            .cloned()
            .collect();
        for ds in open {
            let id = ds.link(login);
            let Some(mut link) = self.tx.link(id)? else {
                continue;
            };
            let all = self.state.orphans.iter();
            let own: Vec<&Orphan> = all.filter(|one| one.datastore == ds.number).collect();
            let written = if own.is_empty() {
                String::new()
            } else {
                // plain texts and numbers always serialize
                serde_json::to_string(&own).unwrap_or_default()
            };
            if link.orphans != written {
                link.orphans = written;
                self.tx.put_link(id, &link)?;
            }
        }
        Ok(())
    }
}
