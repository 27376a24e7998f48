//! Whether the server is who the client takes it for (authentication in the other direction).
//!
//! Until the server has proved itself nothing of what it says is done but its statuses read. It is
//! asked by a challenge in the status for its header, and says its package again with the answer.

use syncml::auth::{self, Credentials};
use syncml::{Command, Header, Message, StatusCode, Version};

use super::{Error, Scheme, Session};
use crate::nonce::nonce_of;

/// Challenges of one session.
const MAX_CHALLENGES: u32 = 2;

/// What a server has to prove.
#[derive(Clone)]
pub(super) struct Expected {
    name: String,
    password: String,
    nonce: Vec<u8>,
    challenges: u32,
    proved: bool,
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expected")
            .field("name", &self.name)
            .field("proved", &self.proved)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Goes on only with a server that proves by a digest that it knows this name and password.
    /// `nonce` is random and new for the session. To be called before the first message.
    // spec: E15
    pub fn expect_server(&mut self, name: &str, password: &str, nonce: [u8; 16]) {
        self.expected = Some(Expected {
            name: name.to_owned(),
            password: password.to_owned(),
            nonce: nonce_of(&nonce),
            challenges: 0,
            proved: false,
        });
        // what is in the first message is told to whoever gets it
        self.is_at_once = false;
    }

    /// Whether the message comes from the server that is expected; if not, it is answered with a
    /// challenge.
    // spec: E15
    pub(super) fn knows_server(
        &mut self,
        message: &Message<'_>,
        proof: Option<(&str, &[u8])>,
    ) -> Result<bool, Error> {
        let Some(expected) = self.expected.as_mut().filter(|expected| !expected.proved) else {
            self.owe_header(&message.header);
            return Ok(true);
        };
        let header = &message.header;
        let is_proved = match proof {
            Some((mac, body)) => expected.is_proved_beside(mac, body),
            None => expected.is_proved_by(header, self.config.version),
        };
        if is_proved {
            expected.proved = true;
            self.owe_header_with(header, StatusCode::AUTHENTICATED, None);
            return Ok(true);
        }
        expected.challenges += 1;
        if expected.challenges > MAX_CHALLENGES {
            return Err(Error::Impostor {
                name: expected.name.clone(),
            });
        }
        // a server that wants the bytes of messages proved can do the same
        let challenge = match self.scheme {
            Scheme::Mac => auth::mac_chal(&expected.nonce),
            Scheme::Basic | Scheme::Md5 => auth::md5_chal(&expected.nonce),
        };
        let code = if header.cred.is_none() && proof.is_none() {
            StatusCode::MISSING_CREDENTIALS
        } else {
            StatusCode::INVALID_CREDENTIALS
        };
        self.owe_header_with(header, code, Some(challenge));
        for command in &message.commands {
            match command {
                Command::Status(status) => {
                    self.take_status(status)?;
                }
                Command::Results(_) => {}
                _ => self.owe(header, command, None, code),
            }
        }
        Ok(false)
    }
}

impl Expected {
    /// Whether `x-syncml-hmac` proves these bytes.
    // spec: N21
    fn is_proved_beside(&self, mac: &str, body: &[u8]) -> bool {
        let digest = auth::user_digest(&self.name, &self.password);
        let expected = auth::mac(&digest, &self.nonce, body);
        auth::Mac::parse(mac)
            .is_ok_and(|mac| mac.user == self.name && auth::equal(&expected, &mac.digest))
    }

    fn is_proved_by(&self, header: &Header<'_>, version: Version) -> bool {
        let (name, password) = (self.name.as_str(), self.password.as_str());
        let digest = auth::user_digest(name, password);
        match header.cred.as_ref().map(auth::credentials) {
            Some(Ok(Credentials::Basic { user, password })) => {
                let given = auth::user_digest(&user, &password);
                auth::equal(given.as_bytes(), digest.as_bytes())
            }
            Some(Ok(Credentials::Md5 { digest: given })) => {
                let expected = match version {
                    Version::V1_0 => auth::md5_v1_0(name, password, &self.nonce),
                    _ => auth::md5(&digest, &self.nonce),
                };
                auth::equal(&expected, &given)
            }
            _ => false,
        }
    }
}
