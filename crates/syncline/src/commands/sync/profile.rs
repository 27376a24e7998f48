//! What is to be synced: from the arguments, or from a profile file that stands for them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use session::client::Login;
use session::peer::ServerRule;

use crate::cli::{MSG_SIZES, OnConflict, SyncEncoding, SyncMode, SyncVersion};
use crate::config::{check_range, read_toml};
use crate::report::{Failure, Outcome};

/// A server, an account and folders.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) url: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) mode: Option<SyncMode>,
    pub(super) version: Option<SyncVersion>,
    pub(super) encoding: Option<SyncEncoding>,
    pub(super) max_msg_size: Option<u64>,
    pub(super) device_id: Option<String>,
    pub(super) server_id: Option<String>,
    /// What the server has to prove.
    pub(super) server_name: Option<String>,
    pub(super) server_password: Option<String>,
    pub(super) basic: bool,
    pub(super) on_conflict: Option<OnConflict>,
    /// Certificates that are trusted too.
    pub(super) ca_file: Option<PathBuf>,
    pub(super) http_user: Option<String>,
    pub(super) http_password: Option<String>,
    /// What holds of servers, beside and before what comes with the client.
    pub(super) server_rules: Vec<ServerRule>,
    /// Datastores of the server, each with its folder.
    pub(super) stores: Vec<(String, Entry)>,
}

/// A folder with what is special about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dir: PathBuf,
    pub(super) media_type: Option<String>,
    pub(super) mode: Option<SyncMode>,
    /// A query that the server's items have to match.
    pub(super) filter: Option<String>,
    /// The properties of the server's items that are taken.
    pub(super) fields: Option<String>,
    /// What the folder has stays, whether it matches or not.
    pub(super) inclusive: bool,
    /// Room for items: bytes, and their number behind a comma where it is limited.
    pub(super) room: Option<String>,
    /// A file with the name and the password for a datastore that asks for a login of its own.
    pub(super) login_file: Option<PathBuf>,
}

/// The file's form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Form {
    url: Option<String>,
    user: Option<String>,
    password: Option<String>,
    /// A file whose first line is the password, relative to the profile.
    password_file: Option<PathBuf>,
    mode: Option<SyncMode>,
    version: Option<SyncVersion>,
    encoding: Option<SyncEncoding>,
    max_msg_size: Option<u64>,
    device_id: Option<String>,
    server_id: Option<String>,
    server_name: Option<String>,
    server_password: Option<String>,
    /// As `password_file`.
    server_password_file: Option<PathBuf>,
    #[serde(default)]
    basic: bool,
    on_conflict: Option<OnConflict>,
    /// Relative to the profile.
    ca_file: Option<PathBuf>,
    http_user: Option<String>,
    http_password: Option<String>,
    /// As `password_file`.
    http_password_file: Option<PathBuf>,
    #[serde(default)]
    server_rule: Vec<ServerRule>,
    stores: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FormEntry {
    dir: PathBuf,
    #[serde(rename = "type")]
    media_type: Option<String>,
    mode: Option<SyncMode>,
    filter: Option<String>,
    fields: Option<String>,
    #[serde(default)]
    inclusive: bool,
    room: Option<String>,
    /// Relative to the profile.
    login_file: Option<PathBuf>,
}

impl Profile {
    /// A profile of `STORE=DIR[:TYPE]` arguments.
    pub(super) fn of_pairs(pairs: &[String]) -> Outcome<Self> {
        let stores = pairs
            .iter()
            .map(|pair| of_pair(pair))
            .collect::<Outcome<_>>()?;
        Ok(Self {
            stores,
            ..Self::default()
        })
    }

    /// Reads a profile file. Paths in it are relative to it.
    pub(super) fn load(path: &Path) -> Outcome<Self> {
        let form: Form = read_toml(path)?;
        check_range(path, "max-msg-size", form.max_msg_size, &MSG_SIZES)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let password = |name, password, file: Option<PathBuf>| match (password, file) {
            (password, None) => Ok(password),
            (None, Some(from)) => password_in(&folder.join(from)).map(Some),
            (Some(_), Some(_)) => Err(Failure::usage(format_args!(
                "{} has both `{name}` and `{name}-file`; leave one out",
                path.display()
            ))),
        };
        let http_password = password("http-password", form.http_password, form.http_password_file)?;
        let server_password = password(
            "server-password",
            form.server_password,
            form.server_password_file,
        )?;
        let password = password("password", form.password, form.password_file)?;
        let stores = form
            .stores
            .into_iter()
            .map(|(store, value)| Ok((store.clone(), entry(path, folder, &store, value)?)))
            .collect::<Outcome<_>>()?;
        Ok(Self {
            url: form.url,
            user: form.user,
            password,
            mode: form.mode,
            version: form.version,
            encoding: form.encoding,
            max_msg_size: form.max_msg_size,
            device_id: form.device_id,
            server_id: form.server_id,
            server_name: form.server_name,
            server_password,
            basic: form.basic,
            on_conflict: form.on_conflict,
            ca_file: form.ca_file.map(|file| folder.join(file)),
            http_user: form.http_user,
            http_password,
            server_rules: form.server_rule,
            stores,
        })
    }
}

/// A store's entry: a folder alone, or a table with one.
fn entry(path: &Path, folder: &Path, store: &str, value: toml::Value) -> Outcome<Entry> {
    let entry = match value {
        toml::Value::String(dir) => FormEntry {
            dir: dir.into(),
            media_type: None,
            mode: None,
            filter: None,
            fields: None,
            inclusive: false,
            room: None,
            login_file: None,
        },
        value => value.try_into().map_err(|error: toml::de::Error| {
            Failure::usage(format_args!(
                "{}, store {store}: {}; correct the file",
                path.display(),
                error.message()
            ))
        })?,
    };
    Ok(Entry {
        dir: folder.join(at_home(entry.dir, std::env::home_dir())),
        media_type: entry.media_type,
        mode: entry.mode,
        filter: entry.filter,
        fields: entry.fields,
        inclusive: entry.inclusive,
        room: entry.room,
        login_file: entry.login_file.map(|file| folder.join(file)),
    })
}

pub(super) fn password_in(path: &Path) -> Outcome<String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format_args!(
            "the password file {} cannot be read: {error}; check the path",
            path.display()
        ))
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The name and the password of a file, each on a line of its own.
pub(super) fn login_in(path: &Path) -> Outcome<Login> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format_args!(
            "the login file {} cannot be read: {error}; check the path",
            path.display()
        ))
    })?;
    let mut lines = text.lines();
    let (Some(user), Some(password)) = (lines.next().filter(|user| !user.is_empty()), lines.next())
    else {
        return Err(Failure::usage(format_args!(
            "the login file {} has no name and password; write the one on its first line and the \
             other on its second",
            path.display()
        )));
    };
    Ok(Login {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

fn of_pair(pair: &str) -> Outcome<(String, Entry)> {
    let wrong = || {
        Failure::usage(format_args!(
            "{pair:?} names no datastore and folder; write STORE=DIR or STORE=DIR:TYPE"
        ))
    };
    let (store, rest) = pair.split_once('=').ok_or_else(wrong)?;
    let (dir, media_type) = match rest.rsplit_once(':') {
        Some((dir, media_type)) if is_media_type(media_type) => (dir, Some(media_type.to_owned())),
        _ => (rest, None),
    };
    if store.is_empty() || dir.is_empty() {
        return Err(wrong());
    }
    let entry = Entry {
        dir: at_home(dir.into(), std::env::home_dir()),
        media_type,
        mode: None,
        filter: None,
        fields: None,
        inclusive: false,
        room: None,
        login_file: None,
    };
    Ok((store.to_owned(), entry))
}

/// A path in the home folder, where it is written with `~`: not every shell puts the folder in its place
/// behind a `=`, and no shell reads a profile.
fn at_home(path: PathBuf, home: Option<PathBuf>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

/// A folder's name may have a colon too, so only two words with a slash between count.
fn is_media_type(text: &str) -> bool {
    let is_word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().is_some_and(|c| c.is_ascii_alphanumeric());
        first && letters.all(|c| c.is_ascii_alphanumeric() || "-+._".contains(c))
    };
    text.split_once('/')
        .is_some_and(|(kind, subtype)| is_word(kind) && is_word(subtype))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn plain(dir: &str, media_type: Option<&str>) -> Entry {
        Entry {
            dir: dir.into(),
            media_type: media_type.map(str::to_owned),
            mode: None,
            filter: None,
            fields: None,
            inclusive: false,
            room: None,
            login_file: None,
        }
    }

    #[test]
    fn a_tilde_is_the_home_folder() {
        let dir = |path: &str, home: Option<&str>| {
            at_home(path.into(), home.map(PathBuf::from))
                .display()
                .to_string()
        };
        let home = Some("/home/ann");
        assert_eq!(dir("~/contacts", home), "/home/ann/contacts");
        assert_eq!(dir("~", home), "/home/ann/");
        for other in ["contacts", "./~/contacts", "~bob/contacts", "/~/contacts"] {
            assert_eq!(dir(other, home), other);
        }
        assert_eq!(dir("~/contacts", None), "~/contacts");
    }

    #[test]
    fn pairs() {
        let pair = |text: &str| of_pair(text).unwrap();
        assert_eq!(
            pair("./card=a b"),
            ("./card".to_owned(), plain("a b", None))
        );
        assert_eq!(
            pair("x=./d:text/x-vcard"),
            ("x".to_owned(), plain("./d", Some("text/x-vcard")))
        );
        assert_eq!(pair("x=a:b").1, plain("a:b", None));
        assert_eq!(pair("x=a:b/c/").1, plain("a:b/c/", None));
        assert_eq!(pair("x=a:foo/bar").1, plain("a", Some("foo/bar")));
        for wrong in ["x", "=d", "x=", "x=:text/vcard"] {
            assert!(of_pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_login_is_a_name_and_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        for incomplete in ["", "ann", "\nsecret\n"] {
            std::fs::write(&path, incomplete).unwrap();
            let failure = format!("{:?}", login_in(&path).unwrap_err());
            assert!(failure.contains("no name and password"), "{failure}");
        }
        std::fs::write(&path, "ann\nsecret\n").unwrap();
        let login = login_in(&path).unwrap();
        assert_eq!((&*login.user, &*login.password), ("ann", "secret"));
    }

    #[test]
    fn profiles() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home.toml");
        std::fs::write(folder.path().join("secret"), "word\nmore\n").unwrap();
        let text = "url = 'http://h/syncml'\nuser = 'alice'\npassword-file = 'secret'\n\
                    version = '1.1'\nhttp-user = 'gate'\nhttp-password-file = 'secret'\n[stores]\ncontacts = 'c'\n\
                    calendar = { dir = '/k', type = 'text/calendar', mode = 'slow', login-file = 'l' }\n";
        std::fs::write(&path, text).unwrap();
        let profile = Profile::load(&path).unwrap();
        assert_eq!(profile.password.as_deref(), Some("word"));
        assert_eq!(profile.http_password.as_deref(), Some("word"));
        assert_eq!(profile.version, Some(SyncVersion::V1_1));
        let names: Vec<&str> = profile
            .stores
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["contacts", "calendar"], "in the file's order");
        let entry = |name: &str| {
            let found = profile.stores.iter().find(|(store, _)| store == name);
            found.unwrap().1.clone()
        };
        assert_eq!(entry("contacts").dir, folder.path().join("c"));
        assert_eq!(
            entry("calendar"),
            Entry {
                mode: Some(SyncMode::Slow),
                login_file: Some(folder.path().join("l")),
                ..plain("/k", Some("text/calendar"))
            }
        );

        std::fs::write(&path, "[stores]\ncontacts = { dir = 'c', mod = 'slow' }\n").unwrap();
        let failure = format!("{:?}", Profile::load(&path).unwrap_err());
        assert!(failure.contains("contacts"), "{failure}");

        std::fs::write(&path, "max-msg-size = 17000000\n[stores]\ncontacts = 'c'\n").unwrap();
        let failure = format!("{:?}", Profile::load(&path).unwrap_err());
        let range = "`max-msg-size` is 17000000, and has to be from 1000 to 16000000";
        assert!(failure.contains(range), "{failure}");
    }
}
