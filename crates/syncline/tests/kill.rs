//! The server is killed at every kind of moment of a large sync: after its restart and the
//! client's next sync both sides are equal, nothing is lost and nothing doubled.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use testkit::items::{self, Kind};
use testkit::process::Server;
use testkit::syncline::{Device, Installation, Transfer};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");

/// Items on each side before the sync.
const ITEMS: u32 = 500;

/// Small enough for some fifty messages.
const MAX_MSG_SIZE: &str = "16000";

/// Messages of the sync that a server is killed at.
const MESSAGES: u32 = 48;

/// When the server dies, seen from the message that it dies at.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// It never sees the message.
    Before,
    /// It has the message, and dies at work.
    During,
    /// It has answered, and the answer is lost.
    After,
}

/// The network between client and server: passes messages on, and kills the server at one of them.
struct Network {
    url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    server: Option<Server>,
    messages: u32,
    kill_at: u32,
    moment: Moment,
}

impl State {
    fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }
}

impl Network {
    fn new(server: Server, kill_at: u32, moment: Moment) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/syncml", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            server: Some(server),
            messages: 0,
            kill_at,
            moment,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared) = (stream, Arc::clone(&shared)) else {
                    return;
                };
                // an error ends the connection, which is what the client is to see
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { url, state }
    }

    fn restart(&self, server: Server) {
        self.state.lock().unwrap().server = Some(server);
    }

    /// Whether the server died; from now on it lives.
    fn has_killed(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.kill_at = 0;
        state.server.is_none()
    }
}

/// Passes on the messages of one connection.
fn serve(client: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    loop {
        let request = read_message(client)?;
        let (address, moment) = {
            let mut state = state.lock().unwrap();
            state.messages += 1;
            let dies = state.messages == state.kill_at;
            let moment = dies.then_some(state.moment);
            if let Some(Moment::Before) = moment {
                state.kill();
            }
            let Some(server) = &state.server else {
                return Ok(());
            };
            (server.address().to_owned(), moment)
        };
        let mut backend = TcpStream::connect(address)?;
        backend.write_all(&request)?;
        if let Some(Moment::During) = moment {
            state.lock().unwrap().kill();
            return Ok(());
        }
        let answer = read_message(&backend)?;
        if let Some(Moment::After) = moment {
            state.lock().unwrap().kill();
            return Ok(());
        }
        let mut client = client;
        client.write_all(&answer)?;
    }
}

/// The bytes of one HTTP message with a `Content-Length`.
fn read_message(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let mut byte = [0];
    while !message.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        message.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&message).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |value| value.trim().parse().unwrap());
    let begun = message.len();
    message.resize(begun + length, 0);
    stream.read_exact(&mut message[begun..])?;
    Ok(message)
}

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
    let data = installation.data();
    let start = |program: &std::path::Path| {
        Server::start_with(
            program,
            &data,
            "127.0.0.1:0",
            &["--max-msg-size", MAX_MSG_SIZE],
        )
        .unwrap()
    };
    let network = Network::new(start(PROGRAM.as_ref()), message, moment);

    let mut device = Device::new(
        PROGRAM,
        &network.url,
        "ann",
        "secret",
        &[("contacts", Kind::Contact)],
    )
    .unwrap();
    device.arguments = vec!["--max-msg-size".into(), MAX_MSG_SIZE.into()];
    let own = device.folder("contacts");
    items::fill(&own, Kind::Contact, ITEMS + 1..=2 * ITEMS, 0).unwrap();

    let broken = device.run("two-way").unwrap();
    let killed = network.has_killed();
    if killed {
        assert_eq!(broken.code, Some(3), "the peer is gone: {}", broken.all());
        network.restart(start(PROGRAM.as_ref()));
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
