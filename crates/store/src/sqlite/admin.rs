//! What people ask of the state: accounts, devices, counts, import and export.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use session::server::ConflictPolicy;
use session::store::{
    Account, AccountId, Content, Datastore, DatastoreId, DatastoreKind, Device, Guid, Link, Origin,
    Permission, StoreError, StoredItem, Transaction as _,
};

use super::rows::{account_of, datastore_of, device_of, link_columns, link_of, permission_of};
use super::transaction::Running;
use super::{Sqlite, connect};
use crate::duplicates::{Duplicates, Earlier, look, make_one};
use crate::sessions::{self, Count};
use crate::shared;
use crate::{Error, Moved, PastSession};

/// A device with the datastores that it has synced.
pub type DeviceLinks = (Device, Vec<(String, Link)>);

/// What was said of a datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The datastore's name.
    pub datastore: String,
    /// The device it is said of; `None` for every device without a rule of its own.
    pub device: Option<String>,
    /// What it may do.
    pub permission: Permission,
}

/// Who is to win the conflicts of a datastore and a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The datastore's name; `None` for every one.
    pub datastore: Option<String>,
    /// The device's address; `None` for every one.
    pub device: Option<String>,
    /// The policy's name, as
    /// [`ConflictPolicy::name`](session::server::ConflictPolicy::name) gives it.
    pub policy: String,
}

/// A former version of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its exact bytes.
    pub content: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// `replaced`, `deleted`, `overruled`, `rejected`, or `withdrawn` where it was taken back until
    /// somebody decides.
    pub why: String,
    /// The device that caused it; `None` for the server's own side.
    pub origin: Option<String>,
    /// The name of the session that caused it, where it is known.
    pub session: Option<String>,
    /// Seconds since 1970.
    pub at: i64,
}

/// A version of a device that lost a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overruled {
    /// The item.
    pub guid: Guid,
    /// The series of which that item is an occurrence, shown as an event of its own to some devices.
    pub series: Option<Guid>,
    /// Its number among the versions of the item, from 1.
    pub number: usize,
    /// What the device had made of the item.
    pub version: Version,
}

/// What became of a wish to restore a version; each with the version's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// It is the present one now.
    Replaced(usize),
    /// It was the present one already.
    Present(usize),
    /// There is no such version.
    NoVersion,
}

/// The former versions of an item, oldest first.
fn versions(
    connection: &Connection,
    datastore: DatastoreId,
    guid: Guid,
) -> Result<Vec<Version>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT content, media_type, why, origin, at, session FROM history
         WHERE account = ? AND datastore = ? AND guid = ? ORDER BY id",
    )?;
    let key = params![datastore.account.0, datastore.number, guid.0];
    let rows = statement.query_map(key, version_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The version in a row that begins with its columns.
fn version_of(row: &Row<'_>) -> rusqlite::Result<Version> {
    Ok(Version {
        content: row.get(0)?,
        media_type: row.get(1)?,
        why: row.get(2)?,
        origin: row.get(3)?,
        at: row.get(4)?,
        session: row.get(5)?,
    })
}

impl Earlier for Running<'_> {
    fn earlier(
        &mut self,
        datastore: DatastoreId,
        (column, hash): (&str, u64),
        before: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let sql = format!(
            "SELECT guid FROM item WHERE account = ? AND datastore = ? AND deleted = 0
               AND {column} = ? AND guid < ? AND series IS NULL ORDER BY guid LIMIT ?"
        );
        let key = params![
            datastore.account.0,
            datastore.number,
            hash.cast_signed(),
            before.0,
            limit as i64
        ];
        self.all(&sql, key, |row| row.get(0).map(Guid))
    }
}

impl Sqlite {
    /// Makes an account with a datastore of every kind. `digest` and `password` are those of
    /// [`Account`].
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when the name is taken.
    pub fn add_account(
        &self,
        id: AccountId,
        name: &str,
        digest: &str,
        password: Option<&str>,
    ) -> Result<(), Error> {
        let (name, digest) = (name.to_owned(), digest.to_owned());
        let password = password.map(str::to_owned);
        self.run(move |connection| {
            let taken = connection
                .query_row("SELECT 1 FROM account WHERE name = ?", [&name], |_| Ok(()))
                .optional()?;
            if taken.is_some() {
                return Err(Error::Exists { name });
            }
            connection.execute(
                "INSERT INTO account (id, name, digest, password) VALUES (?, ?, ?, ?)",
                params![id.0, name, digest, password],
            )?;
            for (kind, number) in DatastoreKind::ALL.into_iter().zip(1..) {
                connection.execute(
                    "INSERT INTO datastore (account, number, name, kind) VALUES (?, ?, ?, ?)",
                    params![id.0, number, kind.name(), kind.name()],
                )?;
            }
            Ok(())
        })
    }

    /// Removes an account with all that belongs to it; whether there was one.
    pub fn remove_account(&self, name: &str) -> Result<bool, Error> {
        let name = name.to_owned();
        self.run(move |connection| {
            connection.execute(
                "DELETE FROM session WHERE account IN (SELECT id FROM account WHERE name = ?)",
                [&name],
            )?;
            Ok(connection.execute("DELETE FROM account WHERE name = ?", [&name])? > 0)
        })
    }

    /// Gives an account another password and ends its sessions; whether there is such an account.
    pub fn set_password(
        &self,
        name: &str,
        digest: &str,
        password: Option<&str>,
    ) -> Result<bool, Error> {
        let (name, digest) = (name.to_owned(), digest.to_owned());
        let password = password.map(str::to_owned);
        self.run(move |connection| {
            let changed = connection.execute(
                "UPDATE account SET digest = ?, password = ? WHERE name = ?",
                params![digest, password, name],
            )?;
            // who logged in with the old one has to log in again
            connection.execute(
                "DELETE FROM session WHERE account IN (SELECT id FROM account WHERE name = ?)",
                [&name],
            )?;
            Ok(changed > 0)
        })
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.run(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT id, name, digest, password FROM account ORDER BY name")?;
            let rows = statement.query_map([], account_of)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Makes an account for somebody whom an outside authority vouches for, if there is none of
    /// that name. `secret` stands where other accounts have their digest; it is random, so that no
    /// password fits it.
    pub fn ensure_account(&self, id: AccountId, name: &str, secret: &str) -> Result<(), Error> {
        match self.add_account(id, name, secret, None) {
            Err(Error::Exists { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// Says what a device, or with `None` every device without a rule of its own, may do with a
    /// datastore. Sessions that are open go on as they began.
    pub fn set_permission(
        &self,
        datastore: DatastoreId,
        device: Option<&str>,
        permission: Permission,
    ) -> Result<(), Error> {
        let device = device.unwrap_or_default().to_owned();
        self.run(move |connection| {
            connection.execute(
                "INSERT INTO permission (account, datastore, device, permission)
                 VALUES (?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET permission = excluded.permission",
                params![
                    datastore.account.0,
                    datastore.number,
                    device,
                    permission.name()
                ],
            )?;
            Ok(())
        })
    }

    /// What was said of an account's datastores, by datastore and device; `None` stands for all
    /// devices.
    pub fn permissions(&self, account: AccountId) -> Result<Vec<Rule>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT permission, name, device FROM permission JOIN datastore
                   ON datastore.account = permission.account AND number = datastore
                 WHERE permission.account = ? ORDER BY number, device",
            )?;
            let rows = statement.query_map([account.0], |row| {
                let device: String = row.get(2)?;
                Ok(Rule {
                    datastore: row.get(1)?,
                    device: Some(device).filter(|device| !device.is_empty()),
                    permission: permission_of(row)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Says by which policy the conflicts of a datastore and a device are resolved; `None` stands for
    /// all of them, and without `policy` what was said before is forgotten. Whether there is such a
    /// device. What is said of a datastore goes before what is said of a device.
    pub fn set_policy(
        &self,
        account: AccountId,
        datastore: Option<DatastoreId>,
        device: Option<&str>,
        policy: Option<ConflictPolicy>,
    ) -> Result<bool, Error> {
        let uri = device.map(str::to_owned);
        self.run(move |connection| {
            let device = match &uri {
                None => Some(0),
                Some(uri) => connection
                    .query_row(
                        "SELECT number FROM device WHERE account = ? AND uri = ?",
                        params![account.0, uri],
                        |row| row.get(0),
                    )
                    .optional()?,
            };
            let Some(device) = device else {
                return Ok(false);
            };
            let datastore = datastore.map_or(0, |datastore| datastore.number);
            match policy {
                Some(policy) => connection.execute(
                    "INSERT INTO policy (account, datastore, device, conflict)
                     VALUES (?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET conflict = excluded.conflict",
                    params![account.0, datastore, device, policy.name()],
                )?,
                None => connection.execute(
                    "DELETE FROM policy WHERE account = ? AND datastore = ? AND device = ?",
                    params![account.0, datastore, device],
                )?,
            };
            Ok(true)
        })
    }

    /// What was said of an account's conflicts, what goes before first.
    pub fn policies(&self, account: AccountId) -> Result<Vec<Wish>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT datastore.name, device.uri, policy.conflict FROM policy
                 LEFT JOIN datastore ON datastore.account = policy.account
                   AND datastore.number = policy.datastore
                 LEFT JOIN device ON device.account = policy.account
                   AND device.number = policy.device
                 WHERE policy.account = ?
                 ORDER BY policy.datastore = 0, policy.device = 0, policy.datastore, device.uri",
            )?;
            let rows = statement.query_map([account.0], |row| {
                Ok(Wish {
                    datastore: row.get(0)?,
                    device: row.get(1)?,
                    policy: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The devices of an account, and for each the datastores that it has synced, by name.
    pub fn devices(&self, account: AccountId) -> Result<Vec<DeviceLinks>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, uri, devinf, nonce, last_seen FROM device
                 WHERE account = ? ORDER BY number",
            )?;
            let devices = statement
                .query_map([account.0], device_of)?
                .collect::<Result<Vec<Device>, _>>()?;
            let mut links = connection.prepare_cached(&format!(
                "SELECT {}, datastore.name FROM link JOIN datastore
                   ON datastore.account = link.account AND datastore.number = link.datastore
                 WHERE link.account = ? AND link.device = ? ORDER BY datastore.number",
                link_columns()
            ))?;
            let mut all = Vec::new();
            for device in devices {
                let rows = links.query_map([account.0, device.number], |row| {
                    Ok((row.get("name")?, link_of(row)?))
                })?;
                let rows = rows.collect::<Result<Vec<_>, _>>()?;
                all.push((device, rows));
            }
            Ok(all)
        })
    }

    /// Forgets a device with its anchors, maps and sessions, so that its next sync is a slow one;
    /// whether there was such a device. Items stay.
    pub fn forget_device(&self, account: AccountId, uri: &str) -> Result<bool, Error> {
        let uri = uri.to_owned();
        self.run(move |connection| {
            connection.execute(
                "DELETE FROM session WHERE account = ? AND device = ?",
                params![account.0, uri],
            )?;
            // numbers are given again, and what was said of one device is nothing to the next
            connection.execute(
                "DELETE FROM policy WHERE account = ?1 AND device =
                   (SELECT number FROM device WHERE account = ?1 AND uri = ?2)",
                params![account.0, uri],
            )?;
            let changed = connection.execute(
                "DELETE FROM device WHERE account = ? AND uri = ?",
                params![account.0, uri],
            )?;
            Ok(changed > 0)
        })
    }

    /// The datastores of an account with the number of live items in each.
    pub fn datastores_summary(&self, account: AccountId) -> Result<Vec<(Datastore, u64)>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, name, kind,
                        (SELECT count(*) FROM item WHERE item.account = datastore.account
                          AND item.datastore = datastore.number AND item.deleted = 0
                          AND item.series IS NULL)
                 FROM datastore WHERE account = ? ORDER BY number",
            )?;
            let rows = statement.query_map([account.0], |row| {
                let count: i64 = row.get(3)?;
                Ok((datastore_of(account, row)?, count.cast_unsigned()))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Live items after a GUID, in order, at most `limit`: export goes page by page.
    pub fn items_page(
        &self,
        datastore: DatastoreId,
        after: Guid,
        limit: usize,
    ) -> Result<Vec<StoredItem>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT guid FROM item
                 WHERE account = ? AND datastore = ? AND guid > ? AND deleted = 0
                   AND series IS NULL
                 ORDER BY guid LIMIT ?",
            )?;
            let guids = statement
                .query_map(
                    params![datastore.account.0, datastore.number, after.0, limit as i64],
                    |row| row.get(0).map(Guid),
                )?
                .collect::<Result<Vec<_>, _>>()?;
            let mut running = Running::on(connection);
            let mut items = Vec::with_capacity(guids.len());
            for guid in guids {
                items.extend(running.item(datastore, guid)?);
            }
            Ok(items)
        })
    }

    /// Adds items of the server's own side, given as media type and bytes, in one transaction.
    pub fn import(
        &self,
        datastore: DatastoreId,
        items: Vec<(String, Vec<u8>)>,
        now: i64,
    ) -> Result<usize, Error> {
        let count = items.len();
        self.transact::<_, StoreError>(move |tx| {
            for (media_type, bytes) in &items {
                let content = Content::new(media_type, bytes);
                tx.add_item(datastore, content, Origin::Local, now)?;
            }
            Ok(count)
        })
        .map_err(Error::from)
    }

    /// The former versions of an item, oldest first.
    pub fn history(&self, datastore: DatastoreId, guid: Guid) -> Result<Vec<Version>, Error> {
        self.run(move |connection| versions(connection, datastore, guid))
    }

    /// The items of which there are former versions, the latest change first, at most `limit`:
    /// for each its GUID, how many versions there are, and the last of them.
    pub fn histories(
        &self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<(Guid, u64, Version)>, Error> {
        self.run(move |connection| {
            // beside max(), SQLite gives the other columns of the row that has the maximum
            let mut statement = connection.prepare_cached(
                "SELECT content, media_type, why, origin, at, session, guid, count(*), max(id)
                 FROM history WHERE account = ?1 AND datastore = ?2
                   AND NOT EXISTS (SELECT 1 FROM item WHERE item.account = ?1
                       AND item.datastore = ?2 AND item.guid = history.guid
                       AND item.series IS NOT NULL)
                 GROUP BY guid ORDER BY max(id) DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(
                params![datastore.account.0, datastore.number, limit as i64],
                |row| {
                    let count: i64 = row.get(7)?;
                    Ok((Guid(row.get(6)?), count.cast_unsigned(), version_of(row)?))
                },
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The versions of devices that lost a conflict, the latest first, at most `limit`.
    pub fn overruled(&self, datastore: DatastoreId, limit: usize) -> Result<Vec<Overruled>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT content, media_type, why, origin, at, session, guid,
                     (SELECT count(*) FROM history AS earlier
                      WHERE earlier.account = history.account
                        AND earlier.datastore = history.datastore
                        AND earlier.guid = history.guid AND earlier.id <= history.id),
                     (SELECT series FROM item WHERE item.account = history.account
                        AND item.datastore = history.datastore AND item.guid = history.guid)
                 FROM history WHERE account = ? AND datastore = ? AND why = 'overruled'
                 ORDER BY id DESC LIMIT ?",
            )?;
            let key = params![datastore.account.0, datastore.number, limit as i64];
            let rows = statement.query_map(key, |row| {
                let number: i64 = row.get(7)?;
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                Ok(Overruled {
                    guid: Guid(row.get(6)?),
                    series: row.get::<_, Option<i64>>(8)?.map(Guid),
                    number,
                    version: version_of(row)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The sessions of an account that have replaced or deleted items or would do so, by datastore;
    /// those that wait for a decision first, then the latest, at most `limit`.
    pub fn past_sessions(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<PastSession>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(sessions::COUNTS)?;
            let counts = statement.query_map([account.0], |row| {
                Ok(Count {
                    datastore: row.get(0)?,
                    session: row.get(1)?,
                    device: row.get(2)?,
                    why: row.get(3)?,
                    items: row.get(4)?,
                    at: row.get(5)?,
                })
            })?;
            Ok(sessions::of(counts.collect::<Result<_, _>>()?, limit))
        })
    }

    /// Makes a former version the present one, as a change of the server's own side that every
    /// device gets; `number` counts the versions of [`Sqlite::history`] from 1, and `None` is the
    /// last. What was present becomes a former version in turn.
    pub fn restore(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        number: Option<usize>,
        now: i64,
    ) -> Result<Restored, Error> {
        self.run(move |connection| {
            let versions = versions(connection, datastore, guid)?;
            let place = (datastore, guid);
            let tx = &mut Running::on(connection);
            Ok(shared::restore(tx, place, &versions, number, now)?)
        })
    }

    /// The next `limit` live items of a datastore that follow `before`, the page before
    /// ([`Duplicates::default`] begins), and what of them is the same record as an earlier item
    /// ([`pim::unite`]). Nothing is changed.
    pub fn duplicates(
        &self,
        datastore: DatastoreId,
        before: Duplicates,
        limit: usize,
    ) -> Result<Duplicates, Error> {
        let (after, removed) = before.place();
        let page = self.items_page(datastore, after, limit)?;
        let looked = self
            .run(move |connection| look(&mut Running::on(connection), datastore, &page, removed));
        looked.map_err(|error: StoreError| error.into())
    }

    /// Makes one of two items: the kept one gets what only the other says, and the other becomes a
    /// tombstone, so that devices delete it. Both former contents stay in the history. `false`, and
    /// nothing changed, if they are not one record any more.
    pub fn unite(
        &self,
        datastore: DatastoreId,
        kept: Guid,
        removed: Guid,
        now: i64,
    ) -> Result<bool, Error> {
        self.transact::<_, StoreError>(move |tx| make_one(tx, datastore, (kept, removed), now))
            .map_err(Error::from)
    }

    /// Removes sessions whose last message is older than `before` (seconds since 1970), and
    /// sessions of nobody older than `before_unknown`; how many.
    // spec: K11
    pub fn expire_sessions(&self, before: i64, before_unknown: i64) -> Result<usize, Error> {
        shared::in_batches(|most| {
            self.run(move |connection| {
                Ok(connection.execute(
                    "DELETE FROM session WHERE token IN (
                         SELECT token FROM session
                         WHERE updated < ?1 OR (account IS NULL AND updated < ?2) LIMIT ?3)",
                    (before, before_unknown, most),
                )?)
            })
        })
    }

    /// Looks through the file for damage, for a time at most, and hinders nobody; whether that was
    /// enough for the whole of it, which costs as much as reading it.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] with the first damage found; those of [`Sqlite::open`].
    pub fn check(path: &Path, longest: Duration) -> Result<bool, Error> {
        let connection = connect(path)?;
        let handle = connection.get_interrupt_handle();
        let (running, over) = channel::<()>();
        let watch = std::thread::spawn(move || {
            let mut left = longest;
            while over.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
                // it may not have begun yet
                left = Duration::from_millis(10);
            }
        });
        let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        drop(running);
        // it has nothing to panic about
        let _ = watch.join();
        let found: String = match found {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
            {
                return Ok(false);
            }
            found => found?,
        };
        if found == "ok" {
            Ok(true)
        } else {
            Err(Error::Damaged(found.replace('\n', " ")))
        }
    }

    /// Where the state was moved to, if it was.
    pub fn moved(&self) -> Result<Option<Moved>, Error> {
        self.run(super::copying::moved)
    }

    /// Whether the state can be read and written now.
    pub fn ping(&self) -> Result<(), Error> {
        self.run(|connection| {
            connection.query_row("SELECT EXISTS (SELECT 1 FROM account)", [], |_| Ok(()))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use session::store::LinkId;

    use super::*;

    /// A state with two contacts in the first datastore.
    fn state(folder: &Path) -> (Sqlite, DatastoreId) {
        let store = Sqlite::open(&folder.join("x.db")).unwrap();
        let account = AccountId(7);
        store.add_account(account, "alice", "digest", None).unwrap();
        let datastore = DatastoreId { account, number: 1 };
        let items = ["one", "two"].map(|text| ("text/plain".to_owned(), text.into()));
        store.import(datastore, items.to_vec(), 10).unwrap();
        (store, datastore)
    }

    fn replace(store: &Sqlite, datastore: DatastoreId, guid: Guid, text: &'static str, now: i64) {
        store
            .transact::<_, StoreError>(move |tx| {
                let content = Content::new("text/plain", text.as_bytes());
                tx.replace_item(datastore, guid, content, Origin::Session("phone"), now)
            })
            .unwrap();
    }

    fn texts(store: &Sqlite, datastore: DatastoreId) -> Vec<Vec<u8>> {
        let items = store.items_page(datastore, Guid(0), 9).unwrap();
        items.into_iter().map(|item| item.content).collect()
    }

    #[test]
    fn a_former_version_becomes_the_present_one() {
        let folder = tempfile::tempdir().unwrap();
        let (store, datastore) = state(folder.path());
        let restore = |guid, number| store.restore(datastore, Guid(guid), number, 40).unwrap();
        assert_eq!(restore(1, None), Restored::NoVersion);
        replace(&store, datastore, Guid(1), "uno", 20);
        replace(&store, datastore, Guid(1), "eins", 30);
        assert_eq!(restore(1, Some(0)), Restored::NoVersion);
        assert_eq!(restore(1, Some(3)), Restored::NoVersion);
        assert_eq!(restore(1, Some(1)), Restored::Replaced(1));
        assert_eq!(restore(1, Some(1)), Restored::Present(1));
        assert_eq!(texts(&store, datastore), [b"one", b"two"]);
        let history = store.history(datastore, Guid(1)).unwrap();
        let contents: Vec<&[u8]> = history.iter().map(|v| v.content.as_slice()).collect();
        assert_eq!(contents, [b"one".as_slice(), b"uno", b"eins"]);
        assert_eq!(history[2].origin, None);

        store
            .transact(move |tx| tx.delete_item(datastore, Guid(2), Origin::Local, 50))
            .map_err(|error: StoreError| error)
            .unwrap();
        assert_eq!(restore(2, None), Restored::Replaced(1));
        assert_eq!(texts(&store, datastore), [b"one", b"two"]);
    }

    #[test]
    fn histories_begin_with_the_latest_change() {
        let folder = tempfile::tempdir().unwrap();
        let (store, datastore) = state(folder.path());
        replace(&store, datastore, Guid(1), "uno", 20);
        replace(&store, datastore, Guid(2), "due", 30);
        replace(&store, datastore, Guid(1), "eins", 40);
        let all = store.histories(datastore, 9).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|(guid, count, last)| (guid.0, *count, last.content.as_slice(), last.at))
            .collect();
        assert_eq!(seen, [(1, 2, b"uno".as_slice(), 40), (2, 1, b"two", 30)]);
        assert_eq!(store.histories(datastore, 1).unwrap().len(), 1);
    }

    #[test]
    fn wishes_for_conflicts_hold_by_datastore_then_by_device() {
        let folder = tempfile::tempdir().unwrap();
        let (store, contacts) = state(folder.path());
        let account = contacts.account;
        let add_device = |uri: &'static str| {
            store
                .transact::<_, StoreError>(move |tx| {
                    let device = Device {
                        uri: uri.to_owned(),
                        ..Device::default()
                    };
                    tx.put_device(account, &device)
                })
                .unwrap()
        };
        let device = add_device("phone");
        let calendar = DatastoreId { account, number: 2 };
        let held = |datastore, device| {
            let link = LinkId { datastore, device };
            store
                .transact::<_, StoreError>(move |tx| tx.conflict_policy(link))
                .unwrap()
        };
        let set = |datastore, device, policy| {
            store
                .set_policy(account, datastore, device, Some(policy))
                .unwrap()
        };
        assert_eq!(held(contacts, device), None);
        assert!(set(None, None, ConflictPolicy::Merge));
        assert_eq!(held(contacts, device).unwrap(), "merge");
        assert!(set(None, Some("phone"), ConflictPolicy::Ask));
        assert_eq!(held(contacts, device).unwrap(), "ask");
        assert_eq!(held(contacts, device + 1).unwrap(), "merge");
        assert!(set(Some(contacts), None, ConflictPolicy::Duplicate));
        assert_eq!(held(contacts, device).unwrap(), "duplicate");
        assert_eq!(held(calendar, device).unwrap(), "ask");
        assert!(set(
            Some(contacts),
            Some("phone"),
            ConflictPolicy::ServerWins
        ));
        assert_eq!(held(contacts, device).unwrap(), "server-wins");
        assert!(!set(None, Some("nobody"), ConflictPolicy::Ask));

        let wishes = store.policies(account).unwrap();
        let names: Vec<_> = wishes.iter().map(|wish| wish.policy.as_str()).collect();
        assert_eq!(names, ["server-wins", "duplicate", "ask", "merge"]);
        assert_eq!(wishes[0].datastore.as_deref(), Some("contacts"));
        assert_eq!(wishes[0].device.as_deref(), Some("phone"));
        assert_eq!((&wishes[3].datastore, &wishes[3].device), (&None, &None));

        store
            .set_policy(account, Some(contacts), None, None)
            .unwrap();
        store.forget_device(account, "phone").unwrap();
        assert_eq!(store.policies(account).unwrap().len(), 1);
        // one that gets the number of the former
        assert_eq!(add_device("tablet"), device);
        assert_eq!(held(contacts, device).unwrap(), "merge");
    }

    #[test]
    fn what_lost_a_conflict_is_listed_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let (store, datastore) = state(folder.path());
        replace(&store, datastore, Guid(2), "due", 20);
        store
            .transact::<_, StoreError>(move |tx| {
                let content = Content::new("text/plain", b"zwei");
                tx.keep_overruled(datastore, Guid(2), content, Origin::Session("phone"), 30)
            })
            .unwrap();
        replace(&store, datastore, Guid(1), "uno", 40);
        let lost = store.overruled(datastore, 9).unwrap();
        let seen: Vec<_> = lost
            .iter()
            .map(|lost| (lost.guid.0, lost.series, lost.number, lost.version.at))
            .collect();
        assert_eq!(seen, [(2, None, 2, 30)]);
        assert_eq!(lost[0].version.content, b"zwei");
        assert_eq!(
            store.history(datastore, Guid(2)).unwrap()[1].content,
            b"zwei"
        );
    }

    #[test]
    fn a_check_finds_damage_that_opening_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        drop(state(folder.path()));
        assert!(Sqlite::check(&path, Duration::MAX).unwrap());
        let whole = std::fs::read(&path).unwrap();
        // some pages are read at opening; those of the items are not
        let is_found = (1..whole.len() / 4096).rev().any(|page| {
            let mut bytes = whole.clone();
            bytes[page * 4096..(page + 1) * 4096].fill(0x5a);
            let other = folder.path().join(format!("{page}.db"));
            std::fs::write(&other, bytes).unwrap();
            Sqlite::open(&other).is_ok()
                && matches!(Sqlite::check(&other, Duration::MAX), Err(Error::Damaged(_)))
        });
        assert!(is_found);
    }
}
