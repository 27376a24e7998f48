//! The server's changes, and what becomes of them in the replica.

use syncml::{AlertCode, Change, Command, Header, Item, StatusCode, Sync};

use super::{Added, Applied, ChangeKind, Copied, Error, Failure, Session};
use crate::chunks::Taken;
use crate::content::{carried, content_of};

impl Session {
    // spec: B14 C17 S18
    pub(super) fn take_sync(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        sync: &Sync<'_>,
    ) -> Result<bool, Error> {
        let index = match self.source_of(sync) {
            Ok(index) => index,
            Err(code) => {
                self.owe(header, command, None, code);
                for inner in &sync.commands {
                    self.owe(header, inner, None, code);
                }
                return Ok(false);
            }
        };
        self.owe(header, command, None, StatusCode::OK);
        self.begin_receiving(index, sync.number_of_changes)?;
        self.take_sync_commands(header, index, &sync.commands)
    }

    /// The source that a Sync is for; or why it is not taken.
    // spec: S06
    pub(super) fn source_of(&self, sync: &Sync<'_>) -> Result<usize, StatusCode> {
        let uri = |location: &Option<syncml::Location<'_>>| {
            location
                .as_ref()
                .map_or(String::new(), |location| location.uri.to_string())
        };
        let found = self.find_source(&uri(&sync.target), &uri(&sync.source));
        let index = found.ok_or(StatusCode::NOT_FOUND)?;
        let active = self.sources.get(index).ok_or(StatusCode::NOT_FOUND)?;
        if !active.is_on() || active.agreed.is_none() {
            return Err(StatusCode::FORBIDDEN);
        }
        if !active.applies() && !sync.commands.is_empty() {
            return Err(StatusCode::NOT_ALLOWED);
        }
        Ok(index)
    }

    // spec: M24
    pub(super) fn take_sync_commands(
        &mut self,
        header: &Header<'_>,
        index: usize,
        commands: &[Command<'_>],
    ) -> Result<bool, Error> {
        let mut brought = false;
        for inner in commands {
            match inner {
                Command::Change(change) => {
                    brought |= self.take_change(header, inner, index, change)?;
                }
                Command::Group(group) => {
                    brought |= self.take_group(header, inner, group, Some(index))?;
                }
                // spec: C15 M17
                _ => self.owe(header, inner, None, StatusCode::NOT_IMPLEMENTED),
            }
        }
        Ok(brought)
    }

    // spec: G22 J18
    pub(super) fn begin_receiving(
        &mut self,
        index: usize,
        changes: Option<u64>,
    ) -> Result<(), Error> {
        // a server may send before the client has: the map is renewed before it fills
        self.begin(index)?;
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(());
        };
        if changes.is_some() {
            active.progress.to_receive = changes;
        }
        if active.agreed == Some(AlertCode::REFRESH_FROM_SERVER) && !active.cleared {
            active.cleared = true;
            active.summary.received.deleted += active.call(|replica| replica.clear())?;
        }
        Ok(())
    }

    /// Whether it brought anything: chunks without content, and those that are refused, a server may
    /// go on sending for ever.
    fn take_change(
        &mut self,
        header: &Header<'_>,
        command: &Command<'_>,
        index: usize,
        change: &Change<'_>,
    ) -> Result<bool, Error> {
        let mut brought = false;
        for item in &change.items {
            let outcome = self.take_item(index, change, item)?;
            let is_empty = carried(item).is_none_or(<[u8]>::is_empty);
            brought |= !item.more_data || (outcome.is_ok() && !is_empty);
            let Some(active) = self.sources.get_mut(index) else {
                return Ok(brought);
            };
            if !matches!(outcome, Ok((StatusCode::CHUNK_ACCEPTED, _))) {
                active.progress.received += 1;
            }
            let name = match item.source_uri() {
                "" => item.target_uri(),
                guid => guid,
            };
            let code = match outcome {
                Ok((code, kind)) => {
                    if let Some(kind) = kind {
                        active.summary.received.count(kind);
                    }
                    if let Some(atomic) = &mut self.atomic {
                        atomic.done(index, name);
                    }
                    code
                }
                Err((code, reason)) => {
                    active.summary.failed.push(Failure {
                        item: name.to_owned(),
                        reason,
                    });
                    code
                }
            };
            self.owe(header, command, Some(item), code);
        }
        if change.items.is_empty() {
            self.owe(header, command, None, StatusCode::INCOMPLETE_COMMAND);
        }
        Ok(brought)
    }

    fn take_item(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Result<Outcome, Error> {
        let goes_on = self.goes_on(index, change, item)?;
        if !goes_on {
            self.end_of_data_missing()?;
        }
        if item.more_data || goes_on {
            if self.atomic.is_some() {
                let reason = "it came in pieces, in an Atomic".to_owned();
                return Ok(Err((StatusCode::ATOMIC_TOO_LARGE, reason)));
            }
            return Ok(match self.take_chunk(index, change, item)? {
                Taken::Kept => Ok((StatusCode::CHUNK_ACCEPTED, None)),
                Taken::Refused(code) => {
                    Err((code, format!("it came in pieces, {}", code.phrase())))
                }
                Taken::Whole(head, content) => {
                    let meta = syncml::Meta {
                        field_level: head.field_level,
                        ..syncml::Meta::of_type(head.media_type.unwrap_or_default())
                    };
                    let item = Item {
                        target: head.target.map(syncml::Location::new),
                        source: head.source.map(syncml::Location::new),
                        meta: Some(meta),
                        data: Some(syncml::Data::Bytes(content.into())),
                        source_parent: head.source_parent.map(Into::into),
                        target_parent: head.target_parent.map(Into::into),
                        more_data: false,
                    };
                    let whole = Change::new(change.kind, "", Item::default());
                    self.apply(index, &whole, &item)
                }
            });
        }
        Ok(self.apply(index, change, item))
    }

    fn apply(&mut self, index: usize, change: &Change<'_>, item: &Item<'_>) -> Outcome {
        let decision = self.decide(index, change, item);
        let version = self.config.version;
        let Some(active) = self.sources.get_mut(index) else {
            return Err((StatusCode::COMMAND_FAILED, "no such datastore".to_owned()));
        };
        let is_disputed = active.disputed.contains(item.target_uri());
        if let Some(decision) = decision {
            active.carry_out(decision, item.target_uri())?;
        }
        let has_folders = active.has_folders(version);
        let outcome = apply(active.source.replica.as_mut(), change, item, has_folders);
        outcome.map_err(|(code, reason)| match code {
            // of a conflict that would say that ours shall stand
            StatusCode::CONFLICT if is_disputed => (StatusCode::COMMAND_FAILED, reason),
            _ => (code, reason),
        })
    }
}

/// What was done to one item, and how it counts; or the status and the reason of a failure.
pub(super) type Outcome = Result<(StatusCode, Option<ChangeKind>), (StatusCode, String)>;

// spec: G28 G29 H10 S09 S11 S15
fn apply(
    replica: &mut dyn super::Replica,
    change: &Change<'_>,
    item: &Item<'_>,
    has_folders: bool,
) -> Outcome {
    let luid = item.target_uri();
    let kind = change.kind;
    match kind {
        syncml::ChangeKind::Add | syncml::ChangeKind::Replace => {
            let own = item.meta.clone().unwrap_or_default();
            let meta = own.inherit(change.meta.as_ref());
            let refuse = |code: StatusCode, reason: &str| Err((code, reason.to_owned()));
            let Some(mut bytes) = content_of(item, &meta) else {
                return refuse(StatusCode::UNSUPPORTED_TYPE, "its data cannot be decoded");
            };
            if meta.field_level {
                let is_replacement = kind == syncml::ChangeKind::Replace;
                let whole = completed(replica, luid, &bytes, is_replacement)?;
                bytes = whole.into();
            }
            let media_type = meta.media_type.as_deref().unwrap_or_default().trim();
            // spec: M21
            if !replica.takes(media_type, &bytes) {
                return refuse(
                    StatusCode::UNSUPPORTED_TYPE,
                    "it is of a type that does not belong here",
                );
            }
            let folder = folder_of(replica, item).map_err(failed)?;
            if kind == syncml::ChangeKind::Replace && !luid.is_empty() {
                let applied = replica.replace(luid, media_type, &bytes).map_err(failed)?;
                match applied {
                    Applied::Done => {
                        folder.take_in(replica, luid).map_err(failed)?;
                        return Ok((StatusCode::OK, Some(ChangeKind::Replace)));
                    }
                    Applied::ChangedHere => return Err(changed_here()),
                    // with a GUID it can be added; without one the server has to send it anew
                    Applied::Unknown if item.source_uri().is_empty() => {
                        return refuse(StatusCode::NOT_FOUND, "the server changed an unknown item");
                    }
                    Applied::Unknown => {}
                }
            }
            let guid = item.source_uri();
            if guid.is_empty() {
                return refuse(StatusCode::INCOMPLETE_COMMAND, "it came without identifier");
            }
            let Added { luid, existed } = replica.add(guid, media_type, &bytes).map_err(failed)?;
            folder.take_in(replica, &luid).map_err(failed)?;
            Ok((
                StatusCode::ITEM_ADDED,
                (!existed).then_some(ChangeKind::Add),
            ))
        }
        syncml::ChangeKind::Move => take_move(replica, luid, item),
        syncml::ChangeKind::Copy => take_copy(replica, item),
        syncml::ChangeKind::Delete => take_delete(replica, change, luid, has_folders),
    }
}

// spec: K08
pub(super) fn failed(error: super::ReplicaError) -> (StatusCode, String) {
    let code = if error.is_full {
        StatusCode::DEVICE_FULL
    } else {
        StatusCode::COMMAND_FAILED
    };
    (code, error.to_string())
}

/// Deletes an item, or takes it off the device alone. No replica has an archive.
// spec: M07 M10 M11 M12 S13
fn take_delete(
    replica: &mut dyn super::Replica,
    change: &Change<'_>,
    luid: &str,
    has_folders: bool,
) -> Outcome {
    if has_folders && replica.has_children(luid).map_err(failed)? {
        let reason = "the server deleted a folder that is not empty here";
        return Err((StatusCode::NOT_EMPTY, reason.to_owned()));
    }
    let is_soft = change.soft_delete;
    let applied = if is_soft {
        replica.release(luid)
    } else {
        replica.delete(luid)
    };
    match (applied.map_err(failed)?, is_soft) {
        (Applied::Done, false) if change.archive => {
            Ok((StatusCode::DELETED_NOT_ARCHIVED, Some(ChangeKind::Delete)))
        }
        (Applied::Done, _) => Ok((StatusCode::OK, Some(ChangeKind::Delete))),
        (Applied::Unknown, false) => Ok((StatusCode::NOT_DELETED, None)),
        // whoever deleted it here meant the item and not its place on the device
        (Applied::Unknown, true) => Ok((StatusCode::SOFT_DELETE_CONFLICT, None)),
        (Applied::ChangedHere, false) => Err(changed_here()),
        (Applied::ChangedHere, true) => Err((StatusCode::SOFT_DELETE_CONFLICT, changed_here().1)),
    }
}

/// The item that a replacement of some fields makes of the one that is held. Taken for the whole,
/// what came would take all else with it.
// spec: M20
fn completed(
    replica: &mut dyn super::Replica,
    luid: &str,
    fields: &[u8],
    is_replacement: bool,
) -> Result<Vec<u8>, (StatusCode, String)> {
    let refuse = |code: StatusCode, reason: &str| Err((code, reason.to_owned()));
    if luid.is_empty() || !is_replacement {
        return refuse(StatusCode::NOT_SUPPORTED, "only some of its fields came");
    }
    let Some(held) = replica.content(luid).map_err(failed)? else {
        return refuse(
            StatusCode::NOT_FOUND,
            "the server changed fields of an unknown item",
        );
    };
    match pim::replace_fields(&held, fields) {
        Some(whole) => Ok(whole),
        None => refuse(StatusCode::NOT_SUPPORTED, "it is no record with fields"),
    }
}

/// Copies an item of the device: the source says which one, by the LUID or the GUID, and the target is
/// the GUID of the copy.
// spec: M13
fn take_copy(replica: &mut dyn super::Replica, item: &Item<'_>) -> Outcome {
    let refuse = |code: StatusCode, reason: &str| Err((code, reason.to_owned()));
    let (from, to) = (item.source_uri(), item.target_uri());
    if from.is_empty() || to.is_empty() {
        let reason = "a copy came without the names of both items";
        return refuse(StatusCode::INCOMPLETE_COMMAND, reason);
    }
    let known = replica.luid_of(from).map_err(failed)?;
    let luid = known.as_deref().unwrap_or(from);
    match replica.copy(luid, to).map_err(failed)? {
        Copied::Done(Added { existed, .. }) => Ok((
            StatusCode::ITEM_ADDED,
            (!existed).then_some(ChangeKind::Add),
        )),
        Copied::Unknown => refuse(
            StatusCode::NOT_FOUND,
            "the server copies an item that is unknown here",
        ),
        Copied::ChangedHere => Err(changed_here()),
    }
}

/// Moves an item to another folder.
// spec: M04 M05 M06
fn take_move(replica: &mut dyn super::Replica, luid: &str, item: &Item<'_>) -> Outcome {
    let refuse = |code: StatusCode, reason: &str| Err((code, reason.to_owned()));
    if luid.is_empty() || (item.source_parent.is_none() && item.target_parent.is_none()) {
        return refuse(StatusCode::INCOMPLETE_COMMAND, "it is moved to nowhere");
    }
    let parent = match folder_of(replica, item).map_err(failed)? {
        Folder::At(luid) => Some(luid),
        Folder::Root => None,
        Folder::Unsaid | Folder::Unknown => {
            return refuse(StatusCode::MOVE_FAILED, "the folder is not known");
        }
    };
    match replica
        .set_parent(luid, parent.as_deref())
        .map_err(failed)?
    {
        Applied::Done => Ok((StatusCode::OK, Some(ChangeKind::Move))),
        Applied::Unknown => refuse(StatusCode::MOVE_FAILED, "there is no such item"),
        Applied::ChangedHere => Err(changed_here()),
    }
}

/// The folder that an item of the server belongs into.
enum Folder {
    /// The server says none.
    Unsaid,
    /// One that is not known here.
    Unknown,
    /// None: the item is at the root.
    Root,
    /// One of ours, by its LUID.
    At(String),
}

impl Folder {
    /// Puts an item into it, as far as it is known.
    fn take_in(
        &self,
        replica: &mut dyn super::Replica,
        luid: &str,
    ) -> Result<(), super::ReplicaError> {
        match self {
            Self::Unsaid | Self::Unknown => Ok(()),
            Self::Root => replica.set_parent(luid, None).map(|_| ()),
            Self::At(parent) => replica.set_parent(luid, Some(parent)).map(|_| ()),
        }
    }
}

/// The server names a folder by our LUID, or by the GUID under which it added the folder before.
// spec: M02 M09
fn folder_of(
    replica: &mut dyn super::Replica,
    item: &Item<'_>,
) -> Result<Folder, super::ReplicaError> {
    let is_root = |uri: &str| matches!(uri.trim(), "" | "/" | "./");
    Ok(match (&item.target_parent, &item.source_parent) {
        (Some(luid), _) if is_root(luid) => Folder::Root,
        (Some(luid), _) => Folder::At(luid.trim().to_owned()),
        (None, None) => Folder::Unsaid,
        (None, Some(guid)) if is_root(guid) => Folder::Root,
        (None, Some(guid)) => match replica.luid_of(guid.trim())? {
            Some(luid) => Folder::At(luid),
            None => Folder::Unknown,
        },
    })
}

/// The person changed the item while the session ran: the server hears of it in the next one.
fn changed_here() -> (StatusCode, String) {
    (
        StatusCode::CONFLICT,
        "it was changed here meanwhile".to_owned(),
    )
}
