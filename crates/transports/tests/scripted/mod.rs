//! A server that answers as scripted and keeps what it was sent.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use bytes::Bytes;
use syncml::Encoding;
use transports::http::{Answer, Client, Error};

/// Head, in lower case, and body.
pub fn parts(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    Some((head, &bytes[end + 4..]))
}

/// A request: its head in lower case, and its body.
pub type Seen = (String, Vec<u8>);

/// A server that reads one request after another, each from its own connection, and answers as
/// scripted. Gives the requests back.
pub fn scripted(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/sync", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            requests.push(request_of(&mut stream));
            stream.write_all(&answer).unwrap();
        }
        requests
    });
    (url, server)
}

pub fn request_of(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the request broke");
        bytes.extend_from_slice(&buffer[..read]);
        if let Some((head, body)) = parts(&bytes)
            && body.len() == length(&head)
        {
            return (head, body.to_vec());
        }
    }
}

pub fn length(head: &str) -> usize {
    let line = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    line.expect("a length").parse().unwrap()
}

pub fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/vnd.syncml+wbxml\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub async fn send(client: &Client, url: &str, body: &[u8]) -> Result<Answer, Error> {
    let body = Bytes::copy_from_slice(body);
    client.post(url, Encoding::Wbxml.media_type(), body).await
}
