//! One run: steps chosen by the seed, then the calm, then the checks.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use session::client::Mode;
use session::server::{AuthPolicy, Config, ConflictPolicy};
use session::store::{ChangeSeq, DatastoreKind, Guid};
use syncml::Version;

use crate::check::{agreement, is_tree, places, unknown_to};
use crate::device::{Device, Moved};
use crate::fault::{Fault, Outcome};
use crate::folders;
use crate::information::Keeps;
use crate::items::{KINDS, media_type};
use crate::journal::Journal;
use crate::ledger::{Held, Ledger, held};
use crate::network::{Luck, Posted, Weather, scheme};
use crate::policies::{Wish, overrules, policy};
use crate::sabotage::Sabotage;
use crate::server::{Health, Server, fnv};
use crate::wanted;

mod guarded;

use guarded::{DECIDING_ROUNDS, Owner};

/// Steps of one run before the calm: an edit, or one message of a session.
const STEPS: u32 = 700;

/// Sessions of each device in the calm, after which nothing may move any more: changes of one
/// device reach the others in two rounds, and what those rounds merge in two more.
const CALM_ROUNDS: usize = 6;

/// Messages that are held up somewhere, at most.
const MAX_LATE: usize = 8;

/// Items of a datastore below which persons rather add than delete.
const FEW_ITEMS: usize = 12;

/// Bytes of an item's remark at most, so that every item fits into the smallest message.
const MAX_FILLING: usize = 500;

/// The same where large objects go in pieces: several of the smallest messages.
const MAX_LARGE: usize = 8000;

/// A message that is held up.
struct Late {
    device: usize,
    /// The stores that its session refreshed from the client.
    refreshed: Vec<usize>,
    posted: Posted,
}

struct World {
    rng: Rng,
    weather: Weather,
    /// Of ten steps so many are edits of persons.
    diligence: u8,
    /// All devices take items larger than a message.
    takes_large: bool,
    /// What a person did may stand in the server's history alone.
    overrules: bool,
    /// Who decides what becomes of sessions that delete and replace too much.
    owner: Option<Owner>,
    /// The network is good.
    is_calm: bool,
    server: Server,
    devices: Vec<Device>,
    /// One for each of [`KINDS`].
    ledgers: Vec<Ledger>,
    late: VecDeque<Late>,
    /// What a refresh from the client that runs has to remove, by device and store.
    doomed: BTreeMap<(usize, usize), Vec<(Guid, ChangeSeq)>>,
    outcome: Outcome,
    journal: Journal,
}

/// Runs a seed.
pub fn run(seed: u64) -> Outcome {
    World::new(seed, None, false).run().0
}

/// Runs a seed with a rule broken; with an owner, as [`run_guarded`] does, where the rule is about what
/// waits for one.
pub fn run_sabotaged(seed: u64, sabotage: Sabotage) -> Outcome {
    let world = World::new(seed, Some(sabotage), false);
    if sabotage.needs_owner() {
        world.with_owner(seed).run().0
    } else {
        world.run().0
    }
}

/// Runs a seed whose sessions are held when they delete and replace too much, and whose owner confirms,
/// rejects and undoes them.
pub fn run_guarded(seed: u64) -> Outcome {
    World::new(seed, None, false).with_owner(seed).run().0
}

/// The same, and tells what happened, a line a step.
pub fn run_guarded_told(seed: u64) -> (Outcome, Vec<String>) {
    World::new(seed, None, true).with_owner(seed).run()
}

/// Runs a seed and tells what happened, a line a step.
pub fn run_told(seed: u64) -> (Outcome, Vec<String>) {
    World::new(seed, None, true).run()
}

impl World {
    fn new(seed: u64, sabotage: Option<Sabotage>, tells: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let conflict = policy(&mut rng);
        let wishes: Vec<_> = (0..rng.usize(..4)).map(|_| Wish::new(&mut rng)).collect();
        let config = Config {
            max_msg_size: [2000, 10_000, 1_000_000][rng.usize(..3)],
            conflict,
            // nobody is there to decide, unless there is an owner
            guard: None,
            auth: AuthPolicy {
                scheme: scheme(&mut rng),
                ..AuthPolicy::default()
            },
            ..Config::default()
        };
        // large objects came with 1.1
        let takes_large = rng.bool();
        let weather = Weather::new(&mut rng);
        let devices = (0..rng.usize(1..=10))
            .map(|number| Device::new(number, &mut rng, takes_large, config.auth.scheme, sabotage))
            .collect();
        let mut server = Server::new(config, sabotage);
        for wish in &wishes {
            wish.tell(&mut server);
        }
        let policies = || wishes.iter().map(|wish| wish.policy).chain([conflict]);
        let duplicates = policies().any(|one| one == ConflictPolicy::Duplicate);
        Self {
            weather,
            diligence: [3, 3, 3, 7][rng.usize(..4)],
            takes_large,
            owner: None,
            is_calm: false,
            server,
            overrules: policies().any(overrules),
            devices,
            ledgers: KINDS
                .map(|kind| Ledger::new(kind, duplicates))
                .into_iter()
                .collect(),
            late: VecDeque::new(),
            doomed: BTreeMap::new(),
            outcome: Outcome {
                fault: None,
                trace: seed,
                messages: 0,
                sessions: 0,
                edits: 0,
                items: 0,
                decisions: 0,
            },
            journal: Journal::new(tells),
            rng,
        }
    }

    fn with_owner(mut self, seed: u64) -> Self {
        let mut owner = Owner::new(seed);
        self.server.config.guard = Some(owner.guard());
        self.owner = Some(owner);
        self
    }

    fn run(mut self) -> (Outcome, Vec<String>) {
        self.outcome.fault = self.live().err();
        for kind in KINDS {
            let contents = self.server.contents(kind);
            self.outcome.items += contents.len();
            for content in contents {
                self.outcome.trace ^= fnv(content.as_bytes());
            }
        }
        (self.outcome, self.journal.into_lines())
    }

    fn live(&mut self) -> Result<(), Fault> {
        for _ in 0..STEPS {
            self.server.now += self.rng.i64(0..30);
            let number = self.rng.usize(..self.devices.len());
            if self.rng.u8(..10) < self.diligence {
                self.person(number);
            } else {
                self.network(number)?;
            }
            self.owner_acts()?;
        }
        self.calm()
    }

    /// A person does something on a device.
    fn person(&mut self, number: usize) {
        let place = self.rng.usize(..self.devices[number].stores.len());
        let filling = match self.rng.u8(..8) {
            0 if self.takes_large && self.rng.u8(..4) == 0 => self.rng.usize(..MAX_LARGE),
            0 => self.rng.usize(..MAX_FILLING),
            _ => self.rng.usize(..20),
        };
        let store = &self.devices[number].stores[place];
        let ledger = &mut self.ledgers[index_of(store.kind)];
        self.outcome.edits += 1;
        if store.kind.is_hierarchical() {
            let line = folders::person(store, number, ledger, &mut self.rng, filling);
            self.journal
                .tell(|| format!("{number} files: {}", line.unwrap_or_default()));
            return;
        }
        let items = store.items();
        let what = self.rng.u8(..10);
        let line = if items.is_empty() || what < if items.len() < FEW_ITEMS { 5 } else { 2 } {
            let content = ledger.create(filling, store.keeps);
            let luid = store
                .memory()
                .insert(media_type(store.kind), content.as_bytes());
            format!("makes {luid}: {content:?}")
        } else {
            let (luid, content) = &items[self.rng.usize(..items.len())];
            // notes grow with every edit
            let grows = store.kind == DatastoreKind::Notes;
            if what < 8 && !(grows && content.len() > MAX_FILLING) {
                let filling = if grows { filling.min(20) } else { filling };
                let Some(newer) = ledger.edit(content, filling, store.keeps) else {
                    return;
                };
                store.memory().edit(luid, newer.as_bytes());
                format!("edits {luid}: {newer:?}")
            } else {
                ledger.delete(content, number, store.is_settled());
                store.memory().remove(luid);
                format!("deletes {luid}: {content:?}")
            }
        };
        let kind = store.kind.name();
        self.journal.tell(|| format!("{number} {kind}: {line}"));
    }

    /// A device moves on with its session, or begins one, over a bad network.
    fn network(&mut self, number: usize) -> Result<(), Fault> {
        let luck = self.weather.luck(&mut self.rng);
        if luck != Luck::Fine {
            self.journal.tell(|| format!("{number}: {luck:?}"));
        }
        match luck {
            Luck::DeviceDown => {
                self.devices[number].crash();
                return Ok(());
            }
            Luck::HangsUp => {
                self.devices[number].hang_up();
                return Ok(());
            }
            Luck::Suspends => self.devices[number].suspend(),
            Luck::DeviceFails(calls) => self.devices[number].power.fail_after(calls),
            _ => {}
        }
        if !self.devices[number].is_syncing() {
            let stores = self.choose_stores(number);
            self.begin(number, stores);
        }
        let posted = match self.devices[number].unanswered.clone() {
            // the same message once more
            Some(unanswered) => unanswered,
            None => match self.step(number)? {
                Moved::Send(posted) => posted,
                Moved::Ended(_) | Moved::Failed(_) => {
                    self.devices[number].power.restore();
                    return Ok(());
                }
            },
        };
        if self.weather.holds_copy(&mut self.rng) && self.late.len() < MAX_LATE {
            self.late.push_back(Late {
                device: number,
                refreshed: self.stores_in(number, Mode::RefreshFromClient),
                posted: posted.clone(),
            });
        }
        match luck {
            Luck::Lost => {}
            Luck::AnswerLost => {
                self.post(number, &posted, Health::Well)?;
            }
            Luck::ServerFails(writes) => {
                self.post(number, &posted, Health::FailsAfter(writes))?;
            }
            Luck::Busy => {
                if let Some(answer) = self.post(number, &posted, Health::Busy)? {
                    self.receive(number, &answer);
                }
            }
            Luck::Twice => {
                self.post(number, &posted, Health::Well)?;
                self.deliver(number, &posted)?;
            }
            Luck::Cut => {
                let end = self.rng.usize(..posted.body.len());
                if let Some(answer) = self.post(number, &posted.cut(end), Health::Well)? {
                    self.receive(number, &answer);
                }
            }
            Luck::AnswerCut => {
                if let Some(answer) = self.post(number, &posted, Health::Well)? {
                    let end = self.rng.usize(..answer.len());
                    self.receive(number, &answer[..end]);
                }
            }
            Luck::Late => {
                let which = self.rng.usize(..MAX_LATE);
                if let Some(late) = self.late.remove(which) {
                    self.journal
                        .tell(|| format!("late message of {}", late.device));
                    self.post_refreshing(late.device, &late.refreshed, &late.posted, Health::Well)?;
                }
                self.deliver(number, &posted)?;
            }
            _ => self.deliver(number, &posted)?,
        }
        self.devices[number].power.restore();
        Ok(())
    }

    /// Some of a device's stores, and how they are synced.
    fn choose_stores(&mut self, number: usize) -> Vec<(usize, Mode)> {
        let count = self.devices[number].stores.len();
        let wanted = self.rng.usize(1..1 << count);
        (0..count)
            .filter(|store| wanted & (1 << store) != 0)
            .map(|store| {
                let mode = match self.rng.u8(..40) {
                    0..2 => Mode::Slow,
                    2..4 => Mode::FromClient,
                    4..6 => Mode::FromServer,
                    6 => Mode::RefreshFromClient,
                    7 => Mode::RefreshFromServer,
                    _ => Mode::TwoWay,
                };
                (store, mode)
            })
            .collect()
    }

    fn begin(&mut self, number: usize, stores: Vec<(usize, Mode)>) {
        let entropy = self.rng.u64(..).to_be_bytes();
        self.journal.tell(|| format!("{number}: begins {stores:?}"));
        self.outcome.sessions += 1;
        for (store, mode) in &stores {
            self.choose_records(number, *store);
            self.doomed.remove(&(number, *store));
            let is_whole = !self.devices[number].stores[*store].chooses;
            // a client that does not want all need not have all
            if *mode == Mode::RefreshFromClient && is_whole {
                let store_held = &self.devices[number].stores[*store];
                let doomed = unknown_to(&self.server, store_held);
                self.doomed.insert((number, *store), doomed);
            }
            if matches!(
                mode,
                Mode::Slow | Mode::RefreshFromClient | Mode::RefreshFromServer
            ) {
                self.compared(number, *store);
            }
        }
        self.devices[number].begin(stores, self.server.now, entropy);
    }

    /// A device that does so may want other records than in its last session.
    fn choose_records(&mut self, number: usize, store: usize) {
        let device = &mut self.devices[number];
        let may_cut = may_cut(&self.server, device);
        // an address has no words for it
        let may_include = device.config.version >= Version::V1_2;
        let Some(store) = device.stores.get_mut(store) else {
            return;
        };
        if store.chooses && !self.is_calm && self.rng.u8(..3) == 0 {
            store.filter = wanted::another(store.kind, may_cut, may_include, &mut self.rng);
            let filter = &store.filter;
            self.journal.tell(|| format!("{number}: wants {filter:?}"));
        }
    }

    /// All devices that choose choose once more.
    fn choose_last(&mut self) {
        for device in &mut self.devices {
            let may_cut = may_cut(&self.server, device);
            for store in device.stores.iter_mut().filter(|store| store.chooses) {
                store.filter = wanted::last(store.kind, may_cut, &mut self.rng);
                let (name, filter) = (&device.name, &store.filter);
                self.journal.tell(|| format!("{name}: wants {filter:?}"));
            }
        }
    }

    /// A store of a device compares all items, or may do so.
    fn compared(&mut self, number: usize, store: usize) {
        let store = &self.devices[number].stores[store];
        let ledger = &mut self.ledgers[index_of(store.kind)];
        ledger.all_compared(number, &store.contents());
        if store.chooses || store.keeps != Keeps::All {
            ledger.compared_in_part(&store.contents());
        }
    }

    /// Stores whose anchors are void will be compared.
    fn note_comparisons(&mut self, number: usize) {
        for store in 0..self.devices[number].stores.len() {
            if !self.devices[number].stores[store].is_in_step() {
                self.compared(number, store);
            }
        }
    }

    fn step(&mut self, number: usize) -> Result<Moved, Fault> {
        let moved = self.devices[number].step();
        match &moved {
            Moved::Send(_) => {}
            Moved::Ended(synced) => {
                for synced in synced {
                    if synced.is_slow {
                        self.compared(number, synced.store);
                    }
                    let doomed = self.doomed.remove(&(number, synced.store));
                    let store = &self.devices[number].stores[synced.store];
                    let left = unknown_to(&self.server, store);
                    let doomed = doomed.unwrap_or_default();
                    // with an owner it may wait for a decision
                    let is_done = synced.error.is_none() && self.owner.is_none();
                    if is_done && doomed.iter().any(|item| left.contains(item)) {
                        return Err(Fault::NotRefreshed {
                            device: self.devices[number].name.clone(),
                            datastore: store.kind.name(),
                        });
                    }
                }
                let errors: Vec<_> = synced.iter().map(|one| one.error.clone()).collect();
                self.journal.tell(|| format!("{number}: ended {errors:?}"));
            }
            Moved::Failed(reason) => self.journal.tell(|| format!("{number}: failed, {reason}")),
        }
        self.note_comparisons(number);
        Ok(moved)
    }

    fn deliver(&mut self, number: usize, posted: &Posted) -> Result<(), Fault> {
        if let Some(answer) = self.post(number, posted, Health::Well)? {
            self.receive(number, &answer);
        }
        Ok(())
    }

    /// A device takes an answer; a session that fails here begins again later.
    fn receive(&mut self, number: usize, answer: &[u8]) -> Option<String> {
        let refreshed = self.stores_in(number, Mode::RefreshFromServer);
        let before: Vec<Held> = refreshed
            .iter()
            .map(|store| held(&self.devices[number].stores[*store].contents()))
            .collect();
        let failure = self.devices[number].receive(answer).err();
        for (store, before) in refreshed.into_iter().zip(before) {
            let store = &self.devices[number].stores[store];
            let (after, server) = (
                held(&store.contents()),
                held(&self.server.contents(store.kind)),
            );
            self.ledgers[index_of(store.kind)].refreshed(&before, &after, &server);
        }
        if let Some(reason) = &failure {
            self.journal.tell(|| format!("{number}: failed, {reason}"));
        }
        self.journal.tell_changes(&self.server, &self.devices);
        self.note_comparisons(number);
        failure
    }

    fn stores_in(&self, number: usize, mode: Mode) -> Vec<usize> {
        let running = self.devices[number].running.iter();
        running
            .filter(|(_, running)| *running == mode)
            .map(|(store, _)| *store)
            .collect()
    }

    /// The server takes a message of a device.
    fn post(
        &mut self,
        number: usize,
        posted: &Posted,
        health: Health,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let refreshed = self.stores_in(number, Mode::RefreshFromClient);
        self.post_refreshing(number, &refreshed, posted, health)
    }

    /// The same with the stores that the message's session refreshes from the client.
    fn post_refreshing(
        &mut self,
        number: usize,
        refreshed: &[usize],
        posted: &Posted,
        health: Health,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut entropy = [0; 32];
        self.rng.fill(&mut entropy);
        let server = |world: &Self, store: usize| {
            held(
                &world
                    .server
                    .contents(world.devices[number].stores[store].kind),
            )
        };
        let before: Vec<Held> = refreshed.iter().map(|one| server(self, *one)).collect();
        let answer = self
            .server
            .post(posted, entropy, health)
            .map_err(|reason| Fault::State { reason })?;
        for (store, before) in refreshed.iter().zip(before) {
            let after = server(self, *store);
            let store = &self.devices[number].stores[*store];
            let device = held(&store.contents());
            self.ledgers[index_of(store.kind)].refreshed(&before, &after, &device);
        }
        self.note_waiting()?;
        self.outcome.messages += 1;
        let trace = self.outcome.trace.rotate_left(5);
        let heard = answer.as_deref().map_or(0, fnv);
        self.outcome.trace = trace ^ fnv(&posted.body) ^ heard.rotate_left(1);
        let said = std::mem::take(&mut self.server.said);
        let sizes = (posted.body.len(), answer.as_ref().map(Vec::len));
        self.journal
            .tell(|| format!("{number}: message {sizes:?} {said:?}"));
        self.journal.tell_changes(&self.server, &self.devices);
        Ok(answer)
    }

    /// The network is good again: all devices sync until nothing can be left to say.
    fn calm(&mut self) -> Result<(), Fault> {
        self.journal.tell(|| "calm".to_owned());
        for device in &mut self.devices {
            device.hang_up();
        }
        self.is_calm = true;
        let deciding = self.owner.as_ref().map_or(0, |_| DECIDING_ROUNDS);
        let rounds = deciding + CALM_ROUNDS;
        for round in 0..rounds {
            if round == deciding.max(1) {
                // what devices changed last is known and decided by now, and leaves them if they want
                // it no more
                self.choose_last();
            }
            for number in 0..self.devices.len() {
                let moved = self.sync(number)?;
                let last = round + 1 == rounds;
                if last && moved > 0 {
                    return Err(Fault::Restless {
                        device: self.devices[number].name.clone(),
                    });
                }
            }
            if round < deciding {
                self.decide_all()?;
            }
        }
        self.check_decided()?;
        for device in &self.devices {
            agreement(&mut self.server, device)?;
        }
        for (kind, ledger) in KINDS.into_iter().zip(&self.ledgers) {
            let overruled = if self.overrules {
                self.server.history(kind)
            } else {
                Vec::new()
            };
            ledger.check(&self.server.contents(kind), &overruled)?;
            ledger.check_whole(&self.server.contents(kind))?;
            is_tree(&self.server, kind)?;
            ledger.check_places(&places(&self.server, kind))?;
        }
        Ok(())
    }

    /// A whole session on a good network; how many items moved.
    fn sync(&mut self, number: usize) -> Result<u64, Fault> {
        self.server.now += 60;
        let name = self.devices[number].name.clone();
        let stuck = |reason: String| Fault::Stuck {
            device: name.clone(),
            reason,
        };
        let stores = 0..self.devices[number].stores.len();
        self.begin(number, stores.map(|store| (store, Mode::TwoWay)).collect());
        loop {
            match self.step(number)? {
                Moved::Send(posted) => {
                    let answer = self.post(number, &posted, Health::Well)?;
                    let answer = answer.ok_or_else(|| stuck("no answer".to_owned()))?;
                    if let Some(reason) = self.receive(number, &answer) {
                        return Err(stuck(reason));
                    }
                }
                Moved::Ended(synced) => {
                    if let Some(reason) = synced.iter().find_map(|one| one.error.clone()) {
                        return Err(stuck(reason));
                    }
                    return Ok(synced.iter().map(|one| one.moved).sum());
                }
                Moved::Failed(reason) => return Err(stuck(reason)),
            }
        }
    }
}

/// Whether a device may want some of the properties: such a filter is long, and has to fit into a message.
fn may_cut(server: &Server, device: &Device) -> bool {
    let max_msg_size = server.config.max_msg_size.min(device.config.max_msg_size);
    device.config.version >= Version::V1_2 && max_msg_size > 3000
}

fn index_of(kind: DatastoreKind) -> usize {
    KINDS.into_iter().position(|one| one == kind).unwrap_or(0)
}
