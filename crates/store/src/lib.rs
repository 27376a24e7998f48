//! State of a server: accounts, devices, links, maps, items, sessions.
//!
//! The traits that a session needs stand in [`session::store`]; this crate has their engines:
//! [`Sqlite`] keeps the state in one file, [`Postgres`] in a database that many nodes share, and a
//! [`Store`] is either of them; [`Memory`] is the model in plain maps that the
//! engines are compared with and that the protocol is tested over.
//!
//! ```text
//! account ─┬─ device ─────────┐
//!          └─ datastore ──┬─ link: anchors, what the device has seen
//!                         │     └─ map: LUID ↔ GUID, the version that the device holds
//!                         └─ item: content, its place in the change sequence, tombstones
//!                               └─ history: what was replaced, deleted or overruled
//! session: protocol state and the last answer, between two messages
//! ```
//!
//! Beside the engines: [`copy()`] moves a whole state from one to the other, [`Tidying`] removes what is
//! old, and [`Duplicates`] finds records that are there twice.

mod copy;
mod duplicates;
mod engine;
mod error;
mod memory;
mod postgres;
mod renew;
mod sessions;
mod shared;
mod sqlite;
mod tidy;

pub use copy::{Anchors, Copied, Moved, Place, Progress, copy, reclaim, rehearse};
pub use duplicates::{Duplicate, Duplicates};
pub use engine::Store;
pub use error::{Error, Refusal};
pub use memory::Memory;
pub use postgres::Postgres;
pub use sessions::PastSession;
pub use sqlite::{DeviceLinks, Overruled, Restored, Rule, Sqlite, Version, Wish};
pub use tidy::{Expiry, Tidied, Tidying};
