//! What the scripted server keeps its state in: the model, or a database of its own in the binary
//! that has all of these tests run over PostgreSQL. Tests of what only engines do ask for one.

use session::guard::Withholding as _;
use session::server::ConflictPolicy;
use session::store::{
    AccountId, ChangeSeq, Content, DatastoreId, Device, Guid, Link, LinkId, Origin, Permission,
    StoreError, StoredItem, StoredSession, Transaction,
};
use store::{Memory, Postgres, Sqlite, Store};

#[path = "../fresh/mod.rs"]
mod fresh;

pub enum State {
    Memory(Box<Memory>),
    Postgres(Shared),
    /// Only messages run over this one: a job has to own what it uses.
    Sqlite(File),
}

pub struct File {
    pub store: Store,
    pub folder: tempfile::TempDir,
}

pub struct Shared {
    engine: Postgres,
    store: Store,
    database: fresh::Fresh,
}

impl Shared {
    pub fn url(&self) -> String {
        self.database.url()
    }
}

impl State {
    pub fn new() -> Self {
        match fresh::database() {
            None => Self::Memory(Box::default()),
            Some(database) => {
                let engine = database.engine().clone();
                Self::Postgres(Shared {
                    store: engine.clone().into(),
                    engine,
                    database,
                })
            }
        }
    }

    /// An engine: SQLite where it is not PostgreSQL.
    pub fn in_engine() -> Self {
        match Self::new() {
            Self::Memory(_) => Self::in_file(),
            state => state,
        }
    }

    /// SQLite, wherever the tests run.
    pub fn in_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let store = Sqlite::open(&path).unwrap().into();
        Self::Sqlite(File { store, folder })
    }

    pub fn store(&self) -> &Store {
        match self {
            Self::Memory(_) => panic!("the model is no engine"),
            Self::Postgres(Shared { store, .. }) | Self::Sqlite(File { store, .. }) => store,
        }
    }

    /// Runs a job that leaves no trace when it fails, and owns what it uses.
    pub fn run<R: Send + 'static, E: From<StoreError> + Send + 'static>(
        &mut self,
        job: impl Fn(&mut dyn Transaction) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E> {
        match self {
            Self::Sqlite(file) => file.store.transact(job),
            _ => self.transact(job),
        }
    }

    /// Runs a job that leaves no trace when it fails.
    pub fn transact<R, E: From<StoreError>>(
        &mut self,
        job: impl Fn(&mut dyn Transaction) -> Result<R, E>,
    ) -> Result<R, E> {
        match self {
            Self::Memory(memory) => {
                let mut copy = memory.clone();
                let done = job(&mut *copy)?;
                *memory = copy;
                Ok(done)
            }
            Self::Postgres(shared) => shared.engine.transact(job),
            Self::Sqlite(_) => panic!("this job does not own what it uses"),
        }
    }

    pub fn add_account(&mut self, name: &str, digest: &str, password: Option<&str>) -> AccountId {
        match self {
            Self::Memory(memory) => memory.add_account(name, digest, password),
            Self::Postgres(Shared { store, .. }) | Self::Sqlite(File { store, .. }) => {
                let id = AccountId(store.accounts().unwrap().len() as i64 + 1);
                store.add_account(id, name, digest, password).unwrap();
                id
            }
        }
    }

    pub fn set_permission(
        &mut self,
        datastore: DatastoreId,
        device: Option<&str>,
        permission: Permission,
    ) {
        match self {
            Self::Memory(memory) => memory.set_permission(datastore, device, permission),
            Self::Postgres(Shared { store, .. }) | Self::Sqlite(File { store, .. }) => {
                store.set_permission(datastore, device, permission).unwrap();
            }
        }
    }

    /// Sets the conflict policy of a datastore (number 0: all) and a device (0: all).
    pub fn set_policy(&mut self, datastore: DatastoreId, device: i64, policy: &str) {
        match self {
            Self::Memory(memory) => memory.set_policy(datastore, device, policy),
            Self::Postgres(Shared { store, .. }) | Self::Sqlite(File { store, .. }) => {
                let account = datastore.account;
                let devices = store.devices(account).unwrap();
                let uri = devices.iter().find(|(known, _)| known.number == device);
                let uri = uri.map(|(known, _)| known.uri.as_str());
                assert!(device == 0 || uri.is_some(), "no device {device}");
                let datastore = (datastore.number != 0).then_some(datastore);
                let policy = ConflictPolicy::from_name(policy).unwrap();
                assert!(
                    store
                        .set_policy(account, datastore, uri, Some(policy))
                        .unwrap()
                );
            }
        }
    }

    /// The live items of a datastore, in order of GUID.
    pub fn items(&self, datastore: DatastoreId) -> Vec<StoredItem> {
        match self {
            Self::Memory(memory) => memory.items(datastore),
            Self::Postgres(Shared { store, .. }) | Self::Sqlite(File { store, .. }) => {
                store.items_page(datastore, Guid(0), 100_000).unwrap()
            }
        }
    }

    /// How many items were read to be sent; the database does not count.
    pub fn looked_at(&self) -> usize {
        match self {
            Self::Memory(memory) => memory.looked_at(),
            Self::Postgres(_) | Self::Sqlite(_) => 0,
        }
    }

    /// Contents that were replaced, deleted or overruled, oldest first.
    pub fn history(&self, datastore: DatastoreId, guid: Guid) -> Vec<Vec<u8>> {
        match self {
            Self::Memory(memory) => memory.history(datastore, guid),
            Self::Postgres(Shared { store, .. }) | Self::Sqlite(File { store, .. }) => {
                let versions = store.history(datastore, guid).unwrap().into_iter();
                versions.map(|version| version.content).collect()
            }
        }
    }

    /// All that sessions leave behind when they begin.
    pub fn told(&self) -> String {
        match self {
            Self::Memory(memory) => {
                let mut memory = memory.clone();
                // whose transaction it was is not part of the state
                memory.name_session("");
                format!("{memory:?}")
            }
            Self::Postgres(Shared { database, .. }) => {
                let rows =
                    |table: &str| database.sql(&format!("SELECT * FROM {table} ORDER BY 1, 2"));
                rows("session") + &rows("device") + &rows("link")
            }
            Self::Sqlite(_) => panic!("nobody looks into this one"),
        }
    }

    pub fn device(&mut self, account: AccountId, uri: &str) -> Result<Option<Device>, StoreError> {
        self.transact(|tx| tx.device(account, uri))
    }

    pub fn find_session(
        &mut self,
        device: &str,
        session_id: &str,
        logged_in: bool,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.transact(|tx| tx.find_session(device, session_id, logged_in))
    }

    pub fn link(&mut self, link: LinkId) -> Result<Option<Link>, StoreError> {
        self.transact(|tx| tx.link(link))
    }

    pub fn put_link(&mut self, link: LinkId, state: &Link) -> Result<(), StoreError> {
        self.transact(|tx| tx.put_link(link, state))
    }

    pub fn add_item(
        &mut self,
        datastore: DatastoreId,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<(Guid, ChangeSeq), StoreError> {
        self.transact(|tx| tx.add_item(datastore, content, origin, now))
    }

    pub fn replace_item(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        content: Content<'_>,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<ChangeSeq, StoreError> {
        self.transact(|tx| tx.replace_item(datastore, guid, content, origin, now))
    }
}
