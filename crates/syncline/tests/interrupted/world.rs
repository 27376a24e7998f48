//! What every broken session has: a server, a network that breaks at a point, and contacts that one
//! side has and the other has not. Over an engine that several nodes can share, the server that a session
//! broke at is never that of the next one.

use std::path::Path;

use testkit::process::Server;
use testkit::proxy::{Break, Moment, Proxy};
use testkit::syncline::Installation;

use crate::{Contacts, PASSWORD, PROGRAM, USER, is_thorough};

/// What breaks a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client dies.
    Killed,
    /// The network does.
    Cut,
}

/// Where a session breaks, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) message: u32,
    pub(crate) moment: Moment,
    pub(crate) end: End,
}

impl Point {
    /// Those of a session of so many messages: all, or one way at each message, another one at the
    /// next.
    pub(crate) fn of_session(messages: u32) -> Vec<Self> {
        let mut points = Vec::new();
        for message in 1..=messages {
            for moment in [Moment::Before, Moment::After] {
                for end in [End::Killed, End::Cut] {
                    points.push(Self {
                        message,
                        moment,
                        end,
                    });
                }
            }
        }
        if !is_thorough() {
            let mut number = 0;
            points.retain(|point| {
                number += 1;
                number % 4 == point.message % 4
            });
        }
        points
    }
}

/// A server behind a network that can break.
pub(crate) struct World {
    installation: Installation,
    /// The node that sessions break at. Ends when the world does.
    first: Server,
    /// The one that goes on, where nodes can share their state.
    second: Option<Server>,
    pub(crate) proxy: Proxy,
}

impl World {
    /// `max_msg_size`: of the server's messages, in bytes.
    pub(crate) fn new(max_msg_size: u32) -> Self {
        let installation = Installation::new(PROGRAM).unwrap();
        installation.add_user(USER, PASSWORD).unwrap();
        let limit = format!("[server]\nmax-msg-size = {max_msg_size}\n");
        installation.configure(&limit).unwrap();
        let first = installation.serve().unwrap();
        let second = installation
            .is_shared()
            .then(|| installation.serve().unwrap());
        let proxy = Proxy::start(first.url()).unwrap();
        Self {
            installation,
            first,
            second,
            proxy,
        }
    }

    /// Lets everything pass again, to the node that has seen nothing of the broken session if there is one.
    pub(crate) fn mend(&self) {
        self.proxy.mend();
        self.proxy
            .lead_to(self.second.as_ref().unwrap_or(&self.first).url());
    }

    /// Gives the server and the client's folder contacts that the other has not; all of them.
    pub(crate) fn fill(&self, client: &Path) -> Contacts {
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
        self.installation
            .import(USER, "contacts", folder.path())
            .unwrap();
        ours.write(client);
        self.proxy.take_exchanges();
        ours.and(&theirs)
    }

    /// The server and the client's folder hold these contacts and nothing else.
    #[track_caller]
    pub(crate) fn holds(&self, contacts: &Contacts, client: &Path, context: &str) {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().display().to_string();
        self.installation
            .run(&["store", "export", "--user", USER, "contacts", &to], b"")
            .unwrap();
        contacts.are_in(folder.path(), &format!("{context}, server"));
        contacts.are_in(client, &format!("{context}, client"));
    }

    /// The next session breaks at `point`; a client that is to die gets no answer from then on.
    pub(crate) fn break_at(&self, point: Point) {
        let how = match point.end {
            End::Killed => Break::Silence,
            End::Cut => Break::Cut,
        };
        self.proxy.break_at(point.message, point.moment, how);
    }
}
