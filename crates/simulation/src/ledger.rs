//! What the persons did, and what must therefore be true in the end.
//!
//! A ledger tells the story of every record of a datastore. A person edits or deletes what the
//! device in the hand shows; as long as every edit was made on the one before, the last one must be
//! there in the end, and a deletion of it must hold. Once two persons have changed a record without
//! knowing of each other, either may win, and only the record itself must not be lost.
//!
//! Some sessions overrule what persons did, because a person wanted that: a refresh replaces what
//! one side holds. The ledger is told what such a session took away, and excuses that alone. And
//! whoever compares all items may bring a deleted record back, if it still holds it.

use std::collections::{BTreeMap, BTreeSet};

use session::store::DatastoreKind;

use crate::fault::Fault;
use crate::items::{compose, read};

/// One record's story.
#[derive(Debug, Clone)]
struct Story {
    /// The edit that contains all others; `None` once two were made that do not know each other.
    head: Option<u32>,
    /// It was edited, or overwritten by a refresh.
    edited: bool,
    /// It was deleted or taken away at some time.
    deleted: bool,
    /// The device on which it was deleted, with nothing since that may have brought it back.
    deleted_for_good: Option<usize>,
}

/// Versions by record, of one place.
pub(crate) type Held = BTreeMap<u32, Vec<Vec<u32>>>;

/// All stories of a datastore, by the number of the record.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    kind: DatastoreKind,
    /// The server makes two items of what both sides changed. It takes for that also what a device
    /// changed before its status for the last content arrived.
    duplicates: bool,
    stories: BTreeMap<u32, Story>,
    last_version: u32,
}

/// What a place holds.
pub(crate) fn held(contents: &[String]) -> Held {
    let mut held = Held::new();
    for (record, versions) in contents.iter().filter_map(|content| read(content)) {
        held.entry(record).or_default().push(versions);
    }
    held
}

impl Ledger {
    /// An empty one. `duplicates` tells that the server makes two items of a conflict.
    pub(crate) fn new(kind: DatastoreKind, duplicates: bool) -> Self {
        Self {
            kind,
            duplicates,
            stories: BTreeMap::new(),
            last_version: 0,
        }
    }

    /// A person makes a record; its content.
    pub(crate) fn create(&mut self, filling: usize) -> String {
        let record = self.stories.len() as u32 + 1;
        self.last_version += 1;
        let story = Story {
            head: Some(self.last_version),
            edited: false,
            deleted: false,
            deleted_for_good: None,
        };
        self.stories.insert(record, story);
        compose(self.kind, record, self.last_version, None, filling)
    }

    /// A person edits a record; its new content.
    pub(crate) fn edit(&mut self, content: &str, filling: usize) -> Option<String> {
        let (record, versions) = read(content)?;
        let story = self.stories.get_mut(&record)?;
        self.last_version += 1;
        let knows_all = story.head.is_some_and(|head| versions.contains(&head));
        story.head = knows_all.then_some(self.last_version);
        story.edited = true;
        story.deleted_for_good = None;
        let before = Some(content);
        Some(compose(
            self.kind,
            record,
            self.last_version,
            before,
            filling,
        ))
    }

    /// A person deletes a record on a device. `agreed` tells that the device was in step before.
    pub(crate) fn delete(&mut self, content: &str, device: usize, agreed: bool) {
        let Some((record, versions)) = read(content) else {
            return;
        };
        if let Some(story) = self.stories.get_mut(&record) {
            let knows_all = story.head.is_some_and(|head| versions.contains(&head));
            // one that was deleted before may be on other devices as changed
            let for_good = agreed && knows_all && !story.deleted;
            story.deleted_for_good = for_good.then_some(device);
            story.deleted = true;
        }
    }

    /// A device compares all items: what it holds, and what was deleted on it, may be back.
    pub(crate) fn all_compared(&mut self, device: usize, contents: &[String]) {
        let records: BTreeSet<u32> = contents
            .iter()
            .filter_map(|content| read(content))
            .map(|(record, _)| record)
            .collect();
        for (record, story) in &mut self.stories {
            if story.deleted_for_good == Some(device) || records.contains(record) {
                story.deleted_for_good = None;
            }
        }
    }

    /// A refresh has made `after` of what a side held `before`. What is on the side that it came
    /// from (`from`) must not go.
    pub(crate) fn refreshed(&mut self, before: &Held, after: &Held, from: &Held) {
        for (record, copies) in before {
            let Some(story) = self.stories.get_mut(record) else {
                continue;
            };
            if !after.contains_key(record) && !from.contains_key(record) {
                story.deleted = true;
                story.deleted_for_good = None;
            }
            let has_head = |copies: &[Vec<u32>]| {
                let mut versions = copies.iter().flatten();
                versions.any(|version| Some(*version) == story.head)
            };
            let kept = after.get(record).or(from.get(record));
            if Some(copies) != kept && !kept.is_some_and(|copies| has_head(copies)) {
                story.head = None;
                story.edited = true;
                story.deleted_for_good = None;
            }
        }
    }

    /// Checks what the server holds in the end. `overruled` is what may stand in its history alone,
    /// where the server wins: it takes for a conflict what the device changed before its status for
    /// the last content arrived.
    pub(crate) fn check(&self, contents: &[String], overruled: &[String]) -> Result<(), Fault> {
        let overruled = held(overruled);
        let held = held(contents);
        let datastore = self.kind.name();
        for (record, story) in &self.stories {
            let record = *record;
            let copies = held.get(&record).map_or(&[][..], Vec::as_slice);
            // one that is deleted and comes back counts as changed there
            let may_double = match self.kind {
                _ if self.duplicates => story.edited || story.deleted,
                DatastoreKind::Notes => story.head.is_none() || story.deleted,
                _ => false,
            };
            if copies.len() > 1 && !may_double {
                return Err(Fault::Doubled {
                    datastore,
                    record,
                    times: copies.len(),
                });
            }
            if copies.is_empty() {
                if story.deleted {
                    continue;
                }
                return Err(Fault::Lost { datastore, record });
            }
            // where it was made two of, the other one stays
            if story.deleted_for_good.is_some() && !(self.duplicates && story.edited) {
                return Err(Fault::Back { datastore, record });
            }
            let kept = overruled.get(&record).into_iter().flatten();
            if let Some(version) = story.head.filter(|_| !story.deleted)
                && !copies
                    .iter()
                    .chain(kept)
                    .flatten()
                    .any(|held| *held == version)
            {
                return Err(Fault::EditLost {
                    datastore,
                    record,
                    version,
                });
            }
        }
        Ok(())
    }
}
