//! Reading a document, event by event.

use std::borrow::Cow;

use crate::{Error, UTF_8, integer, token};

/// Bounds on what a document may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open elements at one time.
    pub max_depth: usize,
    /// Elements in the document.
    pub max_elements: usize,
    /// Bytes of the string table.
    pub max_string_table: usize,
    /// Bytes of text that references to the string table may make in all; `None` allows eight
    /// times the document and 64 KiB.
    pub max_expansion: Option<usize>,
    /// Bytes of the name of a literal tag.
    pub max_literal_name: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 64,
            max_elements: 200_000,
            max_string_table: 64 * 1024,
            max_expansion: None,
            max_literal_name: 256,
        }
    }
}

/// What stands before the body of a document (WBXML 1.3, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The version byte: 0 is 1.0, 3 is 1.3.
    pub version: u8,
    /// The document type.
    pub public_id: PublicId<'a>,
    /// IANA number of the character set; 0 is unknown and read as UTF-8.
    pub charset: u32,
    /// The string table.
    pub string_table: &'a [u8],
}

/// How a document names its type. Never decide by it alone: peers get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicId<'a> {
    /// A registered number.
    Number(u32),
    /// A string of the table.
    Text(&'a [u8]),
    /// Said to be unknown, or a reference outside the table.
    Unknown,
}

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag<'a> {
    /// A token of a code page.
    Token {
        /// The code page.
        page: u8,
        /// The token, 0x05 to 0x3f.
        code: u8,
    },
    /// A name from the string table.
    Literal(&'a [u8]),
}

/// A piece of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins. One without content ends at once.
    Start(Tag<'a>),
    /// The innermost element ends.
    End,
    /// Text in UTF-8, unless the sender broke it; adjacent pieces are not joined.
    Text(Cow<'a, [u8]>),
    /// Opaque bytes.
    Opaque(&'a [u8]),
    /// The root element has ended; what follows it is not read.
    EndDocument,
}

/// Reads one document.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    document: &'a [u8],
    position: usize,
    header: Header<'a>,
    limits: Limits,
    page: u8,
    depth: usize,
    elements: usize,
    expansion: usize,
    /// An element without content was begun and its end is due.
    end_due: bool,
    latin1: bool,
}

const ISO_8859_1: u32 = 4;

impl<'a> Reader<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// When the header is cut off, of an unknown version or character set, or has a string table
    /// beyond the document or the limit.
    // spec: A06 R07
    pub fn new(document: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let version = *document.first().ok_or(Error::Truncated { offset: 0 })?;
        if version > 3 {
            return Err(Error::Version { version });
        }
        let (number, mut position) = integer::read(document, 1)?;
        let mut text_id = None;
        if number == 0 && position == 2 {
            let (index, next) = integer::read(document, position)?;
            text_id = Some(index as usize);
            position = next;
        }
        let charset = if version == 0 && document.get(position) != Some(&(UTF_8 as u8)) {
            // WBXML 1.0 has no such field, but encoders that only change the version write it
            UTF_8
        } else {
            let (charset, next) = integer::read(document, position)?;
            position = next;
            charset
        };
        if !matches!(charset, 0 | 3 | ISO_8859_1 | UTF_8) {
            return Err(Error::Charset { mib: charset });
        }
        let table_at = position;
        let (length, position) = integer::read(document, position)?;
        let length = length as usize;
        if length > limits.max_string_table {
            return Err(Error::Limit {
                what: "bytes of string table",
                limit: limits.max_string_table,
                offset: table_at,
            });
        }
        let string_table = document
            .get(position..position + length)
            .ok_or(Error::Truncated {
                offset: document.len(),
            })?;
        let public_id = match (text_id, number) {
            (Some(index), _) => {
                table_string(string_table, index).map_or(PublicId::Unknown, PublicId::Text)
            }
            (None, 0 | 1) => PublicId::Unknown,
            (None, number) => PublicId::Number(number),
        };
        Ok(Self {
            document,
            position: position + length,
            header: Header {
                version,
                public_id,
                charset,
                string_table,
            },
            limits: *limits,
            page: 0,
            depth: 0,
            elements: 0,
            expansion: limits
                .max_expansion
                .unwrap_or_else(|| document.len().saturating_mul(8).saturating_add(64 * 1024)),
            end_due: false,
            latin1: charset == ISO_8859_1,
        })
    }

    /// What stood before the body.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Elements open now.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The next event; [`Event::EndDocument`] from the end of the root on.
    ///
    /// # Errors
    ///
    /// When the document is cut off or broken here, or exceeds a limit. The reader is of no use
    /// afterwards.
    #[inline]
    #[allow(clippy::should_implement_trait)] // fallible, and ends with an event of its own
    pub fn next(&mut self) -> Result<Event<'a>, Error> {
        if self.end_due {
            self.end_due = false;
            self.depth -= 1;
            return Ok(Event::End);
        }
        loop {
            if self.depth == 0 && self.elements > 0 {
                return Ok(Event::EndDocument);
            }
            let offset = self.position;
            let byte = self.byte()?;
            match byte {
                token::SWITCH_PAGE => self.page = self.byte()?,
                token::END if self.depth > 0 => {
                    self.depth -= 1;
                    return Ok(Event::End);
                }
                token::STR_I if self.depth > 0 => {
                    let text = self.inline_string()?;
                    return Ok(Event::Text(self.convert(text)));
                }
                token::OPAQUE if self.depth > 0 => {
                    let length = self.integer()? as usize;
                    let bytes = self
                        .document
                        .get(self.position..)
                        .and_then(|rest| rest.get(..length))
                        .ok_or(Error::Truncated {
                            offset: self.document.len(),
                        })?;
                    self.position += length;
                    return Ok(Event::Opaque(bytes));
                }
                token::STR_T if self.depth > 0 => {
                    let text = self.table_reference(offset)?;
                    self.expansion =
                        self.expansion.checked_sub(text.len()).ok_or(Error::Limit {
                            what: "bytes of referenced text",
                            limit: self.limits.max_expansion.unwrap_or(self.document.len() * 8),
                            offset,
                        })?;
                    return Ok(Event::Text(self.convert(text)));
                }
                token::ENTITY if self.depth > 0 => {
                    let code = self.integer()?;
                    let character = char::from_u32(code)
                        .filter(|c| *c != '\0')
                        .ok_or(Error::Entity { offset, code })?;
                    return Ok(Event::Text(Cow::Owned(character.to_string().into_bytes())));
                }
                token::PI => self.skip_attributes()?,
                token::EXT_I_0..=token::EXT_I_2 if self.depth > 0 => {
                    self.inline_string()?;
                }
                token::EXT_T_0..=token::EXT_T_2 if self.depth > 0 => {
                    self.integer()?;
                }
                token::EXT_0..=token::EXT_2 if self.depth > 0 => {}
                token::LITERAL | token::LITERAL_C | token::LITERAL_A | token::LITERAL_AC => {
                    let name = self.table_reference(offset)?;
                    if name.len() > self.limits.max_literal_name {
                        return Err(Error::Limit {
                            what: "bytes of a literal name",
                            limit: self.limits.max_literal_name,
                            offset,
                        });
                    }
                    return self.begin(byte, Tag::Literal(name), offset);
                }
                _ if byte & token::TAG >= 0x05 => {
                    let tag = Tag::Token {
                        page: self.page,
                        code: byte & token::TAG,
                    };
                    return self.begin(byte, tag, offset);
                }
                token => return Err(Error::Unexpected { offset, token }),
            }
        }
    }

    /// Reads on to the end of the element whose start was the last event but for elements that
    /// ended since.
    ///
    /// # Errors
    ///
    /// As [`Reader::next`].
    pub fn skip_element(&mut self) -> Result<(), Error> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    // spec: R07
    fn begin(&mut self, byte: u8, tag: Tag<'a>, offset: usize) -> Result<Event<'a>, Error> {
        if byte & token::ATTRIBUTES != 0 {
            self.skip_attributes()?;
        }
        self.elements += 1;
        if self.elements > self.limits.max_elements {
            return Err(Error::Limit {
                what: "elements",
                limit: self.limits.max_elements,
                offset,
            });
        }
        if self.depth == self.limits.max_depth {
            return Err(Error::Limit {
                what: "open elements",
                limit: self.limits.max_depth,
                offset,
            });
        }
        self.depth += 1;
        self.end_due = byte & token::CONTENT == 0;
        Ok(Event::Start(tag))
    }

    /// Steps over attributes to and with their END. Their page register is their own and no
    /// SyncML or other reader needs it.
    fn skip_attributes(&mut self) -> Result<(), Error> {
        loop {
            let offset = self.position;
            match self.byte()? {
                token::END => return Ok(()),
                token::SWITCH_PAGE => {
                    self.byte()?;
                }
                token::STR_I | token::EXT_I_0..=token::EXT_I_2 => {
                    self.inline_string()?;
                }
                // an index outside the table is tolerated here: a known phone writes
                // xmlns as index 0 of an empty table
                token::LITERAL | token::STR_T | token::ENTITY | token::EXT_T_0..=token::EXT_T_2 => {
                    self.integer()?;
                }
                token::OPAQUE => {
                    let length = self.integer()? as usize;
                    let end = self.position.saturating_add(length);
                    if end > self.document.len() {
                        return Err(Error::Truncated {
                            offset: self.document.len(),
                        });
                    }
                    self.position = end;
                }
                token @ (token::PI | token::LITERAL_C | token::LITERAL_A | token::LITERAL_AC) => {
                    return Err(Error::Unexpected { offset, token });
                }
                _ => {}
            }
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Error> {
        let byte = *self.document.get(self.position).ok_or(Error::Truncated {
            offset: self.position,
        })?;
        self.position += 1;
        Ok(byte)
    }

    #[inline]
    fn integer(&mut self) -> Result<u32, Error> {
        let (value, next) = integer::read(self.document, self.position)?;
        self.position = next;
        Ok(value)
    }

    #[inline]
    fn inline_string(&mut self) -> Result<&'a [u8], Error> {
        let rest = &self.document[self.position..];
        let length = rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(Error::Truncated {
                offset: self.document.len(),
            })?;
        self.position += length + 1;
        Ok(&rest[..length])
    }

    // spec: A08
    fn table_reference(&mut self, offset: usize) -> Result<&'a [u8], Error> {
        let index = self.integer()? as usize;
        table_string(self.header.string_table, index).ok_or(Error::StringTable {
            offset,
            index,
            length: self.header.string_table.len(),
        })
    }

    #[inline]
    fn convert(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if self.latin1 && !text.is_ascii() {
            let text: String = text.iter().map(|byte| char::from(*byte)).collect();
            return Cow::Owned(text.into_bytes());
        }
        Cow::Borrowed(text)
    }
}

/// The string at an index of the table: to its NUL, or to the end of the table, which many
/// encoders leave without one.
fn table_string(table: &[u8], index: usize) -> Option<&[u8]> {
    let rest = table.get(index..).filter(|rest| !rest.is_empty())?;
    let length = rest
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(rest.len());
    Some(&rest[..length])
}
