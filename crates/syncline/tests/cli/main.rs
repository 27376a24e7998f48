//! The program as people and scripts use it: every test runs the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod administration;
mod place;
mod proof;
mod serving;
mod syncing;
mod tools;
mod trouble;
