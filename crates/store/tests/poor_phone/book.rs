//! Fifty edits of the address book, from each of many seeds.

use crate::people::World;

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
