//! Occurrences of series, as statements.

use rusqlite::params;
use session::occurrences::{MAX_SERIES, Occurrences, SIGNS};
use session::store::{ChangeSeq, DatastoreId, Guid, StoreError, StoredItem};

use super::rows::{ITEM, item_of};
use super::transaction::Running;

fn changed_sql() -> String {
    let bounded = format!(" CASE WHEN length(content) <= {MAX_SERIES} THEN content ELSE x'' END,");
    let columns = ITEM.replace(" content,", &bounded);
    let [first, second] = SIGNS;
    format!(
        "SELECT {columns}, EXISTS (SELECT 1 FROM item AS own
             WHERE own.account = ?1 AND own.datastore = ?2 AND own.series = item.guid) AS is_series
         FROM item
         WHERE account = ?1 AND datastore = ?2 AND seq > ?3 AND series IS NULL
           AND (is_series OR (deleted = 0 AND (instr(content, CAST('{first}' AS BLOB)) > 0
                    OR instr(content, CAST('{second}' AS BLOB)) > 0)))
         ORDER BY seq LIMIT ?4"
    )
}

fn of_series_sql() -> String {
    format!(
        "SELECT {ITEM}, occurrence FROM item
         WHERE account = ?1 AND datastore = ?2 AND series = ?3 ORDER BY occurrence"
    )
}

const STRAY: &str = "
    SELECT guid FROM item
    WHERE account = ?1 AND datastore = ?2 AND series > 0 AND deleted = 0
      AND NOT EXISTS (SELECT 1 FROM item AS own WHERE own.account = ?1 AND own.datastore = ?2
          AND own.guid = item.series AND own.deleted = 0)
    ORDER BY series, occurrence LIMIT ?3";

impl Occurrences for Running<'_> {
    fn followed(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        let followed = self.one(
            "SELECT followed FROM datastore WHERE account = ? AND number = ?",
            [datastore.account.0, datastore.number],
            |row| row.get(0).map(ChangeSeq),
        )?;
        Ok(followed.unwrap_or_default())
    }

    fn set_followed(&mut self, datastore: DatastoreId, until: ChangeSeq) -> Result<(), StoreError> {
        self.execute(
            "UPDATE datastore SET followed = ?3 WHERE account = ?1 AND number = ?2",
            [datastore.account.0, datastore.number, until.0],
        )
        .map(|_| ())
    }

    fn changed_items(
        &mut self,
        datastore: DatastoreId,
        after: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(StoredItem, bool)>, StoreError> {
        let limit = limit as i64;
        let params = [datastore.account.0, datastore.number, after.0, limit];
        self.all(&changed_sql(), params, |row| {
            Ok((item_of(row)?, row.get(9)?))
        })
    }

    fn occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<(Guid, String)>, StoreError> {
        self.one(
            "SELECT series, occurrence FROM item
             WHERE account = ? AND datastore = ? AND guid = ? AND series IS NOT NULL",
            [datastore.account.0, datastore.number, guid.0],
            |row| Ok((Guid(row.get(0)?), row.get(1)?)),
        )
    }

    fn occurrences(
        &mut self,
        datastore: DatastoreId,
        series: Guid,
    ) -> Result<Vec<(String, StoredItem)>, StoreError> {
        let params = [datastore.account.0, datastore.number, series.0];
        self.all(&of_series_sql(), params, |row| {
            Ok((row.get(9)?, item_of(row)?))
        })
    }

    fn set_occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        of: Option<(Guid, &str)>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE item SET series = ?4, occurrence = ?5
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                of.map(|(series, _)| series.0),
                of.map(|(_, key)| key)
            ],
        )
        .map(|_| ())
    }

    fn stray_occurrences(
        &mut self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let params = [datastore.account.0, datastore.number, limit as i64];
        self.all(STRAY, params, |row| row.get(0).map(Guid))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::transaction::tests::plan_of;
    use super::*;

    #[test]
    fn occurrences_are_found_by_indexes() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection).unwrap();
        for (sql, index) in [
            (
                changed_sql(),
                "item_seq (account=? AND datastore=? AND seq>?)",
            ),
            (
                changed_sql(),
                "item_series (account=? AND datastore=? AND series=?)",
            ),
            (
                of_series_sql(),
                "item_series (account=? AND datastore=? AND series=?)",
            ),
            (
                STRAY.to_owned(),
                "item_series (account=? AND datastore=? AND series>?)",
            ),
        ] {
            let plan = plan_of(&connection, &sql);
            assert!(plan.contains(index), "{plan}");
            assert!(
                !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{plan}"
            );
        }
    }
}
