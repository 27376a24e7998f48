//! What is old, as statements. The same as those of the SQLite engine.

use session::store::{AccountId, DatastoreId, Guid, LinkId, StoreError};

use super::pool::Params;
use super::rows::column;
use super::transaction::Running;
use super::{Access, Postgres};
use crate::Error;
use crate::tidy::{self, Expiry, Holder, Old, OldVersion, Place, Tidying};

pub(super) const VERSIONS: &str = "
    SELECT at, datastore, number, guid, octet_length(content)::bigint,
        EXISTS (SELECT 1 FROM device,
            LATERAL (SELECT revision, generation FROM map
                WHERE map.account = $1 AND map.datastore = history.datastore
                  AND map.device = device.number AND map.guid = history.guid OFFSET 0) AS held
            WHERE device.account = $1 AND held.revision >= history.content_seq
              AND held.generation >= coalesce(
                  (SELECT link.generation FROM link
                   WHERE link.account = $1 AND link.datastore = history.datastore
                     AND link.device = device.number AND link.open_alert IS NULL), 0)
              AND NOT EXISTS (SELECT 1 FROM item
                  WHERE item.account = $1 AND item.datastore = history.datastore
                    AND item.guid = history.guid AND item.content_seq <= held.revision OFFSET 0)
              AND NOT EXISTS (SELECT 1 FROM history AS later
                  WHERE later.account = $1 AND later.datastore = history.datastore
                    AND later.guid = history.guid AND later.content_seq <= held.revision
                    AND later.content_seq > history.content_seq OFFSET 0))
        OR EXISTS (SELECT 1 FROM device,
            LATERAL (SELECT sent_until FROM link
                WHERE link.account = $1 AND link.datastore = history.datastore
                  AND link.device = device.number AND link.open_alert IS NOT NULL OFFSET 0) AS open
            WHERE device.account = $1 AND open.sent_until >= history.content_seq
              AND NOT EXISTS (SELECT 1 FROM item
                  WHERE item.account = $1 AND item.datastore = history.datastore
                    AND item.guid = history.guid AND item.content_seq <= open.sent_until OFFSET 0)
              AND NOT EXISTS (SELECT 1 FROM history AS later
                  WHERE later.account = $1 AND later.datastore = history.datastore
                    AND later.guid = history.guid AND later.content_seq <= open.sent_until
                    AND later.content_seq > history.content_seq OFFSET 0))
        OR EXISTS (SELECT 1 FROM withheld
            WHERE withheld.account = $1 AND withheld.session = history.session
              AND withheld.session >= '' AND withheld.datastore = history.datastore)
    FROM history
    WHERE account = $1 AND at >= 0 AND at < $2 AND (at, datastore, number) > ($3, $4, $5)
    ORDER BY at, datastore, number LIMIT $6";

pub(super) const TOMBSTONES: &str = "
    SELECT modified, datastore, guid FROM item
    WHERE account = $1 AND deleted AND modified < $2
      AND (modified, datastore, guid) > ($3, $4, $5)
    ORDER BY modified, datastore, guid LIMIT $6";

pub(super) const HOLDERS: &str = "
    SELECT number, held.generation, last_seen,
        EXISTS (SELECT 1 FROM session WHERE session.device = uri AND session.account = $1)
    FROM device,
        LATERAL (SELECT generation FROM map
            WHERE map.account = $1 AND map.datastore = $2 AND map.device = device.number
              AND map.guid = $3 OFFSET 0) AS held
    WHERE device.account = $1 ORDER BY number";

const UNFINISHED: &str = "
    SELECT parts.datastore, number FROM (
        SELECT datastore, device FROM partial WHERE account = $1
        UNION SELECT datastore, device FROM rendering WHERE account = $1) AS parts
    JOIN device ON device.account = $1 AND number = parts.device
    WHERE last_seen < $2 AND (parts.datastore, number) > ($3, $4)
      AND NOT EXISTS (SELECT 1 FROM session
          WHERE session.device = uri AND session.account = $1)
    ORDER BY parts.datastore, number LIMIT $5";

impl Old for Running<'_> {
    fn accounts_after(
        &mut self,
        last: AccountId,
        expiry: &Expiry,
        limit: usize,
    ) -> Result<Vec<(AccountId, bool)>, StoreError> {
        let history = expiry.history.unwrap_or(i64::MIN);
        let tombstones = expiry.tombstones.unwrap_or(i64::MIN);
        let rows = self.raw(
            "SELECT id,
                 EXISTS (SELECT 1 FROM history WHERE account = id AND at >= 0 AND at < $2)
                 OR EXISTS (SELECT 1 FROM item
                     WHERE account = id AND deleted AND modified < $3)
                 OR EXISTS (SELECT 1 FROM partial WHERE account = id)
                 OR EXISTS (SELECT 1 FROM rendering WHERE account = id)
             FROM account WHERE id > $1 ORDER BY id LIMIT $4",
            &[&last.0, &history, &tombstones, &(limit as i64)],
        )?;
        rows.iter()
            .map(|row| Ok((AccountId(column(row, 0)?), column(row, 1)?)))
            .collect()
    }

    fn is_there(&mut self, account: AccountId) -> Result<bool, StoreError> {
        self.claim(account)
    }

    fn old_versions(
        &mut self,
        account: AccountId,
        before: i64,
        (at, datastore, number): (i64, i64, i64),
        limit: usize,
    ) -> Result<Vec<OldVersion>, StoreError> {
        let limit = limit as i64;
        let keys: Params<'_> = &[&account.0, &before, &at, &datastore, &number, &limit];
        self.all(account, VERSIONS, keys, |row| {
            Ok(OldVersion {
                age: (column(row, 0)?, column(row, 1)?, column(row, 2)?),
                guid: Guid(column(row, 3)?),
                bytes: column(row, 4)?,
                is_needed: column(row, 5)?,
            })
        })
    }

    fn remove_version(
        &mut self,
        account: AccountId,
        version: &OldVersion,
    ) -> Result<(), StoreError> {
        let (_, datastore, number) = version.age;
        self.execute(
            account,
            "DELETE FROM history
             WHERE account = $1 AND datastore = $2 AND guid = $3 AND number = $4",
            &[&account.0, &datastore, &version.guid.0, &number],
        )
        .map(|_| ())
    }

    fn old_tombstones(
        &mut self,
        account: AccountId,
        before: i64,
        (modified, datastore, guid): (i64, i64, i64),
        limit: usize,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let limit = limit as i64;
        let keys: Params<'_> = &[&account.0, &before, &modified, &datastore, &guid, &limit];
        self.all(account, TOMBSTONES, keys, |row| {
            Ok((column(row, 0)?, column(row, 1)?, column(row, 2)?))
        })
    }

    fn is_in_use(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        before: i64,
    ) -> Result<bool, StoreError> {
        let used = self.one(
            datastore.account,
            "SELECT EXISTS (SELECT 1 FROM history
                     WHERE account = $1 AND datastore = $2 AND guid = $3 AND at >= $4)
                 OR EXISTS (SELECT 1 FROM item
                     WHERE account = $1 AND datastore = $2 AND parent = $3 AND NOT deleted)
                 OR EXISTS (SELECT 1 FROM withheld
                     WHERE account = $1 AND datastore = $2 AND guid = $3)
                 OR EXISTS (SELECT 1 FROM history
                     WHERE account = $1 AND datastore = $2 AND guid = $3
                       AND EXISTS (SELECT 1 FROM withheld
                           WHERE withheld.account = $1 AND withheld.session = history.session
                             AND withheld.session >= '' AND withheld.datastore = $2))",
            &[&datastore.account.0, &datastore.number, &guid.0, &before],
            |row| column(row, 0),
        )?;
        Ok(used.unwrap_or(true))
    }

    fn holders(&mut self, datastore: DatastoreId, guid: Guid) -> Result<Vec<Holder>, StoreError> {
        let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &guid.0];
        self.all(datastore.account, HOLDERS, keys, |row| {
            Ok(Holder {
                device: column(row, 0)?,
                generation: column(row, 1)?,
                last_seen: column(row, 2)?,
                in_session: column(row, 3)?,
            })
        })
    }

    fn remove_tombstone(&mut self, datastore: DatastoreId, guid: Guid) -> Result<(), StoreError> {
        for table in ["history", "item"] {
            let sql =
                format!("DELETE FROM {table} WHERE account = $1 AND datastore = $2 AND guid = $3");
            let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &guid.0];
            self.execute(datastore.account, &sql, keys)?;
        }
        Ok(())
    }

    fn unfinished(
        &mut self,
        account: AccountId,
        before: i64,
        after: Place,
        limit: usize,
    ) -> Result<Vec<LinkId>, StoreError> {
        let keys: Params<'_> = &[&account.0, &before, &after.0, &after.1, &(limit as i64)];
        self.all(account, UNFINISHED, keys, |row| {
            let number = column(row, 0)?;
            Ok(LinkId {
                datastore: DatastoreId { account, number },
                device: column(row, 1)?,
            })
        })
    }
}

impl Postgres {
    pub(crate) fn tidy(&self, walk: &mut Tidying) -> Result<bool, Error> {
        let access = if walk.is_dry() {
            Access::Read
        } else {
            Access::Write
        };
        let before = walk.clone();
        let (after, goes_on) = self
            .run(access, |running| tidy::step(running, &before))
            .map_err(|error: StoreError| error)?;
        *walk = after;
        Ok(goes_on)
    }
}
