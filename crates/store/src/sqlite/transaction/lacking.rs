//! What a device lacks, and which items another one may be.

use rusqlite::{params, params_from_iter};
use session::store::{
    Among, ChangeSeq, Guid, LinkId, Mapping, Pending, PendingRange, StoreError, StoredItem,
};

use super::super::rows::{ITEM, bits, item_of};
use super::Running;
use crate::shared;

impl Running<'_> {
    /// Items of which a hash column has a value and that the device does not hold.
    fn alike(
        &self,
        link: LinkId,
        generation: i64,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<StoredItem>, StoreError> {
        let sql = alike_sql(wanted.column);
        self.all(
            &sql,
            params![
                link.datastore.account.0,
                link.datastore.number,
                bits(wanted.hash),
                link.device,
                generation,
                wanted.limit as i64,
                wanted.among.deleted,
                wanted.among.occurrences
            ],
            item_of,
        )
    }
}

/// Items of one hash that are looked through for one that the device does not hold: so that
/// thousands of records of one name do not cost thousands of looks each.
const MAX_ALIKE: usize = 200;

/// Which items [`Running::alike`] reads.
struct Wanted<'w> {
    column: &'w str,
    hash: u64,
    among: Among,
    limit: usize,
}

/// The column's name is one of four of ours.
fn alike_sql(column: &str) -> String {
    format!(
        "SELECT {ITEM} FROM
             (SELECT * FROM item
              WHERE account = ?1 AND datastore = ?2 AND deleted = ?7 AND {column} = ?3
                AND (?8 OR series IS NULL)
              ORDER BY guid LIMIT {MAX_ALIKE}) AS item
         WHERE NOT EXISTS (SELECT 1 FROM map
               WHERE map.account = ?1 AND map.datastore = ?2 AND map.device = ?4
                 AND map.guid = item.guid AND map.generation = ?5)
         ORDER BY guid LIMIT ?6"
    )
}

fn pending_sql(limit: usize) -> String {
    format!(
        "SELECT item.guid, item.seq, item.deleted OR (item.series IS NOT NULL AND NOT ?10),
                item.media_type, CASE WHEN length(item.content) <= ?11 THEN item.content ELSE x'' END, item.exact,
                item.parent, item.content_seq, item.modified,
                map.luid, map.revision, length(item.content), map.stale
         {PENDING} ORDER BY item.seq LIMIT {limit}"
    )
}

/// Items of a range that a device does not hold as they are, with the device's pair. The index has all
/// that tells whether the device has no use for an item: such a row is not read, since what is withheld is
/// looked up by the pair too, and so after it.
const PENDING: &str = "
    FROM item LEFT JOIN map
      ON map.account = item.account AND map.datastore = item.datastore AND map.device = ?3
     AND map.guid = item.guid AND map.generation = ?6
    WHERE item.account = ?1 AND item.datastore = ?2 AND item.seq > ?4 AND item.seq <= ?5
      AND (map.guid IS NOT NULL OR (item.first_time <= ?9 AND item.last_time >= ?8))
      AND CASE WHEN map.guid IS NULL THEN item.deleted = 0 AND (?10 OR item.series IS NULL)
               ELSE ?7 OR item.deleted = 1 OR map.revision < item.seq OR map.stale
                 OR (item.series IS NOT NULL AND NOT ?10) END
      AND NOT EXISTS (SELECT 1 FROM withheld
          WHERE withheld.account = ?1 AND withheld.datastore = ?2 AND withheld.device = ?3
            AND withheld.guid = coalesce(map.guid, item.guid)
            AND withheld.seq = item.content_seq AND item.deleted = 0)";

fn range_params(link: LinkId, range: PendingRange) -> [i64; 10] {
    [
        link.datastore.account.0,
        link.datastore.number,
        link.device,
        range.after.0,
        range.until.0,
        range.generation,
        i64::from(range.with_held),
        range.period.since,
        range.period.until,
        i64::from(range.with_occurrences),
    ]
}

pub(super) fn candidates(
    running: &Running<'_>,
    link: LinkId,
    generation: i64,
    fingerprint: &pim::Fingerprint,
    among: Among,
    limit: usize,
) -> Result<Vec<StoredItem>, StoreError> {
    shared::candidates(fingerprint, limit, |column, hash| {
        let wanted = Wanted {
            column,
            hash,
            among,
            limit,
        };
        running.alike(link, generation, &wanted)
    })
}

pub(super) fn candidates_by_beginning(
    running: &Running<'_>,
    link: LinkId,
    generation: i64,
    short: u64,
    among: Among,
    limit: usize,
) -> Result<Vec<StoredItem>, StoreError> {
    let wanted = Wanted {
        column: "short",
        hash: short,
        among,
        limit,
    };
    running.alike(link, generation, &wanted)
}

pub(super) fn pending(
    running: &Running<'_>,
    link: LinkId,
    range: PendingRange,
) -> Result<Vec<Pending>, StoreError> {
    let sql = pending_sql(range.limit);
    let inline = i64::try_from(range.inline).unwrap_or(i64::MAX);
    let params = range_params(link, range).into_iter().chain([inline]);
    running.all(&sql, params_from_iter(params), |row| {
        let item = item_of(row)?;
        let luid: Option<String> = row.get(9)?;
        let mapping = match luid {
            None => None,
            Some(luid) => Some(Mapping {
                luid,
                guid: item.guid,
                revision: ChangeSeq(row.get(10)?),
                generation: range.generation,
                stale: row.get(12)?,
            }),
        };
        let size = row.get::<_, i64>(11)?.cast_unsigned();
        Ok(Pending {
            item,
            size,
            mapping,
        })
    })
}

pub(super) fn count_pending(
    running: &Running<'_>,
    link: LinkId,
    range: PendingRange,
) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) {PENDING}");
    let count = running.one(&sql, range_params(link, range), |row| row.get::<_, i64>(0))?;
    Ok(count.unwrap_or(0).cast_unsigned())
}

pub(super) fn unmapped(
    running: &Running<'_>,
    link: LinkId,
    generation: i64,
    limit: usize,
) -> Result<Vec<Guid>, StoreError> {
    running.all(
        "SELECT guid FROM item
         WHERE account = ?1 AND datastore = ?2 AND deleted = 0 AND series IS NULL
           AND NOT EXISTS (SELECT 1 FROM map
               WHERE map.account = ?1 AND map.datastore = ?2 AND map.device = ?3
                 AND map.guid = item.guid AND map.generation = ?4)
           AND NOT EXISTS (SELECT 1 FROM withheld
               WHERE withheld.account = ?1 AND withheld.datastore = ?2
                 AND withheld.device = ?3 AND withheld.guid = item.guid
                 AND withheld.seq = item.content_seq)
         ORDER BY guid LIMIT ?5",
        params![
            link.datastore.account.0,
            link.datastore.number,
            link.device,
            generation,
            limit as i64
        ],
        |row| row.get(0).map(Guid),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rusqlite::Connection;

    use super::super::super::schema;
    use super::super::tests::plan_of;
    use super::*;

    #[test]
    fn what_a_session_asks_again_and_again_reads_ranges_of_indexes() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        for (sql, index) in [
            (alike_sql("exact"), "item_exact"),
            (alike_sql("key"), "item_key"),
            (alike_sql("uid"), "item_uid"),
            (alike_sql("short"), "item_short"),
            (pending_sql(100), "item_seq"),
        ] {
            let plan = plan_of(&connection, &sql);
            assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
            // the rows of the bounded inner query are walked
            assert!(
                !plan.replace("SCAN item; CORR", "").contains("SCAN"),
                "{plan}"
            );
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
        // the index alone says what is outside of a period, before anything is read of the row
        let plan = plan_of(&connection, &pending_sql(100));
        let (pair, withheld) = (plan.find("SEARCH map"), plan.find("SUBQUERY"));
        assert!(pair < withheld, "{plan}");
    }
}
