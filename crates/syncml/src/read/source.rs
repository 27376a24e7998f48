//! One stream of elements and texts from either encoding.

use std::borrow::Cow;

use encoding_rs::Encoding as Charset;
use quick_xml::events::{BytesStart, Event as XmlEvent};

use super::Limits;
use crate::error::Error;
use crate::names::Vocabulary;
use crate::version::Encoding;

/// A piece of a document.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// An element begins; its local name.
    Start(Cow<'a, str>),
    /// The innermost element ends.
    End,
    /// Text or opaque bytes; adjacent pieces are not joined.
    Text(Cow<'a, [u8]>),
    /// The root has ended.
    EndDocument,
}

/// The pieces of a document, in order.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Xml(Box<XmlSource<'a>>),
    Wbxml {
        reader: Box<wbxml::Reader<'a>>,
        vocabulary: Option<Vocabulary>,
    },
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8], encoding: Encoding, limits: &Limits) -> Result<Self, Error> {
        match encoding {
            Encoding::Xml => Ok(Self::Xml(Box::new(XmlSource::new(bytes, limits)?))),
            Encoding::Wbxml => {
                let limits = wbxml::Limits {
                    max_depth: limits.max_depth,
                    max_elements: limits.max_elements,
                    // references to a string table may not make much more of a document than it is
                    max_expansion: Some(bytes.len() * 2 + 64 * 1024),
                    ..wbxml::Limits::default()
                };
                let reader = Box::new(wbxml::Reader::new(bytes, &limits)?);
                Ok(Self::Wbxml {
                    reader,
                    vocabulary: None,
                })
            }
        }
    }

    pub(crate) fn next(&mut self) -> Result<Event<'a>, Error> {
        match self {
            Self::Xml(source) => source.next(),
            Self::Wbxml { reader, vocabulary } => Ok(match reader.next()? {
                wbxml::Event::Start(wbxml::Tag::Token { page, code }) => {
                    let vocabulary =
                        *vocabulary.get_or_insert_with(|| Vocabulary::of_root(page, code));
                    Event::Start(Cow::Borrowed(vocabulary.name(page, code).unwrap_or("")))
                }
                wbxml::Event::Start(wbxml::Tag::Literal(name)) => {
                    Event::Start(String::from_utf8_lossy(name))
                }
                wbxml::Event::End => Event::End,
                wbxml::Event::Text(text) => Event::Text(text),
                wbxml::Event::Opaque(bytes) => Event::Text(Cow::Borrowed(bytes)),
                wbxml::Event::EndDocument => Event::EndDocument,
            }),
        }
    }
}

/// Events of an XML document. The library neither limits depth nor notices a cut or a second
/// root, so that is done here; entities other than the five of XML are refused.
#[derive(Debug)]
pub(crate) struct XmlSource<'a> {
    reader: quick_xml::Reader<&'a [u8]>,
    limits: Limits,
    depth: usize,
    elements: usize,
    end_due: bool,
    /// The tag of the last start.
    start: Option<BytesStart<'a>>,
}

impl<'a> XmlSource<'a> {
    pub(crate) fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|error| Error::Xml {
            offset: error.valid_up_to() as u64,
            what: "invalid UTF-8".to_owned(),
        })?;
        let mut reader = quick_xml::Reader::from_str(text);
        // phones write a bare ampersand in names of contacts
        reader.config_mut().allow_dangling_amp = true;
        Ok(Self {
            reader,
            limits: *limits,
            depth: 0,
            elements: 0,
            end_due: false,
            start: None,
        })
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The raw value of an attribute of the element that the last event began.
    pub(crate) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let attribute = self.start.as_ref()?.try_get_attribute(name).ok()??;
        Some(attribute.value)
    }

    pub(crate) fn fail(&self, what: impl Into<String>) -> Error {
        Error::Xml {
            offset: self.reader.buffer_position(),
            what: what.into(),
        }
    }

    // spec: A04
    fn begin(&mut self, start: BytesStart<'a>) -> Result<Event<'a>, Error> {
        self.elements += 1;
        if self.elements > self.limits.max_elements {
            return Err(Error::Limit {
                what: "elements",
                limit: self.limits.max_elements,
            });
        }
        if self.depth == self.limits.max_depth {
            return Err(Error::Limit {
                what: "open elements",
                limit: self.limits.max_depth,
            });
        }
        self.depth += 1;
        let name = start.local_name().as_ref().to_owned();
        self.start = Some(start);
        Ok(Event::Start(Cow::Owned(name)))
    }

    pub(crate) fn next(&mut self) -> Result<Event<'a>, Error> {
        if self.end_due {
            self.end_due = false;
            self.depth -= 1;
            return Ok(Event::End);
        }
        loop {
            if self.depth == 0 && self.elements > 0 {
                return Ok(Event::EndDocument);
            }
            let event = self.reader.read_event().map_err(|error| Error::Xml {
                offset: self.reader.error_position(),
                what: error.to_string(),
            })?;
            match event {
                XmlEvent::Start(start) => return self.begin(start),
                XmlEvent::Empty(start) => {
                    let begun = self.begin(start)?;
                    self.end_due = true;
                    return Ok(begun);
                }
                XmlEvent::End(_) => {
                    self.depth -= 1;
                    return Ok(Event::End);
                }
                XmlEvent::Text(text) if self.depth > 0 => {
                    return Ok(Event::Text(as_bytes(text.into_inner())));
                }
                XmlEvent::Text(text) => {
                    if !text.trim().trim_start_matches('\u{feff}').is_empty() {
                        return Err(self.fail("text outside the root"));
                    }
                }
                // spec: A23
                XmlEvent::CData(text) => return Ok(Event::Text(as_bytes(text.into_inner()))),
                // spec: A23 A27
                XmlEvent::GeneralRef(reference) => {
                    // the usual ones without making a text of each
                    let usual: Option<&'static [u8]> = match reference.as_ref() {
                        "amp" => Some(b"&"),
                        "lt" => Some(b"<"),
                        "gt" => Some(b">"),
                        "quot" => Some(b"\""),
                        "apos" => Some(b"'"),
                        "#13" | "#xD" | "#xd" => Some(b"\r"),
                        _ => None,
                    };
                    if let Some(text) = usual {
                        return Ok(Event::Text(Cow::Borrowed(text)));
                    }
                    let character = reference.resolve_char_ref().ok().flatten();
                    let character = character.ok_or_else(|| {
                        self.fail("a reference to an entity that is not declared")
                    })?;
                    return Ok(Event::Text(Cow::Owned(character.to_string().into_bytes())));
                }
                // spec: A27
                XmlEvent::DocType(doctype) if doctype.contains('[') => {
                    return Err(self.fail("a document type with declarations"));
                }
                XmlEvent::Eof => return Err(Error::Truncated),
                // spec: A26
                XmlEvent::DocType(_)
                | XmlEvent::Decl(_)
                | XmlEvent::PI(_)
                | XmlEvent::Comment(_) => {}
            }
        }
    }
}

fn as_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// An XML document in UTF-8: by its byte order mark, the transport's parameter, or its
/// declaration, in that order.
// spec: A24
pub(crate) fn to_utf8<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, [u8]>, Error> {
    let declared = charset
        .map(str::to_owned)
        .or_else(|| declared_charset(bytes));
    let charset = match (Charset::for_bom(bytes), declared) {
        (Some((charset, _)), _) => charset,
        (None, None) => encoding_rs::UTF_8,
        (None, Some(name)) => {
            let name = name.trim().trim_matches('"').to_owned();
            Charset::for_label(name.as_bytes()).ok_or(Error::Charset { name })?
        }
    };
    if charset == encoding_rs::UTF_8 {
        return Ok(Cow::Borrowed(
            bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes),
        ));
    }
    let (text, _, _) = charset.decode(bytes);
    Ok(Cow::Owned(text.into_owned().into_bytes()))
}

/// The `encoding` of the XML declaration.
fn declared_charset(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(200)];
    let head = String::from_utf8_lossy(head);
    let declaration = head.trim_start().strip_prefix("<?xml")?;
    let declaration = &declaration[..declaration.find("?>")?];
    let value = declaration[declaration.find("encoding")? + 8..].trim_start();
    let value = value.strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}
