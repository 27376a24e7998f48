//! From a request to an answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use syncml::auth::MAC_HEADER;
use tokio::time::Instant;

use super::gate::{Full, HeldBody};
use super::{Exchange, Incoming, Outgoing, Peer, Settings, Shared, text};
use crate::http::coding::{self, Broken, Coding, Unknown};
use crate::http::media::MediaType;
use crate::http::{accept, path};

/// What a person sees who opens the address in a browser.
const GREETING: &str = "This is a SyncML (OMA Data Synchronization) server; set this address in your device or client.";

/// When a client may come back that found no memory left for its body.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Takes every request that is not for whoever watches the server.
// spec: N01 N12
pub(super) async fn handle<E: Exchange>(
    State(shared): State<Arc<Shared<E>>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request<Body>,
) -> Response {
    if !path::takes_messages(request.uri().path()) {
        return text(StatusCode::NOT_FOUND, "there is nothing here");
    }
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return text(StatusCode::OK, GREETING);
    }
    if request.method() != Method::POST {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "messages come by POST");
        let allowed = HeaderValue::from_static("GET, HEAD, POST");
        response.headers_mut().insert(header::ALLOW, allowed);
        return response;
    }
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let (mut response, bytes_in) = match message(&shared, peer, &parts, body).await {
        Ok(incoming) => {
            let bytes_in = incoming.body.len();
            let outgoing = shared.exchange.exchange(incoming).await;
            (answer(outgoing, answer_coding(&parts.headers)), bytes_in)
        }
        Err(refusal) => (refusal, 0),
    };
    if response.status() == StatusCode::OK && answer_coding(&parts.headers).is_some() {
        announce_codings(&mut response);
    }
    let bytes_out = response.body().size_hint().exact().unwrap_or_default();
    let status = response.status();
    if status != StatusCode::OK {
        tracing::info!(
            status = status.as_u16(),
            path = parts.uri.path(),
            "request refused"
        );
    }
    shared
        .metrics
        .count(status, bytes_in, bytes_out, started.elapsed());
    response
}

/// The message of a request, or the answer that refuses it.
async fn message<E>(
    shared: &Shared<E>,
    peer: IpAddr,
    parts: &Parts,
    body: Body,
) -> Result<Incoming, Response> {
    let settings = &shared.settings;
    let headers = &parts.headers;
    // spec: N06
    if !accept::takes_utf8(headers) {
        return Err(StatusCode::NOT_ACCEPTABLE.into_response());
    }
    let coding = Coding::of(headers).map_err(|Unknown(name)| {
        let line = format!("bodies of coding {name:?} are not understood");
        let mut response = text(StatusCode::UNSUPPORTED_MEDIA_TYPE, &line);
        announce_codings(&mut response);
        response
    })?;
    let mut body = read(body, shared.gate.body(peer), settings).await?;
    if let Some(coding) = coding {
        let held = shared.gate.body(peer);
        body = expand(coding, &body, held, settings.max_body).map_err(|broken| match broken {
            Broken::Damaged => {
                let line = format!("the body is not in {} format", coding.name());
                text(StatusCode::BAD_REQUEST, &line)
            }
            Broken::Refused(Excess::Size) => too_large(settings),
            Broken::Refused(Excess::Memory) => no_memory(Full),
        })?;
    }
    if body.is_empty() {
        return Err(empty(headers));
    }
    let media = headers
        .get(header::CONTENT_TYPE)
        .map(|value| MediaType::parse(value.as_bytes()))
        .unwrap_or_default();
    if !media.may_carry(&body) {
        return Err(text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a message is application/vnd.syncml+xml or application/vnd.syncml+wbxml",
        ));
    }
    let user_agent = headers.get(header::USER_AGENT);
    // spec: N21
    let mac = headers.get(MAC_HEADER);
    Ok(Incoming {
        body,
        media_type: media.essence,
        charset: media.charset,
        answer_as: accept::encoding(headers),
        token: path::token(&parts.uri),
        resp_uri_base: path::resp_uri_base(settings, &parts.uri, headers),
        mac: mac.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        peer,
    })
}

/// An HTTP/1.0 client that ends its body by closing has it dropped by the connection's reader,
/// and needs to be told.
fn empty(headers: &HeaderMap) -> Response {
    let framed = headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING);
    if framed {
        text(StatusCode::BAD_REQUEST, "the message is empty")
    } else {
        text(
            StatusCode::LENGTH_REQUIRED,
            "a message needs Content-Length or chunked coding",
        )
    }
}

/// Reads a body within the bounds of the settings.
// spec: K10 N03 N22
async fn read(mut body: Body, mut held: HeldBody, settings: &Settings) -> Result<Bytes, Response> {
    if body.size_hint().lower() > settings.max_body as u64 {
        return Err(too_large(settings));
    }
    let began = Instant::now();
    loop {
        let pause = began.elapsed() + settings.body_idle_timeout;
        let deadline = began + pause.min(time_for(held.len(), settings));
        let Ok(frame) = tokio::time::timeout_at(deadline, body.frame()).await else {
            let line = "the body came too slowly";
            return Err(text(StatusCode::REQUEST_TIMEOUT, line));
        };
        let frame = match frame {
            None => return Ok(held.freeze()),
            Some(Err(error)) => {
                let line = format!("the body broke: {error}");
                return Err(text(StatusCode::BAD_REQUEST, &line));
            }
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref() {
            if held.len() + data.len() > settings.max_body {
                return Err(too_large(settings));
            }
            held.extend(data, settings.max_body).map_err(no_memory)?;
        }
    }
}

/// What an expanded body has too much of.
enum Excess {
    /// It is larger than a message may be.
    Size,
    /// There is no memory left for it.
    Memory,
}

/// Expands a compressed body within the bounds of a plain one.
// spec: N13
fn expand(
    coding: Coding,
    body: &[u8],
    mut held: HeldBody,
    most: usize,
) -> Result<Bytes, Broken<Excess>> {
    coding.expand(body, |piece| {
        if held.len() + piece.len() > most {
            return Err(Excess::Size);
        }
        held.extend(piece, most).map_err(|Full| Excess::Memory)
    })?;
    Ok(held.freeze())
}

fn too_large(settings: &Settings) -> Response {
    let line = format!("a message has at most {} bytes", settings.max_body);
    text(StatusCode::PAYLOAD_TOO_LARGE, &line)
}

fn no_memory(Full: Full) -> Response {
    tracing::warn!("the memory for bodies is used up");
    unavailable(RETRY_AFTER)
}

/// How a client with these headers wants large answers compressed.
fn answer_coding(headers: &HeaderMap) -> Option<Coding> {
    if accept::takes_gzip(headers) {
        Some(Coding::Gzip)
    } else {
        accept::takes_deflate(headers).then_some(Coding::Deflate)
    }
}

/// Tells a client that its bodies may be compressed too (RFC 7694).
fn announce_codings(response: &mut Response) {
    let understood = HeaderValue::from_static(coding::UNDERSTOOD);
    response
        .headers_mut()
        .insert(header::ACCEPT_ENCODING, understood);
}

/// How long a body may take of which that many bytes are here.
fn time_for(length: usize, settings: &Settings) -> Duration {
    let rate = u64::from(settings.min_body_rate.max(1));
    let earned = Duration::from_secs(length as u64 / rate);
    settings.body_timeout.min(settings.body_grace + earned)
}

/// The answer as a response; a large one is compressed where the client takes a coding.
// spec: N04 N11 N13
fn answer(outgoing: Outgoing, coding: Option<Coding>) -> Response {
    match outgoing {
        Outgoing::Message {
            encoding,
            body,
            mac,
        } => {
            let headers = [
                (header::CONTENT_TYPE, encoding.media_type()),
                (header::CACHE_CONTROL, "no-store, private"),
            ];
            let mut response = match coding.filter(|_| body.len() >= coding::WORTH) {
                None => (headers, body).into_response(),
                Some(coding) => {
                    let coded = [(header::CONTENT_ENCODING, coding.name())];
                    (headers, coded, coding.compress(&body)).into_response()
                }
            };
            if let Some(mac) = mac.and_then(|mac| HeaderValue::from_str(&mac).ok()) {
                response.headers_mut().insert(MAC_HEADER, mac);
            }
            response
        }
        Outgoing::Unreadable { reason } => text(StatusCode::BAD_REQUEST, &reason),
        Outgoing::Unavailable { retry_after } => unavailable(retry_after),
        Outgoing::Failed => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed, see its log",
        ),
    }
}

pub(super) fn unavailable(retry_after: Duration) -> Response {
    let mut response = text(
        StatusCode::SERVICE_UNAVAILABLE,
        "the server cannot answer now, try again later",
    );
    let seconds = HeaderValue::from(retry_after.as_secs());
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;
    use std::future::Future as _;
    use std::net::Ipv4Addr;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use hyper::body::Frame;
    use tokio::time::{Sleep, sleep};

    use super::super::gate::Gate;
    use super::*;

    /// A body of equal parts, each after a pause.
    struct Drip {
        parts: usize,
        part: Bytes,
        pause: Duration,
        alarm: Pin<Box<Sleep>>,
    }

    impl hyper::body::Body for Drip {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.parts == 0 {
                return Poll::Ready(None);
            }
            ready!(self.alarm.as_mut().poll(context));
            let next = Instant::now() + self.pause;
            self.alarm.as_mut().reset(next);
            self.parts -= 1;
            Poll::Ready(Some(Ok(Frame::data(self.part.clone()))))
        }
    }

    /// What becomes of such a body, and how long that takes.
    async fn drip(parts: usize, size: usize, pause: Duration) -> (Result<usize, u16>, Duration) {
        let settings = Settings::default();
        let gate = Arc::new(Gate::new(&settings));
        let body = Body::new(Drip {
            parts,
            part: Bytes::from(vec![2; size]),
            pause,
            alarm: Box::pin(sleep(pause)),
        });
        let began = Instant::now();
        let held = gate.body(Ipv4Addr::LOCALHOST.into());
        let outcome = read(body, held, &settings).await;
        let outcome = outcome
            .map(|bytes| bytes.len())
            .map_err(|response| response.status().as_u16());
        (outcome, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_phone_is_waited_for() {
        let (outcome, time) = drip(300, 1000, Duration::from_secs(1)).await;
        assert_eq!(outcome, Ok(300_000));
        assert!(time >= Duration::from_mins(5));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_drip_are_cut_off() {
        let (outcome, time) = drip(4000, 1, Duration::from_secs(3)).await;
        assert_eq!(outcome, Err(408));
        assert!(time < Duration::from_secs(35), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_stop_are_cut_off() {
        let (outcome, time) = drip(2, 100_000, Duration::from_secs(31)).await;
        assert_eq!(outcome, Err(408));
        assert!(time < Duration::from_secs(35), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_body_takes_for_ever() {
        let (outcome, time) = drip(4000, 1000, Duration::from_secs(1)).await;
        assert_eq!(outcome, Err(408));
        assert!(time < Duration::from_secs(601), "{time:?}");
    }
}
