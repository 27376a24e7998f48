//! `syncline migrate`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Where the state is: sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE, or a
    /// configuration file (FILE.toml) that names it.
    #[arg(long, value_name = "STATE")]
    pub(crate) from: String,
    /// Where it is to be; there must be nothing.
    #[arg(long, value_name = "STATE")]
    pub(crate) to: String,
    /// Read everything and look at the target, but copy nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
