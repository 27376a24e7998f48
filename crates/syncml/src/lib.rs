//! The SyncML representation protocol: what a message says, in types.
//!
//! A [`Document`] is the bytes that a transport delivered, of one [`Encoding`]. Reading it gives a
//! [`Message`], whose texts and payloads borrow from the document; a [`MessageWriter`] turns
//! typed commands back into bytes, command by command, and always knows how long the message is,
//! so that a sender can keep a peer's `MaxMsgSize` exactly.
//!
//! ```text
//! bytes ─▶ Document ─▶ (XML │ WBXML events) ─▶ Message { Header, Vec<Command> }
//! bytes ◀─ MessageWriter ◀─ (XML │ WBXML) ◀─ Command, Command, …
//! ```
//!
//! The crate follows the OMA SyncML Representation Protocol 1.0 to 1.2, Meta-Information and
//! Device Information of the same versions, and the notifications by which a server asks for a
//! session ([`san`]). It reads tolerantly, as real devices need it, and
//! writes strictly. It does no I/O and knows nothing of sessions; device management messages
//! (`Exec`, `Atomic`, generic alerts) are read and written like any other.

pub mod auth;
pub mod code;
pub mod devinf;
mod error;
pub mod message;
pub mod meta;
mod names;
mod read;
pub mod san;
pub mod transcode;
pub mod version;
mod write;

pub use code::{AlertCode, StatusCode};
pub use devinf::DevInf;
pub use error::Error;
pub use message::{
    Access, AccessKind, Alert, Chal, Change, ChangeKind, Command, Cred, Data, Exec, Filter, Group,
    GroupKind, Header, Item, Location, Map, MapItem, Message, Results, Search, Status, Sync, Text,
    Unknown,
};
pub use meta::{Anchor, Mem, Meta};
pub use read::{Document, Limits, MessageReader};
pub use version::{Encoding, Version};
pub use write::{Mark, MessageWriter, can_carry};
