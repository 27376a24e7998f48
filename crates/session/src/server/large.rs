//! Large objects: what of them is the server's.

use std::collections::BTreeSet;

use syncml::{Alert, Change, ChangeKind, Item, Meta, StatusCode, Version};

use super::Run;
use super::incoming::Whole;
use super::outgoing::change_for;
use super::reply::Outgoing;
use super::state::{self, DatastoreState, Owed, Phase, Sent, SentKind};
use super::tree::Folder;
use crate::chunks::{self, Buffer, Chunk, Head, Taken};
use crate::content::{self, carried};
use crate::store::{
    ChangeSeq, Guid, LinkId, Partial, Pending, PendingRange, Period, Sending, StoreError,
    Transaction,
};

/// Objects of a session that were dropped while they came, of which the rest is told from items.
const MAX_DROPPED: usize = 100;

/// The chunks that come over one link.
struct Incoming<'t> {
    tx: &'t mut dyn Transaction,
    link: LinkId,
    known: &'t mut NonePartial,
}

/// Links over which no large object is coming, as far as this message has looked: every item asks.
#[derive(Debug, Default)]
pub(super) struct NonePartial(BTreeSet<LinkId>);

impl NonePartial {
    fn read(
        &mut self,
        tx: &mut dyn Transaction,
        link: LinkId,
    ) -> Result<Option<Partial>, StoreError> {
        if self.0.contains(&link) {
            return Ok(None);
        }
        let partial = tx.partial(link)?;
        if partial.is_none() {
            self.0.insert(link);
        }
        Ok(partial)
    }

    /// What was done since the last look may be undone.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Buffer for Incoming<'_> {
    type Error = StoreError;

    fn partial(&mut self) -> Result<Option<Partial>, StoreError> {
        self.known.read(self.tx, self.link)
    }
    fn begin(&mut self, head: &[u8]) -> Result<(), StoreError> {
        self.known.0.remove(&self.link);
        self.tx.begin_partial(self.link, head)
    }
    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.tx.append_partial(self.link, bytes)
    }
    fn undo(&mut self) -> Result<(), StoreError> {
        self.tx.undo_partial(self.link)
    }
    fn content(&mut self) -> Result<Vec<u8>, StoreError> {
        self.tx.partial_content(self.link)
    }
    fn end(&mut self) -> Result<(), StoreError> {
        self.tx.end_partial(self.link)
    }
}

/// What became of the try to send some of an object.
pub(super) enum Step {
    /// A chunk is written, and the message is full.
    Written,
    /// The last chunk is written.
    Ended,
    /// There was no room.
    NoRoom,
    /// The object is not what it was when its sending began.
    Gone,
}

/// The identifier by which the client's item is known.
pub(super) fn luid_of<'i>(item: &'i Item<'_>) -> &'i str {
    match item.source_uri() {
        "" => item.target_uri(),
        source => source,
    }
}

impl Run<'_> {
    pub(super) fn take_max_obj_size(&mut self, meta: &Meta<'_>) {
        if let Some(size) = meta.max_obj_size.filter(|size| *size > 0) {
            self.state.peer_max_obj_size = Some(size);
        }
    }

    /// Whether an item is the next chunk of the object that is coming, its last one included.
    pub(super) fn goes_on(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Result<bool, StoreError> {
        let has_size = chunks::size_of(change, item).is_some();
        let is_content = matches!(change.kind, ChangeKind::Add | ChangeKind::Replace);
        if has_size || !is_content {
            return Ok(false);
        }
        if self.state.receiving.is_some_and(|place| place != index) {
            return Ok(false);
        }
        let (Some(login), Some(ds)) = (&self.state.login, self.state.datastores.get(index)) else {
            return Ok(false);
        };
        let partial = self.none_partial.read(self.tx, ds.link(login))?;
        let head = partial
            .as_ref()
            .and_then(|partial| Head::read(&partial.head));
        let known = partial.as_ref().zip(head.as_ref());
        let known = known.filter(|(_, head)| head.id == luid_of(item));
        if self.state.receiving.is_some() || item.more_data {
            return Ok(known.is_some());
        }
        let meta = item.meta.clone().unwrap_or_default();
        let position = chunks::position_of(&meta.inherit(change.meta.as_ref()));
        Ok(chunks::is_last(known, item, position))
    }

    /// The client goes on, so it has heard that its objects are complete.
    pub(super) fn forget_completed(&mut self) -> Result<(), StoreError> {
        for index in std::mem::take(&mut self.state.completed) {
            if let (Some(login), Some(ds)) = (&self.state.login, self.state.datastores.get(index)) {
                self.tx.end_partial(ds.link(login))?;
            }
        }
        Ok(())
    }

    /// Whether an item is what still comes of an object that was dropped. With its last chunk that is
    /// over, and a chunk with a size begins it anew.
    // spec: J08
    pub(super) fn is_rest(
        &mut self,
        index: usize,
        luid: &str,
        meta: &Meta<'_>,
        more: bool,
    ) -> bool {
        if self.state.dropped.is_empty() {
            return false;
        }
        let object = (index, luid.to_owned());
        if meta.size.is_none() && more {
            return self.state.dropped.contains(&object);
        }
        self.state.dropped.remove(&object) && meta.size.is_none()
    }

    /// An object is dropped before its last chunk has come.
    pub(super) fn drop_object(&mut self, index: usize, luid: &str) {
        if self.state.dropped.len() < MAX_DROPPED {
            self.state.dropped.insert((index, luid.to_owned()));
        }
    }

    // spec: S19
    pub(super) fn take_chunk(
        &mut self,
        ds: &DatastoreState,
        index: usize,
        kind: ChangeKind,
        item: &Item<'_>,
        meta: &Meta<'_>,
    ) -> Result<StatusCode, StoreError> {
        let (Some(login), Some(bytes)) = (self.state.login.clone(), carried(item)) else {
            return Ok(StatusCode::UNSUPPORTED_TYPE);
        };
        if self.state.version() < Version::V1_1 {
            return Ok(StatusCode::NOT_SUPPORTED);
        }
        let link = ds.link(&login);
        let chunk = Chunk {
            head: Head::of(luid_of(item), kind, item, meta),
            has_size: meta.size.is_some(),
            bytes,
            more: item.more_data,
            goes_on: self.state.receiving == Some(index),
            position: chunks::position_of(meta),
            limit: self.config.max_obj_size,
        };
        let mut buffer = Incoming {
            tx: self.tx,
            link,
            known: &mut self.none_partial,
        };
        let taken = chunks::take(&mut buffer, &chunk)?;
        self.state.receiving = (taken == Taken::Kept).then_some(index);
        self.state.completed.retain(|completed| *completed != index);
        match taken {
            Taken::Kept => Ok(StatusCode::CHUNK_ACCEPTED),
            Taken::Refused(code) => {
                self.warn(format!(
                    "{}: a large object is refused, {}",
                    ds.name,
                    code.phrase()
                ));
                if item.more_data {
                    self.drop_object(index, luid_of(item));
                }
                Ok(code)
            }
            Taken::Whole(head, content) => {
                self.state.completed.push(index);
                self.info(format!(
                    "{}: an object of {} bytes is complete",
                    ds.name,
                    content.len()
                ));
                let whole = Whole {
                    luid: &head.id,
                    media_type: head.media_type.as_deref(),
                    bytes: &content,
                    folder: Folder::of(
                        head.source_parent.as_deref(),
                        head.target_parent.as_deref(),
                    ),
                    is_partial: head.field_level,
                    replaces: head.replaces,
                };
                self.take_whole(ds, link, &whole)
            }
        }
    }

    /// Something else has come in place of the next chunk: the sender is told, and what has come
    /// is dropped.
    // spec: J08
    pub(super) fn end_of_data_missing(&mut self) -> Result<(), StoreError> {
        let Some(index) = self.state.receiving.take() else {
            return Ok(());
        };
        let (Some(login), Some(ds)) = (&self.state.login, self.state.datastores.get(index)) else {
            return Ok(());
        };
        let (link, name) = (ds.link(login), ds.name.clone());
        let partial = self.none_partial.read(self.tx, link)?;
        self.tx.end_partial(link)?;
        let head = partial.and_then(|partial| Head::read(&partial.head));
        if let Some(head) = head {
            self.warn(format!(
                "{name}: a large object was not ended, it is dropped"
            ));
            self.drop_object(index, &head.id);
            self.state.owed.push(Owed::NoEndOfData {
                target: head.target,
                source: head.source,
            });
        }
        Ok(())
    }

    /// The client says that an object of ours was not ended.
    // spec: J09
    pub(super) fn give_up_sending(&mut self, _: &Alert<'_>) {
        for ds in &mut self.state.datastores {
            if let Some(sending) = ds.sending.take() {
                // it stays pending: the next session sends it from its start
                ds.cursor = ds.cursor.max(sending.seq);
            }
        }
    }

    /// What is known of an object that begins to go out; where a broken session ended when this
    /// one resumes it.
    pub(super) fn begin_sending(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        (pending, own_form): (&Pending, bool),
        encoding: syncml::Encoding,
    ) -> Result<state::Outgoing, StoreError> {
        let guid = pending.item.guid;
        if own_form {
            self.tx.keep_rendering(link, &pending.item.content)?;
        }
        let base64 = content::goes_as_base64(&pending.item.media_type)
            || chunks::needs_base64(encoding, |offset, length| {
                self.slice(link, (guid, own_form), offset, length)
            })?;
        // the device keeps one object: any other that goes out in its place ends it
        let mut all = self.state.datastores.iter_mut();
        let resumes = all
            .find(|known| known.number == ds.number)
            .and_then(|known| known.resumes.take())
            .filter(|begun| begun.guid == guid.0 && begun.seq == pending.item.seq.0 && !base64);
        let begun = resumes.map_or(0, |begun| begun.confirmed.min(pending.size));
        Ok(state::Outgoing {
            guid: guid.0,
            seq: pending.item.seq.0,
            size: pending.size,
            offset: begun,
            begun,
            own_form,
            base64,
        })
    }

    /// Some of an object that goes out, in the device's form or as it is.
    fn slice(
        &mut self,
        link: LinkId,
        (guid, own_form): (Guid, bool),
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        if own_form {
            self.tx.rendering_slice(link, offset, length)
        } else {
            self.tx.content_slice(link.datastore, guid, offset, length)
        }
    }

    /// Writes the next chunk of the object that is going out.
    // spec: J01 J02 J03 S19
    pub(super) fn write_chunk(
        &mut self,
        out: &mut Outgoing,
        index: usize,
        ds: &DatastoreState,
        link: LinkId,
    ) -> Result<Step, StoreError> {
        let Some(sending) = ds.sending else {
            return Ok(Step::Gone);
        };
        let range = PendingRange {
            after: ChangeSeq(sending.seq - 1),
            until: ChangeSeq(sending.seq),
            generation: ds.generation,
            limit: 1,
            inline: 0,
            with_held: false,
            period: Period::ANY,
            with_occurrences: ds.has_occurrences,
        };
        let found = self.tx.pending(link, range)?.pop();
        let found = found.filter(|pending| {
            pending.item.guid.0 == sending.guid
                && (sending.own_form || pending.size == sending.size)
                && !pending.item.deleted
        });
        let Some(mut pending) = found else {
            return Ok(Step::Gone);
        };
        if sending.own_form {
            pending.item.media_type = self.shown_type(ds, link, &pending.item)?;
        }
        let told = self.folder_told(ds, link, pending.item.parent)?;
        let (change, kind) = change_for(&pending, told, out.next_cmd_id, ds.max_guid_size);
        let Some(item) = change.items.into_iter().next() else {
            return Ok(Step::Gone);
        };
        let object = chunks::Outgoing {
            kind: change.kind,
            item: Item { data: None, ..item },
            size: sending.size,
            size_plus_one: self.state.rules.size_plus_one,
            offset: sending.offset,
            base64: sending.base64,
            resumes: sending.offset > 0 && sending.offset == sending.begun,
        };
        let guid = pending.item.guid;
        let written = chunks::write(
            &mut out.writer,
            out.limit,
            out.next_cmd_id,
            &object,
            |offset, length| self.slice(link, (guid, sending.own_form), offset, length),
        )?;
        let Some(written) = written else {
            return Ok(Step::NoRoom);
        };
        let offset = sending.offset + written as u64;
        let ended = offset >= sending.size;
        self.state.sent.push(Sent {
            msg: self.state.next_msg_id - 1,
            cmd: out.next_cmd_id,
            datastore: index,
            guid: sending.guid,
            seq: sending.seq,
            kind: if ended { kind } else { SentKind::Chunk },
        });
        if ended && sending.own_form {
            self.tx.end_rendering(link)?;
        }
        out.next_cmd_id += 1;
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.sending = (!ended).then_some(state::Outgoing { offset, ..sending });
            ds.in_chunks = true;
        }
        Ok(if ended { Step::Ended } else { Step::Written })
    }

    /// An object is settled, one way or the other: there is nothing to go on with.
    pub(super) fn forget_sending(&mut self, link: LinkId, sent: &Sent) -> Result<(), StoreError> {
        let was_large = self
            .state
            .datastores
            .get(sent.datastore)
            .is_some_and(|ds| ds.in_chunks);
        if !was_large {
            return Ok(());
        }
        if let Some(mut held) = self.tx.link(link)?
            && let Some(open) = &mut held.open
            && open
                .sending
                .is_some_and(|sending| sending.guid == sent.guid())
        {
            open.sending = None;
            self.tx.put_link(link, &held)?;
        }
        Ok(())
    }

    /// The client's answer to a chunk that was not the last.
    // spec: J05
    pub(super) fn settle_chunk(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        sent: &Sent,
        code: StatusCode,
    ) -> Result<(), StoreError> {
        let Some(sending) = ds.sending.filter(|sending| sending.guid == sent.guid) else {
            return Ok(());
        };
        let is_kept = code == StatusCode::CHUNK_ACCEPTED || code.is_success();
        if !is_kept {
            self.warn(format!(
                "{}: the device answered {code} ({}) to some of item {}, it stays pending",
                ds.name,
                code.phrase(),
                sent.guid
            ));
            if let Some(ds) = self.state.datastores.get_mut(sent.datastore) {
                ds.sending = None;
                ds.cursor = ds.cursor.max(sending.seq);
            }
        }
        if self.state.phase == Phase::Initialization {
            return Ok(());
        }
        let Some(mut held) = self.tx.link(link)? else {
            return Ok(());
        };
        if let Some(open) = &mut held.open {
            open.sending = is_kept.then_some(Sending {
                guid: sent.guid(),
                seq: ChangeSeq(sent.seq),
                confirmed: sending.offset,
            });
            self.tx.put_link(link, &held)?;
        }
        Ok(())
    }
}
