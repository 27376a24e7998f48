//! What a session asks of a folder, and has done to it.
//!
//! Changes are given out as [`super::Vdir::differences`] finds them. What comes from the server is staged
//! ([`super::staging`]) and done at the end of its message.

use session::client::{
    Added, Anchors, Applied, ChangeKind, Copied, LocalChange, Plan, Replica, ReplicaError, Room,
    Unfinished, told_at_resume,
};
use session::store::{DatastoreKind, Partial};

use std::collections::{BTreeSet, VecDeque};

use super::staging::{Before, Staged};
use super::{Agreed, Change, Vdir, files, object, tree};

impl Replica for Vdir {
    fn anchors(&mut self) -> Result<Anchors, ReplicaError> {
        self.state.anchors()
    }

    fn nonce(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.state.nonce()
    }

    fn set_nonce(&mut self, nonce: &[u8]) -> Result<(), ReplicaError> {
        self.state.set_nonce(nonce)
    }

    fn devinf_sent(&mut self) -> Result<Option<u64>, ReplicaError> {
        self.state.devinf_sent()
    }

    fn set_devinf_sent(&mut self, hash: u64) -> Result<(), ReplicaError> {
        self.state.set_devinf_sent(hash)
    }

    fn server_devinf(&mut self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.state.server_devinf()
    }

    fn set_server_devinf(&mut self, devinf: &[u8]) -> Result<(), ReplicaError> {
        self.state.set_server_devinf(devinf)
    }

    fn begin(&mut self, plan: Plan) -> Result<u64, ReplicaError> {
        self.given.clear();
        if plan.renews_map && !plan.resumes {
            self.state.renew()?;
        }
        self.in_doubt = self.state.offered()?;
        self.compares = plan.all_items;
        if !plan.resumes {
            self.state.set_begun_ns(files::now_ns())?;
        }
        self.queue = match plan {
            Plan { sends: false, .. } => {
                self.look()?;
                VecDeque::new()
            }
            Plan { resumes: true, .. } => {
                let begun_ns = self.state.begun_ns()?;
                let mut changes = self.differences()?;
                // a comparison has to see every item
                if !plan.all_items {
                    let luids: Vec<String> = changes.iter().map(|c| c.luid.clone()).collect();
                    let mut new = BTreeSet::new();
                    for luid in &luids {
                        if self.state.known_one(luid)?.is_none() {
                            new.insert(luid.as_str());
                        }
                    }
                    let is_late = |luid: &str| {
                        // what cannot be looked at is left to the reading of it
                        let stat = self.stat(luid).ok().flatten();
                        stat.is_some_and(|stat| stat.modified_ns > begun_ns)
                    };
                    let told = told_at_resume(&luids, is_late, |luid| {
                        let above = self.tree.iter().flat_map(|tree| tree.folders_above(luid));
                        let new = above.filter(|folder| new.contains(folder));
                        new.map(str::to_owned).collect()
                    });
                    changes.retain(|change| told.contains(&change.luid));
                }
                changes.into()
            }
            Plan {
                all_items: true, ..
            } => {
                self.look()?;
                let luids = if self.tree.is_some() {
                    self.in_order()
                } else {
                    self.files()?
                };
                let luids = luids.into_iter();
                luids
                    .map(|luid| Change {
                        kind: ChangeKind::Replace,
                        luid,
                    })
                    .collect()
            }
            _ => self.differences()?.into(),
        };
        Ok(self.queue.len() as u64)
    }

    fn next_change(&mut self) -> Result<Option<LocalChange>, ReplicaError> {
        while let Some(change) = self.queue.pop_front() {
            if change.kind == ChangeKind::Delete {
                self.state.offer(&change.luid)?;
                self.given.insert(change.luid.clone(), None);
                return Ok(Some(LocalChange {
                    kind: change.kind,
                    luid: change.luid,
                    media_type: String::new(),
                    content: Vec::new(),
                    parent: None,
                    stays: false,
                }));
            }
            let (print, content) = match self.read_there(&change.luid) {
                Ok(Some(read)) => read,
                // a file that vanished meanwhile is a deletion of the next session
                Ok(None) => continue,
                Err(error) => {
                    self.leave_out(&change.luid, error.to_string());
                    continue;
                }
            };
            let checked = files::check(self.kind, self.default_media_type, &content);
            if let Err(reason) = checked.and_then(|()| self.check_empty(&change.luid, &content)) {
                self.leave_out(&change.luid, reason);
                continue;
            }
            let known = self.state.known_one(&change.luid)?;
            let print = self.date(&change.luid, known.as_ref(), print)?;
            let parent = self.parent_text(&change.luid);
            let agreed = Agreed {
                print,
                parent: parent.clone(),
                told: parent.clone(),
            };
            self.given.insert(change.luid.clone(), Some(agreed));
            self.state.offer(&change.luid)?;
            let has_content = known.as_ref().is_none_or(|known| known.hash != print.hash);
            let is_in_place = known.is_some_and(|known| known.parent == parent);
            let is_in_doubt = self.compares || self.in_doubt.contains(&change.luid);
            let kind = match change.kind {
                // it was edited since
                ChangeKind::Move if has_content => ChangeKind::Replace,
                kind => kind,
            };
            return Ok(Some(LocalChange {
                kind,
                stays: is_in_place && !is_in_doubt && kind != ChangeKind::Move,
                media_type: self.media_type_of(&change.luid, &content).to_owned(),
                content: self.as_item(&change.luid, content),
                luid: change.luid,
                parent: Some(parent).filter(|parent| !parent.is_empty()),
            }));
        }
        Ok(None)
    }

    fn unread(&mut self, change: LocalChange) {
        // It stays offered: an earlier message may have had it, which nobody has answered. The worst
        // is a needless deletion that the server does not know.
        self.given.remove(&change.luid);
        self.queue.push_front(Change {
            kind: change.kind,
            luid: change.luid,
        });
    }

    fn confirm(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.state.settle(luid)?;
        self.state.end_release(luid)?;
        match self.given.get(luid) {
            Some(Some(agreed)) => self.state.know(luid, &agreed.print, &agreed.told),
            Some(None) => self.forget(luid),
            None => Ok(()),
        }
    }

    // spec: M08
    fn place_untold(&mut self, luid: &str) -> Result<(), ReplicaError> {
        let known = self.state.known_one(luid)?;
        if let Some(Some(agreed)) = self.given.get_mut(luid) {
            agreed.told = match known {
                Some(known) => known.parent,
                // a server without folders has it at the root
                None if agreed.parent.is_empty() => String::new(),
                None => tree::ELSEWHERE.to_owned(),
            };
        }
        Ok(())
    }

    fn forgotten(&mut self, luid: &str) -> Result<(), ReplicaError> {
        self.state.settle(luid)?;
        self.state.forget(luid)
    }

    // spec: M04
    fn move_refused(&mut self, luid: &str) -> Result<(), ReplicaError> {
        // it stays offered, and is so no addition
        self.state.forget(luid)
    }

    // spec: M21
    fn takes(&self, media_type: &str, content: &[u8]) -> bool {
        let media_type = match media_type {
            "" => self.default_media_type,
            named => named,
        };
        // a note may hold anything, in any character set
        let is_note = self.kind == DatastoreKind::Notes
            && pim::media::kind_of_media_type(media_type) == pim::Kind::Note;
        is_note || self.kind.takes(media_type, content)
    }

    fn add(&mut self, guid: &str, media_type: &str, content: &[u8]) -> Result<Added, ReplicaError> {
        if let Some(luid) = self.luid_added(guid)? {
            let is_there = self.print(&luid)?.is_some();
            if is_there && !self.changed_here(&luid)? {
                self.write_item(&luid, Some(guid), media_type, content)?;
            }
            // a deletion that the server has heard of is over: this is the item come back; what goes with
            // this message comes back as another one
            let goes = self.staged.contains_key(&luid);
            if is_there || (!goes && self.state.known_one(&luid)?.is_some()) {
                self.state.remember_guid(guid, &luid)?;
                return Ok(Added {
                    luid,
                    existed: true,
                });
            }
        }
        let luid = if self.tree.is_some() {
            self.add_to_tree(guid, media_type, content)?
        } else {
            let name = self.free_name(guid, media_type, content)?;
            self.write(&name, Some(guid), None, content)?;
            name
        };
        Ok(Added {
            luid,
            existed: false,
        })
    }

    fn copy(&mut self, luid: &str, guid: &str) -> Result<Copied, ReplicaError> {
        let Some(content) = self.content(luid)? else {
            return Ok(if self.is_removed_here(luid)? {
                Copied::ChangedHere
            } else {
                Copied::Unknown
            });
        };
        if self.changed_here(luid)? {
            return Ok(Copied::ChangedHere);
        }
        let media_type = self.media_type_of(luid, &content);
        let parent = self.tree.as_ref().and_then(|tree| tree.parent(luid));
        let parent = parent.map(str::to_owned);
        let added = self.add(guid, media_type, &content)?;
        if parent.is_some() {
            self.set_parent(&added.luid, parent.as_deref())?;
        }
        Ok(Copied::Done(added))
    }

    fn replace(
        &mut self,
        luid: &str,
        media_type: &str,
        content: &[u8],
    ) -> Result<Applied, ReplicaError> {
        let is_there = self.print(luid)?.is_some()
            || (files::is_item(luid) && self.state.is_released(luid)?);
        if !is_there {
            return self.why_gone(luid);
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        self.write_item(luid, None, media_type, content)?;
        Ok(Applied::Done)
    }

    fn delete(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        if self.print(luid)?.is_none() {
            // it goes with this message
            if self.staged.contains_key(luid) {
                return Ok(Applied::Unknown);
            }
            if self.is_removed_here(luid)? {
                return Ok(Applied::ChangedHere);
            }
            self.forget(luid)?;
            return Ok(if self.state.end_release(luid)? {
                Applied::Done
            } else {
                Applied::Unknown
            });
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        self.remove(luid)?;
        Ok(Applied::Done)
    }

    fn release(&mut self, luid: &str) -> Result<Applied, ReplicaError> {
        if self.print(luid)?.is_none() {
            return Ok(if self.state.is_released(luid)? {
                Applied::Done
            } else {
                Applied::Unknown
            });
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        // durable before the file goes: its absence must not be taken for a deletion
        self.state.settle(luid)?;
        self.state.release(luid)?;
        self.remove(luid)?;
        Ok(Applied::Done)
    }

    fn keep_own(&mut self, luid: &str) -> Result<(), ReplicaError> {
        // a folder holds nothing but its items, which stay
        if self.is_folder_there(luid) || self.changed_here(luid)? {
            return Ok(());
        }
        self.set_aside(luid)
    }

    fn content(&mut self, luid: &str) -> Result<Option<Vec<u8>>, ReplicaError> {
        let body = self.body(luid)?;
        Ok(body.map(|body| self.as_item(luid, body)))
    }

    fn clear(&mut self) -> Result<u64, ReplicaError> {
        self.carry_out()?;
        // the memory goes first: files that a crash leaves are new to the next slow sync
        self.state.renew()?;
        self.state.commit()?;
        self.look()?;
        if self.tree.is_none() {
            let names = self.files()?;
            for name in &names {
                self.folder.remove(name)?;
            }
            return Ok(names.len() as u64);
        }
        // what is in a folder goes before it
        let luids = self.in_order();
        for luid in luids.iter().rev() {
            self.take_away(luid)?;
            self.forget(luid)?;
        }
        Ok(luids.len() as u64)
    }

    fn left_out(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.left_out)
    }

    fn pending_maps(&mut self) -> Result<Vec<(String, String)>, ReplicaError> {
        self.state.pending_maps()
    }

    fn maps_acknowledged(&mut self, guids: &[String]) -> Result<(), ReplicaError> {
        self.state.maps_acknowledged(guids)
    }

    fn unfinished(&mut self) -> Result<Option<Unfinished>, ReplicaError> {
        self.state.unfinished()
    }

    fn set_unfinished(&mut self, unfinished: Option<&Unfinished>) -> Result<(), ReplicaError> {
        self.state.set_unfinished(unfinished)
    }

    fn partial(&mut self) -> Result<Option<Partial>, ReplicaError> {
        self.state.partial()
    }

    fn begin_partial(&mut self, head: &[u8]) -> Result<(), ReplicaError> {
        self.state.begin_partial(head)
    }

    fn append_partial(&mut self, bytes: &[u8]) -> Result<(), ReplicaError> {
        self.state.append_partial(bytes)
    }

    fn undo_partial(&mut self) -> Result<(), ReplicaError> {
        self.state.undo_partial()
    }

    fn partial_content(&mut self) -> Result<Vec<u8>, ReplicaError> {
        self.state.partial_content()
    }

    fn end_partial(&mut self) -> Result<(), ReplicaError> {
        self.state.end_partial()
    }

    // spec: K06
    fn room(&mut self) -> Result<Option<Room>, ReplicaError> {
        let Some(limit) = self.limit else {
            return Ok(None);
        };
        // a person goes on adding and removing files
        self.used = None;
        let used = self.used()?;
        Ok(Some(Room {
            bytes: limit.bytes.saturating_sub(used.bytes),
            items: limit.items.map(|most| most.saturating_sub(used.items)),
            ..limit
        }))
    }

    // spec: K09
    fn size(&mut self) -> Result<Option<Room>, ReplicaError> {
        Ok(self.limit)
    }

    fn luid_of(&mut self, guid: &str) -> Result<Option<String>, ReplicaError> {
        self.luid_added(guid)
    }

    fn has_folders(&self) -> bool {
        self.tree.is_some()
    }

    // spec: M07
    fn has_children(&mut self, luid: &str) -> Result<bool, ReplicaError> {
        self.holds_anything(luid)
    }

    // spec: M02 M05
    fn set_parent(&mut self, luid: &str, parent: Option<&str>) -> Result<Applied, ReplicaError> {
        if self.print(luid)?.is_none() {
            return self.why_gone(luid);
        }
        if self.changed_here(luid)? {
            return Ok(Applied::ChangedHere);
        }
        let has_place = parent.is_none_or(|parent| self.can_be_in(luid, parent));
        let Some(tree) = &mut self.tree else {
            return Ok(Applied::Unknown);
        };
        if !has_place {
            // the folder went meanwhile, or is in the item: where the item is now is a change of ours
            tree.misplaced.insert(luid.to_owned());
            self.given.remove(luid);
            return Ok(Applied::Unknown);
        }
        let Some(spot) = tree.spot(luid).cloned() else {
            return Ok(Applied::Unknown);
        };
        tree.misplaced.remove(luid);
        if spot.parent.as_deref() != parent {
            let name = match self.staged.get(luid) {
                // a name that was taken at the root may be free there
                Some(Staged::Folder { object, .. }) => object::name_of(object),
                Some(Staged::Written {
                    head: Some(head), ..
                }) => object::name_of_head(head).unwrap_or(spot.name),
                _ => spot.name,
            };
            self.plan(luid, parent, &name)?;
        }
        Ok(Applied::Done)
    }

    fn begin_atomic(&mut self) -> Result<(), ReplicaError> {
        self.state.begin_atomic()?;
        self.before_atomic = Some(Before {
            staged: self.staged.clone(),
            given: self.given.clone(),
            tree: self.tree.clone(),
        });
        Ok(())
    }

    fn undo_atomic(&mut self) -> Result<(), ReplicaError> {
        self.state.undo_atomic()?;
        self.used = None;
        if let Some(before) = self.before_atomic.take() {
            self.staged = before.staged;
            self.given = before.given;
            self.tree = before.tree;
        }
        Ok(())
    }

    fn end_atomic(&mut self) -> Result<(), ReplicaError> {
        self.before_atomic = None;
        self.state.end_atomic()
    }

    fn message_done(&mut self) -> Result<(), ReplicaError> {
        self.carry_out()?;
        self.folder.flush()?;
        self.state.commit()
    }

    fn complete(&mut self, anchors: &Anchors) -> Result<(), ReplicaError> {
        self.carry_out()?;
        self.state.set_anchors(anchors)?;
        self.state.set_unfinished(None)?;
        self.state.end_partial()?;
        self.state.commit()
    }
}
