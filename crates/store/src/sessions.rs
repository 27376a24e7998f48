//! What sessions did to datastores and would do to them, as the engines count it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a session did to a datastore and would do to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastSession {
    /// Its name.
    pub session: String,
    /// The device's address.
    pub device: String,
    /// The datastore's name.
    pub datastore: String,
    /// Items that it replaced.
    pub replaced: u64,
    /// Items that it deleted.
    pub deleted: u64,
    /// Replacements that wait for a decision.
    pub waiting_replacements: u64,
    /// Deletions that wait for a decision.
    pub waiting_deletions: u64,
    /// Items of which a replacement was rejected.
    pub rejected: u64,
    /// Seconds since 1970 of the last of them.
    pub at: i64,
}

impl PastSession {
    /// Whether somebody has to decide about it.
    pub fn waits(&self) -> bool {
        self.waiting_replacements + self.waiting_deletions > 0
    }

    /// Orders sessions for a person: those that wait first, then the latest.
    pub fn place(&self) -> impl Ord + use<> {
        (!self.waits(), Reverse(self.at))
    }
}

/// How often a session did one thing to a datastore: the rows of [`COUNTS`].
#[derive(Debug)]
pub(crate) struct Count {
    /// The datastore's name.
    pub(crate) datastore: String,
    pub(crate) session: String,
    pub(crate) device: Option<String>,
    pub(crate) why: String,
    pub(crate) items: i64,
    pub(crate) at: i64,
}

/// The counts of an account, in the words of either engine.
pub(crate) const COUNTS: &str = "
    SELECT name, session, device, why, count, at FROM (
        SELECT datastore, session, max(origin) AS device, why,
            count(DISTINCT guid) AS count, max(at) AS at
        FROM history WHERE account = $1 AND session IS NOT NULL
          AND why IN ('replaced', 'deleted', 'rejected')
        GROUP BY datastore, session, why
        UNION ALL
        SELECT datastore, session, max(origin),
            CASE WHEN media_type IS NULL THEN 'waits to delete' ELSE 'waits to replace' END,
            count(*), max(at)
        FROM withheld WHERE account = $1 GROUP BY datastore, session, media_type IS NULL) AS counts
    JOIN datastore ON datastore.account = $1 AND datastore.number = counts.datastore";

/// The sessions of some counts, by datastore; at most `limit`.
pub(crate) fn of(counts: Vec<Count>, limit: usize) -> Vec<PastSession> {
    let mut found: BTreeMap<(String, String), PastSession> = BTreeMap::new();
    for count in counts {
        let key = (count.session.clone(), count.datastore.clone());
        let past = found.entry(key).or_default();
        past.session = count.session;
        past.datastore = count.datastore;
        past.device = count.device.unwrap_or_default();
        past.at = past.at.max(count.at);
        let place = match count.why.as_str() {
            "deleted" => &mut past.deleted,
            "replaced" => &mut past.replaced,
            "rejected" => &mut past.rejected,
            "waits to delete" => &mut past.waiting_deletions,
            _ => &mut past.waiting_replacements,
        };
        *place = count.items.cast_unsigned();
    }
    let mut all: Vec<PastSession> = found.into_values().collect();
    all.sort_by_key(PastSession::place);
    all.truncate(limit);
    all
}
