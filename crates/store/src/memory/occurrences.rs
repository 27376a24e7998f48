//! Occurrences of series, in the model.

use session::occurrences::{MAX_SERIES, Occurrences, SIGNS};
use session::store::{ChangeSeq, DatastoreId, Guid, StoreError, StoredItem};

use super::{Memory, damaged};

impl Occurrences for Memory {
    fn followed(&mut self, datastore: DatastoreId) -> Result<ChangeSeq, StoreError> {
        Ok(self.followed.get(&datastore).copied().unwrap_or_default())
    }

    fn set_followed(&mut self, datastore: DatastoreId, until: ChangeSeq) -> Result<(), StoreError> {
        self.followed.insert(datastore, until);
        Ok(())
    }

    fn changed_items(
        &mut self,
        datastore: DatastoreId,
        after: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(StoredItem, bool)>, StoreError> {
        let is_of = |series: Guid| {
            let mut all = self.items_of(datastore);
            all.any(|held| {
                held.occurrence
                    .as_ref()
                    .is_some_and(|(of, _)| *of == series)
            })
        };
        let mut changed: Vec<_> = self
            .items_of(datastore)
            .filter(|held| held.item.seq > after && held.occurrence.is_none())
            .map(|held| (held, is_of(held.item.guid)))
            .filter(|(held, is_series)| *is_series || (!held.item.deleted && is_marked(&held.item)))
            .map(|(held, is_series)| (without_more(&held.item), is_series))
            .collect();
        changed.sort_by_key(|(item, _)| item.seq);
        changed.truncate(limit);
        Ok(changed)
    }

    fn occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
    ) -> Result<Option<(Guid, String)>, StoreError> {
        let items = self.items.get(&datastore);
        let held = items.and_then(|items| items.get(&guid));
        Ok(held.and_then(|held| held.occurrence.clone()))
    }

    fn occurrences(
        &mut self,
        datastore: DatastoreId,
        series: Guid,
    ) -> Result<Vec<(String, StoredItem)>, StoreError> {
        let of_series = self.items_of(datastore).filter_map(|held| {
            let (of, key) = held.occurrence.clone()?;
            (of == series).then(|| (key, held.item.clone()))
        });
        let mut all: Vec<_> = of_series.collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(all)
    }

    fn set_occurrence(
        &mut self,
        datastore: DatastoreId,
        guid: Guid,
        of: Option<(Guid, &str)>,
    ) -> Result<(), StoreError> {
        let items = self.items.entry(datastore).or_default();
        let held = items.get_mut(&guid);
        let held = held.ok_or_else(|| damaged("an occurrence is missing"))?;
        held.occurrence = of.map(|(series, key)| (series, key.to_owned()));
        Ok(())
    }

    fn stray_occurrences(
        &mut self,
        datastore: DatastoreId,
        limit: usize,
    ) -> Result<Vec<Guid>, StoreError> {
        let mut strays: Vec<_> = self
            .items_of(datastore)
            .filter(|held| !held.item.deleted)
            .filter_map(|held| Some((held.occurrence.clone()?, held.item.guid)))
            .filter(|((series, _), _)| {
                let items = self.items.get(&datastore);
                let own = items.and_then(|items| items.get(series));
                own.is_none_or(|own| own.item.deleted)
            })
            .collect();
        strays.sort();
        Ok(strays
            .into_iter()
            .take(limit)
            .map(|(_, guid)| guid)
            .collect())
    }
}

/// Whether a content has one of the signs of a series that may have occurrences.
fn is_marked(item: &StoredItem) -> bool {
    SIGNS.iter().any(|sign| {
        let mut windows = item.content.windows(sign.len());
        windows.any(|window| window == sign.as_bytes())
    })
}

/// An item, without a content that is too large.
fn without_more(item: &StoredItem) -> StoredItem {
    let mut item = item.clone();
    if item.content.len() > MAX_SERIES {
        item.content.clear();
    }
    item
}
