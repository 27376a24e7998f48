//! Which paths take messages, and the address that a device is told to go on with.

use http::uri::Uri;
use http::{HeaderMap, header};

use super::{RespUri, Settings};

/// Path endings that clients have burned in.
const ENDINGS: [&str; 4] = ["/syncml", "/sync", "/ds", "/funambol/ds"];

/// Whether messages are taken at this path. `*` stands for the server itself.
pub(super) fn takes_messages(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.is_empty() || path == "*" || ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// The session's token in a query, from an earlier `RespURI`.
pub(super) fn token(uri: &Uri) -> Option<String> {
    let parameters = uri.query()?.split('&');
    let value = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| *name == "sid")
        .map(|(_, value)| value)?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// The absolute address of this resource as the device sees it, without a query; `None` when it
/// cannot be told, or when none is wanted.
pub(super) fn resp_uri_base(settings: &Settings, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    match &settings.resp_uri {
        RespUri::Off => return None,
        RespUri::Fixed(address) => return Some(address.clone()),
        RespUri::FromRequest => {}
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(http::uri::Authority::as_str))?
        .trim();
    if host.is_empty() || !host.bytes().all(is_host_byte) {
        return None;
    }
    let path = match uri.path() {
        "" | "*" => "/",
        path => path,
    };
    let scheme = match settings.tls {
        Some(_) => "https",
        None => scheme(headers),
    };
    Some(format!("{scheme}://{host}{path}"))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte)
}

/// The scheme that the device used, as a proxy in front reports it.
fn scheme(headers: &HeaderMap) -> &'static str {
    let forwarded = headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next());
    match forwarded {
        Some(value) if value.trim().eq_ignore_ascii_case("https") => "https",
        _ => "http",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn burned_in_paths_take_messages() {
        for path in [
            "/",
            "",
            "*",
            "/syncml",
            "/syncml/",
            "/a/b/sync",
            "/ds",
            "/funambol/ds",
        ] {
            assert!(takes_messages(path), "{path}");
        }
        for path in ["/other", "/syncmlx", "/healthz", "/xds"] {
            assert!(!takes_messages(path), "{path}");
        }
    }

    // spec: N15
    #[test]
    fn the_token_is_found_in_the_query() {
        let token = |uri: &str| token(&uri.parse().unwrap());
        assert_eq!(token("/syncml?sid=abc").as_deref(), Some("abc"));
        assert_eq!(token("/syncml?x=1&sid=abc&y").as_deref(), Some("abc"));
        assert_eq!(token("/syncml?sid="), None);
        assert_eq!(token("/syncml?psid=1"), None);
        assert_eq!(token("/syncml"), None);
    }

    fn base(uri: &str, headers: &[(&'static str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        resp_uri_base(&Settings::default(), &uri.parse().unwrap(), &map)
    }

    #[test]
    fn the_base_is_what_the_device_used() {
        assert_eq!(
            base("/syncml?sid=1", &[("host", "sync.example:8080")]).as_deref(),
            Some("http://sync.example:8080/syncml")
        );
        assert_eq!(
            base(
                "/",
                &[("host", "[::1]:80"), ("x-forwarded-proto", "https, http")]
            )
            .as_deref(),
            Some("https://[::1]:80/")
        );
        assert_eq!(
            base("http://sync.example/ds", &[]).as_deref(),
            Some("http://sync.example/ds")
        );
        assert_eq!(base("/syncml", &[]), None);
        assert_eq!(base("/syncml", &[("host", "a/b?c")]), None);
    }

    #[test]
    fn the_base_can_be_set_or_left_out() {
        let uri = "/syncml".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "inside".parse().unwrap());
        let base = |resp_uri| {
            let settings = Settings {
                resp_uri,
                ..Settings::default()
            };
            resp_uri_base(&settings, &uri, &headers)
        };
        let fixed = "https://outside.example/syncml".to_owned();
        assert_eq!(base(RespUri::Fixed(fixed.clone())), Some(fixed));
        assert_eq!(base(RespUri::Off), None);
    }
}
