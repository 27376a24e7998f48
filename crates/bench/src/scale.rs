//! What fleets of devices need, simulated: their sessions as random arrivals at nodes and databases that
//! cost what was measured of one.
//!
//! ```text
//! sessions of a minute ─▶ message ─▶ node's cores ─▶ connection ─▶ round trips ─▶ database's cores
//!                            ▲                                                           │
//!                            └──── the device's network ◀── answer ◀── flush, replica ◀──┘
//! ```
//!
//! Accounts have nothing to do with each other, so of many databases one is simulated, with its share of
//! the devices and of the nodes' cores, which have to have time left. A database flushes what has come together, and what comes
//! meanwhile waits for the next time. The numbers that are wanted are the fewest with which 99 of 100
//! messages are answered in time.

mod cell;

use std::time::Duration;

use clap::Parser as _;

use crate::{Outcome, report};
use cell::{Cell, Seen};

/// Simulates the busiest minute of a fleet, and says how many cores of nodes and how many databases
/// it takes. What a message costs is to be measured with `load` before.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "scale")]
pub(crate) struct Options {
    /// Devices.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000_000))]
    devices: u64,
    /// Sessions of a device a day.
    #[arg(long, default_value_t = 6.0, value_parser = positive)]
    per_day: f64,
    /// Sessions in the busiest minute, as a multiple of the mean.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    peak: f64,
    /// Of a hundred sessions, those with changes.
    #[arg(long, default_value_t = 19.0, value_parser = share)]
    changes: f64,
    /// Of a hundred sessions, those that compare all items.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    slow: f64,
    /// Processor time of a node for a message without changes, ms.
    #[arg(long, default_value_t = 0.48, value_parser = positive)]
    node_ms: f64,
    /// Processor time of a database for it, ms.
    #[arg(long, default_value_t = 0.77, value_parser = positive)]
    database_ms: f64,
    /// A message with changes costs so many times as much.
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    heavy: f64,
    /// Cores of a database server.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1024))]
    database_cores: u32,
    /// What a flush of a database takes, ms.
    #[arg(long, default_value_t = 2.0, value_parser = positive)]
    flush_ms: f64,
    /// A round trip between a node and a database, or between a database and its replica, ms.
    #[arg(long, default_value_t = 0.2, value_parser = positive)]
    trip_ms: f64,
    /// Round trips of a message to the database.
    #[arg(long, default_value_t = 4.7, value_parser = positive)]
    trips: f64,
    /// Commits wait for no replica.
    #[arg(long)]
    no_replica: bool,
    /// From an answer to the device's next message, ms.
    #[arg(long, default_value_t = 300.0, value_parser = positive)]
    network_ms: f64,
    /// The time in which 99 of 100 messages are to be answered, ms.
    #[arg(long, default_value_t = 100.0, value_parser = positive)]
    within_ms: f64,
    /// The share of their time that cores may be busy, percent: what is left is for the loss of machines
    /// and for what was not thought of.
    #[arg(long, default_value_t = 70.0, value_parser = share)]
    busy: f64,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1e9 => Ok(number),
        _ => Err("a number above 0".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
        _ => Err("a number from 0 to 100".to_owned()),
    }
}

impl Options {
    /// Sessions that begin each second in the busiest minute.
    fn sessions_per_second(&self) -> f64 {
        self.devices as f64 * self.per_day * self.peak / 86_400.0
    }

    /// One of that many databases, with its share of the sessions, and that many cores of nodes.
    fn cell(&self, databases: u64, node_cores: u32, connections: u32) -> Cell {
        let milliseconds = |ms: f64| ms / 1e3;
        // the replica flushes what it got, and says so
        let replica = if self.no_replica {
            0.0
        } else {
            self.trip_ms + self.flush_ms
        };
        Cell {
            sessions_per_second: self.sessions_per_second() / databases as f64,
            changes: self.changes / 100.0,
            slow: self.slow / 100.0,
            node: milliseconds(self.node_ms),
            database: milliseconds(self.database_ms),
            heavy: self.heavy,
            node_cores,
            database_cores: self.database_cores,
            connections,
            trips: milliseconds(self.trip_ms * self.trips),
            flush: milliseconds(self.flush_ms + replica),
            network: milliseconds(self.network_ms),
        }
    }
}

/// The most databases and cores that are tried.
const MOST: u64 = 1 << 20;

/// What a fleet takes.
#[derive(Debug)]
struct Need {
    databases: u64,
    /// Of one database's share.
    node_cores: u32,
    /// To one database.
    connections: u32,
    seen: Seen,
}

/// Connections that are enough whatever they are for.
const CONNECTIONS_IN_PLENTY: u32 = 100_000;

/// The fewest databases with nodes and connections in plenty, then the fewest cores of nodes for them, then
/// the fewest connections that delay little.
fn need(options: &Options) -> Option<Need> {
    let within = Duration::from_secs_f64(options.within_ms / 1e3);
    let is_in_time = |databases: u64, cores: u32, connections: u32, within: Duration| {
        let seen = options.cell(databases, cores, connections).run();
        let is_seen = seen.is_steady && seen.messages.count() > 0;
        let is_idle = seen.node_busy.max(seen.database_busy) <= options.busy / 100.0;
        (is_seen && is_idle && seen.messages.quantile(0.99) <= within).then_some(seen)
    };
    let is_enough =
        |databases, cores, connections| is_in_time(databases, cores, connections, within);
    let fewest_u32 = |is_enough: &dyn Fn(u32) -> bool| {
        let number = fewest(|number| u32::try_from(number).is_ok_and(is_enough))?;
        u32::try_from(number).ok()
    };
    let (cores, plenty) = (4 * options.database_cores, CONNECTIONS_IN_PLENTY);
    let databases = fewest(|databases| is_enough(databases, cores, plenty).is_some())?;
    let node_cores = fewest_u32(&|cores| is_enough(databases, cores, plenty).is_some())?;
    let unhindered = is_enough(databases, node_cores, plenty)?;
    let within = within.min(unhindered.messages.quantile(0.99) * 3 / 2);
    let delays_little = |connections| is_in_time(databases, node_cores, connections, within);
    let connections = fewest_u32(&|connections| delays_little(connections).is_some())?;
    let seen = delays_little(connections)?;
    Some(Need {
        databases,
        node_cores,
        connections,
        seen,
    })
}

/// The smallest number that is enough, where all above it are.
fn fewest(is_enough: impl Fn(u64) -> bool) -> Option<u64> {
    let mut enough = 1;
    while !is_enough(enough) {
        enough *= 2;
        if enough > MOST {
            return None;
        }
    }
    let mut few = enough / 2;
    // a hundredth is as exact as the costs that were put in
    while enough - few > 1 + enough / 100 {
        let middle = few.midpoint(enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            few = middle;
        }
    }
    Some(enough)
}

/// Runs `bench scale` with the arguments after that word.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let words = std::iter::once("scale").chain(arguments.iter().map(String::as_str));
    let options = match Options::try_parse_from(words) {
        Ok(options) => options,
        // help is asked for, and no failure
        Err(error) if !error.use_stderr() => {
            error.print()?;
            return Ok(());
        }
        Err(error) => return Err(error.to_string().into()),
    };
    let Some(need) = need(&options) else {
        return Err(
            "no number of databases answers in that time: a message alone takes longer".into(),
        );
    };
    let milliseconds = |share| need.seen.messages.quantile(share).as_secs_f64() * 1e3;
    let cores = u64::from(need.node_cores) * need.databases;
    for line in [
        format!(
            "{} devices: {:.0} sessions and {:.0} messages a second in the busiest minute",
            options.devices,
            options.sessions_per_second(),
            need.seen.messages.count() as f64 / need.seen.seconds * need.databases as f64,
        ),
        format!(
            "{} databases of {} cores, {:.0} % busy; {cores} cores of nodes, {:.0} % busy",
            need.databases,
            options.database_cores,
            need.seen.database_busy * 100.0,
            need.seen.node_busy * 100.0,
        ),
        format!(
            "{} connections of nodes to each database: a message holds one for {:.1} ms at least",
            need.connections,
            options.trips * options.trip_ms + options.database_ms + options.flush_ms,
        ),
        format!(
            "a message takes {:.1} ms at p50, {:.1} at p90, {:.1} at p99; a flush has {:.1} of them",
            milliseconds(0.5),
            milliseconds(0.9),
            milliseconds(0.99),
            need.seen.messages_a_flush,
        ),
    ] {
        report::say(&line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn options(words: &[&str]) -> Options {
        Options::try_parse_from([&["scale"], words].concat()).unwrap()
    }

    #[test]
    fn the_smallest_number_is_found() {
        for wanted in [1, 2, 3, 17, 64, 100] {
            assert_eq!(fewest(|number| number >= wanted), Some(wanted));
        }
        assert_eq!(fewest(|_| false), None);
    }

    #[test]
    fn ten_times_the_devices_take_some_ten_times_the_machines() {
        let few = need(&options(&["--devices", "3000000", "--database-cores", "2"])).unwrap();
        let many = need(&options(&[
            "--devices",
            "30000000",
            "--database-cores",
            "2",
        ]))
        .unwrap();
        let ratio = many.databases as f64 / few.databases as f64;
        assert!((5.0..=11.0).contains(&ratio), "{few:?} {many:?}");
        assert!(many.seen.database_busy > 0.5 && many.seen.database_busy <= 0.7);
        let hurried = ["--devices", "3000000", "--within-ms", "0.1"];
        assert!(need(&options(&hurried)).is_none());
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused() {
        for words in [
            ["--devices", "0"],
            ["--per-day", "-1"],
            ["--slow", "101"],
            ["--node-ms", "nan"],
            ["--database-cores", "0"],
        ] {
            let all = [&["scale"], &words[..]].concat();
            assert!(Options::try_parse_from(all).is_err(), "{words:?}");
        }
    }
}
