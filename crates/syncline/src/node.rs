//! A node of the server: takes messages off the transport and answers them from the state.
//!
//! A message is one transaction. The node remembers nothing between messages but its counters.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session::server::{self, Answer, AnswerError, Level, Request};
use session::store::StoreError;
use store::Sqlite;
use syncml::{Document, Limits};
use transports::http::{Exchange, Incoming, Outgoing};

use crate::world;

/// When a client may come back that found the state unavailable.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Answers messages from a state.
#[derive(Debug)]
pub(crate) struct Node {
    store: Sqlite,
    config: Arc<server::Config>,
    /// Where readable messages are kept.
    messages: Option<PathBuf>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    answered: AtomicU64,
    repeated: AtomicU64,
    unreadable: AtomicU64,
    unavailable: AtomicU64,
    failed: AtomicU64,
    sessions: AtomicU64,
}

impl Node {
    /// A node over this state. With `messages`, every message is kept in that folder as readable
    /// XML without credentials.
    pub(crate) fn new(store: Sqlite, config: server::Config, messages: Option<PathBuf>) -> Self {
        Self {
            store,
            config: Arc::new(config),
            messages,
            counters: Counters::default(),
        }
    }

    fn count(&self, outcome: &Result<(String, Answer), AnswerError>) {
        let counters = &self.counters;
        let counter = match outcome {
            Ok((_, answer)) if answer.repeated => &counters.repeated,
            Ok((msg_id, _)) => {
                if msg_id == "1" {
                    counters.sessions.fetch_add(1, Ordering::Relaxed);
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
    fn keep(&self, body: &[u8], outcome: &Result<(String, Answer), AnswerError>, now: i64) {
        let Some(folder) = &self.messages else {
            return;
        };
        let mut files = Vec::new();
        match outcome {
            Ok((msg_id, answer)) => {
                let session = file_part(&answer.session);
                let number = msg_id.parse::<u64>().unwrap_or(0);
                files.push((format!("{session}-{number:03}-in.xml"), body));
                files.push((
                    format!("{session}-{number:03}-out.xml"),
                    answer.body.as_slice(),
                ));
            }
            Err(AnswerError::Unreadable(_)) => {
                files.push((format!("unreadable-{now}-in.xml"), body));
            }
            Err(_) => {}
        }
        for (name, document) in files {
            let path = folder.join(name);
            if let Err(error) = std::fs::write(&path, syncml::transcode::redacted_xml(document)) {
                tracing::warn!(path = %path.display(), %error, "a message could not be kept");
            }
        }
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
        let body = incoming.body.clone();
        let (store, config) = (self.store.clone(), Arc::clone(&self.config));
        let job = tokio::task::spawn_blocking(move || {
            store.transact(move |tx| {
                let document = Document::new(&incoming.body, incoming.charset.as_deref())
                    .map_err(AnswerError::Unreadable)?;
                let request = Request {
                    document: &document,
                    hash: fnv(&incoming.body),
                    token: incoming.token.as_deref(),
                    resp_uri_base: incoming.resp_uri_base.as_deref(),
                    now,
                    entropy,
                };
                let answer = server::answer(tx, &config, &request)?;
                let msg_id = document
                    .messages(&Limits::default())
                    .map(|message| message.header().msg_id.trim().to_owned())
                    .unwrap_or_default();
                Ok::<_, AnswerError>((msg_id, answer))
            })
        });
        let outcome = match job.await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a message could not be handled");
                return Outgoing::Failed;
            }
        };
        self.count(&outcome);
        if self.messages.is_some() {
            // a slow disk for diagnosis must not hold up other connections
            tokio::task::block_in_place(|| self.keep(&body, &outcome, now));
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
             # HELP syncline_messages_total Messages, by what became of them.\n\
             # TYPE syncline_messages_total counter\n\
             syncline_messages_total{{outcome=\"answered\"}} {}\n\
             syncline_messages_total{{outcome=\"repeated\"}} {}\n\
             syncline_messages_total{{outcome=\"unreadable\"}} {}\n\
             syncline_messages_total{{outcome=\"unavailable\"}} {}\n\
             syncline_messages_total{{outcome=\"failed\"}} {}\n",
            value(&counters.sessions),
            value(&counters.answered),
            value(&counters.repeated),
            value(&counters.unreadable),
            value(&counters.unavailable),
            value(&counters.failed),
        )
    }
}

/// Logs what happened and says what the transport has to send.
fn outgoing(outcome: Result<(String, Answer), AnswerError>) -> Outgoing {
    match outcome {
        Ok((msg_id, answer)) => {
            log(&msg_id, &answer);
            Outgoing::Message {
                encoding: answer.encoding,
                body: answer.body,
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

fn log(msg_id: &str, answer: &Answer) {
    let account = answer.account.as_deref().unwrap_or("-");
    let span = tracing::info_span!(
        "message",
        session = answer.session,
        device = answer.device,
        account,
        msg = msg_id
    );
    span.in_scope(|| {
        for event in &answer.log {
            match event.level {
                Level::Warn => tracing::warn!("{}", event.message),
                Level::Info => tracing::info!("{}", event.message),
                Level::Debug => tracing::debug!("{}", event.message),
            }
        }
        tracing::debug!(bytes = answer.body.len(), "answered");
    });
}

/// FNV-1a of 64 bits: tells a repeated message from another one.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn file_names_hold_no_path() {
        assert_eq!(file_part("../a/b"), "ab");
        assert_eq!(file_part("//"), "unknown");
    }
}
