//! What can be wrong with a message.

use crate::message::Header;

/// A message that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The binary form is broken.
    #[error("binary XML: {0}")]
    Wbxml(#[from] wbxml::Error),
    /// The text form is broken.
    #[error("XML at byte {offset}: {what}")]
    Xml {
        /// Bytes from the start of the document.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The document is in a character set that cannot be read.
    #[error("character set {name:?} is not supported")]
    Charset {
        /// The name as given.
        name: String,
    },
    /// The document ends before it is complete.
    #[error("the document ends before it is complete")]
    Truncated,
    /// A part that no message can do without is missing.
    #[error("{element} is missing")]
    Missing {
        /// The element.
        element: &'static str,
    },
    /// More than a limit allows.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit, in units of `what`.
        limit: usize,
    },
    /// The body is broken, but the header was read, so that the sender can be answered.
    #[error("after the header: {source}")]
    Body {
        /// The header.
        header: Box<Header<'static>>,
        /// What is wrong.
        source: Box<Self>,
    },
}

impl Error {
    /// The header, when it was read before the fault.
    pub fn header(&self) -> Option<&Header<'static>> {
        match self {
            Self::Body { header, .. } => Some(header),
            _ => None,
        }
    }
}
