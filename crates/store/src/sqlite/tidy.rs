//! What is old, as statements.

use rusqlite::params;
use session::store::{AccountId, DatastoreId, Guid, LinkId, StoreError};

use super::Sqlite;
use super::transaction::Running;
use crate::Error;
use crate::tidy::{self, Expiry, Holder, Old, OldVersion, Place, Tidying};

/// A version is needed if it is the latest that a device can hold by its map, or if its session
/// waits for a decision. While a session of the device is open, or has broken, what it holds may be
/// told by a pair from before a comparison, or by how far it had got the changes. `CROSS JOIN` has SQLite go from the few devices to the one pair of each.
const VERSIONS: &str = "
    SELECT at, datastore, id, guid, length(content),
        EXISTS (SELECT 1 FROM device CROSS JOIN map
              ON map.account = ?1 AND map.datastore = history.datastore
             AND map.device = device.number AND map.guid = history.guid
            WHERE device.account = ?1 AND map.revision >= history.content_seq
              AND map.generation >= ifnull(
                  (SELECT link.generation FROM link
                   WHERE link.account = ?1 AND link.datastore = history.datastore
                     AND link.device = device.number AND link.open_alert IS NULL), 0)
              AND NOT EXISTS (SELECT 1 FROM item
                  WHERE item.account = ?1 AND item.datastore = history.datastore
                    AND item.guid = history.guid AND item.content_seq <= map.revision)
              AND NOT EXISTS (SELECT 1 FROM history AS later
                  WHERE later.account = ?1 AND later.datastore = history.datastore
                    AND later.guid = history.guid AND later.content_seq <= map.revision
                    AND later.content_seq > history.content_seq))
        OR EXISTS (SELECT 1 FROM device CROSS JOIN link
              ON link.account = ?1 AND link.datastore = history.datastore
             AND link.device = device.number
            WHERE device.account = ?1 AND link.open_alert IS NOT NULL
              AND link.sent_until >= history.content_seq
              AND NOT EXISTS (SELECT 1 FROM item
                  WHERE item.account = ?1 AND item.datastore = history.datastore
                    AND item.guid = history.guid AND item.content_seq <= link.sent_until)
              AND NOT EXISTS (SELECT 1 FROM history AS later
                  WHERE later.account = ?1 AND later.datastore = history.datastore
                    AND later.guid = history.guid AND later.content_seq <= link.sent_until
                    AND later.content_seq > history.content_seq))
        OR EXISTS (SELECT 1 FROM withheld
            WHERE withheld.account = ?1 AND withheld.session = history.session
              AND withheld.datastore = history.datastore)
    FROM history
    WHERE account = ?1 AND at < ?2 AND (at, datastore, id) > (?3, ?4, ?5)
    ORDER BY at, datastore, id LIMIT ?6";

const TOMBSTONES: &str = "
    SELECT modified, datastore, guid FROM item
    WHERE account = ?1 AND deleted = 1 AND modified < ?2
      AND (modified, datastore, guid) > (?3, ?4, ?5)
    ORDER BY modified, datastore, guid LIMIT ?6";

const HOLDERS: &str = "
    SELECT number, map.generation, last_seen,
        EXISTS (SELECT 1 FROM session WHERE session.device = uri AND session.account = ?1)
    FROM device CROSS JOIN map
      ON map.account = ?1 AND map.datastore = ?2 AND map.device = number AND map.guid = ?3
    WHERE device.account = ?1 ORDER BY number";

const UNFINISHED: &str = "
    SELECT parts.datastore, number FROM (
        SELECT datastore, device FROM partial WHERE account = ?1
        UNION SELECT datastore, device FROM rendering WHERE account = ?1) AS parts
    JOIN device ON device.account = ?1 AND number = parts.device
    WHERE last_seen < ?2 AND (parts.datastore, number) > (?3, ?4)
      AND NOT EXISTS (SELECT 1 FROM session
          WHERE session.device = uri AND session.account = ?1)
    ORDER BY parts.datastore, number LIMIT ?5";

impl Old for Running<'_> {
    fn accounts_after(
        &mut self,
        last: AccountId,
        expiry: &Expiry,
        limit: usize,
    ) -> Result<Vec<(AccountId, bool)>, StoreError> {
        self.all(
            "SELECT id,
                 EXISTS (SELECT 1 FROM history WHERE account = id AND at < ?2)
                 OR EXISTS (SELECT 1 FROM item
                     WHERE account = id AND deleted = 1 AND modified < ?3)
                 OR EXISTS (SELECT 1 FROM partial WHERE account = id)
                 OR EXISTS (SELECT 1 FROM rendering WHERE account = id)
             FROM account WHERE id > ?1 ORDER BY id LIMIT ?4",
            params![
                last.0,
                expiry.history.unwrap_or(i64::MIN),
                expiry.tombstones.unwrap_or(i64::MIN),
                limit as i64
            ],
            |row| Ok((AccountId(row.get(0)?), row.get(1)?)),
        )
    }

    fn is_there(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM account WHERE id = ?";
        Ok(!self.all(sql, [account.0], |_| Ok(()))?.is_empty())
    }

    fn old_versions(
        &mut self,
        account: AccountId,
        before: i64,
        (at, datastore, id): (i64, i64, i64),
        limit: usize,
    ) -> Result<Vec<OldVersion>, StoreError> {
        let params = [account.0, before, at, datastore, id, limit as i64];
        self.all(VERSIONS, params, |row| {
            Ok(OldVersion {
                age: (row.get(0)?, row.get(1)?, row.get(2)?),
                guid: Guid(row.get(3)?),
                bytes: row.get(4)?,
                is_needed: row.get(5)?,
            })
        })
    }

    fn remove_version(
        &mut self,
        _account: AccountId,
        version: &OldVersion,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM history WHERE id = ?", [version.age.2])
            .map(|_| ())
    }

    fn old_tombstones(
        &mut self,
        account: AccountId,
        before: i64,
        (modified, datastore, guid): (i64, i64, i64),
        limit: usize,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let params = [account.0, before, modified, datastore, guid, limit as i64];
        self.all(TOMBSTONES, params, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
    }

    fn is_in_use(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        before: i64,
    ) -> Result<bool, StoreError> {
        let used = self.one(
            "SELECT EXISTS (SELECT 1 FROM history
                     WHERE account = ?1 AND datastore = ?2 AND guid = ?3 AND at >= ?4)
                 OR EXISTS (SELECT 1 FROM item
                     WHERE account = ?1 AND datastore = ?2 AND parent = ?3 AND deleted = 0)
                 OR EXISTS (SELECT 1 FROM device CROSS JOIN withheld
                       ON withheld.account = ?1 AND withheld.datastore = ?2
                      AND withheld.device = number AND withheld.guid = ?3
                     WHERE device.account = ?1)
                 OR EXISTS (SELECT 1 FROM history CROSS JOIN withheld
                       ON withheld.account = ?1 AND withheld.session = history.session
                      AND withheld.datastore = ?2
                     WHERE history.account = ?1 AND history.datastore = ?2
                       AND history.guid = ?3)",
            [datastore.account.0, datastore.number, guid.0, before],
            |row| row.get(0),
        )?;
        Ok(used.unwrap_or(true))
    }

    fn holders(&mut self, datastore: DatastoreId, guid: Guid) -> Result<Vec<Holder>, StoreError> {
        let params = [datastore.account.0, datastore.number, guid.0];
        self.all(HOLDERS, params, |row| {
            Ok(Holder {
                device: row.get(0)?,
                generation: row.get(1)?,
                last_seen: row.get(2)?,
                in_session: row.get(3)?,
            })
        })
    }

    fn remove_tombstone(&mut self, datastore: DatastoreId, guid: Guid) -> Result<(), StoreError> {
        for table in ["history", "item"] {
            let sql =
                format!("DELETE FROM {table} WHERE account = ? AND datastore = ? AND guid = ?");
            self.execute(&sql, [datastore.account.0, datastore.number, guid.0])?;
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
        let keys = [account.0, before, after.0, after.1, limit as i64];
        self.all(UNFINISHED, keys, |row| {
            let number = row.get(0)?;
            Ok(LinkId {
                datastore: DatastoreId { account, number },
                device: row.get(1)?,
            })
        })
    }
}

impl Sqlite {
    pub(crate) fn tidy(&self, walk: &mut Tidying) -> Result<bool, Error> {
        let before = walk.clone();
        let step = move |connection: &_| tidy::step(&mut Running::on(connection), &before);
        let (after, goes_on) = self.run(step).map_err(|error: StoreError| error)?;
        *walk = after;
        Ok(goes_on)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::transaction::tests::plan_of;
    use super::*;

    #[test]
    fn what_is_old_is_found_by_indexes() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection).unwrap();
        for (sql, index) in [
            (VERSIONS, "INDEX history_at (account=? AND (at,datastore)>"),
            (
                VERSIONS,
                "withheld_session (account=? AND session=? AND datastore=?)",
            ),
            (
                VERSIONS,
                "map USING PRIMARY KEY (account=? AND datastore=? AND device=? AND guid=?)",
            ),
            (
                HOLDERS,
                "map USING PRIMARY KEY (account=? AND datastore=? AND device=? AND guid=?)",
            ),
            (HOLDERS, "session_device (device=?)"),
            (
                TOMBSTONES,
                "INDEX item_deleted (account=? AND (modified,datastore,guid)>",
            ),
        ] {
            let plan = plan_of(&connection, sql);
            assert!(plan.contains(index), "{plan}");
            assert!(!plan.contains("SCAN"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
