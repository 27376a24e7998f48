//! Rows as the values that a session works with.

use std::borrow::Cow;

use session::store::{
    Account, AccountId, ChangeSeq, Datastore, DatastoreId, DatastoreKind, Device, Guid, Link,
    Mapping, OpenSession, Permission, Sending, StoreError, StoredItem, StoredSession,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// A column's value; one of another type is damage.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(|error| StoreError::Damaged {
        what: error.to_string(),
    })
}

/// What was written as a signed integer of the same bits.
pub(super) fn bits(hash: u64) -> i64 {
    hash.cast_signed()
}

/// A text as the database can hold it: it knows no NUL. Where a text can name anything, NUL was
/// refused before.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

pub(super) const ITEM: &str =
    "guid, seq, deleted, media_type, content, exact, parent, content_seq, modified";

pub(super) fn item_of(row: &Row) -> Result<StoredItem, StoreError> {
    Ok(StoredItem {
        guid: Guid(column(row, 0)?),
        seq: ChangeSeq(column(row, 1)?),
        deleted: column(row, 2)?,
        media_type: column(row, 3)?,
        content: column(row, 4)?,
        exact: column::<i64>(row, 5)?.cast_unsigned(),
        parent: column::<Option<i64>>(row, 6)?.map(Guid),
        content_seq: ChangeSeq(column(row, 7)?),
        modified: column(row, 8)?,
    })
}

pub(super) fn mapping_of(row: &Row) -> Result<Mapping, StoreError> {
    Ok(Mapping {
        luid: column(row, 0)?,
        guid: Guid(column(row, 1)?),
        revision: ChangeSeq(column(row, 2)?),
        generation: column(row, 3)?,
        stale: column(row, 4)?,
    })
}

pub(super) const SESSION: &str = "token, account, device, session_id, state, last_msg_id, \
     last_request, last_answer, updated";

pub(super) fn session_of(row: &Row) -> Result<StoredSession, StoreError> {
    Ok(StoredSession {
        token: column(row, 0)?,
        account: column::<Option<i64>>(row, 1)?.map(AccountId),
        device: column(row, 2)?,
        session_id: column(row, 3)?,
        state: column(row, 4)?,
        last_msg_id: column(row, 5)?,
        last_request: column::<i64>(row, 6)?.cast_unsigned(),
        last_answer: column(row, 7)?,
        updated: column(row, 8)?,
    })
}

pub(super) fn device_of(row: &Row) -> Result<Device, StoreError> {
    Ok(Device {
        number: column(row, 0)?,
        uri: column(row, 1)?,
        devinf: column(row, 2)?,
        nonce: column(row, 3)?,
        last_seen: column(row, 4)?,
    })
}

pub(super) const LINK: [&str; 19] = [
    "client_anchor",
    "previous_client_anchor",
    "server_anchor",
    "previous_server_anchor",
    "seen",
    "previous_seen",
    "sent_until",
    "generation",
    "client_uri",
    "last_sync",
    "open_alert",
    "open_client_last",
    "open_until",
    "sending_guid",
    "sending_seq",
    "sending_confirmed",
    "filter",
    "view",
    "orphans",
];

pub(super) fn link_of(row: &Row) -> Result<Link, StoreError> {
    link_at(row, 0)
}

/// A link whose columns ([`LINK`]) begin with that of the number `first`.
pub(super) fn link_at(row: &Row, first: usize) -> Result<Link, StoreError> {
    let sending = match column::<Option<i64>>(row, first + 13)? {
        None => None,
        Some(guid) => Some(Sending {
            guid: Guid(guid),
            seq: ChangeSeq(column(row, first + 14)?),
            confirmed: column::<i64>(row, first + 15)?.cast_unsigned(),
        }),
    };
    let open = match column::<Option<i64>>(row, first + 10)? {
        None => None,
        Some(alert) => Some(OpenSession {
            alert: u16::try_from(alert).map_err(|_| StoreError::Damaged {
                what: format!("an alert code of {alert}"),
            })?,
            client_last: column(row, first + 11)?,
            until: ChangeSeq(column(row, first + 12)?),
            sending,
        }),
    };
    Ok(Link {
        client_anchor: column(row, first)?,
        previous_client_anchor: column(row, first + 1)?,
        server_anchor: column(row, first + 2)?,
        previous_server_anchor: column(row, first + 3)?,
        seen: ChangeSeq(column(row, first + 4)?),
        previous_seen: ChangeSeq(column(row, first + 5)?),
        sent_until: ChangeSeq(column(row, first + 6)?),
        generation: column(row, first + 7)?,
        client_uri: column(row, first + 8)?,
        last_sync: column(row, first + 9)?,
        open,
        filter: column(row, first + 16)?,
        view: column(row, first + 17)?,
        orphans: column(row, first + 18)?,
    })
}

pub(super) fn account_of(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(column(row, 0)?),
        name: column(row, 1)?,
        digest: column(row, 2)?,
        password: column(row, 3)?,
    })
}

/// The permission in the first column.
pub(super) fn permission_of(row: &Row) -> Result<Permission, StoreError> {
    column(row, 0).map(permission_from)
}

/// The permission of that name. One that is not known allows nothing.
pub(super) fn permission_from(name: &str) -> Permission {
    Permission::from_name(name).unwrap_or(Permission::Refused)
}

pub(super) fn datastore_of(account: AccountId, row: &Row) -> Result<Datastore, StoreError> {
    let kind: &str = column(row, 2)?;
    let kind = DatastoreKind::from_name(kind).ok_or_else(|| StoreError::Damaged {
        what: format!("a datastore of the kind {kind:?}"),
    })?;
    Ok(Datastore {
        id: DatastoreId {
            account,
            number: column(row, 0)?,
        },
        name: column(row, 1)?,
        kind,
    })
}
