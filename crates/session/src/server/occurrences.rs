//! Occurrences of series that the device has as events of their own; see [`crate::occurrences`].

use std::collections::{BTreeMap, BTreeSet};

use super::state::DatastoreState;
use super::view::says_the_same;
use super::{Run, reconcile};
use crate::occurrences::{self, Given};
use crate::store::{
    ChangeSeq, Content, DatastoreId, DatastoreKind, Guid, LinkId, Mapping, Origin, StoreError,
    StoredItem,
};
use pim::line::Lines;

/// Occurrences without a series that are let go with one message.
const LET_GO: usize = 500;

/// What a message has found out about occurrences.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Datastores of which all occurrences have followed their series.
    followed: BTreeSet<DatastoreId>,
    /// Whether a datastore has any: a device has been shown some, or had been, whatever it is shown now.
    has_some: BTreeMap<DatastoreId, bool>,
}

impl Known {
    /// What was done since the last look may be undone.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Run<'_> {
    fn has_some(&mut self, datastore: DatastoreId) -> Result<bool, StoreError> {
        if let Some(known) = self.series.has_some.get(&datastore) {
            return Ok(*known);
        }
        let has_some = self.tx.followed(datastore)? > ChangeSeq(0);
        self.series.has_some.insert(datastore, has_some);
        Ok(has_some)
    }

    /// Whether the device has an item as an event of a series.
    pub(super) fn is_occurrence(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
    ) -> Result<bool, StoreError> {
        Ok(may_have_series(ds)
            && self.has_some(link.datastore)?
            && self.tx.occurrence(link.datastore, guid)?.is_some())
    }

    /// The device's changes are about to be looked at: occurrences become what others have made of
    /// their series.
    pub(super) fn follow_series(&mut self, index: usize) -> Result<(), StoreError> {
        let (Some(login), Some(ds)) = (&self.state.login, self.state.datastores.get(index)) else {
            return Ok(());
        };
        if ds.has_occurrences {
            let datastore = ds.link(login).datastore;
            if occurrences::follow(self.tx, datastore, self.request.now)? {
                self.series.followed.insert(datastore);
            }
            self.series.has_some.remove(&datastore);
        }
        Ok(())
    }

    /// The device is about to change an item. If that is an occurrence of a series that it has not
    /// followed yet, what others have made of the series counts first.
    pub(super) fn catch_up_series(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
    ) -> Result<(), StoreError> {
        let datastore = link.datastore;
        if !may_have_series(ds)
            || self.series.followed.contains(&datastore)
            || !self.has_some(datastore)?
        {
            return Ok(());
        }
        let Some(mapping) = self.current_mapping(ds, link, luid)? else {
            return Ok(());
        };
        if let Some((series, _)) = self.tx.occurrence(datastore, mapping.guid)? {
            occurrences::follow_series(self.tx, datastore, series, self.request.now)?;
        }
        Ok(())
    }

    /// The device's last change is in. Where it has changed an occurrence of a series that was deleted
    /// here, the change outlives the deletion: the occurrence becomes an item of its own.
    pub(super) fn settle_occurrences(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
    ) -> Result<(), StoreError> {
        let now = self.request.now;
        let is_followed = ds.has_occurrences && occurrences::follow(self.tx, link.datastore, now)?;
        if !is_followed {
            return Ok(());
        }
        for guid in self.tx.stray_occurrences(link.datastore, LET_GO)? {
            let Some(before) = self.tx.item(link.datastore, guid)? else {
                continue;
            };
            let device = self.state.device.clone();
            let by = (Origin::Session(&device), now);
            let content = Content::new(&before.media_type, &before.content);
            occurrences::let_go(self.tx, link.datastore, (guid, content), by)?;
            self.stay_in_step(ds, link, &before)?;
        }
        Ok(())
    }

    /// [`Self::give_back`] of the item that has this LUID, if there is one.
    pub(super) fn give_back_of(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
    ) -> Result<(), StoreError> {
        if !may_have_series(ds) || !self.has_some(link.datastore)? {
            return Ok(());
        }
        match self.current_mapping(ds, link, luid)? {
            Some(mapping) => self.give_back(ds, link, mapping.guid),
            None => Ok(()),
        }
    }

    /// Brings what the device has made of an item into the series of which the item is an occurrence.
    pub(super) fn give_back(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        guid: Guid,
    ) -> Result<(), StoreError> {
        let datastore = link.datastore;
        if !may_have_series(ds) || !self.has_some(datastore)? {
            return Ok(());
        }
        let Some((series, key)) = self.tx.occurrence(datastore, guid)? else {
            return Ok(());
        };
        let Some(item) = self.tx.item(datastore, guid)? else {
            return Ok(());
        };
        let device = self.state.device.clone();
        let by = (Origin::Session(&device), self.request.now);
        let form = pim::Format::ICalendar20;
        let event = self
            .view(ds)?
            .read(&item.media_type, &item.content, form)
            .unwrap_or_default();
        let given = (&item, event.as_slice());
        match occurrences::give_back(self.tx, datastore, given, (series, &key), by)? {
            Given::Changed(before, after) => {
                self.stay_in_step(ds, link, &before)?;
                self.spell(ds, link, &item, (&after, &key))
            }
            Given::Own => self.stay_in_step(ds, link, &item),
            Given::Nothing | Given::Stray => Ok(()),
        }
    }

    /// A series of the device's own may have added dates in it, which it gets as events. So that it has
    /// none twice, it gets the series without them.
    pub(super) fn tell_dates(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        given: &reconcile::Given<'_>,
        luid: &str,
    ) -> Result<(), StoreError> {
        if !ds.has_occurrences || !Lines::new(given.text).any(|line| line.is("RDATE")) {
            return Ok(());
        }
        let Some(mapping) = self.current_mapping(ds, link, luid)? else {
            return Ok(());
        };
        let Some(item) = self.tx.item(link.datastore, mapping.guid)? else {
            return Ok(());
        };
        if pim::occurrences(&item.media_type, &item.content).is_empty() {
            return Ok(());
        }
        self.doubt(link, &mapping)?;
        if item.seq.0 <= ds.seen {
            // nothing has changed that it would hear of in any case
            self.tell_place(link, mapping.guid)?;
        }
        Ok(())
    }

    /// Gives an occurrence the text that follows from its series, so that no later look at the series
    /// finds another one.
    fn spell(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        (series, key): (&StoredItem, &str),
    ) -> Result<(), StoreError> {
        let all = pim::occurrences(&series.media_type, &series.content);
        let Some(own) = all.into_iter().find(|one| one.key == key) else {
            return Ok(());
        };
        let content = Content::new(pim::Format::ICalendar20.media_type(), &own.content);
        if item.deleted || content.fingerprint.exact == item.exact {
            return Ok(());
        }
        let now = self.request.now;
        self.tx
            .replace_item(link.datastore, item.guid, content, Origin::Local, now)?;
        self.stay_in_step(ds, link, item)
    }

    /// An item became another one by what the device itself did elsewhere: one that it held as it was
    /// it holds as it is, if that is all the same to it.
    fn stay_in_step(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        before: &StoredItem,
    ) -> Result<(), StoreError> {
        let Some(after) = self.tx.item(link.datastore, before.guid)? else {
            return Ok(());
        };
        let held = self.tx.mapping_of(link, before.guid)?.filter(|held| {
            held.generation == ds.generation && held.revision >= before.seq && !held.stale
        });
        let Some(held) = held else {
            return Ok(());
        };
        let text = self.tx.device_text(link, before.guid)?;
        let (was, is) = (self.shown_now(ds, before)?, self.shown_now(ds, &after)?);
        let of = pim::Format::VCalendar10.media_type();
        let is_same =
            says_the_same((of, &was), (of, &is)) || self.view(ds)?.agree((of, &was), (of, &is));
        let mapping = Mapping {
            revision: after.seq,
            stale: !is_same,
            ..held
        };
        self.tx.put_mapping(link, &mapping)?;
        let text = text.or_else(|| (was != is).then_some(was));
        match text.filter(|_| is_same) {
            Some(text) => self.tx.keep_device_text(link, before.guid, &text),
            None => Ok(()),
        }
    }
}

/// Whether a datastore may hold series.
fn may_have_series(ds: &DatastoreState) -> bool {
    matches!(ds.kind(), DatastoreKind::Calendar | DatastoreKind::Tasks)
}
