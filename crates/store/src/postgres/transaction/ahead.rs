//! What a session is about to ask, fetched with its first question.
//!
//! A session's first message wants to know its device, the account's datastores, what the device may do
//! with each, where the two stand, and whether changes wait for a decision; a later one wants a link and
//! the device. All of that is a row or two each, and a round trip costs more than ten of them. So the
//! first question takes the others along:
//!
//! ```text
//! device ─▶ device, datastores × (permission, link, hold) ─▶ answers of this transaction
//! link   ─▶ link, device                                  ─┘
//! ```
//!
//! The account's row is locked by then, so nobody else changes what is known here; what the
//! transaction changes itself is changed here too, or asked anew. Only the work of sessions is served:
//! administration deletes and renames by statements of its own.

use std::collections::HashMap;

use session::store::{
    AccountId, Datastore, DatastoreId, Device, Link, LinkId, Permission, StoreError,
};
use tokio_postgres::Row;

use super::super::pool::Params;
use super::super::rows::{
    LINK, column, datastore_of, device_of, link_at, link_of, permission_from, text,
};
use super::{Running, link_keys};

/// Answers that are known.
#[derive(Default)]
pub(super) struct Ahead {
    devices: HashMap<(AccountId, String), Option<Device>>,
    datastores: HashMap<AccountId, Vec<Datastore>>,
    permissions: HashMap<(DatastoreId, String), Permission>,
    links: HashMap<LinkId, Option<Link>>,
    holds: HashMap<LinkId, Option<String>>,
}

const DEVICE: &str = "SELECT number, uri, devinf, nonce, last_seen FROM device
    WHERE account = $1 AND uri = $2";

const DEVICE_BY_NUMBER: &str = "SELECT number, uri, devinf, nonce, last_seen FROM device
    WHERE account = $1 AND number = $2";

fn link_sql() -> String {
    format!(
        "SELECT {} FROM link WHERE account = $1 AND datastore = $2 AND device = $3",
        LINK.join(", ")
    )
}

/// The number of the column from which on a link is told by [`surroundings_sql`].
const FIRST_OF_LINK: usize = 6;

/// The datastores of an account, with all that is known of a device and each.
pub(super) fn surroundings_sql() -> String {
    let columns = LINK.map(|column| format!("link.{column}")).join(", ");
    format!(
        "SELECT number, name, kind,
             coalesce(
                 (SELECT permission FROM permission WHERE account = $1
                    AND datastore = datastore.number AND permission.device = $2),
                 (SELECT permission FROM permission WHERE account = $1
                    AND datastore = datastore.number AND permission.device = '')),
             (SELECT session FROM withheld WHERE account = $1 AND datastore = datastore.number
                AND device = (SELECT number FROM device WHERE account = $1 AND uri = $2)
              ORDER BY guid LIMIT 1),
             link.device IS NOT NULL, {columns}
         FROM datastore LEFT JOIN LATERAL (
             SELECT * FROM link WHERE account = $1 AND datastore = datastore.number
                AND device = (SELECT number FROM device WHERE account = $1 AND uri = $2)
             OFFSET 0) AS link ON true
         WHERE datastore.account = $1 ORDER BY number"
    )
}

impl Ahead {
    /// What was done since is undone: nothing that was written here may be relied on.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Whether a text is read as it was written.
fn keeps(value: &str) -> bool {
    !value.contains('\0')
}

fn keeps_link(link: &Link) -> bool {
    let Link {
        client_anchor,
        previous_client_anchor,
        server_anchor,
        previous_server_anchor,
        seen: _,
        previous_seen: _,
        sent_until: _,
        generation: _,
        client_uri,
        last_sync: _,
        open,
        filter,
        view,
        orphans,
    } = link;
    let open = open.as_ref().map_or("", |open| &open.client_last);
    let texts = [
        client_anchor,
        previous_client_anchor,
        server_anchor,
        previous_server_anchor,
        client_uri,
        filter,
        view,
        orphans,
    ];
    texts.into_iter().all(|text| keeps(text)) && keeps(open)
}

impl Running<'_> {
    /// A session works here, which asks what is asked ahead.
    fn is_of_a_session(&self) -> bool {
        self.session.is_some()
    }

    pub(super) fn datastores_ahead(&self, account: AccountId) -> Option<Vec<Datastore>> {
        self.ahead.datastores.get(&account).cloned()
    }

    pub(super) fn permission_ahead(
        &self,
        datastore: DatastoreId,
        device: &str,
    ) -> Option<Permission> {
        let known = &self.ahead.permissions;
        known.get(&(datastore, device.to_owned())).copied()
    }

    /// What waits for a decision has changed.
    pub(in super::super) fn forget_hold(&mut self, link: LinkId) {
        self.ahead.holds.remove(&link);
    }

    /// The sessions whose changes wait, of links of which that is known.
    pub(in super::super) fn holds_ahead(&self) -> &HashMap<LinkId, Option<String>> {
        &self.ahead.holds
    }

    pub(super) fn read_device(
        &mut self,
        account: AccountId,
        uri: &str,
    ) -> Result<Option<Device>, StoreError> {
        let key = (account, uri.to_owned());
        if let Some(known) = self.ahead.devices.get(&key) {
            return Ok(known.clone());
        }
        let uri = text(uri);
        let keys: Params<'_> = &[&account.0, &uri];
        if !self.is_of_a_session() {
            return self.one(account, DEVICE, keys, device_of);
        }
        self.claimed(account)?;
        let (device, around) = self.raw_both((DEVICE, keys), (&surroundings_sql(), keys))?;
        let device = device.first().map(device_of).transpose()?;
        let number = device.as_ref().map(|device| device.number);
        let mut datastores = Vec::with_capacity(around.len());
        for row in &around {
            let datastore = datastore_of(account, row)?;
            let permission = column::<Option<&str>>(row, 3)?;
            let permission = permission.map(permission_from).unwrap_or_default();
            let place = (datastore.id, key.1.clone());
            self.ahead.permissions.insert(place, permission);
            if let Some(number) = number {
                self.learn_link(datastore.id, number, row)?;
            }
            datastores.push(datastore);
        }
        self.ahead.datastores.insert(account, datastores);
        self.ahead.devices.insert(key, device.clone());
        Ok(device)
    }

    fn learn_link(
        &mut self,
        datastore: DatastoreId,
        device: i64,
        row: &Row,
    ) -> Result<(), StoreError> {
        let id = LinkId { datastore, device };
        let link = column::<bool>(row, 5)?
            .then(|| link_at(row, FIRST_OF_LINK))
            .transpose()?;
        self.ahead.links.insert(id, link);
        self.ahead.holds.insert(id, column(row, 4)?);
        Ok(())
    }

    pub(super) fn read_link(&mut self, id: LinkId) -> Result<Option<Link>, StoreError> {
        if let Some(known) = self.ahead.links.get(&id) {
            return Ok(known.clone());
        }
        let [account, datastore, device] = link_keys(id);
        let keys: Params<'_> = &[&account, &datastore, &device];
        if !self.is_of_a_session() {
            return self.one(id.datastore.account, &link_sql(), keys, link_of);
        }
        self.claimed(id.datastore.account)?;
        let (link, device) = self.raw_both(
            (&link_sql(), keys),
            (DEVICE_BY_NUMBER, &[&account, &device]),
        )?;
        let link = link.first().map(link_of).transpose()?;
        self.ahead.links.insert(id, link.clone());
        if let Some(device) = device.first().map(device_of).transpose()? {
            let key = (id.datastore.account, device.uri.clone());
            self.ahead.devices.insert(key, Some(device));
        }
        Ok(link)
    }

    pub(super) fn wrote_link(&mut self, id: LinkId, link: &Link) {
        if self.is_of_a_session() && keeps_link(link) {
            self.ahead.links.insert(id, Some(link.clone()));
        } else {
            self.ahead.links.remove(&id);
        }
    }

    pub(super) fn wrote_device(&mut self, account: AccountId, device: &Device) {
        let known = &mut self.ahead.devices;
        known.retain(|(of, uri), known| {
            let is_it = known.as_ref().is_some_and(|k| k.number == device.number);
            *of != account || (!is_it && *uri != device.uri)
        });
        if self.session.is_some() && keeps(&device.uri) {
            known.insert((account, device.uri.clone()), Some(device.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use session::guard::Withholding as _;
    use session::store::Transaction as _;
    use testkit::postgres::Postgres;

    use super::super::super::Access;
    use super::super::super::address::Address;
    use super::super::super::fault::Fault;
    use super::super::super::pool::{Lease, Pool, Statements};
    use super::*;

    /// Counts the statements that are waited for.
    struct Counting<'p> {
        lease: Lease<'p>,
        waited: usize,
    }

    impl Statements for Counting<'_> {
        fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
            self.waited += 1;
            self.lease.query(sql, params)
        }
        fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, Fault> {
            self.waited += 1;
            self.lease.execute(sql, params)
        }
        fn query_both(
            &mut self,
            first: (&str, Params<'_>),
            second: (&str, Params<'_>),
        ) -> Result<(Vec<Row>, Vec<Row>), Fault> {
            self.waited += 1;
            self.lease.query_both(first, second)
        }
        fn later(&mut self, sql: &str, params: Params<'_>) -> Result<(), Fault> {
            self.lease.later(sql, params)
        }
        fn batch(&mut self, sql: &str) -> Result<(), Fault> {
            self.waited += 1;
            self.lease.batch(sql)
        }
    }

    #[test]
    fn a_device_comes_with_all_that_its_session_begins_with() {
        let Some(server) = Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        let url = database.url();
        let account = AccountId(7);
        crate::Postgres::open(&url)
            .unwrap()
            .add_account(account, "ann", "digest", None)
            .unwrap();
        let pool = Pool::new(Address::parse(&url).unwrap());
        let mut lease = Counting {
            lease: pool.take().unwrap(),
            waited: 0,
        };
        let mut running = Running::new(&mut lease, Access::Write);
        running.name_session("one");
        let account = running.account("ann").unwrap().unwrap().id;
        assert_eq!(running.device(account, "phone").unwrap(), None);
        let device = Device {
            uri: "phone".to_owned(),
            ..Device::default()
        };
        let device = running.put_device(account, &device).unwrap();
        let datastore = running.datastores(account).unwrap()[0].id;
        let id = LinkId { datastore, device };
        let link = Link {
            client_anchor: "1".to_owned(),
            ..Link::default()
        };
        running.put_link(id, &link).unwrap();

        // as the next session finds it
        running.ahead.forget();
        let known = running.device(account, "phone").unwrap().unwrap();
        assert_eq!(known.number, device);
        assert_eq!(running.link(id).unwrap().unwrap(), link);
        assert_eq!(running.hold(id).unwrap(), None);
        let permission = running.permission(datastore, "phone").unwrap();
        assert_eq!(permission, Permission::ReadWrite);
        let mut later = link.clone();
        later.client_anchor = "2".to_owned();
        running.put_link(id, &later).unwrap();
        assert_eq!(running.link(id).unwrap().unwrap(), later);
        drop(running);
        // account, device, the number of a new one, and device
        assert_eq!(lease.waited, 4);
    }
}
