//! Package 3: the client's changes, and its statuses and maps in packages 3 and 5.

use pim::Likeness;
use syncml::{AlertCode, Change, ChangeKind, Command, Item, Map, Status, StatusCode, Sync};

use super::reply::StatusOut;
use super::state::{DatastoreState, Phase, Sent, SentKind};
use super::{ConflictPolicy, Run, bounds};
use crate::content::content_of;
use crate::store::{
    ChangeSeq, Content, Guid, LinkId, Mapping, OpenSession, Origin, StoreError, StoredItem,
};
use crate::uri::datastore_name;

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
    const ALIKE: Self = Self {
        alike: true,
        hint: None,
        deleted: false,
    };
}

impl Run<'_> {
    // spec: C08
    pub(super) fn take_sync(
        &mut self,
        command: &Command<'_>,
        sync: &Sync<'_>,
    ) -> Result<(), StoreError> {
        // spec: B14 C17
        let Some(index) = self.datastore_of(sync) else {
            self.refuse(command, StatusCode::NOT_FOUND);
            return Ok(());
        };
        let early = self.state.phase == Phase::Initialization;
        // devices that set Final in every message go on with their changes after it
        let late = matches!(self.state.phase, Phase::Mapping | Phase::Suspended);
        let Some(ds) = self.state.datastores.get(index).cloned() else {
            return Ok(());
        };
        // spec: B20
        if late || (early && ds.overridden) {
            // changes since an anchor are of no use where all items are wanted
            let code = match self.state.phase {
                // spec: I02
                Phase::Suspended => StatusCode::CANCELLED,
                Phase::Mapping => StatusCode::NOT_ALLOWED,
                _ => StatusCode::REFRESH_REQUIRED,
            };
            self.refuse(command, code);
            return Ok(());
        }
        self.begin(index)?;
        if let Some(ds) = self.state.datastores.get_mut(index) {
            ds.sync_received = true;
        }
        self.push_status(command, StatusCode::OK);
        for inner in &sync.commands {
            match inner {
                Command::Change(change) if !ds.takes() => {
                    self.refuse(&Command::Change(change.clone()), StatusCode::NOT_ALLOWED);
                }
                Command::Change(change) => self.take_change(index, change)?,
                Command::Group(_) => self.refuse(inner, StatusCode::NOT_SUPPORTED),
                _ => self.push_status(inner, StatusCode::NOT_IMPLEMENTED),
            }
        }
        Ok(())
    }

    fn datastore_of(&self, sync: &Sync<'_>) -> Option<usize> {
        let target = sync.target.as_ref().map_or("", |location| &location.uri);
        let source = sync.source.as_ref().map_or("", |location| &location.uri);
        self.find_alerted(target, source)
    }

    fn find_alerted(&self, target: &str, source: &str) -> Option<usize> {
        let mut name = datastore_name(target);
        if name.is_empty() {
            name = datastore_name(source);
        }
        self.state.datastores.iter().position(|ds| ds.name == name)
    }

    /// Writes down that the session is open, once the client has shown by its first Sync that it
    /// follows; a slow sync or refresh begins its new map here. From there on its old anchors are
    /// void: when such a session breaks, a resume goes on with it, or another slow sync finds by
    /// content what it has done.
    // spec: B09 G23 H29
    fn begin(&mut self, index: usize) -> Result<(), StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(());
        };
        let Some(ds) = self.state.datastores.get_mut(index) else {
            return Ok(());
        };
        if ds.begun {
            return Ok(());
        }
        ds.begun = true;
        let ds = ds.clone();
        let id = ds.link(&login);
        let mut link = self.tx.link(id)?.unwrap_or_default();
        // spec: I14
        link.open = Some(OpenSession {
            alert: ds.alert,
            client_last: ds.client_last.clone(),
            until: ChangeSeq(ds.until),
            sending: None,
        });
        if ds.renews_map() {
            link.generation = ds.generation;
            link.client_anchor = String::new();
            link.previous_client_anchor = String::new();
        }
        link.client_uri.clone_from(&ds.source);
        self.tx.put_link(id, &link)
    }

    // spec: C04 C05
    fn take_change(&mut self, index: usize, change: &Change<'_>) -> Result<(), StoreError> {
        let mut outcomes = Vec::with_capacity(change.items.len());
        for item in &change.items {
            if !self.goes_on(index, change, item)? {
                self.end_of_data_missing()?;
            }
            outcomes.push(self.take_item(index, change, item)?);
        }
        if change.no_resp || self.reply.no_resp {
            return Ok(());
        }
        let command = |code: StatusCode| StatusOut {
            msg_ref: self.header.msg_id.to_string(),
            cmd_ref: change.cmd_id.to_string(),
            cmd: change.kind.name().to_owned(),
            code: code.0,
            ..StatusOut::default()
        };
        let statuses: Vec<StatusOut> = match outcomes.split_first() {
            None => vec![command(StatusCode::INCOMPLETE_COMMAND)],
            Some((first, rest)) if !rest.is_empty() && rest.iter().all(|code| code == first) => {
                vec![command(*first)]
            }
            Some(_) => change
                .items
                .iter()
                .zip(&outcomes)
                .map(|(item, code)| StatusOut {
                    target_ref: fit_ref(item.target.as_ref()),
                    source_ref: fit_ref(item.source.as_ref()),
                    ..command(*code)
                })
                .collect(),
        };
        self.reply.statuses.extend(statuses);
        Ok(())
    }

    // spec: A19 M22
    fn take_item(
        &mut self,
        index: usize,
        change: &Change<'_>,
        item: &Item<'_>,
    ) -> Result<StatusCode, StoreError> {
        let (Some(login), Some(ds)) = (
            self.state.login.clone(),
            self.state.datastores.get(index).cloned(),
        ) else {
            return Ok(StatusCode::COMMAND_FAILED);
        };
        let link = ds.link(&login);
        let luid = match item.source_uri() {
            "" => item.target_uri(),
            source => source,
        };
        if luid.is_empty() {
            return Ok(StatusCode::INCOMPLETE_COMMAND);
        }
        if !bounds::is_fit(luid) {
            return Ok(StatusCode::URI_TOO_LONG);
        }
        match change.kind {
            ChangeKind::Delete if ds.read_only => Ok(StatusCode::PERMISSION_DENIED),
            ChangeKind::Delete => self.take_delete(&ds, link, luid, change.soft_delete),
            ChangeKind::Add | ChangeKind::Replace => {
                let meta = item
                    .meta
                    .clone()
                    .unwrap_or_default()
                    .inherit(change.meta.as_ref());
                if item.more_data || self.goes_on(index, change, item)? {
                    return self.take_chunk(&ds, index, change.kind, item, &meta);
                }
                let Some(bytes) = content_of(item, &meta) else {
                    return Ok(StatusCode::UNSUPPORTED_TYPE);
                };
                self.take_bytes(&ds, link, luid, meta.media_type.as_deref(), &bytes)
            }
            ChangeKind::Copy | ChangeKind::Move => Ok(StatusCode::NOT_SUPPORTED),
        }
    }

    /// The whole content of an item of the client.
    pub(super) fn take_bytes(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        media_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<StatusCode, StoreError> {
        if bytes.is_empty() {
            return Ok(StatusCode::INCOMPLETE_COMMAND);
        }
        let default = ds
            .kind()
            .content_types()
            .first()
            .map_or("", |first| first.0);
        let media_type = media_type.unwrap_or(default).trim();
        if !ds.kind().takes(media_type, bytes) {
            self.info(format!("{}: an item of {media_type} is refused", ds.name));
            return Ok(StatusCode::UNSUPPORTED_TYPE);
        }
        let content = Content {
            media_type,
            bytes,
            fingerprint: pim::fingerprint(media_type, bytes),
        };
        if ds.read_only {
            return self.compare_content(ds, link, luid, content);
        }
        self.take_content(ds, link, luid, content)
    }

    // spec: G27 G29 H27 M10
    fn take_delete(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        soft: bool,
    ) -> Result<StatusCode, StoreError> {
        let Some(mapping) = self.current_mapping(ds, link, luid)? else {
            return Ok(StatusCode::NOT_DELETED);
        };
        let item = self.tx.item(link.datastore, mapping.guid)?;
        self.tx.remove_mapping(link, mapping.guid)?;
        let Some(item) = item.filter(|item| !item.deleted) else {
            return Ok(StatusCode::OK);
        };
        let changed_here = item.seq > mapping.revision;
        let client_rules = ds.alert() == AlertCode::ONE_WAY_FROM_CLIENT;
        if soft || (changed_here && !client_rules) {
            // what was changed here meanwhile outlives a deletion there: it is sent again
            return Ok(StatusCode::OK);
        }
        let origin = self.state.device.clone();
        self.tx.delete_item(
            link.datastore,
            mapping.guid,
            Origin::Session(&origin),
            self.request.now,
        )?;
        Ok(StatusCode::OK)
    }

    fn current_mapping(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
    ) -> Result<Option<Mapping>, StoreError> {
        Ok(self
            .tx
            .mapping(link, luid)?
            .filter(|mapping| mapping.generation == ds.generation))
    }

    // spec: G28 H01 H19
    fn take_content(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        content: Content<'_>,
    ) -> Result<StatusCode, StoreError> {
        let known = self.tx.mapping(link, luid)?;
        if let Some(mapping) = known
            .as_ref()
            .filter(|known| known.generation == ds.generation)
            && let Some(item) = self.tx.item(link.datastore, mapping.guid)?
        {
            return self.take_known(ds, link, mapping, &item, content);
        }
        let wanted = Wanted {
            // outside a slow sync only equal content is an addition come again
            alike: ds.renews_map(),
            hint: known.map(|known| known.guid),
            deleted: false,
        };
        if let Some(found) = self.find_match(ds, link, &content, &wanted)? {
            return self.take_match(ds, link, luid, &found, content);
        }
        if ds.renews_map() {
            // a record that was deleted here comes back as itself: other devices may hold it still
            let wanted = Wanted {
                deleted: true,
                ..wanted
            };
            if let Some((item, _)) = self.find_match(ds, link, &content, &wanted)? {
                self.overwrite(ds, link, luid, item.guid, content)?;
                return Ok(StatusCode::ITEM_ADDED);
            }
        }
        self.add(ds, link, luid, content)
    }

    /// Takes nothing of a device that may not change anything. What it has already goes into the
    /// map, so that a slow sync sends it nothing twice; where the versions of a record differ, it
    /// gets ours.
    fn compare_content(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        content: Content<'_>,
    ) -> Result<StatusCode, StoreError> {
        if !ds.renews_map() {
            return Ok(StatusCode::PERMISSION_DENIED);
        }
        let found = self.find_match(ds, link, &content, &Wanted::ALIKE)?;
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
    // spec: C16
    fn take_known(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        mapping: &Mapping,
        item: &StoredItem,
        content: Content<'_>,
    ) -> Result<StatusCode, StoreError> {
        if !item.deleted && item.content == content.bytes {
            self.map(ds, link, &mapping.luid, item.guid, item.seq)?;
            return Ok(StatusCode::OK);
        }
        if item.deleted && item.exact == content.fingerprint.exact {
            // an addition come again, of what was deleted here since: the deletion is on its way
            return Ok(StatusCode::OK);
        }
        let conflict = item.seq > mapping.revision
            && ds.alert() != AlertCode::ONE_WAY_FROM_CLIENT
            && item.exact != content.fingerprint.exact;
        if item.deleted
            && let Some((other, _)) = self.find_match(ds, link, &content, &Wanted::ALIKE)?
        {
            // Deleted here, but another device has brought the record back meanwhile. It stays once,
            // by the GUID that this device knows: an addition of that GUID would mean this LUID.
            self.overwrite(ds, link, &mapping.luid, item.guid, content)?;
            let origin = self.state.device.clone();
            self.tx.delete_item(
                link.datastore,
                other.guid,
                Origin::Session(&origin),
                self.request.now,
            )?;
            return Ok(StatusCode::OK);
        }
        if !conflict || item.deleted {
            // a change on the device outlives a deletion here
            self.overwrite(ds, link, &mapping.luid, item.guid, content)?;
            return Ok(if conflict {
                StatusCode::CONFLICT_CLIENT_WON
            } else {
                StatusCode::OK
            });
        }
        if self
            .tx
            .had_version(link.datastore, item.guid, content.fingerprint.exact)?
        {
            // a change come again, which another device has changed since: no conflict
            return Ok(StatusCode::OK);
        }
        self.info(format!(
            "{}: item {} was changed on both sides",
            ds.name, item.guid.0
        ));
        let origin = self.state.device.clone();
        match self.config.conflict {
            // spec: H21
            ConflictPolicy::ClientWins => {
                self.overwrite(ds, link, &mapping.luid, item.guid, content)?;
                Ok(StatusCode::CONFLICT_CLIENT_WON)
            }
            // spec: H23
            ConflictPolicy::ServerWins => {
                self.tx.keep_overruled(
                    link.datastore,
                    item.guid,
                    content,
                    Origin::Session(&origin),
                    self.request.now,
                )?;
                Ok(StatusCode::CONFLICT_SERVER_WON)
            }
            // spec: H22
            ConflictPolicy::Duplicate => {
                // ours becomes an item of its own, sent as a new one: the device goes on knowing its
                // version by the GUID that it was given
                self.overwrite(ds, link, &mapping.luid, item.guid, content)?;
                let ours = Content {
                    media_type: &item.media_type,
                    bytes: &item.content,
                    fingerprint: pim::fingerprint(&item.media_type, &item.content),
                };
                self.tx.add_item(
                    link.datastore,
                    ours,
                    Origin::Session(&origin),
                    self.request.now,
                )?;
                Ok(StatusCode::CONFLICT_DUPLICATED)
            }
        }
    }

    /// The item that the client's may be the same as, when its LUID tells nothing. `wanted` says
    /// what likeness will do.
    // spec: H01 H06
    fn find_match(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        content: &Content<'_>,
        wanted: &Wanted,
    ) -> Result<Option<(StoredItem, Likeness)>, StoreError> {
        let candidates = self.tx.candidates(
            link,
            ds.generation,
            &content.fingerprint,
            wanted.deleted,
            MAX_CANDIDATES,
        )?;
        let mut best: Option<(StoredItem, Likeness, u32)> = None;
        for candidate in candidates {
            let likeness = pim::compare(
                content.media_type,
                content.bytes,
                &candidate.media_type,
                &candidate.content,
            );
            let hinted = wanted.hint == Some(candidate.guid);
            let rank = match likeness {
                Likeness::Same => u32::MAX - u32::from(!hinted),
                Likeness::Match(rank) if wanted.alike => {
                    rank.min(u32::MAX / 4) * 2 + u32::from(hinted)
                }
                // the name agrees and so does the identifier of the last map
                Likeness::Different if wanted.alike && hinted => 0,
                _ => continue,
            };
            if best.as_ref().is_none_or(|(_, _, best)| rank > *best) {
                best = Some((candidate, likeness, rank));
            }
        }
        Ok(best.map(|(item, likeness, _)| (item, likeness)))
    }

    // spec: H04 H20
    fn take_match(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        (item, likeness): &(StoredItem, Likeness),
        content: Content<'_>,
    ) -> Result<StatusCode, StoreError> {
        if *likeness == Likeness::Same {
            self.map(ds, link, luid, item.guid, item.seq)?;
            return Ok(StatusCode::OK);
        }
        if ds.alert() == AlertCode::REFRESH_FROM_CLIENT {
            self.overwrite(ds, link, luid, item.guid, content)?;
            return Ok(StatusCode::OK);
        }
        if self
            .tx
            .had_version(link.datastore, item.guid, content.fingerprint.exact)?
        {
            // the client still has what ours was before: it gets the newer one
            self.map(ds, link, luid, item.guid, ChangeSeq(0))?;
            return Ok(StatusCode::CONFLICT_MERGED);
        }
        // Nothing tells which side is newer: the client's version stands, completed by what only
        // ours has, and ours stays in the history.
        // spec: H05
        let Some(merged) = pim::fill_missing(content.bytes, &item.content) else {
            self.overwrite(ds, link, luid, item.guid, content)?;
            return Ok(StatusCode::OK);
        };
        let merged = Content {
            bytes: &merged,
            fingerprint: pim::fingerprint(content.media_type, &merged),
            media_type: content.media_type,
        };
        if merged.fingerprint.exact != item.exact {
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

    // spec: H03
    fn add(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        content: Content<'_>,
    ) -> Result<StatusCode, StoreError> {
        let origin = Origin::Session(&self.state.device);
        let (guid, seq) = self
            .tx
            .add_item(link.datastore, content, origin, self.request.now)?;
        self.map(ds, link, luid, guid, seq)?;
        Ok(StatusCode::ITEM_ADDED)
    }

    fn overwrite(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        luid: &str,
        guid: Guid,
        content: Content<'_>,
    ) -> Result<(), StoreError> {
        let origin = Origin::Session(&self.state.device);
        let seq = self
            .tx
            .replace_item(link.datastore, guid, content, origin, self.request.now)?;
        self.map(ds, link, luid, guid, seq)
    }

    fn map(
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
        };
        self.tx.put_mapping(link, &mapping)
    }

    /// The client's last change is in: refreshes remove what it did not send, and sending begins.
    // spec: B18
    pub(super) fn finish_receiving(&mut self) -> Result<(), StoreError> {
        for index in 0..self.state.datastores.len() {
            self.begin(index)?;
            let (Some(login), Some(ds)) = (
                self.state.login.clone(),
                self.state.datastores.get(index).cloned(),
            ) else {
                continue;
            };
            let link = ds.link(&login);
            if ds.alert() == AlertCode::REFRESH_FROM_CLIENT && ds.sync_received {
                self.remove_unsent(&ds, link)?;
            }
            let until = match ds.until {
                0 => self.tx.last_change(link.datastore)?,
                // what changed since the session that is resumed waits for the next one
                until => ChangeSeq(until),
            };
            if let Some(mut held) = self.tx.link(link)? {
                if ds.sends() {
                    held.sent_until = until;
                }
                if let Some(open) = &mut held.open {
                    open.until = until;
                }
                self.tx.put_link(link, &held)?;
            }
            if let Some(ds) = self.state.datastores.get_mut(index) {
                ds.until = until.0;
                ds.cursor = ds.seen;
            }
        }
        self.state.phase = Phase::ToClient;
        Ok(())
    }

    // spec: G04 G23
    fn remove_unsent(&mut self, ds: &DatastoreState, link: LinkId) -> Result<(), StoreError> {
        let origin = self.state.device.clone();
        loop {
            let guids = self.tx.unmapped(link, ds.generation, 500)?;
            if guids.is_empty() {
                return Ok(());
            }
            for guid in guids {
                self.tx.delete_item(
                    link.datastore,
                    guid,
                    Origin::Session(&origin),
                    self.request.now,
                )?;
            }
        }
    }

    /// The client's answer to a change that was sent to it.
    // spec: C13
    pub(super) fn take_status(&mut self, status: &Status<'_>) -> Result<(), StoreError> {
        let Some(code) = status.code() else {
            return Ok(());
        };
        let Ok(cmd) = status.cmd_ref.trim().parse::<u32>() else {
            return Ok(());
        };
        if cmd == 0 {
            self.take_header_status(status);
            return Ok(());
        }
        let msg = status
            .msg_ref
            .trim()
            .parse()
            .unwrap_or(self.state.next_msg_id - 1);
        let found = self
            .state
            .sent
            .iter()
            .position(|sent| sent.msg == msg && sent.cmd == cmd);
        let Some(sent) = found.map(|at| self.state.sent.remove(at)) else {
            return Ok(());
        };
        let (Some(login), Some(ds)) = (
            self.state.login.clone(),
            self.state.datastores.get(sent.datastore).cloned(),
        ) else {
            return Ok(());
        };
        self.settle(&ds, ds.link(&login), &sent, code)
    }

    // spec: C12 C14 R11
    fn settle(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        sent: &Sent,
        code: StatusCode,
    ) -> Result<(), StoreError> {
        let gone = matches!(code, StatusCode::NOT_FOUND | StatusCode::GONE);
        if sent.kind != SentKind::Chunk {
            self.forget_sending(link, sent)?;
        }
        match sent.kind {
            SentKind::Chunk => self.settle_chunk(ds, link, sent, code)?,
            SentKind::Delete if code.is_success() || gone => {
                self.tx.remove_mapping(link, sent.guid())?;
            }
            SentKind::Replace if code.is_success() => {
                if let Some(mapping) = self.tx.mapping_of(link, sent.guid())? {
                    self.map(ds, link, &mapping.luid, sent.guid(), ChangeSeq(sent.seq))?;
                }
            }
            // the device lost it: it is sent as new in the next session
            // spec: H28
            SentKind::Replace if gone => self.tx.remove_mapping(link, sent.guid())?,
            // an addition is settled by its map
            SentKind::Add if code.is_success() || code == StatusCode::ALREADY_EXISTS => {}
            _ => self.warn(format!(
                "{}: the device answered {code} ({}) for item {}, it stays pending",
                ds.name,
                code.phrase(),
                sent.guid
            )),
        }
        Ok(())
    }

    // spec: C11 H16 H17
    pub(super) fn take_map(
        &mut self,
        command: &Command<'_>,
        map: &Map<'_>,
    ) -> Result<(), StoreError> {
        let index = self.find_alerted(&map.target.uri, &map.source.uri);
        let (Some(login), Some(ds)) = (
            self.state.login.clone(),
            index
                .and_then(|index| self.state.datastores.get(index))
                .cloned(),
        ) else {
            self.push_status(command, StatusCode::NOT_FOUND);
            return Ok(());
        };
        let link = ds.link(&login);
        // a map kept from the last session belongs to the map that held then
        let stale = ds.renews_map() && !ds.begun;
        for pair in map.items.iter().filter(|_| !stale) {
            let Ok(guid) = pair.guid.trim().parse().map(Guid) else {
                continue;
            };
            if pair.luid.is_empty() || !bounds::is_fit(&pair.luid) {
                continue;
            }
            let Some(item) = self.tx.item(link.datastore, guid)? else {
                continue;
            };
            let known = self.tx.mapping_of(link, guid)?;
            if known.is_some_and(|m| m.luid == pair.luid && m.generation == ds.generation) {
                continue;
            }
            // what changed after sending began was not in what the client got
            let sent_until = if ds.until > 0 {
                ds.until
            } else {
                ds.maps_until
            };
            let revision = if item.seq.0 <= sent_until {
                item.seq
            } else {
                ChangeSeq(0)
            };
            self.map(&ds, link, &pair.luid, guid, revision)?;
        }
        self.push_status(command, StatusCode::OK);
        Ok(())
    }
}

/// An address as a status repeats it.
fn fit_ref(location: Option<&syncml::Location<'_>>) -> Option<String> {
    location
        .map(|location| location.uri.to_string())
        .filter(|uri| bounds::is_fit(uri))
}
