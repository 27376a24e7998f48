//! The network between a client and a server, which a test can break at any message.
//!
//! ```text
//! client ─▶ Proxy ─▶ server        every exchange is kept, so that a test can tell what was sent
//! client ◀─ Proxy ◀─ server        twice; from the broken message on nothing passes until mended
//! ```

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::Error;

/// When the network breaks, seen from the message that it breaks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The server never sees the message.
    Before,
    /// The server has the message and is at work, and its answer goes nowhere.
    During,
    /// The server has answered, and the answer is lost.
    After,
}

/// How the network breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Connections end.
    Cut,
    /// Nothing comes any more, and nobody hears why.
    Silence,
}

/// A message that has reached the server, and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// The body that the client sent.
    pub request: Vec<u8>,
    /// The body of the answer.
    pub answer: Vec<u8>,
    /// The client's `Content-Type`.
    pub media_type: String,
}

/// Passes HTTP messages on, from a port of its own.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    mended: Condvar,
}

#[derive(Debug)]
struct State {
    /// `HOST:PORT` of the server.
    server: String,
    messages: u32,
    breaks: Option<(u32, Moment, Break)>,
    broken: Option<Break>,
    exchanges: Vec<Exchange>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection of a broken network, at once or when it is mended.
    fn stop(&self, how: Break) -> io::Error {
        let mut state = self.state();
        while how == Break::Silence && state.broken.is_some() {
            state = self
                .mended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        io::ErrorKind::ConnectionReset.into()
    }
}

impl Proxy {
    /// A network to the server at `url`, which passes everything on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is no port.
    pub fn start(url: &str) -> Result<Self, Error> {
        let (server, path) = split(url);
        let listener =
            TcpListener::bind("127.0.0.1:0").map_err(Error::io("a port of the loopback"))?;
        let address = listener
            .local_addr()
            .map_err(Error::io("a port of the loopback"))?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                server: server.to_owned(),
                messages: 0,
                breaks: None,
                broken: None,
                exchanges: Vec::new(),
            }),
            mended: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // an error ends the connection, which is what the client is to see
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self {
            url: format!("http://{address}{path}"),
            shared,
        })
    }

    /// The address for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Breaks at the `message`th message from now on, counted from 1.
    pub fn break_at(&self, message: u32, moment: Moment, how: Break) {
        let mut state = self.shared.state();
        state.messages = 0;
        state.breaks = Some((message, moment, how));
    }

    /// Whether the network is broken now.
    pub fn is_broken(&self) -> bool {
        self.shared.state().broken.is_some()
    }

    /// Lets everything pass from now on; whether it had been broken.
    pub fn mend(&self) -> bool {
        let mut state = self.shared.state();
        state.breaks = None;
        let was_broken = state.broken.take().is_some();
        self.shared.mended.notify_all();
        was_broken
    }

    /// Goes on with the server at another address.
    pub fn lead_to(&self, url: &str) {
        split(url).0.clone_into(&mut self.shared.state().server);
    }

    /// The exchanges since this was asked last.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.shared.state().exchanges)
    }
}

/// `HOST:PORT` and the path of an address.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .map_or((rest, "/"), |slash| rest.split_at(slash))
}

/// Passes on the messages of one connection.
fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut from_client = BufReader::new(client);
    loop {
        let request = read_message(&mut from_client, Some(client))?;
        let (server, moment) = {
            let mut state = shared.state();
            if let Some(how) = state.broken {
                drop(state);
                return Err(shared.stop(how));
            }
            state.messages += 1;
            let moment = state
                .breaks
                .filter(|(message, ..)| *message == state.messages)
                .map(|(_, moment, how)| (moment, how));
            (state.server.clone(), moment)
        };
        let stop_at = |now: Moment| {
            let (_, how) = moment.filter(|(moment, _)| *moment == now)?;
            shared.state().broken = Some(how);
            Some(shared.stop(how))
        };
        if let Some(end) = stop_at(Moment::Before) {
            return Err(end);
        }
        let server = TcpStream::connect(server)?;
        request.write(&server)?;
        if let Some(end) = stop_at(Moment::During) {
            return Err(end);
        }
        let answer = read_message(&mut BufReader::new(&server), None)?;
        shared.state().exchanges.push(Exchange {
            request: request.body().to_vec(),
            media_type: request.media_type,
            answer: answer.body().to_vec(),
        });
        if let Some(end) = stop_at(Moment::After) {
            return Err(end);
        }
        answer.write(client)?;
    }
}

struct Message {
    bytes: Vec<u8>,
    /// Where the body begins.
    head: usize,
    media_type: String,
}

impl Message {
    fn body(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// Writes it in one piece: the end of one in two waits for the other side's word.
    fn write(&self, mut to: &TcpStream) -> io::Result<()> {
        to.set_nodelay(true)?;
        to.write_all(&self.bytes)
    }
}

/// Reads one HTTP message with a `Content-Length`. `asking` is told to send its body if it waits
/// for that.
fn read_message(
    from: &mut BufReader<&TcpStream>,
    asking: Option<&TcpStream>,
) -> io::Result<Message> {
    let mut message = Message {
        bytes: Vec::new(),
        head: 0,
        media_type: String::new(),
    };
    let mut length = 0;
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&line).to_lowercase();
        let value = |name: &str| text.strip_prefix(name).map(|value| value.trim().to_owned());
        if let Some(value) = value("content-length:") {
            length = value.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        }
        if let Some(value) = value("content-type:") {
            message.media_type = value;
        }
        match asking {
            Some(mut client) if value("expect:").is_some() => {
                client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            // so that what passes can be read
            _ if value("accept-encoding:").is_some() => {}
            _ => message.bytes.extend(&line),
        }
        if line == b"\r\n" {
            break;
        }
    }
    message.head = message.bytes.len();
    message.bytes.resize(message.head + length, 0);
    let body = message.bytes.get_mut(message.head..).unwrap_or_default();
    from.read_exact(body)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A server that answers each message with the body's length, and says how many it has seen.
    fn server() -> (String, Arc<Mutex<u32>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/path", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(0));
        let count = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(message) = read_message(&mut BufReader::new(&stream), None) else {
                    continue;
                };
                *count.lock().unwrap() += 1;
                let text = message.body().len().to_string();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
                (&stream).write_all((answer + &text).as_bytes()).unwrap();
            }
        });
        (url, seen)
    }

    fn post(proxy: &Proxy, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(split(proxy.url()).0)?;
        let length = body.len();
        let head =
            format!("POST /path HTTP/1.1\r\nContent-Type: a/b\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes())?;
        let answer = read_message(&mut BufReader::new(&stream), None)?;
        Ok(String::from_utf8(answer.body().to_vec()).unwrap())
    }

    #[test]
    fn messages_pass_until_the_break_and_after_it_is_mended() {
        let (url, seen) = server();
        let proxy = Proxy::start(&url).unwrap();
        assert!(proxy.url().ends_with("/path"));
        assert_eq!(post(&proxy, "abc").unwrap(), "3");
        for (moment, reached) in [(Moment::Before, 2), (Moment::After, 4)] {
            proxy.break_at(2, moment, Break::Cut);
            assert_eq!(post(&proxy, "abcd").unwrap(), "4");
            post(&proxy, "lost").unwrap_err();
            assert!(proxy.is_broken());
            post(&proxy, "lost too").unwrap_err();
            assert_eq!(*seen.lock().unwrap(), reached, "{moment:?}");
            assert!(proxy.mend());
        }
        assert_eq!(post(&proxy, "").unwrap(), "0");
        assert!(!proxy.mend());
        let bodies: Vec<_> = proxy
            .take_exchanges()
            .into_iter()
            .map(|exchange| (exchange.request, exchange.answer, exchange.media_type))
            .collect();
        let kept = |request: &str, answer: &str| {
            (
                request.as_bytes().to_vec(),
                answer.as_bytes().to_vec(),
                "a/b".to_owned(),
            )
        };
        assert_eq!(
            bodies,
            [
                kept("abc", "3"),
                kept("abcd", "4"),
                kept("abcd", "4"),
                kept("lost", "4"),
                kept("", "0"),
            ]
        );
        assert!(proxy.take_exchanges().is_empty());
    }
}
