//! Changes of items. Each takes the next number of its datastore, and keeps the version that it
//! ends, in one statement.

use session::store::{ChangeSeq, Content, DatastoreId, Guid, Origin, StoreError};

use super::super::pool::Params;
use super::super::rows::{bits, column, text};
use super::{Running, missing};

impl Running<'_> {
    /// The number of a change that a statement has made, in the first column of its row.
    pub(in super::super) fn changed(
        &mut self,
        datastore: DatastoreId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<ChangeSeq, StoreError> {
        let seq = self.one(datastore.account, sql, params, |row| column(row, 0))?;
        seq.map(ChangeSeq).ok_or_else(|| missing("item"))
    }

    /// The session that changes of this origin are made by.
    fn session_of(&self, origin: Origin<'_>) -> Option<String> {
        match origin {
            Origin::Session(_) => self.session.clone(),
            Origin::Local => None,
        }
    }

    /// Keeps a version that is not to be the item's content.
    pub(in super::super) fn keep_beside(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        (why, origin): (&str, Origin<'_>),
        now: i64,
    ) -> Result<(), StoreError> {
        let session = self.session_of(origin);
        let kept = self.execute(
            datastore.account,
            "WITH next AS (
                 UPDATE datastore SET last_version = last_version + 1
                 WHERE account = $1 AND number = $2 RETURNING last_version)
             INSERT INTO history
                 (account, datastore, guid, number, media_type, exact, content, why, origin, at,
                  session)
             SELECT $1, $2, $3::bigint, last_version, $4::text, $5::bigint, $6::bytea,
                 $7::text, $8::text, $9::bigint, $10::text FROM next",
            &[
                &datastore.account.0,
                &datastore.number,
                &guid.0,
                &text(content.media_type),
                &bits(content.fingerprint.exact),
                &content.bytes,
                &why,
                &device_in(origin).map(text),
                &now,
                &session,
            ],
        )?;
        if kept == 0 {
            return Err(missing("datastore"));
        }
        Ok(())
    }
}

fn device_in(origin: Origin<'_>) -> Option<&str> {
    match origin {
        Origin::Session(device) => Some(device),
        Origin::Local => None,
    }
}

pub(super) fn move_item(
    running: &mut Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    parent: Option<Guid>,
    now: i64,
) -> Result<ChangeSeq, StoreError> {
    running.changed(
        datastore,
        "WITH next AS (
             UPDATE datastore SET last_seq = last_seq + 1
             WHERE account = $1 AND number = $2 RETURNING last_seq)
         UPDATE item SET seq = next.last_seq, parent = $4, modified = $5 FROM next
         WHERE account = $1 AND datastore = $2 AND guid = $3 RETURNING seq",
        &[
            &datastore.account.0,
            &datastore.number,
            &guid.0,
            &parent.map(|parent| parent.0),
            &now,
        ],
    )
}

pub(super) fn add_item(
    running: &mut Running<'_>,
    datastore: DatastoreId,
    content: Content<'_>,
    origin: Origin<'_>,
    now: i64,
) -> Result<(Guid, ChangeSeq), StoreError> {
    let session = running.session_of(origin);
    let times = content.times();
    let added = running.one(
        datastore.account,
        "WITH next AS (
             UPDATE datastore SET last_seq = last_seq + 1, last_guid = last_guid + 1
             WHERE account = $1 AND number = $2 RETURNING last_guid, last_seq)
         INSERT INTO item
             (account, datastore, guid, seq, content_seq, deleted, media_type, exact, key, uid,
              content, modified, added_by, short, first_time, last_time)
         SELECT $1, $2, last_guid, last_seq, last_seq, false, $3::text, $4::bigint, $5::bigint,
             $6::bigint, $7::bytea, $8::bigint, $9::text, $10::bigint, $11::bigint, $12::bigint
         FROM next
         RETURNING guid, seq",
        &[
            &datastore.account.0,
            &datastore.number,
            &text(content.media_type),
            &bits(content.fingerprint.exact),
            &content.fingerprint.key.map(bits),
            &content.fingerprint.uid.map(bits),
            &content.bytes,
            &now,
            &session,
            &content.fingerprint.short.map(bits),
            &times.first,
            &times.last,
        ],
        |row| Ok((Guid(column(row, 0)?), ChangeSeq(column(row, 1)?))),
    )?;
    added.ok_or_else(|| missing("datastore"))
}

/// A statement that ends an item's present version, after an origin's device, a time and a session as
/// parameters 4 to 6: it is kept as a former one, and `update` says what becomes of the item.
fn ending(why: &str, update: &str) -> String {
    // all parts of a statement see the rows as they were before it
    format!(
        "WITH next AS (
             UPDATE datastore SET last_seq = last_seq + 1, last_version = last_version + 1
             WHERE account = $1 AND number = $2 RETURNING last_seq, last_version),
         kept AS (
             INSERT INTO history
                 (account, datastore, guid, number, media_type, exact, content, content_seq,
                  was_deleted, why, origin, at, session)
             SELECT account, datastore, guid, last_version, media_type, exact, content,
                 content_seq, deleted, '{why}', $4::text, $5::bigint,
                 CASE WHEN series IS NULL THEN $6::text END
             FROM item, next
             WHERE account = $1 AND datastore = $2 AND guid = $3)
         UPDATE item SET seq = next.last_seq, modified = $5, {update} FROM next
         WHERE account = $1 AND datastore = $2 AND guid = $3 RETURNING seq"
    )
}

pub(super) fn replace_item(
    running: &mut Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    content: Content<'_>,
    origin: Origin<'_>,
    now: i64,
) -> Result<ChangeSeq, StoreError> {
    let session = running.session_of(origin);
    let times = content.times();
    let sql = ending(
        "replaced",
        "content_seq = next.last_seq, deleted = false, media_type = $7, exact = $8, key = $9,
         uid = $10, content = $11, short = $12, first_time = $13, last_time = $14",
    );
    running.changed(
        datastore,
        &sql,
        &[
            &datastore.account.0,
            &datastore.number,
            &guid.0,
            &device_in(origin).map(text),
            &now,
            &session,
            &text(content.media_type),
            &bits(content.fingerprint.exact),
            &content.fingerprint.key.map(bits),
            &content.fingerprint.uid.map(bits),
            &content.bytes,
            &content.fingerprint.short.map(bits),
            &times.first,
            &times.last,
        ],
    )
}

pub(super) fn delete_item(
    running: &mut Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    origin: Origin<'_>,
    now: i64,
) -> Result<ChangeSeq, StoreError> {
    let session = running.session_of(origin);
    running.changed(
        datastore,
        &ending("deleted", "deleted = true"),
        &[
            &datastore.account.0,
            &datastore.number,
            &guid.0,
            &device_in(origin).map(text),
            &now,
            &session,
        ],
    )
}
