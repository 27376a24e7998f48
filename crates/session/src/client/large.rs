//! Large objects: what of them is the client's.

use syncml::{Change, Item, StatusCode};

use super::{Awaited, Error, Failure, LocalChange, Replica, ReplicaError, SendingObject, Session};
use crate::chunks::{self, Buffer, Chunk, Head, Taken};
use crate::content::carried;
use crate::store::Partial;

/// The chunks that come for one replica.
struct Incoming<'r>(&'r mut dyn Replica);

impl Buffer for Incoming<'_> {
    type Error = ReplicaError;

    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        self.0.partial()
    }
    fn begin(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        self.0.begin_partial(head)
    }
    fn append(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        self.0.append_partial(bytes)
    }
    fn undo(&mut self) -> Result<(), ReplicaError> {
        self.0.undo_partial()
    }
    fn content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        self.0.partial_content()
    }
    fn end(&mut self) -> Result<(), ReplicaError> {
        self.0.end_partial()
    }
}

/// An object that goes out in chunks.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) change: LocalChange,
    hash: u64,
    offset: u64,
    /// Where this session has begun.
    begun: u64,
    base64: bool,
}

/// What became of the try to send some of an object.
pub(super) enum Step {
    /// A chunk is written, and the message is full.
    Written,
    /// The last chunk is written.
    Ended,
    /// There was no room.
    NoRoom,
}

impl Session {
    /// Whether a content of so many bytes may go in chunks.
    // spec: J12 J15
    pub(super) fn may_chunk(&self, size: usize) -> bool {
        self.config.version >= syncml::Version::V1_1
            && self.server.rules.large_objects != Some(false)
            && self
                .peer_max_obj_size
                .is_some_and(|most| size as u64 <= most)
    }

    /// A change begins to go out in chunks, from where an unfinished session has come to.
    pub(super) fn begin_sending(&mut self, index: usize, change: LocalChange) {
        let encoding = self.config.encoding;
        let Some(active) = self.sources.get_mut(index) else {
            return;
        };
        let hash = crate::hash(&change.content);
        let base64 = !syncml::can_carry(encoding, &change.content);
        // the server keeps one object: any other that goes out in its place ends it
        let begun = active
            .unfinished
            .as_mut()
            .and_then(|unfinished| unfinished.sending.take())
            .filter(|_| active.resumed && !base64)
            .filter(|begun| begun.luid == change.luid && begun.hash == hash);
        let begun = begun.map_or(0, |begun| begun.confirmed);
        active.in_chunks = true;
        active.sending = Some(Sending {
            hash,
            offset: begun,
            begun,
            base64,
            change,
        });
    }

    /// Writes the next chunk of the object that is going out.
    // spec: J01 J02 J03 S19
    pub(super) fn write_chunk(&mut self, out: &mut super::compose::Outgoing, index: usize) -> Step {
        let message = self.msg_id;
        let Some(active) = self.sources.get_mut(index) else {
            return Step::NoRoom;
        };
        let Some(mut sending) = active.sending.take() else {
            return Step::NoRoom;
        };
        let command = super::compose::change_of(&sending.change, out.next_cmd_id);
        let item = command.items.into_iter().next().unwrap_or_default();
        let object = chunks::Outgoing {
            kind: command.kind,
            item: Item { data: None, ..item },
            size: sending.change.content.len() as u64,
            size_plus_one: false,
            offset: sending.offset,
            base64: sending.base64,
            resumes: sending.offset > 0 && sending.offset == sending.begun,
        };
        let content = &sending.change.content;
        let slice = |offset: u64, length: usize| {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let rest = content.get(offset..).unwrap_or_default();
            Ok::<_, std::convert::Infallible>(rest.iter().copied().take(length).collect())
        };
        let Ok(written) =
            chunks::write(&mut out.writer, out.limit, out.next_cmd_id, &object, slice);
        let Some(written) = written else {
            active.sending = Some(sending);
            return Step::NoRoom;
        };
        sending.offset += written as u64;
        let key = (message, out.next_cmd_id);
        out.next_cmd_id += 1;
        if sending.offset >= sending.change.content.len() as u64 {
            let awaited = Awaited::Change {
                source: index,
                luid: sending.change.luid.clone(),
                kind: sending.change.kind,
            };
            self.awaited.insert(key, awaited);
            return Step::Ended;
        }
        let awaited = Awaited::Chunk {
            source: index,
            luid: sending.change.luid.clone(),
            offset: sending.offset,
        };
        self.awaited.insert(key, awaited);
        active.sending = Some(sending);
        Step::Written
    }

    /// The server's answer to some of an object.
    // spec: J05 I10
    pub(super) fn settle_chunk(
        &mut self,
        source: usize,
        luid: &str,
        offset: u64,
        code: StatusCode,
    ) -> Result<(), Error> {
        let Some(active) = self.sources.get_mut(source) else {
            return Ok(());
        };
        let hash = match &active.sending {
            Some(sending) if sending.change.luid == luid => sending.hash,
            _ => return Ok(()),
        };
        if active.is_put_off(code) {
            active.sending = None;
            return active.remember_sending(None);
        }
        let is_kept = code == StatusCode::CHUNK_ACCEPTED || code.is_success();
        let begun = is_kept.then(|| SendingObject {
            luid: luid.to_owned(),
            hash,
            confirmed: offset,
        });
        if begun.is_none() {
            active.sending = None;
            active.summary.failed.push(Failure {
                item: luid.to_owned(),
                reason: format!("the server answered {code}, {}", code.phrase()),
            });
        }
        active.remember_sending(begun)
    }

    /// The server says that an object of ours was not ended.
    // spec: J09
    pub(super) fn give_up_sending(&mut self) {
        for active in &mut self.sources {
            if let Some(sending) = active.sending.take() {
                active.summary.failed.push(Failure {
                    item: sending.change.luid,
                    reason: "the server did not get it whole; the next sync sends it again"
                        .to_owned(),
                });
            }
        }
    }

    /// Whether an item is the next chunk of the object that is coming, its last one included.
    pub(super) fn goes_on(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Result<bool, Error> {
        use syncml::ChangeKind::{Add, Replace};
        let has_size = chunks::size_of(change, item).is_some();
        if has_size || !matches!(change.kind, Add | Replace) {
            return Ok(false);
        }
        let is_here = self.receiving == Some(index);
        if self.receiving.is_some() && !is_here {
            return Ok(false);
        }
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(false);
        };
        let partial = active.call(|replica| replica.partial())?;
        let head = partial
            .as_ref()
            .and_then(|partial| Head::read(&partial.head));
        let known = partial.as_ref().zip(head.as_ref());
        let known = known.filter(|(_, head)| head.id == id_of(item));
        if is_here || item.more_data {
            return Ok(known.is_some());
        }
        let meta = item.meta.clone().unwrap_or_default();
        let position = chunks::position_of(&meta.inherit(change.meta.as_ref()));
        Ok(chunks::is_last(known, item, position))
    }

    /// The server goes on, so it has heard that its objects are complete.
    pub(super) fn forget_completed(&mut self) -> Result<(), Error> {
        for index in std::mem::take(&mut self.completed) {
            if let Some(active) = self.sources.get_mut(index) {
                active.call(|replica| replica.end_partial())?;
            }
        }
        Ok(())
    }

    /// Takes a chunk.
    // spec: S19
    pub(super) fn take_chunk(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Result<Taken, Error> {
        let meta = item.meta.clone().unwrap_or_default();
        let mut meta = meta.inherit(change.meta.as_ref());
        meta.size = chunks::size_of(change, item);
        let Some(bytes) = carried(item) else {
            return Ok(Taken::Refused(StatusCode::UNSUPPORTED_TYPE));
        };
        if self.config.version < syncml::Version::V1_1 {
            return Ok(Taken::Refused(StatusCode::NOT_SUPPORTED));
        }
        let chunk = Chunk {
            head: Head::of(id_of(item), change.kind, item, &meta),
            has_size: meta.size.is_some(),
            bytes,
            more: item.more_data,
            goes_on: self.receiving == Some(index),
            position: chunks::position_of(&meta),
            limit: self.config.max_obj_size,
        };
        let Some(active) = self.sources.get_mut(index) else {
            return Ok(Taken::Refused(StatusCode::COMMAND_FAILED));
        };
        let taken = active.call(|replica| chunks::take(&mut Incoming(replica), &chunk))?;
        self.receiving = (taken == Taken::Kept).then_some(index);
        self.completed.retain(|completed| *completed != index);
        if matches!(taken, Taken::Whole(..)) {
            self.completed.push(index);
        }
        Ok(taken)
    }

    /// Something else has come in place of the next chunk: the server is told, and what has come is
    /// dropped.
    // spec: J08
    pub(super) fn end_of_data_missing(&mut self) -> Result<(), Error> {
        let Some(active) = self
            .receiving
            .take()
            .and_then(|index| self.sources.get_mut(index))
        else {
            return Ok(());
        };
        let partial = active.call(|replica| {
            let partial = replica.partial()?;
            replica.end_partial()?;
            Ok(partial)
        })?;
        let head = partial.and_then(|partial| Head::read(&partial.head));
        if let Some(head) = head {
            self.unended.push((head.target, head.source));
        }
        Ok(())
    }
}

/// The identifier by which an item of the server is known: our LUID, or the GUID of a new one.
fn id_of<'i>(item: &'i Item<'_>) -> &'i str {
    match item.target_uri() {
        "" => item.source_uri(),
        luid => luid,
    }
}

impl super::Active {
    /// A change is settled, one way or the other: there is nothing to go on with.
    pub(super) fn forget_sending(&mut self, luid: &str) -> Result<(), Error> {
        if !self.in_chunks {
            return Ok(());
        }
        let unfinished = self.call(|replica| replica.unfinished())?;
        let sending = unfinished.and_then(|unfinished| unfinished.sending);
        match sending {
            Some(sending) if sending.luid == luid => self.remember_sending(None),
            _ => Ok(()),
        }
    }

    /// Keeps how far an object is out, for a session that resumes this one.
    fn remember_sending(&mut self, begun: Option<SendingObject>) -> Result<(), Error> {
        let Some(mut unfinished) = self.call(|replica| replica.unfinished())? else {
            return Ok(());
        };
        self.in_chunks = begun.is_some();
        unfinished.sending = begun;
        self.call(|replica| replica.set_unfinished(Some(&unfinished)))
    }
}
