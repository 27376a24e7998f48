//! Files in folders: two devices and the server keep one tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use connectors::vdir::Vdir;
use session::client::{Config, Mode, Session, Source, SourceSummary};
use session::store::DatastoreKind;
use syncml::Version;

use super::{Server, config, run};

/// How often chance is tried.
const SEEDS: u64 = 10;

fn session(server: &Server, dir: &Path, device: &str) -> Session {
    session_in(server, dir, device, Version::V1_2)
}

fn session_in(server: &Server, dir: &Path, device: &str, version: Version) -> Session {
    let kind = DatastoreKind::Files;
    let media_type = kind.content_types()[0].0;
    let vdir = Vdir::open(dir, "http://server/syncml files", kind, media_type).unwrap();
    let source = Source {
        name: "files".into(),
        local_uri: "./files".into(),
        remote_uri: "files".into(),
        kind,
        mode: Mode::TwoWay,
        filter: None,
        replica: Box::new(vdir),
    };
    let config = Config {
        max_msg_size: 10_000,
        version,
        ..config(device)
    };
    let entropy = [(server.now % 251) as u8; 8];
    Session::new(config, vec![source], server.now, entropy).unwrap()
}

/// Runs a session, to its end or until it has posted `posts` messages.
fn sync(server: &mut Server, dir: &Path, device: &str, posts: usize) -> Option<SourceSummary> {
    let session = session(server, dir, device);
    run(server, session, posts)
}

/// A whole session, of which everything has to be taken: changes sent and received.
fn sync_all(server: &mut Server, dir: &Path, device: &str) -> [u64; 2] {
    let source = sync(server, dir, device, usize::MAX).unwrap();
    assert_eq!((&source.error, &source.failed), (&None, &Vec::new()));
    [source.sent.total(), source.received.total()]
}

/// The subfolders, and the files that the items are, by folder and content.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in walk(root) {
        let name = path.strip_prefix(root).unwrap();
        if path.is_dir() {
            found.push(format!("{}/", name.display()));
        } else {
            let content = fs::read_to_string(&path).unwrap();
            found.push(format!("{}: {content}", name.parent().unwrap().display()));
        }
    }
    found.sort();
    found
}

/// The paths of all that is not hidden.
fn names(root: &Path) -> BTreeSet<PathBuf> {
    let all = walk(root).into_iter();
    all.map(|path| path.strip_prefix(root).unwrap().to_owned())
        .collect()
}

/// All that is not hidden, folders before what is in them.
fn walk(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                !path
                    .file_name()
                    .unwrap()
                    .as_encoded_bytes()
                    .starts_with(b".")
            })
            .collect();
        paths.sort();
        open.extend(paths.iter().filter(|path| path.is_dir()).cloned());
        found.extend(paths);
    }
    found
}

// spec: M01 M02 M03 M04 M07
#[test]
fn two_devices_keep_one_tree() {
    let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (phone, laptop) = (phone.path(), laptop.path());
    let mut server = Server::new();
    fs::create_dir_all(phone.join("work/plans")).unwrap();
    fs::write(phone.join("work/plans/a"), "one").unwrap();
    fs::write(phone.join("b"), "two").unwrap();
    assert_eq!(sync_all(&mut server, phone, "phone"), [4, 0]);
    assert_eq!(sync_all(&mut server, laptop, "laptop"), [0, 4]);
    assert_eq!(
        tree(laptop),
        ["/: two", "work/", "work/plans/", "work/plans: one"].map(|line| line.replace("/: ", ": "))
    );
    assert_eq!(tree(phone), tree(laptop));

    // the other one moves a file, renames a folder, and edits what is in it
    let file = |root: &Path, text: &str| {
        let mut all = walk(root).into_iter().filter(|path| path.is_file());
        all.find(|path| fs::read_to_string(path).unwrap() == text)
            .unwrap()
    };
    fs::rename(file(laptop, "two"), laptop.join("work/b")).unwrap();
    fs::write(file(laptop, "one"), "one, edited").unwrap();
    fs::rename(laptop.join("work/plans"), laptop.join("work/ideas")).unwrap();
    assert_eq!(sync_all(&mut server, laptop, "laptop"), [3, 0]);
    assert_eq!(sync_all(&mut server, phone, "phone"), [0, 3]);
    assert_eq!(
        tree(phone),
        [
            "work/",
            "work/ideas/",
            "work/ideas: one, edited",
            "work: two"
        ]
    );
    assert_eq!(names(phone), names(laptop));

    // a file gets another name, and then none of its content
    fs::rename(laptop.join("work/b"), laptop.join("work/c.txt")).unwrap();
    assert_eq!(sync_all(&mut server, laptop, "laptop"), [1, 0]);
    assert_eq!(sync_all(&mut server, phone, "phone"), [0, 1]);
    assert!(phone.join("work/c.txt").exists());
    fs::write(phone.join("work/c.txt"), "").unwrap();
    assert_eq!(sync_all(&mut server, phone, "phone"), [1, 0]);
    assert_eq!(sync_all(&mut server, laptop, "laptop"), [0, 1]);
    assert_eq!(fs::read(laptop.join("work/c.txt")).unwrap(), b"");
    fs::write(laptop.join("work/c.txt"), "two").unwrap();
    sync_all(&mut server, laptop, "laptop");
    sync_all(&mut server, phone, "phone");

    // folders change places, one that is empty goes, and a new one takes its name
    fs::rename(phone.join("work/ideas"), phone.join("ideas")).unwrap();
    fs::rename(phone.join("work"), phone.join("ideas/work")).unwrap();
    fs::create_dir(phone.join("work")).unwrap();
    assert_eq!(sync_all(&mut server, phone, "phone"), [3, 0]);
    assert_eq!(sync_all(&mut server, laptop, "laptop"), [0, 3]);
    assert_eq!(tree(laptop), tree(phone));
    fs::remove_dir_all(laptop.join("ideas/work")).unwrap();
    assert_eq!(sync_all(&mut server, laptop, "laptop"), [2, 0]);
    assert_eq!(sync_all(&mut server, phone, "phone"), [0, 2]);
    assert_eq!(tree(phone), ["ideas/", "ideas: one, edited", "work/"]);
    assert_eq!(names(phone), names(laptop));
    for (dir, device) in [(phone, "phone"), (laptop, "laptop")] {
        assert_eq!(sync_all(&mut server, dir, device), [0, 0]);
    }
}

#[test]
fn a_folder_that_one_deletes_and_another_fills_comes_back() {
    let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (phone, laptop) = (phone.path(), laptop.path());
    let mut server = Server::new();
    fs::create_dir_all(phone.join("work")).unwrap();
    fs::write(phone.join("work/a"), "one").unwrap();
    sync_all(&mut server, phone, "phone");
    sync_all(&mut server, laptop, "laptop");
    fs::remove_dir_all(phone.join("work")).unwrap();
    fs::write(laptop.join("work/b"), "two").unwrap();
    sync(&mut server, laptop, "laptop", usize::MAX).unwrap();
    for _ in 0..2 {
        sync(&mut server, phone, "phone", usize::MAX).unwrap();
        sync(&mut server, laptop, "laptop", usize::MAX).unwrap();
    }
    assert_eq!(tree(phone), ["work/", "work: two"]);
    assert_eq!(tree(laptop), tree(phone));
}

// spec: M08
#[test]
fn what_a_session_without_folders_does_not_tell_the_next_one_does() {
    let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (phone, laptop) = (phone.path(), laptop.path());
    let mut server = Server::new();
    fs::create_dir(phone.join("work")).unwrap();
    fs::write(phone.join("b"), "b").unwrap();
    fs::write(phone.join("c"), "c").unwrap();
    sync_all(&mut server, phone, "phone");
    sync_all(&mut server, laptop, "laptop");
    fs::rename(phone.join("b"), phone.join("work/b")).unwrap();
    fs::rename(phone.join("c"), phone.join("work/c")).unwrap();
    fs::write(phone.join("work/c"), "c edited").unwrap();
    fs::create_dir(phone.join("home")).unwrap();
    fs::write(phone.join("home/new"), "new").unwrap();
    let flat = session_in(&server, phone, "phone", Version::V1_1);
    let source = run(&mut server, flat, usize::MAX).unwrap();
    assert_eq!((&source.error, &source.failed), (&None, &Vec::new()));
    for _ in 0..2 {
        sync_all(&mut server, phone, "phone");
        sync_all(&mut server, laptop, "laptop");
    }
    assert_eq!(
        tree(phone),
        ["home/", "home: new", "work/", "work: b", "work: c edited"]
    );
    assert_eq!(tree(laptop), tree(phone));
}

// spec: M09
#[test]
fn an_edit_leaves_an_item_where_another_device_has_moved_it() {
    let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (phone, laptop) = (phone.path(), laptop.path());
    let mut server = Server::new();
    for folder in ["home", "work", "gone"] {
        fs::create_dir(phone.join(folder)).unwrap();
    }
    fs::write(phone.join("home/b"), "b").unwrap();
    fs::write(phone.join("root"), "root").unwrap();
    fs::write(phone.join("gone/c"), "c").unwrap();
    sync_all(&mut server, phone, "phone");
    sync_all(&mut server, laptop, "laptop");
    for (from, text) in [("home", "b"), ("", "root")] {
        let files = fs::read_dir(laptop.join(from)).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        let file = files
            .find(|file| file.is_file() && fs::read_to_string(file).unwrap() == text)
            .unwrap();
        fs::rename(file, laptop.join("work").join(text)).unwrap();
    }
    fs::remove_dir_all(laptop.join("gone")).unwrap();
    sync_all(&mut server, laptop, "laptop");
    // the phone has not heard of it
    for path in ["home/b", "root", "gone/c"] {
        fs::write(phone.join(path), format!("{path} edited")).unwrap();
    }
    for _ in 0..2 {
        sync(&mut server, phone, "phone", usize::MAX).unwrap();
        sync(&mut server, laptop, "laptop", usize::MAX).unwrap();
    }
    assert_eq!(
        tree(phone),
        [
            "gone/",
            "gone: gone/c edited",
            "home/",
            "work/",
            "work: home/b edited",
            "work: root edited"
        ]
    );
    assert_eq!(tree(laptop), tree(phone));
}

/// Numbers as good as random, of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() {
            return None;
        }
        Some(all[self.below(all.len())].clone())
    }
}

/// The content of a file, which its first word tells from others.
fn object(name: &str, version: u32) -> String {
    format!("{name} {version}")
}

/// The first word of a file.
fn name_in(path: &Path) -> String {
    let object = fs::read_to_string(path).unwrap();
    object.split_once(' ').unwrap().0.to_owned()
}

/// What persons have done, on all devices.
#[derive(Default)]
struct Deeds {
    count: u32,
    made: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

impl Deeds {
    /// A person does something to a device's folder.
    fn act(&mut self, root: &Path, dice: &mut Dice) {
        let (mut folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            walk(root).into_iter().partition(|path| path.is_dir());
        let file = dice.one_of(&files);
        let folder = dice.one_of(&folders);
        folders.push(root.to_owned());
        let target = dice.one_of(&folders).unwrap();
        self.count += 1;
        let number = self.count;
        match (dice.below(11), file, folder) {
            (0..=2, _, _) => {
                let name = number.to_string();
                fs::write(target.join(format!("f{number}")), object(&name, 0)).unwrap();
                self.made.insert(name);
            }
            (3, _, _) => fs::create_dir(target.join(format!("d{number}"))).unwrap(),
            (4 | 5, Some(file), _) => {
                fs::rename(file, target.join(format!("f{number}"))).unwrap();
            }
            (6 | 7, _, Some(folder)) if !target.starts_with(&folder) => {
                fs::rename(folder, target.join(format!("d{number}"))).unwrap();
            }
            (8 | 9, Some(file), _) => {
                fs::write(&file, object(&name_in(&file), number)).unwrap();
            }
            (10, Some(file), _) => {
                self.deleted.insert(name_in(&file));
                fs::remove_file(file).unwrap();
            }
            _ => {}
        }
    }
}

// spec: R03 R04
#[test]
fn no_file_is_lost_or_doubled_whatever_persons_do_to_folders() {
    for seed in 1..=SEEDS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (phone, laptop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let devices = [(phone.path(), "phone"), (laptop.path(), "laptop")];
        let mut server = Server::new();
        let mut deeds = Deeds::default();
        for (dir, device) in devices {
            sync_all(&mut server, dir, device);
        }
        for _ in 0..12 {
            for (dir, device) in devices {
                for _ in 0..dice.below(4) {
                    deeds.act(dir, &mut dice);
                }
                // it breaks now and then
                let is_whole = dice.below(3) > 0;
                let posts = if is_whole {
                    usize::MAX
                } else {
                    1 + dice.below(5)
                };
                sync(&mut server, dir, device, posts);
            }
        }
        for _ in 0..4 {
            for (dir, device) in devices {
                sync(&mut server, dir, device, usize::MAX);
            }
        }
        let mut held: BTreeMap<String, u32> = BTreeMap::new();
        for path in walk(phone.path()).iter().filter(|path| path.is_file()) {
            *held.entry(name_in(path)).or_default() += 1;
        }
        assert!(held.values().all(|count| *count == 1), "{seed}: {held:?}");
        for name in deeds.made.difference(&deeds.deleted) {
            assert!(held.contains_key(name), "{seed}: {name} is lost");
        }
        assert_eq!(tree(phone.path()), tree(laptop.path()), "{seed}");
        for (dir, device) in devices {
            let quiet = sync_all(&mut server, dir, device);
            assert_eq!(quiet, [0, 0], "{seed}: {device}");
        }
    }
}
