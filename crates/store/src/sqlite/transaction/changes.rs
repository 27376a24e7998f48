//! Changes of items. Each takes the next number of its datastore, and keeps the version that it ends.

use rusqlite::params;
use session::store::{ChangeSeq, Content, DatastoreId, Guid, Origin, StoreError};

use super::super::rows::bits;
use super::{Running, missing};

impl Running<'_> {
    fn next_seq(&self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        let next = self.one(
            "UPDATE datastore SET last_seq = last_seq + 1 WHERE account = ? AND number = ?
             RETURNING last_seq",
            params![datastore.account.0, datastore.number],
            |row| row.get(0).map(ChangeSeq),
        )?;
        next.ok_or_else(|| missing("datastore"))
    }

    fn keep(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        why: &str,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO history
                 (account, datastore, guid, media_type, exact, content, content_seq, was_deleted,
                  why, origin, at, session)
             SELECT account, datastore, guid, media_type, exact, content, content_seq, deleted,
                    ?4, ?5, ?6, CASE WHEN series IS NULL THEN ?7 END
             FROM item
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                why,
                device_in(origin),
                now,
                self.session_of(origin)
            ],
        )
        .map(|_| ())
    }

    /// Keeps a version that is not to be the item's content.
    pub(in super::super) fn keep_beside(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        (why, origin): (&str, Origin<'_>),
        now: i64,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO history
                 (account, datastore, guid, media_type, exact, content, why, origin, at, session)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                content.media_type,
                bits(content.fingerprint.exact),
                content.bytes,
                why,
                device_in(origin),
                now,
                self.session_of(origin)
            ],
        )
        .map(|_| ())
    }

    /// Gives an item other content, and makes it live.
    pub(in super::super) fn put_content(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        let seq = self.next_seq(datastore)?;
        let times = content.times();
        let changed = self.execute(
            "UPDATE item SET seq = ?4, content_seq = ?4, deleted = 0, media_type = ?5, exact = ?6,
                 key = ?7, uid = ?8, content = ?9, modified = ?10, short = ?11, first_time = ?12,
                 last_time = ?13
             WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
            params![
                datastore.account.0,
                datastore.number,
                guid.0,
                seq.0,
                content.media_type,
                bits(content.fingerprint.exact),
                content.fingerprint.key.map(bits),
                content.fingerprint.uid.map(bits),
                content.bytes,
                now,
                content.fingerprint.short.map(bits),
                times.first,
                times.last
            ],
        )?;
        if changed == 0 {
            return Err(missing("item"));
        }
        Ok(seq)
    }

    /// The session that changes of this origin are made by.
    fn session_of(&self, origin: Origin<'_>) -> Option<&str> {
        match origin {
            Origin::Session(_) => self.session.as_deref(),
            Origin::Local => None,
        }
    }
}

fn device_in(origin: Origin<'_>) -> Option<&str> {
    match origin {
        Origin::Session(device) => Some(device),
        Origin::Local => None,
    }
}

pub(super) fn add_item(
    running: &Running<'_>,
    datastore: DatastoreId,
    content: Content<'_>,
    origin: Origin<'_>,
    now: i64,
) -> Result<(Guid, ChangeSeq), StoreError> {
    let next = running.one(
        "UPDATE datastore SET last_seq = last_seq + 1, last_guid = last_guid + 1
         WHERE account = ? AND number = ? RETURNING last_guid, last_seq",
        params![datastore.account.0, datastore.number],
        |row| Ok((Guid(row.get(0)?), ChangeSeq(row.get(1)?))),
    )?;
    let (guid, seq) = next.ok_or_else(|| missing("datastore"))?;
    let times = content.times();
    running.execute(
        "INSERT INTO item
             (account, datastore, guid, seq, content_seq, deleted, media_type, exact, key, uid,
              content, modified, added_by, short, first_time, last_time)
         VALUES (?1, ?2, ?3, ?4, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            datastore.account.0,
            datastore.number,
            guid.0,
            seq.0,
            content.media_type,
            bits(content.fingerprint.exact),
            content.fingerprint.key.map(bits),
            content.fingerprint.uid.map(bits),
            content.bytes,
            now,
            running.session_of(origin),
            content.fingerprint.short.map(bits),
            times.first,
            times.last
        ],
    )?;
    Ok((guid, seq))
}

pub(super) fn replace_item(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    content: Content<'_>,
    origin: Origin<'_>,
    now: i64,
) -> Result<ChangeSeq, StoreError> {
    running.keep(datastore, guid, "replaced", origin, now)?;
    running.put_content(datastore, guid, content, now)
}

pub(super) fn delete_item(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    origin: Origin<'_>,
    now: i64,
) -> Result<ChangeSeq, StoreError> {
    running.keep(datastore, guid, "deleted", origin, now)?;
    let seq = running.next_seq(datastore)?;
    let changed = running.execute(
        "UPDATE item SET seq = ?4, deleted = 1, modified = ?5
         WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
        params![datastore.account.0, datastore.number, guid.0, seq.0, now],
    )?;
    if changed == 0 {
        return Err(missing("item"));
    }
    Ok(seq)
}

pub(super) fn move_item(
    running: &Running<'_>,
    datastore: DatastoreId,
    guid: Guid,
    parent: Option<Guid>,
    now: i64,
) -> Result<ChangeSeq, StoreError> {
    let seq = running.next_seq(datastore)?;
    let changed = running.execute(
        "UPDATE item SET seq = ?4, parent = ?5, modified = ?6
         WHERE account = ?1 AND datastore = ?2 AND guid = ?3",
        params![
            datastore.account.0,
            datastore.number,
            guid.0,
            seq.0,
            parent.map(|parent| parent.0),
            now
        ],
    )?;
    if changed == 0 {
        return Err(missing("item"));
    }
    Ok(seq)
}
