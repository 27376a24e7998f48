//! How many messages of one account are in hand at one time.
//!
//! In a database, messages of one account take turns, and each that waits there holds a thread and a
//! connection: an account with many devices could leave none to others. So most of them wait here,
//! where it costs neither.
//!
//! ```text
//! token ─▶ its session's account, once a message was answered ─▶ the account's places ─▶ database
//! ```
//!
//! The first messages of a session pass, since whose it is shows in their answers; how many sessions
//! an account has is bounded elsewhere. What is known here is a hint of this process alone: losing
//! it costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Sessions whose account is remembered at most.
const MAX_SESSIONS: usize = 16_384;

/// The places of accounts.
#[derive(Debug)]
pub(super) struct Turns {
    /// Messages of one account in hand at one time.
    places: usize,
    known: Mutex<Known>,
}

/// By hashes, because names are as long as a stranger likes.
#[derive(Debug, Default)]
struct Known {
    /// The account of a session, by its token.
    accounts: HashMap<u64, u64>,
    /// The places of accounts that have messages in hand.
    places: HashMap<u64, Arc<Semaphore>>,
}

/// A message's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    account: u64,
    place: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// With so many places for each account.
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: places.max(1),
            known: Mutex::default(),
        })
    }

    /// Remembers whose a session is.
    pub(super) fn learn(&self, token: &str, account: &str) {
        let mut known = self.known();
        if known.accounts.len() >= MAX_SESSIONS {
            known.accounts.clear();
        }
        let hash = |text: &str| session::hash(text.as_bytes());
        known.accounts.insert(hash(token), hash(account));
    }

    /// Waits for a place of the account whose session has this token; none is needed where it is not
    /// known.
    pub(super) async fn wait(self: &Arc<Self>, token: &str) -> Option<Turn> {
        let (account, places) = {
            let mut known = self.known();
            let account = *known.accounts.get(&session::hash(token.as_bytes()))?;
            let places = known.places.entry(account);
            let places = places.or_insert_with(|| Arc::new(Semaphore::new(self.places)));
            (account, Arc::clone(places))
        };
        // who goes away while waiting leaves the places to be forgotten too
        let mut turn = Turn {
            turns: Arc::clone(self),
            account,
            place: None,
        };
        turn.place = places.acquire_owned().await.ok();
        Some(turn)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.place = None;
        let mut known = self.turns.known();
        let places = known.places.get(&self.account);
        if places.is_some_and(|places| Arc::strong_count(places) == 1) {
            known.places.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::pin::pin;

    use super::*;

    /// Whether there is a place now.
    async fn has_place(turns: &Arc<Turns>, token: &str) -> bool {
        let mut waiting = pin!(turns.wait(token));
        tokio::select! {
            biased;
            _ = &mut waiting => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn an_account_has_its_places_whatever_the_session() {
        let turns = Turns::new(2);
        for (token, account) in [("a", "ann"), ("b", "ann"), ("c", "ann"), ("d", "bob")] {
            turns.learn(token, account);
        }
        let first = turns.wait("a").await.unwrap();
        let second = turns.wait("b").await.unwrap();
        assert!(!has_place(&turns, "c").await);
        assert!(has_place(&turns, "d").await, "another account");
        drop(first);
        let third = turns.wait("c").await.unwrap();
        assert!(!has_place(&turns, "a").await);
        drop((second, third));
        assert!(turns.known().places.is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn a_session_of_nobody_passes() {
        let turns = Turns::new(1);
        assert!(turns.wait("a").await.is_none());
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let turns = Turns::new(1);
        for number in 0..=MAX_SESSIONS {
            turns.learn(&number.to_string(), "ann");
        }
        assert!(turns.known().accounts.len() <= MAX_SESSIONS);
    }
}
