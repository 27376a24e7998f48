//! A node of the server: takes messages off the transport and answers them from the state.
//!
//! A message is one transaction. The node remembers nothing between messages but its counters and
//! who was refused lately.

mod brake;
mod kept;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use session::server::{self, Answer, AnswerError, Level, Proof, Question, Request, Verdict};
use session::store::{AccountId, StoreError};
use store::Store;
use syncml::auth::{self, Credentials};
use syncml::{Document, Limits};
use transports::http::{Exchange, Incoming, Outgoing};

use crate::authority::Authority;
use crate::world;
use brake::Brake;
use kept::Kept;

/// When a client may come back that found the state unavailable.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Answers messages from a state.
#[derive(Debug)]
pub(crate) struct Node {
    store: Store,
    config: Arc<server::Config>,
    /// Judges passwords that no account has.
    authority: Option<Arc<dyn Authority>>,
    /// Where readable messages are kept.
    messages: Option<Kept>,
    brake: Mutex<Brake>,
    /// Messages whose work waits or goes on.
    waiting: Arc<AtomicUsize>,
    counters: Counters,
}

/// Messages at work or waiting from which on further ones are put off with status 101.
const BUSY_AT: usize = 256;

/// The place of a message among those at work, whatever becomes of who waits for its answer.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whom a name and password belong to.
#[derive(Debug)]
enum Judged {
    /// The owner of this account.
    Account(String),
    Nobody,
}

#[derive(Debug, Default)]
struct Counters {
    answered: AtomicU64,
    repeated: AtomicU64,
    unreadable: AtomicU64,
    unavailable: AtomicU64,
    failed: AtomicU64,
    sessions: AtomicU64,
    refused: AtomicU64,
}

impl Node {
    /// A node over this state. With `messages`, every message is kept in that folder as readable
    /// XML without credentials and tokens.
    pub(crate) fn new(store: Store, config: server::Config, messages: Option<PathBuf>) -> Self {
        Self {
            store,
            config: Arc::new(config),
            authority: None,
            messages: messages.map(Kept::new),
            brake: Mutex::default(),
            waiting: Arc::default(),
            counters: Counters::default(),
        }
    }

    /// Removes readable messages that were written before.
    pub(crate) fn forget_messages(&self, before: SystemTime) {
        if let Some(kept) = &self.messages {
            kept.forget(before);
        }
    }

    /// Has passwords that no account has judged elsewhere.
    pub(crate) fn with_authority(mut self, authority: Option<Arc<dyn Authority>>) -> Self {
        self.authority = authority;
        self
    }

    /// What the authority says, who gets an account by it; `None` when it cannot say now.
    async fn judge(&self, question: &Question) -> Option<Judged> {
        let authority = self.authority.as_ref()?;
        let judged = authority.judge(&question.user, &question.password).await;
        let name = match judged {
            Ok(Some(name)) => name,
            Ok(None) => return Some(Judged::Nobody),
            Err(error) => {
                tracing::error!(%error, "a login could not be judged");
                return None;
            }
        };
        if authority.makes_accounts() {
            let (store, name) = (self.store.clone(), name.clone());
            let id = AccountId(i64::from_be_bytes(world::random().ok()?) & i64::MAX);
            let secret: String = world::random::<32>()
                .ok()?
                .map(|b| format!("{b:02x}"))
                .concat();
            let made = move || store.ensure_account(id, &name, &secret);
            if let Err(error) = tokio::task::spawn_blocking(made).await.ok()? {
                tracing::error!(%error, "an account could not be made");
                return None;
            }
        }
        Some(Judged::Account(name))
    }

    /// Answers a message in a transaction, with what the authority has said of it.
    async fn answer(
        &self,
        incoming: Incoming,
        judged: Option<Judged>,
        (now, entropy): (i64, [u8; 32]),
    ) -> Option<Result<Answer, AnswerError>> {
        let peer = incoming.peer.to_string();
        let (store, config) = (self.store.clone(), Arc::clone(&self.config));
        let place = Waiting(Arc::clone(&self.waiting));
        let is_busy = place.0.fetch_add(1, Ordering::Relaxed) >= BUSY_AT;
        let job = tokio::task::spawn_blocking(move || {
            let _place = place;
            store.transact(move |tx| {
                let document = Document::new(&incoming.body, incoming.charset.as_deref())
                    .map_err(AnswerError::Unreadable)?;
                let verdict = judged.as_ref().map(|judged| match judged {
                    Judged::Account(account) => Verdict::Vouched { account },
                    Judged::Nobody => Verdict::Unknown,
                });
                let request = Request {
                    document: &document,
                    hash: session::hash(&incoming.body),
                    token: incoming.token.as_deref(),
                    resp_uri_base: incoming.resp_uri_base.as_deref(),
                    peer: Some(&peer),
                    user_agent: incoming.user_agent.as_deref(),
                    busy: is_busy.then_some(&incoming.body[..]),
                    proof: Proof {
                        mac: incoming.mac.as_deref().map(|mac| (mac, &incoming.body[..])),
                        verdict,
                    },
                    answer_as: incoming.answer_as,
                    now,
                    entropy,
                };
                server::answer(tx, &config, &request)
            })
        });
        match job.await {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                tracing::error!(%error, "a message could not be handled");
                None
            }
        }
    }

    fn count(&self, outcome: &Result<Answer, AnswerError>) {
        let counters = &self.counters;
        let counter = match outcome {
            Ok(answer) if answer.repeated => &counters.repeated,
            Ok(answer) => {
                if answer.msg_id == "1" {
                    counters.sessions.fetch_add(1, Ordering::Relaxed);
                }
                if answer.refused {
                    counters.refused.fetch_add(1, Ordering::Relaxed);
                }
                &counters.answered
            }
            Err(AnswerError::Unreadable(_)) => &counters.unreadable,
            Err(AnswerError::Store(StoreError::Damaged { .. })) => &counters.failed,
            Err(_) => &counters.unavailable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a message and its answer, named by session and message.
    fn keep(&self, body: &[u8], outcome: &Result<Answer, AnswerError>, now: i64) {
        let Some(kept) = &self.messages else {
            return;
        };
        match outcome {
            Ok(answer) => {
                let session = file_part(&answer.session);
                let number = answer.msg_id.parse::<u64>().unwrap_or(0);
                kept.keep(&format!("{session}-{number:03}-in.xml"), body);
                kept.keep(&format!("{session}-{number:03}-out.xml"), &answer.body);
            }
            Err(AnswerError::Unreadable(_)) => {
                kept.keep(&format!("unreadable-{now}-in.xml"), body);
            }
            Err(_) => {}
        }
    }

    /// How long the answer to a refused login waits.
    fn slow_down(&self, device: &str, body: &[u8], charset: Option<&str>) -> Duration {
        let mut names = vec![session::hash(format!("device {device}").as_bytes())];
        names.extend(
            name_tried(body, charset).map(|name| session::hash(format!("name {name}").as_bytes())),
        );
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        brake.refuse(&names, Instant::now())
    }
}

/// The account that a message tried to log in to.
fn name_tried(body: &[u8], charset: Option<&str>) -> Option<String> {
    let document = Document::new(body, charset).ok()?;
    let message = document.read(&Limits::default()).ok()?;
    let header = &message.header;
    match header.cred.as_ref().map(auth::credentials) {
        Some(Ok(Credentials::Basic { user, .. })) => Some(user.trim().to_owned()),
        _ => Some(header.source.name.as_deref()?.trim().to_owned()),
    }
}

/// The part of a name that is safe in a file's name.
fn file_part(name: &str) -> String {
    let safe: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if safe.is_empty() {
        "unknown".to_owned()
    } else {
        safe
    }
}

impl Exchange for Node {
    async fn exchange(&self, incoming: Incoming) -> Outgoing {
        let Ok(entropy) = world::random::<32>() else {
            return Outgoing::Failed;
        };
        let now = world::now();
        let (body, charset) = (incoming.body.clone(), incoming.charset.clone());
        let mut outcome = self.answer(incoming.clone(), None, (now, entropy)).await;
        if let Some(Err(AnswerError::Ask { question })) = &outcome
            && let Some(judged) = self.judge(question).await
        {
            outcome = self.answer(incoming, Some(judged), (now, entropy)).await;
        }
        let Some(outcome) = outcome else {
            return Outgoing::Failed;
        };
        self.count(&outcome);
        if self.messages.is_some() {
            // a slow disk for diagnosis must not hold up other connections
            tokio::task::block_in_place(|| self.keep(&body, &outcome, now));
        }
        if let Ok(answer) = &outcome
            && answer.refused
        {
            let wait = self.slow_down(&answer.device, &body, charset.as_deref());
            // the body must not take up memory while its sender waits
            drop(body);
            tokio::time::sleep(wait).await;
        }
        outgoing(outcome)
    }

    async fn ready(&self) -> bool {
        let store = self.store.clone();
        matches!(
            tokio::task::spawn_blocking(move || store.ping()).await,
            Ok(Ok(()))
        )
    }

    fn metrics(&self) -> String {
        let counters = &self.counters;
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "# HELP syncline_sessions_total Sessions begun.\n\
             # TYPE syncline_sessions_total counter\n\
             syncline_sessions_total {}\n\
             # HELP syncline_logins_refused_total Logins refused.\n\
             # TYPE syncline_logins_refused_total counter\n\
             syncline_logins_refused_total {}\n\
             # HELP syncline_messages_total Messages, by what became of them.\n\
             # TYPE syncline_messages_total counter\n\
             syncline_messages_total{{outcome=\"answered\"}} {}\n\
             syncline_messages_total{{outcome=\"repeated\"}} {}\n\
             syncline_messages_total{{outcome=\"unreadable\"}} {}\n\
             syncline_messages_total{{outcome=\"unavailable\"}} {}\n\
             syncline_messages_total{{outcome=\"failed\"}} {}\n",
            value(&counters.sessions),
            value(&counters.refused),
            value(&counters.answered),
            value(&counters.repeated),
            value(&counters.unreadable),
            value(&counters.unavailable),
            value(&counters.failed),
        )
    }
}

/// Logs what happened and says what the transport has to send.
fn outgoing(outcome: Result<Answer, AnswerError>) -> Outgoing {
    match outcome {
        Ok(answer) => {
            log(&answer);
            Outgoing::Message {
                encoding: answer.encoding,
                body: answer.body,
                mac: answer.mac,
            }
        }
        Err(AnswerError::Unreadable(error)) => {
            tracing::warn!(%error, "a message cannot be read");
            Outgoing::Unreadable {
                reason: format!("the message cannot be read: {error}"),
            }
        }
        Err(AnswerError::Store(error @ StoreError::Damaged { .. })) => {
            tracing::error!(%error, "a message could not be answered");
            Outgoing::Failed
        }
        Err(error) => {
            tracing::warn!(%error, "a message could not be answered now");
            Outgoing::Unavailable {
                retry_after: RETRY_AFTER,
            }
        }
    }
}

fn log(answer: &Answer) {
    let account = answer.account.as_deref().unwrap_or("-");
    let span = tracing::info_span!(
        "message",
        session = answer.session,
        device = answer.device,
        account,
        msg = answer.msg_id
    );
    span.in_scope(|| {
        for event in &answer.log {
            match event.level {
                Level::Warn => tracing::warn!("{}", event.message),
                Level::Info => tracing::info!("{}", event.message),
            }
        }
        tracing::debug!(bytes = answer.body.len(), "answered");
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::Ipv4Addr;
    use std::path::Path;

    use super::*;

    /// The first message of a session of device `d` and the person `bob`.
    fn first_message(cred: &str) -> String {
        format!(
            "<SyncML><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto>\
             <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>s</LocURI></Target>\
             <Source><LocURI>d</LocURI><LocName>bob</LocName></Source>{cred}</SyncHdr>\
             <SyncBody><Final/></SyncBody></SyncML>"
        )
    }

    /// Credentials of `syncml:auth-basic`.
    fn cred(data: &str) -> String {
        format!("<Cred><Data>{data}</Data></Cred>")
    }

    /// `ada:secret` in Base64, which logs in.
    const GOOD: &str = "YWRhOnNlY3JldA==";

    /// `ada:a` and so on.
    const WRONG: [&str; 3] = ["YWRhOmE=", "YWRhOmI=", "YWRhOmM="];

    /// A node that knows `ada`.
    fn node(folder: &Path, messages: Option<PathBuf>) -> Node {
        let store = Store::from(store::Sqlite::open(&folder.join("syncline.db")).unwrap());
        let digest = auth::user_digest("ada", "secret");
        store
            .add_account(AccountId(1), "ada", &digest, None)
            .unwrap();
        Node::new(store, server::Config::default(), messages)
    }

    /// Sends a first message to the node and gives the time that the answer took.
    async fn exchange(node: &Node, cred: &str) -> Duration {
        let began = Instant::now();
        let outgoing = node
            .exchange(Incoming {
                body: first_message(cred).into(),
                media_type: "application/vnd.syncml+xml".to_owned(),
                charset: None,
                answer_as: None,
                token: None,
                resp_uri_base: Some("http://h/syncml".to_owned()),
                mac: None,
                user_agent: None,
                peer: Ipv4Addr::LOCALHOST.into(),
            })
            .await;
        assert!(matches!(outgoing, Outgoing::Message { .. }), "{outgoing:?}");
        began.elapsed()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn wrong_guesses_are_counted_and_answered_ever_later() {
        let folder = tempfile::tempdir().unwrap();
        let node = node(folder.path(), None);
        for (earlier, guess) in (0..).zip(WRONG) {
            let time = exchange(&node, &cred(guess)).await;
            assert!(time >= earlier * Duration::from_millis(250), "{time:?}");
        }
        exchange(&node, "").await;
        exchange(&node, &cred(GOOD)).await;
        let metrics = node.metrics();
        let line = "\nsyncline_logins_refused_total 3\n";
        assert!(metrics.contains(line), "{metrics}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn kept_messages_tell_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let messages = folder.path().join("messages");
        std::fs::create_dir(&messages).unwrap();
        let node = node(folder.path(), Some(messages.clone()));
        exchange(&node, &cred(GOOD)).await;
        let mut texts = Vec::new();
        for entry in std::fs::read_dir(messages).unwrap() {
            texts.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        assert_eq!(texts.len(), 2);
        let all = texts.concat();
        assert!(all.contains("http://h/syncml?sid=[redacted]<"), "{all}");
        assert!(!all.contains(GOOD), "{all}");
    }

    #[test]
    fn the_name_tried_is_that_of_the_credentials() {
        let basic = first_message(&cred(GOOD));
        assert_eq!(name_tried(basic.as_bytes(), None).as_deref(), Some("ada"));
        assert_eq!(
            name_tried(first_message("").as_bytes(), None).as_deref(),
            Some("bob")
        );
        assert_eq!(name_tried(b"<SyncML/>", None), None);
    }

    #[test]
    fn file_names_hold_no_path() {
        assert_eq!(file_part("../a/b"), "ab");
        assert_eq!(file_part("//"), "unknown");
    }
}
