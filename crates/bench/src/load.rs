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
use testkit::syncline::Installation;
use testkit::{Peer, require};
use transports::http::{Client, Options as ClientOptions};

use crate::{Outcome, process};
use device::{Device, Kind};
use options::Options;
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
    let run = if let Some(url) = &options.url {
        runtime.block_on(measure(&options, url, None, None))?
    } else {
        let database = options.postgres.then(own_database).transpose()?;
        let program = crate::program()?;
        let installation = match &database {
            Some(database) => Installation::with_database(program, database.url(DATABASE))?,
            None => Installation::new(program)?,
        };
        match &database {
            Some(database) => seed::fill_database(database, DATABASE, &options)?,
            None => seed::fill(&installation.data(), &options)?,
        }
        let server = installation.serve()?;
        let pid = server.pid();
        report::note(&format!("server {pid} at {}", server.url()));
        let measured = measure(&options, server.url(), Some(pid), database.as_ref());
        runtime.block_on(measured)?
    };
    report::write(&options, &run);
    Ok(run.tally.errors() == 0)
}

/// The name of our own database.
const DATABASE: &str = "postgres";

fn own_database() -> Outcome<Postgres> {
    let installed = require(Peer::Postgres).ok_or("there is no PostgreSQL to start")?;
    Ok(Postgres::start(installed, Disk::Durable)?)
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
    fn idle(&self) -> MutexGuard<'_, VecDeque<Device>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Processor time of all processes of a database that run now; one that ends meanwhile is left out.
fn database_cpu(database: &Postgres) -> Outcome<Duration> {
    let processes = database.processes()?.into_iter();
    Ok(processes.filter_map(|one| process::cpu(one).ok()).sum())
}

async fn measure(
    options: &Options,
    url: &str,
    pid: Option<u32>,
    database: Option<&Postgres>,
) -> Outcome<Run> {
    let devices = (0..options.devices).map(|number| Device::new(number, options));
    let shared = Arc::new(Shared {
        options: options.clone(),
        url: url.to_owned(),
        idle: Mutex::new(devices.collect()),
        begun: AtomicU64::new(0),
        ended: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    if !options.cold {
        report::note("first syncs of all devices, which are not measured");
        let warm = phase(&shared, Phase::Warm).await?;
        if warm.errors() > 0 {
            return Err(format!("the first syncs failed: {}", warm.first_error()).into());
        }
    }
    shared.begun.store(0, Ordering::Relaxed);
    shared.ended.store(0, Ordering::Relaxed);
    let before = pid.map(process::cpu).transpose()?;
    let database_before = database.map(database_cpu).transpose()?;
    let begun = Instant::now();
    let tally = phase(&shared, Phase::Measured(begun)).await?;
    let wall = begun.elapsed();
    let server = match (pid, before) {
        (Some(pid), Some(before)) => Some(ServerCost {
            cpu: process::cpu(pid)?.saturating_sub(before),
            peak_memory: process::peak_memory(pid)?,
            // processes that have ended since, if any, are left out
            database: match (database, database_before) {
                (Some(database), Some(before)) => {
                    Some(database_cpu(database)?.saturating_sub(before))
                }
                _ => None,
            },
        }),
        _ => None,
    };
    Ok(Run {
        tally,
        wall,
        server,
    })
}

/// A part of the run.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Every device syncs once.
    Warm,
    /// The mix, from this moment on.
    Measured(Instant),
}

/// Lets all workers run a phase to its end.
async fn phase(shared: &Arc<Shared>, phase: Phase) -> Outcome<Tally> {
    shared.stop.store(false, Ordering::Relaxed);
    let progress = tokio::spawn(show_progress(Arc::clone(shared)));
    let workers = shared.options.connections.min(shared.options.devices);
    let workers: Vec<_> = (0..workers)
        .map(|_| tokio::spawn(work(Arc::clone(shared), phase)))
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
    while let Some((mut device, kind)) = next(&shared, phase, &mut tally).await {
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
async fn next(shared: &Shared, phase: Phase, tally: &mut Tally) -> Option<(Device, Kind)> {
    let options = &shared.options;
    let number = shared.begun.fetch_add(1, Ordering::Relaxed);
    let kind = match phase {
        Phase::Warm if number >= options.devices as u64 => return None,
        Phase::Warm => Kind::First,
        Phase::Measured(begun) => {
            if options.sessions.is_some_and(|most| number >= most) {
                return None;
            }
            if let Some(rate) = options.rate {
                let due = begun + Duration::from_secs_f64(number as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                tally.waited(due.elapsed());
            }
            if options.sessions.is_none() && begun.elapsed() >= options.duration() {
                return None;
            }
            options.mix.kind(number)
        }
    };
    // there are no more workers than devices
    let device = shared.idle().pop_front()?;
    Some((device, kind))
}
