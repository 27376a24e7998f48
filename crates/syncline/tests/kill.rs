//! The server is killed at every kind of moment of a large sync: after its restart and the
//! client's next sync both sides are equal, nothing is lost and nothing doubled.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use testkit::items::{self, Kind};
use testkit::process::PATIENCE;
use testkit::proxy::{Break, Moment, Proxy};
use testkit::syncline::{Device, Installation, Transfer};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

/// Items on each side before the sync.
const ITEMS: u32 = 500;

/// Small enough for some fifty messages.
const MAX_MSG_SIZE: &str = "16000";

/// Messages of the sync that a server is killed at.
const MESSAGES: u32 = 48;

/// One sync that the server does not survive, and what comes of it; whether the sync was long
/// enough for that.
fn kill_at(message: u32, moment: Moment) -> bool {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user("ann", "secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    items::fill(folder.path(), Kind::Contact, 1..=ITEMS, 0).unwrap();
    installation
        .import("ann", "contacts", folder.path())
        .unwrap();
    let limit = format!("[server]\nmax-msg-size = {MAX_MSG_SIZE}\n");
    installation.configure(&limit).unwrap();
    let server = installation.serve().unwrap();
    let proxy = Proxy::start(server.url()).unwrap();
    proxy.break_at(message, moment, Break::Silence);

    let stores = [("contacts", Kind::Contact)];
    let mut device = Device::new(PROGRAM, proxy.url(), "ann", "secret", &stores).unwrap();
    device.arguments = vec!["--max-msg-size".into(), MAX_MSG_SIZE.into()];
    let own = device.folder("contacts");
    items::fill(&own, Kind::Contact, ITEMS + 1..=2 * ITEMS, 0).unwrap();

    let mut running = device.start("two-way").unwrap();
    let killed = running.wait_until(|_| proxy.is_broken()).unwrap();
    let mut server = Some(server);
    if killed && let Some(server) = server.take() {
        server.kill();
    }
    proxy.mend();
    let broken = running.finish(PATIENCE).unwrap();
    if killed {
        assert_eq!(broken.code, Some(3), "the peer is gone: {}", broken.all());
        let restarted = server.insert(installation.serve().unwrap());
        proxy.lead_to(restarted.url());
    }
    device.sync("two-way").unwrap();
    let expected = items::expected(Kind::Contact, (1..=2 * ITEMS).map(|number| (number, 0)));
    let context = format!("killed at message {message}, {moment:?}");
    assert_eq!(
        device.essences("contacts", Kind::Contact).unwrap(),
        expected,
        "{context}"
    );
    assert_eq!(
        installation
            .essences("ann", "contacts", Kind::Contact)
            .unwrap(),
        expected,
        "{context}"
    );
    let quiet = device.sync("two-way").unwrap()["contacts"];
    assert_eq!(quiet, Transfer::default(), "{context}");
    killed
}

// spec: R12
#[test]
fn a_server_that_is_killed_anywhere_loses_and_doubles_nothing() {
    let moments = [Moment::Before, Moment::During, Moment::After];
    let points: Vec<(u32, Moment)> = (1..=MESSAGES)
        .step_by(2)
        .zip(moments.into_iter().cycle())
        .collect();
    let count = points.len();
    let points = Mutex::new(points);
    let kills = AtomicUsize::new(0);
    // most of the time is spent waiting for disks and for clients that try again
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((message, moment)) = next(&points) {
                    kills.fetch_add(usize::from(kill_at(message, moment)), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(kills.into_inner(), count, "the sync has fewer messages");
    assert!(count >= 20);
}

fn next(points: &Mutex<Vec<(u32, Moment)>>) -> Option<(u32, Moment)> {
    points.lock().unwrap().pop()
}
