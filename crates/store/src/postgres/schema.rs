//! The tables, and the steps from one version of them to the next. They are those of the SQLite
//! engine, in this database's words.
//!
//! There are no foreign keys: checking them would lock and read the parents' rows for every row
//! written. What belongs to an account or a device is removed with it under the account's lock,
//! and nothing is written to an account without it.
//!
//! An index that begins as its table's key does has a condition that always holds, and only the
//! statements meant for it say so: without statistics, and a table that fills within minutes has
//! none, the database takes any index of the same beginning for as good as the key.
//!
//! Texts compare by their bytes (`COLLATE "C"`), as everywhere else. Contents are kept outside
//! their rows uncompressed where the engine can, so that any place within is read directly.

use session::store::Times;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::Fault;
use super::pool::{Lease, Statements as _};
use super::rows::bits;
use crate::Error;

/// One script a version; the n-th leads from version n to n + 1. Scripts that were released are
/// never edited.
const STEPS: [&str; 4] = [V1, V2, V3, V4];

/// The version whose step brought the last of what an index holds of a content
/// ([`pim::Fingerprint`], [`Times`]); states that were older get all of it anew.
const INDEXED: u32 = 4;

/// The number of the lock under which one node at a time looks after the tables: "syncline" as
/// ASCII.
const LOCK: i64 = 0x7379_6e63_6c69_6e65;

const V1: &str = r#"
CREATE TABLE account (
    id       BIGINT PRIMARY KEY,
    name     TEXT COLLATE "C" NOT NULL UNIQUE,
    digest   TEXT NOT NULL,
    password TEXT
);

CREATE TABLE datastore (
    account      BIGINT NOT NULL,
    number       BIGINT NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    last_seq     BIGINT NOT NULL DEFAULT 0,
    last_guid    BIGINT NOT NULL DEFAULT 0,
    last_version BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account, number)
) WITH (fillfactor = 50);

CREATE TABLE device (
    account   BIGINT NOT NULL,
    number    BIGINT NOT NULL,
    uri       TEXT COLLATE "C" NOT NULL,
    devinf    BYTEA,
    nonce     BYTEA NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (account, number),
    UNIQUE (account, uri)
);

CREATE TABLE link (
    account                BIGINT NOT NULL,
    datastore              BIGINT NOT NULL,
    device                 BIGINT NOT NULL,
    client_anchor          TEXT NOT NULL,
    previous_client_anchor TEXT NOT NULL,
    server_anchor          TEXT NOT NULL,
    previous_server_anchor TEXT NOT NULL,
    seen                   BIGINT NOT NULL,
    previous_seen          BIGINT NOT NULL,
    sent_until             BIGINT NOT NULL,
    generation             BIGINT NOT NULL,
    client_uri             TEXT NOT NULL,
    last_sync              BIGINT NOT NULL,
    open_alert             BIGINT,
    open_client_last       TEXT,
    open_until             BIGINT,
    sending_guid           BIGINT,
    sending_seq            BIGINT,
    sending_confirmed      BIGINT,
    filter                 TEXT NOT NULL,
    view                   TEXT NOT NULL,
    orphans                TEXT NOT NULL,
    PRIMARY KEY (account, datastore, device)
) WITH (fillfactor = 70);

CREATE TABLE map (
    account     BIGINT NOT NULL,
    datastore   BIGINT NOT NULL,
    device      BIGINT NOT NULL,
    guid        BIGINT NOT NULL,
    luid        TEXT COLLATE "C" NOT NULL,
    revision    BIGINT NOT NULL,
    generation  BIGINT NOT NULL,
    stale       BOOLEAN NOT NULL,
    device_text BYTEA,
    PRIMARY KEY (account, datastore, device, guid)
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX map_luid ON map (account, datastore, device, luid) WHERE luid >= '';

CREATE TABLE item (
    account     BIGINT NOT NULL,
    datastore   BIGINT NOT NULL,
    guid        BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    deleted     BOOLEAN NOT NULL,
    media_type  TEXT NOT NULL,
    exact       BIGINT NOT NULL,
    key         BIGINT,
    uid         BIGINT,
    parent      BIGINT,
    content_seq BIGINT NOT NULL,
    modified    BIGINT NOT NULL,
    added_by    TEXT COLLATE "C",
    content     BYTEA NOT NULL,
    PRIMARY KEY (account, datastore, guid)
);
CREATE INDEX item_seq ON item (account, datastore, seq) WHERE seq >= 0;
CREATE INDEX item_exact ON item (account, datastore, deleted, exact, guid) WHERE guid >= 0;
CREATE INDEX item_key ON item (account, datastore, deleted, key, guid) WHERE key IS NOT NULL;
CREATE INDEX item_uid ON item (account, datastore, deleted, uid, guid) WHERE uid IS NOT NULL;
CREATE INDEX item_parent ON item (account, datastore, parent, guid)
    WHERE parent IS NOT NULL AND NOT deleted;
CREATE INDEX item_deleted ON item (account, modified, datastore, guid) WHERE deleted;

CREATE TABLE history (
    account     BIGINT NOT NULL,
    datastore   BIGINT NOT NULL,
    guid        BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    media_type  TEXT NOT NULL,
    exact       BIGINT NOT NULL,
    content     BYTEA NOT NULL,
    content_seq BIGINT,
    was_deleted BOOLEAN NOT NULL DEFAULT false,
    why         TEXT NOT NULL,
    origin      TEXT,
    session     TEXT COLLATE "C",
    at          BIGINT NOT NULL,
    PRIMARY KEY (account, datastore, guid, number)
);
CREATE INDEX history_number ON history (account, datastore, number) WHERE number >= 0;
CREATE INDEX history_at ON history (account, at, datastore, number) WHERE at >= 0;
CREATE INDEX history_session ON history (account, datastore, session, guid)
    WHERE session IS NOT NULL;

-- a deletion has no content
CREATE TABLE withheld (
    account    BIGINT NOT NULL,
    datastore  BIGINT NOT NULL,
    device     BIGINT NOT NULL,
    guid       BIGINT NOT NULL,
    session    TEXT COLLATE "C" NOT NULL,
    origin     TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    media_type TEXT,
    content    BYTEA,
    at         BIGINT NOT NULL,
    PRIMARY KEY (account, datastore, device, guid)
);
CREATE INDEX withheld_session ON withheld (account, session, datastore) WHERE session >= '';

CREATE TABLE session (
    token        TEXT COLLATE "C" PRIMARY KEY,
    account      BIGINT,
    device       TEXT COLLATE "C" NOT NULL,
    session_id   TEXT COLLATE "C" NOT NULL,
    turn         BIGINT NOT NULL,
    state        BYTEA NOT NULL,
    last_msg_id  TEXT NOT NULL,
    last_request BIGINT NOT NULL,
    last_answer  BYTEA NOT NULL,
    updated      BIGINT NOT NULL,
    -- an index over this is not written at every message
    minute       BIGINT GENERATED ALWAYS AS (((updated - updated % 60) / 60)::BIGINT) STORED
) WITH (fillfactor = 50);
CREATE INDEX session_minute ON session (minute);
CREATE INDEX session_device ON session (device, session_id);
CREATE INDEX session_account ON session (account);

CREATE TABLE partial (
    account   BIGINT NOT NULL,
    datastore BIGINT NOT NULL,
    device    BIGINT NOT NULL,
    head      BYTEA NOT NULL,
    received  BIGINT NOT NULL,
    chunks    BIGINT NOT NULL,
    PRIMARY KEY (account, datastore, device)
);

CREATE TABLE chunk (
    account   BIGINT NOT NULL,
    datastore BIGINT NOT NULL,
    device    BIGINT NOT NULL,
    number    BIGINT NOT NULL,
    bytes     BYTEA NOT NULL,
    PRIMARY KEY (account, datastore, device, number)
);

CREATE TABLE rendering (
    account   BIGINT NOT NULL,
    datastore BIGINT NOT NULL,
    device    BIGINT NOT NULL,
    bytes     BYTEA NOT NULL,
    PRIMARY KEY (account, datastore, device)
);

-- datastore 0 means every one, device 0 means every one
CREATE TABLE policy (
    account   BIGINT NOT NULL,
    datastore BIGINT NOT NULL,
    device    BIGINT NOT NULL,
    conflict  TEXT NOT NULL,
    PRIMARY KEY (account, datastore, device)
);

-- an empty device stands for all
CREATE TABLE permission (
    account    BIGINT NOT NULL,
    datastore  BIGINT NOT NULL,
    device     TEXT COLLATE "C" NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (account, datastore, device)
);

-- a row says where the state went
CREATE TABLE moved (
    place TEXT NOT NULL,
    at    BIGINT NOT NULL
);
"#;

/// How contents are kept where the engine is PostgreSQL itself: outside their rows and uncompressed. Others
/// know no such statement, and keep them as they do.
const STORAGE: &str = "
ALTER TABLE item ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE rendering ALTER COLUMN bytes SET STORAGE EXTERNAL;
";

/// What the beginning of a name leads to, and when items take place, computed by [`renew`]. An item whose
/// times are not known is at any ([`Times::UNKNOWN`]).
const V2: &str = "
ALTER TABLE item
    ADD COLUMN short BIGINT,
    ADD COLUMN first_time BIGINT NOT NULL DEFAULT -4611686018427387904,
    ADD COLUMN last_time BIGINT NOT NULL DEFAULT 4611686018427387904;
CREATE INDEX item_short ON item (account, datastore, deleted, short, guid) WHERE short IS NOT NULL;
";

/// Which items are occurrences of a series, and the change up to which they have followed it. The
/// occurrences of older states are made when a device asks for some.
const V3: &str = r#"
ALTER TABLE item
    ADD COLUMN series BIGINT,
    ADD COLUMN occurrence TEXT COLLATE "C";
CREATE UNIQUE INDEX item_series ON item (account, datastore, series, occurrence)
    WHERE series IS NOT NULL;
ALTER TABLE datastore ADD COLUMN followed BIGINT NOT NULL DEFAULT 0;
"#;

/// Journal entries are known by the text that they have as notes, computed by [`renew`].
const V4: &str = "";

/// Tables whose rows belong to an account, by their column `account`.
pub(super) const OF_ACCOUNT: [&str; 13] = [
    "session",
    "withheld",
    "permission",
    "policy",
    "rendering",
    "chunk",
    "partial",
    "history",
    "item",
    "map",
    "link",
    "device",
    "datastore",
];

/// Tables whose rows belong to a device, by their columns `account` and `device` (its number).
pub(super) const OF_DEVICE: [&str; 7] = [
    "withheld",
    "policy",
    "rendering",
    "chunk",
    "partial",
    "map",
    "link",
];

/// What brings the tables of the database at a place to the newest version.
pub(super) type Migrate = fn(&mut Lease<'_>, &str) -> Result<(), Error>;

/// Brings the tables to the newest version.
///
/// # Errors
///
/// [`Error::Newer`] when a later release has written them, [`Error::Refused`] when the user may not
/// make tables.
pub(super) fn migrate(lease: &mut Lease<'_>, place: &str) -> Result<(), Error> {
    let refused = |fault: Fault| fault.at(place);
    let known = STEPS.len() as u32;
    // whoever may not make tables may still use those that are as they should be
    if version_of(lease).map_err(refused)? == Some(known) {
        return Ok(());
    }
    let begin = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";
    lease.wait_long();
    lease.batch(begin).map_err(refused)?;
    let outcome = steps(lease, known).map_err(refused)?;
    let end = if outcome.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    lease.batch(end).map_err(refused)?;
    outcome
}

/// The same where there has to be a state already.
///
/// # Errors
///
/// [`Error::NoState`], and those of [`migrate`].
pub(super) fn migrate_existing(lease: &mut Lease<'_>, place: &str) -> Result<(), Error> {
    if version_of(lease)
        .map_err(|fault| fault.at(place))?
        .is_none()
    {
        return Err(Error::NoState {
            place: format!("the database {place}"),
        });
    }
    migrate(lease, place)
}

/// Runs the steps that are missing, in a transaction that has begun; a fault in it closes the
/// connection.
fn steps(lease: &mut Lease<'_>, known: u32) -> Result<Result<(), Error>, Fault> {
    let run = |lease: &mut Lease<'_>| {
        lease.query("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
        // another node may have done it meanwhile
        let version = version_of(lease)?;
        let from = version.unwrap_or(0);
        if from > known {
            return Ok(Err(Error::Newer { found: from, known }));
        }
        if version.is_none() {
            lease.batch("CREATE TABLE syncline_schema (version BIGINT NOT NULL)")?;
            lease.batch("INSERT INTO syncline_schema VALUES (0)")?;
        }
        for step in STEPS.iter().skip(from as usize) {
            lease.batch(step)?;
        }
        if version.is_none() && is_plain(&engine_of(lease)?) {
            lease.batch(STORAGE)?;
        }
        if from < INDEXED {
            renew(lease)?;
        }
        lease.execute(
            "UPDATE syncline_schema SET version = $1",
            &[&i64::from(known)],
        )?;
        Ok(Ok(()))
    };
    run(lease).inspect_err(|_| lease.spoil())
}

/// What the engine says that it is.
fn engine_of(lease: &mut Lease<'_>) -> Result<String, Fault> {
    let rows = lease.query("SELECT version()", &[])?;
    rows.first().map_or(Ok(String::new()), |row| value(row, 0))
}

/// Whether an engine is PostgreSQL itself, and not one that speaks like it.
fn is_plain(engine: &str) -> bool {
    engine.starts_with("PostgreSQL ") && !engine.contains("-YB-")
}

/// Contents that are read at a time, at most, and bytes of them but for the first.
const RENEWED: i64 = 500;
const RENEWED_BYTES: i64 = 16 << 20;

/// Computes what indexes hold of each content, and what former versions are known by.
fn renew(lease: &mut Lease<'_>) -> Result<(), Fault> {
    let keys = ["account", "datastore", "guid", "0"];
    each_content(lease, "item", keys, |lease, keys, (media_type, content)| {
        let [account, datastore, guid, _] = keys;
        let print = pim::fingerprint(media_type, content);
        let times = Times::of(media_type, content);
        lease.later(
            "UPDATE item SET exact = $4, key = $5, short = $6, first_time = $7, last_time = $8
             WHERE account = $1 AND datastore = $2 AND guid = $3",
            &[
                &account,
                &datastore,
                &guid,
                &bits(print.exact),
                &print.key.map(bits),
                &print.short.map(bits),
                &times.first,
                &times.last,
            ],
        )
    })?;
    let keys = ["account", "datastore", "guid", "number"];
    each_content(
        lease,
        "history",
        keys,
        |lease, keys, (media_type, content)| {
            let [account, datastore, guid, number] = keys;
            let exact = bits(pim::fingerprint(media_type, content).exact);
            lease.later(
                "UPDATE history SET exact = $5
             WHERE account = $1 AND datastore = $2 AND guid = $3 AND number = $4",
                &[&account, &datastore, &guid, &number, &exact],
            )
        },
    )
}

/// Goes through the contents of a table in the order of its key, a few at a time.
fn each_content(
    lease: &mut Lease<'_>,
    table: &str,
    [account, datastore, guid, number]: [&str; 4],
    mut job: impl FnMut(&mut Lease<'_>, [i64; 4], (&str, &[u8])) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let sql = format!(
        "SELECT a, d, g, n, media_type, content FROM (
             SELECT *, sum(octet_length(content)) OVER (ORDER BY a, d, g, n) AS bytes,
                 row_number() OVER (ORDER BY a, d, g, n) AS row FROM (
                 SELECT {account} AS a, {datastore} AS d, {guid} AS g, {number}::bigint AS n,
                     media_type, content FROM {table}
                 WHERE ({account}, {datastore}, {guid}, {number}::bigint) > ($1, $2, $3, $4)
                 ORDER BY 1, 2, 3, 4 LIMIT $5) AS next) AS summed
         WHERE bytes <= $6::bigint OR row = 1 ORDER BY a, d, g, n"
    );
    let mut last = [i64::MIN; 4];
    loop {
        let [a, d, g, n] = last;
        let rows = lease.query(&sql, &[&a, &d, &g, &n, &RENEWED, &RENEWED_BYTES])?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            for (place, at) in last.iter_mut().zip(0..) {
                *place = value(row, at)?;
            }
            job(lease, last, (value(row, 4)?, value(row, 5)?))?;
        }
    }
}

fn value<'r, T: FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, Fault> {
    row.try_get(at)
        .map_err(|error| Fault::Damaged(error.to_string()))
}

/// The version of the tables; `None` when there are none.
pub(super) fn version_of(lease: &mut Lease<'_>) -> Result<Option<u32>, Fault> {
    // names are otherwise looked up in a cache, which may lag behind what other nodes have made
    let there = lease.query(
        "SELECT 1 FROM pg_catalog.pg_tables
         WHERE schemaname = ANY (current_schemas(false)) AND tablename = 'syncline_schema'",
        &[],
    )?;
    if there.is_empty() {
        return Ok(None);
    }
    let rows = lease.query("SELECT version FROM syncline_schema", &[])?;
    let version: i64 = rows.first().map_or(Ok(0), |row| value(row, 0))?;
    Ok(Some(u32::try_from(version).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use testkit::postgres;

    use super::*;

    #[test]
    fn engines_that_speak_like_postgresql_are_told_from_it() {
        assert!(is_plain(
            "PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc"
        ));
        for other in [
            "PostgreSQL 15.12-YB-2025.1.0.1-b0 on x86_64-pc-linux-gnu, compiled by clang",
            "CockroachDB CCL v25.2.1 (x86_64-pc-linux-gnu, built 2025/06/11, go1.23.7)",
            "",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn an_older_state_learns_beginnings_and_times() {
        let Some(server) = postgres::Postgres::shared() else {
            return;
        };
        let database = server.database().unwrap();
        let meeting = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:Committee\n\
                       DTSTART:20260105T090000Z\nEND:VEVENT\nEND:VCALENDAR\n";
        let items = RENEWED + 2;
        for sql in [
            V1,
            "CREATE TABLE syncline_schema (version BIGINT NOT NULL)",
            "INSERT INTO syncline_schema VALUES (1)",
            &format!(
                "INSERT INTO item (account, datastore, guid, seq, deleted, media_type, exact,
                     content_seq, modified, content)
                 SELECT 1, 1, g, g, false, '', 0, g, 0,
                     CASE WHEN g = {items} THEN convert_to('{meeting}', 'UTF8') ELSE 'Milk' END
                 FROM generate_series(1, {items}) AS g"
            ),
        ] {
            database.sql(sql).unwrap();
        }
        let former = "INSERT INTO history
            (account, datastore, guid, number, media_type, exact, content, why, at)
            VALUES (1, 1, 1, 1, '', 0, 'Milk', 'replaced', 0)";
        database.sql(former).unwrap();
        drop(crate::Postgres::open(&database.url()).unwrap());
        let exact = database.sql("SELECT exact FROM history").unwrap();
        let milk = bits(pim::fingerprint("", b"Milk").exact);
        assert_eq!(exact.trim(), milk.to_string());
        let row = |number: i64| {
            let sql = format!(
                "SELECT coalesce(short, 0) || ' ' || first_time || ' ' || last_time FROM item
                 WHERE guid = {number}"
            );
            database.sql(&sql).unwrap()
        };
        let told = |short: Option<u64>, times: Times| {
            let short = short.map_or(0, bits);
            format!("{short} {} {}", times.first, times.last)
        };
        let print = pim::fingerprint("", meeting.as_bytes());
        let times = Times::of("", meeting.as_bytes());
        assert!(print.short.is_some() && times != Times::UNKNOWN);
        assert_eq!(row(items).trim(), told(print.short, times));
        assert_eq!(row(1).trim(), told(None, Times::UNKNOWN));
    }
}
