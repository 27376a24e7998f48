//! Binary XML (WBXML 1.0 to 1.3): a streaming reader and writer for any vocabulary.
//!
//! A [`Reader`] walks a document once and yields [`Event`]s that borrow from it; a [`Writer`]
//! appends tokens to a buffer. Neither knows names: a tag is a code page and a token, and what
//! they mean is data of the caller. No tree is built and nothing recurses, so a document costs
//! time linear in its length and memory only for the strings that have to be converted.
//!
//! What a reader cannot use it still steps over with the right length: attributes, processing
//! instructions and extension tokens. [`Limits`] bound what a hostile document can ask for.
//!
//! ```
//! use wbxml::{Event, Limits, PublicId, Reader, Tag, WritePublicId, Writer};
//!
//! let mut writer = Writer::new(2, WritePublicId::Number(0x1201));
//! writer.start(0, 0x2d);
//! writer.start(0, 0x1b);
//! writer.text("1");
//! writer.end();
//! writer.end();
//! let document = writer.finish();
//!
//! let mut reader = Reader::new(&document, &Limits::default())?;
//! assert_eq!(reader.header().public_id, PublicId::Number(0x1201));
//! assert_eq!(reader.next()?, Event::Start(Tag::Token { page: 0, code: 0x2d }));
//! assert_eq!(reader.next()?, Event::Start(Tag::Token { page: 0, code: 0x1b }));
//! assert_eq!(reader.next()?, Event::Text(b"1".as_slice().into()));
//! # Ok::<(), wbxml::Error>(())
//! ```

mod error;
mod integer;
mod read;
mod write;

pub use error::Error;
pub use read::{Event, Header, Limits, PublicId, Reader, Tag};
pub use write::{Mark, WritePublicId, Writer};

/// Global tokens, the same in every code page (WBXML 1.3, section 7.1).
mod token {
    pub(crate) const SWITCH_PAGE: u8 = 0x00;
    pub(crate) const END: u8 = 0x01;
    pub(crate) const ENTITY: u8 = 0x02;
    pub(crate) const STR_I: u8 = 0x03;
    pub(crate) const LITERAL: u8 = 0x04;
    pub(crate) const EXT_I_0: u8 = 0x40;
    pub(crate) const EXT_I_2: u8 = 0x42;
    pub(crate) const PI: u8 = 0x43;
    pub(crate) const LITERAL_C: u8 = 0x44;
    pub(crate) const EXT_T_0: u8 = 0x80;
    pub(crate) const EXT_T_2: u8 = 0x82;
    pub(crate) const STR_T: u8 = 0x83;
    pub(crate) const LITERAL_A: u8 = 0x84;
    pub(crate) const EXT_0: u8 = 0xc0;
    pub(crate) const EXT_2: u8 = 0xc2;
    pub(crate) const OPAQUE: u8 = 0xc3;
    pub(crate) const LITERAL_AC: u8 = 0xc4;

    /// Set in a tag that has content.
    pub(crate) const CONTENT: u8 = 0x40;
    /// Set in a tag that has attributes.
    pub(crate) const ATTRIBUTES: u8 = 0x80;
    /// The token of a tag without its flags.
    pub(crate) const TAG: u8 = 0x3f;
}

/// Number of UTF-8 among the IANA character sets, which every writer uses.
const UTF_8: u32 = 106;
