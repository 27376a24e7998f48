//! The HTTP binding (SyncML HTTP Binding 1.0 to 1.2).
//!
//! Both sides send `Cache-Control: no-store` and name the encoding in `Content-Type`. A server
//! answers every message that it can read with 200, also when SyncML itself reports an error.

mod accept;
mod client;
mod coding;
mod cookies;
mod media;
mod path;
mod server;
mod tls;

pub use client::{Answer, Client, Error, Login, Options};
pub use server::{Exchange, Incoming, Outgoing, RespUri, Settings, serve};
pub use tls::{Tls, TlsError};
