//! What is known of a peer beyond the protocol: how real devices depart from it, and what a device
//! says it can hold.
//!
//! No device is a special case in the code. A [`Table`] of [`Rule`]s, which is data, says by what
//! a device is recognized and what then holds of it; the code asks [`Rules`], one flag a question.
//!
//! ```text
//! rules.toml, configuration ─▶ Table ──▶ Rules ──┬─▶ Capabilities of each datastore
//! DevInf, address, what it did ─▶ Traits ─┘  DevInf ─┘
//! ```
//!
//! A client asks a [`ServerTable`] in the same way: its rules are of servers.

mod capabilities;
mod flags;
mod servers;
mod table;

pub use crate::spoken::Spoken;
pub use capabilities::{Capabilities, datastore_for, describes, has_use, kind_of};
pub use flags::{Flags, Format, Held, Rules};
pub use servers::{
    ServerFlags, ServerPattern, ServerRule, ServerRules, ServerTable, ServerTraits, Written,
};
pub use table::{FlagSet, Pattern, Recognize, Rule, RuleOf, Table, TableError, TableOf, Traits};
