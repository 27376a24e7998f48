//! One database with the nodes before it, event by event.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::load::histogram::Histogram;

/// Seconds that are simulated before anything is counted.
const WARM_UP: f64 = 5.0;

/// Messages that are counted, about: the more there are a second, the fewer seconds are simulated.
const MESSAGES: f64 = 300_000.0;

/// Seconds that are counted at least and at most.
const SECONDS: std::ops::RangeInclusive<f64> = 10.0..=86_400.0;

/// Messages of a session, and of one that compares all items.
const SHORT: u32 = 3;
const LONG: u32 = 12;

/// Messages that wait for a place; where more do, the machines cannot keep up.
const MOST_WAITING: usize = 100_000;

/// What happens, and what it costs. Times are seconds.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) sessions_per_second: f64,
    /// Share of the sessions with changes.
    pub(super) changes: f64,
    /// Share of those that compare all items.
    pub(super) slow: f64,
    /// Processor time of a message without changes at a node, and at the database.
    pub(super) node: f64,
    pub(super) database: f64,
    /// What one with changes costs, as a multiple.
    pub(super) heavy: f64,
    pub(super) node_cores: u32,
    pub(super) database_cores: u32,
    /// Messages that the database can have under way: each holds a connection until its commit.
    pub(super) connections: u32,
    /// What a message waits for between node and database, in all of its round trips.
    pub(super) trips: f64,
    /// What a commit takes until it is durable, at the replica too if there is one.
    pub(super) flush: f64,
    /// From an answer to the next message.
    pub(super) network: f64,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// From each message to its answer.
    pub(super) messages: Histogram,
    /// The time that was counted.
    pub(super) seconds: f64,
    /// Shares of the cores' time.
    pub(super) node_busy: f64,
    pub(super) database_busy: f64,
    pub(super) messages_a_flush: f64,
    /// The machines kept up.
    pub(super) is_steady: bool,
}

/// A message under way.
#[derive(Debug, Clone, Copy)]
struct Message {
    arrived: f64,
    /// Messages of its session that follow.
    left: u32,
    weight: f64,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// The next session begins.
    Session,
    Arrives(Message),
    /// A core is through with one.
    AtNode(Message),
    /// Its statements have come over.
    Asked(Message),
    AtDatabase(Message),
    /// What was being flushed is durable.
    Flushed,
}

/// Cores, or connections, that take messages in their order.
#[derive(Debug, Default)]
struct Cores {
    free: u32,
    waiting: VecDeque<Message>,
    /// Time that they worked.
    worked: f64,
}

/// An event at its time; those of one time in their order.
#[derive(Debug)]
struct At(f64, u64, Event);

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// A run.
struct World<'c> {
    cell: &'c Cell,
    random: fastrand::Rng,
    now: f64,
    events: BinaryHeap<Reverse<At>>,
    number: u64,
    nodes: Cores,
    connections: Cores,
    database: Cores,
    /// Those that are flushed now, and those that wait for the next time.
    flushing: Vec<Message>,
    written: Vec<Message>,
    flushes: u64,
    flushed: u64,
    messages: Histogram,
}

impl Cell {
    /// Simulates as long as it takes for the percentiles to mean something; always the same.
    pub(super) fn run(&self) -> Seen {
        let a_second = self.sessions_per_second * f64::from(SHORT);
        let seconds = (MESSAGES / a_second).clamp(*SECONDS.start(), *SECONDS.end());
        let mut world = World {
            cell: self,
            random: fastrand::Rng::with_seed(1),
            now: 0.0,
            events: BinaryHeap::new(),
            number: 0,
            nodes: Cores {
                free: self.node_cores,
                ..Cores::default()
            },
            connections: Cores {
                free: self.connections,
                ..Cores::default()
            },
            database: Cores {
                free: self.database_cores,
                ..Cores::default()
            },
            flushing: Vec::new(),
            written: Vec::new(),
            flushes: 0,
            flushed: 0,
            messages: Histogram::default(),
        };
        let is_steady = world.run(WARM_UP + seconds);
        let share = |cores: &Cores, count: u32| cores.worked / (seconds * f64::from(count));
        Seen {
            seconds,
            node_busy: share(&world.nodes, self.node_cores),
            database_busy: share(&world.database, self.database_cores),
            messages_a_flush: world.flushed as f64 / (world.flushes.max(1)) as f64,
            is_steady,
            messages: world.messages,
        }
    }
}

impl World<'_> {
    /// Whether it came to the end.
    fn run(&mut self, end: f64) -> bool {
        self.later(0.0, Event::Session);
        while let Some(Reverse(At(time, _, event))) = self.events.pop() {
            if time > end {
                return true;
            }
            self.now = time;
            self.happens(event);
            let queues = [&self.nodes, &self.connections, &self.database];
            if queues
                .iter()
                .map(|queue| queue.waiting.len())
                .sum::<usize>()
                > MOST_WAITING
            {
                return false;
            }
        }
        true
    }

    fn later(&mut self, delay: f64, event: Event) {
        self.number += 1;
        let at = At(self.now + delay, self.number, event);
        self.events.push(Reverse(at));
    }

    /// A time at random with that mean, as between events that know nothing of each other.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random.f64()).ln()
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Session => {
                let kind = self.random.f64();
                let (left, weight) = if kind < self.cell.slow {
                    (LONG - 1, self.cell.heavy)
                } else if kind < self.cell.slow + self.cell.changes {
                    (SHORT - 1, self.cell.heavy)
                } else {
                    (SHORT - 1, 1.0)
                };
                let message = Message {
                    arrived: self.now,
                    left,
                    weight,
                };
                self.happens(Event::Arrives(message));
                let pause = self.exponential(1.0 / self.cell.sessions_per_second);
                self.later(pause, Event::Session);
            }
            Event::Arrives(message) => {
                self.nodes.waiting.push_back(message);
                self.work_at_nodes();
            }
            Event::AtNode(message) => {
                self.nodes.free += 1;
                self.work_at_nodes();
                self.connections.waiting.push_back(message);
                self.connect();
            }
            Event::Asked(message) => {
                self.database.waiting.push_back(message);
                self.work_at_database();
            }
            Event::AtDatabase(message) => {
                self.database.free += 1;
                self.work_at_database();
                self.written.push(message);
                self.flush();
            }
            Event::Flushed => {
                for message in std::mem::take(&mut self.flushing) {
                    self.connections.free += 1;
                    self.answer(message);
                }
                self.connect();
                self.flush();
            }
        }
    }

    fn work_at_nodes(&mut self) {
        while let Some((message, time)) = self.nodes.next(self.cell.node, self.now) {
            self.later(time, Event::AtNode(message));
        }
    }

    /// Gives connections to those who wait for one.
    fn connect(&mut self) {
        while self.connections.free > 0
            && let Some(message) = self.connections.waiting.pop_front()
        {
            self.connections.free -= 1;
            self.later(self.cell.trips, Event::Asked(message));
        }
    }

    fn work_at_database(&mut self) {
        while let Some((message, time)) = self.database.next(self.cell.database, self.now) {
            self.later(time, Event::AtDatabase(message));
        }
    }

    /// Flushes all that is written, unless a flush goes on.
    fn flush(&mut self) {
        if self.flushing.is_empty() && !self.written.is_empty() {
            self.flushing = std::mem::take(&mut self.written);
            if self.now >= WARM_UP {
                self.flushes += 1;
                self.flushed += self.flushing.len() as u64;
            }
            self.later(self.cell.flush, Event::Flushed);
        }
    }

    fn answer(&mut self, message: Message) {
        if self.now >= WARM_UP {
            let took = Duration::from_secs_f64(self.now - message.arrived);
            self.messages.record(took);
        }
        if message.left > 0 {
            let pause = self.exponential(self.cell.network);
            let next = Message {
                arrived: self.now + pause,
                left: message.left - 1,
                ..message
            };
            self.later(pause, Event::Arrives(next));
        }
    }
}

impl Cores {
    /// The next message that a core begins with, and how long it takes.
    fn next(&mut self, cost: f64, now: f64) -> Option<(Message, f64)> {
        if self.free == 0 {
            return None;
        }
        let message = self.waiting.pop_front()?;
        self.free -= 1;
        let time = cost * message.weight;
        if now >= WARM_UP {
            self.worked += time;
        }
        Some((message, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One core that every message needs for 1 ms; nothing else takes time.
    fn queue(sessions_per_second: f64) -> Cell {
        Cell {
            sessions_per_second,
            changes: 0.0,
            slow: 0.0,
            node: 1e-9,
            database: 1e-3,
            heavy: 1.0,
            node_cores: 64,
            database_cores: 1,
            connections: 1_000_000,
            trips: 0.0,
            flush: 1e-9,
            network: 0.3,
        }
    }

    #[test]
    fn a_queue_is_as_long_as_theory_has_it() {
        // M/D/1: the mean wait is load / (2 (1 - load)) of the service, its median a little below
        for (sessions, least, most) in [(100.0, 1.0, 1.3), (200.0, 1.2, 1.8), (267.0, 1.8, 3.6)] {
            let seen = queue(sessions).run();
            let load = sessions * 3.0 * 1e-3;
            assert!(seen.is_steady);
            assert!((seen.database_busy - load).abs() < 0.02, "{seen:?}");
            let median = seen.messages.quantile(0.5).as_secs_f64() * 1e3;
            assert!((least..=most).contains(&median), "{median} at {load}");
        }
        let seen = queue(1000.0).run();
        assert!(!seen.is_steady || seen.messages.quantile(0.99).as_secs_f64() > 1.0);
    }

    #[test]
    fn a_connection_is_held_until_the_commit() {
        // each holds one for 10 ms: ten of them bear 1000 messages a second
        let cell = |connections, sessions| Cell {
            connections,
            database: 1e-9,
            trips: 0.01,
            ..queue(sessions)
        };
        let enough = cell(20, 300.0).run();
        assert!(enough.is_steady);
        let median = enough.messages.quantile(0.5).as_secs_f64() * 1e3;
        assert!((9.0..12.0).contains(&median), "{median}");
        let few = cell(10, 400.0).run();
        assert!(!few.is_steady || few.messages.quantile(0.99).as_secs_f64() > 1.0);
    }

    #[test]
    fn what_comes_together_is_flushed_together() {
        let cell = Cell {
            database: 1e-9,
            flush: 0.01,
            ..queue(1000.0)
        };
        let seen = cell.run();
        // 3000 messages a second, a hundred flushes
        assert!((25.0..=35.0).contains(&seen.messages_a_flush), "{seen:?}");
        assert!(seen.messages.quantile(0.99).as_secs_f64() < 0.022);
    }
}
