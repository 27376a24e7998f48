//! How long things are kept, and the task of a running server that removes what is older.
//!
//! Every hour it walks through the state in short transactions with pauses between them, so that
//! sessions do not wait for it.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use store::{Expiry, Store, Tidied, Tidying};

use crate::config::check_range;
use crate::node::Node;
use crate::report::Outcome;
use crate::world;

/// Section `[keep]`: how many days things are kept; 0 is for ever.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Keep {
    /// Former versions of items.
    history: Option<u64>,
    /// Tombstones of deleted items.
    tombstones: Option<u64>,
    /// Parts of large objects, of devices that have not been heard since.
    unfinished: Option<u64>,
    /// Sessions without messages.
    sessions: Option<u64>,
    /// Readable messages.
    messages: Option<u64>,
}

const HISTORY: u64 = 90;
const TOMBSTONES: u64 = 365;
const UNFINISHED: u64 = 30;
const SESSIONS: u64 = 1;
const MESSAGES: u64 = 30;

/// Days that may be named.
const DAYS: RangeInclusive<u64> = 0..=36_500;

/// Days for which a session may be kept: each of them costs space, and strangers can begin one.
const SESSION_DAYS: RangeInclusive<u64> = 1..=365;

const DAY: i64 = 24 * 3600;

/// How long a session is kept that nobody logged in to, seconds.
const STRANGER_AGE: i64 = 3600;

/// The pause between two steps, in which sessions have the state for themselves.
const PAUSE: Duration = Duration::from_millis(20);

/// The time between the beginnings of two walks.
const INTERVAL: Duration = Duration::from_hours(1);

impl Keep {
    /// Refuses numbers of days that mean nothing.
    pub(crate) fn check(&self, path: &Path) -> Outcome {
        for (key, days, range) in [
            ("history", self.history, DAYS),
            ("tombstones", self.tombstones, DAYS),
            ("unfinished", self.unfinished, DAYS),
            ("sessions", self.sessions, SESSION_DAYS),
            ("messages", self.messages, DAYS),
        ] {
            check_range(path, key, days, &range)?;
        }
        Ok(())
    }

    /// What is old enough to go at a time (seconds since 1970).
    pub(crate) fn expiry(&self, now: i64) -> Expiry {
        let before = |days: Option<u64>, default| {
            let days = days.unwrap_or(default);
            (days > 0).then(|| now - days.cast_signed() * DAY)
        };
        Expiry {
            history: before(self.history, HISTORY),
            tombstones: before(self.tombstones, TOMBSTONES),
            unfinished: before(self.unfinished, UNFINISHED),
        }
    }

    /// Removes sessions that nobody will go on with; how many.
    pub(crate) fn end_sessions(&self, store: &Store, now: i64) -> Result<usize, store::Error> {
        let age = self.sessions.unwrap_or(SESSIONS).cast_signed() * DAY;
        store.expire_sessions(now - age, now - STRANGER_AGE)
    }

    /// Removes readable messages that are old.
    fn end_messages(&self, node: &Node) {
        let days = self.messages.unwrap_or(MESSAGES);
        let age = Duration::from_secs(days * DAY.unsigned_abs());
        if let Some(before) = SystemTime::now().checked_sub(age)
            && days > 0
        {
            node.forget_messages(before);
        }
    }
}

/// Removes what is old, again and again.
pub(crate) async fn tidy_up(store: Store, node: Arc<Node>, keep: Keep) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let (state, now) = (store.clone(), world::now());
        let sessions = move || keep.end_sessions(&state, now);
        match tokio::task::spawn_blocking(sessions).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(count)) => tracing::info!(count, "old sessions removed"),
            Ok(Err(error)) => tracing::warn!(%error, "old sessions could not be removed"),
        }
        match walk(&store, Tidying::new(keep.expiry(now), false)).await {
            Ok(Tidied {
                versions,
                tombstones,
                voided,
                unfinished,
                ..
            }) if versions + tombstones + unfinished > 0 => {
                tracing::info!(
                    versions,
                    tombstones,
                    voided,
                    unfinished,
                    "what was old is removed"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what is old could not be removed"),
        }
        let node = Arc::clone(&node);
        // trouble with the files is only logged
        let _ = tokio::task::spawn_blocking(move || keep.end_messages(&node)).await;
    }
}

/// Walks through the state to the end.
async fn walk(store: &Store, mut walk: Tidying) -> Result<Tidied, store::Error> {
    loop {
        let state = store.clone();
        let step = move || {
            let goes_on = state.tidy(&mut walk)?;
            Ok::<_, store::Error>((walk, goes_on))
        };
        let done = tokio::task::spawn_blocking(step).await;
        let (after, goes_on) = done.unwrap_or_else(|error| {
            let reason = error.to_string();
            Err(store::Error::Unavailable(reason))
        })?;
        if !goes_on {
            return Ok(after.done());
        }
        walk = after;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn days_become_times_and_none_is_for_ever() {
        let now = 1_000 * DAY;
        let usual = Keep::default().expiry(now);
        assert_eq!(usual.history, Some(910 * DAY));
        assert_eq!(usual.tombstones, Some(635 * DAY));
        assert_eq!(usual.unfinished, Some(970 * DAY));
        let keep: Keep = toml::from_str("history = 0\ntombstones = 2\n").unwrap();
        assert_eq!(keep.expiry(now).history, None);
        assert_eq!(keep.expiry(now).tombstones, Some(998 * DAY));
    }

    #[test]
    fn days_have_their_ranges() {
        let check = |text: &str| {
            let keep: Keep = toml::from_str(text).unwrap();
            keep.check(Path::new("x.toml"))
        };
        assert!(check("history = 36500\nsessions = 365").is_ok());
        for (text, range) in [
            ("history = 36501", "0 to 36500"),
            ("sessions = 0", "1 to 365"),
            ("messages = 100000", "0 to 36500"),
        ] {
            let said = format!("{:?}", check(text).unwrap_err());
            assert!(said.contains(range), "{said}");
        }
    }
}
