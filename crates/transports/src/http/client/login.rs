//! HTTP's own login (RFC 7235): what a server or a gateway asks for with status 401, and a proxy with
//! status 407. It has nothing to do with the login of SyncML.
//!
//! ```text
//! refusal ─▶ challenges ─▶ the first one that can be met ─▶ kept ─▶ a header in every request after
//! ```
//!
//! Basic (RFC 7617) shows the password, so it is answered over lines only that nobody listens to.
//! Digest (RFC 7616) is made for the others: the password stays here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_auth::digest::Qop;
use http_auth::parser::ChallengeParser;
use http_auth::{DigestClient, PasswordParams};
use reqwest::Url;

use super::is_private;

/// Name and password for HTTP's own login. They are used for servers and proxies that ask, by Digest
/// (RFC 7616), or by Basic (RFC 7617) over an encrypted line or on the same machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name; without a colon.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Requests of one message that a server's word of an outdated nonce may cost.
const ROUNDS: usize = 3;

/// Longest list of challenges that is read, bytes; and how many headers of them.
const CHALLENGES: usize = 8192;
const HEADERS: usize = 8;

/// Who asks for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// The server, or a gateway that stands for it.
    Server,
    /// A proxy of the client.
    Proxy,
}

impl Asker {
    /// Who refuses a request with this status for want of a login.
    pub(super) fn of(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::Server),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(Self::Proxy),
            _ => None,
        }
    }

    fn challenge_header(self) -> HeaderName {
        match self {
            Self::Server => header::WWW_AUTHENTICATE,
            Self::Proxy => header::PROXY_AUTHENTICATE,
        }
    }

    fn answer_header(self) -> HeaderName {
        match self {
            Self::Server => header::AUTHORIZATION,
            Self::Proxy => header::PROXY_AUTHORIZATION,
        }
    }
}

/// A request that shows a login.
pub(super) struct Request<'r> {
    pub(super) url: &'r Url,
    /// The body as it is sent, compressed or not.
    pub(super) body: &'r [u8],
}

impl Request<'_> {
    /// The target as its first line writes it: a proxy is told the whole address.
    fn target(&self, asker: Asker) -> String {
        let url = self.url;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        match asker {
            Asker::Server => path,
            Asker::Proxy => format!("{}{path}", url.origin().ascii_serialization()),
        }
    }
}

/// A scheme by which a login is shown.
#[derive(Debug)]
enum Scheme {
    Basic,
    Digest(Box<DigestClient>),
}

impl Scheme {
    fn of(challenge: &http_auth::ChallengeRef<'_>) -> Option<Self> {
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        match DigestClient::try_from(challenge) {
            Ok(digest) => Some(Self::Digest(Box::new(digest))),
            Err(reason) => {
                tracing::debug!(%reason, "a challenge is passed over");
                None
            }
        }
    }

    /// The value of the header that shows the login.
    // spec: N14
    fn answer(&mut self, login: &Login, asker: Asker, request: &Request<'_>) -> Option<String> {
        let (user, password) = (login.user.as_str(), login.password.as_str());
        match self {
            Self::Basic => Some(format!(
                "Basic {}",
                BASE64.encode(format!("{user}:{password}"))
            )),
            Self::Digest(digest) => {
                let covers_body = !(digest.qop() & Qop::Auth);
                let answer = digest.respond(&PasswordParams {
                    username: user,
                    password,
                    uri: &request.target(asker),
                    method: Method::POST.as_str(),
                    body: covers_body.then_some(request.body),
                });
                answer
                    .inspect_err(|reason| tracing::warn!(%reason, "the login cannot be shown"))
                    .ok()
            }
        }
    }
}

/// What is shown to whom for the rest of the session.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// The origin that asked, and how it is answered.
    server: Option<(String, Scheme)>,
    proxy: Option<Scheme>,
}

impl Logins {
    /// Takes the challenges of a refusal; whether sending the request again may succeed. It may if there
    /// is one that was not met yet, over a line that bears it. `rounds` says how often this message was
    /// sent again for a challenge of theirs.
    // spec: N14
    pub(super) fn take_challenge(
        &mut self,
        asker: Asker,
        url: &Url,
        refusal: &HeaderMap,
        rounds: usize,
    ) -> bool {
        let origin = url.origin().ascii_serialization();
        let had_password = match asker {
            Asker::Server => {
                let known = self.server.as_ref().filter(|(of, _)| *of == origin);
                matches!(known, Some((_, Scheme::Basic)))
            }
            Asker::Proxy => matches!(self.proxy, Some(Scheme::Basic)),
        };
        let Some(scheme) = first_met(refusal, asker, url) else {
            return false;
        };
        let is_new = match &scheme {
            Scheme::Basic => !had_password,
            // a nonce that was taken an hour ago, or by another node, may be refused once
            Scheme::Digest(digest) => rounds == 0 || (digest.stale() && rounds < ROUNDS),
        };
        if is_new {
            match asker {
                Asker::Server => self.server = Some((origin, scheme)),
                Asker::Proxy => self.proxy = Some(scheme),
            }
        }
        is_new
    }

    /// The headers that show the login to those who asked for it.
    pub(super) fn headers(&mut self, login: &Login, request: &Request<'_>) -> HeaderMap {
        let origin = request.url.origin().ascii_serialization();
        let server = self.server.as_mut().filter(|(asked, _)| *asked == origin);
        let server = server.map(|(_, scheme)| (Asker::Server, scheme));
        let proxy = self.proxy.as_mut().map(|scheme| (Asker::Proxy, scheme));
        let mut headers = HeaderMap::new();
        for (asker, scheme) in server.into_iter().chain(proxy) {
            let value = scheme
                .answer(login, asker, request)
                .and_then(|text| HeaderValue::from_str(&text).ok());
            if let Some(mut value) = value {
                value.set_sensitive(true);
                headers.insert(asker.answer_header(), value);
            }
        }
        headers
    }
}

/// The first of the challenges, in the order in which their sender prefers them, that can be met
/// over this line.
fn first_met(refusal: &HeaderMap, asker: Asker, url: &Url) -> Option<Scheme> {
    let is_private = is_private(url);
    for value in refusal
        .get_all(asker.challenge_header())
        .iter()
        .take(HEADERS)
    {
        // names of realms come in any charset; the scheme does not
        let text: String = value
            .as_bytes()
            .iter()
            .take(CHALLENGES)
            .map(|byte| char::from(if byte.is_ascii() { *byte } else { b'?' }))
            .collect();
        for challenge in ChallengeParser::new(&text).map_while(Result::ok) {
            match Scheme::of(&challenge) {
                Some(Scheme::Basic) if !is_private => {
                    tracing::warn!(%url, "a password is asked for over an unencrypted connection");
                }
                Some(scheme) => return Some(scheme),
                None => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn login() -> Login {
        Login {
            user: "Mufasa".to_owned(),
            password: "Circle of Life".to_owned(),
        }
    }

    fn refusal(asker: Asker, challenges: &[&str]) -> HeaderMap {
        challenges
            .iter()
            .map(|text| {
                let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
                (asker.challenge_header(), value)
            })
            .collect()
    }

    /// What a client shows that was refused with these challenges, in its next request to `url`.
    fn shown(asker: Asker, url: &str, challenges: &[&str]) -> Option<String> {
        let url = Url::parse(url).unwrap();
        let mut logins = Logins::default();
        let is_taken = logins.take_challenge(asker, &url, &refusal(asker, challenges), 0);
        let request = Request {
            url: &url,
            body: b"\x02",
        };
        let headers = logins.headers(&login(), &request);
        assert_eq!(is_taken, !headers.is_empty());
        let value = headers.get(asker.answer_header())?;
        assert!(value.is_sensitive());
        Some(value.to_str().unwrap().to_owned())
    }

    const BASIC: &str = "Basic realm=\"sync\"";
    const DIGEST: &str = "Digest realm=\"sync, here\", qop=\"auth\", nonce=\"n1\"";

    #[test]
    fn passwords_are_not_shown() {
        assert!(!format!("{:?}", login()).contains("Circle"));
    }

    // spec: N14
    #[test]
    fn a_password_goes_over_private_lines_only() {
        let server = Asker::Server;
        for url in ["https://sync.example/", "http://127.0.0.1/"] {
            let shown = shown(server, url, &[BASIC]);
            assert_eq!(shown.unwrap(), "Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl");
        }
        let open = "http://sync.example/";
        assert_eq!(shown(server, open, &[BASIC]), None);
        for challenges in [&[BASIC, DIGEST], &[DIGEST, BASIC]] {
            assert!(
                shown(server, open, challenges)
                    .unwrap()
                    .starts_with("Digest ")
            );
        }
        let in_one = format!("Negotiate, {BASIC}, {DIGEST}");
        assert!(
            shown(server, open, &[&in_one])
                .unwrap()
                .starts_with("Digest ")
        );
    }

    // spec: N14
    #[test]
    fn the_first_challenge_that_is_known_is_met() {
        let url = "https://sync.example/";
        let met = |challenges: &[&str]| shown(Asker::Server, url, challenges);
        let sha = "Digest realm=\"a\", qop=\"auth\", algorithm=SHA-256, nonce=\"n2\"";
        let unknown = "Digest realm=\"a\", qop=\"auth\", algorithm=SHA-3, nonce=\"n3\"";
        assert!(
            met(&[unknown, sha, DIGEST])
                .unwrap()
                .contains("nonce=\"n2\"")
        );
        assert!(met(&[DIGEST, sha]).unwrap().contains("nonce=\"n1\""));
        assert!(met(&[BASIC, DIGEST]).unwrap().starts_with("Basic "));
        assert!(met(&["Basic realm=\"Gesch\u{fc}tzt\""]).is_some());
        for useless in [
            &["Negotiate"][..],
            &["Digest realm=\"a\""],
            &["Digest realm=\"a\", nonce=\"n\", qop=\"other\""],
            &["=,\"", ""],
            &[],
        ] {
            assert_eq!(met(useless), None, "{useless:?}");
        }
    }

    #[test]
    fn a_proxy_is_told_the_whole_address() {
        let url = "http://sync.example:8080/sync?sid=1";
        let by_proxy = shown(Asker::Proxy, url, &[DIGEST]).unwrap();
        assert!(by_proxy.contains("uri=\"http://sync.example:8080/sync?sid=1\""));
        let by_server = shown(Asker::Server, url, &[DIGEST]).unwrap();
        assert!(by_server.contains("uri=\"/sync?sid=1\""));
    }

    #[test]
    fn the_body_is_covered_where_nothing_less_is_taken() {
        let url = "http://sync.example/";
        let qop = |offered: &str| {
            let challenge = format!("Digest realm=\"a\", nonce=\"n\", qop=\"{offered}\"");
            let shown = shown(Asker::Server, url, &[&challenge]).unwrap();
            let (_, rest) = shown.split_once("qop=").unwrap();
            rest.split_once(',').unwrap().0.to_owned()
        };
        assert_eq!(qop("auth,auth-int"), "auth");
        assert_eq!(qop("auth-int"), "auth-int");
    }

    #[test]
    fn other_servers_do_not_see_it() {
        let mut logins = Logins::default();
        let [here, there] =
            ["https://a.example/", "https://b.example/"].map(|url| Url::parse(url).unwrap());
        let refusal = refusal(Asker::Server, &[BASIC]);
        assert!(logins.take_challenge(Asker::Server, &here, &refusal, 0));
        let mut is_shown = |url| {
            let request = Request { url, body: b"" };
            !logins.headers(&login(), &request).is_empty()
        };
        assert!(is_shown(&here));
        assert!(!is_shown(&there));
    }
}
