//! SyncEvolution, the widely used free SyncML client and server, without a desktop around it.
//!
//! Each [`Client`] and [`HttpServer`] lives in a temporary home of its own and keeps its items in
//! plain folders, one item a file, through SyncEvolution's file backend. The packaged command line
//! needs a repair to survive an HTTP request, and the packaged HTTP front end cannot be started;
//! `peers/` holds what stands in for them.
//!
//! Set [`KEEP`] to `1` to keep the homes, with every message of every session in readable form.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::items::{self, Kind};
use crate::process::{self, Listening, Output, PATIENCE, Running};
use crate::{Availability, Error};

/// Name of the environment variable that keeps the homes of peers and makes them log each message.
pub const KEEP: &str = "SYNCLINE_KEEP_PEERS";

/// Largest object that the peers take, bytes.
const MAX_OBJECT_SIZE: u32 = 64_000_000;

const CURL_REPAIR: &str = include_str!("../peers/syncevolution_curl.c");
const FRONT_END: &str = include_str!("../peers/syncevolution_http.py");

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As XML text.
    Xml,
    /// As WAP Binary XML.
    Wbxml,
}

/// The version of SyncML that the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// SyncML 1.0.
    V10,
    /// SyncML 1.1.
    V11,
    /// SyncML 1.2.
    V12,
}

impl Version {
    /// As `VerDTD` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V10 => "1.0",
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }
}

/// The credentials that the client sends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// `syncml:auth-md5`.
    Md5,
    /// `syncml:auth-basic`.
    Basic,
}

/// What a sync does. "Local" is the client, "remote" the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Changes of both sides; the first time a slow sync.
    TwoWay,
    /// All items compared.
    Slow,
    /// Changes of the client only.
    OneWayFromLocal,
    /// Changes of the server only.
    OneWayFromRemote,
    /// The server's items replaced with the client's.
    RefreshFromLocal,
    /// The client's items replaced with the server's.
    RefreshFromRemote,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::TwoWay => "two-way",
            Self::Slow => "slow",
            Self::OneWayFromLocal => "one-way-from-local",
            Self::OneWayFromRemote => "one-way-from-remote",
            Self::RefreshFromLocal => "refresh-from-local",
            Self::RefreshFromRemote => "refresh-from-remote",
        }
    }
}

/// A datastore of a peer: a folder, and what the other side calls it.
#[derive(Debug, Clone)]
pub struct Store {
    /// SyncEvolution's name of the datastore, and of its folder.
    pub name: String,
    /// What is in it, and in which format; [`Kind::Contact21`] is sent as such, too, whatever the
    /// other side prefers.
    pub kind: Kind,
    /// Its URI at the server; for a server's own datastores the same as its name.
    pub uri: String,
}

impl Store {
    /// A datastore `name` that is called `uri` at the server.
    pub fn new(name: &str, kind: Kind, uri: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            uri: uri.to_owned(),
        }
    }

    /// The four usual ones of a client, with the URIs of our server.
    pub fn usual() -> Vec<Self> {
        vec![
            Self::new("addressbook", Kind::Contact, "contacts"),
            Self::new("calendar", Kind::Event, "calendar"),
            Self::new("todo", Kind::Task, "tasks"),
            Self::new("memo", Kind::Note, "notes"),
        ]
    }
}

/// How a [`Client`] is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the server is.
    pub url: String,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Device identifier.
    pub device: String,
    /// Encoding of messages.
    pub encoding: Encoding,
    /// Version of SyncML; `None` lets the client begin with 1.2 and fall back.
    pub version: Option<Version>,
    /// Credentials sent first.
    pub authentication: Authentication,
    /// Largest message the client takes, in bytes.
    pub max_message_size: u32,
    /// Seconds after which an unanswered message is sent again; 0: never.
    pub retry_seconds: u32,
    /// Whether a refresh from the server is asked for as such (alert 205). Otherwise the client
    /// empties its folder and asks for a slow sync, as it does by default.
    pub real_refresh: bool,
    /// The datastores.
    pub stores: Vec<Store>,
}

impl Settings {
    /// WBXML, SyncML 1.2 with fallback, MD5, the usual datastores.
    pub fn new(url: &str, user: &str, password: &str, device: &str) -> Self {
        Self {
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            device: device.to_owned(),
            encoding: Encoding::Wbxml,
            version: None,
            authentication: Authentication::Md5,
            max_message_size: 150_000,
            retry_seconds: 0,
            real_refresh: false,
            stores: Store::usual(),
        }
    }
}

/// How many items went one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New ones.
    pub added: u64,
    /// Changed ones.
    pub changed: u64,
    /// Deleted ones.
    pub deleted: u64,
}

impl Counts {
    /// Counts in the order added, changed, deleted.
    pub fn new(added: u64, changed: u64, deleted: u64) -> Self {
        Self {
            added,
            changed,
            deleted,
        }
    }
}

/// One datastore's part of a session, as the client tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreReport {
    /// What was done: `two-way`, `slow` …, or `disabled` when it did not come to that.
    pub mode: String,
    /// SyncML status; 0 when all went well. From 10000 on a reason of SyncEvolution's own.
    pub status: u32,
    /// To the server. In a slow sync every item that was offered counts as added.
    pub sent: Counts,
    /// From the server.
    pub received: Counts,
    /// Items that either side refused.
    pub rejected: u64,
}

/// What a session came to, as the client tells it.
#[derive(Debug, Clone)]
pub struct Report {
    /// SyncML status of the session: 200 when all went well.
    pub status: u32,
    /// The client's words for a failure.
    pub error: Option<String>,
    /// The client's exit code.
    pub exit: Option<i32>,
    /// Each datastore's part, by its name.
    pub stores: BTreeMap<String, StoreReport>,
    /// What the client printed.
    pub output: String,
}

impl Report {
    /// Whether the session and each of its datastores succeeded.
    pub fn is_success(&self) -> bool {
        self.status == 200
            && self.exit == Some(0)
            && self
                .stores
                .values()
                .all(|store| store.status == 0 && store.rejected == 0)
    }

    /// The part of the datastore `name`; an empty one when the session had none.
    pub fn store(&self, name: &str) -> StoreReport {
        self.stores.get(name).cloned().unwrap_or_default()
    }
}

/// The file backend among SyncEvolution's plug-ins, wherever this architecture keeps it.
pub(crate) fn file_backend() -> Option<PathBuf> {
    fs::read_dir("/usr/lib")
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("syncevolution/backends/syncfile.so"))
        .find(|path| path.exists())
}

/// A temporary home with the environment that keeps SyncEvolution inside it.
#[derive(Debug)]
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Result<Self, Error> {
        let mut folder = tempfile::Builder::new()
            .prefix("syncevolution-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?;
        folder.disable_cleanup(keep());
        let home = Self { folder };
        for name in ["run", "data", "backends", "wire"] {
            let path = home.path(name);
            fs::create_dir(&path).map_err(Error::io(path.display().to_string()))?;
        }
        // Only this backend: the others look for address books and accounts of a desktop.
        if let Some(backend) = file_backend() {
            let link = home.path("backends/syncfile.so");
            std::os::unix::fs::symlink(backend, &link)
                .map_err(Error::io(link.display().to_string()))?;
        }
        let source = home.path("syncevolution_curl.c");
        fs::write(&source, CURL_REPAIR).map_err(Error::io(source.display().to_string()))?;
        let mut compiler = Command::new("/usr/bin/cc");
        compiler
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(home.path("syncevolution_curl.so"))
            .arg(&source)
            .arg("-ldl");
        expect_success(process::run_command(compiler, b"", PATIENCE)?, "cc")?;
        Ok(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.path(".config"))
            .env("XDG_CACHE_HOME", self.path(".cache"))
            .env("XDG_DATA_HOME", self.path(".local/share"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("SYNCEVOLUTION_BACKEND_DIR", self.path("backends"))
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(self.folder.path());
        command
    }

    /// Runs the command line.
    fn run(&self, arguments: &[String]) -> Result<Output, Error> {
        self.start(arguments)?.finish(PATIENCE)
    }

    fn start(&self, arguments: &[String]) -> Result<Running, Error> {
        let mut command = self.command("/usr/bin/syncevolution");
        command
            .env("LD_PRELOAD", self.path("syncevolution_curl.so"))
            .arg("--daemon=no")
            .args(arguments);
        Running::start(command, b"")
    }

    /// Sets properties of a configuration, which is made if need be, or of one of its datastores.
    fn configure(&self, properties: &[String], of: &[&str]) -> Result<(), Error> {
        let mut arguments: Vec<String> = ["--keyring=no", "--configure", "--template", "none"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(properties.iter().cloned());
        arguments.extend(of.iter().copied().map(str::to_owned));
        expect_success(self.run(&arguments)?, "syncevolution --configure")
    }

    fn configure_store(&self, config: &str, store: &Store) -> Result<(), Error> {
        let folder = self.store_folder(&store.name);
        fs::create_dir_all(&folder).map_err(Error::io(folder.display().to_string()))?;
        let media_type = store.kind.media_type();
        let mut properties = vec![
            "backend=file".to_owned(),
            format!("database=file://{}", folder.display()),
            format!("databaseFormat={media_type}"),
            "sync=two-way".to_owned(),
            format!("uri={}", store.uri),
        ];
        if store.kind == Kind::Contact21 {
            // Left to itself it sends what the other side likes best, which is hardly ever this.
            properties.push(format!("syncFormat={media_type}"));
            properties.push("forceSyncFormat=1".to_owned());
        }
        self.configure(&properties, &[config, &store.name])
    }

    fn store_folder(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    /// The folders of the sessions so far.
    fn sessions(&self) -> BTreeSet<PathBuf> {
        fs::read_dir(self.path(".cache/syncevolution"))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default()
    }
}

fn keep() -> bool {
    std::env::var_os(KEEP).is_some_and(|value| value == "1")
}

fn log_level() -> String {
    // 5: each message as XML and as it was on the wire; 0: nothing.
    format!("loglevel={}", if keep() { 5 } else { 0 })
}

fn expect_success(output: Output, program: &str) -> Result<(), Error> {
    if output.code == Some(0) {
        return Ok(());
    }
    Err(Error::Failed {
        program: program.to_owned(),
        code: output.code,
        output: output.all(),
    })
}

/// SyncEvolution's command-line client with a home, a configuration and items of its own.
#[derive(Debug)]
pub struct Client {
    home: Home,
    settings: Settings,
}

/// The client's one configuration.
const PEER: &str = "peer@client";

impl Client {
    /// A client that has not synced yet, with empty folders.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with SyncEvolution's words when it refuses the settings.
    pub fn new(_installed: Availability, settings: Settings) -> Result<Self, Error> {
        let home = Home::new()?;
        home.configure(&["syncURL=none".to_owned()], &[PEER])?;
        for store in &settings.stores {
            home.configure_store(PEER, store)?;
        }
        let client = Self { home, settings };
        client.apply()?;
        Ok(client)
    }

    /// Changes settings; datastores, anchors and the record of known items stay as they are.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), Error> {
        change(&mut self.settings);
        self.apply()
    }

    fn apply(&self) -> Result<(), Error> {
        let settings = &self.settings;
        let properties = [
            format!("syncURL={}", settings.url),
            format!("username={}", settings.user),
            format!("password={}", settings.password),
            format!("deviceId={}", settings.device),
            format!(
                "enableWBXML={}",
                u8::from(settings.encoding == Encoding::Wbxml)
            ),
            format!(
                "SyncMLVersion={}",
                settings.version.map_or("", Version::name)
            ),
            format!(
                "clientAuthType={}",
                match settings.authentication {
                    Authentication::Md5 => "md5",
                    Authentication::Basic => "basic",
                }
            ),
            format!("maxMsgSize={}", settings.max_message_size),
            format!("RetryInterval={}", settings.retry_seconds),
            format!("enableRefreshSync={}", u8::from(settings.real_refresh)),
            format!("maxObjSize={MAX_OBJECT_SIZE}"),
            "RetryDuration=60".to_owned(),
            "preventSlowSync=0".to_owned(),
            "dumpData=0".to_owned(),
            "printChanges=0".to_owned(),
            log_level(),
        ];
        self.home.configure(&properties, &[PEER])
    }

    /// The folder of a datastore's items, one a file. Items are added, changed and deleted there
    /// under any name.
    pub fn folder(&self, store: &str) -> PathBuf {
        self.home.store_folder(store)
    }

    /// The datastores.
    pub fn stores(&self) -> &[Store] {
        &self.settings.stores
    }

    /// The [`items::essences`] of a datastore's items.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the folder cannot be read.
    pub fn essences(&self, store: &Store) -> Result<Vec<String>, Error> {
        items::essences(&self.folder(&store.name), store.kind)
    }

    /// Starts a sync of all datastores, for a test that does not let it end.
    ///
    /// # Errors
    ///
    /// As [`Running::start`].
    pub fn start(&self, mode: Mode) -> Result<Running, Error> {
        let arguments = ["--run", "--sync", mode.name(), PEER].map(str::to_owned);
        self.home.start(&arguments)
    }

    /// Syncs all datastores, and tells how that went, also when it failed.
    ///
    /// # Errors
    ///
    /// [`Error::NoReport`] when it did not come to a session, [`Error::Hung`].
    pub fn sync(&self, mode: Mode) -> Result<Report, Error> {
        let before = self.home.sessions();
        let output = self.start(mode)?.finish(PATIENCE)?;
        let after = self.home.sessions();
        let Some(session) = after.difference(&before).next() else {
            return Err(Error::NoReport {
                path: self.home.path(".cache/syncevolution"),
                reason: format!("no session was made, {}", crate::exit(output.code)),
                output: output.all(),
            });
        };
        let path = session.join("status.ini");
        let text = fs::read_to_string(&path).map_err(|error| Error::NoReport {
            path: path.clone(),
            reason: error.to_string(),
            output: output.all(),
        })?;
        Ok(report(&text, &output))
    }
}

/// Reads the account that SyncEvolution keeps of a session.
fn report(status_file: &str, output: &Output) -> Report {
    let mut report = Report {
        status: 0,
        error: None,
        exit: output.code,
        stores: BTreeMap::new(),
        output: output.all(),
    };
    for line in status_file.lines() {
        let Some((key, value)) = line.split_once(" = ") else {
            continue;
        };
        let number = value.trim().parse().unwrap_or(0);
        match key {
            "status" => report.status = number as u32,
            "error" => report.error = Some(value.to_owned()),
            _ => {
                if let Some((name, fact)) = store_fact(key) {
                    let store = report.stores.entry(name.to_owned()).or_default();
                    note_fact(store, fact, value, number);
                }
            }
        }
    }
    report
}

/// Cuts `source-NAME-FACT`. None of the names used here has a hyphen.
fn store_fact(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("source-")?.split_once('-')
}

fn note_fact(store: &mut StoreReport, fact: &str, value: &str, number: u64) {
    let (sent, received) = (&mut store.sent, &mut store.received);
    match fact {
        "mode" => value.clone_into(&mut store.mode),
        "status" => store.status = number as u32,
        "stat-remote-added-total" => sent.added = number,
        "stat-remote-updated-total" => sent.changed = number,
        "stat-remote-removed-total" => sent.deleted = number,
        "stat-local-added-total" => received.added = number,
        "stat-local-updated-total" => received.changed = number,
        "stat-local-removed-total" => received.deleted = number,
        "stat-local-any-reject" | "stat-remote-any-reject" => store.rejected += number,
        _ => {}
    }
}

/// A client that an [`HttpServer`] lets in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The client's device identifier, by which SyncEvolution finds the account.
    pub device: String,
    /// Account name.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// SyncEvolution as a server, on a free port of the loopback interface. It serves one session at a
/// time.
#[derive(Debug)]
pub struct HttpServer {
    listening: Listening,
    home: Home,
    stores: Vec<Store>,
}

impl HttpServer {
    /// Starts a server with empty datastores, which all accounts share, and waits until it listens.
    /// Clients use a datastore's [`Store::name`] as its URI.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when SyncEvolution refuses a setting, [`Error::NotListening`] when it or
    /// its D-Bus does not come up.
    pub fn start(
        installed: Availability,
        stores: Vec<Store>,
        accounts: &[Account],
    ) -> Result<Self, Error> {
        Self::start_with(installed, stores, accounts, 150_000)
    }

    /// [`HttpServer::start`] with another largest message, bytes.
    ///
    /// # Errors
    ///
    /// As [`HttpServer::start`].
    pub fn start_with(
        _installed: Availability,
        stores: Vec<Store>,
        accounts: &[Account],
        max_message_size: u32,
    ) -> Result<Self, Error> {
        let home = Home::new()?;
        home.configure(&[], &["@server"])?;
        for (number, account) in accounts.iter().enumerate() {
            let config = format!("client{number}@server");
            let properties = [
                "PeerIsClient=1".to_owned(),
                "syncURL=".to_owned(),
                format!("username={}", account.user),
                format!("password={}", account.password),
                format!("remoteDeviceId={}", account.device),
                "deviceId=syncevolution-server".to_owned(),
                format!("maxMsgSize={max_message_size}"),
                format!("maxObjSize={MAX_OBJECT_SIZE}"),
                "dumpData=0".to_owned(),
                "printChanges=0".to_owned(),
                log_level(),
            ];
            home.configure(&properties, &[&config])?;
            for store in &stores {
                home.configure_store(&config, store)?;
            }
        }
        let script = home.path("syncevolution_http.py");
        fs::write(&script, FRONT_END).map_err(Error::io(script.display().to_string()))?;
        let mut command = home.command("/usr/bin/python3");
        command.arg("-B").arg(&script);
        if keep() {
            command.arg("--wire").arg(home.path("wire"));
        }
        let listening = Listening::start(command, home.path("server.log"))?;
        Ok(Self {
            listening,
            home,
            stores,
        })
    }

    /// The address that clients sync with.
    pub fn url(&self) -> &str {
        &self.listening.url
    }

    /// The folder of a datastore's items, one a file.
    pub fn folder(&self, store: &str) -> PathBuf {
        self.home.store_folder(store)
    }

    /// The datastores.
    pub fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// The [`items::essences`] of a datastore's items.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the folder cannot be read.
    pub fn essences(&self, store: &Store) -> Result<Vec<String>, Error> {
        items::essences(&self.folder(&store.name), store.kind)
    }

    /// What server and engine have logged.
    pub fn logs(&self) -> String {
        self.listening.logs()
    }

    /// Where temporary files of this server are.
    pub fn home(&self) -> &Path {
        self.home.folder.path()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // The front end takes its engine and its bus along when its input ends.
        self.listening.hang_up();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Peer, require};

    #[test]
    fn a_session_report_is_read() {
        let text = "status = 200\n\
            start = 1795609936, 2026-11-25 12:32:16 +0000\n\
            source-memo-mode = slow\n\
            source-memo-first = true\n\
            source-memo-status = 0\n\
            source-memo-stat-remote-added-total = 12\n\
            source-memo-stat-local-updated-total = 3\n\
            source-memo-stat-local-any-reject = 1\n\
            source-memo-stat-remote-any-reject = 1\n\
            source-todo-mode = disabled\n\
            source-todo-status = 20017\n";
        let output = Output {
            code: Some(0),
            stdout: Vec::new(),
            stderr: String::new(),
        };
        let report = report(text, &output);
        assert_eq!(report.status, 200);
        let memo = report.store("memo");
        assert_eq!(memo.mode, "slow");
        assert_eq!(memo.sent, Counts::new(12, 0, 0));
        assert_eq!(memo.received, Counts::new(0, 3, 0));
        assert_eq!(memo.rejected, 2);
        assert_eq!(report.store("todo").status, 20017);
        assert!(!report.is_success());
    }

    /// The two peers with each other: what fails here is theirs or the drivers', not ours.
    #[test]
    fn client_and_server_of_syncevolution_understand_each_other() {
        let Some(installed) = require(Peer::SyncEvolutionClient) else {
            return;
        };
        let Some(server_installed) = require(Peer::SyncEvolutionServer) else {
            return;
        };
        let stores = || {
            vec![
                Store::new("contacts", Kind::Contact, "contacts"),
                Store::new("calendar", Kind::Event, "calendar"),
                Store::new("tasks", Kind::Task, "tasks"),
                Store::new("notes", Kind::Note, "notes"),
            ]
        };
        let account = Account {
            device: "device-1".to_owned(),
            user: "ada".to_owned(),
            password: "secret".to_owned(),
        };
        let server = HttpServer::start(server_installed, stores(), &[account]).unwrap();
        let mut settings = Settings::new(server.url(), "ada", "secret", "device-1");
        settings.encoding = Encoding::Xml;
        let mut client = Client::new(installed, settings).unwrap();
        for store in client.stores() {
            items::fill(&client.folder(&store.name), store.kind, 1..=5, 0).unwrap();
        }
        for store in server.stores() {
            items::fill(&server.folder(&store.name), store.kind, 4..=8, 0).unwrap();
        }

        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{report:#?}");
        for (here, there) in client.stores().iter().zip(server.stores()) {
            let expected = items::expected(here.kind, (1..=8).map(|n| (n, 0)));
            assert_eq!(client.essences(here).unwrap(), expected, "{}", here.name);
            assert_eq!(server.essences(there).unwrap(), expected, "{}", there.name);
            assert_eq!(report.store(&here.name).mode, "slow");
            assert_eq!(report.store(&here.name).received, Counts::new(3, 0, 0));
        }

        client
            .change(|settings| settings.encoding = Encoding::Wbxml)
            .unwrap();
        fs::remove_file(client.folder("memo").join("1.txt")).unwrap();
        items::fill(&client.folder("addressbook"), Kind::Contact, 2..=2, 1).unwrap();
        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{report:#?}");
        assert_eq!(report.store("memo").sent, Counts::new(0, 0, 1));
        assert_eq!(report.store("addressbook").sent, Counts::new(0, 1, 0));
        assert_eq!(report.store("calendar").sent, Counts::default());

        client
            .change(|settings| settings.password = "guess".to_owned())
            .unwrap();
        let report = client.sync(Mode::TwoWay).unwrap();
        assert!(!report.is_success(), "{report:#?}");
    }
}
