//! SyncEvolution's client, killed or cut off.

use std::io::Write as _;
use std::path::Path;

use testkit::items::Kind;
use testkit::process::{PATIENCE, Server};
use testkit::proxy::{Break, Moment, Proxy};
use testkit::syncevolution::{Client, Counts, Encoding, Mode, Settings, Store, Version};
use testkit::syncline::Installation;
use testkit::{Availability, Peer, require};

use crate::traffic::Traffic;
use crate::{Contacts, PASSWORD, PROGRAM, USER, is_thorough, side_by_side};

/// Small enough for a dozen messages.
const MAX_MSG_SIZE: u32 = 5000;

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

/// Our server and SyncEvolution's client, each with contacts that the other has not.
struct World {
    installation: Installation,
    /// Ends when the world does.
    _server: Server,
    proxy: Proxy,
    client: Client,
    both: Contacts,
}

impl World {
    /// `is_first`: the two have not met before.
    fn new(installed: Availability, version: Version, is_first: bool) -> Self {
        let installation = Installation::new(PROGRAM).unwrap();
        installation.add_user(USER, PASSWORD).unwrap();
        let server = Server::start_with(
            Path::new(PROGRAM),
            &installation.data(),
            "127.0.0.1:0",
            &["--max-msg-size", &MAX_MSG_SIZE.to_string()],
        )
        .unwrap();
        let proxy = Proxy::start(server.url()).unwrap();
        let mut settings = Settings::new(proxy.url(), USER, PASSWORD, "phone");
        settings.version = Some(version);
        settings.encoding = Encoding::Wbxml;
        settings.max_message_size = MAX_MSG_SIZE;
        settings.stores = vec![Store::new("addressbook", Kind::Contact, "contacts")];
        let client = Client::new(installed, settings).unwrap();
        if !is_first {
            let report = client.sync(Mode::TwoWay).unwrap();
            assert!(report.is_success(), "{report:#?}");
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
        ours.write(&client.folder("addressbook"));
        proxy.take_exchanges();
        Self {
            installation,
            _server: server,
            proxy,
            client,
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
            &self.client.folder("addressbook"),
            &format!("{context}, client"),
        );
    }

    /// One session that ends at `point`; what went over the network. `None` if it had fewer messages,
    /// as sessions do whose items come in another order; then it was whole.
    fn breaks(&self, point: Point, messages: u32, context: &str) -> Option<Traffic> {
        let how = match point.end {
            End::Killed => Break::Silence,
            End::Cut => Break::Cut,
        };
        self.proxy.break_at(point.message, point.moment, how);
        let mut running = self.client.start(Mode::TwoWay).unwrap();
        let proxy = &self.proxy;
        if !running.wait_until(|_| proxy.is_broken()).unwrap() {
            assert!(
                point.message + SPREAD > messages,
                "{context}: it ended early"
            );
            let output = running.finish(PATIENCE).unwrap();
            assert_eq!(output.code, Some(0), "{context}: {}", output.all());
            self.proxy.mend();
            return None;
        }
        if point.end == End::Killed {
            running.kill();
        }
        let output = running.finish(PATIENCE).unwrap();
        assert_ne!(output.code, Some(0), "{context}: {}", output.all());
        self.proxy.mend();
        let exchanges = self.proxy.take_exchanges();
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
    let world = World::new(installed, version, is_first);
    let report = world.client.sync(Mode::TwoWay).unwrap();
    assert!(report.is_success(), "{report:#?}");
    world.is_in_step("unbroken");
    let exchanges = world.proxy.take_exchanges();
    let whole = Traffic::of(&exchanges, false);
    let messages = u32::try_from(exchanges.len()).unwrap();
    assert!(messages > 9, "{messages} messages");
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
    side_by_side(points, 6, |point| {
        let context = format!("{version:?}, first: {is_first}, {point:?} of {messages}");
        let world = World::new(installed, version, is_first);
        let Some(broken) = world.breaks(point, messages, &context) else {
            return world.is_in_step(&context);
        };
        let report = world.client.sync(Mode::TwoWay).unwrap();
        assert!(report.is_success(), "{context}: {report:#?}");
        let resumed = Traffic::of(&world.proxy.take_exchanges(), false);
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
        world.is_in_step(&context);
        // with its last answer the server has done its part: there is nothing to go on with
        let is_complete = point.message + SPREAD > messages && point.moment == Moment::After;
        if resumed.alerts.contains(&225) && !is_complete {
            resumed.goes_on_from(&broken, &whole, &context);
        }
        // after a resumed session the client sends what the broken one has sent once more as new
        for quiet in [false, true] {
            let report = world.client.sync(Mode::TwoWay).unwrap();
            assert!(report.is_success(), "{context}: {report:#?}");
            world.is_in_step(&context);
            let part = report.store("addressbook");
            if quiet {
                assert_eq!(part.sent, Counts::default(), "{context}");
            }
            assert_eq!(part.received, Counts::default(), "{context}");
        }
    });
}

#[test]
fn a_first_session_of_12_is_made_good_by_the_next() {
    breaks_everywhere(Version::V12, true);
}

#[test]
fn a_later_session_of_12_is_made_good_by_the_next() {
    breaks_everywhere(Version::V12, false);
}
