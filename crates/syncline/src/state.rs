//! Where the state is, and how it is opened.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use session::store::{Account, Datastore};
use store::{Postgres, Sqlite, Store};

pub(crate) use store::Place;

use crate::cli::StateOptions;
use crate::config::Config;
use crate::report::{Failure, Outcome, warn};

/// Name of the database in a data folder.
const FILE: &str = "syncline.db";

/// How long a start looks for damage: devices wait for it.
const LONGEST_CHECK: Duration = Duration::from_secs(3);

/// Opens the state for a server, which must not find out on the way that it is damaged, and must
/// not go on with one that has been moved: devices may be ahead of it.
pub(crate) fn open_to_serve(options: &StateOptions, config: &Config) -> Outcome<Store> {
    let place = place(options, config)?;
    let store = opened_or_made(&place)?;
    if let Some(moved) = store.moved()? {
        return Err(store::Error::Moved(moved).into());
    }
    // a database server looks after its files itself
    if let Place::File(path) = &place {
        let whole = Sqlite::check(path, LONGEST_CHECK);
        if !whole.map_err(|error| Failure::from(error).at(path))? {
            tracing::info!("the state is large: only a part of it was looked through for damage");
        }
    }
    Ok(store)
}

/// Opens the state, and makes it if there is none.
pub(crate) fn open_or_create(options: &StateOptions, config: &Config) -> Outcome<Store> {
    with_warning(opened_or_made(&place(options, config)?)?)
}

fn opened_or_made(place: &Place) -> Outcome<Store> {
    match place {
        Place::File(path) => {
            make_folder_of(path)?;
            open(path)
        }
        Place::Database(url) => Ok(Postgres::open(url)?.into()),
    }
}

/// The state, with a word about one that was moved: who looks into it may want to know, and who
/// changes it surely does.
fn with_warning(store: Store) -> Outcome<Store> {
    if let Some(moved) = store.moved()? {
        warn(format_args!(
            "the state was moved to {}; what is done here is not done there",
            moved.to
        ));
    }
    Ok(store)
}

/// Makes the folder of a state.
pub(crate) fn make_folder_of(path: &Path) -> Outcome {
    let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) else {
        return Ok(());
    };
    make_private(folder).map_err(|error| {
        Failure::state(format_args!(
            "the folder {} cannot be made: {error}; choose another with --data",
            folder.display()
        ))
    })
}

/// Opens a state that has to be there already.
pub(crate) fn open_existing(options: &StateOptions) -> Outcome<Store> {
    let path = match place(options, &Config::load(options.config.as_deref())?)? {
        Place::File(path) => path,
        Place::Database(url) => return with_warning(Postgres::open_existing(&url)?.into()),
    };
    is_there(&path)?;
    with_warning(open(&path)?)
}

/// Where a state is that has to be there: an address, or a configuration file that names it.
pub(crate) fn place_to_read(text: &str) -> Outcome<Place> {
    let place = place_named(text)?;
    if let Place::File(path) = &place {
        std::fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => forbidden(path),
            _ => Failure::usage(format_args!(
                "there is no state at {}; check the address",
                path.display()
            )),
        })?;
    }
    Ok(place)
}

/// The same of a state that is to be made; the folder of a file has to be there.
pub(crate) fn place_to_write(text: &str) -> Outcome<Place> {
    let place = place_named(text)?;
    if let Place::File(path) = &place
        && let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(Failure::usage(format_args!(
            "there is no folder {}; make it first",
            folder.display()
        )));
    }
    Ok(place)
}

fn place_named(text: &str) -> Outcome<Place> {
    let file = Path::new(text);
    let is_config = file
        .extension()
        .is_some_and(|extension| extension == "toml");
    if !is_config {
        return place_at(text);
    }
    let options = StateOptions {
        data: None,
        database: None,
        config: Some(file.to_owned()),
    };
    place(&options, &Config::load(Some(file))?)
}

/// Refuses a place without a state.
pub(crate) fn is_there(path: &Path) -> Outcome {
    // a file that no one may look at is there all the same
    std::fs::metadata(path)
        .map(|_| ())
        .map_err(|error| not_there(path, &error))
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

fn open(path: &Path) -> Outcome<Store> {
    // SQLite says of a forbidden file no more than that it cannot be opened
    let tried = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path);
    if tried.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        return Err(forbidden(path));
    }
    let opened = Sqlite::open(path).map_err(|error| match error {
        error @ store::Error::Open { .. } => error.into(),
        error => Failure::from(error).at(path),
    });
    opened.map(Store::from)
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

/// Where the state is: by the command line, else the configuration, else the environment.
pub(crate) fn place(options: &StateOptions, config: &Config) -> Outcome<Place> {
    let in_folder = |folder: &PathBuf| Ok(Place::File(folder.join(FILE)));
    if let Some(url) = &options.database {
        return place_at(url);
    }
    if let Some(folder) = &options.data {
        return in_folder(folder);
    }
    if let Some(url) = &config.database {
        return place_at(url);
    }
    let folder = config
        .data
        .clone()
        .or_else(|| std::env::var_os("SYNCLINE_DATA").map(PathBuf::from))
        .filter(|folder| !folder.as_os_str().is_empty());
    in_folder(&folder.unwrap_or_else(|| PathBuf::from("syncline-data")))
}

fn place_at(url: &str) -> Outcome<Place> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Place::Database(url.to_owned()));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => {
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Place::File(PathBuf::from(path)))
        }
        // an address may hold a password
        _ => Err(Failure::usage(format_args!(
            "the database {:?} is of no kind that this build knows; use sqlite:PATH or \
             postgres://USER:PASSWORD@HOST/DATABASE",
            url.split_once(':').map_or(url, |(kind, _)| kind)
        ))),
    }
}

/// The account of that name.
pub(crate) fn account(store: &Store, name: &str) -> Outcome<Account> {
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
pub(crate) fn datastore(store: &Store, account: &Account, name: &str) -> Outcome<Datastore> {
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
        let at = |options, file: &str| {
            assert_eq!(place(&options, &config).unwrap(), Place::File(file.into()));
        };
        at(options(Some("d"), None), "d/syncline.db");
        at(options(None, Some("sqlite:x.db")), "x.db");
        at(options(None, None), "config.db");
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
        let file = |path: &str| Place::File(path.into());
        assert_eq!(place_at("sqlite:///a/b").unwrap(), file("/a/b"));
        assert_eq!(place_at("sqlite:/a/b").unwrap(), file("/a/b"));
        let url = "postgres://u:p@h/d";
        assert_eq!(place_at(url).unwrap(), Place::Database(url.to_owned()));
        assert!(place_at("sqlite:").is_err());
        let text = format!("{:?}", place_at("mysql://u:secret@h/d").unwrap_err());
        assert!(text.contains("mysql") && !text.contains("secret"), "{text}");
    }
}
