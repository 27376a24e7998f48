//! Compressed bodies (`Content-Encoding`).
//!
//! A few bytes can expand to very many, so what comes out is handed on a piece at a time, and the
//! receiver ends it where its bounds are.

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, header};

/// Bodies below this are not compressed, bytes: they would hardly get smaller.
pub(super) const WORTH: usize = 1024;

/// The codings that are understood, for `Accept-Encoding`.
pub(super) const UNDERSTOOD: &str = "gzip, deflate";

/// Bytes of one piece of an expanded body.
const PIECE: usize = 16 << 10;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// The format of zlib; some senders leave its header out.
    Deflate,
}

/// A `Content-Encoding` that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) String);

/// Why a body cannot be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken<E> {
    /// It is not in its coding, or not complete.
    Damaged,
    /// Whoever takes the pieces has had enough.
    Refused(E),
}

impl Coding {
    /// The coding of a body with these headers; `None` where it is as it is.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Unknown> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(None);
        };
        let name = String::from_utf8_lossy(value.as_bytes())
            .trim()
            .to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "deflate" => Ok(Some(Self::Deflate)),
            _ => Err(Unknown(name)),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// Expands a body, and gives it to `take` a piece at a time.
    pub(super) fn expand<E>(
        self,
        body: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), Broken<E>> {
        let mut reader: Box<dyn Read + '_> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(body)),
            Self::Deflate if has_zlib_header(body) => Box::new(ZlibDecoder::new(body)),
            Self::Deflate => Box::new(DeflateDecoder::new(body)),
        };
        let mut piece = vec![0; PIECE];
        loop {
            let length = reader.read(&mut piece).map_err(|_| Broken::Damaged)?;
            match piece.get(..length) {
                None | Some([]) => return Ok(()),
                Some(bytes) => take(bytes).map_err(Broken::Refused)?,
            }
        }
    }

    /// Compresses a body.
    pub(super) fn compress(self, body: &[u8]) -> Vec<u8> {
        // what is in memory takes and gives without failing
        let out = Vec::with_capacity(body.len() / 4);
        let level = Compression::fast();
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, level);
                let written = encoder.write_all(body);
                written.and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(out, level);
                let written = encoder.write_all(body);
                written.and_then(|()| encoder.finish())
            }
        }
        .unwrap_or_default()
    }
}

/// Whether the first two bytes are a header of zlib: method 8, and divisible by 31.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use flate2::write::DeflateEncoder;
    use http::HeaderValue;

    use super::*;

    fn expanded(coding: Coding, body: &[u8]) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        let outcome = coding.expand(body, |piece| {
            all.extend_from_slice(piece);
            Ok::<(), ()>(())
        });
        outcome.ok().map(|()| all)
    }

    // spec: N13
    #[test]
    fn what_is_compressed_comes_back() {
        let body = b"BEGIN:VCARD\r\n".repeat(5000);
        for coding in [Coding::Gzip, Coding::Deflate] {
            let small = coding.compress(&body);
            assert!(small.len() < body.len() / 20);
            assert_eq!(expanded(coding, &small).unwrap(), body);
            assert_eq!(expanded(coding, &small[..small.len() / 2]), None);
            assert_eq!(expanded(coding, b"\xff\xff no"), None);
            assert_eq!(expanded(coding, &coding.compress(b"")).unwrap(), b"");
        }
    }

    #[test]
    fn deflate_may_lack_its_header() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"no header, no checksum").unwrap();
        let bare = encoder.finish().unwrap();
        let whole = expanded(Coding::Deflate, &bare);
        assert_eq!(whole.unwrap(), b"no header, no checksum");
    }

    #[test]
    fn expansion_stops_where_it_is_refused() {
        let bomb = Coding::Gzip.compress(&vec![0; 50 << 20]);
        let mut taken = 0;
        let outcome = Coding::Gzip.expand(&bomb, |piece| {
            taken += piece.len();
            if taken > 100_000 { Err("full") } else { Ok(()) }
        });
        assert_eq!(outcome, Err(Broken::Refused("full")));
        assert!(taken <= 100_000 + PIECE);
    }

    #[test]
    fn codings_have_names() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            Coding::of(&headers)
        };
        assert_eq!(of("GZip"), Ok(Some(Coding::Gzip)));
        assert_eq!(of("x-gzip"), Ok(Some(Coding::Gzip)));
        assert_eq!(of("deflate"), Ok(Some(Coding::Deflate)));
        assert_eq!(of("identity"), Ok(None));
        assert_eq!(of("br"), Err(Unknown("br".to_owned())));
        assert_eq!(Coding::of(&HeaderMap::new()), Ok(None));
    }
}
