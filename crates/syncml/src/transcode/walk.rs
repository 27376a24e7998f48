//! The way of a document into a sink, element by element.
//!
//! The text of an element is collected until a child or its end follows, since only then is it
//! certain whether white space counts. A document of device information nested in `Data` becomes
//! elements here; the binary sink makes a document of them again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::element::Element;
use super::input::{Input, Piece};
use crate::error::Error;
use crate::names::{Name, Vocabulary, devinf, metinf, syncml};
use crate::read::Limits;
use crate::version::{Encoding, Version};

/// What stands for a secret.
const REDACTED: &[u8] = b"[redacted]";

/// The versions that the document has named so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Versions {
    pub(super) message: Version,
    pub(super) devinf: Version,
}

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// It is all that its element holds.
    pub(super) is_whole: bool,
    /// It is the payload of an item or a search.
    pub(super) is_payload: bool,
}

/// What a document is turned into.
pub(super) trait Sink {
    /// An element begins. With `is_document` it is device information in `Data`, which is a
    /// document of its own in the binary form.
    fn start(
        &mut self,
        element: &Element<'_>,
        is_document: bool,
        versions: Versions,
    ) -> Result<(), Error>;
    fn text(&mut self, text: &[u8], place: Place);
    fn end(&mut self, versions: Versions) -> Result<(), Error>;
}

#[derive(Debug)]
struct Open {
    /// Of the nearest known element.
    vocabulary: Option<Vocabulary>,
    is_data: bool,
    takes_payload: bool,
    is_meta: bool,
    is_type: bool,
    states_version: Option<Vocabulary>,
    is_base64: bool,
    /// A part of its text came as bytes.
    has_bytes: bool,
    /// Something was written in it.
    has_content: bool,
    in_cred: bool,
    is_secret: bool,
}

#[derive(Debug)]
pub(super) struct Walk<'s, S> {
    sink: &'s mut S,
    open: Vec<Open>,
    text: Vec<u8>,
    /// Depth of the nested document's root.
    nested: Option<usize>,
    pub(super) versions: Versions,
    /// The encoding that the type of device information is spelled for, in `Meta`.
    spelled_for: Option<Encoding>,
    redact: bool,
    /// Bytes read before the first secret, and before the fault.
    pub(super) safe: usize,
    pub(super) met_secret: bool,
}

impl<'s, S: Sink> Walk<'s, S> {
    pub(super) fn new(sink: &'s mut S, spelled_for: Option<Encoding>, redact: bool) -> Self {
        Self {
            sink,
            open: Vec::new(),
            text: Vec::new(),
            nested: None,
            versions: Versions {
                message: Version::V1_2,
                devinf: Version::V1_2,
            },
            spelled_for,
            redact,
            safe: 0,
            met_secret: false,
        }
    }

    /// Takes the whole document.
    pub(super) fn document(&mut self, mut input: Input<'_>) -> Result<(), Error> {
        let head = input.plain_head();
        loop {
            if !self.met_secret {
                self.safe = input.position().min(head);
            }
            match input.next()? {
                Piece::Start(label) => {
                    let element = Element::new(label, self.inside());
                    let is_message = element.is(Vocabulary::SyncMl, syncml::SYNCML);
                    if self.open.is_empty() && is_message {
                        self.versions.message = input.version().unwrap_or(Version::V1_2);
                    }
                    self.start(&element, input.is_base64())?;
                }
                Piece::Text(text) => self.text.extend_from_slice(&text),
                Piece::Opaque(bytes) => {
                    if !self.expand(bytes)? {
                        self.text.extend_from_slice(bytes);
                        if let Some(open) = self.open.last_mut() {
                            open.has_bytes = true;
                        }
                    }
                }
                Piece::End => self.end(&input)?,
                Piece::EndDocument => return Ok(()),
            }
        }
    }

    fn inside(&self) -> Option<Vocabulary> {
        self.open.last().and_then(|open| open.vocabulary)
    }

    fn start(&mut self, element: &Element<'_>, is_base64: bool) -> Result<(), Error> {
        self.expand_pieces()?;
        self.flush(false);
        let parent = self.open.last();
        let (in_cred, is_secret) = if self.redact {
            secrecy(element, parent)
        } else {
            (false, false)
        };
        self.met_secret |= is_secret;
        let is_document = self.nested.is_none()
            && element.is(Vocabulary::DevInf, devinf::DEV_INF)
            && parent.is_some_and(|open| open.is_data && !open.has_content);
        let is_data = element.is(Vocabulary::SyncMl, syncml::DATA);
        let takes_payload = element.is(Vocabulary::SyncMl, syncml::ITEM)
            || element.is(Vocabulary::SyncMl, syncml::SEARCH);
        let states_version = if element.is(Vocabulary::SyncMl, syncml::VER_DTD) {
            Some(Vocabulary::SyncMl)
        } else if element.is(Vocabulary::DevInf, devinf::VER_DTD) {
            Some(Vocabulary::DevInf)
        } else {
            None
        };
        let open = Open {
            vocabulary: element.vocabulary().or(self.inside()),
            is_data,
            takes_payload: takes_payload
                || (is_data && parent.is_some_and(|open| open.takes_payload)),
            is_meta: is_meta(element),
            is_type: element.is(Vocabulary::SyncMl, metinf::TYPE),
            states_version,
            is_base64,
            has_bytes: false,
            has_content: false,
            in_cred,
            is_secret,
        };
        if is_document {
            self.nested = Some(self.open.len());
            self.versions.devinf = self.versions.message;
        }
        self.sink.start(element, is_document, self.versions)?;
        if let Some(parent) = self.open.last_mut() {
            parent.has_content = true;
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self, input: &Input<'_>) -> Result<(), Error> {
        let marked = self
            .open
            .last()
            .is_some_and(|open| open.is_base64 && !open.has_content && !open.is_secret);
        if marked {
            self.text.retain(|byte| !byte.is_ascii_whitespace());
            let bytes = STANDARD
                .decode(&self.text)
                .map_err(|_| input.fail("text that is marked as base64 is not"))?;
            self.text.clear();
            if !self.expand(&bytes)? {
                self.text = bytes;
            }
        } else {
            self.expand_pieces()?;
        }
        self.flush(true);
        self.sink.end(self.versions)?;
        self.open.pop();
        if self.nested == Some(self.open.len()) {
            self.nested = None;
        }
        Ok(())
    }

    /// Takes a nested document of device information, if that is what the bytes are and may be.
    fn expand(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        let fits = self.text.trim_ascii().is_empty()
            && self.nested.is_none()
            && self
                .open
                .last()
                .is_some_and(|open| open.is_data && !open.has_content && !open.is_secret);
        if !fits {
            return Ok(false);
        }
        let depth = Limits::default().max_depth.saturating_sub(self.open.len());
        let Some(input) = Input::nested(bytes, depth) else {
            return Ok(false);
        };
        let safe = self.safe;
        let taken = self.document(input);
        self.safe = safe;
        taken.map(|()| true)
    }

    /// Takes a nested document whose bytes came in several pieces: they are written as one.
    fn expand_pieces(&mut self) -> Result<(), Error> {
        let has_bytes = |open: &mut Open| std::mem::take(&mut open.has_bytes);
        if self.open.last_mut().is_some_and(has_bytes) {
            let bytes = std::mem::take(&mut self.text);
            if !self.expand(&bytes)? {
                self.text = bytes;
            }
        }
        Ok(())
    }

    /// Gives the collected text to the sink, as far as it counts.
    fn flush(&mut self, at_end: bool) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let is_whole = at_end && !open.has_content;
        let counts = !self.text.trim_ascii().is_empty() || (open.is_data && is_whole);
        if self.text.is_empty() || !counts {
            self.text.clear();
            return;
        }
        if let (Some(vocabulary), Ok(text)) = (open.states_version, std::str::from_utf8(&self.text))
            && let Some(version) = Version::from_dtd(text)
        {
            match vocabulary {
                Vocabulary::SyncMl => self.versions.message = version,
                Vocabulary::DevInf => self.versions.devinf = version,
            }
        }
        let text = match self.spelled_for {
            _ if self.redact && open.is_secret => REDACTED,
            Some(encoding) if open.is_type && is_devinf_type(&self.text) => {
                encoding.devinf_media_type().as_bytes()
            }
            _ => &self.text,
        };
        let place = Place {
            is_whole,
            is_payload: open.is_data && open.takes_payload,
        };
        self.sink.text(text, place);
        open.has_content = true;
        self.text.clear();
    }
}

fn is_devinf_type(text: &[u8]) -> bool {
    [Encoding::Xml, Encoding::Wbxml]
        .iter()
        .any(|encoding| encoding.devinf_media_type().as_bytes() == text)
}

fn is_meta(element: &Element<'_>) -> bool {
    element.is(Vocabulary::SyncMl, syncml::META) || element.is(Vocabulary::SyncMl, metinf::MET_INF)
}

/// Whether an element is within credentials, and whether its text is a secret: all text of
/// credentials but their type and format, and nonces. Their tokens count on any code page, for
/// peers that forget to switch back.
fn secrecy(element: &Element<'_>, parent: Option<&Open>) -> (bool, bool) {
    let name = element.xml_name();
    let is = |wanted: Name| {
        name.eq_ignore_ascii_case(wanted.text)
            || element.token().is_some_and(|(_, code)| code == wanted.code)
    };
    let in_meta = parent.is_some_and(|open| open.is_meta);
    let is_wrapper = is_meta(element) && parent.is_none_or(|open| open.is_meta);
    let is_cred = is(syncml::CRED) && !is_wrapper;
    let in_cred = is_cred || parent.is_some_and(|open| open.in_cred);
    let is_label = element.is(Vocabulary::SyncMl, metinf::TYPE)
        || element.is(Vocabulary::SyncMl, metinf::FORMAT);
    let is_secret = is(metinf::NEXT_NONCE) || (in_cred && !(is_label && in_meta));
    (in_cred, is_secret)
}
