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
use crate::information::Keeps;
use crate::items::{compose, compose_folder, is_folder, read};
use crate::wanted::{as_known, can_filter, has_remark, has_second};

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
    /// Where it was put, as the record of the folder, by persons of one device alone; `None` once it
    /// was moved on two, or overwritten by a refresh.
    place: Option<(usize, Option<u32>)>,
    /// It was put somewhere at some time.
    placed: bool,
    /// It was put elsewhere since.
    moved: bool,
    /// It was made with a remark and all addresses.
    was_whole: bool,
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

    /// A person makes a record on a device that keeps so much of it; its content.
    pub(crate) fn create(&mut self, filling: usize, keeps: Keeps) -> String {
        let (record, version) = self.begin_story();
        let content = compose(self.kind, record, version, None, filling);
        let content = keeps.written(self.kind, &content);
        if let Some(story) = self.stories.get_mut(&record) {
            story.was_whole = has_remark(&content) && has_second(&content);
        }
        content
    }

    /// A person makes a folder; its content.
    pub(crate) fn create_folder(&mut self) -> String {
        let (record, version) = self.begin_story();
        compose_folder(record, version)
    }

    /// The number of a new record, and its version.
    fn begin_story(&mut self) -> (u32, u32) {
        let record = self.stories.len() as u32 + 1;
        self.last_version += 1;
        let story = Story {
            head: Some(self.last_version),
            edited: false,
            deleted: false,
            deleted_for_good: None,
            place: None,
            placed: false,
            moved: false,
            was_whole: false,
        };
        self.stories.insert(record, story);
        (record, self.last_version)
    }

    /// A person puts a record into a folder, given by its record, or to the root.
    pub(crate) fn moved(&mut self, content: &str, device: usize, folder: Option<u32>) {
        let story = read(content).and_then(|(record, _)| self.stories.get_mut(&record));
        if let Some(story) = story {
            story.moved |= story.placed;
            let is_alone = !story.placed || story.place.is_some_and(|(by, _)| by == device);
            story.place = is_alone.then_some((device, folder));
            story.placed = true;
            // it is changed there, which outlives a deletion
            story.deleted_for_good = None;
        }
    }

    /// A person edits a record on a device that keeps so much of it; its new content.
    pub(crate) fn edit(&mut self, content: &str, filling: usize, keeps: Keeps) -> Option<String> {
        let (record, versions) = read(content)?;
        let story = self.stories.get_mut(&record)?;
        self.last_version += 1;
        let knows_all = story.head.is_some_and(|head| versions.contains(&head));
        story.head = knows_all.then_some(self.last_version);
        story.edited = true;
        story.deleted_for_good = None;
        if is_folder(content) {
            return Some(compose_folder(record, self.last_version));
        }
        let version = self.last_version;
        let newer = compose(self.kind, record, version, Some(content), filling);
        // who was not given a property does not write one
        let newer = as_known(self.kind, content, newer);
        Some(keeps.written(self.kind, &newer))
    }

    /// A person deletes a record on a device. `agreed` tells that the device was in step before.
    pub(crate) fn delete(&mut self, content: &str, device: usize, agreed: bool) {
        let Some((record, versions)) = read(content) else {
            return;
        };
        if let Some(story) = self.stories.get_mut(&record) {
            let knows_all = story.head.is_some_and(|head| versions.contains(&head));
            // one that was deleted before may be on other devices as changed
            // and a folder comes back with what others put into it
            // nor may it be known here where another device has moved it
            let knows_place = !story.moved || story.place.is_some_and(|(by, _)| by == device);
            let for_good =
                agreed && knows_all && knows_place && !story.deleted && !is_folder(content);
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
            // nothing tells that where it has them is older than where another one has put them
            let is_elsewhere = story.moved && story.place.is_some_and(|(by, _)| by != device);
            if is_elsewhere && records.contains(record) {
                story.place = None;
            }
        }
    }

    /// A device compares all items that may have some of a record's properties only: nothing tells
    /// that what it holds is older than what the server holds.
    pub(crate) fn compared_in_part(&mut self, contents: &[String]) {
        for (record, versions) in contents.iter().filter_map(|content| read(content)) {
            if let Some(story) = self.stories.get_mut(&record)
                && story.head.is_some_and(|head| !versions.contains(&head))
            {
                story.head = None;
                story.edited = true;
            }
        }
    }

    /// The owner may decide what becomes of a record: whichever version stands, it must not be lost.
    pub(crate) fn contest(&mut self, content: &str) {
        let story = read(content).and_then(|(record, _)| self.stories.get_mut(&record));
        if let Some(story) = story {
            story.head = None;
            story.edited = true;
            story.deleted_for_good = None;
            story.place = None;
        }
    }

    /// The owner has a record removed.
    pub(crate) fn take_away(&mut self, content: &str) {
        let story = read(content).and_then(|(record, _)| self.stories.get_mut(&record));
        if let Some(story) = story {
            story.deleted = true;
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
            story.place = None;
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
                // two versions of a file that are compared are two files
                DatastoreKind::Files => story.edited || story.deleted,
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
            let makes_two = self.duplicates || self.kind == DatastoreKind::Files;
            if story.deleted_for_good.is_some() && !(makes_two && story.edited) {
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

    /// Checks where the server has the records, each given with the record of its folder.
    pub(crate) fn check_places(&self, places: &[(u32, Option<u32>)]) -> Result<(), Fault> {
        for (record, story) in &self.stories {
            let Some((_, folder)) = story.place else {
                continue;
            };
            // what was in a folder that went is somewhere else
            let went = |folder| {
                self.stories
                    .get(&folder)
                    .is_some_and(|f| f.deleted || f.edited)
            };
            if story.deleted || story.edited || folder.is_some_and(went) {
                continue;
            }
            if places.iter().all(|place| *place != (*record, folder)) {
                return Err(Fault::Misplaced {
                    datastore: self.kind.name(),
                    what: format!("record {record} is not in {folder:?}"),
                });
            }
        }
        Ok(())
    }

    /// Checks that records have their remarks and second addresses still, whoever edited them without.
    pub(crate) fn check_whole(&self, contents: &[String]) -> Result<(), Fault> {
        if !can_filter(self.kind) {
            return Ok(());
        }
        for content in contents {
            let is_whole = has_remark(content) && has_second(content);
            let record = read(content).map_or(0, |(record, _)| record);
            let story = self.stories.get(&record);
            // one that came back came as whoever had it had it
            if !is_whole && story.is_some_and(|story| story.was_whole && !story.deleted) {
                return Err(Fault::Reduced {
                    datastore: self.kind.name(),
                    record,
                });
            }
        }
        Ok(())
    }
}
