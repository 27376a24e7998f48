//! SyncEvolution's client, killed or cut off.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::items::Kind;
use testkit::process::PATIENCE;
use testkit::proxy::Moment;
use testkit::syncevolution::{Client, Counts, Encoding, Mode, Settings, Store, Version};
use testkit::{Availability, Peer, require};

use crate::traffic::Traffic;
use crate::world::{End, Point, World};
use crate::{Contacts, PASSWORD, USER, is_thorough, side_by_side};

/// Small enough for a dozen messages.
const MAX_MSG_SIZE: u32 = 5000;

/// Our server and SyncEvolution's client, each with contacts that the other has not.
struct Pair {
    world: World,
    client: Client,
    both: Contacts,
}

impl Pair {
    /// `is_first`: the two have not met before.
    fn new(installed: Availability, version: Version, is_first: bool) -> Self {
        let world = World::new(MAX_MSG_SIZE);
        let mut settings = Settings::new(world.proxy.url(), USER, PASSWORD, "phone");
        settings.version = Some(version);
        settings.encoding = Encoding::Wbxml;
        settings.max_message_size = MAX_MSG_SIZE;
        settings.stores = vec![Store::new("addressbook", Kind::Contact, "contacts")];
        let client = Client::new(installed, settings).unwrap();
        if !is_first {
            let report = client.sync(Mode::TwoWay).unwrap();
            assert!(report.is_success(), "{report:#?}");
        }
        let both = world.fill(&client.folder("addressbook"));
        Self {
            world,
            client,
            both,
        }
    }

    #[track_caller]
    fn is_in_step(&self, context: &str) {
        self.world
            .holds(&self.both, &self.client.folder("addressbook"), context);
    }

    /// One session that ends at `point`; what went over the network. `None` if it had fewer messages,
    /// as sessions do whose items come in another order; then it was whole.
    fn breaks(&self, point: Point, messages: u32, context: &str) -> Option<Traffic> {
        self.world.break_at(point);
        let mut running = self.client.start(Mode::TwoWay).unwrap();
        let proxy = &self.world.proxy;
        if !running.wait_until(|_| proxy.is_broken()).unwrap() {
            assert!(
                point.message + SPREAD > messages,
                "{context}: it ended early"
            );
            let output = running.finish(PATIENCE).unwrap();
            assert_eq!(output.code, Some(0), "{context}: {}", output.all());
            self.world.mend();
            return None;
        }
        if point.end == End::Killed {
            running.kill();
        }
        let output = running.finish(PATIENCE).unwrap();
        assert_ne!(output.code, Some(0), "{context}: {}", output.all());
        self.world.mend();
        let exchanges = proxy.take_exchanges();
        Some(Traffic::of(&exchanges, point.moment == Moment::After))
    }
}

/// Messages by which sessions of the same items differ.
const SPREAD: u32 = 3;

/// Breaks sessions of one kind at all messages.
fn breaks_everywhere(version: Version, is_first: bool) {
    let Some(installed) = require(Peer::SyncEvolutionClient) else {
        return;
    };
    let pair = Pair::new(installed, version, is_first);
    let report = pair.client.sync(Mode::TwoWay).unwrap();
    assert!(report.is_success(), "{report:#?}");
    pair.is_in_step("unbroken");
    let exchanges = pair.world.proxy.take_exchanges();
    let whole = Traffic::of(&exchanges, false);
    let messages = u32::try_from(exchanges.len()).unwrap();
    assert!(messages > 9, "{messages} messages");
    drop(pair);

    let points = Point::of_session(messages);
    let (tried, gone_on) = (points.len(), AtomicUsize::new(0));
    side_by_side(points, 6, |point| {
        let context = format!("{version:?}, first: {is_first}, {point:?} of {messages}");
        let pair = Pair::new(installed, version, is_first);
        let Some(broken) = pair.breaks(point, messages, &context) else {
            return pair.is_in_step(&context);
        };
        let report = pair.client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");
        let resumed = Traffic::of(&pair.world.proxy.take_exchanges(), false);
        if is_thorough() {
            let _ = writeln!(
                std::io::stderr(),
                "{context}: {} bytes, then {} of {}, alerts {:?}",
                broken.bytes(),
                resumed.bytes(),
                whole.bytes(),
                resumed.alerts
            );
        }
        pair.is_in_step(&context);
        // with its last answer the server has done its part: there is nothing to go on with
        let is_complete = point.message + SPREAD > messages && point.moment == Moment::After;
        if resumed.alerts.contains(&225) && !is_complete {
            gone_on.fetch_add(1, Ordering::Relaxed);
            resumed.goes_on_from(&broken, &whole, &context);
        }
        // after a resumed session the client sends what the broken one has sent once more as new
        for quiet in [false, true] {
            let report = pair.client.sync(Mode::TwoWay).unwrap();
            assert!(report.is_success(), "{context}: {report:#?}");
            pair.is_in_step(&context);
            let part = report.store("addressbook");
            if quiet {
                assert_eq!(part.sent, Counts::default(), "{context}");
            }
            assert_eq!(part.received, Counts::default(), "{context}");
        }
    });
    let gone_on = gone_on.into_inner();
    assert!(gone_on > tried / 3, "{gone_on} of {tried} went on");
}

#[test]
fn a_first_session_of_12_is_made_good_by_the_next() {
    breaks_everywhere(Version::V12, true);
}

#[test]
fn a_later_session_of_12_is_made_good_by_the_next() {
    breaks_everywhere(Version::V12, false);
}
