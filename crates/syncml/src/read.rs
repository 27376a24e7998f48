//! From bytes to messages.
//!
//! XML and binary XML become the same stream of elements and texts (`read/source.rs`); one parser
//! reads commands from it (`read/parser.rs`). Elements are matched by local name alone, since
//! peers write namespaces in many ways; children may come in any order; what is unknown is
//! skipped with all inside it.

mod devinf;
mod parser;
pub(crate) mod source;

use std::borrow::Cow;

use crate::error::Error;
use crate::message::{Command, Data, Header, Message};
use crate::version::Encoding;
use parser::Parser;
use source::Source;

/// Bounds on what a message may ask for.
// spec: R07
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open elements at one time.
    pub max_depth: usize,
    /// Elements in the message.
    pub max_elements: usize,
    /// Commands in the message, those inside of others included: each costs some hundred bytes
    /// while the message is at hand.
    pub max_commands: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 64,
            max_elements: 200_000,
            max_commands: 10_000,
        }
    }
}

/// A document as a transport delivered it, in one of the two encodings.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    bytes: Cow<'a, [u8]>,
    encoding: Encoding,
}

impl<'a> Document<'a> {
    /// Looks at the first bytes: a `<`, with or without a byte order mark or blanks before it,
    /// is XML whatever the transport says. `charset` is the transport's parameter; XML in another
    /// character set than UTF-8 is converted here.
    ///
    /// # Errors
    ///
    /// [`Error::Charset`] for a character set that is not known, [`Error::Truncated`] for an
    /// empty document.
    pub fn new(bytes: &'a [u8], charset: Option<&str>) -> Result<Self, Error> {
        let text = bytes.trim_ascii_start();
        let first = *text.first().ok_or(Error::Truncated)?;
        let is_wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        if first <= 3 && !is_wide {
            return Ok(Self {
                bytes: Cow::Borrowed(bytes),
                encoding: Encoding::Wbxml,
            });
        }
        Ok(Self {
            bytes: source::to_utf8(bytes, charset)?,
            encoding: Encoding::Xml,
        })
    }

    /// The document, XML in UTF-8.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the document is encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Reads the whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Body`] when the header was read before the fault, another variant otherwise.
    pub fn read(&self, limits: &Limits) -> Result<Message<'_>, Error> {
        let mut reader = self.messages(limits)?;
        let mut commands = Vec::new();
        let in_body = |header: &Header<'_>, source| Error::Body {
            header: Box::new(header.to_static()),
            source: Box::new(source),
        };
        loop {
            match reader.next_command() {
                Ok(Some(command)) => commands.push(command),
                Ok(None) => break,
                Err(source) => return Err(in_body(&reader.header, source)),
            }
        }
        Ok(Message {
            header: reader.header,
            commands,
            is_final: reader.is_final,
        })
    }

    /// Reads the header, and gives the commands one by one.
    ///
    /// # Errors
    ///
    /// When the document is no message or its header cannot be read.
    pub fn messages(&self, limits: &Limits) -> Result<MessageReader<'_>, Error> {
        let source = Source::new(&self.bytes, self.encoding, limits)?;
        let mut parser = Parser::new(source, limits.max_commands);
        let header = parser.header()?;
        Ok(MessageReader {
            parser,
            header,
            is_final: false,
            ended: false,
        })
    }
}

/// Reads a message command by command.
#[derive(Debug)]
pub struct MessageReader<'a> {
    parser: Parser<'a>,
    header: Header<'a>,
    is_final: bool,
    ended: bool,
}

impl<'a> MessageReader<'a> {
    /// The header.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The next command of the body; `None` after the last, once the document is complete.
    ///
    /// # Errors
    ///
    /// When the document is broken or exceeds a limit here.
    pub fn next_command(&mut self) -> Result<Option<Command<'a>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let command = self.parser.body_command(&mut self.is_final)?;
        self.ended = command.is_none();
        Ok(command)
    }

    /// Whether `Final` was read; certain only after the last command.
    pub fn is_final(&self) -> bool {
        self.is_final
    }
}

impl crate::devinf::DevInf {
    /// Reads a document of either encoding.
    ///
    /// # Errors
    ///
    /// When it is broken or has no `DevInf` root.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let document = Document::new(bytes, None)?;
        let limits = Limits::default();
        let source = Source::new(&document.bytes, document.encoding, &limits)?;
        Parser::new(source, limits.max_commands).devinf_document()
    }
}

impl crate::devinf::Property {
    /// Reads the `Data` of a filter's `Field`: a sequence of `Property` elements, with or without
    /// something around them, nested or as text, escaped once more, or binary XML (DS
    /// Representation, Field).
    ///
    /// # Errors
    ///
    /// When the data is broken. Data without any property is an empty list.
    pub fn read_list(data: &Data<'_>) -> Result<Vec<Self>, Error> {
        let read = |bytes: &[u8]| {
            let document = Document::new(bytes, None)?;
            let limits = Limits::default();
            let source = Source::new(&document.bytes, document.encoding, &limits)?;
            Parser::new(source, limits.max_commands).property_document()
        };
        let text = match data {
            Data::DevInf(devinf) => {
                let of_stores = devinf.datastores.iter().flat_map(|ds| &ds.capabilities);
                return Ok(of_stores.flat_map(|c| c.properties.clone()).collect());
            }
            Data::Anchor(_) => return Ok(Vec::new()),
            Data::Markup(text) => Cow::Borrowed(text.as_str()),
            Data::Bytes(bytes) if bytes.first().is_some_and(|first| *first <= 3) => {
                return read(bytes);
            }
            Data::Bytes(bytes) => String::from_utf8_lossy(bytes),
        };
        let mut text = text.trim();
        let unescaped;
        if text.starts_with("&lt;") {
            unescaped = quick_xml::escape::unescape(text).map_err(|error| Error::Xml {
                offset: 0,
                what: error.to_string(),
            })?;
            text = unescaped.trim();
        }
        if text.starts_with("<?xml") {
            text = text.split_once("?>").map_or("", |(_, rest)| rest);
        }
        // several roots are no document
        read(format!("<Field>{text}</Field>").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::devinf::Property;

    fn names(data: &Data<'_>) -> Vec<String> {
        let list = Property::read_list(data).unwrap();
        list.into_iter().map(|property| property.name).collect()
    }

    #[test]
    fn a_field_is_read_in_every_form() {
        let one = "<Property><PropName>FN</PropName></Property>";
        let two = format!("{one}\n{}", one.replace("FN", "TEL"));
        let forms = [
            Data::Markup(two.clone()),
            Data::text(two.clone()),
            Data::text(two.replace("<Property>", "<Property xmlns=\"syncml:devinf\">")),
            Data::text(two.replace("<P", "<d:P").replace("</P", "</d:P")),
            Data::text(quick_xml::escape::escape(two.as_str()).into_owned()),
            Data::text(format!("<?xml version=\"1.0\"?><CTCap>{two}</CTCap>")),
            Data::text("<PropName>FN</PropName><PropName>TEL</PropName>"),
        ];
        for form in forms {
            assert_eq!(names(&form), ["FN", "TEL"], "{form:?}");
        }
        assert_eq!(names(&Data::text("  ")), [""; 0]);
        assert!(Property::read_list(&Data::text("<Property>")).is_err());
    }

    #[test]
    fn a_property_of_a_field_has_its_bounds() {
        let text = "<Property><PropName>NOTE</PropName><MaxSize>60</MaxSize><NoTruncate/>\
                    <PropParam><ParamName>TYPE</ParamName></PropParam></Property>";
        let list = Property::read_list(&Data::text(text)).unwrap();
        assert_eq!(list[0].max_size, Some(60));
        assert!(list[0].no_truncate);
        assert_eq!(list[0].parameters[0].name, "TYPE");
    }
}
