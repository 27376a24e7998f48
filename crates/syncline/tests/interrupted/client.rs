//! Our client, killed or cut off.

use testkit::items::Kind;
use testkit::process::PATIENCE;
use testkit::proxy::{Break, Moment};
use testkit::syncline::{Device, Transfer};

use crate::traffic::Traffic;
use crate::world::{End, Point, World};
use crate::{Contacts, PASSWORD, PROGRAM, USER, side_by_side};

/// Small enough for a dozen messages a way.
const MAX_MSG_SIZE: u32 = 4000;

/// A server and a device, each with contacts that the other has not.
struct Pair {
    world: World,
    device: Device,
    both: Contacts,
}

impl Pair {
    /// `version` is that of the protocol; `is_first`: the two have not met before.
    fn new(version: &str, is_first: bool) -> Self {
        let world = World::new(MAX_MSG_SIZE);
        let stores = [("contacts", Kind::Contact)];
        let url = world.proxy.url();
        let mut device = Device::new(PROGRAM, url, USER, PASSWORD, &stores).unwrap();
        let size = MAX_MSG_SIZE.to_string();
        device.arguments = ["--max-msg-size", &size, "--version", version]
            .map(str::to_owned)
            .to_vec();
        if !is_first {
            device.sync("two-way").unwrap();
        }
        let both = world.fill(&device.folder("contacts"));
        Self {
            world,
            device,
            both,
        }
    }

    #[track_caller]
    fn is_in_step(&self, context: &str) {
        self.world
            .holds(&self.both, &self.device.folder("contacts"), context);
    }

    /// One session that ends at `point`; what went over the network.
    fn breaks(&self, point: Point, context: &str) -> Traffic {
        self.world.break_at(point);
        let mut running = self.device.start("two-way").unwrap();
        let proxy = &self.world.proxy;
        assert!(
            running.wait_until(|_| proxy.is_broken()).unwrap(),
            "{context}: the session has fewer messages"
        );
        if point.end == End::Killed {
            running.kill();
        }
        let output = running.finish(PATIENCE).unwrap();
        let expected = (point.end == End::Cut).then_some(3);
        assert_eq!(output.code, expected, "{context}: {}", output.all());
        self.world.mend();
        Traffic::of(&proxy.take_exchanges(), point.moment == Moment::After)
    }
}

/// Breaks sessions of one kind at all messages; how many there are.
fn breaks_everywhere(version: &str, is_first: bool) {
    let pair = Pair::new(version, is_first);
    pair.device.sync("two-way").unwrap();
    pair.is_in_step("unbroken");
    let exchanges = pair.world.proxy.take_exchanges();
    let whole = Traffic::of(&exchanges, false);
    let messages = u32::try_from(exchanges.len()).unwrap();
    assert!(messages > 12, "{messages} messages");
    drop(pair);

    side_by_side(Point::of_session(messages), 4, |point| {
        let context = format!("{version}, first: {is_first}, {point:?} of {messages}");
        let pair = Pair::new(version, is_first);
        let broken = pair.breaks(point, &context);
        let next = pair.device.sync("two-way");
        next.unwrap_or_else(|error| panic!("{context}: {error}"));
        pair.is_in_step(&context);
        let resumed = Traffic::of(&pair.world.proxy.take_exchanges(), false);
        // with its last answer the server has done its part: there is nothing to go on with
        let is_complete = point.message == messages && point.moment == Moment::After;
        if version == "1.2" && !is_complete {
            resumed.goes_on_from(&broken, &whole, &context);
        }
        let quiet = pair.device.sync("two-way").unwrap()["contacts"];
        assert_eq!(quiet, Transfer::default(), "{context}");
    });
}

// spec: R12
#[test]
fn a_first_session_of_12_goes_on_where_it_broke() {
    breaks_everywhere("1.2", true);
}

#[test]
fn a_later_session_of_12_goes_on_where_it_broke() {
    breaks_everywhere("1.2", false);
}

#[test]
fn a_broken_session_of_11_is_made_good_by_the_next() {
    breaks_everywhere("1.1", false);
}

// spec: I01
#[test]
fn ctrl_c_suspends_and_the_next_run_goes_on() {
    let whole = {
        let pair = Pair::new("1.2", false);
        pair.device.sync("two-way").unwrap();
        Traffic::of(&pair.world.proxy.take_exchanges(), false)
    };
    let pair = Pair::new("1.2", false);
    // within an object of the client's, and while the client waits for an answer
    pair.world.proxy.break_at(6, Moment::Before, Break::Silence);
    let mut running = pair.device.start("two-way").unwrap();
    let proxy = &pair.world.proxy;
    assert!(running.wait_until(|_| proxy.is_broken()).unwrap());
    running.interrupt();
    let heard = running.wait_until(|running| running.stderr().contains("being suspended"));
    assert!(heard.unwrap());
    pair.world.mend();
    let output = running.finish(PATIENCE).unwrap();
    assert_eq!(output.code, Some(1), "{}", output.all());
    let says = "the session is suspended; run the same command again to go on";
    assert!(output.stderr.contains(says), "{}", output.stderr);
    let suspended = Traffic::of(&pair.world.proxy.take_exchanges(), false);
    assert!(suspended.alerts.contains(&224), "{:?}", suspended.alerts);
    assert!(suspended.bytes() < whole.bytes());

    pair.device.sync("two-way").unwrap();
    let resumed = Traffic::of(&pair.world.proxy.take_exchanges(), false);
    assert!(resumed.alerts.contains(&225), "{:?}", resumed.alerts);
    resumed.goes_on_from(&suspended, &whole, "suspended");
    assert_eq!(suspended.bytes() + resumed.bytes(), whole.bytes());
    pair.is_in_step("suspended");
    let quiet = pair.device.sync("two-way").unwrap()["contacts"];
    assert_eq!(quiet, Transfer::default());
}
