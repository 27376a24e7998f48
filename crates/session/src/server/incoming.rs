//! Package 3: the client's changes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use syncml::{AlertCode, Change, ChangeKind, Command, Item, StatusCode, Sync};

use super::ahead::Ahead;
use super::group::is_done;
use super::most::Remembered;
use super::reconcile::Given;
use super::reply::StatusOut;
use super::selection::Selection;
use super::state::{DatastoreState, Phase};
use super::tree::Folder;
use super::{Run, bounds};
use crate::chunks;
use crate::content::content_of;
use crate::store::{ChangeSeq, Content, Link, LinkId, Mapping, OpenSession, Origin, StoreError};
use crate::uri::{datastore_name, same_path};

/// How the name of a view ends that is told of folders.
const FOLDERS: &str = "/";

/// The same of a view in which a device has occurrences of series as events of their own.
const EVENTS: &str = "+";

/// Items that a refresh from the client removes at a time.
const REMOVED_AT_ONCE: usize = 500;

/// An item of the client, with its content whole.
pub(super) struct Whole<'w> {
    pub(super) luid: &'w str,
    pub(super) media_type: Option<&'w str>,
    pub(super) bytes: &'w [u8],
    pub(super) folder: Folder<'w>,
    /// The content has only the fields that change (`FieldLevel`).
    pub(super) is_partial: bool,
    /// It comes in a Replace and not in an Add.
    pub(super) replaces: bool,
}

impl Run<'_> {
    // spec: C08 S18
    pub(super) fn take_sync(
        &mut self,
        command: &Command<'_>,
        sync: &Sync<'_>,
    ) -> Result<(), StoreError> {
        // spec: B14 C17
        let Some(index) = self.datastore_of(sync) else {
            self.refuse(command, StatusCode::NOT_FOUND);
            return Ok(());
        };
        let early = self.state.phase == Phase::Initialization;
        // devices that set Final in every message go on with their changes after it
        let Some(ds) = self.state.datastores.get(index).cloned() else {
            return Ok(());
        };
        // of a comparison that is over nothing can be compared any more: it may be what was just sent
        let is_compared = self.state.phase == Phase::Mapping && ds.renews_map();
        let late = self.state.phase == Phase::Suspended || is_compared;
        // spec: B20
        if late || (early && ds.overridden) {
            // changes since an anchor are of no use where all items are wanted
            let code = match self.state.phase {
                // spec: I02
                Phase::Suspended => StatusCode::CANCELLED,
                Phase::Mapping => StatusCode::NOT_ALLOWED,
                _ => StatusCode::REFRESH_REQUIRED,
            };
            self.refuse(command, code);
            return Ok(());
        }
        if let Some(meta) = &sync.meta {
            self.take_max_obj_size(meta);
        }
        self.begin(index)?;
        self.follow_series(index)?;
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.sync_received = true;
        }
        if let Some(meta) = &sync.meta {
            self.take_room(index, meta);
        }
        self.push_status(command, StatusCode::OK);
        if ds.renews_map() {
            self.ahead = Ahead::of(&ds, &sync.commands);
        }
        self.take_sync_commands(index, &sync.commands)
    }

    /// The commands of a Sync, or of a group in it.
    pub(super) fn take_sync_commands(
        &mut self,
        index: usize,
        commands: &[Command<'_>],
    ) -> Result<(), StoreError> {
        let takes = self
            .state
            .datastores
            .get(index)
            .is_some_and(DatastoreState::takes);
        for command in commands {
            if !self.admits(command)? {
                continue;
            }
            match command {
                Command::Change(_) if !takes => self.refuse(command, StatusCode::NOT_ALLOWED),
                Command::Change(change) => self.take_change(index, change)?,
                Command::Group(group) => self.take_group(command, group, Some(index))?,
                _ => self.push_status(command, StatusCode::NOT_IMPLEMENTED),
            }
        }
        Ok(())
    }

    fn datastore_of(&self, sync: &Sync<'_>) -> Option<usize> {
        let target = sync.target.as_ref().map_or("", |location| &location.uri);
        let source = sync.source.as_ref().map_or("", |location| &location.uri);
        self.find_alerted(target, source)
    }

    // spec: S06
    pub(super) fn find_alerted(&self, target: &str, source: &str) -> Option<usize> {
        let all = &self.state.datastores;
        if datastore_name(target).is_empty()
            && let Some(alerted) = all.iter().position(|ds| same_path(&ds.source, source))
        {
            return Some(alerted);
        }
        let name = self.name_meant(target, source);
        all.iter().position(|ds| ds.name == name)
    }

    /// Writes down that the session is open, once the client has shown by its first Sync that it
    /// follows; a slow sync or refresh begins its new map here. From there on its old anchors are
    /// void: when such a session breaks, a resume goes on with it, or another slow sync finds by
    /// content what it has done.
    // spec: B09 G23 H29 I09
    fn begin(&mut self, index: usize) -> Result<(), StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(());
        };
        let Some(ds) = self.state.datastores.get_mut(index) else {
            return Ok(());
        };
        let is_resumed = ds.begun;
        if std::mem::replace(&mut ds.viewed, true) {
            return Ok(());
        }
        ds.begun = true;
        let ds = ds.clone();
        let id = ds.link(&login);
        let mut link = self.tx.link(id)?.unwrap_or_default();
        self.begin_view(index, &ds, (id, is_resumed), &mut link)?;
        if !is_resumed {
            // spec: I14
            link.open = Some(OpenSession {
                alert: ds.alert,
                client_last: ds.client_last.clone(),
                until: ChangeSeq(ds.until),
                sending: None,
            });
            if ds.renews_map() {
                link.generation = ds.generation;
                link.client_anchor = String::new();
                link.previous_client_anchor = String::new();
            }
        }
        link.client_uri.clone_from(&ds.source);
        if ds.selection.is_new {
            // the device's share changes from here on, even if this session breaks
            link.filter.clone_from(&ds.selection.opened);
        }
        self.tx.put_link(id, &link)
    }

    /// Items that the device was shown in another form are shown again: what it holds of them is
    /// not known any more.
    fn begin_view(
        &mut self,
        index: usize,
        ds: &DatastoreState,
        (id, is_resumed): (LinkId, bool),
        link: &mut Link,
    ) -> Result<(), StoreError> {
        let former = Remembered::read(&link.view);
        let present = self.most_shown(ds);
        // what it holds may have been shown under the limit of before, until a session has ended that sends
        // it again
        let smaller = if link.view.is_empty() {
            present
        } else {
            former.most.into_iter().chain(present).min()
        };
        let most = if ds.compares() { smaller } else { present };
        let ds = &DatastoreState { most, ..ds.clone() };
        self.views.remove(&ds.number);
        let seen = self.view(ds)?;
        let splits_series = seen.splits_series();
        // a device that says nothing of the datastore is shown items as they are, and holds of them
        // what it can
        let is_described = self.describes(&ds.source);
        let knows_folders = if is_described {
            self.says_folders(ds)
        } else {
            former.name.ends_with(FOLDERS)
        };
        let has_occurrences = if is_described {
            splits_series
        } else {
            former.name.ends_with(EVENTS)
        };
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.most = most;
            ds.knows_folders = knows_folders;
            ds.has_occurrences = has_occurrences;
        }
        let name = if is_described {
            let events = if has_occurrences { EVENTS } else { "" };
            let folders = if knows_folders { FOLDERS } else { "" };
            format!("{}{events}{folders}", seen.name())
        } else {
            former.name.to_owned()
        };
        // one of which nothing was known was told of no folders and no occurrences
        let is_told_more = !former.name.is_empty() || knows_folders || has_occurrences;
        let view = Remembered { name: &name, most };
        let differs_from = if former.name != name && is_told_more {
            Some(0)
        } else {
            view.differs_from(former.most)
        };
        let until_sent = Remembered {
            most: smaller,
            ..view
        };
        let until_sent = until_sent.write();
        // a new map has nothing in it yet, unless the session has broken after it was begun
        let is_all_open = link.seen == ChangeSeq(0) && link.previous_seen == ChangeSeq(0);
        let is_to_show = (!ds.renews_map() || is_resumed) && (!is_all_open || ds.sends());
        if let Some(bytes) = differs_from.filter(|_| is_to_show) {
            self.show_again(index, ds, id, bytes)?;
            // should this session break, the next one goes on with it
            link.seen = ChangeSeq(0);
            link.previous_seen = ChangeSeq(0);
        }
        link.view = until_sent;
        Ok(())
    }

    /// Items of so many bytes or more are shown in another form than before.
    fn show_again(
        &mut self,
        index: usize,
        ds: &DatastoreState,
        link: LinkId,
        bytes: u64,
    ) -> Result<(), StoreError> {
        self.info(format!(
            "{}: the device has changed what it can hold, its items{} are sent again",
            ds.name,
            if bytes > 0 { " of some size" } else { "" }
        ));
        self.tx.forget_forms(link, bytes)?;
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.seen = 0;
            // an object does not go on in another form than it was begun in
            ds.resumes = None;
        }
        Ok(())
    }

    // spec: C04 C05
    fn take_change(&mut self, index: usize, change: &Change<'_>) -> Result<(), StoreError> {
        let mut outcomes = Vec::with_capacity(change.items.len());
        for item in &change.items {
            if !self.goes_on(index, change, item)? {
                self.end_of_data_missing()?;
            }
            let code = self.take_item(index, change, item)?;
            if let Some(ds) = self.state.datastores.get_mut(index) {
                let is_kept = is_done(code) || code == StatusCode::CHUNK_ACCEPTED;
                ds.refused += u32::from(!is_kept);
            }
            outcomes.push(code);
        }
        if change.no_resp || self.reply.no_resp {
            self.failed_in_atomic |= outcomes.iter().any(|code| !is_done(*code));
            return Ok(());
        }
        let command = |code: StatusCode| StatusOut {
            msg_ref: self.header.msg_id.to_string(),
            cmd_ref: change.cmd_id.to_string(),
            cmd: change.kind.name().to_owned(),
            code: code.0,
            ..StatusOut::default()
        };
        let mut statuses: Vec<StatusOut> = match outcomes.split_first() {
            None => vec![command(StatusCode::INCOMPLETE_COMMAND)],
            Some((first, rest)) if !rest.is_empty() && rest.iter().all(|code| code == first) => {
                vec![command(*first)]
            }
            Some(_) => change
                .items
                .iter()
                .zip(&outcomes)
                .map(|(item, code)| StatusOut {
                    target_ref: fit_ref(item.target.as_ref()),
                    source_ref: fit_ref(item.source.as_ref()),
                    ..command(*code)
                })
                .collect(),
        };
        if !self.state.rules.item_statuses {
            // 213, which asks for the next chunk, is no success and stays
            statuses.retain(|status| !StatusCode(status.code).is_success());
        }
        self.reply.statuses.extend(statuses);
        Ok(())
    }

    // spec: A19 M14 M22
    fn take_item(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Result<StatusCode, StoreError> {
        let (Some(login), Some(ds)) = (
            self.state.login.clone(),
            self.state.datastores.get(index).cloned(),
        ) else {
            return Ok(StatusCode::COMMAND_FAILED);
        };
        let link = ds.link(&login);
        let luid = match item.source_uri() {
            "" => item.target_uri(),
            source => source,
        };
        if luid.is_empty() {
            return Ok(StatusCode::INCOMPLETE_COMMAND);
        }
        if !bounds::is_fit(luid) {
            return Ok(StatusCode::URI_TOO_LONG);
        }
        let kind = match change.kind {
            ChangeKind::Copy if self.state.rules.copy_is_add && item.data.is_some() => {
                ChangeKind::Add
            }
            kind => kind,
        };
        let writes = !matches!(kind, ChangeKind::Add | ChangeKind::Replace);
        match kind {
            _ if writes && ds.read_only => Ok(StatusCode::PERMISSION_DENIED),
            ChangeKind::Delete => self.take_delete(&ds, link, luid, change.soft_delete),
            ChangeKind::Add | ChangeKind::Replace => {
                let of_command = change.meta.as_ref();
                let mut meta = item.meta.clone().unwrap_or_default().inherit(of_command);
                meta.size = chunks::size_of(change, item);
                if self.is_rest(index, luid, &meta, item.more_data) {
                    return Ok(StatusCode::SIZE_MISMATCH);
                }
                if item.more_data && self.in_atomic {
                    // all of it or nothing is decided with this message
                    self.drop_object(index, luid);
                    return Ok(StatusCode::BAD_REQUEST);
                }
                if item.more_data || self.goes_on(index, change, item)? {
                    return self.take_chunk(&ds, index, kind, item, &meta);
                }
                let Some(bytes) = content_of(item, &meta) else {
                    return Ok(StatusCode::UNSUPPORTED_TYPE);
                };
                let whole = Whole {
                    luid,
                    media_type: meta.media_type.as_deref(),
                    bytes: &bytes,
                    folder: Folder::of(
                        item.source_parent.as_deref(),
                        item.target_parent.as_deref(),
                    ),
                    is_partial: meta.field_level,
                    replaces: kind == ChangeKind::Replace,
                };
                self.take_whole(&ds, link, &whole)
            }
            ChangeKind::Copy => self.take_copy(&ds, link, item),
            ChangeKind::Move => self.take_move(&ds, link, luid, item),
        }
    }

    /// The whole content of an item of the client.
    pub(super) fn take_whole(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        whole: &Whole<'_>,
    ) -> Result<StatusCode, StoreError> {
        self.ahead.pass(whole.bytes);
        if whole.bytes.is_empty() {
            // some phones say so that nothing of an item has changed
            let is_known = self.current_mapping(ds, link, whole.luid)?.is_some();
            return Ok(if whole.replaces && is_known {
                StatusCode::OK
            } else {
                StatusCode::INCOMPLETE_COMMAND
            });
        }
        let default = ds
            .kind()
            .content_types()
            .first()
            .map_or("", |first| first.0);
        let media_type = whole.media_type.unwrap_or(default).trim();
        let bytes = match self.completed(ds, link, whole)? {
            Some(bytes) => Cow::Owned(bytes),
            None => Cow::Borrowed(whole.bytes),
        };
        if !ds.kind().takes(media_type, &bytes) {
            self.info(format!("{}: an item of {media_type} is refused", ds.name));
            return Ok(StatusCode::UNSUPPORTED_TYPE);
        }
        let taken = self.view(ds)?.taken(media_type, &bytes);
        let (stored_type, stored) = match &taken {
            Some(taken) => (taken.media_type.as_str(), taken.bytes.as_slice()),
            None => (media_type, bytes.as_ref()),
        };
        let content = Content {
            media_type: stored_type,
            bytes: stored,
            fingerprint: pim::fingerprint(stored_type, stored),
        };
        let given = Given::new(content, media_type, &bytes);
        if ds.read_only {
            return self.compare_content(ds, link, whole.luid, &given);
        }
        if !whole.replaces {
            self.tell_reused(ds, link, whole.luid, &given)?;
        }
        self.catch_up_series(ds, link, whole.luid)?;
        let unheard = self.changed_unheard(ds, link, whole)?;
        let code = self.take_content(ds, link, whole.luid, &given)?;
        self.give_back_of(ds, link, whole.luid)?;
        self.tell_dates(ds, link, &given, whole.luid)?;
        self.put_into_folder(ds, link, whole)?;
        if let Some(guid) = unheard {
            self.tell_place(link, guid)?;
        }
        Ok(code)
    }

    /// The content that a replacement of some fields makes of the item that is held.
    // spec: M20
    fn completed(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        whole: &Whole<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !whole.is_partial {
            return self.complete_object(ds, link, whole);
        }
        let Some(mapping) = self.current_mapping(ds, link, whole.luid)? else {
            return Ok(None);
        };
        let item = self.tx.item(link.datastore, mapping.guid)?;
        let Some(item) = item.filter(|item| !item.deleted) else {
            return Ok(None);
        };
        let held = match self.held_text(ds, link, &item, &mapping)? {
            Some(held) => held,
            None => self.shown_now(ds, &item)?,
        };
        Ok(pim::replace_fields(&held, whole.bytes))
    }

    // spec: G27 G29 H27 M10 S12 S14
    fn take_delete(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        soft: bool,
    ) -> Result<StatusCode, StoreError> {
        self.catch_up_series(ds, link, luid)?;
        let Some(mapping) = self.current_mapping(ds, link, luid)? else {
            return Ok(StatusCode::NOT_DELETED);
        };
        let item = self.tx.item(link.datastore, mapping.guid)?;
        self.tx.remove_mapping(link, mapping.guid)?;
        let Some(item) = item.filter(|item| !item.deleted) else {
            // spec: M12
            return Ok(if soft {
                StatusCode::SOFT_DELETE_CONFLICT
            } else {
                StatusCode::OK
            });
        };
        let changed_here = item.seq > mapping.revision;
        let client_rules = ds.alert() == AlertCode::ONE_WAY_FROM_CLIENT;
        // spec: M11
        if soft || (changed_here && !client_rules) {
            // what was changed here meanwhile outlives a deletion there: it is sent again
            return Ok(StatusCode::OK);
        }
        // spec: M07
        let waits = self.config.guard.is_some() && ds.damage.is_held();
        if !waits
            && !self
                .tx
                .children(link.datastore, mapping.guid, 1)?
                .is_empty()
        {
            self.keep_folder(ds, link, mapping.guid)?;
            return Ok(StatusCode::NOT_EMPTY);
        }
        if self.withholds(ds, link, mapping.guid, None)? {
            return Ok(StatusCode::ACCEPTED);
        }
        let origin = self.state.device.clone();
        self.tx.delete_item(
            link.datastore,
            mapping.guid,
            Origin::Session(&origin),
            self.request.now,
        )?;
        self.give_back(ds, link, mapping.guid)?;
        Ok(StatusCode::OK)
    }

    pub(super) fn current_mapping(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
    ) -> Result<Option<Mapping>, StoreError> {
        Ok(self
            .tx
            .mapping(link, luid)?
            .filter(|mapping| mapping.generation == ds.generation))
    }

    /// The client's last change is in: refreshes remove what it did not send, and sending begins.
    // spec: B18
    pub(super) fn finish_receiving(&mut self) -> Result<(), StoreError> {
        for index in 0..self.state.datastores.len() {
            self.begin(index)?;
            let (Some(login), Some(ds)) = (
                self.state.login.clone(),
                self.state.datastores.get(index).cloned(),
            ) else {
                continue;
            };
            let link = ds.link(&login);
            if ds.alert() == AlertCode::REFRESH_FROM_CLIENT && ds.sync_received {
                if ds.refused > 0 || ds.selection != Selection::default() {
                    // what the device has and could not send must not go for it
                    self.warn(format!(
                        "{}: not all of the device's items came, nothing is removed",
                        ds.name
                    ));
                } else {
                    self.remove_unsent(&ds, link)?;
                }
            }
            self.settle_folders(&ds, link)?;
            self.settle_occurrences(&ds, link)?;
            let until = match ds.until {
                0 => self.tx.last_change(link.datastore)?,
                // what changed since the session that is resumed waits for the next one
                until => ChangeSeq(until),
            };
            self.estimate_room(index, &ds, link)?;
            if let Some(mut held) = self.tx.link(link)? {
                if ds.sends() {
                    held.sent_until = until;
                }
                if let Some(open) = &mut held.open {
                    open.until = until;
                }
                self.tx.put_link(link, &held)?;
            }
            if let Some(ds) = self.state.datastores.get_mut(index) {
                ds.until = until.0;
                ds.cursor = ds.seen;
            }
        }
        self.state.phase = Phase::ToClient;
        Ok(())
    }

    /// Another `Final` of the client: what came since the one that ended its package is settled, too.
    pub(super) fn settle_late(&mut self) -> Result<(), StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(());
        };
        for ds in self.state.datastores.clone() {
            let link = ds.link(&login);
            self.settle_folders(&ds, link)?;
            self.settle_occurrences(&ds, link)?;
        }
        Ok(())
    }

    // spec: G04 G23
    fn remove_unsent(&mut self, ds: &DatastoreState, link: LinkId) -> Result<(), StoreError> {
        let origin = self.state.device.clone();
        let mut kept = 0;
        // what is in no folder stays in later rounds too, and need not be looked at again
        let mut staying = BTreeSet::new();
        loop {
            let all = self
                .tx
                .unmapped(link, ds.generation, REMOVED_AT_ONCE + kept)?;
            let mut guids = Vec::with_capacity(all.len());
            for guid in &all {
                if staying.contains(guid) {
                    continue;
                }
                if !self.outlives_refresh(ds, link, *guid)? {
                    guids.push(*guid);
                } else if !ds.kind().is_hierarchical() {
                    staying.insert(*guid);
                }
            }
            // a folder that stays for what is in it may be empty in the next round
            kept = all.len() - guids.len();
            if guids.is_empty() {
                return Ok(());
            }
            for guid in guids {
                if self.withholds(ds, link, guid, None)? {
                    continue;
                }
                self.tx.delete_item(
                    link.datastore,
                    guid,
                    Origin::Session(&origin),
                    self.request.now,
                )?;
            }
        }
    }
}

/// An address as a status repeats it.
fn fit_ref(location: Option<&syncml::Location<'_>>) -> Option<String> {
    location
        .map(|location| location.uri.to_string())
        .filter(|uri| bounds::is_fit(uri))
}
