//! Nodes over one database and its replica, while everything that can die does.
//!
//! ```text
//!                                 ┌▶ node 1 ─┐
//! devices ─▶ balancer, a node for ├▶ node 2 ─┼─▶ primary ─▶ replica
//!            each message         └▶ node 3 ─┘    (a commit waits for both)
//! ```
//!
//! A seed decides who is killed and cut off, and in which order; what each device's person does; and
//! which node each message of a device goes to. What it all meets is decided by the machine, so the
//! same seed is the same plan and not the same run. When the plan is over, everything is mended and
//! every device syncs some times more; then they and the server must hold the same, and what is
//! known of each record decides whether something was lost, doubled or brought back (`ledger.rs`).

mod balancer;
mod cluster;
mod device;
mod ledger;
mod network;
mod plan;
mod relay;
mod run;

use std::path::PathBuf;

pub use run::{Report, run};

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary `syncline`.
    pub program: PathBuf,
    /// What decides the plan.
    pub seed: u64,
    /// Nodes over the database.
    pub nodes: usize,
    /// Accounts that the devices are divided among.
    pub accounts: usize,
    /// Devices.
    pub devices: usize,
    /// How often a node is killed.
    pub kills: usize,
    /// How often a node loses the database.
    pub cuts: usize,
    /// Messages from one step of the plan to the next, at most twice as many.
    pub pace: u64,
    /// Nodes and databases are in network namespaces of their own, and a cut is a cable pulled out:
    /// nobody hears of it. The process has to be root of a network namespace. Without it, all are on
    /// the loopback interface, with relays to the databases which close connections.
    pub namespaces: bool,
    /// A folder in which each device keeps its messages.
    pub messages: Option<PathBuf>,
}

/// Why a run proves nothing, or what it has found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A server or a program does not run.
    #[error(transparent)]
    Program(#[from] testkit::Error),
    /// A network cannot be made.
    #[error("{what}: {reason}")]
    Network {
        /// What was being done.
        what: String,
        /// What the system says.
        reason: String,
    },
    /// A device cannot be made.
    #[error("a device cannot be made: {0}")]
    Device(String),
    /// A device does not get through although everything has been mended.
    #[error("device {device} cannot sync any more: {reason}")]
    Stuck {
        /// Its number.
        device: usize,
        /// Why its last session failed.
        reason: String,
    },
    /// What is held in the end is not what it should be.
    #[error("{} complaints, among them:\n{}", .0.len(), .0.iter().take(20).cloned().collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<String>),
}

impl Error {
    fn network(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Network {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}
