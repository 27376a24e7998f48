//! How the database goes about the statements that are run again and again.

#![allow(clippy::unwrap_used)]

use testkit::postgres;

use super::super::address::Address;
use super::super::pool::{Pool, Statements as _};
use super::super::{tidy, withholding};
use super::*;

#[test]
fn what_a_session_asks_again_and_again_reads_ranges_of_indexes() {
    let Some(server) = postgres::Postgres::shared() else {
        return;
    };
    let database = server.database().unwrap();
    crate::Postgres::open(&database.url()).unwrap();
    let pool = Pool::new(Address::parse(&database.url()).unwrap());
    let mut lease = pool.take().unwrap();
    for (sql, indexes, params) in [
        (alike_sql("exact"), "item_exact map_pkey", 8),
        (alike_sql("key"), "item_key map_pkey", 8),
        (alike_sql("uid"), "item_uid map_pkey", 8),
        (alike_sql("short"), "item_short map_pkey", 8),
        (pending_sql(), "item_seq map_pkey withheld_pkey", 12),
        (count_sql(), "item_seq map_pkey withheld_pkey", 10),
        (UNMAPPED.to_owned(), "item_pkey map_pkey withheld_pkey", 5),
        (HELD.to_owned(), "map_pkey item_pkey", 4),
        (
            sessions::CLAIM_OF_SESSION.to_owned(),
            "session_pkey account_pkey",
            1,
        ),
        (
            sessions::END_OTHERS.to_owned(),
            "session_device session_pkey",
            3,
        ),
        (large::PARTIAL.to_owned(), "partial_pkey chunk_pkey", 3),
        (large::UNDO.to_owned(), "partial_pkey chunk_pkey", 3),
        (
            ahead::surroundings_sql(),
            "datastore_pkey link_pkey permission_pkey withheld_pkey device_account_uri_key",
            2,
        ),
        (item_sql(), "item_pkey", 3),
        (MAPPING_BY_LUID.to_owned(), "map_luid", 4),
        (HAD_VERSION.to_owned(), "history_pkey", 4),
        (withholding::HOLD.to_owned(), "withheld_pkey", 3),
        (withholding::WITHHELD.to_owned(), "withheld_pkey", 4),
        (
            tidy::VERSIONS.to_owned(),
            "history_at map_pkey item_pkey history_pkey withheld_session",
            6,
        ),
        (tidy::TOMBSTONES.to_owned(), "item_deleted", 6),
        (
            tidy::HOLDERS.to_owned(),
            "device_pkey map_pkey session_account",
            3,
        ),
    ] {
        let values = vec!["NULL"; params].join(", ");
        lease.batch(&format!("PREPARE asked AS {sql}")).unwrap();
        let explain = format!("EXPLAIN EXECUTE asked({values})");
        let plan = lease.query(&explain, &[]).unwrap();
        lease.batch("DEALLOCATE asked").unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        for index in indexes.split(' ') {
            assert!(plan.contains(&format!("using {index} ")), "{plan}");
        }
        for costly in [
            "Seq Scan",
            "Sort",
            "Hash",
            "Merge",
            "Bitmap",
            "Materialize",
            "Join Filter",
        ] {
            assert!(!plan.contains(costly), "{plan}");
        }
    }
}
