//! What `Content-Type` says, and what the body says.

use syncml::Encoding;

/// A `Content-Type` as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MediaType {
    /// Type and subtype in lower case; empty when the header is missing.
    pub(super) essence: String,
    /// The `charset` parameter, quotes removed.
    pub(super) charset: Option<String>,
}

impl MediaType {
    /// Reads a header value as devices write it: bytes above 127, broken quotes and unknown
    /// parameters do no harm.
    // spec: N02
    pub(super) fn parse(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let mut parts = text.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, value)| value.trim().trim_matches(['"', '\'', ' ']).to_owned())
            .filter(|value| !value.is_empty());
        Self { essence, charset }
    }

    /// Whether a body of this type may be a SyncML message: it is named as one, or it is named as
    /// nothing in particular and looks like one.
    // spec: N08
    pub(super) fn may_carry(&self, body: &[u8]) -> bool {
        Encoding::from_media_type(&self.essence).is_some()
            || (VAGUE.contains(&self.essence.as_str()) && looks_like_message(body))
    }
}

/// What clients and tools send that set no type of their own.
const VAGUE: [&str; 5] = [
    "",
    "application/octet-stream",
    "application/xml",
    "text/xml",
    "application/x-www-form-urlencoded",
];

/// Whether the first bytes are those of a WBXML version 1.0 to 1.3 or of an XML document.
fn looks_like_message(body: &[u8]) -> bool {
    let wide = body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]);
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    wide || matches!(text.trim_ascii_start().first(), Some(0..=3 | b'<'))
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: N02
    #[test]
    fn parameters_are_read_in_every_spelling() {
        let parse = |text: &[u8]| {
            let media = MediaType::parse(text);
            (media.essence, media.charset)
        };
        let xml = "application/vnd.syncml+xml".to_owned();
        let utf8 = Some("utf-8".to_owned());
        assert_eq!(
            parse(b"Application/vnd.SyncML+XML; charset=\"utf-8\""),
            (xml.clone(), utf8.clone())
        );
        assert_eq!(
            parse(b"application/vnd.syncml+xml;verproto=1.1;CHARSET=utf-8\""),
            (xml.clone(), utf8)
        );
        assert_eq!(
            parse(b"application/vnd.syncml+xml ; charset="),
            (xml.clone(), None)
        );
        assert_eq!(parse(b"application/vnd.syncml+xml;x=\xe9"), (xml, None));
        assert_eq!(parse(b""), (String::new(), None));
    }

    #[test]
    fn a_vague_type_needs_a_body_that_looks_right() {
        let carries = |media: &[u8], body: &[u8]| MediaType::parse(media).may_carry(body);
        assert!(carries(b"application/vnd.syncml+wbxml", b"anything"));
        assert!(carries(b"", b"\x02\xa4\x01\x6a"));
        assert!(carries(b"application/octet-stream", b" \r\n<SyncML>"));
        assert!(carries(b"text/xml", b"\xef\xbb\xbf<?xml"));
        assert!(carries(b"", b"\xff\xfe<\x00"));
        assert!(!carries(b"", b"name=value"));
        assert!(!carries(b"", b""));
        assert!(!carries(b"text/html", b"<html>"));
        assert!(!carries(b"multipart/form-data", b"\x02"));
    }
}
