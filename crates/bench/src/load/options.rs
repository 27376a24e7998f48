//! What a run is to be.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::device::Kind;
use crate::Outcome;

/// Puts a server under the load of many devices and reports what it answers.
///
/// Without --url it starts the release binary of `syncline serve` on the loopback interface, over a
/// temporary folder, or with --postgres a database, with accounts of its own. Every device first syncs
/// once; then sessions of the mix are run, and measured.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "load")]
pub(super) struct Options {
    /// The server; its accounts have to be there.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Allow a server on another machine.
    #[arg(long, requires = "url")]
    pub(super) anywhere: bool,
    /// Have our own server's state in a PostgreSQL that is started for it, as careful with its disk as
    /// in earnest.
    #[arg(long, conflicts_with = "url")]
    pub(super) postgres: bool,
    /// The account's name; `{}` stands for a number from 1 to --accounts.
    #[arg(long, default_value = "load-{}")]
    pub(super) user: String,
    /// The password of all accounts.
    #[arg(long, default_value = "not a secret", hide_default_value = true)]
    pub(super) password: String,
    /// Accounts, among which the devices are divided.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) accounts: u32,
    /// Contacts that each account of our own server begins with.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(super) items: u32,
    /// Measure our own server over so many accounts too, in turns with that over --accounts, and tell
    /// how the two compare.
    #[arg(long, conflicts_with = "url", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) against: Option<u32>,
    /// How often each of the two is measured.
    #[arg(long, default_value_t = 3, requires = "against",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) turns: u32,
    /// Simulated devices. They hold their items in memory.
    #[arg(long, default_value_t = 100, value_parser = at_most(1_000_000))]
    pub(super) devices: usize,
    /// Sessions at one time, each on a connection of its own.
    #[arg(long, default_value_t = 32, value_parser = at_most(10_000))]
    pub(super) connections: usize,
    /// Sessions begun each second; as many as go without it.
    #[arg(long)]
    pub(super) rate: Option<f64>,
    /// Seconds to run.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) duration: u64,
    /// Sessions to run, whatever the time.
    #[arg(long, conflicts_with = "duration",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(super) sessions: Option<u64>,
    /// Shares of the kinds of sessions; several are measured one after the other.
    #[arg(long = "mix", default_value = "empty=80,changes=15,first=3,slow=2")]
    pub(super) mixes: Vec<Mix>,
    /// Changes of a device in a session that has some: a number, or a range such as 1-20.
    #[arg(long, default_value = "1-20", value_parser = range)]
    pub(super) changes: RangeInclusive<u32>,
    /// A new connection for each session; otherwise connections are kept, as behind a proxy.
    #[arg(long)]
    pub(super) reconnect: bool,
    /// Do not let all devices sync once before.
    #[arg(long)]
    pub(super) cold: bool,
    /// Threads of the devices.
    #[arg(long, default_value_t = 1, value_parser = at_most(64))]
    pub(super) threads: usize,
    /// The report as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Options {
    /// Refuses what would do harm or nothing.
    pub(super) fn check(&self) -> Outcome<()> {
        let rates = f64::MIN_POSITIVE..=MOST_BEGUN;
        if self.rate.is_some_and(|rate| !rates.contains(&rate)) {
            return Err(format!("the rate has to be above zero, and {MOST_BEGUN} at most").into());
        }
        match &self.url {
            Some(url) if !self.anywhere && !is_here(url) => Err(format!(
                "{url} is not on this machine; a load can take a server down, so say --anywhere \
                 if it is yours"
            )
            .into()),
            _ => Ok(()),
        }
    }

    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs(self.duration)
    }

    /// The name of the account that a device of this number belongs to; fewer devices than accounts lie
    /// evenly among all.
    pub(super) fn account_of(&self, device: usize) -> String {
        let (accounts, device) = (u64::from(self.accounts), device as u64);
        let apart = (accounts / self.devices.max(1) as u64).max(1);
        self.account_name(device * apart % accounts + 1)
    }

    pub(super) fn account_name(&self, number: u64) -> String {
        self.user.replace("{}", &number.to_string())
    }
}

/// Whether an address is of the loopback interface.
fn is_here(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Sessions begun each second, at most.
const MOST_BEGUN: f64 = 1e6;

/// Changes of a session, at most.
const MOST_CHANGES: u32 = 10_000;

fn range(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if least <= most && most <= MOST_CHANGES => Ok(least..=most),
        _ => Err(format!(
            "a number, or two with - between, up to {MOST_CHANGES}"
        )),
    }
}

/// A number from 1 on.
fn at_most(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text: &str| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from 1 to {most}")),
    }
}

/// How often each kind of session comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mix {
    /// As it was asked for.
    pub(super) name: String,
    shares: Vec<(Kind, u32)>,
}

impl Mix {
    /// The kind of the session of this number: the same in every run.
    pub(super) fn kind(&self, number: u64) -> Kind {
        let total: u32 = self.shares.iter().map(|(_, share)| share).sum();
        let mut place = fastrand::Rng::with_seed(number).u32(0..total);
        for (kind, share) in &self.shares {
            if place < *share {
                return *kind;
            }
            place -= share;
        }
        Kind::Empty
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = Vec::new();
        for part in text.split(',') {
            let (name, share) = part.split_once('=').unwrap_or((part, "1"));
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            let share = share.parse::<u32>().ok().filter(|share| *share <= 1000);
            match (kind, share) {
                (Some(kind), Some(share)) => shares.push((kind, share)),
                _ => return Err(format!("{part:?} is no KIND=SHARE up to 1000")),
            }
        }
        if shares.iter().all(|(_, share)| *share == 0) {
            return Err("all shares are zero".to_owned());
        }
        Ok(Self {
            name: text.to_owned(),
            shares,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;

    use super::*;

    #[test]
    fn only_this_machine_is_loaded_unless_allowed() {
        for url in [
            "http://127.0.0.1:8080/syncml",
            "http://LOCALHOST/",
            "http://[::1]:1/",
        ] {
            assert!(is_here(url), "{url}");
        }
        for url in [
            "http://sync.example/",
            "http://127.0.0.1.example/",
            "nothing",
        ] {
            assert!(!is_here(url), "{url}");
        }
        let foreign = ["load", "--url", "http://sync.example/syncml"];
        assert!(Options::try_parse_from(foreign).unwrap().check().is_err());
        let allowed = [&foreign[..], &["--anywhere"]].concat();
        assert!(Options::try_parse_from(allowed).unwrap().check().is_ok());
    }

    #[test]
    fn a_mix_gives_each_kind_its_share() {
        let mix: Mix = "empty=3,changes=1".parse().unwrap();
        let changes = (0..4000).filter(|number| mix.kind(*number) == Kind::Changes);
        assert!((800..1200).contains(&changes.count()));
        for wrong in ["", "empty=0", "idle=1", "empty=-1", "slow=2000"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn devices_are_divided_among_accounts() {
        let options = Options::try_parse_from(["load", "--accounts", "2"]).unwrap();
        let names: Vec<String> = (0..3).map(|device| options.account_of(device)).collect();
        assert_eq!(names, ["load-1", "load-2", "load-1"]);
        let sparse = ["load", "--accounts", "100", "--devices", "3"];
        let options = Options::try_parse_from(sparse).unwrap();
        let names: Vec<String> = (0..3).map(|device| options.account_of(device)).collect();
        assert_eq!(names, ["load-1", "load-34", "load-67"]);
        assert_eq!(range("3"), Ok(3..=3));
        for wrong in ["4-3", "1-10001", "-1", ""] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_costs_without_bound_is_refused() {
        for (option, value) in [
            ("--devices", "0"),
            ("--devices", "1000001"),
            ("--connections", "10001"),
            ("--threads", "65"),
            ("--duration", "0"),
            ("--sessions", "0"),
            ("--accounts", "1000001"),
        ] {
            let parsed = Options::try_parse_from(["load", option, value]);
            assert!(parsed.is_err(), "{option} {value}");
        }
        for rate in ["0", "-1", "inf", "nan", "1e7"] {
            let parsed = Options::try_parse_from(["load", &format!("--rate={rate}")]);
            assert!(parsed.unwrap().check().is_err(), "{rate}");
        }
    }
}
