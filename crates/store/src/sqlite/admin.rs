//! What people ask of the state: accounts, devices, counts, import and export.

use rusqlite::{OptionalExtension as _, params};
use session::store::{
    Account, AccountId, Content, Datastore, DatastoreId, DatastoreKind, Device, Guid, Link, Origin,
    StoreError, StoredItem, Transaction as _,
};

use super::Sqlite;
use super::transaction::{Running, account_of, datastore_of, device_of, link_columns, link_of};
use crate::Error;

/// A device with the datastores that it has synced.
pub type DeviceLinks = (Device, Vec<(String, Link)>);

/// A former version of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its exact bytes.
    pub content: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// `replaced`, `deleted` or `overruled`.
    pub why: String,
    /// The device that caused it; `None` for the server's own side.
    pub origin: Option<String>,
    /// Seconds since 1970.
    pub at: i64,
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

    /// Gives an account another password; whether there is such an account.
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

    /// The devices of an account, and for each the datastores that it has synced, by name.
    pub fn devices(&self, account: AccountId) -> Result<Vec<DeviceLinks>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, uri, devinf, nonce, previous_nonce, last_seen FROM device
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
                          AND item.datastore = datastore.number AND item.deleted = 0)
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
                 ORDER BY guid LIMIT ?",
            )?;
            let guids = statement
                .query_map(
                    params![datastore.account.0, datastore.number, after.0, limit as i64],
                    |row| row.get(0).map(Guid),
                )?
                .collect::<Result<Vec<_>, _>>()?;
            let mut running = Running { connection };
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
                let content = Content {
                    media_type,
                    bytes,
                    fingerprint: pim::fingerprint(media_type, bytes),
                };
                tx.add_item(datastore, content, Origin::Local, now)?;
            }
            Ok(count)
        })
        .map_err(Error::from)
    }

    /// The former versions of an item, oldest first.
    pub fn history(&self, datastore: DatastoreId, guid: Guid) -> Result<Vec<Version>, Error> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT content, media_type, why, origin, at FROM history
                 WHERE account = ? AND datastore = ? AND guid = ? ORDER BY id",
            )?;
            let rows = statement.query_map(
                params![datastore.account.0, datastore.number, guid.0],
                |row| {
                    Ok(Version {
                        content: row.get(0)?,
                        media_type: row.get(1)?,
                        why: row.get(2)?,
                        origin: row.get(3)?,
                        at: row.get(4)?,
                    })
                },
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Removes sessions whose last message is older than `before` (seconds since 1970), and
    /// sessions of nobody older than `before_unknown`; how many.
    pub fn expire_sessions(&self, before: i64, before_unknown: i64) -> Result<usize, Error> {
        self.run(move |connection| {
            Ok(connection.execute(
                "DELETE FROM session
                 WHERE updated < ?1 OR (account IS NULL AND updated < ?2)",
                [before, before_unknown],
            )?)
        })
    }

    /// Whether the state can be read and written now.
    pub fn ping(&self) -> Result<(), Error> {
        self.run(|connection| {
            connection.query_row("SELECT count(*) FROM account", [], |_| Ok(()))?;
            Ok(())
        })
    }
}
