//! A run from its beginning to the verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use testkit::Availability;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::balancer::Balancer;
use crate::cluster::Cluster;
use crate::device::{Device, account_name};
use crate::ledger::{self, Counts, Holding, Ledger};
use crate::plan::{self, Act, Step};
use crate::{Error, Options};

/// The longest wait for messages before a step of the plan: when all wait for a database that is
/// gone, only the next step brings it back.
const LONGEST: Duration = Duration::from_secs(5);

/// Syncs of each device in the end: to give its changes away, to get those of the others, and what
/// came of records that both have touched.
const ROUNDS: u32 = 3;

/// How often a device tries to sync in one of these rounds.
const TRIES: u32 = 10;

/// What a run came to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Sessions that ended well, and that did not, before all was mended.
    pub sessions: [u64; 2],
    /// Sessions in which a device that had synced before had to compare all items.
    pub comparisons: u64,
    /// Why sessions failed, and how many.
    pub failures: BTreeMap<String, u64>,
    /// Messages that came to the balancer, and those of them that no node answered.
    pub messages: [u64; 2],
    /// What persons did: contacts added, edited and deleted.
    pub edits: [u64; 3],
    /// Contacts that each of the devices and the server held in the end, over all accounts.
    pub contacts: u64,
    /// Nodes killed, nodes cut off, and primaries lost.
    pub faults: [u64; 3],
    /// The longest time in which no session ended well.
    pub longest_pause: Duration,
    /// From the first session to the last step of the plan.
    pub wall: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kills, cuts, losses] = self.faults;
        let [well, ill] = self.sessions;
        let [messages, lost] = self.messages;
        let [added, edited, deleted] = self.edits;
        writeln!(
            f,
            "{kills} nodes killed, {cuts} cut off, {losses} primary lost in {:.0} s",
            self.wall.as_secs_f64()
        )?;
        writeln!(
            f,
            "{well} sessions ended well, {ill} did not, {} compared all items anew; of {messages} \
             messages {lost} had no answer",
            self.comparisons
        )?;
        writeln!(
            f,
            "the longest time in which no session ended well: {:.1} s",
            self.longest_pause.as_secs_f64()
        )?;
        writeln!(
            f,
            "{added} contacts added, {edited} edited, {deleted} deleted; {} left, the same everywhere",
            self.contacts
        )?;
        for (reason, times) in &self.failures {
            writeln!(f, "  {times} × {reason}")?;
        }
        Ok(())
    }
}

/// What the tasks of the devices share.
#[derive(Debug)]
struct Shared {
    is_over: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    sessions: [u64; 2],
    failures: BTreeMap<String, u64>,
    last_success: Instant,
    longest_pause: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn count(&self, outcome: Result<u64, String>) {
        let mut seen = lock(&self.seen);
        seen.sessions[usize::from(outcome.is_err())] += 1;
        match outcome {
            Ok(_) => {
                let pause = seen.last_success.elapsed();
                seen.longest_pause = seen.longest_pause.max(pause);
                seen.last_success = Instant::now();
            }
            Err(reason) => *seen.failures.entry(reason).or_default() += 1,
        }
    }
}

/// Runs a plan to its end, and looks at what is held then. `say` gets a line for each thing that
/// happens.
///
/// # Errors
///
/// [`Error::Wrong`] and [`Error::Stuck`] are what a run is there to find; the others say why it
/// could not be made.
pub fn run(
    options: &Options,
    installed: Availability,
    say: &mut dyn FnMut(&str),
) -> Result<Report, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::network("a runtime", error))?;
    let balancer = runtime
        .block_on(Balancer::start(options.seed, options.nodes))
        .map_err(|error| Error::network("a balancer", error))?;
    say("databases, accounts and nodes start");
    let mut cluster = Cluster::start(options, installed, balancer.clone())?;
    let ledgers: Vec<Arc<Mutex<Ledger>>> = (0..options.accounts).map(|_| Arc::default()).collect();
    let devices: Result<Vec<Device>, Error> = (0..options.devices)
        .map(|number| {
            let account = number % options.accounts;
            let place = (account, &ledgers[account]);
            Device::new(number, place, (options, balancer.url()))
        })
        .collect();

    let began = Instant::now();
    let shared = Arc::new(Shared {
        is_over: AtomicBool::new(false),
        seen: Mutex::new(Seen {
            sessions: [0; 2],
            failures: BTreeMap::new(),
            last_success: began,
            longest_pause: Duration::ZERO,
        }),
    });
    let tasks: Vec<_> = devices?
        .into_iter()
        .map(|device| runtime.spawn(live(device, Arc::clone(&shared))))
        .collect();
    let steps = plan::steps(options);
    let faults = follow(&steps, &mut cluster, &balancer, say);
    let wall = began.elapsed();
    shared.is_over.store(true, Ordering::Relaxed);
    let devices = join(&runtime, tasks)?;
    let faults = faults?;

    say("all is mended");
    cluster.mend()?;
    let devices = settle(&runtime, devices)?;
    let mut counts = Counts::default();
    for ledger in &ledgers {
        let more = lock(ledger).counts;
        counts.added += more.added;
        counts.edited += more.edited;
        counts.deleted += more.deleted;
    }
    say("what the devices and the server hold is compared");
    let contacts = compare(&cluster, &ledgers, &devices)?;
    let seen = lock(&shared.seen);
    Ok(Report {
        sessions: seen.sessions,
        comparisons: devices.iter().map(|device| device.comparisons).sum(),
        failures: seen.failures.clone(),
        messages: [balancer.messages(), balancer.lost()],
        edits: [counts.added, counts.edited, counts.deleted],
        contacts,
        faults,
        longest_pause: seen.longest_pause,
        wall,
    })
}

/// Edits and syncs until the plan is over.
async fn live(mut device: Device, shared: Arc<Shared>) -> Device {
    while !shared.is_over.load(Ordering::Relaxed) {
        device.edit();
        let outcome = device.sync().await;
        shared.count(outcome);
    }
    device
}

/// Does the steps of the plan; how often each kind of fault came.
fn follow(
    steps: &[Step],
    cluster: &mut Cluster,
    balancer: &Balancer,
    say: &mut dyn FnMut(&str),
) -> Result<[u64; 3], Error> {
    let mut faults = [0; 3];
    for step in steps {
        let until = balancer.messages() + step.messages;
        let began = Instant::now();
        while balancer.messages() < until && began.elapsed() < LONGEST {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(step.delay);
        say(&format!("{:?}", step.act));
        match step.act {
            Act::Kill(_) => faults[0] += 1,
            Act::Cut(_) => faults[1] += 1,
            Act::LosePrimary => faults[2] += 1,
            Act::Start(_) | Act::Heal(_) | Act::Promote => {}
        }
        cluster.act(step.act)?;
    }
    Ok(faults)
}

fn join<T>(runtime: &Runtime, tasks: Vec<JoinHandle<T>>) -> Result<Vec<T>, Error> {
    let ended = tasks.into_iter().map(|task| {
        let ended = runtime.block_on(task);
        ended.map_err(|error| Error::Device(error.to_string()))
    });
    ended.collect()
}

/// Lets every device sync until nothing is left to be told; one that has something to tell after that
/// is a complaint.
fn settle(runtime: &Runtime, mut devices: Vec<Device>) -> Result<Vec<Device>, Error> {
    let mut restless = Vec::new();
    for round in 0..=ROUNDS {
        let tasks = devices.into_iter().map(|mut device| {
            runtime.spawn(async move {
                let outcome = sync_in_the_end(&mut device).await;
                (device, outcome)
            })
        });
        devices = Vec::new();
        for (device, outcome) in join(runtime, tasks.collect())? {
            let number = device.number;
            match outcome {
                Ok(changes) if round == ROUNDS && changes > 0 => restless.push(format!(
                    "device {number} has {changes} changes left after {ROUNDS} syncs"
                )),
                Ok(_) => {}
                Err(reason) => {
                    return Err(Error::Stuck {
                        device: number,
                        reason,
                    });
                }
            }
            devices.push(device);
        }
    }
    if restless.is_empty() {
        return Ok(devices);
    }
    Err(Error::Wrong(restless))
}

async fn sync_in_the_end(device: &mut Device) -> Result<u64, String> {
    let mut outcome = device.sync().await;
    for _ in 1..TRIES {
        if outcome.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        outcome = device.sync().await;
    }
    outcome
}

/// How many contacts there are, if there is nothing to complain of.
fn compare(
    cluster: &Cluster,
    ledgers: &[Arc<Mutex<Ledger>>],
    devices: &[Device],
) -> Result<u64, Error> {
    let commands = cluster.commands()?;
    let mut complaints = Vec::new();
    let mut contacts = 0;
    for (account, ledger) in ledgers.iter().enumerate() {
        let name = account_name(account);
        let folder = tempfile::tempdir().map_err(|error| Error::network("a folder", error))?;
        let to = folder.path().to_string_lossy();
        commands.run(&["store", "export", "--user", &name, "contacts", &to], b"")?;
        let mut cards = Vec::new();
        let mut guids = BTreeMap::new();
        let entries = fs::read_dir(folder.path()).map_err(|error| Error::network(&*to, error))?;
        for entry in entries.flatten() {
            let card = fs::read(entry.path()).map_err(|error| Error::network(&*to, error))?;
            let path = entry.path();
            let guid = path.file_stem().unwrap_or_default();
            guids.insert(ledger::name_of(&card), guid.to_string_lossy().into_owned());
            cards.push(card);
        }
        let (server, doubled) = ledger::holding(cards.iter().map(Vec::as_slice));
        contacts += server.len() as u64;
        let doubled = doubled.iter().map(|name| format!("{name} is there twice"));
        complaints.extend(doubled.map(|text| format!("{name}, server: {text}")));
        for (record, text) in lock(ledger).complaints(&server) {
            complaints.push(format!("{name}, server: {text}"));
            if let Some(guid) = guids.get(&record) {
                let history = ["store", "history", "--user", &name, "contacts", guid];
                // an item that was never changed has none
                if let Ok(history) = commands.run(&history, b"") {
                    complaints.push(history.all());
                }
            }
        }
        for device in devices.iter().filter(|device| device.account == account) {
            let cards = device.contents();
            let (held, doubled) = ledger::holding(cards.iter().map(Vec::as_slice));
            let doubled = doubled.iter().map(|name| format!("{name} is there twice"));
            let found = doubled.chain(differences(&held, &server));
            complaints
                .extend(found.map(|text| format!("{name}, device {}: {text}", device.number)));
        }
    }
    if complaints.is_empty() {
        return Ok(contacts);
    }
    Err(Error::Wrong(complaints))
}

/// How a device's holding differs from the server's.
fn differences(device: &Holding, server: &Holding) -> Vec<String> {
    let mut found = Vec::new();
    for (name, lines) in server {
        match device.get(name) {
            None => found.push(format!("{name} is on the server only")),
            Some(held) if held != lines => {
                found.push(format!("{name} is {held:?}, on the server {lines:?}"));
            }
            Some(_) => {}
        }
    }
    let more = device.keys().filter(|name| !server.contains_key(*name));
    found.extend(more.map(|name| format!("{name} is on the device only")));
    found
}
