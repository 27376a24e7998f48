//! Whole sessions: our client in this process, our server as a process with its data on the disk,
//! HTTP over the loopback interface between them.
//!
//! ```text
//! MemoryReplica ◀▶ session::client ◀▶ transports::http ◀─ loopback ─▶ syncline serve ◀▶ SQLite
//! ```

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use session::client::{Config, MemoryReplica, Mode, Session, Source, Step, Summary};
use session::store::DatastoreKind;
use syncml::{Encoding, Version};
use testkit::items::{self, Kind};
use testkit::syncline::Installation;
use transports::http::{Client, Options};

use crate::report::{Target, median, milliseconds, seconds};
use crate::{ITEMS, Outcome, PASSWORD, USER, floor, process, report};

/// First syncs, each with a new server and a new device.
const FIRST_SYNCS: usize = 3;

/// Syncs without changes.
const IDLE_SYNCS: usize = 11;

/// The largest message that the device takes, bytes: what `syncline sync` says.
const MAX_MSG_SIZE: u64 = 150_000;

/// Measures the first slow sync and, over the items that it has left, syncs without changes.
pub(crate) fn run(program: &Path) -> Outcome<()> {
    let contents: Vec<Vec<u8>> = (1..=ITEMS)
        .map(|number| items::item(Kind::Contact, number, 0))
        .collect();
    let bytes: usize = contents.iter().map(Vec::len).sum();
    let mut filled = MemoryReplica::default();
    for content in &contents {
        filled.insert(Kind::Contact.media_type(), content);
    }

    let mut firsts = Vec::new();
    let mut floors = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..FIRST_SYNCS {
        let world = World::new(program, filled.clone())?;
        let first = world.first_sync()?;
        floors.push(floor::write(&contents, first.messages)?);
        firsts.push(first);
        if idle.is_empty() {
            for _ in 0..IDLE_SYNCS {
                idle.push(world.idle_sync()?);
            }
        }
    }

    let messages = firsts.iter().map(|first| first.messages).max();
    report::heading(&format!(
        "First sync of {ITEMS} contacts ({:.1} MB), device to server, median of {FIRST_SYNCS}",
        bytes as f64 / 1e6
    ));
    let wall = median(firsts.iter().map(|first| first.wall));
    let floor = median(floors);
    report::row(
        "wall, s",
        &seconds(wall),
        Target::below(wall.as_secs_f64(), 1.0),
    );
    report::row(
        "  of it the device's own work, s",
        &seconds(median(firsts.iter().map(|first| first.device))),
        Target::none(),
    );
    let cpu = median(firsts.iter().map(|first| first.server_cpu));
    report::row(
        "server's CPU, s",
        &seconds(cpu),
        Target::below(cpu.as_secs_f64(), 0.3),
    );
    let memory = firsts
        .iter()
        .map(|first| first.server_memory)
        .fold(0.0, f64::max);
    report::row(
        "server's peak memory, MiB",
        &format!("{memory:.1}"),
        Target::below(memory, 40.0),
    );
    report::row(
        &format!(
            "floor: the same bytes in {} transactions, s",
            messages.unwrap_or_default()
        ),
        &seconds(floor),
        Target::none(),
    );
    report::row(
        "wall / floor",
        &format!("{:.1}", wall.as_secs_f64() / floor.as_secs_f64()),
        Target::none(),
    );

    report::heading(&format!(
        "Two-way sync without changes over {ITEMS} contacts, median of {IDLE_SYNCS}"
    ));
    let wall = median(idle.iter().map(|idle| idle.wall));
    report::row(
        "wall, ms",
        &milliseconds(wall),
        Target::below(wall.as_secs_f64() * 1e3, 10.0),
    );
    report::row(
        "  of it the device's own work, ms",
        &milliseconds(median(idle.iter().map(|idle| idle.device))),
        Target::none(),
    );
    report::row(
        "server's CPU, ms",
        &milliseconds(median(idle.iter().map(|idle| idle.server_cpu))),
        Target::none(),
    );
    Ok(())
}

/// What a session took.
struct Cost {
    wall: Duration,
    /// The part of it in which the device composed and took messages.
    device: Duration,
    /// Messages sent to the server, each of which is a transaction there.
    messages: usize,
    server_cpu: Duration,
    /// MiB, since the server began.
    server_memory: f64,
}

/// A server and one device.
struct World {
    server: testkit::process::Server,
    /// Goes after the server, whose data it keeps.
    _installation: Installation,
    replica: Arc<Mutex<MemoryReplica>>,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new(program: &Path, replica: MemoryReplica) -> Outcome<Self> {
        let installation = Installation::new(program)?;
        installation.add_user(USER, PASSWORD)?;
        Ok(Self {
            server: installation.serve()?,
            _installation: installation,
            replica: Arc::new(Mutex::new(replica)),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    fn first_sync(&self) -> Outcome<Cost> {
        let (cost, summary) = self.sync(Mode::Slow)?;
        expect(&summary, u64::from(ITEMS))?;
        Ok(cost)
    }

    fn idle_sync(&self) -> Outcome<Cost> {
        let (cost, summary) = self.sync(Mode::TwoWay)?;
        expect(&summary, 0)?;
        Ok(cost)
    }

    /// One session on a new connection.
    fn sync(&self, mode: Mode) -> Outcome<(Cost, Summary)> {
        let client = Client::new(Options::default())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let cpu_before = process::cpu(self.server.pid())?;
        let begun = Instant::now();
        let mut session = Session::new(
            self.config(),
            vec![self.source(mode)],
            now.as_secs() as i64,
            now.subsec_nanos()
                .to_be_bytes()
                .repeat(2)
                .as_slice()
                .try_into()?,
        )?;
        let mut messages = 0;
        let mut away = Duration::ZERO;
        let summary = loop {
            match session.step()? {
                Step::Done(summary) => break summary,
                Step::Send {
                    url,
                    body,
                    encoding,
                    ..
                } => {
                    messages += 1;
                    let sent = Instant::now();
                    let answer = client.post(&url, encoding.media_type(), body.into());
                    let answer = self.runtime.block_on(answer)?;
                    away += sent.elapsed();
                    session.receive(&answer.body, answer.charset.as_deref())?;
                }
            }
        };
        let wall = begun.elapsed();
        let cost = Cost {
            wall,
            device: wall.saturating_sub(away),
            messages,
            server_cpu: process::cpu(self.server.pid())?.saturating_sub(cpu_before),
            server_memory: process::peak_memory(self.server.pid())?,
        };
        Ok((cost, summary))
    }

    fn config(&self) -> Config {
        Config {
            url: self.server.url().to_owned(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            device_id: "bench-1".to_owned(),
            version: Version::V1_2,
            encoding: Encoding::Wbxml,
            max_msg_size: MAX_MSG_SIZE,
            max_obj_size: 32 << 20,
            resume: true,
            one_package: false,
            basic_first: false,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn source(&self, mode: Mode) -> Source {
        Source {
            name: "contacts".to_owned(),
            local_uri: "./contacts".to_owned(),
            remote_uri: "contacts".to_owned(),
            kind: DatastoreKind::Contacts,
            mode,
            filter: None,
            replica: Box::new(Arc::clone(&self.replica)),
        }
    }
}

/// A number that was measured while the work was not done is worth nothing.
fn expect(summary: &Summary, sent: u64) -> Outcome<()> {
    match summary.sources.as_slice() {
        [source]
            if source.error.is_none()
                && source.failed.is_empty()
                && source.sent.total() + source.compared == sent
                && source.received.total() == 0 =>
        {
            Ok(())
        }
        _ => Err(format!("a session did not send {sent} items: {summary:?}").into()),
    }
}
