//! Who the client is: credentials in the header or in an alert, challenges, nonces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use syncml::auth::{self, Credentials, Mac};
use syncml::{Command, Cred, DevInf, Message, StatusCode, Version};

use super::policy::{Question, Scheme, Verdict};
use super::reply::ChallengeOut;
use super::state::Login;
use super::{Request, Run};
use crate::nonce::nonce_of;
use crate::peer::Traits;
use crate::store::{Account, AccountId, Device, StoreError};

/// Refusals in one session after which no further try is offered.
const MAX_FAILURES: u32 = 3;

/// Seconds without a message after which a session does not count as one that goes on.
pub(super) const LATELY: i64 = 60;

/// What a message offers as its sender's proof.
enum Offer<'m> {
    Nothing,
    /// In the transport's header.
    Mac(Option<Mac>, &'m [u8]),
    /// In the message's header or an alert.
    Cred(&'m Cred<'m>),
}

/// How a sender was proved, which decides what the answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Password,
    Digest,
    Mac,
    /// Nobody asks.
    Nothing,
}

impl Run<'_> {
    // spec: E09 S01
    /// Whether the message comes from who is logged in, now or before; sets the header's status.
    // spec: E05 E06 E08 E17
    pub(super) fn log_in(&mut self, message: &Message<'_>) -> Result<bool, StoreError> {
        let offer = offer_of(self.request, message);
        if let Some(login) = self.state.login.clone()
            && !self.state.per_message
        {
            if self.names_another(&login, &offer)? {
                self.refused = true;
                self.warn(format!(
                    "a message of the session is refused, {}",
                    describe(&offer, &message.header)
                ));
                self.challenge(StatusCode::INVALID_CREDENTIALS, By::Password);
                return Ok(false);
            }
            self.authenticated = true;
            return Ok(true);
        }
        let (account, by) = match &offer {
            Offer::Nothing => (self.anonymous()?, By::Nothing),
            Offer::Mac(mac, body) => (self.verify_mac(mac.as_ref(), body)?, By::Mac),
            Offer::Cred(cred) => {
                let offered = auth::credentials(cred).ok();
                let by = match offered {
                    Some(Credentials::Md5 { .. }) => By::Digest,
                    _ => By::Password,
                };
                (self.verify(offered)?, by)
            }
        };
        if self.question.is_some() {
            return Ok(false);
        }
        // who is somebody else has no part in this session
        let owner = self.state.login.as_ref().map(Login::id);
        let account = account.filter(|account| owner.is_none_or(|owner| owner == account.id));
        if let Some(account) = account {
            if let Some(whose) = self.crowd(&account)? {
                self.crowded = true;
                self.warn(format!(
                    "too many sessions {whose} at one time, a login is put off"
                ));
                self.reply.header_status = Some(self.header_status(StatusCode::UNAVAILABLE));
                return Ok(false);
            }
            self.accept(&account, by)?;
            self.authenticated = true;
            return Ok(true);
        }
        if by == By::Nothing {
            self.challenge(StatusCode::MISSING_CREDENTIALS, by);
            return Ok(false);
        }
        if self.lacks_nonce {
            self.info("asked for a digest over a nonce".to_owned());
        } else {
            self.refused = true;
            let told = describe(&offer, &message.header);
            if self.state.failures == 0 && matches!(by, By::Digest | By::Mac) {
                // a device that has missed an answer does no wrong; a wrong password fails again
                self.info(format!(
                    "the digest does not match, over a nonce that is used up or of a wrong password; \
                     asked for another, {told}"
                ));
            } else {
                self.warn(format!("login refused, {told}"));
            }
        }
        self.challenge(StatusCode::INVALID_CREDENTIALS, by);
        Ok(false)
    }

    /// Whether a message of a session in which somebody is logged in has the name of another account.
    /// A digest tells no name, and may be over a nonce that was used up: it counts for nothing.
    fn names_another(&mut self, login: &Login, offer: &Offer<'_>) -> Result<bool, StoreError> {
        let Offer::Cred(cred) = offer else {
            return Ok(false);
        };
        let Ok(Credentials::Basic { user, .. }) = auth::credentials(cred) else {
            return Ok(false);
        };
        if user == login.name {
            return Ok(false);
        }
        let other = self.tx.account(&user)?;
        Ok(other.is_some_and(|other| other.id != login.id()))
    }

    /// Whose sessions are so many that one that begins now would be one too many. Another one of the
    /// device ends with its login, and does not count. Those that go on are let be: to end the
    /// longest idle one would cost its device a session, and this one comes again anyway.
    // spec: K11
    fn crowd(&mut self, account: &Account) -> Result<Option<&'static str>, StoreError> {
        if self.state.login.is_some() {
            return Ok(None);
        }
        let most = self.config.max_sessions;
        let since = self.request.now - LATELY;
        let count = self
            .tx
            .count_sessions(since, account.id, &self.state.device, most)?;
        Ok(if count.all >= most {
            Some("of all accounts")
        } else if count.of_account >= self.config.max_sessions_per_account {
            Some("of the account")
        } else {
            None
        })
    }

    /// The account of sessions without credentials.
    // spec: E21
    fn anonymous(&mut self) -> Result<Option<Account>, StoreError> {
        match &self.config.auth.anonymous {
            Some(name) => self.tx.account(name),
            None => Ok(None),
        }
    }

    // spec: E01 E02 E03 E20
    fn verify(&mut self, offered: Option<Credentials>) -> Result<Option<Account>, StoreError> {
        match offered {
            Some(Credentials::Basic { user, password }) => {
                let account = self.tx.account(&user)?;
                let account = account.filter(|account| has_password(account, &password));
                if account.is_some() || !self.config.auth.delegates {
                    return Ok(account);
                }
                match self.request.proof.verdict {
                    Some(Verdict::Vouched { account }) => self.tx.account(account),
                    Some(Verdict::Unknown) => Ok(None),
                    None => {
                        self.question = Some(Question { user, password });
                        Ok(None)
                    }
                }
            }
            Some(Credentials::Md5 { digest }) => {
                // spec: E20
                let Some(user) = self.header.source.name.as_deref() else {
                    return Ok(None);
                };
                let Some(account) = self.tx.account(user.trim())? else {
                    return Ok(None);
                };
                let proves = |account: &Account, nonce: &[u8]| {
                    let mut digests = digests(account, nonce).into_iter();
                    digests.any(|known| auth::equal(&known, &digest))
                };
                self.verify_nonce(account, proves)
            }
            _ => Ok(None),
        }
    }

    // spec: N21
    fn verify_mac(
        &mut self,
        mac: Option<&Mac>,
        body: &[u8],
    ) -> Result<Option<Account>, StoreError> {
        let Some(mac) = mac else {
            return Ok(None);
        };
        let Some(account) = self.tx.account(mac.user.trim())? else {
            return Ok(None);
        };
        let proves = |account: &Account, nonce: &[u8]| {
            auth::equal(&auth::mac(&account.digest, nonce, body), &mac.digest)
        };
        self.verify_nonce(account, proves)
    }

    /// The account, if its owner is proved over a nonce that is good now.
    fn verify_nonce(
        &mut self,
        account: Account,
        proves: impl Fn(&Account, &[u8]) -> bool,
    ) -> Result<Option<Account>, StoreError> {
        self.nonces = self.nonces_of(account.id)?;
        let matches = self.nonces.iter().any(|nonce| proves(&account, nonce));
        // the right password, but a client that was never given a nonce: no guess
        let lacks_nonce = !matches && proves(&account, b"");
        let is_enough = lacks_nonce && self.takes_empty_nonce(account.id)?;
        self.lacks_nonce = lacks_nonce && !is_enough;
        Ok((matches || is_enough).then_some(account))
    }

    /// Whether a rule lets the device in by a digest over no nonce, as far as it is known before its
    /// login.
    fn takes_empty_nonce(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let device = self.tx.device(account, &self.state.device)?;
        let document = device.and_then(|device| device.devinf);
        let devinf = document.and_then(|document| DevInf::read(&document).ok());
        let rules = self.config.rules.resolve(&Traits {
            devinf: devinf.as_ref(),
            device: &self.state.device,
            user_agent: self.request.user_agent,
            datastores: Vec::new(),
            version: Some(self.state.version()),
        });
        Ok(rules.empty_nonce)
    }

    /// The nonces that the client may have used: that of the last challenge, and the one that its
    /// last login gave it. Each is good for one login. A digest over no nonce proves nothing: who
    /// has seen one could use it for ever.
    // spec: E14
    fn nonces_of(&mut self, account: AccountId) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut nonces: Vec<Vec<u8>> = Vec::new();
        if let Some(challenge) = &self.state.challenge {
            nonces.extend(STANDARD.decode(challenge));
        }
        let device = self.tx.device(account, &self.state.device)?;
        nonces.extend(device.map(|device| device.nonce));
        nonces.retain(|nonce| !nonce.is_empty());
        Ok(nonces)
    }

    // spec: E05 E06 E07 S01 S02
    fn challenge(&mut self, code: StatusCode, by: By) {
        let mut status = self.header_status(code);
        status.challenge = self.next_challenge(matches!(by, By::Digest | By::Mac));
        self.reply.header_status = Some(status);
    }

    /// The challenge after one more failure; `None` when there were too many.
    // spec: E07
    fn next_challenge(&mut self, was_digest: bool) -> Option<ChallengeOut> {
        self.state.failures += 1;
        let policy = &self.config.auth;
        let scheme = match self.state.failures {
            failures if failures > MAX_FAILURES => return None,
            _ if policy.delegates => Scheme::Basic,
            1 => policy.scheme,
            _ if was_digest => policy.scheme,
            // a client that does not answer a challenge gets an easier scheme
            2 if policy.scheme == Scheme::Mac => Scheme::Md5,
            _ => Scheme::Basic,
        };
        if scheme == Scheme::Basic {
            return Some(ChallengeOut::Basic);
        }
        let nonce = self.fresh_nonce();
        self.state.challenge = Some(STANDARD.encode(&nonce));
        Some(match scheme {
            Scheme::Mac => ChallengeOut::Mac(nonce),
            _ => ChallengeOut::Md5(nonce),
        })
    }

    fn fresh_nonce(&self) -> Vec<u8> {
        nonce_of(&self.request.entropy[16..])
    }

    // spec: E09 E10 S03
    fn accept(&mut self, account: &Account, by: By) -> Result<(), StoreError> {
        let known = self.tx.device(account.id, &self.state.device)?;
        let is_new = known.is_none();
        let mut device = known.unwrap_or_else(|| Device {
            uri: self.state.device.clone(),
            ..Device::default()
        });
        let is_first = self.state.login.is_none();
        // a digest over a message says nothing of the next one
        let per_message = self.config.auth.per_message || by == By::Mac;
        let code = if per_message || by == By::Nothing {
            StatusCode::OK
        } else {
            StatusCode::AUTHENTICATED
        };
        let mut status = self.header_status(code);
        if matches!(by, By::Digest | By::Mac) {
            let nonce = self.fresh_nonce();
            self.state.challenge = None;
            device.nonce.clone_from(&nonce);
            status.challenge = Some(match by {
                By::Mac => ChallengeOut::Mac(nonce),
                _ => ChallengeOut::Md5(nonce),
            });
        }
        device.last_seen = self.request.now;
        let number = self.tx.put_device(account.id, &device)?;
        self.state.per_message = per_message;
        self.state.failures = 0;
        self.state.login = Some(Login {
            account: account.id.0,
            name: account.name.clone(),
            device: number,
        });
        self.reply.header_status = Some(status);
        if !is_first {
            return Ok(());
        }
        self.logged_in_now = true;
        self.state.peer = self.request.peer.map(str::to_owned);
        self.info(format!(
            "{} logged in with {}device {}, SyncML {}",
            account.name,
            if is_new { "new " } else { "" },
            self.state.device,
            self.state.version()
        ));
        if self.state.version() == Version::V1_0 && by == By::Digest && account.password.is_none() {
            self.warn("a SyncML 1.0 digest in the formula of 1.1 was accepted".to_owned());
        }
        Ok(())
    }

    /// Whether a command may be carried out: one with credentials of its own (authentication at the
    /// datastore or item) has to prove by them who is logged in. One that does not is refused, with all
    /// in it; the session goes on, and it may come again.
    // spec: E16
    pub(super) fn admits(&mut self, command: &Command<'_>) -> Result<bool, StoreError> {
        let Some(cred) = command.cred() else {
            return Ok(true);
        };
        if self.proves(cred)? {
            return Ok(true);
        }
        self.refused = true;
        self.warn(format!("the credentials of {} are refused", command.name()));
        self.state.alert_refused |= matches!(command, Command::Alert(_));
        let own = self.reply.statuses.len();
        self.refuse(command, StatusCode::INVALID_CREDENTIALS);
        let challenge = self.next_challenge(true);
        if let Some(status) = self.reply.statuses.get_mut(own) {
            status.challenge = challenge;
        }
        Ok(false)
    }

    /// Whether the credentials of a command are those of who is logged in.
    fn proves(&mut self, cred: &Cred<'_>) -> Result<bool, StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(false);
        };
        let Some(account) = self.tx.account(&login.name)? else {
            return Ok(false);
        };
        Ok(match auth::credentials(cred) {
            // the password of an account that others vouch for is not known here, and the header has
            // proved who sends the message
            Ok(Credentials::Basic { user, password }) => {
                user == account.name
                    && (self.config.auth.delegates || has_password(&account, &password))
            }
            Ok(Credentials::Md5 { digest }) => {
                // those that the header has used up as well: both were made at one time
                let mut nonces = self.nonces_of(account.id)?;
                nonces.append(&mut self.nonces.clone());
                let mut known = nonces.iter().flat_map(|nonce| digests(&account, nonce));
                known.any(|known| auth::equal(&known, &digest))
            }
            _ => false,
        })
    }
}

fn offer_of<'m>(request: &Request<'m>, message: &'m Message<'m>) -> Offer<'m> {
    if let Some((header, body)) = request.proof.mac {
        return Offer::Mac(Mac::parse(header).ok(), body);
    }
    let cred = message.header.cred.as_ref().or_else(|| {
        // the oldest Sony Ericsson phones log in at the datastore
        message.commands.iter().find_map(|command| match command {
            Command::Alert(alert) => alert.cred.as_ref(),
            _ => None,
        })
    });
    cred.map_or(Offer::Nothing, Offer::Cred)
}

fn has_password(account: &Account, password: &str) -> bool {
    let given = auth::user_digest(&account.name, password);
    auth::equal(given.as_bytes(), account.digest.as_bytes())
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
fn describe(offer: &Offer<'_>, header: &syncml::Header<'_>) -> String {
    let cred = match offer {
        Offer::Cred(cred) => cred,
        Offer::Mac(Some(mac), _) => return format!("scheme {}, name {:?}", auth::MAC, mac.user),
        _ => return format!("scheme {}, malformed", auth::MAC),
    };
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
