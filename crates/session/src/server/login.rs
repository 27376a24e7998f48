//! Who the client is: credentials in the header or in an alert, challenges, nonces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncml::auth::{self, Credentials};
use syncml::{Command, Cred, Message, StatusCode, Version};

use super::Run;
use super::reply::ChallengeOut;
use super::state::Login;
use crate::store::{Account, Device, StoreError};

/// Refusals in one session after which no further try is offered.
const MAX_FAILURES: u32 = 3;

impl Run<'_> {
    /// Whether the client is logged in, now or before; sets the header's status.
    // spec: E05 E06 E09
    pub(super) fn log_in(&mut self, message: &Message<'_>) -> Result<bool, StoreError> {
        if self.state.login.is_some() {
            return Ok(true);
        }
        let cred = message.header.cred.as_ref().or_else(|| {
            // the oldest Sony Ericsson phones log in at the datastore
            message.commands.iter().find_map(|command| match command {
                Command::Alert(alert) => alert.cred.as_ref(),
                _ => None,
            })
        });
        let Some(cred) = cred else {
            self.challenge(StatusCode::MISSING_CREDENTIALS, false);
            return Ok(false);
        };
        let offered = auth::credentials(cred).ok();
        let is_digest = matches!(offered, Some(Credentials::Md5 { .. }));
        let Some(account) = self.verify(offered)? else {
            if self.lacks_nonce {
                self.info("asked for a digest over a nonce".to_owned());
            } else {
                self.refused = true;
                self.warn(format!(
                    "login refused, {}",
                    describe(cred, &message.header)
                ));
            }
            self.challenge(StatusCode::INVALID_CREDENTIALS, is_digest);
            return Ok(false);
        };
        self.accept(&account, is_digest)?;
        Ok(true)
    }

    fn verify(&mut self, offered: Option<Credentials>) -> Result<Option<Account>, StoreError> {
        match offered {
            Some(Credentials::Basic { user, password }) => {
                let account = self.tx.account(&user)?;
                Ok(account.filter(|account| {
                    let given = auth::user_digest(&account.name, &password);
                    auth::equal(given.as_bytes(), account.digest.as_bytes())
                }))
            }
            Some(Credentials::Md5 { digest }) => {
                // spec: E20
                let Some(user) = self.header.source.name.as_deref() else {
                    return Ok(None);
                };
                let Some(account) = self.tx.account(user.trim())? else {
                    return Ok(None);
                };
                let nonces = self.nonces(&account)?;
                let matches = nonces.iter().any(|nonce| {
                    digests(&account, nonce)
                        .iter()
                        .any(|d| auth::equal(d, &digest))
                });
                // the right password, but a client that was never given a nonce: no guess
                self.lacks_nonce = !matches
                    && digests(&account, b"")
                        .iter()
                        .any(|d| auth::equal(d, &digest));
                Ok(matches.then_some(account))
            }
            _ => Ok(None),
        }
    }

    /// The nonces that the client may have used: that of the last challenge, and the one that its
    /// last login gave it. Each is good for one login. A digest over no nonce proves nothing: who
    /// has seen one could use it for ever.
    // spec: E14
    fn nonces(&mut self, account: &Account) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut nonces: Vec<Vec<u8>> = Vec::new();
        if let Some(challenge) = &self.state.challenge {
            nonces.extend(STANDARD.decode(challenge));
        }
        let device = self.tx.device(account.id, &self.state.device)?;
        nonces.extend(device.map(|device| device.nonce));
        nonces.retain(|nonce| !nonce.is_empty());
        Ok(nonces)
    }

    // spec: E05 E06 E07
    fn challenge(&mut self, code: StatusCode, was_digest: bool) {
        self.state.failures += 1;
        let mut status = self.header_status(code);
        status.challenge = match self.state.failures {
            failures if failures > MAX_FAILURES => None,
            // a client that does not answer a digest challenge gets the other scheme
            failures if failures > 1 && !was_digest => Some(ChallengeOut::Basic),
            _ => Some(ChallengeOut::Md5(self.fresh_nonce())),
        };
        if let Some(ChallengeOut::Md5(nonce)) = &status.challenge {
            self.state.challenge = Some(STANDARD.encode(nonce));
        }
        self.reply.header_status = Some(status);
    }

    fn fresh_nonce(&self) -> Vec<u8> {
        self.request.entropy[16..].to_vec()
    }

    // spec: E09
    fn accept(&mut self, account: &Account, was_digest: bool) -> Result<(), StoreError> {
        let known = self.tx.device(account.id, &self.state.device)?;
        let is_new = known.is_none();
        let mut device = known.unwrap_or_else(|| Device {
            uri: self.state.device.clone(),
            ..Device::default()
        });
        let mut status = self.header_status(StatusCode::AUTHENTICATED);
        if was_digest {
            let nonce = self.fresh_nonce();
            self.state.challenge = None;
            device.nonce.clone_from(&nonce);
            status.challenge = Some(ChallengeOut::Md5(nonce));
        }
        device.last_seen = self.request.now;
        let number = self.tx.put_device(account.id, &device)?;
        self.state.login = Some(Login {
            account: account.id.0,
            name: account.name.clone(),
            device: number,
        });
        self.logged_in_now = true;
        self.state.peer = self.request.peer.map(str::to_owned);
        self.reply.header_status = Some(status);
        self.info(format!(
            "{} logged in with {}device {}, SyncML {}",
            account.name,
            if is_new { "new " } else { "" },
            self.state.device,
            self.state.version()
        ));
        if self.state.version() == Version::V1_0 && was_digest && account.password.is_none() {
            self.warn("a SyncML 1.0 digest in the formula of 1.1 was accepted".to_owned());
        }
        Ok(())
    }
}

/// The digests that prove the account, in the formula of the session's version and, since
/// devices mix them up, in the other one.
fn digests(account: &Account, nonce: &[u8]) -> Vec<[u8; 16]> {
    let mut digests = vec![auth::md5(&account.digest, nonce)];
    if let Some(password) = &account.password {
        digests.push(auth::md5_v1_0(&account.name, password, nonce));
    }
    digests
}

/// The scheme and name of an attempt, without its secret.
fn describe(cred: &Cred<'_>, header: &syncml::Header<'_>) -> String {
    let scheme = cred
        .meta
        .as_ref()
        .and_then(|meta| meta.media_type.as_deref())
        .unwrap_or("syncml:auth-basic");
    let name = match auth::credentials(cred) {
        Ok(Credentials::Basic { user, .. }) => user,
        _ => header.source.name.as_deref().unwrap_or_default().to_owned(),
    };
    format!("scheme {scheme}, name {name:?}")
}
