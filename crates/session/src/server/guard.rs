//! Deletions and replacements of a device that are too many to be taken on trust.
//!
//! They are counted by session and datastore. The one that is too many turns them all into changes
//! that wait for a decision ([`crate::guard`]): what was made already is taken back, what follows
//! is not made. The device is told that they are accepted (status 202) and ends its session as
//! ever, so nothing depends on what it would do about a refusal; whichever way the decision
//! goes, the server has all it takes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use syncml::StatusCode;

use super::reconcile::Given;
use super::state::DatastoreState;
use super::{ConflictPolicy, Run};
use crate::guard::{Before, Replacement, Withheld, tell_place_again};
use crate::hash::hash;
use crate::store::{ChangeSeq, Content, Guid, LinkId, Mapping, Origin, StoreError, StoredItem};

/// How much of a datastore one session may delete and replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// This share of the items that were live when it began, percent.
    pub share: u8,
    /// So many items in any case.
    pub floor: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            share: 50,
            floor: 20,
        }
    }
}

impl Guard {
    /// The most that a session may delete and replace of a datastore that had so many items.
    fn limit(self, live: u64) -> u64 {
        let share = live / 100 * u64::from(self.share) + live % 100 * u64::from(self.share) / 100;
        self.floor.max(share)
    }
}

/// What a session has done to a datastore so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Damage {
    #[serde(default)]
    added: u64,
    #[serde(default)]
    deleted: u64,
    #[serde(default)]
    replaced: u64,
    /// The most that it may delete and replace, once that was looked up.
    #[serde(default)]
    limit: Option<u64>,
    /// The name under which deletions and replacements wait for a decision.
    #[serde(default)]
    hold: Option<String>,
}

impl Damage {
    /// Of a session that begins: what it deletes and replaces waits, too, as long as other
    /// changes of the device do.
    pub(super) fn with_hold(hold: Option<String>) -> Self {
        Self {
            hold,
            ..Self::default()
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    pub(super) fn count_addition(&mut self) {
        self.added += 1;
    }
}

impl Run<'_> {
    fn damage(&mut self, ds: &DatastoreState) -> Option<&mut Damage> {
        let mut all = self.state.datastores.iter_mut();
        let found = all.find(|known| known.number == ds.number);
        found.map(|known| &mut known.damage)
    }

    pub(super) fn count_addition(&mut self, ds: &DatastoreState) {
        if let Some(damage) = self.damage(ds) {
            damage.count_addition();
        }
    }

    /// Whether the deletion (without content) or replacement of a live item waits for a decision;
    /// then it is kept, and must not be made.
    pub(super) fn withholds(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
        content: Option<Content<'_>>,
    ) -> Result<bool, StoreError> {
        let Some(guard) = self.config.guard else {
            return Ok(false);
        };
        let is_occurrence = self.is_occurrence(ds, link, guid)?;
        if is_occurrence && content.is_some() {
            // an edit of the series, which loses no item
            return Ok(false);
        }
        let Some(damage) = self.damage(ds) else {
            return Ok(false);
        };
        if damage.hold.is_none() {
            match content {
                Some(_) => damage.replaced += 1,
                None => damage.deleted += 1,
            }
            let (added, deleted) = (damage.added, damage.deleted);
            let made = deleted + damage.replaced;
            if made <= guard.floor {
                return Ok(false);
            }
            let limit = if let Some(limit) = damage.limit {
                limit
            } else {
                let live = self.tx.live_items(link.datastore)?;
                // this one is counted and not made yet
                let gone = deleted - u64::from(content.is_none());
                guard.limit((live + gone).saturating_sub(added))
            };
            if let Some(damage) = self.damage(ds) {
                damage.limit = Some(limit);
            }
            if made <= limit {
                return Ok(false);
            }
            self.hold(ds, link, limit)?;
        }
        if is_occurrence {
            // what waits are changes of items; the device gets its event again
            self.tell_place(link, guid)?;
            return Ok(true);
        }
        let content = content.map(|content| Replacement {
            media_type: content.media_type.to_owned(),
            content: content.bytes.to_vec(),
        });
        self.withhold(ds, link, guid, content)?;
        Ok(true)
    }

    /// Whether an edit of a live item waits for a decision, because it leaves so little of the item
    /// that it replaces it; then it is kept, and must not be made.
    pub(super) fn withholds_edit(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        content: Content<'_>,
    ) -> Result<bool, StoreError> {
        let before = (item.media_type.as_str(), item.content.as_slice());
        Ok(pim::replaces(before, (content.media_type, content.bytes))
            && self.withholds(ds, link, item.guid, Some(content))?)
    }

    /// Takes back what the session has made of the datastore, as changes that wait.
    fn hold(&mut self, ds: &DatastoreState, link: LinkId, limit: u64) -> Result<(), StoreError> {
        let name = self.session.clone();
        if let Some(damage) = self.damage(ds) {
            damage.hold = Some(name.clone());
        }
        let copies = self.copies_of(link, &name)?;
        for guid in self.tx.changed_by(link.datastore, &name)? {
            let (Some(before), Some(item)) = (
                self.tx.before(link.datastore, guid, &name)?,
                self.tx.item(link.datastore, guid)?,
            ) else {
                continue;
            };
            let mapping = self.tx.mapping_of(link, guid)?;
            let was_counted =
                item.deleted || self.was_counted(ds, link, mapping.as_ref(), &before, &item)?;
            let is_kept = before.deleted
                || !was_counted
                || (!item.deleted && copies.contains(&hash(&before.content)))
                || !self.tx.is_last_of(link.datastore, guid, &name)?;
            if !is_kept {
                self.take_back(ds, link, mapping, item)?;
            }
        }
        self.warn(format!(
            "{}: the device deletes and replaces more than {limit} items; these changes wait for a \
             decision: `syncline session confirm {name}` or `syncline session reject {name}`",
            ds.name
        ));
        Ok(())
    }

    /// Whether the session's replacement of an item was counted: an edit of properties is only where
    /// it leaves little of the item.
    fn was_counted(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: Option<&Mapping>,
        before: &Before,
        item: &StoredItem,
    ) -> Result<bool, StoreError> {
        let former = (before.media_type.as_str(), before.content.as_slice());
        let is_edit = mapping.is_some_and(|mapping| mapping.revision == ChangeSeq(0))
            || (pim::Format::of(former.0, former.1).is_some()
                && (ds.selection.some_fields
                    || self.view(ds)?.show(former.0, former.1).is_some()
                    || self.tx.device_text(link, item.guid)?.is_some()));
        Ok(!is_edit || pim::replaces(former, (&item.media_type, &item.content)))
    }

    /// What the items are that the session has copied so that both versions stand: nothing of the
    /// originals is lost.
    fn copies_of(&mut self, link: LinkId, session: &str) -> Result<BTreeSet<u64>, StoreError> {
        let mut copies = BTreeSet::new();
        if self.policy(link)? != ConflictPolicy::Duplicate {
            return Ok(copies);
        }
        for guid in self.tx.added_by(link.datastore, session)? {
            let item = self.tx.item(link.datastore, guid)?;
            if let Some(item) = item.filter(|item| !item.deleted) {
                copies.insert(hash(&item.content));
            }
        }
        Ok(copies)
    }

    /// Makes a change of the session one that waits; `item` is what it has made.
    fn take_back(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: Option<Mapping>,
        item: StoredItem,
    ) -> Result<(), StoreError> {
        let guid = item.guid;
        if let Some(mut mapping) = mapping.filter(|_| !item.deleted) {
            let mut text = self.tx.device_text(link, guid)?;
            if text.is_none() {
                let shown = self.view(ds)?.show(&item.media_type, &item.content);
                text = shown.map(|shown| shown.bytes);
            }
            mapping.revision = ChangeSeq(0);
            self.tx.put_mapping(link, &mapping)?;
            if let Some(text) = text.filter(|text| *text != item.content) {
                self.tx.keep_device_text(link, guid, &text)?;
            }
        }
        let session = self.session.clone();
        let now = self.request.now;
        self.tx.take_back(link.datastore, guid, &session, now)?;
        tell_place_again(self.tx, link.datastore, Some(&item), now)?;
        let replacement = (!item.deleted).then_some(Replacement {
            media_type: item.media_type,
            content: item.content,
        });
        self.withhold(ds, link, guid, replacement)
    }

    fn withhold(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
        replacement: Option<Replacement>,
    ) -> Result<(), StoreError> {
        let hold = self.damage(ds).and_then(|damage| damage.hold.clone());
        let (Some(session), Some(item)) = (hold, self.tx.item(link.datastore, guid)?) else {
            return Ok(());
        };
        self.tx.withhold(
            link,
            &Withheld {
                guid,
                session,
                device: self.state.device.clone(),
                seq: item.content_seq,
                replacement,
                at: self.request.now,
            },
        )
    }

    /// Replaces a live item, unless that waits for a decision; `done` is the status when it does
    /// not.
    pub(super) fn replace_live(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        (luid, guid): (&str, Guid),
        given: &Given<'_>,
        done: StatusCode,
    ) -> Result<StatusCode, StoreError> {
        if self.withholds(ds, link, guid, Some(given.content))? {
            // revision 0: when it is rejected, the device gets ours
            self.map(ds, link, luid, guid, ChangeSeq(0))?;
            return Ok(StatusCode::ACCEPTED);
        }
        self.overwrite(ds, link, luid, guid, given)?;
        Ok(done)
    }

    /// What the device sends of an item of which a change of its waits: another version takes the
    /// place of the one that waits, and nothing waits any more of what it has as we do, has again, or
    /// can only edit.
    pub(super) fn reconsider(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        item: &StoredItem,
        given: &Given<'_>,
    ) -> Result<Option<StatusCode>, StoreError> {
        if !ds.damage.is_held() {
            return Ok(None);
        }
        let Some(change) = self.tx.withheld(link, item.guid)? else {
            return Ok(None);
        };
        if item.deleted || change.seq != item.content_seq {
            return Ok(None);
        }
        let new = given.content.bytes;
        let is_edit = self.is_in_other_form(ds, link, item, given)?;
        if let Some(old) = change.replacement
            && item.content != new
        {
            let held = self.tx.device_text(link, item.guid)?;
            if held.as_deref().unwrap_or(&old.content) == given.text {
                // it came again, perhaps under another LUID
                self.map(ds, link, luid, item.guid, ChangeSeq(0))?;
                if held.is_some() {
                    self.tx.keep_device_text(link, item.guid, given.text)?;
                }
                return Ok(Some(StatusCode::ACCEPTED));
            }
            if is_edit || old.content != new {
                let kept = Content::new(&old.media_type, &old.content);
                let origin = Origin::Session(&change.device);
                let now = self.request.now;
                self.tx
                    .keep_overruled(link.datastore, item.guid, kept, origin, now)?;
            }
            if is_edit {
                // it tells what the device held, until the edit is made
                return Ok(None);
            }
            let place = (luid, item.guid);
            return self
                .replace_live(ds, link, place, given, StatusCode::OK)
                .map(Some);
        }
        self.tx.forget_withheld(link, item.guid)?;
        Ok(None)
    }

    /// What the device holds of an item of which its own version waits.
    pub(super) fn waiting_text(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !ds.damage.is_held() {
            return Ok(None);
        }
        let Some(change) = self.tx.withheld(link, item.guid)? else {
            return Ok(None);
        };
        let Some(waiting) = change.replacement else {
            return Ok(None);
        };
        let shown = self
            .view(ds)?
            .show(&waiting.media_type, &waiting.content)
            .map(|shown| shown.bytes);
        Ok(Some(shown.unwrap_or(waiting.content)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_share_and_floor_is_allowed() {
        let guard = Guard {
            share: 30,
            floor: 20,
        };
        assert_eq!(guard.limit(0), 20);
        assert_eq!(guard.limit(66), 20);
        assert_eq!(guard.limit(70), 21);
        assert_eq!(guard.limit(199), 59);
        assert_eq!(guard.limit(u64::MAX), u64::MAX / 100 * 30 + 4);
    }
}
