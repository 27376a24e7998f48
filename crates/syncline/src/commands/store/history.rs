//! `syncline store history` and `syncline store restore`: former versions of items.

use serde::Serialize;
use session::store::{Datastore, Guid};
use store::{Restored, Store, Version};

use crate::report::{Failure, Outcome};
use crate::{output, world};

/// Items listed at most.
const ITEMS: usize = 100;

/// A former version of an item.
#[derive(Serialize)]
struct VersionRow {
    version: usize,
    at: Option<String>,
    why: String,
    /// `null` for a change on the server's own side.
    device: Option<String>,
    /// `null` where no session is known.
    session: Option<String>,
    media_type: String,
    summary: Option<String>,
}

impl VersionRow {
    fn new(version: usize, former: Version) -> Self {
        Self {
            version,
            at: world::timestamp(former.at),
            summary: pim::summary(&former.content, &former.media_type),
            why: former.why,
            device: former.origin,
            session: former.session,
            media_type: former.media_type,
        }
    }

    fn cells(self) -> [String; 5] {
        [
            self.at.unwrap_or_else(|| "-".to_owned()),
            self.why,
            self.device.unwrap_or_else(|| "server".to_owned()),
            self.session.unwrap_or_else(|| "-".to_owned()),
            self.summary.unwrap_or_else(|| self.media_type.clone()),
        ]
    }
}

/// An item that has former versions.
#[derive(Serialize)]
struct ItemRow {
    guid: i64,
    versions: u64,
    last: VersionRow,
}

/// Lists the former versions of an item.
pub(super) fn versions(store: &Store, datastore: &Datastore, guid: Guid, json: bool) -> Outcome {
    let versions = store.history(datastore.id, guid)?;
    if versions.is_empty() {
        return Err(without_versions(datastore, guid));
    }
    let numbered = (1..).zip(versions);
    let rows = numbered.map(|(number, version)| VersionRow::new(number, version));
    if json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|row| [vec![row.version.to_string()], row.cells().to_vec()].concat());
    output::table(
        &["version", "until", "why", "device", "session", "item"],
        rows.collect(),
        "",
    )
}

/// Lists the items that have former versions, the latest change first.
pub(super) fn changed(store: &Store, datastore: &Datastore, json: bool) -> Outcome {
    let items = store.histories(datastore.id, ITEMS)?;
    let rows = items.into_iter().map(|(guid, versions, last)| ItemRow {
        guid: guid.0,
        versions,
        last: VersionRow::new(usize::try_from(versions).unwrap_or(usize::MAX), last),
    });
    if json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|row| {
        let counts = vec![row.guid.to_string(), row.versions.to_string()];
        [counts, row.last.cells().to_vec()].concat()
    });
    output::table(
        &[
            "guid",
            "versions",
            "last change",
            "why",
            "device",
            "session",
            "item",
        ],
        rows.collect(),
        "no item has a former version yet",
    )
}

/// A version that lost a conflict.
#[derive(Serialize)]
struct LostRow {
    guid: i64,
    /// Of an occurrence that devices of vCalendar 1.0 have as an event of its own, the item that
    /// everybody else sees.
    series: Option<i64>,
    #[serde(flatten)]
    lost: VersionRow,
}

/// Lists the versions that lost a conflict, the latest first.
pub(super) fn overruled(store: &Store, datastore: &Datastore, json: bool) -> Outcome {
    let lost = store.overruled(datastore.id, ITEMS)?.into_iter();
    let rows = lost.map(|lost| LostRow {
        guid: lost.guid.0,
        series: lost.series.map(|series| series.0),
        lost: VersionRow::new(lost.number, lost.version),
    });
    if json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|row| {
        let version = row.lost.version.to_string();
        let [at, _, device, session, item] = row.lost.cells();
        let guid = match row.series {
            Some(series) => format!("{} (of {series})", row.guid),
            None => row.guid.to_string(),
        };
        vec![guid, version, at, device, session, item]
    });
    output::table(
        &["guid", "version", "lost at", "device", "session", "item"],
        rows.collect(),
        "no version of a device has lost a conflict",
    )
}

/// Makes a former version of an item the present one.
pub(super) fn restore(
    store: &Store,
    datastore: &Datastore,
    guid: Guid,
    version: Option<usize>,
) -> Outcome {
    let item = guid.0;
    match store.restore(datastore.id, guid, version, world::now())? {
        Restored::Replaced(number) => {
            output::line(format_args!("restored version {number} of item {item}"))
        }
        Restored::Present(number) => output::line(format_args!(
            "item {item} is the same as its version {number} already"
        )),
        Restored::NoVersion => match version {
            Some(number) if !store.history(datastore.id, guid)?.is_empty() => {
                Err(Failure::usage(format_args!(
                    "item {item} of {} has no version {number}; see `syncline store history`",
                    datastore.name
                )))
            }
            _ => Err(without_versions(datastore, guid)),
        },
    }
}

fn without_versions(datastore: &Datastore, guid: Guid) -> Failure {
    Failure::usage(format_args!(
        "there is no former version of an item {} in {}; see `syncline store history` for the \
         items that have one",
        guid.0, datastore.name
    ))
}
