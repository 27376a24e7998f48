//! Real peers and sample items for the tests.
//!
//! The tests of a synchronization server are worth what its peers are worth. This crate starts
//! them: our own binary ([`syncline`], [`process`]), SyncEvolution as a client and as a server
//! ([`syncevolution`]), libwbxml's converters ([`libwbxml`]), an LDAP directory ([`slapd`]) and PostgreSQL ([`postgres`]),
//! with a network between them that can break ([`proxy`]). What they exchange comes from
//! [`items`], which makes contacts, events, tasks and notes from a number and can tell whether two
//! texts are the same record after a peer has rewritten one of them; and from [`overlap`], two
//! collections of which much is the same.
//!
//! A peer that is not installed makes its tests say so and end, through [`require`]. Everything
//! runs in temporary folders and on the loopback interface, and ends with the value that stands
//! for it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub mod items;
pub mod libwbxml;
pub mod overlap;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod slapd;
pub mod syncevolution;
pub mod syncline;

/// What can go wrong while a peer is set up or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or a pipe failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program did not end in time and was killed.
    #[error("{program} did not end within {seconds} s\n{output}")]
    Hung {
        /// The program's name.
        program: String,
        /// How long it was waited for.
        seconds: u64,
        /// What it had printed.
        output: String,
    },
    /// A program ended in another way than it should have.
    #[error("{program} ended with {code}\n{output}", code = exit(*code))]
    Failed {
        /// The program's name.
        program: String,
        /// Its exit code; `None` when a signal ended it.
        code: Option<i32>,
        /// What it had printed.
        output: String,
    },
    /// A server did not say that it listens.
    #[error("{program} did not start listening\n{output}")]
    NotListening {
        /// The program's name.
        program: String,
        /// What it had printed.
        output: String,
    },
    /// A command of our own printed something else than its contract says.
    #[error("{program} printed no {expected}\n{output}")]
    Unexpected {
        /// The command.
        program: String,
        /// What it should have printed.
        expected: String,
        /// What it had printed.
        output: String,
    },
    /// SyncEvolution left no readable account of a session.
    #[error("no report of a session in {}: {reason}\n{output}", path.display())]
    NoReport {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What the client had printed.
        output: String,
    },
}

fn exit(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"))
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// A program of others that tests talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// SyncEvolution's command line, with the C compiler that its repair needs.
    SyncEvolutionClient,
    /// SyncEvolution's engine as a server, with the D-Bus daemon and Python that carry it.
    SyncEvolutionServer,
    /// `wbxml2xml` and `xml2wbxml`.
    Libwbxml,
    /// OpenLDAP's server.
    Slapd,
    /// PostgreSQL's server, with `psql`.
    Postgres,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SyncEvolutionClient,
        Self::SyncEvolutionServer,
        Self::Libwbxml,
        Self::Slapd,
        Self::Postgres,
    ];

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyncEvolutionClient => "SyncEvolution's client",
            Self::SyncEvolutionServer => "SyncEvolution's server",
            Self::Libwbxml => "libwbxml's tools",
            Self::Slapd => "OpenLDAP's server",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Debian packages that bring it.
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            Self::SyncEvolutionClient => {
                &["syncevolution", "syncevolution-libs", "gcc", "libc6-dev"]
            }
            Self::SyncEvolutionServer => &[
                "syncevolution",
                "syncevolution-libs",
                "syncevolution-dbus",
                "dbus-daemon",
                "python3-gi",
                "gcc",
                "libc6-dev",
            ],
            Self::Libwbxml => &["libwbxml2-utils"],
            Self::Slapd => &["slapd"],
            Self::Postgres => &["postgresql"],
        }
    }

    /// Files of which all exist where it is installed.
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::SyncEvolutionClient => &["/usr/bin/syncevolution", "/usr/bin/cc"],
            Self::SyncEvolutionServer => &[
                "/usr/bin/syncevolution",
                "/usr/bin/cc",
                "/usr/bin/dbus-daemon",
                "/usr/bin/python3",
                "/usr/lib/python3/dist-packages/gi/__init__.py",
                "/usr/libexec/syncevo-dbus-server",
            ],
            Self::Libwbxml => &["/usr/bin/wbxml2xml", "/usr/bin/xml2wbxml"],
            Self::Slapd => &["/usr/sbin/slapd"],
            Self::Postgres => &["/usr/bin/psql"],
        }
    }

    /// Whether it can be talked to here.
    pub fn is_installed(self) -> bool {
        self.files().iter().all(|file| Path::new(file).exists())
            && match self {
                Self::Libwbxml | Self::Slapd => true,
                Self::Postgres => postgres::is_installed(),
                Self::SyncEvolutionClient | Self::SyncEvolutionServer => {
                    syncevolution::file_backend().is_some()
                }
            }
    }
}

/// Proof that a [`Peer`] is installed; the drivers ask for it.
#[derive(Debug, Clone, Copy)]
pub struct Availability(Peer);

impl Availability {
    /// The peer that is there.
    pub fn peer(self) -> Peer {
        self.0
    }
}

/// Name of the environment variable that turns a missing peer from a skipped test into a failure.
pub const REQUIRE_PEERS: &str = "SYNCLINE_REQUIRE_PEERS";

/// The peer, if it is installed; otherwise one line on standard error that says which test goes
/// without.
///
/// # Panics
///
/// When the peer is missing and [`REQUIRE_PEERS`] is `1`.
pub fn require(peer: Peer) -> Option<Availability> {
    if peer.is_installed() {
        return Some(Availability(peer));
    }
    let thread = std::thread::current();
    let line = format!(
        "skipped: {}: {}: not installed",
        thread.name().unwrap_or("a test"),
        peer.name()
    );
    assert!(
        std::env::var_os(REQUIRE_PEERS).is_none_or(|value| value != "1"),
        "{line} ({REQUIRE_PEERS}=1; Debian packages: {})",
        peer.packages().join(" ")
    );
    // Past the test runner, which keeps what a passing test prints to itself.
    let _ = writeln!(io::stderr(), "{line}");
    None
}
