//! How long a refused login waits for its answer.
//!
//! Guessing passwords is slow when each wrong guess is answered later than the one before. Who
//! logs in is never held up. The counts are a hint of this process alone: losing them costs
//! nothing, and other nodes have their own.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// What each earlier refusal of the same name adds.
const STEP: Duration = Duration::from_millis(250);

/// Refusals of a name that are counted; more do not make it slower.
const MAX_REFUSALS: usize = 20;

/// How long a refusal counts.
const MEMORY: Duration = Duration::from_mins(1);

/// Names that are remembered at most.
const MAX_NAMES: usize = 1_000;

/// Remembers refusals by name.
#[derive(Debug, Default)]
pub(super) struct Brake {
    /// When each name was refused, oldest first and never empty; the key is a hash of the name,
    /// because names are as long as a stranger likes.
    refusals: BTreeMap<u64, VecDeque<Instant>>,
}

impl Brake {
    /// Notes a refusal of all these names, and gives the time to wait: none for the first, and a
    /// step more for each that one of the names had within the last minute.
    pub(super) fn refuse(&mut self, names: &[u64], now: Instant) -> Duration {
        let earlier = names.iter().map(|name| self.note(*name, now)).max();
        STEP * u32::try_from(earlier.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Notes one refusal and gives the number of those before it.
    fn note(&mut self, name: u64, now: Instant) -> usize {
        if self.refusals.len() >= MAX_NAMES && !self.refusals.contains_key(&name) {
            self.make_room(now);
        }
        let times = self.refusals.entry(name).or_default();
        times.retain(|time| counts(*time, now));
        let earlier = times.len();
        if earlier == MAX_REFUSALS {
            times.pop_front();
        }
        times.push_back(now);
        earlier
    }

    /// Forgets the names whose refusals are over, or else the one that was quiet for longest.
    fn make_room(&mut self, now: Instant) {
        self.refusals
            .retain(|_, times| times.back().is_some_and(|time| counts(*time, now)));
        if self.refusals.len() >= MAX_NAMES {
            let quiet = self.refusals.iter().min_by_key(|(_, times)| times.back());
            if let Some(name) = quiet.map(|(name, _)| *name) {
                self.refusals.remove(&name);
            }
        }
    }
}

fn counts(refusal: Instant, now: Instant) -> bool {
    now.saturating_duration_since(refusal) < MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: E22
    #[test]
    fn each_refusal_waits_longer_up_to_five_seconds() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        let waits: Vec<Duration> = (0..30).map(|_| brake.refuse(&[1], now)).collect();
        assert_eq!(waits[0], Duration::ZERO);
        assert_eq!(waits[1], Duration::from_millis(250));
        assert_eq!(waits[4], Duration::from_secs(1));
        assert_eq!(waits[20..], [Duration::from_secs(5); 10]);
        assert_eq!(brake.refuse(&[2], now), Duration::ZERO);
    }

    #[test]
    fn the_worst_of_the_names_decides() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        brake.refuse(&[1, 2], now);
        assert_eq!(brake.refuse(&[3, 1], now), STEP);
        assert_eq!(brake.refuse(&[3, 1], now), STEP * 2);
        assert_eq!(brake.refuse(&[3], now), STEP * 2);
    }

    #[test]
    fn refusals_are_forgotten() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        brake.refuse(&[1], now);
        brake.refuse(&[1], now + MEMORY / 2);
        assert_eq!(brake.refuse(&[1], now + MEMORY), STEP);
        assert_eq!(brake.refuse(&[1], now + 3 * MEMORY), Duration::ZERO);
    }

    #[test]
    fn many_names_push_out_the_quiet_ones() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        brake.refuse(&[0], now);
        brake.refuse(&[1], now);
        brake.refuse(&[1], later);
        for name in 0..2 * MAX_NAMES as u64 {
            brake.refuse(&[name + 2], later);
            brake.refuse(&[1], later);
            assert!(brake.refusals.len() <= MAX_NAMES);
        }
        assert_eq!(brake.refuse(&[0], later), Duration::ZERO);
    }
}
