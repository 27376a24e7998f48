//! How many messages of one account are in hand at one time.
//!
//! In a database, messages of one account take turns, and each that waits there holds a thread and a
//! connection: an account with many devices could leave none to others. So most of them wait here,
//! where it costs neither.
//!
//! ```text
//! token, or the name or device in the message ─▶ an account ─▶ its places ─▶ database
//! ```
//!
//! Whose a session is shows in its answers, and is known by its token from then on. Before, and where a
//! device drops the token, the name that it logs in with is taken, or the account that its device had
//! last; messages that tell neither share the places of one account. What is known here is a hint of
//! this process alone: losing it costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Sessions and devices whose account is remembered at most.
const MAX_KNOWN: usize = 32_768;

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
    /// The account of a session, by its token, and of a device.
    accounts: HashMap<u64, Whose>,
    /// The places of accounts that have messages in hand.
    places: HashMap<Whose, Arc<Semaphore>>,
}

/// An account, or whoever tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Whose(u64);

impl Whose {
    /// Of a message that tells nothing.
    pub(super) const UNKNOWN: Self = Self(0);

    /// The account of that name.
    pub(super) fn account(name: &str) -> Self {
        Self(session::hash(format!("account {name}").as_bytes()))
    }

    /// The account of a session of which nothing but its token is known: it has places of its own.
    pub(super) fn session(token: &str) -> Self {
        Self(Clue::Token(token).hash())
    }
}

/// By what an account can be found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clue<'c> {
    /// The token of its session.
    Token(&'c str),
    /// The address of a device of it.
    Device(&'c str),
}

impl Clue<'_> {
    fn hash(self) -> u64 {
        match self {
            Self::Token(token) => session::hash(format!("token {token}").as_bytes()),
            Self::Device(uri) => session::hash(format!("device {uri}").as_bytes()),
        }
    }
}

/// A message's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    account: Whose,
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

    /// Remembers whose a session or device is.
    pub(super) fn learn(&self, clue: Clue<'_>, account: &str) {
        let mut known = self.known();
        if known.accounts.len() >= MAX_KNOWN {
            known.accounts.clear();
        }
        known.accounts.insert(clue.hash(), Whose::account(account));
    }

    /// Whose a session or device is, if that is known.
    pub(super) fn find(&self, clue: Clue<'_>) -> Option<Whose> {
        self.known().accounts.get(&clue.hash()).copied()
    }

    /// Waits for a place of an account.
    pub(super) async fn wait(self: &Arc<Self>, account: Whose) -> Turn {
        let places = {
            let mut known = self.known();
            let places = known.places.entry(account);
            let places = places.or_insert_with(|| Arc::new(Semaphore::new(self.places)));
            Arc::clone(places)
        };
        // who goes away while waiting leaves the places to be forgotten too
        let mut turn = Turn {
            turns: Arc::clone(self),
            account,
            place: None,
        };
        turn.place = places.acquire_owned().await.ok();
        turn
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
    async fn has_place(turns: &Arc<Turns>, account: &str) -> bool {
        let mut waiting = pin!(turns.wait(Whose::account(account)));
        tokio::select! {
            biased;
            _ = &mut waiting => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn an_account_has_its_places_whatever_the_session() {
        let turns = Turns::new(2);
        let first = turns.wait(Whose::account("ann")).await;
        let second = turns.wait(Whose::account("ann")).await;
        assert!(!has_place(&turns, "ann").await);
        assert!(has_place(&turns, "bob").await, "another account");
        drop(first);
        let third = turns.wait(Whose::account("ann")).await;
        assert!(!has_place(&turns, "ann").await);
        drop((second, third));
        assert!(turns.known().places.is_empty(), "nothing is kept");
    }

    #[test]
    fn sessions_and_devices_are_known_by_their_answers() {
        let turns = Turns::new(1);
        turns.learn(Clue::Token("a"), "ann");
        turns.learn(Clue::Device("phone"), "bob");
        let found = |clue| turns.find(clue);
        assert_eq!(found(Clue::Token("a")), Some(Whose::account("ann")));
        assert_eq!(found(Clue::Device("phone")), Some(Whose::account("bob")));
        assert_eq!(found(Clue::Device("a")), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let turns = Turns::new(1);
        for number in 0..=MAX_KNOWN {
            turns.learn(Clue::Token(&number.to_string()), "ann");
        }
        assert!(turns.known().accounts.len() <= MAX_KNOWN);
    }
}
