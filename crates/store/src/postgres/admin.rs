//! What people ask of the state: accounts, devices, counts, import and export. The same as of the
//! SQLite engine, whose documentation holds.

use session::server::ConflictPolicy;
use session::store::{
    Account, AccountId, Content, Datastore, DatastoreId, DatastoreKind, Guid, Origin, Permission,
    StoreError, StoredItem, Transaction as _,
};
use tokio_postgres::Row;

use super::copying::moved_of;
use super::pool::Params;
use super::rows::{
    ITEM, LINK, account_of, bits, column, datastore_of, device_of, item_of, link_of, permission_of,
    text,
};
use super::schema::{OF_ACCOUNT, OF_DEVICE};
use super::transaction::Running;
use super::{Access, Postgres};
use crate::copy::MOVED;
use crate::duplicates::{Duplicates, Earlier, look, make_one};
use crate::sessions::{self, Count};
use crate::shared;
use crate::{DeviceLinks, Error, Moved, Overruled, PastSession, Restored, Rule, Version, Wish};

/// The columns that [`version_of`] reads.
const VERSION: &str = "content, media_type, why, origin, at, session";

fn version_of(row: &Row) -> Result<Version, StoreError> {
    Ok(Version {
        content: column(row, 0)?,
        media_type: column(row, 1)?,
        why: column(row, 2)?,
        origin: column(row, 3)?,
        at: column(row, 4)?,
        session: column(row, 5)?,
    })
}

/// The former versions of an item, oldest first.
fn versions(
    running: &mut Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
) -> Result<Vec<Version>, StoreError> {
    let sql = format!(
        "SELECT {VERSION} FROM history
         WHERE account = $1 AND datastore = $2 AND guid = $3 ORDER BY number"
    );
    let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &guid.0];
    running.all(datastore.account, &sql, keys, version_of)
}

/// The account of a name, locked; `None` when there is none.
fn id_of(running: &mut Running<'_>, name: &str) -> Result<Option<AccountId>, StoreError> {
    Ok(running.account(name)?.map(|account| account.id))
}

/// The number of a device; `None` when there is none of that address.
fn number_of(
    running: &mut Running<'_>,
    account: AccountId,
    uri: &str,
) -> Result<Option<i64>, StoreError> {
    let device = running.device(account, uri)?;
    Ok(device.map(|device| device.number))
}

impl Earlier for Running<'_> {
    fn earlier(
        &mut self,
        datastore: DatastoreId,
        (column_name, hash): (&str, u64),
        before: Guid,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let sql = format!(
            "SELECT guid FROM item WHERE account = $1 AND datastore = $2 AND NOT deleted
               AND {column_name} = $3 AND guid < $4 AND guid >= 0 AND series IS NULL
             ORDER BY guid LIMIT $5"
        );
        let (account, hash, limit) = (datastore.account, bits(hash), limit as i64);
        let keys: Params<'_> = &[&account.0, &datastore.number, &hash, &before.0, &limit];
        self.all(account, &sql, keys, |row| column(row, 0).map(Guid))
    }
}

impl Postgres {
    fn read<R>(&self, job: impl Fn(&mut Running<'_>) -> Result<R, StoreError>) -> Result<R, Error> {
        self.run(Access::Read, job).map_err(Error::from)
    }

    fn write<R>(
        &self,
        job: impl Fn(&mut Running<'_>) -> Result<R, StoreError>,
    ) -> Result<R, Error> {
        self.run(Access::Write, job).map_err(Error::from)
    }

    pub(crate) fn add_account(
        &self,
        id: AccountId,
        name: &str,
        digest: &str,
        password: Option<&str>,
    ) -> Result<(), Error> {
        let added = self.write(|running| {
            let added = running.raw_execute(
                "INSERT INTO account (id, name, digest, password) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (name) DO NOTHING",
                &[&id.0, &text(name), &text(digest), &password.map(text)],
            )?;
            if added == 0 {
                return Ok(false);
            }
            for (kind, number) in DatastoreKind::ALL.into_iter().zip(1i64..) {
                running.execute(
                    id,
                    "INSERT INTO datastore (account, number, name, kind) VALUES ($1, $2, $3, $3)",
                    &[&id.0, &number, &kind.name()],
                )?;
            }
            Ok(true)
        })?;
        if added {
            Ok(())
        } else {
            Err(Error::Exists {
                name: name.to_owned(),
            })
        }
    }

    pub(crate) fn remove_account(&self, name: &str) -> Result<bool, Error> {
        self.write(|running| {
            let Some(account) = id_of(running, name)? else {
                return Ok(false);
            };
            for table in OF_ACCOUNT {
                let sql = format!("DELETE FROM {table} WHERE account = $1");
                running.raw_execute(&sql, &[&account.0])?;
            }
            running.raw_execute("DELETE FROM account WHERE id = $1", &[&account.0])?;
            Ok(true)
        })
    }

    pub(crate) fn set_password(
        &self,
        name: &str,
        digest: &str,
        password: Option<&str>,
    ) -> Result<bool, Error> {
        self.write(|running| {
            let Some(account) = id_of(running, name)? else {
                return Ok(false);
            };
            running.raw_execute(
                "UPDATE account SET digest = $2, password = $3 WHERE id = $1",
                &[&account.0, &text(digest), &password.map(text)],
            )?;
            // who logged in with the old one has to log in again
            running.raw_execute("DELETE FROM session WHERE account = $1", &[&account.0])?;
            Ok(true)
        })
    }

    pub(crate) fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.read(|running| {
            let sql = "SELECT id, name, digest, password FROM account ORDER BY name";
            running.raw(sql, &[])?.iter().map(account_of).collect()
        })
    }

    pub(crate) fn set_permission(
        &self,
        datastore: DatastoreId,
        device: Option<&str>,
        permission: Permission,
    ) -> Result<(), Error> {
        let device = text(device.unwrap_or_default());
        self.write(|running| {
            running
                .execute(
                    datastore.account,
                    "INSERT INTO permission (account, datastore, device, permission)
                     VALUES ($1, $2, $3, $4)
                     ON CONFLICT (account, datastore, device)
                     DO UPDATE SET permission = excluded.permission",
                    &[
                        &datastore.account.0,
                        &datastore.number,
                        &device,
                        &permission.name(),
                    ],
                )
                .map(|_| ())
        })
    }

    pub(crate) fn permissions(&self, account: AccountId) -> Result<Vec<Rule>, Error> {
        self.read(|running| {
            running.all(
                account,
                "SELECT permission, datastore.name, device FROM permission JOIN datastore
                   ON datastore.account = permission.account AND number = datastore
                 WHERE permission.account = $1 ORDER BY number, device",
                &[&account.0],
                |row| {
                    let device: String = column(row, 2)?;
                    Ok(Rule {
                        datastore: column(row, 1)?,
                        device: Some(device).filter(|device| !device.is_empty()),
                        permission: permission_of(row)?,
                    })
                },
            )
        })
    }

    pub(crate) fn set_policy(
        &self,
        account: AccountId,
        datastore: Option<DatastoreId>,
        device: Option<&str>,
        policy: Option<ConflictPolicy>,
    ) -> Result<bool, Error> {
        self.write(|running| {
            let device = match device {
                None => Some(0),
                Some(uri) => number_of(running, account, uri)?,
            };
            let Some(device) = device else {
                return Ok(false);
            };
            let datastore = datastore.map_or(0, |datastore| datastore.number);
            match policy {
                Some(policy) => running.execute(
                    account,
                    "INSERT INTO policy (account, datastore, device, conflict)
                     VALUES ($1, $2, $3, $4)
                     ON CONFLICT (account, datastore, device)
                     DO UPDATE SET conflict = excluded.conflict",
                    &[&account.0, &datastore, &device, &policy.name()],
                )?,
                None => running.execute(
                    account,
                    "DELETE FROM policy WHERE account = $1 AND datastore = $2 AND device = $3",
                    &[&account.0, &datastore, &device],
                )?,
            };
            Ok(true)
        })
    }

    pub(crate) fn policies(&self, account: AccountId) -> Result<Vec<Wish>, Error> {
        self.read(|running| {
            running.all(
                account,
                "SELECT datastore.name, device.uri, policy.conflict FROM policy
                 LEFT JOIN datastore ON datastore.account = policy.account
                   AND datastore.number = policy.datastore
                 LEFT JOIN device ON device.account = policy.account
                   AND device.number = policy.device
                 WHERE policy.account = $1
                 ORDER BY policy.datastore = 0, policy.device = 0, policy.datastore, device.uri",
                &[&account.0],
                |row| {
                    Ok(Wish {
                        datastore: column(row, 0)?,
                        device: column(row, 1)?,
                        policy: column(row, 2)?,
                    })
                },
            )
        })
    }

    pub(crate) fn devices(&self, account: AccountId) -> Result<Vec<DeviceLinks>, Error> {
        let links_sql = format!(
            "SELECT {}, datastore.name FROM link JOIN datastore
               ON datastore.account = link.account AND datastore.number = link.datastore
             WHERE link.account = $1 AND link.device = $2 ORDER BY datastore.number",
            LINK.map(|column| format!("link.{column}")).join(", ")
        );
        self.read(|running| {
            let devices = running.all(
                account,
                "SELECT number, uri, devinf, nonce, last_seen FROM device
                 WHERE account = $1 ORDER BY number",
                &[&account.0],
                device_of,
            )?;
            let mut all = Vec::new();
            for device in devices {
                let links =
                    running.all(account, &links_sql, &[&account.0, &device.number], |row| {
                        Ok((column(row, LINK.len())?, link_of(row)?))
                    })?;
                all.push((device, links));
            }
            Ok(all)
        })
    }

    pub(crate) fn forget_device(&self, account: AccountId, uri: &str) -> Result<bool, Error> {
        self.write(|running| {
            let Some(number) = number_of(running, account, uri)? else {
                return Ok(false);
            };
            running.raw_execute(
                "DELETE FROM session WHERE account = $1 AND device = $2",
                &[&account.0, &text(uri)],
            )?;
            // numbers are given again, and what was said of one device is nothing to the next
            for table in OF_DEVICE {
                let sql = format!("DELETE FROM {table} WHERE account = $1 AND device = $2");
                running.raw_execute(&sql, &[&account.0, &number])?;
            }
            running.raw_execute(
                "DELETE FROM device WHERE account = $1 AND number = $2",
                &[&account.0, &number],
            )?;
            Ok(true)
        })
    }

    pub(crate) fn datastores_summary(
        &self,
        account: AccountId,
    ) -> Result<Vec<(Datastore, u64)>, Error> {
        self.read(|running| {
            running.all(
                account,
                "SELECT number, name, kind,
                        (SELECT count(*) FROM item WHERE item.account = datastore.account
                          AND item.datastore = datastore.number AND NOT item.deleted
                          AND item.series IS NULL)
                 FROM datastore WHERE account = $1 ORDER BY number",
                &[&account.0],
                |row| {
                    let count: i64 = column(row, 3)?;
                    Ok((datastore_of(account, row)?, count.cast_unsigned()))
                },
            )
        })
    }

    pub(crate) fn items_page(
        &self,
        datastore: DatastoreId,
        after: Guid,
        limit: usize,
    ) -> Result<Vec<StoredItem>, Error> {
        let sql = format!(
            "SELECT {ITEM} FROM item
             WHERE account = $1 AND datastore = $2 AND guid > $3 AND NOT deleted
               AND series IS NULL
             ORDER BY guid LIMIT $4"
        );
        self.read(|running| {
            let limit = limit as i64;
            let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &after.0, &limit];
            running.all(datastore.account, &sql, keys, item_of)
        })
    }

    pub(crate) fn import(
        &self,
        datastore: DatastoreId,
        items: &[(String, Vec<u8>)],
        now: i64,
    ) -> Result<usize, Error> {
        self.write(|running| {
            for (media_type, bytes) in items {
                let content = Content::new(media_type, bytes);
                running.add_item(datastore, content, Origin::Local, now)?;
            }
            Ok(items.len())
        })
    }

    pub(crate) fn history(
        &self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Vec<Version>, Error> {
        self.read(|running| versions(running, datastore, guid))
    }

    pub(crate) fn histories(
        &self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<(Guid, u64, Version)>, Error> {
        let sql = format!(
            "SELECT {VERSION}, history.guid, versions FROM (
                 SELECT guid, count(*) AS versions, max(number) AS last FROM history
                 WHERE account = $1 AND datastore = $2 AND number >= 0
                   AND NOT EXISTS (SELECT 1 FROM item WHERE item.account = $1
                       AND item.datastore = $2 AND item.guid = history.guid
                       AND item.series IS NOT NULL OFFSET 0)
                 GROUP BY guid ORDER BY max(number) DESC LIMIT $3) AS changed
             CROSS JOIN LATERAL (
                 SELECT * FROM history WHERE account = $1 AND datastore = $2
                   AND guid = changed.guid AND number = last OFFSET 0) AS history
             ORDER BY last DESC"
        );
        self.read(|running| {
            let limit = limit as i64;
            let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &limit];
            running.all(datastore.account, &sql, keys, |row| {
                let count: i64 = column(row, 7)?;
                Ok((
                    Guid(column(row, 6)?),
                    count.cast_unsigned(),
                    version_of(row)?,
                ))
            })
        })
    }

    pub(crate) fn overruled(
        &self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<Overruled>, Error> {
        let sql = format!(
            "SELECT {VERSION}, guid,
                 (SELECT count(*) FROM history AS earlier
                  WHERE earlier.account = $1 AND earlier.datastore = $2
                    AND earlier.guid = history.guid AND earlier.number <= history.number),
                 (SELECT series FROM item WHERE item.account = $1 AND item.datastore = $2
                    AND item.guid = history.guid)
             FROM history WHERE account = $1 AND datastore = $2 AND number >= 0
               AND why = 'overruled'
             ORDER BY number DESC LIMIT $3"
        );
        self.read(|running| {
            let limit = limit as i64;
            let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &limit];
            running.all(datastore.account, &sql, keys, |row| {
                let number: i64 = column(row, 7)?;
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                Ok(Overruled {
                    guid: Guid(column(row, 6)?),
                    series: column::<Option<i64>>(row, 8)?.map(Guid),
                    number,
                    version: version_of(row)?,
                })
            })
        })
    }

    pub(crate) fn past_sessions(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<PastSession>, Error> {
        self.read(|running| {
            let counts = running.all(account, sessions::COUNTS, &[&account.0], |row| {
                Ok(Count {
                    datastore: column(row, 0)?,
                    session: column(row, 1)?,
                    device: column(row, 2)?,
                    why: column(row, 3)?,
                    items: column(row, 4)?,
                    at: column(row, 5)?,
                })
            })?;
            Ok(sessions::of(counts, limit))
        })
    }

    pub(crate) fn restore(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        number: Option<usize>,
        now: i64,
    ) -> Result<Restored, Error> {
        self.write(|running| {
            let versions = versions(running, datastore, guid)?;
            shared::restore(running, (datastore, guid), &versions, number, now)
        })
    }

    pub(crate) fn duplicates(
        &self,
        datastore: DatastoreId,
        before: Duplicates,
        limit: usize,
    ) -> Result<Duplicates, Error> {
        let (after, removed) = before.place();
        let page = self.items_page(datastore, after, limit)?;
        self.read(|running| look(running, datastore, &page, removed.clone()))
    }

    pub(crate) fn unite(
        &self,
        datastore: DatastoreId,
        kept: Guid,
        removed: Guid,
        now: i64,
    ) -> Result<bool, Error> {
        self.write(|running| make_one(running, datastore, (kept, removed), now))
    }

    pub(crate) fn expire_sessions(&self, before: i64, before_unknown: i64) -> Result<usize, Error> {
        shared::in_batches(|most| {
            // a session that is locked has just got a message
            let removed = self.write(|running| {
                running.raw_execute(
                    "DELETE FROM session WHERE token = ANY (ARRAY (
                         SELECT token FROM session
                         WHERE minute <= $4
                           AND (updated < $1 OR (account IS NULL AND updated < $2))
                         LIMIT $3
                         FOR UPDATE SKIP LOCKED))",
                    &[
                        &before,
                        &before_unknown,
                        &most,
                        &before.max(before_unknown).div_euclid(60),
                    ],
                )
            })?;
            Ok(usize::try_from(removed).unwrap_or(usize::MAX))
        })
    }

    /// Waits for a move that is going on, and says that it has waited if that lasts.
    pub(crate) fn moved(&self) -> Result<Option<Moved>, Error> {
        let mut lease = self.pool.take()?;
        let rows = lease.ask(MOVED);
        let rows = rows.map_err(|fault| fault.at(self.pool.place()))?;
        Ok(rows.first().map(moved_of).transpose()?)
    }

    pub(crate) fn ping(&self) -> Result<(), Error> {
        self.read(|running| {
            running
                .raw("SELECT 1 FROM account LIMIT 1", &[])
                .map(|_| ())
        })
    }
}
