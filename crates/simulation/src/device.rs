//! A device of a run: the real client over replicas in memory, and its owner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use session::client::{Anchors, Config, MemoryReplica, Mode, Replica as _, Session, Source, Step};
use session::filter::Filter;
use session::server::Scheme;
use session::store::DatastoreKind;
use syncml::{AlertCode, Encoding, Version};

use crate::information::{self, Keeps};
use crate::items::KINDS;
use crate::network::Posted;
use crate::replica::{Frail, Power};
use crate::sabotage::Sabotage;
use crate::server::{PASSWORD, USER};
use crate::wanted;

pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) stores: Vec<Store>,
    pub(crate) power: Arc<Power>,
    session: Option<Session>,
    /// The message that was sent last and got no answer.
    pub(crate) unanswered: Option<Posted>,
    /// The stores of the session that runs, by index, and how they are synced.
    pub(crate) running: Vec<(usize, Mode)>,
    /// It does not say that it can be told the number of changes.
    is_terse: bool,
    sabotage: Option<Sabotage>,
}

/// A datastore of a device.
pub(crate) struct Store {
    pub(crate) kind: DatastoreKind,
    memory: Arc<Mutex<MemoryReplica>>,
    /// A session began and has not ended well: the server may not know what the device got.
    is_unsettled: bool,
    /// It has not room for everything.
    pub(crate) is_small: bool,
    /// It says how much room it has.
    pub(crate) tells_room: bool,
    /// It keeps items in folders.
    pub(crate) has_folders: bool,
    /// It wants some of the records, others in one session than in the next.
    pub(crate) chooses: bool,
    /// Which it wants now.
    pub(crate) filter: Option<Filter>,
    /// What it keeps of the records' properties.
    pub(crate) keeps: Keeps,
}

/// What a session did with a store.
pub(crate) struct Synced {
    /// The index of the store.
    pub(crate) store: usize,
    /// How many items moved.
    pub(crate) moved: u64,
    /// All items were compared.
    pub(crate) is_slow: bool,
    /// Why it was not synced.
    pub(crate) error: Option<String>,
}

/// How a session moved.
pub(crate) enum Moved {
    /// A message is to be posted.
    Send(Posted),
    /// The session ended.
    Ended(Vec<Synced>),
    /// The session broke.
    Failed(String),
}

/// What a device is asked for and can do, as far as its datastores have to know.
#[derive(Clone, Copy)]
struct Traits {
    version: Version,
    may_have_folders: bool,
    may_list: bool,
}

impl Store {
    fn new(kind: DatastoreKind, traits: Traits, rng: &mut Rng) -> Self {
        let is_small = rng.u8(..8) == 0;
        let mut memory = MemoryReplica::default();
        memory.restrict(kind);
        if is_small {
            memory.limit(rng.u64(500..10_000), rng.u64(1..20));
        }
        let chooses = wanted::can_filter(kind) && !is_small && rng.u8(..4) == 0;
        let keeps = Keeps::new(kind, traits.version, rng);
        Self {
            kind,
            chooses,
            filter: None,
            // a filter takes the place of what is listed
            keeps: if traits.may_list && !is_small && !chooses {
                keeps
            } else {
                Keeps::All
            },
            memory: Arc::new(Mutex::new(memory)),
            is_unsettled: false,
            is_small,
            tells_room: rng.bool(),
            has_folders: traits.may_have_folders && kind.is_hierarchical() && rng.u8(..4) > 0,
        }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, MemoryReplica> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// LUIDs and contents.
    pub(crate) fn items(&self) -> Vec<(String, String)> {
        let memory = self.memory();
        memory
            .items()
            .map(|(luid, content)| {
                (
                    luid.to_owned(),
                    String::from_utf8_lossy(content).into_owned(),
                )
            })
            .collect()
    }

    /// Contents by LUID, each with the LUID of its folder.
    pub(crate) fn tree(&self) -> BTreeMap<String, (String, Option<String>)> {
        let memory = self.memory();
        let placed = memory.items().map(|(luid, content)| {
            let content = String::from_utf8_lossy(content).into_owned();
            let parent = memory.parent_of(luid).map(str::to_owned);
            (luid.to_owned(), (content, parent))
        });
        placed.collect()
    }

    /// Contents, in order.
    pub(crate) fn contents(&self) -> Vec<String> {
        let mut contents: Vec<String> = self.items().into_iter().map(|(_, text)| text).collect();
        contents.sort();
        contents
    }

    pub(crate) fn anchors(&self) -> Anchors {
        self.memory().anchors().unwrap_or_default()
    }

    /// Whether a deletion of what is held here holds everywhere that nobody changes it: the server
    /// knows what the device has, and will not compare all items.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_in_step() && !self.is_unsettled
    }

    /// Whether a session has completed, and none runs that compares all items.
    pub(crate) fn is_in_step(&self) -> bool {
        !self.anchors().client.is_empty()
    }
}

impl Device {
    pub(crate) fn new(
        number: usize,
        rng: &mut Rng,
        takes_large: bool,
        scheme: Scheme,
        sabotage: Option<Sabotage>,
    ) -> Self {
        let version = Version::ALL[rng.usize(usize::from(takes_large)..3)];
        let encoding = if rng.bool() {
            Encoding::Xml
        } else {
            Encoding::Wbxml
        };
        let name = format!("device-{number}");
        let wanted = rng.usize(1..1 << KINDS.len());
        let max_msg_size = [2000, 3000, 10_000, 100_000][rng.usize(..4)];
        // whether the server knows folders it says in its device information, which has to fit
        let traits = Traits {
            version,
            may_have_folders: version >= Version::V1_2 && max_msg_size >= 10_000,
            may_list: may_rewrite(scheme),
        };
        let stores = KINDS.into_iter().enumerate();
        let stores = stores
            .filter(|(place, _)| wanted & (1 << place) != 0)
            .map(|(_, kind)| Store::new(kind, traits, rng))
            .collect();
        Self {
            config: Config {
                url: "http://server/syncml".into(),
                user: USER.into(),
                password: PASSWORD.into(),
                device_id: name.clone(),
                version,
                encoding,
                max_msg_size,
                max_obj_size: 32 << 20,
                resume: true,
                one_package: rng.u8(..4) == 0,
                // an address that everybody can read is given no password otherwise
                basic_first: rng.bool() || scheme == Scheme::Basic,
                software_version: "1".into(),
            },
            name,
            stores,
            power: Arc::default(),
            session: None,
            unanswered: None,
            running: Vec::new(),
            is_terse: rng.bool() && may_rewrite(scheme),
            sabotage,
        }
    }

    pub(crate) fn is_syncing(&self) -> bool {
        self.session.is_some()
    }

    /// Begins a session over these stores, given by index.
    pub(crate) fn begin(&mut self, stores: Vec<(usize, Mode)>, now: i64, entropy: [u8; 8]) {
        let source = |(index, mode): &(usize, Mode)| {
            let store = self.stores.get(*index)?;
            let name = store.kind.name();
            Some(Source {
                name: name.into(),
                local_uri: local_uri(store.kind),
                remote_uri: name.into(),
                kind: store.kind,
                mode: *mode,
                filter: store.filter.clone(),
                replica: Box::new(Frail {
                    memory: Arc::clone(&store.memory),
                    power: Arc::clone(&self.power),
                    sabotage: self.sabotage,
                    tells_room: store.tells_room,
                    has_folders: store.has_folders,
                }),
            })
        };
        let sources = stores.iter().filter_map(source).collect();
        for (index, _) in &stores {
            if let Some(store) = self.stores.get_mut(*index) {
                store.is_unsettled = true;
            }
        }
        self.session = Session::new(self.config.clone(), sources, now, entropy).ok();
        self.running = stores;
        self.unanswered = None;
    }

    /// The session is given up: the line broke.
    pub(crate) fn hang_up(&mut self) {
        self.session = None;
        self.unanswered = None;
        self.running.clear();
    }

    /// The session ends with the next message, to be gone on with.
    pub(crate) fn suspend(&mut self) {
        if let Some(session) = &mut self.session {
            session.suspend();
        }
    }

    /// The device loses power, and is switched on again.
    pub(crate) fn crash(&mut self) {
        self.hang_up();
        self.power.restore();
        for store in &self.stores {
            store.memory().crash();
        }
    }

    /// Whether the power failed as it was planned; the device is on again then.
    fn went_down(&mut self) -> bool {
        let failed = self.power.restore();
        if failed {
            self.crash();
        }
        failed
    }

    /// The next message, or the end.
    pub(crate) fn step(&mut self) -> Moved {
        let Some(session) = &mut self.session else {
            return Moved::Failed("no session".into());
        };
        let step = session.step();
        if self.went_down() {
            return Moved::Failed("power lost".into());
        }
        match step {
            Ok(Step::Send { url, body, mac, .. }) => {
                let body = self.informing(body);
                let posted = Posted { url, body, mac };
                self.unanswered = Some(posted.clone());
                Moved::Send(posted)
            }
            Ok(Step::Done(summary)) => {
                let running = std::mem::take(&mut self.running).into_iter();
                self.session = None;
                self.unanswered = None;
                let stores = &mut self.stores;
                let is_suspended = summary.suspended;
                let synced = running.zip(summary.sources).map(|((store, mode), source)| {
                    let mut is_small = false;
                    if let Some(store) = stores.get_mut(store) {
                        is_small = store.is_small;
                        // what the server has sent is confirmed only where it sends, and it keeps
                        // what a client that chooses may lack
                        let is_told = mode != Mode::FromClient
                            && !(mode == Mode::RefreshFromClient && store.chooses);
                        store.is_unsettled = is_suspended || source.error.is_some() || !is_told;
                    }
                    let is_slow = source.alert == AlertCode::SLOW.0;
                    // a comparison sends everything
                    let sent = if is_slow { 0 } else { source.sent.total() };
                    // one that is full gets item after item, a few in each session
                    let received = if is_small { 0 } else { source.received.total() };
                    Synced {
                        store,
                        moved: received + sent,
                        is_slow,
                        error: match source.error {
                            None if is_suspended => Some("suspended".to_owned()),
                            error => error,
                        },
                    }
                });
                Moved::Ended(synced.collect())
            }
            Err(error) => {
                self.hang_up();
                Moved::Failed(error.to_string())
            }
        }
    }

    /// The message with what this device says of itself.
    fn informing(&self, body: Vec<u8>) -> Vec<u8> {
        let lists = self.stores.iter().any(|store| store.keeps != Keeps::All);
        if !lists && !self.is_terse {
            return body;
        }
        let with_changes = information::rewritten(&body, |devinf| {
            devinf.number_of_changes &= !self.is_terse;
            for store in &self.stores {
                let uri = local_uri(store.kind);
                information::describe(devinf, &uri, store.kind, store.keeps);
            }
        });
        with_changes.unwrap_or(body)
    }

    /// The answer to the message that was sent last; the reason when it ends the session.
    pub(crate) fn receive(&mut self, body: &[u8]) -> Result<(), String> {
        self.unanswered = None;
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let received = session.receive(body, None);
        if self.went_down() {
            return Err("power lost".into());
        }
        received.map_err(|error| {
            self.hang_up();
            error.to_string()
        })
    }
}

/// Whether a message may be written anew on its way: no proof goes with it that is over its bytes.
const fn may_rewrite(scheme: Scheme) -> bool {
    !matches!(scheme, Scheme::Mac)
}

/// The address of a datastore on the device.
fn local_uri(kind: DatastoreKind) -> String {
    format!("./my-{}", kind.name())
}
