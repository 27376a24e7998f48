//! What sessions came to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::device::{Ended, Kind};
use super::histogram::Histogram;

/// Texts of errors that are told apart.
const MAX_TEXTS: usize = 20;

/// All of one kind of session.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    /// Whole sessions that ended well.
    pub(super) sessions: Histogram,
    /// From a message to its answer.
    pub(super) messages: Histogram,
    /// Bytes of messages to the server, and of its answers.
    pub(super) bytes: [u64; 2],
    /// Changes that the server took, and that came from it.
    pub(super) changes: [u64; 2],
}

/// What a worker has seen, or all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) shares: BTreeMap<Kind, Share>,
    /// Sessions that failed, by reason.
    pub(super) failures: BTreeMap<String, u64>,
    /// From the moment that a session was due to that at which a connection was free.
    pub(super) delays: Histogram,
}

impl Tally {
    pub(super) fn count(&mut self, kind: Kind, ended: Ended) {
        let share = self.shares.entry(kind).or_default();
        for message in &ended.messages {
            share.messages.record(*message);
        }
        add_up(&mut share.bytes, ended.bytes);
        match ended.outcome {
            Ok(changes) => {
                share.sessions.record(ended.wall);
                add_up(&mut share.changes, changes);
            }
            Err(text) => self.fail(text, 1),
        }
    }

    fn fail(&mut self, text: String, times: u64) {
        let is_full = self.failures.len() >= MAX_TEXTS;
        let text = if is_full && !self.failures.contains_key(&text) {
            "others".to_owned()
        } else {
            text
        };
        *self.failures.entry(text).or_default() += times;
    }

    pub(super) fn waited(&mut self, delay: Duration) {
        self.delays.record(delay);
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (kind, more) in &other.shares {
            let share = self.shares.entry(*kind).or_default();
            share.sessions.add(&more.sessions);
            share.messages.add(&more.messages);
            add_up(&mut share.bytes, more.bytes);
            add_up(&mut share.changes, more.changes);
        }
        for (text, times) in &other.failures {
            self.fail(text.clone(), *times);
        }
        self.delays.add(&other.delays);
    }

    /// Sessions that ended well.
    pub(super) fn sessions(&self) -> u64 {
        let shares = self.shares.values();
        shares.map(|share| share.sessions.count()).sum()
    }

    /// Messages that were answered.
    pub(super) fn messages(&self) -> u64 {
        let shares = self.shares.values();
        shares.map(|share| share.messages.count()).sum()
    }

    /// Sessions that failed.
    pub(super) fn errors(&self) -> u64 {
        self.failures.values().sum()
    }

    pub(super) fn first_error(&self) -> &str {
        self.failures.keys().next().map_or("", String::as_str)
    }
}

fn add_up(sums: &mut [u64; 2], more: [u64; 2]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Result<[u64; 2], String>) -> Ended {
        Ended {
            wall: Duration::from_millis(3),
            messages: vec![Duration::from_millis(1); 3],
            bytes: [10, 20],
            outcome,
        }
    }

    #[test]
    fn texts_of_errors_are_bounded() {
        let mut tally = Tally::default();
        for number in 0..3 * MAX_TEXTS {
            tally.count(Kind::Empty, ended(Err(number.to_string())));
        }
        assert_eq!(tally.failures.len(), MAX_TEXTS + 1);
        assert_eq!((tally.errors(), tally.sessions()), (60, 0));
    }

    #[test]
    fn tallies_add_up() {
        let mut tally = Tally::default();
        tally.count(Kind::Empty, ended(Ok([0, 0])));
        let mut other = Tally::default();
        other.count(Kind::Empty, ended(Ok([4, 5])));
        other.count(Kind::Slow, ended(Err("busy".to_owned())));
        tally.add(&other);
        assert_eq!((tally.sessions(), tally.messages()), (2, 9));
        assert_eq!(tally.shares[&Kind::Empty].changes, [4, 5]);
        assert_eq!(tally.shares[&Kind::Empty].bytes, [20, 40]);
        assert_eq!(tally.first_error(), "busy");
    }
}
