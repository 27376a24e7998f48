//! The first sync into SyncEvolution's server, beside ours.
//!
//! The client is `syncline sync` over a folder both times, and its own time is part of the wall
//! time of both. SyncEvolution's server keeps its items as files, one each.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::items::{self, Kind};
use testkit::syncevolution::{Account, HttpServer, Store};
use testkit::syncline::{Device, Installation};
use testkit::{Peer, require};

use crate::report::{Target, heading, row, say, seconds};
use crate::{ITEMS, Outcome, PASSWORD, USER, process};

const STORE: &str = "contacts";
const DEVICE: &str = "bench-1";

/// Measures both servers.
pub(crate) fn run(program: &Path) -> Outcome<()> {
    let Some(installed) = require(Peer::SyncEvolutionServer) else {
        say("");
        say(&format!(
            "SyncEvolution's server is not compared: install {}",
            Peer::SyncEvolutionServer.packages().join(" ")
        ));
        return Ok(());
    };
    heading(&format!(
        "First sync of {ITEMS} contacts from a folder, `syncline sync` to either server"
    ));
    let installation = Installation::new(program)?;
    installation.add_user(USER, PASSWORD)?;
    let server = installation.serve()?;
    let ours = measure(program, server.url(), || process::cpu(server.pid()))?;
    show("ours", &ours);

    let account = Account {
        device: DEVICE.to_owned(),
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let stores = vec![Store::new(STORE, Kind::Contact, STORE)];
    let server = HttpServer::start(installed, stores, &[account])?;
    let theirs = measure(program, server.url(), || {
        process::cpu_of_service(server.home())
    })?;
    show("SyncEvolution", &theirs);

    let ratio = |theirs: Duration, ours: Duration| {
        format!("{:.1}", theirs.as_secs_f64() / ours.as_secs_f64())
    };
    row(
        "SyncEvolution / ours, wall",
        &ratio(theirs.wall, ours.wall),
        Target::none(),
    );
    row(
        "SyncEvolution / ours, server's CPU",
        &ratio(theirs.cpu, ours.cpu),
        Target::none(),
    );
    Ok(())
}

struct Cost {
    wall: Duration,
    /// Of the server alone.
    cpu: Duration,
}

fn show(server: &str, cost: &Cost) {
    row(
        &format!("{server}: wall, s"),
        &seconds(cost.wall),
        Target::none(),
    );
    row(
        &format!("{server}: server's CPU, s"),
        &seconds(cost.cpu),
        Target::none(),
    );
}

/// A new device sends its folder.
fn measure(program: &Path, url: &str, cpu: impl Fn() -> Outcome<Duration>) -> Outcome<Cost> {
    let mut device = Device::new(program, url, USER, PASSWORD, &[(STORE, Kind::Contact)])?;
    device.arguments = vec!["--device-id".to_owned(), DEVICE.to_owned()];
    items::fill(&device.folder(STORE), Kind::Contact, 1..=ITEMS, 0)?;
    let before = cpu()?;
    let begun = Instant::now();
    let transfers = device.sync("two-way")?;
    let wall = begun.elapsed();
    let spent = cpu()?.saturating_sub(before);
    let sent = transfers.get(STORE).map_or(0, |store| store.sent.added);
    if sent != u64::from(ITEMS) {
        return Err(format!("{url} took {sent} of {ITEMS} contacts").into());
    }
    Ok(Cost { wall, cpu: spent })
}
