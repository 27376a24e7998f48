//! From a request to an answer.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::{Exchange, Incoming, Outgoing, Settings, Shared, text};
use crate::http::media::MediaType;
use crate::http::path;

/// What a person sees who opens the address in a browser.
const GREETING: &str = "This is a SyncML (OMA Data Synchronization) server; set this address in your device or client.";

/// Takes every request that is not for whoever watches the server.
pub(super) async fn handle<E: Exchange>(
    State(shared): State<Arc<Shared<E>>>,
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
    let (response, bytes_in) = match message(&parts, body, &shared.settings).await {
        Ok(incoming) => {
            let bytes_in = incoming.body.len();
            (answer(shared.exchange.exchange(incoming).await), bytes_in)
        }
        Err(refusal) => (refusal, 0),
    };
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
async fn message(parts: &Parts, body: Body, settings: &Settings) -> Result<Incoming, Response> {
    let headers = &parts.headers;
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "compressed bodies are not supported",
        ));
    }
    let body = read(body, settings).await?;
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
    Ok(Incoming {
        body,
        media_type: media.essence,
        charset: media.charset,
        token: path::token(&parts.uri),
        resp_uri_base: path::resp_uri_base(&settings.resp_uri, &parts.uri, headers),
        user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
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
async fn read(mut body: Body, settings: &Settings) -> Result<Bytes, Response> {
    let too_large = || {
        let line = format!("a message has at most {} bytes", settings.max_body);
        text(StatusCode::PAYLOAD_TOO_LARGE, &line)
    };
    if body.size_hint().lower() > settings.max_body as u64 {
        return Err(too_large());
    }
    let whole = async {
        let mut bytes = BytesMut::new();
        loop {
            let frame = tokio::time::timeout(settings.body_idle_timeout, body.frame()).await;
            let frame = match frame {
                Err(_) => return Err(text(StatusCode::REQUEST_TIMEOUT, "the body stopped coming")),
                Ok(None) => return Ok(bytes.freeze()),
                Ok(Some(Err(error))) => {
                    let line = format!("the body broke: {error}");
                    return Err(text(StatusCode::BAD_REQUEST, &line));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > settings.max_body {
                    return Err(too_large());
                }
                bytes.extend_from_slice(data);
            }
        }
    };
    match tokio::time::timeout(settings.body_timeout, whole).await {
        Ok(outcome) => outcome,
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    }
}

fn answer(outgoing: Outgoing) -> Response {
    match outgoing {
        Outgoing::Message { encoding, body } => {
            let headers = [
                (header::CONTENT_TYPE, encoding.media_type()),
                (header::CACHE_CONTROL, "no-store, private"),
            ];
            (headers, body).into_response()
        }
        Outgoing::Unreadable { reason } => text(StatusCode::BAD_REQUEST, &reason),
        Outgoing::Unavailable { retry_after } => {
            let mut response = text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server cannot answer now, try again later",
            );
            let seconds = HeaderValue::from(retry_after.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        Outgoing::Failed => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed, see its log",
        ),
    }
}
