//! The server over raw sockets, as devices of the period talk to it, and the client against
//! scripted servers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use syncml::Encoding;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use transports::http::{
    Client, Error, Exchange, Incoming, Options, Outgoing, RespUri, Settings, serve,
};

/// Remembers what came and answers what it is told.
struct Scripted {
    seen: Mutex<Vec<Incoming>>,
    answer: Mutex<Outgoing>,
    ready: AtomicBool,
    /// Held by an exchange until the test lets it go on.
    gate: tokio::sync::Mutex<()>,
}

impl Exchange for Scripted {
    async fn exchange(&self, incoming: Incoming) -> Outgoing {
        self.seen.lock().unwrap().push(incoming);
        let _open = self.gate.lock().await;
        self.answer.lock().unwrap().clone()
    }

    async fn ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    fn metrics(&self) -> String {
        "scripted 1\n".to_owned()
    }
}

struct Server {
    address: SocketAddr,
    exchange: Arc<Scripted>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

async fn start(settings: Settings) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let exchange = Arc::new(Scripted {
        seen: Mutex::default(),
        answer: Mutex::new(Outgoing::Message {
            encoding: Encoding::Wbxml,
            body: b"\x02answer".to_vec(),
            mac: None,
        }),
        ready: AtomicBool::new(true),
        gate: tokio::sync::Mutex::default(),
    });
    let (stop, stopped) = oneshot::channel();
    let serving = serve(listener, Arc::clone(&exchange), settings, async {
        let _ = stopped.await;
    });
    Server {
        address,
        exchange,
        stop: Some(stop),
        task: tokio::spawn(serving),
    }
}

impl Server {
    /// Sends bytes on a new connection and reads until the server closes it.
    async fn raw(&self, bytes: &[u8]) -> String {
        let (address, bytes) = (self.address, bytes.to_vec());
        tokio::task::spawn_blocking(move || raw(address, &bytes))
            .await
            .unwrap()
    }

    /// A POST of `body` to `path` with the given header lines.
    async fn post(&self, path: &str, headers: &str, body: &[u8]) -> String {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: sync.example\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.raw(&request).await
    }

    fn last(&self) -> Incoming {
        self.exchange.seen.lock().unwrap().last().unwrap().clone()
    }

    fn answer_with(&self, outgoing: Outgoing) {
        *self.exchange.answer.lock().unwrap() = outgoing;
    }
}

fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // a reset after the answer is as good as a close
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or("0").parse().unwrap()
}

const WBXML: &str = "Content-Type: application/vnd.syncml+wbxml\r\n";

// spec: N01 N02 N04
#[tokio::test]
async fn a_message_is_answered_with_its_headers() {
    let server = start(Settings::default()).await;
    let headers = "Content-Type: application/vnd.syncml+xml; charset=\"iso-8859-1\"\r\n\
                   User-Agent: phone\r\nX-Forwarded-Proto: https\r\n";
    let answer = server.post("/syncml?sid=abc", headers, b"<SyncML/>").await;
    assert_eq!(status(&answer), 200, "{answer}");
    let lower = answer.to_lowercase();
    assert!(lower.contains("content-type: application/vnd.syncml+wbxml\r\n"));
    assert!(lower.contains("content-length: 7\r\n"));
    assert!(lower.contains("cache-control: no-store, private\r\n"));
    assert!(answer.ends_with("\x02answer"));
    assert_eq!(
        server.last(),
        Incoming {
            body: Bytes::from_static(b"<SyncML/>"),
            media_type: "application/vnd.syncml+xml".to_owned(),
            charset: Some("iso-8859-1".to_owned()),
            answer_as: None,
            token: Some("abc".to_owned()),
            resp_uri_base: Some("https://sync.example/syncml".to_owned()),
            mac: None,
            user_agent: Some("phone".to_owned()),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    );
}

#[tokio::test]
async fn old_clients_are_understood() {
    let server = start(Settings::default()).await;
    let old = b"POST /servlet/funambol/ds HTTP/1.0\r\nContent-Length: 4\r\n\
                Content-Type: application/vnd.syncml+wbxml;x=\xe9\r\nUser-Agent: \xe9\r\n\r\n\x02abc";
    let answer = server.raw(old).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(server.last().resp_uri_base, None, "there was no Host");

    let chunked = b"POST /ds HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
                    Transfer-Encoding: chunked\r\n\r\n2\r\n\x02a\r\n2\r\nbc\r\n0\r\n\r\n";
    let answer = server.raw(chunked).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(server.last().body, Bytes::from_static(b"\x02abc"));
    assert_eq!(server.last().media_type, "");

    let gateway: Vec<String> = (0..150).map(|n| format!("X-Gateway-{n}: 1\r\n")).collect();
    let crowded = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}Content-Length: 1\r\n\r\n\x03",
        gateway.concat()
    );
    assert_eq!(status(&server.raw(crowded.as_bytes()).await), 200);
}

// spec: K10 N12
#[tokio::test]
async fn requests_are_refused_by_kind() {
    let settings = Settings {
        max_body: 100,
        ..Settings::default()
    };
    let server = start(settings).await;
    let post = async |headers: &str, body: &[u8]| status(&server.post("/", headers, body).await);
    assert_eq!(post("Content-Type: text/html\r\n", b"<html>").await, 415);
    assert_eq!(post("", b"name=value").await, 415);
    assert_eq!(post(WBXML, b"").await, 400);
    assert_eq!(post(WBXML, &[2; 101]).await, 413);
    assert_eq!(post(WBXML, &[2; 100]).await, 200);
    let coded = |coding: &str| format!("{WBXML}Content-Encoding: {coding}\r\n");
    assert_eq!(post(&coded("br"), b"\x1f\x8b").await, 415);
    assert_eq!(post(&coded("gzip"), b"\x1f\x8b").await, 400);
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         65\r\n{}\r\n0\r\n\r\n",
        "<".repeat(101)
    );
    assert_eq!(status(&server.raw(chunked.as_bytes()).await), 413);
    let unframed = b"POST / HTTP/1.0\r\n\r\n\x02abc";
    assert_eq!(status(&server.raw(unframed).await), 411);
    let put = b"PUT /syncml HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let answer = server.raw(put).await;
    assert_eq!(status(&answer), 405);
    assert!(answer.to_lowercase().contains("allow: get, head, post"));
    assert_eq!(
        status(&server.post("/elsewhere", WBXML, b"\x02").await),
        404
    );
}

#[tokio::test]
async fn outcomes_become_statuses() {
    let server = start(Settings::default()).await;
    server.answer_with(Outgoing::Unreadable {
        reason: "no header".to_owned(),
    });
    let answer = server.post("/", WBXML, b"\x02").await;
    assert_eq!(status(&answer), 400);
    assert!(answer.ends_with("no header\n"));
    server.answer_with(Outgoing::Unavailable {
        retry_after: Duration::from_secs(7),
    });
    let answer = server.post("/", WBXML, b"\x02").await;
    assert_eq!(status(&answer), 503);
    assert!(answer.to_lowercase().contains("retry-after: 7\r\n"));
    server.answer_with(Outgoing::Failed);
    assert_eq!(status(&server.post("/", WBXML, b"\x02").await), 500);

    let metrics = server
        .raw(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        .await;
    for line in [
        "syncline_http_requests_total{status=\"400\"} 1\n",
        "syncline_http_requests_total{status=\"503\"} 1\n",
        "syncline_http_received_bytes_total 3\n",
        "scripted 1\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn watchers_and_people_are_answered() {
    let server = start(Settings::default()).await;
    let get = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        server.raw(request.as_bytes()).await
    };
    assert!(get("/healthz").await.ends_with("ok\n"));
    assert_eq!(status(&get("/readyz").await), 200);
    server.exchange.ready.store(false, Ordering::SeqCst);
    assert_eq!(status(&get("/readyz").await), 503);
    let answer = get("/syncml").await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("SyncML"), "{answer}");
}

#[tokio::test]
async fn slow_requests_are_cut_off() {
    let settings = Settings {
        header_timeout: Duration::from_millis(200),
        body_idle_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let server = start(settings).await;
    // both return only because the server closes the connection
    let answer = server.raw(b"POST / HTTP/1.1\r\nHos").await;
    assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
    let answer = server
        .raw(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n\x02")
        .await;
    assert_eq!(status(&answer), 408, "{answer}");
}

const REQUEST: &[u8] =
    b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\n\x02";

// spec: K01
#[tokio::test]
async fn who_finds_no_place_is_told_to_come_later() {
    let of_all = Settings {
        max_connections: 1,
        ..Settings::default()
    };
    let of_a_peer = Settings {
        max_connections_per_peer: 1,
        ..Settings::default()
    };
    for settings in [of_all, of_a_peer] {
        let server = start(settings).await;
        let closed = server.exchange.gate.lock().await;
        let address = server.address;
        let first = tokio::task::spawn_blocking(move || raw(address, REQUEST));
        while server.exchange.seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        // a body that is not read would have the answer lost
        let body = vec![2; 50_000];
        let answer = server.post("/", WBXML, &body).await;
        assert_eq!(status(&answer), 503, "{answer}");
        let head = answer.to_lowercase();
        assert!(head.contains("retry-after: 5\r\n"), "{answer}");
        let alive = server
            .raw(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(status(&alive), 200, "{alive}");
        drop(closed);
        assert_eq!(status(&first.await.unwrap()), 200);
        // a client closes first, so its place is free only when the server has seen that
        while status(&server.raw(REQUEST).await) == 503 {}
        let seen = server.exchange.seen.lock().unwrap().len();
        assert_eq!(seen, 2, "who was told has reached nobody");
        let metrics = server
            .raw(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            .await;
        assert!(metrics.contains("{status=\"503\"}"), "{metrics}");
    }
}

#[tokio::test]
async fn who_says_nothing_takes_no_place_from_those_who_are_told() {
    let settings = Settings {
        max_connections: 1,
        header_timeout: Duration::from_millis(300),
        ..Settings::default()
    };
    let server = start(settings).await;
    let closed = server.exchange.gate.lock().await;
    let address = server.address;
    let first = tokio::task::spawn_blocking(move || raw(address, REQUEST));
    while server.exchange.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let connect = move || {
        let connections = (0..200).map(|_| TcpStream::connect(address).unwrap());
        connections.collect::<Vec<_>>()
    };
    let silent = tokio::task::spawn_blocking(connect).await.unwrap();
    assert_eq!(status(&server.raw(REQUEST).await), 503);
    drop(silent);
    drop(closed);
    assert_eq!(status(&first.await.unwrap()), 200);
}

#[tokio::test]
async fn answers_that_nobody_takes_give_their_connection_back() {
    let settings = Settings {
        max_connections: 1,
        write_timeout: Duration::from_millis(200),
        ..Settings::default()
    };
    let server = start(settings).await;
    server.answer_with(Outgoing::Message {
        encoding: Encoding::Wbxml,
        body: vec![2; 64 << 20],
        mac: None,
    });
    let mut deaf = TcpStream::connect(server.address).unwrap();
    deaf.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\x02")
        .unwrap();
    while server.exchange.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // served only when the one place is free again
    let served = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    while status(&server.raw(served).await) == 503 {}
    drop(deaf);
}

#[tokio::test]
async fn bodies_share_the_memory_there_is() {
    let settings = Settings {
        max_body_memory: 2000,
        ..Settings::default()
    };
    let server = start(settings).await;
    let closed = server.exchange.gate.lock().await;
    let address = server.address;
    let body = [2; 900];
    let head = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 900\r\n\r\n";
    let request = [head.as_bytes(), &body].concat();
    let first = tokio::task::spawn_blocking(move || raw(address, &request));
    while server.exchange.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let answer = server.post("/", WBXML, &body).await;
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 10\r\n"));
    drop(closed);
    assert_eq!(status(&first.await.unwrap()), 200);
    server.exchange.seen.lock().unwrap().clear();
    assert_eq!(status(&server.post("/", WBXML, &body).await), 200);
}

#[tokio::test]
async fn a_request_in_hand_is_answered_during_shutdown() {
    let mut server = start(Settings::default()).await;
    let exchange = Arc::clone(&server.exchange);
    let closed = exchange.gate.lock().await;
    let address = server.address;
    let client = tokio::task::spawn_blocking(move || {
        raw(
            address,
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n\x02",
        )
    });
    while exchange.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    server.stop.take().unwrap().send(()).unwrap();
    tokio::task::yield_now().await;
    assert!(!server.task.is_finished());
    drop(closed);
    let answer = client.await.unwrap();
    assert_eq!(status(&answer), 200);
    server.task.await.unwrap();
    assert!(TcpStream::connect(address).is_err());
}

fn quick() -> Client {
    Client::new(Options {
        pauses: vec![Duration::ZERO; 2],
        read_timeout: Duration::from_secs(5),
        max_answer: 1000,
        ..Options::default()
    })
    .unwrap()
}

/// Answers each connection with the next text, the empty one by closing it; gives the requests.
async fn peer(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/syncml", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"message") {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "the request broke");
                request.extend_from_slice(&buffer[..read]);
            }
            requests.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (url, task)
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn good() -> String {
    reply(
        "200 OK",
        "Content-Type: application/vnd.syncml+xml;charset=UTF-8\r\n",
        "<SyncML/>",
    )
}

const MESSAGE: Bytes = Bytes::from_static(b"message");
const XML: &str = "application/vnd.syncml+xml";

// spec: N01 N02 N04 N05 N06 N07 N08
#[tokio::test]
async fn the_client_sends_what_the_binding_wants() {
    let (url, task) = peer(vec![good()]).await;
    let answer = quick().post(&url, XML, MESSAGE).await.unwrap();
    assert_eq!(answer.body, Bytes::from_static(b"<SyncML/>"));
    assert_eq!(answer.media_type, XML);
    assert_eq!(answer.charset.as_deref(), Some("UTF-8"));
    let request = task.await.unwrap().remove(0).to_lowercase();
    for line in [
        "content-type: application/vnd.syncml+xml; charset=utf-8\r\n",
        "accept: application/vnd.syncml+xml\r\n",
        "accept-charset: utf-8\r\n",
        "cache-control: no-store\r\n",
        "content-length: 7\r\n",
        "user-agent: syncline/",
    ] {
        assert!(request.contains(line), "{line} is not in {request}");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/syncml", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"message") {
            stream.read_buf(&mut request).await.unwrap();
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.syncml+xml\r\n\
                    Content-Length: 100000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // no pause is as long as the client's patience
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let client = Client::new(Options {
        pauses: Vec::new(),
        read_timeout: Duration::from_millis(500),
        ..Options::default()
    });
    let error = client.unwrap().post(&url, XML, MESSAGE).await.unwrap_err();
    assert!(error.to_string().contains("too slowly"), "{error}");
}

// spec: N19
#[tokio::test]
async fn lost_answers_are_asked_for_again() {
    let busy = reply("503 Service Unavailable", "Retry-After: 0\r\n", "");
    let (url, task) = peer(vec![String::new(), busy.clone(), good()]).await;
    quick().post(&url, XML, MESSAGE).await.unwrap();
    assert_eq!(task.await.unwrap().len(), 3);

    let (url, _task) = peer(vec![String::new(); 3]).await;
    let error = quick().post(&url, XML, MESSAGE).await.unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");

    let (url, _task) = peer(vec![busy; 3]).await;
    let error = quick().post(&url, XML, MESSAGE).await.unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
}

// spec: N18
#[tokio::test]
async fn redirections_keep_message_and_method() {
    let moved = reply("302 Found", "Location: /new\r\n", "");
    let (url, task) = peer(vec![moved, good(), good()]).await;
    let client = quick();
    client.post(&url, XML, MESSAGE).await.unwrap();
    client.post(&url, XML, MESSAGE).await.unwrap();
    let lines: Vec<String> = task
        .await
        .unwrap()
        .iter()
        .map(|request| request.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "POST /syncml HTTP/1.1",
            "POST /new HTTP/1.1",
            "POST /new HTTP/1.1"
        ]
    );

    let circle = reply("307 Temporary Redirect", "Location: /syncml\r\n", "");
    let (url, _task) = peer(vec![circle; 6]).await;
    let error = quick().post(&url, XML, MESSAGE).await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let post = async |answer: String| {
        let (url, _task) = peer(vec![answer]).await;
        quick().post(&url, XML, MESSAGE).await.unwrap_err()
    };
    let error = post(reply("404 Not Found", "", "nothing here\nat all")).await;
    assert!(
        matches!(&error, Error::Refused { status: 404, text, .. } if text == "nothing here"),
        "{error}"
    );
    let error = post(reply("401 Unauthorized", "", "<html>")).await;
    assert!(
        matches!(&error, Error::Refused { status: 401, text, .. } if text == "unauthorized"),
        "{error}"
    );
    let page = reply("200 OK", "Content-Type: text/html\r\n", "<html>");
    let error = post(page).await;
    assert!(matches!(&error, Error::NotSyncml { .. }), "{error}");
    let large = reply(
        "200 OK",
        "Content-Type: application/vnd.syncml+xml\r\n",
        &"x".repeat(1001),
    );
    let error = post(large).await;
    assert!(matches!(&error, Error::TooLarge { .. }), "{error}");
    let error = quick().post("ftp://h/", XML, MESSAGE).await.unwrap_err();
    assert!(matches!(&error, Error::Address { .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = quick().post(&url, XML, MESSAGE).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error}");
}

// spec: N01
#[tokio::test]
async fn client_and_server_fit() {
    let settings = Settings {
        resp_uri: RespUri::Off,
        ..Settings::default()
    };
    let server = start(settings).await;
    let url = format!("http://{}/syncml", server.address);
    let media = Encoding::Wbxml.media_type();
    let answer = quick()
        .post(&url, media, Bytes::from_static(b"\x02message"))
        .await
        .unwrap();
    assert_eq!(answer.body, Bytes::from_static(b"\x02answer"));
    assert_eq!(answer.media_type, media);
    assert_eq!(server.last().resp_uri_base, None);
}

// spec: N21
#[tokio::test]
async fn the_header_of_a_mac_goes_both_ways() {
    let server = start(Settings::default()).await;
    server.answer_with(Outgoing::Message {
        encoding: Encoding::Xml,
        body: b"<SyncML/>".to_vec(),
        mac: Some("mac=server".to_owned()),
    });
    let client = Client::new(Options::default()).unwrap();
    let url = format!("http://{}/syncml", server.address);
    let body = Bytes::from_static(b"<SyncML/>");
    let media_type = Encoding::Xml.media_type();
    let answer = client
        .post_with(&url, media_type, body.clone(), Some("mac=client"))
        .await
        .unwrap();
    assert_eq!(server.last().mac.as_deref(), Some("mac=client"));
    assert_eq!(answer.mac.as_deref(), Some("mac=server"));
    client.post(&url, media_type, body).await.unwrap();
    assert_eq!(server.last().mac, None);
}
