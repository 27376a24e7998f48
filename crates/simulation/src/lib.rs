//! A server, its devices, their owners and a bad network in one process, all from a seed.
//!
//! Persons add, edit and delete contacts, events and notes on every device; devices sync some of
//! their datastores at will, in every mode, each with its own version, encoding, limits and room,
//! some in one package; items may need several messages, and sessions are suspended and resumed.
//! Where the network is mild, some devices keep files in folders, and some want some of the records
//! or some of their properties, others in one session than in the next; what has to come of these in
//! worse weather is not laid down yet.
//! In guarded runs, sessions that delete and replace too much are held, and the owner confirms, rejects
//! and undoes them at any time ([`run_guarded`]).
//! The owner wants this or that side to win a conflict, by device and datastore. Messages are lost,
//! repeated, cut off and held up until newer sessions run; devices lose power at any call of their
//! datastores, and the server goes down at any write. Then the network calms, every device syncs
//! until nothing moves, and the end is checked against what the persons did.
//!
//! ```text
//! seed ─▶ World { Server, Device*, Ledger* } ─ steps ─▶ calm ─▶ agreement, Ledger::check ─▶ Outcome
//! ```
//!
//! A seed always gives the same run: the same bytes on the wire, the same end. That the checks see
//! what they should is shown by [`Sabotage`]: rules that are broken on purpose.

mod check;
mod device;
mod fault;
mod folders;
mod items;
mod journal;
mod ledger;
mod network;
mod policies;
mod replica;
mod sabotage;
mod server;
mod transaction;
mod wanted;
mod world;

pub use fault::{Fault, Outcome};
pub use sabotage::Sabotage;
pub use world::{run, run_guarded, run_guarded_told, run_sabotaged, run_told};
