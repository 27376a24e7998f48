//! The server's side.
//!
//! ```text
//! accept ─▶ gate ─▶ one task a connection ─▶ (TLS) ─▶ router ─▶ body, bounded ─▶ Exchange
//!             │                                    ◀─ status, Content-Type, body ◀─
//!             └──▶ no place: a short answer, come later
//! ```
//!
//! A body is bounded in size, time and pace, and all together in memory.
//!
//! A request that reached its [`Exchange`] is answered even while the server shuts down.

mod crowd;
mod gate;
mod metrics;
mod patience;
mod request;

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use syncml::Encoding;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crowd::Crowd;
use gate::Gate;
use metrics::Metrics;
use patience::Patience;

use super::tls::Tls;

/// A message as it came off the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its bytes, never empty.
    pub body: Bytes,
    /// The media type without parameters, lower case; empty when the client named none.
    pub media_type: String,
    /// The `charset` parameter of the media type.
    pub charset: Option<String>,
    /// The encoding that the answer has to have; `None` where that of the message will do.
    pub answer_as: Option<Encoding>,
    /// The session's token, where the client followed a `RespURI`.
    pub token: Option<String>,
    /// The absolute address of this resource as the client sees it, without a query; `None` when
    /// it is not known.
    pub resp_uri_base: Option<String>,
    /// `x-syncml-hmac`: proof of who sends the bytes of the body.
    pub mac: Option<String>,
    /// `User-Agent`, bytes that are no text replaced.
    pub user_agent: Option<String>,
    /// The address at the other end of the connection: the client's, or that of the proxy before
    /// the server. What a proxy says of the client in headers is not used.
    pub peer: IpAddr,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// The answer; sent with status 200.
    Message {
        /// How it is encoded.
        encoding: Encoding,
        /// Its bytes.
        body: Vec<u8>,
        /// The value of `x-syncml-hmac`, if the answer has to prove who sends it.
        mac: Option<String>,
    },
    /// The bytes are no SyncML message; sent as status 400 with the reason as text.
    Unreadable {
        /// What is wrong with them, one line.
        reason: String,
    },
    /// Nothing was done, the client may send the same bytes again later; status 503.
    Unavailable {
        /// When, for `Retry-After`; whole seconds count.
        retry_after: Duration,
    },
    /// Nothing was done and trying again does not help; status 500.
    Failed,
}

/// The side that understands messages.
pub trait Exchange: Send + Sync + 'static {
    /// Answers one message. The future may be dropped when the client goes away; what it began
    /// must be complete or undone then.
    fn exchange(&self, incoming: Incoming) -> impl Future<Output = Outgoing> + Send;

    /// Whether messages can be answered now, for `/readyz`.
    fn ready(&self) -> impl Future<Output = bool> + Send;

    /// Lines in Prometheus' text format that `/metrics` shows after the server's own.
    fn metrics(&self) -> String {
        String::new()
    }
}

/// The address that sessions are told to go on with (`RespURI`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RespUri {
    /// What the client used: its `Host`, and https where the connection is encrypted or
    /// `X-Forwarded-Proto` says so.
    #[default]
    FromRequest,
    /// This absolute address, for servers behind a proxy that rewrites paths.
    Fixed(String),
    /// None; sessions are told apart by `SessionID` and device alone.
    Off,
}

/// Bounds and addresses of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The largest body taken, bytes; above it status 413.
    pub max_body: usize,
    /// How long a client may take for a request's header, which is also how long a kept
    /// connection may stay idle.
    pub header_timeout: Duration,
    /// How long a body may make no progress.
    pub body_idle_timeout: Duration,
    /// How long a body may come as slowly as it likes; after that, [`min_body_rate`] counts.
    ///
    /// [`min_body_rate`]: Self::min_body_rate
    pub body_grace: Duration,
    /// The least bytes a second that a body brings on average once the grace is over, else status
    /// 408; 0 is taken as 1. A phone on GPRS makes about 1,000.
    pub min_body_rate: u32,
    /// How long a body may take altogether.
    pub body_timeout: Duration,
    /// How long an answer may wait for the client to take more of it.
    pub write_timeout: Duration,
    /// Connections at one time; further ones are answered with status 503 and closed.
    pub max_connections: usize,
    /// Connections of one peer at one time; further ones are answered with status 503 and closed. A
    /// peer is an IPv4 address or an IPv6 network of 64 bits. All clients behind a proxy are one peer.
    pub max_connections_per_peer: usize,
    /// Memory for all bodies together, bytes; what does not fit is refused with status 503. One
    /// peer has half of it at most, so less than twice `max_body` keeps large bodies out.
    pub max_body_memory: usize,
    /// How long requests in hand may take after the shutdown began.
    pub shutdown_timeout: Duration,
    /// The address for `RespURI`.
    pub resp_uri: RespUri,
    /// Connections are encrypted, with this certificate.
    pub tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_body: 4 << 20,
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(30),
            body_grace: Duration::from_secs(30),
            min_body_rate: 100,
            body_timeout: Duration::from_mins(10),
            write_timeout: Duration::from_mins(2),
            max_connections: 512,
            max_connections_per_peer: 128,
            max_body_memory: 256 << 20,
            shutdown_timeout: Duration::from_secs(30),
            resp_uri: RespUri::FromRequest,
            tls: None,
        }
    }
}

/// Headers that a request may have; gateways of the period add many.
const MAX_HEADERS: usize = 256;

/// How long to wait after the system refused a connection, for lack of descriptors most often.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

struct Shared<E> {
    exchange: Arc<E>,
    settings: Settings,
    gate: Arc<Gate>,
    metrics: Metrics,
}

/// The address at the other end, in the extensions of each request.
#[derive(Debug, Clone, Copy)]
struct Peer(IpAddr);

/// The places for connections.
struct Places {
    /// Of those that are served.
    served: Arc<Semaphore>,
    /// Of those that are told to come later.
    told: Arc<Semaphore>,
}

/// A connection's place, given back when it is dropped.
enum Place {
    Served(OwnedSemaphorePermit),
    Told(OwnedSemaphorePermit),
}

impl Places {
    fn new(settings: &Settings) -> Self {
        Self {
            served: Arc::new(Semaphore::new(settings.max_connections)),
            told: Arc::new(Semaphore::new(crowd::TOLD)),
        }
    }

    /// A place to be served if there is one, else the first of either sort that there is.
    async fn any(&self) -> Place {
        let (served, told) = (Arc::clone(&self.served), Arc::clone(&self.told));
        tokio::select! {
            biased;
            Ok(permit) = served.acquire_owned() => Place::Served(permit),
            Ok(permit) = told.acquire_owned() => Place::Told(permit),
            // the semaphores are never closed
            else => std::future::pending().await,
        }
    }

    /// The same place, or one to be served that has become free since.
    fn better(&self, place: Place) -> Place {
        match Arc::clone(&self.served).try_acquire_owned() {
            Ok(permit) if matches!(place, Place::Told(_)) => Place::Served(permit),
            _ => place,
        }
    }
}

/// Serves until `shutdown` completes, then finishes the requests in hand and returns.
///
/// Messages are taken by POST at `/`, `/syncml` and every path that ends in `/syncml`, `/sync`,
/// `/ds` or `/funambol/ds`; GET there says in a line what this is. `/healthz`, `/readyz` and
/// `/metrics` are for whoever watches the server.
pub async fn serve<E: Exchange>(
    listener: TcpListener,
    exchange: Arc<E>,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) {
    let patience = settings.shutdown_timeout;
    let places = Places::new(&settings);
    let shared = Arc::new(Shared {
        exchange,
        gate: Arc::new(Gate::new(&settings)),
        settings,
        metrics: Metrics::default(),
    });
    let served = (router(&shared), shared.settings.clone());
    let told = (crowd::router(&shared), crowd::settings(&shared.settings));
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut crowd = Crowd::default();
    let mut shutdown = pin!(shutdown);
    loop {
        // a place is taken first, so that a crowd waits in the system's queue
        let next = async {
            let place = places.any().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, address)) => {
                    // a listener of version 6 gives addresses of version 4 in its own form
                    let peer = address.ip().to_canonical();
                    let place = places.better(place);
                    let admission = shared.gate.enter(peer);
                    let (place, (router, settings)) = match (place, &admission) {
                        (Place::Served(permit), Some(_)) => {
                            crowd.may_be_gone(&places.served, &shared.settings);
                            (permit, &served)
                        }
                        (Place::Told(permit), _) => {
                            crowd.has_come(&shared.settings);
                            (permit, &told)
                        }
                        (Place::Served(_), None) => {
                            tracing::debug!(%peer, "one connection too many of this peer");
                            let Ok(permit) = Arc::clone(&places.told).try_acquire_owned() else {
                                continue;
                            };
                            (permit, &told)
                        }
                    };
                    let connection = connection(
                        stream,
                        Peer(peer),
                        router.clone(),
                        settings.clone(),
                        closed.clone(),
                    );
                    connections.spawn(async move {
                        connection.await;
                        drop((admission, place));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    drop(closing);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, finished).await.is_err() {
        tracing::warn!("requests were still in hand when the time for shutting down was over");
    }
}

/// Serves one connection to its end, or to the end of its current request once `closed` closes.
async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    settings: Settings,
    closed: watch::Receiver<()>,
) {
    // answers are small and complete: waiting for more to send only delays them
    let _ = stream.set_nodelay(true);
    let stream = Patience::new(stream, settings.write_timeout);
    let Some(tls) = &settings.tls else {
        return requests(stream, peer, router, &settings, closed).await;
    };
    let handshake = tls.acceptor().accept(stream);
    match tokio::time::timeout(settings.header_timeout, handshake).await {
        Ok(Ok(stream)) => requests(stream, peer, router, &settings, closed).await,
        Ok(Err(error)) => tracing::debug!(peer = %peer.0, %error, "no encryption was agreed on"),
        Err(_) => tracing::debug!(peer = %peer.0, "agreeing on encryption took too long"),
    }
}

/// Serves the requests of a connection.
async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    settings: &Settings,
    mut closed: watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<body::Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        _ = closed.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %peer.0, %error, "a connection broke");
    }
}

fn router<E: Exchange>(shared: &Arc<Shared<E>>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready::<E>))
        .route("/metrics", get(show_metrics::<E>))
        .fallback(request::handle::<E>)
        .with_state(Arc::clone(shared))
}

async fn ready<E: Exchange>(State(shared): State<Arc<Shared<E>>>) -> Response {
    if shared.exchange.ready().await {
        "ready\n".into_response()
    } else {
        text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the state is not available",
        )
    }
}

async fn show_metrics<E: Exchange>(State(shared): State<Arc<Shared<E>>>) -> Response {
    let mut lines = shared.metrics.lines();
    lines.push_str(&shared.exchange.metrics());
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, media_type)], lines).into_response()
}

/// An answer for people: one line.
fn text(status: StatusCode, line: &str) -> Response {
    (status, format!("{line}\n")).into_response()
}
