//! A node of the server: takes messages off the transport and answers them from the state.
//!
//! A message is one transaction. The node remembers nothing between messages but its counters and
//! who was refused lately.

mod brake;
mod kept;
mod turns;
mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use session::server::{self, Answer, AnswerError, Proof, Question, Request, Verdict};
use session::store::{AccountId, StoreError};
use store::Store;
use syncml::auth::{self, Credentials};
use syncml::{Document, Header, Limits};
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};
use transports::http::{Exchange, Incoming, Outgoing};

use crate::authority::Authority;
use crate::world;
use brake::Brake;
use kept::Kept;
use turns::{Clue, Turn, Turns, Whose};
use watch::Watch;

/// When a client may come back that found the state unavailable.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How long a client waits for an answer unless told otherwise; the work goes on after that.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// How long the state may take to show that it can be used.
const READY_WITHIN: Duration = Duration::from_secs(5);

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
    /// Whose messages wait for each other, where the state can have only so many in hand.
    turns: Option<Arc<Turns>>,
    /// Messages whose work waits or goes on.
    waiting: Arc<AtomicUsize>,
    /// How long a client waits for an answer.
    answer_within: Duration,
    /// One look at the state at a time: with a database that hangs, looks would take up all threads.
    looking: Arc<Semaphore>,
    watch: Arc<Watch>,
}

/// Messages at work or waiting from which on further ones are put off with status 101.
const BUSY_AT: usize = 256;

/// The same from which on they are put off without a look at the state: to say 101 takes one.
const FULL_AT: usize = 384;

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

/// The same while the state cannot be used: so many try whether it can again.
const FULL_WHILE_DOWN: usize = 8;

/// Why there is no answer.
enum Unanswered {
    /// It failed.
    For(AnswerError),
    /// Too many messages wait.
    Full,
    /// It takes longer than the client may wait.
    Late,
    /// The program is at fault.
    Broken,
}

impl Node {
    /// A node over this state. With `messages`, every message is kept in that folder as readable
    /// XML without credentials and tokens.
    pub(crate) fn new(store: Store, config: server::Config, messages: Option<PathBuf>) -> Self {
        Self {
            // the others are for other accounts
            turns: store.at_once().map(|most| Turns::new(most / 2)),
            store,
            config: Arc::new(config),
            authority: None,
            messages: messages.map(Kept::new),
            brake: Mutex::default(),
            waiting: Arc::default(),
            answer_within: ANSWER_WITHIN,
            looking: Arc::new(Semaphore::new(1)),
            watch: Arc::default(),
        }
    }

    /// Has clients wait so long for an answer, before they are told to come back for it.
    pub(crate) fn answering_within(mut self, time: Option<Duration>) -> Self {
        self.answer_within = time.unwrap_or(self.answer_within);
        self
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
        Moment {
            now,
            entropy,
            deadline,
        }: Moment,
    ) -> Result<Answer, Unanswered> {
        self.has_room_beside(self.waiting.load(Ordering::Relaxed))?;
        let turn = self.turn(&incoming, deadline).await?;
        let token = incoming.token.clone();
        let peer = incoming.peer.to_string();
        let (store, config) = (self.store.clone(), Arc::clone(&self.config));
        let watch = Arc::clone(&self.watch);
        let others = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Waiting(Arc::clone(&self.waiting));
        let is_busy = others >= BUSY_AT;
        self.has_room_beside(others)?;
        if !is_busy {
            self.watch.has_room();
        }
        let job = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            let outcome = store.transact(move |tx| {
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
            });
            if !matches!(outcome, Err(AnswerError::Ask { .. })) {
                watch.see(outcome.as_ref());
            }
            outcome
        });
        // the work goes on where its client does not wait for it, and the answer is kept
        match timeout_at(deadline, job).await {
            Ok(Ok(outcome)) => {
                if let Ok(answer) = &outcome {
                    self.learn(token.as_deref(), answer);
                }
                outcome.map_err(Unanswered::For)
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a message could not be handled");
                Err(Unanswered::Broken)
            }
            Err(_) => {
                self.watch.is_late();
                Err(Unanswered::Late)
            }
        }
    }

    /// Whether a message may wait beside so many others.
    fn has_room_beside(&self, others: usize) -> Result<(), Unanswered> {
        let most = if self.watch.is_down() {
            FULL_WHILE_DOWN
        } else {
            FULL_AT
        };
        if others < most {
            return Ok(());
        }
        self.watch.is_full(others);
        Err(Unanswered::Full)
    }

    /// Waits until a message may be taken in hand.
    async fn turn(
        &self,
        incoming: &Incoming,
        deadline: tokio::time::Instant,
    ) -> Result<Option<Turn>, Unanswered> {
        let Some(turns) = &self.turns else {
            return Ok(None);
        };
        let token = incoming.token.as_deref();
        let known = token.and_then(|token| turns.find(Clue::Token(token)));
        let whose = known.unwrap_or_else(|| told_by(turns, incoming));
        let turn = timeout_at(deadline, turns.wait(whose)).await;
        turn.map(Some).map_err(|_| {
            self.watch.is_late();
            Unanswered::Late
        })
    }

    fn learn(&self, token: Option<&str>, answer: &Answer) {
        if let (Some(turns), Some(account)) = (&self.turns, &answer.account) {
            turns.learn(Clue::Device(&answer.device), account);
            if let Some(token) = token {
                turns.learn(Clue::Token(token), account);
            }
        }
    }

    /// Keeps a message and its answer, named by session and message.
    fn keep(&self, body: &[u8], outcome: &Result<Answer, Unanswered>, now: i64) {
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
            Err(Unanswered::For(AnswerError::Unreadable(_))) => {
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

/// When a message came, what it may take of chance, and until when its sender waits.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: i64,
    entropy: [u8; 32],
    deadline: tokio::time::Instant,
}

/// Bytes of a message at most that is read to see whose it is: one that begins a session is short.
const MAX_FIRST: usize = 64 << 10;

/// Whose a message is by what it says itself: the name that logs in, or the account that its device had
/// last, or the name beside the device's address, which on many is that of their model.
fn told_by(turns: &Turns, incoming: &Incoming) -> Whose {
    told_in(turns, incoming).unwrap_or_else(|| {
        let token = incoming.token.as_deref();
        token.map_or(Whose::UNKNOWN, Whose::session)
    })
}

fn told_in(turns: &Turns, incoming: &Incoming) -> Option<Whose> {
    if incoming.body.len() > MAX_FIRST {
        return None;
    }
    let document = Document::new(&incoming.body, incoming.charset.as_deref()).ok()?;
    let message = document.read(&Limits::default()).ok()?;
    let header = &message.header;
    let of_device = || turns.find(Clue::Device(&header.source.uri));
    let named = name_in(header);
    let named = named.as_deref().map(Whose::account);
    if header.cred.is_some() {
        named.or_else(of_device)
    } else {
        of_device().or(named)
    }
}

/// The account that a message tried to log in to.
fn name_tried(body: &[u8], charset: Option<&str>) -> Option<String> {
    let document = Document::new(body, charset).ok()?;
    let message = document.read(&Limits::default()).ok()?;
    name_in(&message.header)
}

/// The account that a header names.
fn name_in(header: &Header<'_>) -> Option<String> {
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
        let moment = Moment {
            now,
            entropy,
            deadline: tokio::time::Instant::now() + self.answer_within,
        };
        let mut outcome = self.answer(incoming.clone(), None, moment).await;
        if let Err(Unanswered::For(asking @ AnswerError::Ask { question })) = &outcome {
            match timeout_at(moment.deadline, self.judge(question)).await {
                Ok(Some(judged)) => {
                    outcome = self.answer(incoming, Some(judged), moment).await;
                }
                Ok(None) => self.watch.see(Err(asking)),
                Err(_) => {
                    self.watch.is_late();
                    outcome = Err(Unanswered::Late);
                }
            }
        }
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
        let (store, looking) = (self.store.clone(), Arc::clone(&self.looking));
        let look = async move {
            let place = looking.acquire_owned().await.ok()?;
            let ping = move || {
                let _place = place;
                store.ping()
            };
            tokio::task::spawn_blocking(ping).await.ok()
        };
        match timeout(READY_WITHIN, look).await {
            Ok(Some(Ok(()))) => {
                self.watch.can_use_the_state();
                true
            }
            Ok(Some(Err(store::Error::Busy(_))) | None) => false,
            Ok(Some(Err(error))) => {
                self.watch.cannot_use_the_state(error);
                false
            }
            // another process may hold a file for longer than this, which is no outage
            Err(_) if self.turns.is_none() => false,
            Err(_) => {
                self.watch.cannot_use_the_state("it does not answer");
                false
            }
        }
    }

    fn metrics(&self) -> String {
        self.watch.metrics()
    }
}

/// What the transport has to send.
fn outgoing(outcome: Result<Answer, Unanswered>) -> Outgoing {
    match outcome {
        Ok(answer) => Outgoing::Message {
            encoding: answer.encoding,
            body: answer.body,
            mac: answer.mac,
        },
        Err(Unanswered::For(AnswerError::Unreadable(error))) => Outgoing::Unreadable {
            reason: format!("the message cannot be read: {error}"),
        },
        Err(
            Unanswered::For(AnswerError::Store(StoreError::Damaged { .. })) | Unanswered::Broken,
        ) => Outgoing::Failed,
        Err(Unanswered::For(_) | Unanswered::Full | Unanswered::Late) => Outgoing::Unavailable {
            retry_after: RETRY_AFTER,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::Ipv4Addr;
    use std::path::Path;

    use super::*;

    /// The first message of a session of device `d` and the person `bob`.
    fn first_message(cred: &str) -> String {
        message(1, cred)
    }

    fn message(number: u32, cred: &str) -> String {
        format!(
            "<SyncML><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto>\
             <SessionID>1</SessionID><MsgID>{number}</MsgID><Target><LocURI>s</LocURI></Target>\
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

    /// Sends a message to the node; without an address to go on with, the session is known by its number.
    async fn send(node: &Node, body: String, resp_uri_base: Option<&str>) -> Outgoing {
        node.exchange(incoming(body, resp_uri_base)).await
    }

    fn incoming(body: String, resp_uri_base: Option<&str>) -> Incoming {
        Incoming {
            body: body.into(),
            media_type: "application/vnd.syncml+xml".to_owned(),
            charset: None,
            answer_as: None,
            token: None,
            resp_uri_base: resp_uri_base.map(str::to_owned),
            mac: None,
            user_agent: None,
            peer: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Sends a first message, which has to be answered; the time that the answer took.
    async fn exchange(node: &Node, cred: &str) -> Duration {
        let began = Instant::now();
        let outgoing = send(node, first_message(cred), Some("http://h/syncml")).await;
        assert!(matches!(outgoing, Outgoing::Message { .. }), "{outgoing:?}");
        began.elapsed()
    }

    #[test]
    fn whose_a_message_is_shows_in_it_or_by_its_device() {
        let turns = Turns::new(1);
        turns.learn(Clue::Device("d"), "carol");
        let known = |number, cred: &str, device: &str| {
            message(number, cred).replace("<LocURI>d<", &format!("<LocURI>{device}<"))
        };
        let long = known(1, "", "d").replace("<Final/>", &" ".repeat(MAX_FIRST));
        for (what, body, token, whose) in [
            (
                "name",
                known(1, &cred(GOOD), "d"),
                None,
                Whose::account("ada"),
            ),
            ("device", known(2, "", "d"), None, Whose::account("carol")),
            ("LocName", known(1, "", "new"), None, Whose::account("bob")),
            ("nothing", "<SyncML>".to_owned(), None, Whose::UNKNOWN),
            ("long", long.clone(), None, Whose::UNKNOWN),
            ("long", long, Some("t"), Whose::session("t")),
        ] {
            let incoming = Incoming {
                token: token.map(str::to_owned),
                ..incoming(body, None)
            };
            assert_eq!(told_by(&turns, &incoming), whose, "{what}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_file_that_is_locked_for_a_while_is_no_outage() {
        let folder = tempfile::tempdir().unwrap();
        let node = node(folder.path(), None);
        let other = rusqlite::Connection::open(folder.path().join("syncline.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(!node.ready().await);
        assert!(!node.watch.is_down());
        other.execute_batch("ROLLBACK").unwrap();
        assert!(node.ready().await);
    }

    // spec: K01
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn an_overloaded_node_puts_messages_off() {
        let folder = tempfile::tempdir().unwrap();
        let node = node(folder.path(), None);
        let is_put_off = |outgoing: Outgoing| {
            let Outgoing::Message { body, .. } = outgoing else {
                panic!("{outgoing:?}");
            };
            String::from_utf8(body)
                .unwrap()
                .contains("<Data>101</Data>")
        };
        for (waiting, number, expected) in
            [(0, 1, false), (BUSY_AT - 1, 2, false), (BUSY_AT, 3, true)]
        {
            node.waiting.store(waiting, Ordering::Relaxed);
            let outgoing = send(&node, message(number, &cred(GOOD)), None).await;
            assert_eq!(is_put_off(outgoing), expected, "{waiting}");
        }
        node.waiting.store(FULL_AT, Ordering::Relaxed);
        let full = send(&node, message(4, &cred(GOOD)), None).await;
        assert!(matches!(full, Outgoing::Unavailable { .. }), "{full:?}");
        // behind a state that cannot be used nobody waits but a few who try it
        node.watch.cannot_use_the_state("for a test");
        for (waiting, is_answered) in [(FULL_WHILE_DOWN, false), (FULL_WHILE_DOWN - 1, true)] {
            node.waiting.store(waiting, Ordering::Relaxed);
            let outgoing = send(&node, message(4, &cred(GOOD)), None).await;
            let answered = matches!(outgoing, Outgoing::Message { .. });
            assert_eq!(answered, is_answered, "{waiting}");
        }
        assert!(!node.watch.is_down(), "it can be used after all");
        node.waiting.store(FULL_AT, Ordering::Relaxed);
        send(&node, message(5, &cred(GOOD)), None).await;
        let waiting = node.waiting.load(Ordering::Relaxed);
        assert_eq!(waiting, FULL_AT, "each gives its place back");
        let line = "{outcome=\"unavailable\"} 3\n";
        assert!(node.metrics().contains(line), "{}", node.metrics());
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
