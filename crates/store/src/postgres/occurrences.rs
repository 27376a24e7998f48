//! Occurrences of series, as statements.

use session::occurrences::{MAX_SERIES, Occurrences, SIGNS};
use session::store::{ChangeSeq, DatastoreId, Guid, StoreError, StoredItem};

use super::pool::Params;
use super::rows::{ITEM, column, item_of};
use super::transaction::Running;

impl Occurrences for Running<'_> {
    fn followed(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        let followed = self.one(
            datastore.account,
            "SELECT followed FROM datastore WHERE account = $1 AND number = $2",
            &[&datastore.account.0, &datastore.number],
            |row| column(row, 0).map(ChangeSeq),
        )?;
        Ok(followed.unwrap_or_default())
    }

    fn set_followed(&mut self, datastore: DatastoreId, until: ChangeSeq) -> Result<(), StoreError> {
        self.later(
            datastore.account,
            "UPDATE datastore SET followed = $3 WHERE account = $1 AND number = $2",
            &[&datastore.account.0, &datastore.number, &until.0],
        )
    }

    fn changed_items(
        &mut self,
        datastore: DatastoreId,
        after: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(StoredItem, bool)>, StoreError> {
        let bounded = format!(
            " CASE WHEN octet_length(content) <= {MAX_SERIES} THEN content ELSE ''::bytea END,"
        );
        let columns = ITEM.replace(" content,", &bounded);
        let [first, second] = SIGNS;
        let sql = format!(
            "SELECT {columns}, own.is_series
             FROM item CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM item AS own
                 WHERE own.account = $1 AND own.datastore = $2 AND own.series = item.guid OFFSET 0)
                 AS is_series OFFSET 0) AS own
             WHERE account = $1 AND datastore = $2 AND seq > $3 AND seq >= 0 AND series IS NULL
               AND (own.is_series OR (NOT deleted
                    AND (position('{first}'::bytea IN content) > 0
                         OR position('{second}'::bytea IN content) > 0)))
             ORDER BY seq LIMIT $4"
        );
        let limit = limit as i64;
        let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &after.0, &limit];
        self.all(datastore.account, &sql, keys, |row| {
            Ok((item_of(row)?, column(row, 9)?))
        })
    }

    fn occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<(Guid, String)>, StoreError> {
        self.one(
            datastore.account,
            "SELECT series, occurrence FROM item
             WHERE account = $1 AND datastore = $2 AND guid = $3 AND series IS NOT NULL",
            &[&datastore.account.0, &datastore.number, &guid.0],
            |row| Ok((Guid(column(row, 0)?), column(row, 1)?)),
        )
    }

    fn occurrences(
        &mut self,
        datastore: DatastoreId,
        series: Guid,
    ) -> Result<Vec<(String, StoredItem)>, StoreError> {
        let sql = format!(
            "SELECT {ITEM}, occurrence FROM item
             WHERE account = $1 AND datastore = $2 AND series = $3 ORDER BY occurrence"
        );
        let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &series.0];
        self.all(datastore.account, &sql, keys, |row| {
            Ok((column(row, 9)?, item_of(row)?))
        })
    }

    fn set_occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        of: Option<(Guid, &str)>,
    ) -> Result<(), StoreError> {
        self.later(
            datastore.account,
            "UPDATE item SET series = $4, occurrence = $5
             WHERE account = $1 AND datastore = $2 AND guid = $3",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &of.map(|(series, _)| series.0),
                &of.map(|(_, key)| key),
            ],
        )
    }

    fn stray_occurrences(
        &mut self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        self.all(
            datastore.account,
            "SELECT guid FROM item
             WHERE account = $1 AND datastore = $2 AND series > 0 AND NOT deleted
               AND NOT EXISTS (SELECT 1 FROM item AS own
                   WHERE own.account = $1 AND own.datastore = $2 AND own.guid = item.series
                     AND NOT own.deleted OFFSET 0)
             ORDER BY series, occurrence LIMIT $3",
            &[&datastore.account.0, &datastore.number, &(limit as i64)],
            |row| column(row, 0).map(Guid),
        )
    }
}
