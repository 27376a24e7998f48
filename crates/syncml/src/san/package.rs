//! The binary package of 1.2: a digest, a header of fixed layout, the syncs, and what a vendor
//! adds.
//!
//! The header follows the notification document of SyncML 1.2. The layout of the syncs is that of
//! the Data Synchronization usage document, as implementations agree on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::{ContentType, Error, Initiator, Notification, Sync, UiMode};
use crate::auth;
use crate::code::AlertCode;
use crate::version::Version;

/// Bytes of the digest.
const DIGEST: usize = 16;

/// Bytes of vendor data taken.
const MAX_VENDOR: usize = 1024;

/// Largest package taken, bytes: every text as long as its length byte can say, fifteen syncs, and
/// a kilobyte of vendor data.
pub const MAX_PACKAGE: usize = DIGEST + 8 + 255 + 1 + 15 * (5 + 255) + MAX_VENDOR;

/// Base64 of MD5(`server-id:password`): what the digest of a package is made with.
pub fn password_digest(server_id: &str, password: &str) -> String {
    auth::user_digest(server_id, password)
}

/// The digest over a package: MD5(B64(MD5(`server-id:password`))`:`nonce`:`B64(MD5(rest))).
fn digest(password_digest: &str, nonce: &[u8], rest: &[u8]) -> [u8; DIGEST] {
    let rest = STANDARD.encode(Md5::digest(rest));
    let mut md5 = Md5::new();
    for part in [
        password_digest.as_bytes(),
        b":",
        nonce,
        b":",
        rest.as_bytes(),
    ] {
        md5.update(part);
    }
    md5.finalize().into()
}

/// A package as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What proves that the server sent it.
    pub digest: [u8; DIGEST],
    /// What it says.
    pub notification: Notification,
    /// The bytes that the digest covers.
    rest: Vec<u8>,
}

impl Package {
    /// Reads a package. Bits for future use are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], [`Error::TooLong`], [`Error::Version`], [`Error::Text`].
    // spec: Q02 Q10
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let length = bytes.len();
        if length > MAX_PACKAGE {
            return Err(Error::TooLong { length });
        }
        let mut fields = Fields {
            rest: bytes,
            length,
        };
        let digest = fields.array("digest")?;
        let rest = fields.rest.to_vec();
        // spec: Q06
        let [first, second, _, _, _] = fields.array("header")?;
        let tenths = u16::from(first) << 2 | u16::from(second >> 6);
        let version = match tenths {
            10 => Version::V1_0,
            11 => Version::V1_1,
            12 => Version::V1_2,
            tenths => return Err(Error::Version { tenths }),
        };
        let ui_mode = match second >> 4 & 3 {
            0 => UiMode::NotSpecified,
            1 => UiMode::Background,
            2 => UiMode::Informative,
            _ => UiMode::UserInteraction,
        };
        let initiator = if second >> 3 & 1 == 0 {
            Initiator::User
        } else {
            Initiator::Server
        };
        // spec: Q05
        let session_id = match u16::from_be_bytes(fields.array("session identifier")?) {
            0 => None,
            id => Some(id.to_string()),
        };
        let server_id = fields.text("server identifier")?;
        let [count] = fields.array("number of syncs")?;
        let syncs = (0..count >> 4)
            .map(|_| fields.sync())
            .collect::<Result<_, _>>()?;
        if fields.rest.len() > MAX_VENDOR {
            return Err(Error::TooLong { length });
        }
        Ok(Self {
            digest,
            notification: Notification {
                version,
                ui_mode,
                initiator,
                session_id,
                server_id,
                syncs,
                vendor: fields.rest.to_vec(),
            },
            rest,
        })
    }

    /// Whether the digest is that of this package under a [`password_digest`] and a nonce, which
    /// is empty where the client was given none. Some servers digest the nonce's base64 text in
    /// place of its bytes; that is taken too.
    // spec: Q03
    pub fn is_proved_by(&self, password_digest: &str, nonce: &[u8]) -> bool {
        let right = |nonce: &[u8]| {
            let expected = digest(password_digest, nonce, &self.rest);
            auth::equal(&expected, &self.digest)
        };
        right(nonce) || right(STANDARD.encode(nonce).as_bytes())
    }
}

/// What is left of a package.
struct Fields<'a> {
    rest: &'a [u8],
    /// Bytes of the whole package.
    length: usize,
}

impl Fields<'_> {
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let length = self.length;
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(Error::Truncated { field, length })?;
        self.rest = rest;
        Ok(*array)
    }

    fn text(&mut self, field: &'static str) -> Result<String, Error> {
        let [count] = self.array(field)?;
        let length = self.length;
        let (text, rest) = self
            .rest
            .split_at_checked(usize::from(count))
            .ok_or(Error::Truncated { field, length })?;
        self.rest = rest;
        let text = std::str::from_utf8(text).map_err(|_| Error::Text { field })?;
        Ok(text.to_owned())
    }

    fn sync(&mut self) -> Result<Sync, Error> {
        let [kind, high, middle, low] = self.array("sync")?;
        let content_type = match u32::from_be_bytes([0, high, middle, low]) {
            0 => ContentType::NotSpecified,
            code => ContentType::Code(code),
        };
        Ok(Sync {
            code: AlertCode(200 + u16::from(kind >> 4)),
            content_type,
            server_uri: self.text("server address")?,
            client_uri: None,
        })
    }
}

impl Notification {
    /// Writes the package of 1.2, digest first. `password_digest` is that of [`password_digest`],
    /// and `nonce` the one that the client was given, empty when there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] where a value does not fit its field.
    // spec: Q01 Q06
    pub fn to_package(&self, password_digest: &str, nonce: &[u8]) -> Result<Vec<u8>, Error> {
        let tenths: u16 = match self.version {
            Version::V1_0 => 10,
            Version::V1_1 => 11,
            Version::V1_2 => 12,
        };
        let ui_mode = match self.ui_mode {
            UiMode::NotSpecified => 0,
            UiMode::Background => 1,
            UiMode::Informative => 2,
            UiMode::UserInteraction => 3,
        };
        let initiator = u16::from(self.initiator == Initiator::Server);
        let header: u16 = tenths << 6 | ui_mode << 4 | initiator << 3;
        let mut rest = header.to_be_bytes().to_vec();
        rest.extend([0; 3]);
        rest.extend(self.session_number()?.to_be_bytes());
        text(&mut rest, "server identifier", &self.server_id)?;
        let count = u8::try_from(self.syncs.len()).ok().filter(|n| *n < 16);
        let count = count.ok_or_else(|| does_not_fit("number of syncs", self.syncs.len()))?;
        rest.push(count << 4);
        for sync in &self.syncs {
            let kind = sync.code.0.checked_sub(200).filter(|kind| *kind < 16);
            let kind = kind.ok_or_else(|| does_not_fit("sync type", sync.code))?;
            let [high, bytes @ ..] = sync.content_type.code().to_be_bytes();
            if high != 0 {
                return Err(does_not_fit("content type", sync.content_type.code()));
            }
            rest.push((kind as u8) << 4);
            rest.extend(bytes);
            text(&mut rest, "server address", &sync.server_uri)?;
        }
        if self.vendor.len() > MAX_VENDOR {
            let value = format!("{} bytes", self.vendor.len());
            return Err(does_not_fit("vendor data", value));
        }
        rest.extend(&self.vendor);
        let mut package = digest(password_digest, nonce, &rest).to_vec();
        package.extend(rest);
        Ok(package)
    }

    /// The session's identifier as a number, 0 when the client is to choose.
    fn session_number(&self) -> Result<u16, Error> {
        let Some(id) = &self.session_id else {
            return Ok(0);
        };
        let number = id.parse().ok().filter(|number| *number != 0);
        number.ok_or_else(|| does_not_fit("session identifier", id))
    }
}

/// Adds a text after its length.
fn text(package: &mut Vec<u8>, field: &'static str, text: &str) -> Result<(), Error> {
    let length = u8::try_from(text.len()).map_err(|_| does_not_fit(field, text))?;
    package.push(length);
    package.extend(text.as_bytes());
    Ok(())
}

fn does_not_fit(field: &'static str, value: impl std::fmt::Display) -> Error {
    Error::Field {
        field,
        value: value.to_string(),
    }
}
