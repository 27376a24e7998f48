//! What a node sees of its messages and of its state: the counters of `/metrics`, and the log.
//!
//! Every outcome passes here once, on the thread that has reached it: also that of a message whose
//! sender was told meanwhile to come back. Trouble that lasts is told at its beginning and its end.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use session::server::{Answer, AnswerError, Level};
use session::store::StoreError;

/// The counters and what lasts.
#[derive(Debug, Default)]
pub(super) struct Watch {
    answered: AtomicU64,
    repeated: AtomicU64,
    unreadable: AtomicU64,
    unavailable: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    sessions: AtomicU64,
    refused: AtomicU64,
    /// The state could not be used when it was last tried.
    is_down: AtomicBool,
    /// More messages wait than may.
    is_full: AtomicBool,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Watch {
    /// Counts and logs what has become of a message.
    pub(super) fn see(&self, outcome: Result<&Answer, &AnswerError>) {
        match outcome {
            Ok(answer) => {
                self.can_use_the_state();
                self.see_answer(answer);
            }
            Err(AnswerError::Unreadable(error)) => {
                count(&self.unreadable);
                tracing::warn!(%error, "a message cannot be read");
            }
            Err(AnswerError::Store(error @ StoreError::Damaged { .. })) => {
                count(&self.failed);
                tracing::error!(%error, "a message could not be answered");
            }
            Err(AnswerError::Store(error @ StoreError::Unavailable(_))) => {
                self.cannot_use_the_state(error);
                count(&self.unavailable);
                tracing::warn!(%error, "a message could not be answered now");
            }
            Err(error) => {
                count(&self.unavailable);
                tracing::warn!(%error, "a message could not be answered now");
            }
        }
    }

    fn see_answer(&self, answer: &Answer) {
        if answer.repeated {
            count(&self.repeated);
        } else {
            if answer.msg_id == "1" {
                count(&self.sessions);
            }
            if answer.refused {
                count(&self.refused);
            }
            count(&self.answered);
        }
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

    /// Whether the state could not be used when it was last tried.
    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// The state was used.
    pub(super) fn can_use_the_state(&self) {
        if self.is_down.swap(false, Ordering::Relaxed) {
            tracing::info!("the state can be used again");
        }
    }

    /// The state could not be used.
    pub(super) fn cannot_use_the_state(&self, reason: impl Display) {
        if !self.is_down.swap(true, Ordering::Relaxed) {
            tracing::error!(
                %reason,
                "the state cannot be used; devices are told to come back until it can"
            );
        }
    }

    /// A message was put off since so many wait.
    pub(super) fn is_full(&self, waiting: usize) {
        count(&self.unavailable);
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(waiting, "overloaded; further messages are put off");
        }
    }

    /// There is room for messages.
    pub(super) fn has_room(&self) {
        if self.is_full.load(Ordering::Relaxed) && self.is_full.swap(false, Ordering::Relaxed) {
            tracing::info!("messages are taken again");
        }
    }

    /// The sender of a message was told to come back for its answer.
    pub(super) fn is_late(&self) {
        count(&self.late);
        tracing::warn!("an answer takes too long; the device is told to come back for it");
    }

    /// Lines in Prometheus' text format.
    pub(super) fn metrics(&self) -> String {
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
             syncline_messages_total{{outcome=\"failed\"}} {}\n\
             # HELP syncline_answers_late_total Answers whose devices were told to come back for them.\n\
             # TYPE syncline_answers_late_total counter\n\
             syncline_answers_late_total {}\n",
            value(&self.sessions),
            value(&self.refused),
            value(&self.answered),
            value(&self.repeated),
            value(&self.unreadable),
            value(&self.unavailable),
            value(&self.failed),
            value(&self.late),
        )
    }
}
