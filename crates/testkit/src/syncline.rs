//! Our own binary, used through its command line as a person would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Error;
use crate::items::{self, Kind};
use crate::postgres::{Database, Postgres};
use crate::process::{self, Output, Running, Server};
use crate::syncevolution::{Counts, KEEP};

/// A folder of state with accounts, which `syncline serve` and the administration commands share.
#[derive(Debug)]
pub struct Installation {
    program: PathBuf,
    folder: TempDir,
    /// Where the state is, if it is not in the folder.
    database: Option<String>,
    /// A database that goes with it.
    _own: Option<Database<'static>>,
}

/// The variable that says which engine holds the state of [`Installation::new`]: `postgres`, or SQLite
/// without it. So the same tests run over both.
pub const ENGINE: &str = "SYNCLINE_TEST_ENGINE";

impl Installation {
    /// An empty one, for the binary `program`, over the engine that [`ENGINE`] names.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no place for it, [`Error::Failed`] when there is no database for it.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is named and cannot be started, or the engine is none of the two.
    pub fn new(program: impl Into<PathBuf>) -> Result<Self, Error> {
        let engine = std::env::var(ENGINE).unwrap_or_default();
        let own = match engine.as_str() {
            "" | "sqlite" => None,
            "postgres" => {
                let server = Postgres::shared();
                let server = server.unwrap_or_else(|| panic!("{ENGINE}: there is no PostgreSQL"));
                Some(server.database()?)
            }
            other => panic!("{ENGINE}: {other:?} is no engine"),
        };
        Ok(Self {
            database: own.as_ref().map(Database::url),
            _own: own,
            ..Self::in_folder(program)?
        })
    }

    fn in_folder(program: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut folder = tempfile::Builder::new()
            .prefix("syncline-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?;
        folder.disable_cleanup(keep());
        Ok(Self {
            program: program.into(),
            folder,
            database: None,
            _own: None,
        })
    }

    /// One whose state is in the database of that address.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no place for what else it has.
    pub fn with_database(program: impl Into<PathBuf>, url: String) -> Result<Self, Error> {
        Ok(Self {
            database: Some(url),
            ..Self::in_folder(program)?
        })
    }

    /// The arguments that name the state.
    fn state(&self) -> [String; 2] {
        if let Some(url) = &self.database {
            return ["--database".to_owned(), url.clone()];
        }
        let data = self.data().to_string_lossy().into_owned();
        ["--data".to_owned(), data]
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("syncline.toml")
    }

    /// Whether several servers may have its state at a time: where a database server holds it.
    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// Gives the servers that are started from now on a configuration file with this text.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be written.
    pub fn configure(&self, toml: &str) -> Result<(), Error> {
        let path = self.configuration();
        fs::write(&path, toml).map_err(Error::io("the configuration"))
    }

    /// The folder that `--data` names.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server on a free port. With [`KEEP`] set it keeps every message beside the data.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn serve(&self) -> Result<Server, Error> {
        self.serve_on("127.0.0.1:0")
    }

    /// [`Installation::serve`] on the [`Server::address`] of a server that has ended, where its
    /// clients expect it.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn serve_on(&self, address: &str) -> Result<Server, Error> {
        self.serve_in(&[], address)
    }

    /// [`Installation::serve`] by a server that trusts the authorities of this file beside no others.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn serve_trusting(&self, authorities: &Path) -> Result<Server, Error> {
        let trusted = format!("SSL_CERT_FILE={}", authorities.display());
        self.serve_in(&["env".to_owned(), trusted], "127.0.0.1:0")
    }

    fn serve_in(&self, enter: &[String], address: &str) -> Result<Server, Error> {
        let messages = self.folder.path().join("messages");
        let messages = messages.to_string_lossy();
        let arguments: &[&str] = if keep() {
            &["--log-messages", &messages]
        } else {
            &[]
        };
        let [option, place] = self.state();
        let mut arguments = [&[option.as_str(), &place], arguments].concat();
        let configuration = self.configuration();
        let path = configuration.to_string_lossy();
        if configuration.exists() {
            arguments.extend(["--config", &path]);
        }
        let log = self.folder.path().join("data.log");
        Server::start_in(enter, &self.program, log, address, &arguments)
    }

    /// Runs `syncline COMMAND…` on the state and wants exit code 0.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what it printed.
    pub fn run(&self, command: &[&str], stdin: &[u8]) -> Result<Output, Error> {
        let output = self.try_run(command, stdin)?;
        if output.code == Some(0) {
            return Ok(output);
        }
        Err(Error::Failed {
            program: format!("syncline {}", command.join(" ")),
            code: output.code,
            output: output.all(),
        })
    }

    /// Runs `syncline COMMAND…` on the state, whatever comes of it.
    ///
    /// # Errors
    ///
    /// As [`process::run`].
    pub fn try_run(&self, command: &[&str], stdin: &[u8]) -> Result<Output, Error> {
        let [option, place] = self.state();
        let arguments = [command, &[option.as_str(), &place]].concat();
        process::run(&self.program, &arguments, stdin)
    }

    /// Creates an account (`user add`).
    ///
    /// # Errors
    ///
    /// As [`Installation::run`].
    pub fn add_user(&self, name: &str, password: &str) -> Result<(), Error> {
        let command = ["user", "add", name, "--password-stdin"];
        self.run(&command, format!("{password}\n").as_bytes())?;
        Ok(())
    }

    /// Puts the items of a folder into a datastore (`store import`).
    ///
    /// # Errors
    ///
    /// As [`Installation::run`].
    pub fn import(&self, user: &str, store: &str, from: &Path) -> Result<(), Error> {
        let from = from.to_string_lossy();
        self.run(&["store", "import", "--user", user, store, &from], b"")?;
        Ok(())
    }

    /// The [`items::essences`] of a datastore's items (`store export`).
    ///
    /// # Errors
    ///
    /// As [`Installation::run`].
    pub fn essences(&self, user: &str, store: &str, kind: Kind) -> Result<Vec<String>, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("a temporary folder"))?;
        let to = folder.path().to_string_lossy();
        self.run(&["store", "export", "--user", user, store, &to], b"")?;
        items::essences(folder.path(), kind)
    }

    /// How many items each datastore of an account holds (`store list --json`).
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when that is not the promised JSON.
    pub fn counts(&self, user: &str) -> Result<BTreeMap<String, u64>, Error> {
        let output = self.run(&["store", "list", "--user", user, "--json"], b"")?;
        let unexpected = || Error::Unexpected {
            program: "syncline store list".to_owned(),
            expected: "list of datastores with name and items".to_owned(),
            output: output.all(),
        };
        let list: serde_json::Value =
            serde_json::from_slice(&output.stdout).map_err(|_| unexpected())?;
        let list = list.as_array().ok_or_else(unexpected)?;
        list.iter()
            .map(|store| {
                let name = store.get("name")?.as_str()?.to_owned();
                Some((name, store.get("items")?.as_u64()?))
            })
            .collect::<Option<_>>()
            .ok_or_else(unexpected)
    }
}

fn keep() -> bool {
    std::env::var_os(KEEP).is_some_and(|value| value == "1")
}

/// A device that is our own client: `syncline sync` over folders.
#[derive(Debug)]
pub struct Device {
    program: PathBuf,
    folder: TempDir,
    /// Where the server is.
    pub url: String,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Further arguments of `syncline sync`.
    pub arguments: Vec<String>,
    stores: Vec<(String, Kind)>,
}

/// What `syncline sync` reported of one datastore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// To the server.
    pub sent: Counts,
    /// From the server.
    pub received: Counts,
    /// Items that failed.
    pub failed: u64,
}

impl Device {
    /// A device with an empty folder for each of `stores`, given by their URIs at the server.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no place for it.
    pub fn new(
        program: impl Into<PathBuf>,
        url: &str,
        user: &str,
        password: &str,
        stores: &[(&str, Kind)],
    ) -> Result<Self, Error> {
        let mut folder = tempfile::Builder::new()
            .prefix("device-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?;
        folder.disable_cleanup(keep());
        for (name, _) in stores {
            let path = folder.path().join(name);
            fs::create_dir(&path).map_err(Error::io(path.display().to_string()))?;
        }
        Ok(Self {
            program: program.into(),
            folder,
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            arguments: Vec::new(),
            stores: stores
                .iter()
                .map(|(name, kind)| ((*name).to_owned(), *kind))
                .collect(),
        })
    }

    /// The folder of a datastore's items.
    pub fn folder(&self, store: &str) -> PathBuf {
        self.folder.path().join(store)
    }

    /// The [`items::essences`] of a datastore's items.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the folder cannot be read.
    pub fn essences(&self, store: &str, kind: Kind) -> Result<Vec<String>, Error> {
        items::essences(&self.folder(store), kind)
    }

    /// Runs `syncline sync` over all datastores, whatever comes of it.
    ///
    /// # Errors
    ///
    /// As [`process::run`].
    pub fn run(&self, mode: &str) -> Result<Output, Error> {
        self.start(mode)?.finish(process::PATIENCE)
    }

    /// Starts `syncline sync` over all datastores.
    ///
    /// # Errors
    ///
    /// As [`Running::start`].
    pub fn start(&self, mode: &str) -> Result<Running, Error> {
        let mut command = Command::new(&self.program);
        command
            .args(["sync", "--url", &self.url, "--user", &self.user])
            .args(["--password-stdin", "--mode", mode])
            .args(&self.arguments)
            .args(
                self.stores
                    .iter()
                    .map(|(name, _)| format!("{name}={}", self.folder(name).display())),
            );
        Running::start(command, format!("{}\n", self.password).as_bytes())
    }

    /// [`Device::run`], which has to succeed; what each datastore transferred.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] for another exit code than 0, [`Error::Unexpected`] when a datastore has
    /// no line of its own.
    pub fn sync(&self, mode: &str) -> Result<BTreeMap<String, Transfer>, Error> {
        let output = self.run(mode)?;
        let program = format!("syncline sync --mode {mode}");
        if output.code != Some(0) {
            return Err(Error::Failed {
                program,
                code: output.code,
                output: output.all(),
            });
        }
        let text = output.text();
        self.stores
            .iter()
            .map(|(name, _)| {
                let transfer = text.lines().find_map(|line| transfer(line, name));
                let transfer = transfer.ok_or_else(|| Error::Unexpected {
                    program: program.clone(),
                    expected: format!("line of {name}"),
                    output: output.all(),
                })?;
                Ok((name.clone(), transfer))
            })
            .collect()
    }
}

/// Reads `NAME: sent 1 added, 2 changed, 0 deleted; received 3 added, 0 changed, 1 deleted; 0
/// failed`.
fn transfer(line: &str, name: &str) -> Option<Transfer> {
    let rest = line.strip_prefix(name)?.strip_prefix(": ")?;
    let mut parts = rest.split("; ");
    let counts = |part: &str, direction: &str| {
        let mut numbers = part.strip_prefix(direction)?.split(", ");
        let mut next = |what: &str| numbers.next()?.strip_suffix(what)?.trim().parse().ok();
        Some(Counts::new(
            next("added")?,
            next("changed")?,
            next("deleted")?,
        ))
    };
    Some(Transfer {
        sent: counts(parts.next()?, "sent ")?,
        received: counts(parts.next()?, "received ")?,
        failed: parts.next()?.strip_suffix(" failed")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_sync_is_read() {
        let line = "notes: sent 1 added, 2 changed, 0 deleted; received 3 added, 0 changed, \
                    14 deleted; 5 failed";
        let expected = Transfer {
            sent: Counts::new(1, 2, 0),
            received: Counts::new(3, 0, 14),
            failed: 5,
        };
        assert_eq!(transfer(line, "notes"), Some(expected));
        assert_eq!(transfer(line, "note"), None);
        assert_eq!(transfer("notes: sent nothing", "notes"), None);
    }
}
