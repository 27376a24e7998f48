//! Where the line of a property goes, and in what group.

use super::meaning::Prop;
use super::properties::{Merge, Named};
use super::write::{self, Chosen};
use crate::line::Line;

impl Merge<'_> {
    /// Writes a property that was edited.
    pub(super) fn put(
        &mut self,
        named: &Named<'_, '_>,
        current: Option<&Prop<'_>>,
        now: &Prop<'_>,
        new: &Prop<'_>,
        kinds: bool,
        value: Chosen,
    ) {
        let Some(current) = current else {
            self.insert(named.room, new);
            return;
        };
        let mut text = write::edited(current, now, new, kinds, value, self.reader.format);
        let labels = |prop: &Prop<'_>| -> Vec<Vec<u8>> {
            let text = prop
                .labels
                .iter()
                .map(|l| l.text(self.dialect()).into_owned().into());
            text.collect()
        };
        let is_labelled_anew = kinds && labels(new) != labels(now);
        if is_labelled_anew {
            for label in &current.labels {
                self.remove_line(label);
            }
            let group = self.group_of(current.line.group(), new);
            text = self.in_group(text, group.as_deref());
            for label in &new.labels {
                text.extend(write::copy(label, group.as_deref(), self.dialect()));
            }
        } else if current.line.group().is_none() {
            text = self.in_group(text, None);
        }
        self.patch.replace(current.start(), current.end(), text);
    }

    /// The group that a property and its labels come into.
    fn group_of(&mut self, current: Option<&[u8]>, new: &Prop<'_>) -> Option<Vec<u8>> {
        if let Some(group) = current {
            return Some(group.to_vec());
        }
        let wanted = new.line.group()?.to_vec();
        let mut group = wanted;
        while !self.groups.insert(group.to_ascii_uppercase()) {
            self.last_group += 1;
            group = format!("item{}", self.last_group).into_bytes();
        }
        Some(group)
    }

    fn in_group(&self, text: Vec<u8>, group: Option<&[u8]>) -> Vec<u8> {
        match Line::parse(&text) {
            Some(line) => write::copy(&line, group, self.dialect()),
            None => text,
        }
    }

    pub(super) fn insert(&mut self, room: usize, new: &Prop<'_>) {
        let group = self.group_of(None, new);
        let mut text = write::copy(&new.line, group.as_deref(), self.dialect());
        for label in &new.labels {
            text.extend(write::copy(label, group.as_deref(), self.dialect()));
        }
        self.patch.insert(room, text);
    }

    pub(super) fn remove(&mut self, current: &Prop<'_>) {
        self.patch.remove(current.start(), current.end());
        for label in &current.labels {
            self.remove_line(label);
        }
    }

    pub(super) fn remove_line(&mut self, line: &Line<'_>) {
        let end = line.offset() + line.source().len();
        self.patch.remove(line.offset(), end);
    }
}
