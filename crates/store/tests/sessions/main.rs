//! The server's session, message by message, over the model in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "../scripted/mod.rs"]
mod scripted;

mod broken;
mod in_step;
mod messages;
mod strangers;
