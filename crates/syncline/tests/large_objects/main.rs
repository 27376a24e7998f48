//! Large objects between real programs: many sizes of messages and of contacts, a photo of five
//! mebibytes both ways with SyncEvolution, and what an object of twenty costs the server.
//!
//! Set `SYNCLINE_INTEROP` to `1` for all combinations and full sizes.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod memory;
mod photo;
mod sizes;

use std::path::Path;
use std::sync::Mutex;
use std::{fs, thread};

use testkit::items::{self, Kind};
use testkit::process::Server;
use testkit::syncline::Installation;

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const USER: &str = "ann";
const PASSWORD: &str = "correct horse";

/// Whether all combinations are tried.
fn is_thorough() -> bool {
    std::env::var_os("SYNCLINE_INTEROP").is_some_and(|value| value == "1")
}

/// Our server with one account, which takes and sends messages of so many bytes.
fn server(max_msg_size: u32) -> (Server, Installation) {
    let installation = Installation::new(PROGRAM).unwrap();
    installation.add_user(USER, PASSWORD).unwrap();
    let limit = format!("[server]\nmax-msg-size = {max_msg_size}\n");
    installation.configure(&limit).unwrap();
    (installation.serve().unwrap(), installation)
}

fn write_photo(folder: &Path, number: u32, size: usize) {
    let card = items::contact_with_photo(number, size);
    fs::write(folder.join(format!("{number}.vcf")), card).unwrap();
}

/// The photo of a contact in a folder is the one it was written with.
#[track_caller]
fn has_photo(folder: &Path, number: u32, size: usize, context: &str) {
    let path = items::locate(folder, Kind::Contact, number).unwrap();
    let photo = items::photo_of(&fs::read(path).unwrap());
    let photo = photo.unwrap_or_else(|| panic!("{context}: {number} has no photo"));
    assert!(
        photo == items::photo(number, size),
        "{context}: the photo of {number} is another one of {} bytes",
        photo.len()
    );
}

/// Does `work` with each of `points`, some at a time: most of the time is spent waiting.
fn side_by_side<P: Send>(points: Vec<P>, work: impl Fn(P) + Sync) {
    let points = Mutex::new(points.into_iter());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(point) = points.lock().unwrap().next() else {
                        return;
                    };
                    work(point);
                }
            });
        }
    });
}
