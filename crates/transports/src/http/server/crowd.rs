//! What connections get for which there is no place: a short answer that says when to come again,
//! since a client that hears nothing cannot tell a full server from one that is gone.
//!
//! Few of them are told at one time, and none for long; beyond those, connections wait in the
//! system's queue, and those of a peer that has more than its share are closed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::{Settings, Shared, request};

/// Connections that are told at one time.
pub(super) const TOLD: usize = 64;

/// How long such a connection may take for its header, and for its body.
const PATIENCE: Duration = Duration::from_secs(2);

/// When its client may come back.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Bytes of a body that are read: what is left unread when a connection is closed can make the other
/// end lose the answer.
const READ: usize = 64 << 10;

/// Tells the operator once that a crowd is there, and again after it was gone.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    is_told: bool,
}

impl Crowd {
    /// A connection found no place among all.
    pub(super) fn has_come(&mut self, settings: &Settings) {
        if !self.is_told {
            tracing::warn!(
                places = settings.max_connections,
                "all places for connections are taken: clients are told to come later"
            );
        }
        self.is_told = true;
    }

    /// A connection found a place, and so many are left.
    pub(super) fn may_be_gone(&mut self, left: &Semaphore, settings: &Settings) {
        let is_gone = left.available_permits() >= settings.max_connections.div_ceil(8);
        self.is_told &= !is_gone;
    }
}

/// The bounds of a connection that is told.
pub(super) fn settings(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.header_timeout = settings.header_timeout.min(PATIENCE);
    settings
}

/// Answers its request. That the process is up is told all the same.
pub(super) fn router<E: Send + Sync + 'static>(shared: &Arc<Shared<E>>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .fallback(put_off::<E>)
        .with_state(Arc::clone(shared))
        .layer(map_response(closing))
}

/// Each request gives the place back.
async fn closing(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

// spec: K01
async fn put_off<E: Send + Sync + 'static>(
    State(shared): State<Arc<Shared<E>>>,
    request: Request<Body>,
) -> Response {
    let began = Instant::now();
    // whether it came whole changes nothing
    let _ = timeout(PATIENCE, Limited::new(request.into_body(), READ).collect()).await;
    let response = request::unavailable(RETRY_AFTER);
    let bytes_out = response.body().size_hint().exact().unwrap_or_default();
    let status = response.status();
    shared.metrics.count(status, 0, bytes_out, began.elapsed());
    response
}
