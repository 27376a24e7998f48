//! What the device still lacks when a session ends.
//!
//! A filter has to look into items to say which of them it lets through. So a message looks at a slice
//! of a datastore only, and what was let through is noted: the end of the session looks at these
//! changes alone, and not at the datastore once more.
//!
//! ```text
//! slice of changes ─▶ filter ─▶ noted, sent ─▶ statuses, maps ─▶ the first that is still open
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Run;
use super::outgoing::range_of;
use super::state::DatastoreState;
use crate::store::{LinkId, Pending, PendingRange, StoreError};

/// Items that are looked at in one message and not sent.
pub(super) const SLICE: usize = 1000;

/// Changes that are noted; the state of the session is read and written with each message.
const NOTED: usize = 2000;

/// Items read from the store at a time.
const BATCH: usize = 100;

/// Changes that were let through since the sending began, those left out that the device has by now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    changes: BTreeSet<i64>,
    /// From here on nothing is noted, for want of room.
    beyond: Option<i64>,
}

impl Run<'_> {
    /// Whether items have to be looked into to know if the device gets them.
    fn looks_into(&mut self, ds: &DatastoreState) -> Result<bool, StoreError> {
        Ok(ds.selection.chooses() || self.view(ds)?.may_hide())
    }

    /// A message begins to send changes of a datastore: what is let through is noted from the first
    /// change on, or not at all.
    pub(super) fn note_from(&mut self, index: usize) -> Result<(), StoreError> {
        let Some(ds) = self.state.datastores.get(index).cloned() else {
            return Ok(());
        };
        let looks_into = self.looks_into(&ds)?;
        if let Some(ds) = self.state.datastores.get_mut(index) {
            if !looks_into {
                ds.noted = None;
            } else if ds.cursor <= ds.seen && ds.noted.is_none() {
                ds.noted = Some(Noted::default());
            }
        }
        Ok(())
    }

    /// A change was let through.
    pub(super) fn note(&mut self, index: usize, link: LinkId, seq: i64) -> Result<(), StoreError> {
        let Some(ds) = self.state.datastores.get_mut(index) else {
            return Ok(());
        };
        let Some(mut noted) = ds.noted.take() else {
            return Ok(());
        };
        let ds = ds.clone();
        if noted.changes.len() >= NOTED && noted.beyond.is_none() {
            let mut open = BTreeSet::new();
            for seq in noted.changes {
                if self.tx.pending(link, only(&ds, seq))?.pop().is_some() {
                    open.insert(seq);
                }
            }
            noted.changes = open;
            if noted.changes.len() >= NOTED {
                noted.beyond = Some(seq);
            }
        }
        if noted.beyond.is_none_or(|beyond| seq < beyond) {
            noted.changes.insert(seq);
        }
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.noted = Some(noted);
        }
        Ok(())
    }

    /// The first change that the device still lacks, by what the filter lets through; or one before
    /// it, where more than a slice would have to be looked at.
    pub(super) fn first_open(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
    ) -> Result<Option<i64>, StoreError> {
        if !self.looks_into(ds)? {
            let first = self.tx.pending(link, open_range(ds, ds.seen, 1))?.pop();
            return Ok(first.map(|pending| pending.item.seq.0));
        }
        let mut after = ds.seen;
        if let Some(noted) = ds.noted.as_ref().filter(|_| ds.sent_all) {
            for seq in &noted.changes {
                if let Some(pending) = self.tx.pending(link, only(ds, *seq))?.pop()
                    && self.is_open(ds, link, pending)?
                {
                    return Ok(Some(*seq));
                }
            }
            match noted.beyond {
                Some(beyond) => after = beyond - 1,
                None => return Ok(None),
            }
        }
        for _ in 0..SLICE / BATCH {
            let batch = self.tx.pending(link, open_range(ds, after, BATCH))?;
            let is_last = batch.len() < BATCH;
            for pending in batch {
                let seq = pending.item.seq.0;
                if self.is_open(ds, link, pending)? {
                    return Ok(Some(seq));
                }
                after = seq;
            }
            if is_last {
                return Ok(None);
            }
        }
        Ok(Some(after + 1))
    }

    /// Whether the device lacks an item that it does not hold as it is.
    fn is_open(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mut pending: Pending,
    ) -> Result<bool, StoreError> {
        let is_held = pending.mapping.is_some();
        Ok(is_held
            || (self.is_inside(ds, link, &mut pending)? && !self.is_hidden(ds, link, &pending)?))
    }
}

/// Items after a change that the device does not hold as they are.
fn open_range(ds: &DatastoreState, after: i64, limit: usize) -> PendingRange {
    PendingRange {
        with_held: false,
        ..range_of(ds, after, limit)
    }
}

/// The item of one change.
fn only(ds: &DatastoreState, seq: i64) -> PendingRange {
    let range = open_range(ds, seq - 1, 1);
    PendingRange {
        until: range.until.min(crate::store::ChangeSeq(seq)),
        ..range
    }
}
