//! Credentials and challenges: basic, MD5 and MAC (Representation Protocol, `Cred` and `Chal`).
//!
//! Pure functions over texts and bytes; nonces come from the caller.

mod mac;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::message::{Chal, Cred, Data};
use crate::meta::Meta;
pub use mac::{HEADER as MAC_HEADER, Mac, mac};

/// Media type of basic credentials.
pub const BASIC: &str = "syncml:auth-basic";
/// Media type of MD5 credentials.
pub const MD5: &str = "syncml:auth-md5";
/// Media type of challenges for a [`Mac`], which is never in a `Cred`.
pub const MAC: &str = "syncml:auth-MAC";

/// What a peer offers to prove who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// Name and password in the clear.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A digest over name, password and nonce; the name stands in the header.
    Md5 {
        /// The digest.
        digest: [u8; 16],
    },
}

/// Credentials that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A scheme other than basic and MD5.
    #[error("authentication scheme {scheme:?} is not supported")]
    Scheme {
        /// The scheme as given.
        scheme: String,
    },
    /// The data is no base64, has no colon, or is no digest.
    #[error("the {scheme} credentials are malformed")]
    Malformed {
        /// The scheme.
        scheme: &'static str,
    },
}

/// Reads credentials in every form that peers use: a missing type means basic; a digest may be
/// base64 text or sixteen raw bytes.
///
/// # Errors
///
/// [`Error::Scheme`] for an unknown scheme, [`Error::Malformed`] for data that does not fit it.
// spec: E01 E04 E19
pub fn credentials(cred: &Cred<'_>) -> Result<Credentials, Error> {
    let scheme = cred
        .meta
        .as_ref()
        .and_then(|meta| meta.media_type.as_deref());
    let scheme = scheme.map_or(BASIC, str::trim);
    let data = cred.data.as_bytes().unwrap_or_default();
    if scheme.eq_ignore_ascii_case(BASIC) {
        let malformed = Error::Malformed { scheme: BASIC };
        let pair = decode(data).ok_or_else(|| malformed.clone())?;
        let pair = String::from_utf8(pair)
            .unwrap_or_else(|error| error.as_bytes().iter().map(|b| char::from(*b)).collect());
        let (user, password) = pair.split_once(':').ok_or(malformed)?;
        Ok(Credentials::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    } else if scheme.eq_ignore_ascii_case(MD5) {
        let raw = <[u8; 16]>::try_from(data).ok();
        let digest = raw
            .or_else(|| decode(data).and_then(|bytes| bytes.try_into().ok()))
            .ok_or(Error::Malformed { scheme: MD5 })?;
        Ok(Credentials::Md5 { digest })
    } else {
        Err(Error::Scheme {
            scheme: scheme.to_owned(),
        })
    }
}

fn decode(data: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = data
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    STANDARD.decode(text).ok()
}

/// Base64 of MD5(`user:password`): what a server has to keep for basic and for digests from 1.1.
pub fn user_digest(user: &str, password: &str) -> String {
    STANDARD.encode(hash(&[user.as_bytes(), b":", password.as_bytes()]))
}

/// The digest of SyncML 1.1 and later: MD5(`user_digest:nonce`).
// spec: E02
pub fn md5(user_digest: &str, nonce: &[u8]) -> [u8; 16] {
    hash(&[user_digest.as_bytes(), b":", nonce])
}

/// The digest of SyncML 1.0: MD5(`user:password:nonce`).
// spec: E03
pub fn md5_v1_0(user: &str, password: &str, nonce: &[u8]) -> [u8; 16] {
    hash(&[user.as_bytes(), b":", password.as_bytes(), b":", nonce])
}

/// Basic credentials.
// spec: E01 E04
pub fn basic_cred(user: &str, password: &str) -> Cred<'static> {
    cred(BASIC, STANDARD.encode(format!("{user}:{password}")))
}

/// MD5 credentials.
pub fn md5_cred(digest: [u8; 16]) -> Cred<'static> {
    cred(MD5, STANDARD.encode(digest))
}

/// A challenge for basic credentials.
pub fn basic_chal() -> Chal<'static> {
    Chal {
        meta: Meta {
            format: Some("b64".into()),
            ..Meta::of_type(BASIC)
        },
    }
}

/// A challenge for MD5 credentials over `nonce`.
// spec: E07
pub fn md5_chal(nonce: &[u8]) -> Chal<'static> {
    nonce_chal(MD5, nonce)
}

/// A challenge for a [`Mac`] over `nonce`.
pub fn mac_chal(nonce: &[u8]) -> Chal<'static> {
    nonce_chal(MAC, nonce)
}

fn nonce_chal(scheme: &'static str, nonce: &[u8]) -> Chal<'static> {
    let meta = Meta::of_type(scheme);
    Chal {
        meta: Meta {
            format: Some("b64".into()),
            next_nonce: Some(nonce.to_vec()),
            ..meta
        },
    }
}

/// Whether two secrets are equal, in a time that tells nothing but their lengths.
// spec: E22
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn cred(scheme: &'static str, data: String) -> Cred<'static> {
    Cred {
        meta: Some(Meta {
            format: Some("b64".into()),
            ..Meta::of_type(scheme)
        }),
        data: Data::text(data),
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    md5.finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn encoded(digest: [u8; 16]) -> String {
        STANDARD.encode(digest)
    }

    // spec: E02 E03
    #[test]
    fn digests_of_both_formulas() {
        let user = user_digest("Bruce2", "OhBehave");
        assert_eq!(user, "PtEdr8lBQ45IbT1bZIkrOQ==");
        assert_eq!(encoded(md5(&user, b"Nonce")), "Zz6EivR3yeaaENcRN6lpAQ==");
        assert_eq!(encoded(md5(&user, b"")), "lEf25jyjHbCcTbj4p/1pUw==");
        assert_eq!(
            encoded(md5_v1_0("Bruce2", "OhBehave", b"Nonce")),
            "UmkqAAZhiQvXXhfaf/u+OQ=="
        );
        assert_eq!(
            encoded(md5_v1_0("Bruce2", "OhBehave", b"")),
            "hXwACIjXU95KkVg2tGE68w=="
        );
    }

    // spec: E01 E04 E19
    #[test]
    fn what_is_offered_is_read() {
        let basic = Credentials::Basic {
            user: "Bruce2".into(),
            password: "OhBehave".into(),
        };
        assert_eq!(
            credentials(&basic_cred("Bruce2", "OhBehave")).unwrap(),
            basic
        );
        let untyped = Cred {
            meta: None,
            data: Data::text("QnJ1Y2UyOk9oQmVoYXZl"),
        };
        assert_eq!(credentials(&untyped).unwrap(), basic);
        let digest = [7; 16];
        assert_eq!(
            credentials(&md5_cred(digest)).unwrap(),
            Credentials::Md5 { digest }
        );
        let raw = Cred {
            data: Data::Bytes(digest.to_vec().into()),
            ..md5_cred(digest)
        };
        assert_eq!(credentials(&raw).unwrap(), Credentials::Md5 { digest });
    }

    #[test]
    fn bad_credentials_are_refused() {
        let bad = |scheme: &'static str, data: &'static str| {
            credentials(&Cred {
                meta: Some(Meta::of_type(scheme)),
                data: Data::text(data),
            })
        };
        assert_eq!(bad(BASIC, "!!!"), Err(Error::Malformed { scheme: BASIC }));
        assert_eq!(
            bad(BASIC, "bm9jb2xvbg=="),
            Err(Error::Malformed { scheme: BASIC })
        );
        assert_eq!(bad(MD5, "c2hvcnQ="), Err(Error::Malformed { scheme: MD5 }));
        assert!(matches!(
            bad("syncml:auth-x509", ""),
            Err(Error::Scheme { .. })
        ));
    }

    // spec: E22
    #[test]
    fn secrets_compare() {
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }
}
