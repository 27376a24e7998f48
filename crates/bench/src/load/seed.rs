//! Accounts and their items, written through the store before the server starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use pim::Fingerprint;
use session::store::{AccountId, Content, Origin, StoreError, Transaction};
use store::Sqlite;
use testkit::items;

use super::options::Options;
use super::report;
use crate::Outcome;

/// Accounts that are written at one time: they share a commit.
const WRITERS: usize = 32;

/// A contact, with what the store wants to know of it.
struct Sample {
    content: Vec<u8>,
    fingerprint: Fingerprint,
}

/// Makes the state that the server will find: the same contacts in every account.
pub(super) fn fill(folder: &Path, options: &Options) -> Outcome<()> {
    let begun = Instant::now();
    fs::create_dir_all(folder)?;
    let store = Sqlite::open(&folder.join("syncline.db"))?;
    let media_type = items::Kind::Contact.media_type();
    let samples: Arc<[Sample]> = (1..=options.items)
        .map(|number| {
            let content = items::item(items::Kind::Contact, number, 0);
            let fingerprint = pim::fingerprint(media_type, &content);
            Sample {
                content,
                fingerprint,
            }
        })
        .collect();
    let next = AtomicU64::new(1);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| scope.spawn(|| write(&store, options, &samples, &next)))
            .collect();
        for writer in writers {
            writer
                .join()
                .map_err(|_| "a writer of accounts panicked")??;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    report::note(&format!(
        "{} accounts of {} contacts written in {:.1} s",
        options.accounts,
        options.items,
        begun.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Writes accounts until there are enough.
fn write(
    store: &Sqlite,
    options: &Options,
    samples: &Arc<[Sample]>,
    next: &AtomicU64,
) -> Result<(), store::Error> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number > u64::from(options.accounts) {
            return Ok(());
        }
        let id = AccountId(number.cast_signed());
        let name = options.account_name(number);
        let digest = syncml::auth::user_digest(&name, &options.password);
        store.add_account(id, &name, &digest, None)?;
        let samples = Arc::clone(samples);
        store.transact::<(), store::Error>(move |tx| Ok(add(tx, id, &samples)?))?;
    }
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
