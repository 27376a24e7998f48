//! Items of ours that were read for a comparison, kept for the rest of a message: where many records have
//! one name, each item of the device is compared with the same ones.

use std::collections::BTreeMap;
use std::rc::Rc;

use pim::Comparable;

use super::view::View;
use crate::store::StoredItem;

/// Items that are kept; with more of them all are forgotten.
const MOST: usize = 1000;

/// An item as it was after a change: datastore, GUID, change sequence.
type Key = (i64, i64, i64);

/// What was read in a message.
#[derive(Debug, Default)]
pub(super) struct Compared {
    whole: BTreeMap<Key, Rc<Comparable>>,
    /// As the device would be shown it; `None` where that is as it is.
    shown: BTreeMap<Key, Option<Rc<Comparable>>>,
}

fn key(item: &StoredItem, datastore: i64) -> Key {
    (datastore, item.guid.0, item.content_seq.0)
}

impl Compared {
    /// What was read may not hold any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The whole of an item of a datastore.
    pub(super) fn whole(&mut self, item: &StoredItem, datastore: i64) -> Rc<Comparable> {
        bound(&mut self.whole);
        let read = || Rc::new(Comparable::of(&item.media_type, &item.content));
        Rc::clone(self.whole.entry(key(item, datastore)).or_insert_with(read))
    }

    /// What the device would be shown of it, if that is another text.
    pub(super) fn shown(
        &mut self,
        item: &StoredItem,
        datastore: i64,
        view: &View,
    ) -> Option<Rc<Comparable>> {
        bound(&mut self.shown);
        let read = || {
            let shown = view.show(&item.media_type, &item.content)?;
            Some(Rc::new(Comparable::of(&shown.media_type, &shown.bytes)))
        };
        self.shown
            .entry(key(item, datastore))
            .or_insert_with(read)
            .clone()
    }
}

fn bound<T>(kept: &mut BTreeMap<Key, T>) {
    if kept.len() >= MOST {
        kept.clear();
    }
}
