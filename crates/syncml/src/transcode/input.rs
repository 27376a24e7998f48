//! Either encoding as one stream of labels and values, with what only one of them has.

use std::borrow::Cow;

use crate::error::Error;
use crate::names::{Vocabulary, devinf};
use crate::read::source::{self, XmlSource};
use crate::read::{Document, Limits};
use crate::version::{Encoding, Version};

/// The attribute that marks an element whose text is base64 of what XML has no form for.
pub(super) const BASE64_MARK: (&str, &str) = ("opaque", "base64");

/// What a tag says, before its place tells what it means.
#[derive(Debug)]
pub(super) enum Label<'a> {
    /// A name: local, or of any bytes from a string table.
    Name(Cow<'a, [u8]>),
    /// A token that is not assigned.
    Token { page: u8, code: u8 },
}

/// A piece of a document.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Start(Label<'a>),
    End,
    Text(Cow<'a, [u8]>),
    Opaque(&'a [u8]),
    EndDocument,
}

/// A document of either encoding.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Xml(Box<XmlSource<'a>>),
    Wbxml {
        reader: Box<wbxml::Reader<'a>>,
        vocabulary: Option<Vocabulary>,
    },
}

impl<'a> Input<'a> {
    pub(super) fn new(document: &'a Document<'_>) -> Result<Self, Error> {
        let limits = Limits::default();
        match document.encoding() {
            Encoding::Xml => Ok(Self::Xml(Box::new(XmlSource::new(
                document.bytes(),
                &limits,
            )?))),
            Encoding::Wbxml => Self::wbxml(document.bytes(), limits.max_depth),
        }
    }

    fn wbxml(bytes: &'a [u8], max_depth: usize) -> Result<Self, Error> {
        let limits = wbxml::Limits {
            max_depth,
            max_elements: Limits::default().max_elements,
            ..wbxml::Limits::default()
        };
        Ok(Self::Wbxml {
            reader: Box::new(wbxml::Reader::new(bytes, &limits)?),
            vocabulary: None,
        })
    }

    /// A whole and readable document of device information in these bytes.
    pub(super) fn nested(bytes: &'a [u8], max_depth: usize) -> Option<Self> {
        if bytes.first().is_none_or(|version| *version > 3) {
            return None;
        }
        let input = Self::wbxml(bytes, max_depth).ok()?;
        let Self::Wbxml { reader, .. } = &input else {
            return None;
        };
        let mut trial = reader.clone();
        let root = wbxml::Event::Start(wbxml::Tag::Token {
            page: devinf::DEV_INF.page,
            code: devinf::DEV_INF.code,
        });
        if trial.next().ok()? != root {
            return None;
        }
        while trial.next().ok()? != wbxml::Event::EndDocument {}
        Some(input)
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        match self {
            Self::Xml(source) => source.position(),
            Self::Wbxml { reader, .. } => reader.position(),
        }
    }

    /// Bytes at the start that hold no text of the message: the string table ends them.
    pub(super) fn plain_head(&self) -> usize {
        match self {
            Self::Xml(_) => usize::MAX,
            Self::Wbxml { reader, .. } if reader.header().string_table.is_empty() => usize::MAX,
            Self::Wbxml { reader, .. } => {
                let table = reader.header().string_table.len();
                reader.position().saturating_sub(table)
            }
        }
    }

    /// The version that the document's type stands for. For XML, asked at the root.
    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Self::Xml(source) => {
                let namespace = source.attribute("xmlns")?;
                Version::ALL
                    .into_iter()
                    .find(|version| version.namespace().eq_ignore_ascii_case(&namespace))
            }
            Self::Wbxml { reader, .. } => match reader.header().public_id {
                wbxml::PublicId::Number(0x0fd1) => Some(Version::V1_0),
                wbxml::PublicId::Number(0x0fd3) => Some(Version::V1_1),
                wbxml::PublicId::Number(0x1201) => Some(Version::V1_2),
                wbxml::PublicId::Text(text) => {
                    let text = std::str::from_utf8(text).ok()?.to_ascii_uppercase();
                    let dtd = text.strip_prefix("-//SYNCML//DTD SYNCML ")?;
                    Version::from_dtd(dtd.strip_suffix("//EN")?)
                }
                _ => None,
            },
        }
    }

    /// Whether the element that the last piece began says that its text is base64.
    pub(super) fn is_base64(&self) -> bool {
        let (name, value) = BASE64_MARK;
        match self {
            Self::Xml(source) => source.attribute(name).is_some_and(|given| given == value),
            Self::Wbxml { .. } => false,
        }
    }

    /// An error of the place read last.
    pub(super) fn fail(&self, what: &str) -> Error {
        Error::Xml {
            offset: self.position() as u64,
            what: what.to_owned(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Piece<'a>, Error> {
        match self {
            Self::Xml(source) => Ok(match source.next()? {
                source::Event::Start(Cow::Borrowed(name)) => {
                    Piece::Start(Label::Name(Cow::Borrowed(name.as_bytes())))
                }
                source::Event::Start(Cow::Owned(name)) => {
                    Piece::Start(Label::Name(Cow::Owned(name.into_bytes())))
                }
                source::Event::End => Piece::End,
                source::Event::Text(text) => Piece::Text(text),
                source::Event::EndDocument => Piece::EndDocument,
            }),
            Self::Wbxml { reader, vocabulary } => Ok(match reader.next()? {
                wbxml::Event::Start(tag) => Piece::Start(label(tag, vocabulary)),
                wbxml::Event::End => Piece::End,
                wbxml::Event::Text(text) => Piece::Text(text),
                wbxml::Event::Opaque(bytes) => Piece::Opaque(bytes),
                wbxml::Event::EndDocument => Piece::EndDocument,
            }),
        }
    }
}

/// What a tag says by the tables of its document, which the first tag decides.
fn label<'a>(tag: wbxml::Tag<'a>, vocabulary: &mut Option<Vocabulary>) -> Label<'a> {
    match tag {
        wbxml::Tag::Token { page, code } => {
            let vocabulary = *vocabulary.get_or_insert_with(|| Vocabulary::of_root(page, code));
            match vocabulary.name(page, code) {
                Some(name) => Label::Name(Cow::Borrowed(name.as_bytes())),
                None => Label::Token { page, code },
            }
        }
        wbxml::Tag::Literal(name) => {
            vocabulary.get_or_insert(Vocabulary::SyncMl);
            // the local part, as of a name in XML
            let local = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
            Label::Name(Cow::Borrowed(local))
        }
    }
}
