//! `syncline store dedupe`: records that a datastore holds twice.

use pim::Evidence;
use serde::Serialize;
use session::store::{Datastore, StoredItem};
use store::{Duplicate, Duplicates, Store};

use crate::report::{Failure, Outcome};
use crate::{output, world};

/// Items looked at in one transaction.
const PAGE: usize = 200;

/// Two items that are, or were, one record.
#[derive(Serialize)]
struct Row {
    kept: i64,
    removed: i64,
    summary: Option<String>,
    removed_summary: Option<String>,
    why: &'static str,
    /// Whether they are one now.
    merged: bool,
}

impl Row {
    fn new(twins: &Duplicate, merged: bool) -> Self {
        let name = |item: &StoredItem| pim::summary(&item.content, &item.media_type);
        Self {
            kept: twins.kept.guid.0,
            removed: twins.removed.guid.0,
            summary: name(&twins.kept),
            removed_summary: name(&twins.removed),
            why: reason(twins.evidence),
            merged,
        }
    }

    fn cells(self) -> Vec<String> {
        let name = |summary: Option<String>| summary.unwrap_or_else(|| "-".to_owned());
        vec![
            self.kept.to_string(),
            self.removed.to_string(),
            name(self.summary),
            name(self.removed_summary),
            self.why.to_owned(),
        ]
    }
}

fn reason(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Content => "same content",
        Evidence::Number => "same name and number",
        Evidence::Email => "same name and e-mail address",
        Evidence::Birthday => "same name and birthday",
        Evidence::Start => "same title and start",
        Evidence::Due => "same title and due date",
        Evidence::Text => "same text",
        Evidence::Address => "same address",
    }
}

/// Finds duplicates, and makes one of each two unless it is a dry run.
pub(super) fn run(store: &Store, datastore: &Datastore, dry_run: bool, json: bool) -> Outcome {
    if datastore.kind.is_hierarchical() {
        return Err(Failure::usage(format_args!(
            "{} has folders, where equal items may be meant; name another datastore",
            datastore.name
        )));
    }
    let mut rows = Vec::new();
    let mut walk = Duplicates::default();
    loop {
        walk = store.duplicates(datastore.id, walk, PAGE)?;
        for twins in &walk.found {
            let (kept, removed) = (twins.kept.guid, twins.removed.guid);
            let merged = !dry_run && store.unite(datastore.id, kept, removed, world::now())?;
            rows.push(Row::new(twins, merged));
        }
        if walk.last.is_none() {
            break;
        }
    }
    if json {
        return output::json(&rows);
    }
    let (found, merged) = (rows.len(), rows.iter().filter(|row| row.merged).count());
    if found == 0 {
        return output::line(format_args!("nothing in {} is there twice", datastore.name));
    }
    let cells = rows.into_iter().map(Row::cells);
    let header = ["kept", "removed", "item", "its duplicate", "why"];
    output::table(&header, cells.collect(), "")?;
    output::line(if dry_run {
        format!("{found} would be merged")
    } else {
        format!("merged {merged}; `syncline store restore` brings a removed one back")
    })
}
