//! Contacts: vCard 2.1, 3.0 and 4.0.
//!
//! Each property is read into components of decoded text, or into binary data; what one version
//! says in one property and another in two is joined or parted; then each property gets the name,
//! the parameters and the escapes that the target knows.

mod names;
mod read;
mod relate;
mod shape;
mod write;

use super::Target;
use crate::component::{Components, Event, Tag};
use crate::line::Line;
use crate::media::Format;

/// Bytes of a line, and lines of a card, that room is made for beforehand.
const LINE: usize = 32;
const MOST_LINES: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Verbatim(String),
    Binary(Vec<u8>),
    /// One text.
    Text(String),
    /// Components, each a list.
    Parts(Vec<Vec<String>>),
    /// A card, as the value of `AGENT`.
    Card(Vec<u8>),
}

impl Value {
    /// Whether it is written with escapes.
    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Parts(_))
    }
}

#[derive(Debug, Clone)]
struct Property {
    group: Option<String>,
    name: String,
    types: Vec<String>,
    /// The other parameters, transfer encodings and character sets aside.
    params: Vec<(String, String)>,
    /// `PREF` of vCard 4.0: 1 is preferred to 2.
    rank: Option<u32>,
    value: Value,
    /// Whether something of the source is missing already.
    partial: bool,
}

/// A property and where it is from.
#[derive(Debug)]
struct Entry<'a> {
    property: Property,
    /// The source line; empty if it was made of another's.
    source: &'a [u8],
    /// The source lines that follow, of an agent's card.
    more: Vec<&'a [u8]>,
}

impl Entry<'_> {
    fn made(property: Property) -> Self {
        Self {
            property,
            source: &[],
            more: Vec::new(),
        }
    }
}

/// What becomes of a property in the target's version.
#[derive(Debug, PartialEq, Eq)]
enum Shaped {
    Fits,
    /// There is no form for it.
    Lost,
    /// It says nothing.
    Absent,
}

impl Property {
    fn new(name: &str, value: Value) -> Self {
        Self {
            group: None,
            name: name.to_owned(),
            types: Vec::new(),
            params: Vec::new(),
            rank: None,
            value,
            partial: false,
        }
    }

    /// The value as one text; empty for binary data.
    fn text(&self) -> String {
        match &self.value {
            Value::Parts(parts) => joined(parts),
            Value::Verbatim(text) | Value::Text(text) => text.clone(),
            Value::Binary(_) | Value::Card(_) => String::new(),
        }
    }
}

/// The card in the target's version, and the lines that do not fit in it. What follows the first
/// card is lost, and so are components in it, but for the card of an agent.
pub(super) fn convert(content: &[u8], from: Format, target: Target) -> (Vec<u8>, Vec<Vec<u8>>) {
    convert_card(content, from, target, false)
}

/// Of an agent `is_inner`: it has no agent itself, since escapes in escapes double.
// spec: T35
fn convert_card(
    content: &[u8],
    from: Format,
    target: Target,
    is_inner: bool,
) -> (Vec<u8>, Vec<Vec<u8>>) {
    let to = target.format;
    let mut reading = Reading {
        is_inner,
        entries: Vec::with_capacity((content.len() / LINE).min(MOST_LINES)),
        ..Reading::default()
    };
    reading.read(content, from);
    let Reading {
        entries, mut lost, ..
    } = reading;
    // quoted-printable is longer than text
    let mut out = Vec::with_capacity(content.len() + content.len() / 2);
    let mut room = write::Room::default();
    for part in ["BEGIN:VCARD\r\nVERSION:", to.version(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for mut entry in relate::relate(entries, from, to) {
        let shaped = if is_inner && entry.property.name == "AGENT" {
            Shaped::Lost
        } else {
            shape::shape(&mut entry.property, from, target)
        };
        if shaped == Shaped::Fits {
            write::write(&mut out, &entry.property, target, &mut room);
        }
        let is_lost = shaped == Shaped::Lost || entry.property.partial;
        if is_lost {
            let lines = std::iter::once(entry.source).chain(entry.more);
            let lines = lines.filter(|line| !line.is_empty());
            lost.extend(lines.map(<[u8]>::to_vec));
        }
    }
    out.extend_from_slice(b"END:VCARD\r\n");
    (out, lost)
}

#[derive(Debug, Default)]
struct Reading<'a> {
    entries: Vec<Entry<'a>>,
    lost: Vec<Vec<u8>>,
    /// Whether this is an agent's card.
    is_inner: bool,
    /// Whether the card has ended.
    is_done: bool,
    /// The card of an agent and its source, as long as it is open.
    agent: Option<(Vec<u8>, Vec<&'a [u8]>)>,
}

impl<'a> Reading<'a> {
    fn read(&mut self, content: &'a [u8], from: Format) {
        let mut depth = 0_usize;
        for event in Components::new(content) {
            match event {
                Event::Begin { tag, line } => {
                    depth += 1;
                    if depth == 2 && tag == Tag::VCard && !self.is_done && !self.is_inner {
                        self.begin_agent(&line);
                    } else if depth > 1 || tag != Tag::VCard || self.is_done {
                        self.inner(&line);
                    }
                }
                Event::End { line, .. } => {
                    depth = depth.saturating_sub(1);
                    match &line {
                        Some(line) if depth > 0 || self.is_done => self.inner(line),
                        _ => self.is_done |= depth == 0,
                    }
                    if depth <= 1 {
                        self.end_agent(line.is_some());
                    }
                }
                Event::Property(line) if line.is("VERSION") && depth == 1 && !self.is_done => {}
                Event::Property(line) if line.is_malformed() && line.is_empty() => {}
                Event::Property(line) if line.is_malformed() || depth != 1 || self.is_done => {
                    self.inner(&line);
                }
                Event::Property(line) => self.entries.push(Entry {
                    property: read::read(&line, from),
                    source: line.source(),
                    more: Vec::new(),
                }),
            }
        }
    }

    // spec: T30
    fn begin_agent(&mut self, line: &Line<'a>) {
        // the line before, which has no value
        let is_agent = |entry: &mut Entry<'_>| {
            entry.property.name == "AGENT" && entry.property.text().trim().is_empty()
        };
        let before = self.entries.pop_if(is_agent);
        let mut source = before.map_or(Vec::new(), |entry| vec![entry.source]);
        source.push(line.source());
        self.agent = Some((b"BEGIN:VCARD\r\n".to_vec(), source));
    }

    /// A line within a component of the card, or after it.
    // spec: T15
    fn inner(&mut self, line: &Line<'a>) {
        match &mut self.agent {
            Some((card, source)) => {
                card.extend_from_slice(line.source());
                source.push(line.source());
            }
            None => self.lost.push(line.source().to_vec()),
        }
    }

    fn end_agent(&mut self, has_line: bool) {
        let Some((mut card, more)) = self.agent.take() else {
            return;
        };
        if !has_line {
            card.extend_from_slice(b"\r\nEND:VCARD\r\n");
        }
        let property = Property::new("AGENT", Value::Card(card));
        self.entries.push(Entry {
            property,
            source: &[],
            more,
        });
    }
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a type can be written without quotes.
fn is_token(kind: &str) -> bool {
    kind.chars()
        .all(|c| c.is_alphanumeric() || "-_+.".contains(c))
}

fn joined(parts: &[Vec<String>]) -> String {
    let parts: Vec<_> = parts.iter().map(|p| p.join(",")).collect();
    parts.join(";")
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod table;
