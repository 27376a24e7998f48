//! What can be wrong with a document, and where.

/// A document that cannot be read. Offsets are bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document ends within a token, a string or an element.
    #[error("the document ends at byte {offset}, before it is complete")]
    Truncated {
        /// Where the missing part should be.
        offset: usize,
    },
    /// A version that is not 1.0 to 1.3.
    #[error("unknown WBXML version byte {version:#04x}")]
    Version {
        /// The first byte.
        version: u8,
    },
    /// A character set that cannot be read.
    #[error("character set {mib} is not supported")]
    Charset {
        /// The IANA number (MIBenum).
        mib: u32,
    },
    /// A multi-byte integer of more than 32 bits or five bytes.
    #[error("integer at byte {offset} does not fit 32 bits")]
    Integer {
        /// Where it begins.
        offset: usize,
    },
    /// A reference outside the string table.
    #[error("reference at byte {offset} to {index} in a string table of {length} bytes")]
    StringTable {
        /// Where the reference stands.
        offset: usize,
        /// What it refers to.
        index: usize,
        /// Length of the table.
        length: usize,
    },
    /// A character entity that is no character.
    #[error("entity at byte {offset} is no character: {code:#x}")]
    Entity {
        /// Where it stands.
        offset: usize,
        /// Its number.
        code: u32,
    },
    /// A token that may not stand where it does.
    #[error("unexpected token {token:#04x} at byte {offset}")]
    Unexpected {
        /// Where it stands.
        offset: usize,
        /// The token.
        token: u8,
    },
    /// More than a limit allows.
    #[error("more than {limit} {what} at byte {offset}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit, in units of `what`.
        limit: usize,
        /// Where it was exceeded.
        offset: usize,
    },
}
