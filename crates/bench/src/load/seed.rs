//! Accounts and their items, written through the store before the server starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pim::Fingerprint;
use session::store::{AccountId, Content, Origin, StoreError, Transaction};
use store::{Sqlite, Store};
use testkit::items;
use testkit::postgres::Postgres;

use super::options::Options;
use super::report;
use crate::Outcome;

/// Accounts that are written at one time: they share a commit.
const WRITERS: usize = 32;

/// Items that go into an account in one transaction.
const ADDED_AT_ONCE: usize = 10_000;

/// Items that are copied in one statement.
const COPIED_AT_ONCE: u32 = 200_000;

/// How long one statement may take.
const PATIENCE: Duration = Duration::from_hours(1);

/// Statements that copy at one time.
const COPIERS: usize = 2;

/// A contact, with what the store wants to know of it.
struct Sample {
    content: Vec<u8>,
    fingerprint: Fingerprint,
}

/// Makes the state that the server will find: the same contacts in every account.
pub(super) fn fill(folder: &Path, options: &Options) -> Outcome<()> {
    let begun = Instant::now();
    fs::create_dir_all(folder)?;
    let store = Store::from(Sqlite::open(&folder.join("syncline.db"))?);
    let samples = samples(options);
    let next = AtomicU64::new(1);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number > u64::from(options.accounts) {
                            return Ok::<(), store::Error>(());
                        }
                        write(&store, options, &samples, number)?;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer
                .join()
                .map_err(|_| "a writer of accounts panicked")??;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    tell(options, begun);
    Ok(())
}

/// The same in a database: the first account through the store, the others as copies of its rows, since
/// a statement for each item would take hours.
pub(super) fn fill_database(server: &Postgres, database: &str, options: &Options) -> Outcome<()> {
    let begun = Instant::now();
    let store = Store::from(store::Postgres::open(&server.url(database))?);
    write(&store, options, &samples(options), 1)?;
    let columns = |table: &str| {
        server.sql(
            database,
            &format!(
                "SELECT string_agg(column_name, ', ') FROM information_schema.columns
                 WHERE table_name = '{table}' AND column_name <> 'account'"
            ),
        )
    };
    let copies = [
        ("datastore", columns("datastore")?),
        ("item", columns("item")?),
    ];
    let at_once = COPIED_AT_ONCE / options.items.max(1) + 1;
    let next = AtomicU32::new(2);
    let copy = || -> Outcome<()> {
        loop {
            let first = next.fetch_add(at_once, Ordering::Relaxed);
            if first > options.accounts {
                return Ok(());
            }
            let last = options.accounts.min(first + at_once - 1);
            copy_accounts(server, database, options, (first, last), &copies)?;
            report::note(&format!("{last} accounts are written"));
        }
    };
    thread::scope(|scope| {
        let copying: Vec<_> = (0..COPIERS)
            .map(|_| scope.spawn(|| copy().map_err(|error| error.to_string())))
            .collect();
        for copier in copying {
            copier
                .join()
                .map_err(|_| "a writer of accounts panicked")??;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    for sql in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
        server.sql_within(database, sql, PATIENCE)?;
    }
    tell(options, begun);
    Ok(())
}

/// Writes accounts of these numbers as copies of the first: its rows in tables, by their columns.
fn copy_accounts(
    server: &Postgres,
    database: &str,
    options: &Options,
    (first, last): (u32, u32),
    copies: &[(&str, String)],
) -> Outcome<()> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let numbers = format!("generate_series({first}, {last})");
    // the digest of an account is that of the protocol: MD5 over name and password, in Base64
    let accounts = format!(
        "INSERT INTO account (id, name, digest)
         SELECT number, name, encode(decode(md5(name || ':' || {}), 'hex'), 'base64')
         FROM (SELECT number, replace({}, '{{}}', number::text) AS name
               FROM {numbers} AS number) AS one",
        quoted(&options.password),
        quoted(&options.user),
    );
    server.sql_within(database, &accounts, PATIENCE)?;
    for (table, columns) in copies {
        let of_sample = columns.replace(", ", ", sample.");
        let rows = format!(
            "INSERT INTO {table} (account, {columns})
             SELECT one.number, sample.{of_sample} FROM {numbers} AS one (number), {table} AS sample
             WHERE sample.account = 1 ORDER BY one.number"
        );
        server.sql_within(database, &rows, PATIENCE)?;
    }
    Ok(())
}

fn samples(options: &Options) -> Arc<[Sample]> {
    let media_type = items::Kind::Contact.media_type();
    (1..=options.items)
        .map(|number| {
            let content = items::item(items::Kind::Contact, number, 0);
            let fingerprint = pim::fingerprint(media_type, &content);
            Sample {
                content,
                fingerprint,
            }
        })
        .collect()
}

fn tell(options: &Options, begun: Instant) {
    report::note(&format!(
        "{} accounts of {} contacts written in {:.1} s",
        options.accounts,
        options.items,
        begun.elapsed().as_secs_f64()
    ));
}

/// Writes the account of that number.
fn write(
    store: &Store,
    options: &Options,
    samples: &Arc<[Sample]>,
    number: u64,
) -> Result<(), store::Error> {
    let id = AccountId(number.cast_signed());
    let name = options.account_name(number);
    let digest = syncml::auth::user_digest(&name, &options.password);
    store.add_account(id, &name, &digest, None)?;
    for first in (0..samples.len()).step_by(ADDED_AT_ONCE) {
        let samples = Arc::clone(samples);
        let last = samples.len().min(first + ADDED_AT_ONCE);
        store.transact::<(), store::Error>(move |tx| Ok(add(tx, id, &samples[first..last])?))?;
    }
    Ok(())
}

fn add(tx: &mut dyn Transaction, account: AccountId, samples: &[Sample]) -> Result<(), StoreError> {
    let datastores = tx.datastores(account)?;
    let contacts = datastores.iter().find(|one| one.name == "contacts");
    let contacts = contacts.ok_or_else(|| StoreError::Damaged {
        what: "an account has no contacts".to_owned(),
    })?;
    for sample in samples {
        let content = Content {
            media_type: items::Kind::Contact.media_type(),
            bytes: &sample.content,
            fingerprint: sample.fingerprint,
        };
        tx.add_item(contacts.id, content, Origin::Local, 0)?;
    }
    Ok(())
}
