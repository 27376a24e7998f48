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

mod card;
mod device;
mod people;
#[path = "../scripted/mod.rs"]
mod scripted;
#[path = "../conformance/talk.rs"]
mod talk;

use people::World;

/// Edits of one run.
const EDITS: usize = 50;

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..EDITS {
        world.step();
    }
    world.settle();
}

// spec: H05
#[test]
fn nothing_is_lost_between_a_poor_phone_and_a_rich_client() {
    for seed in 1..=40 {
        run(seed);
    }
}
