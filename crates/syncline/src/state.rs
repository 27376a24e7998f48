//! Where the state is, and how it is opened.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use session::store::{Account, Datastore};
use store::Sqlite;

use crate::cli::StateOptions;
use crate::config::Config;
use crate::report::{Failure, Outcome};

/// Name of the database in a data folder.
const FILE: &str = "syncline.db";

/// Opens the state for a server, which must not find out on the way that it is damaged.
pub(crate) fn open_to_serve(options: &StateOptions, config: &Config) -> Outcome<Sqlite> {
    let path = path(options, config)?;
    let store = open_or_create(options, config)?;
    Sqlite::check(&path).map_err(|error| Failure::from(error).at(&path))?;
    Ok(store)
}

/// Opens the state, and makes it if there is none.
pub(crate) fn open_or_create(options: &StateOptions, config: &Config) -> Outcome<Sqlite> {
    let path = path(options, config)?;
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        make_private(folder).map_err(|error| {
            Failure::state(format_args!(
                "the folder {} cannot be made: {error}; choose another with --data",
                folder.display()
            ))
        })?;
    }
    open(&path)
}

/// Opens a state that has to be there already.
pub(crate) fn open_existing(options: &StateOptions) -> Outcome<Sqlite> {
    let path = path(options, &Config::load(options.config.as_deref())?)?;
    // a file that no one may look at is there all the same
    if let Err(error) = std::fs::metadata(&path) {
        return Err(not_there(&path, &error));
    }
    open(&path)
}

/// Why there is nothing to open.
fn not_there(path: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == ErrorKind::PermissionDenied {
        return forbidden(path);
    }
    Failure::usage(format_args!(
        "there is no state at {}; name its folder with --data, or make an account with \
         `syncline user add`",
        path.display()
    ))
}

fn forbidden(path: &Path) -> Failure {
    Failure::state(format_args!(
        "there is no permission to use {}; run the command as the owner of the file, or change \
         the permissions of the file and its folder",
        path.display()
    ))
}

fn open(path: &Path) -> Outcome<Sqlite> {
    // SQLite says of a forbidden file no more than that it cannot be opened
    let tried = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path);
    if tried.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        return Err(forbidden(path));
    }
    Sqlite::open(path).map_err(|error| match error {
        error @ store::Error::Open { .. } => error.into(),
        error => Failure::from(error).at(path),
    })
}

/// Makes a folder that only its owner may look into: it holds what proves passwords, or items.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// The database's path: by the command line, else the configuration, else the environment.
fn path(options: &StateOptions, config: &Config) -> Outcome<PathBuf> {
    let in_folder = |folder: &PathBuf| Ok(folder.join(FILE));
    if let Some(url) = &options.database {
        return sqlite_path(url);
    }
    if let Some(folder) = &options.data {
        return in_folder(folder);
    }
    if let Some(url) = &config.database {
        return sqlite_path(url);
    }
    let folder = config
        .data
        .clone()
        .or_else(|| std::env::var_os("SYNCLINE_DATA").map(PathBuf::from))
        .filter(|folder| !folder.as_os_str().is_empty());
    in_folder(&folder.unwrap_or_else(|| PathBuf::from("syncline-data")))
}

fn sqlite_path(url: &str) -> Outcome<PathBuf> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => {
            Ok(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
        }
        _ => Err(Failure::usage(format_args!(
            "the database {url:?} is of no kind that this build knows; use sqlite:PATH"
        ))),
    }
}

/// The account of that name.
pub(crate) fn account(store: &Sqlite, name: &str) -> Outcome<Account> {
    let accounts = store.accounts()?;
    accounts
        .into_iter()
        .find(|account| account.name == name)
        .ok_or_else(|| no_account(name))
}

/// There is no account of that name.
pub(crate) fn no_account(name: &str) -> Failure {
    Failure::usage(format_args!(
        "there is no account {name:?}; see `syncline user list`"
    ))
}

/// The account's datastore of that name or alias.
pub(crate) fn datastore(store: &Sqlite, account: &Account, name: &str) -> Outcome<Datastore> {
    let wanted = session::datastore_name(name);
    let all = store.datastores_summary(account.id)?;
    let names: Vec<String> = all.iter().map(|(one, _)| one.name.clone()).collect();
    let found = all.into_iter().find(|(one, _)| one.name == wanted);
    found.map(|(one, _)| one).ok_or_else(|| {
        Failure::usage(format_args!(
            "the account {:?} has no datastore {name:?}; it has {}",
            account.name,
            names.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn options(data: Option<&str>, database: Option<&str>) -> StateOptions {
        StateOptions {
            data: data.map(PathBuf::from),
            database: database.map(str::to_owned),
            config: None,
        }
    }

    #[test]
    fn the_command_line_goes_before_the_configuration() {
        let config = Config {
            data: Some("from-config".into()),
            database: Some("sqlite:config.db".to_owned()),
            ..Config::default()
        };
        let path = |options| path(&options, &config).unwrap();
        assert_eq!(path(options(Some("d"), None)), Path::new("d/syncline.db"));
        assert_eq!(path(options(None, Some("sqlite:x.db"))), Path::new("x.db"));
        assert_eq!(path(options(None, None)), Path::new("config.db"));
    }

    #[test]
    fn what_is_forbidden_is_not_said_to_be_missing() {
        let failure = |kind: ErrorKind| {
            let failure = not_there(Path::new("d/syncline.db"), &kind.into());
            format!("{failure:?}")
        };
        let text = failure(ErrorKind::PermissionDenied);
        assert!(
            text.contains("State") && text.contains("permission"),
            "{text}"
        );
        let text = failure(ErrorKind::NotFound);
        assert!(
            text.contains("Usage") && text.contains("there is no state"),
            "{text}"
        );
    }

    #[test]
    fn database_addresses() {
        assert_eq!(sqlite_path("sqlite:///a/b").unwrap(), Path::new("/a/b"));
        assert_eq!(sqlite_path("sqlite:/a/b").unwrap(), Path::new("/a/b"));
        assert!(sqlite_path("postgres://h/d").is_err());
        assert!(sqlite_path("sqlite:").is_err());
    }
}
