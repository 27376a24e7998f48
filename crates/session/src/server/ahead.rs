//! The items of a message that are still to be paired.
//!
//! A comparison of all items pairs them as they come, and a pair once made is not broken: the
//! content of both is joined, and what a device is told of it cannot be taken back. So before an item
//! takes a record that is merely like it, this looks whether an item that comes later in the message
//! says the same as that record. Of what comes in later messages nothing is known.

use std::collections::VecDeque;

use pim::{Fingerprint, Likeness};
use syncml::{ChangeKind, Command, Meta};

use super::state::DatastoreState;
use crate::content::content_of;
use crate::store::{Content, StoredItem};

/// Items ahead, in the order of the message.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    items: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    media_type: String,
    bytes: Vec<u8>,
    /// Taken when it is first asked for: in most messages nothing asks.
    fingerprint: Option<Fingerprint>,
}

impl Waiting {
    fn fingerprint(&mut self) -> Fingerprint {
        let (media_type, bytes) = (&self.media_type, &self.bytes);
        *self
            .fingerprint
            .get_or_insert_with(|| pim::fingerprint(media_type, bytes))
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
                self.items.push_back(Waiting {
                    media_type: media_type.trim().to_owned(),
                    bytes: bytes.into_owned(),
                    fingerprint: None,
                });
            }
        }
    }

    /// An item is being taken.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        if let Some(at) = self.items.iter().position(|item| item.bytes == bytes) {
            self.items.remove(at);
        }
    }

    /// Whether one of them says the same as a record that `content` is merely like.
    pub(super) fn wants(&mut self, record: &StoredItem, content: &Content<'_>) -> bool {
        let like = &content.fingerprint;
        self.items.iter_mut().any(|item| {
            let own = item.fingerprint();
            let may_be_same = own.exact == record.exact
                || (own.key.is_some() && own.key == like.key)
                || (own.uid.is_some() && own.uid == like.uid);
            may_be_same
                && pim::compare(
                    &item.media_type,
                    &item.bytes,
                    &record.media_type,
                    &record.content,
                ) == Likeness::Same
        })
    }
}
