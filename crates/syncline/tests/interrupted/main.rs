//! Sessions that break at every message, with real clients: the next session makes the state that
//! an unbroken one would have made, and where both sides can resume, nothing that was confirmed
//! goes over the network again.
//!
//! Set `SYNCLINE_INTEROP` to `1` to break at every message in every way; otherwise a part of
//! these is tried, a different way at each.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod client;
mod kills;
mod syncevolution;
mod traffic;
mod world;

use std::path::Path;
use std::sync::Mutex;
use std::{fs, thread};

use testkit::items::{self, Kind};

const PROGRAM: &str = env!("CARGO_BIN_EXE_syncline");
const USER: &str = "ann";
const PASSWORD: &str = "secret";

/// Whether all ways of breaking are tried.
fn is_thorough() -> bool {
    std::env::var_os("SYNCLINE_INTEROP").is_some_and(|value| value == "1")
}

/// Contacts of a folder: plain ones by number, and those with a photo of so many bytes.
#[derive(Debug, Clone)]
struct Contacts {
    plain: Vec<u32>,
    photos: Vec<(u32, usize)>,
}

impl Contacts {
    fn write(&self, folder: &Path) {
        for number in &self.plain {
            items::fill(folder, Kind::Contact, *number..=*number, 0).unwrap();
        }
        for (number, size) in &self.photos {
            let card = items::contact_with_photo(*number, *size);
            fs::write(folder.join(format!("{number}.vcf")), card).unwrap();
        }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            plain: [&self.plain[..], &other.plain].concat(),
            photos: [&self.photos[..], &other.photos].concat(),
        }
    }

    /// The folder holds these, their photos byte by byte, and nothing else.
    #[track_caller]
    fn are_in(&self, folder: &Path, context: &str) {
        let photos = self.photos.iter().map(|(number, _)| *number);
        let numbers = self.plain.iter().copied().chain(photos);
        assert_eq!(
            items::essences(folder, Kind::Contact).unwrap(),
            items::expected(Kind::Contact, numbers.map(|number| (number, 0))),
            "{context}"
        );
        for (number, size) in &self.photos {
            let path = items::locate(folder, Kind::Contact, *number).unwrap();
            let photo = items::photo_of(&fs::read(path).unwrap()).unwrap();
            assert!(
                photo == items::photo(*number, *size),
                "{context}: photo of {number}"
            );
        }
    }
}

/// Does `work` with each of `points`, `workers` at a time: most of the time is spent waiting.
fn side_by_side<P: Send>(points: Vec<P>, workers: usize, work: impl Fn(P) + Sync) {
    let points = Mutex::new(points.into_iter());
    thread::scope(|scope| {
        for _ in 0..workers {
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
