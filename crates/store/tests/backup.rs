//! Copies of a state in a file: taken while it changes, and brought back to devices that are ahead
//! of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod scripted;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scripted::Server;
use scripted::device::Device;
use scripted::state::{File, State};
use session::client::Mode;
use session::store::{AccountId, DatastoreId, Guid};
use store::{Error, Memory, Sqlite, Store};

fn path_of(server: &Server) -> PathBuf {
    let State::Sqlite(file) = &server.state else {
        panic!("another engine");
    };
    file.folder.path().join("state.db")
}

/// Stops using the state, does something with its file, and goes on.
fn stopped(server: &mut Server, job: impl FnOnce(&Path)) {
    let path = path_of(server);
    let State::Sqlite(File { store, folder }) =
        std::mem::replace(&mut server.state, State::Memory(Box::<Memory>::default()))
    else {
        panic!("another engine");
    };
    drop(store);
    job(&path);
    let store = Store::from(Sqlite::open(&path).unwrap());
    server.state = State::Sqlite(File { store, folder });
}

fn guids(server: &Server) -> Vec<i64> {
    server.items().into_iter().map(|item| item.guid.0).collect()
}

#[test]
fn devices_that_are_ahead_lose_and_double_nothing() {
    let mut server = Server::in_file();
    let (mut phone, mut tablet) = (Device::new("phone"), Device::new("tablet"));
    let cards: Vec<String> = (1..=3)
        .map(|n| phone.add(&format!("Person {n}"), "1"))
        .collect();
    phone.sync(&mut server, Mode::TwoWay);
    tablet.sync(&mut server, Mode::TwoWay);
    let copy = path_of(&server).with_extension("copy");
    Sqlite::back_up(&path_of(&server), &copy, false).unwrap();

    // the phone brings one, which the tablet gets, and deletes one of which the tablet hears
    let later = phone.add("Later", "7");
    let luid = phone.contacts.luid_of(&cards[0]);
    phone.contacts.with(|replica| replica.remove(&luid));
    phone.sync(&mut server, Mode::TwoWay);
    tablet.sync(&mut server, Mode::TwoWay);
    // and the tablet one that nobody has heard of
    let own = tablet.add("Own", "8");
    let given = guids(&server);

    let aside = copy.with_extension("aside");
    stopped(&mut server, |path| {
        Sqlite::bring_back(&copy, path, &aside).unwrap();
    });
    assert_eq!(guids(&server), [1, 2, 3]);
    for _ in 0..2 {
        phone.sync(&mut server, Mode::TwoWay);
        tablet.sync(&mut server, Mode::TwoWay);
    }
    // what was deleted since is back, as everything else of that day is
    let mut expected = [cards.as_slice(), &[later, own]].concat();
    expected.sort();
    assert_eq!(server.contents(), expected);
    assert_eq!(phone.contacts.contents(), expected);
    assert_eq!(tablet.contacts.contents(), expected);
    // no number means another item than it did
    let again: Vec<_> = guids(&server)
        .into_iter()
        .filter(|guid| *guid > 3)
        .collect();
    assert!(again.iter().all(|guid| !given.contains(guid)), "{again:?}");

    // the state of before is kept, and can come back the same way; numbers go on
    let mark = guids(&server).into_iter().max().unwrap();
    let second = copy.with_extension("second");
    stopped(&mut server, |path| {
        Sqlite::bring_back(&aside, path, &second).unwrap();
    });
    assert_eq!(guids(&server), given);
    tablet.sync(&mut server, Mode::TwoWay);
    phone.sync(&mut server, Mode::TwoWay);
    tablet.sync(&mut server, Mode::TwoWay);
    assert_eq!(server.contents(), expected);
    assert_eq!(tablet.contacts.contents(), expected);
    assert!(
        guids(&server)
            .into_iter()
            .all(|guid| guid <= 4 || guid > mark)
    );
}

#[test]
fn a_state_in_use_is_not_replaced() {
    let server = Server::in_file();
    let path = path_of(&server);
    let copy = path.with_extension("copy");
    Sqlite::back_up(&path, &copy, false).unwrap();
    let aside = path.with_extension("aside");
    let outcome = Sqlite::bring_back(&copy, &path, &aside);
    assert!(matches!(outcome, Err(Error::InUse { .. })), "{outcome:?}");
    assert!(!aside.exists() && !path.with_extension("db.restoring").exists());
    assert_eq!(server.state.store().accounts().unwrap().len(), 1);
}

#[test]
fn a_copy_takes_no_place_unasked_and_is_its_owners_alone() {
    let server = Server::in_file();
    let path = path_of(&server);
    let copy = path.with_extension("copy");
    std::fs::write(&copy, "something else").unwrap();
    let outcome = Sqlite::back_up(&path, &copy, false);
    assert!(matches!(outcome, Err(Error::Taken { .. })), "{outcome:?}");
    assert_eq!(std::fs::read(&copy).unwrap(), b"something else");
    let size = Sqlite::back_up(&path, &copy, true).unwrap();
    assert_eq!(size, std::fs::metadata(&copy).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let copied = Sqlite::open(&copy).unwrap();
    assert_eq!(copied.accounts().unwrap().len(), 1);
}

#[test]
fn a_copy_that_is_damaged_or_none_changes_nothing() {
    let mut server = Server::in_file();
    let phone = Device::new("phone");
    let mut phone = phone;
    phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    let copy = path_of(&server).with_extension("copy");
    let aside = copy.with_extension("aside");
    stopped(&mut server, |path| {
        let empty = path.with_extension("empty");
        std::fs::write(&empty, "").unwrap();
        let text = path.with_extension("text");
        std::fs::write(
            &text,
            "This is no database, but long enough to be one. ".repeat(99),
        )
        .unwrap();
        let torn = path.with_extension("torn");
        Sqlite::back_up(path, &copy, false).unwrap();
        let mut bytes = std::fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes.truncate(middle);
        std::fs::write(&torn, bytes).unwrap();
        for wrong in [empty, text, torn] {
            let outcome = Sqlite::bring_back(&wrong, path, &aside);
            assert!(
                matches!(outcome, Err(Error::Damaged(_))),
                "{wrong:?}: {outcome:?}"
            );
            assert!(!aside.exists());
        }
    });
    assert_eq!(server.contents().len(), 1);
    assert_eq!(phone.contacts.contents().len(), 1);
}

#[test]
fn a_state_that_is_gone_or_broken_is_replaced() {
    let mut server = Server::in_file();
    let mut phone = Device::new("phone");
    let card = phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    let copy = path_of(&server).with_extension("copy");
    let aside = copy.with_extension("aside");
    stopped(&mut server, |path| {
        Sqlite::back_up(path, &copy, false).unwrap();
        std::fs::write(path, "nothing of it is left ".repeat(999)).unwrap();
        Sqlite::bring_back(&copy, path, &aside).unwrap();
    });
    assert!(std::fs::read(&aside).unwrap().starts_with(b"nothing"));
    assert_eq!(server.contents(), std::slice::from_ref(&card));
    stopped(&mut server, |path| {
        std::fs::remove_file(path).unwrap();
        Sqlite::bring_back(&copy, path, &path.with_extension("none")).unwrap();
    });
    phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(server.contents(), [card]);
    assert_eq!(phone.contacts.contents().len(), 1);
}

#[test]
fn numbers_that_cannot_be_read_are_not_taken_for_none() {
    let mut server = Server::in_file();
    let mut phone = Device::new("phone");
    phone.add("Ann", "1");
    phone.sync(&mut server, Mode::TwoWay);
    let copy = path_of(&server).with_extension("copy");
    let aside = copy.with_extension("aside");
    let rename = |path: &Path, from: &str, to: &str| {
        let connection = rusqlite::Connection::open(path).unwrap();
        let sql = format!("ALTER TABLE datastore RENAME COLUMN {from} TO {to}");
        connection.execute_batch(&sql).unwrap();
    };
    stopped(&mut server, |path| {
        Sqlite::back_up(path, &copy, false).unwrap();
        rename(path, "last_guid", "other");
        let outcome = Sqlite::bring_back(&copy, path, &aside);
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        assert!(!aside.exists());
        rename(path, "other", "last_guid");
    });
    assert_eq!(guids(&server), [1]);
    phone.add("Bob", "2");
    phone.sync(&mut server, Mode::TwoWay);
    assert_eq!(guids(&server), [1, 2]);
}

#[test]
fn the_log_of_another_file_is_not_played_into_a_restored_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let copy = folder.path().join("copy.db");
    let log = folder.path().join("state.db-wal");
    let store = Sqlite::open(&path).unwrap();
    store
        .add_account(AccountId(1), "ann", "digest", None)
        .unwrap();
    Sqlite::back_up(&path, &copy, false).unwrap();
    for number in 2..50 {
        let name = format!("other-{number}");
        store
            .add_account(AccountId(number), &name, "digest", None)
            .unwrap();
    }
    // as a server that was killed leaves it
    let left = std::fs::read(&log).unwrap();
    drop(store);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&log, left).unwrap();
    Sqlite::bring_back(&copy, &path, &folder.path().join("aside")).unwrap();
    assert!(Sqlite::check(&path, Duration::MAX).unwrap());
    let accounts = Sqlite::open(&path).unwrap().accounts().unwrap();
    assert_eq!(accounts.len(), 1);
}

#[test]
fn a_copy_never_takes_the_place_of_the_state_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Sqlite::open(&path).unwrap();
    store
        .add_account(AccountId(1), "ann", "digest", None)
        .unwrap();
    for name in ["state.db", "../state.db", "state.db-wal"] {
        let file = match name.strip_prefix("../") {
            Some(name) => folder
                .path()
                .join("..")
                .join(folder.path().file_name().unwrap())
                .join(name),
            None => folder.path().join(name),
        };
        let outcome = Sqlite::back_up(&path, &file, true);
        assert!(
            matches!(outcome, Err(Error::Open { .. })),
            "{name}: {outcome:?}"
        );
    }
    assert_eq!(store.accounts().unwrap().len(), 1);
}

#[test]
fn a_copy_is_of_one_moment_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::from(Sqlite::open(&path).unwrap());
    let account = AccountId(1);
    store.add_account(account, "ann", "digest", None).unwrap();
    let both = [1, 3].map(|number| DatastoreId { account, number });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // one transaction puts an item in either datastore
            while !done.load(Ordering::Relaxed) {
                let job = move |tx: &mut dyn session::store::Transaction| {
                    for datastore in both {
                        let content = session::store::Content::new("text/plain", b"x");
                        tx.add_item(datastore, content, session::store::Origin::Local, 1)?;
                    }
                    Ok::<_, session::store::StoreError>(())
                };
                store.transact(job).unwrap();
            }
        });
        for round in 0..5 {
            let copy = folder.path().join(format!("{round}.copy"));
            Sqlite::back_up(&path, &copy, false).unwrap();
            let copied = Sqlite::open(&copy).unwrap();
            let count = |datastore| {
                copied
                    .items_page(datastore, Guid(0), 1 << 20)
                    .unwrap()
                    .len()
            };
            assert_eq!(count(both[0]), count(both[1]));
        }
        done.store(true, Ordering::Relaxed);
    });
}
