//! Folders: items that are in one another (DS Protocol 1.2, hierarchical sync).
//!
//! An item of the client says its folder in the client's identifiers (`SourceParent`) or in ours
//! (`TargetParent`); what we send says it by the client's LUID where it has one, and else by the GUID
//! under which the folder was sent before. A folder may come after what is in it: its items wait at
//! the root until it does.

use pim::media::is_folder;
use syncml::{Item, StatusCode, Text, Version};

use super::Run;
use super::incoming::Whole;
use super::state::DatastoreState;
use crate::store::{ChangeSeq, Content, Guid, LinkId, Mapping, Origin, StoreError};

/// Folders in one another, at most.
pub(super) const MAX_DEPTH: usize = 64;

/// The address of the folder that all others are in.
pub(super) const ROOT: &str = "/";

/// The folder that an item of the client says it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folder<'f> {
    /// None is said.
    Unsaid,
    Root,
    /// In the client's identifiers.
    Luid(&'f str),
    /// In ours.
    Guid(&'f str),
}

impl<'f> Folder<'f> {
    pub(super) fn of(source_parent: Option<&'f str>, target_parent: Option<&'f str>) -> Self {
        let is_root = |uri: &str| matches!(uri, "" | ROOT | "./");
        match (source_parent.map(str::trim), target_parent.map(str::trim)) {
            (None, None) => Self::Unsaid,
            (Some(luid), _) if !is_root(luid) => Self::Luid(luid),
            (None, Some(guid)) if !is_root(guid) => Self::Guid(guid),
            _ => Self::Root,
        }
    }
}

/// A folder of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    At(Guid),
    Unknown,
}

/// How an item that is sent says its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// The client knows nothing of folders.
    Nothing,
    Root,
    /// By the client's LUID.
    Luid(String),
    /// By the GUID under which it was sent in this session.
    Guid(Guid),
    /// The client does not have it yet.
    Unsent(Guid),
}

impl Told {
    /// `max_size` is that of the GUIDs that the client keeps.
    pub(super) fn write<'i>(self, item: &mut Item<'i>, names_root: bool, max_size: Option<u64>) {
        let text = |text: String| -> Option<Text<'i>> { Some(text.into()) };
        match self {
            Self::Root if names_root => item.target_parent = Some(ROOT.into()),
            Self::Nothing | Self::Root | Self::Unsent(_) => {}
            Self::Luid(luid) => item.target_parent = text(luid),
            Self::Guid(guid) => {
                item.source_parent = super::guid::written(guid, max_size).and_then(text);
            }
        }
    }
}

impl Run<'_> {
    /// Whether the client may be told of folders.
    // spec: M08
    pub(super) fn tells_folders(&self, ds: &DatastoreState) -> bool {
        ds.knows_folders && self.state.version() >= Version::V1_2
    }

    /// Whether the client says that it knows folders, of a datastore that it has described.
    pub(super) fn says_folders(&self, ds: &DatastoreState) -> bool {
        let mut known = self.state.hierarchical.iter();
        ds.kind().is_hierarchical()
            && self.state.version() >= Version::V1_2
            && known.any(|uri| crate::uri::same_address(uri, &ds.source))
    }

    fn place_of(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        folder: Folder<'_>,
    ) -> Result<Place, StoreError> {
        let guid = match folder {
            Folder::Unsaid | Folder::Root => return Ok(Place::Root),
            Folder::Luid(luid) => self.current_mapping(ds, link, luid)?.map(|m| m.guid),
            Folder::Guid(text) => super::guid::read(text),
        };
        let Some(guid) = guid else {
            return Ok(Place::Unknown);
        };
        Ok(match self.tx.item(link.datastore, guid)? {
            Some(item) if !item.deleted => Place::At(guid),
            Some(item) if is_folder(&item.media_type) && !ds.read_only => {
                self.revive(ds, link, guid)?;
                Place::At(guid)
            }
            _ => Place::Unknown,
        })
    }

    /// Puts an item of the client, which was just taken, into its folder, and those that wait for it
    /// into it.
    // spec: M01 M09
    pub(super) fn put_into_folder(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        whole: &Whole<'_>,
    ) -> Result<(), StoreError> {
        if !ds.kind().is_hierarchical() {
            return Ok(());
        }
        let Some(mapping) = self.current_mapping(ds, link, whole.luid)? else {
            return Ok(());
        };
        if whole.folder != Folder::Unsaid {
            let place = self.place_of(ds, link, whole.folder)?;
            match (place, whole.folder) {
                (Place::Unknown, Folder::Luid(luid)) => {
                    self.wait_for(ds, link, mapping.guid, luid)?;
                }
                (Place::Unknown, _) => {
                    self.warn(format!("{}: an item names an unknown folder", ds.name));
                    self.tell_place(link, mapping.guid)?;
                }
                (Place::Root, _) => {
                    self.move_to(ds, link, &mapping, None)?;
                }
                (Place::At(parent), _) => {
                    if !self.move_to(ds, link, &mapping, Some(parent))? {
                        self.warn(format!("{}: an item names a folder inside of it", ds.name));
                        self.tell_place(link, mapping.guid)?;
                    }
                }
            }
        }
        if whole.folder == Folder::Unsaid && self.tells_folders(ds) {
            self.keep_folder_of(ds, link, mapping.guid)?;
        }
        self.leave_dead_folder(ds, link, &mapping)?;
        self.adopt(ds, link, whole.luid, mapping.guid)
    }

    /// An item of which the client says no folder is still where the client has it: a folder that went
    /// comes back for it.
    // spec: M09
    fn keep_folder_of(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
    ) -> Result<(), StoreError> {
        let item = self.tx.item(link.datastore, guid)?;
        match item.and_then(|item| item.parent) {
            Some(folder) if !ds.read_only => self.revive(ds, link, folder),
            _ => Ok(()),
        }
    }

    /// The item of which the client gives content and says no folder, if it was changed here since: it may
    /// have been moved, and once the content is taken nothing would tell the client of that.
    // spec: M05
    pub(super) fn changed_unheard(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        whole: &Whole<'_>,
    ) -> Result<Option<Guid>, StoreError> {
        if whole.folder != Folder::Unsaid || !ds.kind().is_hierarchical() || !self.tells_folders(ds)
        {
            return Ok(None);
        }
        let Some(mapping) = self.current_mapping(ds, link, whole.luid)? else {
            return Ok(None);
        };
        let item = self.tx.item(link.datastore, mapping.guid)?;
        // one that was deleted comes back to where it was last
        let is_changed = item.is_some_and(|item| item.seq > mapping.revision);
        Ok(is_changed.then_some(mapping.guid))
    }

    /// Moves an item; `false` where the folder is the item itself or inside of it.
    pub(super) fn move_to(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
        parent: Option<Guid>,
    ) -> Result<bool, StoreError> {
        self.place_is_known(ds, mapping.guid);
        let Some(item) = self.tx.item(link.datastore, mapping.guid)? else {
            return Ok(false);
        };
        if item.parent == parent {
            return Ok(true);
        }
        let mut above = parent;
        for _ in 0..MAX_DEPTH {
            let Some(folder) = above else {
                break;
            };
            if folder == mapping.guid {
                return Ok(false);
            }
            let held = self.tx.item(link.datastore, folder)?;
            above = held.and_then(|held| held.parent);
        }
        if above.is_some() {
            return Ok(false);
        }
        let seq = self
            .tx
            .move_item(link.datastore, mapping.guid, parent, self.request.now)?;
        // what the client lacks of the content it goes on lacking
        if mapping.revision >= item.seq {
            let moved = Mapping {
                revision: seq,
                ..mapping.clone()
            };
            self.tx.put_mapping(link, &moved)?;
        }
        Ok(true)
    }

    /// The client has moved an item to another folder.
    // spec: M04 M05 M06
    pub(super) fn take_move(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        item: &Item<'_>,
    ) -> Result<StatusCode, StoreError> {
        if !ds.kind().is_hierarchical() || self.state.version() < Version::V1_2 {
            return Ok(StatusCode::NOT_SUPPORTED);
        }
        let folder = Folder::of(item.source_parent.as_deref(), item.target_parent.as_deref());
        if folder == Folder::Unsaid {
            return Ok(StatusCode::INCOMPLETE_COMMAND);
        }
        let Some(mapping) = self.current_mapping(ds, link, luid)? else {
            return Ok(StatusCode::NOT_FOUND);
        };
        let moved = match self.place_of(ds, link, folder)? {
            Place::Unknown => false,
            Place::Root => self.move_to(ds, link, &mapping, None)?,
            Place::At(parent) => self.move_to(ds, link, &mapping, Some(parent))?,
        };
        if moved {
            return Ok(StatusCode::OK);
        }
        self.tell_place(link, mapping.guid)?;
        Ok(StatusCode::MOVE_FAILED)
    }

    /// The client has made a copy of an item, under the LUID of the target.
    // spec: M13
    pub(super) fn take_copy(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &Item<'_>,
    ) -> Result<StatusCode, StoreError> {
        let (from, to) = (item.source_uri(), item.target_uri());
        if from.is_empty() || to.is_empty() {
            return Ok(StatusCode::INCOMPLETE_COMMAND);
        }
        if !super::bounds::is_fit(to) {
            return Ok(StatusCode::URI_TOO_LONG);
        }
        if self.current_mapping(ds, link, to)?.is_some() {
            return Ok(StatusCode::ALREADY_EXISTS);
        }
        let Some(held) = self.current_mapping(ds, link, from)? else {
            return Ok(StatusCode::NOT_FOUND);
        };
        let original = self.tx.item(link.datastore, held.guid)?;
        let Some(original) = original.filter(|item| !item.deleted) else {
            return Ok(StatusCode::NOT_FOUND);
        };
        let content = Content::new(&original.media_type, &original.content);
        self.count_addition(ds);
        let device = self.state.device.clone();
        let (guid, mut seq) = self.tx.add_item(
            link.datastore,
            content,
            Origin::Session(&device),
            self.request.now,
        )?;
        if original.parent.is_some() {
            seq = self
                .tx
                .move_item(link.datastore, guid, original.parent, self.request.now)?;
        }
        // a copy of what the device had, which may be an older version, or one in its own words
        let text = self.tx.device_text(link, held.guid)?;
        let is_current = held.revision >= original.content_seq && !held.stale;
        let revision = if is_current { seq } else { ChangeSeq(0) };
        self.map(ds, link, to, guid, revision)?;
        if let Some(text) = text {
            self.tx.keep_device_text(link, guid, &text)?;
        }
        Ok(StatusCode::ITEM_ADDED)
    }

    /// How the client is told which folder an item is in.
    // spec: M02 M03
    pub(super) fn folder_told(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        parent: Option<Guid>,
    ) -> Result<Told, StoreError> {
        if !self.tells_folders(ds) {
            return Ok(Told::Nothing);
        }
        let Some(parent) = parent else {
            return Ok(Told::Root);
        };
        let held = self.tx.item(link.datastore, parent)?;
        if held.is_none_or(|held| held.deleted) {
            return Ok(Told::Root);
        }
        let mapping = self.tx.mapping_of(link, parent)?;
        if let Some(mapping) = mapping.filter(|mapping| mapping.generation == ds.generation) {
            return Ok(Told::Luid(mapping.luid));
        }
        Ok(if self.was_sent(ds, parent) {
            Told::Guid(parent)
        } else {
            Told::Unsent(parent)
        })
    }

    /// Whether a folder went out in this session.
    pub(super) fn was_sent(&self, ds: &DatastoreState, folder: Guid) -> bool {
        let mut all = self.state.datastores.iter();
        let known = all.find(|known| known.number == ds.number);
        known.is_some_and(|known| known.folders_sent.contains(&folder.0))
    }

    /// What moved only, as far as a client without folders is concerned, has not changed.
    pub(super) fn has_moved_only(
        ds: &DatastoreState,
        pending: &crate::store::Pending,
    ) -> Option<Mapping> {
        let item = &pending.item;
        let mapping = pending.mapping.as_ref()?;
        let moved = !item.deleted
            && item.seq > mapping.revision
            && item.content_seq <= mapping.revision
            && mapping.revision > ChangeSeq(0)
            && !mapping.stale;
        (moved && ds.kind().is_hierarchical()).then(|| mapping.clone())
    }
}
