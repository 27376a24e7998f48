//! A device: our client over a replica in memory, and its person.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session::client::{
    Anchors, Config, MemoryReplica, Mode, Replica as _, Session, Source, Step, Summary,
};
use session::store::DatastoreKind;
use syncml::transcode::to_xml;
use syncml::{AlertCode, Encoding, Version};
use transports::http::{Client, Options as ClientOptions};

use crate::ledger::{self, Ledger};
use crate::{Error, Options};

/// The password of all accounts.
pub(crate) const PASSWORD: &str = "not a secret";

/// The media type of contacts.
const CONTACT: &str = "text/vcard";

/// What a person does while no session ends well, at most.
const PENDING: u32 = 10;

/// Contacts that a person is content with.
const MANY: usize = 25;

/// Below this a person deletes nothing.
const FEW: usize = 5;

/// One device of an account.
pub(crate) struct Device {
    pub(crate) number: usize,
    /// The index of its account.
    pub(crate) account: usize,
    config: Config,
    client: Client,
    random: fastrand::Rng,
    replica: Arc<Mutex<MemoryReplica>>,
    ledger: Arc<Mutex<Ledger>>,
    /// Where its messages are kept.
    messages: Option<PathBuf>,
    /// Contacts, and versions of contacts, that this device has made.
    made: u32,
    /// Edits since the last session that ended well.
    pending: u32,
    /// Some session has ended well.
    is_known: bool,
    /// Sessions after that in which all items were compared.
    pub(crate) comparisons: u64,
}

/// The name of an account.
pub(crate) fn account_name(account: usize) -> String {
    format!("chaos-{account}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// A device that has never synced, one of several kinds by its number.
    pub(crate) fn new(
        number: usize,
        (account, ledger): (usize, &Arc<Mutex<Ledger>>),
        (options, url): (&Options, &str),
    ) -> Result<Self, Error> {
        let (version, encoding) = match number % 4 {
            0 => (Version::V1_2, Encoding::Wbxml),
            1 => (Version::V1_2, Encoding::Xml),
            2 => (Version::V1_1, Encoding::Wbxml),
            _ => (Version::V1_0, Encoding::Xml),
        };
        let client = Client::new(ClientOptions {
            // what the balancer tells devices apart by
            user_agent: format!("chaos-{number}"),
            read_timeout: Duration::from_mins(1),
            pauses: vec![Duration::from_millis(100), Duration::from_millis(500)],
            ..ClientOptions::default()
        });
        Ok(Self {
            number,
            account,
            config: Config {
                url: url.to_owned(),
                user: account_name(account),
                password: PASSWORD.to_owned(),
                device_id: format!("chaos-{number}"),
                version,
                encoding,
                // small, so that sessions have several messages to lose
                max_msg_size: 4_000,
                max_obj_size: 1 << 20,
                resume: !number.is_multiple_of(3),
                one_package: false,
                basic_first: false,
                software_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            client: client.map_err(|error| Error::Device(error.to_string()))?,
            random: fastrand::Rng::with_seed(options.seed.wrapping_mul(1_000_003) ^ number as u64),
            replica: Arc::default(),
            ledger: Arc::clone(ledger),
            messages: options
                .messages
                .as_ref()
                .map(|folder| folder.join(format!("device-{number}.txt"))),
            made: 0,
            pending: 0,
            is_known: false,
            comparisons: 0,
        })
    }

    /// What it holds.
    pub(crate) fn contents(&self) -> Vec<Vec<u8>> {
        let replica = lock(&self.replica);
        let items = replica.items();
        items.map(|(_, content)| content.to_vec()).collect()
    }

    /// What its person does between two sessions.
    pub(crate) fn edit(&mut self) {
        for _ in 0..self.random.u32(0..=3) {
            if self.pending < PENDING {
                self.pending += 1;
                self.edit_once();
            }
        }
    }

    fn edit_once(&mut self) {
        let mut replica = lock(&self.replica);
        let mut ledger = lock(&self.ledger);
        let luids: Vec<String> = replica.items().map(|(luid, _)| luid.to_owned()).collect();
        let kind = self.random.u32(0..10);
        let one = self.random.choice(&luids);
        self.made += 1;
        let version = format!("v{}-{}", self.number, self.made);
        match one {
            Some(luid) if kind < 5 || (kind < 8 && luids.len() >= MANY) => {
                let before = content_of(&replica, luid);
                replica.edit(luid, &ledger::card(&ledger::name_of(&before), &version));
                ledger.edited(self.number, &before, &version);
            }
            Some(luid) if kind >= 8 && luids.len() > FEW => {
                let before = content_of(&replica, luid);
                replica.remove(luid);
                ledger.deleted(self.number, &before);
            }
            _ => {
                let name = format!("d{}-{}", self.number, self.made);
                replica.insert(CONTACT, &ledger::card(&name, &version));
                ledger.added(self.number, &name, &version);
            }
        }
    }

    /// A two-way sync; how many changes went either way.
    ///
    /// # Errors
    ///
    /// Why it failed, in words without addresses.
    pub(crate) async fn sync(&mut self) -> Result<u64, String> {
        self.note_comparison();
        let held = self.contents();
        let outcome = self.talk().await;
        match outcome.and_then(|summary| judge(&summary)) {
            Ok((alert, changes)) => {
                if AlertCode(alert) == AlertCode::SLOW {
                    // the server may have asked for it
                    self.comparisons += u64::from(self.is_known);
                    let held = held.iter().map(Vec::as_slice);
                    lock(&self.ledger).compared(self.number, held);
                }
                lock(&self.ledger).told(self.number);
                self.is_known = true;
                self.pending = 0;
                Ok(changes)
            }
            Err(reason) => {
                self.note_comparison();
                // of the broken sessions some end because the device itself has lost power
                if self.random.u32(0..4) == 0 {
                    lock(&self.replica).crash();
                }
                Err(reason)
            }
        }
    }

    /// Tells the ledger what the device holds when it has nothing to tell changes by.
    fn note_comparison(&self) {
        let mut replica = lock(&self.replica);
        let anchors = replica.anchors();
        if anchors.is_ok_and(|anchors| anchors == Anchors::default()) {
            let held = replica.items().map(|(_, content)| content);
            lock(&self.ledger).compared(self.number, held);
        }
    }

    async fn talk(&mut self) -> Result<Summary, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(|error| error.to_string())?.as_secs() as i64;
        let source = Source {
            name: "contacts".to_owned(),
            local_uri: "./contacts".to_owned(),
            remote_uri: "contacts".to_owned(),
            kind: DatastoreKind::Contacts,
            mode: Mode::TwoWay,
            filter: None,
            replica: Box::new(Arc::clone(&self.replica)),
        };
        let entropy = self.random.u64(..).to_be_bytes();
        let mut session = Session::new(self.config.clone(), vec![source], now, entropy)
            .map_err(|error| error.to_string())?;
        loop {
            match session.step().map_err(|error| error.to_string())? {
                Step::Done(summary) => return Ok(summary),
                Step::Send {
                    url,
                    body,
                    encoding,
                    mac,
                    wait_seconds,
                } => {
                    tokio::time::sleep(Duration::from_secs(wait_seconds)).await;
                    self.keep_message("says", &body)?;
                    let media_type = encoding.media_type();
                    let posted = self
                        .client
                        .post_with(&url, media_type, body.into(), mac.as_deref())
                        .await;
                    // addresses carry the tokens of sessions: all would be different texts
                    let answer =
                        posted.map_err(|error| error.to_string().replace(&url, "the server"));
                    if let Err(reason) = &answer {
                        self.keep_message("fails", reason.as_bytes())?;
                    }
                    let answer = answer?;
                    self.keep_message("hears", &answer.body)?;
                    session
                        .receive(&answer.body, answer.charset.as_deref())
                        .map_err(|error| error.to_string())?;
                }
            }
        }
    }

    /// Writes a message down, if that is wished for.
    fn keep_message(&self, what: &str, bytes: &[u8]) -> Result<(), String> {
        let Some(path) = &self.messages else {
            return Ok(());
        };
        let text = to_xml(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "== device {} {what}\n{text}", self.number))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// A contact that is there.
fn content_of(replica: &MemoryReplica, luid: &str) -> Vec<u8> {
    let found = replica.items().find(|(other, _)| *other == luid);
    found.map_or_else(Vec::new, |(_, content)| content.to_vec())
}

/// The alert code and the number of changes of a session in which nothing has failed.
fn judge(summary: &Summary) -> Result<(u16, u64), String> {
    match summary.sources.as_slice() {
        [source] if source.error.is_some() => Err(source.error.clone().unwrap_or_default()),
        [source] if !source.failed.is_empty() => Err(source.failed[0].reason.clone()),
        [source] => {
            let sent = source.sent.total() + source.compared;
            Ok((source.alert, sent + source.received.total()))
        }
        _ => Err("the session has no datastore".to_owned()),
    }
}
