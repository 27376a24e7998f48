//! The options about past sessions: what waits for a decision, and what is undone.

use clap::{Args, Subcommand};

use super::StateOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List the latest 100 sessions that deleted or replaced items; those whose changes wait for a
    /// decision come first.
    #[command(after_help = "\
Examples:
  syncline session list
  syncline session list --user alice --json")]
    List {
        #[command(flatten)]
        state: StateOptions,
        /// Only this account's.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make the deletions and replacements of a session that wait.
    ///
    /// An item that was changed since stays as it is, and the device gets it again.
    #[command(after_help = "\
Examples:
  syncline session confirm 1f2e3d4c
  syncline session confirm 1f2e3d4c --store contacts")]
    Confirm(Decision),
    /// Drop the deletions and replacements of a session that wait: the device gets the items in its
    /// next session.
    ///
    /// What it would have replaced items with stays in their history.
    #[command(after_help = "\
Examples:
  syncline session reject 1f2e3d4c
  syncline session reject 1f2e3d4c --store contacts")]
    Reject(Decision),
}

/// What is decided about.
#[derive(Debug, Args)]
pub(crate) struct Decision {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// The account, when several have a session of that name.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Only what waits in this datastore.
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The session, as listed.
    pub(crate) session: String,
}

/// How a session is undone.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// Give every item that this session replaced or deleted the content that it had before; the
    /// session as listed by `session list` or `store history`.
    #[arg(long, value_name = "SESSION")]
    pub(crate) before: Option<String>,
    /// Also where others have changed the item since.
    #[arg(long, requires = "before")]
    pub(crate) force: bool,
    /// Remove what the session added.
    #[arg(long, requires = "before")]
    pub(crate) remove_added: bool,
    /// Only say what would be done.
    #[arg(long, requires = "before")]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long, requires = "before")]
    pub(crate) json: bool,
}
