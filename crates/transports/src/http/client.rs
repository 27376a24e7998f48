//! The client's side.
//!
//! A message may be sent more than once: a server answers one that it has seen with the answer it
//! gave. So a lost connection, a timeout and a server that cannot answer now are met by sending the same
//! bytes again, a few times, before the caller hears of it.
//!
//! What a server shows of itself holds for the session: where it has moved, its cookies, whether it
//! wants HTTP's own login, and whether it takes compressed messages.

mod login;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use reqwest::{Response, Url};
use syncml::Encoding;
use syncml::auth::MAC_HEADER;
use tokio::time::{Instant, timeout_at};

use super::accept;
use super::coding::{self, Broken, Coding, Unknown};
use super::cookies::Jar;
use super::media::MediaType;
pub use login::Login;
use login::{Asker, Logins, Request};

/// Bounds and names of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `User-Agent`.
    pub user_agent: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent while an answer is awaited or read.
    pub read_timeout: Duration,
    /// Bytes a second that an answer has to bring at least, once `read_timeout` is over.
    pub min_answer_rate: u64,
    /// The largest answer taken, bytes.
    pub max_answer: usize,
    /// How long to wait before the bytes are sent again; as many times as there are pauses.
    pub pauses: Vec<Duration>,
    /// HTTP's own login, for a server, a gateway before it or a proxy that asks for one.
    pub login: Option<Login>,
    /// Certificates in PEM format that are trusted beside those of the system.
    pub roots: Vec<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: concat!("Syncline/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_mins(2),
            min_answer_rate: 100,
            max_answer: 16 << 20,
            pauses: vec![Duration::from_millis(500), Duration::from_secs(2)],
            login: None,
            roots: Vec::new(),
        }
    }
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its media type without parameters, lower case.
    pub media_type: String,
    /// The `charset` parameter of the media type.
    pub charset: Option<String>,
    /// Its bytes.
    pub body: Bytes,
    /// `x-syncml-hmac`: proof of who sends the bytes of the body.
    pub mac: Option<String>,
}

/// What is posted.
#[derive(Debug, Clone)]
struct Letter<'a> {
    media_type: &'a str,
    body: Bytes,
    mac: Option<&'a str>,
}

/// Why a message got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be set up, for want of root certificates most often.
    #[error("the HTTP client cannot be set up: {reason}")]
    Setup {
        /// What the system says.
        reason: String,
    },
    /// The address is none of an HTTP server.
    #[error("{url:?} is no http or https address")]
    Address {
        /// The address.
        url: String,
    },
    /// No connection comes about: nobody listens, no such host, or its certificate is not valid.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// The connection broke each time before the answer was complete.
    #[error("the connection to {url} broke: {reason}")]
    Lost {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// The server said nothing for too long.
    #[error("{url} does not answer")]
    Timeout {
        /// The address.
        url: String,
    },
    /// The server answers with an HTTP error.
    #[error("{url} answers with HTTP status {status}: {text}")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The first line of the body, else the name of the status.
        text: String,
    },
    /// The server asks to come back later, and did so again: why, it need not say.
    #[error("{url} cannot answer now (HTTP status 503)")]
    Busy {
        /// The address.
        url: String,
        /// When to come back, where it says so.
        retry_after: Option<Duration>,
    },
    /// The server's address changed too often, to no address, from https to http, or without
    /// encryption to another host.
    #[error("{url} redirects to {to:?}, which cannot be followed")]
    Redirect {
        /// The address.
        url: String,
        /// The new one.
        to: String,
    },
    /// The answer is of another type than SyncML's: most often there is another kind of server.
    #[error("{url} does not speak SyncML: its answer is of type {media_type:?}")]
    NotSyncml {
        /// The address.
        url: String,
        /// The type of the answer.
        media_type: String,
    },
    /// The answer is compressed in a way that was not asked for, or damaged.
    #[error("the answer of {url} cannot be expanded, its coding is {coding:?}")]
    Coding {
        /// The address.
        url: String,
        /// `Content-Encoding`.
        coding: String,
    },
    /// The answer is larger than the limit.
    #[error("the answer of {url} is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit, bytes.
        limit: usize,
    },
}

impl Error {
    /// Whether the same bytes may find an answer a moment later.
    // spec: N19
    fn passes(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Timeout { .. } | Self::Busy { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 502 | 504),
            _ => false,
        }
    }
}

/// Redirections that one message follows at most.
const REDIRECTS: usize = 5;

/// The longest wait that a server may ask for and get.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Brings messages to a server. One client serves one session: it remembers where the server's
/// address was redirected to, and what else the server wants.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    options: Options,
    memory: Mutex<Memory>,
}

/// What was learned of the server in this session.
#[derive(Debug, Default)]
struct Memory {
    /// The address asked for last that was redirected, and where to.
    moved: Option<(Url, Url)>,
    /// The server has answered before, so that one which refuses connections now may come back.
    reached: bool,
    /// The server takes compressed messages.
    takes_gzip: bool,
    logins: Logins,
    cookies: Jar,
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`].
    pub fn new(options: Options) -> Result<Self, Error> {
        // fails when a provider is there already, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(Duration::from_secs(5))
            .tls_certs_merge(roots(&options.roots)?)
            .build()
            .map_err(|error| setup(&error))?;
        Ok(Self {
            http,
            options,
            memory: Mutex::default(),
        })
    }

    /// Sends one message and waits for its answer. `media_type` is that of the message, without
    /// parameters. Redirections are followed with the same method and body.
    pub async fn post(&self, url: &str, media_type: &str, body: Bytes) -> Result<Answer, Error> {
        self.post_with(url, media_type, body, None).await
    }

    /// As [`Client::post`], with a value for `x-syncml-hmac` that proves who sends the body.
    pub async fn post_with(
        &self,
        url: &str,
        media_type: &str,
        body: Bytes,
        mac: Option<&str>,
    ) -> Result<Answer, Error> {
        let letter = Letter {
            media_type,
            body,
            mac,
        };
        let asked = address(url)?;
        let mut pauses = self.options.pauses.iter();
        loop {
            let error = match self.follow(&asked, &letter).await {
                Ok(answer) => {
                    self.with_memory(|memory| memory.reached = true);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let returns = matches!(error, Error::Unreachable { .. })
                && self.with_memory(|memory| memory.reached);
            let Some(pause) = pauses.next().filter(|_| returns || error.passes()) else {
                return Err(error);
            };
            let pause = match &error {
                Error::Busy {
                    retry_after: Some(wanted),
                    ..
                } => (*wanted).min(LONGEST_PAUSE),
                _ => *pause,
            };
            tracing::debug!(%error, "the message is sent again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Closes the connection, after the answer to the last message.
    // spec: N10
    pub fn close(self) {
        // the pool goes with its last owner, and its connections with it
        drop(self.http);
    }

    fn with_memory<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends the message to the address, or to where it has moved.
    // spec: N18
    async fn follow(&self, asked: &Url, letter: &Letter<'_>) -> Result<Answer, Error> {
        let mut url = self.with_memory(|memory| match &memory.moved {
            Some((from, to)) if from == asked => to.clone(),
            _ => asked.clone(),
        });
        for _ in 0..=REDIRECTS {
            let response = self.send(asked, &url, letter).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 307 | 308) {
                if url != *asked {
                    self.with_memory(|memory| memory.moved = Some((asked.clone(), url.clone())));
                }
                return self.read(&url, response).await;
            }
            url = redirected(&url, response.headers())?;
        }
        Err(Error::Redirect {
            url: told(asked),
            to: told(&url),
        })
    }

    /// Sends the message to an address as the server there wants it, which its first answer tells.
    async fn send(&self, asked: &Url, url: &Url, letter: &Letter<'_>) -> Result<Response, Error> {
        let mut compressed =
            self.with_memory(|memory| memory.takes_gzip && letter.body.len() >= coding::WORTH);
        let mut askers = Vec::new();
        loop {
            let response = self.send_once(url, letter, compressed).await?;
            self.with_memory(|memory| memory.cookies.take(url, response.headers()));
            let refusal = response.status();
            if let Some(asker) = Asker::of(refusal) {
                if url.host() != asked.host() || !self.may_log_in(asker, url, &response, &askers) {
                    return Ok(response);
                }
                askers.push(asker);
            } else if refusal == StatusCode::UNSUPPORTED_MEDIA_TYPE && compressed {
                compressed = false;
                self.with_memory(|memory| memory.takes_gzip = false);
            } else {
                return Ok(response);
            }
        }
    }

    /// Whether a request that was refused for want of a login may be sent again with one. `answered`
    /// are those whom this message has answered.
    fn may_log_in(&self, asker: Asker, url: &Url, refusal: &Response, answered: &[Asker]) -> bool {
        self.options.login.is_some()
            && self.with_memory(|memory| {
                let rounds = answered.iter().filter(|one| **one == asker).count();
                memory
                    .logins
                    .take_challenge(asker, url, refusal.headers(), rounds)
            })
    }

    // spec: N01 N04 N05 N06 N07 N08 N09 N13 N16
    async fn send_once(
        &self,
        url: &Url,
        letter: &Letter<'_>,
        compressed: bool,
    ) -> Result<Response, Error> {
        let media_type = letter.media_type;
        let content_type = match Encoding::from_media_type(media_type) {
            Some(Encoding::Xml) => format!("{media_type}; charset=utf-8"),
            _ => media_type.to_owned(),
        };
        let mut request = self
            .http
            .post(url.clone())
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, media_type)
            .header(header::ACCEPT_CHARSET, "utf-8")
            .header(header::ACCEPT_ENCODING, coding::UNDERSTOOD)
            .header(header::CACHE_CONTROL, "no-store");
        if let Some(cookies) = self.with_memory(|memory| memory.cookies.header(url)) {
            request = request.header(header::COOKIE, cookies);
        }
        if let Some(mac) = letter.mac {
            // spec: N21
            request = request.header(MAC_HEADER, mac);
        }
        let mut body = letter.body.clone();
        if compressed {
            request = request.header(header::CONTENT_ENCODING, Coding::Gzip.name());
            body = Coding::Gzip.compress(&letter.body).into();
        }
        if let Some(login) = &self.options.login {
            let shown = Request { url, body: &body };
            let headers = self.with_memory(|memory| memory.logins.headers(login, &shown));
            request = request.headers(headers);
        }
        let sent = request.body(body).send().await;
        sent.map_err(|error| failed(url, &error))
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<Answer, Error> {
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(Error::Busy {
                url: told(url),
                retry_after: retry_after(response.headers()),
            });
        }
        let media = response
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|value| MediaType::parse(value.as_bytes()))
            .unwrap_or_default();
        let mac = response.headers().get(MAC_HEADER);
        let mac = mac.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let mut body = BytesMut::new();
        let began = Instant::now();
        loop {
            // each byte earns the next ones a little time, and the first ones have most of it
            let earned =
                Duration::from_secs(body.len() as u64 / self.options.min_answer_rate.max(1));
            let deadline = began + self.options.read_timeout + earned;
            let Ok(chunk) = timeout_at(deadline, response.chunk()).await else {
                return Err(Error::Lost {
                    url: told(url),
                    reason: "the answer came too slowly".to_owned(),
                });
            };
            let Some(chunk) = chunk.map_err(|error| failed(url, &error))? else {
                break;
            };
            if body.len() + chunk.len() > self.options.max_answer {
                return Err(Error::TooLarge {
                    url: told(url),
                    limit: self.options.max_answer,
                });
            }
            body.extend_from_slice(&chunk);
        }
        let body = self.expanded(url, response.headers(), body.freeze())?;
        if !status.is_success() {
            return Err(Error::Refused {
                url: told(url),
                status: status.as_u16(),
                text: first_line(&body, status),
            });
        }
        if !media.may_carry(&body) {
            return Err(Error::NotSyncml {
                url: told(url),
                media_type: media.essence,
            });
        }
        if accept::takes_gzip(response.headers()) {
            self.with_memory(|memory| memory.takes_gzip = true);
        }
        Ok(Answer {
            media_type: media.essence,
            charset: media.charset,
            body,
            mac,
        })
    }

    /// The body of an answer as it was before it was compressed.
    // spec: N13
    fn expanded(&self, url: &Url, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Error> {
        let broken = |coding: &str| Error::Coding {
            url: told(url),
            coding: coding.to_owned(),
        };
        let coding = match Coding::of(headers) {
            Ok(None) => return Ok(body),
            Ok(Some(coding)) => coding,
            Err(Unknown(name)) => return Err(broken(&name)),
        };
        let limit = self.options.max_answer;
        let mut expanded = BytesMut::new();
        let outcome = coding.expand(&body, |piece| {
            if expanded.len() + piece.len() > limit {
                return Err(Error::TooLarge {
                    url: told(url),
                    limit,
                });
            }
            expanded.extend_from_slice(piece);
            Ok(())
        });
        match outcome {
            Ok(()) => Ok(expanded.freeze()),
            Err(Broken::Refused(error)) => Err(error),
            Err(Broken::Damaged) => Err(broken(coding.name())),
        }
    }
}

/// The certificates of a PEM text.
fn roots(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, Error> {
    reqwest::Certificate::from_pem_bundle(pem).map_err(|error| setup(&error))
}

fn setup(error: &reqwest::Error) -> Error {
    Error::Setup {
        reason: innermost(error),
    }
}

/// Whether nobody else can read what goes to an address.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || is_here
}

fn address(url: &str) -> Result<Url, Error> {
    let parsed = Url::parse(url.trim()).ok();
    parsed
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Error::Address {
            url: url.to_owned(),
        })
}

/// Where a redirection leads. One from https to http would show the message to everybody, and one to
/// another host, of which nothing proves that it comes from the server, to whoever has sent it.
fn redirected(url: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let location = headers
        .get(header::LOCATION)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default();
    let next = url.join(&location).ok().filter(|next| {
        let follows = match next.scheme() {
            "https" => true,
            "http" => url.scheme() == "http" && next.host() == url.host(),
            _ => false,
        };
        follows && !location.is_empty()
    });
    next.ok_or_else(|| Error::Redirect {
        url: told(url),
        to: location,
    })
}

/// An address as a person may read it: what comes after the path may be the token of a session.
fn told(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

fn failed(url: &Url, error: &reqwest::Error) -> Error {
    let url = told(url);
    if error.is_connect() {
        Error::Unreachable {
            url,
            reason: innermost(error),
        }
    } else if error.is_timeout() {
        Error::Timeout { url }
    } else {
        Error::Lost {
            url,
            reason: innermost(error),
        }
    }
}

/// The innermost cause, which is what the system or the TLS layer says.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// `Retry-After` in seconds; a date there is rare and not worth a calendar.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// Longest text of a refusal that is repeated, characters.
const LINE: usize = 120;

/// The first line of a refusal, if it is for people; else what the status means.
fn first_line(body: &[u8], status: StatusCode) -> String {
    let text = String::from_utf8_lossy(body.get(..4 * LINE).unwrap_or(body)).into_owned();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() || line.starts_with('<') || line.contains(char::is_control) {
        return status
            .canonical_reason()
            .unwrap_or("no reason given")
            .to_lowercase();
    }
    line.chars().take(LINE).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_complaint_shows_the_token_of_a_session() {
        let url = Url::parse("http://sync.example:8080/syncml?sid=c0ffee").unwrap();
        assert_eq!(told(&url), "http://sync.example:8080/syncml");
    }

    // spec: N18
    #[test]
    fn a_redirection_shows_the_message_to_nobody_else() {
        let leads = |from: &str, to: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, to.parse().unwrap());
            redirected(&Url::parse(from).unwrap(), &headers).is_ok()
        };
        for (from, to) in [
            ("http://sync.example/a", "/b"),
            ("http://sync.example/a", "http://sync.example:8080/b"),
            ("http://sync.example/a", "https://other.example/b"),
            ("https://sync.example/a", "https://other.example/b"),
        ] {
            assert!(leads(from, to), "{from} {to}");
        }
        for (from, to) in [
            ("http://sync.example/a", "http://other.example/b"),
            ("https://sync.example/a", "http://sync.example/b"),
            ("https://sync.example/a", "ftp://sync.example/b"),
            ("https://sync.example/a", ""),
        ] {
            assert!(!leads(from, to), "{from} {to}");
        }
    }

    #[test]
    fn only_this_machine_is_private_without_encryption() {
        let is_private = |url: &str| is_private(&Url::parse(url).unwrap());
        for url in [
            "https://sync.example/",
            "http://localhost:8080/",
            "http://127.1.2.3/",
            "http://[::1]:80/",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://sync.example/",
            "http://127.example/",
            "http://10.0.0.1/",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }
}
