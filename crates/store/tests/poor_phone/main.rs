//! A phone that holds little of a record, and a client that holds all of it, share an address book.
//! People edit on both at random, sessions break, items are compared anew; what the records then
//! have to say is known from a model of the edits, which has nothing in common with the server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod book;
mod card;
mod device;
mod people;
#[path = "../scripted/mod.rs"]
mod scripted;
#[path = "../conformance/talk.rs"]
mod talk;
