//! Elements as WBXML.
//!
//! Messages that this crate writes have a token for every name. A document that is only
//! transcoded may have names without one, which go into the string table as literals
//! (WBXML 1.3, section 5.8.2), so this writer is its own.

use std::collections::BTreeMap;

use super::element::Element;
use super::walk::{Place, Sink, Versions};
use crate::error::Error;
use crate::names::{Vocabulary, devinf, metinf};
use crate::version::Version;

const VERSION_1_2: u8 = 2;
const UTF_8: u8 = 106;
const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const STR_I: u8 = 0x03;
const LITERAL: u8 = 0x04;
const OPAQUE: u8 = 0xc3;
/// Set in a tag that has content.
const CONTENT: u8 = 0x40;

/// What every reader takes, of one name and of all.
const MAX_NAME: usize = 256;
const MAX_STRING_TABLE: usize = 64 * 1024 - 64;

/// How the type of a document is told.
#[derive(Debug, Clone, Copy)]
enum PublicId {
    Number(u32),
    Text(&'static str),
}

/// One document.
#[derive(Debug)]
struct Document {
    /// Of the root.
    vocabulary: Vocabulary,
    is_metinf: bool,
    body: Vec<u8>,
    page: u8,
    table: Vec<u8>,
    literals: BTreeMap<Vec<u8>, usize>,
    /// Where the tags of open elements stand, until they have content.
    open: Vec<Option<usize>>,
}

impl Document {
    fn new(root: &Element<'_>) -> Self {
        let vocabulary = if root.is(Vocabulary::DevInf, devinf::DEV_INF) {
            Vocabulary::DevInf
        } else {
            Vocabulary::SyncMl
        };
        Self {
            vocabulary,
            is_metinf: root.is(Vocabulary::SyncMl, metinf::MET_INF),
            body: Vec::new(),
            page: 0,
            table: Vec::new(),
            literals: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    /// The innermost open element has content.
    fn content(&mut self) {
        let tag = self.open.last_mut().and_then(Option::take);
        if let Some(byte) = tag.and_then(|at| self.body.get_mut(at)) {
            *byte |= CONTENT;
        }
    }

    fn start(&mut self, element: &Element<'_>) -> Result<(), Error> {
        self.content();
        if let Some((page, code)) = self.token(element) {
            if page != self.page {
                self.body.extend([SWITCH_PAGE, page]);
                self.page = page;
            }
            self.open.push(Some(self.body.len()));
            self.body.push(code);
        } else {
            let index = self.literal(element)?;
            self.open.push(Some(self.body.len()));
            self.body.push(LITERAL);
            integer(&mut self.body, index);
        }
        Ok(())
    }

    /// The token that a reader of this document takes for the element.
    fn token(&self, element: &Element<'_>) -> Option<(u8, u8)> {
        let is_root = self.open.is_empty();
        match element {
            Element::Known(vocabulary, name) => {
                // a root with this token makes readers use the other tables
                let misleads = is_root
                    && self.vocabulary == Vocabulary::SyncMl
                    && (name.page, name.code) == (devinf::DEV_INF.page, devinf::DEV_INF.code);
                (*vocabulary == self.vocabulary && !misleads).then_some((name.page, name.code))
            }
            Element::Token { page, code } => self
                .vocabulary
                .entry(*page, *code)
                .is_none()
                .then_some((*page, *code)),
            Element::Named(_) => None,
        }
    }

    /// The place of a name in the string table.
    fn literal(&mut self, element: &Element<'_>) -> Result<usize, Error> {
        let name = match element {
            Element::Named(name) if !name.contains(&0) => name.to_vec(),
            other => other.xml_name().into_owned().into_bytes(),
        };
        if let Some(index) = self.literals.get(&name) {
            return Ok(*index);
        }
        let index = self.table.len();
        let limit = |what, limit| Err(Error::Limit { what, limit });
        if name.len() > MAX_NAME {
            return limit("bytes of a name without a token", MAX_NAME);
        }
        if index + name.len() >= MAX_STRING_TABLE {
            return limit("bytes of names without a token", MAX_STRING_TABLE);
        }
        self.table.extend(&name);
        self.table.push(0);
        self.literals.insert(name, index);
        Ok(index)
    }

    fn text(&mut self, text: &[u8], is_payload: bool) {
        self.content();
        if is_payload || text.contains(&0) || std::str::from_utf8(text).is_err() {
            self.body.push(OPAQUE);
            integer(&mut self.body, text.len());
            self.body.extend(text);
        } else {
            self.body.push(STR_I);
            self.body.extend(text);
            self.body.push(0);
        }
    }

    fn end(&mut self) {
        // a tag that still stands here had no content, and then there is nothing to end
        if self.open.pop() == Some(None) {
            self.body.push(END);
        }
    }

    fn finish(mut self, versions: Versions) -> Vec<u8> {
        let mut document = vec![VERSION_1_2];
        match self.public_id(versions) {
            PublicId::Number(number) => integer(&mut document, number as usize),
            PublicId::Text(text) => {
                document.push(0);
                integer(&mut document, self.table.len());
                self.table.extend(text.as_bytes());
            }
        }
        document.push(UTF_8);
        integer(&mut document, self.table.len());
        document.extend(self.table);
        document.extend(self.body);
        document
    }

    fn public_id(&self, versions: Versions) -> PublicId {
        match (self.vocabulary, versions) {
            _ if self.is_metinf => PublicId::Number(0x1202),
            // the oldest phones know the text alone
            (Vocabulary::SyncMl, v) if v.message == Version::V1_0 => {
                PublicId::Text("-//SYNCML//DTD SyncML 1.0//EN")
            }
            (Vocabulary::SyncMl, v) if v.message == Version::V1_1 => PublicId::Number(0x0fd3),
            (Vocabulary::SyncMl, _) => PublicId::Number(0x1201),
            (Vocabulary::DevInf, v) if v.devinf == Version::V1_0 => {
                PublicId::Text("-//SYNCML//DTD DevInf 1.0//EN")
            }
            (Vocabulary::DevInf, v) if v.devinf == Version::V1_1 => PublicId::Number(0x0fd4),
            (Vocabulary::DevInf, _) => PublicId::Number(0x1203),
        }
    }
}

/// A multi-byte integer (WBXML 1.3, section 5.1).
fn integer(out: &mut Vec<u8>, value: usize) {
    let groups = (usize::BITS - value.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        out.push((value >> (7 * group)) as u8 & 0x7f | more);
    }
}

/// The document as it is written, with the one nested in it.
#[derive(Debug, Default)]
pub(super) struct Binary {
    /// The outer document, and the nested one while it is open.
    documents: Vec<Document>,
    finished: Vec<u8>,
}

impl Binary {
    pub(super) fn finish(self) -> Vec<u8> {
        self.finished
    }
}

impl Sink for Binary {
    fn start(
        &mut self,
        element: &Element<'_>,
        is_document: bool,
        _versions: Versions,
    ) -> Result<(), Error> {
        if is_document || self.documents.is_empty() {
            self.documents.push(Document::new(element));
        }
        match self.documents.last_mut() {
            Some(document) => document.start(element),
            None => Ok(()),
        }
    }

    fn text(&mut self, text: &[u8], place: Place) {
        if let Some(document) = self.documents.last_mut() {
            document.text(text, place.is_payload);
        }
    }

    fn end(&mut self, versions: Versions) -> Result<(), Error> {
        let Some(document) = self.documents.last_mut() else {
            return Ok(());
        };
        document.end();
        if document.open.is_empty()
            && let Some(document) = self.documents.pop()
        {
            let bytes = document.finish(versions);
            match self.documents.last_mut() {
                Some(outer) => outer.text(&bytes, true),
                None => self.finished = bytes,
            }
        }
        Ok(())
    }
}
