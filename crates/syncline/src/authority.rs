//! Who judges passwords that no account of ours knows: an LDAP directory.
//!
//! A directory is asked by binding with the password, so it has to come in the clear (basic
//! credentials), and the directory hears of it only when the account's own digest does not fit.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;

use crate::report::{Failure, Outcome};

/// Longest name that is asked about, bytes.
const LONGEST_NAME: usize = 200;

/// The authority cannot say now.
#[derive(Debug, thiserror::Error)]
#[error("the directory {url} does not answer: {reason}")]
pub(crate) struct Unavailable {
    /// Where it is.
    pub(crate) url: String,
    /// What went wrong.
    pub(crate) reason: String,
}

/// The account that a name and password belong to; `None` for nobody's.
pub(crate) type Judgement = Result<Option<String>, Unavailable>;

/// Judges names and passwords.
pub(crate) trait Authority: Debug + Send + Sync {
    /// The name of the account that they belong to.
    fn judge<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
    ) -> Pin<Box<dyn Future<Output = Judgement> + Send + 'a>>;

    /// Whether somebody without an account gets one at the first login.
    fn makes_accounts(&self) -> bool;
}

/// Section `[server.ldap]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Ldap {
    /// `ldap://HOST`, `ldaps://HOST`.
    pub(crate) url: String,
    /// Distinguished name of a person, `{user}` in place of the name.
    pub(crate) bind: String,
    /// Encrypt the connection to an `ldap` address.
    #[serde(default)]
    pub(crate) start_tls: bool,
    /// Who has no account gets one at the first login.
    #[serde(default = "yes")]
    pub(crate) make_accounts: bool,
}

fn yes() -> bool {
    true
}

/// The authority of a configuration.
pub(crate) fn of(ldap: Option<&Ldap>) -> Outcome<Option<Arc<dyn Authority>>> {
    let Some(ldap) = ldap else {
        return Ok(None);
    };
    if !ldap.bind.contains(USER) {
        return Err(Failure::usage(format_args!(
            "bind = {:?} of [server.ldap] has no {USER}; write it where the name belongs, as in \
             uid={USER},ou=people,dc=example,dc=org",
            ldap.bind
        )));
    }
    Ok(Some(Arc::new(Directory(ldap.clone()))))
}

/// Stands for the name in [`Ldap::bind`].
const USER: &str = "{user}";

/// An LDAP directory.
#[derive(Debug)]
struct Directory(Ldap);

impl Authority for Directory {
    fn judge<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
    ) -> Pin<Box<dyn Future<Output = Judgement> + Send + 'a>> {
        Box::pin(self.bind(user, password))
    }

    fn makes_accounts(&self) -> bool {
        self.0.make_accounts
    }
}

/// How long a directory may take for a connection, and again for its verdict.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

impl Directory {
    async fn bind(&self, user: &str, password: &str) -> Judgement {
        let Some(name) = account_name(user) else {
            return Ok(None);
        };
        // a bind without a password succeeds for everybody
        if password.is_empty() {
            return Ok(None);
        }
        let failed = |error: ldap3::LdapError| Unavailable {
            url: self.0.url.clone(),
            reason: error.to_string(),
        };
        let settings = ldap3::LdapConnSettings::new()
            .set_conn_timeout(PATIENCE)
            .set_starttls(self.0.start_tls);
        let (connection, mut ldap) = ldap3::LdapConnAsync::with_settings(settings, &self.0.url)
            .await
            .map_err(failed)?;
        ldap3::drive!(connection);
        let dn = self.0.bind.replace(USER, &ldap3::dn_escape(user.trim()));
        let result = ldap.with_timeout(PATIENCE).simple_bind(&dn, password).await;
        // the verdict is here, and the connection ends with its handle
        let _ = ldap.unbind().await;
        let result = result.map_err(failed)?;
        match result.rc {
            SUCCESS => Ok(Some(name)),
            NO_SUCH_OBJECT | INVALID_DN | INAPPROPRIATE | INVALID_CREDENTIALS => Ok(None),
            _ => Err(Unavailable {
                url: self.0.url.clone(),
                reason: result.to_string(),
            }),
        }
    }
}

/// Result codes of a bind (RFC 4511, appendix A).
const SUCCESS: u32 = 0;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN: u32 = 34;
const INAPPROPRIATE: u32 = 48;
const INVALID_CREDENTIALS: u32 = 49;

/// The account's name for a name of the directory, which tells no upper from lower case; `None`
/// where no account could have it.
fn account_name(user: &str) -> Option<String> {
    let name = user.trim().to_lowercase();
    let is_fit = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.contains(|c: char| c == ':' || c.is_control());
    is_fit.then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ldap(bind: &str) -> Ldap {
        Ldap {
            // nothing listens there
            url: "ldap://127.0.0.1:1".to_owned(),
            bind: bind.to_owned(),
            start_tls: false,
            make_accounts: true,
        }
    }

    #[test]
    fn a_template_needs_a_place_for_the_name() {
        assert!(of(None).unwrap().is_none());
        assert!(of(Some(&ldap("uid={user},dc=example"))).unwrap().is_some());
        assert!(of(Some(&ldap("uid=user,dc=example"))).is_err());
    }

    #[test]
    fn names_are_those_of_accounts() {
        assert_eq!(account_name(" Ada ").as_deref(), Some("ada"));
        assert_eq!(account_name("a:b"), None);
        assert_eq!(account_name(" "), None);
        assert_eq!(account_name(&"a".repeat(201)), None);
    }

    #[tokio::test]
    async fn no_directory_vouches_for_an_empty_password() {
        let directory = Directory(ldap("uid={user},dc=example"));
        assert_eq!(directory.judge("ada", "").await.unwrap(), None);
        assert!(directory.judge("ada", "secret").await.is_err());
    }
}
