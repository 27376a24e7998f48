//! The server of a run: the real session over the model of the state.

use session::server::{AnswerError, Config, Proof, Request, answer};
use session::store::{AccountId, DatastoreId, DatastoreKind, Guid, StoredItem, Transaction as _};
use store::Memory;
use syncml::{Document, auth};

use crate::network::Posted;
use crate::sabotage::Sabotage;
use crate::transaction::Watched;

pub(crate) const USER: &str = "ann";
pub(crate) const PASSWORD: &str = "secret";

/// One message in so many leaves without its commit under [`Sabotage::LoseCommit`].
const LOST_COMMITS: u64 = 16;

pub(crate) struct Server {
    pub(crate) state: Memory,
    pub(crate) account: AccountId,
    pub(crate) config: Config,
    pub(crate) now: i64,
    pub(crate) sabotage: Option<Sabotage>,
    /// What the server had to say about the last message.
    pub(crate) said: Vec<String>,
}

/// How the server is when a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// It has more to do than it can do now.
    Busy,
    /// It goes down after so many writes, or where there are fewer before the commit.
    FailsAfter(u32),
}

impl Server {
    pub(crate) fn new(config: Config, sabotage: Option<Sabotage>) -> Self {
        let mut state = Memory::default();
        let account = state.add_account(USER, &auth::user_digest(USER, PASSWORD), Some(PASSWORD));
        Self {
            state,
            account,
            config,
            now: 1_795_600_000,
            sabotage,
            said: Vec::new(),
        }
    }

    /// The datastore of a kind.
    pub(crate) fn datastore(&self, kind: DatastoreKind) -> DatastoreId {
        let place = DatastoreKind::ALL.into_iter().position(|one| one == kind);
        DatastoreId {
            account: self.account,
            number: place.map_or(0, |place| place as i64 + 1),
        }
    }

    /// The live items of a kind.
    pub(crate) fn items(&self, kind: DatastoreKind) -> Vec<StoredItem> {
        self.state.items(self.datastore(kind))
    }

    /// The contents of a kind's live items, in order.
    pub(crate) fn contents(&self, kind: DatastoreKind) -> Vec<String> {
        let items = self.items(kind).into_iter();
        let mut contents: Vec<String> = items
            .map(|item| String::from_utf8_lossy(&item.content).into_owned())
            .collect();
        contents.sort();
        contents
    }

    /// What was replaced, deleted or overruled in a kind's datastore.
    pub(crate) fn history(&mut self, kind: DatastoreKind) -> Vec<String> {
        let datastore = self.datastore(kind);
        let mut history = Vec::new();
        for guid in (1..).map(Guid) {
            let Ok(Some(_)) = self.state.item(datastore, guid) else {
                break;
            };
            let former = self.state.history(datastore, guid).into_iter();
            history.extend(former.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        }
        history
    }

    /// One message as one transaction; no answer when the server goes down or refuses the bytes.
    ///
    /// # Errors
    ///
    /// When the state fails although the server does not go down.
    pub(crate) fn post(
        &mut self,
        posted: &Posted,
        entropy: [u8; 32],
        health: Health,
    ) -> Result<Option<Vec<u8>>, String> {
        self.said.clear();
        let body = posted.body.as_slice();
        let Ok(document) = Document::new(body, None) else {
            return Ok(None);
        };
        let hash = fnv(body);
        let request = Request {
            document: &document,
            hash,
            token: posted.token(),
            resp_uri_base: Some("http://server/syncml"),
            peer: None,
            user_agent: None,
            busy: (health == Health::Busy).then_some(body),
            proof: Proof {
                mac: posted.mac.as_deref().map(|mac| (mac, body)),
                verdict: None,
            },
            answer_as: None,
            now: self.now,
            entropy,
        };
        let writes_left = match health {
            Health::FailsAfter(writes) => Some(writes),
            Health::Well | Health::Busy => None,
        };
        let fails = writes_left.is_some();
        let loses_commit =
            self.sabotage == Some(Sabotage::LoseCommit) && hash.is_multiple_of(LOST_COMMITS);
        let before = (fails || loses_commit).then(|| self.state.clone());
        let mut transaction = Watched {
            state: &mut self.state,
            sabotage: self.sabotage,
            writes_left,
        };
        let answered = answer(&mut transaction, &self.config, &request);
        let keeps_half = self.sabotage == Some(Sabotage::KeepHalf) && answered.is_err();
        if let Some(before) = before.filter(|_| !keeps_half) {
            self.state = before;
        }
        match answered {
            _ if fails => Ok(None),
            Ok(answer) => {
                self.said
                    .extend(answer.log.into_iter().map(|event| event.message));
                Ok(Some(answer.body))
            }
            Err(AnswerError::Store(error)) => Err(error.to_string()),
            Err(_) => Ok(None),
        }
    }
}

/// A number that tells bytes apart.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
