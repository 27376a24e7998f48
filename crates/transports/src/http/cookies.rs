//! The cookies of a session.
//!
//! A balancer before several servers marks its clients with one, and sends the session elsewhere
//! when it does not come back. They are kept for the session alone, so dates do not matter.

use http::{HeaderMap, header};
use reqwest::Url;

/// Cookies kept at most; the oldest goes.
const MOST: usize = 32;

/// Bytes of a cookie's name and value at most.
const LONGEST: usize = 4096;

/// Cookies that servers have set.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    /// Only the host that set it gets it back.
    host: String,
    /// It goes to this path and to those below it.
    path: String,
    secure: bool,
}

impl Jar {
    /// Takes what an answer of that address sets.
    // spec: N16
    pub(super) fn take(&mut self, url: &Url, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let Ok(text) = value.to_str() else {
                continue;
            };
            let Some((cookie, is_over)) = parse(text, url) else {
                continue;
            };
            self.0.retain(|known| !known.is_same(&cookie));
            if !is_over {
                self.0.push(cookie);
            }
            if self.0.len() > MOST {
                self.0.remove(0);
            }
        }
    }

    /// The `Cookie` header of a request to that address.
    // spec: N16
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let due: Vec<String> = self
            .0
            .iter()
            .filter(|cookie| cookie.goes_to(url))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!due.is_empty()).then(|| due.join("; "))
    }
}

impl Cookie {
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.host == other.host && self.path == other.path
    }

    fn goes_to(&self, url: &Url) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let path_fits = self.path == "/"
            || url
                .path()
                .strip_prefix(self.path.trim_end_matches('/'))
                .is_some_and(below);
        path_fits
            && url.host_str() == Some(self.host.as_str())
            && (!self.secure || url.scheme() == "https")
    }
}

/// Reads `Set-Cookie`; with the cookie comes whether it is taken back.
fn parse(text: &str, url: &Url) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() + value.len() > LONGEST {
        return None;
    }
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        host: url.host_str()?.to_owned(),
        path: folder(url.path()).to_owned(),
        secure: false,
    };
    let mut is_over = false;
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "max-age" => is_over = value.parse::<i64>().is_ok_and(|age| age <= 0),
            "secure" => cookie.secure = true,
            _ => {}
        }
    }
    Some((cookie, is_over))
}

/// The path of the folder that a path is in.
fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        None | Some(("", _)) => "/",
        Some((folder, _)) => folder,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::HeaderValue;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn jar(from: &str, cookies: &[&'static str]) -> Jar {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        let mut jar = Jar::default();
        jar.take(&url(from), &headers);
        jar
    }

    // spec: N16
    #[test]
    fn cookies_go_back_where_they_came_from() {
        let jar = jar(
            "http://h/app/sync",
            &["node=3; Path=/", "a=\"x y\"; HttpOnly", "broken"],
        );
        let sent = |to: &str| jar.header(&url(to));
        let both = Some("node=3; a=\"x y\"".to_owned());
        assert_eq!(sent("http://h/app/sync?sid=1"), both);
        assert_eq!(sent("http://h:81/app"), both);
        assert_eq!(sent("http://h/application").unwrap(), "node=3");
        assert_eq!(sent("http://other/app/sync"), None);
    }

    #[test]
    fn a_later_cookie_replaces_and_ends_an_earlier_one() {
        let jar = jar("http://h/s", &["a=1", "b=1", "a=2", "b=; Max-Age=0"]);
        assert_eq!(jar.header(&url("http://h/s")).unwrap(), "a=2");
    }

    #[test]
    fn secure_cookies_stay_secret() {
        let jar = jar("https://h/s", &["a=1; Secure"]);
        assert_eq!(jar.header(&url("http://h/s")), None);
        assert_eq!(jar.header(&url("https://h/s")).unwrap(), "a=1");
    }

    #[test]
    fn cookies_are_bounded() {
        let mut jar = Jar::default();
        for number in 0..100 {
            let mut headers = HeaderMap::new();
            let cookie = format!("n{number}={}", "x".repeat(number * 50));
            headers.insert(header::SET_COOKIE, cookie.parse().unwrap());
            jar.take(&url("http://h/"), &headers);
        }
        assert_eq!(jar.0.len(), MOST);
        assert_eq!(jar.0.last().unwrap().name, "n81");
    }
}
