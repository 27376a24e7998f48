//! `syncline store restore --before`: what a session did is undone.

use serde::Serialize;
use session::guard::{self, Extent, Restored};
use session::store::{Datastore, Guid, StoreError};
use store::Store;

use crate::cli::Undo;
use crate::report::{Failure, Outcome};
use crate::{output, world};

/// Items that a sentence names at most.
const NAMED: usize = 20;

/// What became of the items of a session, by GUID.
#[derive(Serialize)]
struct Report<'r> {
    session: &'r str,
    dry_run: bool,
    restored: Vec<i64>,
    /// Others have changed them since, and they are left.
    changed_since: Vec<i64>,
    /// The session has added them, and they are left.
    added: Vec<i64>,
    /// The session had added them.
    removed: Vec<i64>,
}

/// Gives the items of a datastore the content that they had before a session.
pub(super) fn run(store: &Store, datastore: &Datastore, session: &str, options: &Undo) -> Outcome {
    let extent = Extent {
        force: options.force,
        remove_added: options.remove_added,
        dry_run: options.dry_run,
    };
    let (id, name, now) = (datastore.id, session.to_owned(), world::now());
    let outcome = store
        .transact::<_, StoreError>(move |tx| {
            if tx.changed_by(id, &name)?.is_empty() && tx.added_by(id, &name)?.is_empty() {
                return Ok(None);
            }
            guard::restore(tx, id, &name, extent, now).map(Some)
        })
        .map_err(store::Error::from)?;
    let Some(outcome) = outcome else {
        return Err(Failure::usage(format_args!(
            "no session {session:?} has changed an item of {}; see `syncline session list`",
            datastore.name
        )));
    };
    if options.json {
        return output::json(&report(session, options.dry_run, &outcome));
    }
    let (restored, removed) = if options.dry_run {
        ("would restore", "would remove")
    } else {
        ("restored", "removed")
    };
    output::line(format_args!("{restored} {} items", outcome.restored.len()))?;
    if options.remove_added {
        output::line(format_args!(
            "{removed} {} items that the session had added",
            outcome.removed.len()
        ))?;
    }
    for (guids, why, how) in [
        (
            &outcome.changed_since,
            "others have changed since",
            "--force includes them",
        ),
        (
            &outcome.added,
            "the session has added",
            "--remove-added removes them, folders once they are empty",
        ),
    ] {
        if !guids.is_empty() {
            output::line(format_args!("left what {why}: {}; {how}", listed(guids)))?;
        }
    }
    Ok(())
}

fn report<'r>(session: &'r str, dry_run: bool, outcome: &Restored) -> Report<'r> {
    let numbers = |guids: &[Guid]| guids.iter().map(|guid| guid.0).collect();
    Report {
        session,
        dry_run,
        restored: numbers(&outcome.restored),
        changed_since: numbers(&outcome.changed_since),
        added: numbers(&outcome.added),
        removed: numbers(&outcome.removed),
    }
}

/// The first of some items, and how many more there are.
fn listed(guids: &[Guid]) -> String {
    let first: Vec<String> = guids
        .iter()
        .take(NAMED)
        .map(|guid| guid.0.to_string())
        .collect();
    let more = guids.len().saturating_sub(NAMED);
    if more > 0 {
        return format!("items {} and {more} more", first.join(", "));
    }
    format!("items {}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_the_first_items() {
        let guids: Vec<Guid> = (1..=22).map(Guid).collect();
        assert_eq!(listed(&guids[..2]), "items 1, 2");
        let all = listed(&guids);
        assert!(all.starts_with("items 1, 2, 3,"), "{all}");
        assert!(all.ends_with("19, 20 and 2 more"), "{all}");
    }
}
