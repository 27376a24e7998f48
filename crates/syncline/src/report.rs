//! How a command ends: an exit code, and one sentence that says what, where, and what to do.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use crate::{output, world};

/// Why a command did not do all it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// For people; empty when all was said already.
    text: String,
}

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Exit codes other than success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done, but some item or datastore failed.
    Partly = 1,
    /// Usage or configuration.
    Usage = 2,
    /// The peer cannot be reached or refuses the login.
    Peer = 3,
    /// The state is unusable.
    State = 4,
}

impl Failure {
    fn new(exit: Exit, text: impl Display) -> Self {
        Self {
            exit,
            text: text.to_string(),
        }
    }

    /// Done but for items or datastores that were named already.
    pub(crate) fn partly() -> Self {
        Self::new(Exit::Partly, "")
    }

    /// An input or output that is not as it should be.
    pub(crate) fn input(text: impl Display) -> Self {
        Self::new(Exit::Partly, text)
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(text: impl Display) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// The peer does not answer as it should.
    pub(crate) fn peer(text: impl Display) -> Self {
        Self::new(Exit::Peer, text)
    }

    /// The state cannot be used.
    pub(crate) fn state(text: impl Display) -> Self {
        Self::new(Exit::State, text)
    }

    /// The same, said of a file.
    pub(crate) fn at(self, path: &Path) -> Self {
        Self::new(self.exit, format_args!("{}: {}", path.display(), self.text))
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        let advice = match &error {
            store::Error::Exists { .. } => {
                return Self::usage(format_args!(
                    "{error}; choose another name, or see `syncline user password`"
                ));
            }
            store::Error::Address(_) => {
                return Self::usage(format_args!(
                    "{error}; write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"
                ));
            }
            store::Error::Occupied { .. } => {
                return Self::usage(format_args!(
                    "{error}; name a new file, or an empty database"
                ));
            }
            store::Error::NoState { .. } => {
                return Self::usage(format_args!(
                    "{error}; check its address, or make an account there with `syncline user add`"
                ));
            }
            store::Error::Same { .. } => {
                return Self::usage(format_args!("{error}; name another place with --to"));
            }
            store::Error::Moved(moved) => {
                let time = world::timestamp(moved.at).unwrap_or_default();
                return Self::state(format_args!(
                    "{error} at {time}; use it there, or take this one back with `syncline restore`"
                ));
            }
            store::Error::NotAlone => {
                "end every server over it first; connections to a database that are none of \
                 a server's are told apart by another application_name in its address"
            }
            store::Error::StillMarked { .. } => {
                "nothing was kept at the new place; take the old state back with \
                 `syncline restore --keep-anchors`"
            }
            store::Error::Unequal { .. } => {
                "nothing was kept of the copy; look for a fault of the disk"
            }
            store::Error::Taken { .. } => {
                return Self::usage(format_args!(
                    "{error}; name another, or replace a backup with --force"
                ));
            }
            store::Error::InUse { .. } => "stop the server and other commands that use it",
            store::Error::Unreachable { .. } => {
                "check that the database runs, and the host and port of its address"
            }
            store::Error::Refused { refusal, .. } => advice_for(*refusal),
            store::Error::Open { .. } => "check the path and its permissions",
            store::Error::Newer { .. } => "use the release that wrote it, or a later one",
            store::Error::Damaged(_) => "restore a backup, or choose another folder with --data",
            store::Error::Locked | store::Error::Busy(_) => {
                "try again when the other processes are done"
            }
            _ => "try again, and check free space and the permissions of its folder",
        };
        Self::state(format_args!("{error}; {advice}"))
    }
}

/// What to do about a database that refuses.
fn advice_for(refusal: store::Refusal) -> &'static str {
    use store::Refusal;
    match refusal {
        Refusal::Password => "check the user and password in its address",
        Refusal::Login => {
            "check the user in its address, and that pg_hba.conf lets it in from here; it may ask \
             for encryption (sslmode=require)"
        }
        Refusal::NoDatabase => "check the name in its address, or make it with `createdb`",
        Refusal::Permission => {
            "grant the user what is missing, or make it the owner of the schema and its tables"
        }
        Refusal::TooMany => {
            "lower `connections` in the addresses of the servers, or let the database have more"
        }
        Refusal::Encryption => {
            "check sslmode and sslrootcert in its address, and that the database has encryption on"
        }
        Refusal::ReadOnly => {
            "name the primary in its address, or add target_session_attrs=read-write"
        }
        Refusal::Busy => "try again when the other commands on it are done",
        Refusal::Full => "make space on the disk of the database",
        _ => "see the log of the database",
    }
}

/// Characters of a sentence at most: paths and addresses are long, but not longer.
const SENTENCE: usize = 2000;

/// Names something that failed while the rest goes on.
pub(crate) fn warn(text: impl Display) {
    let text = output::foreign(&text.to_string(), SENTENCE);
    say(&format!("warning: {text}"));
}

/// Tells the user on stderr how far things are.
#[expect(clippy::print_stderr, reason = "this is where stderr is written")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// Says what went wrong and gives the exit code.
pub(crate) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.text.is_empty() {
                let text = output::foreign(&failure.text, SENTENCE);
                say(&format!("error: {text}"));
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}
