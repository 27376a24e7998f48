//! The client's answers to what was sent to it: statuses, and maps in packages 3 and 5.

use pim::Likeness;
use syncml::{AlertCode, Command, Map, Status, StatusCode};

use super::state::{DatastoreState, Sent, SentKind};
use super::{Run, bounds, guid};
use crate::store::{ChangeSeq, Guid, LinkId, Mapping, Origin, StoreError, StoredItem};

impl Run<'_> {
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
        if code == StatusCode::REFRESH_REQUIRED {
            self.go_slow((msg, cmd));
        }
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

    /// The client does not know the anchor of the alert in this message and command: all items are
    /// compared, as its own alert would have had it.
    // spec: G13
    fn go_slow(&mut self, alert: (u32, u32)) {
        let mut datastores = self.state.datastores.iter_mut();
        let Some(ds) = datastores.find(|ds| ds.alerted == Some(alert)) else {
            return;
        };
        if ds.begun || ds.sync_received || ds.renews_map() {
            return;
        }
        ds.alert = AlertCode::SLOW.0;
        ds.renew_map();
        let name = ds.name.clone();
        self.info(format!(
            "{name}: the device does not know our anchor, slow sync"
        ));
    }

    /// The session ends well with changes that the device left without Status, as some always do:
    /// they are taken as done.
    pub(super) fn settle_unanswered(&mut self) -> Result<(), StoreError> {
        let Some(login) = self.state.login.clone() else {
            return Ok(());
        };
        for sent in std::mem::take(&mut self.state.sent) {
            let Some(ds) = self.state.datastores.get(sent.datastore).cloned() else {
                continue;
            };
            if matches!(
                sent.kind,
                SentKind::Replace | SentKind::Move | SentKind::Delete
            ) {
                self.settle(&ds, ds.link(&login), &sent, StatusCode::OK)?;
            }
        }
        Ok(())
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
            SentKind::Replace | SentKind::Move if code.is_success() => {
                if let Some(mapping) = self.tx.mapping_of(link, sent.guid())? {
                    self.map(ds, link, &mapping.luid, sent.guid(), ChangeSeq(sent.seq))?;
                }
            }
            // the device lost it: it is sent as new in the next session
            // spec: H28
            SentKind::Replace | SentKind::Move if gone => {
                self.tx.remove_mapping(link, sent.guid())?;
            }
            // an addition is settled by its map
            SentKind::Add if code.is_success() || code == StatusCode::ALREADY_EXISTS => {}
            // asked which version shall stand, the client insists on its own; one that was not asked
            // has changed the item meanwhile, or moved it only
            SentKind::Replace if code == StatusCode::CONFLICT && ds.asked.contains(&sent.guid) => {
                if let Some(mapping) = self.tx.mapping_of(link, sent.guid())? {
                    let insisted = Mapping {
                        revision: ChangeSeq(sent.seq),
                        // what it was shown is known now, unless that is some of the item only
                        stale: mapping.stale && ds.selection.some_fields,
                        ..mapping
                    };
                    self.tx.put_mapping(link, &insisted)?;
                }
            }
            _ if code == StatusCode::DEVICE_FULL => {
                self.warn(format!(
                    "{}: the device is full, what is new waits for another session",
                    ds.name
                ));
                if let Some(ds) = self.state.datastores.get_mut(sent.datastore) {
                    ds.full = true;
                }
            }
            _ => self.warn(format!(
                "{}: the device answered {code} ({}) for item {}, it stays pending",
                ds.name,
                code.phrase(),
                sent.guid
            )),
        }
        Ok(())
    }

    /// The client is asked which version of an item shall stand.
    // spec: H24
    pub(super) fn remember_asked(&mut self, ds: &DatastoreState, guid: Guid) {
        let mut all = self.state.datastores.iter_mut();
        if let Some(ds) = all.find(|other| other.number == ds.number) {
            ds.asked.insert(guid.0);
        }
    }

    // spec: C11 H16 H17 S09
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
            let Some(guid) = guid::read(&pair.guid) else {
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
            let owner = self.owner(&ds, link, &item, &pair.luid)?;
            if owner == Owner::Other {
                continue;
            }
            // what changed after sending began was not in what the client got
            let sent_until = if ds.until > 0 {
                ds.until
            } else {
                ds.maps_until
            };
            // of what was another item's record nobody knows which of the two it is now
            let revision = if owner == Owner::Nobody && item.seq.0 <= sent_until {
                item.seq
            } else {
                ChangeSeq(0)
            };
            self.map(&ds, link, &pair.luid, guid, revision)?;
        }
        self.push_status(command, StatusCode::OK);
        Ok(())
    }

    /// Whose the identifier is that the client gives to an item. Some clients know duplicates themselves
    /// and keep one record for two of ours: if these say the same, they are one from here on. Else the
    /// identifier goes over, the record is made what this item says, and the other item is sent again.
    fn owner(
        &mut self,
        ds: &DatastoreState,
        link: LinkId,
        item: &StoredItem,
        luid: &str,
    ) -> Result<Owner, StoreError> {
        let Some(pair) = self.current_mapping(ds, link, luid)? else {
            return Ok(Owner::Nobody);
        };
        let other = self.tx.item(link.datastore, pair.guid)?;
        let Some(other) = other.filter(|other| !other.deleted) else {
            return Ok(Owner::Nobody);
        };
        if item.deleted {
            // its deletion would take the other one's record along
            return Ok(Owner::Other);
        }
        let is_occurrence =
            self.is_occurrence(ds, link, item.guid)? || self.is_occurrence(ds, link, other.guid)?;
        let say_the_same = || {
            let (a, b) = (&other, item);
            pim::compare(&a.media_type, &a.content, &b.media_type, &b.content) == Likeness::Same
        };
        // in two folders a thing may be twice for a reason
        let is_alone = !is_occurrence && !pim::media::is_folder(&item.media_type);
        if is_alone && item.parent == other.parent && say_the_same() {
            if ds.read_only || !ds.takes() {
                return Ok(Owner::Other);
            }
            self.info(format!(
                "{}: to the device items {} and {} are one, which they are from now on",
                ds.name, other.guid.0, item.guid.0
            ));
            // the record lives on under the other's GUID: it does not count as lost
            let now = self.request.now;
            self.tx
                .delete_item(link.datastore, item.guid, Origin::Local, now)?;
            return Ok(Owner::Other);
        }
        self.info(format!(
            "{}: the device has given the identifier of item {} to item {}",
            ds.name, other.guid.0, item.guid.0
        ));
        if let Some(mut state) = self.tx.link(link)? {
            state.seen = state.seen.min(ChangeSeq(other.seq.0 - 1));
            self.tx.put_link(link, &state)?;
        }
        Ok(Owner::Gives)
    }
}

/// Whose an identifier is that a client gives to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// It is new.
    Nobody,
    /// Another item has it, and keeps it.
    Other,
    /// Another item had it, and has to give it away.
    Gives,
}
