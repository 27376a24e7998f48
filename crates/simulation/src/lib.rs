//! A server, its devices, their owners and a bad network in one process, all from a seed.
//!
//! Persons add, edit and delete on every device; devices sync at will, each with its own version,
//! encoding and limits; messages are lost, repeated and cut off, devices lose power and the server
//! crashes between a message and its commit. Then the network calms, every device syncs until
//! nothing moves, and the end is checked against what the persons did.
//!
//! ```text
//! seed ─▶ World { Server, Device*, Ledger } ─ steps ─▶ calm ─▶ Ledger::check ─▶ Fault | Trace
//! ```
//!
//! A seed always gives the same run: the same bytes on the wire, the same end.

mod device;
mod ledger;
mod server;
mod world;

pub use ledger::Fault;
pub use server::Sabotage;
pub use world::{Outcome, run, run_sabotaged};
