//! How a server wants to be convinced of who a client is, and how it proves itself.

use std::fmt;

use crate::store::DatastoreKind;

/// How logins are asked for and accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthPolicy {
    /// The scheme that challenges ask for first. Whatever it is, every scheme is accepted.
    pub scheme: Scheme,
    /// A login holds for one message and not for the session: status 200 in place of 212.
    pub per_message: bool,
    /// The account of sessions without credentials; `None` refuses them.
    pub anonymous: Option<String>,
    /// An outside authority decides where the account's own digest does not: a login with a
    /// password ends in [`AnswerError::Ask`](super::AnswerError::Ask), and challenges ask for basic
    /// credentials only.
    pub delegates: bool,
    /// What the server proves itself with to clients that ask for it.
    pub server: Option<ServerLogin>,
}

/// A scheme of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// `syncml:auth-basic`: name and password in the clear.
    Basic,
    /// `syncml:auth-md5`: a digest over name, password and nonce.
    #[default]
    Md5,
    /// `syncml:auth-MAC`: a digest over the whole message, in a header of the transport.
    Mac,
}

/// What makes a device's record one of the server's, when all items are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// Equal content, whatever its spelling.
    Exact,
    /// Equal content, else what identifies a record of its kind ([`pim::compare`]).
    #[default]
    Identity,
}

/// [`Matching`] by kind of datastore; [`Matching::Identity`] where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchingPolicy {
    exact: Vec<DatastoreKind>,
}

impl MatchingPolicy {
    /// Says it for a kind, in place of what was said before.
    pub fn set(&mut self, kind: DatastoreKind, matching: Matching) {
        self.exact.retain(|held| *held != kind);
        if matching == Matching::Exact {
            self.exact.push(kind);
        }
    }

    /// What holds for a kind.
    pub fn of(&self, kind: DatastoreKind) -> Matching {
        if self.exact.contains(&kind) {
            Matching::Exact
        } else {
            Matching::Identity
        }
    }
}

/// Name and password of a server, known to it and to its clients.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerLogin {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for ServerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLogin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What is known of a message's sender from beside the message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proof<'a> {
    /// The value of the transport's `x-syncml-hmac`, and the bytes that came with it.
    pub mac: Option<(&'a str, &'a [u8])>,
    /// What the authority said, when the same message was answered by
    /// [`AnswerError::Ask`](super::AnswerError::Ask) before.
    pub verdict: Option<Verdict<'a>>,
}

/// What an outside authority says of a name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// They belong to the owner of this account.
    Vouched {
        /// The account's name.
        account: &'a str,
    },
    /// They belong to nobody.
    Unknown,
}

/// A name and password that an outside authority has to judge.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The name, as the client wrote it.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
