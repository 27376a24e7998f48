//! A device of a run: the real client over a replica in memory, and its owner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use session::client::{Config, MemoryReplica, Mode, Session, Source, Step};
use session::store::DatastoreKind;
use syncml::{Encoding, Version};

use crate::server::{PASSWORD, USER};

pub(crate) struct Device {
    pub(crate) name: String,
    config: Config,
    contacts: Arc<Mutex<MemoryReplica>>,
    session: Option<Session>,
    /// The message that was sent last and got no answer.
    pub(crate) unanswered: Option<(String, Vec<u8>)>,
    /// The mode of the session that runs.
    mode: Mode,
}

/// How a session moved.
pub(crate) enum Moved {
    /// A message is to be posted.
    Send(String, Vec<u8>),
    /// The session ended well; how many items moved, and whether all were compared.
    Ended { items: u64, compared_all: bool },
    /// The session ended badly.
    Failed(String),
}

impl Device {
    pub(crate) fn new(number: usize, rng: &mut Rng) -> Self {
        let version = Version::ALL[rng.usize(..3)];
        let encoding = if rng.bool() {
            Encoding::Xml
        } else {
            Encoding::Wbxml
        };
        let name = format!("device-{number}");
        Self {
            config: Config {
                url: "http://server/syncml".into(),
                user: USER.into(),
                password: PASSWORD.into(),
                device_id: name.clone(),
                version,
                encoding,
                max_msg_size: [1500, 2500, 10_000, 100_000][rng.usize(..4)],
                max_obj_size: 32 << 20,
                resume: true,
                one_package: false,
                basic_first: rng.bool(),
                software_version: "1".into(),
            },
            name,
            contacts: Arc::default(),
            session: None,
            unanswered: None,
            mode: Mode::TwoWay,
        }
    }

    pub(crate) fn contacts(&self) -> MutexGuard<'_, MemoryReplica> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// LUIDs and contents.
    pub(crate) fn items(&self) -> Vec<(String, String)> {
        let contacts = self.contacts();
        contacts
            .items()
            .map(|(luid, content)| {
                (
                    luid.to_owned(),
                    String::from_utf8_lossy(content).into_owned(),
                )
            })
            .collect()
    }

    pub(crate) fn contents(&self) -> Vec<String> {
        let mut contents: Vec<String> = self.items().into_iter().map(|(_, text)| text).collect();
        contents.sort();
        contents
    }

    pub(crate) fn is_syncing(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a session has completed, and none runs that compares all items.
    pub(crate) fn is_in_step(&self) -> bool {
        use session::client::Replica as _;
        let anchors = self.contacts().anchors();
        anchors.is_ok_and(|anchors| !anchors.client.is_empty())
    }

    pub(crate) fn begin(&mut self, mode: Mode, now: i64, entropy: [u8; 8]) {
        let source = Source {
            name: "contacts".into(),
            local_uri: "./people".into(),
            remote_uri: "contacts".into(),
            kind: DatastoreKind::Contacts,
            mode,
            replica: Box::new(Arc::clone(&self.contacts)),
        };
        self.mode = mode;
        self.unanswered = None;
        self.session = Session::new(self.config.clone(), vec![source], now, entropy).ok();
    }

    /// The session is given up: the line broke.
    pub(crate) fn hang_up(&mut self) {
        self.session = None;
        self.unanswered = None;
    }

    /// The device loses power.
    pub(crate) fn crash(&mut self) {
        self.hang_up();
        self.contacts().crash();
    }

    /// The next message, or the end.
    pub(crate) fn step(&mut self) -> Moved {
        let Some(session) = &mut self.session else {
            return Moved::Failed("no session".into());
        };
        let step = session.step();
        match step {
            Ok(Step::Send { url, body, .. }) => {
                self.unanswered = Some((url.clone(), body.clone()));
                Moved::Send(url, body)
            }
            Ok(Step::Done(summary)) => {
                self.session = None;
                match summary.sources.first() {
                    Some(source) if source.error.is_none() => Moved::Ended {
                        items: source.received.total()
                            + if source.alert == 201 {
                                0
                            } else {
                                source.sent.total()
                            },
                        compared_all: source.alert == 201,
                    },
                    Some(source) => Moved::Failed(source.error.clone().unwrap_or_default()),
                    None => Moved::Failed("no datastore".into()),
                }
            }
            Err(error) => {
                self.session = None;
                Moved::Failed(error.to_string())
            }
        }
    }

    /// The answer to the message that was sent last; the reason when it ends the session.
    pub(crate) fn receive(&mut self, body: &[u8]) -> Result<(), String> {
        self.unanswered = None;
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.receive(body, None).map_err(|error| {
            self.session = None;
            error.to_string()
        })
    }
}
