//! A server, its devices, their owners and a bad network in one process, all from a seed.
//!
//! Persons add, edit and delete contacts, events and notes on every device; devices sync some of
//! their datastores at will, in every mode, each with its own version, encoding, limits and room,
//! some in one package; items may need several messages, and sessions are suspended and resumed.
//! Some devices want some of the records, and some of their properties, others in one session than in
//! the next; some keep files in folders; some say in their device information that they keep less of a record
//! than it has. The server asks for logins of every scheme, and is busy now and then.
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
//! # What is promised to devices with filters, and to those that keep less
//!
//! The same as to all others, of the records that they want: in the end they hold exactly
//! those. A session that breaks under another filter leaves a device with a share that is of either, which
//! the next session compares with what matches; and what leaves a device because of a filter leaves no other
//! place. Two things the standard leaves open, and so does the check:
//!
//! - A device that compares all items, and may hold some of their properties only, shows by nothing that
//!   what it holds is older than what the server holds. Either version may stand; the record must not be
//!   lost, nor its remark, which the device may not have.
//! - A refresh from a client that does not want all removes nothing: it need not have what it does not send.
//!
//! A seed always gives the same run: the same bytes on the wire, the same end. That the checks see
//! what they should is shown by [`Sabotage`]: rules that are broken on purpose.

mod check;
mod device;
mod fault;
mod folders;
mod information;
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
