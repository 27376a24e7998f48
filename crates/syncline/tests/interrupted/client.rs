//! Our client, killed or cut off.

use std::path::Path;

use testkit::items::Kind;
use testkit::process::{PATIENCE, Server};
use testkit::proxy::{Break, Moment, Proxy};
use testkit::syncline::{Device, Installation, Transfer};

use crate::traffic::Traffic;
use crate::{Contacts, PASSWORD, PROGRAM, USER, is_thorough, side_by_side};

/// Small enough for a dozen messages a way.
const MAX_MSG_SIZE: &str = "4000";

/// What breaks a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client dies.
    Killed,
    /// The network does.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    message: u32,
    moment: Moment,
    end: End,
}

/// A server and a device, each with contacts that the other has not.
struct World {
    installation: Installation,
    /// Ends when the world does.
    _server: Server,
    proxy: Proxy,
    device: Device,
    both: Contacts,
}

impl World {
    /// `version` is that of the protocol; `is_first`: the two have not met before.
    fn new(version: &str, is_first: bool) -> Self {
        let installation = Installation::new(PROGRAM).unwrap();
        installation.add_user(USER, PASSWORD).unwrap();
        let server = Server::start_with(
            Path::new(PROGRAM),
            &installation.data(),
            "127.0.0.1:0",
            &["--max-msg-size", MAX_MSG_SIZE],
        )
        .unwrap();
        let proxy = Proxy::start(server.url()).unwrap();
        let stores = [("contacts", Kind::Contact)];
        let mut device = Device::new(PROGRAM, proxy.url(), USER, PASSWORD, &stores).unwrap();
        device.arguments = ["--max-msg-size", MAX_MSG_SIZE, "--version", version]
            .map(str::to_owned)
            .to_vec();
        if !is_first {
            device.sync("two-way").unwrap();
        }
        let theirs = Contacts {
            plain: (1..=6).collect(),
            photos: vec![(51, 9_000)],
        };
        let ours = Contacts {
            plain: (11..=16).collect(),
            photos: vec![(61, 9_000)],
        };
        let folder = tempfile::tempdir().unwrap();
        theirs.write(folder.path());
        installation
            .import(USER, "contacts", folder.path())
            .unwrap();
        ours.write(&device.folder("contacts"));
        proxy.take_exchanges();
        Self {
            installation,
            _server: server,
            proxy,
            device,
            both: ours.and(&theirs),
        }
    }

    #[track_caller]
    fn is_in_step(&self, context: &str) {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().display().to_string();
        self.installation
            .run(&["store", "export", "--user", USER, "contacts", &to], b"")
            .unwrap();
        self.both
            .are_in(folder.path(), &format!("{context}, server"));
        self.both.are_in(
            &self.device.folder("contacts"),
            &format!("{context}, client"),
        );
    }

    /// One session that ends at `point`; what went over the network.
    fn breaks(&self, point: Point, context: &str) -> Traffic {
        let how = match point.end {
            End::Killed => Break::Silence,
            End::Cut => Break::Cut,
        };
        self.proxy.break_at(point.message, point.moment, how);
        let mut running = self.device.start("two-way").unwrap();
        let proxy = &self.proxy;
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
        self.proxy.mend();
        Traffic::of(&self.proxy.take_exchanges(), point.moment == Moment::After)
    }
}

/// Breaks sessions of one kind at all messages; how many there are.
fn breaks_everywhere(version: &str, is_first: bool) {
    let world = World::new(version, is_first);
    world.device.sync("two-way").unwrap();
    world.is_in_step("unbroken");
    let exchanges = world.proxy.take_exchanges();
    let whole = Traffic::of(&exchanges, false);
    let messages = u32::try_from(exchanges.len()).unwrap();
    assert!(messages > 12, "{messages} messages");
    drop(world);

    let mut points = Vec::new();
    for message in 1..=messages {
        for moment in [Moment::Before, Moment::After] {
            for end in [End::Killed, End::Cut] {
                points.push(Point {
                    message,
                    moment,
                    end,
                });
            }
        }
    }
    if !is_thorough() {
        // one way of each four, another one at each message
        let mut number = 0;
        points.retain(|point| {
            number += 1;
            number % 4 == point.message % 4
        });
    }
    side_by_side(points, 4, |point| {
        let context = format!("{version}, first: {is_first}, {point:?} of {messages}");
        let world = World::new(version, is_first);
        let broken = world.breaks(point, &context);
        let next = world.device.sync("two-way");
        next.unwrap_or_else(|error| panic!("{context}: {error}"));
        world.is_in_step(&context);
        let resumed = Traffic::of(&world.proxy.take_exchanges(), false);
        // with its last answer the server has done its part: there is nothing to go on with
        let is_complete = point.message == messages && point.moment == Moment::After;
        if version == "1.2" && !is_complete {
            resumed.goes_on_from(&broken, &whole, &context);
        }
        let quiet = world.device.sync("two-way").unwrap()["contacts"];
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
        let world = World::new("1.2", false);
        world.device.sync("two-way").unwrap();
        Traffic::of(&world.proxy.take_exchanges(), false)
    };
    let world = World::new("1.2", false);
    // within an object of the client's, and while the client waits for an answer
    world.proxy.break_at(6, Moment::Before, Break::Silence);
    let mut running = world.device.start("two-way").unwrap();
    let proxy = &world.proxy;
    assert!(running.wait_until(|_| proxy.is_broken()).unwrap());
    running.interrupt();
    let heard = running.wait_until(|running| running.stderr().contains("being suspended"));
    assert!(heard.unwrap());
    world.proxy.mend();
    let output = running.finish(PATIENCE).unwrap();
    assert_eq!(output.code, Some(1), "{}", output.all());
    let says = "the session is suspended; run the same command again to go on";
    assert!(output.stderr.contains(says), "{}", output.stderr);
    let suspended = Traffic::of(&world.proxy.take_exchanges(), false);
    assert!(suspended.alerts.contains(&224), "{:?}", suspended.alerts);
    assert!(suspended.bytes() < whole.bytes());

    world.device.sync("two-way").unwrap();
    let resumed = Traffic::of(&world.proxy.take_exchanges(), false);
    assert!(resumed.alerts.contains(&225), "{:?}", resumed.alerts);
    resumed.goes_on_from(&suspended, &whole, "suspended");
    assert_eq!(suspended.bytes() + resumed.bytes(), whole.bytes());
    world.is_in_step("suspended");
    let quiet = world.device.sync("two-way").unwrap()["contacts"];
    assert_eq!(quiet, Transfer::default());
}
