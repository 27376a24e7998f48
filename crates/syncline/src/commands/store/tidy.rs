//! `syncline store tidy`: what is older than the configuration says goes.

use serde::Serialize;
use store::{Store, Tidying};

use crate::keep::Keep;
use crate::report::Outcome;
use crate::{output, world};

#[derive(Serialize)]
struct Removed {
    versions: u64,
    bytes: u64,
    tombstones: u64,
    links_to_compare: u64,
    unfinished: u64,
    /// Only what was removed is known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<usize>,
}

pub(super) fn run(store: &Store, keep: Keep, dry_run: bool, json: bool) -> Outcome {
    let now = world::now();
    let sessions = if dry_run {
        None
    } else {
        Some(keep.end_sessions(store, now)?)
    };
    let mut walk = Tidying::new(keep.expiry(now), dry_run);
    while store.tidy(&mut walk)? {}
    let done = walk.done();
    if json {
        return output::json(&Removed {
            versions: done.versions,
            bytes: done.bytes,
            tombstones: done.tombstones,
            links_to_compare: done.voided,
            unfinished: done.unfinished,
            sessions,
        });
    }
    output::line(format_args!(
        "{}: {} former versions ({} bytes), {} tombstones, {} unfinished objects{}; {} pairs of \
         device and datastore will compare all items",
        if dry_run { "would remove" } else { "removed" },
        done.versions,
        done.bytes,
        done.tombstones,
        done.unfinished,
        sessions.map_or(String::new(), |count| format!(", {count} sessions")),
        done.voided,
    ))
}
