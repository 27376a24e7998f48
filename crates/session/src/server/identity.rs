//! The server proves itself to a client that asks for it (authentication in the other direction).
//!
//! A client asks by a challenge in its status for our header. The next answer carries our
//! credentials, and says again what the client could not trust before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncml::{Cred, Status, StatusCode, Version, auth};

use super::policy::{Scheme, ServerLogin};
use super::state::{Asked, Owed, Phase, State};
use super::{Config, Run};

/// Challenges of a client that are followed in one session.
const MAX_ASKED: u32 = 3;

impl Run<'_> {
    /// What the client says of our header: it wants credentials, or it has accepted them.
    // spec: E15
    pub(super) fn take_header_status(&mut self, status: &Status<'_>) {
        let Some(code) = status.code() else {
            return;
        };
        let refused = matches!(
            code,
            StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS
        );
        let asked = status.chal.as_ref().and_then(|chal| {
            let scheme = chal.meta.media_type.as_deref()?.trim();
            let scheme = match scheme {
                name if name.eq_ignore_ascii_case(auth::BASIC) => Scheme::Basic,
                name if name.eq_ignore_ascii_case(auth::MD5) => Scheme::Md5,
                name if name.eq_ignore_ascii_case(auth::MAC) => Scheme::Mac,
                _ => return None,
            };
            let nonce = chal.meta.next_nonce.clone().unwrap_or_default();
            Some(Asked {
                scheme: scheme.into(),
                nonce: STANDARD.encode(nonce),
            })
        });
        if !refused {
            self.state.proved = code == StatusCode::AUTHENTICATED;
            if asked.is_some() {
                self.state.asked = asked;
            }
            return;
        }
        self.state.times_asked += 1;
        if self.config.auth.server.is_none() || self.state.times_asked > MAX_ASKED {
            self.warn(format!(
                "the client asks who the server is ({code}, {}): no credentials suit it",
                code.phrase()
            ));
            return;
        }
        self.state.asked = asked;
        self.state.proved = false;
        let begun = self.state.datastores.iter().any(|ds| ds.sync_received);
        if self.state.phase == Phase::FromClient && !begun {
            self.state.owed = (0..self.state.datastores.len()).map(Owed::Alert).collect();
            self.state.phase = Phase::Initialization;
        }
    }

    /// Our credentials for the header of an answer, where the client has asked for them.
    pub(super) fn server_cred(&self) -> Option<Cred<'static>> {
        let (login, asked) = self.state.asked_of(self.config)?;
        match Scheme::from(asked.scheme) {
            _ if !self.authenticated => None,
            Scheme::Basic => Some(auth::basic_cred(&login.name, &login.password)),
            Scheme::Md5 => Some(auth::md5_cred(match self.state.version() {
                Version::V1_0 => auth::md5_v1_0(&login.name, &login.password, &asked.nonce()),
                _ => auth::md5(&user_digest(login), &asked.nonce()),
            })),
            Scheme::Mac => None,
        }
    }
}

impl State {
    fn asked_of<'s>(&'s self, config: &'s Config) -> Option<(&'s ServerLogin, &'s Asked)> {
        let asked = self.asked.as_ref().filter(|_| !self.proved)?;
        Some((config.auth.server.as_ref()?, asked))
    }

    /// The header that proves an answer to a client that has asked for one (`x-syncml-hmac`).
    // spec: N21
    pub(super) fn mac_of(&self, config: &Config, body: &[u8]) -> Option<String> {
        let (login, asked) = self.asked_of(config)?;
        if self.login.is_none() || Scheme::from(asked.scheme) != Scheme::Mac {
            return None;
        }
        let mac = auth::Mac {
            user: login.name.clone(),
            digest: auth::mac(&user_digest(login), &asked.nonce(), body),
        };
        Some(mac.to_string())
    }
}

impl Asked {
    fn nonce(&self) -> Vec<u8> {
        STANDARD.decode(&self.nonce).unwrap_or_default()
    }
}

fn user_digest(login: &ServerLogin) -> String {
    auth::user_digest(&login.name, &login.password)
}
