//! What becomes of a change of the client: whose item it is, and which version stands.
//!
//! ```text
//! LUID in the map ──▶ changed here too? ──▶ policy ──▶ overwrite, keep, merge, both
//! LUID unknown ─────▶ equal or alike? ────▶ map, or complete   ──▶ else add
//! ```

use std::cell::OnceCell;

use pim::{Comparable, Likeness};
use syncml::{AlertCode, StatusCode};

use super::state::DatastoreState;
use super::view::says_the_same;
use super::{ConflictPolicy, Matching, Run};
use crate::store::{
    Among, ChangeSeq, Content, Guid, LinkId, Mapping, Origin, StoreError, StoredItem,
};

/// Candidates looked at for one item of a slow sync.
const MAX_CANDIDATES: usize = 64;

/// Which items count as a match.
struct Wanted {
    /// Alike is enough; else the content has to be equal.
    alike: bool,
    /// The item that the LUID meant in the last map.
    hint: Option<Guid>,
    /// Tombstones are looked at in place of live items.
    deleted: bool,
}

impl Wanted {
    fn among(&self, ds: &DatastoreState) -> Among {
        Among {
            deleted: self.deleted,
            occurrences: ds.has_occurrences,
        }
    }
}

/// An item as the device gave it, and as it would be kept.
pub(super) struct Given<'g> {
    pub(super) content: Content<'g>,
    /// The media type that the device wrote.
    pub(super) media_type: &'g str,
    /// The device's exact text.
    pub(super) text: &'g [u8],
    read: Read,
}

/// Both forms of an item, read when they are first compared.
#[derive(Debug, Default)]
struct Read {
    whole: OnceCell<Comparable>,
    own: OnceCell<Comparable>,
}

impl<'g> Given<'g> {
    pub(super) fn new(content: Content<'g>, media_type: &'g str, text: &'g [u8]) -> Self {
        Self {
            content,
            media_type,
            text,
            read: Read::default(),
        }
    }

    /// As it would be kept.
    pub(super) fn whole(&self) -> &Comparable {
        let Content {
            media_type, bytes, ..
        } = self.content;
        let read = || Comparable::of(media_type, bytes);
        self.read.whole.get_or_init(read)
    }

    /// As the device wrote it.
    pub(super) fn own(&self) -> &Comparable {
        let read = || Comparable::of(self.media_type, self.text);
        self.read.own.get_or_init(read)
    }
}

impl Run<'_> {
    // spec: G28 H01 H19 R03 S08 S15
    pub(super) fn take_content(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        let known = self.tx.mapping(link, luid)?;
        if let Some(mapping) = known
            .as_ref()
            .filter(|known| known.generation == ds.generation)
            && let Some(item) = self.tx.item(link.datastore, mapping.guid)?
        {
            return self.take_known(ds, link, mapping, &item, given);
        }
        let wanted = Wanted {
            // outside a slow sync only equal content is an addition come again
            alike: ds.renews_map() && self.matches_alike(ds),
            hint: known.as_ref().map(|known| known.guid),
            deleted: false,
        };
        if let Some((item, likeness)) = self.find_match(ds, link, given, &wanted)? {
            let before = known.filter(|known| known.guid == item.guid);
            return self.take_match(ds, link, luid, (&item, likeness, before.as_ref()), given);
        }
        if ds.renews_map() {
            // a record that was deleted here comes back as itself: other devices may hold it still
            let wanted = Wanted {
                deleted: true,
                ..wanted
            };
            if let Some((item, likeness)) = self.find_match(ds, link, given, &wanted)? {
                let before = known.as_ref().filter(|known| known.guid == item.guid);
                if likeness != Likeness::Same
                    && self.is_superseded(ds, link, (&item, before), given)?
                {
                    return self.bring_back(ds, link, luid, &item, given);
                }
                if !self.is_in_view(ds, link, &item, given)?
                    || self.join(ds, link, luid, &item, given, false)?.is_none()
                {
                    self.overwrite(ds, link, luid, item.guid, given)?;
                }
                return Ok(StatusCode::ITEM_ADDED);
            }
        }
        self.add(ds, link, luid, given)
    }

    /// Drops the pair of a LUID under which a device adds another record than the one that it had: to
    /// such a device an identifier is a place in its memory. Its former record is sent to it again,
    /// since nobody has deleted it. After a break an addition may be one come again, edited since.
    pub(super) fn tell_reused(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        given: &Given<'_>,
    ) -> Result<(), StoreError> {
        if ds.renews_map() || ds.after_break {
            return Ok(());
        }
        let Some(mapping) = self.current_mapping(ds, link, luid)? else {
            return Ok(());
        };
        let Some(item) = self.tx.item(link.datastore, mapping.guid)? else {
            return Ok(());
        };
        // whose last session was completed here alone does not know what has come
        let stored = self.tx.link(link)?.unwrap_or_default();
        let in_step = stored.client_anchor == ds.client_last;
        let (ours, theirs) = (
            pim::fingerprint(&item.media_type, &item.content),
            &given.content.fingerprint,
        );
        // an edit keeps one of them at least
        let is_kept = ours.key == theirs.key || (ours.uid.is_some() && ours.uid == theirs.uid);
        if in_step && !is_kept && self.likeness(ds, given, &item)? == Likeness::Different {
            self.info(format!(
                "{}: the device has given the identifier of item {} to another record",
                ds.name, item.guid.0
            ));
            self.tx.remove_mapping(link, mapping.guid)?;
            self.tell_place(link, mapping.guid)?;
        }
        Ok(())
    }

    /// Takes nothing of a device that may not change anything. What it has already goes into the
    /// map, so that a slow sync sends it nothing twice; where the versions of a record differ, it
    /// gets ours.
    pub(super) fn compare_content(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        if !ds.renews_map() {
            return Ok(StatusCode::PERMISSION_DENIED);
        }
        let wanted = self.live(ds);
        let found = self.find_match(ds, link, given, &wanted)?;
        Ok(match found {
            Some((item, Likeness::Same)) => {
                self.map(ds, link, luid, item.guid, item.seq)?;
                StatusCode::OK
            }
            Some((item, _)) => {
                // revision 0: the device does not hold our version yet
                self.map(ds, link, luid, item.guid, ChangeSeq(0))?;
                StatusCode::CONFLICT_SERVER_WON
            }
            None => StatusCode::PERMISSION_DENIED,
        })
    }

    /// A change of an item that the client has in its map.
    // spec: C16 H23 R09 S10 S14
    fn take_known(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
        item: &StoredItem,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        if !item.deleted && item.content == given.content.bytes {
            if ds.damage.is_held() {
                self.tx.forget_withheld(link, item.guid)?;
            }
            self.map(ds, link, &mapping.luid, item.guid, item.seq)?;
            self.keep_given(ds, link, item.guid, given)?;
            return Ok(StatusCode::OK);
        }
        if let Some(code) = self.reconsider(ds, link, &mapping.luid, item, given)? {
            return Ok(code);
        }
        if item.deleted && item.exact == given.content.fingerprint.exact {
            // an addition come again, of what was deleted here since: the deletion is on its way
            return Ok(StatusCode::OK);
        }
        let changed_here =
            item.seq > mapping.revision && item.exact != given.content.fingerprint.exact;
        let conflict = changed_here && ds.alert() != AlertCode::ONE_WAY_FROM_CLIENT;
        let wanted = self.live(ds);
        if item.deleted
            && let Some(found) = self.find_match(ds, link, given, &wanted)?
            // that one stays as long as its series has it
            && !self.is_occurrence(ds, link, found.0.guid)?
        {
            return self.unite_twins(ds, link, mapping, found, given);
        }
        if changed_here && !item.deleted && self.comes_again(ds, link, (item, mapping), given)? {
            // a change come again, which another device has changed since: no conflict
            return Ok(StatusCode::OK);
        }
        if let Some(code) = self.take_edit(ds, link, mapping, item, given, conflict)? {
            return Ok(code);
        }
        if !conflict || item.deleted {
            let done = if conflict {
                StatusCode::CONFLICT_CLIENT_WON
            } else {
                StatusCode::OK
            };
            if !item.deleted {
                let place = (mapping.luid.as_str(), item.guid);
                return self.replace_live(ds, link, place, given, done);
            }
            // a change on the device outlives a deletion here
            self.overwrite(ds, link, &mapping.luid, item.guid, given)?;
            return Ok(done);
        }
        self.info(format!(
            "{}: item {} was changed on both sides",
            ds.name, item.guid.0
        ));
        let origin = self.state.device.clone();
        let policy = self.policy_for(link, item, &given.content)?;
        match policy {
            ConflictPolicy::ClientWins | ConflictPolicy::NewestWins => {
                let place = (mapping.luid.as_str(), item.guid);
                self.replace_live(ds, link, place, given, StatusCode::CONFLICT_CLIENT_WON)
            }
            // spec: H20
            ConflictPolicy::Merge => self.complete_from(ds, link, &mapping.luid, item, given),
            // spec: H24
            ConflictPolicy::Ask | ConflictPolicy::ServerWins => {
                self.tx.keep_overruled(
                    link.datastore,
                    item.guid,
                    given.content,
                    Origin::Session(&origin),
                    self.request.now,
                )?;
                if item.content_seq <= mapping.revision {
                    // ours was moved only, and the device lacks its content all the same
                    self.doubt(link, mapping)?;
                }
                Ok(if policy == ConflictPolicy::Ask {
                    self.remember_asked(ds, item.guid);
                    StatusCode::CONFLICT
                } else {
                    StatusCode::CONFLICT_SERVER_WON
                })
            }
            // spec: H22
            ConflictPolicy::Duplicate => {
                // ours becomes an item of its own, sent as a new one: the device goes on knowing its
                // version by the GUID that it was given
                self.overwrite(ds, link, &mapping.luid, item.guid, given)?;
                self.add_copy(ds, link, item)?;
                Ok(StatusCode::CONFLICT_DUPLICATED)
            }
        }
    }

    /// Takes an item that was deleted here, while another device has brought the record back as
    /// `other`. It stays once, by the GUID that this device knows: an addition of that GUID would
    /// mean this LUID.
    fn unite_twins(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
        (other, likeness): (StoredItem, Likeness),
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        let now = self.request.now;
        // The record lives on: neither counts as lost, nor is one of the two to be taken back alone,
        // as a change of the session would be.
        self.tx
            .delete_item(link.datastore, other.guid, Origin::Local, now)?;
        // the same as the device would be shown is not all that the other one has
        if likeness == Likeness::Same && other.exact == given.content.fingerprint.exact {
            self.overwrite(ds, link, &mapping.luid, mapping.guid, given)?;
            return Ok(StatusCode::OK);
        }
        let content = Content::new(&other.media_type, &other.content);
        let device = self.state.device.clone();
        let origin = Origin::Session(&device);
        self.tx
            .replace_item(link.datastore, mapping.guid, content, origin, now)?;
        match self.tx.item(link.datastore, mapping.guid)? {
            Some(revived) => self.complete_from(ds, link, &mapping.luid, &revived, given),
            None => Ok(StatusCode::OK),
        }
    }

    /// Makes a new item of an item of ours, in the same folder.
    pub(super) fn add_copy(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
    ) -> Result<(), StoreError> {
        self.count_addition(ds);
        let content = Content::new(&item.media_type, &item.content);
        let device = self.state.device.clone();
        let now = self.request.now;
        let (guid, _) = self
            .tx
            .add_item(link.datastore, content, Origin::Session(&device), now)?;
        if item.parent.is_some() {
            self.tx.move_item(link.datastore, guid, item.parent, now)?;
        }
        Ok(())
    }

    /// Whether the device gives what it has given or got already. Where that is not known, a former
    /// version is taken for it; else it may be one that a person went back to.
    fn comes_again(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        (item, mapping): (&StoredItem, &Mapping),
        given: &Given<'_>,
    ) -> Result<bool, StoreError> {
        if let Some(has_it) = self.had_it(ds, link, (item, Some(mapping)), given)? {
            return Ok(has_it);
        }
        let exact = given.content.fingerprint.exact;
        self.tx.had_version(link.datastore, item.guid, exact)
    }

    /// Whether the device gives an item as it held it by this pair of a map, or as it was sent in a
    /// session that broke; `None` where neither is known.
    fn had_it(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        (item, mapping): (&StoredItem, Option<&Mapping>),
        given: &Given<'_>,
    ) -> Result<Option<bool>, StoreError> {
        let held = match mapping {
            Some(mapping) => self.held_text(ds, link, item, mapping)?,
            None => None,
        };
        let sent = if ds.after_break {
            self.text_at(ds, link, item, ChangeSeq(ds.maps_until))?
        } else {
            None
        };
        let mut has_it = None;
        for before in [held, sent].into_iter().flatten() {
            let before = (given.media_type, before.as_slice());
            let text = (given.media_type, given.text);
            has_it = Some(says_the_same(before, text) || self.view(ds)?.agree(before, text));
            if has_it == Some(true) {
                break;
            }
        }
        Ok(has_it)
    }

    /// Who wins when both sides changed an item.
    // spec: H25
    pub(super) fn policy_for(
        &mut self,
        link: LinkId,
        item: &StoredItem,
        content: &Content<'_>,
    ) -> Result<ConflictPolicy, StoreError> {
        let policy = self.policy(link)?;
        if policy != ConflictPolicy::NewestWins {
            return Ok(policy);
        }
        let times = (pim::modified(&item.content), pim::modified(content.bytes));
        Ok(match times {
            (Some(ours), Some(theirs)) if ours > theirs => ConflictPolicy::ServerWins,
            _ => ConflictPolicy::ClientWins,
        })
    }

    /// The policy for the device and datastore, as its owner or the configuration names it.
    pub(super) fn policy(&mut self, link: LinkId) -> Result<ConflictPolicy, StoreError> {
        let wished = self.tx.conflict_policy(link)?;
        Ok(wished
            .as_deref()
            .and_then(ConflictPolicy::from_name)
            .unwrap_or(self.config.conflict))
    }

    fn matches_alike(&self, ds: &DatastoreState) -> bool {
        self.config.matching.of(ds.kind()) == Matching::Identity
    }

    /// Live items, by what the configuration says.
    fn live(&self, ds: &DatastoreState) -> Wanted {
        Wanted {
            alike: self.matches_alike(ds),
            hint: None,
            deleted: false,
        }
    }

    /// The item that the client's may be the same as, when its LUID tells nothing. `wanted` says
    /// what likeness will do.
    // spec: H01 H06 S16
    fn find_match(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        given: &Given<'_>,
        wanted: &Wanted,
    ) -> Result<Option<(StoredItem, Likeness)>, StoreError> {
        let candidates = self.tx.candidates(
            link,
            ds.generation,
            &given.content.fingerprint,
            wanted.among(ds),
            MAX_CANDIDATES,
        )?;
        let mut best: Option<(StoredItem, Likeness, u32)> = None;
        for candidate in candidates {
            let likeness = self.likeness(ds, given, &candidate)?;
            let hinted = wanted.hint == Some(candidate.guid);
            if likeness != Likeness::Same && !hinted {
                let read = self.compared.whole(&candidate, ds.number);
                if self.ahead.wants(&candidate, &read) {
                    continue;
                }
            }
            let rank = match likeness {
                Likeness::Same => u32::MAX - u32::from(!hinted),
                // what was sent and never confirmed may have arrived, and come back as the device
                // has it
                Likeness::Match(rank)
                    if wanted.alike
                        || (ds.after_break
                            && candidate.seq.0 <= ds.maps_until
                            && !wanted.deleted) =>
                {
                    rank.min(u32::MAX / 4) * 2 + u32::from(hinted)
                }
                // the name agrees and so does the identifier of the last map
                Likeness::Different if wanted.alike && hinted => 0,
                // what was sent so has been changed here since
                _ if !wanted.deleted
                    && self.is_as_before(ds, link, (&candidate, None), given)? =>
                {
                    0
                }
                _ => continue,
            };
            if best.as_ref().is_none_or(|(_, _, best)| rank > *best) {
                best = Some((candidate, likeness, rank));
            }
        }
        match best {
            Some((item, likeness, _)) => Ok(Some((item, likeness))),
            None => self.find_cut(ds, link, given, wanted),
        }
    }

    /// The item of which the device has the beginning of the name. What it would be shown of ours
    /// has to be what it gives; or something beside the name is one in both, and of no other item.
    // spec: H01 F21
    fn find_cut(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        given: &Given<'_>,
        wanted: &Wanted,
    ) -> Result<Option<(StoredItem, Likeness)>, StoreError> {
        let view = self.view(ds)?;
        let short = given.content.fingerprint.short;
        let Some(short) = short.filter(|_| wanted.alike && view.cuts_names()) else {
            return Ok(None);
        };
        let candidates = self.tx.candidates_by_beginning(
            link,
            ds.generation,
            short,
            wanted.among(ds),
            MAX_CANDIDATES,
        )?;
        let mut same: Option<StoredItem> = None;
        let mut alike = Vec::new();
        for candidate in candidates {
            let Some(shown) = self.compared.shown(&candidate, ds.number, &view) else {
                continue;
            };
            match given.own().compare(&shown) {
                Likeness::Same if same.is_none() || wanted.hint == Some(candidate.guid) => {
                    same = Some(candidate);
                }
                Likeness::Match(rank) if given.own().has_more_than_name_of(&shown) => {
                    let read = self.compared.whole(&candidate, ds.number);
                    if !self.ahead.wants(&candidate, &read) {
                        alike.push((candidate, Likeness::Match(rank)));
                    }
                }
                _ => {}
            }
        }
        let only = alike.pop().filter(|_| alike.is_empty());
        Ok(same.map(|item| (item, Likeness::Same)).or(only))
    }

    /// Takes an item that was found to be one of ours. `before` is its pair in the last map.
    // spec: H04 H20
    fn take_match(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        (item, likeness, before): (&StoredItem, Likeness, Option<&Mapping>),
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        if likeness == Likeness::Same {
            if ds.damage.is_held() {
                self.tx.forget_withheld(link, item.guid)?;
            }
            self.map(ds, link, luid, item.guid, item.seq)?;
            let stored = (item.media_type.as_str(), item.content.as_slice());
            self.keep_text(ds, link, item.guid, stored, given.text)?;
            return Ok(StatusCode::OK);
        }
        if let Some(code) = self.reconsider(ds, link, luid, item, given)? {
            return Ok(code);
        }
        // what a device with some of the properties has not may be among the others
        if ds.alert() == AlertCode::REFRESH_FROM_CLIENT && !ds.selection.some_fields {
            // it may have been shown another version in another form
            let may_change = self.view(ds)?.may_change(&item.media_type, &item.content);
            if (may_change || self.is_in_view(ds, link, item, given)?)
                && let Some(code) = self.join(ds, link, luid, item, given, true)?
            {
                // what it cannot hold is nothing to tell it about
                let waits = code == StatusCode::ACCEPTED;
                return Ok(if waits { code } else { StatusCode::OK });
            }
            return self.replace_live(ds, link, (luid, item.guid), given, StatusCode::OK);
        }
        if self.is_superseded(ds, link, (item, before), given)? {
            return self.map_to_newer(ds, link, luid, item.guid, given);
        }
        // nothing tells which side is newer
        self.complete_from(ds, link, luid, item, given)
    }

    /// Whether a device gives what an item of ours was before its newest version.
    fn is_superseded(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        (item, before): (&StoredItem, Option<&Mapping>),
        given: &Given<'_>,
    ) -> Result<bool, StoreError> {
        let exact = given.content.fingerprint.exact;
        Ok(self.tx.had_version(link.datastore, item.guid, exact)?
            || self.is_as_before(ds, link, (item, before), given)?)
    }

    /// Brings back a record that was deleted here, as it was last, for a device that holds what it was
    /// before.
    fn bring_back(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        item: &StoredItem,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        let device = self.state.device.clone();
        let content = Content::new(&item.media_type, &item.content);
        let (origin, now) = (Origin::Session(&device), self.request.now);
        self.tx
            .replace_item(link.datastore, item.guid, content, origin, now)?;
        self.map_to_newer(ds, link, luid, item.guid, given)
    }

    /// The device holds an older or another version: it gets ours.
    fn map_to_newer(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        guid: Guid,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        // revision 0: it holds none of ours
        self.map(ds, link, luid, guid, ChangeSeq(0))?;
        self.tx.keep_device_text(link, guid, given.text)?;
        Ok(StatusCode::CONFLICT_MERGED)
    }

    /// Whether a device gives an item as it held it before, of which ours is a newer version: nothing
    /// that it lacks or has more is an edit.
    fn is_as_before(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        (item, before): (&StoredItem, Option<&Mapping>),
        given: &Given<'_>,
    ) -> Result<bool, StoreError> {
        let is_current = before.is_some_and(|before| before.revision >= item.seq);
        Ok(!is_current && self.had_it(ds, link, (item, before), given)? == Some(true))
    }

    /// The client's version stands, completed by what only ours has, and ours stays in the history.
    fn complete_from(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        item: &StoredItem,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        if self.is_in_view(ds, link, item, given)?
            && let Some(code) = self.join(ds, link, luid, item, given, false)?
        {
            return Ok(code);
        }
        let (ours, theirs) = (&item.content, given.content.bytes);
        let merged = pim::complete_object(given.content.media_type, ours, ours, theirs);
        let Some(merged) = merged.or_else(|| pim::fill_missing(theirs, ours)) else {
            return self.replace_live(ds, link, (luid, item.guid), given, StatusCode::OK);
        };
        let merged = Content::new(given.content.media_type, &merged);
        if merged.fingerprint.exact != item.exact {
            if self.withholds_edit(ds, link, item, merged)? {
                self.map(ds, link, luid, item.guid, ChangeSeq(0))?;
                self.tx.keep_device_text(link, item.guid, given.text)?;
                return Ok(StatusCode::ACCEPTED);
            }
            let origin = self.state.device.clone();
            self.tx.replace_item(
                link.datastore,
                item.guid,
                merged,
                Origin::Session(&origin),
                self.request.now,
            )?;
        }
        // revision 0: the client does not hold the merged version yet
        self.map(ds, link, luid, item.guid, ChangeSeq(0))?;
        Ok(StatusCode::CONFLICT_MERGED)
    }

    // spec: H03 S08
    pub(super) fn add(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        given: &Given<'_>,
    ) -> Result<StatusCode, StoreError> {
        let origin = Origin::Session(&self.state.device);
        let (guid, seq) =
            self.tx
                .add_item(link.datastore, given.content, origin, self.request.now)?;
        self.count_addition(ds);
        self.map(ds, link, luid, guid, seq)?;
        self.keep_given(ds, link, guid, given)?;
        Ok(StatusCode::ITEM_ADDED)
    }

    pub(super) fn overwrite(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        guid: Guid,
        given: &Given<'_>,
    ) -> Result<(), StoreError> {
        let origin = Origin::Session(&self.state.device);
        let seq = self.tx.replace_item(
            link.datastore,
            guid,
            given.content,
            origin,
            self.request.now,
        )?;
        self.map(ds, link, luid, guid, seq)?;
        self.keep_given(ds, link, guid, given)
    }

    /// What the device holds of an item is not known from here on, until it has said so.
    pub(super) fn doubt(&mut self, link: LinkId, mapping: &Mapping) -> Result<(), StoreError> {
        let doubted = Mapping {
            stale: true,
            ..mapping.clone()
        };
        self.tx.put_mapping(link, &doubted)
    }

    pub(super) fn map(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        guid: Guid,
        revision: ChangeSeq,
    ) -> Result<(), StoreError> {
        let mapping = Mapping {
            luid: luid.to_owned(),
            guid,
            revision,
            generation: ds.generation,
            stale: false,
        };
        self.tx.put_mapping(link, &mapping)
    }
}
