//! Many devices at once: a server under the load of whole sessions.
//!
//! ```text
//! plan (kind, device, moment) ─▶ worker, one connection ─▶ session::client ─▶ HTTP ─▶ server
//!                                      └─▶ tally: latencies, bytes, errors ─▶ report
//! ```
//!
//! Without `--url` the server is the release binary beside this one, over a temporary folder or a
//! database that the tool has filled through the store. Everything that grows is bounded by the options: devices
//! hold their items, workers hold a connection each, and latencies are kept as histograms.

mod device;
pub(crate) mod histogram;
mod options;
mod report;
mod seed;
mod tally;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser as _;
use testkit::postgres::{Disk, Postgres};
use testkit::process::Server;
use testkit::syncline::Installation;
use testkit::{Peer, require};
use tokio::runtime::Runtime;
use transports::http::{Client, Options as ClientOptions};

use crate::{Outcome, process};
use device::{Device, Kind};
use options::{Mix, Options};
use tally::Tally;

/// What the whole run came to.
#[derive(Debug)]
struct Run {
    tally: Tally,
    wall: Duration,
    server: Option<ServerCost>,
}

/// What the tool's own server cost in the measured time.
#[derive(Debug, Clone, Copy)]
struct ServerCost {
    cpu: Duration,
    /// MiB, since the server began.
    peak_memory: f64,
    /// Processor time of its database.
    database: Option<Duration>,
}

/// Runs `bench load` with the arguments after that word; whether every session ended well.
pub(crate) fn run(arguments: &[String]) -> Outcome<bool> {
    let words = std::iter::once("load").chain(arguments.iter().map(String::as_str));
    let options = match Options::try_parse_from(words) {
        Ok(options) => options,
        // help is asked for, and no failure
        Err(error) if !error.use_stderr() => {
            error.print()?;
            return Ok(true);
        }
        Err(error) => return Err(error.to_string().into()),
    };
    options.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .enable_all()
        .build()?;
    if let Some(url) = &options.url {
        let shared = Shared::new(&options, url);
        runtime.block_on(warm(&shared))?;
        let mut errors = 0;
        for mix in &options.mixes {
            let run = runtime.block_on(measure(&shared, mix, None))?;
            errors += run.tally.errors();
            report::write(&options, mix, &[run]);
        }
        return Ok(errors == 0);
    }
    let database = options.postgres.then(own_database).transpose()?;
    let counts = std::iter::once(options.accounts).chain(options.against);
    let states = counts.map(|accounts| {
        let options = Options {
            accounts,
            ..options.clone()
        };
        State::new(options, database.as_ref())
    });
    let states = states.collect::<Outcome<Vec<_>>>()?;
    for state in &states {
        runtime.block_on(warm(&state.shared))?;
    }
    let mut errors = 0;
    for mix in &options.mixes {
        let runs = in_turns(&runtime, &options, mix, &states, database.as_ref())?;
        errors += runs.iter().map(|run| run.tally.errors()).sum::<u64>();
        report::write(&options, mix, &runs);
    }
    Ok(errors == 0)
}

/// Measures a mix over each state, in turns if there are several.
fn in_turns(
    runtime: &Runtime,
    options: &Options,
    mix: &Mix,
    states: &[State],
    database: Option<&Postgres>,
) -> Outcome<Vec<Run>> {
    let turns = options.against.map_or(1, |_| options.turns);
    let mut runs: Vec<Option<Run>> = states.iter().map(|_| None).collect();
    for turn in 0..turns {
        for (state, sum) in states.iter().zip(&mut runs) {
            let own = state.own(database);
            let run = runtime.block_on(measure(&state.shared, mix, Some(own)))?;
            if turns > 1 {
                let accounts = state.shared.options.accounts;
                report::note(&report::turn(turn + 1, accounts, &run));
            }
            match sum {
                Some(sum) => sum.add(&run),
                None => *sum = Some(run),
            }
        }
    }
    Ok(runs.into_iter().flatten().collect())
}

impl Run {
    /// Adds a later turn of the same.
    fn add(&mut self, later: &Self) {
        self.tally.add(&later.tally);
        self.wall += later.wall;
        if let (Some(server), Some(later)) = (&mut self.server, &later.server) {
            server.cpu += later.cpu;
            server.peak_memory = server.peak_memory.max(later.peak_memory);
            if let (Some(database), Some(later)) = (&mut server.database, later.database) {
                *database += later;
            }
        }
    }
}

/// A state that the tool has filled, the server over it, and its devices.
struct State {
    shared: Arc<Shared>,
    server: Server,
    _installation: Installation,
}

impl State {
    fn new(options: Options, database: Option<&Postgres>) -> Outcome<Self> {
        let program = crate::program()?;
        let name = format!("load_{}", options.accounts);
        let installation = match database {
            Some(database) => {
                database.sql("postgres", &format!("CREATE DATABASE {name}"))?;
                Installation::with_database(program, database.url(&name))?
            }
            None => Installation::new(program)?,
        };
        match database {
            Some(database) => seed::fill_database(database, &name, &options)?,
            None => seed::fill(&installation.data(), &options)?,
        }
        let server = installation.serve()?;
        report::note(&format!("server {} at {}", server.pid(), server.url()));
        Ok(Self {
            shared: Shared::new(&options, server.url()),
            server,
            _installation: installation,
        })
    }

    fn own<'s>(&self, database: Option<&'s Postgres>) -> Own<'s> {
        Own {
            server: self.server.pid(),
            database,
        }
    }
}

/// The processes whose cost is measured.
#[derive(Clone, Copy)]
struct Own<'s> {
    server: u32,
    database: Option<&'s Postgres>,
}

impl Own<'_> {
    fn cpu(&self) -> Outcome<(Duration, Option<Duration>)> {
        let database = self.database.map(database_cpu).transpose()?;
        Ok((process::cpu(self.server)?, database))
    }
}

/// A database server with the memory of one in earnest.
fn own_database() -> Outcome<Postgres> {
    let installed = require(Peer::Postgres).ok_or("there is no PostgreSQL to start")?;
    let mut database = Postgres::start(installed, Disk::Durable)?;
    for setting in ["shared_buffers = '1GB'", "max_wal_size = '8GB'"] {
        database.sql("postgres", &format!("ALTER SYSTEM SET {setting}"))?;
    }
    database.stop()?;
    database.start_again()?;
    Ok(database)
}

/// What the workers share.
struct Shared {
    options: Options,
    url: String,
    /// Devices that have no session now.
    idle: Mutex<VecDeque<Device>>,
    /// Sessions that were begun.
    begun: AtomicU64,
    /// Sessions that have ended, for the progress line.
    ended: AtomicU64,
    stop: AtomicBool,
}

impl Shared {
    fn new(options: &Options, url: &str) -> Arc<Self> {
        let devices = (0..options.devices).map(|number| Device::new(number, options));
        Arc::new(Self {
            options: options.clone(),
            url: url.to_owned(),
            idle: Mutex::new(devices.collect()),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        })
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Device>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Processor time of all processes of a database that run now; one that ends meanwhile is left out.
fn database_cpu(database: &Postgres) -> Outcome<Duration> {
    let processes = database.processes()?.into_iter();
    Ok(processes.filter_map(|one| process::cpu(one).ok()).sum())
}

/// Lets every device sync once, unless it is to begin cold.
async fn warm(shared: &Arc<Shared>) -> Outcome<()> {
    if shared.options.cold {
        return Ok(());
    }
    report::note("first syncs of all devices, which are not measured");
    let warm = phase(shared, Phase::Warm).await?;
    if warm.errors() > 0 {
        return Err(format!("the first syncs failed: {}", warm.first_error()).into());
    }
    Ok(())
}

async fn measure(shared: &Arc<Shared>, mix: &Mix, own: Option<Own<'_>>) -> Outcome<Run> {
    shared.begun.store(0, Ordering::Relaxed);
    shared.ended.store(0, Ordering::Relaxed);
    let before = own.map(|own| own.cpu()).transpose()?;
    let begun = Instant::now();
    let tally = phase(shared, Phase::Measured(begun, Arc::new(mix.clone()))).await?;
    let wall = begun.elapsed();
    let server = match (own, before) {
        (Some(own), Some((server_before, database_before))) => {
            let (server, database) = own.cpu()?;
            Some(ServerCost {
                cpu: server.saturating_sub(server_before),
                peak_memory: process::peak_memory(own.server)?,
                // processes that have ended since, if any, are left out
                database: database
                    .zip(database_before)
                    .map(|(after, before)| after.saturating_sub(before)),
            })
        }
        _ => None,
    };
    Ok(Run {
        tally,
        wall,
        server,
    })
}

/// A part of the run.
#[derive(Debug, Clone)]
enum Phase {
    /// Every device syncs once.
    Warm,
    /// A mix, from this moment on.
    Measured(Instant, Arc<Mix>),
}

/// Lets all workers run a phase to its end.
async fn phase(shared: &Arc<Shared>, phase: Phase) -> Outcome<Tally> {
    shared.stop.store(false, Ordering::Relaxed);
    let progress = tokio::spawn(show_progress(Arc::clone(shared)));
    let workers = shared.options.connections.min(shared.options.devices);
    let workers: Vec<_> = (0..workers)
        .map(|_| tokio::spawn(work(Arc::clone(shared), phase.clone())))
        .collect();
    let mut all = Tally::default();
    for worker in workers {
        all.add(&worker.await??);
    }
    progress.abort();
    Ok(all)
}

async fn show_progress(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(2));
    let mut before = shared.ended.load(Ordering::Relaxed);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let ended = shared.ended.load(Ordering::Relaxed);
        report::note(&format!("{ended} sessions, {} /s", (ended - before) / 2));
        before = ended;
    }
}

/// Runs sessions one after the other until the phase is over.
async fn work(shared: Arc<Shared>, phase: Phase) -> Result<Tally, transports::http::Error> {
    let mut tally = Tally::default();
    let mut client = client()?;
    while let Some((mut device, kind)) = next(&shared, &phase, &mut tally).await {
        if shared.options.reconnect {
            client = self::client()?;
        }
        let outcome = device.session(&client, &shared.url, kind).await;
        tally.count(kind, outcome);
        shared.ended.fetch_add(1, Ordering::Relaxed);
        shared.idle().push_back(device);
    }
    Ok(tally)
}

/// A client that reports trouble at once: a device would try again later, which is not what is to
/// be measured.
fn client() -> Result<Client, transports::http::Error> {
    Client::new(ClientOptions {
        pauses: Vec::new(),
        ..ClientOptions::default()
    })
}

/// The next session, once its moment has come; `None` when there is none any more.
async fn next(shared: &Shared, phase: &Phase, tally: &mut Tally) -> Option<(Device, Kind)> {
    let options = &shared.options;
    let number = shared.begun.fetch_add(1, Ordering::Relaxed);
    let kind = match phase {
        Phase::Warm if number >= options.devices as u64 => return None,
        Phase::Warm => Kind::First,
        Phase::Measured(begun, mix) => {
            if options.sessions.is_some_and(|most| number >= most) {
                return None;
            }
            if let Some(rate) = options.rate {
                let due = *begun + Duration::from_secs_f64(number as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                tally.waited(due.elapsed());
            }
            if options.sessions.is_none() && begun.elapsed() >= options.duration() {
                return None;
            }
            mix.kind(number)
        }
    };
    // there are no more workers than devices
    let device = shared.idle().pop_front()?;
    Some((device, kind))
}
