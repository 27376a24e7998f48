//! What a move keeps and refuses.

#![allow(clippy::unwrap_used)]

use rusqlite::Connection;
use session::store::AccountId;
use testkit::postgres;

use super::*;
use crate::{Postgres, Refusal, Sqlite, Store};

/// When things are moved, seconds since 1970.
const NOW: i64 = 1_000_000_000;

/// `TABLE COLUMN TYPE`, a line each, as the list has it; types by `name`.
fn listed(name: impl Fn(Kind) -> &'static str, others: Vec<String>) -> Vec<String> {
    let columns = TABLES.iter().flat_map(|table| {
        let columns = table.columns.iter();
        columns.map(|column| format!("{} {} {}", table.name, column.name, name(column.kind)))
    });
    let mut all: Vec<String> = columns.chain(others).collect();
    all.sort();
    all
}

#[test]
fn every_column_of_a_file_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    Sqlite::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT t.name || ' ' || c.name || ' ' || c.type
               FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'
               AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'moved'";
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([], |row| row.get(0)).unwrap();
    let mut found: Vec<String> = found.map(Result::unwrap).collect();
    found.sort();
    let name = |kind| match kind {
        Kind::Integer | Kind::Flag => "INTEGER",
        Kind::Text => "TEXT",
        Kind::Bytes => "BLOB",
    };
    let turns = TABLES
        .iter()
        .filter_map(|table| Some((table.name, table.turn?.sqlite)));
    let own = turns
        .filter(|(_, turn)| *turn != "rowid")
        .map(|(table, turn)| format!("{table} {turn} INTEGER"));
    assert_eq!(found, listed(name, own.collect()));
}

#[test]
fn every_column_of_a_database_is_listed() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    Postgres::open(&database.url()).unwrap();
    let sql = "SELECT table_name || ' ' || column_name || ' ' || data_type
               FROM information_schema.columns WHERE table_schema = 'public'
               AND table_name NOT IN ('syncline_schema', 'moved')";
    let found = database.sql(sql).unwrap();
    let mut found: Vec<String> = found.lines().map(str::to_owned).collect();
    found.sort();
    let name = |kind| match kind {
        Kind::Integer => "bigint",
        Kind::Flag => "boolean",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    };
    let turns = TABLES
        .iter()
        .filter_map(|table| Some((table.name, table.turn?.postgres)));
    let own = turns.chain(DERIVED);
    let own = own.map(|(table, column)| format!("{table} {column} bigint"));
    assert_eq!(found, listed(name, own.collect()));
}

/// A file with an account and the accounts' own datastores.
fn filled(path: &Path) -> Sqlite {
    let engine = Sqlite::open(path).unwrap();
    engine
        .add_account(AccountId(1), "ann", "digest", None)
        .unwrap();
    engine
}

#[test]
fn what_is_open_or_holds_something_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
    let engine = filled(&from);
    let (source, target) = (Place::File(from.clone()), Place::File(to.clone()));
    let outcome = copy(&source, &target, NOW, &mut |_| ());
    assert!(matches!(outcome, Err(Error::InUse { .. })), "{outcome:?}");
    drop(engine);
    rehearse(&source, &target, &mut |_| ()).unwrap();
    assert!(!to.exists());
    let copied = copy(&source, &target, NOW, &mut |_| ()).unwrap();
    let rows = |table: &str| copied.iter().find(|one| one.table == table).unwrap().rows;
    assert_eq!((rows("account"), rows("datastore")), (1, 6));
    assert!(reclaim(&source, Anchors::Kept).unwrap());
    for outcome in [
        copy(&source, &target, NOW, &mut |_| ()),
        rehearse(&source, &target, &mut |_| ()),
    ] {
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains("account: 1, datastore: 6"), "{text}");
    }
}

/// What `schema` lists of a file.
fn tables(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT count(*) FROM sqlite_schema";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn both(from: &Place, to: &Place) -> [Result<Vec<Copied>, Error>; 2] {
    [
        rehearse(from, to, &mut |_| ()),
        copy(from, to, NOW, &mut |_| ()),
    ]
}

#[test]
fn what_is_no_state_is_not_made_one() {
    let folder = tempfile::tempdir().unwrap();
    let [empty, foreign, letter, to] = ["a", "b", "c", "d"].map(|name| folder.path().join(name));
    fs::write(&empty, "").unwrap();
    fs::write(&letter, "Dear Ann, ".repeat(999)).unwrap();
    let connection = Connection::open(&foreign).unwrap();
    let sql = "PRAGMA user_version = 3; CREATE TABLE account (id INTEGER)";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    for from in [&empty, &foreign, &letter] {
        let place = Place::File(from.clone());
        for outcome in both(&place, &Place::File(to.clone())) {
            let text = outcome.unwrap_err().to_string();
            assert!(text.contains(&*from.to_string_lossy()), "{text}");
            assert!(text.contains("holds no state"), "{text}");
        }
        assert!(!to.exists());
    }
    assert_eq!((tables(&empty), tables(&foreign)), (0, 1));
    let opened = Sqlite::open(&foreign);
    assert!(matches!(opened, Err(Error::NoState { .. })), "{opened:?}");
    assert_eq!(tables(&foreign), 1);
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let place = Place::Database(database.url());
    let others = [
        Postgres::renew(&database.url()).err(),
        Postgres::open_existing(&database.url()).err(),
    ];
    let moved = both(&place, &Place::File(to)).map(Result::err);
    for error in moved.into_iter().chain(others) {
        assert!(matches!(error, Some(Error::NoState { .. })), "{error:?}");
    }
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.sql(sql).unwrap(), "0");
}

#[test]
fn an_older_file_is_read_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
    drop(filled(&from));
    let connection = Connection::open(&from).unwrap();
    let sql = "DROP INDEX history_at; DROP INDEX item_deleted; DROP INDEX withheld_session;
               DROP INDEX item_series; ALTER TABLE item DROP COLUMN series;
               ALTER TABLE item DROP COLUMN occurrence; ALTER TABLE datastore DROP COLUMN followed;
               DROP TABLE moved; DROP INDEX item_short; DROP INDEX item_seq;
               ALTER TABLE item DROP COLUMN short; ALTER TABLE item DROP COLUMN first_time;
               ALTER TABLE item DROP COLUMN last_time;
               CREATE INDEX item_seq ON item (account, datastore, seq); PRAGMA user_version = 7";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let version = || -> i64 {
        let connection = Connection::open(&from).unwrap();
        let sql = "PRAGMA user_version";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let read = rehearse(&Place::File(from.clone()), &Place::File(to), &mut |_| ());
    assert_eq!(read.unwrap()[1].rows, 6);
    assert_eq!(version(), 7);
}

/// A source of many rows, which notes how many are in memory at once.
#[test]
fn rows_come_in_pages_of_a_bounded_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(filled(&path));
    let connection = Connection::open(&path).unwrap();
    let sql = "WITH RECURSIVE n (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < 10000)
         INSERT INTO item (account, datastore, guid, seq, deleted, media_type, exact, content)
         SELECT 1, 1, g, g, 0, 'text/plain', g,
                zeroblob(CASE WHEN g = 7 THEN 3000000 ELSE 300 END) FROM n";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let items = &TABLES[4];
    let mut check = |source: &mut dyn Source| {
        let mut rows = 0;
        source.rows(items, &mut |page| {
            let bytes: usize = page.iter().map(Record::size).sum();
            assert!(bytes <= PAGE || page.len() == 1, "{bytes}");
            assert!(page.len() <= ROWS);
            rows += page.len();
            Ok(())
        })?;
        assert_eq!(rows, 10_000);
        Ok(())
    };
    reading(&Place::File(path.clone()), &mut check).unwrap();
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let target = Place::Database(database.url());
    copy(&Place::File(path), &target, NOW, &mut |_| ()).unwrap();
    reading(&target, &mut check).unwrap();
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["a", "b"].map(|name| folder.path().join(name));
    drop(filled(&from));
    let database = server.database().unwrap();
    for target in [Place::File(to), Place::Database(database.url())] {
        let failed = writing::<()>(&target, &mut |target| {
            reading(&Place::File(from.clone()), &mut |source| {
                transfer(source, target, &mut |_| ())
            })?;
            Err(Error::NotAlone)
        });
        assert!(matches!(failed, Err(Error::NotAlone)), "{failed:?}");
        let source = Place::File(from.clone());
        copy(&source, &target, NOW, &mut |_| ()).unwrap();
        assert!(reclaim(&source, Anchors::Kept).unwrap());
    }
    // a node that is open to the source
    let source = Place::Database(database.url());
    let node = Postgres::open(&database.url()).unwrap();
    let target = Place::File(folder.path().join("c"));
    let refused = copy(&source, &target, NOW, &mut |_| ());
    assert!(matches!(refused, Err(Error::NotAlone)), "{refused:?}");
    drop(node);
    copy(&source, &target, NOW, &mut |_| ()).unwrap();
}

#[test]
fn one_state_by_two_names_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [from, symbolic, hard] = ["a", "b", "c"].map(|name| folder.path().join(name));
    drop(filled(&from));
    std::os::unix::fs::symlink(&from, &symbolic).unwrap();
    fs::hard_link(&from, &hard).unwrap();
    let name = folder.path().file_name().unwrap();
    let round_about = folder.path().join("..").join(name).join("a");
    let same = |from: &Place, to: &Place| {
        for outcome in both(from, to) {
            assert!(matches!(outcome, Err(Error::Same { .. })), "{outcome:?}");
        }
    };
    for to in [from.clone(), symbolic, hard, round_about] {
        same(&Place::File(from.clone()), &Place::File(to));
    }
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let url = database.url();
    drop(Postgres::open(&url).unwrap());
    let place = Place::Database(url.clone());
    for to in [
        url.replace("127.0.0.1", "localhost"),
        format!("{url}?application_name=other"),
        url.replace("postgres://", "postgresql://"),
    ] {
        same(&place, &Place::Database(to));
    }
    // another schema of the database is another place
    database.sql("CREATE SCHEMA other").unwrap();
    let other = Place::Database(format!("{url}?options=-csearch_path%3Dother"));
    copy(&place, &other, NOW, &mut |_| ()).unwrap();
    copy(&other, &place, NOW, &mut |_| ()).unwrap();
    assert_eq!(store_at(&place).moved().unwrap(), None);
    assert!(store_at(&other).moved().unwrap().is_some());
}

fn store_at(place: &Place) -> Store {
    match place {
        Place::File(path) => Sqlite::open(path).unwrap().into(),
        Place::Database(url) => Postgres::open(url).unwrap().into(),
    }
}

/// Runs SQL on a state.
fn sql(place: &Place, database: Option<&postgres::Database<'_>>, sql: &str) -> String {
    match place {
        Place::File(path) => {
            let connection = Connection::open(path).unwrap();
            if !sql.starts_with("SELECT") {
                connection.execute_batch(sql).unwrap();
                return String::new();
            }
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        }
        Place::Database(_) => database.unwrap().sql(sql).unwrap(),
    }
}

/// Moves a state with a device away, and takes it back with its anchors and without.
fn is_moved_and_taken_back(
    from: &Place,
    database: Option<&postgres::Database<'_>>,
    targets: [&Place; 2],
) {
    assert!(!reclaim(from, Anchors::Kept).unwrap());
    let device = "INSERT INTO device (account, number, uri, nonce, last_seen)
                  SELECT id, 1, 'phone', '', 0 FROM account";
    let device = match from {
        Place::File(_) => device.replace("''", "x''"),
        Place::Database(_) => device.to_owned(),
    };
    let link = "INSERT INTO link (account, datastore, device, client_anchor,
        previous_client_anchor, server_anchor, previous_server_anchor, seen, previous_seen,
        sent_until, generation, client_uri, last_sync, filter, view, orphans)
        SELECT id, 1, 1, 'next', '', 'next', '', 0, 0, 0, 1, '', 0, '', '', '' FROM account";
    sql(from, database, &format!("{device}; {link}"));
    for (to, anchors, left) in [
        (targets[0], Anchors::Kept, "next"),
        (targets[1], Anchors::Void, ""),
    ] {
        rehearse(from, to, &mut |_| ()).unwrap();
        assert_eq!(store_at(from).moved().unwrap(), None);
        copy(from, to, NOW, &mut |_| ()).unwrap();
        let moved = Moved {
            to: to.name().unwrap(),
            at: NOW,
        };
        assert_eq!(store_at(from).moved().unwrap(), Some(moved.clone()));
        assert_eq!(store_at(to).moved().unwrap(), None);
        for outcome in both(from, to) {
            let is_told = matches!(&outcome, Err(Error::Moved(told)) if *told == moved);
            assert!(is_told, "{outcome:?}");
        }
        assert!(reclaim(from, anchors).unwrap());
        assert!(!reclaim(from, anchors).unwrap());
        assert_eq!(store_at(from).moved().unwrap(), None);
        assert_eq!(sql(from, database, "SELECT client_anchor FROM link"), left);
    }
}

#[test]
fn a_state_that_was_moved_says_so_until_it_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Place::File(folder.path().join(name));
    drop(filled(&folder.path().join("a")));
    is_moved_and_taken_back(&file("a"), None, [&file("b"), &file("c")]);
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let place = Place::Database(database.url());
    let account = AccountId(1);
    let store = store_at(&place);
    store.add_account(account, "ann", "digest", None).unwrap();
    drop(store);
    is_moved_and_taken_back(&place, Some(&database), [&file("d"), &file("e")]);
}

#[test]
fn a_copy_whose_commit_fails_leaves_no_mark() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let from = Place::File(folder.path().join("a"));
    drop(filled(&folder.path().join("a")));
    let [database, other] = [0, 1].map(|_| server.database().unwrap());
    let [to, second] = [&database, &other].map(|one| Place::Database(one.url()));
    copy(&from, &second, NOW, &mut |_| ()).unwrap();
    assert!(reclaim(&from, Anchors::Kept).unwrap());
    drop(store_at(&to));
    database
        .sql(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE 'not today'; END $$;
             CREATE CONSTRAINT TRIGGER late AFTER INSERT ON account
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .unwrap();
    for source in [from, second] {
        let failed = copy(&source, &to, NOW, &mut |_| ()).unwrap_err();
        assert!(failed.to_string().contains("not today"), "{failed}");
        assert_eq!(store_at(&source).moved().unwrap(), None);
    }
}

#[test]
fn a_commit_that_may_have_been_done_leaves_the_mark() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let from = Place::File(folder.path().join("a"));
    drop(filled(&folder.path().join("a")));
    let database = server.database().unwrap();
    let to = Place::Database(database.url());
    drop(store_at(&to));
    database
        .sql(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
             CREATE CONSTRAINT TRIGGER late AFTER INSERT ON account
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .unwrap();
    let failed = copy(&from, &to, NOW, &mut |_| ()).unwrap_err();
    assert!(matches!(failed, Error::Unreachable { .. }), "{failed:?}");
    assert!(store_at(&from).moved().unwrap().is_some());
    assert!(reclaim(&from, Anchors::Kept).unwrap());
}

#[test]
fn a_server_does_not_begin_in_the_middle_of_a_move() {
    let folder = tempfile::tempdir().unwrap();
    let file = Place::File(folder.path().join("a"));
    drop(filled(&folder.path().join("a")));
    let opened = reading(&file, &mut |_| {
        Ok(Sqlite::open(&folder.path().join("a")).map(|_| ()))
    });
    assert!(matches!(opened, Ok(Err(Error::Locked))), "{opened:?}");
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let url = database.url();
    drop(Postgres::open(&url).unwrap());
    let moved = reading(&Place::Database(url.clone()), &mut |_| {
        Ok(Store::from(Postgres::open(&url)?).moved())
    });
    assert!(
        matches!(
            &moved,
            Ok(Err(Error::Refused {
                refusal: Refusal::Busy,
                ..
            }))
        ),
        "{moved:?}"
    );
}

#[test]
fn a_mark_that_stays_is_told_with_why_the_move_failed() {
    let told = take_back(Error::Locked, || Err(Error::NotAlone));
    assert!(matches!(told, Error::StillMarked { .. }), "{told}");
    let text = told.to_string();
    let of_both = [Error::Locked.to_string(), Error::NotAlone.to_string()];
    assert!(of_both.iter().all(|one| text.contains(one)), "{text}");
    assert!(matches!(take_back(Error::Locked, || Ok(())), Error::Locked));
}
