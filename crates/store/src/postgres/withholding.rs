//! Changes that wait for a decision, and what sessions did, as statements.

use session::guard::{Before, Replacement, Withheld, Withholding};
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Guid, LinkId, Origin, StoreError,
};

use super::pool::Params;
use super::rows::{bits, column, text};
use super::transaction::{Running, link_keys, missing};

/// Versions that were an item's content until they were replaced or deleted.
const FORMER: &str = "account = $1 AND datastore = $2 AND guid = $3
    AND why IN ('replaced', 'deleted')";

/// Items that were there before a session and that it has replaced or deleted.
const CHANGED_BY: &str = "
    SELECT guid FROM (
        SELECT DISTINCT guid FROM history
        WHERE account = $1 AND datastore = $2 AND session = $3
          AND why IN ('replaced', 'deleted')) AS changed
    WHERE NOT EXISTS (SELECT 1 FROM item
        WHERE account = $1 AND datastore = $2 AND item.guid = changed.guid AND added_by = $3
        OFFSET 0)
    ORDER BY guid";

pub(super) const WITHHELD: &str = "
    SELECT session, origin, seq, media_type, content, at FROM withheld
    WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4";

pub(super) const HOLD: &str = "SELECT session FROM withheld
    WHERE account = $1 AND datastore = $2 AND device = $3 ORDER BY guid LIMIT 1";

impl Running<'_> {
    fn guids(
        &mut self,
        sql: &str,
        datastore: DatastoreId,
        session: &str,
    ) -> Result<Vec<Guid>, StoreError> {
        let keys: Params<'_> = &[&datastore.account.0, &datastore.number, &text(session)];
        self.all(datastore.account, sql, keys, |row| column(row, 0).map(Guid))
    }

    /// Takes the changes of an item by a session out of what was its content, and keeps what the
    /// session has made of it beside.
    fn withdraw(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<(), StoreError> {
        let keys: Params<'_> = &[
            &datastore.account.0,
            &datastore.number,
            &guid.0,
            &text(session),
        ];
        let sql = format!("UPDATE history SET why = 'withdrawn' WHERE {FORMER} AND session = $4");
        self.execute(datastore.account, &sql, keys)?;
        // another device may have got what the session had made of it, and say so by its number
        self.later(
            datastore.account,
            "WITH next AS (
                 UPDATE datastore SET last_version = last_version + 1
                 WHERE account = $1 AND number = $2 RETURNING last_version),
             last AS (
                 SELECT origin, at FROM history
                 WHERE account = $1 AND datastore = $2 AND guid = $3 AND session = $4
                   AND why = 'withdrawn' ORDER BY number DESC LIMIT 1)
             INSERT INTO history (account, datastore, guid, number, media_type, exact, content,
                 content_seq, why, origin, at, session)
             SELECT account, datastore, guid, last_version, media_type, exact, content,
                 content_seq, 'withdrawn', last.origin, last.at, $4 FROM item, next, last
             WHERE account = $1 AND datastore = $2 AND guid = $3 AND NOT deleted",
            keys,
        )
    }
}

impl Withholding for Running<'_> {
    fn name_session(&mut self, session: &str) {
        self.session = Some(text(session).into_owned());
    }

    fn live_items(&mut self, datastore: DatastoreId) -> Result<u64, StoreError> {
        let count = self.one(
            datastore.account,
            "SELECT count(*) FROM item
             WHERE account = $1 AND datastore = $2 AND deleted = false AND guid >= 0
               AND series IS NULL",
            &[&datastore.account.0, &datastore.number],
            |row| column::<i64>(row, 0),
        )?;
        Ok(count.unwrap_or(0).cast_unsigned())
    }

    fn withhold(&mut self, link: LinkId, change: &Withheld) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        let new = change.replacement.as_ref();
        self.forget_hold(link);
        self.later(
            link.datastore.account,
            "INSERT INTO withheld
                 (account, datastore, device, guid, session, origin, seq, media_type, content, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (account, datastore, device, guid) DO UPDATE SET
                 session = excluded.session, origin = excluded.origin, seq = excluded.seq,
                 media_type = excluded.media_type, content = excluded.content, at = excluded.at",
            &[
                &account,
                &datastore,
                &device,
                &change.guid.0,
                &text(&change.session),
                &text(&change.device),
                &change.seq.0,
                &new.map(|new| text(&new.media_type)),
                &new.map(|new| &new.content),
                &change.at,
            ],
        )
    }

    fn withheld(&mut self, link: LinkId, guid: Guid) -> Result<Option<Withheld>, StoreError> {
        let [account, datastore, device] = link_keys(link);
        let keys: Params<'_> = &[&account, &datastore, &device, &guid.0];
        self.one(link.datastore.account, WITHHELD, keys, |row| {
            let replacement = match column::<Option<String>>(row, 3)? {
                None => None,
                Some(media_type) => Some(Replacement {
                    media_type,
                    content: column(row, 4)?,
                }),
            };
            Ok(Withheld {
                guid,
                session: column(row, 0)?,
                device: column(row, 1)?,
                seq: ChangeSeq(column(row, 2)?),
                replacement,
                at: column(row, 5)?,
            })
        })
    }

    fn forget_withheld(&mut self, link: LinkId, guid: Guid) -> Result<(), StoreError> {
        let [account, datastore, device] = link_keys(link);
        self.forget_hold(link);
        self.later(
            link.datastore.account,
            "DELETE FROM withheld
             WHERE account = $1 AND datastore = $2 AND device = $3 AND guid = $4",
            &[&account, &datastore, &device, &guid.0],
        )
    }

    fn hold(&mut self, link: LinkId) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.holds_ahead().get(&link) {
            return Ok(known.clone());
        }
        let [account, datastore, device] = link_keys(link);
        let keys: Params<'_> = &[&account, &datastore, &device];
        self.one(link.datastore.account, HOLD, keys, |row| column(row, 0))
    }

    fn withheld_by(
        &mut self,
        account: AccountId,
        session: &str,
    ) -> Result<Vec<(LinkId, Guid)>, StoreError> {
        self.all(
            account,
            "SELECT datastore, device, guid FROM withheld WHERE account = $1 AND session = $2
             ORDER BY datastore, device, guid",
            &[&account.0, &text(session)],
            |row| {
                let datastore = DatastoreId {
                    account,
                    number: column(row, 0)?,
                };
                let device = column(row, 1)?;
                Ok((LinkId { datastore, device }, Guid(column(row, 2)?)))
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
            "SELECT guid FROM item WHERE account = $1 AND datastore = $2 AND added_by = $3
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
        let sql = format!(
            "SELECT was_deleted, media_type, content FROM history
             WHERE {FORMER} AND session = $4 ORDER BY number LIMIT 1"
        );
        let keys: Params<'_> = &[
            &datastore.account.0,
            &datastore.number,
            &guid.0,
            &text(session),
        ];
        self.one(datastore.account, &sql, keys, |row| {
            Ok(Before {
                deleted: column(row, 0)?,
                media_type: column(row, 1)?,
                content: column(row, 2)?,
            })
        })
    }

    fn is_last_of(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        session: &str,
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT session IS NOT DISTINCT FROM $4 FROM history
             WHERE {FORMER} ORDER BY number DESC LIMIT 1"
        );
        let keys: Params<'_> = &[
            &datastore.account.0,
            &datastore.number,
            &guid.0,
            &text(session),
        ];
        let found = self.one(datastore.account, &sql, keys, |row| column(row, 0))?;
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
        self.withdraw(datastore, guid, session)?;
        let content = Content::new(&before.media_type, &before.content);
        let (fingerprint, times) = (content.fingerprint, content.times());
        self.changed(
            datastore,
            "WITH next AS (
                 UPDATE datastore SET last_seq = last_seq + 1
                 WHERE account = $1 AND number = $2 RETURNING last_seq)
             UPDATE item SET seq = next.last_seq, content_seq = next.last_seq, deleted = false,
                 media_type = $4, exact = $5, key = $6, uid = $7, content = $8, modified = $9,
                 short = $10, first_time = $11, last_time = $12
             FROM next
             WHERE account = $1 AND datastore = $2 AND guid = $3 RETURNING seq",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &before.media_type,
                &bits(fingerprint.exact),
                &fingerprint.key.map(bits),
                &fingerprint.uid.map(bits),
                &before.content,
                &now,
                &fingerprint.short.map(bits),
                &times.first,
                &times.last,
            ],
        )
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
