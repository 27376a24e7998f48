//! The SyncML Data Synchronization protocol as state machines without I/O: server and client.
//!
//! A message of the peer goes in with the time and some entropy, an answer comes out; whatever
//! has to last is read from and written to a transaction that the caller opens and commits. So
//! one message is one transaction, any node may answer any message, and a whole fleet can be
//! replayed from a seed.
//!
//! ```text
//! request bytes ─▶ server::answer(transaction, request) ─▶ answer bytes
//!                      │ reads and writes
//!                      ▼
//!                 store::Transaction (accounts, devices, links, maps, items, sessions)
//! ```
//!
//! The crate opens no socket or file, reads no clock and draws no random number.

mod brief;
mod chunks;
pub mod client;
mod clock;
mod content;
pub mod filter;
pub mod guard;
mod hash;
mod nonce;
pub mod occurrences;
pub mod peer;
pub mod server;
mod spoken;
pub mod store;
mod uri;

pub use hash::hash;
pub use uri::{datastore_name, same_address};
