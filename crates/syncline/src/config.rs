//! The configuration file of server and administration.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use session::peer::{Rule, Table, TableError};
use session::server::{self, AuthPolicy, MatchingPolicy, ServerLogin};
use session::store::DatastoreKind;

use crate::authority::Ldap;
use crate::cli::{Conflict, MSG_SIZES, OBJ_SIZES};
use crate::keep::Keep;
use crate::report::{self, Failure, Outcome};

/// A configuration; what the command line says goes before it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// Folder of the state, relative to the file.
    pub(crate) data: Option<PathBuf>,
    /// Database of the state, `sqlite:PATH` or `postgres://…`.
    pub(crate) database: Option<String>,
    /// The server.
    pub(crate) server: Server,
    /// What makes two records one.
    pub(crate) matching: Matching,
    /// How much a session may delete and replace unasked.
    pub(crate) guard: Guard,
    /// How long things are kept.
    pub(crate) keep: Keep,
    /// What holds of devices, beside and before what comes with the server.
    pub(crate) device_rule: Vec<Rule>,
}

/// Section `[server]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Server {
    /// Address to listen on.
    pub(crate) listen: Option<SocketAddr>,
    /// Address that devices are told to go on with, or `off`.
    pub(crate) public_url: Option<String>,
    /// Identifier under which devices know the server, in notifications.
    pub(crate) id: Option<String>,
    /// Certificate for encrypted connections, relative to the file.
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, relative to the file.
    pub(crate) tls_key: Option<PathBuf>,
    /// All clients come through a proxy.
    pub(crate) behind_proxy: bool,
    /// Who wins a conflict.
    pub(crate) conflict: Option<Conflict>,
    /// Largest SyncML message taken, bytes.
    pub(crate) max_msg_size: Option<u64>,
    /// Largest item taken in pieces, bytes.
    pub(crate) max_obj_size: Option<u64>,
    /// Sessions at one time; a login beyond them is put off with status 503.
    pub(crate) max_sessions: Option<u64>,
    /// The same of one account.
    pub(crate) max_sessions_per_account: Option<u64>,
    /// How long a client waits for an answer, seconds; then it is told to come back for it.
    pub(crate) answer_within: Option<u64>,
    /// The zone that devices are in, by its IANA name or as an offset such as `+01:00`: devices that
    /// write times without a zone mean theirs. Unset, that of the system.
    pub(crate) time_zone: Option<String>,
    /// A login holds for one message (status 200) and not for the session.
    pub(crate) login_per_message: bool,
    /// The scheme that logins are asked for by.
    pub(crate) scheme: Option<Scheme>,
    /// The account of sessions without credentials.
    pub(crate) anonymous: Option<String>,
    /// A directory that judges passwords which no account has.
    pub(crate) ldap: Option<Ldap>,
    /// Name that the server proves itself by to clients that ask for it.
    pub(crate) name: Option<String>,
    /// The password for that.
    pub(crate) password: Option<String>,
    /// Folder for readable messages, relative to the file.
    pub(crate) log_messages: Option<PathBuf>,
}

/// Section `[matching]`: what makes a device's record one of the server's when all items are
/// compared, by kind of datastore.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Matching {
    contacts: Option<By>,
    calendar: Option<By>,
    tasks: Option<By>,
    notes: Option<By>,
    mail: Option<By>,
    files: Option<By>,
}

/// What two records have to have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    /// All they say.
    Exact,
    /// What identifies a record of their kind.
    Identity,
}

impl Matching {
    /// For the server.
    pub(crate) fn policy(&self) -> MatchingPolicy {
        let mut policy = MatchingPolicy::default();
        let said = [
            (DatastoreKind::Contacts, self.contacts),
            (DatastoreKind::Calendar, self.calendar),
            (DatastoreKind::Tasks, self.tasks),
            (DatastoreKind::Notes, self.notes),
            (DatastoreKind::Mail, self.mail),
            (DatastoreKind::Files, self.files),
        ];
        for (kind, by) in said {
            match by {
                Some(By::Exact) => policy.set(kind, server::Matching::Exact),
                Some(By::Identity) | None => {}
            }
        }
        policy
    }
}

/// Section `[guard]`: how much one session may delete and replace of a datastore before it waits
/// for a decision.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Guard {
    /// This share of its items, percent; with 100 nothing ever waits.
    share: Option<u64>,
    /// So many items in any case.
    floor: Option<u64>,
}

impl Guard {
    /// For the server.
    pub(crate) fn limits(&self) -> Option<server::Guard> {
        let default = server::Guard::default();
        let share = self.share.map_or(Some(default.share), |share| {
            u8::try_from(share).ok().filter(|share| *share < 100)
        })?;
        let floor = self.floor.unwrap_or(default.floor);
        Some(server::Guard { share, floor })
    }
}

/// A scheme of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    /// Name and password.
    Basic,
    /// A digest over both and a nonce.
    Md5,
    /// A digest over each message, in a header of HTTP.
    Mac,
}

impl Server {
    /// How logins are asked for and accepted.
    pub(crate) fn auth(&self) -> AuthPolicy {
        let server = self.name.clone().zip(self.password.clone());
        AuthPolicy {
            scheme: match self.scheme {
                Some(Scheme::Basic) => server::Scheme::Basic,
                Some(Scheme::Mac) => server::Scheme::Mac,
                Some(Scheme::Md5) | None => server::Scheme::Md5,
            },
            per_message: self.login_per_message,
            anonymous: self.anonymous.clone(),
            delegates: self.ldap.is_some(),
            server: server.map(|(name, password)| ServerLogin { name, password }),
        }
    }
}

/// Whether an address says `NAME:PASSWORD@` or `password=`.
fn has_password(url: &str) -> bool {
    let login = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'));
    let query = url.split_once('?').map_or("", |(_, query)| query);
    login.is_some_and(|(login, _)| login.contains(':')) || query.contains("password=")
}

impl Config {
    /// Reads the file named, else that of `$SYNCLINE_CONFIG`, else gives an empty one.
    pub(crate) fn load(named: Option<&Path>) -> Outcome<Self> {
        let path = named
            .map(Path::to_owned)
            .or_else(|| std::env::var_os("SYNCLINE_CONFIG").map(PathBuf::from));
        let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(Self::default());
        };
        let mut config: Self = read_toml(&path)?;
        let server = &config.server;
        for (key, value, range) in [
            ("max-msg-size", server.max_msg_size, MSG_SIZES),
            ("max-obj-size", server.max_obj_size, OBJ_SIZES),
            ("max-sessions", server.max_sessions, SESSIONS),
            (
                "max-sessions-per-account",
                server.max_sessions_per_account,
                SESSIONS,
            ),
            ("answer-within", server.answer_within, SECONDS),
            ("share", config.guard.share, PERCENT),
        ] {
            check_range(&path, key, value, &range)?;
        }
        config.keep.check(&path)?;
        config.warn_of_readers(&path);
        if let Some(name) = &server.time_zone
            && pim::Zone::new(name).is_none()
        {
            return Err(Failure::usage(format_args!(
                "{}: time-zone {name:?} is no zone that is known; give one like \"Europe/Berlin\" or \"+01:00\"",
                path.display()
            )));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        config.data = config.data.map(|data| folder.join(data));
        for path in [
            &mut config.server.log_messages,
            &mut config.server.tls_cert,
            &mut config.server.tls_key,
        ] {
            *path = path.take().map(|path| folder.join(path));
        }
        Ok(config)
    }

    /// Tells of a password that every user of the machine can read.
    fn warn_of_readers(&self, path: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        let of_database = self.database.as_deref().is_some_and(has_password);
        if !of_database && self.server.password.is_none() {
            return;
        }
        let mode = std::fs::metadata(path).map(|about| about.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o004 != 0) {
            report::warn(format_args!(
                "{0} holds a password, and every user of this machine can read it; run: chmod o= {0}",
                path.display()
            ));
        }
    }

    /// The rules of devices: those that come with the server, and then the file's.
    pub(crate) fn device_rules(&self) -> Outcome<Table> {
        let build = || {
            let mut table = Table::built_in()?;
            table.extend(self.device_rule.clone())?;
            Ok(table)
        };
        build().map_err(|error: TableError| {
            Failure::usage(format_args!("{error}; correct the configuration"))
        })
    }
}

/// Numbers of sessions that may be allowed at one time.
const SESSIONS: RangeInclusive<u64> = 1..=1_000_000;

/// Times to wait that may be named, seconds.
const SECONDS: RangeInclusive<u64> = 1..=3600;

/// Shares in percent.
const PERCENT: RangeInclusive<u64> = 0..=100;

/// Refuses a number of a file that is out of its range.
pub(crate) fn check_range(
    path: &Path,
    key: &str,
    value: Option<u64>,
    range: &RangeInclusive<u64>,
) -> Outcome<()> {
    match value {
        Some(value) if !range.contains(&value) => Err(Failure::usage(format_args!(
            "{}: `{key}` is {value}, and has to be from {} to {}; correct the file",
            path.display(),
            range.start(),
            range.end()
        ))),
        _ => Ok(()),
    }
}

/// Reads a TOML file.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Outcome<T> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format_args!(
            "{} cannot be read: {error}; check the path",
            path.display()
        ))
    })?;
    toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.matches('\n').count() + 1);
        let what = error.message().replace('\n', " ");
        Failure::usage(format_args!(
            "{}, line {line}: {what}; correct the file",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_configuration_is_read_and_its_paths_are_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        let text = "data = 'state'\n[server]\nlisten = '127.0.0.1:9'\nconflict = 'server-wins'\n\
                    max-msg-size = 20000\nmax-obj-size = 300000\n";
        std::fs::write(&path, text).unwrap();
        let config = Config::load(Some(&path)).unwrap();
        assert_eq!(config.data.unwrap(), folder.path().join("state"));
        assert_eq!(config.server.conflict, Some(Conflict::ServerWins));
        assert_eq!(config.server.listen.unwrap().port(), 9);
        let sizes = (config.server.max_msg_size, config.server.max_obj_size);
        assert_eq!(sizes, (Some(20_000), Some(300_000)));
    }

    #[test]
    fn passwords_of_addresses_are_found() {
        for (url, holds) in [
            ("postgres://ann:x@db/syncline", true),
            ("postgres://ann@db/syncline", false),
            ("postgres://db:5432/syncline?sslmode=disable", false),
            ("postgres://ann@db/syncline?password=x", true),
            ("sqlite:a:b@c", false),
        ] {
            assert_eq!(has_password(url), holds, "{url}");
        }
    }

    #[test]
    fn a_number_out_of_its_range_is_named_with_the_range() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        for (key, value, range) in [
            ("max-msg-size", "999", "1000 to 16000000"),
            ("max-msg-size", "16000001", "1000 to 16000000"),
            ("max-obj-size", "0", "1000 to 1000000000"),
            ("max-obj-size", "1000000001", "1000 to 1000000000"),
            ("max-sessions", "0", "1 to 1000000"),
            ("max-sessions-per-account", "0", "1 to 1000000"),
        ] {
            std::fs::write(&path, format!("[server]\n{key} = {value}\n")).unwrap();
            let text = format!("{:?}", Config::load(Some(&path)).unwrap_err());
            for part in [key, value, range] {
                assert!(text.contains(part), "{text}");
            }
        }
        let text = "[server]\nmax-msg-size = 1000\nmax-obj-size = 1000000000\n";
        std::fs::write(&path, text).unwrap();
        assert!(Config::load(Some(&path)).is_ok());
    }

    #[test]
    fn rules_of_devices_are_added_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Config::load(Some(&path)).unwrap().device_rules()
        };
        let known = load("").unwrap().rules().len();
        let text = "[[device-rule]]\nname = 'nokia'\n\
                    [[device-rule]]\nname = 'acme'\nmatch.man = ['Acme']\nset.resp-uri = false\n";
        let table = load(text).unwrap();
        assert_eq!(table.rules().len(), known);
        assert!(table.rules().iter().all(|rule| rule.name != "nokia"));
        let acme = table.rules().last().unwrap();
        assert_eq!(acme.name, "acme");
        assert_eq!(acme.flags.resp_uri, Some(false));
        let wrong = "[[device-rule]]\nname = 'x'\nset.message-fill = 0\n";
        let text = format!("{:?}", load(wrong).unwrap_err());
        assert!(text.contains("message-fill"), "{text}");
    }

    #[test]
    fn the_documented_configuration_is_one() {
        let page = include_str!("../../../docs/configuration.md");
        let (_, example) = page.split_once("```toml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        std::fs::write(&path, example).unwrap();
        let config = Config::load(Some(&path)).unwrap();
        assert_eq!(config.data, Some(folder.path().join("state")));
        assert_eq!(config.server.time_zone.as_deref(), Some("Europe/Berlin"));
    }

    #[test]
    fn matching_is_said_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        let text = "[matching]\ncontacts = 'exact'\ncalendar = 'identity'\n";
        std::fs::write(&path, text).unwrap();
        let policy = Config::load(Some(&path)).unwrap().matching.policy();
        let of = |kind| policy.of(kind);
        assert_eq!(of(DatastoreKind::Contacts), server::Matching::Exact);
        assert_eq!(of(DatastoreKind::Calendar), server::Matching::Identity);
        assert_eq!(of(DatastoreKind::Notes), server::Matching::Identity);
        std::fs::write(&path, "[matching]\ncontacts = 'name'\n").unwrap();
        assert!(Config::load(Some(&path)).is_err());
    }

    #[test]
    fn the_guard_has_a_share_and_a_floor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        let limits = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Config::load(Some(&path)).map(|config| config.guard.limits())
        };
        let guard = |share, floor| Some(server::Guard { share, floor });
        assert_eq!(limits("").unwrap(), guard(50, 20));
        assert_eq!(limits("[guard]\nshare = 0\n").unwrap(), guard(0, 20));
        assert_eq!(limits("[guard]\nfloor = 5\n").unwrap(), guard(50, 5));
        assert_eq!(limits("[guard]\nshare = 100\n").unwrap(), None);
        let text = format!("{:?}", limits("[guard]\nshare = 101\n").unwrap_err());
        assert!(text.contains("0 to 100"), "{text}");
    }

    #[test]
    fn the_zone_of_devices_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        std::fs::write(&path, "[server]\ntime-zone = 'Europe/Berlin'\n").unwrap();
        let zone = Config::load(Some(&path)).unwrap().server.time_zone;
        assert_eq!(zone.as_deref(), Some("Europe/Berlin"));
        std::fs::write(&path, "[server]\ntime-zone = 'Berlin or so'\n").unwrap();
        let text = format!("{:?}", Config::load(Some(&path)).unwrap_err());
        assert!(text.contains("Berlin or so"), "{text}");
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.toml");
        std::fs::write(&path, "[server]\nlisten = '127.0.0.1:9'\nlissen = 1\n").unwrap();
        let failure = Config::load(Some(&path)).unwrap_err();
        let text = format!("{failure:?}");
        assert!(text.contains("line 3") && text.contains("lissen"), "{text}");
    }
}
