//! A PostgreSQL server of the tests' own: one a process, with a database for whoever asks.
//!
//! It listens on a free port of the loopback interface, keeps its files in a temporary folder, and
//! ends, with the folder, when the process ends, however that does. PostgreSQL does not run as root;
//! it runs as the user `postgres` then. One may follow another as its replica, and take its place.

mod archive;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, PATIENCE};
use crate::{Availability, Error, Peer, require};

pub use archive::{Archive, Copy};

/// The user that owns everything, and their password.
const USER: &str = "syncline";
const PASSWORD: &str = "of the tests";

/// The folder of the newest release that is installed.
fn programs() -> Option<PathBuf> {
    let releases = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = releases.flatten().map(|release| release.path().join("bin"));
    folders
        .filter(|folder| folder.join("postgres").exists() && folder.join("initdb").exists())
        .max_by_key(|folder| {
            let release = folder.parent().and_then(Path::file_name);
            release.and_then(|name| name.to_str()?.parse::<u32>().ok())
        })
}

/// Whether there is a release that can be started.
pub(crate) fn is_installed() -> bool {
    programs().is_some()
}

/// How careful a server is with its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Nothing is flushed: for tests that do not lose power.
    Fast,
    /// As in earnest.
    Durable,
}

/// Where a server is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address that it listens on, and that this process reaches it at.
    pub host: IpAddr,
    /// The words of a command that runs another one there, such as `ip netns exec NAME`; none for
    /// this process's own network. Its port is 5432 where there are some, and a free one otherwise.
    pub enter: Vec<String>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            enter: Vec::new(),
        }
    }
}

/// A server. It ends when this is dropped, or its process ends.
#[derive(Debug)]
pub struct Postgres {
    /// Ends the server and removes its folder when its input closes.
    keeper: Child,
    input: Option<ChildStdin>,
    address: SocketAddr,
    folder: PathBuf,
    databases: AtomicU32,
    /// One copy at a time: a database that is copied may have no users.
    copying: Mutex<()>,
}

/// A database of a server; removed with this value.
#[derive(Debug)]
pub struct Database<'s> {
    server: &'s Postgres,
    name: String,
}

impl Database<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// [`Postgres::sql`] in it.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said.
    pub fn sql(&self, sql: &str) -> Result<String, Error> {
        self.server.sql(&self.name, sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // one that stays goes with the server
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let _ = self.server.sql("postgres", &sql);
    }
}

/// Starts the server given by `$1` (programs), `$2` (folder), `$3` (port); says so; ends it when
/// nobody holds the input any more.
const KEEPER: &str = r#"
start() {
    "$1/postgres" -D "$2/data" -p "$3" -k "$2" >>"$2/log" 2>&1 &
    server=$!
}
start "$1" "$2" "$3"
echo started
while read -r word; do
    case $word in
        stop) kill -INT $server; wait $server; echo stopped ;;
        crash) kill -QUIT $server; wait $server; echo stopped ;;
        killed) wait $server; echo stopped ;;
        start) start "$1" "$2" "$3"; echo started ;;
    esac
done
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$2"
"#;

impl Postgres {
    /// The process's server, if PostgreSQL is installed, for tests that do not harm it.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or [`require`] does.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        let installed = require(Peer::Postgres)?;
        let server = SHARED.get_or_init(|| match Self::start(installed, Disk::Fast) {
            Ok(server) => Some(server),
            Err(error) => panic!("{error}"),
        });
        server.as_ref()
    }

    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when no files can be made for it, [`Error::NotListening`] when it does not
    /// start.
    pub fn start(installed: Availability, disk: Disk) -> Result<Self, Error> {
        Self::start_at(installed, disk, &Place::default())
    }

    /// [`Postgres::start`] in a place.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn start_at(_installed: Availability, disk: Disk, place: &Place) -> Result<Self, Error> {
        let home = Home::new()?;
        initialize(
            home.command(&home.programs.join("initdb")),
            &home.folder,
            disk,
        )?;
        home.serve(place)
    }

    /// Starts a replica of this server, which gets all that is written from now on. Commits wait for
    /// it until [`Postgres::promote`] makes it a server of its own.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`], and [`Error::Failed`] when this server does not give its files.
    pub fn replica(&self, place: &Place) -> Result<Self, Error> {
        let home = Home::new()?;
        let mut copy = home.command(Path::new("/usr/bin/pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--dbname", &self.url("postgres"), "--pgdata"])
            .arg(home.folder.join("data"));
        finish(copy, "pg_basebackup")?;
        let replica = home.serve(place)?;
        for sql in [
            "ALTER SYSTEM SET synchronous_standby_names = '*'",
            "SELECT pg_reload_conf()",
        ] {
            self.sql("postgres", sql)?;
        }
        let follows = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        let began = Instant::now();
        while self.sql("postgres", follows)?.is_empty() {
            if began.elapsed() > PATIENCE {
                return Err(replica.not_listening());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(replica)
    }

    /// Makes a replica the server that is written to.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said.
    pub fn promote(&self) -> Result<(), Error> {
        let wait = PATIENCE.as_secs();
        let sql = format!("SELECT pg_promote(true, {wait})");
        let done = self.sql("postgres", &sql)?;
        if done == "t" {
            return Ok(());
        }
        Err(Error::Unexpected {
            program: "pg_promote".to_owned(),
            expected: "success".to_owned(),
            output: done,
        })
    }

    /// Has a replica get nothing more of what is written, as if the network had parted it from its
    /// primary.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said, [`Error::NotListening`] when it goes on.
    pub fn part(&self) -> Result<(), Error> {
        self.sql("postgres", "ALTER SYSTEM SET primary_conninfo = ''")?;
        self.sql("postgres", "SELECT pg_reload_conf()")?;
        let receives = "SELECT 1 FROM pg_stat_wal_receiver";
        self.wait_until(|| {
            self.sql("postgres", receives)
                .is_ok_and(|row| row.is_empty())
        })
    }

    /// Has commits wait for no replica.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said, [`Error::NotListening`] when it does not do it.
    pub fn wait_for_no_replica(&self) -> Result<(), Error> {
        self.sql(
            "postgres",
            "ALTER SYSTEM SET synchronous_standby_names = ''",
        )?;
        self.sql("postgres", "SELECT pg_reload_conf()")?;
        let waits = "SELECT 1 FROM pg_stat_replication WHERE sync_state <> 'async'";
        self.wait_until(|| self.sql("postgres", waits).is_ok_and(|row| row.is_empty()))
    }

    /// Where a database of it is.
    pub fn url(&self, database: &str) -> String {
        url_at(&[self.address], database)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes an empty database.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said.
    pub fn database(&self) -> Result<Database<'_>, Error> {
        self.copy_of("template1")
    }

    /// Makes a database with the tables of another, which nobody may be using.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said.
    pub fn copy_of(&self, template: &str) -> Result<Database<'_>, Error> {
        let _one = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test{number}");
        self.sql(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )?;
        Ok(Database { server: self, name })
    }

    /// Runs SQL in a database; what it printed, one row a line, columns parted by `|`.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, Error> {
        sql_at(&self.url(database), sql)
    }

    /// [`Postgres::sql`] that may take longer than tests wait.
    ///
    /// # Errors
    ///
    /// As [`Postgres::sql`], and [`Error::Hung`].
    pub fn sql_within(
        &self,
        database: &str,
        sql: &str,
        patience: Duration,
    ) -> Result<String, Error> {
        sql_at_within(&self.url(database), sql, patience)
    }

    fn wait_for(&self) -> Result<(), Error> {
        self.wait_until(|| self.sql("postgres", "SELECT 1").is_ok())
    }

    fn wait_until(&self, is_so: impl Fn() -> bool) -> Result<(), Error> {
        let began = Instant::now();
        while !is_so() {
            if began.elapsed() > PATIENCE {
                return Err(self.not_listening());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Has it take encrypted connections only, with a certificate and its key (PEM).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when its files cannot be written, [`Error::Failed`] with what the server said,
    /// [`Error::NotListening`] when it does not take them up.
    pub fn encrypt(&self, certificate: &str, key: &str) -> Result<(), Error> {
        let data = self.folder.join("data");
        let rules = "hostssl all all all scram-sha-256\n";
        for (name, text) in [
            ("server.crt", certificate),
            ("server.key", key),
            ("pg_hba.conf", rules),
        ] {
            let path = data.join(name);
            fs::write(&path, text).map_err(Error::io(name))?;
            // it takes no key that others may read
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                .map_err(Error::io(name))?;
            if let Some((user, group)) = owner()? {
                std::os::unix::fs::chown(&path, Some(user), Some(group))
                    .map_err(Error::io(name))?;
            }
        }
        self.sql("postgres", "ALTER SYSTEM SET ssl = on")?;
        self.sql("postgres", "SELECT pg_reload_conf()")?;
        let plain = format!("{}?sslmode=disable", self.url("postgres"));
        self.wait_until(|| sql_at(&plain, "SELECT 1").is_err())?;
        self.wait_for()
    }

    fn not_listening(&self) -> Error {
        Error::NotListening {
            program: "postgres".to_owned(),
            output: self.logs(),
        }
    }

    /// What it has logged.
    pub fn logs(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn tell(&mut self, word: &str, answer: &str) -> Result<(), Error> {
        use std::io::Write as _;
        let failed = || Error::io("tell PostgreSQL's keeper");
        if let Some(input) = &mut self.input {
            writeln!(input, "{word}").map_err(failed())?;
        }
        let output = self.keeper.stdout.as_mut();
        let mut line = String::new();
        let mut reader = output.map(|output| BufReader::with_capacity(1, output));
        while line.trim() != answer {
            line.clear();
            let read = reader
                .as_mut()
                .map_or(Ok(0), |reader| reader.read_line(&mut line));
            if read.map_err(failed())? == 0 {
                return Err(failed()(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(())
    }

    /// Ends it in order: whoever is connected is thrown out.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn stop(&mut self) -> Result<(), Error> {
        self.tell("stop", "stopped")
    }

    /// Ends it at once, as a power failure would.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn crash(&mut self) -> Result<(), Error> {
        self.tell("crash", "stopped")
    }

    /// Ends all of its processes at once (SIGKILL), without a chance to do anything more.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn kill(&mut self) -> Result<(), Error> {
        let processes = self.halt()?;
        for process in &processes {
            process::signal(*process, "KILL");
        }
        // the first is the keeper's to wait for
        while processes
            .iter()
            .skip(1)
            .any(|one| process::is_running(*one))
        {
            thread::sleep(Duration::from_millis(1));
        }
        self.tell("killed", "stopped")
    }

    /// Has all of its processes do nothing until the value is dropped, as a machine whose disk
    /// hangs: connections stay, and nobody answers.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn hang(&self) -> Result<Hanging, Error> {
        self.halt().map(Hanging)
    }

    /// The first of its processes.
    fn parent(&self) -> Result<u32, Error> {
        let path = self.folder.join("data/postmaster.pid");
        let text = fs::read_to_string(&path).map_err(Error::io("PostgreSQL's process id"))?;
        let invalid =
            || Error::io("PostgreSQL's process id")(std::io::ErrorKind::InvalidData.into());
        let first = text.lines().next();
        first
            .and_then(|line| line.trim().parse().ok())
            .ok_or_else(invalid)
    }

    /// Its processes, the first of them and those that it has begun.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it does not run.
    pub fn processes(&self) -> Result<Vec<u32>, Error> {
        let parent = self.parent()?;
        let mut processes = vec![parent];
        processes.extend(process::children(parent));
        Ok(processes)
    }

    /// Stops its processes, the parent first: one that is stopped begins no more of them.
    fn halt(&self) -> Result<Vec<u32>, Error> {
        process::signal(self.parent()?, "STOP");
        let processes = self.processes()?;
        for process in &processes {
            process::signal(*process, "STOP");
        }
        Ok(processes)
    }

    /// Starts it again after [`Postgres::stop`], [`Postgres::crash`] or [`Postgres::kill`].
    ///
    /// # Errors
    ///
    /// [`Error::NotListening`] when it does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.tell("start", "started")?;
        self.wait_for()
    }
}

/// The processes of a server that does nothing; they go on when this is dropped.
#[derive(Debug)]
pub struct Hanging(Vec<u32>);

impl Drop for Hanging {
    fn drop(&mut self) {
        for process in &self.0 {
            process::signal(*process, "CONT");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.keeper.wait();
    }
}

/// Runs SQL at an address.
fn sql_at(url: &str, sql: &str) -> Result<String, Error> {
    sql_at_within(url, sql, PATIENCE)
}

fn sql_at_within(url: &str, sql: &str, patience: Duration) -> Result<String, Error> {
    let mut command = Command::new("/usr/bin/psql");
    command.args(["-qXAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    let output = process::run_command(command, b"", patience)?;
    if output.code != Some(0) {
        return Err(Error::Failed {
            program: "psql".to_owned(),
            code: output.code,
            output: output.all(),
        });
    }
    Ok(output.text().trim_end().to_owned())
}

/// A folder for a server's files, and who has to own them.
#[derive(Debug)]
struct Home {
    programs: PathBuf,
    folder: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Home {
    fn new() -> Result<Self, Error> {
        let programs = programs()
            .ok_or_else(|| Error::io("PostgreSQL")(std::io::ErrorKind::NotFound.into()))?;
        let owner = owner()?;
        let folder = tempfile::Builder::new()
            .prefix("postgres-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?
            .keep();
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(&folder, Some(user), Some(group))
                .map_err(Error::io("give a folder to PostgreSQL"))?;
        }
        Ok(Self {
            programs,
            folder,
            owner,
        })
    }

    /// A program that runs as the owner.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command.current_dir(&self.folder);
        command
    }

    /// A program that runs as the owner in a place, which may be for root alone to enter.
    fn command_in(&self, place: &Place, program: &Path) -> Command {
        let Some((first, others)) = place.enter.split_first() else {
            return self.command(program);
        };
        let mut command = Command::new(first);
        command.args(others).current_dir(&self.folder);
        if let Some((user, group)) = self.owner {
            command
                .args(["setpriv", "--reuid", &user.to_string()])
                .args(["--regid", &group.to_string(), "--clear-groups"]);
        }
        command.arg(program);
        command
    }

    /// Starts the server over the files that are there.
    fn serve(self, place: &Place) -> Result<Postgres, Error> {
        let port = if place.enter.is_empty() {
            process::free_port()?
        } else {
            5432
        };
        let append = |name: &str, line: &str| {
            let path = self.folder.join("data").join(name);
            let file = fs::File::options().append(true).open(path);
            file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
                .map_err(Error::io("PostgreSQL's settings"))
        };
        let host = place.host;
        append(
            "postgresql.auto.conf",
            &format!("listen_addresses = '{host}'\n"),
        )?;
        if !host.is_loopback() {
            let anyone = "host all,replication all all scram-sha-256\n";
            append("pg_hba.conf", anyone)?;
        }
        let mut keeper = self
            .command_in(place, Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.programs)
            .arg(&self.folder)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::io("start /bin/sh"))?;
        let input = keeper.stdin.take();
        let server = Postgres {
            keeper,
            input,
            address: SocketAddr::new(host, port),
            folder: self.folder,
            databases: AtomicU32::new(0),
            copying: Mutex::default(),
        };
        server.wait_for()?;
        Ok(server)
    }
}

/// The address of a database that is at one of several places, which are tried in turn.
pub fn url_at(places: &[SocketAddr], database: &str) -> String {
    let password = PASSWORD.replace(' ', "%20");
    let places: Vec<String> = places.iter().map(SocketAddr::to_string).collect();
    format!(
        "postgres://{USER}:{password}@{}/{database}",
        places.join(",")
    )
}

/// User and group that PostgreSQL has to run as, where that is not this process's own.
fn owner() -> Result<Option<(u32, u32)>, Error> {
    let itself = fs::metadata("/proc/self").map_err(Error::io("/proc/self"))?;
    if itself.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(Error::io("/etc/passwd"))?;
    let ids = users.lines().find_map(|line| {
        let mut parts = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    ids.map(Some)
        .ok_or_else(|| Error::io("the user postgres")(std::io::ErrorKind::NotFound.into()))
}

fn initialize(mut initdb: Command, folder: &Path, disk: Disk) -> Result<(), Error> {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).map_err(Error::io("the password's file"))?;
    initdb
        .args([
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .args(["--auth=scram-sha-256", "--username", USER, "--pwfile"])
        .arg(&password)
        .arg(folder.join("data"));
    finish(initdb, "initdb")?;
    let mut settings = "max_connections = 200\n\
                        shared_buffers = '32MB'\ndeadlock_timeout = '50ms'\nmin_wal_size = '32MB'\n"
        .to_owned();
    if disk == Disk::Fast {
        let _ = writeln!(settings, "fsync = off\nfull_page_writes = off");
    }
    let path = folder.join("data/postgresql.auto.conf");
    fs::write(&path, settings).map_err(Error::io("PostgreSQL's settings"))
}

/// Runs a program, which has to succeed.
fn finish(command: Command, program: &str) -> Result<(), Error> {
    let output = process::run_command(command, b"", PATIENCE)?;
    if output.code == Some(0) {
        return Ok(());
    }
    Err(Error::Failed {
        program: program.to_owned(),
        code: output.code,
        output: output.all(),
    })
}
