//! What of a series its rule does not make, on a phone that has no words for it: each moved meeting and
//! each added date is an event of its own there, and is part of the series everywhere else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod compared;
mod disturbed;
mod drawn;
mod edited;
mod home;
#[path = "../scripted/mod.rs"]
mod scripted;
mod shown;
#[path = "../conformance/talk.rs"]
mod talk;
mod undone;
