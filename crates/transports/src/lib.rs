//! Carries SyncML messages: bytes in, bytes out.
//!
//! A transport knows nothing of sessions. On the server's side it takes a request off the wire and
//! hands its body to an [`http::Exchange`]; on the client's side it brings one message to an
//! address and gives back the answer. Requests and answers alternate strictly, one message in
//! each (SyncML bindings 1.0 to 1.2).
//!
//! ```text
//! device ─▶ http::serve ─▶ Exchange ─▶ (the session's side)
//! device ◀─             ◀─          ◀─
//! (the client session's side) ─▶ http::Client ─▶ server
//!                             ◀─              ◀─
//! ```

pub mod http;
