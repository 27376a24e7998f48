//! Records that a datastore holds twice.
//!
//! A walk over the live items, oldest first and page by page, looks each one up among the earlier ones
//! by the numbers of its fingerprint, which are indexed. So the whole costs little more than reading
//! the items once, and needs memory for a page.

use std::collections::BTreeSet;

use pim::{Evidence, United, unite};
use session::store::{Content, DatastoreId, Guid, Origin, StoreError, StoredItem, Transaction};

/// Earlier items of one number that an item is compared with.
const MAX_CANDIDATES: usize = 64;

/// Two items that are one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The earlier one.
    pub kept: StoredItem,
    /// The later one.
    pub removed: StoredItem,
    /// Why they are one.
    pub evidence: Evidence,
}

/// A page of a walk over a datastore.
#[derive(Debug, Clone, Default)]
pub struct Duplicates {
    /// What was found on it, in order of the later item.
    pub found: Vec<Duplicate>,
    /// The last item that was looked at; `None` at the end of the walk.
    pub last: Option<Guid>,
    /// The later items of all pages so far: nothing is a duplicate of one of them.
    removed: BTreeSet<Guid>,
}

/// What the walk asks an engine for beside what a session does.
pub(crate) trait Earlier: Transaction {
    /// Live items before a GUID of which a column has a hash, by GUID, at most `limit`. The column is
    /// `exact`, `key` or `uid`.
    fn earlier(
        &mut self,
        datastore: DatastoreId,
        like: (&str, u64),
        before: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError>;
}

/// Looks at the next items of a walk that has removed some so far.
pub(crate) fn look(
    engine: &mut impl Earlier,
    datastore: DatastoreId,
    page: &[StoredItem],
    mut removed: BTreeSet<Guid>,
) -> Result<Duplicates, StoreError> {
    let mut found = Vec::new();
    for item in page {
        let Some((kept, evidence)) = earlier(engine, datastore, item, &removed)? else {
            continue;
        };
        removed.insert(item.guid);
        found.push(Duplicate {
            kept,
            removed: item.clone(),
            evidence,
        });
    }
    Ok(Duplicates {
        found,
        last: page.last().map(|item| item.guid),
        removed,
    })
}

impl Duplicates {
    /// The last item looked at, and those that nothing is a duplicate of.
    pub(crate) fn place(self) -> (Guid, BTreeSet<Guid>) {
        (self.last.unwrap_or(Guid(0)), self.removed)
    }
}

/// Makes one of two items; whether they still were one record.
pub(crate) fn make_one(
    tx: &mut dyn Transaction,
    datastore: DatastoreId,
    (kept, removed): (Guid, Guid),
    now: i64,
) -> Result<bool, StoreError> {
    let mut live = |guid| -> Result<Option<StoredItem>, StoreError> {
        Ok(tx.item(datastore, guid)?.filter(|item| !item.deleted))
    };
    let (Some(first), Some(second)) = (live(kept)?, live(removed)?) else {
        return Ok(false);
    };
    let Some(United { content, .. }) = united(&first, &second) else {
        return Ok(false);
    };
    if let Some(bytes) = content {
        let content = Content::new(&first.media_type, &bytes);
        tx.replace_item(datastore, kept, content, Origin::Local, now)?;
    }
    tx.delete_item(datastore, removed, Origin::Local, now)?;
    Ok(true)
}

fn united(kept: &StoredItem, other: &StoredItem) -> Option<United> {
    // in two folders a thing may be twice for a reason
    if kept.parent != other.parent {
        return None;
    }
    unite(
        &kept.media_type,
        &kept.content,
        &other.media_type,
        &other.content,
    )
}

/// The earlier item that is the same record, an equal one before others, of several the earliest.
fn earlier(
    engine: &mut impl Earlier,
    datastore: DatastoreId,
    item: &StoredItem,
    removed: &BTreeSet<Guid>,
) -> Result<Option<(StoredItem, Evidence)>, StoreError> {
    let print = pim::fingerprint(&item.media_type, &item.content);
    for (column, number) in [
        ("exact", Some(print.exact)),
        ("key", print.key),
        ("uid", print.uid),
    ] {
        let Some(number) = number else {
            continue;
        };
        let guids = engine.earlier(datastore, (column, number), item.guid, MAX_CANDIDATES)?;
        for guid in guids.into_iter().filter(|guid| !removed.contains(guid)) {
            let Some(candidate) = engine.item(datastore, guid)? else {
                continue;
            };
            if let Some(united) = united(&candidate, item) {
                return Ok(Some((candidate, united.evidence)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use session::store::AccountId;
    use testkit::overlap::{self, Sizes};
    use testkit::postgres;

    use super::*;
    use crate::{Postgres, Sqlite, Store};

    /// The engines that are here.
    fn engines(folder: &std::path::Path) -> Vec<(Store, Option<postgres::Database<'static>>)> {
        let file = Sqlite::open(&folder.join("x.db")).unwrap();
        let mut all = vec![(Store::from(file), None)];
        if let Some(server) = postgres::Postgres::shared() {
            let database = server.database().unwrap();
            let engine = Postgres::open(&database.url()).unwrap();
            all.push((engine.into(), Some(database)));
        }
        all
    }

    fn fill(store: &Store, items: &[Vec<u8>]) -> DatastoreId {
        let account = AccountId(7);
        store.add_account(account, "alice", "digest", None).unwrap();
        let datastore = DatastoreId { account, number: 1 };
        let items = items.iter();
        let items = items.map(|item| ("text/vcard".to_owned(), item.clone()));
        store.import(datastore, items.collect(), 10).unwrap();
        datastore
    }

    fn all(store: &Store, datastore: DatastoreId, page: usize) -> Vec<(i64, i64, Evidence)> {
        let mut walk = Duplicates::default();
        let mut found = Vec::new();
        loop {
            walk = store.duplicates(datastore, walk, page).unwrap();
            let pairs = walk.found.iter();
            found.extend(pairs.map(|twin| (twin.kept.guid.0, twin.removed.guid.0, twin.evidence)));
            if walk.last.is_none() {
                return found;
            }
        }
    }

    fn card(lines: &str) -> Vec<u8> {
        format!("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Ada\r\n{lines}\r\nEND:VCARD\r\n").into()
    }

    #[test]
    fn a_chain_of_duplicates_leads_to_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let items = [
            card("TEL:1234567"),
            card("TEL:1234567\r\nNOTE:x"),
            card("TEL:7654321"),
            card("TEL:1234567"),
            card("TEL:123-4567\r\nTEL:5555555"),
        ];
        for (store, _database) in engines(folder.path()) {
            let datastore = fill(&store, &items);
            let expected = [
                (1, 2, Evidence::Number),
                (1, 4, Evidence::Content),
                (1, 5, Evidence::Number),
            ];
            for page in [1, 2, 9] {
                assert_eq!(all(&store, datastore, page), expected, "pages of {page}");
            }
            for (kept, removed, _) in expected {
                assert!(
                    store
                        .unite(datastore, Guid(kept), Guid(removed), 20)
                        .unwrap()
                );
            }
            assert!(!store.unite(datastore, Guid(1), Guid(2), 30).unwrap());
            assert!(!store.unite(datastore, Guid(1), Guid(3), 30).unwrap());
            assert_eq!(all(&store, datastore, 9), []);
            let left = store.items_page(datastore, Guid(0), 9).unwrap();
            let guids: Vec<i64> = left.iter().map(|item| item.guid.0).collect();
            assert_eq!(guids, [1, 3]);
            let united = card("TEL:1234567\r\nNOTE:x\r\nTEL:5555555");
            assert_eq!(left[0].content, united);
            let before = store.history(datastore, Guid(2)).unwrap();
            assert_eq!(
                (before[0].content.as_slice(), before[0].why.as_str()),
                (&items[1][..], "deleted")
            );
            assert_eq!(
                store.history(datastore, Guid(1)).unwrap()[0].content,
                items[0]
            );
        }
    }

    #[test]
    fn twins_of_a_large_datastore_stay_and_copies_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = Sizes {
            side: 2000,
            alone: 0,
            twins: 500,
        };
        let mut items = overlap::contacts(sizes, 3).held;
        let copies: Vec<Vec<u8>> = items.iter().step_by(20).cloned().collect();
        items.extend(copies);
        for (store, _database) in engines(folder.path()) {
            let datastore = fill(&store, &items);
            let found = all(&store, datastore, 200);
            let expected: Vec<_> = (0..100)
                .map(|number| (1 + 20 * number, 2001 + number, Evidence::Content))
                .collect();
            assert_eq!(found, expected);
        }
    }
}
