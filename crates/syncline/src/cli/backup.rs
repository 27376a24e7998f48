//! The commands about copies of the state.

use std::path::PathBuf;

use clap::Args;

use super::StateOptions;

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Replace the file if there is one.
    #[arg(long)]
    pub(crate) force: bool,
    /// The file to write.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Take a state back that was moved, as it was left: no device has synced where it went.
    #[arg(long, conflicts_with = "file")]
    pub(crate) keep_anchors: bool,
    /// The backup; none with PostgreSQL, whose own programs have restored the database before, and
    /// none to take a state back that was moved.
    pub(crate) file: Option<PathBuf>,
}
