//! How long a refused login waits for its answer.
//!
//! Guessing passwords is slow when each wrong guess is answered later than the one before. Guesses of
//! one name that come side by side are answered one after the other, so that they are no faster. Who
//! logs in is never held up. The counts are a hint of this process alone: losing them costs nothing,
//! and other nodes have their own.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// What each earlier refusal of the same name adds.
const STEP: Duration = Duration::from_millis(250);

/// The longest wait: those who ask for more of a name at one time are answered together.
const LONGEST: Duration = Duration::from_mins(1);

/// Refusals of a name that are counted; more do not make it slower.
const MAX_REFUSALS: usize = 20;

/// How long a refusal counts.
const MEMORY: Duration = Duration::from_mins(1);

/// Names that are remembered at most.
const MAX_NAMES: usize = 1_000;

/// Remembers refusals by name.
#[derive(Debug, Default)]
pub(super) struct Brake {
    /// By a hash of the name, because names are as long as a stranger likes.
    refusals: BTreeMap<u64, Refusals>,
}

/// The refusals of one name.
#[derive(Debug)]
struct Refusals {
    /// When they were, oldest first and never empty.
    times: VecDeque<Instant>,
    /// When the last one is answered.
    answered: Instant,
}

impl Brake {
    /// Notes a refusal of all these names, and gives the time to wait: none for the first, and
    /// behind the answer to the last one a step for each that one of the names had within the last
    /// minute.
    pub(super) fn refuse(&mut self, names: &[u64], now: Instant) -> Duration {
        let notes = names.iter().map(|name| self.note(*name, now));
        let (earlier, last) = notes.fold((0, now), |(count, last), (one, answered)| {
            (one.max(count), answered.max(last))
        });
        let wait = STEP * u32::try_from(earlier).unwrap_or(u32::MAX);
        let answered = (last + wait).min(now + LONGEST);
        for name in names {
            if let Some(refusals) = self.refusals.get_mut(name) {
                refusals.answered = answered;
            }
        }
        answered - now
    }

    /// Notes one refusal and gives the number of those before it, and when the last is answered.
    fn note(&mut self, name: u64, now: Instant) -> (usize, Instant) {
        if self.refusals.len() >= MAX_NAMES && !self.refusals.contains_key(&name) {
            self.make_room(now);
        }
        let refusals = self.refusals.entry(name).or_insert_with(|| Refusals {
            times: VecDeque::new(),
            answered: now,
        });
        let times = &mut refusals.times;
        times.retain(|time| counts(*time, now));
        let earlier = times.len();
        if earlier == MAX_REFUSALS {
            times.pop_front();
        }
        times.push_back(now);
        (earlier, refusals.answered)
    }

    /// Forgets the names whose refusals are over, or else the one that was quiet for longest.
    fn make_room(&mut self, now: Instant) {
        self.refusals
            .retain(|_, one| one.times.back().is_some_and(|time| counts(*time, now)));
        if self.refusals.len() >= MAX_NAMES {
            let quiet = self.refusals.iter().min_by_key(|(_, one)| one.times.back());
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
        let (mut brake, mut now) = (Brake::default(), Instant::now());
        let mut refuse = || {
            let wait = brake.refuse(&[1], now);
            now += wait;
            wait
        };
        let waits: Vec<Duration> = (0..16).map(|_| refuse()).collect();
        assert_eq!(waits[0], Duration::ZERO);
        assert_eq!(waits[1], Duration::from_millis(250));
        assert_eq!(waits[4], Duration::from_secs(1));
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(5)));
        assert_eq!(brake.refuse(&[2], now), Duration::ZERO);
    }

    // spec: E22
    #[test]
    fn guesses_side_by_side_are_no_faster() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        let waits: Vec<Duration> = (0..40).map(|_| brake.refuse(&[1], now)).collect();
        // one behind the other: 0, 1, 1 + 2, 1 + 2 + 3 … steps
        assert_eq!(waits[3], STEP * 6);
        assert_eq!(waits[10], STEP * 55);
        assert_eq!(waits[30..], [LONGEST; 10]);
    }

    #[test]
    fn the_worst_of_the_names_decides() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        brake.refuse(&[1, 2], now);
        assert_eq!(brake.refuse(&[3, 1], now), STEP);
        assert_eq!(brake.refuse(&[3, 1], now + STEP), STEP * 2);
        assert_eq!(brake.refuse(&[3], now + STEP * 3), STEP * 2);
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
