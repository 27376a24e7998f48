//! The server's answers, requirement by requirement: what a client says is written out in the
//! test, and what the server says is looked at to the last element.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "../scripted/mod.rs"]
mod scripted;

mod busy;
mod changes;
mod conflicts;
mod device_information;
mod filters;
mod groups;
mod hierarchy;
mod initialization;
mod large;
mod one_package;
mod packages;
mod periods;
mod representation;
mod resume;
mod room;
mod searches;
mod statuses;
mod talk;
