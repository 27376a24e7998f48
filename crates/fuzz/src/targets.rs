//! The claims, one module a target.

pub(crate) mod calendar;
pub(crate) mod client;
pub(crate) mod devinf;
pub(crate) mod filter;
pub(crate) mod message;
pub(crate) mod object;
pub(crate) mod pim;
pub(crate) mod san;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod shown;
pub(crate) mod transcode;
pub(crate) mod wbxml;
