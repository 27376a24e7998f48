//! A server, or the database under it, that is killed again and again while devices write: what was
//! confirmed is there afterwards, every time, and once. The same where the primary of two databases is
//! lost and its replica takes its place.
//!
//! `SYNCLINE_KILLS` says how often; `cargo xtask kills 200` sets it.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use syncml::{Command, Document, Limits};
use testkit::postgres::{self, Disk, Postgres};
use testkit::process::{PATIENCE, Server};
use testkit::syncline::Installation;
use testkit::{Peer, require};

use crate::{PASSWORD, PROGRAM, USER};

/// How often something is killed unless the environment says otherwise.
const KILLS: u64 = 5;

/// Devices that write at one time.
const WRITERS: u64 = 4;

/// Kills in the time of one loss of a primary, which takes longer.
const KILLS_A_LOSS: u64 = 5;

/// Contacts that a session adds.
const ADDED: u64 = 4;

/// Sessions that get an answer between two kills, at most.
const SESSIONS: u64 = 24;

/// `ann:secret` in Base64.
const LOGIN: &str = "YW5uOnNlY3JldA==";

/// Versions that a contact may have after all, by its name: those sent since the last confirmed one.
type Expected = BTreeMap<String, Vec<u64>>;

/// Where the server is, and what it has said.
struct World {
    address: String,
    confirmed: Mutex<Expected>,
    sessions: AtomicU64,
    is_over: AtomicBool,
}

fn card(name: &str, version: u64) -> String {
    format!("BEGIN:VCARD\r\nVERSION:2.1\r\nN:{name}\r\nNOTE:v{version}\r\nEND:VCARD\r\n")
}

/// A message of a session that compares all items; the last one ends its package.
fn message(device: &str, number: u64, commands: &str) -> String {
    let alert = "<Alert><CmdID>1</CmdID><Data>201</Data><Item>\
         <Target><LocURI>contacts</LocURI></Target><Source><LocURI>people</LocURI></Source>\
         <Meta><Anchor xmlns='syncml:metinf'><Next>1</Next></Anchor></Meta></Item></Alert>";
    format!(
        "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>{number}</MsgID>\
         <Target><LocURI>http://server/syncml</LocURI></Target>\
         <Source><LocURI>{device}</LocURI></Source>\
         <Cred><Meta><Format xmlns='syncml:metinf'>b64</Format>\
         <Type xmlns='syncml:metinf'>syncml:auth-basic</Type></Meta><Data>{LOGIN}</Data></Cred>\
         </SyncHdr><SyncBody>{}<Sync><CmdID>2</CmdID>\
         <Target><LocURI>contacts</LocURI></Target><Source><LocURI>people</LocURI></Source>\
         {commands}</Sync>{}</SyncBody></SyncML>",
        if number == 1 { alert } else { "" },
        if number == 1 { "" } else { "<Final/>" },
    )
}

fn change(command: &str, number: u64, name: &str, version: u64) -> String {
    let content = card(name, version);
    format!(
        "<{command}><CmdID>{}</CmdID><Meta><Type xmlns='syncml:metinf'>text/x-vcard</Type></Meta>\
         <Item><Source><LocURI>{number}</LocURI></Source><Data>{content}</Data></Item></{command}>",
        10 + number
    )
}

impl World {
    /// Posts a message; the codes for its changes, by number, or `None` without a whole answer.
    fn post(&self, body: &str) -> Option<BTreeMap<u64, u16>> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let head = format!(
            "POST /syncml HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\
             Content-Type: application/vnd.syncml+xml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let at = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let document = Document::new(answer.get(at + 4..)?, None).ok()?;
        // a message that was cut off cannot be read
        let message = document.read(&Limits::default()).ok()?;
        let mut codes = BTreeMap::new();
        for command in &message.commands {
            if let Command::Status(status) = command
                && let (Ok(id), Some(code)) = (status.cmd_ref.parse::<u64>(), status.code())
                && ["Add", "Replace"].contains(&&*status.cmd)
            {
                codes.insert(id - 10, code.0);
            }
        }
        Some(codes)
    }

    /// One device's only session: it adds contacts and then changes them.
    fn session(&self, device: &str) {
        let names: Vec<String> = (0..ADDED).map(|n| format!("{device}-{n}")).collect();
        for version in [1, 2] {
            let command = if version == 1 { "Add" } else { "Replace" };
            let changes: String = names
                .iter()
                .zip(0..)
                .map(|(name, number)| change(command, number, name, version))
                .collect();
            // from now on it may be there
            for name in &names {
                let mut confirmed = self.confirmed.lock().unwrap();
                let versions = confirmed.entry(name.clone()).or_insert_with(|| vec![0]);
                versions.push(version);
            }
            let Some(codes) = self.post(&message(device, version, &changes)) else {
                return;
            };
            for (name, number) in names.iter().zip(0..) {
                let code = codes.get(&number).copied();
                assert!(matches!(code, Some(200 | 201)), "{name}: {code:?}");
                let now = vec![version];
                self.confirmed.lock().unwrap().insert(name.clone(), now);
            }
        }
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    fn write(&self, writer: u64) {
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            number += 1;
            self.session(&format!("d{writer}-{number}"));
            if TcpStream::connect(&self.address).is_err() {
                // between two lives of the server
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The version of each contact of an export.
fn versions_of(folder: &std::path::Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim().to_owned()
        };
        let before = found.insert(value("N:"), value("NOTE:v").parse().unwrap());
        assert_eq!(before, None, "{} is there twice", value("N:"));
    }
    found
}

/// Ends the writers when it is dropped.
struct Over<'w>(&'w AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often something is to be killed.
fn kills() -> u64 {
    let kills = std::env::var("SYNCLINE_KILLS");
    kills.map_or(KILLS, |kills| kills.parse().unwrap())
}

/// Kills whatever `kill` kills, so often, while devices write; what is missing then of what was
/// confirmed, in words.
fn endure(
    installation: &Installation,
    kills: u64,
    mut kill: impl FnMut(Server, &World) -> Server,
) -> Vec<String> {
    installation.add_user(USER, PASSWORD).unwrap();
    // no device takes its answer's end, so no session is over until it is forgotten
    let limits = "[server]\nmax-sessions = 1000000\nmax-sessions-per-account = 1000000\n";
    installation.configure(limits).unwrap();
    let server = installation.serve().unwrap();
    let world = World {
        address: server.address().to_owned(),
        confirmed: Mutex::default(),
        sessions: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let world = &world;
                scope.spawn(move || world.write(writer))
            })
            .collect();
        // whatever fails here, they are waited for
        let over = Over(&world.is_over);
        let mut server = server;
        for number in 0..kills {
            let chance = RandomState::new().hash_one(number);
            let until = world.sessions.load(Ordering::Relaxed) + 1 + chance % SESSIONS;
            // a writer ends early by a failed assertion only
            let began = Instant::now();
            while world.sessions.load(Ordering::Relaxed) < until
                && !writers.iter().any(thread::ScopedJoinHandle::is_finished)
            {
                assert!(began.elapsed() < PATIENCE, "nobody is answered any more");
                thread::sleep(Duration::from_millis(1));
            }
            // anywhere within the messages that are under way
            thread::sleep(Duration::from_micros((chance >> 32) & 0x3fff));
            server = kill(server, &world);
        }
        drop(over);
        for writer in writers {
            writer.join().unwrap();
        }
    });

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().display().to_string();
    installation
        .run(&["store", "export", "--user", USER, "contacts", &to], b"")
        .unwrap();
    let found = versions_of(folder.path());
    let expected = world.confirmed.into_inner().unwrap();
    assert!(found.keys().all(|name| expected.contains_key(name)));
    let wrong = expected.iter().filter_map(|(name, versions)| {
        let version = found.get(name).copied().unwrap_or(0);
        let text = format!("{name} has version {version}, and should have one of {versions:?}");
        (!versions.contains(&version)).then_some(text)
    });
    wrong.collect()
}

// spec: R12
#[test]
fn what_was_confirmed_outlives_every_kill() {
    let installation = Installation::new(PROGRAM).unwrap();
    let missing = endure(&installation, kills(), |server, _| {
        let address = server.address().to_owned();
        server.kill();
        installation.serve_on(&address).unwrap()
    });
    assert_eq!(missing, [""; 0]);
}

// spec: R12
#[test]
fn what_was_confirmed_outlives_every_kill_of_the_database() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let mut database = Postgres::start(installed, Disk::Durable).unwrap();
    let url = database.url("postgres");
    let installation = Installation::with_database(PROGRAM, url).unwrap();
    let missing = endure(&installation, kills(), |server, _| {
        database.kill().unwrap();
        database.start_again().unwrap();
        server
    });
    assert_eq!(missing, [""; 0]);
}

/// A primary that loses its replica, goes on for that time at most or until somebody is answered, and
/// is lost; the replica takes its place. What is missing then.
fn lose_primary(waits_for_replica: bool, time: Duration) -> Option<Vec<String>> {
    let installed = require(Peer::Postgres)?;
    let mut primary = Postgres::start(installed, Disk::Durable).unwrap();
    let replica = primary.replica(&postgres::Place::default()).unwrap();
    if !waits_for_replica {
        primary.wait_for_no_replica().unwrap();
    }
    let places = [primary.address(), replica.address()];
    let url = postgres::url_at(&places, "postgres");
    let url = format!("{url}?target_session_attrs=read-write");
    let installation = Installation::with_database(PROGRAM, url).unwrap();
    Some(endure(&installation, 1, |server, world| {
        replica.part().unwrap();
        let before = world.sessions.load(Ordering::Relaxed);
        let began = Instant::now();
        // those that were under way when it was parted may end
        let is_answered = || world.sessions.load(Ordering::Relaxed) > before + WRITERS;
        while !is_answered() && began.elapsed() < time {
            thread::sleep(Duration::from_millis(1));
        }
        primary.kill().unwrap();
        replica.promote().unwrap();
        server
    }))
}

// spec: R12
#[test]
fn what_was_confirmed_outlives_the_loss_of_the_primary() {
    for _ in 0..kills().div_ceil(KILLS_A_LOSS) {
        let Some(missing) = lose_primary(true, Duration::from_millis(200)) else {
            return;
        };
        assert_eq!(missing, [""; 0]);
    }
}

/// The proof that the test above would notice.
#[test]
fn a_primary_that_waits_for_no_replica_takes_confirmed_changes_with_it() {
    if let Some(missing) = lose_primary(false, PATIENCE) {
        assert_ne!(missing, [""; 0]);
    }
}
