//! Large objects: content that comes or goes in chunks, one a message, for both roles.
//!
//! ```text
//! item with MoreData ─▶ Buffer (durable, by link) ─▶ … ─▶ last chunk ─▶ the whole content
//! content, by slices ─▶ largest chunk that fits ─▶ message ─▶ status 213 ─▶ the next slice
//! ```
//!
//! Follows the DS Protocol, large object handling (1.1 and up). What has come is kept in a buffer
//! that outlasts the session, so that a resumed one goes on where the broken one ended. A message
//! costs memory for its own chunk alone; the whole is put together once, when its end has come.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use syncml::{Change, ChangeKind, Command, Data, Encoding, Item, MessageWriter, Meta, StatusCode};

use crate::content::{carried, decoded, is_base64};
use crate::store::Partial;

/// The fewest bytes for which an object is cut.
const LEAST: usize = 64;

/// Bytes read at a time to see whether XML can carry a content: each time a store may have to look
/// for the place.
const LOOK: usize = 1 << 20;

/// Where the chunks of an object are kept until its last one has come.
pub(crate) trait Buffer {
    type Error;
    fn partial(&mut self) -> Result<Option<Partial>, Self::Error>;
    fn begin(&mut self, head: &[u8]) -> Result<(), Self::Error>;
    fn append(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    fn undo(&mut self) -> Result<(), Self::Error>;
    fn content(&mut self) -> Result<Vec<u8>, Self::Error>;
    fn end(&mut self) -> Result<(), Self::Error>;
}

/// What the first chunk says of its object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The item's identifier, as its sender gives it.
    pub(crate) id: String,
    pub(crate) replaces: bool,
    pub(crate) media_type: Option<String>,
    pub(crate) format: Option<String>,
    /// Bytes of the whole.
    pub(crate) size: u64,
    /// The addresses of the item.
    pub(crate) target: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) source_parent: Option<String>,
    pub(crate) target_parent: Option<String>,
    /// It has only the fields that change.
    #[serde(default)]
    pub(crate) field_level: bool,
}

impl Head {
    pub(crate) fn of(id: &str, kind: ChangeKind, item: &Item<'_>, meta: &Meta<'_>) -> Self {
        let owned = |text: &Option<syncml::Text<'_>>| text.as_deref().map(str::to_owned);
        let address = |location: &Option<syncml::Location<'_>>| {
            location.as_ref().map(|location| location.uri.to_string())
        };
        Self {
            id: id.to_owned(),
            replaces: kind == ChangeKind::Replace,
            media_type: owned(&meta.media_type),
            format: owned(&meta.format),
            size: meta.size.unwrap_or(0),
            target: address(&item.target),
            source: address(&item.source),
            source_parent: owned(&item.source_parent),
            target_parent: owned(&item.target_parent),
            field_level: meta.field_level,
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn written(&self) -> Vec<u8> {
        // plain texts and numbers always serialize
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The most bytes that may come: a size may count what base64 carries rather than its text.
    fn most(&self) -> u64 {
        if is_base64(self.format.as_deref()) {
            self.size.saturating_add(self.size / 2).saturating_add(1024)
        } else {
            self.size
        }
    }
}

/// A chunk, with what is known around it.
pub(crate) struct Chunk<'c> {
    pub(crate) head: Head,
    /// `Size` stands in its Meta, as in the first chunk.
    pub(crate) has_size: bool,
    pub(crate) bytes: &'c [u8],
    pub(crate) more: bool,
    /// A chunk of the same object came before in this session.
    pub(crate) goes_on: bool,
    /// How many bytes of the object its sender says are before it.
    pub(crate) position: Option<u64>,
    /// The largest object that is taken, bytes.
    pub(crate) limit: u64,
}

/// What became of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is refused, and the object with it.
    Refused(StatusCode),
    /// It is kept, and more is to come.
    Kept,
    /// It was the last: the object. The buffer holds it until its sender has heard of that: a
    /// session that breaks before is resumed with the last chunk.
    Whole(Box<Head>, Vec<u8>),
}

/// Takes a chunk.
// spec: J02 J04 J06 J07 J13 J14
pub(crate) fn take<B: Buffer>(buffer: &mut B, chunk: &Chunk<'_>) -> Result<Taken, B::Error> {
    let known = buffer
        .partial()?
        .and_then(|partial| Some((Head::read(&partial.head)?, partial)))
        .filter(|(head, _)| head.id == chunk.head.id && !chunk.has_size);
    let (head, received) = match known {
        Some((head, partial)) => {
            let mut received = partial.received;
            if !chunk.goes_on {
                match came_before(&partial, chunk) {
                    Some(false) => {}
                    // its end may be another one this time
                    Some(true) => {
                        buffer.undo()?;
                        received -= partial.last_chunk.len() as u64;
                    }
                    None => {
                        buffer.end()?;
                        return Ok(Taken::Refused(StatusCode::SIZE_MISMATCH));
                    }
                }
            }
            (head, received)
        }
        None if !chunk.has_size => return Ok(Taken::Refused(StatusCode::SIZE_REQUIRED)),
        None if chunk.head.size > chunk.limit => {
            buffer.end()?;
            return Ok(Taken::Refused(StatusCode::SIZE_TOO_BIG));
        }
        None => {
            buffer.begin(&chunk.head.written())?;
            (chunk.head.clone(), 0)
        }
    };
    buffer.append(chunk.bytes)?;
    if received + chunk.bytes.len() as u64 > head.most() {
        buffer.end()?;
        return Ok(Taken::Refused(StatusCode::SIZE_MISMATCH));
    }
    if chunk.more {
        return Ok(Taken::Kept);
    }
    let carried = buffer.content()?;
    let carried_size = carried.len() as u64;
    let bare_ends = bare_line_ends(&carried);
    let Some(content) = decoded(Cow::Owned(carried), head.format.as_deref()) else {
        buffer.end()?;
        return Ok(Taken::Refused(StatusCode::UNSUPPORTED_TYPE));
    };
    let fits = carried_size == head.size
        || content.len() as u64 == head.size
        // XML readers and writers between the two may turn the ends of lines into one character
        || (carried_size..=carried_size + bare_ends).contains(&head.size);
    if !fits {
        buffer.end()?;
        return Ok(Taken::Refused(StatusCode::SIZE_MISMATCH));
    }
    Ok(Taken::Whole(Box::new(head), content.into_owned()))
}

/// Whether the first chunk of a resumed session is the one that came last before the break: its
/// sender did not hear that it had come. `None` where it does not go on from what has come.
fn came_before(partial: &Partial, chunk: &Chunk<'_>) -> Option<bool> {
    let last = partial.last_chunk.len() as u64;
    match chunk.position {
        Some(position) if position == partial.received => Some(false),
        Some(position) if position + last == partial.received => Some(true),
        Some(_) => None,
        None => Some(partial.last_chunk == chunk.bytes),
    }
}

/// Whether an item is a chunk, though it neither has a size nor says that more comes: the last
/// chunk, in a resumed session perhaps for the second time. There the item may as well come whole.
/// `known` is what has come of a large object, if it is of the same item.
// spec: I10 J06
pub(crate) fn is_last(
    known: Option<(&Partial, &Head)>,
    item: &Item<'_>,
    position: Option<u64>,
) -> bool {
    // whatever goes before it is missing, it must not be taken for the whole
    if let Some(position) = position {
        return position > 0;
    }
    let bytes = carried(item).unwrap_or_default();
    let Some((partial, head)) = known.filter(|_| !bytes.is_empty()) else {
        return false;
    };
    partial.received + bytes.len() as u64 == head.size
        || (partial.received == head.size && partial.last_chunk == bytes)
}

/// The size that a change says of an item: in the item's own Meta, or in that of a command that has
/// no other item.
pub(crate) fn size_of(change: &Change<'_>, item: &Item<'_>) -> Option<u64> {
    let own = item.meta.as_ref().and_then(|meta| meta.size);
    let of_command = change.meta.as_ref().and_then(|meta| meta.size);
    own.or(of_command.filter(|_| change.items.len() == 1))
}

/// The place in `EMI` of a Meta that says where in its object a chunk begins, as some peers write
/// it.
const POSITION: &str = "datapos=";

/// Where in its object a chunk begins, if its Meta says it.
pub(crate) fn position_of(meta: &Meta<'_>) -> Option<u64> {
    let mut emi = meta.emi.iter();
    emi.find_map(|text| text.trim().strip_prefix(POSITION)?.parse().ok())
}

fn bare_line_ends(bytes: &[u8]) -> u64 {
    let mut before = 0;
    let mut count = 0;
    for byte in bytes {
        count += u64::from(*byte == b'\n' && before != b'\r');
        before = *byte;
    }
    count
}

/// Whether a content has to go as base64, looked at by slices.
pub(crate) fn needs_base64<E>(
    encoding: Encoding,
    mut slice: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    if encoding == Encoding::Wbxml {
        return Ok(false);
    }
    let mut offset = 0;
    loop {
        let bytes = slice(offset, LOOK)?;
        let whole = whole_characters(&bytes);
        if !syncml::can_carry(encoding, bytes.get(..whole).unwrap_or_default()) {
            return Ok(true);
        }
        if bytes.len() < LOOK {
            // what is left is the half of a character
            return Ok(whole < bytes.len());
        }
        offset += whole as u64;
    }
}

/// Bytes up to the last character that is whole; all of them for what is no text.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// Where a chunk ends well: between characters, and not before a blank or a line's end. Widely used
/// XML readers leave out blanks that a text begins with.
fn good_end(bytes: &[u8]) -> usize {
    let whole = whole_characters(bytes);
    let begins_well = |at: &usize| {
        let next = bytes.get(*at).copied().unwrap_or_default();
        !next.is_ascii_whitespace() && !is_continuation(next)
    };
    (whole / 2..whole).rev().find(begins_well).unwrap_or(whole)
}

/// Whether a byte of UTF-8 is within a character.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// An object on its way out.
pub(crate) struct Outgoing<'o> {
    pub(crate) kind: ChangeKind,
    /// The item, without data; its `Meta` has the type.
    pub(crate) item: Item<'o>,
    /// Bytes of the content.
    pub(crate) size: u64,
    /// The receiver wants to be told one byte more.
    pub(crate) size_plus_one: bool,
    /// Bytes that are out.
    pub(crate) offset: u64,
    pub(crate) base64: bool,
    /// It is the first chunk of a resumed session.
    pub(crate) resumes: bool,
}

/// Writes the largest chunk that keeps the message within `limit`; how many bytes of the content
/// it has, or `None` when there is no room for a useful one.
pub(crate) fn write<E>(
    writer: &mut MessageWriter,
    limit: usize,
    cmd_id: u32,
    out: &Outgoing<'_>,
    mut slice: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
) -> Result<Option<usize>, E> {
    let mut room = limit.saturating_sub(writer.size());
    if out.base64 {
        room = room / 4 * 3;
    }
    let rest = out.size.saturating_sub(out.offset);
    loop {
        let mut bytes = slice(out.offset, room)?;
        if (bytes.len() as u64) < rest {
            let end = if out.base64 {
                bytes.len() / 3 * 3
            } else {
                good_end(&bytes)
            };
            bytes.truncate(end);
        }
        let length = bytes.len();
        if length == 0 || (length < LEAST && (length as u64) < rest) {
            return Ok(None);
        }
        let mark = writer.mark();
        writer.command(&Command::Change(chunk_of(out, cmd_id, bytes, rest)));
        let size = writer.size();
        if size <= limit {
            return Ok(Some(length));
        }
        writer.rollback(mark);
        let over = size - limit;
        // characters that XML escapes make up to six of one: come down by halves at least
        let less = if out.base64 { over / 4 * 3 + 3 } else { over };
        room = length
            .saturating_sub(less)
            .max(length / 2)
            .min(length.saturating_sub(1));
    }
}

fn chunk_of<'o>(out: &Outgoing<'o>, cmd_id: u32, bytes: Vec<u8>, rest: u64) -> Change<'o> {
    let more = (bytes.len() as u64) < rest;
    let mut meta = out.item.meta.clone().unwrap_or_default();
    if out.base64 {
        meta.format = Some("b64".into());
    }
    if out.offset == 0 {
        let size = if out.base64 {
            out.size.div_ceil(3) * 4
        } else {
            out.size
        };
        meta.size = Some(size + u64::from(out.size_plus_one));
    }
    if out.resumes {
        meta.emi.push(format!("{POSITION}{}", out.offset).into());
    }
    let data = if out.base64 {
        Data::text(STANDARD.encode(&bytes))
    } else {
        Data::Bytes(Cow::Owned(bytes))
    };
    let item = Item {
        meta: Some(meta),
        data: Some(data),
        more_data: more,
        ..out.item.clone()
    };
    Change::new(out.kind, cmd_id.to_string(), item)
}
