//! Databases for the tests that run over PostgreSQL.

use std::sync::{Mutex, PoisonError};

use store::{Postgres, Store};
use testkit::postgres::{self, Database};

/// Databases that no test is using. To empty one is much faster than to make one.
static FREE: Mutex<Vec<(Database<'static>, Postgres)>> = Mutex::new(Vec::new());

/// A database with tables and nothing in them, for one test.
pub struct Fresh(Option<(Database<'static>, Postgres)>);

impl Fresh {
    pub fn url(&self) -> String {
        self.0.as_ref().unwrap().0.url()
    }

    /// What a query gives, a row a line.
    pub fn sql(&self, sql: &str) -> String {
        self.0.as_ref().unwrap().0.sql(sql).unwrap()
    }

    pub fn engine(&self) -> &Postgres {
        &self.0.as_ref().unwrap().1
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (database, engine) = self.0.take().unwrap();
        if std::thread::panicking() {
            return;
        }
        let store = Store::from(engine.clone());
        for account in store.accounts().unwrap() {
            store.remove_account(&account.name).unwrap();
        }
        store.expire_sessions(i64::MAX, i64::MAX).unwrap();
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.push((database, engine));
    }
}

/// A database; `None` where tests run over other engines than in the binary that has all of them
/// run over PostgreSQL, or PostgreSQL is not installed, which is said then.
pub fn database() -> Option<Fresh> {
    if !module_path!().starts_with("postgres::") {
        return None;
    }
    let server = postgres::Postgres::shared()?;
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    Some(Fresh(Some(free.unwrap_or_else(|| {
        let database = server.database().unwrap();
        let engine = Postgres::open(&database.url()).unwrap();
        (database, engine)
    }))))
}
