//! Writing a document, token by token.

use crate::{UTF_8, integer, token};

/// How a document names its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WritePublicId<'a> {
    /// A registered number.
    Number(u32),
    /// A formal public identifier. It becomes the whole string table, without a closing NUL, as
    /// the oldest encoders wrote it.
    Text(&'a str),
}

/// Writes one document. Elements have to be closed by the caller; see [`Writer::end`].
#[derive(Debug, Clone)]
pub struct Writer {
    buffer: Vec<u8>,
    page: u8,
}

/// A place in the output to return to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    length: usize,
    page: u8,
}

impl Writer {
    /// Begins a document of the WBXML version 1.`minor_version` (the version byte as it is
    /// written), in UTF-8.
    pub fn new(minor_version: u8, public_id: WritePublicId<'_>) -> Self {
        Self::with_buffer(Vec::with_capacity(1024), minor_version, public_id)
    }

    /// Like [`Writer::new`], appending to a buffer that the caller gives.
    pub fn with_buffer(
        mut buffer: Vec<u8>,
        minor_version: u8,
        public_id: WritePublicId<'_>,
    ) -> Self {
        buffer.push(minor_version);
        match public_id {
            WritePublicId::Number(number) => {
                integer::write(&mut buffer, number);
                integer::write(&mut buffer, UTF_8);
                buffer.push(0);
            }
            WritePublicId::Text(text) => {
                buffer.extend([0, 0]);
                integer::write(&mut buffer, UTF_8);
                integer::write(&mut buffer, text.len() as u32);
                buffer.extend(text.as_bytes());
            }
        }
        Self { buffer, page: 0 }
    }

    /// Opens an element that has content.
    // spec: A07
    #[inline]
    pub fn start(&mut self, page: u8, code: u8) {
        self.switch(page);
        self.buffer.push(code & token::TAG | token::CONTENT);
    }

    /// Writes an element without content; it needs no [`Writer::end`].
    #[inline]
    pub fn empty(&mut self, page: u8, code: u8) {
        self.switch(page);
        self.buffer.push(code & token::TAG);
    }

    /// Closes the innermost open element.
    #[inline]
    pub fn end(&mut self) {
        self.buffer.push(token::END);
    }

    /// Writes text: an inline string, or opaque bytes where it holds a NUL.
    #[inline]
    pub fn text(&mut self, text: &str) {
        if text.as_bytes().contains(&0) {
            self.opaque(text.as_bytes());
            return;
        }
        self.buffer.push(token::STR_I);
        self.buffer.extend_from_slice(text.as_bytes());
        self.buffer.push(0);
    }

    /// Writes opaque bytes.
    ///
    /// At most 4 GiB - 1 can be written at once; a longer slice is cut there, since no message
    /// limit comes near it.
    #[inline]
    pub fn opaque(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.buffer.push(token::OPAQUE);
        integer::write(&mut self.buffer, length);
        self.buffer.extend_from_slice(&bytes[..length as usize]);
    }

    /// Bytes written so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing was written; never so after [`Writer::new`].
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// This place, to return to by [`Writer::rollback`].
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark {
            length: self.buffer.len(),
            page: self.page,
        }
    }

    /// Drops all that was written since `mark`.
    #[inline]
    pub fn rollback(&mut self, mark: Mark) {
        self.buffer.truncate(mark.length);
        self.page = mark.page;
    }

    /// The code page that the next tag of the same page needs no switch for.
    pub fn page(&self) -> u8 {
        self.page
    }

    /// The document.
    pub fn finish(self) -> Vec<u8> {
        self.buffer
    }

    #[inline]
    fn switch(&mut self, page: u8) {
        if page != self.page {
            self.buffer.extend([token::SWITCH_PAGE, page]);
            self.page = page;
        }
    }
}
