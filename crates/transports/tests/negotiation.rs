//! What the two sides agree on in headers: types, charsets, codings, cookies.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scripted;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use scripted::{length, parts, request_of, response, scripted, send};
use syncml::Encoding;
use transports::http::{Client, Error, Exchange, Incoming, Options, Outgoing, Settings, serve};

/// Answers a message with its own bytes, in the encoding asked for.
struct Echo;

impl Exchange for Echo {
    async fn exchange(&self, incoming: Incoming) -> Outgoing {
        Outgoing::Message {
            encoding: incoming.answer_as.unwrap_or(Encoding::Wbxml),
            body: incoming.body.to_vec(),
            mac: None,
        }
    }

    async fn ready(&self) -> bool {
        true
    }
}

async fn start(settings: Settings) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let forever = std::future::pending();
    tokio::spawn(serve(listener, Arc::new(Echo), settings, forever));
    address
}

/// Posts a body with these header lines; the head of the answer in lower case, and its body.
async fn post(address: SocketAddr, headers: &str, body: &[u8]) -> (String, Vec<u8>) {
    let head = format!(
        "POST /syncml HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/vnd.syncml+wbxml\r\n{headers}\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let (head, body) = parts(&answer).expect("a complete head");
    (head, body.to_vec())
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain
}

// spec: N05
#[tokio::test]
async fn the_answer_is_of_the_type_that_is_accepted() {
    let address = start(Settings::default()).await;
    for (accept, media_type) in [
        ("application/vnd.syncml+xml", "application/vnd.syncml+xml"),
        (
            "application/vnd.syncml+wbxml",
            "application/vnd.syncml+wbxml",
        ),
        ("*/*", "application/vnd.syncml+wbxml"),
    ] {
        let (head, _) = post(address, &format!("Accept: {accept}\r\n"), b"\x02a").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let line = format!("content-type: {media_type}");
        assert!(head.lines().any(|one| one == line), "{accept}: {head}");
    }
}

// spec: N06
#[tokio::test]
async fn who_takes_no_utf8_gets_no_message() {
    let address = start(Settings::default()).await;
    let (head, body) = post(address, "Accept-Charset: x-foo\r\n", b"\x02a").await;
    assert!(head.starts_with("http/1.1 406"), "{head}");
    assert_eq!(body, b"");
    let both = "Accept-Charset: iso-8859-1;q=1, UTF-8;q=0.5\r\n";
    let (head, body) = post(address, both, b"\x02a").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, b"\x02a");
}

// spec: N05 N06
#[tokio::test]
async fn the_client_says_what_it_takes() {
    let (url, server) = scripted(vec![response("200 OK", "", b"\x02")]);
    let client = Client::new(Options::default()).unwrap();
    send(&client, &url, b"\x02a").await.unwrap();
    let (head, _) = server.join().unwrap().remove(0);
    for line in [
        "accept: application/vnd.syncml+wbxml",
        "accept-charset: utf-8",
        "accept-encoding: gzip, deflate",
    ] {
        assert!(head.lines().any(|one| one == line), "{line}: {head}");
    }
}

// spec: N13
#[tokio::test]
async fn the_server_reads_and_writes_compressed_bodies() {
    let address = start(Settings::default()).await;
    let body = [b"\x02".to_vec(), b"TEL:1\r\n".repeat(1000)].concat();
    for (coding, bytes) in [("gzip", gzip(&body)), ("deflate", deflate(&body))] {
        let headers = format!("Content-Encoding: {coding}\r\n");
        let (head, answer) = post(address, &headers, &bytes).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(!head.contains("content-encoding"), "{head}");
        assert!(answer == body, "{coding}");
    }
    let (head, answer) = post(address, "Accept-Encoding: gzip\r\n", &body).await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(head.contains("accept-encoding: gzip, deflate"), "{head}");
    assert_eq!(length(&head), answer.len());
    assert!(answer.len() < body.len() / 4);
    assert!(gunzip(&answer) == body);
    let (head, answer) = post(address, "Accept-Encoding: gzip\r\n", b"\x02small").await;
    assert!(!head.contains("content-encoding"), "{head}");
    assert_eq!(answer, b"\x02small");
}

// spec: N13 K10
#[tokio::test]
async fn a_body_may_not_expand_beyond_the_limit() {
    let address = start(Settings {
        max_body: 100_000,
        ..Settings::default()
    })
    .await;
    let headers = "Content-Encoding: gzip\r\n";
    let (head, _) = post(address, headers, &gzip(&vec![2; 20 << 20])).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    let (head, _) = post(address, headers, &gzip(&vec![2; 100_000])).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let (head, _) = post(address, headers, &gzip(b"")).await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
}

// spec: N13
#[tokio::test]
async fn the_client_compresses_for_servers_that_say_they_take_it() {
    let large = b"\x02ADR:;;;\r\n".repeat(500);
    let announce = "Accept-Encoding: gzip\r\n";
    let coded = "Content-Encoding: gzip\r\n";
    let (url, server) = scripted(vec![
        response("200 OK", announce, b"\x02"),
        response("200 OK", coded, &gzip(b"\x02answer")),
        response("200 OK", "", b"\x02"),
        response("415 Unsupported Media Type", "", b""),
        response("200 OK", "", b"\x02"),
        response("200 OK", "", b"\x02"),
    ]);
    let client = Client::new(Options::default()).unwrap();
    send(&client, &url, &large).await.unwrap();
    let answer = send(&client, &url, &large).await.unwrap();
    assert_eq!(answer.body, Bytes::from_static(b"\x02answer"));
    send(&client, &url, b"\x02small").await.unwrap();
    send(&client, &url, &large).await.unwrap();
    send(&client, &url, &large).await.unwrap();
    let requests = server.join().unwrap();
    let is_coded: Vec<bool> = requests
        .iter()
        .map(|(head, _)| head.contains("content-encoding: gzip"))
        .collect();
    assert_eq!(is_coded, [false, true, false, true, false, false]);
    for (request, is_coded) in requests.iter().zip(is_coded) {
        let body = &request.1;
        let plain = if is_coded { gunzip(body) } else { body.clone() };
        assert!(plain == large || plain == b"\x02small");
    }
}

// spec: N13
#[tokio::test]
async fn answers_may_not_expand_beyond_the_limit() {
    let coded = |coding: &str, body: &[u8]| {
        response("200 OK", &format!("Content-Encoding: {coding}\r\n"), body)
    };
    let (url, server) = scripted(vec![
        coded("gzip", &gzip(&vec![2; 20 << 20])),
        coded("gzip", b"\x02 no gzip"),
        coded("br", b"\x02"),
    ]);
    let client = Client::new(Options {
        max_answer: 1 << 20,
        ..Options::default()
    })
    .unwrap();
    let error = send(&client, &url, b"\x02").await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    for _ in 0..2 {
        let error = send(&client, &url, b"\x02").await.unwrap_err();
        assert!(matches!(error, Error::Coding { .. }), "{error}");
    }
    server.join().unwrap();
}

// spec: N16
#[tokio::test]
async fn cookies_go_back_to_the_server() {
    let (url, server) = scripted(vec![
        response(
            "200 OK",
            "Set-Cookie: node=a1; Path=/; HttpOnly\r\n",
            b"\x02",
        ),
        response("200 OK", "Set-Cookie: node=b2; Path=/\r\n", b"\x02"),
        response("200 OK", "", b"\x02"),
    ]);
    let client = Client::new(Options::default()).unwrap();
    for _ in 0..3 {
        send(&client, &url, b"\x02").await.unwrap();
    }
    let requests = server.join().unwrap();
    let cookie = |index: usize| {
        let (head, _) = &requests[index];
        head.lines()
            .find_map(|line| line.strip_prefix("cookie: "))
            .map(str::to_owned)
    };
    assert_eq!(cookie(0), None);
    assert_eq!(cookie(1).as_deref(), Some("node=a1"));
    assert_eq!(cookie(2).as_deref(), Some("node=b2"));
}

// spec: N10
#[tokio::test]
async fn the_connection_is_closed_at_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
                     Content-Type: application/vnd.syncml+wbxml\r\n\r\n\x02a";
        for _ in 0..2 {
            request_of(&mut stream);
            stream.write_all(kept).unwrap();
        }
        // less than a connection without use is kept
        let patience = Some(Duration::from_secs(4));
        stream.set_read_timeout(patience).unwrap();
        stream.read(&mut [0]).unwrap()
    });
    let client = Client::new(Options::default()).unwrap();
    send(&client, &url, b"\x02").await.unwrap();
    send(&client, &url, b"\x02").await.unwrap();
    client.close();
    let read = tokio::task::spawn_blocking(move || server.join().unwrap());
    assert_eq!(read.await.unwrap(), 0, "the client closes");
}
