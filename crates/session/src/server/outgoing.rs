//! Package 4: the server's changes; package 6: the end, and the anchors.

use pim::media::is_folder;
use syncml::{Change, ChangeKind, Command, Item, Location, Sync, Version};

use super::lacking::SLICE;
use super::large::Step;
use super::most::Remembered;
use super::reply::Outgoing;
use super::selection::{Deal, Selection};
use super::state::{DatastoreState, Login, Phase, Sent, SentKind};
use super::tree::Told;
use super::{Run, guid};
use crate::content::packed;
use crate::store::{ChangeSeq, Guid, Link, LinkId, Pending, PendingRange, StoreError};

/// Items read from the store at a time while a message is filled.
const BATCH: usize = 100;

/// Bytes of the contents that are read with them; larger ones are read when their turn comes.
const INLINE: usize = 32 << 10;

/// Sent changes remembered while their statuses are out, in messages. A device that answers
/// later than this, or never, gets the items again in the next session.
const REMEMBERED_MESSAGES: u32 = 8;

/// Folders in one another that are sent ahead of what is in them.
const MAX_FOLDERS: usize = 64;

/// Messages in which a change may fail to fit, beside others, before it is left out.
const MAX_TRIES: u32 = 4;

impl Run<'_> {
    /// Fills the message with changes; whether all of them are sent now.
    // spec: B01 G01
    pub(super) fn write_changes(&mut self, out: &mut Outgoing) -> Result<bool, StoreError> {
        let msg = self.state.next_msg_id - 1;
        self.state
            .sent
            .retain(|sent| sent.msg + REMEMBERED_MESSAGES > msg);
        let Some(login) = self.state.login.clone() else {
            return Ok(true);
        };
        for index in 0..self.state.datastores.len() {
            let Some(ds) = self.state.datastores.get(index).cloned() else {
                continue;
            };
            if ds.sent_all {
                continue;
            }
            let done = !ds.sends() || self.write_datastore(out, index, &ds, &login)?;
            if !done {
                return Ok(false);
            }
            if let Some(ds) = self.state.datastores.get_mut(index) {
                ds.sent_all = true;
            }
        }
        Ok(true)
    }

    // spec: G24 G25 G30 H02 J16 J17 R09 S06
    fn write_datastore(
        &mut self,
        out: &mut Outgoing,
        index: usize,
        ds: &DatastoreState,
        login: &Login,
    ) -> Result<bool, StoreError> {
        let link = ds.link(login);
        let number_of_changes = if !ds.counted
            && self.state.number_of_changes
            // how many a filter lets through is not known before
            && ds.selection == Selection::default()
            && self.state.version() > Version::V1_0
            && !self.waits(ds)
        {
            Some(self.tx.count_pending(link, range_of(ds, ds.cursor, 0))?)
        } else {
            None
        };
        let start = Sync {
            cmd_id: out.next_cmd_id.to_string().into(),
            target: Some(Location::new(ds.source.clone())),
            source: Some(Location::new(ds.target.clone())),
            number_of_changes,
            ..Sync::default()
        };
        let before = out.writer.mark();
        out.writer.open_sync(&start);
        if out.writer.size() > out.limit {
            out.writer.rollback(before);
            return Ok(false);
        }
        let almost_empty = out.next_cmd_id <= 3;
        out.next_cmd_id += 1;
        let first_of_message = out.next_cmd_id;
        let place = Place {
            index,
            link,
            first_of_message,
            almost_empty,
            // a second pass, for what there was no room for, begins before what was counted
            has_changes: number_of_changes != Some(0) || ds.cursor > ds.seen,
        };
        self.note_from(index)?;
        let filled = self.fill(out, &place)?;
        let done = filled == Filled::Done;
        if out.next_cmd_id == first_of_message && filled == Filled::Full {
            // an empty Sync says nothing: the space was used up before
            out.writer.rollback(before);
            out.next_cmd_id = first_of_message - 1;
        } else {
            out.writer.close_sync();
            if let Some(ds) = self.state.datastores.get_mut(index) {
                ds.counted = true;
            }
        }
        Ok(done)
    }

    /// Fills the open Sync.
    // spec: R08
    fn fill(&mut self, out: &mut Outgoing, place: &Place) -> Result<Filled, StoreError> {
        let mut has_ended_one = false;
        let mut passed_over = 0;
        loop {
            let Some(ds) = self.state.datastores.get(place.index).cloned() else {
                return Ok(Filled::Done);
            };
            if let Some(sending) = ds.sending {
                // the device keeps what comes of one object, in case that this session breaks
                if has_ended_one {
                    return Ok(Filled::Full);
                }
                match self.write_chunk(out, place.index, &ds, place.link)? {
                    Step::Written | Step::NoRoom => return Ok(Filled::Full),
                    Step::Ended | Step::Gone => {
                        has_ended_one = true;
                        self.pass(place.index, sending.seq);
                    }
                }
                // one that was changed or deleted between two chunks is not gone on with
                if let Some(ds) = self.state.datastores.get_mut(place.index) {
                    ds.sending = None;
                }
                continue;
            }
            let batch = if place.has_changes {
                let range = range_of(&ds, ds.cursor, BATCH);
                self.tx.pending(place.link, range)?
            } else {
                Vec::new()
            };
            let is_last = batch.len() < BATCH;
            for pending in batch {
                if passed_over >= SLICE {
                    return Ok(Filled::Sliced);
                }
                let before = out.next_cmd_id;
                match self.write_pending(out, place, &ds, pending)? {
                    Written::Next => {}
                    Written::InChunks => break,
                    Written::Full => return Ok(Filled::Full),
                }
                passed_over += usize::from(out.next_cmd_id == before);
            }
            let is_chunking = self
                .state
                .datastores
                .get(place.index)
                .is_some_and(|ds| ds.sending.is_some());
            if is_last && !is_chunking {
                let Some(ds) = self.state.datastores.get_mut(place.index) else {
                    return Ok(Filled::Done);
                };
                if ds.room.is_none() || std::mem::replace(&mut ds.deletions_sent, true) {
                    return Ok(Filled::Done);
                }
                // the deletions are out, and have made room
                ds.cursor = ds.seen;
            }
        }
    }

    /// Writes an item, or sees how else it can go.
    fn write_pending(
        &mut self,
        out: &mut Outgoing,
        place: &Place,
        ds: &DatastoreState,
        pending: Pending,
    ) -> Result<Written, StoreError> {
        let seq = pending.item.seq.0;
        let mut pending = match self.select(ds, place.link, pending)? {
            Deal::Send(pending) => *pending,
            Deal::Skip => {
                self.pass(place.index, seq);
                return Ok(Written::Next);
            }
        };
        let own_form = self.show(ds, place.link, &mut pending)?;
        if pending.mapping.is_some() || own_form.is_some() {
            self.note(place.index, place.link, seq)?;
        }
        let Some(own_form) = own_form else {
            self.pass(place.index, seq);
            return Ok(Written::Next);
        };
        let waits = ds.room.is_some() && ds.deletions_sent == pending.item.deleted;
        if waits || !self.has_room(place.index, ds, place.link, &pending)? {
            self.pass(place.index, seq);
            return Ok(Written::Next);
        }
        if ds.kind().is_hierarchical() {
            return self.write_in_folder(out, place, ds, (pending, own_form));
        }
        self.write_item(out, place, ds, (pending, own_form), Told::Nothing)
    }

    /// Writes an item of a datastore with folders: its folder first, if the client lacks it.
    // spec: M03
    fn write_in_folder(
        &mut self,
        out: &mut Outgoing,
        place: &Place,
        ds: &DatastoreState,
        (pending, own_form): (Pending, bool),
    ) -> Result<Written, StoreError> {
        let seq = pending.item.seq.0;
        let tells = self.tells_folders(ds);
        let has_moved_only = Self::has_moved_only(ds, &pending);
        if !tells && let Some(mapping) = has_moved_only {
            let (luid, guid) = (mapping.luid, mapping.guid);
            self.map(ds, place.link, &luid, guid, pending.item.seq)?;
            self.pass(place.index, seq);
            return Ok(Written::Next);
        }
        let was_sent = self.was_sent(ds, pending.item.guid);
        if (!tells && is_folder(&pending.item.media_type)) || was_sent {
            self.pass(place.index, seq);
            return Ok(Written::Next);
        }
        let mut above = pending.item.parent;
        let mut unsent = Vec::new();
        let mut told = self.folder_told(ds, place.link, above)?;
        while let Told::Unsent(folder) = told {
            let item = self.tx.item(place.link.datastore, folder)?;
            let Some(item) = item.filter(|_| unsent.len() < MAX_FOLDERS) else {
                break;
            };
            above = item.parent;
            told = self.folder_told(ds, place.link, above)?;
            unsent.push(item);
        }
        for item in unsent.into_iter().rev() {
            let folder = Pending {
                size: item.content.len() as u64,
                item,
                mapping: None,
            };
            let guid = folder.item.guid;
            let cursor = self.state.datastores.get(place.index).map(|ds| ds.cursor);
            let written = self.write_item(out, place, ds, (folder, false), told)?;
            // what comes before it in the sequence is still to be sent
            self.pass(place.index, cursor.unwrap_or_default());
            if !matches!(written, Written::Next) {
                return Ok(Written::Full);
            }
            self.remember_folder(place.index, guid);
            told = Told::Guid(guid);
        }
        let (guid, is_folder) = (pending.item.guid, is_folder(&pending.item.media_type));
        let written = self.write_item(out, place, ds, (pending, own_form), told)?;
        if is_folder && matches!(written, Written::Next) {
            self.remember_folder(place.index, guid);
        }
        Ok(written)
    }

    fn remember_folder(&mut self, index: usize, guid: Guid) {
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.folders_sent.push(guid.0);
        }
    }

    fn write_item(
        &mut self,
        out: &mut Outgoing,
        place: &Place,
        ds: &DatastoreState,
        (mut pending, own_form): (Pending, bool),
        told: Told,
    ) -> Result<Written, StoreError> {
        let seq = pending.item.seq.0;
        let guid = pending.item.guid;
        let cmd = out.next_cmd_id;
        if pending.mapping.is_some() && !pending.item.deleted && self.waits(ds) {
            self.pass(place.index, seq);
            return Ok(Written::Next);
        }
        if pending.mapping.is_none() && guid::written(guid, ds.max_guid_size).is_none() {
            self.warn(format!(
                "{}: the device keeps no identifier as long as that of item {}, left out",
                ds.name, guid.0
            ));
            self.pass(place.index, seq);
            return Ok(Written::Next);
        }
        let has_content = !pending.item.deleted && !moves_only(&pending, &told);
        let is_too_large =
            has_content && (pending.size > out.limit as u64 || !self.may_send(pending.size));
        if !is_too_large {
            if pending.item.content.is_empty() && has_content {
                let datastore = place.link.datastore;
                pending.item.content = self.tx.content_slice(datastore, guid, 0, out.limit)?;
            }
            let (change, kind) = change_for(&pending, told, cmd, ds.max_guid_size);
            if out.try_command(&Command::Change(change)) {
                self.count_room(place.index, ds, place.link, &pending)?;
                self.state.sent.push(Sent {
                    msg: self.state.next_msg_id - 1,
                    cmd,
                    datastore: place.index,
                    guid: guid.0,
                    seq,
                    kind,
                });
                self.pass(place.index, seq);
                return Ok(Written::Next);
            }
            // spec: J10
            let may_fit = cmd > place.first_of_message
                || !self.gives_up(place.index, seq, place.almost_empty);
            if may_fit {
                return Ok(Written::Full);
            }
        }
        if has_content && pending.size <= self.most_in_chunks() {
            let encoding = out.writer.encoding();
            let sending = self.begin_sending(ds, place.link, (&pending, own_form), encoding)?;
            self.count_room(place.index, ds, place.link, &pending)?;
            if let Some(ds) = self.state.datastores.get_mut(place.index) {
                ds.sending = Some(sending);
            }
            return Ok(Written::InChunks);
        }
        self.warn(format!(
            "{}: item {} of {} bytes exceeds what the device takes, left out",
            ds.name, guid.0, pending.size
        ));
        self.pass(place.index, seq);
        Ok(Written::Next)
    }

    /// Whether changes of what the device has wait for the next session.
    fn waits(&self, ds: &DatastoreState) -> bool {
        ds.renews_map() && !self.state.rules.replace_in_slow_sync
    }

    /// A change is dealt with, for this session.
    fn pass(&mut self, index: usize, seq: i64) {
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.cursor = seq;
        }
    }

    /// Whether a change that does not fit is given up: when there is nothing in the message but the
    /// statuses that every message has, or after some tries.
    fn gives_up(&mut self, index: usize, seq: i64, almost_empty: bool) -> bool {
        let Some(ds) = self.state.datastores.get_mut(index) else {
            return true;
        };
        let tries = match ds.stuck {
            Some((stuck, tries)) if stuck == seq => tries + 1,
            _ => 1,
        };
        ds.stuck = Some((seq, tries));
        almost_empty || tries > MAX_TRIES
    }

    /// Our `Final` of package 4 is written.
    // spec: B16
    pub(super) fn sending_ended(&mut self) -> Result<(), StoreError> {
        if self.state.datastores.iter().any(DatastoreState::sends) {
            self.state.phase = Phase::Mapping;
            return Ok(());
        }
        // nothing was sent, so nothing is awaited: clients end the session here
        self.complete()?;
        self.state.phase = Phase::Done;
        Ok(())
    }

    /// The session ended well: both anchors are taken over.
    // spec: B22 G09 I13 R02
    pub(super) fn complete(&mut self) -> Result<(), StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(());
        };
        if self.state.rules.missing_status_is_success {
            self.settle_unanswered()?;
        }
        for ds in self.state.datastores.clone() {
            let id = ds.link(&login);
            let mut link = self.tx.link(id)?.unwrap_or_default();
            let (last_client, last_seen) = (link.client_anchor.clone(), link.seen);
            // fewer than when the session began, or a decision since: a person wants the device to
            // get items again
            let is_decided = ds.damage.is_held() && self.tx.hold(id)?.is_none();
            let is_rewound = link.seen.0 < ds.seen || is_decided;
            if !is_rewound {
                link.seen = self.seen_now(&ds, &login, link.seen)?;
            }
            if ds.renews_map() {
                link.previous_client_anchor = String::new();
                link.previous_server_anchor = String::new();
            } else if !is_behind(&ds, &link) {
                link.previous_server_anchor = link.server_anchor.clone();
                link.previous_client_anchor = last_client;
                link.previous_seen = last_seen;
            }
            link.client_anchor.clone_from(&ds.client_next);
            link.server_anchor.clone_from(&ds.server_next);
            link.generation = ds.generation;
            link.client_uri.clone_from(&ds.source);
            link.last_sync = self.request.now;
            link.open = None;
            if ds.sends() && !ds.compares() {
                let shown = Remembered {
                    most: ds.most,
                    ..Remembered::read(&link.view)
                };
                link.view = shown.write();
            }
            let is_selected = ds.sends() && !self.waits(&ds);
            link.filter = if is_selected || !ds.selection.is_new {
                ds.selection.kept(link.seen < ds.until())
            } else {
                // the device's share is not yet what this filter makes of it
                ds.selection.opened.clone()
            };
            self.tx.put_link(id, &link)?;
            self.info(format!("{}: in step", ds.name));
        }
        Ok(())
    }

    /// Up to where the client has seen everything: before the first change that it did not
    /// confirm.
    // spec: C12 R04 R09
    fn seen_now(
        &mut self,
        ds: &DatastoreState,
        login: &Login,
        before: ChangeSeq,
    ) -> Result<ChangeSeq, StoreError> {
        if !ds.sends() && !ds.renews_map() {
            // what changed here stays pending for the next two-way sync
            return Ok(before);
        }
        // what another device changed while a refresh from the client ran is pending, too
        let open = self.first_open(ds, ds.link(login))?;
        Ok(open.map_or(ds.until(), |seq| ChangeSeq(seq - 1)))
    }
}

/// Whether the client began from the last anchor but one: it has not got the answer that ended its
/// last session, and may not get this one either.
fn is_behind(ds: &DatastoreState, link: &Link) -> bool {
    let last = ds.client_last.as_str();
    !last.is_empty() && last != link.client_anchor && last == link.previous_client_anchor
}

/// Items of a datastore that are to be sent, after a change.
pub(super) fn range_of(ds: &DatastoreState, after: i64, limit: usize) -> PendingRange {
    PendingRange {
        after: ChangeSeq(after),
        until: ds.until(),
        generation: ds.generation,
        limit,
        inline: INLINE,
        with_held: ds.selection.looks_at_all(),
        period: ds.selection.period(),
        with_occurrences: ds.has_occurrences,
    }
}

/// Where changes are written.
struct Place {
    /// The datastore's place in the session.
    index: usize,
    link: LinkId,
    /// The first `CmdID` inside the Sync.
    first_of_message: u32,
    /// Nothing is in the message but the statuses that every message has.
    almost_empty: bool,
    /// There may be something to send: it was not counted, or is more than nothing.
    has_changes: bool,
}

/// How far the changes of a datastore are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// All of them are sent.
    Done,
    /// The message is full.
    Full,
    /// A slice of them was looked at; an empty Sync says that there may be more.
    Sliced,
}

/// What became of an item that was to be written.
enum Written {
    /// It is dealt with.
    Next,
    /// It goes in chunks.
    InChunks,
    /// The message is full.
    Full,
}

/// Whether a client that knows folders is told of a move alone: it has the content.
fn moves_only(pending: &Pending, told: &Told) -> bool {
    let item = &pending.item;
    pending.mapping.as_ref().is_some_and(|mapping| {
        *told != Told::Nothing
            && item.seq > mapping.revision
            && item.content_seq <= mapping.revision
            && mapping.revision > ChangeSeq(0)
            && !mapping.stale
    })
}

/// The command that brings an item to the client.
// spec: G26 H07 H08 H12 H13 S09 S11 S13
pub(super) fn change_for(
    pending: &Pending,
    told: Told,
    cmd_id: u32,
    max_guid_size: Option<u64>,
) -> (Change<'_>, SentKind) {
    let item = &pending.item;
    let held = pending.mapping.as_ref();
    let luid = held.map(|mapping| Location::new(mapping.luid.as_str()));
    let moved_only = moves_only(pending, &told);
    let (kind, sent) = match (item.deleted, held) {
        (true, _) => (ChangeKind::Delete, SentKind::Delete),
        (false, Some(_)) if moved_only => (ChangeKind::Move, SentKind::Move),
        (false, Some(_)) => (ChangeKind::Replace, SentKind::Replace),
        (false, None) => (ChangeKind::Add, SentKind::Add),
    };
    let mut content = Item {
        source: match kind {
            ChangeKind::Add => guid::written(item.guid, max_guid_size).map(Location::new),
            _ => None,
        },
        target: luid,
        ..Item::default()
    };
    if matches!(kind, ChangeKind::Add | ChangeKind::Replace) {
        let (meta, data) = packed(item.media_type.as_str(), item.content.as_slice());
        content.data = Some(data);
        content.meta = Some(meta);
    }
    if kind != ChangeKind::Delete {
        told.write(&mut content, kind != ChangeKind::Add, max_guid_size);
    }
    (Change::new(kind, cmd_id.to_string(), content), sent)
}
