//! The HTTP binding, requirement by requirement, over raw sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bytes::Bytes;
use syncml::Encoding;
use transports::http::{Client, Exchange, Incoming, Options, Outgoing, Settings, serve};

/// Answers every message alike.
struct Echo;

impl Exchange for Echo {
    async fn exchange(&self, incoming: Incoming) -> Outgoing {
        Outgoing::Message {
            encoding: Encoding::Wbxml,
            body: incoming.body.to_vec(),
            mac: None,
        }
    }

    async fn ready(&self) -> bool {
        true
    }
}

async fn start() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let forever = std::future::pending();
    tokio::spawn(serve(
        listener,
        std::sync::Arc::new(Echo),
        Settings::default(),
        forever,
    ));
    address
}

/// What comes back on a new connection until the server closes it.
async fn raw(address: SocketAddr, request: &str) -> String {
    let request = request.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap()
}

const HEAD: &str =
    "POST /syncml HTTP/1.1\r\nHost: h\r\nContent-Type: application/vnd.syncml+wbxml\r\n";

// spec: N03
#[tokio::test]
async fn the_server_reads_chunks() {
    let address = start().await;
    let request = format!(
        "{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\n\x02ab\r\n2\r\ncd\r\n0\r\n\r\n"
    );
    let answer = raw(address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\x02abcd"), "{answer}");
}

/// Reads a request to the end of `body`.
fn request_of(stream: &mut TcpStream, body: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    while !request.ends_with(body) {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the request broke");
        request.extend_from_slice(&buffer[..read]);
    }
    request
}

// spec: N03
#[tokio::test]
async fn the_client_reads_chunks() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request_of(&mut stream, b"\x02message");
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.syncml+wbxml\r\n\
                  Transfer-Encoding: chunked\r\n\r\n3\r\n\x02an\r\n4\r\nswer\r\n0\r\n\r\n",
            )
            .unwrap();
    });
    let client = Client::new(Options::default()).unwrap();
    let message = Bytes::from_static(b"\x02message");
    let answer = client
        .post(&url, Encoding::Wbxml.media_type(), message)
        .await;
    assert_eq!(answer.unwrap().body, Bytes::from_static(b"\x02answer"));
    server.join().unwrap();
}

// spec: N09
#[tokio::test]
async fn each_message_may_have_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            request_of(&mut stream, b"\x02message");
            stream
                .write_all(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\
                      Content-Type: application/vnd.syncml+wbxml\r\n\r\n\x02a",
                )
                .unwrap();
        }
    });
    let client = Client::new(Options::default()).unwrap();
    for _ in 0..3 {
        let message = Bytes::from_static(b"\x02message");
        let answer = client
            .post(&url, Encoding::Wbxml.media_type(), message)
            .await;
        assert_eq!(answer.unwrap().body, Bytes::from_static(b"\x02a"));
    }
    server.join().unwrap();

    let address = start().await;
    for _ in 0..2 {
        let request = format!("{HEAD}Connection: close\r\nContent-Length: 2\r\n\r\n\x02a");
        let answer = raw(address, &request).await;
        assert!(answer.ends_with("\x02a"), "{answer}");
    }
}

// spec: N17
#[tokio::test]
async fn no_cookies_are_given_out() {
    let address = start().await;
    let request = format!("{HEAD}Connection: close\r\nContent-Length: 2\r\n\r\n\x02a");
    let answer = raw(address, &request).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(!answer.contains("set-cookie"), "{answer}");
}

// spec: N22
#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on() {
    let address = start().await;
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head =
            format!("{HEAD}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = [0; 25];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"\x02a").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\x02a"), "{answer}");
}
