//! Changes that wait for a decision, and what sessions did, as statements.

use rusqlite::{Row, params};
use session::guard::{Before, Replacement, Withheld, Withholding};
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Guid, LinkId, Origin, StoreError,
};

use super::transaction::{Running, link_params, missing};

/// Versions that were an item's content until they were replaced or deleted.
const FORMER: &str = "account = ?1 AND datastore = ?2 AND guid = ?3
    AND why IN ('replaced', 'deleted')";

/// Items that were there before a session and that it has replaced or deleted.
const CHANGED_BY: &str = "
    SELECT DISTINCT history.guid FROM history JOIN item
      ON item.account = history.account AND item.datastore = history.datastore
     AND item.guid = history.guid AND item.added_by IS NOT ?3
    WHERE history.account = ?1 AND history.datastore = ?2 AND history.session = ?3
      AND why IN ('replaced', 'deleted') ORDER BY history.guid";

fn before_sql() -> String {
    format!(
        "SELECT was_deleted, media_type, content FROM history
         WHERE {FORMER} AND session = ?4 ORDER BY id LIMIT 1"
    )
}

fn last_of_sql() -> String {
    format!("SELECT session IS ?4 FROM history WHERE {FORMER} ORDER BY id DESC LIMIT 1")
}

fn withheld_of(row: &Row<'_>) -> rusqlite::Result<Withheld> {
    let media_type: Option<String> = row.get(4)?;
    Ok(Withheld {
        guid: Guid(row.get(0)?),
        session: row.get(1)?,
        device: row.get(2)?,
        seq: ChangeSeq(row.get(3)?),
        replacement: match media_type {
            None => None,
            Some(media_type) => Some(Replacement {
                media_type,
                content: row.get(5)?,
            }),
        },
        at: row.get(6)?,
    })
}

impl Running<'_> {
    fn guids(
        &self,
        sql: &str,
        datastore: DatastoreId,
        session: &str,
    ) -> Result<Vec<Guid>, StoreError> {
        let key = params![datastore.account.0, datastore.number, session];
        self.all(sql, key, |row| row.get(0).map(Guid))
    }
}

impl Withholding for Running<'_> {
    fn name_session(&mut self, session: &str) {
        self.session = Some(session.to_owned());
    }

    fn live_items(&mut self, datastore: DatastoreId) -> Result<u64, StoreError> {
        let count = self.one(
            "SELECT count(*) FROM item
             WHERE account = ? AND datastore = ? AND deleted = 0 AND series IS NULL",
            params![datastore.account.0, datastore.number],
            |row| row.get::<_, i64>(0),
        )?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }

    fn withhold(&mut self, link: LinkId, change: &Withheld) -> Result<(), StoreError> {
        let new = change.replacement.as_ref();
        self.execute(
            "INSERT OR REPLACE INTO withheld
                 (account, datastore, device, guid, session, origin, seq, media_type, content, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                link.datastore.account.0,
                link.datastore.number,
                link.device,
                change.guid.0,
                change.session,
                change.device,
                change.seq.0,
                new.map(|new| &new.media_type),
                new.map(|new| &new.content),
                change.at
            ],
        )
        .map(|_| ())
    }

    fn withheld(&mut self, link: LinkId, guid: Guid) -> Result<Option<Withheld>, StoreError> {
        let [account, datastore, device] = link_params(link);
        self.one(
            "SELECT guid, session, origin, seq, media_type, content, at FROM withheld
             WHERE account = ? AND datastore = ? AND device = ? AND guid = ?",
            [account, datastore, device, guid.0],
            withheld_of,
        )
    }

    fn forget_withheld(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        let [account, datastore, device] = link_params(link);
        self.execute(
            "DELETE FROM withheld
             WHERE account = ? AND datastore = ? AND device = ? AND guid = ?",
            [account, datastore, device, guid.0],
        )
        .map(|_| ())
    }

    fn hold(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        self.one(
            "SELECT session FROM withheld
             WHERE account = ? AND datastore = ? AND device = ? ORDER BY guid LIMIT 1",
            link_params(link),
            |row| row.get(0),
        )
    }

    fn withheld_by(
        &mut self,
        account: AccountId,
        session: &str,
    ) -> Result<Vec<(LinkId, Guid)>, StoreError> {
        self.all(
            "SELECT datastore, device, guid FROM withheld WHERE account = ? AND session = ?
             ORDER BY datastore, device, guid",
            params![account.0, session],
            |row| {
                let datastore = DatastoreId {
                    account,
                    number: row.get(0)?,
                };
                let device = row.get(1)?;
                Ok((LinkId { datastore, device }, Guid(row.get(2)?)))
            },
        )
    }

    fn changed_by(
        &mut self,
        datastore: DatastoreId,
        session: &str,
    ) -> Result<Vec<Guid>, StoreError> {
        self.guids(CHANGED_BY, datastore, session)
    }

    fn added_by(&mut self, datastore: DatastoreId, session: &str) -> Result<Vec<Guid>, StoreError> {
        self.guids(
            "SELECT guid FROM item WHERE account = ? AND datastore = ? AND added_by = ?
             ORDER BY guid",
            datastore,
            session,
        )
    }

    fn before(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<Option<Before>, StoreError> {
        let key = params![datastore.account.0, datastore.number, guid.0, session];
        self.one(&before_sql(), key, |row| {
            Ok(Before {
                deleted: row.get(0)?,
                media_type: row.get(1)?,
                content: row.get(2)?,
            })
        })
    }

    fn is_last_of(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<bool, StoreError> {
        let key = params![datastore.account.0, datastore.number, guid.0, session];
        let found = self.one(&last_of_sql(), key, |row| row.get(0))?;
        Ok(found.unwrap_or(true))
    }

    fn take_back(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let before = self
            .before(datastore, guid, session)?
            .ok_or_else(|| missing("version"))?;
        let key = params![datastore.account.0, datastore.number, guid.0, session];
        let sql = format!("UPDATE history SET why = 'withdrawn' WHERE {FORMER} AND session = ?4");
        self.execute(&sql, key)?;
        // another device may have got what the session had made of it, and say so by its number
        self.execute(
            "INSERT INTO history (account, datastore, guid, media_type, exact, content, content_seq,
                 why, origin, at, session)
             SELECT item.account, item.datastore, item.guid, item.media_type, item.exact,
                 item.content, item.content_seq, 'withdrawn', history.origin, history.at, ?4
             FROM history JOIN item
               ON item.account = history.account AND item.datastore = history.datastore
              AND item.guid = history.guid AND item.deleted = 0
             WHERE history.account = ?1 AND history.datastore = ?2 AND history.session = ?4
               AND history.guid = ?3 AND why = 'withdrawn' ORDER BY history.id DESC LIMIT 1",
            key,
        )?;
        let content = Content::new(&before.media_type, &before.content);
        self.put_content(datastore, guid, content, now)
    }

    fn keep_rejected(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.keep_beside(datastore, guid, content, ("rejected", origin), now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::transaction::tests::plan_of;
    use super::*;

    #[test]
    fn what_a_session_did_is_read_by_indexes() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection).unwrap();
        for (sql, index) in [
            (CHANGED_BY, "history_session"),
            (&before_sql(), "history_"),
            (&last_of_sql(), "history_item"),
        ] {
            let plan = plan_of(&connection, sql);
            assert!(plan.contains(&format!("USING INDEX {index}")), "{plan}");
            assert!(!plan.contains("SCAN"), "{plan}");
        }
    }
}
