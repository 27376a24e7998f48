//! One run: steps chosen by the seed, then the calm, then the checks.

use fastrand::Rng;
use session::client::Mode;
use session::server::Config;

use crate::device::{Device, Moved};
use crate::ledger::{Fault, Ledger};
use crate::server::{Crash, Sabotage, Server, fnv};

/// Steps of one run before the calm.
const STEPS: usize = 400;

/// Sessions of each device in the calm, after which nothing may move any more: changes of one
/// device reach the others in two rounds, and what those rounds merge in two more.
const CALM_ROUNDS: usize = 6;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What must not be, if anything.
    pub fault: Option<Fault>,
    /// Hash over all bytes on the wire and the end: equal for equal seeds.
    pub trace: u64,
    /// Messages that reached the server.
    pub messages: u64,
    /// Items on the server in the end.
    pub items: usize,
}

struct World {
    rng: Rng,
    server: Server,
    devices: Vec<Device>,
    ledger: Ledger,
    trace: u64,
    messages: u64,
}

/// Runs a seed.
pub fn run(seed: u64) -> Outcome {
    run_world(seed, None)
}

/// Runs a seed with a rule broken.
pub fn run_sabotaged(seed: u64, sabotage: Sabotage) -> Outcome {
    run_world(seed, Some(sabotage))
}

fn run_world(seed: u64, sabotage: Option<Sabotage>) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let config = Config {
        max_msg_size: [2000, 10_000, 1_000_000][rng.usize(..3)],
        ..Config::default()
    };
    let devices = (0..rng.usize(1..=5))
        .map(|number| Device::new(number, &mut rng))
        .collect();
    let mut world = World {
        rng,
        server: Server::new(config, sabotage),
        devices,
        ledger: Ledger::default(),
        trace: 0,
        messages: 0,
    };
    let fault = world.live().err();
    Outcome {
        fault,
        trace: world.trace,
        messages: world.messages,
        items: world.server.contents().len(),
    }
}

impl World {
    fn live(&mut self) -> Result<(), Fault> {
        for _ in 0..STEPS {
            self.server.now += self.rng.i64(0..30);
            let number = self.rng.usize(..self.devices.len());
            if self.rng.u8(..10) < 3 {
                self.person(number);
            } else {
                self.network(number);
            }
        }
        self.calm()
    }

    /// A person does something on a device.
    fn person(&mut self, number: usize) {
        let Some(device) = self.devices.get(number) else {
            return;
        };
        let items = device.items();
        let what = self.rng.u8(..10);
        if items.is_empty() || what < 5 {
            let content = self.ledger.create();
            device.contacts().insert("text/vcard", content.as_bytes());
            return;
        }
        let (luid, content) = &items[self.rng.usize(..items.len())];
        if what < 8 {
            if let Some(newer) = self.ledger.edit(content) {
                device.contacts().edit(luid, newer.as_bytes());
            }
        } else {
            self.ledger.delete(content, device.is_in_step());
            device.contacts().remove(luid);
        }
    }

    /// A device moves on with its session, or begins one, over a bad network.
    fn network(&mut self, number: usize) {
        let luck = self.rng.u8(..100);
        let mode = match self.rng.u8(..20) {
            0 => Mode::Slow,
            1 => Mode::FromClient,
            2 => Mode::FromServer,
            _ => Mode::TwoWay,
        };
        let entropy = self.entropy();
        let Some(device) = self.devices.get_mut(number) else {
            return;
        };
        match luck {
            0..4 => return device.crash(),
            4..8 => return device.hang_up(),
            _ => {}
        }
        if !device.is_syncing() {
            device.begin(mode, self.server.now, entropy);
            if mode == Mode::Slow {
                self.ledger.all_compared();
            }
        }
        let Some(device) = self.devices.get_mut(number) else {
            return;
        };
        let (url, body) = match device.unanswered.clone() {
            // the same message once more
            Some(unanswered) => unanswered,
            None => match device.step() {
                Moved::Send(url, body) => (url, body),
                Moved::Ended { compared_all, .. } => {
                    if compared_all {
                        self.ledger.all_compared();
                    }
                    return;
                }
                Moved::Failed(_) => return,
            },
        };
        match luck {
            8..14 => {} // lost on the way there
            14..20 => {
                // lost on the way back
                self.post(&url, &body, Crash::No);
            }
            20..24 => {
                self.post(&url, &body, Crash::BeforeCommit);
            }
            24..30 => {
                // came twice
                self.post(&url, &body, Crash::No);
                self.deliver(number, &url, &body);
            }
            _ => self.deliver(number, &url, &body),
        }
    }

    fn deliver(&mut self, number: usize, url: &str, body: &[u8]) {
        let answer = self.post(url, body, Crash::No);
        if let (Some(answer), Some(device)) = (answer, self.devices.get_mut(number)) {
            // a session that fails here begins again later
            let _ = device.receive(&answer);
            if !device.is_in_step() {
                // its anchors are void: all will be compared
                self.ledger.all_compared();
            }
        }
    }

    fn post(&mut self, url: &str, body: &[u8], crash: Crash) -> Option<Vec<u8>> {
        let entropy = self.server_entropy();
        let token = url.split_once("?sid=").map(|(_, token)| token);
        let lost = crash == Crash::BeforeCommit;
        let answer = self.server.post(body, token, entropy, crash);
        self.messages += 1;
        self.trace = fnv(body) ^ self.trace.rotate_left(5);
        if let Some(answer) = &answer {
            self.trace = fnv(answer) ^ self.trace.rotate_left(5) ^ u64::from(lost);
        }
        answer
    }

    fn entropy(&mut self) -> [u8; 8] {
        self.rng.u64(..).to_be_bytes()
    }

    fn server_entropy(&mut self) -> [u8; 32] {
        let mut entropy = [0; 32];
        self.rng.fill(&mut entropy);
        entropy
    }

    /// The network is good again: all devices sync until nothing can be left to say.
    fn calm(&mut self) -> Result<(), Fault> {
        for device in &mut self.devices {
            device.hang_up();
        }
        for round in 0..CALM_ROUNDS {
            for number in 0..self.devices.len() {
                let items = self.sync(number)?;
                let last = round + 1 == CALM_ROUNDS;
                if last && items > 0 {
                    return Err(Fault::Restless {
                        device: self.devices[number].name.clone(),
                    });
                }
            }
        }
        let held = self.server.contents();
        for device in &self.devices {
            if device.contents() != held {
                return Err(Fault::Differs {
                    device: device.name.clone(),
                });
            }
        }
        self.trace ^= held
            .iter()
            .fold(0, |hash, text| hash ^ fnv(text.as_bytes()));
        self.ledger.check(&held)
    }

    /// A whole session on a good network; how many items moved.
    fn sync(&mut self, number: usize) -> Result<u64, Fault> {
        self.server.now += 60;
        let entropy = self.entropy();
        let stuck = |device: &Device, reason: String| Fault::Stuck {
            device: device.name.clone(),
            reason,
        };
        self.devices[number].begin(Mode::TwoWay, self.server.now, entropy);
        loop {
            match self.devices[number].step() {
                Moved::Send(url, body) => {
                    let answer = self.post(&url, &body, Crash::No);
                    let device = &mut self.devices[number];
                    let Some(answer) = answer else {
                        return Err(stuck(device, "no answer".into()));
                    };
                    if let Err(reason) = device.receive(&answer) {
                        return Err(stuck(device, reason));
                    }
                }
                Moved::Ended {
                    items,
                    compared_all,
                } => {
                    if compared_all {
                        self.ledger.all_compared();
                    }
                    return Ok(items);
                }
                Moved::Failed(reason) => return Err(stuck(&self.devices[number], reason)),
            }
        }
    }
}
