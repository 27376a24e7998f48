//! One of the engines, as the program has it after it has read an address.

use session::server::ConflictPolicy;
use session::store::{
    Account, AccountId, Datastore, DatastoreId, Guid, Permission, StoreError, StoredItem,
    Transaction,
};

use crate::{
    DeviceLinks, Duplicates, Error, Moved, Overruled, PastSession, Postgres, Restored, Rule,
    Sqlite, Tidying, Version, Wish,
};

/// The state of a server, in whichever engine keeps it. Clones share it.
#[derive(Debug, Clone)]
pub enum Store {
    /// In a file.
    Sqlite(Sqlite),
    /// In a database that nodes share.
    Postgres(Postgres),
}

/// The same call of either engine.
macro_rules! either {
    ($store:expr, $engine:ident => $call:expr) => {
        match $store {
            Store::Sqlite($engine) => $call,
            Store::Postgres($engine) => $call,
        }
    };
}

impl From<Sqlite> for Store {
    fn from(engine: Sqlite) -> Self {
        Self::Sqlite(engine)
    }
}

impl From<Postgres> for Store {
    fn from(engine: Postgres) -> Self {
        Self::Postgres(engine)
    }
}

impl Store {
    /// Runs a job in a transaction and returns once its outcome is durable. A job that fails
    /// leaves no trace; one may be run again from its start, so it must not act on anything but the
    /// transaction. Blocks: an asynchronous caller has to run it on a thread that may block.
    ///
    /// # Errors
    ///
    /// What the job returns; [`StoreError::Unavailable`] when the state cannot be reached or the
    /// commit fails, and [`StoreError::Damaged`] when the job panics.
    pub fn transact<R, E>(
        &self,
        job: impl Fn(&mut dyn Transaction) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        either!(self, engine => engine.transact(job))
    }

    /// Makes an account with a datastore of every kind. `digest` and `password` are those of
    /// [`Account`].
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when the name is taken.
    pub fn add_account(
        &self,
        id: AccountId,
        name: &str,
        digest: &str,
        password: Option<&str>,
    ) -> Result<(), Error> {
        either!(self, engine => engine.add_account(id, name, digest, password))
    }

    /// Removes an account with all that belongs to it; whether there was one.
    pub fn remove_account(&self, name: &str) -> Result<bool, Error> {
        either!(self, engine => engine.remove_account(name))
    }

    /// Gives an account another password and ends its sessions; whether there is such an account.
    pub fn set_password(
        &self,
        name: &str,
        digest: &str,
        password: Option<&str>,
    ) -> Result<bool, Error> {
        either!(self, engine => engine.set_password(name, digest, password))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        either!(self, engine => engine.accounts())
    }

    /// Makes an account for somebody whom an outside authority vouches for, if there is none of
    /// that name. `secret` stands where other accounts have their digest; it is random, so that no
    /// password fits it.
    pub fn ensure_account(&self, id: AccountId, name: &str, secret: &str) -> Result<(), Error> {
        match self.add_account(id, name, secret, None) {
            Err(Error::Exists { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// Says what a device, or with `None` every device without a rule of its own, may do with a
    /// datastore. Sessions that are open go on as they began.
    pub fn set_permission(
        &self,
        datastore: DatastoreId,
        device: Option<&str>,
        permission: Permission,
    ) -> Result<(), Error> {
        either!(self, engine => engine.set_permission(datastore, device, permission))
    }

    /// What was said of an account's datastores, by datastore and device; `None` stands for all
    /// devices.
    pub fn permissions(&self, account: AccountId) -> Result<Vec<Rule>, Error> {
        either!(self, engine => engine.permissions(account))
    }

    /// Says by which policy the conflicts of a datastore and a device are resolved; `None` stands
    /// for all of them, and without `policy` what was said before is forgotten. Whether there is
    /// such a device. What is said of a datastore goes before what is said of a device.
    pub fn set_policy(
        &self,
        account: AccountId,
        datastore: Option<DatastoreId>,
        device: Option<&str>,
        policy: Option<ConflictPolicy>,
    ) -> Result<bool, Error> {
        either!(self, engine => engine.set_policy(account, datastore, device, policy))
    }

    /// What was said of an account's conflicts, what goes before first.
    pub fn policies(&self, account: AccountId) -> Result<Vec<Wish>, Error> {
        either!(self, engine => engine.policies(account))
    }

    /// The devices of an account, and for each the datastores that it has synced, by name.
    pub fn devices(&self, account: AccountId) -> Result<Vec<DeviceLinks>, Error> {
        either!(self, engine => engine.devices(account))
    }

    /// Forgets a device with its anchors, maps and sessions, so that its next sync is a slow one;
    /// whether there was such a device. Items stay.
    pub fn forget_device(&self, account: AccountId, uri: &str) -> Result<bool, Error> {
        either!(self, engine => engine.forget_device(account, uri))
    }

    /// The datastores of an account with the number of live items in each.
    pub fn datastores_summary(&self, account: AccountId) -> Result<Vec<(Datastore, u64)>, Error> {
        either!(self, engine => engine.datastores_summary(account))
    }

    /// Live items after a GUID, in order, at most `limit`: export goes page by page.
    pub fn items_page(
        &self,
        datastore: DatastoreId,
        after: Guid,
        limit: usize,
    ) -> Result<Vec<StoredItem>, Error> {
        either!(self, engine => engine.items_page(datastore, after, limit))
    }

    /// Adds items of the server's own side, given as media type and bytes, in one transaction.
    pub fn import(
        &self,
        datastore: DatastoreId,
        items: Vec<(String, Vec<u8>)>,
        now: i64,
    ) -> Result<usize, Error> {
        match self {
            Self::Sqlite(engine) => engine.import(datastore, items, now),
            Self::Postgres(engine) => engine.import(datastore, &items, now),
        }
    }

    /// The former versions of an item, oldest first.
    pub fn history(&self, datastore: DatastoreId, guid: Guid) -> Result<Vec<Version>, Error> {
        either!(self, engine => engine.history(datastore, guid))
    }

    /// The items of which there are former versions, the latest change first, at most `limit`:
    /// for each its GUID, how many versions there are, and the last of them.
    pub fn histories(
        &self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<(Guid, u64, Version)>, Error> {
        either!(self, engine => engine.histories(datastore, limit))
    }

    /// The versions of devices that lost a conflict, the latest first, at most `limit`; their numbers
    /// are those in [`Store::history`].
    pub fn overruled(&self, datastore: DatastoreId, limit: usize) -> Result<Vec<Overruled>, Error> {
        either!(self, engine => engine.overruled(datastore, limit))
    }

    /// The sessions of an account that have replaced or deleted items or would do so, by datastore;
    /// those that wait for a decision first, then the latest, at most `limit`.
    pub fn past_sessions(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<PastSession>, Error> {
        either!(self, engine => engine.past_sessions(account, limit))
    }

    /// Makes a former version the present one, as a change of the server's own side that every
    /// device gets; `number` counts the versions of [`Store::history`] from 1, and `None` is the
    /// last. What was present becomes a former version in turn.
    pub fn restore(
        &self,
        datastore: DatastoreId,
        guid: Guid,
        number: Option<usize>,
        now: i64,
    ) -> Result<Restored, Error> {
        either!(self, engine => engine.restore(datastore, guid, number, now))
    }

    /// The next `limit` live items of a datastore that follow `before`, the page before
    /// ([`Duplicates::default`] begins), and what of them is the same record as an earlier item
    /// ([`pim::unite`]). Nothing is changed.
    pub fn duplicates(
        &self,
        datastore: DatastoreId,
        before: Duplicates,
        limit: usize,
    ) -> Result<Duplicates, Error> {
        either!(self, engine => engine.duplicates(datastore, before, limit))
    }

    /// Makes one of two items: the kept one gets what only the other says, and the other becomes a
    /// tombstone, so that devices delete it. Both former contents stay in the history. `false`, and
    /// nothing changed, if they are not one record any more.
    pub fn unite(
        &self,
        datastore: DatastoreId,
        kept: Guid,
        removed: Guid,
        now: i64,
    ) -> Result<bool, Error> {
        either!(self, engine => engine.unite(datastore, kept, removed, now))
    }

    /// Removes sessions whose last message is older than `before` (seconds since 1970), and
    /// sessions of nobody older than `before_unknown`; how many.
    // spec: K11
    pub fn expire_sessions(&self, before: i64, before_unknown: i64) -> Result<usize, Error> {
        either!(self, engine => engine.expire_sessions(before, before_unknown))
    }

    /// Takes a walk through the state one step further, in one short transaction: what is old goes.
    /// Whether there is more to do.
    pub fn tidy(&self, walk: &mut Tidying) -> Result<bool, Error> {
        either!(self, engine => engine.tidy(walk))
    }

    /// Where the state was moved to, if it was: a server must not use it then.
    pub fn moved(&self) -> Result<Option<Moved>, Error> {
        either!(self, engine => engine.moved())
    }

    /// Whether the state can be read and written now.
    pub fn ping(&self) -> Result<(), Error> {
        either!(self, engine => engine.ping())
    }

    /// How many transactions can be open at one time, where there is such a bound: further ones wait
    /// for one of them, whatever they are about.
    pub fn at_once(&self) -> Option<usize> {
        match self {
            Self::Postgres(engine) => Some(engine.connections()),
            Self::Sqlite(_) => None,
        }
    }
}
