//! The items of a message that are still to be paired.
//!
//! A comparison of all items pairs them as they come, and a pair once made is not broken: the
//! content of both is joined, and what a device is told of it cannot be taken back. So before an item
//! takes a record that is merely like it, this looks whether an item that comes later in the message
//! says the same as that record. Of what comes in later messages nothing is known.

use std::collections::BTreeMap;

use pim::{Comparable, Likeness};
use syncml::{ChangeKind, Command, Meta};

use super::state::DatastoreState;
use crate::content::content_of;
use crate::store::StoredItem;

/// Items ahead, in the order of the message; those that were taken are gone.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    items: Vec<Option<Waiting>>,
    /// All before were taken.
    first: usize,
    /// Places of items by [`Comparable::signature`], made when it is first asked for: in most messages
    /// nothing asks.
    index: Option<BTreeMap<u64, Vec<usize>>>,
}

#[derive(Debug)]
struct Waiting {
    media_type: String,
    bytes: Vec<u8>,
    comparable: Option<Comparable>,
}

impl Waiting {
    fn comparable(&mut self) -> &Comparable {
        let (media_type, bytes) = (&self.media_type, &self.bytes);
        self.comparable
            .get_or_insert_with(|| Comparable::of(media_type, bytes))
    }
}

impl Ahead {
    /// The whole items among the commands, those in groups included.
    pub(super) fn of(ds: &DatastoreState, commands: &[Command<'_>]) -> Self {
        let mut ahead = Self::default();
        ahead.take(ds, commands);
        ahead
    }

    fn take(&mut self, ds: &DatastoreState, commands: &[Command<'_>]) {
        let default = ds.kind().content_types().first();
        for command in commands {
            let change = match command {
                Command::Group(group) => {
                    self.take(ds, &group.commands);
                    continue;
                }
                Command::Change(change) => change,
                _ => continue,
            };
            if !matches!(change.kind, ChangeKind::Add | ChangeKind::Replace) {
                continue;
            }
            for item in change.items.iter().filter(|item| !item.more_data) {
                let meta: Meta<'_> = item.meta.clone().unwrap_or_default();
                let meta = meta.inherit(change.meta.as_ref());
                let Some(bytes) = content_of(item, &meta) else {
                    continue;
                };
                let media_type = meta.media_type.as_deref();
                let media_type = media_type.unwrap_or(default.map_or("", |first| first.0));
                self.items.push(Some(Waiting {
                    media_type: media_type.trim().to_owned(),
                    bytes: bytes.into_owned(),
                    comparable: None,
                }));
            }
        }
    }

    /// An item is being taken.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let mut left = self.items.iter_mut().skip(self.first);
        let is_it =
            |item: &&mut Option<Waiting>| item.as_ref().is_some_and(|item| item.bytes == bytes);
        if let Some(item) = left.find(is_it) {
            *item = None;
        }
        while self.items.get(self.first).is_some_and(Option::is_none) {
            self.first += 1;
        }
    }

    /// Whether one of them says the same as a record.
    pub(super) fn wants(&mut self, record: &StoredItem, comparable: &Comparable) -> bool {
        let (items, first) = (&mut self.items, self.first);
        let index = self.index.get_or_insert_with(|| {
            let mut index: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            for (place, item) in items.iter_mut().enumerate().skip(first) {
                if let Some(item) = item {
                    let places = index.entry(item.comparable().signature());
                    places.or_default().push(place);
                }
            }
            index
        });
        let Some(places) = index.get_mut(&comparable.signature()) else {
            return false;
        };
        // each that was taken is passed over once
        places.retain(|place| items.get(*place).is_some_and(Option::is_some));
        places.iter().any(|place| {
            let item = items.get_mut(*place).and_then(Option::as_mut);
            item.is_some_and(|item| {
                item.bytes == record.content
                    || item.comparable().compare(comparable) == Likeness::Same
            })
        })
    }
}
