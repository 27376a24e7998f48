//! What the other side says it takes: `Accept`, `Accept-Charset`, `Accept-Encoding`.

use http::header::HeaderName;
use http::{HeaderMap, header};
use syncml::Encoding;

/// The members of a list of preferences, in lower case, each with its quality in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Preferences(Vec<(String, u16)>);

impl Preferences {
    /// Reads all headers of that name; `None` where there is none, or nothing in it.
    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut members = Vec::new();
        for value in headers.get_all(name) {
            let text = String::from_utf8_lossy(value.as_bytes());
            members.extend(text.split(',').filter_map(member));
        }
        (!members.is_empty()).then_some(Self(members))
    }

    /// Whether one of these names is a member, and the first that is, is wanted.
    fn wants(&self, names: &[&str]) -> Option<bool> {
        names.iter().find_map(|name| {
            let found = self.0.iter().find(|(member, _)| member == name);
            found.map(|(_, quality)| *quality > 0)
        })
    }
}

/// A member without its parameters but `q`, which is 1 where it is missing or no number.
fn member(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';');
    let name = parts.next().unwrap_or_default().trim();
    if name.is_empty() {
        return None;
    }
    let quality = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .and_then(|(_, value)| value.trim().parse::<f32>().ok())
        .map_or(1000, |quality| (quality.clamp(0.0, 1.0) * 1000.0) as u16);
    Some((name.to_ascii_lowercase(), quality))
}

/// Whether text in UTF-8 may be sent to a client with these headers.
// spec: N06
pub(super) fn takes_utf8(headers: &HeaderMap) -> bool {
    Preferences::of(headers, &header::ACCEPT_CHARSET)
        .is_none_or(|charsets| charsets.wants(&["utf-8", "utf8", "*"]).unwrap_or(false))
}

/// The encoding that a client with these headers wants whatever its own is: the one that it takes
/// where it does not take the other. A client that takes neither by its own word is not believed.
// spec: N05
pub(super) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let types = Preferences::of(headers, &header::ACCEPT)?;
    let takes = |encoding: Encoding| {
        let names = [encoding.media_type(), "application/*", "*/*", "*"];
        types.wants(&names).unwrap_or(false)
    };
    match (takes(Encoding::Xml), takes(Encoding::Wbxml)) {
        (true, false) => Some(Encoding::Xml),
        (false, true) => Some(Encoding::Wbxml),
        _ => None,
    }
}

/// Whether the other side names the coding `gzip` as one that it takes.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    Preferences::of(headers, &header::ACCEPT_ENCODING)
        .and_then(|codings| codings.wants(&["gzip", "x-gzip"]))
        .unwrap_or(false)
}

/// The same of `deflate`.
pub(super) fn takes_deflate(headers: &HeaderMap) -> bool {
    Preferences::of(headers, &header::ACCEPT_ENCODING)
        .and_then(|codings| codings.wants(&["deflate"]))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    // spec: N06
    #[test]
    fn charsets() {
        let takes = |values: &[&'static str]| takes_utf8(&headers("accept-charset", values));
        for values in [
            &[][..],
            &[""],
            &["UTF-8"],
            &["utf8"],
            &["iso-8859-1, utf-8;q=0.7"],
            &["x-foo", "*;q=0.1"],
            &["utf-8; q=high"],
        ] {
            assert!(takes(values), "{values:?}");
        }
        for values in [&["x-foo"][..], &["utf-8;q=0, *"], &["iso-8859-1, *;q=0.0"]] {
            assert!(!takes(values), "{values:?}");
        }
    }

    // spec: N05
    #[test]
    fn types() {
        let wanted = |values: &[&'static str]| encoding(&headers("accept", values));
        let (xml, wbxml) = (Some(Encoding::Xml), Some(Encoding::Wbxml));
        assert_eq!(wanted(&["application/vnd.syncml+xml"]), xml);
        assert_eq!(
            wanted(&["Application/vnd.SyncML+WBXML; q=0.2, text/html"]),
            wbxml
        );
        assert_eq!(
            wanted(&["*/*, application/vnd.syncml+wbxml;q=0"]),
            xml,
            "the exact name goes before the wildcard"
        );
        for either in [
            &[][..],
            &["*/*"],
            &["text/html, image/gif, *; q=.2, */*; q=.2"],
            &["application/vnd.syncml+xml", "application/vnd.syncml+wbxml"],
            &["text/html"],
        ] {
            assert_eq!(wanted(either), None, "{either:?}");
        }
    }

    #[test]
    fn codings() {
        let both = |values: &[&'static str]| {
            let headers = headers("accept-encoding", values);
            (takes_gzip(&headers), takes_deflate(&headers))
        };
        assert_eq!(both(&["gzip;q=1.0, deflate"]), (true, true));
        assert_eq!(both(&["x-gzip"]), (true, false));
        assert_eq!(both(&["gzip;q=0, deflate"]), (false, true));
        assert_eq!(both(&["*"]), (false, false), "a coding has to be named");
        assert_eq!(both(&[]), (false, false));
    }
}
