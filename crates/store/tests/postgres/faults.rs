//! What a database does that a file does not: connections end, transactions collide, nodes meet.

use std::net::TcpListener;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use session::guard::Withheld;
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Device, Guid, Link, LinkId, Mapping, Origin,
    Permission, StoreError, StoredSession, Transaction,
};
use store::{Error, Postgres, Store};
use testkit::postgres::{self, Database, Disk};
use testkit::{Peer, require};

const ANN: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

fn contacts(account: AccountId) -> DatastoreId {
    DatastoreId { account, number: 1 }
}

/// A database with the accounts of Ann and Bob, if PostgreSQL is installed.
fn database() -> Option<Database<'static>> {
    let database = postgres::Postgres::shared()?.database().unwrap();
    let store = Store::from(Postgres::open(&database.url()).unwrap());
    store.add_account(ANN, "ann", "digest", None).unwrap();
    store.add_account(BOB, "bob", "digest", None).unwrap();
    Some(database)
}

fn note(tx: &mut dyn Transaction, account: AccountId, text: &str) -> Result<Guid, StoreError> {
    let content = Content::new("text/plain", text.as_bytes());
    let added = tx.add_item(contacts(account), content, Origin::Local, 0)?;
    Ok(added.0)
}

fn count(store: &Store, account: AccountId) -> u64 {
    store.datastores_summary(account).unwrap()[0].1
}

fn session(token: &str, account: Option<AccountId>) -> StoredSession {
    StoredSession {
        token: token.into(),
        account,
        device: "phone".into(),
        session_id: "1".into(),
        state: Vec::new(),
        last_msg_id: "1".into(),
        last_request: 0,
        last_answer: Vec::new(),
        updated: 5,
    }
}

// spec: R12
#[test]
fn a_dead_connection_costs_nobody_their_message() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let store = Store::from(engine.clone());
    let cut = || {
        let sql = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.sql(sql).unwrap();
    };
    cut();
    store.ping().unwrap();
    // within a transaction, before its commit
    let is_first = AtomicBool::new(true);
    let added = engine.transact::<_, StoreError>(|tx| {
        note(tx, ANN, "one")?;
        if is_first.swap(false, Ordering::Relaxed) {
            cut();
        }
        note(tx, ANN, "two")
    });
    assert_eq!(added.unwrap(), Guid(2));
    assert_eq!(count(&store, ANN), 2);
    // one whose connections end again and again is told so
    let lost = engine.transact::<_, StoreError>(|tx| {
        note(tx, ANN, "three")?;
        cut();
        note(tx, ANN, "four")
    });
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    assert_eq!(count(&store, ANN), 2);
}

#[test]
fn transactions_that_wait_for_each_other_are_both_done() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let both_hold_one = Barrier::new(2);
    std::thread::scope(|scope| {
        for (first, second) in [(ANN, BOB), (BOB, ANN)] {
            let (engine, both_hold_one) = (&engine, &both_hold_one);
            scope.spawn(move || {
                let is_first = AtomicBool::new(true);
                engine
                    .transact::<_, StoreError>(|tx| {
                        note(tx, first, "first")?;
                        if is_first.swap(false, Ordering::Relaxed) {
                            both_hold_one.wait();
                        }
                        note(tx, second, "second")
                    })
                    .unwrap();
            });
        }
    });
    let store = Store::from(engine);
    assert_eq!((count(&store, ANN), count(&store, BOB)), (2, 2));
}

#[test]
fn a_failure_that_a_job_passes_over_is_no_success() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let outcome = engine.transact::<_, StoreError>(|tx| {
        note(tx, ANN, "one")?;
        // without a beginning
        let _ = tx.undo_atomic();
        Ok(())
    });
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
    assert_eq!(count(&engine.into(), ANN), 0);
}

/// Makes the database refuse pairs of maps: the first `times`, with this code.
fn refuse_pairs(database: &Database<'_>, times: u32, code: &str) {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('refused') <= {times} THEN
                     RAISE EXCEPTION 'not now' USING ERRCODE = '{code}';
                 END IF;
                 RETURN NEW;
             END $$;
         DROP SEQUENCE IF EXISTS refused;
         CREATE SEQUENCE refused;
         CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON map
             FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    database.sql(&sql).unwrap();
}

#[test]
fn what_is_sent_later_ends_its_transaction_when_it_fails() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let link = LinkId {
        datastore: contacts(ANN),
        device: 1,
    };
    // nothing is waited for after the pair but the commit
    let add = || {
        engine.transact::<_, StoreError>(|tx| {
            let guid = note(tx, ANN, "one")?;
            let mapping = Mapping {
                luid: "1".into(),
                guid,
                revision: ChangeSeq(1),
                generation: 0,
                stale: false,
            };
            tx.put_mapping(link, &mapping)
        })
    };
    refuse_pairs(&database, 2, "40001");
    add().unwrap();
    let store = Store::from(engine.clone());
    assert_eq!(count(&store, ANN), 1);

    refuse_pairs(&database, 1, "P0001");
    let refused = add();
    let Err(StoreError::Unavailable(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.to_string().contains("not now"), "{reason}");
    assert_eq!(count(&store, ANN), 1);
    add().unwrap();
    assert_eq!(count(&store, ANN), 2);

    // a fault shows at the next statement that is waited for, with its own reason
    refuse_pairs(&database, 1, "P0001");
    let refused = engine.transact::<_, StoreError>(|tx| {
        let mapping = Mapping {
            luid: "2".into(),
            guid: Guid(2),
            revision: ChangeSeq(1),
            generation: 0,
            stale: false,
        };
        tx.put_mapping(link, &mapping)?;
        tx.mapping(link, "2")
    });
    let Err(StoreError::Unavailable(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.to_string().contains("not now"), "{reason}");
}

#[test]
fn a_first_message_that_comes_twice_at_once_begins_one_session() {
    let Some(database) = database() else { return };
    // two nodes
    let nodes = [(); 2].map(|()| Postgres::open(&database.url()).unwrap());
    std::thread::scope(|scope| {
        for copy in 0..8usize {
            let node = nodes[copy % 2].clone();
            scope.spawn(move || {
                node.transact::<_, StoreError>(|tx| {
                    if tx.find_session("phone", "1", false)?.is_none() {
                        tx.put_session(&session(&copy.to_string(), None))?;
                    }
                    Ok(())
                })
                .unwrap();
            });
        }
    });
    assert_eq!(database.sql("SELECT count(*) FROM session").unwrap(), "1");
}

#[test]
fn messages_of_one_session_run_one_after_the_other() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    for account in [None, Some(ANN)] {
        let begin = |tx: &mut dyn Transaction| tx.put_session(&session("t", account));
        engine.transact::<_, StoreError>(begin).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    engine
                        .transact::<_, StoreError>(|tx| {
                            let mut session = tx.session("t")?.unwrap();
                            session.state.push(1);
                            tx.put_session(&session)
                        })
                        .unwrap();
                });
            }
        });
        let read = |tx: &mut dyn Transaction| tx.session("t");
        let session = engine.transact::<_, StoreError>(read).unwrap().unwrap();
        assert_eq!(session.state.len(), 8);
    }
}

#[test]
fn of_sessions_of_one_second_the_later_is_found() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let found = engine.transact::<_, StoreError>(|tx| {
        for token in ["b", "a", "c"] {
            tx.put_session(&session(token, None))?;
        }
        tx.put_session(&session("b", None))?;
        tx.find_session("phone", "1", false)
    });
    assert_eq!(found.unwrap().unwrap().token, "c");
}

#[test]
fn nodes_that_start_together_make_the_tables_once() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    let url = database.url();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Postgres::open(&url).unwrap());
        }
    });
    let versions = database.sql("SELECT count(*) FROM syncline_schema");
    assert_eq!(versions.unwrap(), "1");
}

#[test]
fn databases_that_cannot_be_used_are_told_apart() {
    let Some(database) = database() else { return };
    let url = database.url();
    let open = |url: &str| Postgres::open(url).unwrap_err();
    let error = open(&url.replace("tests@", "guess@"));
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("password"), "{error}");
    assert!(!error.to_string().contains("guess"), "{error}");
    let error = open(&format!("{url}x"));
    assert!(error.to_string().contains("does not exist"), "{error}");
    let error = open("postgres://ann:secret@127.0.0.1:1/sync");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1/sync"), "{error}");
    let error = open(&format!("{url}?sslmode=require"));
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");

    database
        .sql("UPDATE syncline_schema SET version = 99")
        .unwrap();
    let error = open(&url);
    assert!(matches!(error, Error::Newer { found: 99, .. }), "{error:?}");
}

#[test]
fn a_user_without_rights_is_told_so() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    database
        .sql("CREATE USER guest PASSWORD 'of a guest'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .unwrap();
    let url = database
        .url()
        .replace("syncline:of%20the%20tests", "guest:of%20a%20guest");
    let error = Postgres::open(&url).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("permission denied"), "{error}");
}

#[test]
fn nothing_stays_of_a_device_or_an_account_that_goes() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let store = Store::from(engine.clone());
    for account in [ANN, BOB] {
        let fill = |tx: &mut dyn Transaction| -> Result<(), StoreError> {
            let phone = Device {
                uri: "phone".into(),
                ..Device::default()
            };
            let datastore = contacts(account);
            let link = LinkId {
                datastore,
                device: tx.put_device(account, &phone)?,
            };
            tx.put_link(link, &Link::default())?;
            let guid = note(tx, account, "one")?;
            tx.delete_item(datastore, guid, Origin::Session("phone"), 1)?;
            let mapping = Mapping {
                luid: "1".into(),
                guid,
                revision: ChangeSeq::default(),
                generation: 0,
                stale: false,
            };
            tx.put_mapping(link, &mapping)?;
            let waiting = Withheld {
                guid,
                session: "s".into(),
                device: "phone".into(),
                seq: ChangeSeq(1),
                replacement: None,
                at: 1,
            };
            tx.withhold(link, &waiting)?;
            tx.begin_partial(link, b"head")?;
            tx.append_partial(link, b"chunk")?;
            tx.keep_rendering(link, b"other")?;
            tx.put_session(&session(&account.0.to_string(), Some(account)))
        };
        engine.transact(fill).unwrap();
        let policy = session::server::ConflictPolicy::ServerWins;
        store
            .set_policy(account, None, Some("phone"), Some(policy))
            .unwrap();
        store
            .set_permission(contacts(account), Some("phone"), Permission::ReadOnly)
            .unwrap();
    }
    let left = |column: &str| {
        let tables = "SELECT table_name FROM information_schema.columns
                      WHERE table_schema = 'public' AND column_name = ";
        let tables = database.sql(&format!("{tables}'{column}'")).unwrap();
        let filled = tables.lines().filter(|table| {
            let rows = database.sql(&format!("SELECT 1 FROM {table} WHERE account = 2"));
            !rows.unwrap().is_empty()
        });
        let mut filled: Vec<_> = filled.map(str::to_owned).collect();
        filled.sort();
        filled
    };
    let all = [
        "chunk",
        "datastore",
        "device",
        "history",
        "item",
        "link",
        "map",
        "partial",
        "permission",
        "policy",
        "rendering",
        "session",
        "withheld",
    ];
    assert_eq!(left("account"), all);
    store.forget_device(BOB, "phone").unwrap();
    // what is said of a device by its address outlives it
    assert_eq!(left("device"), ["permission"]);
    store.remove_account("bob").unwrap();
    assert_eq!(left("account"), [""; 0]);
    store.remove_account("ann").unwrap();
    let session_left = database.sql("SELECT count(*) FROM session").unwrap();
    assert_eq!(session_left, "0");
}

/// What a distributed database asks of a schema: all that is of an account lies together.
#[test]
fn keys_begin_with_the_account_and_nothing_counts_over_all_of_them() {
    let Some(database) = database() else { return };
    Postgres::open(&database.url()).unwrap();
    let elsewhere = database.sql(
        "SELECT i.indexrelid::regclass FROM pg_index i
         JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
         LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE a.attname IS DISTINCT FROM 'account'",
    );
    let elsewhere = elsewhere.unwrap();
    let mut elsewhere: Vec<_> = elsewhere.lines().collect();
    elsewhere.sort_unstable();
    // an account is looked up by its name, and a session before its account is known
    let known = [
        "account_name_key",
        "account_pkey",
        "session_device",
        "session_minute",
        "session_pkey",
    ];
    assert_eq!(elsewhere, known);
    let shared = database.sql(
        "SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
         UNION ALL SELECT conname FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND contype = 'f'
         UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    );
    assert_eq!(shared.unwrap(), "", "sequences, foreign keys, triggers");
    let outside = database.sql(
        "SELECT count(*) FROM pg_attribute WHERE attstorage = 'e' AND attrelid IN
             ('item'::regclass, 'chunk'::regclass, 'rendering'::regclass)",
    );
    assert_eq!(outside.unwrap(), "3", "contents outside of their rows");
}

#[test]
fn texts_may_hold_what_the_database_cannot() {
    let Some(database) = database() else { return };
    let engine = Postgres::open(&database.url()).unwrap();
    let found = engine.transact::<_, StoreError>(|tx| {
        let content = Content::new("text/\0plain", b"\0");
        let guid = tx.add_item(contacts(ANN), content, Origin::Local, 0)?.0;
        assert_eq!(tx.account("an\0n")?, None);
        Ok(tx.item(contacts(ANN), guid)?.unwrap().content)
    });
    assert_eq!(found.unwrap(), b"\0");
}

// spec: R12
#[test]
fn what_was_committed_outlives_a_power_failure_of_the_database() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let mut server = postgres::Postgres::start(installed, Disk::Durable).unwrap();
    let url = server.url("postgres");
    let engine = Postgres::open(&url).unwrap();
    let store = Store::from(engine.clone());
    store.add_account(ANN, "ann", "digest", None).unwrap();
    let add = |text: &'static str| engine.transact(move |tx| note(tx, ANN, text));
    add("one").map_err(|error: StoreError| error).unwrap();
    server.crash().unwrap();
    let lost: Result<_, StoreError> = add("two");
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    assert!(store.ping().is_err());
    server.start_again().unwrap();
    // the same handle goes on
    add("three").map_err(|error: StoreError| error).unwrap();
    let items = store.items_page(contacts(ANN), Guid(0), 9).unwrap();
    let contents: Vec<_> = items.into_iter().map(|item| item.content).collect();
    assert_eq!(contents, [b"one".as_slice(), b"three"]);
}

/// A host that takes connections and never says a word, as one whose machine hangs.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    /// How many have tried to connect since this was asked last.
    fn tried(&self) -> usize {
        std::iter::from_fn(|| self.0.accept().ok()).count()
    }
}

#[test]
fn a_host_that_says_nothing_is_passed_over_once() {
    let Some(database) = database() else { return };
    let silent = Silent::new();
    let address = silent.0.local_addr().unwrap();
    let url = database.url().replace('@', &format!("@{address},"));
    let url = format!("{url}?connect_timeout=1&sslmode=disable");
    let engine = Postgres::open(&url).unwrap();
    assert_eq!(silent.tried(), 1);
    // two connections at one time, of which one is new
    let both = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let done = engine.transact::<_, StoreError>(|tx| {
                    both.wait();
                    tx.account("ann").map(|_| ())
                });
                done.unwrap();
            });
        }
    });
    assert_eq!(silent.tried(), 0);
}

#[test]
fn a_replica_that_takes_the_place_of_its_server_is_found() {
    let Some(installed) = require(Peer::Postgres) else {
        return;
    };
    let mut primary = postgres::Postgres::start(installed, Disk::Durable).unwrap();
    let replica = primary.replica(&postgres::Place::default()).unwrap();
    let places = [primary.address(), replica.address()];
    let url = postgres::url_at(&places, "postgres");
    let engine = Postgres::open(&format!("{url}?target_session_attrs=read-write")).unwrap();
    let store = Store::from(engine.clone());
    store.add_account(ANN, "ann", "digest", None).unwrap();
    let add = |text: &'static str| engine.transact(move |tx| note(tx, ANN, text));
    add("one").map_err(|error: StoreError| error).unwrap();
    primary.kill().unwrap();
    // a replica takes no changes
    let lost: Result<_, StoreError> = add("two");
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    replica.promote().unwrap();
    add("three").map_err(|error: StoreError| error).unwrap();
    let items = store.items_page(contacts(ANN), Guid(0), 9).unwrap();
    let contents: Vec<_> = items.into_iter().map(|item| item.content).collect();
    assert_eq!(contents, [b"one".as_slice(), b"three"]);
}
