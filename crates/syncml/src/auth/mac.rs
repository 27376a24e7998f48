//! `syncml:auth-MAC`: a digest over the whole message, which travels beside it in a header of the
//! transport (Representation Protocol, `Cred`; HTTP binding, `x-syncml-hmac`).
//!
//! ```text
//! x-syncml-hmac: algorithm=MD5, username="Bruce2", mac=2uhSduf8t+E4pjL64qittw==
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Error, MAC, hash};

/// Name of the header that carries a [`Mac`], lower case.
pub const HEADER: &str = "x-syncml-hmac";

/// Longest header that is read, bytes.
const LONGEST: usize = 1024;

/// Proof that somebody who knows the password has seen the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mac {
    /// The name of who sends the message.
    pub user: String,
    /// The digest, as [`mac`] makes it.
    pub digest: [u8; 16],
}

/// The digest of a message: MD5(`user_digest:nonce:base64(MD5(body))`). `user_digest` is that of
/// [`user_digest`](super::user_digest), `body` the entity as it is sent.
pub fn mac(user_digest: &str, nonce: &[u8], body: &[u8]) -> [u8; 16] {
    let body = STANDARD.encode(hash(&[body]));
    hash(&[user_digest.as_bytes(), b":", nonce, b":", body.as_bytes()])
}

impl Mac {
    /// Reads the value of the header: its parts in any order, names in any case, quotes where the
    /// sender likes them; without `algorithm` it is MD5.
    ///
    /// # Errors
    ///
    /// [`Error::Scheme`] for another algorithm, [`Error::Malformed`] for a value without name or
    /// digest.
    // spec: N21
    pub fn parse(value: &str) -> Result<Self, Error> {
        let malformed = Error::Malformed { scheme: MAC };
        if value.len() > LONGEST {
            return Err(malformed);
        }
        let (mut user, mut digest) = (None, None);
        for part in parts(value) {
            let (name, text) = part.split_once('=').ok_or_else(|| malformed.clone())?;
            let text = text.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "algorithm" if unquoted(text).eq_ignore_ascii_case("MD5") => {}
                "algorithm" => {
                    return Err(Error::Scheme {
                        scheme: format!("{MAC} with {}", unquoted(text)),
                    });
                }
                "username" => user = Some(unquoted(text)),
                "mac" => digest = super::decode(unquoted(text).as_bytes()),
                _ => {}
            }
        }
        let digest = digest.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        match (user, digest) {
            (Some(user), Some(digest)) => Ok(Self { user, digest }),
            _ => Err(malformed),
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.replace('\\', "\\\\").replace('"', "\\\"");
        let digest = STANDARD.encode(self.digest);
        write!(f, "algorithm=MD5, username=\"{user}\", mac={digest}")
    }
}

/// The parts between the commas that stand outside of quotes.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |character| {
        let ends = character == ',' && !quoted;
        match character {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && character == '\\' && !escaped;
        ends
    })
}

/// A text without its quotes, and what they protect.
fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let Some(inner) = inner else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::auth::user_digest;

    const HEADER: &str = "algorithm=MD5, username=\"Bruce2\", mac=2uhSduf8t+E4pjL64qittw==";

    // spec: N21
    #[test]
    fn the_digest_covers_name_password_nonce_and_message() {
        let user = user_digest("Bruce2", "OhBehave");
        let digest = mac(&user, b"Nonce", b"<SyncML></SyncML>");
        let made = Mac {
            user: "Bruce2".to_owned(),
            digest,
        };
        assert_eq!(made.to_string(), HEADER);
        assert_ne!(mac(&user, b"Nonce", b"<SyncML> </SyncML>"), digest);
        assert_ne!(mac(&user, b"nonce", b"<SyncML></SyncML>"), digest);
    }

    // spec: N21
    #[test]
    fn headers_are_read_as_peers_write_them() {
        let expected = Mac::parse(HEADER).unwrap();
        assert_eq!(expected.user, "Bruce2");
        for text in [
            "username=\"Bruce2\",mac=2uhSduf8t+E4pjL64qittw==",
            "MAC=\"2uhSduf8t+E4pjL64qittw==\" , UserName=Bruce2",
            "algorithm=md5, realm=\"a, b\", username=\"Bruce2\", mac=2uhSduf8t+E4pjL64qittw==",
        ] {
            assert_eq!(Mac::parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "mac", "username=\"a\"", "username=a, mac=AAAA"] {
            let error = Mac::parse(text).unwrap_err();
            assert_eq!(error, Error::Malformed { scheme: MAC }, "{text}");
        }
        let other = HEADER.replace("MD5", "SHA1");
        assert!(matches!(Mac::parse(&other), Err(Error::Scheme { .. })));
        let endless = format!("{HEADER}, x={}", "a".repeat(LONGEST));
        assert!(Mac::parse(&endless).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(user in "[^\\x00-\\x1f]{0,40}", digest: [u8; 16]) {
            let mac = Mac { user, digest };
            prop_assert_eq!(Mac::parse(&mac.to_string()).unwrap(), mac);
        }

        #[test]
        fn anything_is_read_or_refused(text: String) {
            let _ = Mac::parse(&text);
        }
    }
}
