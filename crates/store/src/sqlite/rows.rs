//! Rows as the values that a session works with.

use rusqlite::Row;
use session::store::{
    Account, AccountId, ChangeSeq, Datastore, DatastoreId, DatastoreKind, Device, Guid, Link,
    Mapping, OpenSession, Permission, Sending, StoredItem, StoredSession,
};

/// What was written as a signed integer of the same bits.
pub(super) fn bits(hash: u64) -> i64 {
    hash.cast_signed()
}

pub(super) const ITEM: &str =
    "guid, seq, deleted, media_type, content, exact, parent, content_seq, modified";

pub(super) fn item_of(row: &Row<'_>) -> rusqlite::Result<StoredItem> {
    Ok(StoredItem {
        guid: Guid(row.get(0)?),
        seq: ChangeSeq(row.get(1)?),
        deleted: row.get(2)?,
        media_type: row.get(3)?,
        content: row.get(4)?,
        exact: row.get::<_, i64>(5)?.cast_unsigned(),
        parent: row.get::<_, Option<i64>>(6)?.map(Guid),
        content_seq: ChangeSeq(row.get(7)?),
        modified: row.get(8)?,
    })
}

pub(super) fn mapping_of(row: &Row<'_>) -> rusqlite::Result<Mapping> {
    Ok(Mapping {
        luid: row.get(0)?,
        guid: Guid(row.get(1)?),
        revision: ChangeSeq(row.get(2)?),
        generation: row.get(3)?,
        stale: row.get(4)?,
    })
}

pub(super) fn session_of(row: &Row<'_>) -> rusqlite::Result<StoredSession> {
    Ok(StoredSession {
        token: row.get(0)?,
        account: row.get::<_, Option<i64>>(1)?.map(AccountId),
        device: row.get(2)?,
        session_id: row.get(3)?,
        state: row.get(4)?,
        last_msg_id: row.get(5)?,
        last_request: row.get::<_, i64>(6)?.cast_unsigned(),
        last_answer: row.get(7)?,
        updated: row.get(8)?,
    })
}

pub(super) fn device_of(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        number: row.get(0)?,
        uri: row.get(1)?,
        devinf: row.get(2)?,
        nonce: row.get(3)?,
        last_seen: row.get(4)?,
    })
}

pub(super) fn link_of(row: &Row<'_>) -> rusqlite::Result<Link> {
    let open_alert: Option<u16> = row.get(10)?;
    let open = match open_alert {
        None => None,
        Some(alert) => Some(OpenSession {
            alert,
            client_last: row.get(11)?,
            until: ChangeSeq(row.get(12)?),
            sending: match row.get::<_, Option<i64>>(13)? {
                None => None,
                Some(guid) => Some(Sending {
                    guid: Guid(guid),
                    seq: ChangeSeq(row.get(14)?),
                    confirmed: row.get::<_, i64>(15)?.cast_unsigned(),
                }),
            },
        }),
    };
    Ok(Link {
        client_anchor: row.get(0)?,
        previous_client_anchor: row.get(1)?,
        server_anchor: row.get(2)?,
        previous_server_anchor: row.get(3)?,
        seen: ChangeSeq(row.get(4)?),
        previous_seen: ChangeSeq(row.get(5)?),
        sent_until: ChangeSeq(row.get(6)?),
        generation: row.get(7)?,
        client_uri: row.get(8)?,
        last_sync: row.get(9)?,
        open,
        filter: row.get(16)?,
        view: row.get(17)?,
        orphans: row.get(18)?,
    })
}

pub(super) const LINK: &str = "client_anchor, previous_client_anchor, server_anchor, previous_server_anchor, \
     seen, previous_seen, sent_until, generation, client_uri, last_sync, open_alert, open_client_last, open_until, \
     sending_guid, sending_seq, sending_confirmed, filter, view, orphans";

/// The columns that [`link_of`] reads, for joins of others.
pub(super) fn link_columns() -> String {
    LINK.split(", ")
        .map(|column| format!("link.{column}"))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn account_of(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(row.get(0)?),
        name: row.get(1)?,
        digest: row.get(2)?,
        password: row.get(3)?,
    })
}

/// The permission in the first column. One that is not known allows nothing.
pub(super) fn permission_of(row: &Row<'_>) -> rusqlite::Result<Permission> {
    let name: String = row.get(0)?;
    Ok(Permission::from_name(&name).unwrap_or(Permission::Refused))
}

pub(super) fn datastore_of(account: AccountId, row: &Row<'_>) -> rusqlite::Result<Datastore> {
    let kind: String = row.get(2)?;
    let kind = DatastoreKind::from_name(&kind).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(Datastore {
        id: DatastoreId {
            account,
            number: row.get(0)?,
        },
        name: row.get(1)?,
        kind,
    })
}
