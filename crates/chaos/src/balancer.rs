//! The balancer: HTTP in, each message to a node that the seed chooses, one that listens.
//!
//! A message of which a node has seen anything is never given to another one; its sender is told 502
//! and sends it again, to a node that is chosen anew. That is what proxies do with POST.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long a node may take to take a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(40);

/// The longest head of a message or an answer, bytes.
const HEAD: usize = 64 << 10;

/// A balancer that runs as long as the runtime does.
#[derive(Debug, Clone)]
pub(crate) struct Balancer {
    shared: Arc<Shared>,
    url: String,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    nodes: Mutex<Vec<Option<SocketAddr>>>,
    /// Messages of each sender so far, by its `User-Agent`.
    senders: Mutex<HashMap<String, u64>>,
    messages: AtomicU64,
    lost: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One HTTP message.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Balancer {
    /// Begins to listen, for so many nodes, of which none is known yet.
    pub(crate) async fn start(seed: u64, nodes: usize) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/syncml", listener.local_addr()?);
        let shared = Arc::new(Shared {
            seed,
            nodes: Mutex::new(vec![None; nodes]),
            senders: Mutex::default(),
            messages: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move { serve(stream, &shared).await });
            }
        });
        Ok(Self { shared, url })
    }

    /// Where devices send their messages.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where a node listens.
    pub(crate) fn set_node(&self, node: usize, address: SocketAddr) {
        lock(&self.shared.nodes)[node] = Some(address);
    }

    /// Messages that have come.
    pub(crate) fn messages(&self) -> u64 {
        self.shared.messages.load(Ordering::Relaxed)
    }

    /// Messages whose node did not answer, or that none took.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// The nodes in the order in which the sender's next message tries them.
    fn order(&self, sender: &str) -> Vec<SocketAddr> {
        let number = {
            let mut senders = lock(&self.senders);
            let number = senders.entry(sender.to_owned()).or_default();
            *number += 1;
            *number
        };
        let mut hasher = DefaultHasher::new();
        (self.seed, sender, number).hash(&mut hasher);
        let mut order: Vec<SocketAddr> = lock(&self.nodes).iter().flatten().copied().collect();
        fastrand::Rng::with_seed(hasher.finish()).shuffle(&mut order);
        order
    }
}

/// Answers one message. A sender that has gone needs no answer.
async fn serve(mut client: TcpStream, shared: &Shared) {
    let Some(message) = read(&mut client).await else {
        return;
    };
    shared.messages.fetch_add(1, Ordering::Relaxed);
    let answer = if let Some(answer) = pass_on(&message, shared).await {
        answer
    } else {
        shared.lost.fetch_add(1, Ordering::Relaxed);
        let head = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        Message {
            head: head.to_owned(),
            body: Vec::new(),
        }
    };
    let _ = write(&mut client, &answer).await;
    let _ = client.shutdown().await;
}

/// Gives a message to the first node that takes a connection; its answer.
async fn pass_on(message: &Message, shared: &Shared) -> Option<Message> {
    let sender = value(&message.head, "user-agent").unwrap_or_default();
    for node in shared.order(sender) {
        let connected = timeout(CONNECT, TcpStream::connect(node)).await;
        let Ok(Ok(mut node)) = connected else {
            continue;
        };
        let (line, fields) = message.head.split_once("\r\n")?;
        let message = Message {
            head: format!("{line}\r\nConnection: close\r\n{fields}"),
            body: message.body.clone(),
        };
        write(&mut node, &message).await.ok()?;
        return timeout(ANSWER, read(&mut node)).await.ok()?;
    }
    None
}

async fn write(to: &mut TcpStream, message: &Message) -> std::io::Result<()> {
    to.write_all(message.head.as_bytes()).await?;
    to.write_all(&message.body).await
}

/// Reads a message; `None` when it does not come whole.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Message> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > HEAD || from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8(bytes).ok()?;
    let length = value(&head, "content-length")?.parse::<usize>().ok()?;
    let mut message = Message { head, body };
    while message.body.len() < length {
        if from.read_buf(&mut message.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(message)
}

/// The value of a field of a head.
fn value<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A node that answers with its own letter, or goes away once it has read a message.
    async fn node(letter: Option<char>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                read(&mut stream).await.unwrap();
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
                if let Some(letter) = letter {
                    let text = format!("{head}{letter}");
                    stream.write_all(text.as_bytes()).await.unwrap();
                }
            }
        });
        address
    }

    /// The status and the body for a message of a sender.
    async fn post(balancer: &Balancer, sender: &str) -> (String, String) {
        let address = balancer.url().trim_start_matches("http://");
        let address = address.trim_end_matches("/syncml");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let text =
            format!("POST /syncml HTTP/1.1\r\nUser-Agent: {sender}\r\nContent-Length: 2\r\n\r\nhi");
        stream.write_all(text.as_bytes()).await.unwrap();
        let answer = read(&mut stream).await.unwrap();
        let status = answer.head.split(' ').nth(1).unwrap().to_owned();
        (status, String::from_utf8(answer.body).unwrap())
    }

    async fn letters(seed: u64, sender: &str) -> String {
        let balancer = Balancer::start(seed, 3).await.unwrap();
        for (number, letter) in ['a', 'b', 'c'].into_iter().enumerate() {
            balancer.set_node(number, node(Some(letter)).await);
        }
        let mut letters = String::new();
        for _ in 0..20 {
            letters += &post(&balancer, sender).await.1;
        }
        letters
    }

    #[tokio::test]
    async fn a_seed_and_a_sender_choose_the_nodes() {
        let chosen = letters(1, "ann").await;
        assert_eq!(letters(1, "ann").await, chosen);
        assert_ne!(letters(1, "bob").await, chosen);
        assert_ne!(letters(2, "ann").await, chosen);
        assert!(['a', 'b', 'c'].iter().all(|node| chosen.contains(*node)));
    }

    #[tokio::test]
    async fn a_node_that_does_not_listen_is_passed_over_and_one_that_dies_is_told() {
        let balancer = Balancer::start(1, 3).await.unwrap();
        assert_eq!(post(&balancer, "ann").await.0, "502");
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        balancer.set_node(0, gone.local_addr().unwrap());
        drop(gone);
        balancer.set_node(1, node(Some('b')).await);
        for _ in 0..10 {
            assert_eq!(post(&balancer, "ann").await, ("200".into(), "b".into()));
        }
        balancer.set_node(1, node(None).await);
        assert_eq!(post(&balancer, "ann").await.0, "502");
        assert_eq!((balancer.messages(), balancer.lost()), (12, 2));
    }
}
