//! Edits of a device that does not hold all of an item, or of an item that was changed here, too.
//!
//! What the device sends is compared with what it held, and only the differences reach the item
//! (`pim::apply`): what the device cannot hold is not lost, and of an item that both sides changed
//! both changes stand, but for the properties that both changed.

use pim::{Habit, Likeness, Prefer};
use syncml::StatusCode;

use super::incoming::Whole;
use super::reconcile::Given;
use super::state::DatastoreState;
use super::view::{Texts, says_the_same};
use super::{ConflictPolicy, Run};
use crate::store::{
    ChangeSeq, Content, DatastoreKind, Guid, LinkId, Mapping, Origin, StoreError, StoredItem,
};

/// The device's side of an edit.
struct Pair<'p> {
    luid: &'p str,
    /// The device held the item as it is.
    had_it: bool,
    /// What the item was goes on living in a copy.
    is_doubled: bool,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// The device has all of the item that it could hold.
    InStep,
    /// The device is to be sent what the edit came to.
    Behind,
    /// It waits for a decision.
    Waits,
}

impl Run<'_> {
    /// Keeps the device's text where it is not what the device would be shown.
    pub(super) fn keep_given(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
        given: &Given<'_>,
    ) -> Result<(), StoreError> {
        let stored = (given.content.media_type, given.content.bytes);
        self.keep_text(ds, link, guid, stored, given.text)
    }

    /// The whole of an object of which the device says what has changed: flags without the message,
    /// a name without the content.
    pub(super) fn complete_object(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        given: &Whole<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !matches!(ds.kind(), DatastoreKind::Mail | DatastoreKind::Files) {
            return Ok(None);
        }
        let Some(mapping) = self.current_mapping(ds, link, given.luid)? else {
            return Ok(None);
        };
        let Some(item) = self.tx.item(link.datastore, mapping.guid)? else {
            return Ok(None);
        };
        let shown = self.shown_now(ds, &item)?;
        let media_type = given.media_type.unwrap_or(&item.media_type);
        let whole = pim::complete_object(media_type, &item.content, &shown, given.bytes);
        Ok(whole)
    }

    /// How an item of the device compares with one of ours: with the whole of it, and with what the
    /// device would hold of it.
    pub(super) fn likeness(
        &mut self,
        ds: &DatastoreState,
        given: &Given<'_>,
        item: &StoredItem,
    ) -> Result<Likeness, StoreError> {
        let whole = if given.content.bytes == item.content {
            Likeness::Same
        } else {
            given.whole().compare(&self.compared.whole(item, ds.number))
        };
        if whole == Likeness::Same {
            return Ok(whole);
        }
        let view = self.view(ds)?;
        let Some(shown) = self.compared.shown(item, ds.number, &view) else {
            return Ok(whole);
        };
        let likeness = given.own().compare(&shown);
        Ok(match (whole, likeness) {
            (_, Likeness::Same) => Likeness::Same,
            (Likeness::Match(a), Likeness::Match(b)) => Likeness::Match(a.max(b)),
            (Likeness::Different, other) => other,
            (other, _) => other,
        })
    }

    /// Whether the device may hold an item in another form than the server: it may leave out what
    /// it is not known to keep.
    pub(super) fn is_in_view(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        given: &Given<'_>,
    ) -> Result<bool, StoreError> {
        let ours = pim::Format::of(&item.media_type, &item.content);
        let habit = self.view(ds)?.habit(given.media_type, given.text, false);
        let may_lack = ours.is_some() && habit == Habit::Unknown;
        Ok(may_lack || self.is_in_other_form(ds, link, item, given)?)
    }

    /// Whether the device is known to hold an item in another form than the server.
    pub(super) fn is_in_other_form(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        given: &Given<'_>,
    ) -> Result<bool, StoreError> {
        let ours = pim::Format::of(&item.media_type, &item.content);
        let theirs = pim::Format::of(given.media_type, given.text);
        if ours.is_none() || theirs.is_none() {
            return Ok(false);
        }
        Ok(ours != theirs || self.has_own_form(ds, link, item)?)
    }

    /// Whether the version that the device has of an item that was changed since was, or may have been,
    /// shown to it in another form: what was left out then may fit now.
    fn was_in_view(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
        item: &StoredItem,
    ) -> Result<bool, StoreError> {
        let view = self.view(ds)?;
        let is_record = pim::Format::of(&item.media_type, &item.content).is_some();
        let may_differ = is_record && view.may_change(&item.media_type, &item.content);
        if item.content_seq <= mapping.revision || !may_differ {
            return Ok(false);
        }
        let at = mapping.revision;
        let former = self.tx.content_at(link.datastore, item.guid, at)?;
        Ok(former.is_none_or(|former| view.show(&item.media_type, &former).is_some()))
    }

    /// Whether an item goes to the device in another form than the server's, or is known to be held
    /// by it in another one.
    pub(super) fn has_own_form(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
    ) -> Result<bool, StoreError> {
        if pim::Format::of(&item.media_type, &item.content).is_none() {
            return Ok(false);
        }
        let view = self.view(ds)?;
        Ok(ds.selection.some_fields
            || view.show(&item.media_type, &item.content).is_some()
            || self.tx.device_text(link, item.guid)?.is_some())
    }

    /// Applies what a person changed on the device to the item. `None` where the device's version
    /// is all there is to say.
    // spec: H05 H20 H23
    pub(super) fn take_edit(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
        item: &StoredItem,
        given: &Given<'_>,
        conflict: bool,
    ) -> Result<Option<StatusCode>, StoreError> {
        // a stale pair may be of a part
        let in_view = mapping.stale
            || self.is_in_view(ds, link, item, given)?
            || self.was_in_view(ds, link, mapping, item)?;
        if !in_view && !conflict {
            return Ok(None);
        }
        let held = self.held_text(ds, link, item, mapping)?;
        if held.is_none() && !in_view {
            return Ok(None);
        }
        let is_untouched = held.as_ref().is_some_and(|held| {
            says_the_same((given.media_type, held), (given.media_type, given.text))
        });
        if is_untouched && item.deleted {
            // it came again: the deletion is on its way
            return Ok(Some(StatusCode::OK));
        }
        let view = self.view(ds)?;
        let ours = (item.media_type.as_str(), item.content.as_slice());
        let theirs = (given.media_type, given.text);
        let is_own = self.own_text(ds, link, item)?.is_some();
        let habit = view.habit(given.media_type, given.text, is_own);
        let Some(texts) = view.edit(ours, held.as_deref(), theirs, habit) else {
            return Ok(None);
        };
        let policy = self.policy_for(link, item, &given.content)?;
        let prefer = match policy {
            _ if !conflict || item.deleted => Prefer::New,
            ConflictPolicy::ServerWins | ConflictPolicy::Ask => Prefer::Current,
            _ => Prefer::New,
        };
        let Some(mut applied) = texts.apply(prefer) else {
            return Ok(None);
        };
        let (before, now) = (&texts.current, self.request.now);
        if let Some(stamped) = pim::stamp_completion(before, &applied.bytes, now) {
            applied.bytes = stamped;
        }
        let disputed = conflict && !item.deleted && !applied.conflicts.is_empty();
        let is_doubled = disputed && policy == ConflictPolicy::Duplicate;
        if disputed && (policy == ConflictPolicy::Ask || (is_doubled && !in_view)) {
            return Ok(None);
        }
        if is_doubled {
            // what the device cannot hold is in both
            self.add_copy(ds, link, item)?;
        }
        if disputed {
            self.info(format!(
                "{}: item {} was changed on both sides: {}",
                ds.name,
                item.guid.0,
                applied.conflicts.join(", ")
            ));
            if prefer == Prefer::Current {
                let origin = self.state.device.clone();
                self.tx.keep_overruled(
                    link.datastore,
                    item.guid,
                    given.content,
                    Origin::Session(&origin),
                    self.request.now,
                )?;
            }
        }
        let pair = Pair {
            luid: &mapping.luid,
            had_it: mapping.revision >= item.seq && !mapping.stale,
            is_doubled,
        };
        let made = self.keep_applied(ds, link, &pair, item, given, (&texts, &applied))?;
        Ok(Some(match (disputed, made) {
            (_, Made::Waits) => StatusCode::ACCEPTED,
            _ if is_doubled => StatusCode::CONFLICT_DUPLICATED,
            (true, Made::InStep) => StatusCode::CONFLICT_CLIENT_WON,
            (true, Made::Behind) if prefer == Prefer::Current && applied.bytes == texts.current => {
                StatusCode::CONFLICT_SERVER_WON
            }
            (_, Made::Behind) => StatusCode::CONFLICT_MERGED,
            // the change has won over a deletion here
            // spec: H21
            (false, Made::InStep) if conflict && item.deleted => StatusCode::CONFLICT_CLIENT_WON,
            (false, Made::InStep) => StatusCode::OK,
        }))
    }

    /// Joins an item of the device with the one of ours that it was found to be the same as, when
    /// nothing tells which is newer: the device's values stand, beside what it cannot hold. With
    /// `replaces` what it could hold and has not goes.
    // spec: H05
    pub(super) fn join(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        item: &StoredItem,
        given: &Given<'_>,
        replaces: bool,
    ) -> Result<Option<StatusCode>, StoreError> {
        let view = self.view(ds)?;
        let ours = (item.media_type.as_str(), item.content.as_slice());
        let habit = view.habit(given.media_type, given.text, false);
        let Some(texts) = view.edit(ours, None, (given.media_type, given.text), habit) else {
            return Ok(None);
        };
        let texts = if replaces {
            texts.replacing(&view)
        } else {
            texts
        };
        let Some(applied) = texts.apply(Prefer::New) else {
            return Ok(None);
        };
        let pair = Pair {
            luid,
            had_it: false,
            is_doubled: false,
        };
        let made = self.keep_applied(ds, link, &pair, item, given, (&texts, &applied))?;
        Ok(Some(match made {
            Made::InStep => StatusCode::OK,
            Made::Behind => StatusCode::CONFLICT_MERGED,
            Made::Waits => StatusCode::ACCEPTED,
        }))
    }

    /// Writes what came of an edit, and what the device holds. A device that held the item as it
    /// is, and only spells it in another way, is left with that: two that correct each other would
    /// never end. An edit that leaves little of the item counts as a replacement.
    fn keep_applied(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        pair: &Pair<'_>,
        item: &StoredItem,
        given: &Given<'_>,
        (texts, applied): (&Texts, &pim::Applied),
    ) -> Result<Made, StoreError> {
        let is_changed = applied.bytes != texts.current || item.deleted;
        let (media_type, bytes) = if is_changed {
            (texts.media_type.as_str(), applied.bytes.as_slice())
        } else {
            (item.media_type.as_str(), item.content.as_slice())
        };
        let view = self.view(ds)?;
        // of two spellings that say the same, the device's own; that of an occurrence goes into a series
        let is_theirs = is_changed
            && !self.is_occurrence(ds, link, item.guid)?
            && view.show(given.media_type, given.text).is_none()
            && says_the_same((media_type, bytes), (given.media_type, given.text));
        let (media_type, bytes) = if is_theirs {
            (given.media_type, given.text)
        } else {
            (media_type, bytes)
        };
        let content = Content::new(media_type, bytes);
        let may_wait = is_changed && !item.deleted && !pair.is_doubled;
        if may_wait && self.withholds_edit(ds, link, item, content)? {
            // revision 0: when it is rejected, the device gets ours
            self.map(ds, link, pair.luid, item.guid, ChangeSeq(0))?;
            if given.text != bytes {
                self.tx.keep_device_text(link, item.guid, given.text)?;
            }
            return Ok(Made::Waits);
        }
        if ds.damage.is_held() {
            self.tx.forget_withheld(link, item.guid)?;
        }
        let mut seq = item.seq;
        if is_changed {
            let origin = self.state.device.clone();
            let origin = Origin::Session(&origin);
            seq = self.tx.replace_item(
                link.datastore,
                item.guid,
                content,
                origin,
                self.request.now,
            )?;
        }
        let shown = view.show(media_type, bytes);
        let (shown_type, shown) = shown.as_ref().map_or((media_type, bytes), |shown| {
            (shown.media_type.as_str(), shown.bytes.as_slice())
        });
        let (shown_item, given_item) = ((shown_type, shown), (given.media_type, given.text));
        // a photo of its own that would be too large to be sent to it stays on the device
        let without_media = view.without_media(given.media_type, given.text);
        let given_item = (
            given_item.0,
            without_media.as_deref().unwrap_or(given_item.1),
        );
        let in_step = (pair.had_it && (!is_changed || view.lacks_only(shown_item, given_item)))
            || says_the_same(shown_item, given_item)
            || view.agree(shown_item, given_item);
        // revision 0: the device does not hold this version yet
        let revision = if in_step { seq } else { ChangeSeq(0) };
        self.map(ds, link, pair.luid, item.guid, revision)?;
        if shown != given.text || view.habit(given.media_type, shown, false) == Habit::Unknown {
            self.tx.keep_device_text(link, item.guid, given.text)?;
        }
        Ok(if in_step { Made::InStep } else { Made::Behind })
    }
}
