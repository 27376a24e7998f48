//! Mutations without coverage, from a seed: what an ordinary test can try of a target.

use fastrand::Rng;

/// Changes made to one input at most.
const MAX_STEPS: usize = 4;

/// A changed copy of `input`, at most `max_len` bytes; parts of `other` may come into it.
pub fn mutated(rng: &mut Rng, input: &[u8], other: &[u8], max_len: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..=MAX_STEPS) {
        step(rng, &mut bytes, other);
    }
    bytes.truncate(max_len);
    bytes
}

fn step(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    /// What parsers look at: tokens of binary XML, markup, line structure.
    const TELLING: &[u8] =
        b"\x00\x01\x02\x03\x04\x40\x43\x44\x7f\x80\x83\xc0\xc3\xff<>&;:=/\"'.,\\\r\n\t 09AZ";
    match rng.u8(0..8) {
        0 => {
            if let Some(at) = place(rng, bytes) {
                bytes[at] = rng.u8(..);
            }
        }
        1 => {
            if let Some(at) = place(rng, bytes) {
                bytes[at] ^= 1 << rng.u8(0..8);
            }
        }
        2 => {
            if let (Some(at), Some(byte)) = (place(rng, bytes), rng.choice(TELLING)) {
                bytes[at] = *byte;
            }
        }
        3 => {
            let at = rng.usize(0..=bytes.len());
            bytes.insert(at, *rng.choice(TELLING).unwrap_or(&0));
        }
        4 => {
            let range = range(rng, bytes);
            bytes.drain(range);
        }
        5 => {
            let copy = bytes[range(rng, bytes)].to_vec();
            let at = rng.usize(0..=bytes.len());
            bytes.splice(at..at, copy);
        }
        6 => {
            let copy = other[range(rng, other)].to_vec();
            let replaced = range(rng, bytes);
            bytes.splice(replaced, copy);
        }
        _ => {
            let end = rng.usize(0..=bytes.len());
            bytes.truncate(end);
        }
    }
}

fn place(rng: &mut Rng, bytes: &[u8]) -> Option<usize> {
    (!bytes.is_empty()).then(|| rng.usize(0..bytes.len()))
}

/// A piece of `bytes`, short more often than long.
fn range(rng: &mut Rng, bytes: &[u8]) -> std::ops::Range<usize> {
    let start = rng.usize(0..=bytes.len());
    let longest = if rng.bool() { 16 } else { bytes.len() };
    let end = rng.usize(start..=bytes.len().min(start + longest));
    start..end
}
