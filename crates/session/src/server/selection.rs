//! What a client's filter lets through (DS Protocol, filtering).
//!
//! A filter holds for one session. What the device holds is in the map, so another filter in the next
//! session is a comparison of the map with it: what matches now and is not held is added, and what is
//! held and does not match any more goes from the device, and from the device only.

use syncml::{Command, Item, Version};

use super::Run;
use super::state::DatastoreState;
use crate::filter::{Address, Filter, FilterError, Kind, Record};
use crate::store::{DatastoreKind, Link, LinkId, Pending, Period, StoreError};

/// What a filter makes of an item that could be sent.
pub(super) enum Deal {
    /// It is sent as it is, or as it was changed to be.
    Send(Box<Pending>),
    /// It is not sent.
    Skip,
}

/// A filter with what it was in the last session.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Selection {
    pub(super) filter: Option<Filter>,
    /// Records of more bytes are not wanted.
    max_size: Option<u64>,
    /// It differs from the last session's: everything that the device holds is looked at.
    pub(super) is_new: bool,
    /// The last session's items came with some of their properties: they come again.
    again: bool,
    /// The device may hold some of the properties of its items only.
    pub(super) some_fields: bool,
    /// What the link remembers as long as the session has not completed.
    #[serde(default)]
    pub(super) opened: String,
}

/// What a link remembers of selections.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Kept {
    /// Of the last session that completed.
    filter: Option<Filter>,
    max_size: Option<u64>,
    /// A session with another selection has begun since: what the device holds is of either.
    #[serde(default)]
    is_mixed: bool,
    /// Such a session, or one whose items the device has not all taken, chose properties.
    #[serde(default)]
    is_cut: bool,
}

impl Selection {
    /// Of the alert of a datastore.
    // spec: L01 L17
    pub(super) fn read(
        item: &Item<'_>,
        kind: DatastoreKind,
        link: &Link,
        now: i64,
    ) -> Result<Self, FilterError> {
        let given = item
            .target
            .as_ref()
            .and_then(|target| target.filter.as_deref());
        let address = Address::split(item.target_uri())?;
        let filter = match given {
            Some(filter) => Filter::read(filter, kind)?,
            None => Filter::of_address(&address, kind, now)?,
        };
        let unknown = [
            (address.options.max_records.is_some(), "max"),
            (address.options.no_attachments, "na"),
        ];
        if let Some((_, option)) = unknown.into_iter().find(|(is_asked, _)| *is_asked) {
            return Err(FilterError::Option {
                option: option.to_owned(),
            });
        }
        let mut selection = Self {
            filter,
            max_size: address.options.max_size,
            ..Self::default()
        };
        let before: Kept = serde_json::from_str(&link.filter).unwrap_or_default();
        let has_fields = |filter: &Option<Filter>| {
            let filter = filter.as_ref();
            filter.is_some_and(|filter| filter.fields.is_some())
        };
        selection.some_fields =
            before.is_cut || has_fields(&before.filter) || has_fields(&selection.filter);
        let differs = before.filter != selection.filter || before.max_size != selection.max_size;
        selection.is_new = differs || before.is_mixed;
        selection.again = selection.is_new && selection.some_fields;
        if selection.is_new {
            selection.opened = written(&Kept {
                is_mixed: true,
                is_cut: selection.again,
                ..before
            });
        }
        Ok(selection)
    }

    /// As the link remembers it after a session. With `is_open` the device has not taken all that it
    /// was sent, so that what it kept may be of an earlier selection.
    pub(super) fn kept(&self, is_open: bool) -> String {
        let is_cut = is_open && self.some_fields;
        if !self.chooses() && !is_cut {
            return String::new();
        }
        written(&Kept {
            filter: self.filter.clone(),
            max_size: self.max_size,
            is_cut,
            ..Kept::default()
        })
    }

    /// Whether what the device holds as it is has to be looked at too.
    pub(super) fn looks_at_all(&self) -> bool {
        self.is_new && (self.again || self.is_exclusive())
    }

    /// Outside of these times nothing is inside the filter.
    pub(super) fn period(&self) -> Period {
        self.filter.as_ref().map_or(Period::ANY, Filter::period)
    }

    fn is_exclusive(&self) -> bool {
        let filter = self.filter.as_ref();
        filter.is_some_and(|filter| filter.record.is_some() && filter.kind == Kind::Exclusive)
    }

    pub(super) fn chooses(&self) -> bool {
        self.filter.is_some() || self.max_size.is_some()
    }
}

fn written(kept: &Kept) -> String {
    // plain texts and numbers always serialize
    serde_json::to_string(kept).unwrap_or_default()
}

impl Run<'_> {
    /// Answers an alert whose filter is refused.
    // spec: L02 L09 L10 L11
    pub(super) fn refuse_filter(&mut self, command: &Command<'_>, fault: &FilterError) {
        self.warn(format!("the filter is refused: {fault}"));
        self.state.alert_refused = true;
        if self.reply.no_resp || command.no_resp() {
            return;
        }
        let mut status = self.status_for(command, fault.status());
        status.data = fault
            .detail()
            .map(str::to_owned)
            .filter(|text| super::bounds::is_fit(text));
        self.reply.statuses.push(status);
    }

    /// Whether an item is inside the filter of the session.
    pub(super) fn is_inside(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        pending: &mut Pending,
    ) -> Result<bool, StoreError> {
        let selection = &ds.selection;
        if selection.max_size.is_some_and(|most| pending.size > most) {
            return Ok(false);
        }
        let Some(filter) = &selection.filter else {
            return Ok(true);
        };
        if pending.item.content.is_empty() {
            let length = usize::try_from(pending.size).unwrap_or(usize::MAX);
            let guid = pending.item.guid;
            pending.item.content = self.tx.content_slice(link.datastore, guid, 0, length)?;
        }
        Ok(filter.matches(&Record {
            media_type: &pending.item.media_type,
            content: &pending.item.content,
            luid: pending
                .mapping
                .as_ref()
                .map(|mapping| mapping.luid.as_str()),
            modified: pending.item.modified,
        }))
    }

    /// What the filter of the session makes of an item that the device does not hold as it is, or,
    /// where all are looked at, of any.
    // spec: L04 L06 L07 L16
    pub(super) fn select(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mut pending: Pending,
    ) -> Result<Deal, StoreError> {
        if !ds.selection.chooses() && !ds.selection.looks_at_all() {
            return Ok(Deal::Send(Box::new(pending)));
        }
        if pending.item.deleted {
            return Ok(Deal::Send(Box::new(pending)));
        }
        let is_current = pending
            .mapping
            .as_ref()
            .is_some_and(|mapping| mapping.revision >= pending.item.seq && !mapping.stale);
        let is_held = pending.mapping.is_some();
        let is_inside = self.is_inside(ds, link, &mut pending)?;
        let is_sent = match (is_inside, is_held) {
            (true, false) => true,
            (false, false) => false,
            (false, true) if ds.selection.is_exclusive() => {
                // it goes from the device; here it stays
                pending.item.deleted = true;
                true
            }
            // what it keeps it keeps whole, or in the part that it wants now
            (_, true) => !is_current || ds.selection.again,
        };
        if !is_sent {
            return Ok(Deal::Skip);
        }
        // until the device has said so, nobody knows whether it has it, and which part of it
        let is_ours_to_tell = is_current || pending.item.deleted || ds.selection.some_fields;
        if let Some(mapping) = pending.mapping.as_ref().filter(|_| is_ours_to_tell) {
            self.doubt(link, mapping)?;
        }
        Ok(Deal::Send(Box::new(pending)))
    }
}

/// Whether a session of this version may announce that filters are understood.
pub(super) fn announces(version: Version) -> bool {
    version >= Version::V1_2
}
