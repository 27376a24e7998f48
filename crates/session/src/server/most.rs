//! How large an item may be that a device is sent: what does not fit is shown without its photo.
//!
//! The limit belongs to the view, so that what the device holds can be made again; and the link remembers
//! it with the view's name, because messages and objects of another session may be of another size.

use pim::Holdings;
use syncml::Version;

use super::Run;
use super::state::DatastoreState;
use crate::store::DatastoreKind;

/// Bytes of a message beside the one item in it: the header, statuses, Sync and the command.
const FRAME: u64 = 1500;

/// What stands in a link between the name of the view and its limit.
const MARK: char = '@';

/// In other words an item may take several times its bytes: quoted-printable has three letters for one.
const GROWTH: u64 = 4;

/// What is kept of a card that is too large.
const WITHOUT_MEDIA: Holdings = Holdings {
    properties: None,
    max_photo: Some(0),
};

/// A view as a link remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Remembered<'l> {
    /// Its name; empty for items as they are.
    pub(super) name: &'l str,
    /// Its limit.
    pub(super) most: Option<u64>,
}

impl<'l> Remembered<'l> {
    pub(super) fn read(link: &'l str) -> Self {
        let Some((name, most)) = link.split_once(MARK) else {
            return Self {
                name: link,
                most: None,
            };
        };
        Self {
            name,
            most: most.parse().ok(),
        }
    }

    pub(super) fn write(&self) -> String {
        match self.most {
            Some(most) => format!("{}{MARK}{most}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// Bytes from which on an item may be shown in another form under this limit than under another;
    /// `None` where there is no difference.
    pub(super) fn differs_from(&self, other: Option<u64>) -> Option<u64> {
        let least = self.most.into_iter().chain(other).min()?;
        (self.most != other).then_some(least / GROWTH)
    }
}

/// A card without its photo, logo and sound; `None` where it has none.
pub(super) fn without_media(media_type: &str, card: &[u8]) -> Option<Vec<u8>> {
    pim::fit(card, media_type, &WITHOUT_MEDIA).map(|fitted| fitted.bytes)
}

impl Run<'_> {
    /// Whether an object of this size may go to the device at all.
    // spec: J12
    pub(super) fn may_send(&self, size: u64) -> bool {
        self.state.peer_max_obj_size.is_none_or(|most| size <= most)
    }

    /// Bytes of the largest object that may go in chunks.
    // spec: J12 J15
    pub(super) fn most_in_chunks(&self) -> u64 {
        let (state, rules) = (&self.state, &self.state.rules);
        if !state.large_objects || state.version() < Version::V1_1 {
            return 0;
        }
        let limits = state
            .peer_max_obj_size
            .into_iter()
            .chain(rules.object_limit);
        limits.min().unwrap_or(u64::MAX)
    }

    /// Bytes of the largest card that reaches the device whatever else is in a message; `None` where
    /// any does.
    pub(super) fn most_shown(&self, ds: &DatastoreState) -> Option<u64> {
        if ds.kind() != DatastoreKind::Contacts {
            return None;
        }
        let message = self.message_limit() as u64;
        let alone = message.saturating_sub(FRAME).max(message / 2);
        let alone = alone.min(self.state.peer_max_obj_size.unwrap_or(u64::MAX));
        let most = alone.max(self.most_in_chunks());
        // nothing larger can have come here
        Some(most).filter(|most| *most < self.config.max_obj_size)
    }
}
