//! Server alerted notification: how a server asks a client to begin a session (package 0).
//!
//! A [`Notification`] says which server asks, under which session identifier, and which datastores
//! are to be synced how. It travels in one of two forms: as a binary package that a digest proves
//! ([`Package`], 1.2), or as a SyncML message with an alert for each datastore ([`AlertMessage`],
//! 1.0 and 1.1). [`push`] frames either for the bearers of mobile networks.
//!
//! ```text
//! Notification ─▶ to_package │ to_message ─▶ bytes ─▶ push, file, OBEX …
//! Notification ◀─ Package    │ AlertMessage ◀─ read ◀─ bytes
//! ```

mod message;
mod package;
pub mod push;

pub use message::AlertMessage;
pub use package::{MAX_PACKAGE, Package, password_digest};

use crate::code::AlertCode;
use crate::version::Version;

/// Media type of the binary package.
pub const MEDIA_TYPE: &str = "application/vnd.syncml.ds.notification";

/// A server's wish that a client begins a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The version of the protocol that the server wants to speak.
    pub version: Version,
    /// How the client is to involve the person; the message form has no place for it.
    pub ui_mode: UiMode,
    /// Who caused the notification; the message form has no place for it.
    pub initiator: Initiator,
    /// The session's identifier, for the header of the session's messages; `None` leaves the
    /// choice to the client. In a package it is a decimal number from 1 to 65535.
    pub session_id: Option<String>,
    /// The server's identifier; in the message form its address.
    pub server_id: String,
    /// What is to be synced; empty means all that the client has of this server. A package has
    /// room for fifteen, and a message needs one.
    pub syncs: Vec<Sync>,
    /// What follows the syncs in a package, bytes of a meaning of the vendor's own.
    pub vendor: Vec<u8>,
}

/// A datastore that is to be synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// How: alerts 206 to 210. Another code is kept as it came, so that a recipient can leave out
    /// the datastore without taking the notification for one of all datastores.
    pub code: AlertCode,
    /// The type of its items.
    pub content_type: ContentType,
    /// The server's datastore.
    pub server_uri: String,
    /// The client's datastore, which only the message form names.
    pub client_uri: Option<String>,
}

impl Sync {
    /// The alert with which the client answers: 200 for 206, 202 to 205 for 207 to 210; `None`
    /// for any other code.
    // spec: Q09
    pub fn client_code(&self) -> Option<AlertCode> {
        match self.code {
            AlertCode::TWO_WAY_BY_SERVER => Some(AlertCode::TWO_WAY),
            AlertCode::ONE_WAY_FROM_CLIENT_BY_SERVER => Some(AlertCode::ONE_WAY_FROM_CLIENT),
            AlertCode::REFRESH_FROM_CLIENT_BY_SERVER => Some(AlertCode::REFRESH_FROM_CLIENT),
            AlertCode::ONE_WAY_FROM_SERVER_BY_SERVER => Some(AlertCode::ONE_WAY_FROM_SERVER),
            AlertCode::REFRESH_FROM_SERVER_BY_SERVER => Some(AlertCode::REFRESH_FROM_SERVER),
            _ => None,
        }
    }
}

/// How a client is to involve the person (`ui-mode`, 2 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UiMode {
    /// As the client is used to.
    #[default]
    NotSpecified,
    /// Without showing anything.
    Background,
    /// Showing that it syncs.
    Informative,
    /// Asking first.
    UserInteraction,
}

/// Who caused a notification (`initiator`, 1 bit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Initiator {
    /// The person.
    User,
    /// The server by itself.
    #[default]
    Server,
}

/// The type of a datastore's items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ContentType {
    /// Not said.
    #[default]
    NotSpecified,
    /// The code of a media type in the registry of WSP content types, 24 bits, not 0.
    Code(u32),
    /// A media type by name, as the message form has it.
    Name(String),
}

/// Media types with their WSP codes.
const CODES: [(u32, &str); 8] = [
    (0x03, "text/plain"),
    (0x06, "text/x-vcalendar"),
    (0x07, "text/x-vcard"),
    (0x0305, "text/calendar"),
    (0x0306, "application/vnd.omads-email+xml"),
    (0x0307, "application/vnd.omads-file+xml"),
    (0x0308, "application/vnd.omads-folder+xml"),
    (0x0309, "text/directory;profile=vCard"),
];

impl ContentType {
    /// The type of that name, by its code where it has one.
    pub fn named(name: &str) -> Self {
        let name = name.trim();
        let known = CODES.iter().find(|(_, of)| of.eq_ignore_ascii_case(name));
        match known {
            Some((code, _)) => Self::Code(*code),
            None if name.is_empty() => Self::NotSpecified,
            None => Self::Name(name.to_owned()),
        }
    }

    /// The media type; `None` where it is not said, or said by an unknown code.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::NotSpecified => None,
            Self::Code(code) => {
                let known = CODES.iter().find(|(of, _)| of == code);
                known.map(|(_, name)| *name)
            }
            Self::Name(name) => Some(name),
        }
    }

    /// The code as a package has it: 0 where there is none.
    fn code(&self) -> u32 {
        match self {
            Self::NotSpecified => 0,
            Self::Code(code) => *code,
            Self::Name(name) => {
                let known = CODES.iter().find(|(_, of)| of.eq_ignore_ascii_case(name));
                known.map_or(0, |(code, _)| *code)
            }
        }
    }
}

/// A notification that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A package ends inside of a field.
    #[error("the package ends after {length} bytes, inside of its {field}")]
    Truncated {
        /// The field.
        field: &'static str,
        /// Bytes of the package.
        length: usize,
    },
    /// A package is longer than any that is taken.
    #[error("the package has {length} bytes, more than {MAX_PACKAGE}")]
    TooLong {
        /// Bytes of the package.
        length: usize,
    },
    /// The version of a package, times ten, is none that is known.
    #[error("the package is of version {tenths} tenths, which is not known")]
    Version {
        /// The version field.
        tenths: u16,
    },
    /// A text of a package is no UTF-8.
    #[error("the {field} of the package is no UTF-8 text")]
    Text {
        /// The field.
        field: &'static str,
    },
    /// A value does not fit its field.
    #[error("{value:?} does not fit the {field} of a package")]
    Field {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// A message cannot be read.
    #[error(transparent)]
    Message(#[from] crate::Error),
    /// A message has a version that is not known.
    #[error("the message is of version {dtd:?}, which is not known")]
    MessageVersion {
        /// `VerDTD`.
        dtd: String,
    },
    /// A message, read or to be written, has no alert 206 to 210 that names a datastore.
    #[error("the message asks for the sync of no datastore")]
    NoSync,
}

/// A notification as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The form of 1.2.
    Package(Package),
    /// The form of 1.0 and 1.1.
    Message(AlertMessage),
}

impl Received {
    /// What it says.
    pub fn notification(&self) -> &Notification {
        match self {
            Self::Package(package) => &package.notification,
            Self::Message(message) => &message.notification,
        }
    }
}

/// Reads a notification in whatever form it has. A package may begin with any byte, so a message
/// is what can be read as one.
///
/// # Errors
///
/// Those of [`AlertMessage::read`] for a text that begins as XML does and is no package, those of
/// [`Package::read`] for anything else.
pub fn read(bytes: &[u8]) -> Result<Received, Error> {
    let message = match AlertMessage::read(bytes) {
        Ok(message) => return Ok(Received::Message(message)),
        Err(error) => error,
    };
    match Package::read(bytes) {
        Ok(package) => Ok(Received::Package(package)),
        Err(_) if bytes.trim_ascii_start().starts_with(b"<") => Err(message),
        // a message that could be read so far is one, whatever it lacks
        Err(_) if matches!(message, Error::NoSync | Error::MessageVersion { .. }) => Err(message),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // spec: Q09
    #[test]
    fn each_sync_type_has_its_answer() {
        let answers = (200..=215).map(|code| {
            let sync = Sync {
                code: AlertCode(code),
                content_type: ContentType::NotSpecified,
                server_uri: String::new(),
                client_uri: None,
            };
            sync.client_code().map(|code| code.0)
        });
        let known: Vec<(usize, u16)> = answers
            .enumerate()
            .filter_map(|(place, code)| Some((place, code?)))
            .collect();
        assert_eq!(known, [(6, 200), (7, 202), (8, 203), (9, 204), (10, 205)]);
    }

    #[test]
    fn content_types_have_codes_and_names() {
        assert_eq!(ContentType::named(" Text/X-vCard "), ContentType::Code(7));
        assert_eq!(ContentType::Code(6).name(), Some("text/x-vcalendar"));
        assert_eq!(ContentType::Code(0x00ff_ffff).name(), None);
        assert_eq!(ContentType::named(""), ContentType::NotSpecified);
        let own = ContentType::named("text/x-own");
        assert_eq!((own.name(), own.code()), (Some("text/x-own"), 0));
        assert_eq!(ContentType::Name("text/plain".into()).code(), 3);
    }

    #[test]
    fn what_is_neither_form_is_said_to_be_a_bad_one() {
        let text = read(b"<SyncML>").unwrap_err();
        assert!(matches!(text, Error::Message(_)), "{text}");
        let short = read(&[0x77; 20]).unwrap_err();
        assert!(matches!(short, Error::Truncated { .. }), "{short}");
        let empty = read(b"").unwrap_err();
        assert!(matches!(empty, Error::Truncated { .. }), "{empty}");
    }
}
